"""What people approved before needs no new review, if a policy says so (row REV 11)."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.access.earlier_approvals import HISTORY_SECONDS
from jitney.core.access.ended_approvals import with_revoked_approval
from jitney.core.access.grant import Grant, GrantEnd, State, VoteVerdict
from jitney.core.access.request import Permission, Way
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.access.suspensions import Suspensions
from jitney.core.config import ReviewerGroup
from jitney.core.problems import Problem
from jitney.core.review import wording
from jitney.core.review.selection import NarrowedApproval
from jitney.handlers import reconciler
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.grants import create_grant
from jitney.handlers.reconciler import EXPIRY_GRACE_SECONDS, reconcile
from jitney.handlers.review.ballots import decision_on
from jitney.handlers.review.review_sheet import build_sheet
from jitney.handlers.review.under_review import under_review
from jitney.handlers.review_failures import give_up
from jitney.handlers.review_schedule import check_schedule
from jitney.handlers.revocations import revoke_grant
from tests.core.identity import minting
from tests.fakes import ROLE_ARN
from tests.handlers.conftest import System, configuration, policies_of
from tests.handlers.gateway import DELETE, PUT, Gateway
from tests.handlers.review_browser import Browser, ReviewSystem, with_staff
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot
from tests.identities import identity
from tests.reviewer_browser import fields_of

NOW, BEFORE = 'context.approvals.contains("owners")', 'context.earlierApprovals.contains("owners")'
POLICIES = f"""
@id("write") @approval("owners") permit (principal, action, resource)
when {{ ({NOW} || {BEFORE}) && [true, false].contains(resource.wildcard) && [true, false].contains(context.reveal) }};
"""
EACH_TIME = POLICIES.replace(f" || {BEFORE}", "")
REPORTS = "arn:aws:s3:::reports"
ASKED: dict[str, Any] = {
    "target": "analytics-prod",
    "permissions": [
        {"actions": ["s3:PutObject", "s3:GetObject"], "resources": [f"{REPORTS}/2026/*", f"{REPORTS}/2027/a"]},
        {"actions": ["s3:ListBucket"], "resources": [REPORTS], "conditions": {"s3:prefix": ["2026/*"]}},
    ],
    "duration_seconds": 600,
    "reason": "monthly report",
}
DAY = 24 * 3600


def writes(*resources: str, actions: tuple[str, ...] = ("s3:PutObject",)) -> list[dict[str, Any]]:
    return [{"actions": list(actions), "resources": list(resources)}]


class Desk:
    """An agent's requests, and the people who decide about them."""

    def __init__(self, policies: str = POLICIES) -> None:
        config = configuration(policies)
        groups = {"owners": ReviewerGroup(("corp.alice", "corp.bob"))}
        self.system = System(config=replace(config, reviewers=groups))

    def token(self, **claims: Any) -> str:
        return minting.token(iat=self.system.now, exp=self.system.now + 300, **claims)

    def ask(self, route: Any = create_grant, claims: dict[str, Any] | None = None, **members: Any) -> Any:
        return self.system.call(route, ASKED | members, token=self.token(**claims or {}))

    def approved(self, **members: Any) -> Grant:
        """Return a grant that alice approved, whose credentials the agent got, after its end."""
        status, body, _ = self.ask(**members)
        assert status == 202, body
        grant = self.system.store.grants[body["grant"]["id"]]
        vote(ballot(grant), self.system.ports)
        if grant.way is Way.CREDENTIALS:
            assert self.system.call(create_credentials, grant_id=grant.id, token=self.token())[0] == 200
        self.system.now += grant.duration_seconds + 60
        return self.stored(grant)

    def stored(self, grant: Grant) -> Grant:
        return self.system.store.grants[grant.id]

    def change(self, grant: Grant, **changes: Any) -> None:
        self.system.store.grants[grant.id] = replace(self.stored(grant), **changes)

    def configure(self, **changes: Any) -> None:
        self.system.config = self.system.ports.config = replace(self.system.ports.config, **changes)

    def load(self, text: str) -> None:
        """Replace the policies."""
        policies = replace(self.system.config.policies, text=text, version="v2")
        self.system.ports.policies = policies_of(policies)
        self.configure(policies=policies)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_rev_11_what_people_approved_before_is_allowed_without_a_review(desk: Desk):
    first = desk.approved()
    started = len(desk.system.reviews.started)
    status, body, _ = desk.ask(reason="weekly report")
    assert status == 201
    assert body["credentials"]
    said = [{"grant": first.id, "groups": ["owners"], "at": body["grant"]["earlier_approvals"][0]["at"]}]
    assert (body["grant"]["earlier_approvals"], body["grant"]["votes"]) == (said, [])
    record = next(each for each in reversed(desk.system.records()) if each["event"] == "request")
    assert json.loads(record["detail"])["earlier_approvals"] == said
    assert json.loads(record["detail"])["decision_inputs"]["earlier_approvals"] == ["owners"]
    assert len(desk.system.reviews.started) == started


