"""Grants outlive changes of the configuration: people still see, reject, revoke and review them (REV 10, 13, END 1)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.config import ReviewerGroup
from jitney.core.policy.cedar import PolicySet
from jitney.core.problems import Problem
from jitney.core.review import wording
from jitney.core.review.content import content_hash
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_grant
from jitney.handlers.reconciler import reconcile
from jitney.handlers.review.ballots import REQUEST_AGAIN
from jitney.handlers.review.review_sheet import build_sheet
from jitney.handlers.review.terminal_votes import vote_from_terminal
from jitney.handlers.review_notices import notify
from jitney.handlers.review_reads import list_reviews, show_review
from jitney.handlers.suspensions import suspend
from tests.core.identity import minting
from tests.handlers.conftest import POLICIES, REQUEST_BODY
from tests.handlers.review_browser import STAFF, Browser, ReviewSystem
from tests.handlers.slack_workspace import SlackSystem
from tests.handlers.test_break_glass import SETTINGS, judge, smash, token_of
from tests.handlers.test_review_pages import PUT, pending, stored
from tests.handlers.test_review_steps import TOKEN, asked, decided
from tests.handlers.test_terminal_reviews import call, own_token, terminal_desk

LOST = "The request cannot be approved any more: reject it, and the agent can make another request."


def without_target(desk: ReviewSystem) -> None:
    desk.system.ports.config = replace(desk.system.ports.config, targets={})


def renamed_target(desk: ReviewSystem) -> None:
    (target,) = desk.system.ports.config.targets.values()
    renamed = replace(target, alias="analytics")
    desk.system.ports.config = replace(desk.system.ports.config, targets={renamed.alias: renamed})


def other_roles(desk: ReviewSystem) -> None:
    (target,) = desk.system.ports.config.targets.values()
    moved = replace(target, role_arn=f"{target.role_arn}-other")
    desk.system.ports.config = replace(desk.system.ports.config, targets={moved.alias: moved})


def without_issuer(desk: ReviewSystem) -> None:
    issuers = {name: each for name, each in desk.system.ports.config.issuers.items() if name != "corp"}
    desk.system.ports.config = replace(desk.system.ports.config, issuers=issuers)


def other_region(desk: ReviewSystem) -> None:
    """The same role in another Region: reviewers saw the earlier one."""
    (target,) = desk.system.ports.config.targets.values()
    moved = replace(target, region="us-east-1")
    desk.system.ports.config = replace(desk.system.ports.config, targets={moved.alias: moved})


def renamed_issuer(desk: ReviewSystem) -> None:
    """Another entry of the same issuer comes first, so that the agent has another name."""
    corp = replace(desk.system.ports.config.issuers["corp"], identity_name="acme")
    config = desk.system.ports.config
    desk.system.ports.config = replace(
        config, issuers={**config.issuers, "acme": replace(corp, name="acme"), "corp": corp}
    )


def reused_alias(desk: ReviewSystem) -> None:
    """The alias belongs to another issuer, whose groups and subjects have the same names."""
    config = desk.system.ports.config
    issuers = dict(config.issuers)
    other = replace(issuers.pop("other"), name="corp", identity_name="corp")
    desk.system.ports.config = replace(config, issuers={**issuers, "corp": other})


def fewer_pairs(desk: ReviewSystem) -> None:
    limits = replace(desk.system.ports.config.limits, max_pairs=1)
    desk.system.ports.config = replace(desk.system.ports.config, limits=limits)


Change = Callable[[ReviewSystem], None]
CHANGES = [
    without_target,
    renamed_target,
    other_roles,
    other_region,
    without_issuer,
    renamed_issuer,
    reused_alias,
    fewer_pairs,
]
changes = pytest.mark.parametrize("change", CHANGES)


@pytest.fixture
def desk() -> ReviewSystem:
    return terminal_desk()


def person(desk: ReviewSystem, name: str, *groups: str) -> Browser:
    browser = Browser(desk)
    browser.sign_in(name, groups=groups)
    return browser


def approved(desk: ReviewSystem, alice: Browser) -> Grant:
    grant = pending(desk)
    assert alice.decide(f"/reviews/{grant.id}", alice.first_form(grant.id)).status == 303
    return stored(desk, grant)


@changes
def test_rev_10_a_request_that_cannot_be_decided_is_shown_and_rejected(desk: ReviewSystem, change: Change):
    alice, grant = person(desk, "alice"), pending(desk)
    change(desk)
    page = alice.send("GET", f"/reviews/{grant.id}")
    assert (page.status, page.text.count(LOST)) == (200, 1)
    assert 'value="approve' not in page.text
    shown = call(desk, show_review, grant, own_token(desk))[1]["review"]
    assert shown["undecidable"].endswith(LOST)
    assert [each["level"] for each in shown["risks"]] == ["unknown", "moderate"]
    form = alice.first_form(grant.id, "reject") | {"comment": "the target is gone"}
    assert alice.send("POST", f"/reviews/{grant.id}", form).status == 303
    assert stored(desk, grant).state is State.REJECTED


@changes
def test_rev_03_a_request_that_cannot_be_decided_is_not_approved(desk: ReviewSystem, change: Change):
    alice, grant = person(desk, "alice"), pending(desk)
    form = alice.first_form(grant.id)
    change(desk)
    answer = alice.decide(f"/reviews/{grant.id}", form)
    body = {"verdict": "approve", "content": call(desk, show_review, grant, own_token(desk))[1]["review"]["content"]}
    status, problem = call(desk, vote_from_terminal, grant, own_token(desk), **body)
    assert answer.status == status >= 400
    if change is not fewer_pairs:
        assert problem["fix"] == REQUEST_AGAIN
    assert stored(desk, grant) == grant


@changes
def test_rev_08_no_page_offers_break_glass_for_a_request_that_cannot_be_decided(desk: ReviewSystem, change: Change):
    desk.system.ports.config = replace(desk.system.ports.config, break_glass=SETTINGS)
    gina, grant = person(desk, "gina"), pending(desk)
    assert 'id="break-glass"' in gina.send("GET", f"/reviews/{grant.id}").text
    change(desk)
    page = gina.send("GET", f"/reviews/{grant.id}").text
    assert ('id="break-glass"' in page, "The request cannot be approved any more." in page, LOST in page) == (
        False,
        True,
        False,
    )


@changes
def test_end_01_a_person_opens_and_revokes_an_active_grant_from_its_page(desk: ReviewSystem, change: Change):
    alice = person(desk, "alice")
    grant = approved(desk, alice)
    change(desk)
    page = alice.send("GET", f"/reviews/{grant.id}")
    assert (page.status, LOST in page.text, 'id="revoke"' in page.text) == (200, False, True)
    form = {"token": token_of(alice), "reason": "the laptop was stolen"}
    alice.send("POST", f"/reviews/{grant.id}/revocation", form)
    assert stored(desk, grant).state is State.REVOKED
    assert alice.send("GET", f"/reviews/{grant.id}").status == 200


@changes
def test_rev_19_open_grants_are_listed_after_the_change(desk: ReviewSystem, change: Change):
    alice, olga = person(desk, "alice"), person(desk, "olga", "security")
    active, waiting = approved(desk, alice), pending(desk, reason="another report")
    reconcile(desk.system.ports)
    change(desk)
    overview = olga.send("GET", "/reviews/overview").text
    listed = alice.send("GET", "/reviews").text
    for grant in (active, waiting):
        assert f"/reviews/{grant.id}" in overview
        assert f"/reviews/{grant.id}" in listed
    found = call(desk, list_reviews, "", own_token(desk))[1]
    assert [each["id"] for each in (*found["waiting_for_you"], *found["active"])] == [waiting.id, active.id]
    asked = {"kind": "unit", "name": active.unit, "reason": "its key leaked"}
    token = desk.id_token("olga", None, aud="web", groups=["security"])
    assert desk.system.call(suspend, asked, token=token)[0] in (201, 202)


@changes
def test_rev_08_break_glass_is_reviewed_afterwards(desk: ReviewSystem, change: Change):
    desk.system.ports.config = replace(desk.system.ports.config, break_glass=SETTINGS)
    grant = pending(desk)
    smash(person(desk, "gina"), grant)
    change(desk)
    bob = person(desk, "bob")
    assert 'id="follow-up"' in bob.send("GET", f"/reviews/{grant.id}").text
    assert judge(bob, grant, "confirm").status == 303


@changes
@pytest.mark.parametrize("due", ["requested", "reminded", "escalated"])
def test_rev_13_the_next_notice_ends_a_request_that_cannot_be_decided(desk: ReviewSystem, change: Change, due: str):
    grant = pending(desk)
    change(desk)
    assert notify(asked(grant, due), desk.system.ports)["error"] == "RequestUndecidable"
    assert desk.system.task_answers.failed == [(TOKEN, "RequestUndecidable")]


@changes
def test_rev_13_its_decision_is_still_notified(desk: ReviewSystem, change: Change):
    alice, grant = person(desk, "alice"), pending(desk)
    change(desk)
    alice.send("POST", f"/reviews/{grant.id}", alice.first_form(grant.id, "reject") | {"comment": "no"})
    assert notify(decided(stored(desk, grant)), desk.system.ports)["state"] == "rejected"


def test_sts_05_another_issuers_agent_of_the_same_name_sees_no_grant(desk: ReviewSystem):
    grant = pending(desk)
    assert [each["id"] for each in desk.system.call(list_grants)[1]["grants"]] == [grant.id]
    reused_alias(desk)
    token = minting.token("rsa-other", iss=minting.OTHER)
    assert desk.system.call(list_grants, token=token)[1]["grants"] == []
    assert desk.system.call(read_grant, grant_id=grant.id, token=token)[0] == 404


def renamed_people(desk: ReviewSystem) -> None:
    """Another entry of the people's issuer comes first, so that each person has another name."""
    config = desk.system.ports.config
    names = {name: "crew" for name, each in config.issuers.items() if each.issuer == STAFF}
    issuers = {
        name: replace(each, identity_name=names.get(name, each.identity_name)) for name, each in config.issuers.items()
    }
    crew = replace(issuers["staff"], name="crew", audiences=("oncall",), web=None)
    humans = minting.HUMANS._replace(identity_name="crew", issuer=STAFF)
    issuers |= {"crew": crew, "corp": replace(issuers["corp"], human_issuer=humans)}
    owners = ReviewerGroup(("crew.alice", "crew.bob", "crew.gina"))
    desk.system.ports.config = replace(config, issuers=issuers, reviewers={"owners": owners})


