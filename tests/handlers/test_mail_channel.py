"""The channel `mail` with the handlers as they are: who gets one, what is in it, and what a failure leads to."""

import itertools
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, VoteVerdict
from jitney.core.config import ReviewerGroup
from jitney.core.problems import Problem
from jitney.core.records.record_metrics import FAILED_MESSAGES, metrics_of
from jitney.core.review.notices import Notice
from jitney.core.review.schedule import ScheduleCheck
from jitney.handlers.grants import create_grant
from jitney.handlers.notifying import mail_channel
from jitney.handlers.notifying.notifications import notify_reviewers
from jitney.handlers.review.review_sheet import build_sheet
from jitney.handlers.review_notices import MessagesUnsent, notify
from tests.core.review.test_mail import HOSTILE
from tests.fakes import MemoryMails
from tests.handlers.conftest import REQUEST_BODY, WRITE, System, configuration
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot
from tests.handlers.test_review_steps import TOKEN, asked, decided

EMAILS = {f"corp.{name}": f"{name}@example.com" for name in ("alice", "bob", "carol")}
GROUPS = {
    "owners": ReviewerGroup(("corp.alice", "corp.bob"), escalates_to="late", escalates_after_seconds=900),
    "late": ReviewerGroup(("corp.carol", "corp.dora")),
}


CHECKS = itertools.count(1)
"""Times of checks. Each notice is of another check."""


@pytest.fixture
def mails() -> MemoryMails:
    return MemoryMails()


@pytest.fixture
def system(mails: MemoryMails) -> System:
    return System(mails=mails, config=replace(configuration(), reviewers=GROUPS, emails=EMAILS))


def pending(system: System, **members: Any) -> Grant:
    status, body, _ = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE} | members)
    assert status == 202
    return system.store.grants[body["grant"]["id"]]


def delivered(system: System, grant: Grant, notice: Notice = Notice.REQUESTED) -> list[tuple[str, str, str]]:
    return [
        (each.channel, each.to, each.code)
        for each in notify_reviewers(
            notice, build_sheet(grant, system.ports), ScheduleCheck(next(CHECKS)), system.ports
        )
    ]


def test_rev_06_each_reviewer_gets_a_mail_of_their_own_with_the_link(system: System, mails: MemoryMails):
    grant = pending(system)
    assert delivered(system, grant) == [("mail", "corp.alice", ""), ("mail", "corp.bob", "")]
    assert [to for _, to in mails.sent] == ["alice@example.com", "bob@example.com"]
    link = f"https://jitney.example.com/live/reviews/{grant.id}"
    for message, to in mails.sent:
        assert message.thread == grant.id
        assert re.findall(r"https?://[^\s\"<]*jitney\.example[^\s\"<]*", message.text) == [link]
        assert re.findall(r'(?:href|src|action|background)="([^"]*)"', message.html) == [link]
        assert not [other for other in EMAILS.values() if other in message.text + message.html], to


def test_rev_06_who_it_escalates_to_is_written_to_then(system: System, mails: MemoryMails):
    grant = pending(system)
    system.now += 900
    assert delivered(system, grant, Notice.ESCALATED) == [
        ("mail", "corp.alice", ""),
        ("mail", "corp.bob", ""),
        ("mail", "corp.carol", ""),
        ("mail", "corp.dora", "no_address"),
    ]
    assert len(mails.sent) == 3


def test_rev_06_all_notified_reviewers_are_notified_of_the_decision(system: System, mails: MemoryMails):
    grant = pending(system)
    vote(ballot(grant, "alice", VoteVerdict.REJECT, comment="<b>no</b>, see https://example.com"), system.ports)
    notify(decided(grant), system.ports)
    assert [to for _, to in mails.sent] == ["alice@example.com", "bob@example.com"]
    (message, _), *_ = mails.sent
    assert message.subject.startswith("Rejected by corp.alice: ")
    assert "corp.alice: <b>no</b>, see https[:]//example[.]com" in message.text
    assert "&lt;b&gt;no&lt;/b&gt;, see https[:]//example[.]com" in message.html


def test_rev_13_an_address_that_fails_does_not_stop_mail_to_others(system: System, mails: MemoryMails):
    mails.codes["alice@example.com"] = "rejected"
    assert delivered(system, pending(system)) == [("mail", "corp.alice", "rejected"), ("mail", "corp.bob", "")]


