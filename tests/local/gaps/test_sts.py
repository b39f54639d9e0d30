"""STS: one contract test for each gap, named after the function that closes it."""

import json
from typing import Any

import pytest

from tests.local.gaps.contracts import Emulator, refused, role, trust

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "parameters",
    [
        {"RoleSessionName": "a"},
        {"RoleSessionName": "a" * 65},
        {"RoleSessionName": "has space"},
        {"RoleSessionName": "ünicode"},
        {"Tags": [{"Key": f"k{number}", "Value": "v"} for number in range(51)]},
        {"Tags": [{"Key": "k" * 129, "Value": "v"}]},
        {"Tags": [{"Key": "k", "Value": "v" * 257}]},
        {"Tags": [{"Key": "k", "Value": "semi;colon"}]},
        {"SourceIdentity": "x"},
        {"SourceIdentity": "with space"},
        {"SourceIdentity": "aws:me"},
        {"ExternalId": "e"},
        {"ExternalId": "?" * 5},
    ],
    ids=lambda parameters: f"{next(iter(parameters))}-{str(next(iter(parameters.values())))[:12]}",
)
def test_request_parameters(emulator: Emulator, parameters: dict[str, Any]) -> None:
    arn = role(emulator, "target")
    sts = emulator.root("sts")
    refused("ValidationError", sts.assume_role, **{"RoleArn": arn, "RoleSessionName": "session", **parameters})


@pytest.mark.parametrize("seconds", [899, 7201, 43201])
def test_session_duration(emulator: Emulator, seconds: int) -> None:
    arn = role(emulator, "target", MaxSessionDuration=7200)
    sts = emulator.root("sts")
    sts.assume_role(RoleArn=arn, RoleSessionName="session", DurationSeconds=7200)
    refused("ValidationError", sts.assume_role, RoleArn=arn, RoleSessionName="session", DurationSeconds=seconds)


def test_session_duration_of_a_chained_session(emulator: Emulator) -> None:
    arn = role(emulator, "target", MaxSessionDuration=7200)
    first = emulator.root("sts").assume_role(RoleArn=role(emulator, "broker"), RoleSessionName="first")
    sts = emulator.session("sts", first["Credentials"])
    sts.assume_role(RoleArn=arn, RoleSessionName="chained", DurationSeconds=3600)
    refused("ValidationError", sts.assume_role, RoleArn=arn, RoleSessionName="chained", DurationSeconds=3601)


def test_source_identity(emulator: Emulator) -> None:
    """The trust policy's condition, the answer and later conditions all have it."""
    needs_it = {"StringLike": {"sts:SourceIdentity": "agent-*"}}
    only_seven = {
        "Statement": {
            "Effect": "Allow",
            "Action": "s3:ListAllMyBuckets",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceIdentity": "agent-7"}},
        }
    }
    arn = role(emulator, "target", only_seven, trust(emulator.account, **needs_it))
    sts = emulator.root("sts")
    refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="none")
    refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="other", SourceIdentity="another")
    seven = sts.assume_role(RoleArn=arn, RoleSessionName="seven", SourceIdentity="agent-7")
    assert seven["SourceIdentity"] == "agent-7"
    emulator.session("s3", seven["Credentials"]).list_buckets()
    eight = sts.assume_role(RoleArn=arn, RoleSessionName="eight", SourceIdentity="agent-8")
    refused("AccessDenied", emulator.session("s3", eight["Credentials"]).list_buckets)


def test_source_identity_must_be_allowed_by_the_trust_policy(emulator: Emulator) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": emulator.account}}
    arn = role(emulator, "target", document=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    sts = emulator.root("sts")
    sts.assume_role(RoleArn=arn, RoleSessionName="plain")
    message = refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="named", SourceIdentity="agent-7")
    assert "sts:AssumeRole" in message or "sts:SetSourceIdentity" in message


def test_source_identity_stays_with_chained_sessions(emulator: Emulator) -> None:
    needs_it = {"StringEquals": {"sts:SourceIdentity": "agent-7"}}
    arn = role(emulator, "target", document=trust(emulator.account, **needs_it))
    sts = emulator.root("sts")
    first = sts.assume_role(RoleArn=role(emulator, "broker"), RoleSessionName="first", SourceIdentity="agent-7")
    chained = emulator.session("sts", first["Credentials"])
    assert chained.assume_role(RoleArn=arn, RoleSessionName="chained")["SourceIdentity"] == "agent-7"
    refused("AccessDenied", chained.assume_role, RoleArn=arn, RoleSessionName="other", SourceIdentity="agent-8")


def test_source_identity_of_a_chained_session_must_be_allowed_by_the_trust_policy(emulator: Emulator) -> None:
    """The chained session has it, even if the call does not pass it."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": emulator.account}}
    arn = role(emulator, "target", document=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    sts = emulator.root("sts")
    first = sts.assume_role(RoleArn=role(emulator, "broker"), RoleSessionName="first", SourceIdentity="agent-7")
    chained = emulator.session("sts", first["Credentials"])
    refused("AccessDenied", chained.assume_role, RoleArn=arn, RoleSessionName="chained")


def test_callers_permissions_of_a_chained_session(emulator: Emulator) -> None:
    allowed = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}
    broker = role(emulator, "broker", allowed)
    named = {"RoleArn": broker, "RoleSessionName": "broker", "SourceIdentity": "agent-7"}
    keys = emulator.root("sts").assume_role(**named)["Credentials"]
    chained = emulator.session("sts", keys)
    arn = role(emulator, "target")
    message = refused("AccessDenied", chained.assume_role, RoleArn=arn, RoleSessionName="chained")
    assert "sts:SetSourceIdentity" in message


@pytest.mark.parametrize("missing", ["sts:TagSession", "sts:SetSourceIdentity"])
def test_callers_permissions(emulator: Emulator, missing: str) -> None:
    actions = [action for action in ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity") if action != missing]
    broker = role(emulator, "broker", {"Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}})
    arn = role(emulator, "target")
    keys = emulator.root("sts").assume_role(RoleArn=broker, RoleSessionName="broker")["Credentials"]
    sts = emulator.session("sts", keys)
    sts.assume_role(RoleArn=arn, RoleSessionName="plain")
    named = {"Tags": [{"Key": "grant", "Value": "g"}], "SourceIdentity": "agent-7"}
    message = refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="named", **named)
    assert missing in message
