"""AUD 2, end to end: what the functions wrote is sealed and verified, and changes to copies of it are named."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from jitney.audit_database.definitions import query_texts, table_inputs
from jitney.core.integrity.seals import seal_key
from local import agent_shell
from tests.cli import invoke
from tests.client.fake_definitions import FakeDefinitions
from tests.core.integrity.world import rewritten
from tests.running_systems import until
from tests.system.conftest import Api
from tests.system.guided import POLICY, block_of, with_only_permissions
from tests.system.test_records import Published

# The demo tampers with the records that one of these verifies.
pytestmark = pytest.mark.xdist_group("deny-document")


def seal(aws: Any) -> dict[str, int]:
    """Run the function as its schedule does. Return the number of the newest seal, and how many objects it added."""
    answer = json.loads(aws("lambda").invoke(FunctionName="jitney-sealer")["Payload"].read())
    assert "seal" in answer, answer
    return dict(answer)


@dataclass
class Buckets:
    """Two buckets, and S3 with all permissions on them."""

    s3: Any
    records: str
    seals: str

    def objects(self, bucket: str = "") -> list[dict[str, Any]]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket or self.records)
        return [each for page in pages for each in page.get("Contents", [])]

    def names(self, bucket: str = "") -> list[str]:
        return [each["Key"] for each in self.objects(bucket)]

    def body(self, key: str, bucket: str = "") -> bytes:
        return bytes(self.s3.get_object(Bucket=bucket or self.records, Key=key)["Body"].read())

    def put(self, key: str, body: bytes, bucket: str = "") -> None:
        self.s3.put_object(Bucket=bucket or self.records, Key=key, Body=body)

    def verify(self, *more: str) -> tuple[int, dict[str, Any]]:
        """Verify the records from S3 alone, unless `more` names the audit table."""
        command = ["audit", "verify", "--json", "--records", self.records, "--seals", self.seals, *more]
        result = invoke(command, env={"JITNEY_AUDIT_TABLE": ""})
        return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def auditor(stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The auditor's shell."""
    for name, value in agent_shell.variables(stack, agent_shell.AUDITOR).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def real(auditor: None, aws: Any, stack: dict[str, Any]) -> Buckets:
    return Buckets(aws("s3"), stack["buckets"]["records"], stack["buckets"]["seals"])


def released_grants(count: int, api: Api, aws: Any, real: Buckets) -> tuple[str, ...]:
    """Return grants whose requests and releases are in S3, under a seal. No two grants are in one object."""
    published = Published(real.s3, real.records)
    made: list[str] = []
    for _ in range(count):
        grant_id = api.ask()["grant"]["id"]
        assert api("DELETE", f"/v1/grants/{grant_id}").status_code == 200
        until(lambda made=grant_id: any((each["chain"], each["seq"]) == (made, 2) for each in published.records()))
        made.append(grant_id)
    seal(aws)
    return tuple(made)


@pytest.fixture
def grants(api: Api, aws: Any, real: Buckets) -> tuple[str, ...]:
    return released_grants(2, api, aws, real)


@pytest.fixture
def copies(real: Buckets) -> Callable[[], Buckets]:
    """Return a function that copies both buckets, to tamper with them."""

    def copied() -> Buckets:
        name = uuid.uuid4().hex[:14]
        made = Buckets(real.s3, f"{real.records[:40]}-{name}", f"{real.seals[:40]}-{name}")
        region = {"LocationConstraint": "eu-west-1"}
        for source, copy in ((real.seals, made.seals), (real.records, made.records)):
            real.s3.create_bucket(Bucket=copy, CreateBucketConfiguration=region)
            real.s3.put_bucket_versioning(Bucket=copy, VersioningConfiguration={"Status": "Enabled"})
            for key in real.names(source):
                made.put(key, real.body(key, source), copy)
        return made

    return copied


def holding(buckets: Buckets, grant_id: str, seq: int) -> str:
    """Return the object that contains a record. The newest are read first."""
    wanted = f'"chain":"{grant_id}"', f'"seq":{seq},'
    newest = sorted(buckets.objects(), key=lambda each: each["LastModified"], reverse=True)
    return next(key for key in (str(each["Key"]) for each in newest) if _holds(buckets.body(key).decode(), wanted))


def _holds(text: str, wanted: tuple[str, ...]) -> bool:
    return any(all(each in line for each in wanted) for line in text.splitlines())


def test_aud_02_what_the_functions_wrote_is_sealed_and_verified(grants: tuple[str, ...], real: Buckets, aws: Any):
    code, document = real.verify()
    assert (code, document["failures"], document["unverified"]) == (0, [], [])
    assert document["sealed"]["records"] >= 4
    sealed = [real.body(key, real.seals).decode() for key in real.names(real.seals) if key.startswith("seals/")]
    assert all(any(grant_id in text for text in sealed) for grant_id in grants)
    # Within its hour and with nothing new, which between two runs others' requests may bring.
    until(lambda: seal(aws)["seal"] == seal(aws)["seal"])


