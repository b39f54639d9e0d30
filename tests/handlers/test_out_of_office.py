"""The page "Out of office": delegates set and ended by forms; and voting on behalf of others, attacked (REV 6)."""

import json
import re
import threading
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.config import ReviewerGroup
from jitney.core.problems import Problem
from jitney.core.quotas import OUT_OF_OFFICE_CHANGES_PER_HOUR
from jitney.core.review.content import content_hash
from jitney.handlers.credentials import create_credentials
from tests.fakes import MemoryOutOfOffice
from tests.handlers.conftest import POLICIES, policies_of
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot, person
from tests.handlers.test_review_pages import pending, stored
from tests.identities import identity
from tests.reviewer_browser import fields_of

DAY = 86_400
GROUPS = {
    "owners": ReviewerGroup(("staff.alice", "staff.bob", "staff.harriet"), delegates=("staff.carol", "staff.dave")),
    "others": ReviewerGroup(("staff.oscar", "staff.carol")),
}

LEGAL = """@id("law") @approval("legal") forbid (principal, action == Jitney::Action::"Write", resource)
unless { context.approvals.contains("legal") };"""


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system(reviewers=GROUPS)


def signed_in(desk: ReviewSystem, name: str) -> Browser:
    browser = Browser(desk)
    browser.sign_in(name)
    return browser


@pytest.fixture
def bob(desk: ReviewSystem) -> Browser:
    return signed_in(desk, "bob")


@pytest.fixture
def carol(desk: ReviewSystem) -> Browser:
    return signed_in(desk, "carol")


def form_of(browser: Browser, button: str = "set", **changes: Any) -> dict[str, Any]:
    """The page's form of that button, as a reviewer fills it in: out of office until tomorrow noon."""
    text = browser.send("GET", "/reviews/out-of-office").text
    forms = [form for form in text.split("<form")[1:] if f'name="change" value="{button}"' in form]
    filled = {"from": "", "until": "2023-11-15T12:00", "delegate.owners": "staff.carol"} if button == "set" else {}
    return fields_of(forms[0].replace('id="from"', 'value=""').replace('id="until"', 'value=""')) | {
        "change": button, **filled, **changes,
    }  # fmt: skip


def go(browser: Browser, **changes: Any) -> None:
    assert browser.send("POST", "/reviews/out-of-office", form_of(browser, **changes)).status == 303


def refused(browser: Browser, form: Any) -> str:
    desk = browser.desk
    before = dict(desk.system.store.away)
    answer = browser.send("POST", "/reviews/out-of-office", form)
    assert desk.system.store.away == before
    return answer.text.split("Code: <code>")[1].split("<")[0]


def test_rev_06_a_delegate_of_an_absent_reviewer_votes_under_their_own_name(
    desk: ReviewSystem, bob: Browser, carol: Browser
):
    grant = pending(desk)
    assert carol.send("GET", f"/reviews/{grant.id}").status == 403
    go(bob)
    shown = bob.send("GET", "/reviews/out-of-office").text
    assert "staff.carol is your delegate in owners." in shown
    for kept in ('value="2023-11-15T12:00"', "<option selected>staff.carol</option>", ">Save changes</button>"):
        assert kept in shown
    text = re.sub("<[^>]+>", "", carol.send("GET", "/reviews/out-of-office").text)
    assert "For staff.bob in owners, until 2023-11-15 12:00 UTC" in text
    assert "reviewers: owners, on behalf of staff.bob" in carol.send("GET", "/reviews").text
    page = carol.send("GET", f"/reviews/{grant.id}").text
    shown = " ".join(re.sub("<[^>]+>", "", page).split())
    assert "You are the delegate of staff.bob in owners until 2023-11-15 12:00 UTC." in shown
    assert carol.send("POST", f"/reviews/{grant.id}", carol.form_of(grant.id)).status == 303
    after = stored(desk, grant)
    assert (after.state, after.votes[0].human.name, after.votes[0].delegators) == (
        State.ACTIVE,
        "staff.carol",
        ("staff.bob",),
    )
    assert "staff.carol, on behalf of staff.bob: approved" in bob.send("GET", f"/reviews/{grant.id}").text
    record = desk.system.records()[-1]
    detail = json.loads(record["detail"])
    assert (record["event"], detail["by"]) == ("vote", "staff.carol")
    assert [(place["delegator"], place["group"]) for place in detail["delegations"]] == [("staff.bob", "owners")]
    assert detail["delegations"][0]["out_of_office_id"] == desk.system.store.away["staff.bob"].id
    assert desk.system.call(create_credentials, grant_id=grant.id)[0] == 200


