"""Calls through the gateway of the deployed system: the function's role, its sessions and the target's are IAM's."""

import base64
import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.demo.audit_queries import AuditQueries
from local.seed import PASSWORD
from tests.reviewer_browser import PEOPLE, Person
from tests.running_systems import alone, until
from tests.system.conftest import Api
from tests.system.test_integrity import Buckets, auditor, real, seal  # noqa: F401 - the fixtures of verification
from tests.system.test_records import Published

AGENT, OPERATOR, ACCOUNT = "gateway-agent", "incident-bot", "444455556666"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:reports/warehouse"
PERMISSIONS = [
    {
        "actions": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        "resources": ["arn:aws:s3:::reports/2026/*"],
    },
    {"actions": ["secretsmanager:GetSecretValue"], "resources": [f"{SECRET}-*"]},
]
# Releases change the deny document of the one sample role.
pytestmark = pytest.mark.xdist_group("deny-document")


class Gateway:
    """A gateway grant of the sample agent, and calls in it. `names` are the ids of the calls that AWS received."""

    def __init__(self, api: Api) -> None:
        self.api = api
        body = {"target": "analytics-prod", "permissions": PERMISSIONS, "reason": "monthly report", "way": "gateway"}
        answer = api("POST", "/v1/grants", {**body, "duration_seconds": 900}, agent=AGENT)
        assert answer.status_code == 201, answer.text
        self.opened: dict[str, Any] = answer.json()
        self.grant_id = str(self.opened["grant"]["id"])

    def post(self, service: str, operation: str, key: str = "", **parameters: Any) -> httpx.Response:
        call = {"grant": self.grant_id, "service": service, "operation": operation, "parameters": parameters}
        return self.api("POST", "/v1/calls", call, agent=AGENT, Idempotency_Key=key or str(uuid.uuid4()))

    def made(self, service: str, operation: str, key: str = "", **parameters: Any) -> dict[str, Any]:
        """Return the answer to a call that AWS received."""
        answer = self.post(service, operation, key, **parameters)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def read(self) -> httpx.Response:
        return self.post("s3", "GetObject", Bucket="reports", Key="2026/q3.csv")


@pytest.fixture
def gateway(api: Api) -> Gateway:
    return Gateway(api)


@pytest.fixture
def objects(aws: Callable[..., Any]) -> Callable[[str], bytes | None]:
    """Return a function: the content of an object of the reports, or None if there is none."""

    def content(key: str) -> bytes | None:
        s3 = aws("s3", ACCOUNT)
        try:
            return bytes(s3.get_object(Bucket="reports", Key=key)["Body"].read())
        except s3.exceptions.NoSuchKey:
            return None

    return content


def new_object(aws: Callable[..., Any]) -> str:
    key = f"2026/{uuid.uuid4()}.csv"
    aws("s3", ACCOUNT).put_object(Bucket="reports", Key=key, Body=b"old")
    return key


def calls_in_trail(stack: dict[str, Any], grant_id: str, most: int) -> list[dict[str, Any]]:
    """Return CloudTrail's events of the gateway's sessions of a grant, once there are `most`."""
    ledger = AuditQueries(stack)
    sql = (
        "SELECT session, operation, verdict, reasons, record_match, error_code FROM calls"
        " WHERE session LIKE ? AND dt >= '2000-01-01'"
    )

    def found() -> list[dict[str, Any]]:
        rows = ledger.run(sql, f"c-%-{grant_id}")
        return rows if len(rows) >= most else []

    return list(until(found))


def test_gw_01_a_gateway_grant_has_no_keys_and_gets_none(gateway: Gateway, api: Api):
    assert "credentials" not in gateway.opened
    assert gateway.opened["grant"]["way"] == "gateway"
    answer = api("POST", f"/v1/grants/{gateway.grant_id}/credentials", {}, agent=AGENT)
    assert answer.json()["code"] == "gateway_grant"


