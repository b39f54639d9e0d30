"""The report on a grant, end to end: from Athena in the terminal, from DynamoDB on a page (row AUD 4)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.agent_shell import AUDITOR, variables
from tests.reviewer_browser import Person
from tests.running_systems import until
from tests.system.conftest import Api, request_body
from tests.system.test_roles import session_of

pytestmark = pytest.mark.xdist_group("reviews")
KEYS = ["arn:aws:s3:::reports/2026/q3.csv", "arn:aws:s3:::reports/2026/report.csv"]
WRITE = [{"actions": ["s3:PutObject"], "resources": KEYS}]


def report_of(stack: dict[str, Any], grant_id: str) -> dict[str, Any]:
    """Return the JSON of `jitney audit show`."""
    command = [str(Path(sys.executable).with_name("jitney")), "audit", "show", grant_id, "--json", "--no-check"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables(stack, AUDITOR)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return dict(json.loads(done.stdout))


def test_aud_04_the_report_covers_request_to_last_call(
    api: Api,
    stack: dict[str, Any],
    person: Callable[[str], Person],
    agent_session: Callable[..., Any],
):
    answer = api("POST", "/v1/grants", request_body(permissions=WRITE), agent="writer-agent")
    grant_id = answer.json()["grant"]["id"]
    alice = person("alice")
    alice.sign_in()
    alice.vote(grant_id, "approve_selected", resource=["0.1"], seconds="120", comment="the new one")
    issued = api("POST", f"/v1/grants/{grant_id}/credentials", {}, agent="writer-agent").json()
    s3 = agent_session(issued["credentials"])("s3")
    s3.put_object(Bucket="reports", Key="2026/report.csv", Body=b"x")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket="reports", Key="2026/report.csv")
    api("DELETE", f"/v1/grants/{grant_id}", agent="writer-agent")

    def complete() -> dict[str, Any] | None:
        found = report_of(stack, grant_id)
        return found if found.get("calls") and found.get("denied") and found["end"]["measured"] else None

    report = until(complete)
    assert (report["state"], report["warnings"]) == ("released", [])
    assert report["granted"]["permissions"] == [{"actions": ["s3:PutObject"], "resources": KEYS[1:]}]
    assert [(vote["by"], vote["comment"]) for vote in report["votes"]] == [("people.alice", "the new one")]
    assert [(use["name"], use["times"]) for use in report["calls"]] == [("s3:PutObject", 1)]
    assert [(use["name"], use["code"]) for use in report["denied"]] == [("s3:DeleteObject", "AccessDenied")]
    assert report["unused_permissions"] == []

    def shown() -> str:
        page = alice.get(f"/{grant_id}/report").text
        return page if "denied: AccessDenied" in page else ""

    page = until(shown)
    for words in ("Released", "by people.alice on the web at", "the new one", "s3:PutObject", KEYS[1]):
        assert words in page


def test_an_unpublished_grant_is_a_problem(stack: dict[str, Any]):
    assert report_of(stack, "g-aaaaaaaaaaaaaa")["code"] == "grant_not_found"


def test_the_function_of_the_pages_reads_records_and_calls_of_grants_and_nothing_else_there(aws, stack, clients):
    with session_of("jitney-reviews", aws, stack, clients) as session:
        dynamodb, table = session("dynamodb"), stack["tables"]["audit"]

        def query(key: str) -> Any:
            values = {":key": {"S": key}}
            return dynamodb.query(TableName=table, KeyConditionExpression="pk = :key", ExpressionAttributeValues=values)

        for key in ("g-aaaaaaaaaaaaaa", "k-g-aaaaaaaaaaaaaa", "k-444455556666-ASIAX"):
            assert query(key)["Items"] == []
        item = {"pk": {"S": "g-aaaaaaaaaaaaaa"}, "sk": {"S": "000000"}}
        attempts: list[Callable[[], Any]] = [
            lambda: query("r-aaaaaaaaaaaaaa"),
            lambda: dynamodb.scan(TableName=table),
            lambda: dynamodb.put_item(TableName=table, Item=item),
            lambda: dynamodb.delete_item(TableName=table, Key=item),
        ]
        for attempt in attempts:
            with pytest.raises(ClientError, match="AccessDenied"):
                attempt()
