"""Forged, changed, moved and deleted records and calls: each answer says so (rows AUD 2 and AUD 9).

The buckets, the audit table and its stream are in moto. A small engine answers from the bucket, as Athena does.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from jitney.adapters.record_items import record_attribute
from jitney.adapters.trail import CALL_RETENTION_SECONDS
from jitney.adapters.transactions import RECORD_RETENTION_SECONDS
from jitney.client.audit import answer_check, table_comparison
from jitney.client.audit import athena as athena_module
from jitney.client.audit.athena import NamedQuery, QueryResult
from jitney.client.audit.audit_table import AuditTable
from jitney.client.audit.evidence import Archive
from jitney.client.problems import Invalid
from jitney.core.integrity import seal_chain
from jitney.core.integrity.contents import RecordPosition, read_contents
from jitney.core.integrity.published_calls import read_call
from jitney.core.integrity.reconciliation import ARRIVAL_SECONDS
from jitney.core.integrity.seals import SKEW_SECONDS, Seal, SignedSeal, next_seal, public_key_path, seal_key
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome, chain_record
from jitney.core.records.chain_numbers import sort_key
from jitney.core.times import iso
from jitney.core.trail.call_line import line_of
from jitney.core.trail.join import CallVerdict, Purpose
from tests.cli import invoke
from tests.client.fake_definitions import FakeDefinitions
from tests.client.test_cli_audit import REGION, pem
from tests.core.integrity.world import HOUR, SIGNER, STRANGER, rewritten
from tests.core.report.recorded_grants import CALL, RecordedGrant
from tests.fakes import GRANT

ENVIRONMENT = {
    "JITNEY_RECORDS_BUCKET": "records",
    "JITNEY_SEALS_BUCKET": "seals",
    "JITNEY_AUDIT_TABLE": "audit",
    "JITNEY_ATHENA_WORKGROUP": "jitney",
    "JITNEY_SEAL_KEY": SIGNER.fingerprint,
}
COMMANDS = {
    "query": ("query", "requests"),
    "who": ("who", "--resource", "arn:aws:s3:::reports", "--since", "2d"),
    "show": ("show", GRANT.id),
    "verify": ("verify",),
}


class Stream:
    """The stream of the audit table, which moto lacks: two shards on two pages, and answers that may be empty."""

    def __init__(self) -> None:
        self.images: list[dict[str, Any]] = []

    def describe_stream(self, *, StreamArn: str, ExclusiveStartShardId: str = "") -> dict[str, Any]:  # noqa: N803
        assert StreamArn.startswith(f"arn:aws:dynamodb:{REGION}:123456789012:table/audit/stream/")
        if ExclusiveStartShardId:
            return {"StreamDescription": {"Shards": [{"ShardId": "1"}]}}
        return {"StreamDescription": {"Shards": [{"ShardId": "0"}], "LastEvaluatedShardId": "0"}}

    def get_shard_iterator(self, *, StreamArn: str, ShardId: str, ShardIteratorType: str) -> dict[str, str]:  # noqa: N803
        assert (bool(StreamArn), ShardIteratorType) == (True, "TRIM_HORIZON")
        return {"ShardIterator": f"{ShardId}:0"}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:  # noqa: N803
        shard, _, page = ShardIterator.partition(":")
        images = self.images[int(shard) :: 2] if page == "3" else []
        records = [{"eventName": "INSERT", "dynamodb": {"NewImage": each}} for each in images]
        removed = [{"eventName": "REMOVE", "dynamodb": {"Keys": {}}}] if page == "2" else []
        answer = {"Records": [*removed, *records]}
        # The first shard is closed, and the second one stays open.
        return answer if shard == "0" and page == "3" else answer | {"NextShardIterator": f"{shard}:{int(page) + 1}"}


def refuse_impossible_keys(params: dict[str, Any], **_: Any) -> None:
    """Refuse keys as DynamoDB does, and moto does not.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    """
    for key in [each for table in params["RequestItems"].values() for each in table["Keys"]]:
        pk, sk = (key[name]["S"].encode("utf-8", "surrogatepass") for name in ("pk", "sk"))
        if not (
            0 < len(pk) <= 2048 and 0 < len(sk) <= 1024 and (pk + sk).decode("utf-8", "ignore").encode() == pk + sk
        ):
            raise ClientError({"Error": {"Code": "ValidationException"}}, "BatchGetItem")


class Deployment:
    """Grants whose requests are sealed. Their releases and one call each, of the last hour, are not sealed yet."""

    def __init__(self) -> None:
        self.now = int(time.time())
        self.s3: Any = boto3.client("s3", region_name=REGION)
        for bucket in ("records", "seals"):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.dynamodb: Any = boto3.client("dynamodb", region_name=REGION)
        self.dynamodb.meta.events.register("provide-client-params.dynamodb.BatchGetItem", refuse_impossible_keys)
        self.dynamodb.create_table(
            TableName="audit",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        self.stream, self.definitions = Stream(), FakeDefinitions()
        self.last: Seal | None = None
        self.s3.put_object(Bucket="seals", Key=public_key_path(SIGNER.fingerprint), Body=pem(SIGNER.key))
        self.early, self.late = self.now - 3 * HOUR, self.now - HOUR // 2
        if self.late % (24 * HOUR) < SKEW_SECONDS:  # clocks explain why it is in the folder of the day before
            self.late += SKEW_SECONDS
        grants = [RecordedGrant(replace(GRANT, id=each)) for each in GRANTS]
        for each in grants:
            each.write(AuditEvent.REQUEST, Outcome.ALLOWED, self.early)
            self.item(each.grant.id, sort_key(0), self.early, **record_attribute(each.links[0].text))
        self.put(f"records/dt={self.day(self.early)}/0", "\n".join(each.links[0].text for each in grants))
        self.seal(self.now - 2 * HOUR)
        for each in grants:
            each.write(AuditEvent.RELEASE, Outcome.RELEASED, self.late)
            self.publish(each, self.late)
            self.put(self.call(each.grant.id), self.call_line(each.grant.id))
            place = read_call(self.call_line(each.grant.id).encode())
            assert place
            self.item(*place.place, self.late, line={"S": self.call_line(each.grant.id)})

    def call_line(self, grant_id: str) -> str:
        made = replace(CALL, time=self.late, event_id=f"e-{grant_id}", session=grant_id)
        verdict = CallVerdict(Purpose.GRANT, grant_id, ())
        return line_of(made, verdict, replace(GRANT, id=grant_id), "analytics-prod", self.late)

    def call(self, grant_id: str) -> str:
        return f"calls/dt={self.day(self.late)}/{self.day(self.late)}/{grant_id}"

    def released(self, grant_id: str) -> str:
        return f"records/dt={self.day(self.late)}/{grant_id}-1"

    @staticmethod
    def day(seconds: int) -> str:
        return iso(seconds)[:10]

    def publish(self, grant: RecordedGrant, at: int) -> str:
        """Write and publish a grant's newest record. Return its object."""
        link = grant.links[-1]
        self.item(link.chain, sort_key(link.seq), at, **record_attribute(link.text))
        key = f"records/dt={self.day(at)}/{link.chain}-{link.seq}"
        self.put(key, link.text)
        return key

    def item(self, pk: str, sk: str, at: int, **content: Any) -> None:
        expires = {"N": str(at + (CALL_RETENTION_SECONDS if "line" in content else RECORD_RETENTION_SECONDS))}
        item = {"pk": {"S": pk}, "sk": {"S": sk}, "expires": expires} | content
        self.dynamodb.put_item(TableName="audit", Item=item)
        self.stream.images.append(item)

    def seal(self, at: int) -> None:
        known = {each.key for each in self.last.objects} if self.last else set()
        found = [(key, read_contents(self.body(key))) for key in self.keys("records/") if key not in known]
        self.last = next_seal(self.last, found, SIGNER.fingerprint, at)
        self.s3.put_object(Bucket="seals", Key=seal_key(self.last.number), Body=SIGNER.sign(self.last).text.encode())

    def keys(self, prefix: str) -> list[str]:
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket="records", Prefix=prefix).get("Contents", [])]

    def body(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket="records", Key=key)["Body"].read())

    def put(self, key: str, text: str | bytes) -> None:
        self.s3.put_object(Bucket="records", Key=key, Body=text)

    def delete(self, key: str) -> None:
        """Delete every version of an object, as an administrator can."""
        for each in self.s3.list_object_versions(Bucket="records", Prefix=key)["Versions"]:
            self.s3.delete_object(Bucket="records", Key=key, VersionId=each["VersionId"])

    def move(self, key: str, to: str) -> None:
        body = self.body(key)
        self.delete(key)
        self.put(to, body)

    # The answers, as Athena gives them.

    database, partition = "jitney", "aws"

    def named(self) -> Sequence[NamedQuery]:
        sql = "SELECT * FROM unique_records WHERE dt >= CAST(CAST(current_date - INTERVAL '2' DAY AS DATE) AS VARCHAR)"
        return [NamedQuery("requests", "Requests of the last 2 days", sql)]

    def run(self, sql: str, parameters: Sequence[str] = (), progress: Any = None) -> QueryResult:
        folder = "calls/" if "calls" in sql else "records/"
        rows = [
            {**json.loads(line), "dt": key.partition("dt=")[2][:10], "denied": False}
            for key in self.keys(folder)
            for line in self.body(key).splitlines()
        ]
        wanted = {each for each in parameters if each.startswith("g-")}
        rows = [{**each, "principal": each.get("principal", "")} for each in rows]
        rows = [each for each in rows if not wanted or each["grant_id"] in wanted]
        columns = tuple(rows[0]) if rows else ("grant_id",)
        return QueryResult(columns, tuple(tuple(each[name] for name in columns) for each in rows), 0, 0.0)