def reused_alias_of_people(desk: ReviewSystem) -> None:
    """Two issuers of people changed their aliases, and each other's names look present."""
    other = desk.system.ports.config.issuers["people"]
    staff = desk.system.ports.config.issuers["staff"]
    renamed_people(desk)
    config = desk.system.ports.config
    issuers = {**config.issuers, "crew": replace(staff, name="crew", identity_name="crew")}
    issuers["staff"] = replace(other, name="staff", identity_name="staff")
    operators = (*config.operators, "crew/security")
    desk.system.ports.config = replace(config, issuers=issuers, operators=operators)


def requested_by(desk: ReviewSystem, name: str) -> Grant:
    """A pending request of an agent on behalf of a person who is a reviewer."""
    config = desk.system.ports.config
    corp = replace(config.issuers["corp"], human_issuer=minting.HUMANS._replace(identity_name="staff", issuer=STAFF))
    desk.system.ports.config = replace(config, issuers={**config.issuers, "corp": corp})
    body = REQUEST_BODY | {"permissions": PUT}
    answered = desk.system.call(create_grant, body, token=minting.token(act={"sub": name}))
    return desk.system.store.grants[answered[1]["grant"]["id"]]


@pytest.mark.parametrize("rename", [renamed_people, reused_alias_of_people])
def test_rev_05_a_person_with_another_name_does_not_approve_their_own_request(desk: ReviewSystem, rename: Change):
    grant = requested_by(desk, "alice")
    rename(desk)
    page = person(desk, "alice").send("GET", f"/reviews/{grant.id}").text
    assert 'value="approve' not in page
    ballot = {"verdict": "approve", "content": content_hash(grant)}
    answer = person(desk, "alice").send(
        "POST", f"/reviews/{grant.id}", ballot | {"token": token_of(person(desk, "alice"))}
    )
    assert (answer.status, stored(desk, grant)) == (403, grant)