def test_aud_01_setting_and_ending_an_absence_are_on_record(desk: ReviewSystem, bob: Browser):
    go(bob)
    go(bob, **{"delegate.owners": "staff.dave"})
    go(bob, button="end")
    assert not desk.system.store.away
    found = [each for each in desk.system.records() if each["event"] == "out_of_office"]
    assert [each["outcome"] for each in found] == ["set", "set", "ended"]
    assert {each["principal"] for each in found} == {"staff.bob"}
    assert {each["source_ip"] for each in found} == {"198.51.100.7"}
    first, second, last = (json.loads(each["detail"]) for each in found)
    assert first["out_of_office"]["delegates"] == {"owners": "staff.carol"}
    assert (first["out_of_office"]["from"], first["out_of_office"]["until"]) == (
        "2023-11-14T22:15:00Z",
        "2023-11-15T12:00:00Z",
    )
    assert (second["replaces"], last["out_of_office"]["id"]) == (
        first["out_of_office"]["id"],
        second["out_of_office"]["id"],
    )


def test_rev_06_an_ended_absence_ends_the_right_but_no_vote(desk: ReviewSystem, bob: Browser, carol: Browser):
    first, second = pending(desk), pending(desk, reason="another")
    go(bob)
    carol.send("POST", f"/reviews/{first.id}", carol.form_of(first.id))
    form = carol.form_of(second.id)
    go(bob, button="end")
    answer = carol.send("POST", f"/reviews/{second.id}", form)
    assert (answer.status, "not_reviewer" in answer.text) == (403, True)
    assert desk.system.outcomes()[-1] == ("vote", "refused", "not_reviewer")
    assert stored(desk, first).state is State.ACTIVE
    assert desk.system.call(create_credentials, grant_id=first.id)[0] == 200
    assert carol.send("GET", f"/reviews/{first.id}").status == 200  # her own vote concerns her


def test_rev_06_a_delegates_vote_is_no_obstacle_once_the_absent_reviewer_is_back():
    """Carol votes for alice, who comes back; then legal escalates to carol's own group, and bob votes."""
    owners = ReviewerGroup(("staff.alice", "staff.bob"), approvals=2, delegates=("staff.carol",))
    legal = ReviewerGroup(("staff.harriet",), escalates_to="others", escalates_after_seconds=900)
    desk = review_system(reviewers={"owners": owners, "legal": legal, "others": ReviewerGroup(("staff.carol",))})
    desk.system.ports.policies = policies_of(replace(desk.system.config.policies, text=POLICIES + LEGAL))
    grant = pending(desk)
    assert grant.reviews == (("legal", "owners"),)
    alice = signed_in(desk, "alice")
    go(alice)
    vote(replace(ballot(grant), voter=person("carol", "staff")), desk.system.ports)
    go(alice, button="end")
    desk.system.now += 900
    after = vote(replace(ballot(grant), voter=person("bob", "staff")), desk.system.ports)
    assert (after.state, after.approvals) == (State.ACTIVE, ("legal", "owners"))


@pytest.mark.parametrize("seconds", [0, 1])
def test_rev_06_a_delegate_cannot_vote_after_the_end_of_an_absence(desk: ReviewSystem, bob: Browser, seconds: int):
    grant = pending(desk)
    desk.system.now += 60
    go(bob, until="2023-11-14T22:20")
    desk.system.now = desk.system.store.away["staff.bob"].ends_at - 1 + seconds
    given = replace(ballot(grant), voter=person("carol", "staff"))
    if seconds:
        with pytest.raises(Problem) as refusal:
            vote(given, desk.system.ports)
        assert refusal.value.code == "not_reviewer"
        assert "You are not out of office." in bob.send("GET", "/reviews/out-of-office").text
    else:
        assert vote(given, desk.system.ports).state is State.ACTIVE


def test_rev_06_an_absence_that_ends_between_reading_and_writing_lets_no_vote_in(desk: ReviewSystem, bob: Browser):
    grant = pending(desk)
    go(bob)
    form = form_of(bob, "end")
    ended: list[int] = []

    def end() -> None:
        desk.system.ports.out_of_office.meanwhile = lambda: None
        ended.append(bob.send("POST", "/reviews/out-of-office", form).status)

    desk.system.ports.out_of_office.meanwhile = end
    with pytest.raises(Problem) as refusal:
        vote(replace(ballot(grant), voter=person("carol", "staff")), desk.system.ports)
    assert (ended, refusal.value.code, stored(desk, grant).votes) == ([303], "not_reviewer", ())