def test_gw_07_a_read_and_a_write_are_made_recorded_and_found_in_cloudtrail(
    gateway: Gateway, stack: dict[str, Any], aws: Callable[..., Any], objects: Callable[[str], bytes | None]
):
    key = f"2026/{uuid.uuid4()}.csv"
    read = gateway.read().json()
    assert (read["status"], read["body"][:14], read["masked"]) == (200, "region,revenue", [])
    written = gateway.made("s3", "PutObject", Bucket="reports", Key=key, Body=base64.b64encode(b"a,b\n").decode())
    assert (written["status"], objects(key)) == (200, b"a,b\n")
    missing = gateway.made("s3", "GetObject", Bucket="reports", Key=f"{key}.missing")
    assert (missing["status"], "AccessDenied" in missing["body"] or "NoSuchKey" in missing["body"]) != (200, False)

    published = Published(aws("s3"), stack["buckets"]["records"])
    wanted = {(read["call_id"], "answered"), (written["call_id"], "sent"), (written["call_id"], "answered")}

    def records() -> dict[tuple[str, str], dict[str, Any]]:
        found = {(each["chain"], each["outcome"]): each for each in published.records()}
        return found if wanted <= found.keys() else {}

    by_outcome = until(records)
    shown = json.loads(by_outcome[written["call_id"], "sent"]["detail"])["call"]
    assert (shown["service"], shown["operation"], shown["parameters"]["Key"]) == ("s3", "PutObject", key)
    assert json.loads(by_outcome[read["call_id"], "answered"]["detail"])["call"]["aws_request_id"] == read["request_id"]

    rows = calls_in_trail(stack, gateway.grant_id, 5)
    session = f"{written['call_id']}-{gateway.grant_id}"
    assert {(row["session"], row["operation"]) for row in rows} >= {
        (f"c-reads-{gateway.grant_id}", "AssumeRole"),
        (f"c-reads-{gateway.grant_id}", "GetObject"),
        (session, "AssumeRole"),
        (session, "PutObject"),
    }
    assert {(row["verdict"], row["reasons"]) for row in rows} == {("explained", "[]")}, rows
    bypasses = AuditQueries(stack).rows("bypasses")
    assert [row for row in bypasses if gateway.grant_id in row["session"]] == []


def test_gw_06_a_repeat_of_a_write_gets_the_first_answer(gateway: Gateway, aws: Callable[..., Any]):
    key, once = new_object(aws), str(uuid.uuid4())
    put = {"Bucket": "reports", "Key": key, "Body": "bmV3"}
    first = gateway.made("s3", "PutObject", once, **put)
    aws("s3", ACCOUNT).put_object(Bucket="reports", Key=key, Body=b"later")
    assert gateway.made("s3", "PutObject", once, **put) == {**first, "budget": first["budget"]}
    assert aws("s3", ACCOUNT).get_object(Bucket="reports", Key=key)["Body"].read() == b"later"
    other = gateway.post("s3", "PutObject", once, **{**put, "Body": "b3RoZXI="})
    assert other.json()["code"] == "idempotency_mismatch"
    shown = gateway.api("GET", f"/v1/calls/{first['call_id']}", agent=AGENT)
    assert (shown.status_code, shown.json()["state"]) == (200, "answered")


def test_gw_03_a_call_outside_the_grant_is_refused_before_anything_is_sent(
    gateway: Gateway, stack: dict[str, Any], objects: Callable[[str], bytes | None]
):
    answer = gateway.post("s3", "PutObject", Bucket="reports", Key="2025/q4.csv", Body="bmV3")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (403, "call_outside_grant")
    assert problem["smallest_request"]["permissions"] == [
        {"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/2025/q4.csv"]}
    ]
    assert objects("2025/q4.csv") != b"new"
    gateway.read()
    rows = calls_in_trail(stack, gateway.grant_id, 2)
    assert {row["session"] for row in rows} == {f"c-reads-{gateway.grant_id}"}


