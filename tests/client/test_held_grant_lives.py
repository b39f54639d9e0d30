"""Lives of held grants: keys, renewals, reviews, outages, wrong clocks, killed processes and releases (CLI 4, CLI 6).

What a holder may get, request and leave behind comes from docs/local-endpoint.md and docs/waiting.md, and from what the
broker of the life knows. The broker fails before and after each of its answers, and is slow. Reviewers and operators
act between two calls of one renewal. A profile's holder remembers its grant in a file, and its process can be killed.
"""

import re
import stat
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from jitney.client.api.broker_clock import BrokerClock
from jitney.client.api.connection import HttpResponse
from jitney.client.api.grant_members import ApiVote
from jitney.client.api.grant_request import ApiPermission, GrantRequest
from jitney.client.api.problem_members import read_problem_json
from jitney.client.api.responses import ApiCredentials, ApiGrant, GrantResponse, GrantWithCredentials
from jitney.client.holding import grant_uses, held_grant, slice_source
from jitney.client.holding.grant_cache import locked_entry
from jitney.client.holding.held_grant import HeldGrant
from jitney.client.holding.slice_source import SliceSource
from jitney.client.holding.slices import Slice, Slices
from jitney.client.problems import ClientProblem, Unavailable
from tests.examples import examples
from tests.lives import Chooser, live_many

START = 1_800_000_000.0
SLICES = Slices(seconds=60, margin=20)
MOST_PAUSE = 5.0
CODES = {"expired": "grant_ended", "failed": "grant_ended"}
ENTRY = re.compile(rb"(g-[a-z2-7]{14}| {16}) {48}")
FAULTS = ("no answer", "lost", "busy", "slow", "killed before", "killed after")
MEANWHILE = ("approve", "reject", "revoke", "withdraw", "release", "deny", "other agent")


class KilledError(Exception):
    """The process was killed at this call."""


@dataclass
class Known:
    """A grant as the broker knows it. `at` is the number of the step in which it ended."""

    id: str
    need: GrantRequest
    agent: str
    state: str
    start: float
    end: float
    reviewed: bool = False
    issued: bool = False
    at: int = 0


@dataclass
class Key:
    """A key that the broker issued."""

    grant: Known
    end: float


@dataclass
class Holder:
    """A process that holds a grant, and what it knows. `failures` are its problems, with their times."""

    name: str
    need: GrantRequest | str
    held: HeldGrant
    closing: ExitStack
    known: list[Known] = field(default_factory=list)
    collected: set[str] = field(default_factory=set)
    failures: list[tuple[ClientProblem, float]] = field(default_factory=list)
    uses: list[grant_uses.GrantUse] = field(default_factory=list)
    asides: list[Callable[[], None]] = field(default_factory=list)
    agent: str = ""
    key: Key | None = None
    ended: bool = False
    troubled: bool = False


def text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def refusal(code: str, **members: Any) -> ClientProblem:
    return read_problem_json(409, {"code": code, "title": "Refused", "detail": "Why.", "fix": "What to do."} | members)


