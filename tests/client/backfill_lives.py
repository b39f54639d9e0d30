"""The steps of the lives of backfills: a person backfills, and the correlator works, fails and dies."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Any

from botocore.exceptions import EndpointConnectionError

from jitney.client.audit.backfill import Backfill, BackfillOptions
from jitney.client.problems import Invalid, Unavailable
from jitney.core.times import utc_date
from tests.client.backfill_events import TrailEvents
from tests.client.backfill_model import DAY, rank
from tests.cloudtrail_events import MemoryQueue
from tests.handlers.test_correlator import Correlator

RULES = frozenset({"older than the retention of grants"})


class Crash(BaseException):
    """The correlator's process has died."""


class Again(MemoryQueue):
    """Requests for new verdicts wait for 15 minutes."""

    def __init__(self, life: "BackfillLives") -> None:
        super().__init__()
        self.life = life

    def requeue(self, account: str, access_key_id: str) -> None:
        body = json.dumps({"judge_calls": {"account": account, "access_key_id": access_key_id}})
        if all(body != each for _, each in self.life.messages):
            self.life.messages.append((self.life.now + 900, body))


class BackfillLives(TrailEvents):
    """One life."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = Again(self)
        self.start()
        self.reports: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.ranks: dict[str, int] = {}
        self.failures = 0
        self.fuse: int | None = None
        self.dies = False
        self.table.before = self._burn
        put = self.table.put_item

        def put_item(**asked: Any) -> None:
            put(**asked)
            self._burn()

        self.table.put_item = put_item  # type: ignore[method-assign]

    def _burn(self) -> None:
        if self.fuse is None:
            return
        self.fuse -= 1
        if self.fuse < 0:
            self.fuse = None
            self.failures += 1
            raise Crash if self.dies else EndpointConnectionError(endpoint_url="https://aws.invalid")

    def backfill(self, since: int, days: int, stop_after: int | None, accounts: tuple[str, ...]) -> None:
        first = utc_date(self.now - since * DAY)
        self._run(first, date.fromordinal(first.toordinal() + days), accounts, stop_after)

    def _run(self, since: date, until: date, accounts: tuple[str, ...] = (), stop_after: int | None = None) -> Any:
        self.bucket.stop_after = stop_after
        options = BackfillOptions("trail", "", "queue", since, until, accounts, 100, dry_run=False)
        run = Backfill(options, lambda *_: None, self.now, lambda _: None)
        try:
            run.run()
        except Unavailable:
            assert stop_after is not None
        except Invalid as problem:
            assert problem.code == "no_files_found"
            assert not all(any(f"/{each}/" in key for key in self.bucket.files) for each in accounts or ("CloudTrail",))
            return None
        self.messages += [(self.now, body) for body in self.bucket.sent]
        self.bucket.sent = []
        return run.summary

    def deliver(self, seed: int, most: int, fuse: int | None, *, dies: bool) -> None:
        """Let the correlator work on some messages in any order. It fails or dies at a write, or does not."""
        self.fuse, self.dies = fuse, dies
        for batch in self._batches(Random(seed), most):
            try:
                failed = {int(each) for each in self.receive(*batch)}
            except Crash:
                self.start()
                failed = set(range(len(batch)))
            self.messages += [(self.now, batch[each]) for each in failed]
        self.fuse = None

    def _batches(self, chance: Random, most: int) -> Iterator[list[str]]:
        due = [each for each in self.messages if each[0] <= self.now]
        chance.shuffle(due)
        for start in range(0, min(len(due), most), 5):
            batch = due[start : start + 5]
            for each in batch:
                self.messages.remove(each)
            yield [body for _, body in batch]

    def settle(self, seed: int) -> None:
        """CloudTrail delivers what it has. Then a person backfills each day once, in any order."""
        self.wait(2 * DAY)
        self._drain(seed)
        days = sorted(self.days)
        Random(seed).shuffle(days)
        for day in days:
            before = self.reports.copy()
            summary = self._run(day, day)
            assert summary is None or (summary.unread, summary.skipped.keys() - RULES) == ([], set())
            self._drain(seed)
            for event_id, reasons in self.reports - before:
                made = self.truth.events[event_id]
                alarmed = reasons == ("key_not_issued",) and not made.issues and made.day == day
                assert not (alarmed and self.truth.known_in_time(event_id)), f"false alarm about {event_id}"
        self.check()
        self._check_all()

    def _drain(self, seed: int) -> None:
        while self.messages:
            self.wait(max(0, min(at for at, _ in self.messages) - self.now))
            self.deliver(seed, 10_000, None, dies=False)

    # What must hold.

    def final(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for item in self.table.items.values():
            if "line" in item:
                line = json.loads(item["line"]["S"])
                known = found.get(line["event_id"])
                if known is None or rank(tuple(known["reasons"])) < rank(tuple(line["reasons"])):
                    found[line["event_id"]] = line
        return found

    def check(self) -> None:
        """No verdict is weakened, nothing is reported twice, and no heartbeat came from a file."""
        ranks = {event_id: rank(tuple(line["reasons"])) for event_id, line in self.final().items()}
        assert all(ranks.get(event_id, 0) >= before for event_id, before in self.ranks.items()), "weakened"
        self.ranks = ranks
        kinds = Counter[tuple[str, int]]()
        for (event_id, reasons), times in self.reports.items():
            kinds[event_id, rank(reasons)] += times
        assert sum(times - 1 for times in kinds.values()) <= self.failures, "reported twice"
        assert self.trail_watches.found == {}, "heartbeat"

    def _check_all(self) -> None:
        expected = {each: reasons for each in self.truth.events if (reasons := self.truth.expected(each)) is not None}
        final = self.final()
        found = {event_id: tuple(line["reasons"]) for event_id, line in final.items()}
        disputed = {each for each, reasons in expected.items() if reasons == ("disputed",)}
        assert all(found[each] != ("key_not_issued",) and rank(found[each]) == 4 for each in disputed & set(found))
        assert {each: why for each, why in found.items() if each not in disputed} == {
            each: why for each, why in expected.items() if each not in disputed
        }
        assert disputed <= set(found)
        assert {event_id for event_id, _ in self.reports} >= {each for each, why in expected.items() if why}
        live = self._lived()
        assert {each: live[each] for each in final.keys() - disputed} == {
            each: line | {"correlated_at": ""} for each, line in final.items() if each not in disputed
        }

    def _lived(self) -> dict[str, dict[str, Any]]:
        """Return the lines if a rule had forwarded every known event once, in order."""
        live = Correlator(*self.store.grants.values())
        live.now = self.now
        known = sorted((self.truth.events[each].at, each) for each in self.truth.seen)
        for _, event_id in known:
            live.take_in(self.made[event_id])
        for _ in range(3):
            live.now += 900
            live.look_again()
        return {each: line | {"correlated_at": ""} for each, line in live.lines().items()}
