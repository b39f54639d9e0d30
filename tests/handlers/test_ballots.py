"""Votes with the handlers as they are over in-memory adapters: written with their records, and what they lead to."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.access.request import Permission
from jitney.core.config import Policies, ReviewerGroup
from jitney.core.identity.authenticate import authenticate
from jitney.core.identity.principal import Principal
from jitney.core.issuer_config import ClaimRules
from jitney.core.problems import Problem
from jitney.core.quotas import NARROWINGS_PER_HOUR
from jitney.core.records.audit import Origin
from jitney.core.review.content import content_hash
from jitney.core.review.selection import NarrowedApproval, narrowed_approval
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grants import create_grant
from jitney.handlers.review.ballots import Ballot, covered_by
from tests.core.identity import minting
from tests.handlers.conftest import POLICIES, REQUEST_BODY, WRITE, System, configuration, policies_of
from tests.handlers.seen_votes import vote
from tests.identities import identity

TWO = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/a", "arn:aws:s3:::reports/b"]}]


@pytest.fixture
def system() -> System:
    config, groups = configuration(), {"owners": ReviewerGroup(("corp.alice", "corp.bob", "corp.reader-agent"))}
    return System(config=replace(config, reviewers=groups, limits=replace(config.limits, reviews_per_hour=1000)))


def pending(system: System, permissions: Any = WRITE, **members: Any) -> Grant:
    status, body, _ = system.call(create_grant, REQUEST_BODY | {"permissions": permissions} | members)
    assert status == 202
    return system.store.grants[body["grant"]["id"]]


def person(name: str, issuer: str = "corp") -> Principal:
    url = identity(f"{issuer}.{name}").issuer
    return Principal(url, issuer, name, "human", frozenset(), name, f"{issuer}.{name}", f"{issuer}.{name}")


def ballot(grant: Grant, name: str = "alice", verdict: VoteVerdict = VoteVerdict.APPROVE, **more: Any) -> Ballot:
    given = {"comment": "fine", "via": "web", "origin": Origin("192.0.2.7", "req-9"), "content": content_hash(grant)}
    return Ballot(grant_id=grant.id, voter=person(name), verdict=verdict, **given | more)


def refused(system: System, given: Ballot) -> str:
    with pytest.raises(Problem) as refusal:
        vote(given, system.ports)
    return refusal.value.code


def test_rev_03_an_approval_of_an_unknown_request_covers_nothing(system: System):
    unknown = replace(pending(system), id="g-zzzzzzzzzzzzzz")
    with pytest.raises(Problem, match="grant_not_found"):
        covered_by(ballot(unknown), system.ports)
    assert refused(system, ballot(unknown)) == "grant_not_found"


def test_rev_03_a_request_of_a_removed_issuer_is_not_decided(system: System):
    grant = pending(system)
    people = {"people": system.config.issuers["people"]}
    groups = {"owners": ReviewerGroup(("people.alice",))}
    system.ports.config = replace(system.ports.config, issuers=people, reviewers=groups)
    assert refused(system, replace(ballot(grant), voter=person("alice", "people"))) == "review_ended"
    assert system.store.grants[grant.id] == grant


def test_rev_03_a_request_by_an_entry_that_is_another_issuers_now_is_not_decided(system: System):
    """The second entry of an issuer. Its agents are named by the first one, so their names stay the same."""
    corp = system.ports.config.issuers["corp"]
    second = replace(corp, name="second")
    grant = replace(pending(system), issuer_name="second")
    system.store.grants[grant.id] = grant
    other = replace(second, issuer="https://idp.other.example.com", kind="human")
    system.ports.config = replace(system.ports.config, issuers={"corp": corp, "second": other})
    assert refused(system, ballot(grant)) == "review_ended"
    system.ports.config = replace(system.ports.config, issuers={"corp": corp, "second": second})
    assert vote(ballot(grant), system.ports).state is State.ACTIVE


def test_rev_07_narrowed_approvals_of_a_request_are_bounded(system: System):
    """Each one notifies the reviewers. Shorter by a second is a narrowed approval."""
    two = ReviewerGroup(("corp.alice", "corp.bob"), approvals=2)
    system.ports.config = replace(system.ports.config, reviewers={"owners": two})
    grant = pending(system)
    codes, waits = [], set()
    for shorter in range(1, 2 * NARROWINGS_PER_HOUR):
        seen = system.store.grants[grant.id]
        narrowing = NarrowedApproval(seen.permissions, 300 - shorter)
        try:
            vote(ballot(seen, narrowing=narrowing), system.ports)
            codes.append("")
        except Problem as problem:
            codes.append(problem.code)
            waits.add(problem.headers["Retry-After"])
    assert waits == {str(3600 - system.now % 3600)}
    assert codes == [""] * NARROWINGS_PER_HOUR + ["rate_limited"] * (NARROWINGS_PER_HOUR - 1)
    assert system.store.grants[grant.id].duration_seconds == 300 - NARROWINGS_PER_HOUR
    assert len(system.reviews.resumed) == NARROWINGS_PER_HOUR
    seen = system.store.grants[grant.id]
    vote(ballot(seen, "alice"), system.ports)
    assert vote(ballot(seen, "bob"), system.ports).state is State.ACTIVE


def test_pol_01_policy_decides_at_the_first_of_two_approvals_too(system: System):
    """Otherwise the next reviewer would read and approve what policy denies already."""
    two = ReviewerGroup(("corp.alice", "corp.bob"), approvals=2)
    system.ports.config = replace(system.ports.config, reviewers={"owners": two})
    grant, other = pending(system), pending(system, TWO)
    assert vote(ballot(other), system.ports).state is State.PENDING
    forbidding = replace(configuration().policies, text=f'{POLICIES}@id("stop") forbid (principal, action, resource);')
    system.ports.policies = policies_of(forbidding)
    assert vote(ballot(grant), system.ports).state is State.FAILED
    assert (system.outcomes()[-1], system.reviews.resumed) == (("vote", "approved", "denied"), [grant.id])
    assert vote(ballot(other, verdict=VoteVerdict.REJECT), system.ports).state is State.REJECTED


REPORTS = [f"arn:aws:s3:::reports/2026/department-{number:02d}/a-quarterly-report.csv" for number in range(14)]
CHANGES = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject", "s3:RestoreObject")


def unequal_part(resources: list[str]) -> tuple[Permission, ...]:
    """Return a part of `CHANGES` on up to 15 resources, another part on each."""
    return tuple(
        Permission(tuple(name for place, name in enumerate(CHANGES) if number >> place & 1), (arn,))
        for number, arn in enumerate(resources, 1)
    )


@pytest.mark.parametrize("way", ["credentials", "gateway"])
def test_sts_10_a_selection_that_no_session_policy_can_hold_is_refused_before_it_counts(system: System, way: str):
    """The whole request fits, because all actions share their resources. A part of it would be a dead grant."""
    grant = pending(system, [{"actions": [*CHANGES], "resources": REPORTS}], way=way)
    chosen = ballot(grant, narrowing=NarrowedApproval(unequal_part(REPORTS), 300))
    assert refused(system, chosen) == "policy_too_large"
    assert system.store.grants[grant.id] == grant
    equal = (Permission(CHANGES[:2], tuple(REPORTS[1:])),)
    assert vote(replace(chosen, narrowing=NarrowedApproval(equal, 300)), system.ports).state is State.ACTIVE
    if way == "credentials":
        assert system.call(create_credentials, grant_id=grant.id)[0] == 200


@pytest.mark.parametrize("bound", [True, False])
def test_sts_10_the_size_of_a_selection_counts_the_longest_address_of_an_agent(system: System, bound: bool):
    target = replace(system.ports.config.targets["analytics-prod"], bind_to_caller=bound)
    system.ports.config = replace(system.ports.config, targets={"analytics-prod": target})
    grant = pending(system, [{"actions": [*CHANGES], "resources": REPORTS[:13]}])
    chosen = ballot(grant, narrowing=NarrowedApproval(unequal_part(REPORTS[:13]), 300))
    if bound:
        assert refused(system, chosen) == "policy_too_large"
    else:
        assert vote(chosen, system.ports).state is State.ACTIVE


def test_id_05_a_flood_of_refused_votes_is_no_flood_of_writes(system: System):
    grant = pending(system)
    before = len(system.records())
    for _ in range(100):
        assert refused(system, ballot(grant, "stranger")) == "not_reviewer"
    records = system.records()[before:]
    assert len(records) <= 7
    assert {(each["event"], each["outcome"], each["principal"]) for each in records} == {
        ("vote", "refused", "corp.stranger")
    }
    assert {each["detail"] for each in records} == {json.dumps({"grant": grant.id}, separators=(",", ":"))}
    assert sum(each["count"] for each in records) >= 64


def test_rev_04_an_approval_makes_the_grant_active_for_its_whole_duration(system: System):
    grant = pending(system)
    system.now += 600
    approved = vote(ballot(grant), system.ports)
    assert (approved.state, approved.starts_at, approved.expires_at) == (State.ACTIVE, system.now, system.now + 300)
    assert system.reviews.resumed == [grant.id]
    token = minting.token(iat=system.now, exp=system.now + 300)
    assert system.call(create_credentials, grant_id=grant.id, token=token)[0] == 200


def test_aud_01_each_vote_is_on_record_with_who_what_and_from_where(system: System):
    grant = pending(system)
    vote(ballot(grant), system.ports)
    record = system.records()[-1]
    assert (record["event"], record["outcome"], record["grant_id"]) == ("vote", "approved", grant.id)
    assert (record["source_ip"], record["policies"]) == ("192.0.2.7", ["write"])
    assert '"by":"corp.alice"' in record["detail"]
    assert record["prev"] == system.records()[-2]["hash"]


def test_aud_01_only_the_vote_that_decides_records_how_long_the_request_waited(system: System):
    two = ReviewerGroup(("corp.alice", "corp.bob"), approvals=2)
    system.ports.config = replace(system.ports.config, reviewers={"owners": two})
    grant = pending(system)
    for name in ("alice", "bob"):
        system.now += 60
        vote(ballot(grant, name), system.ports)
    waited = [json.loads(each["detail"]).get("waited_seconds") for each in system.records()[-2:]]
    assert waited == [None, system.now - grant.created_at]


def test_rev_06_a_rejection_ends_it_and_the_agent_sees_why(system: System):
    grant = pending(system)
    assert vote(ballot(grant, verdict=VoteVerdict.REJECT, comment="not today"), system.ports).state is State.REJECTED
    status, body, _ = system.call(create_credentials, grant_id=grant.id)
    assert (status, body["code"]) == (410, "grant_rejected")
    assert body["grant"]["votes"][0]["comment"] == "not today"
    assert body["detail"] == f"Grant {grant.id} was rejected by corp.alice: not today."
    assert body["fix"] == "Request less, or talk to corp.alice; then make a new request."


@pytest.mark.parametrize(
    "forged",
    [
        lambda grant: replace(grant, votes=()),
        lambda grant: replace(grant, permissions=(Permission(("s3:PutObject",), ("arn:aws:s3:::reports/other",)),)),
        lambda grant: replace(grant, duration_seconds=grant.duration_seconds + 1),
        lambda grant: replace(grant, approvals=()),
        lambda grant: replace(grant, votes=tuple(replace(each, human=grant.agent) for each in grant.votes)),
    ],
    ids=["no vote", "other permissions", "longer", "no approval", "its own"],
)
def test_rev_03_what_is_issued_is_what_the_votes_that_stand_have_approved(system: System, forged: Any):
    """Approvals count for the hash of the grant as it is when credentials are issued."""
    grant = vote(ballot(pending(system)), system.ports)
    assert system.call(create_credentials, grant_id=grant.id)[0] == 200
    current = system.store.grants[grant.id]
    system.store.grants[grant.id] = forged(current)
    asked = len(system.sessions.asked)
    status, body, _ = system.call(create_credentials, grant_id=grant.id)
    assert (status, body["code"], len(system.sessions.asked)) == (403, "denied", asked)
    assert system.outcomes()[-1] == ("issue", "denied", "denied")
    system.store.grants[grant.id] = replace(current, records=system.store.grants[grant.id].records)
    assert system.call(create_credentials, grant_id=grant.id)[0] == 200


def test_rev_05_no_requester_approves_their_own_request(system: System):
    grant = pending(system)
    assert refused(system, ballot(grant, "reader-agent")) == "own_request"
    assert system.store.grants[grant.id].state is State.PENDING
    assert system.outcomes()[-1] == ("vote", "refused", "own_request")


def test_rev_05_a_person_cannot_approve_what_an_agent_asks_on_their_behalf(system: System):
    """The agent's token names the person as its own issuer does; the person signs in at another issuer."""
    members = ("people.alice", "people.bob")
    system.ports.config = replace(system.config, reviewers={"owners": ReviewerGroup(members)})
    token = minting.token(act={"sub": "alice"})
    _, body, _ = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE}, token=token)
    grant = system.store.grants[body["grant"]["id"]]
    signed_in = authenticate(
        f"Bearer {minting.token(iss=minting.PEOPLE, sub='alice', client_id='web')}",
        system.config,
        system.ports.keys,
        system.now,
    ).principal
    assert refused(system, replace(ballot(grant), voter=signed_in)) == "own_request"
    assert vote(replace(ballot(grant), voter=person("bob", "people")), system.ports).state is State.ACTIVE