def test_aud_02_unsealed_records_are_counted_as_such(grants: tuple[str, ...], real: Buckets, api: Api):
    published = Published(real.s3, real.records)

    def unsealed() -> int:
        """Return how many records wait for a seal, once there is a new one; 0 if another test had them sealed."""
        grant_id = api.ask()["grant"]["id"]
        until(lambda: any(each["chain"] == grant_id for each in published.records()))
        code, document = real.verify()
        assert code == 0
        return int(document["awaiting_seal"]["records"])

    until(unsealed)


def _change(buckets: Buckets, grant_id: str) -> None:
    key = holding(buckets, grant_id, 0)
    buckets.put(key, buckets.body(key).replace(b"monthly report", b"nothing at all"))


def _delete(buckets: Buckets, grant_id: str) -> None:
    buckets.s3.delete_object(Bucket=buckets.records, Key=holding(buckets, grant_id, 1))


def _add(buckets: Buckets, grant_id: str) -> None:
    key = holding(buckets, grant_id, 0)
    record = json.loads(buckets.body(key).splitlines()[0])
    buckets.put(key, buckets.body(key) + json.dumps(record | {"chain": "g-forgedforgedfo"}).encode() + b"\n")


def _swap(buckets: Buckets, grant_id: str, another: str) -> None:
    one, other = (holding(buckets, each, 0) for each in (grant_id, another))
    bodies = buckets.body(one), buckets.body(other)
    buckets.put(one, bodies[1])
    buckets.put(other, bodies[0])


def _replace_seal(buckets: Buckets) -> None:
    buckets.put(seal_key(0), buckets.body(seal_key(0), buckets.seals) + b" ", buckets.seals)


TAMPERINGS: tuple[tuple[Callable[..., None], int, str], ...] = (
    (_change, 1, r"In records/dt=\S+, record 0 of {0} was changed after seal \d+\."),
    (_delete, 1, r"records/dt=\S+ is missing, with the records that seal \d+ covers: .*record 1 of {0}.*"),
    (_add, 1, r"In records/dt=\S+, record 0 of g-forgedforgedfo was added after seal \d+\."),
    (_swap, 2, r"In records/dt=\S+, record 0 of {0} was removed after seal \d+\."),
    (_replace_seal, 0, r"Seal 0 was replaced: 1 later version\(s\) hide the first\."),
)
"""How a person tampers, how many grants it is about, and what is said of it. Each grant is another's."""


@pytest.mark.slow
def test_aud_02_any_manual_change_is_named(api: Api, aws: Any, real: Buckets, copies: Callable[[], Buckets]):
    unused = iter(released_grants(sum(count for _, count, _ in TAMPERINGS), api, aws, real))
    buckets, expected = copies(), []
    assert buckets.verify()[0] == 0
    for tamper, count, said in TAMPERINGS:
        about = [next(unused) for _ in range(count)]
        tamper(buckets, *about)
        expected.append(said.format(*about))
    code, document = buckets.verify()
    assert code == 1
    sentences = [each["sentence"] for each in document["failures"]]
    missing = [said for said in expected if not any(re.fullmatch(said, each) for each in sentences)]
    assert missing == [], sentences


def test_aud_09_a_forged_record_is_named_before_it_is_sealed(
    api: Api, aws: Any, real: Buckets, copies: Callable[[], Buckets], stack: dict[str, Any]
):
    """The table and its stream know what was written. A query names what only the bucket has, or only the table."""
    seal(aws)  # the first seal brings the copy of the key
    published, grant_id = Published(real.s3, real.records), api.ask()["grant"]["id"]
    until(lambda: any(each["chain"] == grant_id for each in published.records()))
    buckets = copies()
    key = holding(buckets, grant_id, 0)
    line = next(each for each in buckets.body(key).splitlines() if f'"chain":"{grant_id}"'.encode() in each)
    forged = rewritten(line, rehash=True, chain="g-forgedforgedfo", reason="approved by everyone")
    buckets.put(f"{key}-forged", forged)
    places = {"JITNEY_RECORDS_BUCKET": buckets.records, "JITNEY_SEALS_BUCKET": buckets.seals}
    result = invoke(["audit", "query", "who_requested_what", "--json"], env=places)
    assert result.exit_code == 1
    said = json.loads(result.stdout)["integrity"]["failures"]
    why = "forged, because the audit table has no such record."
    assert f"In {key}-forged, record 0 of g-forgedforgedfo: {why}" in said
    assert not [each for each in said if grant_id in each]
    verified = buckets.verify("--table", stack["tables"]["audit"])[1]
    assert (verified.get("failures", [verified])[0].get("object"), verified["awaiting_seal"]["compared"]) == (
        f"{key}-forged",
        True,
    )


