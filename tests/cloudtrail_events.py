"""CloudTrail's events as AWS writes them, and a table in memory that stores them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from jitney import resources
from jitney.adapters.table_reads import BATCH_SIZE
from jitney.core.actions import ActionTable
from jitney.core.calls.operations import OperationTable
from jitney.core.masking.table import MaskTable
from jitney.core.trail.actions import EventOperations
from jitney.core.trail.beyond_grant import ScopeComparison
from tests.fakes import GRANT, NOW, ROLE_ARN

MASKS = MaskTable.load(resources.MASKS.read_bytes())
ACTIONS = ActionTable.load(resources.ACTIONS.read_bytes())
EVENT_OPERATIONS = EventOperations(OperationTable.load(resources.OPERATIONS.read_bytes()), MASKS, ACTIONS)
GRANT_SCOPE = ScopeComparison(EVENT_OPERATIONS, ACTIONS)
API_CALL, SIGN_IN = "AWS API Call via CloudTrail", "AWS Console Sign In via CloudTrail"
ACCOUNT, BROKER = "444455556666", "111122223333"
ISSUERS = {f"AROA{name.upper():A<17}": name for name in ("grants", "credentials")} | {
    "AROAMEASUREMENTSAAAAA": "denial_measurements",
    "AROATARGETCHECKSAAAAA": "target_checks",
    "AROACALLSAAAAAAAAAAAA": "gateway_calls",
}
GRANTS = "AROAGRANTSAAAAAAAAAAA"
ROLE_ID = "AROATARGETROLEAAAAAAA"
KEY = "ASIAAAAAAAAAAAAAAAA2"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def stamp(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def record(number: int, at: int, **members: Any) -> dict[str, Any]:
    """Return what every event has. `number` makes its id."""
    return {
        "eventVersion": "1.11",
        "eventTime": stamp(at),
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "Boto3/1.44.8",
        "requestID": f"request-{number}",
        "eventID": f"00000000-0000-4000-8000-{number:012d}",
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        **members,
    }


def assume_role_event(
    number: int, *, at: int = NOW, key: str = KEY, session: str = GRANT.id, **more: Any
) -> dict[str, Any]:
    """Return the event of an AssumeRole of the target's role, as the role's account gets it."""
    by, source_identity = more.pop("by", GRANTS), more.pop("source_identity", GRANT.principal)
    return record(
        number,
        at,
        eventSource="sts.amazonaws.com",
        eventName="AssumeRole",
        userIdentity={"type": "AWSAccount", "principalId": f"{by}:jitney-grants", "accountId": BROKER},
        requestParameters={"roleArn": ROLE_ARN, "roleSessionName": session, "sourceIdentity": source_identity},
        responseElements={
            "credentials": {"accessKeyId": key, "sessionToken": "FwoGZXIvYXdzEXAMPLETOKEN", "expiration": "soon"},
            "assumedRoleUser": {"assumedRoleId": f"{ROLE_ID}:{session}", "arn": session_arn(session)},
            "sourceIdentity": source_identity,
        },
        sharedEventID=f"shared-{number}",
        **more,
    )


def session_arn(session: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE_ARN.rpartition('/')[2]}/{session}"


def identity(session: str = GRANT.id, key: str = KEY, source_identity: str = GRANT.principal) -> dict[str, Any]:
    """The userIdentity of a session of the target's role."""
    return {
        "type": "AssumedRole",
        "principalId": f"{ROLE_ID}:{session}",
        "arn": session_arn(session),
        "accountId": ACCOUNT,
        "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": ROLE_ID,
                "arn": ROLE_ARN,
                "accountId": ACCOUNT,
                "userName": ROLE_ARN.rpartition("/")[2],
            },
            "attributes": {"creationDate": stamp(NOW), "mfaAuthenticated": "false"},
            "sourceIdentity": source_identity,
        },
    }


def call_event(number: int, *, at: int = NOW + 10, who: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a call in a session of the target's role: GetObject, unless another one is given."""
    members = {
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "requestParameters": {"bucketName": "reports", "key": "2026/q3.csv"},
        "responseElements": None,
        "additionalEventData": {"bytesTransferredIn": 0, "bytesTransferredOut": 12},
        "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::reports/2026/q3.csv"}],
    }
    return record(number, at, userIdentity=who or identity(), **members | more)