def test_id_10_the_owner_of_an_agent_whose_token_names_no_human_cannot_approve_what_it_asks(system: System):
    issuers = dict(system.config.issuers)
    issuers["corp"] = replace(issuers["corp"], owners={"reader-agent": ("people.alice",)})
    members = ("people.alice", "people.bob")
    system.ports.config = replace(system.config, issuers=issuers, reviewers={"owners": ReviewerGroup(members)})
    grant = pending(system)
    assert (grant.human, grant.agent_owners) == (None, (identity("people.alice"),))
    assert refused(system, replace(ballot(grant), voter=person("alice", "people"))) == "own_request"
    assert vote(replace(ballot(grant), voter=person("bob", "people")), system.ports).state is State.ACTIVE
    assert system.call(create_credentials, grant_id=grant.id)[0] == 200


def own_the_agent(system: System, *people: str) -> None:
    """From now on these people own the agent that asks."""
    issuers = dict(system.ports.config.issuers)
    issuers["corp"] = replace(issuers["corp"], owners={"reader-agent": people})
    system.ports.config = replace(system.ports.config, issuers=issuers)


def test_id_10_who_becomes_an_owner_while_a_request_waits_cannot_approve_it(system: System):
    grant = pending(system)
    own_the_agent(system, "corp.alice")
    assert refused(system, ballot(grant)) == "own_request"
    # Reviewers notified earlier saw the same request.
    assert vote(ballot(grant, "bob"), system.ports).state is State.ACTIVE
    assert system.call(create_credentials, grant_id=grant.id)[0] == 200