@pytest.mark.parametrize("rename", [renamed_people, reused_alias_of_people])
def test_rev_08_a_person_with_another_name_does_not_confirm_their_own_break_glass(desk: ReviewSystem, rename: Change):
    desk.system.ports.config = replace(desk.system.ports.config, break_glass=SETTINGS)
    grant = pending(desk)
    smash(person(desk, "gina"), grant)
    rename(desk)
    assert judge(person(desk, "gina"), grant, "confirm").status == 403
    assert judge(person(desk, "olga", "security"), grant, "confirm").status == 303


def test_rev_01_a_session_ends_when_its_person_gets_another_name(desk: ReviewSystem):
    alice = person(desk, "alice")
    renamed_people(desk)
    assert alice.send("GET", "/reviews").status == 303
    assert person(desk, "alice").send("GET", "/reviews").status == 200


def test_rev_04_a_vote_is_repeated_when_the_group_needs_fewer_approvals(desk: ReviewSystem):
    owners = ReviewerGroup(("staff.alice", "staff.bob"), approvals=2)
    desk.system.ports.config = replace(desk.system.ports.config, reviewers={"owners": owners})
    alice, grant = person(desk, "alice"), pending(desk)
    for approvals, state in ((2, State.PENDING), (2, State.PENDING), (1, State.ACTIVE)):
        reviewers = {"owners": owners._replace(approvals=approvals)}
        desk.system.ports.config = replace(desk.system.ports.config, reviewers=reviewers)
        assert alice.decide(f"/reviews/{grant.id}", alice.first_form(grant.id)).status == 303
        assert stored(desk, grant).state is state
    assert [each["event"] for each in desk.system.records()].count("vote") == 2


