"""Redriving: CloudTrail's events, and records that the publisher gave up (row AUD 6)."""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.demo.audit_queries import AuditQueries
from tests.cli import invoke
from tests.system.conftest import Api
from tests.system.guided import block_of, with_only_permissions
from tests.system.test_backfill import event
from tests.system.test_records import until

pytestmark = pytest.mark.slow


@pytest.fixture
def allowed(aws: Any, stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Yield an environment with only the guide's permissions."""
    here = f"{stack['region']}:{stack['account']}"
    names = {
        "TRAIL-DEAD-LETTERS": stack["trail_dead_letters"],
        "ALL-DEAD-LETTERS": stack["dead_letters"],
        "QUEUE-ARN": f"arn:aws:sqs:{here}:{stack['trail_queue'].rpartition('/')[2]}",
        "AUDIT-TABLE": f"arn:aws:dynamodb:{here}:table/{stack['tables']['audit']}",
        "KEY-ARN": aws("kms").describe_key(KeyId="alias/jitney")["KeyMetadata"]["Arn"],
        "REGION:ACCOUNT": here,
    }
    with with_only_permissions(block_of("redrive.md", 0, names), aws, stack, monkeypatch):
        yield


@pytest.fixture
def described(stack: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "stack.json"
    path.write_text(json.dumps(stack))
    return path


def test_aud_06_what_got_stuck_is_replayed_with_the_permissions_of_the_guide(
    api: Api, aws: Any, stack: dict[str, Any], allowed: None, described: Path
):
    issued = api.ask()
    grant, now = issued["grant"], int(time.time())
    ledger = AuditQueries(stack)

    def rows(sql: str) -> list[dict[str, Any]]:
        return list(ledger._athena.run(sql, ()).records())

    first = f"SELECT hash FROM records WHERE grant_id = '{grant['id']}' AND seq = 0"  # noqa: S608
    until(lambda: rows(first))
    stuck = event(stack, now, grant["id"], issued["credentials"]["access_key_id"], grant["principal"])
    envelope = {"source": "aws.s3", "account": stack["targets"]["analytics-prod"]["account"]}
    message = {"detail-type": "AWS API Call via CloudTrail", "detail": stuck} | envelope
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    batch = {f"approximateArrivalOf{which}Record": moment for which in ("First", "Last")}
    sqs, beside = aws("sqs"), stack["trail_queue"].rpartition("/")[0]
    for name, body in (
        ("trail_dead_letters", message),
        ("dead_letters", {"version": "1.0", "DDBStreamBatchInfo": batch | {"shardId": uuid.uuid4().hex}}),
    ):
        url = f"{beside}/{stack[name].rpartition(':')[2]}"
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    result = invoke(["audit", "redrive", "--stack", str(described), "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["trail_events"] >= 1
    assert document["dead_letters"] >= 1
    assert document["records"] >= 1

    (row,) = until(lambda: rows(f"SELECT verdict FROM unique_calls WHERE event_id = '{stuck['eventID']}'"))  # noqa: S608
    assert row["verdict"] == "explained"
    until(lambda: len(rows(first)) >= 2)
    assert len(rows(first.replace("FROM records", "FROM unique_records"))) == 1