def test_rev_06_ending_and_voting_at_once_have_one_order(desk: ReviewSystem, bob: Browser):
    """Fifty times: a vote that got in was written before the end, and one that did not is refused."""
    for number in range(50):
        desk.system.store.lists.clear()
        desk.system.store.taken.clear()
        grant = pending(desk, reason=f"number {number}")
        go(bob)
        form, start, refusals = form_of(bob, "end"), threading.Barrier(2), []

        def cast(grant: Grant = grant, start: Any = start, refusals: Any = refusals) -> None:
            start.wait()
            try:
                vote(replace(ballot(grant), voter=person("carol", "staff")), desk.system.ports)
            except Problem as problem:
                refusals.append(problem.code)

        thread = threading.Thread(target=cast)
        thread.start()
        start.wait()
        assert bob.send("POST", "/reviews/out-of-office", form).status == 303
        thread.join()
        recorded = [(each["event"], each["outcome"]) for each in desk.system.records()]
        latest = [
            each for each in recorded if each in (("vote", "approved"), ("out_of_office", "ended"), ("vote", "refused"))
        ]
        if refusals:
            assert (refusals, latest[-2:]) == (["not_reviewer"], [("out_of_office", "ended"), ("vote", "refused")])
        else:
            assert latest[-2:] == [("vote", "approved"), ("out_of_office", "ended")]


def test_rev_06_a_form_that_was_sent_before_changes_nothing_again(desk: ReviewSystem, bob: Browser):
    """A repeat, such as one after a lost answer, shows the page. A form that others have overtaken is refused."""

    def send(form: Any) -> int:
        records = len(desk.system.records())
        assert bob.send("POST", "/reviews/out-of-office", form).status == 303
        return len(desk.system.records()) - records

    first, later = form_of(bob), form_of(bob, **{"from": "2023-11-15T09:00"})
    assert [send(first), send(first)] == [1, 0]
    desk.system.now += 60
    assert send(first) == 0
    assert refused(bob, later) == "out_of_office_conflict"
    last = form_of(bob, "end")
    assert [send(last), send(last)] == [1, 0]
    assert send(form_of(bob, **{"delegate.owners": "staff.dave"})) == 1
    for overtaken in (first, later, last):
        assert refused(bob, overtaken) == "out_of_office_conflict"
    assert send(form_of(bob, **{"from": "2023-11-15T09:00"})) == 1
    assert send(form_of(bob, **{"from": "2023-11-15T09:00"})) == 0
    assert send(form_of(bob, **{"from": "2023-11-15T10:00"})) == 1


def test_rev_06_two_clicks_at_once_set_one_period(desk: ReviewSystem, bob: Browser):
    form = form_of(bob)

    def meanwhile() -> None:
        desk.system.ports.out_of_office = MemoryOutOfOffice(desk.system.store)
        assert bob.send("POST", "/reviews/out-of-office", form).status == 303

    desk.system.ports.out_of_office.meanwhile = meanwhile
    assert bob.send("POST", "/reviews/out-of-office", form).status == 303
    assert [each["outcome"] for each in desk.system.records() if each["event"] == "out_of_office"] == ["set"]


def test_rev_06_a_form_that_was_overtaken_while_it_was_read_changes_nothing(desk: ReviewSystem, bob: Browser):
    form = form_of(bob)

    def meanwhile() -> None:
        desk.system.ports.out_of_office = MemoryOutOfOffice(desk.system.store)
        go(bob, **{"delegate.owners": "staff.dave"})

    desk.system.ports.out_of_office.meanwhile = meanwhile
    answer = bob.send("POST", "/reviews/out-of-office", form)
    assert (answer.status, "out_of_office_conflict" in answer.text) == (409, True)
    assert desk.system.store.away["staff.bob"].delegates == (("owners", identity("staff.dave")),)


def test_ops_02_who_has_an_entry_that_cannot_be_read_learns_it_and_cannot_replace_it(desk: ReviewSystem, bob: Browser):
    form = form_of(bob)
    desk.system.store.unreadable_away = frozenset({identity("staff.bob").digest})
    for answer in (bob.send("GET", "/reviews/out-of-office"), bob.send("POST", "/reviews/out-of-office", form)):
        assert (answer.status, "cannot read your out-of-office entry." in answer.text) == (503, True)
    assert desk.system.store.away == {}
    alice = signed_in(desk, "alice")
    go(alice)
    assert list(desk.system.store.away) == ["staff.alice"]


