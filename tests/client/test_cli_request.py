"""`jitney request`, by its output and exit code."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console
from typer.testing import Result

from jitney.client.api.responses import GrantResponse
from jitney.client.problems import Unavailable
from jitney.client.terminal.wait_display import show_wait
from tests.cli import invoke
from tests.client.fake_broker import (
    GRANT_ID,
    PERMISSIONS,
    SECRET,
    SESSION,
    FakeBroker,
    grant,
    issued,
    problem,
    under_review,
)

ASK = ["analytics-prod", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/2026/*", "--for", "5m"]
WHY = ["--reason", "monthly report"]
BODY = {
    "target": "analytics-prod",
    "permissions": PERMISSIONS,
    "duration_seconds": 300,
    "reason": "monthly report",
}
DECISION = {
    "effect": "allow",
    "reasons": [
        {
            "policy": "read-reports",
            "sentence": "Readers may read reports.",
            "action": "",
            "resource": "",
            "template": "",
        }
    ],
    "risks": [
        {
            "risk": "DataExfiltration",
            "sentence": "s3:GetObject reads all data that wildcards match.",
            "actions": ["s3:GetObject"],
            "grants": [],
            "source": "",
            "level": "high",
        }
    ],
    "permissions": PERMISSIONS,
    "session_policy": {"Version": "2012-10-17", "Statement": []},
    "session_policy_arns": [],
    "session_policy_size": {"characters": 312, "limit": 2048},
    "reviews": [],
    "allowed_subset": [],
    "longest_seconds": 3600,
    "policy_version": "abc",
    "ways": {"credentials": "allow", "gateway": "deny"},
}

Jitney = Callable[..., Result]


@pytest.fixture
def jitney(connected: FakeBroker) -> Jitney:
    return lambda *args, **kwargs: invoke(list(args), **kwargs)


def test_a_granted_request_shows_the_grant_and_how_to_use_it(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 201, issued())
    result = jitney("request", *ASK, *WHY, "--ticket", "OPS-12")
    assert (result.exit_code, result.stderr) == (0, "")
    assert connected.asked[0].json == BODY | {"ticket": "OPS-12"}
    lines = result.stdout.splitlines()
    assert lines[0] == f"Active  {GRANT_ID}"
    assert "  allows    s3:GetObject on arn:aws:s3:::reports/2026/*" in lines
    assert f"  use it    jitney run --grant {GRANT_ID} -- COMMAND" in lines


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_cli_01_no_output_of_request_holds_a_key(connected: FakeBroker, jitney: Jitney, form: list[str]):
    connected.say("POST", "/v1/grants", 201, issued() | {"extra": SECRET, "grant": grant(later_member=SECRET)})
    result = jitney("request", *ASK, *WHY, *form)
    assert result.exit_code == 0
    assert not {SECRET, SESSION, "ASIACANARYKEYID"} & set(result.output.replace('"', " ").split())


def test_json_is_the_grant_as_the_broker_gave_it(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 201, issued())
    document = json.loads(jitney("request", *ASK, *WHY, "--json").stdout)
    assert document == {"grant": grant() | {"role_arn": ""}}


def test_cli_03_a_pending_review_names_who_was_asked_until_when_and_how_to_wait(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 202, under_review(), Retry_After="5")
    result = jitney("request", *ASK, *WHY)
    assert result.exit_code == 4
    assert "reviewers data-owners" in result.stdout
    assert "decide by 2099-11-24 13:00:00 UTC (in " in result.stdout
    assert f"jitney grants show {GRANT_ID} --wait" in result.stdout


@pytest.mark.parametrize(("more", "shown"), [({}, True), ({"call": {"id": "c-1"}}, False), ({"ends_by": None}, False)])
def test_cli_03_a_grant_that_ends_with_its_token_says_so(
    connected: FakeBroker, jitney: Jitney, more: dict[str, Any], shown: bool
):
    for status, state in ((201, "active"), (202, "pending")):
        members = {"state": state, "ends_by": "2099-11-24T12:01:00Z"} | more
        connected.say("POST", "/v1/grants", status, {"grant": grant(**members)})
        line = "  token     ends 2099-11-24 12:01:00 UTC (in "
        assert (line in jitney("request", *ASK, *WHY).stdout) is shown, state


def test_cli_03_a_pending_review_as_json_holds_the_review(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 202, under_review(), Retry_After="5")
    result = jitney("request", *ASK, *WHY, "--json")
    assert result.exit_code == 4
    assert json.loads(result.stdout)["review"] == under_review()["review"]


@pytest.mark.parametrize("repeats", [False, True])
def test_rev_12_a_repeat_says_that_no_reviewer_was_notified_again(connected: FakeBroker, jitney: Jitney, repeats: bool):
    connected.say("POST", "/v1/grants", 202, under_review() | ({"repeats": True} if repeats else {}))
    assert ("already under review; no reviewer was notified again" in jitney("request", *ASK, *WHY).stdout) is repeats
    assert ("repeats" in json.loads(jitney("request", *ASK, *WHY, "--json").stdout)) is repeats


def test_cli_03_waiting_goes_on_by_itself_and_says_so_once(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 202, under_review(), Retry_After="1")
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant()})
    result = jitney("request", *ASK, *WHY, "--wait")
    assert result.exit_code == 0
    assert result.stderr.count("\n") == 1
    assert f"{GRANT_ID} is under review by data-owners until" in result.stderr
    assert result.stdout.startswith("Active")


def test_cli_03_a_broker_that_is_gone_for_a_while_is_named_in_one_sentence():
    printed = io.StringIO()
    answer = GrantResponse.read(under_review())
    with show_wait(Console(file=printed, width=200), answer, lambda: 0.0) as progress:
        progress(answer, Unavailable("no_response", "No answer", "The broker did not answer.", ""))
    assert printed.getvalue().splitlines()[-1] == "jitney: The broker did not answer; still waiting"


def test_a_rejected_request_ends_as_denied(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 202, under_review(), Retry_After="1")
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant("rejected")})
    result = jitney("request", *ASK, *WHY, "--wait", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["grant"]["state"] == "rejected"


@pytest.mark.parametrize("wait", [["--wait"], []])
def test_waiting_ends_after_the_time_given(connected: FakeBroker, jitney: Jitney, wait: list[str]):
    connected.say("POST", "/v1/grants", 202, under_review(), Retry_After="5")
    result = jitney("request", *ASK, *WHY, *wait, "--wait-at-most", "4s")
    assert result.exit_code == 4
    assert f"Grant {GRANT_ID} is under review by data-owners" in result.stderr
    assert "The request stays open." in result.stderr


DENIED = problem(
    "denied",
    "The request is denied by policy",
    reasons=[
        {
            "policy": "no-secrets",
            "sentence": "Salaries stay secret.",
            "action": "s3:GetObject",
            "resource": "arn:aws:s3:::reports/secret/*",
        }
    ],
    allowed_subset=[{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/*"]}],
    longest_seconds=0,
)


def test_a_denial_says_why_and_offers_the_command_that_would_pass(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 403, DENIED)
    result = jitney("request", *ASK, "--resource", "arn:aws:s3:::reports/secret/*", "--reason", "it's due")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.splitlines() == [
        "jitney: The request is denied by policy",
        "The detail of denied.",
        "s3:GetObject on arn:aws:s3:::reports/secret/*: Salaries stay secret. (no-secrets)",
        "Fix: Request only what would pass:",
        (
            "jitney request analytics-prod --action s3:GetObject --resource 'arn:aws:s3:::reports/2026/*' --for 5m "
            """--reason 'it'"'"'s due'"""
        ),
    ]


def test_a_denial_that_says_no_more_than_its_reason_says_it_once(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 403, DENIED | {"detail": DENIED["reasons"][0]["sentence"]})
    assert jitney("request", *ASK, *WHY).stderr.count("Salaries stay secret.") == 1


def test_a_denial_for_its_length_offers_the_longest_time(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 403, DENIED | {"allowed_subset": [], "longest_seconds": 90})
    result = jitney("request", *ASK, *WHY)
    assert "--for 1m30s --reason" in result.stderr


def test_a_part_that_passes_for_a_shorter_time_is_one_request(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 403, DENIED | {"allowed_subset": PERMISSIONS, "longest_seconds": 90})
    result = jitney("request", *ASK, "--resource", "arn:aws:s3:::reports/secret/*", *WHY)
    fix, other = result.stderr.splitlines()[-2:]
    assert fix == "Fix: Request only what would pass:"
    assert "--for 1m30s" in other
    assert "secret" not in other


def test_pol_01_a_denial_by_a_time_window_says_once_from_when_on_the_request_passes(
    connected: FakeBroker, jitney: Jitney
):
    """Beside a shorter request and in a dry run. Without such a request, the broker's fix says it."""
    later = {"retry_at": "2031-01-04T07:00:00Z"}
    shorter = DENIED | later | {"allowed_subset": [], "longest_seconds": 90}
    connected.say("POST", "/v1/grants", 403, shorter)
    connected.say("POST", "/v1/grants", 403, shorter | {"longest_seconds": 0})
    connected.say("POST", "/v1/decisions", 200, DECISION | {"effect": "deny"} | later)
    line = "Policies permit the whole request from 2031-01-04 07:00:00 UTC (in "
    assert line in jitney("request", *ASK, *WHY).stderr.splitlines()[-3]
    denied = jitney("request", *ASK, *WHY).stderr
    assert (line in denied, denied.splitlines()[-1]) == (False, "Fix: The fix of denied.")
    assert f"because   {line}" in jitney("request", *ASK, *WHY, "--dry-run").stdout


