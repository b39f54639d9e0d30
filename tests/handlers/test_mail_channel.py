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
from jitney.core.review.notices import Notice
from jitney.handlers.ballots import vote
from jitney.handlers.grants import create_grant
from jitney.handlers.notifications import notify_reviewers
from jitney.handlers.review_notices import NoReviewerNotified, notify
from jitney.handlers.review_sheet import build_sheet
from tests.core.review.test_mail import HOSTILE
from tests.fakes import MemoryMails
from tests.handlers.conftest import REQUEST_BODY, WRITE, System, configuration
from tests.handlers.test_ballots import ballot
from tests.handlers.test_review_steps import asked

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
        for each in notify_reviewers(notice, build_sheet(grant, system.ports), next(CHECKS), system.ports)
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
    notify({"grant_id": grant.id, "due": "decided"}, system.ports)
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
    with pytest.raises(NoReviewerNotified):
        notify(asked(grant), system.ports)
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


def test_rev_13_a_mail_that_may_have_been_sent_is_not_sent_again(system: System, mails: MemoryMails):
    grant = pending(system)
    mails.codes |= dict.fromkeys(EMAILS.values(), "no_answer")
    with pytest.raises(NoReviewerNotified):
        notify(asked(grant), system.ports)
    mails.codes.clear()
    notify(asked(grant), system.ports)  # the next reminder is another message
    assert mails.sent == []


def test_rev_13_a_message_that_cannot_be_remembered_is_not_sent(system: System, mails: MemoryMails):
    grant = pending(system)
    system.sent_messages.broken = True
    with pytest.raises(NoReviewerNotified):
        notify(asked(grant), system.ports)
    assert mails.sent == []
    system.sent_messages.broken = False
    notify(asked(grant), system.ports)
    assert len(mails.sent) == 2


def test_rev_13_a_reviewer_without_an_address_was_not_notified(system: System):
    system.ports.config = replace(system.config, emails={})
    with pytest.raises(NoReviewerNotified):
        notify(asked(pending(system)), system.ports)


def test_no_address_of_a_person_is_on_record(system: System):
    delivered(system, pending(system))
    assert "@example.com" not in repr(system.records())


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE)
def test_rev_10_hostile_words_are_text_in_html(system: System, mails: MemoryMails, words: str):
    grant = pending(system)
    shown = build_sheet(grant, system.ports)
    notify_reviewers(Notice.REQUESTED, shown._replace(agent_reason="-", ticket="-"), 0, system.ports)
    notify_reviewers(Notice.REQUESTED, shown._replace(agent_reason=words, ticket=words), 1, system.ports)
    plain, hostile = mails.sent[0][0].html, mails.sent[-1][0].html
    assert re.findall(r"<[^>]*>", hostile) == re.findall(r"<[^>]*>", plain)  # not one more
    assert hostile.partition("Text from the agent")[0] == plain.partition("Text from the agent")[0]
    assert "evil.example" not in hostile
    assert len(hostile) < len(plain) + 5000
