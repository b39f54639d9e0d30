"""Records, end to end: from the transaction through the stream and Firehose to S3 and Athena."""

import json
import os
import subprocess
import sys
import time
import uuid
from typing import Any

import pytest

from jitney.adapters.record_items import record_in
from jitney.core.access.id_ranges import dated_id
from jitney.core.records.audit import GENESIS_HASH
from jitney.core.records.record_texts import canonical
from local.demo.audit_queries import AuditQueries
from tests.running_systems import until
from tests.system.conftest import Api, request_body
from tests.system.written import logged

OF_LAMBDA = ("START ", "END ", "REPORT ")
"""How the emulator's lines about an invocation begin."""


class Published:
    """The lines of the records in S3. Objects that were read are not read again."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._read: dict[str, list[str]] = {}

    def lines(self) -> list[str]:
        """Return the lines of all objects."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix="records/")
        for key in (each["Key"] for page in pages for each in page.get("Contents", [])):
            if key not in self._read:
                body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
                self._read[key] = body.decode().splitlines()
        return [line for lines in self._read.values() for line in lines]

    def records(self) -> list[dict[str, Any]]:
        """Return all records. CloudTrail's events are not included."""
        return [record for record in map(json.loads, self.lines()) if "chain" in record]


def chain_of(aws: Any, stack: dict[str, Any], grant_id: str) -> list[dict[str, Any]]:
    items = aws("dynamodb").query(
        TableName=stack["tables"]["audit"],
        KeyConditionExpression="pk = :chain",
        ExpressionAttributeValues={":chain": {"S": grant_id}},
    )["Items"]
    return [json.loads(record_in(item)) for item in items]


@pytest.mark.slow
def test_aud_05_athena_answers_who_requested_what_and_the_result(api: Api, aws, stack):
    allowed = api.ask(ticket="OPS-12")["grant"]
    api("POST", "/v1/grants", request_body(), agent="idle-agent")
    ledger = AuditQueries(stack)

    def rows() -> list[dict[str, Any]]:
        found = ledger.rows("who_requested_what")
        arrived = {(row["grant_id"], row["outcome"]) for row in found}
        return found if (allowed["id"], "allowed") in arrived and ("", "denied") in arrived else []

    (row,) = (row for row in until(rows) if row["grant_id"] == allowed["id"])
    assert (row["principal"], row["ticket"], row["target"]) == (allowed["principal"], "OPS-12", "analytics-prod")
    assert row["time"].startswith(allowed["created_at"][:10])


def test_aud_02_the_chain_of_a_grant_holds_in_s3(api: Api, aws, stack):
    issued = api.ask()["grant"]
    api("POST", f"/v1/grants/{issued['id']}/credentials")
    bucket = Published(aws("s3"), stack["buckets"]["records"])

    def published() -> list[dict[str, Any]]:
        records = [json.loads(line) for line in bucket.lines()]
        mine = {each["hash"]: each for each in records if each["chain"] == issued["id"]}
        return sorted(mine.values(), key=lambda each: each["seq"]) if len(mine) == 2 else []

    import hashlib

    previous = GENESIS_HASH
    for record in until(published):
        digest = record.pop("hash")
        assert record["prev"] == previous
        assert hashlib.sha256(canonical(record).encode()).hexdigest() == digest
        previous = digest


KILLED = """
import os, sys
sys.path.insert(0, "functions")
from jitney.handlers.runtime.edge import answer
from jitney.handlers.grants import create_grant
from jitney.handlers.runtime.ports import Ports
import json

class Killed:
    def issue(self, asked):
        os.kill(os.getpid(), 9)

event = json.load(sys.stdin)
ports = Ports(sessions=Killed(), new_id=lambda prefix: event["id"], now=lambda: event["now"])
ports.__dict__["config"] = __import__("importlib").import_module("jitney.core.config").load(event["configuration"])
answer(create_grant, event, ports)
"""


def test_sts_06_a_process_killed_between_record_and_credential_leaves_the_record(api: Api, aws, stack, token):
    now = int(time.time())
    grant_id = dated_id("g-killedkilledki", now)
    event = {
        "id": grant_id,
        "now": now,
        "configuration": configuration_of(aws),
        "headers": {"Authorization": f"Bearer {token('reader-agent')}"},
        "body": json.dumps(request_body()),
        "requestContext": {"identity": {"sourceIp": "127.0.0.1"}},
    }
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": stack["account"],
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL": stack["aws_endpoint"],
        "AWS_DEFAULT_REGION": stack["region"],
        "JITNEY_STATE_TABLE": stack["tables"]["state"],
        "JITNEY_AUDIT_TABLE": stack["tables"]["audit"],
    }
    killed = subprocess.run(
        [sys.executable, "-c", KILLED],
        input=json.dumps(event),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -9, killed.stdout + killed.stderr
    (record,) = chain_of(aws, stack, grant_id)
    assert (record["event"], record["outcome"], record["grant_id"]) == ("request", "allowed", grant_id)


def configuration_of(aws: Any) -> str:
    """Return the configuration in the deployed bundle."""
    import io
    import urllib.request
    import zipfile

    functions = aws("lambda")
    location = functions.get_function(FunctionName="jitney-grants")["Code"]["Location"]
    with urllib.request.urlopen(location) as answer, zipfile.ZipFile(io.BytesIO(answer.read())) as bundle:
        return bundle.read("configuration.json").decode()


def test_ops_01_each_line_of_a_functions_log_is_an_object_of_json(api: Api, aws):
    for _ in range(2):  # the second time, the process is warm
        api.ask()
    lines = [each for each in logged(aws, "/aws/lambda/jitney-grants") if not each.startswith(OF_LAMBDA)]
    assert len(lines) >= 2
    assert [each for each in lines if not each.startswith("{")] == []
    assert {type(json.loads(each)) for each in lines} == {dict}


def test_aud_02_tampering_with_a_record_is_noticed(api: Api, aws, stack):
    chain, forged = api.ask()["grant"]["id"], f"forged {uuid.uuid4().hex}"
    key = {"pk": {"S": chain}, "sk": {"S": "000000"}}
    dynamodb, table = aws("dynamodb"), stack["tables"]["audit"]
    item = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    change = {"UpdateExpression": "SET #text = :text", "ExpressionAttributeNames": {"#text": "record"}}
    dynamodb.update_item(TableName=table, Key=key, **change, ExpressionAttributeValues={":text": {"S": forged}})
    dynamodb.delete_item(TableName=table, Key=key)

    def written() -> list[str]:
        return list(logged(aws, "/aws/lambda/jitney-publisher"))

    def logged_change(change: str) -> bool:
        return any("record tampered with" in line and chain in line and change in line for line in written())

    until(lambda: logged_change('"MODIFY"') and logged_change('"REMOVE"'))
    assert any('"AuditRecordsTampered":[' in line for line in written())
    assert not [line for line in written() if forged in line]
    dynamodb.put_item(TableName=table, Item=item)  # answers of other tests compare published records with the table