COVERED: dict[str, dict[str, Any]] = {
    "the same": {},
    "one action": {"permissions": writes(f"{REPORTS}/2026/*")},
    "one object of a pattern": {"permissions": writes(f"{REPORTS}/2026/q3", actions=("S3:putobject",))},
    "a part of a prefix": {
        "permissions": [
            {"actions": ["s3:ListBucket"], "resources": [REPORTS], "conditions": {"s3:prefix": ["2026/q3*"]}}
        ]
    },
    "shorter": {"duration_seconds": 300},
    "by the gateway": {"way": "gateway"},
    "by the gateway, with secrets": {"way": "gateway", "reveal": True},
}


@pytest.mark.parametrize("members", COVERED.values(), ids=COVERED)
def test_rev_11_less_than_what_was_approved_is_allowed(desk: Desk, members: dict[str, Any]):
    first = desk.approved()
    status, body, _ = desk.ask(**members)
    assert (status, body["grant"]["earlier_approvals"][0]["grant"]) == (201, first.id)


NOT_COVERED: dict[str, dict[str, Any]] = {
    "longer": {"duration_seconds": 601},
    "another action": {"permissions": writes(f"{REPORTS}/2026/a", actions=("s3:DeleteObject",))},
    "another object": {"permissions": writes(f"{REPORTS}/2027/b")},
    "a wider pattern": {"permissions": writes(f"{REPORTS}/202?/a")},
    "something added": {"permissions": [*ASKED["permissions"], *writes(f"{REPORTS}/2028/a")]},
    "without its condition": {"permissions": [{"actions": ["s3:ListBucket"], "resources": [REPORTS]}]},
    "with a weaker condition": {
        "permissions": [
            {"actions": ["s3:ListBucket"], "resources": [REPORTS], "conditions": {"s3:prefix": ["2026/*", "2027/*"]}}
        ]
    },
    "another agent": {"claims": {"sub": "writer-agent"}},
    "on behalf of a person": {"claims": {"act": {"sub": "dora"}}},
}


@pytest.mark.parametrize("members", NOT_COVERED.values(), ids=NOT_COVERED)
def test_rev_11_more_than_what_was_approved_is_reviewed(desk: Desk, members: dict[str, Any]):
    desk.approved()
    status, body, _ = desk.ask(**members)
    assert (status, body["grant"]["earlier_approvals"]) == (202, [])


def test_rev_11_two_approved_parts_do_not_cover_the_whole(desk: Desk):
    """People who saw each half did not see both together."""
    one, two = writes(f"{REPORTS}/a"), writes(f"{REPORTS}/b")
    desk.approved(permissions=one)
    desk.approved(permissions=two)
    assert desk.ask(permissions=[*one, *two])[0] == 202


def test_rev_11_answers_that_were_masked_do_not_allow_unmasked_ones_or_keys(desk: Desk):
    desk.approved(way="gateway")
    assert desk.ask(way="gateway")[0] == 201
    assert desk.ask(way="gateway", reveal=True)[0] == 202
    assert desk.ask()[0] == 202