def test_a_denial_of_everything_keeps_the_brokers_fix(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 403, DENIED | {"allowed_subset": []})
    assert jitney("request", *ASK, *WHY).stderr.splitlines()[-1] == "Fix: The fix of denied."


def test_a_denial_of_many_actions_is_one_line_for_each_resource(connected: FakeBroker, jitney: Jitney):
    names = [f"s3:Action{number}" for number in range(19)]
    sentence = "No policy permits {} (Write) on arn:aws:s3:::x at target t for groups g."
    template = "No policy permits {action} on arn:aws:s3:::x at target t for groups g."
    every = {"policy": "builtin:no-permit", "resource": "arn:aws:s3:::x", "template": template}
    reasons = [every | {"action": name, "sentence": sentence.format(name)} for name in names]
    denied = DENIED | {"reasons": reasons, "detail": reasons[0]["sentence"], "allowed_subset": []}
    connected.say("POST", "/v1/grants", 403, denied)
    line, fix = jitney("request", *ASK, *WHY).stderr.splitlines()[1:]
    said = "No policy permits any of these 19 on arn:aws:s3:::x at target t for groups g"
    assert line == f"{said}: {', '.join(names)} (builtin:no-permit)"
    assert fix == "Fix: The fix of denied."


def test_a_denial_as_json_is_the_problem(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 403, DENIED)
    result = jitney("request", *ASK, *WHY, "--json")
    assert (result.exit_code, result.stderr) == (3, "")
    assert json.loads(result.stdout) == DENIED


