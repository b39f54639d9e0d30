"""The fault that each alarm reports, made by the functions themselves over in-memory adapters, and its absence."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from jitney.adapters.grant_items import UnreadableGrant, item_of
from jitney.adapters.issuer_keys import FAILING_SECONDS, IssuerKeys
from jitney.adapters.unreadable_grants import report_unreadable
from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.access.grant import VoteVerdict
from jitney.core.config import ReviewerGroup
from jitney.core.identity.refusal import Refusal
from jitney.core.problems import PROBLEMS, Problem
from jitney.core.records.audit import ChainedRecord
from jitney.core.review.break_glass import follow_up_keys
from jitney.core.trail.call_join import RECORDED_WITHIN_SECONDS
from jitney.handlers.publisher import publish
from jitney.handlers.reconciler import reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.review_failures import give_up
from jitney.handlers.review_notices import MOST_RETRIES, notify
from jitney.handlers.runtime import edge
from jitney.handlers.runtime.http import Response, problem_response
from jitney.handlers.runtime.ports import Ports
from jitney.handlers.sealer import seal
from jitney.handlers.suspensions import suspend
from tests.cloudtrail_events import ACCOUNT, BROKER, assume_role_event, call_event, forwarded_event
from tests.core.identity import minting
from tests.core.trail.test_heartbeat import revoker_assumed, revoker_called
from tests.fakes import GRANT, NOW, MemoryMails
from tests.handlers.conftest import System, configuration
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot, pending
from tests.handlers.test_correlator import CREATE_KEY, Correlator
from tests.handlers.test_ending import asked, end_as
from tests.handlers.test_gateway_join import WRITE, Gateway, event, start
from tests.handlers.test_publisher import LINKS, Stream, put
from tests.handlers.test_review_steps import decided
from tests.handlers.test_sealing import Clock, MemoryPublished, MemorySeals
from tests.handlers.test_suspensions import AGENT, REASON, operator
from tests.identities import identity

Happens = Callable[[], Any]


def published(links: list[ChainedRecord]) -> None:
    """Publish the records, as the publisher does. It counts them."""
    publish({"Records": [put(each) for each in links]}, Ports(records_stream=Stream()))


def revoked(*, refused: bool = False, slow: bool = False, denied_at: int | None = 1) -> None:
    """Revoke a grant and measure it. AWS denies the call with the number `denied_at`, None for never."""
    system = System()
    grant_id = asked(system)
    refuse(system, refused)
    system.canary.denied_at = denied_at
    system.role_policies.during = (lambda: system.pause(11)) if slow else None
    end_as(system, grant_id, "revoked")
    system.measure()
    published(system.store.links)


def suspended(*, refused: bool) -> None:
    system = System()
    asked(system)
    refuse(system, refused)
    system.call(suspend, {**AGENT, "reason": REASON}, token=operator(system))
    published(system.store.links)


def refuse(system: System, refused: bool) -> None:
    """Let IAM refuse every deny document."""
    if refused:
        system.role_policies.refusals, system.role_policies.refusal = 10_000, "AccessDenied"


def answered(*codes: str) -> None:
    """Answer six requests with each of these problems, "internal" by an error in the code."""

    def fail(code: str) -> Response:
        if code == "internal":
            raise LookupError
        raise Problem(code, "It failed.", "Try again.")

    for code in codes * 6:
        edge.errors_as_problems(partial(fail, code), problem_response)


def fetched_keys(seconds: int) -> None:
    """Fetch an issuer's keys from an address that refuses it, at first and after `seconds`."""
    clock = Clock()
    keys = IssuerKeys(local=False, clock=clock)
    for now in (0, seconds):
        clock.now = now
        with suppress(Refusal):
            keys.keys(minting.issuer("corp", minting.CORP, jwks_uri="http://127.0.0.1/refused"))


def reconciled(*, broken: bool) -> None:
    system = System()
    system.call(release_grant, grant_id=asked(system))
    system.role_policies.documents.clear()
    system.role_policies.lost = 99 if broken else 0
    with suppress(RuntimeError):  # the run says so, and Lambda repeats it
        reconcile(system.ports)


def repaired(*, refused: bool) -> None:
    """Release a grant, lose its deny document, and run the reconciler."""
    system = System()
    system.call(release_grant, grant_id=asked(system))
    system.role_policies.documents.clear()
    refuse(system, refused)
    with suppress(RuntimeError):
        reconcile(system.ports)


def waiting(seconds: int) -> None:
    """Run the reconciler while a request waits for so long."""
    system = System()
    pending(system)
    system.now += seconds
    reconcile(system.ports)


def break_glass_used(*, overdue: bool) -> None:
    """Run the reconciler before or after the time of a follow-up review."""
    system = System()
    use = BreakGlassUse(identity("corp.gina"), "down", "content", system.now - 60, system.now - (1 if overdue else 0))
    system.store.grants[GRANT.id] = replace(GRANT, break_glass=use)
    system.store.outstanding |= dict.fromkeys(follow_up_keys(GRANT, use.human), GRANT.id)
    reconcile(system.ports)


def reviewed(*, broken: bool) -> None:
    system = System()
    grant = pending(system)
    if broken:
        give_up({"grant_id": grant.id, "error": "NoReviewerNotified"}, system.ports)
    else:
        vote(ballot(grant, verdict=VoteVerdict.APPROVE), system.ports)
    published(system.store.links)