def test_rev_11_only_the_approved_part_counts(desk: Desk):
    _, body, _ = desk.ask()
    grant = desk.system.store.grants[body["grant"]["id"]]
    part = NarrowedApproval(grant.permissions[:1], 300)
    vote(ballot(grant, narrowing=part), desk.system.ports)
    assert desk.system.call(create_credentials, grant_id=grant.id, token=desk.token())[0] == 200
    desk.system.now += 400
    assert desk.ask(permissions=ASKED["permissions"][:1], duration_seconds=301)[0] == 202
    assert desk.ask(permissions=ASKED["permissions"][1:])[0] == 202
    assert desk.ask(permissions=ASKED["permissions"][:1], duration_seconds=300)[0] == 201


def test_rev_11_an_approval_counts_for_30_days(desk: Desk):
    first = desk.approved()
    desk.system.now = first.starts_at + HISTORY_SECONDS - 1
    assert desk.ask()[0] == 201
    desk.system.now += 1
    assert desk.ask()[0] == 202


def test_rev_11_a_grant_without_a_review_starts_no_further_30_days(desk: Desk):
    first = desk.approved()
    desk.system.now = first.starts_at + HISTORY_SECONDS - 1
    status, body, _ = desk.ask()
    assert (status, desk.system.store.grants[body["grant"]["id"]].counts_again) == (201, False)
    desk.system.now += 700
    assert desk.ask()[0] == 202


def test_rev_11_the_reviewers_see_that_their_approval_counts_again(desk: Desk):
    desk.ask()
    (grant,) = desk.system.store.grants.values()
    sheet = build_sheet(grant, desk.system.ports)
    said = "for 30 days, policy lets this agent obtain the same access again without a review."
    assert dict(wording.first_facts(sheet))["After an approval"] == said
    each_time = Desk(EACH_TIME)
    each_time.ask()
    (other,) = each_time.system.store.grants.values()
    assert "After an approval" not in dict(wording.first_facts(build_sheet(other, each_time.system.ports)))


def test_rev_11_an_approval_whose_reviewers_did_not_know_does_not_count_after_a_change_of_policy():
    desk = Desk(EACH_TIME)
    desk.approved()
    desk.load(POLICIES)
    assert desk.ask()[0] == 202


@pytest.mark.parametrize("counts_again", [True, False])
def test_rev_11_a_restarted_review_says_whether_approvals_count_again_under_the_new_policy(counts_again: bool):
    more = POLICIES.replace(NOW, f'{NOW} && context.approvals.contains("security")')
    once = EACH_TIME.replace(NOW, f'{NOW} && context.approvals.contains("security")')
    desk = Desk(EACH_TIME if counts_again else POLICIES)
    desk.configure(reviewers={"owners": ReviewerGroup(("corp.alice",)), "security": ReviewerGroup(("corp.bob",))})
    desk.ask()
    (grant,) = desk.system.store.grants.values()
    assert grant.counts_again is not counts_again
    desk.load(more if counts_again else once)
    with pytest.raises(Problem, match="review_changed"):
        vote(ballot(grant), desk.system.ports)
    assert (desk.stored(grant).votes, desk.stored(grant).counts_again) == ((), counts_again)


def revoked(desk: Desk, grant: Grant) -> None:
    desk.system.now -= 120
    token = desk.token(sub="carol", groups=["security"])
    assert desk.system.call(revoke_grant, {"reason": "wrong"}, grant_id=grant.id, token=token)[0] == 200


def left(desk: Desk, _grant: Grant) -> None:
    desk.configure(reviewers={"owners": ReviewerGroup(("corp.bob",))})


def suspended(desk: Desk, _grant: Grant) -> None:
    one = Suspension("s-1", SuspensionKind.HUMAN, "corp.alice", 1, "corp.olga", "leaked", issuer=minting.CORP)
    desk.system.store.suspensions = Suspensions("s-1", (one,))


def owner(desk: Desk, _grant: Grant) -> None:
    """Alice owns the agent now, so its request is hers."""
    corp = desk.system.config.issuers["corp"]
    owners = replace(corp, owners={"reader-agent": ("corp.alice",)})
    desk.configure(issuers=desk.system.config.issuers | {"corp": owners})


def more_needed(desk: Desk, _grant: Grant) -> None:
    desk.configure(reviewers={"owners": ReviewerGroup(("corp.alice", "corp.bob"), approvals=2)})


def other_role(desk: Desk, _grant: Grant) -> None:
    (target,) = desk.system.config.targets.values()
    desk.configure(targets={target.alias: replace(target, role_arn=f"{target.role_arn}-2")})


