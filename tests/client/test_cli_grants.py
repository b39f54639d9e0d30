"""`jitney grants`."""

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cli import invoke
from tests.client.fake_broker import GRANT_ID, REVIEW, FakeBroker, ended, grant, problem, vote

PATH = f"/v1/grants/{GRANT_ID}"


def test_the_list_shows_each_grant_and_how_to_see_older_ones(connected: FakeBroker):
    pending = grant("pending", id="g-cccccccccccccc", review=REVIEW)
    grants = [grant(), grant("rejected", id="g-bbbbbbbbbbbbbb", reason=""), pending]
    connected.say("GET", "/v1/grants", 200, {"grants": grants, "next": "000000000001#g-x"})
    result = invoke(["grants", "list"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{GRANT_ID}  active    analytics-prod  until 2099-11-24 12:05:00 UTC (in ")
    assert [line.strip() for line in lines[1:4]] == [
        "by reader-agent (local)",
        "s3:GetObject on arn:aws:s3:::reports/2026/*",
        "monthly report",
    ]
    assert lines[4].startswith("g-bbbbbbbbbbbbbb  rejected  analytics-prod  created 2099-11-24 12:00:00 UTC")
    assert lines[-2].strip() == f"waits for corp.alice at {REVIEW['review_url']}"
    assert lines[-1].split(maxsplit=1) == ["older", "jitney grants list --cursor '000000000001#g-x'"]


@pytest.mark.parametrize("command", [["list"], ["show", GRANT_ID], ["release", GRANT_ID]])
@pytest.mark.parametrize("ahead", [-7200.0, 7200.0])
def test_times_are_compared_with_the_brokers_clock(connected: FakeBroker, command: list[str], ahead: float):
    """On a machine with a wrong clock, a new grant does not look as if it had ended."""
    connected.ahead = ahead
    end = datetime.fromtimestamp(time.time() + ahead + 300, UTC).isoformat(timespec="seconds")
    active = grant(expires_at=end.replace("+00:00", "Z"))
    connected.say("GET", "/v1/grants", 200, {"grants": [active], "next": None})
    for method in ("GET", "DELETE"):
        connected.say(method, PATH, 200, {"grant": active})
    shown = invoke(["grants", *command]).stdout
    assert re.search(r"until .* UTC \(in (5m|4m5\ds)\)", shown), shown


def test_the_list_goes_on_at_the_cursor_and_may_be_empty(connected: FakeBroker):
    connected.say("GET", "/v1/grants?cursor=c", 200, {"grants": [], "next": None})
    assert invoke(["grants", "list", "--cursor", "c"]).stdout == "No grants.\n"


def test_the_list_as_json_is_the_page(connected: FakeBroker):
    pending = grant("pending", review=REVIEW)
    connected.say("GET", "/v1/grants", 200, {"grants": [grant(), pending], "next": None})
    document = json.loads(invoke(["grants", "list", "--json"]).stdout)
    assert document == {"grants": [grant() | {"role_arn": ""}, pending | {"role_arn": ""}], "next": None}


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("active", 0),
        ("pending", 4),
        ("rejected", 3),
        ("revoked", 3),
        ("expired", 7),
        ("released", 7),
        ("failed", 6),
        ("used", 0),
    ],
)
def test_the_exit_code_says_what_became_of_a_grant(connected: FakeBroker, state: str, code: int):
    connected.say("GET", PATH, 200, {"grant": grant(state)})
    for form in ([], ["--json"]):
        assert invoke(["grants", "show", GRANT_ID, *form]).exit_code == code


def test_rev_13_a_grant_that_failed_says_so_and_what_to_do(connected: FakeBroker):
    connected.say("GET", PATH, 200, {"grant": grant("failed")})
    shown = invoke(["grants", "show", GRANT_ID]).stdout
    assert "it could not be reviewed or issued, or policy denied it" in shown
    assert "make a new request" in shown


def test_cli_03_a_pending_grant_can_be_waited_for_later(connected: FakeBroker):
    connected.say("GET", PATH, 200, {"grant": grant("pending"), "review": REVIEW}, Retry_After="1")
    connected.say("GET", PATH, 200, {"grant": grant()})
    result = invoke(["grants", "show", GRANT_ID, "--wait"])
    assert result.exit_code == 0
    assert "under review by data-owners" in result.stderr
    assert result.stdout.startswith(f"Active  {GRANT_ID}")


def test_rev_06_who_said_what_is_shown_to_the_agent(connected: FakeBroker):
    votes = [vote("approve", "only a", "people.bob"), vote("reject", "never c\x1b[2J")]
    votes[0]["delegate_for"] = ["people.carol"]
    connected.say("GET", PATH, 200, {"grant": grant("rejected", votes=votes)})
    shown = invoke(["grants", "show", GRANT_ID]).stdout.splitlines()
    assert "  approved  by people.bob (delegate for people.carol): only a" in shown
    assert "  rejected  by people.alice: never c\ufffd[2J" in shown
    document = json.loads(invoke(["grants", "show", GRANT_ID, "--json"]).stdout)
    assert document["grant"]["votes"] == votes


def test_rev_11_the_approval_that_made_a_review_unnecessary_is_shown_to_the_agent(connected: FakeBroker):
    earlier = [{"grant": "g-bbbbbbbbbbbbbb", "groups": ["owners", "security"], "at": "2026-11-01T00:00:00Z"}]
    connected.say("GET", PATH, 200, {"grant": grant(earlier_approvals=earlier)})
    shown = invoke(["grants", "show", GRANT_ID]).stdout.splitlines()
    assert "  approved  before, by owners and security, for grant g-bbbbbbbbbbbbbb" in shown
    document = json.loads(invoke(["grants", "show", GRANT_ID, "--json"]).stdout)
    assert document["grant"]["earlier_approvals"] == earlier


@pytest.mark.parametrize("state", ["pending", "active", "rejected", "released"])
def test_only_an_active_grant_is_said_to_allow(connected: FakeBroker, state: str):
    connected.say("GET", PATH, 200, {"grant": grant(state)})
    shown = invoke(["grants", "show", GRANT_ID]).stdout
    name = "allows   " if state == "active" else "requested"
    assert f"  {name} s3:GetObject on arn:aws:s3:::reports/2026/*" in shown


LESS = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/q3.csv"]}]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"permissions": LESS}, "s3:GetObject on arn:aws:s3:::reports/2026/q3.csv"),
        ({"duration_seconds": 60}, "for 1m"),
        ({"permissions": LESS, "duration_seconds": 60}, "s3:GetObject on arn:aws:s3:::reports/2026/q3.csv; for 1m"),
        ({}, ""),
    ],
)
def test_rev_06_a_narrowed_approval_is_shown_after_the_wait(connected: FakeBroker, members: dict[str, Any], said: str):
    connected.say("GET", PATH, 200, {"grant": grant("pending"), "review": REVIEW}, Retry_After="1")
    connected.say("GET", PATH, 200, {"grant": grant(votes=[vote("approve", "only a", "people.bob")], **members)})
    lines = invoke(["grants", "show", GRANT_ID, "--wait"]).stderr.splitlines()[1:]
    assert lines == ([f"jitney: approved by people.bob, narrower than requested: {said}"] if said else [])


