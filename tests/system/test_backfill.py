"""Events that no rule forwarded come from a trail's files. The result is as if they had come in time (row AUD 3)."""

import gzip
import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from jitney.adapters.record_items import record_in
from local.demo.audit_queries import AuditQueries
from tests.cli import invoke
from tests.cloudtrail_events import call_event, identity
from tests.system.conftest import Api
from tests.system.guided import block_of, with_only_permissions
from tests.system.test_records import until

BUCKET = "trail-files"
NOW = int(time.time())


@pytest.fixture
def trail(aws: Any, stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Deliver a file of events, as from another Region. The environment has only the guide's permissions."""
    s3 = aws("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": stack["region"]})
    sqs = aws("sqs")
    asked = sqs.get_queue_attributes(QueueUrl=stack["trail_queue"], AttributeNames=["QueueArn"])
    names = {"TRAIL-BUCKET": BUCKET, "QUEUE-ARN": asked["Attributes"]["QueueArn"]}

    def deliver(account: str, *events: Any) -> str:
        today = datetime.now(UTC)
        name = f"{account}_CloudTrail_us-east-1_{today:%Y%m%dT%H%MZ}_{uuid.uuid4().hex[:16]}.json.gz"
        key = f"AWSLogs/o-exampleorgid/{account}/CloudTrail/us-east-1/{today:%Y/%m/%d}/{name}"
        s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(json.dumps({"Records": events}).encode()))
        return key

    with with_only_permissions(block_of("trail.md", 0, names), aws, stack, monkeypatch):
        yield deliver
    for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=each["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def backfill(*more: str) -> dict[str, Any]:
    command = ["audit", "backfill", "--bucket", BUCKET, "--since", f"{datetime.now(UTC):%Y-%m-%d}", "--json", *more]
    result = invoke(command)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def event(stack: dict[str, Any], at: int, session: str, key: str, principal: str) -> dict[str, Any]:
    """Return a call in the Region us-east-1, which no rule forwards."""
    target = stack["targets"]["analytics-prod"]
    who = json.loads(json.dumps(identity(session, key, principal)).replace("444455556666", target["account"]))
    who["sessionContext"]["sessionIssuer"]["arn"] = target["role_arn"]
    made = call_event(0, at=at, who=who, awsRegion="us-east-1", recipientAccountId=target["account"])
    return made | {"eventID": str(uuid.uuid4())}


def test_aud_03_what_no_rule_forwarded_is_joined_or_a_bypass_after_a_backfill(
    api: Api, aws: Any, stack: dict[str, Any], trail: Callable[..., str]
):
    issued, ended = api.ask(), api.ask()
    assert api("DELETE", f"/v1/grants/{ended['grant']['id']}").status_code == 200
    now, stranger = int(time.time()), f"mallory-{uuid.uuid4().hex[:8]}"

    def of(answer: dict[str, Any], at: int, session: str = "") -> dict[str, Any]:
        grant = answer["grant"]
        key = answer["credentials"]["access_key_id"]
        return event(stack, at, session or grant["id"], key, grant["principal"])

    events = {
        "joined": of(issued, now),
        "in its time": of(ended, now),
        "after its end": of(ended, now + 120),
        "by hand": of(issued, now, stranger),
    }
    account = stack["targets"]["analytics-prod"]["account"]
    trail(account, *events.values())
    document = backfill()
    assert (document["sent"], document["skipped"], document["unread"]) == (4, {}, [])
    ids = {each["eventID"]: name for name, each in events.items()}

    def seen() -> list[dict[str, Any]]:
        sql = f"SELECT event_id, region, verdict, grant_id, reasons FROM unique_calls WHERE event_id IN {tuple(ids)}"  # noqa: S608
        return list(AuditQueries(stack)._athena.run(sql, ()).records())

    rows = until(lambda: rows if len(rows := seen()) >= 4 else [])
    found = {ids[row["event_id"]]: (row["verdict"], row["grant_id"], str(row["reasons"])) for row in rows}
    assert {row["region"] for row in rows} == {"us-east-1"}
    assert found["joined"][:2] == ("explained", issued["grant"]["id"])
    assert found["in its time"][:2] == ("explained", ended["grant"]["id"])
    assert found["after its end"][0] == "bypass"
    assert "after_the_end" in found["after its end"][2]
    assert "unknown_session_name" in found["by hand"][2]

    def bypass_records() -> list[dict[str, Any]]:
        """Return the records of the bypass."""
        table = aws("dynamodb").get_paginator("scan").paginate(TableName=stack["tables"]["audit"], ConsistentRead=True)
        texts = [record_in(item) for page in table for item in page["Items"] if "record" in item]
        return [each for each in map(json.loads, texts) if each["event"] == "bypass" and stranger in each["detail"]]

    (record,) = bypass_records()
    assert (record["code"], record["target"]) == ("unknown_session_name", "analytics-prod")

    # Again, with one more event: when that has arrived, any effect of the others has, too.
    last = of(issued, now + 1)
    trail(account, last)
    assert backfill()["sent"] == 5
    ids[last["eventID"]] = "last"
    again = until(lambda: rows if len(rows := seen()) >= 5 else [])
    assert {ids[row["event_id"]]: (row["verdict"], row["grant_id"], str(row["reasons"])) for row in again} == found | {
        "last": found["joined"]
    }
    assert len(bypass_records()) == 1
