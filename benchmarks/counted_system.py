"""The tests' system with the deployed adapters over moto. A meter counts what its functions use."""

import importlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws

from benchmarks.metering import TABLES, Meter, Usage
from benchmarks.synthesized import Template
from jitney.adapters.approval_workflow import ApprovalWorkflow
from jitney.adapters.aws_clients import DEFAULT_CONFIG, aws_client
from jitney.adapters.mail_sender import MailSender

REGION = "eu-west-1"
DEPLOYED = (
    "call_store", "calls_stream", "canary", "deny_list", "dynamodb", "follow_ups", "grant_history",
    "mask_keys", "message_locations", "out_of_office", "records_stream", "role_policies", "sent_messages", "sessions",
    "store", "suspensions", "task_answers", "task_tokens", "trail", "trail_heartbeat", "trail_queue", "trail_watches",
    "vote_history", "web_sessions",
)  # fmt: skip
"""The ports that are built as in Lambda. The tests' systems have the others, which call no AWS."""
STREAMS = {"JITNEY_RECORDS_STREAM": "jitney-records", "JITNEY_CALLS_STREAM": "jitney-calls"}
SENDER = "jitney@example.com"
SECONDS = 900
"""The duration of a grant: as long as STS's shortest session, so one call issues its credentials."""
EXPIRED_AT_ONCE = 10
"""TTL deletes expired items together. At a million operations a month, more than ten of them share an invocation."""
BY_TTL = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


@contextmanager
def counted_system(template: Template, build: Callable[[], Any]) -> Iterator["CountedSystem"]:
    """Yield the system that `build` returns, over tables, streams and keys of its own."""
    environment = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "x") | {
        "AWS_DEFAULT_REGION": REGION,
        "JITNEY_STATE_TABLE": "state",
        "JITNEY_AUDIT_TABLE": "audit",
        "JITNEY_ANSWERS_TABLE": "answers",
        **STREAMS,
    }
    with mock_aws(), patch.dict(os.environ, environment), patch.object(boto3, "DEFAULT_SESSION", None):
        yield CountedSystem(template, build)


def counted_with_trail(template: Template) -> AbstractContextManager["CountedSystem"]:
    """Return the system of the handlers' tests that takes in events of CloudTrail, too."""
    events = importlib.import_module("tests.cloudtrail_events")

    def build() -> Any:
        system = importlib.import_module("tests.handlers.conftest").System()
        system.ports.__dict__.update(masks=events.MASKS, grant_scope=events.GRANT_SCOPE, issuing_roles=events.ISSUERS)
        return system

    return counted_system(template, build)


