"""`jitney audit backfill` on a bucket and a queue in moto: what it sends, in which form and order, and what
it prints.
"""

import gzip
import json
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from jitney.adapters.delivery_streams import batches
from jitney.client.audit import backfill, trail_files
from jitney.client.audit.backfill import Backfill, BackfillOptions
from jitney.client.audit.trail_files import log_file
from jitney.client.problems import Unavailable
from jitney.core.access.grant import GRANT_RETENTION_SECONDS
from jitney.core.trail.event import ASSUME_ROLE_OPERATIONS, session_event
from tests.cli import invoke
from tests.cloudtrail_events import ACCOUNT, API_CALL, BROKER, assume_role_event, call_event, identity, scoped, stamp
from tests.fakes import GRANT, ROLE_ARN

REGION = "eu-west-1"
TODAY = datetime.now(UTC).date()
NOW = int(time.time())


class Trail:
    """A trail's bucket, and the queue."""

    def __init__(self) -> None:
        self.s3: Any = boto3.client("s3", region_name=REGION)
        self.s3.create_bucket(Bucket="trail", CreateBucketConfiguration={"LocationConstraint": REGION})
        self.sqs: Any = boto3.client("sqs", region_name=REGION)
        self.queue = self.sqs.create_queue(QueueName="trail")["QueueUrl"]
        self.files = 0

    def deliver(
        self, *events: Any, region: str = "us-east-1", day: date = TODAY, account: str = ACCOUNT, above: str = ""
    ) -> str:
        return self.put(gzip.compress(json.dumps({"Records": events}).encode()), region, day, account, above)

    def put(self, body: bytes, region: str = REGION, day: date = TODAY, account: str = ACCOUNT, above: str = "") -> str:
        self.files += 1
        name = f"{account}_CloudTrail_{region}_{day:%Y%m%d}T0210Z_{self.files:016d}.json.gz"
        key = f"{above.format('AWSLogs/') if above else 'AWSLogs/'}{account}/CloudTrail/{region}/{day:%Y/%m/%d}/{name}"
        self.s3.put_object(Bucket="trail", Key=key, Body=body)
        return key

    def run(self, *more: str) -> Any:
        queue = [] if "--stack" in more else ["--queue", self.queue]
        command = ["audit", "backfill", "--bucket", "trail", *queue, "--since", f"{TODAY}"]
        return invoke([*command, "--rate", "3000", *more])

    def document(self, *more: str) -> dict[str, Any]:
        result = self.run("--json", *more)
        return json.loads(result.stdout) | {"exit": result.exit_code}

    def received(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(each["Body"]) for each in messages]
        return found

    def names(self) -> list[str]:
        return [each["detail"]["eventName"] for each in self.received()]


@pytest.fixture
def trail(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trail]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield Trail()


def of_others(number: int) -> dict[str, Any]:
    return call_event(number, at=NOW, who={"type": "IAMUser", "userName": "alice", "accountId": ACCOUNT})


def test_aud_03_events_of_targets_roles_are_sent_as_eventbridge_sends_them(trail: Trail):
    event = call_event(2, at=NOW, awsRegion="us-east-1")
    trail.deliver(of_others(1), event, region="us-east-1")
    assert trail.document() == {
        "files": 1, "events": 2, "other_files": 0, "sent": 1, "skipped": {}, "unread": [], "dry_run": False, "exit": 0,
    }  # fmt: skip
    (message,) = trail.received()
    assert message == {
        "version": "0",
        "id": event["eventID"],
        "detail-type": API_CALL,
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": stamp(NOW),
        "region": "us-east-1",
        "resources": [],
        "detail": event,
        "backfilled": True,
    }


ADMIN = "arn:aws:iam::999999999999:role/Admin"
ANOTHER = ROLE_ARN.rpartition("/")[0] + "/another"


