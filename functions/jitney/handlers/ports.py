"""The ports through which handlers reach AWS, the clock and the bundle. One table shows how each is built.

A cold start builds the ports that the handler names. Any other port is built at its first use. Tests pass fakes by
name.
"""

import gc
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from os import environ as env
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig

from jitney.adapters import clock
from jitney.adapters.aws_clients import DEFAULT_CONFIG, LARGE_OBJECTS, ONE_ATTEMPT, SHORT_TIMEOUT, TWO_ATTEMPTS
from jitney.core.access.request import ExplainedAction
from jitney.core.access.request_body import CallExplainer
from jitney.core.actions import ActionTable
from jitney.core.channel_config import SlackConfig
from jitney.core.config import Config, Target, load
from jitney.core.identity.signature import KeySource
from jitney.core.masking.generic_masker import GenericMasker
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.policy.cedar import PolicySet
from jitney.core.problems import Problem
from jitney.core.refusal_counts import RefusalCounts
from jitney.resources import ACTIONS, MASKS, OPERATIONS, PAGES

if TYPE_CHECKING:
    from jinja2 import Environment

    from jitney.adapters.approval_workflow import ApprovalWorkflow, TaskTokens
    from jitney.adapters.canary import Canary
    from jitney.adapters.delivery_streams import DeliveryStream
    from jitney.adapters.deny_list import DenyList
    from jitney.adapters.follow_ups import FollowUps
    from jitney.adapters.grant_history import GrantHistory
    from jitney.adapters.mail_sender import MailSender
    from jitney.adapters.mask_keys import MaskKeys
    from jitney.adapters.message_locations import MessageLocations
    from jitney.adapters.out_of_office import OutOfOfficeStore
    from jitney.adapters.published_records import PublishedRecords
    from jitney.adapters.role_policies import RolePolicies
    from jitney.adapters.seals import Seals
    from jitney.adapters.sessions import Sessions
    from jitney.adapters.slack_client import SlackClient
    from jitney.adapters.slack_secret import SlackSecret
    from jitney.adapters.store import Store
    from jitney.adapters.suspension_item import SuspensionStore
    from jitney.adapters.target_checks import TargetChecks
    from jitney.adapters.token_endpoint import TokenEndpoint
    from jitney.adapters.trail import Trail, TrailQueue
    from jitney.adapters.vote_history import VoteHistory
    from jitney.adapters.web_sessions import WebSessions
    from jitney.core.masking.table import MaskTable
    from jitney.core.report.cloudtrail_coverage import ImplicitActions
    from jitney.core.trail.call import ActionsOf

REVIEW_PORTS = ("config", "policies", "actions", "store", "suspensions", "out_of_office")
"""The ports of each handler that decides about reviews."""
CONFIGURATION = Path(__file__).resolve().parents[2] / "configuration.json"
"""The configuration in the bundle."""
STATE_TABLE, AUDIT_TABLE = "JITNEY_STATE_TABLE", "JITNEY_AUDIT_TABLE"


