"""Rows REV 1, 6, 10, 13: mail to reviewers, by the emulator's SES under the function's own role."""

import json
from typing import Any

import httpx
import pytest

from jitney.core.access.grant import VoteVerdict
from tests.reviewer_browser import Person
from tests.running_systems import PATIENCE
from tests.system.conftest import Api
from tests.system.review_system import Review

pytestmark = pytest.mark.xdist_group("reviews")


@pytest.fixture(scope="module")
def review(api: Api, stack, aws) -> Review:
    return Review(api, stack, aws)


def mails(stack: dict[str, Any], grant_id: str) -> list[dict[str, Any]]:
    """Return the mails about a grant, the oldest first."""
    shown = httpx.get(f"{stack['mailbox_url']}/messages", trust_env=False, timeout=PATIENCE).json()
    return [each for each in shown["messages"] if grant_id in each["text"]]


def sent(review: Review, grant_id: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Return what is on record of each notification: its kind, and each message."""
    details = [json.loads(each["detail"]) for each in review.records(grant_id) if each["event"] == "notice"]
    return [(each["notice"], [(one["channel"], one["to"], one["code"]) for one in each["sent"]]) for each in details]


def of_mail(messages: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(to, code) for channel, to, code in messages if channel == "mail"]


def test_rev_06_reviewers_get_the_request_and_the_decision_by_mail(review: Review, stack, person):
    grant_id = review.ask()
    review.waiting(grant_id)
    asking = mails(stack, grant_id)
    assert sorted(each["to"] for each in asking) == [["alice@example.com"], ["bob@example.com"]]
    link = f"{stack['reviews_url']}/{grant_id}"
    for each in asking:
        assert each["from"] == "jitney@example.com"
        assert link in each["text"].split()
        assert f'href="{link}"' in each["html"]
        assert each["headers"]["Auto-Submitted"] == "auto-generated"
        assert each["headers"]["References"] == f"<{grant_id}@example.com>"
    alice: Person = person("alice")
    assert f"<code>{grant_id}</code>" in alice.sign_in(link.removeprefix(alice.url)).text
    review.vote(grant_id, VoteVerdict.REJECT, "bob")
    review.ended(grant_id)
    decided = mails(stack, grant_id)[2:]
    assert sorted(each["to"] for each in decided) == [["alice@example.com"], ["bob@example.com"]]
    assert {each["subject"].partition(":")[0] for each in decided} == {"Rejected by people.bob"}
    everybody = [("people.alice", ""), ("people.bob", "")]
    assert [(notice, of_mail(each)) for notice, each in sent(review, grant_id)] == [
        ("requested", everybody),
        ("decided", everybody),
    ]
