"""Who a Slack user is: no one without exactly one configured person with the user's address (row REV 9)."""

import json
from dataclasses import replace

import pytest

from jitney.core.problems import Problem
from jitney.core.review.slack.interaction import GrantReference, read
from jitney.core.review.slack.people import SlackProfile, principal_of
from tests.core.identity.minting import config

ALICE = SlackProfile("T1", "alice@example.com", is_full_member=True)
KNOWN = replace(config(), emails={"people.alice": ALICE.email}, subjects={"people.alice": ("people", "alice")})


def test_rev_09_the_one_person_with_the_address_acts():
    assert principal_of(ALICE, KNOWN).source_identity == "people.alice"


UNKNOWN = {
    "no address": (ALICE._replace(email=""), replace(KNOWN, emails={"people.alice": ""})),
    "an address without a person": (ALICE, replace(KNOWN, subjects={})),
    "an address of two people": (ALICE, replace(KNOWN, emails={**KNOWN.emails, "people.bob": ALICE.email.upper()})),
    "letters whose lower case is ASCII": (
        ALICE._replace(email="\u212aim@example.com"),
        replace(KNOWN, emails={"people.alice": "kim@example.com"}),
    ),
    "letters that fold to ASCII": (
        ALICE._replace(email="\u017fam@example.com"),
        replace(KNOWN, emails={"people.alice": "sam@example.com"}),
    ),
    "a guest": (ALICE._replace(is_full_member=False), KNOWN),
}


@pytest.mark.parametrize(("profile", "known"), UNKNOWN.values(), ids=UNKNOWN)
def test_rev_09_any_other_user_is_no_one(profile, known):
    with pytest.raises(Problem, match="slack_user_unknown"):
        principal_of(profile, known)


@pytest.mark.parametrize("text", ["", "g-aaaaaaaaaaaaaa", "g-aaaaaaaaaaaaaa.", "x.y"])
def test_rev_09_a_button_names_a_request_and_its_content(text):
    with pytest.raises(Problem, match="request_invalid"):
        GrantReference.read(text)


@pytest.mark.parametrize(("action", "decides"), [("reject", True), ("other", False), ("", False)])
def test_rev_09_a_modal_of_another_app_decides_nothing(action, decides):
    view = {"state": {"values": {}}, "callback_id": action, "private_metadata": f"g-{'a' * 14}.{'0' * 64}"}
    user = {"id": "U1", "team_id": "T1"}
    payload = json.dumps({"type": "view_submission", "team": {"id": "T1"}, "user": user, "view": view})
    if decides:
        assert read(payload).action == action
    else:
        with pytest.raises(Problem, match="request_invalid"):
            read(payload)