@pytest.mark.parametrize("asked", [ROLE_ARN, ANOTHER, ADMIN, "no ARN", None])
@pytest.mark.parametrize("by", [ROLE_ARN, ANOTHER, ADMIN, None])
def test_aud_03_what_is_taken_in_live_is_chosen_from_a_file(asked: str | None, by: str | None):
    role, name_of = ROLE_ARN.rpartition("/")[2], (by or "").rpartition("/")[2]
    who = json.loads(json.dumps(identity()).replace(ROLE_ARN, by or "").replace(f"/{role}/", f"/{name_of}/"))
    for name, failed in product([*ASSUME_ROLE_OPERATIONS, "GetCallerIdentity"], [{}, {"errorCode": "AccessDenied"}]):
        event = assume_role_event(1, at=NOW) | {"userIdentity": who, "eventName": name, **failed}
        event["requestParameters"] = event["requestParameters"] | {"roleArn": asked}
        live = session_event(event, {ROLE_ARN: ACCOUNT, ANOTHER: ACCOUNT})
        chosen = [(each.event, each.seen) for each in trail_files.select_events([event], ACCOUNT)]
        assert chosen == ([(event, live)] if live else [])


def test_aud_03_a_role_that_a_session_takes_elsewhere_is_sent(trail: Trail):
    parameters = {"roleArn": ADMIN, "roleSessionName": "onwards"}
    trail.deliver(
        call_event(1, at=NOW, eventSource="sts.amazonaws.com", eventName="AssumeRole", requestParameters=parameters)
    )
    assert trail.document()["sent"] == 1
    assert trail.names() == ["AssumeRole"]


def test_aud_03_a_session_that_assumes_a_role_with_jitneys_path_elsewhere_is_sent_at_any_age(trail: Trail):
    """The session chooses the role and the name of the session there, such as that of an old grant."""
    old = NOW - GRANT_RETENTION_SECONDS
    event = assume_role_event(1, at=old, session=GRANT.id) | {"userIdentity": identity(session="admin")}
    event["requestParameters"]["roleArn"] = "arn:aws:iam::999999999999:role/jitney/theirs"
    trail.deliver(event)
    assert (trail.document()["sent"], trail.names()) == (1, ["AssumeRole"])


@pytest.mark.parametrize("event", [assume_role_event(1, at=NOW), call_event(1, at=NOW, sharedEventID="shared-1")])
def test_aud_03_another_accounts_copy_is_sent_as_the_roles_own(trail: Trail, event: dict[str, Any]):
    trail.deliver(event | {"recipientAccountId": BROKER}, account=BROKER)
    assert trail.document()["sent"] == 1
    (message,) = trail.received()
    assert (message["account"], message["detail"]["recipientAccountId"]) == (ACCOUNT, BROKER)


def test_aud_03_how_sessions_began_is_sent_before_what_they_did_and_from_the_day_before(trail: Trail):
    trail.deliver(call_event(1, at=NOW), region="ap-south-1")
    trail.deliver(scoped(2, key="ASIAAAAAAAAAAAAAAAA2", to="ASIAAAAAAAAAAAAAAAA7", at=NOW), region="eu-west-1")
    trail.deliver(assume_role_event(3, at=NOW), region="us-east-1")
    trail.deliver(assume_role_event(4, at=NOW - 86400), call_event(5, at=NOW - 86400), day=TODAY - timedelta(days=1))
    assert trail.document()["sent"] == 4
    assert trail.names() == ["AssumeRole", "GetScopedCredentials", "AssumeRole", "GetObject"]


def test_aud_03_how_sessions_began_is_sent_from_the_day_after(trail: Trail):
    """CloudTrail delivers files of other Regions and accounts later. Otherwise, the call looks like a bypass."""
    yesterday = TODAY - timedelta(days=1)
    trail.deliver(call_event(1, at=NOW - 86400), day=yesterday)
    trail.deliver(call_event(2, at=NOW), assume_role_event(3, at=NOW - 86400))
    document = trail.document("--since", f"{yesterday}", "--until", f"{yesterday}")
    assert (document["files"], document["sent"]) == (1, 2)
    assert trail.names() == ["GetObject", "AssumeRole"]


def test_aud_03_a_period_longer_than_any_trail_is_read(trail: Trail, monkeypatch: pytest.MonkeyPatch):
    asked = list[date]()
    monkeypatch.setattr(Backfill, "_files", lambda _, root, day: asked.append(day) or [])
    assert trail.document("--since", "0001-01-01", "--until", "9999-12-31")["code"] == "no_files_found"
    trail.deliver(call_event(1, at=NOW))
    assert trail.document("--since", "0001-01-01", "--until", "9999-12-31")["files"] == 0
    assert (asked[0], asked[-1]) == (backfill.FIRST_FILES - timedelta(days=1), TODAY + timedelta(days=1))