class Ports:
    """The ports of one function. The row of a port in `PORTS` builds it, unless it was `given`."""

    now: Callable[[], int]  # returns epoch seconds
    stopwatch: Callable[[], int]  # returns milliseconds, for differences only
    pause: Callable[[float], None]  # waits some seconds
    pause_up_to: Callable[[float], None]  # waits for a random time of at most some seconds
    new_id: Callable[[str], str]  # returns a fresh identifier with a prefix
    new_secret: Callable[[], str]  # returns 256 random bits as text

    config: Config
    policies: PolicySet
    actions: ActionTable
    explainer: CallExplainer
    masks: "MaskTable"
    actions_of: "ActionsOf"  # returns the IAM actions that authorize an operation
    may_need: "ImplicitActions"  # returns the further actions that a call may need
    templates: "Environment"
    target_roles: Mapping[str, str]  # the account of each target role, by the role's ARN
    target_aliases: Mapping[str, str]  # the alias of each target, by its role's ARN
    issuing_roles: Mapping[str, str]  # the functions that may assume target roles, by the unique id of their own role
    reviews_url: str  # the URL of the reviewers' pages; the page of a request is below it, by its id

    keys: KeySource
    refusals: RefusalCounts
    token_endpoint: "TokenEndpoint"
    dynamodb: Any  # the client that all adapters of the tables share, with its connections
    store: "Store"
    suspensions: "SuspensionStore"
    sessions: "Sessions"
    mask_keys: "MaskKeys"
    deny_list: "DenyList"
    role_policies: "RolePolicies"
    canary: "Canary"
    target_checks: "TargetChecks"

    approval_workflow: "ApprovalWorkflow"
    task_tokens: "TaskTokens"
    web_sessions: "WebSessions"
    vote_history: "VoteHistory"
    out_of_office: "OutOfOfficeStore"
    follow_ups: "FollowUps"
    message_locations: "MessageLocations"
    mail_sender: "MailSender | None"  # None when no mail is configured
    slack: "SlackClient"
    slack_signing_secret: "SlackSecret"

    trail: "Trail"
    trail_queue: "TrailQueue"
    grant_history: "GrantHistory"
    records_stream: "DeliveryStream"
    calls_stream: "DeliveryStream"
    published: "PublishedRecords"
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
        """Build the named ports now, because the processor time of a cold start is free."""
        for name in names:
            getattr(self, name)

    def explain_calls(self, calls: Sequence[Any], target: Target) -> tuple[ExplainedAction, ...]:
        """Return the actions that the calls of a request need on its target. Raises Problem."""
        return self.explainer(calls, target)

    def mask_request(self, owner: str) -> GenericMasker:
        """Return the masker of an owner's request text. Masking raises Problem unavailable when KMS gives no key."""
        return GenericMasker(MaskTags(lambda: self.mask_keys.of(owner)))

    def mask_comment(self, owner: str) -> GenericMasker:
        """Return the masker of comments on an owner's grants.

        Without a key from KMS, it masks without tags. So an outage prevents neither a reviewer's vote nor an operator's
        revocation.
        """
        return GenericMasker(MaskTags(lambda: self.mask_keys.key_or_none(owner)))

    @property
    def slack_settings(self) -> SlackConfig:
        """The configured workspace. Raises Problem route_not_found when Slack is not configured."""
        if self.config.slack is None:
            raise Problem("route_not_found", "Slack is not configured.", "Review on the request's page.")
        return self.config.slack


def build_ports(needs: tuple[str, ...]) -> Ports:
    """Return the ports of a function. In Lambda, build the ports that it `needs`.

    Each handler module calls this last. `jitney.handlers` turned the garbage collector off. This function turns it on
    again, without the objects of the cold start. https://docs.python.org/3/library/gc.html#gc.freeze
    """
    ports = Ports()
    if "AWS_LAMBDA_FUNCTION_NAME" in env:
        ports.build(needs)
    gc.freeze()
    gc.enable()
    return ports


def client(service: str, config: ClientConfig = DEFAULT_CONFIG, *session_keys: str) -> Any:
    """Return an AWS client with the function's own credentials, or with a session's key id, secret and token."""
    names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
    return boto3.client(service, config=config, **dict(zip(names, session_keys, strict=False)))  # type: ignore[call-overload]


def adapter(path: str, *arguments: Any, **named: Any) -> Any:
    """Import the class at `path` below `jitney.adapters` and return an instance of it.

    Importing every adapter with this module would cost POST /v1/grants 13 to 16 % of its cold start. Half of it is for
    slack_sdk.
    """
    module, _, name = path.partition(".")
    return getattr(import_module(f"jitney.adapters.{module}"), name)(*arguments, **named)


def _operations() -> Any:
    return import_module("jitney.core.calls.operations").OperationTable.load(OPERATIONS.read_bytes())


def _iam_client(*session_keys: str) -> Any:
    return client("iam", ONE_ATTEMPT, *session_keys)


def _sessions(ports: Ports) -> Any:
    shared = import_module("jitney.adapters.session_clients").shared_client("sts", ONE_ATTEMPT)
    return adapter("sessions.Sessions", client("sts"), shared, ports.now)


def _mail_sender(ports: Ports) -> Any:
    mail = ports.config.mail
    return adapter("mail_sender.MailSender", client("sesv2", TWO_ATTEMPTS), mail.sender) if mail else None


def _slack(ports: Ports) -> Any:
    settings = ports.slack_settings
    bot_token = _slack_secret(ports, settings.bot_token_arn, "BOT_TOKEN")
    return adapter("slack_client.SlackClient", bot_token, settings.api_url)


def _slack_secret(ports: Ports, arn: str, form: str) -> Any:
    module = import_module("jitney.adapters.slack_secret")
    secrets = boto3.client("secretsmanager", region_name=arn.split(":")[3], config=DEFAULT_CONFIG)
    return module.SlackSecret(secrets, arn, getattr(module, form), ports.now)


def _state(path: str) -> Callable[[Ports], Any]:
    return lambda ports: adapter(path, ports.dynamodb, env[STATE_TABLE])


def _audit(path: str) -> Callable[[Ports], Any]:
    return lambda ports: adapter(path, ports.dynamodb, env[AUDIT_TABLE])


