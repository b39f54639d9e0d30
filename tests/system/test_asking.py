"""Requests, end to end: real tokens, the deployed functions, and IAM enforced by the emulator."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.bad_requests import BAD
from tests.running_systems import PATIENCE, epoch, until
from tests.system.conftest import Api, request_body

WRITE = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/2026/q4.csv"]}]


def read(session: Any, key: str) -> bytes:
    return session("s3").get_object(Bucket="reports", Key=key)["Body"].read()


def tried(session: Any) -> str:
    """Return the error code of reading, or "" if it works."""
    try:
        return "" if read(session, "2026/q3.csv") else "empty"
    except ClientError as error:
        return str(error.response["Error"]["Code"])


def refused_with(call: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call()
    return str(raised.value.response["Error"]["Code"])


def test_the_credentials_do_what_was_asked_and_nothing_beside_it(api: Api, agent_session):
    session = agent_session(api.ask()["credentials"])
    assert read(session, "2026/q3.csv")
    assert refused_with(lambda: read(session, "2025/q4.csv")) == "AccessDenied"
    put = lambda: session("s3").put_object(Bucket="reports", Key="2026/q3.csv", Body=b"x")  # noqa: E731
    assert refused_with(put) == "AccessDenied"
    assert refused_with(lambda: session("s3").list_buckets()) == "AccessDenied"


def test_end_04_iam_itself_ends_the_grant(api: Api, agent_session):
    """Only the machine's clock counts.

    The machine may be too busy to read anything in the first grant's five seconds.
    """
    for seconds in (5, 60):
        issued = api.ask(duration_seconds=seconds)
        session = agent_session(issued["credentials"])
        if (code := tried(session)) == "" or time.time() <= epoch(issued["credentials"]["expiration"]):
            break
    assert code == ""
    assert until(lambda: tried(session)) in {"AccessDenied", "ExpiredToken"}
    grant_id = issued["grant"]["id"]
    assert api("GET", f"/v1/grants/{grant_id}").json()["grant"]["state"] == "expired"
    assert api("POST", f"/v1/grants/{grant_id}/credentials").json()["code"] == "grant_ended"


def test_sts_03_aws_sees_the_grant_as_the_sessions_name(api: Api, agent_session):
    issued = api.ask()
    identity = agent_session(issued["credentials"])("sts").get_caller_identity()
    assert identity["Arn"].endswith(f"/{issued['grant']['id']}")
    assert identity["Account"] == issued["grant"]["account"]


def test_an_agent_without_the_group_is_denied_with_the_reason(api: Api):
    answer = api("POST", "/v1/grants", request_body(), agent="idle-agent")
    assert answer.status_code == 403
    assert answer.json()["code"] == "denied"
    assert answer.json()["reasons"]


def test_a_forbidden_prefix_is_denied_by_name(api: Api):
    permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/secret/salaries.csv"]}]
    body = api("POST", "/v1/grants", request_body(permissions=permissions)).json()
    assert [reason["policy"] for reason in body["reasons"]] == ["never-restricted"]


def test_pol_03_a_wildcard_does_not_slip_past_a_forbid(api: Api):
    permissions = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/*"]}]
    assert api("POST", "/v1/grants", request_body(permissions=permissions)).status_code == 403


def test_a_write_waits_for_review_and_expires(api: Api, aws, stack):
    answer = api("POST", "/v1/grants", request_body(permissions=WRITE), agent="writer-agent")
    assert answer.status_code == 202
    body = answer.json()
    assert body["review"]["any_of"] == [["data-owners"]]
    path = f"/v1/grants/{body['grant']['id']}"
    assert answer.headers["location"] == f"{api.url}{path}"
    assert body["review"]["review_url"] == f"{stack['reviews_url']}/{body['grant']['id']}"
    shown = api("GET", path, agent="writer-agent", Prefer="wait=1")
    assert shown.json()["grant"]["state"] == "pending"
    assert shown.headers["preference-applied"] == "wait=1"
    assert api("POST", f"{path}/credentials", agent="writer-agent").json()["code"] == "grant_pending"
    execution = f"{stack['approval_arn'].replace(':stateMachine:', ':execution:')}:{body['grant']['id']}"
    assert aws("stepfunctions").describe_execution(executionArn=execution)["status"] == "RUNNING"


def test_a_dry_run_shows_the_policy_that_a_grant_then_has(api: Api):
    body = api("POST", "/v1/decisions", request_body()).json()
    assert body["effect"] == "allow"
    allow, deny = body["session_policy"]["Statement"]
    assert (allow["Action"], allow["Resource"]) == ("s3:GetObject", "arn:aws:s3:::reports/2026/*")
    assert deny["Effect"] == "Deny"


def test_cli_05_the_sample_agents_see_their_targets(api: Api):
    """Each finds its own access. What is listed as a whole is allowed."""
    (target,) = api("GET", "/v1/targets").json()["targets"]
    assert (target["target"], target["regions"][0]) == ("analytics-prod", "eu-west-1")
    assert {each["access_level"] for each in target["access"]} == {"List", "Read"}
    listed = next(each for each in target["access"] if not each["partial"] and each["access_level"] == "Read")
    permission = {"actions": ["dynamodb:GetItem"], "resources": [listed["resources"][0].replace("*", "orders")]}
    assert api("POST", "/v1/decisions", request_body(permissions=[permission])).json()["effect"] == "allow"
    (target,) = api("GET", "/v1/targets", agent="writer-agent").json()["targets"]
    reviews = {each["access_level"]: each["reviews"] for each in target["access"]}
    assert reviews["Write"] == [["data-owners"]]
    idle = api("GET", "/v1/targets", agent="idle-agent").json()
    assert idle["targets"] == []
    assert "platform engineer" in idle["fix"]


def test_the_same_idempotency_key_is_the_same_grant(api: Api):
    key, body = str(uuid.uuid4()), request_body()
    first = api("POST", "/v1/grants", body, Idempotency_Key=key).json()
    again = api("POST", "/v1/grants", body, Idempotency_Key=key).json()
    assert first["grant"]["id"] == again["grant"]["id"]
    assert api("POST", "/v1/grants", body | {"reason": "other"}, Idempotency_Key=key).status_code == 422


def test_sts_05_retries_at_the_same_time_are_one_grant_and_one_key(api: Api):
    key, body = str(uuid.uuid4()), request_body()
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: api("POST", "/v1/grants", body, Idempotency_Key=key), range(30)))
    assert [each.status_code for each in answers] == [201] * 30
    bodies = [each.json() for each in answers]
    assert len({each["grant"]["id"] for each in bodies}) == 1
    assert len({each["credentials"]["access_key_id"] for each in bodies if "credentials" in each}) == 1
    (path,) = {each["credentials_path"] for each in bodies if "credentials" not in each}
    with ThreadPoolExecutor(10) as pool:
        renewals = list(pool.map(lambda _: api("POST", path).status_code, range(10)))
    assert renewals == [200] * 10


def test_no_agent_sees_the_grants_of_another(api: Api):
    grant_id = api.ask()["grant"]["id"]
    assert api("GET", f"/v1/grants/{grant_id}", agent="idle-agent").status_code == 404
    assert api("POST", f"/v1/grants/{grant_id}/credentials", agent="idle-agent").status_code == 404
    assert grant_id not in str(api("GET", "/v1/grants", agent="idle-agent").json())
    assert grant_id in str(api("GET", "/v1/grants").json())


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_problem_with_a_code_and_a_fix(api: Api, case: str):
    body, code = BAD[case]
    key = str(uuid.uuid4())
    sent = body if isinstance(body, bytes) else request_body(**body)
    answer = api("POST", "/v1/grants", sent, Idempotency_Key=key)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["fix"]
    # Nothing came of it: the key still stands for no request.
    assert api("POST", "/v1/grants", request_body(), Idempotency_Key=key).status_code == 201


@pytest.mark.parametrize("sent", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_id_05_a_refused_token_is_a_401(api: Api, sent: str):
    answer = api("POST", "/v1/grants", request_body(), agent="", Authorization=f"Bearer {sent}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")


def test_health_answers_without_a_token(api: Api):
    assert api("GET", "/v1/health", agent="").json()["status"] == "ok"


def test_an_unknown_route_is_a_problem_too(stack):
    answer = httpx.get(f"{stack['api_url'].rstrip('/')}/v1/nothing", trust_env=False, timeout=PATIENCE)
    assert 400 <= answer.status_code < 500
