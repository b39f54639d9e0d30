"""Delegation in the deployed system: the functions' roles allow what the pages promise (REV 6)."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jitney.adapters.clock import now
from jitney.adapters.record_items import record_in
from tests.reviewer_browser import Person, hidden
from tests.system.conftest import Api
from tests.system.test_reviews import pending, read  # noqa: F401 - a fixture

# With the other tests of people: see tests/system/test_reviews.py.
pytestmark = pytest.mark.xdist_group("reviews")


def tomorrow() -> str:
    return (datetime.fromtimestamp(now(), UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")


def away(person: Person, **changes: str) -> Any:
    """Return the answer to the form of the page "Out of office": carol is delegate until tomorrow, with `changes`."""
    page = person.get("/out-of-office")
    form = {"token": hidden(page, "token"), "shown_id": hidden(page, "shown_id"), "from": "", "until": tomorrow()}
    return person.post("/out-of-office", form | {"delegate.data-owners": "people.carol", "change": "set"} | changes)


def records(stack: dict[str, Any], aws: Callable[..., Any], absence: str) -> dict[str, dict[str, Any]]:
    """Return the records of an out-of-office entry, by outcome."""
    pages = aws("dynamodb").get_paginator("scan").paginate(TableName=stack["tables"]["audit"], ConsistentRead=True)
    found = [json.loads(record_in(item)) for page in pages for item in page["Items"] if "record" in item]
    return {each["outcome"]: each for each in found if each["event"] == "out_of_office" and absence in each["detail"]}


def test_rev_06_a_delegate_votes_until_the_absent_reviewer_is_back(
    api: Api,
    stack: dict[str, Any],
    aws: Callable[..., Any],
    person: Callable[[str], Person],
    pending: str,  # noqa: F811
):
    bob, carol = person("bob"), person("carol")
    bob.sign_in()
    # She sees it, because she may use break-glass, but has no vote.
    assert "Approve selected" not in carol.sign_in(f"/{pending}").text
    assert carol.post(f"/{pending}", {"token": carol.token(), "content": "x", "verdict": "approve"}).status_code == 403
    assert away(bob).status_code == 303
    try:
        page = bob.get("/out-of-office")
        absence = hidden(page, "shown_id")
        assert "people.carol is your delegate in data-owners." in page.text
        notices = carol.get(f"/{pending}")
        assert "You are the delegate of people.bob" in notices.text
        assert carol.vote(pending).status_code == 303
        vote = read(api, pending)["votes"][0]
        assert (vote["human"], vote["delegate_for"]) == ("people.carol", ["people.bob"])
        assert api("POST", f"/v1/grants/{pending}/credentials", {}, agent="writer-agent").status_code == 200
    finally:
        assert away(bob, change="end").status_code == 303
    assert "You are not out of office." in bob.get("/out-of-office").text
    assert api("POST", f"/v1/grants/{pending}/credentials", {}, agent="writer-agent").status_code == 200
    recorded = records(stack, aws, absence)
    assert {outcome: each["principal"] for outcome, each in recorded.items()} == dict.fromkeys(
        ("set", "ended"), "people.bob"
    )
    assert recorded["set"]["time"] <= recorded["ended"]["time"]


def test_rev_06_a_delegate_cannot_delegate(person: Callable[[str], Person]):
    carol = person("carol")
    carol.sign_in()
    form = {"token": carol.token(), "shown_id": "", "until": tomorrow(), "change": "set"}
    answer = carol.post("/out-of-office", form | {"delegate.data-owners": "people.alice"})
    assert (answer.status_code, "not_reviewer" in answer.text) == (403, True)