def test_aud_03_only_events_that_would_be_sent_are_skipped(trail: Trail):
    large = call_event(1, at=NOW, requestParameters={"text": "x" * 1_000_000})
    trail.deliver(large, day=TODAY - timedelta(days=1))
    trail.deliver(call_event(2, at=NOW))
    document = trail.document()
    assert (document["skipped"], document["sent"], document["exit"]) == ({}, 1, 0)


@pytest.mark.parametrize(
    ("above", "more"),
    [
        ("{}o-exampleorgid/", ()),
        ("mine/of/ours/{}", ("--prefix", "mine/of/ours/")),
        ("mine/{}o-exampleorgid/", ("--prefix", "mine", "--account", ACCOUNT)),
    ],
)
def test_aud_03_files_lie_below_a_prefix_or_an_organization(trail: Trail, above: str, more: tuple[str, ...]):
    trail.deliver(call_event(1, at=NOW), above=above)
    assert trail.document(*more)["sent"] == 1


def test_aud_03_only_the_requested_files_are_read(trail: Trail):
    trail.deliver(call_event(1, at=NOW), account="999999999999")
    trail.deliver(call_event(2, at=NOW), day=TODAY - timedelta(days=2))
    trail.s3.put_object(
        Bucket="trail", Key=f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/x/{TODAY:%Y/%m/%d}/d.json.gz", Body=b""
    )
    trail.s3.put_object(
        Bucket="trail", Key=f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{TODAY:%Y/%m/%d}/notes.txt", Body=b""
    )
    trail.deliver(of_others(3))
    document = trail.document("--account", ACCOUNT)
    assert (document["files"], document["other_files"], document["sent"], document["exit"]) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    ("more", "detail", "fix"),
    [
        (("--prefix", "mien"), "no CloudTrail folder below mien/AWSLogs/", "--prefix"),
        (
            ("--account", "444455556667"),
            "no CloudTrail folder for account 444455556667 below AWSLogs/",
            "--account",
        ),
        (("--account", ACCOUNT, "--account", BROKER), f"for account {BROKER} below", "--account"),
    ],
)
def test_aud_03_a_missing_cloudtrail_folder_is_a_problem(trail: Trail, more: tuple[str, ...], detail: str, fix: str):
    trail.deliver(call_event(1, at=NOW))
    trail.s3.put_object(Bucket="trail", Key=f"AWSLogs/{BROKER}/vpcflowlogs/x", Body=b"")
    document = trail.document(*more)
    assert (document["code"], document["exit"], trail.received()) == ("no_files_found", 2, [])
    assert detail in document["detail"]
    assert fix in document["fix"]


def test_aud_03_days_without_files_are_incomplete(trail: Trail):
    trail.deliver(call_event(1, at=NOW), day=TODAY - timedelta(days=2))
    result = trail.run()
    assert (result.exit_code, result.stdout.splitlines()) == (
        2,
        [
            "No files  0 events of Jitney's roles sent",
            "  read      0 files with 0 events",
            "  because   CloudTrail delivered no file on these days; check --since, --until and the trail",
        ],
    )
    document = trail.document()
    assert (document["files"], document["exit"]) == (0, 2)


BROKEN = {
    "not gzip": (b"{}", "is not gzip"),
    "cut": (gzip.compress(b'{"Records": []}')[:-5], "is truncated"),
    "not JSON": (gzip.compress(b"{"), "is not JSON"),
    "too deep": (gzip.compress(b"[" * 100_000), "is not JSON"),
    "no records": (gzip.compress(b'{"digest": 1}'), "has no list of records"),
    "a bomb": (gzip.compress(b" " * 3_000_000), "is larger than 2 MiB"),
    "a bomb of parts": (gzip.compress(b" " * 1_500_000) * 2, "is larger than 2 MiB"),
}


@pytest.mark.parametrize(("body", "why"), BROKEN.values(), ids=BROKEN)
def test_aud_03_a_malformed_file_is_named_and_the_others_are_read(
    trail: Trail, body: bytes, why: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trail_files, "MOST_BYTES", 2 * 1024 * 1024)
    key = trail.put(body)
    trail.deliver(call_event(1, at=NOW))
    document = trail.document()
    assert (document["unread"], document["sent"], document["exit"]) == ([{"file": key, "reason": why}], 1, 2)


