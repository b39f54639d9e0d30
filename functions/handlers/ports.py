"""The ports that handlers reach the world through, each built from the function's environment when first used.

A handler names the ports that it needs, and a cold start imports and builds just those. Tests hand in fakes of the same
shape.
"""

import gc
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from adapters import clock
from adapters.calls import CLIENT, ONE_ATTEMPT, QUICK
from core.access.parse import Explain
from core.access.request import Explained
from core.actions import Actions
from core.config import Config, Target, load
from core.config import Slack as SlackConfig
from core.identity.verify import KeySource
from core.masking.mask import Mask
from core.masking.tags import Tags
from core.policy.cedar import PolicySet
from core.problems import Problem
from core.refusals import Refusals

if TYPE_CHECKING:
    from jinja2 import Environment
    from types_boto3_iam import IAMClient

    from adapters.absences import Absences
    from adapters.canary import Canary
    from adapters.cast_votes import CastVotes
    from adapters.deny_list import DenyList
    from adapters.mask_keys import MaskKeys
    from adapters.records import RecordsStream
    from adapters.reviews import Reviews, TaskTokens
    from adapters.role_policies import RolePolicies
    from adapters.sessions import Sessions
    from adapters.slack_messages import Slack
    from adapters.slack_secret import SlackSecret
    from adapters.store import Store
    from adapters.target_checks import TargetChecks
    from adapters.token_endpoint import TokenEndpoint
    from adapters.web_sessions import WebSessions

ROOT = Path(__file__).resolve().parent.parent