def test_id_10_who_owned_the_agent_when_it_asked_stays_without_a_vote(system: System):
    own_the_agent(system, "corp.alice")
    grant = pending(system)
    own_the_agent(system, "corp.bob")
    assert [refused(system, ballot(grant, name)) for name in ("alice", "bob")] == ["own_request", "own_request"]


def test_id_10_a_present_owners_vote_issues_nothing(system: System):
    grant = pending(system)
    assert vote(ballot(grant), system.ports).state is State.ACTIVE
    own_the_agent(system, "corp.alice")
    status, body, _ = system.call(create_credentials, grant_id=grant.id)
    assert (status, body["code"]) == (403, "denied")
    own_the_agent(system, "corp.bob")
    assert system.call(create_credentials, grant_id=grant.id)[0] == 200


def test_id_10_a_present_owners_vote_no_longer_counts(system: System):
    two = ReviewerGroup(("corp.alice", "corp.bob", "corp.carol"), approvals=2)
    system.ports.config = replace(system.config, reviewers={"owners": two})
    grant = pending(system)
    vote(ballot(grant), system.ports)
    own_the_agent(system, "corp.alice")
    assert vote(ballot(grant, "bob"), system.ports).state is State.PENDING
    assert vote(ballot(grant, "carol"), system.ports).state is State.ACTIVE