def other_content(desk: Desk, grant: Grant) -> None:
    desk.change(grant, votes=tuple(replace(each, content="0" * 64) for each in desk.stored(grant).votes))


def no_vote(desk: Desk, grant: Grant) -> None:
    """A grant says that it was approved, without a vote."""
    desk.change(grant, votes=())


def with_break_glass(desk: Desk, grant: Grant) -> None:
    use = BreakGlassUse(identity("corp.alice"), "down", grant.starts_at, grant.starts_at + DAY, ())
    desk.change(grant, break_glass=use)


def never_collected(desk: Desk, grant: Grant) -> None:
    desk.change(grant, unissued=True)


def rejected_since(desk: Desk, _grant: Grant) -> None:
    """A larger request, with the same action on the same object among others, was rejected."""
    _, body, _ = desk.ask(permissions=writes(f"{REPORTS}/2026/a", f"{REPORTS}/2028/a"))
    vote(ballot(desk.system.store.grants[body["grant"]["id"]], verdict=VoteVerdict.REJECT), desk.system.ports)


def rejected_without_it(desk: Desk, _grant: Grant) -> None:
    """A larger request was rejected, after a reviewer had left out what the approval is for."""
    desk.configure(reviewers={"owners": ReviewerGroup(("corp.alice", "corp.bob"), approvals=2)})
    _, body, _ = desk.ask(permissions=[*ASKED["permissions"], *writes(f"{REPORTS}/2028/a")])
    grant = desk.system.store.grants[body["grant"]["id"]]
    rest = NarrowedApproval((Permission(("s3:PutObject",), (f"{REPORTS}/2028/a",)),), grant.duration_seconds)
    less = vote(ballot(grant, "bob", narrowing=rest), desk.system.ports)
    vote(ballot(less, verdict=VoteVerdict.REJECT), desk.system.ports)
    desk.configure(reviewers={"owners": ReviewerGroup(("corp.alice", "corp.bob"))})


VOID: dict[str, tuple[Callable[[Desk, Grant], None], int]] = {
    "a person revoked it": (revoked, 202),
    "its voter left the group": (left, 202),
    "its voter is suspended": (suspended, 202),
    "its voter owns the agent": (owner, 202),
    "the group needs more approvals": (more_needed, 202),
    "the target has another role": (other_role, 202),
    "the vote was on something else": (other_content, 202),
    "it has no vote": (no_vote, 202),
    "break-glass replaced the reviewers": (with_break_glass, 202),
    "the agent never obtained it": (never_collected, 202),
    "people rejected a like request since": (rejected_since, 403),
    "people rejected a request for it, from which it was left out": (rejected_without_it, 403),
}


@pytest.mark.parametrize(("happens", "status"), VOID.values(), ids=VOID)
def test_rev_11_an_approval_counts_no_more(desk: Desk, happens: Callable[[Desk, Grant], None], status: int):
    happens(desk, desk.approved())
    answered, body, _ = desk.ask()
    assert answered == status, body


def test_rev_11_an_approval_counts_again_a_day_after_a_rejection(desk: Desk):
    first = desk.approved()
    rejected_since(desk, first)
    desk.system.now += DAY
    assert desk.ask()[0] == 201


def test_rev_11_the_grant_of_a_call_never_counts_for_requests():
    gateway = Gateway(
        POLICIES + '@id("open") permit (principal, action, resource) when { context.way == "gateway" && '
        '!context.call.hasTag("operation") && [true, false].contains(resource.wildcard) };'
    )
    assert gateway.post(DELETE, "k")[0] == 202
    child = next(each for each in gateway.system.store.grants.values() if each.call)
    assert not child.counts_again
    gateway.system.store.grants[child.id] = replace(child, counts_again=True)  # as if a fault had set it
    vote(ballot(gateway.system.store.grants[child.id]), gateway.system.ports)
    assert gateway.post(DELETE, "k")[0] == 200
    assert gateway.post(DELETE, "k-2")[0] == 202