def test_rev_13_that_no_mail_goes_out_is_an_error_of_the_workflow_only_when_asking(system: System, mails: MemoryMails):
    grant = pending(system)
    mails.codes |= dict.fromkeys(EMAILS.values(), "unreachable")
    assert notify(asked(grant), system.ports)["error"] == "NoReviewerNotified"
    assert system.outcomes()[-1] == ("notice", "failed", "no_reviewer_notified")
    notify(asked(grant, "reminded"), system.ports)


def failing(*_: Any, **__: Any) -> None:
    raise Problem("grant_conflict", "The grant kept changing.", "Repeat the call.")


def test_rev_13_a_notice_that_could_not_be_recorded_is_repeated_without_a_second_mail(
    system: System, mails: MemoryMails, monkeypatch: pytest.MonkeyPatch
):
    grant = pending(system)
    mails.codes["bob@example.com"] = "throttled"
    with monkeypatch.context() as broken:
        broken.setattr(system.store, "save", failing)
        with pytest.raises(Problem):
            notify(asked(grant), system.ports)
    del mails.codes["bob@example.com"]
    notify(asked(grant), system.ports)
    notify(asked(grant), system.ports)
    assert [to for _, to in mails.sent] == ["alice@example.com", "bob@example.com"]
    sent = [json.loads(each["detail"])["sent"] for each in system.records() if each["event"] == "notice"]
    assert [[each["code"] for each in one] for one in sent] == [["already_sent", ""], ["already_sent"] * 2]


def counted(system: System) -> int:
    """Return what the records so far add to MessagesFailed."""
    records = (json.loads(each.text) for each in system.store.links)
    return sum(each.value for each in metrics_of(records) if each.name == FAILED_MESSAGES)


def attempts(system: System, mails: MemoryMails, event: dict[str, Any], *codes: dict[str, str]) -> list[int]:
    """Take a step of the workflow with these failures of addresses, each a retry. Return the count after each."""
    found = []
    for retries, failing_addresses in enumerate(codes):
        mails.codes = failing_addresses
        notify(event | {"retries": retries}, system.ports)
        found.append(counted(system))
    return found


THROTTLED = dict.fromkeys(EMAILS.values(), "throttled")
ONE_UNKNOWN, ONE_REJECTED = (
    {"alice@example.com": "throttled", "bob@example.com": code} for code in ("no_answer", "rejected")
)
UNSENT = "MessagesUnsent"


@pytest.mark.parametrize(
    ("codes", "counts", "ends"),
    [
        ([THROTTLED, {}], [0, 0], [UNSENT]),
        ([THROTTLED] * 4 + [{}], [0] * 5, [UNSENT] * 4),
        ([THROTTLED] * 5, [0] * 4 + [2], [UNSENT] * 4),
        ([ONE_UNKNOWN, {}], [1, 1], [UNSENT]),
        ([ONE_REJECTED] * 5, [0] * 4 + [2], [UNSENT] * 4),
        ([{"bob@example.com": "rejected"}], [1], []),
    ],
    ids=["second attempt", "last attempt", "never", "one unknown", "one refused for good", "not repeated"],
)
def test_rev_13_a_lost_mail_of_a_decision_counts_once_and_only_if_it_stays_lost(
    system: System, mails: MemoryMails, codes: list[dict[str, str]], counts: list[int], ends: list[str]
):
    grant = pending(system)
    vote(ballot(grant, "alice", VoteVerdict.REJECT), system.ports)
    assert attempts(system, mails, decided(grant), *codes) == counts
    assert [error for _, error in system.task_answers.failed] == ends
    assert len(system.task_answers.succeeded) == 1


def test_rev_13_a_lost_mail_of_a_request_counts_once_and_only_if_it_stays_lost(system: System, mails: MemoryMails):
    grant = pending(system)
    assert attempts(system, mails, asked(grant), THROTTLED, THROTTLED, {}) == [0, 0, 0]
    assert attempts(system, mails, asked(grant, since=2), *[THROTTLED] * 5) == [0, 0, 0, 0, 2]
    assert [error for _, error in system.task_answers.failed] == ["NoReviewerNotified"] * 7