def test_rev_05_no_possible_delegate_of_a_requester_votes_while_the_requesters_entry_cannot_be_read(
    desk: ReviewSystem, carol: Browser
):
    """Carol is a possible delegate of bob's, and a member of the other group."""
    grant = replace(pending(desk), human=identity("staff.bob"), reviews=(("others",),))
    desk.system.store.grants[grant.id] = grant
    form = carol.first_form(grant.id)
    desk.system.store.unreadable_away = frozenset({identity("staff.bob").digest})
    answer = carol.send("POST", f"/reviews/{grant.id}", form)
    assert (answer.status, "not_reviewer" in answer.text, stored(desk, grant)) == (403, True, grant)
    oscar = signed_in(desk, "oscar")
    oscar.decide(f"/reviews/{grant.id}", oscar.first_form(grant.id, "reject") | {"comment": "no"})
    assert stored(desk, grant).state is State.REJECTED


def test_rev_06_a_delegate_cannot_delegate(desk: ReviewSystem, bob: Browser, carol: Browser):
    go(bob)
    shown = carol.send("GET", "/reviews/out-of-office").text
    assert "Your groups have no delegates" in shown
    form = form_of(bob) | {"token": shown.split('name="token" value="')[1].split('"')[0], "shown_id": ""}
    assert refused(carol, form | {"delegate.owners": "staff.dave"}) == "not_reviewer"
    assert desk.system.outcomes()[-1] == ("refusal", "refused", "not_reviewer")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"delegate.owners": "staff.oscar"}, "request_invalid"),
        ({"delegate.owners": "staff.bob"}, "request_invalid"),
        ({"delegate.owners": ""}, "request_invalid"),
        ({"delegate.others": "staff.carol"}, "not_reviewer"),
        ({"delegate.gone": "staff.carol"}, "not_reviewer"),
        ({"until": "2023-12-14T22:17"}, "request_invalid"),
        ({"until": ""}, "request_invalid"),
        ({"token": "x"}, "form_token_invalid"),
    ],
)
def test_rev_06_a_reviewer_delegates_only_their_own_membership_to_configured_people(
    bob: Browser, changes: Any, code: str
):
    assert refused(bob, form_of(bob) | changes) == code


def test_rev_05_a_delegate_decides_neither_about_their_own_request_nor_about_the_absent_reviewers(
    desk: ReviewSystem, bob: Browser
):
    go(bob)
    for human, code in (("staff.carol", "own_request"), ("staff.bob", "not_reviewer")):
        grant = replace(pending(desk, reason=human), human=identity(human))
        desk.system.store.grants[grant.id] = grant
        with pytest.raises(Problem) as refusal:
            vote(replace(ballot(grant), voter=person("carol", "staff")), desk.system.ports)
        assert refusal.value.code == code
        assert content_hash(stored(desk, grant)) == content_hash(grant)


def test_rev_01_a_visitor_without_a_session_is_sent_to_sign_in(desk: ReviewSystem):
    answer = Browser(desk).send("GET", "/reviews/out-of-office")
    assert (answer.status, answer.location) == (303, "/live/reviews/sign-in?to=out-of-office")


def test_a_configuration_without_delegates_reads_no_absences(desk: ReviewSystem):
    desk.system.ports.config = replace(
        desk.system.config, reviewers={"owners": ReviewerGroup(("staff.alice", "staff.bob"))}
    )
    del desk.system.ports.__dict__["out_of_office"]
    alice = signed_in(desk, "alice")
    grant = pending(desk)
    assert alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id)).status == 303


def test_rev_06_changes_of_a_reviewer_are_bounded(desk: ReviewSystem, bob: Browser, carol: Browser):
    for _ in range(OUT_OF_OFFICE_CHANGES_PER_HOUR // 2):
        go(bob)
        go(bob, button="end")
    records = len(desk.system.records())
    for _ in range(20):
        assert refused(bob, form_of(bob)) == "rate_limited"
    assert len(desk.system.records()) <= records + 5  # counted at 1, 2, 4, 8 and 16
    desk.system.now += 3600
    bob.sign_in("bob")
    go(bob)


def test_rev_06_the_page_says_that_a_delegate_cannot_vote_any_more(desk: ReviewSystem, bob: Browser, carol: Browser):
    go(bob)
    notice = "staff.carol is no longer your delegate in owners, because the group’s settings changed."
    assert "staff.carol is your delegate in owners." in bob.send("GET", "/reviews/out-of-office").text
    owners = GROUPS["owners"]
    for changed in (owners._replace(delegates=()), owners._replace(members=("staff.alice", "staff.harriet")), None):
        groups = {**GROUPS, "owners": changed} if changed else {"others": GROUPS["others"]}
        desk.system.ports.config = replace(desk.system.ports.config, reviewers=groups)
        page = bob.send("GET", "/reviews/out-of-office").text
        assert (notice in page, "is your delegate" in page) == (True, False)
        assert "For staff.bob in owners" not in carol.send("GET", "/reviews/out-of-office").text
    assert bob.send("POST", "/reviews/out-of-office", form_of(bob, "end")).status == 303