def test_rev_11_a_grant_without_its_own_review_is_not_renewed_after_the_approved_grant_is_revoked(desk: Desk):
    first = desk.approved()
    desk.system.now -= 120  # the first grant is still active
    _, body, _ = desk.ask()
    again = body["grant"]["id"]
    assert desk.system.call(create_credentials, grant_id=again, token=desk.token())[0] == 200
    desk.system.now += 120
    revoked(desk, first)
    status, body, _ = desk.system.call(create_credentials, grant_id=again, token=desk.token())
    assert (status, body["code"]) == (403, "denied")


def revocation(desk: Desk, grant_id: str, name: str) -> int:
    """Return the status of a revocation by a person."""
    issuers = desk.system.config.issuers
    desk.configure(issuers=issuers | {"corp": replace(issuers["corp"], kind="human", human_issuer=None)})
    status, _, _ = desk.system.call(revoke_grant, {"reason": "wrong"}, grant_id=grant_id, token=desk.token(sub=name))
    desk.configure(issuers=issuers)
    return int(status)


def test_rev_11_a_reviewer_ends_the_approval_by_revoking_a_grant_that_it_allowed(desk: Desk):
    """The approved grant ended long ago. Without this, the agent gets the next grant at once."""
    desk.approved()
    desk.approved(permissions=writes(f"{REPORTS}/2028/a"))
    _, body, _ = desk.ask()
    again = body["grant"]["id"]
    assert revocation(desk, again, "mallory") == 403
    assert revocation(desk, again, "alice") == 200
    assert desk.ask()[0] == 202
    assert desk.ask(permissions=writes(f"{REPORTS}/2028/a"))[0] == 202


@pytest.mark.parametrize("state", ["expired", "released"])
def test_rev_11_a_reviewer_ends_the_approval_of_a_grant_that_has_ended(desk: Desk, state: str):
    first = desk.approved()
    if state == "released":
        desk.change(first, state=State.RELEASED, ending=GrantEnd(first.starts_at + 9, "corp.portal", ""))
    _, body, _ = desk.ask()
    again = body["grant"]["id"]
    assert revocation(desk, first.id, "mallory") == 403
    assert revocation(desk, first.id, "alice") == 200
    ended = desk.stored(first)
    assert (str(ended.state), ended.ending.by) == ("revoked", "corp.alice")
    assert desk.system.outcomes()[-1] == ("revocation", "revoked", "")
    assert desk.ask()[0] == 202
    status, answer, _ = desk.system.call(create_credentials, grant_id=again, token=desk.token())
    assert (status, answer["code"]) == (403, "denied")
    records = len(desk.system.store.links)
    assert revocation(desk, first.id, "alice") == 200
    assert len(desk.system.store.links) == records


def test_rev_11_the_page_of_a_grant_that_has_ended_offers_to_end_its_approval():
    config = with_staff(replace(configuration(POLICIES), reviewers={"owners": ReviewerGroup(("staff.alice",))}))
    pages = ReviewSystem(System(config=config))
    system, alice = pages.system, Browser(pages)
    alice.sign_in("alice")
    _, body, _ = system.call(create_grant, ASKED)
    grant_id = body["grant"]["id"]
    assert alice.decide(f"/reviews/{grant_id}", alice.first_form(grant_id)).status == 303
    assert system.call(create_credentials, grant_id=grant_id)[0] == 200
    assert "Revoke access" in alice.send("GET", f"/reviews/{grant_id}").text
    system.now = system.store.grants[grant_id].expires_at + 60
    page = alice.send("GET", f"/reviews/{grant_id}").text
    assert "Revoke approval" in page
    said = "It ends all earlier approvals of this agent for analytics-prod: what they allowed is reviewed again."
    assert f"you can revoke this approval. {said}" in page
    form = fields_of(page.partition('<form id="revoke"')[2]) | {"reason": "wrong"}
    assert alice.send("POST", f"/reviews/{grant_id}/revocation", form).status == 303
    assert "Revoke approval" not in alice.send("GET", f"/reviews/{grant_id}").text
    assert str(system.store.grants[grant_id].state) == "revoked"


