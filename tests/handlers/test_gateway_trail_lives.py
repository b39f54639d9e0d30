"""Lives of the gateway's events: any order, faults and stolen keys, against an independent model (rows AUD 3, GW 8).

The model knows each request that AWS received and what the gateway recorded of it. It never looks at the order in which
events and records arrive. What explains an event comes from docs/gateway-records.md and docs/trail.md.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import EndpointConnectionError

from jitney.adapters import trail
from jitney.core.call_lookup import read_call_id
from jitney.core.gateway.call_records import AnswerFacts, RecordedCall, call_record
from jitney.core.records.audit import GENESIS_HASH, Outcome, chain_record
from jitney.core.trail import call_join
from jitney.core.trail.join import verdict_precedence
from jitney.handlers.trail import trail_events
from tests.cloudtrail_events import assume_role_event, call_event, forwarded_event, identity
from tests.fakes import NOW
from tests.handlers.test_gateway_join import CALLS, GET, GRANT, ORIGIN, PUT, READS, Gateway

pytestmark = pytest.mark.usefixtures("functions_environment")

ADMIN = "AROAADMINAAAAAAAAAAAA"
LIVES = 24
OPERATIONS = {"PutObject": PUT, "GetObject": GET}
SECOND_READER, DISPUTED = "reads-2", "bypass"
"""What the model calls a bypass with a key of disputed origin. Another reason for a bypass that came first stays."""


class MadeEvent(NamedTuple):
    """An event, when AWS made it, and the verdict that the model expects: a match, or a reason."""

    event: dict[str, Any]
    at: int
    expected: str


class Truth:
    """What happened in one life: the records with their times, and the events with their verdicts."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.records: list[tuple[int, Any, str]] = []
        self.events: list[MadeEvent] = []
        self.sessions: dict[str, str] = {}
        self.numbers = iter(range(2, 10_000))
        for key in ("reads-1", SECOND_READER):
            self.start(key, READS, NOW + 5)
        acts = (self.read, self.lost_read, self.unreached_read, self.write, self.lost_write, self.repeated_write)
        for act in (*acts, *chance.choices(acts, k=6)):
            act(NOW + 10 + chance.randrange(200))
        if chance.random() < 0.5:
            stolen = {_key_of(each.event) for each in self.events if each.expected == "unrecorded"}
            self.forge(chance.choice([key for key in sorted(self.sessions) if _key(key) in stolen or not stolen]))

    # What the gateway does.

    def read(self, at: int) -> None:
        key = self.chance.choice(("reads-1", SECOND_READER))
        number = self.event(key, at, "GetObject", "recorded")
        answer = AnswerFacts(200, f"request-{number}", 12)
        call_id = read_call_id(_key(key), answer.aws_request_id)
        self.record(at + self.chance.randrange(20), call_id, (Outcome.ANSWERED, key, "", answer), call=GET)
        self.steal(key, at)

    def lost_read(self, at: int) -> None:
        call_id = self.new_call()
        self.record(at, call_id, (Outcome.FAILED, "reads-1", "call_may_have_run", None), call=GET)
        self.event("reads-1", at, "GetObject", "answer_lost")

    def unreached_read(self, at: int) -> None:
        call_id = self.new_call()
        self.record(at, call_id, (Outcome.FAILED, SECOND_READER, "upstream_unreached", None), call=GET)

    def write(self, at: int) -> None:
        call_id, key = self.new_call(), f"write-{next(self.numbers)}"
        self.start(key, f"{call_id}-{GRANT.id}", at)
        number = self.event(key, at + 2, "PutObject", "recorded")
        answer = AnswerFacts(200, f"request-{number}", 12)
        self.record(at, call_id, (Outcome.SENT, "", "", None), call=PUT)
        self.record(at + 3 + self.chance.randrange(20), call_id, (Outcome.ANSWERED, key, "", answer), call=PUT)
        self.steal(key, at + 2)

    def lost_write(self, at: int) -> None:
        call_id, key = self.new_call(), f"write-{next(self.numbers)}"
        self.start(key, f"{call_id}-{GRANT.id}", at)
        self.event(key, at + 2, "PutObject", "answer_lost")
        self.record(at, call_id, (Outcome.SENT, "", "", None), call=PUT)
        if self.chance.random() < 0.5:
            self.record(at + 9, call_id, (Outcome.FAILED, key, "call_may_have_run", None), call=PUT)

    def repeated_write(self, at: int) -> None:
        """A call that AWS throttled, or that did not reach AWS, and that the agent repeated with the same key."""
        call_id, first, second = self.new_call(), f"write-{next(self.numbers)}", f"write-{next(self.numbers)}"
        self.record(at, call_id, (Outcome.SENT, "", "", None), call=PUT)
        self.start(first, f"{call_id}-{GRANT.id}", at)
        if self.chance.random() < 0.5:
            number = self.event(first, at + 1, "PutObject", "recorded", errorCode="SlowDown")
            failed = (Outcome.FAILED, first, "throttled", AnswerFacts(503, f"request-{number}", 9))
        else:
            failed = (Outcome.FAILED, first, "upstream_unreached", None)
            self.event(first, at + 1, "PutObject", "unrecorded")  # by a thief
        self.record(at + 2, call_id, failed, call=PUT)
        again = at + 30
        self.record(again, call_id, (Outcome.SENT, "", "", None), call=PUT)
        self.start(second, f"{call_id}-{GRANT.id}", again)
        number = self.event(second, again + 1, "PutObject", "recorded")
        answer = AnswerFacts(200, f"request-{number}", 12)
        self.record(again + 2, call_id, (Outcome.ANSWERED, second, "", answer), call=PUT)
        self.steal(second, again + 2)

    # What thieves do.

    def steal(self, key: str, at: int) -> None:
        """Call with the keys of a session whose calls are on record."""
        name = self.chance.choice(("", "PutObject", "late"))
        if name == "late" and key.startswith("write"):
            self.event(key, at + 300, "PutObject", "after_the_call")
        elif name and (key == SECOND_READER or key.startswith("write")):
            self.event(key, at, "PutObject", "unrecorded")

    def forge(self, key: str) -> None:
        """Report another origin of a key. Then no call with the key is explained."""
        more = {"at": NOW + 6, "by": ADMIN, "key": _key(key), "session": self.sessions[key]}
        event = assume_role_event(next(self.numbers), **more)
        self.events = [
            each._replace(expected=DISPUTED) if _key_of(each.event) == _key(key) else each for each in self.events
        ]
        self.events.append(MadeEvent(event, NOW + 6, DISPUTED))

    # How it is written down.

    def new_call(self) -> str:
        return f"c-{'abcdefghijkl'}{_letters(next(self.numbers))}"

    def start(self, key: str, session: str, at: int) -> None:
        self.sessions[key] = session
        event = assume_role_event(next(self.numbers), at=at, by=CALLS, key=_key(key), session=session)
        self.events.append(MadeEvent(event, at, ""))

    def event(self, key: str, at: int, name: str, expected: str, **more: Any) -> int:
        number = next(self.numbers)
        who = identity(session=self.sessions[key], key=_key(key))
        self.events.append(MadeEvent(call_event(number, at=at, who=who, eventName=name, **more), at, expected))
        return number

    def record(
        self, at: int, call_id: str, said: tuple[Outcome, str, str, AnswerFacts | None], *, call: RecordedCall
    ) -> None:
        outcome, key, code, answer = said
        signed = replace(call, access_key_id=_key(key) if key else "")
        self.records.append((at, call_record(GRANT, signed, outcome, ORIGIN, at, code=code, answer=answer), call_id))