def _stream(name: str) -> Any:
    return adapter("delivery_streams.DeliveryStream", client("firehose"), env[name])


PORTS: Mapping[str, Callable[[Ports], Any]] = {
    "now": lambda _: clock.now,
    "stopwatch": lambda _: clock.monotonic_milliseconds,
    "pause": lambda _: clock.pause,
    "pause_up_to": lambda _: clock.pause_up_to,
    "new_id": lambda _: clock.new_id,
    "new_secret": lambda _: clock.new_secret,
    "config": lambda _: load(CONFIGURATION.read_text(encoding="utf-8")),
    "policies": lambda ports: PolicySet.load(ports.config.policies),
    "actions": lambda _: ActionTable.load(ACTIONS.read_bytes()),
    "explainer": lambda _: import_module("jitney.core.calls.explainer").explainer(_operations()),
    "masks": lambda _: import_module("jitney.core.masking.table").MaskTable.load(MASKS.read_bytes()),
    "actions_of": lambda ports: import_module("jitney.core.trail.actions").actions_of(_operations(), ports.masks),
    "may_need": lambda ports: import_module("jitney.core.report.cloudtrail_coverage").implicit_actions(
        _operations(), ports.masks.operations_of_event
    ),
    "templates": lambda _: import_module("jitney.handlers.templates").environment(PAGES),
    "target_roles": lambda ports: {each.role_arn: each.account for each in ports.config.targets.values()},
    "target_aliases": lambda ports: {each.role_arn: alias for alias, each in ports.config.targets.items()},
    "issuing_roles": lambda _: dict(pair.split("=") for pair in env["JITNEY_ISSUING_ROLES"].split(",")),
    "reviews_url": lambda _: env["JITNEY_REVIEWS_URL"],
    "keys": lambda ports: adapter("issuer_keys.IssuerKeys", local=ports.config.local),
    "refusals": lambda _: RefusalCounts(),
    "token_endpoint": lambda ports: adapter("token_endpoint.TokenEndpoint", local=ports.config.local),
    "dynamodb": lambda _: client("dynamodb"),
    "store": lambda ports: adapter("store.Store", ports.dynamodb, env[STATE_TABLE], env[AUDIT_TABLE]),
    "suspensions": _state("suspension_item.SuspensionStore"),
    "sessions": _sessions,
    "mask_keys": lambda _: adapter("mask_keys.MaskKeys", lambda: client("kms", SHORT_TIMEOUT), env["JITNEY_MASK_KEY"]),
    "deny_list": _state("deny_list.DenyList"),
    "role_policies": lambda _: adapter("role_policies.RolePolicies", client("sts"), _iam_client),
    "canary": lambda _: adapter("canary.Canary", lambda *keys: client("sts", ONE_ATTEMPT, *keys)),
    "target_checks": lambda _: adapter("target_checks.TargetChecks", client("sts"), _iam_client),
    "approval_workflow": lambda ports: adapter(
        "approval_workflow.ApprovalWorkflow", client("stepfunctions"), env["JITNEY_APPROVAL_ARN"], ports.task_tokens
    ),
    "task_tokens": _state("approval_workflow.TaskTokens"),
    "web_sessions": _state("web_sessions.WebSessions"),
    "vote_history": _state("vote_history.VoteHistory"),
    "out_of_office": _state("out_of_office.OutOfOfficeStore"),
    "follow_ups": _state("follow_ups.FollowUps"),
    "message_locations": _state("message_locations.MessageLocations"),
    "mail_sender": _mail_sender,
    "slack": _slack,
    "slack_signing_secret": lambda ports: _slack_secret(
        ports, ports.slack_settings.signing_secret_arn, "SIGNING_SECRET"
    ),
    "trail": _audit("trail.Trail"),
    "trail_queue": lambda ports: adapter("trail.TrailQueue", client("sqs"), env["JITNEY_TRAIL_QUEUE"], ports.now),
    "grant_history": _audit("grant_history.GrantHistory"),
    "records_stream": lambda _: _stream("JITNEY_RECORDS_STREAM"),
    "calls_stream": lambda _: _stream("JITNEY_CALLS_STREAM"),
    "published": lambda _: adapter(
        "published_records.PublishedRecords", client("s3", LARGE_OBJECTS), env["JITNEY_RECORDS_BUCKET"]
    ),
    "seals": lambda _: adapter(
        "seals.Seals",
        client("s3", LARGE_OBJECTS),
        client("kms"),
        env["JITNEY_SEALS_BUCKET"],
        env["JITNEY_SEAL_KEY_ARN"],
    ),
}
