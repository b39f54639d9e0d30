"""In-memory adapters with the promises of the real ones, and ready-made values."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from jitney import resources
from jitney.adapters.call_store import ApprovedUse, CallContext
from jitney.adapters.deny_list import MOST_CLOCK_SKEW_SECONDS
from jitney.adapters.grant_history import HistoryPage
from jitney.adapters.mail_sender import MailMessage
from jitney.adapters.message_locations import MessageLocation
from jitney.adapters.role_policies import PolicyRefused
from jitney.adapters.sent_messages import SentMessage
from jitney.adapters.store import PAGE_SIZE
from jitney.adapters.transactions import Conflict, StaleWrite
from jitney.core.access.credentials import Credentials, SessionRequest
from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.document_times import DocumentTimes
from jitney.core.access.earlier_approvals import HISTORY_SECONDS
from jitney.core.access.ended_approvals import ends_approvals
from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.access.grant_list import GrantList
from jitney.core.access.rejections import REJECTION_SECONDS, Rejection
from jitney.core.access.request import Permission
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.access.suspensions import Suspensions
from jitney.core.access.target_check import Attempt, AttemptResult
from jitney.core.access.write_lease import LEASE_SECONDS, WriteLease
from jitney.core.actions import ActionTable
from jitney.core.gateway.budgets import BudgetUse, CallBudget
from jitney.core.gateway.call_state import CallAttempt, CallState
from jitney.core.gateway.recorded_state import NEWEST_RECORDS, RecordedState, recorded_state
from jitney.core.identity.principal import rejection_key
from jitney.core.problems import Problem
from jitney.core.quotas import Quota, SingleUseKey
from jitney.core.records.audit import ChainedRecord
from jitney.core.review.break_glass import follow_up_keys
from jitney.core.review.out_of_office import OutOfOffice, OutOfOfficeEntries
from jitney.core.review.schedule import ScheduleCheck
from jitney.core.review.slack.error import SlackError
from jitney.core.review.slack.message import SlackMessage
from jitney.core.review.slack.people import SlackProfile
from jitney.core.target_config import Target, TargetRole
from jitney.core.target_roles import first_role
from jitney.core.trail.gaps import GAP_SECONDS, GapChange, TrailWatch

NOW = 1_795_521_600  # 2026-11-24T12:00:00Z
ACTIONS = ActionTable.load(resources.ACTIONS.read_bytes())
ROLE_ARN = "arn:aws:iam::444455556666:role/jitney/jitney-target-analytics-prod"

GRANT = Grant(
    id="g-aaaaaaaaaaaaaa",
    state=State.ACTIVE,
    issuer="https://idp.example.com",
    issuer_name="corp",
    subject="reader-agent",
    principal="local.reader-agent",
    unit="local.reader-agent",
    human=None,
    target="analytics-prod",
    account="444455556666",
    region="eu-west-1",
    role_arn=ROLE_ARN,
    permissions=(Permission(("s3:GetObject",), ("arn:aws:s3:::reports/2026/*",)),),
    duration_seconds=300,
    reason="monthly report",
    ticket="OPS-12",
    created_at=NOW,
    starts_at=NOW,
    expires_at=NOW + 300,
    policy_version="v1",
)
PENDING = replace(
    GRANT, id="g-bbbbbbbbbbbbbb", state=State.PENDING, starts_at=None, expires_at=NOW + 3600, reviews=(("owners",),)
)
CALL = ReviewedCall(
    grant_id="g-cccccccccccccc",
    service="s3",
    operation="DeleteObject",
    region="eu-west-1",
    parameters='{"Bucket":"reports","Key":"2026/11.csv"}',
    parameters_mac="a" * 64,
    mac_key="1",
)


@dataclass
class MemoryStore:
    """`jitney.adapters.store.Store` in memory. `broken` makes every call fail as an unreachable DynamoDB does."""

    grants: dict[str, Grant] = field(default_factory=dict)
    links: list[ChainedRecord] = field(default_factory=list)
    taken: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    lists: dict[str, GrantList] = field(default_factory=dict)
    away: dict[str, OutOfOffice] = field(default_factory=dict)
    unreadable_away: frozenset[str] = frozenset()
    outstanding: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    broken: bool = False
    lock: Any = field(default_factory=threading.RLock)
    suspensions: Suspensions = field(default_factory=Suspensions)
    deny_list: "MemoryDenyList" = field(default_factory=lambda: MemoryDenyList())  # noqa: PLW0108 - it comes below

    def create_grant(
        self,
        grant: Grant,
        first: ChainedRecord,
        keys: Any = (),
        *,
        lists: Any = (),
        now: int,
    ) -> None:
        self._answer("create_grant")
        with self.lock:
            if any(self.lists.get(each.after.key, GrantList("")).version != each.before.version for each in lists):
                raise StaleWrite
            self._consume(keys, now)
            if grant.id in self.grants:
                raise StaleWrite
            self.grants[grant.id] = grant
            self.links.append(first)
            self.lists |= {each.after.key: each.after for each in lists}

    def grant_lists(self, keys: Iterable[str]) -> dict[str, GrantList]:
        self._answer("grant_lists")
        return {key: self.lists.get(key, GrantList(key)) for key in keys}

    def save(
        self,
        before: Grant,
        after: Grant,
        record: ChainedRecord,
        quotas: Any = (),
        *,
        deny_entry: DenyEntry | None = None,
        now: int,
    ) -> None:
        self._answer("save")
        with self.lock:
            current = self.grants[before.id]
            if current.records != before.records:
                raise StaleWrite
            places = [place for vote in after.votes_since(before) for place in vote.delegations]
            if any(
                place.delegator.name not in self.away or self.away[place.delegator.name].id != place.out_of_office_id
                for place in places
            ):
                raise StaleWrite
            owing = follow_up_keys(after, after.break_glass.human) if after.break_glass else ()
            if after.break_glass and not before.break_glass:
                if set(owing) & self.outstanding.keys():
                    raise StaleWrite
                self.outstanding |= dict.fromkeys(owing, after.id)
            if after.follow_up and not before.follow_up:
                self.outstanding = {who: grant_id for who, grant_id in self.outstanding.items() if grant_id != after.id}
            self._consume(quotas, now)
            self.grants[after.id] = after
            self.links.append(record)
            if deny_entry:
                self.deny_list.listed.setdefault(after.role_arn, {})[deny_entry.grant_id] = deny_entry

    def change_out_of_office(
        self, before: OutOfOffice | None, after: OutOfOffice | None, record: ChainedRecord, quota: Quota, *, now: int
    ) -> None:
        self._answer("change_out_of_office")
        with self.lock:
            human = (after or before).human.name  # type: ignore[union-attr]
            if self.away.get(human) != before:
                raise StaleWrite
            self._consume([quota], now)
            self.away.pop(human, None)
            if after:
                self.away[human] = after
            self.links.append(record)

    def change_suspensions(self, before: Suspensions, after: Suspensions, record: ChainedRecord, *, now: int) -> None:
        self._answer("change_suspensions")
        with self.lock:
            if self.suspensions.version != before.version:
                raise StaleWrite
            self.suspensions = after._replace(version=record.chain)
            self.links.append(record)

    def cut_off(self, role_arn: str, lease: WriteLease, cut_offs: CutOffs, record: ChainedRecord, *, now: int) -> None:
        self._answer("cut_off")
        with self.lock:
            current = self.deny_list.leases.get(role_arn, WriteLease())
            if current.last_acquired != lease.last_acquired:
                raise StaleWrite
            self.deny_list.leases[role_arn] = replace(current, cut_offs=cut_offs, unknown_until=lease.unknown_until)
            self.links.append(record)

    def open_grants(self, role_arn: str, until: int) -> list[Grant]:
        self._answer("open_grants")
        found = [
            grant
            for grant in self.grants.values()
            if first_role(grant.role_arn) == first_role(role_arn)
            and grant.state in (State.PENDING, State.ACTIVE)
            and grant.expires_at <= until
        ]
        return sorted(found, key=lambda grant: grant.expires_at)

    def open_grant_ids(self, role_arn: str, now: int, most: int) -> frozenset[str] | None:
        of_target = [
            *self.grants_in_state(role_arn, State.PENDING, now),
            *self.grants_in_state(role_arn, State.ACTIVE, now),
        ]
        found = [grant for grant in of_target if grant.role_arn == role_arn]
        return None if len(found) > most else frozenset(grant.id for grant in found)

    def grants_in_state(self, role_arn: str, state: State, now: int) -> list[Grant]:
        found = self.open_grants(role_arn, 10**11)
        return [grant for grant in found if grant.state is state and grant.expires_at > now]

    def record(self, record: ChainedRecord, keys: Any = (), *, now: int) -> None:
        self._answer("record")
        self._consume(keys, now)
        self.links.append(record)

    def grant(self, grant_id: str) -> Grant | None:
        self._answer("grant")
        return self.grants.get(grant_id)

    def grants_by_id(self, grant_ids: Iterable[str]) -> dict[str, Grant]:
        self._answer("grants_by_id")
        return {each: self.grants[each] for each in grant_ids if each in self.grants}

    def readable_grants(self, grant_ids: Iterable[str]) -> dict[str, Grant]:
        return self.grants_by_id(grant_ids)

    def unreadable_grant(self, grant_id: str) -> Grant | None:
        return None

    def consume(self, keys: Any, *, now: int) -> None:
        self._answer("consume")
        self._consume(keys, now)

    def newest_grant(self, owner: str) -> Grant | None:
        return next(iter(self.grants_of(owner)[0]), None)

    def grants_of(self, owner: str, after: str = "") -> tuple[list[Grant], str]:
        self._answer("grants_of")
        mine = [grant for grant in self.grants.values() if grant.owner_key == owner]
        ordered = sorted(mine, key=lambda grant: (grant.created_at, grant.id), reverse=True)
        later = [grant for grant in ordered if not after or f"{grant.created_at:012d}#{grant.id}" < after]
        page = later[:PAGE_SIZE]
        more = len(later) > PAGE_SIZE
        return page, f"{page[-1].created_at:012d}#{page[-1].id}" if more else ""

    def rejections(self, owner: str, role_arn: str, call: ReviewedCall | None, now: int) -> list[Rejection]:
        self._answer("rejections")
        rejecting = (
            (grant, vote)
            for grant in self.grants.values()
            for vote in grant.votes
            if vote.verdict is VoteVerdict.REJECT
            and rejection_key(grant.unit_key, grant.human) == owner
            and first_role(grant.role_arn) == first_role(role_arn)
        )
        found = [
            Rejection(
                grant.id,
                vote.human.name,
                vote.at,
                vote.comment,
                (grant.requested or grant).permissions,
                grant.repeated.changed if grant.repeated else "",
            )
            for grant, vote in rejecting
            if vote.at > now - REJECTION_SECONDS and (grant.call and grant.call.digest) == (call and call.digest)
        ]
        return sorted(found, key=lambda each: each.at, reverse=True)

    def counting_approvals(self, owner: str, role_arn: str, now: int) -> tuple[str, ...]:
        self._answer("counting_approvals")
        found = [
            grant
            for grant in self.grants.values()
            if grant.counts_again
            and grant.votes
            and grant.starts_at is not None
            and grant.starts_at > max([now - HISTORY_SECONDS, *self._ends_of_approvals(owner, role_arn)])
            and grant.owner_key == owner
            and first_role(grant.role_arn) == first_role(role_arn)
        ]
        return tuple(each.id for each in sorted(found, key=lambda each: each.starts_at or 0, reverse=True))

    def _ends_of_approvals(self, owner: str, role_arn: str) -> list[int]:
        revoked = (each for each in self.grants.values() if each.state is State.REVOKED and each.ending)
        return [
            each.ending.at
            for each in revoked
            if each.ending
            and ends_approvals(each)
            and (each.owner_key, first_role(each.role_arn)) == (owner, first_role(role_arn))
        ]

    def idempotency_value(self, key: str, now: int) -> str | None:
        self._answer("idempotency_value")
        _, expires_at, value = self.taken.get(key, (0, 0, ""))
        return value if expires_at > now else None

    def _answer(self, call: str) -> None:
        self.log.append(call)
        if self.broken:
            raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")

    def _consume(self, keys: Any, now: int) -> None:
        for key in keys:
            count, expires_at, _ = self.taken.get(key.key, (0, 0, ""))
            most = key.most if isinstance(key, Quota) else 1
            if expires_at > now and count >= most:
                raise Conflict(key.key)
        for key in keys:
            count = self.taken.get(key.key, (0, 0, ""))[0]
            self.taken[key.key] = (count + 1, key.expires_at, key.value if isinstance(key, SingleUseKey) else "")


@dataclass
class MemorySuspensions:
    """`jitney.adapters.suspension_item.SuspensionStore` of a store in memory; `meanwhile` runs after they were read."""

    store: MemoryStore
    reads: int = 0
    broken: bool = False
    meanwhile: Callable[[], None] = field(default=lambda: None)

    def current(self) -> Suspensions:
        self.reads += 1
        if self.broken:
            raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")
        found = self.store.suspensions
        self.meanwhile()
        return found

    def forget_lifted(self, before: Suspensions, now: int, version: str) -> None:
        kept = before.kept(now)
        if kept != before and before.version == self.store.suspensions.version:
            self.store.suspensions = kept._replace(version=version)


@dataclass
class MemoryOutOfOffice:
    """`jitney.adapters.out_of_office.OutOfOfficeStore` of a store in memory; `meanwhile` runs after they were read."""

    store: MemoryStore
    meanwhile: Callable[[], None] = field(default=lambda: None)

    def all(self) -> OutOfOfficeEntries:
        found = OutOfOfficeEntries(tuple(self.store.away.values()), self.store.unreadable_away)
        self.meanwhile()
        return found


@dataclass
class MemoryFollowUps:
    """`jitney.adapters.follow_ups.FollowUps` of a store in memory; `meanwhile` runs after they were read."""

    store: MemoryStore
    meanwhile: Callable[[], None] = field(default=lambda: None)

    def outstanding(self) -> dict[str, str]:
        found = dict(self.store.outstanding)
        self.meanwhile()
        return found


@dataclass
class MemorySessions:
    """Issues made-up credentials and remembers what was asked; `problem` is raised instead if there is one."""

    asked: list[SessionRequest] = field(default_factory=list)
    tried: list[SessionRequest] = field(default_factory=list)
    problem: Problem | None = None
    trial_problem: Problem | None = None

    def issue(self, asked: SessionRequest) -> Credentials:
        self.asked.append(asked)
        if self.problem:
            raise self.problem
        return Credentials("ASIAEXAMPLE", "canary-secret-key", "canary-session-token", asked.ends_at)

    def packed_size(self, asked: SessionRequest) -> int:
        self.tried.append(asked)
        if self.trial_problem:
            raise self.trial_problem
        return 42


@dataclass
class MemoryReviews:
    """Remembers which reviews were started and resumed; `problem` is raised instead if there is one."""

    started: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    problem: Problem | None = None

    def start(self, grant: Grant) -> bool:
        if self.problem:
            raise self.problem
        if grant.id not in self.started:
            self.started.append(grant.id)
        return grant.id not in self.gone

    def resume(self, grant: Grant, _now: int) -> None:
        if self.problem:
            raise self.problem
        self.resumed.append(grant.id)

    def running(self) -> frozenset[str]:
        if self.problem:
            raise self.problem
        return frozenset(self.started) - self.gone


@dataclass
class MemoryTaskTokens:
    """Keeps task tokens; `meanwhile` runs after one was kept."""

    kept: dict[str, tuple[str, ScheduleCheck]] = field(default_factory=dict)
    meanwhile: Callable[[], None] = field(default=lambda: None)

    def keep(self, grant_id: str, token: str, since: ScheduleCheck, now: int) -> None:
        if grant_id in self.kept and self.kept[grant_id][1].at > since.at:
            raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")
        self.kept[grant_id] = (token, since)
        self.meanwhile()

    def check_of(self, grant_id: str) -> ScheduleCheck | None:
        return self.kept[grant_id][1] if grant_id in self.kept else None


@dataclass
class MemoryTaskAnswers:
    """Keeps how tasks ended: the token with the error, or with the grant's id."""

    failed: list[tuple[str, str]] = field(default_factory=list)
    succeeded: list[tuple[str, str]] = field(default_factory=list)

    def succeed(self, token: str, grant_id: str) -> None:
        self.succeeded.append((token, grant_id))

    def fail(self, token: str, error: str) -> None:
        self.failed.append((token, error))


