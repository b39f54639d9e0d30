"""The log of votes in Slack. Their answers have the status 200, even if they are not counted (OPS 1, REV 9)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import State
from jitney.core.problems import Problem
from tests.handlers.logged import log_of
from tests.handlers.slack_workspace import SlackSystem
from tests.infra.alarm_states import metrics_in

REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "an unknown user": ("mallory", {}, "slack_user_unknown"),
    "no reviewer": ("oscar", {}, "not_reviewer"),
    "a decided request": ("alice", {"state": State.RELEASED}, "review_ended"),
    "a changed request": ("alice", {"reason": "another reason"}, "review_changed"),
}
FAULTS: dict[str, Exception] = {
    "unavailable": Problem("unavailable", "Down.", "Wait."),
    "internal": ValueError("canary"),
}
WAYS = pytest.mark.parametrize("by_modal", [False, True], ids=["button", "modal"])


@pytest.fixture
def office() -> SlackSystem:
    return SlackSystem()


def vote_in(office: SlackSystem, who: str, *, by_modal: bool) -> tuple[Any, Any]:
    """Return a request under review, and a payload that votes on it."""
    grant = office.pending()
    if not by_modal:
        return grant, office.press(grant, "approve", who)
    return grant, office.submission(office.open(grant, "reject"), who, comment="no")


def sent(office: SlackSystem, payload: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[int, Any, list[dict[str, Any]]]:
    """Send the payload. Return the status, the body, and the lines that are logged."""
    log = log_of(monkeypatch)
    status, body = office.send(payload)
    return status, body, [json.loads(line) for line in log.getvalue().splitlines()]


@WAYS
@pytest.mark.parametrize(("who", "changes", "code"), REFUSED.values(), ids=REFUSED)
def test_rev_09_the_log_says_why_a_vote_was_not_counted(
    office: SlackSystem, monkeypatch: pytest.MonkeyPatch, by_modal: bool, who: str, changes: dict[str, Any], code: str
):
    office.slack.profiles["UMALLORY"] = office.slack.profiles["UALICE"]._replace(email="mallory@example.com")
    grant, vote = vote_in(office, who, by_modal=by_modal)
    office.system.store.grants[grant.id] = replace(grant, **changes)
    status, _, (line,) = sent(office, vote, monkeypatch)
    assert (status, line["message"], line["code"], line["grant_id"]) == (200, "answered", code, grant.id)


@WAYS
def test_rev_09_a_counted_vote_is_logged_without_a_code(
    office: SlackSystem, monkeypatch: pytest.MonkeyPatch, by_modal: bool
):
    grant, vote = vote_in(office, "alice", by_modal=by_modal)
    _, _, (line,) = sent(office, vote, monkeypatch)
    assert (line["status"], line.get("code"), line["grant_id"]) == (200, None, grant.id)


@WAYS
@pytest.mark.parametrize("code", FAULTS)
def test_ops_01_a_vote_in_slack_that_jitney_fails_to_count_is_a_failed_answer(
    office: SlackSystem,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    by_modal: bool,
    code: str,
):
    grant, vote = vote_in(office, "alice", by_modal=by_modal)

    def failing(*_: Any, **__: Any) -> None:
        raise FAULTS[code]

    monkeypatch.setattr(office.system.store, "save", failing)
    status, body, (failure, line) = sent(office, vote, monkeypatch)
    shown = json.dumps(body) if by_modal else office.alone()
    assert (status, "Down." in shown or "Jitney failed to answer." in shown, "canary" in shown) == (200, True, False)
    assert (failure["message"], line["code"]) == ("unhandled" if code == "internal" else code, code)
    assert {each["grant_id"] for each in (failure, line)} == {grant.id}
    assert [name for _, name, _ in metrics_in(capsys.readouterr().out)] == ["FailedAnswers"]
