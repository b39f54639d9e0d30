"""`jitney.grant`: what it requests, what the session can do, and what is left after its end."""

import datetime as dt
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest

import jitney
from jitney.client.api.broker import Broker
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.settings import connect
from jitney.sdk import review_waits
from tests.client.fake_broker import (
    GRANT_ID,
    PERMISSIONS,
    REVIEW,
    SECRET,
    FakeBroker,
    ended,
    grant,
    issued,
    problem,
    under_review,
    vote,
)

GRANT = f"/v1/grants/{GRANT_ID}"
ACCESS: dict[str, Any] = {
    "actions": "s3:GetObject",
    "resources": "arn:aws:s3:::reports/2026/*",
    "reason": "monthly report",
}


def requested(broker: FakeBroker) -> dict[str, Any]:
    return broker.calls("POST", "/v1/grants")[-1].json


def test_cli_04_with_gives_a_boto3_session_and_releases_the_grant(granting: FakeBroker):
    with jitney.grant("analytics-prod", **ACCESS) as session:
        assert isinstance(session, boto3.Session)
        assert (session.grant.id, session.region_name) == (GRANT_ID, "eu-west-1")
        s3 = session.client("s3")
        s3.create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == ["reports"]
        assert session.resource("s3").Bucket("reports").creation_date
        assert session.get_credentials().secret_key == SECRET
        assert not granting.calls("DELETE", GRANT)
    assert len(granting.calls("DELETE", GRANT)) == 1
    assert len(granting.calls("POST", "/v1/grants")) == 1
    with pytest.raises(jitney.GrantEnded):
        s3.list_buckets()
    assert requested(granting) == {
        "target": "analytics-prod",
        "permissions": PERMISSIONS,
        "duration_seconds": 300,
        "reason": "monthly report",
        "credential_seconds": 300,
    }


def test_cli_06_a_block_left_by_an_exception_releases_the_grant(granting: FakeBroker):
    with pytest.raises(ZeroDivisionError), jitney.grant("analytics-prod", **ACCESS):
        raise ZeroDivisionError
    assert len(granting.calls("DELETE", GRANT)) == 1


def test_cli_05_calls_are_command_lines_or_operations(granting: FakeBroker):
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    calls: list[Any] = [
        "aws s3 cp s3://reports/2026/q3.csv -",
        ("logs", "FilterLogEvents", {"logGroupName": "app", "startTime": 1}),
        ("kms", "Encrypt", {"KeyId": "k", "Plaintext": b"\x00"}),
        ("cloudtrail", "LookupEvents", {"StartTime": start}),
    ]
    with jitney.grant("analytics-prod", calls=calls, reason="monthly report", duration="1h30m", ticket="OPS-1"):
        pass
    body = requested(granting)
    assert (body["duration_seconds"], body["ticket"]) == (5400, "OPS-1")
    assert "permissions" not in body
    assert body["calls"] == [
        "aws s3 cp s3://reports/2026/q3.csv -",
        {"service": "logs", "operation": "FilterLogEvents", "parameters": {"logGroupName": "app", "startTime": 1}},
        {"service": "kms", "operation": "Encrypt", "parameters": {"KeyId": "k", "Plaintext": "AA=="}},
        {"service": "cloudtrail", "operation": "LookupEvents", "parameters": {"StartTime": start.isoformat()}},
    ]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({**ACCESS, "conditions": {"s3:prefix": "a/*"}}, [PERMISSIONS[0] | {"conditions": {"s3:prefix": ["a/*"]}}]),
        ({"permissions": PERMISSIONS, "reason": "report"}, PERMISSIONS),
        ({"access_profile": "migration", "reason": "report"}, None),
    ],
)
def test_cli_05_access_is_stated_in_each_form_of_the_command(granting: FakeBroker, asked: dict, sent: Any):
    with jitney.grant("analytics-prod", duration=dt.timedelta(minutes=2), **asked):
        pass
    assert requested(granting).get("permissions") == sent
    assert requested(granting)["duration_seconds"] == 120


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"reason": ""}, "reason is empty"),
        ({}, "names no access"),
        ({"actions": "s3:GetObject"}, "both needed"),
        ({"calls": "aws s3 ls"}, "calls is a string"),
        ({"calls": [("s3", "GetObject")]}, "is no call"),
        ({"calls": [("s3", "GetObject", {"Bucket": object()})]}, "not JSON"),
        ({"calls": ["aws s3 ls"], "actions": "a:B", "resources": "*"}, "cannot be combined"),
        ({"permissions": [{"actions": []}]}, "is expected"),
        ({"permissions": PERMISSIONS, "actions": "a:B"}, "cannot be combined"),
        ({"duration": "5 minutes", "calls": ["aws s3 ls"]}, "duration: '5 minutes'"),
        ({"wait": "soon", "calls": ["aws s3 ls"]}, "wait: 'soon'"),
        ({"wait": float("inf"), "calls": ["aws s3 ls"]}, "wait: cannot convert"),
        ({"duration": float("nan"), "calls": ["aws s3 ls"]}, "duration: cannot convert"),
        ({"calls": None}, "calls is None"),
        ({"actions": 5, "resources": "*"}, "actions is 5"),
        ({"actions": "a:B", "resources": True}, "resources is True"),
        ({"actions": "a:B", "resources": "*", "conditions": ["c"]}, "conditions is"),
        ({"actions": "a:B", "resources": "*", "conditions": {"s3:max-keys": 5}}, "s3:max-keys is 5"),
        ({"way": "tunnel", "calls": ["aws s3 ls"]}, "way is 'tunnel'"),
        ({"reveal": True, "calls": ["aws s3 ls"]}, "needs the gateway"),
    ],
)
def test_cli_03_wrong_arguments_are_refused_before_anything_is_sent(granting: FakeBroker, asked: dict, words: str):
    with pytest.raises(jitney.Invalid, match=words) as refused:
        jitney.grant("analytics-prod", **{"reason": "monthly report"} | asked)
    assert refused.value.fix
    assert not granting.asked


