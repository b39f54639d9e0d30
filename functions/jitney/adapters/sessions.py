"""Sessions from STS: one AssumeRole for each grant.

A grant that is shorter than STS's shortest session needs a second call.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from jitney.adapters.aws_clients import NO_ANSWER
from jitney.core.access.credentials import Credentials, SessionRequest
from jitney.core.access.denial_reasons import organization_denial
from jitney.core.access.session_policy import SessionPolicy, packed_too_large
from jitney.core.problems import Problem

if TYPE_CHECKING:
    from typing import Protocol

    from types_boto3_sts import STSClient
    from types_boto3_sts.type_defs import AssumeRoleRequestTypeDef

    from jitney.adapters.session_clients import SessionClient

    class ScopingClient(Protocol):
        """The STS client of one session. The published stubs do not have this operation yet."""

        def get_scoped_credentials(self, *, Policy: str, DurationSeconds: int) -> dict[str, Any]:  # noqa: N803
            """See the STS API Reference, GetScopedCredentials."""


# Error codes of AssumeRole; some end in Exception: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Errors
_FAILURES: Mapping[str, tuple[str, str, str]] = {
    "AccessDenied": (
        "issue_refused",
        "The target's role does not let Jitney assume it: its trust policy or external id may be wrong.",
        "Try again in a minute, with the same grant. If it fails again, ask your platform engineer.",
    ),
    "MalformedPolicyDocument": (
        "issue_refused",
        "STS does not accept the session policy of these permissions.",
        "Check the action names and ARNs against the AWS service authorization reference.",
    ),
    "RegionDisabled": (
        "issue_refused",
        "STS is not activated in the target's account for this Region.",
        "Ask your platform engineer to activate STS in the Region.",
    ),
    "Throttling": (
        "issue_throttled",
        "STS is throttling this account.",
        "Try again in a few seconds, with the same grant.",
    ),
}
# What AssumeRole may answer when a managed session policy does not exist. AWS documents no code for that. The other
# parameters are checked before the call, so they do not cause these codes.
_MANAGED_POLICY_REFUSED = frozenset(
    {"InvalidParameterValue", "MalformedPolicyDocument", "NoSuchEntity", "ValidationError"}
)
_ASK_TO_ALLOW = "Ask your platform engineer to allow the action in that policy, and try again with the same grant."
_UNKNOWN = ("unavailable", "STS did not answer as it should.", "Try again in a few seconds, with the same grant.")

# The error codes when GetScopedCredentials is not available: in an older Region or endpoint, or because the target's
# role or a service control policy does not allow it.
_NOT_OFFERED = frozenset({"AccessDenied", "InvalidAction", "UnknownOperation", "NotImplemented"})
SCOPING_UNAVAILABLE_SECONDS = 900
"""How long to remember that a role does not allow scoping. So most requests need no extra call."""

_DENIED, _TOO_LARGE = "AccessDenied", "PackedPolicyTooLarge"
_PERCENT = re.compile(r"\b(\d{1,6})\s?%", re.ASCII)

_log = logging.getLogger(__name__)


class Sessions:
    """Issues credentials. `lend` lends a client that signs with a session's keys. `now` returns epoch seconds."""

    def __init__(self, client: "STSClient", lend: "SessionClient[ScopingClient]", now: Callable[[], int]) -> None:
        self._client = client
        self._lend = lend
        self._now = now
        self._not_offered: dict[str, int] = {}  # until when, by role ARN

    def issue(self, request: SessionRequest) -> Credentials:
        """Return credentials for one grant. They expire when the grant ends or the STS session ends (STS 4).

        Their session is limited to `request.policy`. If STS cannot scope a session down, a plain session is issued. The
        Deny statement in its policy ends it. The session that STS scopes down never leaves this class. Raises Problem
        issue_refused, issue_throttled, policy_too_large or unavailable (STS 8).
        """
        with _problems_of(request):
            issued = self._scoped(request) or self._assumed(request, request.policy)["Credentials"]
        return Credentials(
            access_key_id=issued["AccessKeyId"],
            secret_access_key=issued["SecretAccessKey"],
            session_token=issued["SessionToken"],
            expires_at=min(request.ends_at, int(issued["Expiration"].timestamp())),
        )

    def packed_size(self, request: SessionRequest) -> int | None:
        """Return the packed size of the policy and tags of `request`, in percent of STS's limit (STS 10).

        None if STS accepts them without naming the size. Starts a session of the role and drops its credentials. Raises
        the problems of `issue`.
        """
        with _problems_of(request):
            percent: int | None = self._assumed(request, request.policy).get("PackedPolicySize")
            return percent

    def _assumed(self, request: SessionRequest, policy: SessionPolicy) -> Any:
        assume: AssumeRoleRequestTypeDef = {
            "RoleArn": request.role_arn,
            "RoleSessionName": request.name,
            "ExternalId": request.external_id,
            "SourceIdentity": request.source_identity,
            "Tags": [{"Key": key, "Value": value} for key, value in request.tags],
            "Policy": policy.text,
            "DurationSeconds": request.duration_seconds,
        }
        if policy.managed_arns:
            assume["PolicyArns"] = [{"arn": arn} for arn in policy.managed_arns]
        return self._client.assume_role(**assume)

    def _scoped(self, request: SessionRequest) -> Mapping[str, Any] | None:
        """Return credentials that STS itself ends with the grant. Return None if they are not needed or not available.

        Raises ClientError when the role cannot be assumed, and `NO_ANSWER` when STS does not answer.
        """
        if request.scopable is None or self._now() < self._not_offered.get(request.role_arn, 0):
            return None
        try:
            unscoped = self._assumed(request, request.scopable)["Credentials"]
        except ClientError as error:
            if _code(error) != _TOO_LARGE:  # the shorter policy may fit
                raise
            return None
        seconds = request.ends_at - self._now()
        if seconds < 1:
            return None
        with self._lend(unscoped["AccessKeyId"], unscoped["SecretAccessKey"], unscoped["SessionToken"]) as client:
            try:
                scoped = client.get_scoped_credentials(Policy=request.policy.text, DurationSeconds=seconds)
            except ClientError as error:
                self._remember(request.role_arn, _code(error))
                return None
        issued: Mapping[str, Any] = scoped["Credentials"]
        return issued

    def _remember(self, role_arn: str, code: str) -> None:
        # Their Deny statement alone ends these sessions.
        _log.info("sessions not scoped", extra={"role": role_arn, "aws_code": code})
        if code in _NOT_OFFERED:
            self._not_offered[role_arn] = self._now() + SCOPING_UNAVAILABLE_SECONDS


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"].removesuffix("Exception")