class Ports:
    """Everything that a handler may need; a port that is given by name is used instead of being built."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    def build(self, names: tuple[str, ...]) -> None:
        """Build the named ports now, while a cold start's processor time is free, rather than in the first request."""
        for name in names:
            getattr(self, name)

    @cached_property
    def now(self) -> Callable[[], int]:
        """Epoch seconds."""
        return clock.now

    @cached_property
    def new_id(self) -> Callable[[str], str]:
        """A fresh identifier with a prefix."""
        return clock.new_id

    @cached_property
    def new_secret(self) -> Callable[[], str]:
        """256 random bits as text."""
        return clock.new_secret

    @cached_property
    def config(self) -> Config:
        """The configuration in the bundle."""
        return load((ROOT / "configuration.json").read_text(encoding="utf-8"))

    @cached_property
    def policies(self) -> PolicySet:
        """The configured policies, parsed and validated."""
        return PolicySet.load(self.config.policies)

    @cached_property
    def actions(self) -> Actions:
        """The action table in the bundle."""
        return Actions.load((ROOT / "core" / "actions.bin").read_bytes())

    @cached_property
    def explainer(self) -> Explain:
        """What explains calls: its code and table are read when the first request with calls comes."""
        from core.calls.ask import explainer
        from core.calls.table import Operations

        return explainer(Operations.load((ROOT / "core" / "operations.bin").read_bytes()))

    def explain_calls(self, calls: Sequence[Any], target: Target) -> tuple[Explained, ...]:
        """What the calls of a request need on its target. Raises Problem."""
        return self.explainer(calls, target)

    @cached_property
    def keys(self) -> KeySource:
        """The issuers' keys."""
        from adapters.keys import HttpKeys

        return HttpKeys(local=self.config.local)

    @cached_property
    def refusals(self) -> Refusals:
        """The counts of callers that this process refused."""
        return Refusals()

    @cached_property
    def store(self) -> "Store":
        """The state and audit tables."""
        from adapters.store import Store

        client = boto3.client("dynamodb", config=CLIENT)
        return Store(client, os.environ["JITNEY_STATE_TABLE"], os.environ["JITNEY_AUDIT_TABLE"])

    @cached_property
    def sessions(self) -> "Sessions":
        """STS."""
        from adapters.lent_keys import lending
        from adapters.sessions import Sessions

        return Sessions(boto3.client("sts", config=CLIENT), lending("sts", ONE_ATTEMPT), self.now)

    @cached_property
    def mask_keys(self) -> "MaskKeys":
        """The keys of masks' tags: nothing is built or asked before there is something to mask."""
        from adapters.mask_keys import MaskKeys

        return MaskKeys(lambda: boto3.client("kms", config=QUICK), os.environ["JITNEY_MASK_KEY"])

    def mask_asked(self, owner: str) -> Mask:
        """Masks what the owner of grants asks for. Masking raises Problem unavailable where there is no tag."""
        return Mask(Tags(lambda: self.mask_keys.of(owner)))

    def mask_said(self, owner: str) -> Mask:
        """Masks what people write about an owner's grants, without tags where there are none.

        Nothing shall keep a reviewer from voting, or an operator from taking a grant back.
        """
        return Mask(Tags(lambda: self.mask_keys.of_or_none(owner)))

    @cached_property
    def stopwatch(self) -> Callable[[], int]:
        """Milliseconds, for differences only."""
        return clock.milliseconds

    @cached_property
    def pause(self) -> Callable[[float], None]:
        """Waits some seconds."""
        return clock.pause

    @cached_property
    def deny_list(self) -> "DenyList":
        """The deny lists in the state table."""
        from adapters.deny_list import DenyList

        return DenyList(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def role_policies(self) -> "RolePolicies":
        """The deny documents in IAM of the targets' accounts."""
        from adapters.role_policies import RolePolicies

        sts = boto3.client("sts", config=CLIENT)
        return RolePolicies(sts, _iam_client)

    @cached_property
    def canary(self) -> "Canary":
        """The call that shows whether a session is denied."""
        from adapters.canary import Canary

        return Canary(_sts_client)

    @cached_property
    def target_checks(self) -> "TargetChecks":
        """STS, and IAM of the targets' accounts, for checks."""
        from adapters.target_checks import TargetChecks

        return TargetChecks(boto3.client("sts", config=CLIENT), _iam_client)

    @cached_property
    def reviews(self) -> "Reviews":
        """The approval workflow."""
        from adapters.reviews import Reviews

        client = boto3.client("stepfunctions", config=CLIENT)
        return Reviews(client, os.environ["JITNEY_APPROVAL_ARN"], self.task_tokens)

    @cached_property
    def task_tokens(self) -> "TaskTokens":
        """The tokens by which approval workflows wait."""
        from adapters.reviews import TaskTokens

        return TaskTokens(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def web_sessions(self) -> "WebSessions":
        """The sessions of the reviewers' pages."""
        from adapters.web_sessions import WebSessions

        return WebSessions(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def cast_votes(self) -> "CastVotes":
        """What reviewers voted on."""
        from adapters.cast_votes import CastVotes

        return CastVotes(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def absences(self) -> "Absences":
        """Who is away, and who stands in."""
        from adapters.absences import Absences

        return Absences(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def token_endpoint(self) -> "TokenEndpoint":
        """The identity provider that people sign in with."""
        from adapters.token_endpoint import TokenEndpoint

        return TokenEndpoint(local=self.config.local)

    @cached_property
    def reviews_url(self) -> str:
        """Where the reviewers' pages are, for links: a request's is below it, by its id."""
        return os.environ["JITNEY_REVIEWS_URL"]

    @cached_property
    def slack_secret(self) -> "SlackSecret":
        """The Slack app's tokens. Raises Problem route_not_found where there is no Slack."""
        from adapters.slack_secret import SlackSecret

        slack = self.slack_settings
        region = slack.secret.split(":")[3]
        return SlackSecret(boto3.client("secretsmanager", region_name=region, config=CLIENT), slack.secret, self.now)

    @cached_property
    def slack(self) -> "Slack":
        """Slack's Web API. Raises Problem route_not_found where there is no Slack."""
        from adapters.slack_messages import Slack

        return Slack(self.slack_secret, self.slack_settings.api_url)

    @property
    def slack_settings(self) -> SlackConfig:
        """The configured workspace. Raises Problem route_not_found where there is no Slack."""
        if self.config.slack is None:
            raise Problem("route_not_found", "There is no Slack here.", "Review on the request's page.")
        return self.config.slack

    @cached_property
    def templates(self) -> "Environment":
        """The pages' templates in the bundle."""
        from handlers.rendering import environment

        return environment(ROOT / "pages")

    @cached_property
    def records_stream(self) -> "RecordsStream":
        """The delivery stream of audit records."""
        from adapters.records import RecordsStream

        return RecordsStream(boto3.client("firehose", config=CLIENT), os.environ["JITNEY_RECORDS_STREAM"])


def ready(needs: tuple[str, ...]) -> Ports:
    """The ports of a function, at the end of its module: in AWS with those that it `needs` built.

    Ends what `handlers` began: garbage is collected again from here on, but not among what the cold start made.
    https://docs.python.org/3/library/gc.html#gc.freeze
    """
    ports = Ports()
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        ports.build(needs)
    gc.freeze()
    gc.enable()
    return ports


def _iam_client(key_id: str, secret: str, token: str) -> "IAMClient":
    return boto3.client(
        "iam",
        config=ONE_ATTEMPT,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


def _sts_client(key_id: str, secret: str, token: str) -> Any:
    return boto3.client(
        "sts",
        config=ONE_ATTEMPT,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )
