"""Sessions from STS: one AssumeRole for one grant."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from core.access.credentials import Credentials, SessionRequest
from core.problems import Problem

if TYPE_CHECKING:
    from types_boto3_sts import STSClient

# Error codes of AssumeRole: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Errors
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
    "RegionDisabledException": (
        "issue_refused",
        "STS is not activated in the target's account for this Region.",
        "Tell your platform engineer to activate STS in the Region.",
    ),
    "Throttling": ("issue_throttled", "STS is throttling this account.", "Try the same grant again in a few seconds."),
}
_UNKNOWN = ("unavailable", "STS did not answer as it should.", "Try the same grant again in a few seconds.")


class Sessions:
    """Issues credentials by AssumeRole."""

    def __init__(self, client: "STSClient") -> None:
        self._client = client

    def issue(self, asked: SessionRequest) -> Credentials:
        """Credentials for one grant, expiring at the earlier of the grant's end and STS's (STS 4).

        Raises Problem issue_refused, issue_throttled, policy_too_large or unavailable (STS 8).
        """
        try:
            answer = self._client.assume_role(
                RoleArn=asked.role_arn,
                RoleSessionName=asked.name,
                ExternalId=asked.external_id,
                SourceIdentity=asked.source_identity,
                Tags=[{"Key": key, "Value": value} for key, value in asked.tags],
                Policy=asked.policy.text,
                DurationSeconds=asked.duration_seconds,
            )
        except ClientError as error:
            raise _problem(error.response["Error"]["Code"]) from error
        except BotoCoreError as error:
            raise _problem("") from error
        issued = answer["Credentials"]
        return Credentials(
            access_key_id=issued["AccessKeyId"],
            secret_access_key=issued["SecretAccessKey"],
            session_token=issued["SessionToken"],
            expires_at=min(asked.ends_at, int(issued["Expiration"].timestamp())),
        )


def _problem(code: str) -> Problem:
    return Problem(*_FAILURES.get(code.removesuffix("Exception"), _FAILURES.get(code, _UNKNOWN)))