def test_aud_03_a_decompression_bomb_is_not_expanded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trail_files, "MOST_BYTES", 1000)
    asked: list[int] = []
    real = zlib.decompressobj

    class Watched:
        def __init__(self, form: int) -> None:
            self._stream = real(form)

        def decompress(self, body: bytes, most: int) -> bytes:
            asked.append(most)
            return self._stream.decompress(body, most)

    monkeypatch.setattr(trail_files.zlib, "decompressobj", Watched)
    with pytest.raises(trail_files.MalformedLogFile):
        trail_files.events_in(gzip.compress(b" " * 10_000_000))
    assert asked == [1001]


def test_aud_03_events_that_cannot_be_used_are_counted_with_their_reasons(trail: Trail):
    elsewhere = call_event(1, at=NOW) | {"recipientAccountId": "999999999999"}
    twice = call_event(2, at=NOW, who=identity() | {"principalId": "AROA:other"})
    trail.deliver(elsewhere, twice, "nothing", call_event(3, at=NOW))
    document = trail.document()
    assert document["skipped"] == {
        "malformed: not_of_this_account": 1,
        "malformed: session_name": 1,
    }
    assert (document["sent"], document["exit"]) == (1, 2)


def test_aud_03_events_older_than_grant_retention_are_skipped(trail: Trail):
    """Such a call looks like a bypass. Sessions with other names need no grant."""
    old = NOW - GRANT_RETENTION_SECONDS
    trail.deliver(
        call_event(1, at=old), call_event(2, at=old, who=identity(session="admin")), call_event(3, at=old + 2 * 86400)
    )
    document = trail.document()
    assert (document["skipped"], document["sent"], document["exit"]) == (
        {"older than the retention of grants": 1},
        2,
        2,
    )


def test_aud_03_a_dry_run_sends_nothing(trail: Trail):
    trail.deliver(call_event(1, at=NOW))
    result = trail.run("--dry-run")
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        ["Complete  1 event of Jitney's roles would be sent", "  read      1 file with 1 event"],
    )
    assert trail.received() == []


def test_aud_03_skipped_events_and_files_are_printed(trail: Trail):
    key = trail.put(b"no gzip")
    trail.deliver(call_event(1, at=NOW), call_event(2, at=NOW - GRANT_RETENTION_SECONDS))
    assert trail.run().stdout.splitlines() == [
        "Incomplete  1 event of Jitney's roles sent",
        "  read      1 file with 2 events",
        "  skipped   1 older than the retention of grants",
        f"  not read  {key} is not gzip",
        "  next      verdicts follow within minutes: jitney audit query bypasses",
    ]


def test_aud_03_an_unusable_bucket_or_queue_is_a_problem(trail: Trail, tmp_path: Path):
    for more, code in (
        (("--bucket", "nobodys"), "bucket_unreadable"),
        (("--until", f"{TODAY - timedelta(days=1)}"), "usage"),
        (("--stack", str(tmp_path / "none.json")), "stack_file_invalid"),
    ):
        document = trail.document(*more)
        assert (document["code"], document["exit"]) == (code, 2)
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps({"Jitney": {"TrailQueue": trail.queue}}))
    trail.deliver(call_event(1, at=NOW))
    assert trail.document("--stack", str(outputs))["sent"] == 1


class Flaky:
    """A queue that accepts a part of a batch, and nothing of `refused`."""

    def __init__(self, *, sender: bool = False, broken: bool = False) -> None:
        self.taken: list[str] = []
        self._sender, self._broken = sender, broken

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        if self._broken:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessageBatch")
        assert len(Entries) <= 10
        assert sum(len(each["MessageBody"].encode()) for each in Entries) <= 1_000_000
        fails = [each for each in Entries[1:] if len(Entries) > 1]
        self.taken += [each["MessageBody"] for each in Entries[: len(Entries) - len(fails)]]
        return {"Failed": [{"Id": each["Id"], "Code": "Throttled", "SenderFault": self._sender} for each in fails]}


def run(queue: Any, paused: list[float]) -> Backfill:
    asked = BackfillOptions("trail", "", "https://sqs.eu-west-1.amazonaws.com/1/q", TODAY, TODAY, (), 5, dry_run=False)
    made = Backfill(asked, lambda *_: None, NOW, paused.append)
    made._sqs = queue
    return made


