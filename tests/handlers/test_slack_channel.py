"""Notices to Slack channels: which, when, and their records (REV 6, 9, 13)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.config import ReviewerGroup
from jitney.core.problems import Problem
from jitney.core.review.slack.message import SlackMessage
from jitney.core.times import format_time
from jitney.handlers.review_notices import MOST_RETRIES, notify
from jitney.handlers.review_schedule import check_schedule
from tests.handlers.slack_workspace import GROUPS, PAGES, SlackSystem
from tests.handlers.test_present_denials import frozen

TOKEN = "canary-task-token"


@pytest.fixture
def office() -> SlackSystem:
    return SlackSystem()


def notified(office: SlackSystem, grant: Grant, what: str = "requested", since: int = 1) -> list[dict[str, Any]]:
    """What the record says that was sent."""
    notice = {"grant_id": grant.id, "due": what, "since": since, "retries": MOST_RETRIES}
    notify(notice | {"answer_token" if what == "decided" else "token": TOKEN}, office.system.ports)
    return list(json.loads(office.system.records()[-1]["detail"])["sent"])


def shown(office: SlackSystem) -> list[SlackMessage]:
    """Each message as it stands."""
    return [versions[-1] for versions in office.slack.posted.values()]


def buttons(message: SlackMessage) -> list[str]:
    return [each["action_id"] for each in pressable(message)]


def pressable(message: SlackMessage) -> Any:
    (block,) = [each for each in message.blocks if each["type"] == "actions"]
    return block["elements"]


def sent(to: str, code: str = "") -> dict[str, str]:
    return {"channel": "slack", "to": to, "code": code}


def test_rev_09_the_groups_channel_is_asked_once_with_buttons(office: SlackSystem):
    grant = office.pending()
    assert notified(office, grant) == [sent("#owners")]
    assert notified(office, grant) == [sent("#owners", "already_sent")]  # the workflow may repeat it
    (message,) = shown(office)
    assert buttons(message) == ["approve", "approve_selected", "reject", "page"]
    assert pressable(message)[-1]["url"] == f"{PAGES}/{grant.id}"
    assert office.slack.replies == []


def test_rev_09_the_buttons_of_a_message_vote(office: SlackSystem):
    grant = office.pending()
    notified(office, grant)
    pressed = pressable(shown(office)[0])[0]
    payload = office.press(grant, "approve", actions=[pressed])
    assert office.send(payload) == (200, {})
    assert office.grant(grant.id).state == "active"


def test_rev_06_reminders_and_escalations_are_threaded_and_reach_the_escalation(office: SlackSystem):
    grant = office.pending()
    notified(office, grant)
    office.system.now += 600
    assert notified(office, grant, "reminded") == [sent("#owners")]
    office.system.now += 300
    assert notified(office, grant, "escalated") == [sent("#late"), sent("#owners")]
    assert [each.partition(".")[0] for _, each in office.slack.replies] == [
        "The request is still pending",
        "Escalated: more people can decide now",
    ]
    assert [buttons(each) for each in shown(office)] == [["approve", "approve_selected", "reject", "page"]] * 2


@pytest.mark.parametrize("who", ["alice", "lea"])
def test_rev_09_every_decision_is_shown_everywhere_and_removes_the_buttons(office: SlackSystem, who: str):
    grant = office.pending()
    notified(office, grant)
    office.system.now += 900
    notified(office, grant, "escalated")
    office.send(office.press(grant, "approve", who))
    assert notified(office, grant, "decided") == [sent("#late"), sent("#owners")]
    for message in shown(office):
        assert buttons(message) == ["page"]
        assert f"Approved by staff.{who}." in json.dumps(message.blocks)
    assert [each for _, each in office.slack.replies[-2:]] == [f"Approved by staff.{who}."] * 2


def test_rev_09_what_is_decided_while_the_message_is_under_way_is_shown_too(office: SlackSystem):
    grant = office.pending()
    office.slack.meanwhile = lambda: office.send(office.press(grant, "approve"))
    notified(office, grant)
    (message,) = shown(office)
    assert buttons(message) == ["page"]


def test_rev_13_no_record_claims_that_a_channel_that_was_never_notified_was_notified_of_the_end(office: SlackSystem):
    grant = office.pending()
    office.send(office.press(grant, "approve"))
    assert notified(office, grant, "decided") == []
    assert (shown(office), office.slack.replies) == ([], [])


def test_rev_13_a_group_whose_escalation_failed_is_not_recorded_as_notified_of_the_end(office: SlackSystem):
    grant = office.pending()
    notified(office, grant)
    office.system.now += 900  # and no notice was sent
    office.send(office.press(grant, "approve"))
    assert notified(office, grant, "decided") == [sent("#owners")]


def restarted(office: SlackSystem, grant: Grant) -> Grant:
    """The request once policies want others to review it than were asked."""
    again = replace(office.grant(grant.id), reviews=(("others",),), review_restarted_at=office.system.now)
    office.system.store.grants[grant.id] = again
    return again


def notified_again(office: SlackSystem, grant: Grant) -> list[dict[str, Any]]:
    return notified(office, grant, "review_restarted", office.system.now + 1)


BEFORE = {"current": False}
"""Of a channel that was asked before, and no longer is."""


def test_rev_03_a_channel_that_is_no_longer_asked_loses_its_buttons_and_learns_the_end(office: SlackSystem):
    grant = office.pending()
    notified(office, grant)
    again = restarted(office, grant)
    assert notified_again(office, again) == [sent("#others"), sent("#owners") | BEFORE]
    before, now = shown(office)
    assert (buttons(before), buttons(now)) == (["page"], ["approve", "approve_selected", "reject", "page"])
    assert "Reviewers changed" in json.dumps(before.blocks)
    assert [each.partition(":")[0] for _, each in office.slack.replies] == [
        "Review restarted"
    ]  # in the old thread alone
    assert notified(office, again, "reminded", office.system.now + 1) == [sent("#others")]
    assert (buttons(shown(office)[0]), len(office.slack.replies)) == (["page"], 2)
    office.send(office.submission(office.open(again, "reject", "oscar"), "oscar", comment="no"))
    assert notified(office, again, "decided") == [sent("#others"), sent("#owners") | BEFORE]
    assert [buttons(each) for each in shown(office)] == [["page"]] * 2
    assert all("Rejected by staff.oscar." in json.dumps(each.blocks) for each in shown(office))


def test_rev_13_a_group_that_is_no_longer_needed_is_not_taken_for_a_notified_one(office: SlackSystem):
    office = SlackSystem({**GROUPS, "others": ReviewerGroup(("staff.oscar",), channel="#nowhere")})
    grant = office.pending()
    notified(office, grant)
    notified_again(office, restarted(office, grant))
    assert office.system.task_answers.failed == [(TOKEN, "NoReviewerNotified")]
    record = office.system.records()[-1]
    assert (record["outcome"], record["code"]) == ("failed", "no_reviewer_notified")
    found = json.loads(record["detail"])["sent"]
    assert found == [sent("#nowhere", "channel_not_found"), sent("#owners") | BEFORE]


def test_rev_13_with_only_the_pages_no_workflow_hangs(office: SlackSystem):
    office = SlackSystem({**GROUPS, "others": ReviewerGroup(("staff.oscar",))})
    grant = office.pending()
    notified(office, grant)
    office.slack.code = "ratelimited"
    assert notified_again(office, restarted(office, grant)) == [sent("#owners", "ratelimited") | BEFORE]


def test_rev_03_a_restart_while_the_message_is_under_way_is_shown_too(office: SlackSystem):
    grant = office.pending()
    office.slack.meanwhile = lambda: restarted(office, grant)
    notified(office, grant)
    assert buttons(shown(office)[0]) == ["page"]


def test_rev_13_that_places_cannot_be_read_is_a_failure_of_each_channel(
    office: SlackSystem, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any) -> None:
        raise Problem("unavailable", "", "")

    grant = office.pending()
    monkeypatch.setattr(office.places, "of", fail)
    notified(office, grant)
    assert office.system.task_answers.failed == [(TOKEN, "NoReviewerNotified")]
    assert json.loads(office.system.records()[-1]["detail"])["sent"] == [sent("#owners", "unavailable")]


@pytest.mark.parametrize("code", ["not_in_channel", "invalid_auth", "ratelimited", "unreachable"])
def test_rev_13_slacks_error_code_is_on_record_and_no_workflow_hangs(office: SlackSystem, code: str):
    grant = office.pending()
    office.slack.code = code
    notified(office, grant)
    assert office.system.task_answers.failed == [(TOKEN, "NoReviewerNotified")]
    record = office.system.records()[-1]
    assert (record["outcome"], json.loads(record["detail"])["sent"]) == ("failed", [sent("#owners", code)])


def test_rev_13_a_missing_channel_does_not_stop_messages_to_another(office: SlackSystem):
    office = SlackSystem({**GROUPS, "late": ReviewerGroup(("staff.lea",), channel="#nowhere")})
    grant = office.pending()
    notified(office, grant)
    office.system.now += 900
    assert notified(office, grant, "escalated") == [sent("#nowhere", "channel_not_found"), sent("#owners")]


def test_rev_13_without_the_tokens_it_is_a_failure_on_record(office: SlackSystem, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any) -> None:
        raise Problem("unavailable", "", "")

    grant = office.pending()
    monkeypatch.setattr(office.slack, "post", fail)
    notified(office, grant)
    assert office.system.task_answers.failed == [(TOKEN, "NoReviewerNotified")]


def test_groups_of_one_channel_are_notified_once(office: SlackSystem):
    office = SlackSystem({**GROUPS, "late": ReviewerGroup(("staff.lea",), channel="#owners")})
    grant = office.pending()
    office.system.now += 900
    assert notified(office, grant) == [sent("#owners")]


def test_rev_07_a_message_shows_what_a_reviewer_left_before_the_others_vote(office: SlackSystem):
    office = SlackSystem({"owners": ReviewerGroup(("staff.alice", "staff.bob"), approvals=2, channel="#owners")})
    grant = office.pending()
    first = check_schedule({"grant_id": grant.id, "since": 0}, office.system.ports)
    notified(office, grant, since=first["since"])
    office.system.now += 60
    office.send(office.submission(office.open(grant, "approve_selected"), seconds="60"))
    second = check_schedule(first, office.system.ports)
    assert second["due"] == "narrowed"
    assert notified(office, grant, "narrowed", second["since"]) == [sent("#owners")]
    (message,) = shown(office)
    assert "1 minute" in json.dumps(message.blocks)
    assert office.slack.replies[-1][1].startswith("Narrowed: ")
    office.send(office.press(grant, "approve", "bob", actions=[pressable(message)[0]]))
    assert office.grant(grant.id).state == "active"


def test_rev_13_slack_that_fails_to_say_what_was_left_ends_no_review(office: SlackSystem):
    grant = office.pending()
    notified(office, grant)
    office.slack.code = "ratelimited"
    assert notified(office, grant, "narrowed") == [sent("#owners", "ratelimited")]
    assert office.grant(grant.id).state == "pending"


def test_rev_03_a_reminder_shows_what_the_request_has_become(office: SlackSystem):
    office = SlackSystem({"owners": ReviewerGroup(("staff.alice", "staff.bob"), approvals=2, channel="#owners")})
    grant = office.pending()
    notified(office, grant)
    before = shown(office)[0]
    office.send(office.submission(office.open(grant, "approve_selected"), seconds="60"))
    office.system.now += 600
    notified(office, grant, "reminded", office.system.now)
    after = shown(office)[0]
    assert "1 minute" in json.dumps(after.blocks)
    assert [pressable(m)[0]["value"].partition(".")[0] for m in (before, after)] == [grant.id] * 2
    assert pressable(before)[0]["value"] != pressable(after)[0]["value"]
    office.send(office.press(grant, "approve", "bob", actions=[pressable(after)[0]]))
    assert office.grant(grant.id).state == "active"


def test_rev_09_the_buttons_of_a_message_that_was_sent_in_a_freeze_vote_after_it(office: SlackSystem):
    grant, now = office.pending(), office.system.now
    frozen(office, -60, 600)
    notified(office, grant)
    (message,) = shown(office)
    assert buttons(message) == ["approve", "approve_selected", "reject", "page"]
    later = format_time(now + 600)
    assert f"not before {later}. Policies deny this request now: " in json.dumps(message.blocks)
    approve = pressable(message)[:1]
    assert office.send(office.press(grant, "approve", actions=approve)) == (200, {})
    assert (office.grant(grant.id).state, office.grant(grant.id).votes) == (State.PENDING, ())
    assert office.alone().endswith(f"Approve it from {later} on, or reject the request.")
    office.system.now += 600
    assert office.send(office.press(grant, "approve", actions=approve)) == (200, {})
    assert office.grant(grant.id).state is State.ACTIVE
