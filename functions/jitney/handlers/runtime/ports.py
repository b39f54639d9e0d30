"""The ports through which handlers reach AWS, the clock and the bundle.

`handlers.runtime.building` shows how each is built. A cold start builds the ports that the handler names. Other ports
are built at their first use. Tests pass fakes by name.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from os import environ as env
from typing import TYPE_CHECKING, Any

from jitney.core.access.request import ExplainedAction
from jitney.core.access.request_body import MAX_REASON, CallExplainer
from jitney.core.actions import ActionTable
from jitney.core.channel_config import SlackConfig
from jitney.core.config import Config
from jitney.core.identity.signature import KeySource
from jitney.core.masking.generic_masker import GenericMasker
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.policy.cedar import PolicySet
from jitney.core.problems import Problem
from jitney.core.records.refusal_counts import RefusalCounts
from jitney.core.review.safe_text import cut
from jitney.core.target_config import Target
from jitney.handlers.runtime.building import PORTS

if TYPE_CHECKING:
    from jinja2 import Environment

    from jitney.adapters.approval_workflow import ApprovalWorkflow, TaskAnswers, TaskTokens
    from jitney.adapters.aws_calls import AwsCalls
    from jitney.adapters.call_store import CallStore
    from jitney.adapters.canary import Canary
    from jitney.adapters.delivery_streams import DeliveryStream
    from jitney.adapters.deny_list import DenyList
    from jitney.adapters.follow_ups import FollowUps
    from jitney.adapters.grant_history import GrantHistory
    from jitney.adapters.mail_sender import MailSender
    from jitney.adapters.mask_keys import MaskKeys
    from jitney.adapters.measurement_starts import MeasurementStarts
    from jitney.adapters.message_locations import MessageLocations
    from jitney.adapters.out_of_office import OutOfOfficeStore
    from jitney.adapters.published_records import PublishedRecords
    from jitney.adapters.role_policies import RolePolicies
    from jitney.adapters.seals import SealReader, Seals
    from jitney.adapters.sent_messages import SentMessages
    from jitney.adapters.sessions import Sessions
    from jitney.adapters.slack_client import SlackClient
    from jitney.adapters.slack_secret import SlackSecret
    from jitney.adapters.store import Store
    from jitney.adapters.suspension_item import SuspensionStore
    from jitney.adapters.target_checks import TargetChecks
    from jitney.adapters.token_endpoint import TokenEndpoint
    from jitney.adapters.trail import Trail, TrailQueue
    from jitney.adapters.trail_heartbeat import TrailHeartbeat
    from jitney.adapters.trail_watch import TrailWatches
    from jitney.adapters.vote_history import VoteHistory
    from jitney.adapters.web_sessions import WebSessions
    from jitney.core.gateway.answer_masking import AnswerMasker
    from jitney.core.masking.table import MaskTable
    from jitney.core.policy.shadow import ShadowPolicies
    from jitney.core.report.cloudtrail_coverage import ImplicitActions
    from jitney.core.trail.beyond_grant import ScopeComparison
    from jitney.handlers.gateway.call_sessions import ReadSessions

REVIEW_PORTS = ("config", "policies", "actions", "store", "suspensions", "out_of_office")
"""The ports of each handler that decides about reviews."""


class Ports:
    """The ports of one function. The row of a port in `PORTS` builds it, unless it was `given`."""

    now: Callable[[], int]  # returns epoch seconds
    now_milliseconds: Callable[[], int]  # returns epoch milliseconds
    stopwatch: Callable[[], int]  # returns milliseconds, for differences only
    pause: Callable[[float], None]  # waits some seconds
    pause_up_to: Callable[[float], None]  # waits for a random time of at most some seconds
    random_below: Callable[[int], int]  # returns a random number from 0 on
    new_id: Callable[[str], str]  # returns a fresh identifier with a prefix
    new_secret: Callable[[], str]  # returns 256 random bits as text

    config: Config
    policies: PolicySet
    shadow_policies: "ShadowPolicies | None"  # None when no shadow is configured
    actions: ActionTable
    explainer: CallExplainer
    masks: "MaskTable"
    grant_scope: "ScopeComparison"  # the actions that authorize a call, and whether a grant has them
    sealed_roles: frozenset[str]  # the roles of the targets that are sealed
    may_need: "ImplicitActions"  # returns the further actions that a call may need
    templates: "Environment"
    target_roles: Mapping[str, str]  # the account of each target role, by the role's ARN
    target_aliases: Mapping[str, str]  # the alias of each target, by its roles' ARNs
    revokers: Mapping[str, str]  # the alias of each target, by the ARN of its revoker role
    issuing_roles: Mapping[str, str]  # the functions that may assume target roles, by the unique id of their own role
    reviews_url: str  # the URL of the reviewers' pages; the page of a request is below it, by its id

    keys: KeySource
    refusals: RefusalCounts
    token_endpoint: "TokenEndpoint"
    dynamodb: Any  # the client that all adapters of the tables share, with its connections
    store: "Store"
    call_store: "CallStore"
    suspensions: "SuspensionStore"
    sessions: "Sessions"
    aws_calls: "AwsCalls"
    answer_masker: "AnswerMasker"
    read_sessions: "ReadSessions"
    mask_keys: "MaskKeys"
    deny_list: "DenyList"
    role_policies: "RolePolicies"
    trail_heartbeat: "TrailHeartbeat"
    trail_watches: "TrailWatches"
    canary: "Canary"
    measurement_starts: "MeasurementStarts"
    target_checks: "TargetChecks"

    approval_workflow: "ApprovalWorkflow"
    task_tokens: "TaskTokens"
    task_answers: "TaskAnswers"
    web_sessions: "WebSessions"
    vote_history: "VoteHistory"
    out_of_office: "OutOfOfficeStore"
    follow_ups: "FollowUps"
    message_locations: "MessageLocations"
    sent_messages: "SentMessages"
    mail_sender: "MailSender | None"  # None when no mail is configured
    slack: "SlackClient"
    slack_signing_secret: "SlackSecret"

    trail: "Trail"
    trail_queue: "TrailQueue"
    grant_history: "GrantHistory"
    records_stream: "DeliveryStream"
    calls_stream: "DeliveryStream"
    published: "PublishedRecords"
    seal_reader: "SealReader"
    seals: "Seals"

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    if not TYPE_CHECKING:  # a type checker must not take an unknown name for a port

        def __getattr__(self, name: str) -> Any:
            """Build the port `name` when it is first used."""
            if name not in PORTS:
                raise AttributeError(name)
            return self.__dict__.setdefault(name, PORTS[name](self))

    def build(self, names: tuple[str, ...]) -> None:
        """Build the named ports now, because Lambda gives a cold start more processor time than an event."""
        for name in names:
            getattr(self, name)

    def explain_calls(self, calls: Sequence[Any], target: Target) -> tuple[ExplainedAction, ...]:
        """Return the actions that the calls of a request need on its target. Raises Problem."""
        return self.explainer(calls, target)

    def mask_request(self, owner: str) -> GenericMasker:
        """Return the masker of an owner's request text. Masking raises Problem unavailable if KMS returns no key."""
        return GenericMasker(MaskTags(lambda: self.mask_keys.of(owner)))

    def masked_comment(self, text: str, owner: str) -> MaskedComment:
        """Return a person's or agent's comment on an owner's grant, masked and cut.

        Without a key from KMS, it is masked without tags. So an outage prevents neither a reviewer's vote nor an
        operator's revocation.
        """
        mask = GenericMasker(MaskTags(lambda: self.mask_keys.key_or_none(owner)))
        return MaskedComment(cut(mask.text(text), MAX_REASON))

    @property
    def scheme(self) -> str:
        """The scheme of the API's own addresses. Only a local system uses HTTP without TLS."""
        return "http" if self.config.local else "https"

    @property
    def slack_settings(self) -> SlackConfig:
        """The configured workspace. Raises Problem route_not_found when Slack is not configured."""
        if self.config.slack is None:
            raise Problem("route_not_found", "Slack is not configured.", "Review on the request's page.")
        return self.config.slack


def build_ports(needs: tuple[str, ...]) -> Ports:
    """Return the ports of a function. In Lambda, build the ports that it `needs`.

    Each handler module calls this last. `jitney.handlers` turned the garbage collector off. This function turns it on
    again, and excludes the objects of the cold start. https://docs.python.org/3/library/gc.html#gc.freeze
    """
    ports = Ports()
    if "AWS_LAMBDA_FUNCTION_NAME" in env:
        ports.build(needs)
    gc.freeze()
    gc.enable()
    return ports