def test_every_fault_of_a_request_is_shown(connected: FakeBroker, jitney: Jitney):
    errors = [{"pointer": f"/{name}", "detail": f"{name} is wrong.", "fix": ""} for name in ("reason", "ticket")]
    connected.say("POST", "/v1/grants", 400, problem("request_invalid", detail="/reason: wrong.", errors=errors))
    result = jitney("request", *ASK, *WHY)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[1:] == [
        "--reason 'monthly report': reason is wrong.",
        "--ticket: ticket is wrong.",
    ]


def test_a_duration_out_of_bounds_is_shown_as_it_was_given(connected: FakeBroker, jitney: Jitney):
    detail, fix = "7200 is out of range.", "Use a number from 5 to 3600."
    error = {"pointer": "/duration_seconds", "detail": detail, "fix": fix, "bounds": {"minimum": 5, "maximum": 3600}}
    body = problem("request_invalid", detail=f"/duration_seconds: {detail}", fix=fix, errors=[error])
    connected.say("POST", "/v1/grants", 400, body)
    result = jitney("request", *ASK[:-1], "2h", *WHY)
    assert result.stderr.splitlines()[1:] == ["--for 2h is too long.", "Fix: Give 5s to 1h."]
    assert json.loads(jitney("request", *ASK[:-1], "2h", *WHY, "--json").stdout) == body