def test_rev_13_a_decision_is_notified_again_if_its_recipients_could_not_be_read(
    system: System, mails: MemoryMails, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any) -> None:
        raise Problem("unavailable", "", "")

    grant = pending(system)
    vote(ballot(grant, "alice", VoteVerdict.REJECT), system.ports)
    with monkeypatch.context() as broken:
        broken.setattr(mail_channel, "current_reviewers", fail)
        assert attempts(system, mails, decided(grant), {}) == [0]
    assert system.task_answers.failed == [(TOKEN, "MessagesUnsent")]
    assert json.loads(system.records()[-1]["detail"])["sent"] == [
        {"channel": "mail", "to": "", "code": "unavailable", "again": True}
    ]
    notify(decided(grant, 1), system.ports)
    assert [to for _, to in mails.sent] == ["alice@example.com", "bob@example.com"]


def test_rev_13_a_lost_reminder_is_not_sent_again_and_counts_at_once(system: System, mails: MemoryMails):
    assert attempts(system, mails, asked(pending(system), "reminded"), THROTTLED) == [2]


def test_rev_13_each_attempt_of_an_execution_from_before_an_upgrade_counts(system: System, mails: MemoryMails):
    """Its definition does not say which attempt it is, so none could be known as the last."""
    grant = pending(system)
    vote(ballot(grant, "alice", VoteVerdict.REJECT), system.ports)
    mails.codes = THROTTLED
    for count in (2, 4):
        with pytest.raises(MessagesUnsent):
            notify({"grant_id": grant.id, "due": "decided"}, system.ports)
        assert counted(system) == count


def test_rev_13_a_lost_mail_that_the_store_does_not_forget_is_not_sent_again_and_counts_at_once(
    system: System, mails: MemoryMails, monkeypatch: pytest.MonkeyPatch
):
    def fail(_: Any) -> None:
        raise Problem("unavailable", "", "")

    grant = pending(system)
    vote(ballot(grant, "alice", VoteVerdict.REJECT), system.ports)
    monkeypatch.setattr(system.sent_messages, "withdraw", fail)
    assert attempts(system, mails, decided(grant), THROTTLED) == [2]
    assert {each["code"] for each in json.loads(system.records()[-1]["detail"])["sent"]} == {"not_forgotten"}
    assert system.task_answers.failed == []


def test_rev_13_a_mail_that_may_have_been_sent_is_not_sent_again(system: System, mails: MemoryMails):
    grant = pending(system)
    mails.codes |= dict.fromkeys(EMAILS.values(), "no_answer")
    assert notify(asked(grant), system.ports)["error"] == "NoReviewerNotified"
    mails.codes.clear()
    notify(asked(grant), system.ports)  # the next reminder is another message
    assert mails.sent == []


def test_rev_13_a_message_that_cannot_be_remembered_is_not_sent(system: System, mails: MemoryMails):
    grant = pending(system)
    system.sent_messages.broken = True
    assert notify(asked(grant), system.ports)["error"] == "NoReviewerNotified"
    assert mails.sent == []
    system.sent_messages.broken = False
    notify(asked(grant), system.ports)
    assert len(mails.sent) == 2


def test_rev_13_a_reviewer_without_an_address_was_not_notified(system: System):
    system.ports.config = replace(system.config, emails={})
    assert notify(asked(pending(system)), system.ports)["error"] == "NoReviewerNotified"


def test_no_address_of_a_person_is_on_record(system: System):
    delivered(system, pending(system))
    assert "@example.com" not in repr(system.records())


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_rev_10_hostile_words_are_text_in_html(system: System, mails: MemoryMails, words: str):
    grant = pending(system)
    shown = build_sheet(grant, system.ports)
    notify_reviewers(Notice.REQUESTED, shown._replace(agent_reason="-", ticket="-"), ScheduleCheck(0), system.ports)
    notify_reviewers(Notice.REQUESTED, shown._replace(agent_reason=words, ticket=words), ScheduleCheck(1), system.ports)
    plain, hostile = mails.sent[0][0].html, mails.sent[-1][0].html
    assert re.findall(r"<[^>]*>", hostile) == re.findall(r"<[^>]*>", plain)  # not one more
    assert hostile.partition("Text from the agent")[0] == plain.partition("Text from the agent")[0]
    assert "evil.example" not in hostile
    assert len(hostile) < len(plain) + 5000