def test_aud_06_refused_messages_are_sent_again_at_the_requested_rate(trail: Trail):
    trail.deliver(*[call_event(number, at=NOW) for number in range(4)])
    queue, paused = Flaky(), list[float]()
    assert run(queue, paused).run().sent == 4
    assert len(set(queue.taken)) == 4
    assert paused[-1] == 4 / 5


@pytest.mark.parametrize("queue", [Flaky(sender=True), Flaky(broken=True)])
def test_aud_06_an_unavailable_queue_ends_the_run(trail: Trail, queue: Flaky):
    trail.deliver(*[call_event(number, at=NOW) for number in range(4)])
    with pytest.raises(Unavailable, match="after 0 events"):
        run(queue, []).run()


def test_aud_03_a_permanently_refused_message_is_counted_and_the_others_are_sent(trail: Trail):
    class Choosy(Flaky):
        def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
            self.taken += [each["MessageBody"] for each in Entries[1:]]
            return {"Failed": [{"Id": Entries[0]["Id"], "Code": "InvalidMessageContents", "SenderFault": True}]}

    trail.deliver(*[call_event(number, at=NOW) for number in range(4)])
    queue = Choosy()
    summary = run(queue, []).run()
    assert (summary.sent, len(queue.taken), summary.complete) == (3, 3, False)
    assert summary.skipped == {"refused by the queue: InvalidMessageContents": 1}


def test_aud_03_an_event_that_no_message_can_hold_is_named_and_the_others_are_sent(trail: Trail):
    large = call_event(1, at=NOW, requestParameters={"text": "x" * 1_000_000})
    trail.deliver(large, call_event(2, at=NOW))
    queue = Flaky()
    summary = run(queue, []).run()
    assert (summary.sent, len(queue.taken), summary.complete) == (1, 1, False)
    assert summary.skipped == {f"larger than 1000000 bytes: event {large['eventID']}": 1}


def test_aud_03_long_events_go_in_batches_of_their_own():
    messages = ["x" * 600_000, "y" * 500_000, "z"] + ["w"] * 11
    sent = batches(messages, len, backfill.MOST_IN_BATCH, backfill.MOST_BYTES)
    sizes = [[len(each) for each in batch] for batch in sent]
    assert sizes == [[600_000], [500_000] + [1] * 9, [1] * 3]


@pytest.mark.parametrize(
    "key",
    [
        f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/31/{ACCOUNT}_CloudTrail_us-east-1_20261131T0000Z_a.json.gz",
        f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/30/999999999999_CloudTrail_us-east-1_20261130T0000Z_a.json.gz",
        f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/30/{ACCOUNT}_CloudTrail_eu-west-1_20261130T0000Z_a.json.gz",
        f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/30/{ACCOUNT}_CloudTrail_us-east-1_20261130T0000Z_a.json.gz\n",
    ],
)
def test_aud_03_a_name_that_is_not_cloudtrails_is_no_file_of_it(key: str):
    assert log_file(key) is None


def test_aud_03_a_sign_that_sqs_does_not_take_stops_nothing():
    event = call_event(1, at=NOW, requestParameters={"bucketName": "reports", "key": "a\uffff\ufffe\U0010ffff"})
    (found,) = trail_files.select_events([event], ACCOUNT)
    assert isinstance(found, trail_files.SelectedEvent)
    message = trail_files.message_of(found)
    assert message.isascii()
    assert json.loads(message)["detail"] == event


def test_aud_03_a_file_is_not_read_that_is_too_large(trail: Trail, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(backfill, "MOST_COMPRESSED", 1024 * 1024)
    key = trail.put(bytes(1024 * 1024 + 1))
    assert trail.document()["unread"] == [{"file": key, "reason": "is larger than 1 MiB"}]


def test_aud_03_a_bomb_of_empty_parts_or_of_many_records_is_given_up():
    parts = gzip.compress(b"") * (trail_files.MOST_MEMBERS + 1)
    with pytest.raises(trail_files.MalformedLogFile, match="parts"):
        trail_files.events_in(parts)
    with pytest.raises(trail_files.MalformedLogFile, match="32 MiB"):
        trail_files.events_in(gzip.compress(b'{"Records":[' + b"[]," * 12_000_000 + b"[]]}"))
