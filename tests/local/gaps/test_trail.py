"""CloudTrail: EventBridge gets an event for every call of a session, and rules forward it."""

import json
from typing import Any

import pytest

from tests.local.gaps.contracts import Emulator, deploy, refused, role

pytestmark = pytest.mark.slow

ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
TOLD = "AWS API Call via CloudTrail"


def queue(emulator: Emulator, name: str) -> tuple[str, str]:
    """Return the URL and the ARN of a new queue."""
    url = emulator.root("sqs").create_queue(QueueName=name)["QueueUrl"]
    attributes = emulator.root("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, attributes["Attributes"]["QueueArn"]


def details(emulator: Emulator, url: str) -> list[dict[str, Any]]:
    """Return the details of the events in a queue."""
    found = emulator.root("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [json.loads(each["Body"])["detail"] for each in found.get("Messages", [])]


def rule(emulator: Emulator, name: str, state: str, target: dict[str, str], **more: Any) -> None:
    events = emulator.root("events")
    pattern = json.dumps({"detail-type": [TOLD]})
    events.put_rule(Name=name, EventPattern=pattern, State=state, **more)
    events.put_targets(Rule=name, Targets=[{"Id": "1", **target}], **more)


def put(emulator: Emulator, **detail: Any) -> None:
    entry = {"Source": "test", "DetailType": TOLD, "Detail": json.dumps(detail)}
    emulator.root("events").put_events(Entries=[entry])


def test_all_management_events(emulator: Emulator) -> None:
    (some, some_arn), (every, every_arn) = queue(emulator, "some"), queue(emulator, "every")
    rule(emulator, "some", "ENABLED", {"Arn": some_arn})
    rule(emulator, "every", ALL_EVENTS, {"Arn": every_arn})
    put(emulator, eventName="GetUser", readOnly=True)
    put(emulator, eventName="CreateUser", readOnly=False)
    assert {each["eventName"] for each in details(emulator, some)} == {"CreateUser"}
    assert {each["eventName"] for each in details(emulator, every)} == {"GetUser", "CreateUser"}


def test_buses_of_other_accounts(emulator: Emulator) -> None:
    other = Emulator(emulator.endpoint, emulator.clients, emulator.patience)
    url, arn = queue(other, "received")
    sender = f"arn:aws:iam::{emulator.account}:role/sender"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{emulator.account}:root"},
        "Action": "events:PutEvents",
        "Resource": {"Fn::GetAtt": ["Bus", "Arn"]},
        "Condition": {"ArnEquals": {"aws:PrincipalArn": [sender]}},
    }
    policy = {"EventBusName": {"Ref": "Bus"}, "StatementId": "From", "Statement": statement}
    resources = {
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "shared"}},
        "Policy": {"Type": "AWS::Events::EventBusPolicy", "Properties": policy},
    }
    bus = deploy(other, resources, {"Bus": {"Fn::GetAtt": ["Bus", "Arn"]}})["Bus"]
    rule(other, "received", ALL_EVENTS, {"Arn": arn}, EventBusName="shared")
    allowed = {"Statement": {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}}
    forbidden = {"Statement": {"Effect": "Allow", "Action": "events:PutEvents", "Resource": f"{bus}x"}}
    for name, may in (("sender", allowed), ("stranger", allowed), ("unable", forbidden)):
        role(emulator, name, may)
        target = {"Arn": bus, "RoleArn": f"arn:aws:iam::{emulator.account}:role/{name}"}
        rule(emulator, name, ALL_EVENTS, target)
    put(emulator, eventName="GetUser", readOnly=True)
    assert [each["eventName"] for each in details(other, url)] == ["GetUser"]


def test_calls_of_sessions(emulator: Emulator) -> None:
    url, arn = queue(emulator, "events")
    rule(emulator, "events", ALL_EVENTS, {"Arn": arn})
    may = {"Statement": {"Effect": "Allow", "Action": ["s3:CreateBucket", "iam:CreateUser"], "Resource": "*"}}
    arn_of_role = role(emulator, "worker", may)
    taken = role(emulator, "taker")
    first = emulator.root("sts").assume_role(RoleArn=taken, RoleSessionName="admin")["Credentials"]
    sts = emulator.session("sts", first)
    issued = sts.assume_role(RoleArn=arn_of_role, RoleSessionName="g-session", SourceIdentity="corp.agent")
    credentials = issued["Credentials"]
    emulator.session("iam", credentials).create_user(UserName="made")
    refused("AccessDenied", emulator.session("iam", credentials).delete_user, UserName="made")
    events = {each["eventName"]: each for each in emulator.until(lambda: _all(emulator, url))}
    issue = events["AssumeRole"]
    assert issue["responseElements"]["credentials"]["accessKeyId"] == credentials["AccessKeyId"]
    assert issue["requestParameters"]["roleSessionName"] == "g-session"
    made, denied = events["CreateUser"], events["DeleteUser"]
    identity = made["userIdentity"]
    assert (identity["type"], identity["accessKeyId"]) == ("AssumedRole", credentials["AccessKeyId"])
    assert identity["principalId"].endswith(":g-session")
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == arn_of_role
    assert identity["sessionContext"]["sourceIdentity"] == "corp.agent"
    assert (made["requestParameters"], made["readOnly"]) == ({"userName": "made"}, False)
    assert "errorCode" not in made
    assert (denied["errorCode"], denied["responseElements"]) == ("AccessDenied", None)


def _all(emulator: Emulator, url: str) -> list[dict[str, Any]]:
    found = details(emulator, url)
    return found if {"AssumeRole", "CreateUser", "DeleteUser"} <= {each["eventName"] for each in found} else []


def test_arns_of_rules(emulator: Emulator) -> None:
    _, arn = queue(emulator, "watched")
    rule(emulator, "own-watch", ALL_EVENTS, {"Arn": arn})
    rule(emulator, "other", ALL_EVENTS, {"Arn": arn})
    emulator.root("events").create_event_bus(Name="side")
    rule(emulator, "own-watch", ALL_EVENTS, {"Arn": arn}, EventBusName="side")
    rules = f"arn:aws:events:*:{emulator.account}:rule"
    allow = {"Effect": "Allow", "Action": "events:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "events:*", "Resource": [f"{rules}/own-*", f"{rules}/side/*"]}
    worker = role(emulator, "worker-on-rules", {"Statement": [allow, deny]})
    issued = emulator.root("sts").assume_role(RoleArn=worker, RoleSessionName="session")["Credentials"]
    events = emulator.session("events", issued)
    for name, more in (("own-watch", {}), ("own-watch", {"EventBusName": "default"}), ("x", {"EventBusName": "side"})):
        named: dict[str, Any] = {"Rule": name, **more}
        refused("AccessDeniedException", events.remove_targets, **named, Ids=["1"])
        refused("AccessDeniedException", events.put_targets, **named, Targets=[{"Id": "1", "Arn": arn}])
        for call in (events.disable_rule, events.enable_rule, events.delete_rule, events.put_rule):
            refused("AccessDeniedException", call, Name=name, **more)
    events.disable_rule(Name="other")
    events.remove_targets(Rule="other", Ids=["1"])
