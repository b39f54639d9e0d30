"""A reviewer's approval that does not count for the same request again (row REV 11)."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.config import ReviewerGroup
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.selection import NarrowedApproval, narrowed_approval
from jitney.handlers.credentials import create_credentials
from jitney.handlers.review.terminal_votes import vote_from_terminal
from tests.handlers.conftest import System
from tests.handlers.review_browser import Browser
from tests.handlers.seen_votes import vote
from tests.handlers.slack_workspace import SlackSystem
from tests.handlers.test_ballots import ballot
from tests.handlers.test_earlier_approvals import NOW, POLICIES, REPORTS, Desk, revocation, writes
from tests.handlers.test_review_pages import PUT, pending
from tests.handlers.test_terminal_reviews import approve, call, own_token, terminal_desk
from tests.reviewer_browser import ballot as form_of
from tests.reviewer_browser import second_step_of

BOX = "This time only: the same access is reviewed again"
SAID = "the same access is reviewed again, because a reviewer chose “this time only”."
BOTH = {"owners": ReviewerGroup(("corp.alice", "corp.bob"), approvals=2)}


def requested(desk: Desk) -> Grant:
    _, body, _ = desk.ask()
    return desk.system.store.grants[body["grant"]["id"]]


def once(grant: Grant) -> NarrowedApproval:
    return NarrowedApproval(grant.permissions, grant.duration_seconds, this_time_only=True)


def test_rev_11_an_approval_for_this_time_only_does_not_count_again():
    desk = Desk()
    grant = requested(desk)
    vote(ballot(grant, narrowing=once(grant)), desk.system.ports)
    assert desk.system.call(create_credentials, grant_id=grant.id, token=desk.token())[0] == 200
    assert (desk.stored(grant).permissions, desk.stored(grant).requested) == (grant.permissions, None)
    desk.system.now += grant.duration_seconds + 60
    assert desk.ask()[0] == 202


def test_rev_11_an_earlier_vote_that_would_count_again_is_void():
    desk = Desk()
    desk.configure(reviewers=BOTH)
    grant = requested(desk)
    vote(ballot(grant), desk.system.ports)
    less = vote(ballot(grant, "bob", narrowing=once(grant)), desk.system.ports)
    assert (less.state, less.approvals, less.narrowed_at is None) == (State.PENDING, (), False)
    desk.system.now += 1
    with pytest.raises(Problem, match="review_changed"):
        vote(ballot(grant), desk.system.ports)  # what alice saw first
    done = vote(ballot(less), desk.system.ports)
    assert (done.state, done.counts_again, done.this_time_only) == (State.ACTIVE, False, True)


def test_rev_11_a_restarted_review_keeps_the_choice_as_it_keeps_what_was_removed():
    """An agent can cause a restart, for example with another grant that completes an escalation."""
    desk = Desk()
    desk.configure(reviewers=BOTH | {"security": ReviewerGroup(("corp.carol",))})
    grant = requested(desk)
    less = vote(ballot(grant, narrowing=once(grant)), desk.system.ports)
    desk.load(POLICIES.replace(NOW, f'{NOW} && context.approvals.contains("security")'))
    with pytest.raises(Problem, match="review_changed"):
        vote(ballot(less, "bob"), desk.system.ports)
    after = desk.stored(grant)
    assert (after.votes, after.counts_again, after.this_time_only) == ((), False, True)


def test_rev_11_the_revocation_of_a_grant_for_this_time_only_ends_earlier_approvals_too():
    """A more careful reviewer must not leave the agent more than one who lets the approval count."""
    desk = Desk()
    desk.approved()
    _, body, _ = desk.ask(permissions=writes(f"{REPORTS}/2028/a"))
    grant = desk.system.store.grants[body["grant"]["id"]]
    vote(ballot(grant, narrowing=once(grant)), desk.system.ports)
    assert desk.ask()[0] == 201
    assert revocation(desk, grant.id, "alice") == 200
    assert desk.ask()[0] == 202


def test_rev_11_this_time_only_is_the_whole_where_no_approval_counts_again():
    grant = requested(Desk(POLICIES.replace(' || context.earlierApprovals.contains("owners")', "")))
    assert narrowed_approval(grant, grant.permissions, "600", this_time_only=True) is None


def counting(system: System, grant: Grant) -> Grant:
    """The same request under a policy that lets its approval count again."""
    system.store.grants[grant.id] = replace(grant, counts_again=True)
    return system.store.grants[grant.id]


def on_the_page(only: bool) -> tuple[System, Grant]:
    desk = terminal_desk()
    alice = Browser(desk)
    alice.sign_in("alice")
    grant = pending(desk, PUT)
    path = f"/reviews/{grant.id}"
    assert BOX not in alice.send("GET", path).text
    grant = counting(desk.system, grant)
    page = alice.send("GET", path).text
    assert '<a href="#more">Approve for this time only…</a>' in page
    form = form_of(page, "approve_selected")
    assert "this_time_only" not in form
    step = alice.send("POST", path, form | ({"this_time_only": "yes"} if only else {})).text
    assert (SAID in step) is only
    assert alice.send("POST", path, second_step_of(step)).status == 303
    return desk.system, grant


def in_slack(only: bool) -> tuple[System, Grant]:
    office = SlackSystem()
    grant = office.pending()
    assert BOX not in json.dumps(office.open(grant, "approve_selected"))
    grant = counting(office.system, grant)
    view = office.open(grant, "approve_selected")
    assert BOX in json.dumps(view)
    office.send(office.submission(view, more=("this_time_only",) if only else ()))
    return office.system, grant


def in_a_terminal(only: bool) -> tuple[System, Grant]:
    desk = terminal_desk()
    grant = counting(desk.system, pending(desk, PUT))
    assert approve(desk, grant, own_token(desk), this_time_only=only)[0] == 200
    return desk.system, grant


@pytest.mark.parametrize("only", [True, False])
@pytest.mark.parametrize("route", [on_the_page, in_slack, in_a_terminal])
def test_rev_11_a_reviewer_approves_for_this_time_only(route: Callable[[bool], tuple[System, Grant]], only: bool):
    system, grant = route(only)
    after = system.store.grants[grant.id]
    assert (after.state, after.permissions) == (State.ACTIVE, grant.permissions)
    assert (after.counts_again, after.this_time_only) == (not only, only)
    (voted,) = (each for each in system.records() if each["event"] == "vote")
    assert json.loads(voted["detail"]).get("this_time_only", False) is only
    assert (after.votes[0].content == content_hash(grant)) is not only


@pytest.mark.parametrize(
    ("members", "code"),
    [({"this_time_only": "yes"}, "request_invalid"), ({"verdict": "reject", "comment": "no"}, "request_invalid")],
)
def test_rev_11_a_terminal_chooses_this_time_only_for_an_approval(members: dict[str, str], code: str):
    desk = terminal_desk()
    grant = counting(desk.system, pending(desk, PUT))
    body = {"verdict": "approve", "content": content_hash(grant), "this_time_only": True} | members
    status, answer = call(desk, vote_from_terminal, grant, own_token(desk), **body)
    assert (status, answer["code"], desk.system.store.grants[grant.id]) == (400, code, grant)
