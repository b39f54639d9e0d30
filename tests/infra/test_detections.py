"""docs/detections.md and its SQL: each detection finds what it is for, and nothing usual. The form of docs/siem.md."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import duckdb
import pytest
from ministack.services.eventbridge import _matches_pattern_view, _pattern_event_view

from jitney.audit_database.definitions import QUERIES
from jitney.core.access.credentials import session_request
from jitney.core.access.grant import State
from jitney.core.access.request import Way
from jitney.core.access.session_policy import SessionPolicy
from jitney.core.records.audit import VERSION, AuditEvent, Outcome
from jitney.core.trail import call
from jitney.core.trail.join import Purpose
from local.scans import scans
from tests.cloudtrail_events import API_CALL
from tests.fakes import GRANT, NOW
from tests.infra.conftest import of_type
from tests.infra.test_ocsf import SCHEMA
from tests.infra.test_queries import Lake, gateway_call
from tests.infra.test_trino import OF_TRINO, OPERATORS, functions
from tests.infra.trino.grammar import faults

pytestmark = pytest.mark.xdist_group("cdk")
DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "detections.md").read_text("utf-8")
SIEM = (DOCS / "siem.md").read_text("utf-8")
FILES = {path.stem: path.read_text("utf-8") for path in (DOCS / "detections").iterdir()}
REQUESTED = {"grant_id": "g-1", "seq": 0, "unit": "corp.u", "target": "analytics-prod"}
VOTED: dict[str, Any] = {**REQUESTED, "event": AuditEvent.VOTE, "outcome": Outcome.APPROVED, "seq": 1}
ALLOWED: dict[str, Any] = {**REQUESTED, "event": AuditEvent.REQUEST, "outcome": Outcome.ALLOWED}
ELSEWHERE = "198.51.100.9"
OWN_ROLE, OTHER_ROLE = (f"arn:aws:iam::444455556666:role/{name}" for name in ("jitney/own", "other"))


def vote(by: str, **detail: Any) -> dict[str, Any]:
    return {"by": by, "state": "active", "via": "web", "delegations": [], **detail}


def new_access(lake: Lake, *, found: bool) -> None:
    lake.record(**ALLOWED, days_ago=0 if found else 20)
    lake.record(**ALLOWED | {"grant_id": "g-2", "principal": "corp.other"})
    lake.record(**ALLOWED | {"grant_id": "g-3", "unit": "corp.usual", "days_ago": 20})
    lake.record(**ALLOWED | {"grant_id": "g-4", "unit": "corp.usual"})


def quick_approvals(lake: Lake, *, found: bool) -> None:
    lake.record(**VOTED, detail=vote("corp.bob", waited_seconds=9 if found else 10))
    lake.record(**VOTED | {"grant_id": "g-2"}, detail=vote("corp.bob", state="pending"))


def new_reviewers(lake: Lake, *, found: bool) -> None:
    lake.record(**VOTED | {"days_ago": 80, "target": "other" if found else "analytics-prod"}, detail=vote("corp.bob"))
    lake.record(**VOTED, detail=vote("corp.bob"))


def approvals_after_change(lake: Lake, *, found: bool) -> None:
    of = {"configuration": "after", "grant_id": "g-2"}
    lake.record(**ALLOWED | {"configuration": "before"}, days_ago=2)
    lake.record(**ALLOWED | of | {"outcome": Outcome.REVIEW}, later=-1800 if found else -1801)
    lake.record(**VOTED | of, detail=vote("corp.bob"))


def approvals_after_return(lake: Lake, *, found: bool) -> None:
    """The configuration of the approval was in use before, and another one in between."""
    of = {"configuration": "first", "grant_id": "g-1"}
    lake.record(**ALLOWED | of | {"outcome": Outcome.REVIEW}, days_ago=3)
    lake.record(**ALLOWED | {"configuration": "other", "grant_id": "g-2"}, later=-1810)
    lake.record(**ALLOWED | {"configuration": "first", "grant_id": "g-3"}, later=-1800 if found else -1801)
    lake.record(**VOTED | of, detail=vote("corp.bob"))


def approvals_under_another_configuration(lake: Lake, *, found: bool) -> None:
    lake.record(**ALLOWED | {"outcome": Outcome.REVIEW, "configuration": "before"}, days_ago=3)
    now = "after" if found else "before"
    lake.record(**ALLOWED | {"grant_id": "g-2", "configuration": now}, days_ago=2)
    lake.record(**VOTED, configuration=now, detail=vote("corp.bob"))


def one_sided_reviews(lake: Lake, *, found: bool) -> None:
    for number in range(10):
        by = "corp.bob" if found or number < 9 else "corp.eve"
        lake.record(**VOTED | {"grant_id": f"g-{number}"}, detail=vote(by))
    lake.record(**VOTED | {"grant_id": "g-x"}, detail=vote("corp.eve"))


def keys_used_elsewhere(lake: Lake, *, found: bool) -> None:
    lake.record(**ALLOWED, source_ip="192.0.2.1", days_ago=1)
    lake.record(AuditEvent.ISSUE, Outcome.ALLOWED, grant_id="g-1", seq=1, source_ip="192.0.2.2")
    for number, address in enumerate(("192.0.2.1", "192.0.2.2", ELSEWHERE if found else "192.0.2.2")):
        lake.call(number, source_ip=address, access_key_id="ASIA1")
    issue = {"source_ip": ELSEWHERE, "service": "sts", "role_arn": OWN_ROLE}
    lake.call(6, **issue, operation="GetScopedCredentials")
    lake.call(7, **issue, operation="AssumeRole", request=json.dumps({"roleArn": OWN_ROLE}))
    if found:
        assumed = {**issue, "operation": "AssumeRole", "access_key_id": "ASIA1"}
        lake.call(4, **assumed, request=json.dumps({"roleArn": OTHER_ROLE}))
        lake.call(5, **assumed, request="")
    lake.call(8, source_ip="s3.amazonaws.com", invoked_by="s3.amazonaws.com")
    lake.call(9, source_ip=ELSEWHERE, purpose=Purpose.CANARY)


def rising_reads(lake: Lake, *, found: bool) -> None:
    for number in range(280):
        lake.record(**gateway_call(f"c-{number}", Outcome.ANSWERED, bytes_out=9), unit="corp.u", days_ago=5)
    for number in range(101 if found else 100):
        lake.record(**gateway_call(f"c-new-{number}", Outcome.ANSWERED, bytes_out=9), unit="corp.u", times=2)
    for number in range(99):  # a new unit
        lake.record(**gateway_call(f"c-few-{number}", Outcome.ANSWERED, bytes_out=9), unit="corp.v")
    for number in range(100):  # writes
        lake.record(**gateway_call(f"c-write-{number}", Outcome.ANSWERED, seq=1), unit="corp.w")


def revealed_answers(lake: Lake, *, found: bool) -> None:
    lake.record(**ALLOWED | {"days_ago": 10}, detail={"reveal": found, "way": str(Way.GATEWAY)})
    lake.record(**gateway_call("c-1", Outcome.SENT), grant_id="g-1")
    lake.record(**gateway_call("c-1", Outcome.ANSWERED, seq=1), grant_id="g-1")
    lake.record(**gateway_call("c-2", Outcome.DENIED), grant_id="g-1")


def missing_records(lake: Lake, *, found: bool) -> None:
    for seq in (3, 4, 6) if found else (3, 4, 5):
        lake.record(**ALLOWED | {"seq": seq}, times=2)


def lifted_suspensions(lake: Lake, *, found: bool) -> None:
    detail = {"suspension": "s-1", "kind": "agent", "name": "corp.a"}
    lake.record(AuditEvent.SUSPENSION, Outcome.SET, detail=detail, later=-86_399 if found else -86_400)
    lake.record(AuditEvent.SUSPENSION, Outcome.REVOKED, detail=detail, later=-86_000)
    lake.record(AuditEvent.SUSPENSION, Outcome.ENDED, detail=detail)


def assumed_roles(lake: Lake, *, found: bool) -> None:
    asked = {"service": "sts", "operation": "AssumeRole", "role_arn": OWN_ROLE}
    lake.call(1, **asked, request=json.dumps({"roleArn": OWN_ROLE}))
    refused = {} if found else {"error_code": "AccessDenied"}
    answer = {"response": json.dumps({"credentials": {"accessKeyId": "ASIA2"}})} if found else {}
    lake.call(2, **asked, **refused, **answer, request=json.dumps({"roleArn": OTHER_ROLE}))


@pytest.mark.parametrize(
    ("operation", "request_text", "assumed"),
    [
        ("AssumeRole", "", ""),
        ("AssumeRole", '{"omitted_characters": 200000}', ""),
        ("AssumeRole", "null", ""),
        ("AssumeRoot", '{"targetPrincipal": "777788889999"}', "777788889999"),
        ("AssumeRoleWithWebIdentity", f'{{"roleArn": "{OTHER_ROLE}"}}', OTHER_ROLE),
    ],
)
def test_aud_05_a_session_of_another_role_is_found_without_the_roles_name(
    tmp_path: Path, operation: str, request_text: str, assumed: str
):
    lake = Lake(tmp_path)
    lake.call(1, service="sts", operation=operation, role_arn=OWN_ROLE, request=request_text)
    (row,) = lake.run(FILES["assumed_roles"])
    assert row["assumed_role"] == assumed


def direct_transfers(lake: Lake, *, found: bool) -> None:
    ticket = {"ticket": True} if found else {}
    lake.record(**gateway_call("c-1", Outcome.SENT, **ticket), source_ip="192.0.2.1", grant_id="g-1")
    lake.call(1, call_id="c-1", record_match="ticket", purpose=Purpose.CALL, source_ip=ELSEWHERE, bytes_out=4_000_000)


WRITERS: dict[str, Callable[..., None]] = {
    each.__name__: each
    for each in (
        new_access, quick_approvals, new_reviewers, approvals_after_change, approvals_after_return,
        approvals_under_another_configuration,
        one_sided_reviews, keys_used_elsewhere, rising_reads, revealed_answers, missing_records, lifted_suspensions,
        assumed_roles, direct_transfers,
    )
}  # fmt: skip
SHOWN: dict[str, dict[str, Any]] = {
    "new_access": {"unit": "corp.u", "action": "s3:GetObject", "outcome": "allowed"},
    "quick_approvals": {"person": "corp.bob", "waited_seconds": 9, "via": "web", "grant_id": "g-1"},
    "new_reviewers": {"person": "corp.bob", "target": "analytics-prod", "approvals": 1},
    "approvals_after_change": {"person": "corp.bob", "grant_id": "g-2"},
    "approvals_after_return": {"person": "corp.bob", "grant_id": "g-1"},
    "approvals_under_another_configuration": {"requested_under": "before", "approved_under": "after"},
    "one_sided_reviews": {"person": "corp.bob", "unit": "corp.u", "approvals": 10, "of_unit": 11},
    "keys_used_elsewhere": {"source_ip": ELSEWHERE, "calls": 3, "access_key_id": "ASIA1"},
    "rising_reads": {"unit": "corp.u", "calls": 101, "bytes_out": 909, "calls_a_day_before": 20},
    "revealed_answers": {"call_id": "c-1", "activity": "s3:GetObject", "grant_id": "g-1"},
    "missing_records": {"chain": "g-1", "missing": 1},
    "lifted_suspensions": {"suspended": "agent corp.a", "lifted_by": "corp.a"},
    "assumed_roles": {"assumed_role": "arn:aws:iam::444455556666:role/other", "new_access_key_id": "ASIA2"},
    "direct_transfers": {"requested_from": "192.0.2.1", "sent_from": ELSEWHERE, "bytes_out": 4_000_000},
}
"""What the row of each detection shows."""
FURTHER = dict.fromkeys(("approvals_after_return", "approvals_under_another_configuration"), "approvals_after_change")
"""Further cases of a detection."""


@pytest.mark.parametrize("name", WRITERS)
def test_aud_05_a_detection_finds_one_case_and_nothing_usual(tmp_path: Path, name: str):
    sql = FILES[FURTHER.get(name, name)]
    unusual, usual = Lake(tmp_path / "unusual"), Lake(tmp_path / "usual")
    WRITERS[name](unusual, found=True)
    WRITERS[name](usual, found=False)
    (row,) = unusual.run(sql)
    assert {column: row[column] for column in SHOWN[name]} == SHOWN[name]
    assert usual.run(sql) == []


def test_aud_05_every_detection_is_tested_and_on_the_page():
    assert FILES.keys() == WRITERS.keys() - FURTHER.keys() == set(re.findall(r"\| `(\w+)\.sql`", PAGE))
    assert set(re.findall(r"(\w+)\.sql", PAGE)) == FILES.keys()


def test_aud_05_detections_are_trinos_sql_and_read_few_days():
    assert dict(zip(FILES, faults(list(FILES.values())), strict=True)) == {name: [] for name in FILES}
    with duckdb.connect(":memory:") as connection:
        for name, text in FILES.items():
            (parsed,) = connection.execute("SELECT json_serialize_sql(?)", [text]).fetchone() or ("{}",)
            assert set(functions(json.loads(parsed))) - OPERATORS - OF_TRINO - {"/"} == set(), name
            assert all(each.days is not None and each.days <= 91 for each in scans(text)), name
            assert text.startswith("-- "), name


def test_aud_05_the_page_names_queries_and_alarms_that_exist(assembly):
    table = PAGE.partition("## Detections")[2].partition("\nAlarms go to")[0]
    queries = set(re.findall(r"query `(\w+)`", table))
    assert len(queries) >= 10
    assert queries <= {path.stem for path in QUERIES.glob("*.sql")}
    named = {
        name for text in re.findall(r"alarms? ((?:`\w+`[, and]*)+)", table) for name in re.findall(r"`(\w+)`", text)
    }
    names = {str(each["AlarmName"]) for each in of_type(assembly.broker, "AWS::CloudWatch::Alarm").values()}
    assert len(named) >= 10
    assert named <= {name.split("-")[1] for name in names}


def test_aud_05_each_event_of_the_rule_is_an_operation_of_a_service_that_the_stack_uses(assembly):
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    names = [each if isinstance(each, str) else each["prefix"] for each in json.loads(block)["detail"]["eventName"]]
    services = {each["Type"].split("::")[1].lower() for each in assembly.broker["Resources"].values()}
    same = {"kinesisfirehose": "firehose", "stepfunctions": "stepfunctions"}
    session = botocore.session.get_session()
    models = [session.get_service_model(same.get(each, each)) for each in services - {"cdk"}]
    known = {name for model in models for name in model.operation_names}
    known |= {"PutBucketLifecycle"}  # CloudTrail's name of PutBucketLifecycleConfiguration
    # CloudTrail adds dates to the names of Lambda's operations, so the rule has prefixes.
    beginnings = {each["prefix"] for each in json.loads(block)["detail"]["eventName"] if isinstance(each, dict)}
    assert {each for each in beginnings if not any(name.startswith(each) for name in known)} == set()
    assert {name for name in names if name not in known | beginnings} == set()
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "address", "found"),
    [
        ("DisableKey", "192.0.2.1", True),
        ("DisableAlarmActions", "2001:db8::1", True),
        ("UpdateTable", "cloudformation.amazonaws.com", False),
        ("UpdateAlias20150331", "codedeploy.amazonaws.com", False),
        ("Decrypt", "192.0.2.1", False),
        # These stop a function or a delivery, or lead requests elsewhere, without deleting or disabling anything.
        ("PutRule", "192.0.2.1", True),
        ("PutTargets", "192.0.2.1", True),
        ("RemovePermission", "192.0.2.1", True),
        ("RemovePermission20150331v2", "192.0.2.1", True),
        ("UpdateEventSourceMapping20150331", "192.0.2.1", True),
        ("PutFunctionConcurrency20171031", "192.0.2.1", True),
        ("PutBucketReplication", "192.0.2.1", True),
        ("PutIntegration", "192.0.2.1", True),
        ("UpdateStage", "192.0.2.1", True),
        ("UpdateWebACL", "192.0.2.1", True),
    ],
)
def test_aud_05_the_rule_finds_changes_that_no_deployment_made(name: str, address: str, found: bool):
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert len(block) < 2048  # EventBridge's quota
    detail = {"eventName": name, "sourceIPAddress": address}
    event = {"Source": "aws.kms", "DetailType": API_CALL, "Account": "111122223333", "Region": "eu-west-1"}
    event |= {"Detail": json.dumps(detail), "EventId": "1", "Time": NOW, "Resources": []}
    assert bool(_matches_pattern_view(block, _pattern_event_view(event), "test")) is found


def test_aud_05_the_page_maps_columns_that_exist_to_ocsf():
    table = SIEM.partition("| column | OCSF | ECS |\n")[2].partition("\n\n")[0]
    for path in re.findall(r"`([\w.]+)`", " ".join(row.split(" | ")[1] for row in table.splitlines()[1:])):
        first, *rest = path.split(".")
        attribute = SCHEMA["class"]["attributes"][first]
        for name in () if first == "unmapped" else rest:
            attribute = SCHEMA["objects"][attribute["type"]]["attributes"][name]


def test_aud_05_the_page_names_the_tags_and_names_of_a_session():
    grant = replace(GRANT, state=State.ACTIVE)
    request = session_request(grant, SessionPolicy('{"Statement": []}'), "external-id", NOW)
    (row,) = (line for line in PAGE.splitlines() if "session tags" in line)
    columns, tags = (re.findall(r"`(\w+)`", text) for text in row.partition(", in ")[0].split(" | session tags "))
    members = {"grant_id": grant.id, "principal": grant.principal, "unit": grant.unit, "human": ""}
    assert dict(request.tags) == dict(zip(tags, (members[name] for name in columns), strict=True))
    assert (request.name, request.source_identity) == (grant.id, grant.principal)


def test_aud_05_the_page_has_the_form_of_the_lines():
    assert (VERSION, call.VERSION) == (1, 1)
    assert "| form of the line | `version` is 1 | `version` is 1 |" in SIEM


def test_aud_05_the_lines_have_the_objects_that_the_page_says(assembly):
    streams = of_type(assembly.broker, "AWS::KinesisFirehose::DeliveryStream").values()
    texts = [json.dumps(each) for each in streams]
    assert any("records/dt=!{timestamp:yyyy-MM-dd}/" in each for each in texts)
    assert any("calls/dt=!{partitionKeyFromQuery:dt}/!{timestamp:yyyy-MM-dd}/" in each for each in texts)


def test_aud_05_s3_sends_events_about_the_files_of_records_only(assembly):
    buckets = of_type(assembly.broker, "AWS::S3::Bucket")
    sending = {
        name: each["NotificationConfiguration"] for name, each in buckets.items() if "NotificationConfiguration" in each
    }
    assert list(sending.values()) == [{"EventBridgeConfiguration": {"EventBridgeEnabled": True}}]
    assert all(name.startswith("BucketsRecords") for name in sending)