def test_mask_02_the_secret_that_an_operation_answers_is_masked(gateway: Gateway):
    answer = gateway.made("secretsmanager", "GetSecretValue", SecretId="reports/warehouse")
    body = json.loads(answer["body"])
    assert (answer["status"], body["Name"]) == (200, "reports/warehouse")
    assert PASSWORD not in json.dumps(answer)
    assert any("SecretString" in path for path in answer["masked"])
    assert answer["headers"].get("content-length", str(len(answer["body"]))) == str(len(answer["body"]))


def test_gw_04_an_approved_delete_is_sent_once_and_the_next_is_not_covered(
    gateway: Gateway,
    aws: Callable[..., Any],
    objects: Callable[[str], bytes | None],
    person: Callable[[str], Person],
    stack: dict[str, Any],
):
    key, other, once = new_object(aws), new_object(aws), str(uuid.uuid4())
    with alone(PEOPLE):
        pending = gateway.post("s3", "DeleteObject", once, Bucket="reports", Key=key)
        assert (pending.status_code, objects(key)) == (202, b"old"), pending.text
        call_id, child = pending.json()["call_id"], pending.json()["grant"]["id"]
        assert pending.headers["location"].endswith(f"/v1/calls/{call_id}")
        assert gateway.post("s3", "DeleteObject", once, Bucket="reports", Key=key).status_code == 202
        alice = person("alice")
        page = alice.sign_in(f"/{child}")
        assert all(words in page.text for words in (key, "DeleteObject"))
        assert alice.vote(child).status_code == 303
    done = gateway.made("s3", "DeleteObject", once, Bucket="reports", Key=key)
    assert (done["status"], done["call_id"], objects(key)) == (204, call_id, None)
    aws("s3", ACCOUNT).put_object(Bucket="reports", Key=key, Body=b"again")
    assert gateway.made("s3", "DeleteObject", once, Bucket="reports", Key=key)["request_id"] == done["request_id"]
    assert objects(key) == b"again"
    for another in (key, other):
        assert gateway.post("s3", "DeleteObject", Bucket="reports", Key=another).status_code == 202
        assert objects(another) is not None
    rows = calls_in_trail(stack, gateway.grant_id, 2)
    assert {row["operation"] for row in rows} == {"AssumeRole", "DeleteObject"}
    assert {row["verdict"] for row in rows} == {"explained"}, rows


def test_gw_10_a_release_ends_the_calls_of_a_grant(gateway: Gateway, api: Api):
    assert gateway.read().status_code == 200
    assert api("DELETE", f"/v1/grants/{gateway.grant_id}", agent=AGENT).status_code == 200
    assert gateway.read().json()["code"] == "grant_released"


def test_gw_10_an_operators_revocation_bites_at_the_next_call(gateway: Gateway, api: Api):
    """The demo suspends an agent. Here, that would deny the sessions of other tests for a minute."""
    assert gateway.read().status_code == 200
    path = f"/v1/grants/{gateway.grant_id}/revocation"
    assert api("POST", path, {"reason": "its runner was stolen"}, agent=OPERATOR).status_code == 200
    assert gateway.read().json()["code"] == "grant_revoked"


def test_gw_07_records_of_calls_are_sealed_and_verified(
    gateway: Gateway,
    aws: Callable[..., Any],
    real: Buckets,  # noqa: F811 - the fixture
):
    call_id = gateway.made("s3", "PutObject", Bucket="reports", Key=f"2026/{uuid.uuid4()}", Body="")["call_id"]
    published = Published(aws("s3"), real.records)
    until(lambda: {(call_id, 0), (call_id, 1)} <= {(each["chain"], each["seq"]) for each in published.records()})
    seal(aws)
    code, document = real.verify()
    assert (code, document["failures"], document["unverified"]) == (0, [], [])
    sealed = [real.body(key, real.seals).decode() for key in real.names(real.seals) if key.startswith("seals/")]
    assert any(call_id in text for text in sealed)