@contextmanager
def _problems_of(request: SessionRequest) -> Iterator[None]:
    """Raise the Problem for a failure of STS inside the block."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code == _TOO_LARGE:
            raise packed_too_large(request.policy, _percent(error)) from error
        _log_refused(request, code)
        if request.policy.managed_arns and code in _MANAGED_POLICY_REFUSED:
            raise _profile_missing(request.policy.managed_arns) from error
        # Other messages may repeat the agent's own text, such as an ARN.
        denial = organization_denial(error.response["Error"].get("Message", "")) if code == _DENIED else ""
        if denial:
            raise Problem("issue_refused", f"{denial}, so AWS refused the session.", _ASK_TO_ALLOW) from error
        raise Problem(*_FAILURES.get(code, _UNKNOWN)) from error
    except NO_ANSWER as error:
        _log_refused(request, type(error).__name__)
        raise Problem(*_UNKNOWN) from error


def _log_refused(request: SessionRequest, aws_code: str) -> None:
    """Log which role refused a session, and AWS's own code or the name of a network error."""
    _log.warning("session refused", extra={"role": request.role_arn, "aws_code": aws_code})


def _percent(error: ClientError) -> int | None:
    """Return the packed size that STS names in its message, or None."""
    found = _PERCENT.search(error.response["Error"].get("Message", ""))
    return int(found[1]) if found else None


def _profile_missing(managed_arns: Sequence[str]) -> Problem:
    detail = f"STS does not accept the managed policy {managed_arns[0]} of the access profile."
    fix = "Ask your platform engineer to deploy the target's stack, and then make the same request."
    return Problem("access_profile_missing", detail, fix, {"policy_arn": managed_arns[0]})
