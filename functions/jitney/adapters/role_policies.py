"""The deny document in IAM: an inline policy of a target role. A role of the target's own account writes it."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from jitney.adapters.aws_clients import NO_ANSWER, answered_by_other, may_pass, unavailable
from jitney.core.access.denial_reasons import organization_denial
from jitney.core.access.deny_document import DENY_POLICY_NAME
from jitney.core.target_config import Target, TargetRole

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient
    from types_boto3_sts import STSClient

SESSION_NAME = "deny-document"
SESSION_SECONDS = 900
_IAM = "IAM of the target's account"

_CONCURRENT = "ConcurrentModification"
"""IAM's code when several calls change the same role."""


class PolicyRefused(Exception):
    """IAM refused a call. `code` is AWS's, or "" for a read without an answer.

    `transient` says whether another attempt may succeed later. The text is the code, or says which policy of the
    organization denied the call, if AWS's `message` names one.
    """

    def __init__(self, code: str, message: str = "", *, transient: bool = False) -> None:
        super().__init__(organization_denial(message) or code)
        self.code = code
        self.transient = transient


def _refused(error: ClientError) -> PolicyRefused:
    given = error.response["Error"]
    concurrent = given["Code"].removesuffix("Exception") == _CONCURRENT
    return PolicyRefused(given["Code"], given.get("Message", ""), transient=concurrent or may_pass(error))


class RolePolicies:
    """The deny documents of all roles. Raises Problem unavailable when STS gives no session of the target's account."""

    def __init__(self, sts: "STSClient", client_of: Callable[[str, str, str], "IAMClient"]) -> None:
        self._sts = sts
        self._client_of = client_of

    def of(self, role: TargetRole) -> "RolePolicy":
        """Return the deny document of a target's role.

        It is read and written in a session of the target's account.
        """
        client = self._client_of(*revoker_keys(self._sts, role.target, SESSION_NAME))
        return RolePolicy(client, role.arn.rpartition("/")[2])


def revoker_keys(sts: "STSClient", target: Target, session_name: str) -> tuple[str, str, str]:
    """Return the key id, secret and token of a new session of the target's revoker role. Raises Problem unavailable."""
    try:
        answer = sts.assume_role(
            RoleArn=target.revoker_arn,
            RoleSessionName=session_name,
            ExternalId=target.external_id,
            DurationSeconds=SESSION_SECONDS,
        )
    except (ClientError, *NO_ANSWER) as error:
        raise unavailable(_IAM, error) from error
    issued = answer["Credentials"]
    return issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"]


class RolePolicy:
    """The deny document of one role."""

    def __init__(self, client: "IAMClient", role_name: str) -> None:
        self._client = client
        self._role = role_name

    def read(self) -> dict[str, Any] | None:
        """Return the document in IAM, or None if the role has none. Raises PolicyRefused."""
        try:
            answer = self._client.get_role_policy(RoleName=self._role, PolicyName=DENY_POLICY_NAME)
        except self._client.exceptions.NoSuchEntityException:
            return None
        except ClientError as error:
            raise _refused(error) from error
        except NO_ANSWER as error:
            raise PolicyRefused("", transient=True) from error
        document: Any = answer["PolicyDocument"]
        return json.loads(document) if isinstance(document, str) else dict(document)

    def write(self, text: str) -> None:
        """Replace the document with `text`, or delete it if `text` is "". Raises PolicyRefused.

        Raises Problem unavailable when it is unknown whether IAM wrote the document, or still will.
        """
        try:
            if text:
                self._client.put_role_policy(RoleName=self._role, PolicyName=DENY_POLICY_NAME, PolicyDocument=text)
            else:
                self._client.delete_role_policy(RoleName=self._role, PolicyName=DENY_POLICY_NAME)
        except ClientError as error:
            if answered_by_other(error):
                raise unavailable(_IAM, error) from error
            refused = _refused(error)
            if text or refused.code != "NoSuchEntity":
                raise refused from error
        except NO_ANSWER as error:
            raise unavailable(_IAM, error) from error