class LifeBroker:
    """The broker of a life, which checks each request. A `Broker` has its methods and its clock."""

    def __init__(self, life: "HeldLives") -> None:
        self.life, self.now, self.ahead = life, START, 0.0
        self.clock = BrokerClock(lambda: self.now + self.ahead, lambda: self.now)
        self.grants: dict[str, Known] = {}
        self.keys: dict[str, Key] = {}
        self.mode, self.closes_at, self.agent, self.token_seconds = "allow", float("inf"), "reader", 0
        self.faults: list[str] = []
        self.faulty = False

    def request(self, request: GrantRequest, *, credential_seconds: int | None = None) -> GrantResponse:
        answer: GrantResponse = self._answered(lambda: self._request(request, credential_seconds or 0))
        self.life.knows(self.grants[answer.grant.id])
        return answer

    def credentials(self, number: str, *, credential_seconds: int | None = None) -> GrantWithCredentials:
        def issue() -> GrantWithCredentials:
            known = self._own(number)
            if (state := self.state(known)) != "active":
                raise refusal(CODES.get(state, f"grant_{state}"))
            return GrantWithCredentials(self._view(known), self._key(known, credential_seconds or 0))

        return self._answered(issue)

    def grant(self, number: str) -> GrantResponse:
        return self._answered(lambda: GrantResponse(self._view(self._own(number))))

    def release(self, number: str) -> GrantResponse:
        def release() -> GrantResponse:
            self.end(self._own(number), "released")
            return GrantResponse(self._view(self._own(number)))

        return self._answered(release)

    def end(self, known: Known, state: str) -> None:
        if self.state(known) in ("pending", "active"):
            known.state, known.at = state, self.life.step

    def state(self, known: Known) -> str:
        is_over = known.state in ("pending", "active") and self.now >= known.end
        return "expired" if is_over else known.state

    def _answered(self, act: Callable[[], Any]) -> Any:
        """Answer a call, unless the life says otherwise. Each answer has a Date."""
        fault = self.faults.pop(0) if self.faults else ""
        if fault in MEANWHILE:
            self.life.meanwhile(fault)
        self.faulty = self.faulty or fault in FAULTS
        if fault == "killed before":
            raise KilledError
        if fault == "no answer":
            raise Unavailable("no_response", "No answer", "The broker did not answer.", "Try again.")
        self.now += 70 if fault == "slow" else 0
        try:
            if fault == "busy":
                raise Unavailable("store_busy", "Busy", "The store is busy.", "Try again.", {"retry_seconds": 3})
            answer = act()
        finally:
            self.clock.timed(lambda: HttpResponse("", 200, {"date": formatdate(self.now, usegmt=True)}))
        if fault == "killed after":
            raise KilledError
        if fault == "lost":
            raise Unavailable("no_response", "No answer", "The answer was lost.", "Try again.")
        return answer

    def _request(self, request: GrantRequest, seconds: int) -> GrantResponse:
        self.life.requested()
        if self.mode == "deny":
            raise refusal("denied")
        if self.now + request.duration_seconds > self.closes_at:
            raise refusal("denied", longest_seconds=max(0, int(self.closes_at - self.now)))
        equal = [each for each in self.grants.values() if (each.need, each.agent) == (request, self.agent)]
        joined = [each for each in equal if self.state(each) == "pending"]
        joined += [each for each in equal if self.state(each) == "active" and each.reviewed and not each.issued]
        known = joined[-1] if self.mode == "review" and joined else self._new(request)
        keys = self._key(known, seconds) if self.state(known) == "active" and not joined else None
        return GrantResponse(self._view(known), keys)

    def _new(self, request: GrantRequest) -> Known:
        number = f"g-{len(self.grants):014d}".translate(str.maketrans("0189", "wxyz"))
        end = self.now + (3600 if self.mode == "review" else request.duration_seconds)
        state = "pending" if self.mode == "review" else "active"
        known = Known(number, request, self.agent, state, self.now, min(end, self._token_end()))
        return self.grants.setdefault(number, known)

    def _token_end(self) -> float:
        """The token that the agent has is the same for some time, and grants end with it."""
        life = self.token_seconds
        return self.now - self.now % life + life if life else float("inf")

    def approve(self, known: Known) -> None:
        known.state, known.start, known.reviewed = "active", self.now, True
        known.end = min(self.now + known.need.duration_seconds, self._token_end())

    def _own(self, number: str) -> Known:
        known = self.grants.get(number)
        if known is None or known.agent != self.agent:
            raise refusal("grant_not_found")
        return known

    def _key(self, known: Known, seconds: int) -> ApiCredentials:
        key, known.issued = Key(known, min(self.now + seconds, known.end)), True
        self.keys[f"key-{len(self.keys)}"] = key
        return ApiCredentials(f"key-{len(self.keys) - 1}", "secret", "token", text(key.end))

    def _view(self, known: Known) -> ApiGrant:
        votes = (ApiVote("corp.alice", "approve", "", text(known.start)),) if known.reviewed else ()
        seconds, begun = known.need.duration_seconds, None if known.state == "pending" else text(known.start)
        times = {"expires_at": text(known.end), "starts_at": begun}
        return ApiGrant(
            known.id, self.state(known), known.need.target, (), seconds, text(START), **times, votes=votes,
            principal=known.agent,
        )  # fmt: skip