@dataclass
class MemorySentMessages:
    """`jitney.adapters.sent_messages.SentMessages` in memory; `broken` as in `MemoryStore`."""

    begun: set[SentMessage] = field(default_factory=set)
    broken: bool = False

    def begin(self, message: SentMessage, _now: int) -> bool:
        if self.broken:
            raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")
        new = message not in self.begun
        self.begun.add(message)
        return new

    def withdraw(self, message: SentMessage) -> None:
        self.begun.remove(message)


@dataclass
class MemoryMails:
    """`adapters.mail_sender.MailSender` in memory. It records what was sent; `codes` are the failures of addresses."""

    sent: list[tuple[MailMessage, str]] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)

    def send(self, message: MailMessage, to: str) -> str:
        code = self.codes.get(to, "")
        if not code:
            self.sent.append((message, to))
        return code


@dataclass
class MemoryDenyList:
    """`jitney.adapters.deny_list.DenyList` in memory; each method is one atomic step, as one call of DynamoDB is."""

    listed: dict[str, dict[str, DenyEntry]] = field(default_factory=dict)
    leases: dict[str, WriteLease] = field(default_factory=dict)
    leased_until: dict[str, int] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    lock: Any = field(default_factory=threading.RLock)

    def deny_entries(self, role_arn: str, now: int) -> list[DenyEntry]:
        with self.lock:
            return [each for each in self.listed.get(role_arn, {}).values() if each.until > now]

    def denied_ids(self, role_arn: str, now: int, most: int) -> list[str] | None:
        found = [each.grant_id for each in self.deny_entries(role_arn, now)]
        return found if len(found) < most else None

    def known_roles(self, configured: Iterable[str]) -> frozenset[str]:
        with self.lock:
            self.known |= set(configured)
            return frozenset(self.known)

    def seen_roles(self) -> frozenset[str]:
        with self.lock:
            return frozenset(self.known)

    def lease(self, role_arn: str) -> WriteLease:
        with self.lock:
            return self.leases.get(role_arn, WriteLease())

    def document_times(self, role_arns: Iterable[str]) -> dict[str, DocumentTimes]:
        with self.lock:
            return {each: self.leases[each].document_times for each in role_arns if each in self.leases}

    def acquire(self, role_arn: str, now: int) -> WriteLease | None:
        with self.lock:
            if now <= self.leased_until.get(role_arn, now - 1) <= now + LEASE_SECONDS + MOST_CLOCK_SKEW_SECONDS:
                return None
            self.leased_until[role_arn] = now + LEASE_SECONDS
            lease = self.lease(role_arn)
            self.leases[role_arn] = replace(lease, last_acquired=lease.last_acquired + 1, acquired_at=now)
            return self.leases[role_arn]

    def complete(self, role_arn: str, lease: WriteLease, document_digest: str) -> bool:
        with self.lock:
            if not self._ended(role_arn, lease):
                return False
            times = lease.document_times.with_document(lease.acquired_at)
            self.leases[role_arn] = replace(
                self.leases[role_arn],
                last_completed=lease.last_acquired,
                document_digest=document_digest,
                document_times=times,
                own_digests=lease.digests_with(document_digest),
            )
            return True

    def announce(self, role_arn: str, lease: WriteLease, document_digest: str) -> bool:
        with self.lock:
            mine = self.leases[role_arn].last_acquired == lease.last_acquired
            if mine:
                own = lease.digests_with(document_digest)
                self.leases[role_arn] = replace(self.leases[role_arn], own_digests=own)
            return mine

    def abandon(self, role_arn: str, lease: WriteLease) -> None:
        with self.lock:
            self._ended(role_arn, lease)

    def _ended(self, role_arn: str, lease: WriteLease) -> bool:
        mine = self.leases[role_arn].last_acquired == lease.last_acquired
        if mine:
            del self.leased_until[role_arn]
            self.leases[role_arn] = replace(self.leases[role_arn], acquired_at=0)
        return mine


