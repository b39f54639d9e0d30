"""`jitney suspend` and `jitney suspensions`."""

import json
from typing import Any

import pytest

from jitney.client.commands import suspend as command
from tests.cli import invoke
from tests.client.fake_broker import FakeBroker, problem

PATH = "/v1/suspensions"
ID = "s-abcdefghijklm2"
SUSPENSION = {
    "id": ID,
    "kind": "issuer",
    "name": "github",
    "since": "2099-11-24T12:00:00Z",
    "by": "people.olga",
    "reason": "a key leaked",
    "lifted_at": None,
    "lifted_by": None,
    "role": None,
    "completed_at": "2099-11-24T12:00:02Z",
    "not_before": None,
}
LIFTED = SUSPENSION | {"lifted_at": "2099-11-24T13:00:00Z", "lifted_by": "people.olga"}


def progress(**members: Any) -> dict[str, Any]:
    done = {"complete": True, "targets_denied": ["analytics-prod"], "targets_failed": {}, "grants_ended": 3}
    times = {"written_after_milliseconds": 1234, "targets_measured": ["analytics-prod"], "already_in_force": False}
    return {"suspension": SUSPENSION, **done, **times, **members}


def run(*words: str):
    return invoke(list(words))


def suspend(*more: str):
    return run("suspend", "issuer", "github", "--reason", "a key leaked", *more)


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command.time, "sleep", lambda _seconds: None)


def test_end_08_it_says_what_is_stopped_how_fast_and_how_to_lift_it(connected: FakeBroker):
    connected.say("POST", PATH, 201, progress())
    result = suspend()
    assert result.exit_code == 0
    assert connected.asked[0].json == {"kind": "issuer", "name": "github", "reason": "a key leaked"}
    heading, *rows = result.stdout.splitlines()
    assert heading == "Suspended  issuer github"
    assert [row.split(maxsplit=1) for row in rows] == [
        ["id", ID],
        ["since", "2099-11-24T12:00:00Z by people.olga"],
        ["reason", "a key leaked"],
        ["complete", "2099-11-24T12:00:02Z"],
        ["ended", "3 active or pending grants"],
        ["denied", "on analytics-prod, after 1.2 s"],
        ["measured", "when AWS denies calls on analytics-prod; `jitney audit query suspensions` shows the time later"],
        ["lift", f"it   jitney suspensions lift {ID} --reason TEXT"],
    ]


def test_end_08_it_says_nothing_of_a_measurement_without_one(connected: FakeBroker):
    connected.say("POST", PATH, 201, progress(targets_measured=[]))
    assert "measured" not in suspend().stdout


def test_end_08_it_says_that_another_operator_suspended_it_before(connected: FakeBroker):
    connected.say("POST", PATH, 201, progress(already_in_force=True))
    assert "already   in force before this command" in suspend().stdout


def test_the_flags_are_sent(connected: FakeBroker):
    connected.say("POST", PATH, 201, progress())
    suspend("--unseen", "--including-me")
    sent = connected.asked[0].json
    assert (sent["unseen"], sent["including_caller"]) == (True, True)


def test_end_08_an_incomplete_suspension_is_repeated_until_it_is_complete(connected: FakeBroker):
    connected.say("POST", PATH, 202, progress(complete=False, grants_ended=300))
    connected.say("POST", PATH, 503, problem("unavailable"))
    connected.say("POST", PATH, 201, progress(grants_ended=200, targets_measured=[]))
    result = suspend("--json")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert (shown["grants_ended"], shown["targets_measured"]) == (500, ["analytics-prod"])  # by the first call
    assert len({asked.body for asked in connected.calls("POST", PATH)}) == 1
    assert "300 grants ended so far" in result.stderr


def test_an_operator_who_suspended_themselves_too_cannot_repeat_the_call(connected: FakeBroker):
    connected.say("POST", PATH, 202, progress(complete=False))
    connected.say("POST", PATH, 403, problem("suspended"))
    result = suspend("--including-me")
    assert (result.exit_code, len(connected.asked)) == (6, 2)
    assert "is in force and nothing more is issued" in result.stderr