@pytest.fixture
def deployment(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    credentials = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": REGION}
    for name, value in (credentials | ENVIRONMENT).items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        made = Deployment()
        known = {"dynamodbstreams": made.stream, "dynamodb": made.dynamodb, "s3": made.s3}
        known |= dict.fromkeys(("athena", "glue", "cloudformation"), made.definitions)
        monkeypatch.setattr(boto3.session.Session, "client", lambda _, name, **__: known[name])
        monkeypatch.setattr(athena_module, "connected", lambda *_: made)
        yield made


def run(command: str, *more: str) -> Any:
    return invoke(["audit", *COMMANDS[command], *more])


def claims(command: str, *more: str) -> tuple[int, str, list[str]]:
    """Return the exit code, the state and the failures."""
    result = run(command, "--json", *more)
    document = json.loads(result.stdout)
    if command == "verify":
        waiting = document["verdict"] == "verified" and document["awaiting_seal"]["records"]
        state = "not yet" if waiting else document["verdict"]
        return result.exit_code, state, [each["sentence"] for each in document["failures"]]
    return result.exit_code, document["integrity"]["state"], document["integrity"]["failures"]


def forge(to: Deployment, grant_id: str) -> None:
    """Add a request that names a grant, in a chain of its own."""
    request = RecordedGrant(replace(GRANT, id="g-forgedforgedfo")).write(AuditEvent.REQUEST, Outcome.ALLOWED, to.late)
    line = rewritten(request.links[0].text.encode(), rehash=True, grant_id=grant_id)
    to.put(f"records/dt={to.day(to.late)}/forged", line)


def forge_old(to: Deployment, grant_id: str) -> None:
    """Add an approval to the end of a grant's chain, with a time that the audit table no longer covers."""
    last = json.loads(to.body(to.released(grant_id)))
    members = {"seq": 2, "prev": last["hash"], "time": iso(to.now - 200 * 24 * HOUR), "event": AuditEvent.VOTE}
    line = rewritten(to.body(to.released(grant_id)), rehash=True, outcome=Outcome.APPROVED, **members)
    to.put(f"records/dt={to.day(to.late)}/forged", line)


def change(to: Deployment, grant_id: str) -> None:
    key = to.released(grant_id)
    to.put(key, rewritten(to.body(key), rehash=True, reason="no harm done"))


def remove(to: Deployment, grant_id: str) -> None:
    to.delete(to.released(grant_id))


def move(day: int | None) -> Callable[[Deployment, str], None]:
    """Return an attack that moves a record to the folder of another day, or to where no query looks."""

    def moved(to: Deployment, grant_id: str) -> None:
        folder = "other/" if day is None else f"records/dt={to.day(to.late + day * 24 * HOUR)}/"
        to.move(to.released(grant_id), f"{folder}moved-{grant_id}")

    return moved


def call_put(change: Callable[[str], str], name: str = "") -> Callable[[Deployment, str], None]:
    return lambda to, grant_id: to.put(f"{to.call(grant_id)}{name}", change(to.call_line(grant_id)))


GONE = "is missing, with the records that seal 1 covers: record 1 of {0}."
ATTACKS: tuple[tuple[Callable[[Deployment, str], None], str, str], ...] = (
    (forge, "record 0 of g-forgedforgedfo: forged", "record 0 of g-forgedforgedfo: forged"),
    (change, "record 1 of {0}: changed before the seal", "record 1 of {0} was changed after seal 1"),
    (remove, "record 1 of {0}", GONE),
    (move(-1), "record 1 of {0}: moved", GONE),
    (move(2), "moved-{0} was added: no seal covers it", GONE),
    (move(None), "record 1 of {0}", GONE),
    (call_put(lambda line: line.replace("GetObject", "PutObject")), "call e-{0}: changed", "call e-{0}: changed"),
    (call_put(lambda line: line.replace('"e-', '"f-'), "-2"), "call f-{0}: forged", "call f-{0}: forged"),
    (lambda to, grant_id: to.delete(to.call(grant_id)), "Call e-{0}: missing in S3", "Call e-{0}: missing in S3"),
    (
        lambda to, grant_id: to.move(to.call(grant_id), f"calls/dt={to.day(to.late - 24 * HOUR)}/{grant_id}"),
        "call e-{0}: moved",
        "call e-{0}: moved",
    ),
    (
        lambda to, grant_id: to.move(to.call(grant_id), f"calls/dt={to.day(to.late)}/_{grant_id}"),
        "call e-{0}: hidden",
        "call e-{0}: hidden",
    ),
    (
        lambda to, grant_id: to.move(to.released(grant_id), f"records/dt={to.day(to.late)}/.{grant_id}"),
        "record 1 of {0}: hidden",
        GONE,
    ),
)
"""Each attack on a grant, and what is said of it before the seal, and after it."""
GRANTS = (GRANT.id, *(f"g-{letter * 14}" for letter in "bcdefghijkl"))


@pytest.mark.parametrize("sealed", [False, True], ids=["before", "after"])
def test_aud_09_every_command_says_what_was_tampered_with(deployment: Deployment, *, sealed: bool):
    if sealed:
        deployment.seal(deployment.now - 60)
    assert {command: claims(command)[2] for command in COMMANDS} == {name: [] for name in COMMANDS}
    expected = []
    for (attack, before, after), grant_id in zip(ATTACKS, GRANTS, strict=True):
        attack(deployment, grant_id)
        expected.append((after if sealed else before).format(grant_id))
    for command in COMMANDS:
        code, state, failures = claims(command)
        assert (code, state) == (1, "broken"), command
        # A report covers its grant's days. What was moved to another day is missing there.
        said = [each.partition(":")[0][5 * each.lower().startswith("call ") :] for each in expected]
        wanted = said if command == "show" else expected
        assert [each for each in wanted if not any(each in one for one in failures)] == [], (command, failures)
    lost = next((each for each in claims("query")[2] if each.startswith("Missing in S3: record")), "")
    assert lost.count(" of g-") == (0 if sealed else 2)  # deleted, and moved to where no query looks
    rows = json.loads(run("query", "--json").stdout)["rows"]
    assert {each["records"] for each in rows if each["grant_id"] in GRANTS} == {"broken"}


BEFORE_THE_SEAL: dict[str, tuple[Callable[[Deployment, str], None], str]] = {
    "forged": (forge, "record 0 of g-forgedforgedfo: forged, because the audit table has no such record"),
    "changed": (change, "record 1 of {0}: changed before the seal"),
    "removed": (remove, "Missing in S3: record 1 of {0}."),
    "moved away": (move(None), "Missing in S3: record 1 of {0}."),
    "moved to an earlier day": (move(-1), "record 1 of {0}: moved"),
    "hidden": (
        lambda to, grant_id: to.move(to.released(grant_id), f"records/dt={to.day(to.late)}/_{grant_id}"),
        "record 1 of {0}: hidden, because Athena may skip an object of this name",
    ),
    "forged with an old time": (forge_old, "record 2 of {0}: forged, with a time more than 97 days before it was"),
}


@pytest.mark.parametrize("name", BEFORE_THE_SEAL)
def test_aud_09_what_was_tampered_with_before_its_seal_is_named_after_it(deployment: Deployment, name: str):
    attack, words = BEFORE_THE_SEAL[name]
    attack(deployment, GRANT.id)
    deployment.seal(deployment.now - 60)
    deployment.stream.images.clear()  # DynamoDB keeps a stream for 24 hours
    for command in COMMANDS:
        code, state, failures = claims(command)
        assert (code, state) == (1, "broken"), command
        assert any(words.format(GRANT.id) in each for each in failures), (command, failures)
    rows = json.loads(run("query", "--json").stdout)["rows"]
    assert {each["records"] for each in rows if each["grant_id"] == GRANT.id} == {"broken"}


@pytest.mark.parametrize("expires", [{"N": "1.5"}, {"N": "9" * 30}, {"N": "-" + "9" * 30}, {"S": "soon"}], ids=str)
def test_aud_09_an_expiry_that_no_function_writes_stops_no_check(deployment: Deployment, expires: dict[str, str]):
    """A person who can write to the audit table can add any item. The stream lists it for a day."""
    grant = RecordedGrant(replace(GRANT, id="g-xxxxxxxxxxxxxx"))
    grant.write(AuditEvent.REQUEST, Outcome.ALLOWED, deployment.late)
    deployment.publish(grant, deployment.late)
    item = deployment.stream.images[-1] | {"expires": expires}
    deployment.stream.images.append(item)
    deployment.dynamodb.put_item(TableName="audit", Item=item)
    assert claims("verify") == (0, "not yet", [])
    deployment.delete(f"records/dt={deployment.day(deployment.late)}/{grant.grant.id}-0")
    code, state, (failure,) = claims("verify")
    assert (code, state, failure[:39]) == (1, "broken", "Missing in S3: record 0 of g-xxxxxxxxxx")


@pytest.mark.parametrize("sealed", [False, True], ids=["before", "after"])
def test_aud_09_names_that_no_table_can_hold_are_forged_and_stop_no_check(deployment: Deployment, *, sealed: bool):
    """An added line must not end the check before it names what was tampered with."""
    line, folder = deployment.body(deployment.released(GRANT.id)), f"records/dt={deployment.day(deployment.late)}"
    for number, members in enumerate(({"chain": "x" * 2049}, {"seq": 10**1100}, {"chain": ""})):
        deployment.put(f"{folder}/forged-{number}", rewritten(line, rehash=True, **members))
    call = deployment.call_line(GRANT.id)
    for number, name in enumerate(("x" * 2000, "\\ud800")):
        forged = call.replace(f'"e-{GRANT.id}"', f'"{name}"')
        deployment.put(f"{deployment.call(GRANT.id)}-{number}", forged)
    if sealed:
        deployment.seal(deployment.now - 60)
    for command in ("query", "verify"):
        code, state, failures = claims(command)
        assert (code, state) == (1, "broken")
        assert sum("forged, because the audit table has no such" in each for each in failures) == 4, failures
        assert any(f"{folder}/forged-1 is not a record" in each for each in failures), failures
        assert run(command).exit_code == 1


def test_aud_09_a_removed_record_of_a_call_is_named_if_cloudtrail_has_the_call(deployment: Deployment):
    """A read through the gateway has one record, so nothing in its chain shows that it is missing."""
    name, at = "c-aaaaaaaaaaaaaa", deployment.late
    link = chain_record(
        AuditRecord(at, AuditEvent.CALL, Outcome.ANSWERED, grant_id=GRANT.id, detail={"call": {}}), name
    )
    deployment.item(name, sort_key(0), at, **record_attribute(link.text))
    deployment.put(f"records/dt={deployment.day(at)}/{name}", link.text)
    made = replace(CALL, time=at, event_id="e-read", session=f"c-reads-{GRANT.id}")
    verdict = CallVerdict(Purpose.READS, GRANT.id, (), name, "recorded")
    line = line_of(made, verdict, GRANT, "analytics-prod", at)
    place = read_call(line.encode())
    assert place
    deployment.item(*place.place, at, line={"S": line})
    deployment.put(f"{deployment.call(GRANT.id)}-read", line)
    assert {command: claims(command)[2] for command in COMMANDS} == {name: [] for name in COMMANDS}
    deployment.delete(f"records/dt={deployment.day(at)}/{name}")
    deployment.seal(deployment.now - 60)
    deployment.stream.images.clear()
    for command in COMMANDS:
        code, _, failures = claims(command)
        assert (code, [each.partition(".")[0] for each in failures]) == (1, [f"Missing in S3: record 0 of {name}"])


def test_aud_09_old_chains_are_not_looked_up(deployment: Deployment, monkeypatch: pytest.MonkeyPatch):
    deployment.seal(deployment.now - 60)
    asked: list[RecordPosition] = []
    held = AuditTable.held
    monkeypatch.setattr(AuditTable, "held", lambda table, places: asked.extend(places) or held(table, places))
    assert claims("verify")[:2] == (0, "verified")
    assert {place.seq for place in asked} == {0, 1, 2}
    asked.clear()
    monkeypatch.setattr(table_comparison, "RECORD_RETENTION_SECONDS", -31 * 24 * HOUR)
    assert (claims("verify")[:2], asked) == ((0, "verified"), [])


def test_aud_09_an_answer_about_days_before_the_first_seal_is_not_verified(deployment: Deployment):
    deployment.seal(deployment.now - 60)
    code, state, _ = claims("query", "--since", "9d", "--until", "5d")
    assert (code, state) == (2, "unverified")
    (words,) = (each for each in json.loads(run("query", "--json").stdout)["integrity"]["sentences"] if "first" in each)
    assert words.endswith(": a missing row of an earlier day proves nothing.")
    assert claims("query")[:2] == (0, "verified")


def test_aud_09_a_missing_call_through_the_gateway_leaves_no_grant_verified(deployment: Deployment):
    record = AuditRecord(deployment.late, AuditEvent.CALL, Outcome.ANSWERED, grant_id=GRANT.id)
    link = chain_record(replace(record, detail={"call": {}}), "c-aaaaaaaaaaaaaa")
    key = f"records/dt={deployment.day(deployment.late)}/{link.chain}"
    deployment.item(link.chain, sort_key(0), deployment.late, **record_attribute(link.text))
    deployment.put(key, link.text)
    deployment.seal(deployment.now - 60)

    def states() -> set[str]:
        rows = json.loads(run("query", "--json").stdout)["rows"]
        return {each["records"] for each in rows}

    assert states() == {"verified"}
    deployment.delete(key)
    assert (states(), claims("query")[1]) == ({""}, "broken")


def test_aud_09_too_many_records_are_not_compared_and_the_answer_says_so(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    count = 2 * len(GRANTS)
    deployment.seal(deployment.now - 60)
    compared = f"{count} sealed records: verified against their seals; {{}} of them compared with the audit table."
    assert compared.format(count) in json.loads(run("query", "--json").stdout)["integrity"]["sentences"]
    monkeypatch.setattr(answer_check, "MOST_COMPARED", count - 1)
    assert compared.format(0) in json.loads(run("query", "--json").stdout)["integrity"]["sentences"]


def test_aud_09_an_untouched_answer_says_what_is_sealed(deployment: Deployment, monkeypatch: pytest.MonkeyPatch):
    # The same record under another name changes no answer, and neither does a second delivery.
    deployment.move(deployment.released(GRANT.id), f"{deployment.released(GRANT.id)}-again")
    deployment.put(f"{deployment.released(GRANTS[1])}-twice", deployment.body(deployment.released(GRANTS[1])))
    assert {command: claims(command) for command in COMMANDS} == dict.fromkeys(COMMANDS, (0, "not yet", []))
    deployment.seal(deployment.now - 60)
    assert {command: claims(command) for command in COMMANDS} == dict.fromkeys(COMMANDS, (0, "verified", []))
    monkeypatch.setattr(answer_check, "MOST_READ", 1)
    # Of many sealed objects, those are read that changed since.
    change(deployment, GRANTS[2])
    code, state, failures = claims("query")
    assert (code, state) == (1, "broken")
    assert any(f"record 1 of {GRANTS[2]} was changed after seal 1" in each for each in failures)


def test_aud_09_many_sealed_objects_are_listed_and_not_read(deployment: Deployment, monkeypatch: pytest.MonkeyPatch):
    deployment.seal(deployment.now + 60)  # after all objects were written
    monkeypatch.setattr(answer_check, "MOST_READ", 1)
    document = json.loads(run("query", "--json").stdout)
    assert (document["integrity"]["state"], {each["records"] for each in document["rows"]}) == ("sealed", {"sealed"})
    assert any("There are too many calls to compare" in each for each in document["integrity"]["sentences"])
    deployment.delete(deployment.released(GRANT.id))
    assert claims("query")[:2] == (1, "broken")


def test_aud_09_hidden_calls_are_named_also_among_too_many_calls(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    deployment.seal(deployment.now + 60)
    hidden = f"calls/dt={deployment.day(deployment.late)}/_{GRANT.id}"
    deployment.move(deployment.call(GRANT.id), hidden)
    deployment.put(f"{hidden}_SUCCESS", "")
    monkeypatch.setattr(answer_check, "MOST_READ", 1)
    words = f"The calls in {hidden}: hidden, because Athena may skip an object of this name."
    assert claims("query") == (1, "broken", [words])


def test_aud_09_a_multipart_upload_that_began_before_the_seal_is_read(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    """S3 lists it with the time of its beginning, although its content is newer."""
    key = deployment.released(GRANT.id)
    changed = rewritten(deployment.body(key), rehash=True, reason="no harm done")
    deployment.seal(deployment.now + 60)
    upload = {"Bucket": "records", "Key": key}
    upload["UploadId"] = deployment.s3.create_multipart_upload(**upload)["UploadId"]
    part = deployment.s3.upload_part(**upload, PartNumber=1, Body=changed)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    deployment.s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    monkeypatch.setattr(answer_check, "MOST_READ", 1)
    code, state, failures = claims("query")
    assert (code, state) == (1, "broken")
    assert any(f"record 1 of {GRANT.id} was changed after seal 1" in each for each in failures)


def test_aud_09_an_object_of_the_second_of_its_seal_is_read(deployment: Deployment, monkeypatch: pytest.MonkeyPatch):
    written = deployment.s3.head_object(Bucket="records", Key=deployment.released(GRANT.id))["LastModified"]
    deployment.seal(int(written.timestamp()))
    monkeypatch.setattr(answer_check, "MOST_READ", 1)
    read: list[str] = []
    body = Archive._body
    monkeypatch.setattr(Archive, "_body", lambda self, *where, **of: read.append(of["Key"]) or body(self, *where, **of))
    assert claims("query")[1] in ("sealed", "verified")
    assert deployment.released(GRANT.id) in read


@pytest.mark.parametrize("storage", ["GLACIER", "DEEP_ARCHIVE"])
@pytest.mark.parametrize("kind", ["record", "call"])
@pytest.mark.parametrize("most_read", [1, 2000])
def test_aud_09_an_answer_without_archived_objects_is_not_verified(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, kind: str, storage: str, most_read: int
):
    """A rule of the bucket can archive an object. S3 then lists the time of its writing, and Athena skips it."""
    deployment.seal(deployment.now + 60)
    key = deployment.released(GRANT.id) if kind == "record" else deployment.call(GRANT.id)
    archived = Archive._listed

    def listed(self: Archive, folder: str, period: Any) -> Any:
        return {
            name: each._replace(storage=storage if name == key else each.storage)
            for name, each in archived(self, folder, period).items()
        }

    monkeypatch.setattr(Archive, "_listed", listed)
    monkeypatch.setattr(answer_check, "MOST_READ", most_read)
    assert claims("query")[:2] == (2, "unverified")
    assert storage in run("query", "--json").stdout
    assert claims("verify")[:2] == (2, "unverified")


def test_aud_09_the_result_counts_objects_of_calls_that_the_table_no_longer_has(deployment: Deployment):
    deployment.seal(deployment.now - 60)
    day = deployment.day(deployment.now - CALL_RETENTION_SECONDS)
    deployment.put(f"calls/dt={day}/{day}/forged", deployment.call_line(GRANT.id))
    words = "1 object of older calls: not compared with any table."
    shown = json.loads(run("query", "--since", day, "--json").stdout)["integrity"]
    assert (shown["state"], words in shown["sentences"]) == ("verified", True)
    assert words not in json.loads(run("query", "--json").stdout)["integrity"]["sentences"]
    assert "compared with the audit table; 1 object of older calls not compared" in " ".join(
        run("verify").stdout.split()
    )


def test_aud_09_each_row_says_the_state_of_its_grants_records(deployment: Deployment):
    change(deployment, GRANT.id)
    for command in ("query", "who"):
        rows = json.loads(run(command, "--json").stdout)["rows"]
        marks = {grant: {each["records"] for each in rows if each["grant_id"] == grant} for grant in GRANTS[:2]}
        assert marks == {GRANT.id: {"broken"}, GRANTS[1]: {"not yet"}}
    shown = run("show")
    assert (shown.exit_code, "Records: broken. In records/dt=" in shown.stdout) == (1, True)
    printed = run("query")
    assert printed.exit_code == 1
    assert printed.stderr.splitlines()[0] == "Broken  records and calls behind this answer"
    assert run("query", "--csv").stdout.splitlines()[0].endswith('"records"')


def test_aud_09_a_record_on_its_way_to_s3_is_not_missing(deployment: Deployment):
    def written(name: str, age: int) -> RecordedGrant:
        at = deployment.now - age
        made = RecordedGrant(replace(GRANT, id=name)).write(AuditEvent.REQUEST, Outcome.ALLOWED, at)
        deployment.delete(deployment.publish(made, at))
        return made

    written("g-zzzzzzzzzzzzzz", 30)
    assert claims("query") == (0, "not yet", [])
    written("g-yyyyyyyyyyyyyy", ARRIVAL_SECONDS + 60)
    code, _, failures = claims("query")
    assert (code, [each.partition(".")[0] for each in failures]) == (1, ["Missing in S3: record 0 of g-yyyyyyyyyyyyyy"])


FAULTS: dict[str, tuple[Callable[[Deployment, pytest.MonkeyPatch], object], int, str, str]] = {
    "no trusted key": (lambda _, env: env.delenv("JITNEY_SEAL_KEY"), 0, "unchecked", "Not named: key. Give --"),
    "no table": (lambda _, env: env.delenv("JITNEY_AUDIT_TABLE"), 0, "unchecked", "Not named: table. Give --stack"),
    "unknown table": (lambda _, env: env.setenv("JITNEY_AUDIT_TABLE", "x"), 2, "unverified", "Check its name."),
    "unknown bucket": (lambda _, env: env.setenv("JITNEY_SEALS_BUCKET", "x"), 2, "unverified", "NoSuchBucket"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_aud_09_an_answer_that_was_not_checked_says_so(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, name: str
):
    fault, code, state, words = FAULTS[name]
    fault(deployment, monkeypatch)
    result = run("query", "--json")
    found = json.loads(result.stdout)["integrity"]
    assert (result.exit_code, found["state"]) == (code, state), found
    assert words in found["sentences"][0]
    assert claims("query", "--no-check")[:2] == (0, "unchecked")


def test_aud_09_every_command_names_a_view_that_hides_a_record(deployment: Deployment):
    """The records in S3 are whole, but the answer lacks one, because its view leaves out a grant."""
    place = f"grant_id <> '{GRANT.id}' AND place = 1"
    deployment.definitions.change_view("unique_records", "place = 1", place)
    for command in COMMANDS:
        code, state, failures = claims(command)
        assert (code, state) == (1, "broken"), command
        assert [each for each in failures if GRANT.id in each and each.startswith("View unique_records was changed")]
    assert claims("verify", "--first-versions")[0] == 0  # for replicas of a lost account
    deployment.s3.delete_object(Bucket="seals", Key=public_key_path(SIGNER.fingerprint))
    assert "View unique_records" in claims("query")[2][0]  # also if the records cannot be checked


def test_aud_09_another_version_of_the_stack_is_not_verified_and_not_broken(deployment: Deployment):
    def new_sql(stack: FakeDefinitions) -> None:
        stack.change_view("bypasses", "'beyond_grant'", "'beyond_grant', 'new'")

    deployment.definitions.redeploy("0.2.0", new_sql)
    for command in COMMANDS:
        assert claims(command) == (2, "unverified", []), command
        assert "The stack runs 0.2.0, and this command is" in run(command, "--json").stdout


def test_aud_09_verify_compares_no_queries_without_their_workgroup(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    assert "definitions of tables, views and queries compared" in run("verify").stdout
    monkeypatch.delenv("JITNEY_ATHENA_WORKGROUP")
    assert "not compared with this version's; --stack or --workgroup names them" in run("verify").stdout
    assert claims("verify")[0] == 0


@pytest.mark.parametrize("command", ["verify", "query"])
def test_aud_02_each_seal_is_verified_once(deployment: Deployment, monkeypatch: pytest.MonkeyPatch, command: str):
    deployment.seal(deployment.now - 60)
    verified: list[int] = []
    check = seal_chain.is_signed_by

    def counted(signed: SignedSeal, key: Any) -> bool:
        verified.append(signed.seal.number)
        return check(signed, key)

    monkeypatch.setattr(seal_chain, "is_signed_by", counted)
    monkeypatch.setattr(answer_check, "MOST_READ", 1)
    assert claims(command)[0] == 0
    assert verified == [0, 1]


def test_aud_09_an_unreadable_object_is_not_verified_while_other_records_wait_for_a_seal(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    assert claims("query")[:2] == (0, "not yet")
    hidden, body = f"records/dt={deployment.day(deployment.early)}/0", Archive._body

    def denied(archive: Archive, bucket: str, **each: str) -> bytes:
        if each["Key"] == hidden:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
        return body(archive, bucket, **each)

    monkeypatch.setattr(Archive, "_body", denied)
    result = run("query", "--json")
    found = json.loads(result.stdout)["integrity"]
    assert (result.exit_code, found["state"], found["failures"]) == (2, "unverified", [])
    assert f"{hidden} could not be read: AccessDenied" in found["sentences"]


@pytest.mark.parametrize("command", COMMANDS)
def test_aud_09_records_of_an_unsealed_object_that_could_not_be_read_are_not_missing(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, command: str
):
    hidden, body = deployment.released(GRANT.id), Archive._body

    def denied(archive: Archive, bucket: str, **each: str) -> bytes:
        if each["Key"] == hidden:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
        return body(archive, bucket, **each)

    monkeypatch.setattr(Archive, "_body", denied)
    assert claims(command) == (2, "unverified", [])


def other_key(to: Deployment) -> None:
    to.s3.put_object(Bucket="seals", Key=public_key_path(SIGNER.fingerprint), Body=pem(STRANGER.key))


def no_stream(to: Deployment) -> None:
    table = to.dynamodb.describe_table(TableName="audit")
    del table["Table"]["LatestStreamArn"]
    to.dynamodb.describe_table = lambda **_: table


def yaml_template(to: Deployment) -> None:
    to.definitions.change_view("bypasses", "'beyond_grant'", "'beyond_grant', 'new'")
    to.definitions.template = "Resources: {}"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (other_key, "in the bucket of seals is another key"),
        (no_stream, "The table audit has no stream."),
        (yaml_template, "The template of stack Jitney is not JSON."),
    ],
)
def test_aud_09_an_answer_says_why_its_evidence_cannot_be_read(
    deployment: Deployment, change: Callable[[Deployment], None], why: str
):
    change(deployment)
    result = run("query", "--json")
    found = json.loads(result.stdout)["integrity"]
    assert (result.exit_code, found["state"]) == (2, "unverified")
    assert [each for each in found["sentences"] if why in each]


def test_aud_06_records_that_cannot_be_read_are_no_part_of_an_answer(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
):
    def denied(*_: Any, **__: Any) -> bytes:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")

    archive = Archive("records", "seals", lambda *_: None)
    assert len(list(archive.bodies("records", None, None))) == len(deployment.keys("records/"))
    monkeypatch.setattr(Archive, "_body", denied)
    with pytest.raises(Invalid, match="AccessDenied"):
        list(archive.bodies("records", None, None))