@dataclass
class MemoryRolePolicies:
    """IAM: the deny document of each role, which refuses what is too long; `during` runs in the middle of a write.

    `refusals` writes are refused, `lost` calls are not answered. With `unread`, reads are refused, too.
    """

    documents: dict[str, str] = field(default_factory=dict)
    room: int = 10_240
    writes: int = 0
    refusals: int = 0
    refusal: str = "Throttling"
    lost: int = 0
    unread: bool = False
    during: Any = None

    def of(self, role: TargetRole) -> "MemoryRolePolicy":
        return MemoryRolePolicy(self, role.arn)

    def refused(self) -> PolicyRefused:
        """The refusal, which passes if it is one of those that do in the tests."""
        return PolicyRefused(self.refusal, transient=self.refusal in ("Throttling", "ServiceFailure", ""))

    def denies(self, role_arn: str) -> set[str]:
        """The ids that the document of a role denies."""
        statements = json.loads(self.documents[role_arn])["Statement"] if self.documents.get(role_arn) else []
        named = [each["Condition"].get("StringEquals", {}).get("aws:PrincipalTag/grant", []) for each in statements]
        return {grant_id for ids in named for grant_id in ids}


@dataclass
class MemoryRolePolicy:
    policies: MemoryRolePolicies
    role_arn: str

    def read(self) -> dict[str, Any] | None:
        if self.policies.unread and self.policies.refusals:
            raise self.policies.refused()
        text = self.policies.documents.get(self.role_arn)
        return json.loads(text) if text else None

    def write(self, text: str) -> None:
        iam = self.policies
        if iam.during:
            iam.during()
        if iam.lost:
            iam.lost -= 1
            raise Problem("unavailable", "IAM did not answer as it should.", "Try again in a moment.")
        if iam.refusals or len(text) > iam.room:
            iam.refusals -= 1
            raise iam.refused()
        iam.writes += 1
        iam.documents[self.role_arn] = text