class HeldLives:
    """Holders on one machine: two of equal requests, one of another target, and one of a grant's id."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.step, self.wrong = folder, 0, False
        self.spoilt: set[str] = set()
        for path in folder.glob("*/*"):
            path.unlink()
        self.broker = LifeBroker(self)
        self.holders: dict[str, Holder] = {}
        self.asking: Holder | None = None

    # What programs do.

    def ask(self, name: str, seconds: int, faults: list[str], *, later: bool) -> None:
        """A program asks for keys. A renewal beside it ends at once, or `later`."""
        holder, broker = self.holders.get(name) or self.begin(name, seconds), self.broker
        self.step, self.asking = self.step + 1, holder
        self.wrong = abs(broker.clock.now() - broker.now) > 1
        broker.faults, broker.faulty = list(faults), False
        try:
            keys = holder.held.credentials()
        except KilledError:
            self.kill(name)
        except ClientProblem as problem:
            self.refused(holder, problem)
        else:
            self.given(holder, keys)
        finally:
            self.asking = None
        if not later:
            self.finish(name)
        broker.faults = []
        holder.troubled = holder.troubled or (holder.ended and broker.faulty)

    def finish(self, name: str) -> None:
        """The renewals beside the program's calls take place."""
        holder = self.holders.get(name)
        while holder and holder.asides:
            self.asking = holder
            try:
                holder.asides.pop()()
            except KilledError:
                self.kill(name)
            finally:
                self.asking = None

    def begin(self, name: str, seconds: int) -> Holder:
        need: GrantRequest | str = GrantRequest(
            "billing-prod" if name == "other" else "analytics-prod",
            (ApiPermission(("s3:GetObject",), ("*",)),),
            seconds if name == "other" else 300,
            "monthly report",
        )
        if name == "named" and self.broker.grants:
            need = [*self.broker.grants][-1]
        asides: list[Callable[[], None]] = []
        more: dict[str, Any] = {"slices": SLICES, "aside": asides.append}
        closing = ExitStack()
        if name in ("profile", "other"):
            more["memory"] = closing.enter_context(locked_entry(self.folder / "grants", f"key-{name}-{seconds}"))
        held = HeldGrant(self.broker, need, on_failure=lambda problem: self.failed(holder, problem), **more)  # type: ignore[arg-type]
        holder = self.holders[name] = Holder(name, need, held, closing, asides=asides)
        remembered = more["memory"].grant_id if "memory" in more else ""
        holder.known += [self.broker.grants[remembered]] if remembered in self.broker.grants else []
        return holder

    def kill(self, name: str) -> None:
        if holder := self.holders.pop(name, None):
            holder.closing.close()
            for each in holder.uses:
                each.end()

    def end(self, name: str, faults: list[str]) -> None:
        if holder := self.holders.get(name):
            self.broker.faults = list(faults)
            self.asking = holder
            try:
                self.release(holder)
            except KilledError:
                self.kill(name)
                return
            finally:
                self.asking, self.broker.faults = None, []
            self.finish(name)
            with pytest.raises(ClientProblem):
                holder.held.credentials()
            self.holders.pop(name)
            holder.closing.close()
            self.left_by(holder)

    def release(self, holder: Holder) -> None:
        holder.ended = True
        try:
            holder.held.release()
        except ClientProblem:
            holder.troubled = True

    def spoil(self, content: bytes) -> None:
        """The files of holders that do not run lose what they hold."""
        for path in (self.folder / "grants").glob("*"):
            if path.name.split("-")[1] not in self.holders:
                path.write_bytes(content)
                self.spoilt.add(path.name)

    # What people and time do.

    def meanwhile(self, act: str) -> None:
        if act == "release" and self.asking:
            asking, faults = self.asking, self.broker.faults
            self.broker.faults = []
            self.release(asking)
            self.broker.faults = faults
        acts = {"deny": lambda: self.policies("deny"), "other agent": lambda: self.sign_in("writer")}
        acts.get(act, lambda: self.decide(act))()

    def decide(self, verdict: str) -> None:
        for known in [*self.broker.grants.values()][-1:]:
            state = self.broker.state(known)
            if verdict == "approve" and state == "pending":
                self.broker.approve(known)
            elif verdict == "reject" and state == "pending":
                self.broker.end(known, "rejected")
            elif verdict == "revoke" and state == "active":
                self.broker.end(known, "revoked")
            elif verdict == "withdraw":
                self.broker.end(known, "released")

    def policies(self, mode: str) -> None:
        self.broker.mode = mode

    def close_at(self, seconds: float) -> None:
        self.broker.closes_at = self.broker.now + seconds

    def tokens(self, seconds: int) -> None:
        self.broker.token_seconds = seconds

    def sign_in(self, agent: str) -> None:
        self.broker.agent = agent

    def wait(self, seconds: float) -> None:
        self.broker.now += seconds

    def set_clock(self, ahead: float) -> None:
        self.broker.ahead = ahead

    # What must hold.

    def given(self, holder: Holder, keys: ApiCredentials) -> None:
        key = self.broker.keys[keys.access_key_id]
        assert not holder.ended, "keys after the release"
        assert key.end > self.broker.now - 1, "keys that have ended"
        assert keys.expiration == text(key.end)
        asked = key.grant.id if isinstance(holder.need, str) else key.grant.need.target
        assert asked == (holder.need if isinstance(holder.need, str) else holder.need.target)
        holder.agent = holder.agent or key.grant.agent
        assert key.grant.agent == holder.agent, "keys of another agent"
        holder.key = key
        holder.collected.add(key.grant.id)

    def refused(self, holder: Holder, problem: ClientProblem) -> None:
        assert problem.fix, problem
        if holder.ended:
            return
        has_keys = holder.key and holder.key.end - self.broker.now > SLICES.usable + 1
        assert not has_keys or self.wrong, f"refused with keys at hand: {problem}"
        noted, at = holder.failures[-1]
        assert problem is noted
        is_final = problem.code in ("grant_rejected", "grant_revoked", "agent_changed")
        assert is_final or self.broker.now - at <= MOST_PAUSE, "an old failure"

    def failed(self, holder: Holder, problem: ClientProblem) -> None:
        """A call failed: there is a reason for it now."""
        holder.failures.append((problem, self.broker.now))
        states = [each.state for each in self.broker.grants.values()]
        reasons = {
            "denied": self.broker.mode == "deny" or self.broker.closes_at < float("inf"),
            "grant_pending": "pending" in states,
            "grant_rejected": "rejected" in states,
            "grant_revoked": "revoked" in states,
            "agent_changed": holder.agent not in ("", self.broker.agent),
            "grant_released": holder.ended or isinstance(holder.need, str),
            "grant_ended": isinstance(holder.need, str),
            "grant_not_found": isinstance(holder.need, str),
        }
        assert reasons.get(problem.code, self.broker.faulty), f"no reason for {problem.code}"

    def requested(self) -> None:
        """A holder requests a grant: no grant that it knows would do, and no person ended its last one."""
        holder, broker = self.asking, self.broker
        assert holder
        assert not isinstance(holder.need, str), "a named grant is requested"
        for known in (each for each in holder.known if each.agent == broker.agent):
            state, left = broker.state(known), known.end - broker.now
            margin = max(SLICES.usable, min(SLICES.margin, (known.end - known.start) / 3))
            assert state != "pending", "a request while one is under review"
            assert state != "active" or left <= margin + 1 or self.wrong, "a request beside an open grant"
        for last in [each for each in holder.known if each.agent == broker.agent][-1:]:
            assert last.state not in ("rejected", "revoked") or last.at == self.step, "a request after a person's no"
        if len(holder.known) > 1:
            before, last = holder.known[-2:]
            lasting = before.state == "active" and broker.state(last) == "active" and last.end > broker.now + 1
            wins = last.end > before.end or last.agent != before.agent
            assert wins or not lasting or self.wrong, "requests that win no time"

    def knows(self, known: Known) -> None:
        if self.asking and known not in self.asking.known:
            self.asking.known.append(known)

    def left_by(self, holder: Holder) -> None:
        """A holder that ends leaves no grant, except to another holder, or one that was approved and not collected."""
        used = {each.id for other in self.holders.values() for each in other.known}
        for each in holder.known:
            is_left = self.broker.state(each) == "active" and each.agent == self.broker.agent
            may_be_left = each.id in used or (each.reviewed and each.id not in holder.collected)
            assert not is_left or may_be_left or holder.troubled, "a grant is left"

    def check(self) -> None:
        for path in self.folder.glob("*/*"):
            assert path.parent.name == "uses" or ENTRY.fullmatch(path.read_bytes()) or path.name in self.spoilt
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