def decision_notified(*, failed_attempts: int) -> None:
    """Notify three reviewers of a rejection, with as many attempts as the workflow makes. Mail fails in the first."""
    names = ("corp.alice", "corp.bob", "corp.carol")
    emails = {name: f"{name}@example.com" for name in names}
    mails = MemoryMails()
    config = replace(configuration(), reviewers={"owners": ReviewerGroup(names)}, emails=emails)
    system = System(mails=mails, config=config)
    grant = pending(system)
    vote(ballot(grant, verdict=VoteVerdict.REJECT), system.ports)
    for retries in range(MOST_RETRIES + 1):
        mails.codes = dict.fromkeys(emails.values(), "throttled") if retries < failed_attempts else {}
        notify(decided(grant, retries), system.ports)
    published(system.store.links)


def trail(*events: Any, account: str = ACCOUNT) -> None:
    Correlator(GRANT).receive(*(forwarded_event(each, account=account) for each in events))


def called_through_gateway(*, recorded: bool) -> None:
    gateway = Gateway()
    if recorded:
        gateway.answer(gateway.send())
    gateway.now = NOW + 10 + RECORDED_WITHIN_SECONDS
    gateway.take_in(start(WRITE), event(WRITE))
    gateway.look_again()


def changed_records(*, changed: bool) -> None:
    records = [{**put(each), "eventName": "MODIFY" if changed else "INSERT"} for each in LINKS]
    publish({"Records": records}, Ports(records_stream=Stream()))


def sealed() -> None:
    seal({}, Ports(seals=MemorySeals(), published=MemoryPublished(), now=Clock()))


def nothing() -> None:
    """Nothing runs, or nothing arrives."""


OWN_CALL = (assume_role_event(1), call_event(2))
AGENTS_CAUSE = tuple(code for code, kind in PROBLEMS.items() if kind.status >= 500 and code not in edge.FAILURES)
"""Problems of 5xx that agents can cause, such as a call whose answer is too large to mask."""
FAULTS: Mapping[str, tuple[Happens, Happens]] = {
    "RolesNotDenying": (lambda: repaired(refused=True), lambda: repaired(refused=False)),
    "RevocationIncomplete": (lambda: revoked(refused=True), revoked),
    "SuspensionIncomplete": (lambda: suspended(refused=True), lambda: suspended(refused=False)),
    "RevocationSlow": (lambda: revoked(slow=True), revoked),
    "ReconcilerFailed": (lambda: reconciled(broken=True), lambda: reconciled(broken=False)),
    "GrantsUnreadable": (lambda: report_unreadable([UnreadableGrant(item_of(GRANT), "ValueError")]), nothing),
    "AnswersFailed": (lambda: answered("unavailable", "internal"), lambda: answered(*AGENTS_CAUSE)),
    "IssuerKeysUnfetched": (lambda: fetched_keys(FAILING_SECONDS), lambda: fetched_keys(FAILING_SECONDS - 1)),
    "ReviewsFailed": (lambda: reviewed(broken=True), lambda: reviewed(broken=False)),
    "MessagesFailed": (
        lambda: decision_notified(failed_attempts=MOST_RETRIES + 1),
        lambda: decision_notified(failed_attempts=MOST_RETRIES),
    ),
    "ReviewsWaiting": (lambda: waiting(1801), lambda: waiting(1800)),
    "FollowUpsOverdue": (lambda: break_glass_used(overdue=True), lambda: break_glass_used(overdue=False)),
    "TrailSilent": (nothing, lambda: trail(revoker_assumed(), account=BROKER)),
    "TargetTrailSilent-analytics-prod": (nothing, lambda: trail(revoker_called())),
    "EventsRefused": (lambda: Correlator(GRANT).receive("no event"), lambda: trail(*OWN_CALL)),
    "Bypassed": (lambda: trail(assume_role_event(1, session="mallory")), lambda: trail(*OWN_CALL)),
    "BeyondGrant": (
        lambda: trail(assume_role_event(1), call_event(2, **CREATE_KEY)),
        lambda: trail(*OWN_CALL),
    ),
    "Unrecorded": (lambda: called_through_gateway(recorded=False), lambda: called_through_gateway(recorded=True)),
    "Tampered": (lambda: changed_records(changed=True), lambda: changed_records(changed=False)),
    "Unsealed": (nothing, sealed),
}
"""For each alarm on a metric of Jitney: what raises it, and what does not."""
OF_AWS: Mapping[str, tuple[list[float], list[float]]] = {
    "RevocationsThrottled": ([1], []),
    "SuspensionsThrottled": ([1], []),
    "ApiErrors": ([4, 2], [5]),
    "FunctionErrors": ([11], [10]),
    "FunctionsThrottled": ([11], [10]),
    "WorkflowFailed": ([1], []),
    "EventsStuck": ([1], [0]),
    "EventsLate": ([900, 1801], [1800]),
    "Undelivered": ([1], [0]),
    "RecordsLate": ([600_001], [1000]),
    "UnwrittenRecords": ([901], [60]),
    "UnwrittenCalls": ([901], [60]),
}
"""For each alarm on a metric of AWS: values of one period that raise it, and values that do not."""
OF_REPLICAS: Mapping[str, tuple[list[float], list[float]]] = {
    "ReplicationFailed-records": ([1], []),
    "ReplicationFailed-seals": ([1], []),
}
"""The same for the alarms that exist with replication only (tests/infra/test_replication.py)."""
