"""The canary: one harmless call with a session of an ended grant. It shows whether IAM denies the grant yet."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from jitney.adapters.aws_clients import NO_ANSWER
from jitney.core.access.credentials import Credentials
from jitney.core.access.denial_reasons import role_policy_denied

if TYPE_CHECKING:
    from types_boto3_sts import STSClient

_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})


class Canary:
    """Calls sts:GetAccessKeyInfo. The call returns an account number and changes nothing. Policies can deny it.

    No policy can deny sts:GetCallerIdentity.
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html
    """

    def __init__(self, client_of: Callable[[str, str, str, str], "STSClient"]) -> None:
        self._client_of = client_of

    def denial_check(self, credentials: Credentials, region: str) -> Callable[[], bool]:
        """Return a function that calls STS in `region` with these credentials.

        It returns True when a policy of the role denied the call, such as the deny document. Otherwise False, because a
        denial by another policy says nothing about the grant.
        """
        keys = credentials.access_key_id, credentials.secret_access_key, credentials.session_token
        client = self._client_of(region, *keys)

        def denied() -> bool:
            try:
                client.get_access_key_info(AccessKeyId=credentials.access_key_id)
            except ClientError as error:
                given = error.response["Error"]
                return given["Code"] in _DENIED and role_policy_denied(given.get("Message", ""))
            except NO_ANSWER:
                return False
            return False

        return denied
