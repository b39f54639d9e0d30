"""The review of one call: what an approval covers, how often, and until when. What is sent is counted."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from jitney.adapters.transactions import StaleWrite
from jitney.core.access.decision import Effect
from jitney.core.access.grant import Grant, GrantEnd, State, VoteVerdict
from jitney.core.access.request import Permission, Way
from jitney.core.access.reviewed_call import MOST_PARAMETER_BYTES, ReviewedCall, call_id_of
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.access.suspensions import NO_SUSPENSIONS, Suspensions
from jitney.core.call_limits import CallLimits
from jitney.core.config import ReviewerGroup
from jitney.core.gateway.budgets import BudgetUse, CallBudget
from jitney.core.gateway.call_state import SENDING_SECONDS, CallAttempt, key_hash, new_attempt, recorded
from jitney.core.gateway.shown_parameters import canonical_parameters, parameters_mac
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, AuditRecord, Origin, Outcome, grant_record
from jitney.core.review.content import content_hash
from jitney.core.review.selection import NarrowedApproval
from jitney.handlers import call_withdrawals
from jitney.handlers.call_withdrawals import withdraw_call
from jitney.handlers.caller.authentication import authenticate_request
from jitney.handlers.credentials import create_credentials
from jitney.handlers.ending.ended_calls import end_calls
from jitney.handlers.ending.grant_ends import end_grant
from jitney.handlers.gateway.call_reviews import START_AGAIN_SECONDS, CallPost, review_call
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_call, read_grant
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports
from tests.core.identity import minting
from tests.fakes import MemoryCallStore
from tests.handlers.conftest import REQUEST_BODY, WRITE, System, configuration
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot
from tests.identities import identity

PARENT = "g-parentparentpa"
KEY = b"k" * 32
MAC_KEY_ID = "bc1932dd-8613-4abd-85c3-00673264dad1"
NEEDS = (Permission(("s3:DeleteObject",), ("arn:aws:s3:::reports/2026/11.csv",)),)
DELETES = (Permission(("s3:DeleteObject",), ("arn:aws:s3:::reports/2026/*",)),)


def untried(_child: Grant) -> dict[str, Any]:
    """The trial of a call that could be sent."""
    return {}


@dataclass
class Gateway:
    """The calls of one grant. It sends what it may, with the writes that come before, and answers 200."""

    system: System
    calls: MemoryCallStore
    sent: list[tuple[str, ReviewedCall]] = field(default_factory=list)

    def post(self, key: str = "k-1", operation: str = "DeleteObject", **more: Any) -> tuple[int, dict[str, Any]]:
        """Status and body of POST /v1/calls: by default, the deletion of one object."""
        parameters = more.pop("parameters", {"Bucket": "reports", "Key": "2026/11.csv"})
        needs = more.pop("needs", (Permission(("s3:DeleteObject",), (f"arn:aws:s3:::reports/{parameters['Key']}",)),))
        region, grant_id = more.pop("region", "eu-west-1"), more.pop("grant_id", PARENT)
        changed = more.pop("changed", "")

        def route(request: Request, ports: Ports) -> Response:
            call = authenticate_request(request, ports)
            parent = call.own(ports.store.grant(grant_id))
            target = ports.config.targets[parent.target]
            made = ReviewedCall(
                grant_id,
                "s3",
                operation,
                region,
                canonical_parameters(parameters),
                parameters_mac(KEY, "s3", operation, region, parameters),
                MAC_KEY_ID,
            )
            decision = call.decide(replace(parent.as_request(), permissions=needs), call.other_grants(target, parent))
            assert decision.effect is Effect.REVIEW
            attempt = self.calls.attempts.get((parent.owner_key, key_hash(key)))
            with call.counting_refusals(AuditEvent.REQUEST):
                answered = review_call(made, parent, decision, CallPost(key, attempt, changed, untried, 0), call)
            if isinstance(answered, Response):
                return answered
            self.send(answered, made, parent, key, attempt, call.now)
            return Response(200, {"call_id": answered.call_id})

        return self.system.call(route, token=self.token(), **more)[:2]

    def send(
        self, answered: Any, made: ReviewedCall, parent: Grant, key: str, attempt: CallAttempt | None, now: int
    ) -> None:
        first = new_attempt(answered.call_id, parent.id, parent.owner_key, key_hash(key), "content", now)
        begun = attempt.again(now) if attempt else first
        begun, record = recorded(begun, sent_record(parent, made, now))
        self.calls.begin(
            begun, record, BudgetUse(parent.id, CallLimits(), calls=1), CallBudget(), answered.use, now=now
        )
        self.sent.append((answered.call_id, made))

    def token(self, **claims: Any) -> str:
        return minting.token(iat=self.system.now - 10, exp=self.system.now + 200, **claims)

    def child(self) -> Grant:
        return next(each for each in reversed(self.system.store.grants.values()) if each.call)

    def approve(self, by: str = "alice") -> Grant:
        return vote(ballot(self.child(), by), self.system.ports)

    def state(self, call_id: str) -> str:
        status, body, _ = self.system.call(read_call, grant_id=call_id, token=self.token())
        return body["state"] if status == 200 else body["code"]


def sent_record(grant: Grant, made: ReviewedCall, now: int) -> AuditRecord:
    """Return the record of the call as it is sent."""
    named = {"service": made.service, "operation": made.operation, "region": made.region}
    return grant_record(AuditEvent.CALL, Outcome.SENT, grant, Origin(), now, detail={"call": named})


@pytest.fixture
def gateway() -> Gateway:
    config = configuration()
    limits = replace(config.limits, reviews_per_hour=100, max_duration_seconds=3600)
    groups = {"owners": ReviewerGroup(("corp.alice", "corp.bob"))}
    system = System(config=replace(config, reviewers=groups, limits=limits))
    calls = MemoryCallStore(system.store)
    system.ports.call_store = calls  # type: ignore[assignment]
    status, body, _ = system.call(create_grant, REQUEST_BODY)
    assert status == 201
    granted = system.store.grants.pop(body["grant"]["id"])
    parent = replace(granted, id=PARENT, permissions=DELETES, way=Way.GATEWAY, duration_seconds=1800)
    system.store.grants[PARENT] = replace(parent, expires_at=system.now + 1800)
    return Gateway(system, calls)


def test_rev_16_a_call_waits_for_its_review_and_is_then_sent_once(gateway: Gateway):
    status, body = gateway.post()
    assert (status, body["grant"]["state"]) == (202, "pending")
    assert body["grant"]["call"]["parameters"] == {"Bucket": "reports", "Key": "2026/11.csv"}
    assert body["review"]["any_of"] == [["owners"]]
    assert gateway.post() == (status, body)
    assert (gateway.sent, gateway.system.reviews.started) == ([], [gateway.child().id])
    assert gateway.approve().state is State.ACTIVE
    assert gateway.post() == (200, {"call_id": body["call_id"]})
    assert [call_id for call_id, _ in gateway.sent] == [body["call_id"]]
    assert gateway.child().state is State.USED


def test_rev_16_the_answer_leads_to_the_call(gateway: Gateway):
    def route(request: Request, ports: Ports) -> Response:
        call = authenticate_request(request, ports)
        parent = call.own(ports.store.grant(PARENT))
        needs = replace(parent.as_request(), permissions=DELETES)
        made = ReviewedCall(PARENT, "s3", "DeleteObject", "eu-west-1", "{}", "a", "1")
        needs = replace(needs, permissions=(Permission(("s3:DeleteObject",), ("arn:aws:s3:::reports/2026/1",)),))
        decision = call.decide(needs, call.other_grants(ports.config.targets[parent.target], parent))
        answered = review_call(made, parent, decision, CallPost("k", None, "", untried, 0), call)
        assert isinstance(answered, Response)
        return answered

    status, body, headers = gateway.system.call(route)
    assert (status, headers["Location"]) == (202, f"https://jitney.example.com/live/v1/calls/{body['call_id']}")
    assert headers["Retry-After"] == "5"
    assert body["call_id"] == call_id_of(body["grant"]["id"])


def test_rev_16_the_next_call_is_not_covered(gateway: Gateway):
    gateway.post()
    gateway.approve()
    assert gateway.post()[0] == 200
    status, body = gateway.post()
    assert (status, body["code"]) == (409, "call_already_made")
    # Not even the same call, under another key.
    assert gateway.post(key="k-2")[0] == 202
    assert len(gateway.sent) == 1


OTHER = {
    "other parameters": {"parameters": {"Bucket": "reports", "Key": "2026/12.csv"}},
    "more parameters": {"parameters": {"Bucket": "reports", "Key": "2026/11.csv", "VersionId": "1"}},
    "another type": {"parameters": {"Bucket": "reports", "Key": "2026/11.csv", "VersionId": 1}},
    "another region": {"region": "eu-west-2"},
    "another operation": {"operation": "DeleteObjectTagging"},
    "look-alike text": {"parameters": {"Bucket": "reports", "Key": "2026/11.csv "}},
    "look-alike letters": {"parameters": {"Bucket": "rep\u043erts", "Key": "2026/11.csv"}},
}


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_rev_16_another_call_is_not_sent_under_the_key_of_an_approved_one(gateway: Gateway, other: dict[str, Any]):
    gateway.post()
    gateway.approve()
    status, body = gateway.post(**other, needs=NEEDS)
    assert (status, body["code"]) == (422, "idempotency_mismatch")
    assert gateway.sent == []
    assert gateway.child().state is State.ACTIVE
    assert gateway.post()[0] == 200


def test_rev_16_another_grant_does_not_send_the_call(gateway: Gateway):
    gateway.post()
    gateway.approve()
    grants = gateway.system.store.grants
    grants["g-parentparentpb"] = replace(grants[PARENT], id="g-parentparentpb")
    assert gateway.post(grant_id="g-parentparentpb")[1]["code"] == "idempotency_mismatch"
    assert gateway.sent == []


def test_rev_16_a_key_of_a_grant_request_is_no_key_of_a_call(gateway: Gateway):
    gateway.system.call(create_grant, REQUEST_BODY | {"permissions": WRITE}, Idempotency_Key="k-1")
    assert gateway.post()[1]["code"] == "idempotency_mismatch"
    gateway.post(key="k-2")
    assert gateway.system.call(create_grant, REQUEST_BODY, Idempotency_Key="k-2")[1]["code"] == "idempotency_mismatch"


def test_rev_16_the_same_call_twice_at_once_is_sent_once(gateway: Gateway):
    """Another execution sends the call after this one has checked the approval, and before it writes."""
    gateway.post()
    gateway.approve()
    with pytest.raises(StaleWrite):
        gateway.send(*_held(gateway))
    assert len(gateway.sent) == 1


def _held(gateway: Gateway) -> tuple[Any, ...]:
    """Check the approval, then let another execution send the call."""
    child, held = gateway.child(), []

    def route(request: Request, ports: Ports) -> Response:
        call = authenticate_request(request, ports)
        parent = call.own(ports.store.grant(PARENT))
        others = call.other_grants(ports.config.targets[parent.target], parent)
        decision = call.decide(replace(parent.as_request(), permissions=child.permissions), others)
        assert child.call
        held.extend(
            (review_call(child.call, parent, decision, CallPost("k-1", None, "", untried, 0), call), child.call, parent)
        )
        return Response(200, {"checked": True})

    gateway.system.call(route)
    assert gateway.post()[0] == 200
    gateway.calls.attempts.clear()  # as if the two had different keys
    return (*held, "k-1", None, gateway.system.now)


def test_gw_06_a_repeat_that_read_its_key_before_the_call_was_sent_gets_its_outcome_later(gateway: Gateway):
    gateway.post()
    gateway.approve()
    sent = gateway.post()[1]["call_id"]
    gateway.calls.attempts.clear()  # as the other execution read them
    for seconds, code in ((SENDING_SECONDS - 1, "call_in_progress"), (1, "call_already_made")):
        gateway.system.now += seconds
        status, body = gateway.post()
        assert (status, body["code"], body["call_id"]) == (409, code, sent)
    assert len(gateway.sent) == 1


def test_rev_16_a_call_that_aws_did_not_receive_is_sent_again_with_its_approval(gateway: Gateway):
    gateway.post()
    gateway.approve()
    call_id = gateway.post()[1]["call_id"]
    (key, attempt), *_ = gateway.calls.attempts.items()
    for state in ("answered", "may_have_run"):
        gateway.calls.attempts[key] = attempt.lost() if state == "may_have_run" else attempt.answered(200, "r")
        assert gateway.post()[1]["code"] == "call_already_made"
    gateway.calls.attempts[key] = replace(attempt.not_sent(), call_id="c-bbbbbbbbbbbbbb")
    assert gateway.post()[1]["code"] == "call_already_made"
    gateway.calls.attempts[key] = attempt.not_sent()
    assert gateway.post() == (200, {"call_id": call_id})
    assert [sent for sent, _ in gateway.sent] == [call_id, call_id]
    gateway.system.now += 1800
    gateway.calls.attempts[key] = attempt.not_sent()
    assert gateway.post()[0] != 200


@pytest.mark.parametrize("state", [State.RELEASED, State.REVOKED])
def test_rev_16_the_end_of_the_grant_ends_its_calls(gateway: Gateway, state: State):
    gateway.post()
    gateway.post(key="k-2", parameters={"Bucket": "reports", "Key": "2026/12.csv"})
    approved, waiting = [each for each in gateway.system.store.grants.values() if each.call]
    vote(ballot(approved), gateway.system.ports)
    ending = GrantEnd(gateway.system.now, "corp.olga", "leaked" if state is State.REVOKED else "")
    grants = gateway.system.store.grants
    grants[PARENT] = grants[PARENT].end(state, ending)
    assert gateway.post()[1]["code"] == f"grant_{state}"
    with pytest.raises(Problem) as refused:
        vote(ballot(waiting), gateway.system.ports)
    assert refused.value.code == "review_ended"
    shown = "withdrawn" if state is State.RELEASED else str(state)
    assert [gateway.state(call_id_of(each.id)) for each in (approved, waiting)] == [shown] * 2
    assert gateway.sent == []


@pytest.mark.parametrize("kind", [SuspensionKind.AGENT, SuspensionKind.TARGET])
def test_rev_16_a_suspension_ends_the_call(gateway: Gateway, kind: SuspensionKind):
    gateway.post()
    gateway.approve()
    name = {SuspensionKind.AGENT: "corp.reader-agent", SuspensionKind.TARGET: "analytics-prod"}[kind]
    suspension = Suspension(
        "s-aaaaaaaaaaaaaa", kind, name, gateway.system.now, "corp.olga", "leaked", issuer=minting.CORP
    )
    gateway.system.store.suspensions = Suspensions("s-aaaaaaaaaaaaaa", (suspension,))
    assert gateway.post()[1]["code"] in ("suspended", "grant_revoked")
    assert gateway.state(call_id_of(gateway.child().id)) == "revoked"
    assert gateway.sent == []
    lifted = replace(suspension, lifted_at=gateway.system.now + 60, lifted_by="corp.olga")
    gateway.system.store.suspensions = Suspensions("s-2", (lifted,))
    assert gateway.post()[1]["code"] == "grant_revoked"


def test_rev_16_the_approval_ends_with_the_grant(gateway: Gateway):
    gateway.post()
    gateway.system.now += 600
    assert gateway.approve().expires_at == gateway.system.store.grants[PARENT].expires_at
    gateway.system.now += 1200
    assert gateway.post()[1]["code"] == "grant_ended"
    assert gateway.sent == []


def test_rev_16_a_call_that_reviewers_reject_is_not_sent(gateway: Gateway):
    call_id = gateway.post()[1]["call_id"]
    vote(ballot(gateway.child(), verdict=VoteVerdict.REJECT, comment="keep it"), gateway.system.ports)
    status, body = gateway.post()
    assert (status, body["code"]) == (410, "grant_rejected")
    assert body["grant"]["votes"][0]["comment"] == "keep it"
    assert body["detail"] == f"Call {call_id} was rejected by corp.alice: keep it."
    assert body["fix"] == (
        "Do what the reviewer says, or talk to corp.alice. Make the call with a new Idempotency-Key. Say in `changed` "
        "what is different."
    )
    assert (gateway.state(call_id), gateway.sent) == ("rejected", [])


def test_rev_16_an_approval_of_a_reviewer_who_has_left_does_not_count(gateway: Gateway):
    gateway.post()
    gateway.approve()
    ports = gateway.system.ports
    for group in (("corp.bob",), ("corp.alice", "corp.bob")):
        ports.config = replace(ports.config, reviewers={"owners": ReviewerGroup(group, approvals=len(group))})
        status, body = gateway.post()
        assert (status, body["code"]) == (403, "denied")
    assert gateway.sent == []
    ports.config = replace(ports.config, reviewers={"owners": ReviewerGroup(("corp.alice",))})
    assert gateway.post()[0] == 200


def test_rev_16_an_approval_of_a_suspended_reviewer_does_not_count(gateway: Gateway):
    gateway.post()
    gateway.approve()
    suspension = Suspension(
        "s-aaaaaaaaaaaaaa",
        SuspensionKind.HUMAN,
        "corp.alice",
        gateway.system.now,
        "corp.olga",
        "leaked",
        issuer=minting.CORP,
    )
    gateway.system.store.suspensions = Suspensions("s-aaaaaaaaaaaaaa", (suspension,))
    assert gateway.post()[1]["code"] == "denied"
    assert gateway.sent == []


def test_rev_16_an_approval_of_another_content_does_not_count(gateway: Gateway):
    """Not even if the store was changed by hand."""
    gateway.post()
    child = gateway.approve()
    for forged in (
        replace(child, permissions=DELETES),
        replace(child, votes=()),
        replace(child, approvals=()),
        replace(child, call=child.call and child.call._replace(parameters='{"Bucket":"other"}')),
        replace(child, votes=tuple(replace(each, human=identity("corp.reader-agent")) for each in child.votes)),
    ):
        gateway.system.store.grants[child.id] = forged
        assert gateway.post()[1]["code"] == "denied"
    assert gateway.sent == []


def test_rev_16_a_call_that_needs_other_permissions_now_is_reviewed_again(gateway: Gateway):
    gateway.post()
    gateway.approve()
    more = (Permission(("s3:DeleteObject",), ("arn:aws:s3:::reports/2026/11.csv", "arn:aws:s3:::reports/2026/1")),)
    assert gateway.post(needs=more)[1]["code"] == "denied"
    assert gateway.sent == []


@pytest.mark.parametrize("narrower", ["permissions", "seconds"])
def test_rev_16_a_call_is_not_approved_in_part(gateway: Gateway, narrower: str):
    gateway.post(parameters={"Bucket": "reports", "Key": "2026/11.csv"})
    child = gateway.child()
    permissions, seconds = child.permissions, child.duration_seconds
    narrowing = NarrowedApproval((), seconds) if narrower == "permissions" else NarrowedApproval(permissions, 60)
    with pytest.raises(Problem) as refused:
        vote(ballot(child, narrowing=narrowing), gateway.system.ports)
    assert refused.value.code == "not_narrower"
    assert gateway.child().state is State.PENDING


def test_rev_16_a_vote_on_another_version_of_the_call_does_not_count(gateway: Gateway):
    gateway.post()
    child = gateway.child()
    seen = replace(child, call=child.call and child.call._replace(parameters='{"Bucket":"harmless"}'))
    with pytest.raises(Problem) as refused:
        vote(ballot(child, content=content_hash(seen)), gateway.system.ports)
    assert refused.value.code == "review_changed"


def test_rev_16_parameters_that_no_reviewer_could_read_are_refused(gateway: Gateway):
    long = "x" * (MOST_PARAMETER_BYTES - len('{"Bucket":"reports","Key":""}'))
    assert gateway.post(parameters={"Bucket": "reports", "Key": long}, needs=NEEDS)[0] == 202
    status, body = gateway.post(key="k-2", parameters={"Bucket": "reports", "Key": long + "x"}, needs=NEEDS)
    assert (status, body["code"], body["limit_bytes"]) == (413, "call_too_large", MOST_PARAMETER_BYTES)
    euros = {"Bucket": "reports", "Key": "\u20ac" * (len(long) // 2)}
    assert gateway.post(key="k-3", parameters=euros, needs=NEEDS)[0] == 413


def test_rev_16_reviews_of_calls_count_as_reviews(gateway: Gateway):
    ports = gateway.system.ports
    ports.config = replace(ports.config, limits=replace(ports.config.limits, max_pending=2, reviews_per_hour=3))
    keys = [{"Bucket": "reports", "Key": f"2026/{number}"} for number in range(4)]
    assert [gateway.post(key=f"k-{place}", parameters=each)[0] for place, each in enumerate(keys[:2])] == [202, 202]
    assert gateway.post(key="k-2", parameters=keys[2])[1]["code"] == "too_many_pending"
    gateway.approve()
    assert gateway.post(key="k-2", parameters=keys[2])[0] == 202
    gateway.approve()
    assert gateway.post(key="k-3", parameters=keys[3])[1]["code"] == "too_many_reviews"


def test_rev_16_an_equal_call_is_reviewed_by_itself(gateway: Gateway):
    first, second = gateway.post()[1], gateway.post(key="k-2")[1]
    assert first["call_id"] != second["call_id"]
    gateway.approve()
    assert gateway.post()[0] == 202
    assert gateway.post(key="k-2")[0] == 200


def test_rev_16_a_repeated_call_starts_the_review_that_could_not_start(gateway: Gateway):
    gateway.system.reviews.problem = Problem("unavailable", "Down.", "Wait.")
    assert [gateway.post()[0] for _ in range(2)] == [503, 503]
    assert gateway.child().state is State.PENDING
    gateway.system.reviews.problem = None
    assert gateway.post()[0] == 202
    assert gateway.system.reviews.started == [gateway.child().id]
    gateway.system.now += START_AGAIN_SECONDS
    gateway.system.reviews.problem = Problem("unavailable", "Down.", "Wait.")
    assert gateway.post()[0] == 202  # a poll, which needs no other service


def test_rev_16_the_review_and_its_use_are_on_record(gateway: Gateway):
    gateway.post()
    gateway.approve()
    gateway.post()
    own = [each for each in gateway.system.records() if each["grant_id"] == gateway.child().id]
    assert [(each["event"], each["outcome"], each["seq"]) for each in own] == [
        ("request", "review", 0),
        ("vote", "approved", 1),
        ("use", "sent", 2),
    ]
    shown = json.loads(own[0]["detail"])["call"]
    assert (shown["operation"], shown["grant"], shown["mac_key_id"]) == ("DeleteObject", PARENT, MAC_KEY_ID)
    assert json.loads(own[2]["detail"])["call"]["id"] == call_id_of(gateway.child().id)
    assert own[2]["prev"] == own[1]["hash"]


def test_rev_16_the_grant_of_a_call_is_listed_but_has_no_credentials(gateway: Gateway):
    gateway.post()
    gateway.approve()
    child = gateway.child()
    status, body, _ = gateway.system.call(read_grant, grant_id=child.id)
    assert (status, body["grant"]["call"]["grant"]) == (200, PARENT)
    status, body, _ = gateway.system.call(create_credentials, grant_id=child.id)
    assert (status, body["code"]) == (409, "gateway_grant")
    assert "the same Idempotency-Key" in body["fix"]
    assert child.id not in body["fix"]


def test_rev_16_a_call_has_its_states_and_can_be_withdrawn(gateway: Gateway):
    call_id = gateway.post()[1]["call_id"]
    assert gateway.state(call_id) == "pending"
    status, body, _ = gateway.system.call(withdraw_call, grant_id=call_id)
    assert (status, body["state"], body["grant"]["state"]) == (200, "withdrawn", "released")
    repeated = gateway.post()[1]
    assert (repeated["code"], repeated["detail"]) == ("grant_released", f"Call {call_id} was withdrawn.")
    assert "new Idempotency-Key" in repeated["fix"]
    assert gateway.system.reviews.resumed == [gateway.child().id]
    call_id = gateway.post(key="k-2")[1]["call_id"]
    gateway.approve()
    assert gateway.state(call_id) == "approved"
    gateway.post(key="k-2")
    assert gateway.state(call_id) == "sent"
    status, body, _ = gateway.system.call(withdraw_call, grant_id=call_id)
    assert (status, body["code"]) == (409, "call_already_made")
    gateway.calls.attempts.clear()  # the key is forgotten after a day
    assert gateway.state(call_id) == "sent"
    assert gateway.system.call(withdraw_call, grant_id=call_id)[1]["code"] == "call_already_made"
    assert gateway.system.role_policies.documents == {}


def test_rev_16_a_call_that_is_sent_while_it_is_withdrawn_is_not_withdrawn(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
):
    call_id = gateway.post()[1]["call_id"]
    gateway.approve()

    def send_first(*of_grant: Any) -> Any:
        gateway.post()
        return end_grant(*of_grant)

    monkeypatch.setattr(call_withdrawals, "end_grant", send_first)
    status, body, _ = gateway.system.call(withdraw_call, grant_id=call_id)
    assert (status, body["code"]) == (409, "call_already_made")
    assert gateway.state(call_id) == "sent"


def test_rev_16_a_call_can_be_withdrawn_by_its_grant_too(gateway: Gateway):
    gateway.post()
    gateway.approve()
    status, body, _ = gateway.system.call(release_grant, grant_id=gateway.child().id)
    assert (status, body["grant"]["state"]) == (200, "released")
    assert gateway.post()[1]["code"] == "grant_released"


def test_rev_16_a_call_without_a_review_cannot_be_withdrawn(gateway: Gateway):
    owner = gateway.system.store.grants[PARENT].owner_key
    names, now = ("s3", "PutObject", "eu-west-1"), gateway.system.now
    made = ReviewedCall(PARENT, *names, "{}", "a", "1")
    sent, record = recorded(
        new_attempt("c-aaaaaaaaaaaaaa", PARENT, owner, "k", "x", now),
        sent_record(gateway.system.store.grants[PARENT], made, now),
    )
    gateway.calls.begin(sent, record, BudgetUse(PARENT, CallLimits()), CallBudget(), now=now)
    assert gateway.system.call(withdraw_call, grant_id=sent.call_id)[1]["code"] == "call_already_made"
    assert gateway.state(sent.call_id) == "sent"


def test_rev_16_the_same_post_twice_at_once_begins_one_review(gateway: Gateway):
    store, create = gateway.system.store, gateway.system.store.create_grant
    others: list[tuple[int, dict[str, Any]]] = []

    def create_after_another(*arguments: Any, **more: Any) -> None:
        store.create_grant = create  # type: ignore[method-assign]
        others.append(gateway.post())
        create(*arguments, **more)

    store.create_grant = create_after_another  # type: ignore[method-assign]
    assert gateway.post() == others[0]
    assert gateway.system.reviews.started == [gateway.child().id]


def test_rev_16_the_same_post_twice_at_once_needs_one_place_for_pending_requests(gateway: Gateway):
    ports, store = gateway.system.ports, gateway.system.store
    ports.config = replace(ports.config, limits=replace(ports.config.limits, max_pending=1))
    read, others = store.grant_lists, list[tuple[int, dict[str, Any]]]()

    def read_after_another(*arguments: Any) -> Any:
        store.grant_lists = read  # type: ignore[method-assign]
        others.append(gateway.post())
        return read(*arguments)

    store.grant_lists = read_after_another  # type: ignore[method-assign]
    assert gateway.post() == others[0]
    assert others[0][0] == 202
    assert gateway.post(key="k-2", parameters={"Bucket": "reports", "Key": "2026/7"})[1]["code"] == "too_many_pending"


@pytest.mark.parametrize("route", [read_call, withdraw_call])
@pytest.mark.parametrize("given", ["c-..", "g-aaaaaaaaaaaaaa", "c-AAAAAAAAAAAAAA", "c-aaaaaaaaaaaaaa\n", ""])
def test_rev_16_what_is_no_id_of_a_call_is_not_looked_up(gateway: Gateway, route: Any, given: str):
    gateway.system.store.log.clear()
    assert gateway.system.call(route, grant_id=given)[1]["code"] == "call_not_found"
    assert not {"grant", "recorded_state"} & set(gateway.system.store.log)


@pytest.mark.parametrize("route", [read_call, withdraw_call])
def test_rev_16_calls_of_others_are_neither_shown_nor_withdrawn(gateway: Gateway, route: Any):
    call_id = gateway.post()[1]["call_id"]
    other = gateway.token(sub="other-agent")
    for given in (call_id, "c-zzzzzzzzzzzzzz", "c-..", gateway.child().id, f"c{PARENT[1:]}"):
        status, body, _ = gateway.system.call(route, grant_id=given, token=other)
        assert (status, body["code"]) == (404, "call_not_found")
    named = [json.loads(each["detail"]) for each in gateway.system.records() if each["code"] == "call_not_found"]
    assert {"grant": gateway.child().id} in named
    gateway.approve()
    gateway.post()
    assert gateway.system.call(route, grant_id=call_id, token=other)[1]["code"] == "call_not_found"
    for given in ("c-zzzzzzzzzzzzzz", f"c{PARENT[1:]}"):
        assert gateway.system.call(route, grant_id=given)[1]["code"] == "call_not_found"


@pytest.mark.parametrize("state", [State.RELEASED, State.REVOKED, State.FAILED])
def test_rev_16_the_end_of_a_waiting_call_is_recorded_after_its_grant(gateway: Gateway, state: State):
    gateway.post()
    system, grants = gateway.system, gateway.system.store.grants
    pending = lambda: [each for each in grants.values() if each.state is State.PENDING]  # noqa: E731
    assert end_calls(pending(), system.ports.suspensions.current(), system.ports) == 0
    ending = GrantEnd(system.now, "corp.olga", "leaked" if state is State.REVOKED else "")
    ended = grants[PARENT].move(state) if state is State.FAILED else grants[PARENT].end(state, ending)
    grants[PARENT] = ended
    system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})
    assert end_calls(pending(), system.ports.suspensions.current(), system.ports) == 1
    assert gateway.child().state is state
    record = system.records()[-1]
    assert (record["grant_id"], record["code"]) == (gateway.child().id, "grant_ended")
    assert system.reviews.resumed == [gateway.child().id]
    assert end_calls(pending(), system.ports.suspensions.current(), system.ports) == 0


def test_rev_16_a_call_whose_grant_is_gone_cannot_be_decided(gateway: Gateway):
    gateway.post()
    gateway.approve()
    del gateway.system.store.grants[PARENT]
    assert gateway.state(call_id_of(gateway.child().id)) == "review_ended"
    assert end_calls([gateway.child()], NO_SUSPENSIONS, gateway.system.ports) == 0


def test_rev_16_the_reconciler_ends_calls_of_ended_grants(gateway: Gateway):
    gateway.post()
    grants = gateway.system.store.grants
    grants[PARENT] = grants[PARENT].end(State.RELEASED, GrantEnd(gateway.system.now, "corp.reader-agent", ""))
    assert reconcile(gateway.system.ports)["calls"] == 1
    assert gateway.child().state is State.RELEASED


def test_rev_16_a_store_that_does_not_answer_stops_the_ends_of_calls(gateway: Gateway):
    gateway.post()
    waiting = gateway.child()
    gateway.system.store.broken = True
    with pytest.raises(Problem) as failed:
        end_calls([waiting], NO_SUSPENSIONS, gateway.system.ports)
    assert failed.value.code == "unavailable"


def test_rev_16_the_answer_about_a_call_is_held_too(gateway: Gateway):
    call_id = gateway.post()[1]["call_id"]
    system = gateway.system
    later = {3: gateway.approve}

    def pause(seconds: float) -> None:
        system.milliseconds += round(seconds * 1000)
        later.pop(system.milliseconds // 1000, lambda: None)()

    system.ports.pause = pause
    status, body, headers = system.call(read_call, grant_id=call_id, prefer="wait=10")
    assert (status, body["state"], system.milliseconds) == (200, "approved", 3000)
    assert headers["Preference-Applied"] == "wait=10"
