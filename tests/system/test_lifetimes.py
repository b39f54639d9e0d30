"""Row END 4: what is issued ends with its grant, by itself; in the emulator, whose clock the requests move.

Policy and end of the sessions by themselves: tests/local/test_sessions.py.
"""

import json
from calendar import timegm
from functools import partial
from time import strptime
from typing import Any

import pytest

from tests.local.gaps.contracts import refused
from tests.running import arriving
from tests.system.conftest import Api

KEY = {"Bucket": "reports", "Key": "2026/q3.csv"}
EVERYTHING = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
ROLE = "arn:aws:iam::444455556666:role/jitney/jitney-target-analytics-prod"


def epoch(told: str) -> int:
    return timegm(strptime(told, "%Y-%m-%dT%H:%M:%SZ"))


def ends_as_told(session: Any, credentials: dict[str, str], grant: dict[str, Any]) -> None:
    """The credentials work until the second that they tell, which is not after the grant's, and no longer."""
    ends = epoch(credentials["expiration"])
    assert ends <= epoch(grant["expires_at"])
    s3, dynamodb, sts = session("s3"), session("dynamodb"), session("sts")
    read = partial(s3.get_object, **KEY)
    get = partial(dynamodb.get_item, TableName="orders", Key={"id": {"S": "1"}})
    with arriving(s3, ends), arriving(sts, ends):
        assert read()["Body"].read()
        sts.get_caller_identity()
    with arriving(s3, ends + 1), arriving(dynamodb, ends + 1), arriving(sts, ends + 1):
        refused("ExpiredToken", read)
        refused("ExpiredTokenException", get)
        refused("ExpiredToken", sts.get_caller_identity)


def test_end_04_a_credential_of_30_seconds_works_at_20_and_fails_at_31(api: Api, agent_session):
    issued = api.ask(duration_seconds=30)
    session = agent_session(issued["credentials"])
    s3, began = session("s3"), epoch(issued["grant"]["starts_at"])
    with arriving(s3, began + 20):
        assert s3.get_object(**KEY)["Body"].read()
    with arriving(s3, began + 31):
        refused("ExpiredToken", s3.get_object, **KEY)
    ends_as_told(session, issued["credentials"], issued["grant"])


@pytest.mark.parametrize("seconds", [60, 899])
def test_end_04_what_is_renewed_ends_with_the_grant_too(api: Api, agent_session, seconds: int):
    issued = api.ask(duration_seconds=seconds)
    answer = api("POST", f"/v1/grants/{issued['grant']['id']}/credentials")
    assert answer.status_code == 200, answer.text
    renewed = answer.json()["credentials"]
    assert renewed["access_key_id"] != issued["credentials"]["access_key_id"]
    ends_as_told(agent_session(renewed), renewed, answer.json()["grant"])


@pytest.mark.parametrize("seconds", [30, 900])
def test_sts_02_the_holder_gets_nothing_longer_or_wider(api: Api, agent_session, seconds: int):
    sts = agent_session(api.ask(duration_seconds=seconds)["credentials"])("sts")
    for asked in ({"DurationSeconds": 900}, {"DurationSeconds": 1}, {"Policy": EVERYTHING}):
        message = refused("AccessDenied", sts.get_scoped_credentials, **asked)
        assert "no session policy allows the sts:GetScopedCredentials action" in message
    refused("AccessDenied", sts.assume_role, RoleArn=ROLE, RoleSessionName="more")
    refused("AccessDenied", sts.get_session_token)