def test_another_principals_grant_is_not_there(connected: FakeBroker):
    connected.say("GET", PATH, 404, problem("grant_not_found"))
    result = invoke(["grants", "show", GRANT_ID, "--json"])
    assert result.exit_code == 7
    assert json.loads(result.stdout)["code"] == "grant_not_found"


def test_end_01_a_released_grant_says_how_fast_its_credentials_were_refused(connected: FakeBroker):
    connected.say("DELETE", PATH, 200, ended())
    result = invoke(["grants", "release", GRANT_ID])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Released  {GRANT_ID}")
    assert "by AWS 0.41 s later" in result.stdout


def test_end_01_an_operator_revokes_with_a_reason(connected: FakeBroker):
    connected.say("POST", f"{PATH}/revocation", 200, ended("revoked", "stolen"))
    result = invoke(["grants", "revoke", GRANT_ID, "--reason", "stolen", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["grant"]["ending"]["reason"] == "stolen"
    (asked,) = connected.calls("POST", f"{PATH}/revocation")
    assert asked.json == {"reason": "stolen"}
    assert invoke(["grants", "revoke", GRANT_ID]).exit_code == 2


def test_only_an_operator_may_do_this(connected: FakeBroker):
    connected.say("POST", f"{PATH}/revocation", 403, problem("not_operator", status=403))
    assert invoke(["grants", "revoke", GRANT_ID, "--reason", "x"]).exit_code == 3


@pytest.mark.parametrize("command", [("release", "DELETE", ()), ("revoke", "POST", ("--reason", "stolen"))])
def test_end_05_the_end_of_a_grant_prints_what_is_left_to_do(connected: FakeBroker, command: Any):
    name, method, options = command
    effect = {
        "effect": "shell_session",
        "sentence": "An open shell session from ssm:StartSession outlives the grant until a person ends it.",
        "actions": ["ssm:StartSession"],
        "used": ["ssm:StartSession"],
        "longest_seconds": None,
        "left_to_do": "End it with `aws ssm terminate-session --session-id ID`.",
        "source": "https://docs.aws.amazon.com",
    }
    path = PATH if method == "DELETE" else f"{PATH}/revocation"
    for _ in range(2):
        connected.say(method, path, 200, ended() | {"outlives": [effect]})
    shown = invoke(["grants", name, GRANT_ID, *options]).stdout.splitlines()
    assert f"  outlives  {effect['sentence']}" in shown
    assert "            CloudTrail shows use of ssm:StartSession." in shown
    assert f"  left to do{effect['left_to_do']}" in shown or f"  left to do {effect['left_to_do']}" in shown
    document = json.loads(invoke(["grants", name, GRANT_ID, *options, "--json"]).stdout)
    assert document["outlives"] == [effect]


def test_rev_16_the_grant_of_a_call_shows_the_call_and_how_to_send_it(connected: FakeBroker):
    parameters = {"Bucket": "reports", "Key": "a\nstate: approved\u001b[2J"}
    call = {"id": "c-aaaaaaaaaaaaaa", "grant": "g-bbbbbbbbbbbbbb", "service": "s3", "operation": "DeleteObject"}
    call |= {"region": "eu-west-1", "parameters": parameters, "parameters_mac": "a"}
    waiting = grant("pending", way="gateway", call=call)
    connected.say("GET", PATH, 200, {"grant": waiting, "review": REVIEW})
    shown = invoke(["grants", "show", GRANT_ID]).stdout
    assert "s3 DeleteObject in eu-west-1, made in grant g-bbbbbbbbbbbbbb" in shown
    assert 'Bucket: "reports"' in shown
    assert r'Key: "a\nstate: approved\u001b[2J"' in shown
    assert "repeat the call with the same Idempotency-Key" in shown
    assert "jitney run" not in shown
    assert "until the call is sent" in shown


def test_gw_04_the_list_says_which_grants_are_for_the_gateway(connected: FakeBroker):
    page = {"grants": [grant(way="gateway"), grant()], "next": None}
    connected.say("GET", "/v1/grants", 200, page)
    shown = invoke(["grants", "list"]).stdout
    assert shown.count("gateway: Jitney makes the calls, with sensitive values masked in answers") == 1
