"""`jitney review check`."""

import json

import pytest

from tests.cli import invoke
from tests.client.fake_broker import FakeBroker, problem

PATH = "/v1/reviews/check"
RIGHT = {"kind": "channel", "name": "#reviews", "groups": ["owners"], "code": "", "ok": True, "fix": ""}
WRONG = {"kind": "person", "name": "people.bob", "groups": ["owners", "security"], "code": "users_not_found"}
WRONG |= {"ok": False, "fix": "Write the address."}


def answer(*checks):
    return {"passed": all(each["ok"] for each in checks), "checks": list(checks)}


def check(*more: str):
    return invoke(["review", "check", *more])


def test_a_table_shows_that_all_can_be_reached(connected: FakeBroker):
    connected.say("POST", PATH, 200, answer(RIGHT))
    result = check()
    assert result.exit_code == 0
    heading, columns, row, *_ = result.stdout.splitlines()
    assert heading == "Passed  channels and reviewers"
    assert columns.split() == ["kind", "name", "groups", "code"]
    assert row.split() == ["OK", "channel", "#reviews", "owners"]


def test_an_unreachable_reviewer_has_a_fix_and_exit_code_1(connected: FakeBroker):
    connected.say("POST", PATH, 200, answer(RIGHT, WRONG))
    result = check()
    assert result.exit_code == 1
    assert result.stdout.startswith("Failed")
    (row,) = (line for line in result.stdout.splitlines() if line.startswith("WRONG"))
    assert row.split() == ["WRONG", "person", "people.bob", "owners,", "security", "users_not_found"]
    assert "Write the address." in result.stdout


def test_as_json_it_is_the_answer(connected: FakeBroker):
    connected.say("POST", PATH, 200, answer(RIGHT, WRONG))
    result = check("--json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, answer(RIGHT, WRONG))


@pytest.mark.parametrize("lie", [answer(), answer(WRONG | {"ok": "yes"}) | {"passed": True}], ids=["none", "strange"])
def test_what_is_not_said_to_be_right_is_wrong(connected: FakeBroker, lie):
    connected.say("POST", PATH, 200, lie)
    assert check().exit_code == 1


def test_only_an_operator_may_do_this(connected: FakeBroker):
    connected.say("POST", PATH, 403, problem("not_operator", fix="Ask an operator."))
    result = check()
    assert result.exit_code != 0
    assert "Ask an operator." in result.stderr