def test_rev_05_who_is_agent_and_person_at_one_issuer_cannot_approve_their_own_request(system: System):
    """One identity provider for both: a token of alice's for the agents' audience asks, and alice signs in."""
    issuers = dict(system.config.issuers)
    issuers["staff"] = replace(
        issuers["corp"], name="staff", audiences=("web",), kind="human", human_claim="", human_issuer=None
    )
    groups = {"owners": ReviewerGroup(("corp.alice", "corp.bob"))}
    system.ports.config = replace(system.config, issuers=issuers, reviewers=groups)
    _, body, _ = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE}, token=minting.token(sub="alice"))
    grant = system.store.grants[body["grant"]["id"]]

    def signed_in(name: str) -> Principal:
        text = minting.token(sub=name, aud="web")
        return authenticate(f"Bearer {text}", system.ports.config, system.ports.keys, system.now).principal

    assert signed_in("alice").kind == "human"
    assert refused(system, replace(ballot(grant), voter=signed_in("alice"))) == "own_request"
    assert vote(replace(ballot(grant), voter=signed_in("bob")), system.ports).state is State.ACTIVE


def test_rev_07_less_is_what_the_agent_then_gets(system: System):
    grant = pending(system, TWO)
    less = NarrowedApproval((Permission(("s3:PutObject",), ("arn:aws:s3:::reports/a",)),), 60)
    approved = vote(ballot(grant, narrowing=less), system.ports)
    assert (approved.state, approved.expires_at) == (State.ACTIVE, system.now + 60)
    status, body, _ = system.call(create_credentials, grant_id=grant.id)
    assert (status, body["grant"]["permissions"][0]["resources"]) == (200, ["arn:aws:s3:::reports/a"])
    assert "reports/b" not in system.sessions.asked[-1].policy.text