def test_end_08_what_stays_incomplete_names_the_targets_and_fails(connected: FakeBroker, monkeypatch):
    monkeypatch.setattr(command, "REPEAT_SECONDS", 0)
    connected.say("POST", PATH, 202, progress(complete=False, targets_failed={"finance": "revocation_incomplete"}))
    result = suspend()
    assert result.exit_code == 6
    assert "failed    finance: revocation_incomplete" in result.stdout
    assert "nothing more is issued" in result.stderr
    assert "finance (revocation_incomplete)" in result.stderr


def test_end_08_what_only_a_person_can_deny_is_not_repeated(connected: FakeBroker):
    role = "arn:aws:iam::444455556666:role/jitney/gone"
    for ended in (2, 1, 0):
        left = progress(complete=False, targets_denied=[], targets_failed={role: "no_target"}, grants_ended=ended)
        connected.say("POST", PATH, 202, left)
    result = suspend()
    assert (result.exit_code, len(connected.asked)) == (6, 3)
    assert "ended     3 active or pending grants" in result.stdout
    assert "see docs/deny-by-hand.md" in result.stderr


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [(404, "suspension_name_unknown", 2), (409, "self_suspension", 2), (403, "not_operator", 3), (403, "suspended", 3)],
)
def test_a_refusal_is_shown_with_its_fix(connected: FakeBroker, status: int, code: str, exit_code: int):
    connected.say("POST", PATH, status, problem(code))
    result = suspend()
    assert (result.exit_code, f"The fix of {code}." in result.stderr) == (exit_code, True)


@pytest.mark.parametrize("words", [("team", "x"), ("issuer",)], ids=str)
def test_a_wrong_command_line_is_not_sent(connected: FakeBroker, words: tuple[str, ...]):
    assert run("suspend", *words, "--reason", "x").exit_code == 2
    assert run("suspend", "issuer", "github").exit_code == 2  # without a reason
    assert not connected.asked


def test_end_08_the_list_shows_what_is_in_force_and_what_was_lifted(connected: FakeBroker):
    connected.say("GET", PATH, 200, {"suspensions": [SUSPENSION, LIFTED]})
    shown = run("suspensions", "list").stdout
    assert "Suspended  issuer github" in shown
    assert "Lifted  issuer github" in shown
    assert "2099-11-24T13:00:00Z by people.olga" in shown
    assert json.loads(run("suspensions", "list", "--json").stdout) == {"suspensions": [SUSPENSION, LIFTED]}


def test_ops_02_the_list_shows_when_a_locked_suspension_can_be_lifted(connected: FakeBroker):
    locked = SUSPENSION | {"not_before": "2099-11-24T13:15:00Z"}
    connected.say("GET", PATH, 200, {"suspensions": [locked, LIFTED]})
    assert run("suspensions", "list").stdout.count("locked    until 2099-11-24T13:15:00Z") == 1


def test_an_empty_list_says_so(connected: FakeBroker):
    connected.say("GET", PATH, 200, {"suspensions": []})
    assert run("suspensions", "list").stdout == "No suspensions.\n"


def test_end_08_lifting_sends_the_reason(connected: FakeBroker):
    connected.say("DELETE", f"{PATH}/{ID}", 200, {"suspension": LIFTED})
    result = run("suspensions", "lift", ID, "--reason", "rotated")
    assert (result.exit_code, connected.asked[0].json) == (0, {"reason": "rotated"})
    assert result.stdout.startswith("Lifted  issuer github")
    assert run("suspensions", "lift", ID).exit_code == 2  # without a reason


def test_what_is_no_suspension_id_is_not_sent(connected: FakeBroker):
    result = run("suspensions", "lift", "../grants", "--reason", "x")
    assert (result.exit_code, "is not a suspension id" in result.stderr) == (2, True)
    assert not connected.asked


def test_an_answer_without_its_members_is_not_understood(connected: FakeBroker):
    connected.say("POST", PATH, 201, {"suspension": SUSPENSION})
    assert suspend().exit_code == 6
