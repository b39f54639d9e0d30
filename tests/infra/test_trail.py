"""How CloudTrail's events reach the correlator: the senders, the rules, and the dead letters."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from ministack.services.eventbridge import _matches_pattern_view, _pattern_event_view

from infra.alarms import LATE_SECONDS, RECONCILER_SECONDS, SILENT_SECONDS
from infra.function_specs import SPECS
from infra.trail import ALL_EVENTS, BY_ACCOUNT, BY_SESSION
from jitney.adapters.trail import REQUEUE_DELAY_SECONDS
from jitney.audit_database.glue_tables import CALL_COLUMNS
from jitney.core.target_roles import MOST_ROLES, roles_of
from jitney.core.trail.call import CloudTrailCall
from jitney.core.trail.call_line import line_of
from jitney.core.trail.join import GRACE_SECONDS, MAX_EVENT_DELAY_SECONDS, PURPOSES_BY_FUNCTION, CallVerdict
from tests.cloudtrail_events import API_CALL, SIGN_IN, assume_role_event, call_event, identity, record, sign_in_event
from tests.core.trail.test_heartbeat import revoker_assumed, revoker_called
from tests.fakes import NOW
from tests.infra.conftest import listed, of_type, only, plain, target_role

pytestmark = pytest.mark.xdist_group("cdk")

TARGET = "arn:aws:iam::444455556666:role/jitney/jitney-target-analytics-prod"
FORWARDER = "arn:aws:iam::444455556666:role/jitney/jitney-forwarder-analytics-prod"
BUS = "arn:aws:events:eu-west-1:111122223333:event-bus/jitney-trail"


def rules(template):
    return [plain(each) for each in of_type(template, "AWS::Events::Rule").values() if each.get("State") == ALL_EVENTS]


def test_aud_03_only_the_targets_forwarding_role_sends_to_the_bus(assembly):
    policy = plain(only(assembly.broker, "AWS::Events::EventBusPolicy"))
    statement = policy["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "events:PutEvents")
    assert listed(statement["Principal"]["AWS"]) == ["arn:aws:iam::444455556666:root"]
    forwarders = "arn:aws:iam::*:role/jitney/jitney-forwarder-*"
    assert statement["Condition"] == {"ArnLike": {"aws:PrincipalArn": forwarders}}
    assert fnmatchcase(FORWARDER, forwarders)


def test_aud_03_the_targets_account_sends_the_events_of_its_role_and_nothing_else(assembly):
    (rule,) = rules(assembly.target)
    assert rule["EventPattern"]["source"] == [{"prefix": "aws."}]
    sessions, beginnings, heartbeats = rule["EventPattern"]["detail"]["$or"]
    roles = [TARGET, {"wildcard": f"{TARGET}.role*"}]
    assert sessions == {"userIdentity": {"sessionContext": {"sessionIssuer": {"arn": roles}}}}
    assert beginnings["requestParameters"] == {"roleArn": roles}
    revoker = "arn:aws:iam::444455556666:role/jitney/jitney-revoker-analytics-prod"
    of_revoker = {"userIdentity": {"sessionContext": {"sessionIssuer": {"arn": [revoker]}}}}
    assert heartbeats == {"eventName": ["GetCallerIdentity"], **of_revoker}
    (target,) = rule["Targets"]
    assert (target["Arn"], target["RoleArn"]) == (BUS, "Forwarder.Arn")
    (sender,) = (r for r in of_type(assembly.target, "AWS::IAM::Role").values() if "forwarder" in r["RoleName"])
    assert f"arn:aws:iam::444455556666:role{sender['Path']}{sender['RoleName']}" == FORWARDER
    (trust,) = sender["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "events.amazonaws.com"}
    (allowed,) = sender["Policies"][0]["PolicyDocument"]["Statement"]
    assert (allowed["Action"], plain(allowed["Resource"])) == ("events:PutEvents", BUS)
    assert target_role(assembly.target)["RoleName"] == "jitney-target-analytics-prod"


def test_aud_03_forged_events_match_no_rule(assembly):
    """The emulator's matcher gets the rules' own patterns, and an event that is CloudTrail's in all but its source."""
    reader = record(1, NOW, userIdentity={"sessionContext": {"sessionIssuer": {"arn": TARGET}}})
    forged = [reader, assume_role_event(2)]
    patterns = [json.dumps(each["EventPattern"]) for each in (*rules(assembly.target), *rules(assembly.broker))]
    start = [_seen(pattern, assume_role_event(2), "aws.sts") for pattern in patterns]
    assert sorted(start) == [False, True, True, True]
    assert _seen(patterns[0], reader, "aws.s3")
    for source in ("my.app", "awsx", "aws", ""):
        assert not any(_seen(pattern, event, source) for pattern in patterns for event in forged)
    other = assume_role_event(2)
    other["requestParameters"]["roleArn"] = "arn:aws:iam::444455556666:role/theirs"
    assert not any(_seen(pattern, other, "aws.sts") for pattern in patterns if "roleArn" in pattern)