@dataclass
class MemoryTrailHeartbeat:
    """The heartbeats that were sent, by alias. `silent` says that STS does not answer."""

    sent: list[str] = field(default_factory=list)
    silent: bool = False

    def send(self, target: Target) -> None:
        if self.silent:
            raise Problem("unavailable", "STS did not answer as it should.", "Try again in a moment.")
        self.sent.append(target.alias)


@dataclass
class MemoryTrailWatches:
    """`jitney.adapters.trail_watch.TrailWatches` of a store in memory; `meanwhile` runs before each change."""

    store: MemoryStore
    found: dict[str, TrailWatch | None] = field(default_factory=dict)
    meanwhile: Callable[[], None] = field(default=lambda: None)

    def note(self, target: str, at: int) -> None:
        before = self.found.get(target) or TrailWatch(target, at)
        if before.open_gap or at - before.seen_at <= GAP_SECONDS:
            self.found[target] = before._replace(seen_at=max(before.seen_at, at))

    def watches(self, *, consistent: bool = False) -> dict[str, TrailWatch | None]:
        del consistent
        return dict(self.found)

    def change(self, change: GapChange, now: int) -> None:
        del now
        self.meanwhile()
        after, before = change.after, self.found[change.after.target]
        if before is None or after.seen_at != before.seen_at or bool(after.open_gap) == bool(before.open_gap):
            raise StaleWrite
        self.found[after.target] = after
        self.store.links.append(change.record)