class CountedSystem:
    """A system, and what it has used since `start`."""

    def __init__(self, template: Template, build: Callable[[], Any]) -> None:
        self.meter = Meter(template)
        self._aws: Any = {name: boto3.client(name) for name in ("dynamodb", "firehose", "iam", "kms", "s3", "sqs")}
        self._create(template)
        self.whole = build()
        self.system = getattr(self.whole, "system", self.whole)
        self.ports = self.system.ports
        for name in DEPLOYED:
            self.ports.__dict__.pop(name, None)
        workflows: Any = boto3.client("stepfunctions")
        self.ports.approval_workflow = ApprovalWorkflow(workflows, self._workflow(workflows), self.ports.task_tokens)
        self.ports.mail_sender = MailSender(boto3.client("sesv2"), SENDER, self.ports.pause_up_to)
        boto3.client("sesv2").create_email_identity(EmailIdentity=SENDER)
        self.start()

    def start(self) -> None:
        """Forget what was used, and which items were written."""
        self.meter.usage.clear()
        self.meter.calls.clear()
        self._known = {name: {_key(item) for item in found} for name, found in self._items().items()}
        self._published = set(self._known["audit"])
        self._began = self.system.now

    def token(self) -> str:
        """Return a token of the agent that is valid now."""
        now = self.system.now
        token: str = importlib.import_module("tests.core.identity.minting").token(iat=now, exp=now + 300, nbf=now)
        return token

    def call(self, function: str, route: Any, body: Any = None, **how: Any) -> Any:
        """Count one request of the agent to a function. Return its body. Raises SystemExit for a refusal."""
        with self.meter.counting(), self.meter.request(function) as answered:
            status, answer, _ = self.system.call(route, body, token=self.token(), **how)
            answered(json.dumps(answer))
        if status >= 300:
            raise SystemExit(f"{function} answered {answer}")
        return answer

    def open_grant(self) -> str:
        """Request access that is allowed. Return the grant's id."""
        body = importlib.import_module("tests.handlers.conftest").REQUEST_BODY | {"duration_seconds": SECONDS}
        answer = self.call("grants", importlib.import_module("jitney.handlers.grants").create_grant, body)
        return str(answer["grant"]["id"])

    def create_target_role(self) -> None:
        """Create the target's role in moto, in the account of the target."""
        target = self.ports.config.targets["analytics-prod"]
        issued = aws_client("sts").assume_role(RoleArn=target.revoker_arn, RoleSessionName="setup")["Credentials"]
        keys = (issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
        name = target.role_arn.rpartition("/")[2]
        aws_client("iam", DEFAULT_CONFIG, *keys).create_role(
            RoleName=name, Path="/jitney/", AssumeRolePolicyDocument="{}"
        )

    def refuse(self, function: str, route: Any) -> None:
        """Count one request without a token. Raises SystemExit for another answer than 401."""
        with self.meter.counting(), self.meter.request(function) as answered:
            status, answer, _ = self.system.call(route, {}, token="")
            answered(json.dumps(answer))
        if status != 401:
            raise SystemExit(f"{function} answered {answer}")

    def run(self, function: str, act: Callable[..., Any], *given: Any) -> Any:
        """Count one invocation of a function without a route. Return its result."""
        with self.meter.counting(), self.meter.function(function):
            return act(*given, self.ports)

    def more_than_idle(self, function: str, act: Callable[..., Any]) -> Usage:
        """Count the use of a scheduled run, less the use of the next run, which finds nothing to do.

        Return the use of the next run.
        """
        self.run(function, act)
        idle = self._use_of(function, act)
        self.meter.add(idle, -2)
        return idle

    def _use_of(self, function: str, act: Callable[..., Any], *given: Any) -> Usage:
        """Count one invocation, and return what this invocation used."""
        before = dict(self.meter.usage)
        self.run(function, act, *given)
        return {name: count - before.get(name, 0) for name, count in self.meter.usage.items()}

    def publish(self) -> None:
        """Count the publisher's invocations for new records and calls, and for their deletion by DynamoDB's TTL."""
        publish = importlib.import_module("jitney.handlers.publisher").publish
        image = importlib.import_module("tests.stream_images").stream_image
        new = [item for item in self._items()["audit"] if _key(item) not in self._published]
        if not new:
            return
        self._published |= set(map(_key, new))
        keys = [{"Keys": {name: item[name] for name in ("pk", "sk")}, "SequenceNumber": "1"} for item in new]
        written = {"ApproximateCreationDateTime": self.system.now}
        added = [
            {"eventName": "INSERT", "dynamodb": {**each, **written, "NewImage": image(item)}}
            for each, item in zip(keys, new, strict=True)
        ]
        expired = [{"eventName": "REMOVE", "dynamodb": each, "userIdentity": BY_TTL} for each in keys]
        if self.run("publisher", publish, {"Records": added})["batchItemFailures"]:
            raise SystemExit("Firehose did not accept a record")
        self.meter.add(self._use_of("publisher", publish, {"Records": expired}), 1 / EXPIRED_AT_ONCE - 1)

    def finish(self) -> Usage:
        """Count the storage of all new items until they expire. Return what was used since `start`."""
        new = {
            table: [item for item in found if _key(item) not in self._known[table]]
            for table, found in self._items().items()
        }
        self.meter.store(new, self._began)
        return dict(self.meter.usage)

    def _items(self) -> dict[str, list[Mapping[str, Any]]]:
        scan = self._aws["dynamodb"].get_paginator("scan")
        return {
            name: [item for page in scan.paginate(TableName=name, ConsistentRead=True) for item in page["Items"]]
            for name in TABLES
        }

    def _create(self, template: Template) -> None:
        """Create the resources that the deployed adapters use."""
        for table in TABLES:
            self._aws["dynamodb"].create_table(TableName=table, **template.table_definition(table))
        key = {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
        os.environ["JITNEY_MASK_KEY"] = self._aws["kms"].create_key(**key)["KeyMetadata"]["Arn"]
        os.environ["JITNEY_TRAIL_QUEUE"] = self._aws["sqs"].create_queue(QueueName="trail")["QueueUrl"]
        place = {"LocationConstraint": REGION}
        self._aws["s3"].create_bucket(Bucket="records", CreateBucketConfiguration=place)
        role = "arn:aws:iam::111122223333:role/jitney/delivery"
        for stream in STREAMS.values():
            self._aws["firehose"].create_delivery_stream(
                DeliveryStreamName=stream,
                ExtendedS3DestinationConfiguration={"RoleARN": role, "BucketARN": "arn:aws:s3:::records"},
            )

    def _workflow(self, workflows: Any) -> str:
        definition = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}})
        role = "arn:aws:iam::111122223333:role/jitney/jitney-approval-eu-west-1"
        machine = workflows.create_state_machine(name="approval", definition=definition, roleArn=role)
        arn: str = machine["stateMachineArn"]
        return arn


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item.get("sk", {}).get("S", "")