def test_cli_03_a_denial_has_the_members_of_the_problem(connected: FakeBroker):
    connected.say("POST", "/v1/grants", 403, problem("denied", allowed_subset=PERMISSIONS, reasons=[]))
    with pytest.raises(jitney.Denied) as denied, jitney.grant("analytics-prod", broker=at(connected), **ACCESS):
        pass
    refused = denied.value
    assert (refused.code, refused.fix, refused.extras["allowed_subset"]) == (
        "denied",
        "The fix of denied.",
        PERMISSIONS,
    )
    assert isinstance(refused, jitney.ClientProblem)


def at(broker: FakeBroker) -> Broker:
    return connect(ConnectionOptions(api=broker.url))


@pytest.fixture
def reviewing(connected: FakeBroker, aws: None, monkeypatch: pytest.MonkeyPatch) -> FakeBroker:
    """A broker that has the request reviewed. No wait sleeps."""
    monkeypatch.setattr(review_waits.RunningWait, "sleep", lambda self, seconds: None)
    connected.say("POST", "/v1/grants", 202, under_review())
    connected.say("DELETE", GRANT, 200, ended())
    return connected


def test_cli_03_a_review_is_waited_for_and_announced(reviewing: FakeBroker):
    seen: list[jitney.ReviewPending] = []
    reviewing.say("GET", GRANT, 200, under_review())
    reviewing.say("GET", GRANT, 200, {"grant": grant()})
    reviewing.say("POST", f"{GRANT}/credentials", 200, issued())
    with jitney.grant("analytics-prod", on_pending=seen.append, **ACCESS) as session:
        assert session.client("sts").get_caller_identity()
    assert [each.code for each in seen] == ["grant_pending"]
    assert "data-owners" in seen[0].detail
    assert (seen[0].grant_id, seen[0].reviewers) == (GRANT_ID, tuple(REVIEW["reviewers"]))
    assert seen[0].review_url == REVIEW["review_url"]
    assert len(reviewing.calls("POST", "/v1/grants")) == 1


def test_cli_03_a_wait_without_a_listener_is_logged(reviewing: FakeBroker, caplog: pytest.LogCaptureFixture):
    reviewing.say("GET", GRANT, 200, {"grant": grant()})
    reviewing.say("POST", f"{GRANT}/credentials", 200, issued())
    with caplog.at_level(logging.WARNING, "jitney"), jitney.grant("analytics-prod", **ACCESS):
        pass
    assert "data-owners" in caplog.text


def test_cli_03_a_program_that_does_not_wait_goes_on_with_the_same_review_later(reviewing: FakeBroker):
    reviewing.say("POST", f"{GRANT}/credentials", 409, problem("grant_pending"))
    reviewing.say("POST", f"{GRANT}/credentials", 200, issued())
    reviewing.say("GET", GRANT, 200, under_review())
    for _ in range(2):
        with pytest.raises(jitney.ReviewPending) as pending, jitney.grant("analytics-prod", wait=0, **ACCESS):
            pass
        assert "same again" in pending.value.fix
    assert not reviewing.calls("DELETE", GRANT)
    with jitney.grant("analytics-prod", wait=0, **ACCESS) as session:
        assert session.grant.id == GRANT_ID
    assert len(reviewing.calls("POST", "/v1/grants")) == 1
    assert len(reviewing.calls("DELETE", GRANT)) == 1


def test_cli_03_an_approval_is_used_although_the_program_failed_before_it_had_the_keys(reviewing: FakeBroker):
    """Otherwise the reviewers would be asked again."""
    reviewing.say("GET", GRANT, 200, {"grant": grant()})
    reviewing.say("POST", f"{GRANT}/credentials", 502, problem("aws_unavailable"))
    reviewing.say("POST", f"{GRANT}/credentials", 200, issued())
    with pytest.raises(jitney.Unavailable), jitney.grant("analytics-prod", **ACCESS):
        pass
    with jitney.grant("analytics-prod", **ACCESS) as session:
        assert session.grant.id == GRANT_ID
    assert len(reviewing.calls("POST", "/v1/grants")) == 1