@dataclass
class MemoryCanary:
    """A canary that is denied from its call number `denied_at` on (from 1), None for never; it calls `meanwhile`.

    `later` has other numbers for some Regions.
    """

    denied_at: int | None = 1
    calls: int = 0
    meanwhile: Callable[[], None] = field(default=lambda: None)
    later: dict[str, int | None] = field(default_factory=dict)
    calls_in: Counter[str] = field(default_factory=Counter)

    def denial_check(self, _credentials: Credentials, region: str) -> Any:
        def denied() -> bool:
            self.calls += 1
            self.calls_in[region] += 1
            self.meanwhile()
            if region in self.later:
                number = self.later[region]
                return number is not None and self.calls_in[region] >= number
            return self.denied_at is not None and self.calls >= self.denied_at

        return denied


@dataclass
class MemoryMeasurementStarts:
    """Remembers the events of measurements; `problem` is raised instead if there is one."""

    events: list[dict[str, Any]] = field(default_factory=list)
    problem: Problem | None = None

    def start(
        self, grant_id: str, since_milliseconds: int, written_at: int, *, suspension: str = "", start_by: int = 0
    ) -> None:
        if self.problem:
            raise self.problem
        event = {"grant_id": grant_id, "since_milliseconds": since_milliseconds, "written_at": written_at}
        self.events.append(event | ({"suspension": suspension, "start_by": start_by} if suspension else {}))