def _letters(number: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    return letters[number // 32 % 32] + letters[number % 32]


def _key(name: str) -> str:
    kind, _, number = name.partition("-")
    return f"ASIA{kind.upper():A<8}{int(number):08d}"


def _key_of(event: dict[str, Any]) -> str:
    answer = event["responseElements"] or {}
    found = answer.get("credentials", event["userIdentity"])["accessKeyId"]
    return str(found)


class GatewayLife(Gateway):
    """The correlator, with a queue that delivers again what failed, and a table that fails before or after a write."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.chance = Random(seed)
        self.truth = Truth(self.chance)
        self.store.grants[GRANT.id] = replace(GRANT, expires_at=NOW + 3600)
        self.messages: list[tuple[int, str]] = []
        self.chains: dict[str, tuple[int, str]] = {}
        self.faults = True
        put = self.table.put_item

        def put_item(**asked: Any) -> None:
            put(**asked)
            self.fail()

        self.table.before = self.fail
        self.table.put_item = put_item  # type: ignore[method-assign]

    def fail(self) -> None:
        if self.faults and self.chance.random() < 0.02:
            raise EndpointConnectionError(endpoint_url="https://aws.invalid")

    def live(self) -> None:
        for made in self.truth.events:
            for _ in range(self.chance.choice((1, 1, 2))):
                delay = self.chance.choice((0, 1, 5, 60, 200, 1000, 4000))
                self.messages.append((made.at + delay, forwarded_event(made.event)))
        moments = sorted({at for at, _ in self.messages} | {at for at, _, _ in self.truth.records})
        for self.now in [*moments, *range(NOW + 5000, NOW + 20_000, 900)]:
            self.faults = self.now < NOW + 5000
            self.write_records()
            self.deliver()
            if self.chance.random() < 0.05:
                self.start()

    def write_records(self) -> None:
        """Write the records that are due. The gateway's own writes are other tests' matter."""
        due = sorted((each for each in self.truth.records if each[0] <= self.now), key=lambda each: each[0])
        self.truth.records = [each for each in self.truth.records if each[0] > self.now]
        faults, self.faults = self.faults, False
        for _, record, call_id in due:
            number, head = self.chains.get(call_id, (0, GENESIS_HASH))
            link = self.write(chain_record(record, call_id, number, head))
            self.chains[call_id] = number + 1, link.hash
        self.faults = faults

    def deliver(self) -> None:
        due = [body for at, body in self.messages if at <= self.now]
        self.messages = [each for each in self.messages if each[0] > self.now]
        self.chance.shuffle(due)
        while due:
            size = self.chance.randrange(1, 5)
            batch, due = due[:size], due[size:]
            failed = self.receive(*batch)
            self.messages += [(self.now + 1, batch[int(each)]) for each in failed]
            asked, self.queue.asked = self.queue.asked, []
            again = [{"judge_calls": {"account": account, "access_key_id": key}} for account, key in asked]
            self.messages += [(self.now + 900, json.dumps(each)) for each in again]

    def lines(self) -> dict[str, dict[str, Any]]:
        """Return the final line of each event, as the view unique_calls shows it."""
        found: dict[str, list[dict[str, Any]]] = {}
        for item in self.table.items.values():
            if "line" in item:
                line = json.loads(item["line"]["S"])
                found.setdefault(line["event_id"], []).append(line)
        return {
            event_id: max(lines, key=lambda line: verdict_precedence(line["reasons"]))
            for event_id, lines in found.items()
        }

    def check(self) -> None:
        expected = {_id_of(each.event): each.expected for each in self.truth.events}
        found = {event_id: _said(line, expected[event_id]) for event_id, line in self.lines().items()}
        assert found == expected
        recorded = {code for each in self.records() for code in (each["event"], each["code"])}
        assert recorded >= {each for each in expected.values() if each in ("unrecorded", DISPUTED, "after_the_call")}


def _said(line: dict[str, Any], expected: str) -> str:
    if expected == DISPUTED:
        return str(line["verdict"])
    return line["reasons"][0] if line["reasons"] else str(line["record_match"])


def _id_of(event: dict[str, Any]) -> str:
    return str(event.get("sharedEventID") or event["eventID"])


def live_many(seeds: Iterable[int]) -> None:
    for seed in seeds:
        life = GatewayLife(seed)
        life.live()
        life.check()


@pytest.mark.parametrize("part", range(2))
def test_gw_08_each_event_has_one_verdict_in_any_order_with_any_fault(part: int):
    live_many(range(part, LIVES, 2))


def _decides_before_the_outcome(patch: pytest.MonkeyPatch) -> None:
    match = call_join._match
    patch.setattr(call_join, "_match", lambda call, recorded, may_follow: match(call, recorded, may_follow=False))


def _knows_only_the_first_attempt(patch: pytest.MonkeyPatch) -> None:
    attempts = call_join._attempts_in
    patch.setattr(call_join, "_attempts_in", lambda records: attempts(records)[:1])


def _counts_what_did_not_reach_aws(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(call_join, "NOT_RECEIVED", frozenset())


def _joins_any_request_of_a_session(patch: pytest.MonkeyPatch) -> None:
    match = call_join._match

    def lax(call: Any, recorded: Any, *, may_follow: bool) -> Any:
        return match(replace(call, request_id=""), recorded, may_follow=may_follow)

    patch.setattr(call_join, "_match", lax)


def _keeps_the_verdicts_on_disputed_keys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trail, "JOINED", ("EXPLAINED", "BEYOND"))


def _keeps_no_call_that_waits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trail.Trail, "save_call", lambda *_: None)


def _forgets_a_call_that_failed(patch: pytest.MonkeyPatch) -> None:
    saved: set[str] = set()
    save = trail.Trail.save_verdict

    def once(self: Any, call: Any, *more: Any, **members: Any) -> None:
        if call.event_id not in saved:
            saved.add(call.event_id)
            save(self, call, *more, **members)

    patch.setattr(trail.Trail, "save_verdict", once)


def _uses_a_session_of_one_call_for_ever(patch: pytest.MonkeyPatch) -> None:
    classify = trail_events.classify_call

    def lax(*given: Any, **more: Any) -> Any:
        verdict = classify(*given, **more)
        return verdict and verdict._replace(reasons=tuple(each for each in verdict.reasons if each != "after_the_call"))

    patch.setattr(trail_events, "classify_call", lax)


PLANTED: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "decides before the outcome is on record": _decides_before_the_outcome,
    "knows only the first attempt of a call": _knows_only_the_first_attempt,
    "counts what did not reach AWS": _counts_what_did_not_reach_aws,
    "joins any request of a session": _joins_any_request_of_a_session,
    "keeps the verdicts on disputed keys": _keeps_the_verdicts_on_disputed_keys,
    "keeps no call that waits": _keeps_no_call_that_waits,
    "forgets a call whose verdict failed": _forgets_a_call_that_failed,
    "lets a session of one call last": _uses_a_session_of_one_call_for_ever,
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_gw_08_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch):
    PLANTED[bug](monkeypatch)
    with pytest.raises(AssertionError):
        live_many(range(LIVES))