STEPS: dict[str, Chooser] = {
    "ask": lambda random: {
        "name": random.choice(["profile", "profile", "run", "other", "named"]),
        "seconds": random.choice([30, 60, 300]),
        "faults": random.choices(["", *FAULTS, *MEANWHILE], [30, *len(FAULTS) * [1], *len(MEANWHILE) * [1]], k=4),
        "later": random.random() < 0.2,
    },
    "end": lambda random: {
        "name": random.choice(["profile", "run", "other", "named"]),
        "faults": random.choice([["no answer"], ["lost"], ["killed before"], [], [], []]),
    },
    "kill": lambda random: {"name": random.choice(["profile", "run", "other"])},
    "spoil": lambda random: {"content": random.choice([b"", b"\xff" * 99, b"g-", b"g-zzzzzzzzzzzzzz".ljust(64)])},
    "decide": lambda random: {"verdict": random.choice([*3 * ["approve"], "reject", "revoke", "withdraw"])},
    "policies": lambda random: {"mode": random.choice(["allow", "allow", "review", "deny"])},
    "close_at": lambda random: {"seconds": random.choice([40, 200, 400, float("inf"), float("inf")])},
    "tokens": lambda random: {"seconds": random.choice([0, 45, 600])},
    "sign_in": lambda random: {"agent": random.choice(["reader", "reader", "reader", "writer"])},
    "wait": lambda random: {"seconds": random.choice([1, 3, 6, 15, 27, 41, 54, 100, 300, 4000])},
    "set_clock": lambda random: {"ahead": random.choice([0.0, 0.0, 8 * 3600.0, -8 * 3600.0, 100.0])},
}
OFTEN = (*12 * ["ask"], *6 * ["wait"], *2 * ["decide"], "policies", "end")