@pytest.mark.parametrize(("kind", "seen"), [(API_CALL, True), (SIGN_IN, True), ("AWS Health Event", False)])
def test_aud_08_sign_ins_to_the_console_are_forwarded(assembly, kind: str, seen: bool):
    (forwarding,) = (json.dumps(each["EventPattern"]) for each in rules(assembly.target))
    calls = next(json.dumps(each["EventPattern"]) for each in rules(assembly.broker))
    by_session = sign_in_event(1) | {
        "userIdentity": identity() | {"sessionContext": {"sessionIssuer": {"arn": TARGET}}}
    }
    assert [_seen(each, by_session, "aws.signin", kind) for each in (forwarding, calls)] == [seen, seen]


@pytest.mark.parametrize("role", [*roles_of(TARGET, MOST_ROLES), f"{TARGET}-other"])
def test_aud_03_events_of_all_roles_that_a_target_may_have_had_are_forwarded_and_no_others(assembly, role: str):
    called = record(1, NOW, userIdentity={"sessionContext": {"sessionIssuer": {"arn": role}}})
    started = assume_role_event(2)
    started["requestParameters"]["roleArn"] = role
    (forwarding,) = (json.dumps(each["EventPattern"]) for each in rules(assembly.target))
    ours = role != f"{TARGET}-other"
    assert (_seen(forwarding, called, "aws.s3"), _seen(forwarding, started, "aws.sts")) == (ours, ours)


def _seen(pattern: str, detail: dict[str, Any], source: str, kind: str = API_CALL) -> bool:
    envelope = {"Source": source, "DetailType": kind, "Account": "444455556666", "Region": "eu-west-1"}
    event = envelope | {"Detail": json.dumps(detail), "EventId": "1", "Time": NOW, "Resources": []}
    return bool(_matches_pattern_view(pattern, _pattern_event_view(event), "test"))


def test_aud_03_read_only_events_are_forwarded_from_the_targets_accounts_only(assembly):
    *forwarded, taking = sorted(rules(assembly.broker), key=lambda each: "EventBusName" not in each)
    assert [each["EventPattern"]["account"] for each in forwarded] == [["444455556666"]] * 2
    roles = "arn:aws:iam::*:role/jitney/*"
    assert taking["EventPattern"]["detail"]["requestParameters"] == {"roleArn": [{"wildcard": roles}]}
    assert taking["EventPattern"]["source"] == ["aws.sts"]
    assert [each["EventPattern"]["source"] for each in forwarded] == [[{"prefix": "aws."}]] * 2
    for rule in (*forwarded, taking):
        assert rule["EventPattern"]["detail-type"] == [{"suffix": " via CloudTrail"}]
        assert [each["Arn"] for each in rule["Targets"]] == ["TrailQueue.Arn"]


EVENTS = {
    "a session's call": (call_event(1), True),
    "a call without a principal": (call_event(1, who={"type": "AWSService"}), False),
    "a session's start": (assume_role_event(2), False),
    "a start by a session": (assume_role_event(2) | {"userIdentity": identity()}, False),
}


@pytest.mark.parametrize("name", EVENTS)
def test_aud_03_every_forwarded_event_is_sent_once_in_a_message_group_that_it_has(assembly, name: str):
    """A path that an event lacks would leave it without a group; two rules would send it twice."""
    event, by_session = EVENTS[name]
    forwarding = [each for each in rules(assembly.broker) if "EventBusName" in each]
    (rule,) = [each for each in forwarding if _seen(json.dumps(each["EventPattern"]), event, "aws.s3")]
    (target,) = rule["Targets"]
    path = target["SqsParameters"]["MessageGroupId"]
    assert path == (BY_SESSION if by_session else BY_ACCOUNT)
    value: Any = {"detail": event, "account": "444455556666"}
    for part in path.removeprefix("$.").split("."):
        value = value[part]
    assert re.fullmatch(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}", value)