def test_rev_11_nothing_else_that_has_ended_is_revoked(desk: Desk):
    first = desk.approved()
    late = first.starts_at + HISTORY_SECONDS
    ending = GrantEnd(late - 1, "corp.alice", "wrong")
    assert with_revoked_approval(first, ending).state is State.REVOKED
    assert with_revoked_approval(first, replace(ending, at=late)) is first
    for other in (
        replace(first, counts_again=False),
        replace(first, state=State.FAILED),
        replace(first, starts_at=None),
    ):
        assert with_revoked_approval(other, ending) is other
    open_still = replace(first, expires_at=late + 60)
    assert with_revoked_approval(open_still, ending) is open_still


def test_rev_11_an_approval_after_a_revocation_counts(desk: Desk):
    desk.approved()
    _, body, _ = desk.ask()
    assert revocation(desk, body["grant"]["id"], "alice") == 200
    desk.system.now += 1
    again = desk.approved()
    _, body, _ = desk.ask()
    assert [each["grant"] for each in body["grant"]["earlier_approvals"]] == [again.id]


@pytest.mark.parametrize(
    "named",
    [
        (SuspensionKind.AGENT, "corp.reader-agent", minting.CORP, ""),
        (SuspensionKind.ISSUER, "corp", minting.CORP, ""),
        (SuspensionKind.TARGET, "analytics-prod", "", ROLE_ARN),
    ],
    ids=lambda named: named[0],
)
def test_rev_11_a_lifted_suspension_ends_approvals_although_its_ends_were_never_written(desk: Desk, named: Any):
    """The function that suspended was stopped after its first write, and another operator lifted the suspension."""
    desk.approved()
    assert desk.ask()[0] == 201
    kind, name, issuer, role = named
    one = Suspension("s-1", kind, name, desk.system.now, "corp.olga", "leaked", issuer=issuer, role=role)
    desk.system.now += 60
    desk.system.store.suspensions = Suspensions("s-1", (one,)).with_lifted(one, "corp.olga", desk.system.now)
    desk.system.now += 1
    assert desk.ask()[0] == 202
    reconcile(desk.system.ports)
    assert desk.system.store.suspensions.entries[0].completed_at
    assert desk.ask(reason="weekly report")[0] == 202
    again = desk.approved(reason="yearly report")
    _, body, _ = desk.ask(reason="daily report")
    assert [each["grant"] for each in body["grant"]["earlier_approvals"]] == [again.id]