def scoped(number: int, *, key: str, to: str, at: int = NOW + 1) -> dict[str, Any]:
    """GetScopedCredentials in a session of the target's role."""
    return call_event(
        number,
        at=at,
        who=identity(key=key),
        eventSource="sts.amazonaws.com",
        eventName="GetScopedCredentials",
        requestParameters={"durationSeconds": 300},
        responseElements={"credentials": {"accessKeyId": to, "sessionToken": "FwoGZXIvYXdzEXAMPLETOKEN"}},
        resources=[],
        additionalEventData=None,
    )


def sign_in_event(number: int, name: str = "GetSigninToken", *, key: str = KEY) -> dict[str, Any]:
    """Return the event of a sign-in to the console by a session. Such events have no `requestID`.

    The event of GetSigninToken has the session's key, and that of ConsoleLogin has none.
    """
    event = call_event(
        number,
        who=identity(key=key),
        eventSource="signin.amazonaws.com",
        eventName=name,
        requestParameters=None,
        responseElements={"credentials": {"accessKeyId": "ASIAAAAAAAAAAAAAAAA9"}, name: "Success"},
        additionalEventData={"MobileVersion": "No", "MFAUsed": "No"},
        resources=[],
        readOnly=False,
        eventType="AwsConsoleSignIn",
    )
    del event["requestID"]
    return event


def forwarded_event(event: Any, **more: Any) -> str:
    """The event as EventBridge puts it into the queue, from the bus of the role's account."""
    source = str(event.get("eventSource", "")) if isinstance(event, dict) else ""
    envelope = {"source": f"aws.{source.partition('.')[0]}", "account": ACCOUNT, "detail-type": API_CALL}
    return json.dumps(envelope | {"detail": event} | more)


def delivered(bodies: Sequence[str]) -> dict[str, Any]:
    """Return messages as Lambda passes them on from the broker's queue."""
    queue = {"eventSource": "aws:sqs", "eventSourceARN": f"arn:aws:sqs:eu-west-1:{BROKER}:trail"}
    return {"Records": [{"messageId": str(number), "body": body, **queue} for number, body in enumerate(bodies)]}


class ConditionFailed(Exception):
    pass


@dataclass
class MemoryTable:
    """The part of a DynamoDB client that the trail's adapter uses. `before` runs before each call, and may raise."""

    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    chains: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    before: Callable[[], None] = field(default=lambda: None)

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionFailed)

    def put_item(self, *, TableName: str, Item: dict[str, Any], ConditionExpression: str) -> None:  # noqa: N803
        self.before()
        assert (TableName, ConditionExpression) == ("audit", "attribute_not_exists(pk)")
        key = (Item["pk"]["S"], Item["sk"]["S"])
        if key in self.items:
            raise ConditionFailed
        self.items[key] = Item
        self.chains.setdefault(key[0], []).append(Item)

    def get_item(self, *, TableName: str, Key: dict[str, Any], ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        self.before()
        assert (TableName, ConsistentRead) == ("audit", True)
        item = self.items.get((Key["pk"]["S"], Key["sk"]["S"]))
        return {"Item": item} if item else {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        self.before()
        asked = RequestItems["audit"]
        assert asked["ConsistentRead"]
        assert len(asked["Keys"]) <= BATCH_SIZE
        found = (self.items.get((each["pk"]["S"], each["sk"]["S"])) for each in asked["Keys"])
        return {"Responses": {"audit": [each for each in found if each]}}

    def query(self, **query: Any) -> dict[str, Any]:
        self.before()
        values = {name: each["S"] for name, each in query["ExpressionAttributeValues"].items()}
        if "IndexName" in query:
            assert query["IndexName"] == "calls_of_grant"
            of_grant = [each for each in self.items.values() if each.get("call_of", {}).get("S") == values[":of"]]
            keys = [{name: each[name] for name in ("pk", "sk", "call_of", "call_at")} for each in of_grant]
            return {"Items": [each for each in keys if values[":first"] <= each["call_at"]["S"] <= values[":last"]]}
        assert query["ConsistentRead"]
        begins = values.get(":begins", "")
        items = self.chains.get(values[":key"], [])
        # In the order in which they were put, but for what one key's beginnings are sorted by.
        found = [each for each in items if each["sk"]["S"].startswith(begins)]
        return {"Items": sorted(found, key=lambda each: each["sk"]["S"]) if begins else found}


@dataclass
class MemoryQueue:
    """Remembers which keys must be judged again."""

    asked: list[tuple[str, str]] = field(default_factory=list)

    def requeue(self, account: str, access_key_id: str) -> None:
        self.asked.append((account, access_key_id))