def policies_are(desk: ReviewSystem | SlackSystem, more: str, base: str = POLICIES) -> None:
    texts = replace(desk.system.ports.config.policies, text=base + more, version="v2")
    config = replace(desk.system.ports.config, policies=texts)
    desk.system.ports.__dict__.update(config=config, policies=PolicySet.load(texts))


REVIEWED = """@id("now-reviewed") @approval("owners") forbid (principal, action, resource)
unless { context.approvals.contains("owners") };"""
STOPPED = '@id("stopped") @advice("Stopped.") forbid (principal, action, resource);'


def test_pol_07_a_grant_that_needs_a_review_now_is_requested_again(desk: ReviewSystem):
    _, body, _ = desk.system.call(create_grant, REQUEST_BODY)
    policies_are(desk, REVIEWED)
    status, problem, _ = desk.system.call(create_credentials, grant_id=body["grant"]["id"])
    assert (status, problem["code"]) == (403, "denied")
    assert problem["fix"] == "Make a new request. Its reviewers then decide."
    assert desk.system.call(create_grant, REQUEST_BODY)[0] == 202


def test_sts_07_a_request_that_policy_denied_at_its_last_approval_says_so(desk: ReviewSystem):
    alice, grant = person(desk, "alice"), pending(desk)
    form = alice.first_form(grant.id)
    policies_are(desk, STOPPED)
    assert alice.send("POST", f"/reviews/{grant.id}", form).status == 303  # without a second step: it grants nothing
    status, problem, _ = desk.system.call(create_credentials, grant_id=grant.id)
    assert (status, problem["code"], "policy denied it" in problem["detail"]) == (410, "grant_ended", True)