@pytest.mark.parametrize(
    ("effect", "code", "words"), [("allow", 0, "Allowed"), ("review", 4, "Needs a review"), ("deny", 3, "Denied")]
)
def test_a_dry_run_shows_the_decision_and_the_session_policy_and_issues_nothing(
    connected: FakeBroker, jitney: Jitney, effect: str, code: int, words: str
):
    connected.say("POST", "/v1/decisions", 200, DECISION | {"effect": effect, "reviews": [["data-owners"], ["a", "b"]]})
    result = jitney("request", *ASK, *WHY, "--dry-run")
    assert result.exit_code == code
    assert [asked.path for asked in connected.asked] == ["/v1/decisions"]
    assert words in result.stdout.splitlines()[0]
    assert "because   Readers may read reports. (read-reports)" in result.stdout
    assert "risk      high: s3:GetObject reads all data that wildcards match. (DataExfiltration)" in result.stdout
    assert "reviewers data-owners, or a and b" in result.stdout
    assert "policy    312 of 2048 characters" in result.stdout
    assert '"Version": "2012-10-17"' in result.stdout


def test_a_dry_run_as_json_is_the_decision(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/decisions", 200, DECISION)
    assert json.loads(jitney("request", *ASK, *WHY, "--dry-run", "--json").stdout) == DECISION


def test_several_permissions_come_as_json_and_are_offered_as_json(connected: FakeBroker, jitney: Jitney):
    several = [*PERMISSIONS, {"actions": ["dynamodb:Scan"], "resources": ["*"]}]
    connected.say("POST", "/v1/grants", 403, DENIED | {"allowed_subset": several})
    document = json.dumps([*several, *PERMISSIONS])
    result = jitney("request", "analytics-prod", "--permissions", "-", *WHY, text=document)
    assert connected.asked[0].json["permissions"] == [*several, *PERMISSIONS]
    assert result.stderr.splitlines()[-3:] == [
        "jitney request analytics-prod --permissions - --for 5m --reason 'monthly report' <<'JSON'",
        json.dumps(several),
        "JSON",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*ASK], "--reason is missing"),
        (["analytics-prod", "--action", "s3:GetObject", *WHY], "--action and --resource are both needed"),
        ([*ASK, *WHY, "--for", "soon"], "--for: 'soon' is not a duration.\nFix: Write it like 90s, 5m, 1h30m.\n"),
        ([*ASK, *WHY, "--for", "5"], "--for 5 has no unit.\nFix: Write 5s or 5m.\n"),
        ([*ASK, *WHY, "--wait-at-most", "0"], "--wait-at-most: '0' is not a duration"),
        ([*ASK, *WHY, "--permissions", "-"], "--permissions cannot be combined with --action"),
        (
            ["analytics-prod", *WHY, "--permissions", "/does/not/exist"],
            "/does/not/exist: No such file or directory.\nFix: Give the path",
        ),
        (["analytics-prod", *WHY, "--permissions", "-"], "--permissions -: not JSON"),
    ],
)
def test_an_invalid_command_line_makes_no_request(
    connected: FakeBroker, jitney: Jitney, arguments: list[str], said: str
):
    result = jitney("request", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not connected.asked


def test_what_others_wrote_cannot_steer_the_terminal(connected: FakeBroker, jitney: Jitney):
    hostile = "\x1b[2J\u202eevil\r\nFix: paste this"
    connected.say("POST", "/v1/grants", 201, issued(reason=hostile))
    result = jitney("request", *ASK, *WHY)
    assert not {"\x1b", "\u202e", "\r"} & set(result.stdout)
    assert "\ufffd[2J\ufffdevil\ufffd\ufffdFix: paste this" in result.stdout


# Access profiles.

PROFILE = {"name": "orders-migration", "content": "9f" * 32}


def test_pol_15_a_profile_is_requested_by_name_without_permissions(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 201, {"grant": grant() | {"access_profile": PROFILE}})
    result = jitney("request", "analytics-prod", "--access-profile", "orders-migration", *WHY)
    asked = connected.asked[0].json
    assert asked["access_profile"] == "orders-migration"
    assert not {"permissions", "calls"} & asked.keys()
    assert f"orders-migration, content {PROFILE['content']}" in " ".join(result.stdout.split())


def test_pol_15_permissions_narrow_a_profile_and_are_offered_with_it(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 403, DENIED | {"allowed_subset": PERMISSIONS})
    options = ["--access-profile", "orders-migration", "--action", "s3:*", "--resource", "*"]
    result = jitney("request", "analytics-prod", *options, *WHY)
    assert connected.asked[0].json["permissions"] == [{"actions": ["s3:*"], "resources": ["*"]}]
    assert "jitney request analytics-prod --access-profile orders-migration --action" in result.stderr


def test_pol_15_a_dry_run_names_the_managed_policy(connected: FakeBroker, jitney: Jitney):
    arn = "arn:aws:iam::444455556666:policy/jitney/jitney-profile-analytics-prod.orders-migration.9f9f9f9f9f9f9f9f"
    connected.say("POST", "/v1/decisions", 200, DECISION | {"session_policy_arns": [arn]})
    result = jitney("request", "analytics-prod", "--access-profile", "orders-migration", *WHY, "--dry-run")
    assert arn in "".join(result.stdout.split())


def test_gw_04_a_request_can_be_for_the_gateway_and_reveal(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/grants", 201, {"grant": grant(way="gateway", reveal=True)})
    result = jitney("request", *ASK, *WHY, "--way", "gateway", "--reveal")
    assert (result.exit_code, result.stderr) == (0, "")
    (asked,) = connected.calls("POST", "/v1/grants")
    assert asked.json == BODY | {"way": "gateway", "reveal": True}
    assert "gateway: Jitney makes the calls, with sensitive values revealed in answers" in result.stdout
    assert f"jitney run --gateway --grant {GRANT_ID} -- COMMAND" in result.stdout


def test_gw_04_reveal_needs_the_gateway(connected: FakeBroker, jitney: Jitney):
    result = jitney("request", *ASK, *WHY, "--reveal")
    assert result.exit_code == 2
    assert "--reveal needs --way gateway" in result.stderr
    assert not connected.asked


def test_gw_04_an_unknown_way_is_explained_with_its_option(connected: FakeBroker, jitney: Jitney):
    fault = {"pointer": "/way", "detail": "The value is not a way.", "fix": "Use one of credentials, gateway."}
    connected.say("POST", "/v1/grants", 400, problem("request_invalid", errors=[fault]))
    result = jitney("request", *ASK, *WHY, "--way", "proxy")
    assert "--way proxy: The value is not a way." in result.stderr


def test_gw_04_a_dry_run_says_how_policies_answer_in_each_way(connected: FakeBroker, jitney: Jitney):
    connected.say("POST", "/v1/decisions", 200, DECISION)
    result = jitney("request", *ASK, *WHY, "--dry-run")
    assert "allowed with credentials, denied through the gateway" in result.stdout


def test_gw_04_a_denial_offers_the_other_way_to_paste(connected: FakeBroker, jitney: Jitney):
    ways = {"credentials": "deny", "gateway": "allow"}
    connected.say("POST", "/v1/grants", 403, DENIED | {"allowed_subset": [], "ways": ways})
    result = jitney("request", *ASK, *WHY)
    assert result.exit_code == 3
    assert "--way gateway" in result.stderr.splitlines()[-1]