def test_rev_07_more_is_refused_and_on_record(system: System):
    grant = pending(system)
    less = NarrowedApproval((Permission(("s3:PutObject",), ("arn:aws:s3:::reports/*",)),), 60)
    assert refused(system, ballot(grant, narrowing=less)) == "not_narrower"
    assert system.outcomes()[-1] == ("vote", "refused", "not_narrower")


@pytest.mark.parametrize("seconds", ["", "abc", "0", "-5", "1.5", "٣", "9" * 10])
def test_rev_07_a_duration_that_is_no_number_is_refused_as_that(system: System, seconds: str):
    grant = pending(system)
    with pytest.raises(Problem) as refusal:
        vote(
            ballot(grant, narrowing=narrowed_approval(grant, grant.permissions, seconds, this_time_only=False)),
            system.ports,
        )
    assert refusal.value.code == "not_narrower"
    assert refusal.value.detail == "The duration is not a whole number of seconds from 1 to 300."


def test_rev_07_as_long_as_was_asked_is_no_more_than_was_asked(system: System):
    grant = pending(system)
    assert narrowed_approval(grant, grant.permissions, "300", this_time_only=False) is None
    with pytest.raises(Problem) as refusal:
        vote(
            ballot(grant, narrowing=narrowed_approval(grant, grant.permissions, "301", this_time_only=False)),
            system.ports,
        )
    assert (refusal.value.code, refusal.value.detail) == ("not_narrower", "This is more than was requested.")
    assert "at most 300 s" in refusal.value.fix


def test_rev_04_a_double_click_is_one_vote(system: System):
    grant = pending(system, TWO)
    less = NarrowedApproval((Permission(("s3:PutObject",), ("arn:aws:s3:::reports/a",)),), 60)
    first = vote(ballot(grant, narrowing=less), system.ports)
    assert vote(ballot(grant, narrowing=less), system.ports) == first
    assert [event for event, _, _ in system.outcomes()].count("vote") == 1