@contextmanager
def view_hiding(aws: Any, name: str, before: str, after: str) -> Iterator[None]:
    """Replace a text in the SQL of a deployed view meanwhile, as a person with access to Glue can."""
    glue, fake = aws("glue"), FakeDefinitions()
    fake.change_view(name, before, after)
    was = glue.get_table(DatabaseName="jitney", Name=name)["Table"]
    members = ("Name", "Description", "TableType", "PartitionKeys", "Parameters", "ViewExpandedText")
    table = {each: was[each] for each in (*members, "StorageDescriptor", "ViewOriginalText")}
    hiding = table | {"ViewOriginalText": fake.tables[name]["ViewOriginalText"]}
    glue.update_table(DatabaseName="jitney", TableInput=hiding)
    try:
        yield
    finally:
        glue.update_table(DatabaseName="jitney", TableInput=table)


@pytest.mark.slow
def test_aud_02_the_documented_permissions_are_enough_and_unreadable_objects_are_named(
    grants: tuple[str, ...], real: Buckets, aws: Any, stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    key = aws("kms").describe_key(KeyId="alias/jitney")["KeyMetadata"]["Arn"]
    table = aws("dynamodb").describe_table(TableName=stack["tables"]["audit"])["Table"]
    names = {"RECORDS-BUCKET": real.records, "SEALS-BUCKET": real.seals, "KEY-ARN": key}
    # The emulator finds no resource in a request to a stream.
    names |= {"AUDIT-TABLE-ARN/stream/*": "*", "AUDIT-TABLE-ARN": table["TableArn"]}
    names |= {"REGION": stack["region"], "ACCOUNT": stack["account"]}
    further = json.loads(block_of("query-definitions.md", 0, names))["Statement"]
    block, iam = block_of("integrity.md", 0, names), aws("iam")
    both = json.dumps({**json.loads(block), "Statement": [*json.loads(block)["Statement"], *further]})
    with with_only_permissions(both, aws, stack, monkeypatch) as role:
        code, document = real.verify("--table", table["TableName"])
        assert (code, document.get("failures")) == (0, []), document
        assert document["awaiting_seal"]["compared"]
        assert document["definitions"] == len(table_inputs("")) + len(query_texts()) + 1
        with view_hiding(aws, "denied_calls", "AND verdict = 'explained'", "AND verdict = 'none'"):
            code, document = real.verify()
        (change,) = document["failures"]
        assert change["sentence"].startswith("View denied_calls was changed after its deployment")
        assert (code, document["unverified"]) == (1, [])  # the stack's template was read
        iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=block)
        code, document = real.verify()
        assert (code, document["unverified"]) == (2, [document["unverified"][0]])
        assert "docs/query-definitions.md lists the permissions." in document["unverified"][0]
        monkeypatch.delenv("JITNEY_ATHENA_WORKGROUP")
        monkeypatch.delenv("JITNEY_ATHENA_DATABASE")
        hidden, policy = holding(real, grants[0], 0), json.loads(block)
        deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{real.records}/{hidden}"}
        but = json.dumps({**policy, "Statement": [*policy["Statement"], deny]})
        iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=but)
        code, document = real.verify()
    assert (code, document["verdict"], document["unverified"]) == (
        2,
        "unverified",
        [f"{hidden} could not be read: AccessDenied"],
    )


@pytest.mark.slow
def test_aud_09_a_view_that_hides_a_record_is_named(api: Api, aws: Any, real: Buckets, stack: dict[str, Any]):
    """The view in Glue is changed by hand. The query lacks the grant, and both commands name the view."""
    grant_id = api.ask()["grant"]["id"]
    published = Published(real.s3, real.records)
    until(lambda: any(each["chain"] == grant_id for each in published.records()))
    seal(aws)  # the first seal brings the copy of the key

    def asked() -> tuple[int, bool, list[str]]:
        """Return the exit code, whether the answer has the grant, and the failures."""
        result = invoke(["audit", "query", "who_requested_what", "--json"])
        document = json.loads(result.stdout)
        listed = any(row["grant_id"] == grant_id for row in document["rows"])
        return result.exit_code, listed, document["integrity"]["failures"]

    assert asked() == (0, True, [])
    with view_hiding(aws, "unique_records", "WHERE place = 1", f"WHERE place = 1 AND grant_id <> '{grant_id}'"):
        code, listed, failures = asked()
        named = [each for each in failures if each.startswith("View unique_records was changed") and grant_id in each]
        assert (code, listed, len(named)) == (1, False, 1)
        code, document = real.verify()
        assert (code, [each["sentence"] for each in document["failures"]]) == (1, named)
    assert asked() == (0, True, [])