@dataclass
class MemoryMaskKeys:
    """`adapters.mask_keys.MaskKeys` in memory; `asked` are the owners in their order. `broken` is KMS unreachable."""

    asked: list[str] = field(default_factory=list)
    broken: bool = False
    id: str = "mask-key-1"

    def of(self, owner: str) -> bytes:
        self.asked.append(owner)
        if self.broken:
            raise Problem("unavailable", "KMS did not answer as it should.", "Try again in a moment.")
        return hashlib.sha256(owner.encode()).digest()

    def key_or_none(self, owner: str) -> bytes | None:
        return None if self.broken else self.of(owner)


@dataclass
class MemoryGrantHistory:
    """`jitney.adapters.grant_history.GrantHistory` of a store in memory; `called` are lines of calls by grant."""

    store: MemoryStore
    called: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    cut: bool = False
    failing: bool = False

    def records(self, grant_id: str) -> HistoryPage:
        return HistoryPage([json.loads(link.text) for link in self.store.links if link.chain == grant_id], cut=False)

    def gateway_calls(self, grant_id: str) -> HistoryPage:
        chains = {link.chain for link in self.store.links if dict(link.index).get("call_of") == grant_id}
        return HistoryPage([json.loads(link.text) for link in self.store.links if link.chain in chains], cut=False)

    def calls(self, grant_id: str) -> HistoryPage:
        if self.failing:
            raise Problem("unavailable", "The audit table did not answer.", "Try again.")
        return HistoryPage(self.called.get(grant_id, []), self.cut)