def test_rev_11_no_expiry_hides_that_a_suspension_ended_a_grant(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """The grant's time is over before the suspension's end is on record, because a run of the reconciler failed."""
    first = desk.approved()
    _, body, _ = desk.ask()
    second = desk.system.store.grants[body["grant"]["id"]]
    since = desk.system.now + 10
    one = Suspension(
        "s-1", SuspensionKind.AGENT, "corp.reader-agent", since, "corp.olga", "leaked", issuer=minting.CORP
    )
    desk.system.store.suspensions = Suspensions("s-1", (one,))
    desk.system.now = second.expires_at + EXPIRY_GRACE_SECONDS + 1

    def fails(*_: Any, **__: Any) -> Any:
        raise Problem("unavailable", "The store did not answer.", "Try again in a moment.")

    with monkeypatch.context() as failing:
        failing.setattr(reconciler, "end_suspended_grants", fails)
        with pytest.raises(RuntimeError):
            reconcile(desk.system.ports)
    reconcile(desk.system.ports)
    (completed,) = desk.system.store.suspensions.entries
    assert completed.completed_at
    desk.system.store.suspensions = desk.system.store.suspensions.with_lifted(completed, "corp.olga", desk.system.now)
    desk.system.now += 1
    assert (desk.stored(first).state, desk.stored(second).state) == (State.EXPIRED, State.REVOKED)
    assert desk.ask()[0] == 202


@pytest.mark.parametrize("way", ["expires", "fails"])
def test_rev_11_no_end_of_a_review_hides_that_a_suspension_ended_the_request(desk: Desk, way: str):
    """The review ends before the suspension's end is on record."""
    desk.approved()
    _, body, _ = desk.ask(permissions=writes(f"{REPORTS}/2028/a"))
    pending = desk.system.store.grants[body["grant"]["id"]]
    since = pending.expires_at - 10
    one = Suspension(
        "s-1", SuspensionKind.AGENT, "corp.reader-agent", since, "corp.olga", "leaked", issuer=minting.CORP
    )
    desk.system.store.suspensions = Suspensions("s-1", (one,))
    if way == "expires":
        desk.system.now = pending.expires_at + 1
        ended = check_schedule({"grant_id": pending.id, "since": 0}, desk.system.ports)
        assert ended["due"] == "decided"
    else:
        desk.system.now = since + 1
        give_up({"grant_id": pending.id, "error": "States.Timeout"}, desk.system.ports)
    reconcile(desk.system.ports)
    (completed,) = desk.system.store.suspensions.entries
    desk.system.store.suspensions = desk.system.store.suspensions.with_lifted(completed, "corp.olga", desk.system.now)
    desk.system.now += 1
    assert desk.stored(pending).state is State.REVOKED
    assert desk.ask()[0] == 202


def test_rev_11_a_suspension_that_ended_no_such_grant_ends_no_approval(desk: Desk):
    desk.approved()
    one = Suspension("s-1", SuspensionKind.AGENT, "corp.reader-agent", desk.system.now, "corp.olga", "leaked")
    desk.system.now += 60
    desk.system.store.suspensions = Suspensions("s-1", (one,)).with_lifted(one, "corp.olga", desk.system.now)
    reconcile(desk.system.ports)
    assert desk.ask()[0] == 201


def test_rev_11_a_grant_without_its_own_review_is_renewed_after_the_30_days(desk: Desk):
    first = desk.approved()
    desk.system.now = first.starts_at + HISTORY_SECONDS - 1
    _, body, _ = desk.ask()
    desk.system.now += 300
    assert desk.system.call(create_credentials, grant_id=body["grant"]["id"], token=desk.token())[0] == 200


def test_rev_11_the_calls_of_a_grant_without_its_own_review_need_no_review_until_the_approved_grant_is_revoked():
    gateway = Gateway(
        f"""
@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource);
@id("change") @approval("owners") permit (principal, action in Jitney::Action::"Mutating", resource)
when {{ {NOW} || {BEFORE} }};
""",
        permissions=writes(f"{REPORTS}/2026/a", actions=("s3:GetObject",)),
    )
    system = gateway.system
    body = ASKED | {"permissions": writes(f"{REPORTS}/2026/a"), "way": "gateway"}
    _, waiting, _ = system.call(create_grant, body)
    first = system.store.grants[waiting["grant"]["id"]]
    vote(ballot(first), system.ports)
    status, answer, _ = system.call(create_grant, body)
    assert status == 201
    gateway.grant_id = answer["grant"]["id"]
    assert gateway.post(PUT)[0] == 200
    token = minting.token(sub="carol", groups=["security"])
    assert system.call(revoke_grant, {"reason": "wrong"}, grant_id=first.id, token=token)[0] == 200
    assert gateway.post(PUT)[0] == 202


def test_rev_11_a_call_with_its_request_needs_no_second_review():
    gateway = Gateway(
        POLICIES + '@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource);',
        permissions=writes(f"{REPORTS}/2026/a", actions=("s3:GetObject",)),
    )
    system = gateway.system

    def call(key: str) -> tuple[int, dict[str, Any]]:
        body = {"target": "analytics-prod", "reason": "monthly report", **PUT}
        return system.call(create_call, body, idempotency_key=key)[:2]

    status, waiting = call("k-1")
    assert status == 202, waiting
    first = vote(ballot(system.store.grants[waiting["grant"]["id"]]), system.ports)
    assert call("k-1")[0] == 200
    system.now = first.expires_at + 60
    status, made = system.call(
        create_call,
        {"target": "analytics-prod", "reason": "monthly report", **PUT},
        token=minting.token(iat=system.now, exp=system.now + 300),
        idempotency_key="k-2",
    )[:2]
    assert status == 200, made
    again = system.store.grants[made["grant_id"]]
    assert [each.grant_id for each in again.earlier_approvals] == [first.id]


def test_rev_11_a_dry_run_says_that_no_review_is_needed(desk: Desk):
    assert desk.ask(preview_decision)[1]["effect"] == "review"
    desk.approved()
    assert desk.ask(preview_decision)[1]["effect"] == "allow"


def with_two_groups() -> tuple[Desk, Grant, Grant]:
    """Owners and security approved. Then the member of security changed, so only security has to approve again."""
    both = f"""@id("all") permit (principal, action, resource) when {{ [true, false].contains(resource.wildcard) }};
    @id("first") forbid (principal, action, resource) unless {{ {NOW} || {BEFORE} }};
    @id("second") forbid (principal, action, resource)
    unless {{ context.approvals.contains("security") || context.earlierApprovals.contains("security") }};"""
    desk = Desk(both)
    desk.configure(reviewers={"owners": ReviewerGroup(("corp.alice",)), "security": ReviewerGroup(("corp.bob",))})
    _, body, _ = desk.ask()
    grant = desk.system.store.grants[body["grant"]["id"]]
    vote(ballot(grant), desk.system.ports)
    vote(ballot(grant, "bob"), desk.system.ports)
    assert desk.system.call(create_credentials, grant_id=grant.id, token=desk.token())[0] == 200
    desk.configure(reviewers={"owners": ReviewerGroup(("corp.alice",)), "security": ReviewerGroup(("corp.dan",))})
    desk.system.now += 700
    _, body, _ = desk.ask()
    return desk, grant, desk.system.store.grants[body["grant"]["id"]]


def test_rev_11_a_restarted_review_shows_no_approval_that_stopped_counting():
    desk, _, again = with_two_groups()
    assert again.earlier_approvals
    desk.configure(reviewers={"owners": ReviewerGroup(("corp.erin",)), "security": ReviewerGroup(("corp.dan",))})
    with pytest.raises(Problem, match="review_changed"):
        vote(ballot(again, "dan"), desk.system.ports)
    restarted = desk.stored(again)
    assert (restarted.reviews, restarted.earlier_approvals) == ((("owners", "security"),), ())


def other_is_revoked(desk: Desk, other: Grant) -> None:
    vote(ballot(other, "dan"), desk.system.ports)
    vote(ballot(desk.stored(other)), desk.system.ports)
    assert revocation(desk, other.id, "alice") == 200


def other_is_rejected(desk: Desk, other: Grant) -> None:
    vote(ballot(other, verdict=VoteVerdict.REJECT, comment="no"), desk.system.ports)


@pytest.mark.parametrize("ended", [other_is_revoked, other_is_rejected])
def test_rev_11_earlier_approvals_that_end_during_a_review_do_not_count_in_it(ended: Callable[[Desk, Grant], None]):
    """Security reviews the request, because owners approved the same before. Then owners end that approval."""
    desk, _, again = with_two_groups()
    more = [*ASKED["permissions"], *writes(f"{REPORTS}/2028/a")]
    _, body, _ = desk.ask(permissions=more)
    other = desk.system.store.grants[body["grant"]["id"]]
    assert (other.reviews, other.earlier_approvals) == ((("owners", "security"),), ())
    desk.system.now += 1
    ended(desk, other)
    desk.system.now += 1
    with pytest.raises(Problem, match="review_changed"):
        vote(ballot(again, "dan"), desk.system.ports)
    restarted = desk.stored(again)
    assert (restarted.reviews, restarted.earlier_approvals) == ((("owners", "security"),), ())


def test_rev_11_a_vote_sees_the_earlier_approvals_of_the_request():
    desk, grant, again = with_two_groups()
    assert (again.reviews, [each.groups for each in again.earlier_approvals]) == ((("security",),), [("owners",)])
    said = dict(wording.detail_facts(build_sheet(again, desk.system.ports)))
    assert said["Approved before"].startswith("by owners at ")
    assert said["Approved before"].endswith(f", request {grant.id}")
    review = under_review(again, desk.system.ports, desk.system.store.suspensions)
    assert str(decision_on(review, ("security",), desk.system.ports).effect) == "allow"
    assert str(vote(ballot(again, "dan"), desk.system.ports).state) == "active"
    assert desk.system.call(create_credentials, grant_id=again.id, token=desk.token())[0] == 200


def test_rev_11_a_failing_store_is_no_approval(desk: Desk):
    desk.approved()

    def fails(*_: Any) -> Any:
        raise Problem("unavailable", "The store did not answer.", "Try again in a moment.")

    desk.system.store.counting_approvals = fails  # type: ignore[method-assign]
    assert desk.ask()[0] == 503