@pytest.fixture
def folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the state. A release in a call that is under way does not wait for it."""
    monkeypatch.setattr(held_grant, "RELEASE_SECONDS", 0.0)
    return home / ".local/state/jitney"


def lived(folder: Path, monkeypatch: pytest.MonkeyPatch, lives: int) -> None:
    class NotedUse(grant_uses.GrantUse):
        def __init__(self, grant_id: str) -> None:
            super().__init__(grant_id)
            if asking := present[-1].asking:
                asking.uses.append(self)

    present: list[HeldLives] = []

    def start() -> HeldLives:
        present[:] = [HeldLives(folder)]
        return present[0]

    monkeypatch.setattr(grant_uses, "GrantUse", NotedUse)
    live_many(start, STEPS, OFTEN, lives)


def test_cli_04_no_life_of_a_held_grant_has_ended_keys_or_needless_requests_or_leaves_a_grant(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    lived(folder, monkeypatch, examples(100))


PLANTED: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "gives keys that have ended": (Slice, "left", lambda held, now: held.ends_at - now + 30),
    "requests beside an open grant": (Slice, "ends_with_grant", lambda *_: True),
    "requests after a revocation": (SliceSource, "_require_no_revocation", lambda *_: None),
    "takes the grant of another agent": (slice_source, "_require_same_agent", lambda *_: None),
    "keeps a failure": (HeldGrant, "_failed", lambda held, _: held._failure and held._failure[0]),
    "leaves its grant": (grant_uses.RequestedGrants, "taken", lambda _: []),
    "goes on after its release": (HeldGrant, "_require_held", lambda _: None),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_cli_04_a_planted_bug_in_a_held_grant_is_found(bug: str, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(*PLANTED[bug])
    with pytest.raises(AssertionError, match=r"^seed"):
        lived(folder, monkeypatch, 300)