def test_cli_03_a_listener_that_fails_loses_no_review(reviewing: FakeBroker):
    def fail(_review: jitney.ReviewPending) -> None:
        raise OSError("no chat")

    reviewing.say("POST", f"{GRANT}/credentials", 200, issued())
    with pytest.raises(OSError, match="no chat"), jitney.grant("analytics-prod", on_pending=fail, **ACCESS):
        pass
    with jitney.grant("analytics-prod", **ACCESS) as session:
        assert session.grant.id == GRANT_ID
    assert len(reviewing.calls("POST", "/v1/grants")) == 1


def test_cli_03_a_rejection_has_the_reviewers_words(reviewing: FakeBroker):
    reviewing.say("GET", GRANT, 200, {"grant": grant("rejected", votes=[vote("reject", "too wide")])})
    reviewing.say("POST", f"{GRANT}/credentials", 410, problem("grant_rejected", detail="Alice: too wide."))
    with pytest.raises(jitney.Rejected, match="too wide"), jitney.grant("analytics-prod", **ACCESS):
        pass


def test_rev_17_after_a_rejection_a_program_says_what_changed(granting: FakeBroker):
    with jitney.grant("analytics-prod", changed="2026 only, as Alice asked", **ACCESS):
        pass
    assert requested(granting)["changed"] == "2026 only, as Alice asked"


def test_cli_04_nested_grants_are_apart(connected: FakeBroker, aws: None):
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("POST", "/v1/grants", 201, issued(id="g-bbbbbbbbbbbbb2"))
    for number in (GRANT_ID, "g-bbbbbbbbbbbbb2"):
        connected.say("DELETE", f"/v1/grants/{number}", 200, ended())
    with jitney.grant("analytics-prod", **ACCESS) as outer:
        with jitney.grant("analytics-prod", **ACCESS) as inner:
            assert (outer.grant.id, inner.grant.id) == (GRANT_ID, "g-bbbbbbbbbbbbb2")
        assert outer.client("sts").get_caller_identity()
        assert not connected.calls("DELETE", GRANT)


def test_cli_04_a_scope_begins_once_at_a_time_and_again_after_its_end(granting: FakeBroker):
    scope = jitney.grant("analytics-prod", **ACCESS)
    with scope, pytest.raises(RuntimeError, match="in use"):
        scope.open()
    with scope as session:
        assert session.client("sts").get_caller_identity()
    assert len(granting.calls("POST", "/v1/grants")) == len(granting.calls("DELETE", GRANT)) == 2
    scope.close()
    assert len(granting.calls("DELETE", GRANT)) == 2


def test_cli_04_an_existing_grant_is_used_and_stays(granting: FakeBroker):
    with jitney.existing_grant(GRANT_ID) as session:
        assert session.client("sts").get_caller_identity()
    assert not granting.calls("POST", "/v1/grants")
    assert not granting.calls("DELETE", GRANT)


def test_cli_04_any_botocore_session_takes_the_provider(granting: FakeBroker):
    scope = jitney.grant("analytics-prod", **ACCESS)
    session = botocore.session.Session()
    session.get_component("credential_provider").insert_before("env", scope.provider())
    credentials = session.get_credentials()
    assert (credentials.method, credentials.get_frozen_credentials().secret_key) == ("jitney", SECRET)
    assert session.create_client("sts", "eu-west-1").get_caller_identity()
    scope.close()
    assert len(granting.calls("DELETE", GRANT)) == 1


def test_a_failed_release_is_logged_and_hides_no_error(connected: FakeBroker, caplog: pytest.LogCaptureFixture):
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("DELETE", GRANT, 500, problem("internal"))
    with pytest.raises(ZeroDivisionError), jitney.grant("analytics-prod", **ACCESS):
        raise ZeroDivisionError
    assert f"{GRANT_ID} was not released" in caplog.text


def test_cli_07_the_package_names_its_interface_and_loads_nothing_before_it_is_used():
    code = "import sys, jitney; print(*(set(sys.modules) & {'boto3', 'jitney.client', 'jitney.sdk', 'rich', 'typer'}))"
    code += "; print(jitney.Denied.__name__, 'boto3' in sys.modules, 'typer' in sys.modules); jitney.grant"
    code += "; print('boto3' in sys.modules, 'rich' in sys.modules, 'typer' in sys.modules, 'h11' in sys.modules)"
    folder = Path(jitney.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    assert run.stdout.splitlines() == ["", "Denied False False", "False False False False"]
    assert set(jitney.__all__) <= set(dir(jitney))
    assert all(getattr(jitney, name) for name in jitney.__all__)
    with pytest.raises(AttributeError, match="no attribute 'grnat'"):
        jitney.grnat  # noqa: B018