@dataclass
class MemoryTargetChecks:
    """`jitney.adapters.target_checks.TargetChecks` whose AWS answers as it should, but for what `wrong` has by name."""

    wrong: dict[str, str] = field(default_factory=dict)
    tried: list[Attempt] = field(default_factory=list)
    broken: bool = False

    def run(self, attempts: Any) -> tuple[AttemptResult, ...]:
        self.tried += attempts
        if self.broken:
            raise Problem("unavailable", "AWS did not answer as it should.", "Check the target again in a moment.")
        return tuple(AttemptResult(each, self.wrong.get(each.name, each.expected[0])) for each in attempts)


@dataclass
class MemorySlackSecret:
    """A secret of a Slack app."""

    text: str = "xoxb-canary-bot-token"
    broken: bool = False

    def read(self) -> str:
        if self.broken:
            raise Problem("unavailable", "Secrets Manager did not answer as it should.", "Try again in a moment.")
        return self.text


@dataclass
class MemorySlack:
    """Slack's Web API for people by user id; `code` is what it refuses everything with, "" for nothing."""

    profiles: dict[str, SlackProfile] = field(default_factory=dict)
    code: str = ""
    modals: list[tuple[str, Any]] = field(default_factory=list)
    alone: list[tuple[str, str, str]] = field(default_factory=list)
    channels: tuple[str, ...] = ("#owners", "#late", "#others")
    posted: dict[MessageLocation, list[SlackMessage]] = field(default_factory=dict)
    replies: list[tuple[MessageLocation, str]] = field(default_factory=list)
    meanwhile: Callable[[], None] = field(default=lambda: None)

    def profile(self, user: str) -> SlackProfile:
        self._answer()
        return self.profiles[user]

    def find(self, email: str) -> SlackProfile:
        self._answer()
        for profile in self.profiles.values():
            if profile.email.casefold() == email.casefold():
                return profile
        raise SlackError("users_not_found")

    def channel_code(self, channel: str) -> str:
        self._answer()
        return "" if channel in self.channels else "channel_not_found"

    def open_modal(self, trigger: str, view: Any) -> None:
        self._answer()
        self.modals.append((trigger, view))

    def post_ephemeral(self, channel: str, user: str, sentence: str) -> None:
        self._answer()
        self.alone.append((channel, user, sentence))

    def post(self, channel: str, message: SlackMessage) -> MessageLocation:
        self._answer()
        if channel not in self.channels:
            raise SlackError("channel_not_found")
        place = MessageLocation(f"C-{channel}", str(len(self.posted)))
        self.posted[place] = [message]
        self.meanwhile()
        return place

    def update(self, place: MessageLocation, message: SlackMessage) -> None:
        self._answer()
        self.posted[place].append(message)

    def reply(self, place: MessageLocation, sentence: str) -> None:
        self._answer()
        self.replies.append((place, sentence))

    def _answer(self) -> None:
        if self.code:
            raise SlackError(self.code)


