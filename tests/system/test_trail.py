"""CloudTrail events about targets' roles, end to end: joined to grants in Athena, and an alarm for bypasses."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from jitney.adapters.record_items import record_in
from jitney.adapters.trail_watch import TrailWatches
from jitney.core.trail.heartbeat import BROKER
from local.demo.audit_queries import AuditQueries
from tests.running_systems import session_keys, until
from tests.system.conftest import Api, request_body
from tests.system.written import logged

ACCOUNT = "444455556666"
NAME = "jitney-target-analytics-prod"
ADMIN_TRUST = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
ALL = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def attempt(call: Callable[..., Any], **parameters: Any) -> str:
    """Return the error code of a call, or "" if it succeeds."""
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_aud_03_calls_of_a_grant_are_joined_to_it_allowed_and_denied(api: Api, stack, agent_session):
    issued = api.ask()
    grant_id = issued["grant"]["id"]
    s3 = agent_session(issued["credentials"])("s3")
    assert attempt(s3.get_object, Bucket="reports", Key="2026/nothing.csv") != "AccessDenied"
    assert attempt(s3.delete_object, Bucket="reports", Key="2026/q3.csv") == "AccessDenied"
    ledger = AuditQueries(stack)

    def denied() -> list[dict[str, Any]]:
        return [row for row in ledger.rows("denied_calls") if row["grant_id"] == grant_id]

    (row,) = until(denied)
    assert (row["operation"], row["principal"]) == ("DeleteObject", issued["grant"]["principal"])

    def used() -> list[dict[str, Any]]:
        rows = [row for row in ledger.rows("used_versus_granted") if row["grant_id"] == grant_id]
        return rows if rows and rows[0]["calls"] else []

    assert [(row["action"], row["calls"]) for row in until(used)] == [("s3:GetObject", 1)]


def test_sts_10_the_trial_of_a_size_is_explained_and_raises_no_bypass(api: Api, stack):
    """The emulator does not pack policies. It shows the place of the trial's session in the join."""
    permissions = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/2026/trial.csv"]}]
    answer = api("POST", "/v1/grants", request_body(permissions=permissions), agent="writer-agent")
    assert answer.status_code == 202, answer.text
    session = f"g-trial-{answer.json()['grant']['id'][2:]}"
    ledger = AuditQueries(stack)

    def calls() -> list[dict[str, Any]]:
        sql = "SELECT operation, verdict, purpose, error_code FROM calls WHERE session = ? AND dt >= '2000-01-01'"
        return ledger.run(sql, session)

    assert until(calls) == [{"operation": "AssumeRole", "verdict": "explained", "purpose": "trial", "error_code": ""}]
    assert [row for row in ledger.rows("bypasses") if row["session"] == session] == []


@pytest.fixture
def by_hand(aws) -> Iterator[Callable[[str], dict[str, str]]]:
    """Assume the target's role as an administrator of its account, under a session name."""
    iam = aws("iam", ACCOUNT)
    trust = iam.get_role(RoleName=NAME)["Role"]["AssumeRolePolicyDocument"]
    document = json.loads(trust) if isinstance(trust, str) else trust
    actions = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    opened = {"Effect": "Allow", "Principal": ADMIN_TRUST, "Action": actions}
    changed = {**document, "Statement": [*document["Statement"], opened]}
    admin = {"Version": "2012-10-17", "Statement": [{**opened, "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="admin", AssumeRolePolicyDocument=json.dumps(admin))
    iam.put_role_policy(RoleName="admin", PolicyName="all", PolicyDocument=ALL)
    iam.update_assume_role_policy(RoleName=NAME, PolicyDocument=json.dumps(changed))

    def take(clients: Any, name: str, source_identity: str) -> dict[str, str]:
        role_arn = f"arn:aws:iam::{ACCOUNT}:role/jitney/{NAME}"
        root = aws("sts", ACCOUNT)
        first = root.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/admin", RoleSessionName="mallory")
        sts = clients("sts", session_keys(first["Credentials"]))
        taken = sts.assume_role(RoleArn=role_arn, RoleSessionName=name, SourceIdentity=source_identity)
        return dict(taken["Credentials"])

    yield take  # type: ignore[misc]
    iam.update_assume_role_policy(RoleName=NAME, PolicyDocument=json.dumps(document))
    iam.delete_role_policy(RoleName="admin", PolicyName="all")
    iam.delete_role(RoleName="admin")


def test_aud_03_who_takes_the_role_by_hand_is_on_record(api: Api, aws, stack, clients, by_hand):
    """The names are a new one, and then the name and source identity of an active grant."""
    grant = api.ask()["grant"]
    for name in ("mallory", grant["id"]):
        keys = session_keys(by_hand(clients, name, grant["principal"]))
        attempt(clients("s3", keys).get_object, Bucket="reports", Key="2026/q3.csv")
    ledger = AuditQueries(stack)

    def found() -> set[tuple[str, ...]]:
        rows = {(row["session"], row["operation"], *row["reasons"]) for row in ledger.rows("bypasses")}
        mine = {row for row in rows if row[0] in {"mallory", grant["id"]}}
        return mine if len(mine) == 4 else set()

    bypasses = until(found)
    assert {(session, operation) for session, operation, *_ in bypasses} == {
        (name, operation) for name in ("mallory", grant["id"]) for operation in ("AssumeRole", "GetObject")
    }
    assert all("not_issued_by_jitney" in why for session, _, *why in bypasses if session == grant["id"])
    pages = aws("dynamodb").get_paginator("scan").paginate(TableName=stack["tables"]["audit"], ConsistentRead=True)
    records = [json.loads(record_in(item)) for page in pages for item in page["Items"] if "record" in item]
    bypasses = [record for record in records if record["event"] == "bypass"]
    assert {json.loads(record["detail"])["session"] for record in bypasses} >= {"mallory", grant["id"]}
    assert {record["target"] for record in bypasses} == {"analytics-prod"}


def test_ops_01_the_reconcilers_heartbeats_arrive_and_are_counted_and_noted(aws, stack):
    assert "FunctionError" not in aws("lambda").invoke(FunctionName="jitney-reconciler", Payload=b"{}")
    group = "/aws/lambda/jitney-correlator"

    def counted() -> set[str]:
        wanted = {'"TrailHeartbeats"', '"TargetTrailHeartbeats"'}
        found = {name for name in wanted for line in logged(aws, group) if name in line}
        return found if found == wanted else set()

    assert until(counted)
    watches = TrailWatches(aws("dynamodb"), stack["tables"]["state"], stack["tables"]["audit"])

    def seen() -> dict[str, int]:
        return {name: each.seen_at for name, each in watches.watches(consistent=True).items() if each}

    before = seen()
    assert {BROKER, "analytics-prod"} <= set(before)

    def noted() -> bool:
        """A run in the same second as the one before has heartbeats of the same time."""
        assert "FunctionError" not in aws("lambda").invoke(FunctionName="jitney-reconciler", Payload=b"{}")
        after = seen()
        return all(after[each] > before[each] for each in (BROKER, "analytics-prod"))

    until(noted)
