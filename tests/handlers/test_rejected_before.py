"""A request that reviewers rejected cannot be made again as it was (row REV 17)."""

from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from jitney.core.access.grant import VoteVerdict
from jitney.core.access.rejections import REJECTION_SECONDS
from jitney.core.access.suspensions import NO_SUSPENSIONS
from jitney.core.problems import Problem
from jitney.core.records.audit import Origin
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.sheet import sheet_of
from jitney.core.review.wording import detail_facts, first_facts
from jitney.handlers.decisions import preview_decision
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.grants import create_grant
from jitney.handlers.review.ballots import Ballot, requesting_principal
from tests.core.identity import minting
from tests.fakes import ACTIONS
from tests.handlers.conftest import REQUEST_BODY, System, configuration
from tests.handlers.gateway import PUT, Gateway
from tests.handlers.seen_votes import vote

REPORTS = "arn:aws:s3:::reports/2026"
ASKED = REQUEST_BODY | {
    "permissions": [{"actions": ["s3:PutObject", "s3:GetObject"], "resources": [f"{REPORTS}/q3", f"{REPORTS}/q4"]}]
}
WORDS = "Not during the audit."
REVIEWED_CHANGES = """
@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource);
@id("change") @approval("owners") permit (principal, action in Jitney::Action::"Mutating", resource)
when { context.way == "gateway" && context.approvals.contains("owners") };
"""
REVIEWED_WRITES = """
@id("write") @approval("owners") permit (principal, action == Jitney::Action::"Write", resource)
when { context.approvals.contains("owners") };
"""


def ask(system: System, **members: Any) -> tuple[int, dict[str, Any]]:
    headers = {"Idempotency_Key": members.pop("key")} if "key" in members else {}
    token = members.pop("token", None) or minting.token(iat=system.now, exp=system.now + 300)
    return system.call(create_grant, ASKED | members, token=token, **headers)[:2]


def rejected(system: System, **members: Any) -> str:
    return refuse(system, ask(system, **members)[1]["grant"]["id"])


def refuse(system: System, grant_id: str) -> str:
    grant = system.store.grants[grant_id]
    voter = person(system, grant)
    origin = Origin("198.51.100.9", "req-2")
    vote(Ballot(grant.id, voter, VoteVerdict.REJECT, content_hash(grant), WORDS, "web", origin), system.ports)
    return str(grant.id)


def person(system: System, grant: Any) -> Any:
    return replace(
        requesting_principal(grant, system.ports),
        kind="human",
        subject="alice",
        source_identity="corp.alice",
        human=None,
    )


VARIATIONS: dict[str, dict[str, Any]] = {
    "the same": {},
    "in other words": {"reason": "It is urgent.", "ticket": "INC-1"},
    "for another time": {"duration_seconds": 400},
    "one action of it": {
        "permissions": [{"actions": ["s3:PutObject"], "resources": [f"{REPORTS}/q3", f"{REPORTS}/q4"]}]
    },
    "one object of it": {"permissions": [{"actions": ["S3:putobject"], "resources": [f"{REPORTS}/q3"]}]},
    "with something added": {
        "permissions": [*ASKED["permissions"], {"actions": ["s3:PutObject"], "resources": [f"{REPORTS}/q5"]}]
    },
    "in another order": {
        "permissions": [{"actions": ["s3:GetObject", "s3:PutObject"], "resources": [f"{REPORTS}/q4", f"{REPORTS}/q3"]}]
    },
    "under another key": {"key": "another"},
    "by the gateway": {"way": "gateway"},
    "with short keys": {"credential_seconds": 60},
    "with something exchanged": {
        "permissions": [
            {"actions": ["s3:PutObject"], "resources": [f"{REPORTS}/q4", f"{REPORTS}/q6"]},
        ]
    },
}


@pytest.mark.parametrize("members", VARIATIONS.values(), ids=VARIATIONS)
def test_rev_17_a_rejected_request_is_refused_with_the_reviewers_words(system: System, members: dict[str, Any]):
    first = rejected(system)
    system.now += 60
    status, body = ask(system, **members)
    assert (status, body["code"]) == (403, "rejected_before")
    assert WORDS.rstrip(".") in body["detail"]
    assert body["rejection"]["grant"] == first
    assert (body["rejection"]["by"], body["rejection"]["comment"]) == ("corp.alice", WORDS)
    assert "changed" in body["fix"]
    assert system.outcomes()[-1] == ("request", "refused", "rejected_before")
    assert len(system.store.grants) == 1


