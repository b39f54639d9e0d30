from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from adapters.sessions import Sessions
from core.access.credentials import SessionRequest, session_request
from core.access.session_policy import compile_policy
from core.problems import Problem
from tests.fakes import ACTIONS, GRANT, NOW


class Sts:
    """The one call of an STS client that is made, and its answer or error."""

    def __init__(self, *, error: Exception | None = None, expires_at: int = NOW + 900) -> None:
        self.calls: list[dict[str, Any]] = []
        self._error = error
        self._expires_at = expires_at

    def assume_role(self, **parameters: Any) -> dict[str, Any]:
        self.calls.append(parameters)
        if self._error:
            raise self._error
        expiration = datetime.fromtimestamp(self._expires_at, UTC)
        issued = {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": expiration}
        return {"Credentials": issued}


def asked() -> SessionRequest:
    return session_request(GRANT, compile_policy(GRANT.permissions, GRANT.expires_at, ACTIONS), "external", NOW)


@pytest.mark.parametrize(("sts_ends", "told"), [(NOW + 900, NOW + 300), (NOW + 200, NOW + 200)])
def test_sts_04_the_expiration_is_the_true_one(sts_ends: int, told: int):
    assert Sessions(Sts(expires_at=sts_ends)).issue(asked()).expires_at == told


def test_sts_03_one_call_names_grant_principal_tags_and_policy():
    sts = Sts()
    Sessions(sts).issue(asked())
    (call,) = sts.calls
    assert call["RoleSessionName"] == GRANT.id
    assert call["SourceIdentity"] == GRANT.principal
    assert call["ExternalId"] == "external"
    assert {"Key": "grant", "Value": GRANT.id} in call["Tags"]
    assert "DateGreaterThan" in call["Policy"]


FAILURES = {
    "AccessDenied": (502, "issue_refused"),
    "PackedPolicyTooLarge": (400, "policy_too_large"),
    "PackedPolicyTooLargeException": (400, "policy_too_large"),
    "MalformedPolicyDocument": (502, "issue_refused"),
    "MalformedPolicyDocumentException": (502, "issue_refused"),
    "RegionDisabledException": (502, "issue_refused"),
    "Throttling": (503, "issue_throttled"),
    "ThrottlingException": (503, "issue_throttled"),
    "InternalFailure": (503, "unavailable"),
}


@pytest.mark.parametrize("code", FAILURES)
def test_sts_08_a_failure_is_told_as_what_it_is(code: str):
    error = ClientError({"Error": {"Code": code, "Message": "canary"}}, "AssumeRole")
    with pytest.raises(Problem) as raised:
        Sessions(Sts(error=error)).issue(asked())
    assert (raised.value.status, raised.value.code) == FAILURES[code]
    assert "canary" not in str(raised.value.body())


def test_sts_08_an_unreachable_sts_is_a_problem():
    with pytest.raises(Problem) as raised:
        Sessions(Sts(error=EndpointConnectionError(endpoint_url="https://sts"))).issue(asked())
    assert raised.value.code == "unavailable"