def test_pol_01_a_policy_that_forbids_since_is_checked_at_the_vote(system: System):
    grant = pending(system)
    policies = POLICIES + '@id("frozen") forbid (principal, action == Jitney::Action::"Write", resource);'
    later = System(config=replace(configuration(policies), reviewers=system.config.reviewers), store=system.store)
    assert vote(ballot(grant), later.ports).state is State.FAILED
    record = later.records()[-1]
    assert (record["event"], record["code"], record["policies"]) == ("vote", "denied", ["frozen"])


PUSHED = """@id("pushed") forbid (principal, action == Jitney::Action::"Write", resource)
unless { principal.hasTag("event") && principal.getTag("event").string == "push" };"""


def test_id_11_policies_see_the_claims_of_the_request_again_at_the_vote(system: System):
    visible = configuration(POLICIES + PUSHED)
    corp = replace(visible.issuers["corp"], claims=ClaimRules(tags={"event": "string"}))
    issuers = {**visible.issuers, "corp": corp}
    system = System(config=replace(visible, issuers=issuers, reviewers=system.config.reviewers))
    asked = REQUEST_BODY | {"permissions": WRITE}

    assert system.call(create_grant, asked, token=minting.token(event="issue_comment"))[0] == 403
    status, body, _ = system.call(create_grant, asked, token=minting.token(event="push"))
    assert status == 202
    grant = system.store.grants[body["grant"]["id"]]
    assert vote(ballot(grant), system.ports).state is State.ACTIVE


LEGAL = """@id("law") @approval("legal") forbid (principal, action == Jitney::Action::"Write", resource)
unless { context.approvals.contains("legal") };"""


def with_legal(system: System, policies: str = POLICIES + LEGAL) -> None:
    """From now on policy wants the approval of legal, too."""
    groups = {**system.config.reviewers, "legal": ReviewerGroup(("corp.lea",))}
    changed = Policies(policies, system.config.policies.schema, "v2")
    system.ports.config = replace(system.ports.config, reviewers=groups, policies=changed)
    system.ports.policies = policies_of(changed)


def test_rev_03_a_review_restarts_when_policy_needs_other_reviewers(system: System):
    grant = pending(system)
    with_legal(system)
    assert refused(system, ballot(grant)) == "review_changed"
    again = system.store.grants[grant.id]
    assert (again.state, again.reviews, again.policy_version) == (State.PENDING, (("legal", "owners"),), "v2")
    assert (again.votes, again.approvals, again.review_restarted_at) == ((), (), system.now)
    assert system.reviews.resumed == [grant.id]  # which notifies the reviewers
    # The same request joins the pending one. A reviewer who saw the old version has to read it again.
    _, body, _ = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})
    assert (body["grant"]["id"], body["review"]["any_of"]) == (grant.id, [["legal", "owners"]])
    assert refused(system, ballot(grant)) == "review_changed"
    assert vote(ballot(again, "lea"), system.ports).state is State.PENDING
    assert vote(ballot(again), system.ports).state is State.ACTIVE
    assert system.call(create_credentials, grant_id=grant.id)[0] == 200


def test_rev_06_the_time_of_an_escalation_counts_from_the_restart_of_the_review(system: System):
    """The first review did not ask legal. So legal has its whole time before dora may approve for it."""
    grant = pending(system)
    with_legal(system)
    legal = ReviewerGroup(("corp.lea",), escalates_to="chiefs", escalates_after_seconds=900)
    groups = {**system.ports.config.reviewers, "legal": legal, "chiefs": ReviewerGroup(("corp.dora",))}
    system.ports.config = replace(system.ports.config, reviewers=groups)
    system.now += 1000
    assert refused(system, ballot(grant)) == "review_changed"
    again = system.store.grants[grant.id]
    system.now += 899
    assert refused(system, ballot(again, "dora")) == "not_reviewer"
    system.now += 1
    assert vote(ballot(again, "dora"), system.ports).approvals == ("legal",)