def test_aud_03_starts_of_sessions_have_the_group_of_their_account(assembly):
    (taking,) = [each for each in rules(assembly.broker) if "EventBusName" not in each]
    assert taking["Targets"][0]["SqsParameters"] == {"MessageGroupId": BY_ACCOUNT}


def test_ops_01_heartbeats_reach_the_correlator(assembly):
    """The emulator's matcher gets the rules' own patterns, and the events of the reconciler's calls."""
    (forwarding,) = (json.dumps(each["EventPattern"]) for each in rules(assembly.target))
    calls, _, taking = (json.dumps(each["EventPattern"]) for each in rules(assembly.broker))
    assert _seen(forwarding, revoker_called(), "aws.sts")
    assert _seen(calls, revoker_called(), "aws.sts")
    assert _seen(taking, revoker_assumed(), "aws.sts")
    assert not _seen(forwarding, revoker_called(name="GetRolePolicy"), "aws.sts")


def test_ops_01_no_event_waits_on_purpose_until_it_counts_as_late():
    assert LATE_SECONDS >= 2 * REQUEUE_DELAY_SECONDS


def test_ops_01_a_reconciler_that_runs_sends_heartbeats_often_enough():
    assert SPECS["reconciler"].every_seconds == RECONCILER_SECONDS
    assert SILENT_SECONDS >= MAX_EVENT_DELAY_SECONDS
    assert SILENT_SECONDS >= 4 * RECONCILER_SECONDS


def test_aud_06_a_failed_event_is_retried_and_then_a_dead_letter(assembly):
    queues = {plain({"Ref": name}): plain(each) for name, each in of_type(assembly.broker, "AWS::SQS::Queue").items()}
    queue, dead = queues["TrailQueue"], queues["TrailDead"]
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "TrailDead.Arn", "maxReceiveCount": 10}
    assert queue["VisibilityTimeout"] == 6 * SPECS["correlator"].timeout_seconds
    assert (queue["SqsManagedSseEnabled"], dead["MessageRetentionPeriod"]) == (True, 14 * 24 * 3600)
    mappings = [plain(each) for each in of_type(assembly.broker, "AWS::Lambda::EventSourceMapping").values()]
    (feed,) = (each for each in mappings if each["EventSourceArn"] == "TrailQueue.Arn")
    assert (feed["FunctionName"], feed["FunctionResponseTypes"]) == ("CorrelatorFunction", ["ReportBatchItemFailures"])
    assert feed["ScalingConfig"] == {"MaximumConcurrency": 2}  # what takes grants back has the others


def test_aud_03_no_call_of_a_batch_depends_on_a_grants_change_since_the_batch_began():
    assert SPECS["correlator"].timeout_seconds <= GRACE_SECONDS


def test_aud_06_lambda_does_not_stop_the_function_that_puts_events_back(assembly):
    """Lambda stops a function after about 16 rounds through its own queue, if the function does not allow more.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """
    functions = of_type(assembly.broker, "AWS::Lambda::Function").values()
    loops = {each["FunctionName"]: each.get("RecursiveLoop", "Terminate") for each in functions}
    assert {name for name, loop in loops.items() if loop == "Allow"} == {"jitney-correlator"}


def test_aud_03_the_correlator_knows_every_function_that_takes_a_targets_role(assembly):
    taking = {
        name
        for name, spec in SPECS.items()
        if any(each.resource == "targets" and "sts:AssumeRole" in each.actions for each in spec.allows)
    }
    assert set(PURPOSES_BY_FUNCTION) == taking
    functions = of_type(assembly.broker, "AWS::Lambda::Function").values()
    (correlator,) = (each for each in functions if each["Handler"] == "jitney.handlers.correlator.handler")
    roles = json.dumps(plain(correlator["Environment"]["Variables"]["JITNEY_ISSUING_ROLES"]))
    assert all(f"={name}" in roles for name in PURPOSES_BY_FUNCTION)


def test_aud_05_every_member_of_a_call_has_its_column():
    call = CloudTrailCall(**dict.fromkeys(CloudTrailCall.__slots__, "") | {"time": 0})
    line = json.loads(line_of(call, CallVerdict(None, "", ()), None, "", 0))
    assert set(line) == {name for name, _ in CALL_COLUMNS}
