"""Row END 4: what is issued ends with its grant, by itself. The emulator's clock is the one that requests move.

tests/local/test_sessions.py checks the policy and the end of sessions one by one.
"""

import json
import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.local.gaps.contracts import refused
from tests.running_systems import arriving, epoch
from tests.system.conftest import Api, request_body

KEY = {"Bucket": "reports", "Key": "2026/q3.csv"}
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
ROLE = "arn:aws:iam::444455556666:role/jitney/jitney-target-analytics-prod"


def over(call: Callable[[], Any]) -> None:
    """Assert that a call is refused because of the time: by STS, or by the policy if STS's end is a second later."""
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"].removesuffix("Exception") in {"ExpiredToken", "AccessDenied"}


def issued_by(ask: Callable[[], httpx.Response]) -> tuple[dict[str, Any], int]:
    """Return the API's answer, and how many seconds STS's end may be after the grant's. STS counts from the request."""
    began = time.time()
    answer = ask()
    assert answer.is_success, answer.text
    return answer.json(), math.ceil(time.time() - began) + 1


def ends_on_time(session: Any, issued: dict[str, Any], late: int) -> None:
    """Assert that the credentials work until the second that they name, and no longer.

    It is not after the grant's end.
    """
    ends = epoch(issued["credentials"]["expiration"])
    assert ends <= epoch(issued["grant"]["expires_at"])
    s3, dynamodb, sts = session("s3"), session("dynamodb"), session("sts")
    read = partial(s3.get_object, **KEY)
    get = partial(dynamodb.get_item, TableName="orders", Key={"id": {"S": "1"}})
    with arriving(s3, ends), arriving(sts, ends):
        assert read()["Body"].read()
        sts.get_caller_identity()
    with arriving(s3, ends + 1), arriving(dynamodb, ends + 1):
        over(read)
        over(get)
    by_sts = ends + late + 1
    with arriving(s3, by_sts), arriving(dynamodb, by_sts), arriving(sts, by_sts):
        refused("ExpiredToken", read)
        refused("ExpiredTokenException", get)
        refused("ExpiredToken", sts.get_caller_identity)


def test_end_04_a_credential_of_30_seconds_works_at_20_and_fails_at_31(api: Api, agent_session):
    issued, late = issued_by(lambda: api("POST", "/v1/grants", request_body(duration_seconds=30)))
    session = agent_session(issued["credentials"])
    s3, began = session("s3"), epoch(issued["grant"]["starts_at"])
    with arriving(s3, began + 20):
        assert s3.get_object(**KEY)["Body"].read()
    with arriving(s3, began + 31):
        over(partial(s3.get_object, **KEY))
    ends_on_time(session, issued, late)


@pytest.mark.parametrize("seconds", [60, 899])
def test_end_04_what_is_renewed_ends_with_the_grant_too(api: Api, agent_session, seconds: int):
    issued = api.ask(duration_seconds=seconds)
    renewed, late = issued_by(lambda: api("POST", f"/v1/grants/{issued['grant']['id']}/credentials"))
    assert renewed["credentials"]["access_key_id"] != issued["credentials"]["access_key_id"]
    ends_on_time(agent_session(renewed["credentials"]), renewed, late)


@pytest.mark.parametrize("seconds", [30, 900])
def test_sts_02_the_holder_gets_nothing_longer_or_wider(api: Api, agent_session, seconds: int):
    sts = agent_session(api.ask(duration_seconds=seconds)["credentials"])("sts")
    for wanted in ({"DurationSeconds": 900}, {"DurationSeconds": 1}, {"Policy": EVERYTHING}):
        message = refused("AccessDenied", sts.get_scoped_credentials, **wanted)
        assert "no session policy allows the sts:GetScopedCredentials action" in message
    refused("AccessDenied", sts.assume_role, RoleArn=ROLE, RoleSessionName="more")
    refused("AccessDenied", sts.get_session_token)