@dataclass
class MemoryMessagePlaces:
    """Where messages are."""

    kept: dict[tuple[str, str], MessageLocation] = field(default_factory=dict)

    def of(self, grant_id: str) -> dict[str, MessageLocation]:
        return {channel: place for (grant, channel), place in self.kept.items() if grant == grant_id}

    def keep(self, grant_id: str, channel: str, place: MessageLocation, now: int) -> bool:
        return self.kept.setdefault((grant_id, channel), place) == place


@dataclass
class MemoryCallStore:
    """`jitney.adapters.call_store.CallStore` of a store in memory; each method is one atomic step.

    `failing` names the methods that fail before they write, `losing` those that fail after it.
    """

    store: MemoryStore
    attempts: dict[tuple[str, str], CallAttempt] = field(default_factory=dict)
    budgets: dict[str, CallBudget] = field(default_factory=dict)
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    losing: set[str] = field(default_factory=set)

    def read(self, grant_id: str, owner: str, key: str, now: int) -> CallContext:
        with self._answering("read"):
            known = self._attempt(owner, key, now)
            return CallContext(self.store.grants.get(grant_id), self.store.suspensions, self.budget(grant_id), known)

    def attempt(self, owner: str, key: str, now: int) -> CallAttempt | None:
        with self._answering("attempt"):
            return self._attempt(owner, key, now)

    def _attempt(self, owner: str, key: str, now: int) -> CallAttempt | None:
        found = self.attempts.get((owner, key))
        return found if found and found.expires_at > now else None

    def recorded_state(self, call_id: str) -> RecordedState | None:
        with self._answering("recorded_state"):
            records = [json.loads(each.text) for each in reversed(self.store.links) if each.chain == call_id]
            return recorded_state(records[:NEWEST_RECORDS])

    def begin(
        self,
        attempt: CallAttempt,
        record: ChainedRecord,
        use: BudgetUse,
        budget: CallBudget,
        approval: ApprovedUse | None = None,
        *,
        now: int,
    ) -> int | None:
        if attempt.state is not CallState.SENDING:
            raise ValueError("a call that is being sent has the state sent")
        with self._answering("begin"):
            self._require_current(attempt, now)
            if approval and self.store.grants[approval.before.id].records != approval.before.records:
                raise StaleWrite
            place = self._use(use, now)
            self.attempts[attempt.owner, attempt.key] = attempt
            self.store.links.append(record)
            if approval:
                self.store.grants[approval.after.id] = approval.after
                self.store.links.append(approval.record)
            return place

    def finish(
        self,
        attempt: CallAttempt | None,
        record: ChainedRecord,
        use: BudgetUse,
        answer: str | None = None,
        *,
        now: int,
    ) -> None:
        with self._answering("finish"):
            if attempt:
                self._require_current(attempt, now)
            self._use(use, now)
            self.store.links.append(record)
            if attempt:
                self.attempts[attempt.owner, attempt.key] = attempt
                if answer is not None:
                    self.answers[attempt.call_id] = (attempt.answer_until, answer)

    def kept_answer(self, attempt: CallAttempt, now: int) -> dict[str, Any] | None:
        with self._answering("kept_answer"):
            until, text = self.answers.get(attempt.call_id, (0, ""))
            return json.loads(text) if until > now else None

    def budget(self, grant_id: str) -> CallBudget:
        return self.budgets.get(grant_id, CallBudget())

    def _require_current(self, attempt: CallAttempt, now: int) -> None:
        known = self.attempts.get((attempt.owner, attempt.key))
        if attempt.records == 1:
            stale = known is not None and known.expires_at > now
        else:
            stale = known is None or (known.call_id, known.records) != (attempt.call_id, attempt.records - 1)
        if stale:
            raise StaleWrite

    def _use(self, use: BudgetUse, now: int) -> int | None:
        budget = self.budget(use.grant_id)
        budget.require_left(use, now)
        place = budget.place(use, now)
        self.budgets[use.grant_id] = budget.after(use, place, now)
        return place

    @contextmanager
    def _answering(self, call: str) -> Iterator[None]:
        self.store._answer(call)
        problem = Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")
        if call in self.failing:
            raise problem
        with self.store.lock:
            yield
        if call in self.losing:
            raise problem
