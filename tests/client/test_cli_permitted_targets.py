"""`jitney targets`."""

import json
from typing import Any

import pytest

from tests.cli import invoke
from tests.client.fake_broker import PERMITTED_ACCESS, PERMITTED_TARGET, FakeBroker, permitted

PATH = "/v1/targets"
TABLE = "arn:aws:dynamodb:eu-west-1:444455556666:table/*"


def run(*words: str) -> Any:
    return invoke(["targets", *words])


def shown(connected: FakeBroker, **members: Any) -> list[str]:
    """Return the lines for a target with one access, which has these members."""
    access = [PERMITTED_ACCESS | {"partial": False} | members]
    connected.say("GET", PATH, 200, permitted(PERMITTED_TARGET | {"access": access, "access_profiles": []}))
    result = run()
    assert result.exit_code == 0
    return [line.strip() for line in result.stdout.splitlines()]


def test_cli_05_each_target_is_shown_with_its_terms(connected: FakeBroker):
    connected.say("GET", PATH, 200, permitted(PERMITTED_TARGET))
    result = run()
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            "analytics-prod  account 444455556666, eu-west-1, at most 1h",
            "  Read      s3 on arn:aws:s3:::reports/*, partly",
            "  profile   orders-migration, after a review by data-owners",
            "  note      partly: policies permit only some of it. Try a request with --dry-run.",
        ],
    )


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ({}, "Read      s3 on arn:aws:s3:::reports/*"),
        ({"wildcards": False}, "Read      s3 on arn:aws:s3:::reports/*, each by its own ARN"),
        ({"wildcards": False, "resources": ["*"]}, "Read      s3 on *"),
        ({"services": ["*"], "resources": ["*"]}, "Read      any service on *"),
        ({"actions": ["s3:GetObject"]}, "Read      s3:GetObject on arn:aws:s3:::reports/*"),
        ({"ways": ["gateway"]}, "Read      s3 on arn:aws:s3:::reports/*, by gateway only"),
        ({"max_seconds": 600}, "Read      s3 on arn:aws:s3:::reports/*, at most 10m"),
        (
            {"effect": "review", "reviews": [["a", "b"], ["c"]]},
            "Read      s3 on arn:aws:s3:::reports/*, after a review by a and b, or c",
        ),
        (
            {"conditions": {"s3:prefix": ["public/*"]}},
            'Read      s3 on arn:aws:s3:::reports/*, only if s3:prefix matches "public/*"',
        ),
        ({"access_level": "PermissionsManagement"}, "PermissionsManagement s3 on arn:aws:s3:::reports/*"),
    ],
)
def test_cli_05_terms_that_are_not_the_usual_ones_are_said(connected: FakeBroker, members: dict[str, Any], line: str):
    assert shown(connected, **members)[1:] == [line]


def test_end_08_a_suspended_target_says_so(connected: FakeBroker):
    connected.say("GET", PATH, 200, permitted(PERMITTED_TARGET | {"suspended": True}))
    assert "suspended: requests are refused until an operator lifts it" in run().stdout


def test_cli_05_a_target_says_which_tickets_it_accepts(connected: FakeBroker):
    connected.say("GET", PATH, 200, permitted(PERMITTED_TARGET | {"ticket_patterns": ["OPS-*", "CHG-*"]}))
    assert ", at most 1h, with a ticket that matches OPS-* or CHG-*\n" in run().stdout


def test_cli_05_an_incomplete_list_says_so(connected: FakeBroker):
    connected.say("GET", PATH, 200, permitted(PERMITTED_TARGET | {"incomplete": True}))
    assert "Policies have too many patterns to list them all." in run().stdout


def test_cli_05_without_targets_the_next_step_is_shown(connected: FakeBroker):
    connected.say("GET", PATH, 200, permitted(fix="Ask your platform engineer."))
    assert run().stdout.splitlines() == ["No targets.", "  next      Ask your platform engineer."]
    result = run("analytics-prod")
    assert result.exit_code == 2
    assert "Ask your platform engineer." in result.stderr


def test_cli_05_one_target_can_be_shown_alone(connected: FakeBroker):
    connected.say("GET", PATH, 200, permitted(PERMITTED_TARGET, PERMITTED_TARGET | {"target": "billing-prod"}))
    document = json.loads(run("billing-prod", "--json").stdout)
    assert document == permitted(PERMITTED_TARGET | {"target": "billing-prod"})


@pytest.mark.parametrize(
    ("name", "fix"),
    [("analytics-prd", "Did you mean analytics-prod?"), ("payroll", "Your targets are analytics-prod.")],
)
def test_cli_05_an_unknown_target_gets_suggestions_of_own_targets(connected: FakeBroker, name: str, fix: str):
    connected.say("GET", PATH, 200, permitted(PERMITTED_TARGET))
    result = run(name, "--json")
    problem = json.loads(result.stdout)
    assert (result.exit_code, problem["code"], problem["fix"]) == (2, "target_unknown", fix)


def test_cli_05_control_characters_of_the_answer_do_not_reach_the_terminal(connected: FakeBroker):
    assert "\x1b" not in "".join(shown(connected, resources=["arn:aws:s3:::\x1b[2J"]))