def test_rev_07_a_narrowed_request_is_notified_to_the_other_reviewers(system: System):
    two = {"owners": ReviewerGroup(("corp.alice", "corp.bob", "corp.carol"), approvals=2)}
    system.ports.config = replace(system.config, reviewers=two)
    grant = pending(system)
    assert vote(ballot(grant, "carol"), system.ports).narrowed_at is None
    assert system.reviews.resumed == []
    system.now += 60
    less = vote(ballot(grant, narrowing=NarrowedApproval(grant.permissions, 60)), system.ports)
    assert (less.state, less.duration_seconds, less.narrowed_at) == (State.PENDING, 60, system.now)
    assert system.reviews.resumed == [grant.id]
    system.now += 60
    even = vote(ballot(less, "bob", narrowing=NarrowedApproval(grant.permissions, 30)), system.ports)
    assert (even.state, even.narrowed_at) == (State.PENDING, system.now)
    assert vote(ballot(even, "alice"), system.ports).state is State.ACTIVE


def test_aud_01_a_vote_that_found_policies_changed_is_on_record_for_what_was_shown(system: System):
    grant = pending(system)
    with_legal(system)
    refused(system, ballot(grant))
    record = system.records()[-1]
    recorded = (record["event"], record["outcome"], record["code"], record["policy_version"])
    assert recorded == ("vote", "approved", "review_changed", "v2")
    detail = json.loads(record["detail"])
    assert (detail["content"], detail["review_restarted"]) == (content_hash(grant), [["legal", "owners"]])
    assert record["prev"] == system.records()[-2]["hash"]


def test_rev_03_an_earlier_vote_does_not_count_in_a_restarted_review(system: System):
    owners = ReviewerGroup(("corp.alice", "corp.bob"), approvals=2)
    system.ports.config = replace(system.config, reviewers={"owners": owners})
    grant = pending(system)
    vote(ballot(grant, "bob"), system.ports)
    with_legal(system)
    system.ports.config = replace(system.ports.config, reviewers={**system.ports.config.reviewers, "owners": owners})
    assert refused(system, ballot(grant)) == "review_changed"
    again = system.store.grants[grant.id]
    states = [vote(ballot(again, name), system.ports).state for name in ("lea", "alice", "bob")]
    assert states == [State.PENDING, State.PENDING, State.ACTIVE]


def test_rev_13_a_workflow_that_cannot_be_resumed_holds_nothing_up(system: System):
    grant = pending(system)
    system.reviews.problem = Problem("unavailable", "", "")
    assert vote(ballot(grant), system.ports).state is State.ACTIVE


def test_rev_13_a_repeated_vote_resumes_the_workflow_that_the_first_one_did_not(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    """The first vote was written, but its function saw no answer of the store."""
    grant, save = pending(system), system.store.save

    def lost(*arguments: Any, **more: Any) -> None:
        save(*arguments, **more)
        raise Problem("unavailable", "The store did not answer.", "Try again.")

    with monkeypatch.context() as failing:
        failing.setattr(system.store, "save", lost)
        assert refused(system, ballot(grant)) == "unavailable"
    assert (system.store.grants[grant.id].state, system.reviews.resumed) == (State.ACTIVE, [])
    assert vote(ballot(grant), system.ports).state is State.ACTIVE
    assert system.reviews.resumed == [grant.id]
    assert [each["event"] for each in system.records()].count("vote") == 1


def test_pol_14_a_request_longer_than_its_target_now_allows_passes_for_a_shorter_duration_only(system: System):
    whole, shorter = pending(system), pending(system, reason="another")
    target = replace(system.ports.config.targets["analytics-prod"], max_duration_seconds=whole.duration_seconds - 1)
    system.ports.config = replace(system.ports.config, targets={"analytics-prod": target})
    less = narrowed_approval(shorter, shorter.permissions, "60", this_time_only=False)
    approved = vote(ballot(shorter, narrowing=less), system.ports)
    assert (vote(ballot(whole), system.ports).state, approved.state) == (State.FAILED, State.ACTIVE)
