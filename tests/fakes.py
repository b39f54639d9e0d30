"""In-memory adapters with the promises of the real ones, and ready-made values."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adapters.store import PAGE, Changed, Taken
from core.access.credentials import Credentials, SessionRequest
from core.access.grant import Grant, State
from core.access.request import Permission
from core.actions import Actions
from core.audit import Link
from core.once import Once, Quota
from core.problems import Problem

NOW = 1_795_521_600  # 2026-11-24T12:00:00Z
ACTIONS = Actions.load((Path(__file__).parents[1] / "functions" / "core" / "actions.bin").read_bytes())
ROLE_ARN = "arn:aws:iam::444455556666:role/jitney/jitney-target-analytics-prod"

GRANT = Grant(
    id="g-aaaaaaaaaaaaaa",
    state=State.ACTIVE,
    issuer="https://idp.example.com",
    subject="reader-agent",
    principal="local.reader-agent",
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


@dataclass
class MemoryStore:
    """`adapters.store.Store` in memory. `broken` makes every call fail as an unreachable DynamoDB does."""

    grants: dict[str, Grant] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    taken: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    broken: bool = False

    def open(self, grant: Grant, first: Link, onces: Any = (), *, now: int) -> None:
        self._answer("open")
        self._take(onces, now)
        if grant.id in self.grants:
            raise Taken("")
        self.grants[grant.id] = grant
        self.links.append(first)

    def save(self, before: Grant, after: Grant, next_link: Link, *, now: int) -> None:
        self._answer("save")
        current = self.grants[before.id]
        if (current.state, current.records) != (before.state, before.records):
            raise Changed
        self.grants[after.id] = after
        self.links.append(next_link)

    def record(self, link: Link, keys: Any = (), *, now: int) -> None:
        self._answer("record")
        self._take(keys, now)
        self.links.append(link)

    def grant(self, grant_id: str) -> Grant | None:
        self._answer("grant")
        return self.grants.get(grant_id)

    def take(self, keys: Any, *, now: int) -> None:
        self._answer("take")
        self._take(keys, now)

    def grants_of(self, owner: str, after: str = "") -> tuple[list[Grant], str]:
        self._answer("grants_of")
        mine = [grant for grant in self.grants.values() if grant.owner == owner]
        ordered = sorted(mine, key=lambda grant: (grant.created_at, grant.id), reverse=True)
        later = [grant for grant in ordered if not after or f"{grant.created_at:012d}#{grant.id}" < after]
        page = later[:PAGE]
        more = len(later) > PAGE
        return page, f"{page[-1].created_at:012d}#{page[-1].id}" if more else ""

    def held(self, key: str) -> str | None:
        self._answer("held")
        return self.taken[key][2] if key in self.taken else None

    def _answer(self, call: str) -> None:
        self.log.append(call)
        if self.broken:
            raise Problem("unavailable", "The store did not answer as it should.", "Try again in a moment.")

    def _take(self, keys: Any, now: int) -> None:
        for key in keys:
            count, expires_at, _ = self.taken.get(key.key, (0, 0, ""))
            most = key.most if isinstance(key, Quota) else 1
            if expires_at > now and count >= most:
                raise Taken(key.key)
        for key in keys:
            count = self.taken.get(key.key, (0, 0, ""))[0]
            self.taken[key.key] = (count + 1, key.expires_at, key.holds if isinstance(key, Once) else "")


@dataclass
class MemorySessions:
    """Issues made-up credentials and remembers what was asked; `problem` is raised instead if there is one."""

    asked: list[SessionRequest] = field(default_factory=list)
    problem: Problem | None = None

    def issue(self, asked: SessionRequest) -> Credentials:
        self.asked.append(asked)
        if self.problem:
            raise self.problem
        return Credentials("ASIAEXAMPLE", "canary-secret-key", "canary-session-token", asked.ends_at)


@dataclass
class MemoryReviews:
    """Remembers which reviews were started; `problem` is raised instead if there is one."""

    started: list[str] = field(default_factory=list)
    problem: Problem | None = None

    def start(self, grant: Grant) -> None:
        if self.problem:
            raise self.problem
        self.started.append(grant.id)
