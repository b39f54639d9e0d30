"""`jitney target check`."""

import json

import pytest

from tests.cli import invoke
from tests.client.fake_broker import FakeBroker, problem

PATH = "/v1/targets/analytics-prod/check"
RIGHT = {"name": "role", "description": "assume the role as a grant does", "expected": ["allowed"], "answer": "allowed"}
RIGHT |= {"ok": True, "fix": ""}
WRONG = {"name": "role_no_external_id", "description": "assume it without the external id"}
WRONG |= {"expected": ["AccessDenied"], "answer": "allowed", "ok": False, "fix": "Deploy the target's stack again."}


def answer(*attempts):
    passed = all(each["ok"] for each in attempts)
    known = {"target": "analytics-prod", "account": "444455556666", "session": "g-check-aaaaaaaaaaaaaa"}
    return known | {"passed": passed, "attempts": list(attempts)}


def check(*more: str):
    return invoke(["target", "check", "analytics-prod", *more])


def test_a_table_shows_each_call_and_that_all_passed(connected: FakeBroker):
    connected.say("POST", PATH, 200, answer(RIGHT))
    result = check()
    assert result.exit_code == 0
    heading, columns, row, *_ = result.stdout.splitlines()
    assert heading == "Passed  analytics-prod (444455556666)"
    assert columns.split() == ["call", "expected", "AWS", "answered"]
    assert row.rstrip().split(maxsplit=1) == ["OK", "assume the role as a grant does  allowed   allowed"]
    assert "g-check-aaaaaaaaaaaaaa" in result.stdout


def test_an_unexpected_answer_has_a_fix_and_exit_code_1(connected: FakeBroker):
    connected.say("POST", PATH, 200, answer(RIGHT, WRONG))
    result = check()
    assert result.exit_code == 1
    assert result.stdout.startswith("Failed  analytics-prod")
    (row,) = (line for line in result.stdout.splitlines() if line.startswith("WRONG"))
    assert row.split() == ["WRONG", "assume", "it", "without", "the", "external", "id", "AccessDenied", "allowed"]
    assert "Deploy the target's stack again." in result.stdout


def test_as_json_it_is_the_answer(connected: FakeBroker):
    connected.say("POST", PATH, 200, answer(RIGHT, WRONG))
    result = check("--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == answer(RIGHT, WRONG)


@pytest.mark.parametrize("lie", [answer(), answer(WRONG | {"ok": "yes"}) | {"passed": True}], ids=["none", "strange"])
def test_what_is_not_said_to_be_right_is_wrong(connected: FakeBroker, lie):
    connected.say("POST", PATH, 200, lie)
    assert check().exit_code == 1


def test_an_unknown_target_names_the_closest(connected: FakeBroker):
    connected.say("POST", PATH, 400, problem("target_unknown", fix="Use one of: analytics-prod."))
    result = check()
    assert result.exit_code == 2
    assert "Use one of: analytics-prod." in result.stderr


def test_what_is_no_alias_is_not_sent(connected: FakeBroker):
    result = invoke(["target", "check", "../grants"])
    assert result.exit_code == 2
    assert connected.asked == []