@pytest.mark.parametrize("members", VARIATIONS.values(), ids=VARIATIONS)
def test_rev_17_a_dry_run_is_refused_as_the_request_would_be(system: System, members: dict[str, Any]):
    rejected(system)
    system.now += 60
    before = system.reviews.started.copy()
    preview = {name: value for name, value in members.items() if name != "key"}
    answer = system.call(preview_decision, ASKED | preview, token=minting.token(iat=system.now, exp=system.now + 300))
    assert system.outcomes()[-1] == ("preview", "refused", "rejected_before")
    assert answer[:2] == ask(system, **members)
    assert system.reviews.started == before
    (read,) = [each for each in system.records() if each["event"] == "preview"]
    assert read["policies"]


def test_pol_08_a_dry_run_that_cannot_read_rejections_shows_no_decision(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    down = Mock(side_effect=Problem("unavailable", "Down.", "Wait."))
    monkeypatch.setattr(system.store, "rejections", down)
    status, body, _ = system.call(preview_decision, ASKED)
    assert (status, body["code"], "effect" in body) == (503, "unavailable", False)
    assert not [each for each in system.records() if each["event"] == "preview"]  # it is no refusal


def test_rev_17_a_dry_run_with_what_changed_shows_the_decision(system: System):
    rejected(system)
    status, body, _ = system.call(preview_decision, ASKED | {"changed": "The audit is over."})
    assert (status, body["effect"], body["reviews"]) == (200, "review", [["owners"]])
    refuse(system, ask(system, changed="The audit is over.")[1]["grant"]["id"])
    status, body, _ = system.call(preview_decision, ASKED | {"changed": "The audit is over."})
    assert (status, body["code"]) == (403, "rejected_before")
    system.now += REJECTION_SECONDS
    token = minting.token(iat=system.now, exp=system.now + 300)
    assert system.call(preview_decision, ASKED, token=token)[1]["effect"] == "review"


def test_rev_17_another_request_is_reviewed_without_more_words(system: System):
    rejected(system)
    other = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/2025/q3"]}]
    assert ask(system, permissions=other)[0] == 202


def test_rev_17_a_request_that_says_what_changed_is_reviewed_beside_the_rejection(system: System):
    first = rejected(system)
    status, body = ask(system, changed="The audit is over.")
    assert status == 202
    said = {"grant": first, "by": "corp.alice", "comment": WORDS, "changed": "The audit is over."}
    assert body["grant"]["repeated"] | {"at": ""} == said | {"at": ""}
    assert system.records()[-1]["detail"].count("The audit is over.") == 1
    grant = system.store.grants[body["grant"]["id"]]
    review = GrantUnderReview(grant, system.config, NO_SUSPENSIONS)
    sheet = sheet_of(review, system.config.reviewers, ACTIONS, (), (), system.now)
    (row,) = [fact.value for fact in first_facts(sheet) if fact.name == "Rejected before"]
    assert "corp.alice" in row
    assert WORDS in row
    assert not [
        fact for fact in (*first_facts(sheet), *detail_facts(sheet)) if "The audit is over." in fact.value
    ]  # the agent's text stands apart


def test_rev_17_without_a_rejection_nothing_is_said_of_one(system: System):
    body = ask(system, changed="Nothing was rejected.")[1]
    assert body["grant"]["repeated"] is None


def test_rev_17_the_words_about_the_change_are_part_of_what_is_voted_on(system: System):
    rejected(system)
    first = ask(system, changed="one")[1]["grant"]["id"]
    second = ask(system, changed="two")[1]["grant"]["id"]
    assert first != second
    hashes = {content_hash(system.store.grants[each]) for each in (first, second)}
    assert len(hashes) == 2


def test_rev_17_a_repeat_with_the_words_that_were_rejected_is_refused(system: System):
    """Otherwise a loop with one `--changed` would bring the request to the reviewers again and again."""
    rejected(system)
    system.now += 1
    second = rejected(system, changed="The audit is over.")
    status, body = ask(system, changed="The audit is over.")
    assert (status, body["code"], body["rejection"]["grant"]) == (403, "rejected_before", second)
    assert body["fix"].startswith("Reviewers have also rejected what `changed` says.")
    system.now += 1
    rejected(system, changed="The auditors confirmed it in OPS-12.")
    assert ask(system, changed="The audit is over.")[1]["code"] == "rejected_before"
    assert ask(system, changed="Their report is in OPS-13.")[0] == 202


@pytest.mark.parametrize("changed", ["the audit is over", " The  audit is over!", "THE AUDIT IS OVER. ..."])
def test_rev_17_a_repeat_with_the_rejected_words_in_another_spelling_is_refused(system: System, changed: str):
    rejected(system)
    system.now += 1
    second = rejected(system, changed="The audit is over.")
    status, body = ask(system, changed=changed)
    assert (status, body["code"], body["rejection"]["grant"]) == (403, "rejected_before", second)


@pytest.mark.parametrize("changed", ["...", "- !", "\U0001f64f"])
def test_rev_17_a_repeat_without_a_word_says_nothing_of_what_changed(system: System, changed: str):
    rejected(system)
    assert ask(system, changed=changed)[1]["code"] == "rejected_before"


def test_rev_17_a_repeat_without_words_is_refused_although_each_equal_request_had_some(system: System):
    rejected(system)
    added = {"actions": ["s3:PutObject"], "resources": [f"{REPORTS}/q5"]}
    second = rejected(system, permissions=[*ASKED["permissions"], added], changed="The audit is over.")
    status, body = ask(system, permissions=[added])
    assert (status, body["code"], body["rejection"]["grant"]) == (403, "rejected_before", second)


def test_rev_17_words_that_were_rejected_with_another_request_are_read_by_reviewers(system: System):
    rejected(system)
    rejected(system, changed="The audit is over.")
    other = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/2025/q3"]}]
    rejected(system, permissions=other)
    assert ask(system, permissions=other, changed="The audit is over.")[0] == 202


def test_rev_17_a_day_later_the_request_is_reviewed_again(system: System):
    rejected(system)
    system.now += REJECTION_SECONDS - 1
    assert ask(system)[1]["code"] == "rejected_before"
    system.now += 1
    assert ask(system)[0] == 202


def test_rev_17_the_rejections_of_another_unit_do_not_count(system: System):
    first = rejected(system)
    system.store.grants[first] = replace(system.store.grants[first], unit="ci", principal="corp.other")
    assert ask(system)[0] == 202


def test_rev_17_another_agent_of_the_person_cannot_repeat_a_rejected_request(system: System):
    def token(**claims: Any) -> str:
        return minting.token(iat=system.now, exp=system.now + 300, **claims)

    rejected(system, token=token(sub="writer-agent", act={"sub": "alice"}))
    for human, status in (("alice", 403), ("bob", 202)):
        assert ask(system, token=token(act={"sub": human}))[0] == status, human
    assert ask(system, token=token(act={"sub": "alice"}), changed="It has a ticket.")[0] == 202
    assert ask(system, token=token())[0] == 202  # without a person, the agent's own requests count


@pytest.mark.parametrize("first", ["agent", "person"])
def test_rev_17_a_person_repeats_the_rejected_request_of_their_agent(first: str):
    system = System(config=configuration(REVIEWED_WRITES))

    def asking(**claims: Any) -> dict[str, Any]:
        asked = [{"actions": ["s3:PutObject"], "resources": [f"{REPORTS}/q3"]}]
        token = minting.token(iat=system.now, exp=system.now + 300, **claims)
        return {"token": token, "permissions": asked}

    both = {"agent": asking(act={"sub": "carol"}), "person": asking(iss=minting.PEOPLE, sub="carol")}
    rejected(system, **both.pop(first))
    (other,) = both.values()
    assert ask(system, **other)[1]["code"] == "rejected_before"
    assert ask(system, **asking(iss=minting.PEOPLE, sub="bob"))[0] == 202


def test_rev_17_a_repeated_post_still_gets_the_answer_to_its_own_request(system: System):
    rejected(system, key="k")
    assert ask(system, key="k")[1]["code"] == "grant_rejected"


def test_rev_17_a_request_that_policy_allows_needs_no_words(system: System):
    rejected(system)
    reading = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/*"]}]
    assert ask(system, permissions=reading)[0] == 201


def test_rev_17_a_call_that_requests_its_own_grant_can_say_what_changed():
    gateway = Gateway(REVIEWED_CHANGES, permissions=[{"actions": ["s3:GetObject"], "resources": [f"{REPORTS}/a"]}])
    system, body = gateway.system, {"target": "analytics-prod", "reason": "monthly report", **PUT}
    first = system.call(create_call, body, idempotency_key="first")[1]["grant"]["id"]
    refuse(system, first)
    status, again, _ = system.call(create_call, body, idempotency_key="second")
    assert (status, again["code"], again["rejection"]["grant"]) == (403, "rejected_before", first)
    status, changed, _ = system.call(create_call, body | {"changed": "The audit is over."}, idempotency_key="second")
    assert (status, changed["grant"]["repeated"]["changed"]) == (202, "The audit is over.")
    assert gateway.upstream.sent == []


@pytest.mark.parametrize("changed", ["  ", "  \t ", "\u200b\u2060\u00ad"], ids=["spaces", "blank", "unseen"])
def test_rev_17_a_difference_that_no_reviewer_sees_is_none(system: System, changed: str):
    rejected(system)
    assert ask(system, changed=changed)[0] == 400
