"""Sessions from STS: one AssumeRole for one grant, and for one that ends before STS's sessions do, a second call."""

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from jitney.core.access.credentials import Credentials, SessionRequest
from jitney.core.access.session_policy import SessionPolicy
from jitney.core.problems import Problem

if TYPE_CHECKING:
    from typing import Protocol

    from types_boto3_sts import STSClient

    from jitney.adapters.session_clients import SessionClient

    class ScopingClient(Protocol):
        """An STS client of one session. The published stubs do not know the operation yet."""

        def get_scoped_credentials(self, *, Policy: str, DurationSeconds: int) -> dict[str, Any]:  # noqa: N803
            """See the STS API Reference, GetScopedCredentials."""


# Error codes of AssumeRole, some of which end in Exception: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Errors
_FAILURES: Mapping[str, tuple[str, str, str]] = {
    "AccessDenied": (
        "issue_refused",
        "The target's role does not let Jitney assume it.",
        "Tell your platform engineer: the trust policy or the external id of the target does not fit.",
    ),
    "PackedPolicyTooLarge": (
        "policy_too_large",
        "The session policy and tags are too large once packed by STS.",
        "Ask for fewer actions or resources, or split the request: one request for each part.",
    ),
    "MalformedPolicyDocument": (
        "issue_refused",
        "STS does not accept the session policy of these permissions.",
        "Check the action names and ARNs against the AWS service authorization reference.",
    ),
    "RegionDisabled": (
        "issue_refused",
        "STS is not activated in the target's account for this Region.",
        "Tell your platform engineer to activate STS in the Region.",
    ),
    "Throttling": ("issue_throttled", "STS is throttling this account.", "Try the same grant again in a few seconds."),
}
_UNKNOWN = ("unavailable", "STS did not answer as it should.", "Try the same grant again in a few seconds.")

# The codes by which STS, or a policy in front of it, says that there is no GetScopedCredentials to be had: an older
# Region or endpoint, or a target whose role or service control policy does not allow it.
_NOT_OFFERED = frozenset({"AccessDenied", "InvalidAction", "UnknownOperation", "NotImplemented"})
SCOPING_UNAVAILABLE_SECONDS = 900
"""How long a role's answer that it offers no scoping is believed; each request would pay for asking again."""

_log = logging.getLogger(__name__)


class Sessions:
    """Issues credentials. `lend` is a client to sign with a session's own keys; `now` the clock, in epoch seconds."""

    def __init__(self, client: "STSClient", lend: "SessionClient[ScopingClient]", now: Callable[[], int]) -> None:
        self._client = client
        self._lend = lend
        self._now = now
        self._not_offered: dict[str, int] = {}  # role ARN: until when that is believed

    def issue(self, asked: SessionRequest) -> Credentials:
        """Credentials for one grant, expiring at the earlier of the grant's end and STS's (STS 4).

        They are of a session under `asked.policy` alone, whatever fails: where STS does not scope a session down, a
        plain session is made anew, which IAM ends by the Deny in its policy. The session that may be scoped down is
        never handed out. Raises Problem issue_refused, issue_throttled, policy_too_large or unavailable (STS 8).
        """
        try:
            issued = self._scoped(asked) or self._assumed(asked, asked.policy)
        except ClientError as error:
            raise _problem(_code(error)) from error
        except BotoCoreError as error:
            raise _problem("") from error
        return Credentials(
            access_key_id=issued["AccessKeyId"],
            secret_access_key=issued["SecretAccessKey"],
            session_token=issued["SessionToken"],
            expires_at=min(asked.ends_at, int(issued["Expiration"].timestamp())),
        )

    def _assumed(self, asked: SessionRequest, policy: SessionPolicy) -> Mapping[str, Any]:
        answer = self._client.assume_role(
            RoleArn=asked.role_arn,
            RoleSessionName=asked.name,
            ExternalId=asked.external_id,
            SourceIdentity=asked.source_identity,
            Tags=[{"Key": key, "Value": value} for key, value in asked.tags],
            Policy=policy.text,
            DurationSeconds=asked.duration_seconds,
        )
        return answer["Credentials"]

    def _scoped(self, asked: SessionRequest) -> Mapping[str, Any] | None:
        """Credentials that STS itself ends with the grant; None where there is no need or STS says no.

        Raises ClientError when the role cannot be assumed at all, BotoCoreError when STS does not answer.
        """
        if asked.scopable is None or self._now() < self._not_offered.get(asked.role_arn, 0):
            return None
        try:
            between = self._assumed(asked, asked.scopable)
        except ClientError as error:
            if _code(error) != "PackedPolicyTooLarge":  # which the shorter policy may not be
                raise
            return None
        left = asked.ends_at - self._now()
        if left < 1:
            return None
        with self._lend(between["AccessKeyId"], between["SecretAccessKey"], between["SessionToken"]) as client:
            try:
                scoped = client.get_scoped_credentials(Policy=asked.policy.text, DurationSeconds=left)
            except ClientError as error:
                self._remember(asked.role_arn, _code(error))
                return None
        issued: Mapping[str, Any] = scoped["Credentials"]
        return issued

    def _remember(self, role_arn: str, code: str) -> None:
        _log.warning("STS does not scope sessions of %s down: %s. IAM alone ends them.", role_arn, code)
        if code in _NOT_OFFERED:
            self._not_offered[role_arn] = self._now() + SCOPING_UNAVAILABLE_SECONDS


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"].removesuffix("Exception")


def _problem(code: str) -> Problem:
    return Problem(*_FAILURES.get(code, _UNKNOWN))