def test_pol_08_a_store_that_fails_shows_no_request(desk: ReviewSystem):
    alice, grant = person(desk, "alice"), pending(desk)

    def failing(*_: object) -> None:
        raise Problem("unavailable", "DynamoDB did not answer.", "Try again.")

    desk.system.store.grants_of = failing  # type: ignore[assignment]
    assert alice.send("GET", f"/reviews/{grant.id}").status == 503


def test_rev_11_a_store_that_fails_is_not_shown_as_a_changed_configuration(desk: ReviewSystem, monkeypatch):
    def failing(*_: object) -> None:
        raise Problem("unavailable", "The store does not answer.", "Try again in a few seconds.")

    grant = pending(desk)
    monkeypatch.setattr("jitney.handlers.review.review_sheet.decision_on", failing)
    answer = person(desk, "alice").send("GET", f"/reviews/{grant.id}")
    assert (answer.status, LOST in answer.text) == (503, False)


def test_rev_04_the_approval_of_a_reviewer_who_left_is_shown_as_one_that_does_not_count(desk: ReviewSystem):
    owners = ReviewerGroup(("staff.alice", "staff.bob"), approvals=2)
    desk.system.ports.config = replace(desk.system.ports.config, reviewers={"owners": owners})
    alice, grant = person(desk, "alice"), pending(desk)
    assert alice.decide(f"/reviews/{grant.id}", alice.first_form(grant.id)).status == 303
    assert "More votes are needed. You can still change yours." in alice.send("GET", f"/reviews/{grant.id}").text
    others = owners._replace(members=("staff.bob", "staff.carol"))
    desk.system.ports.config = replace(desk.system.ports.config, reviewers={"owners": others})
    for name, shown in (("alice", True), ("bob", False)):
        page = person(desk, name).send("GET", f"/reviews/{grant.id}").text
        assert ("You are not one of its reviewers now, so your vote no longer counts." in page) is shown
        assert (
            "staff.alice: approved at" in page,
            "UTC</time>, no longer counted" in page,
            "0 of 2 approvals" in page,
        ) == (True, True, True)
        assert "You can still change yours." not in page
    shown = call(desk, show_review, grant, own_token(desk, "bob"))[1]["review"]
    assert {"name": "Votes", "value": "approved by staff.alice, no longer counted"} in shown["details"]
    for name in ("bob", "carol"):
        browser = person(desk, name)
        assert browser.decide(f"/reviews/{grant.id}", browser.first_form(grant.id)).status == 303
    gone = owners._replace(members=("staff.dave", "staff.erin"))
    desk.system.ports.config = replace(desk.system.ports.config, reviewers={"owners": gone})
    page = person(desk, "bob").send("GET", f"/reviews/{grant.id}").text
    assert ("owners: 2 of 2 approvals" in page, stored(desk, grant).state) == (True, State.ACTIVE)
    assert "no longer count" not in page


def test_rev_04_a_removed_group_is_named_as_such(desk: ReviewSystem):
    grant = pending(desk)
    others = {"others": ReviewerGroup(("staff.alice",))}
    desk.system.ports.config = replace(desk.system.ports.config, reviewers=others)
    page = person(desk, "olga", "security").send("GET", f"/reviews/{grant.id}").text
    assert ("owners: no longer a reviewer group. Reviewers: none" in page, "0 of 0" in page) == (True, False)
    words = wording.required_approvals(build_sheet(grant, desk.system.ports))
    assert words == "approval from owners, which is no longer a reviewer group"
