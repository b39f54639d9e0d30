"""Removes each security check in turn, and requires that a test then fails. A pytest plugin, run by `make mutants`.

The tests run once, to record in which tests each guard raises, or a predicate says no. Only these tests can notice its
removal. Then a forked process for each guard switches it off in the loaded functions and runs those tests. The run
fails if a guard raises in no test, or if no test fails without it. It also fails if a test fails with all guards. Such
a test proves nothing about guards and is left out.

JITNEY_MUTANT_FOLDER=core/access,handlers takes a part of the guards, JITNEY_MUTANT_JOBS=1 one process at a time.
"""

import gc
import math
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from types import CodeType, FunctionType
from typing import NoReturn

import pytest
from _pytest.runner import runtestprotocol

from tests.guards import EQUIVALENT, PACKAGE, Mutant, mutants

LEAST_SECONDS = 20
TOOK = pytest.StashKey[float]()
"""How many seconds a test took with all guards. A mutant has ten times that, and `LEAST_SECONDS`."""
ENDS = {0: "survives", 1: "killed", 2: "cannot be removed", -signal.SIGALRM: "killed, did not end"}
"""What becomes of a mutant, by the exit code of its process."""
type Tests = dict[tuple[str, int], set[int]]
"""By file and line of a guard, the numbers of tests."""
TOOL = 4
"""This plugin's id in sys.monitoring, which reserves other ids for debuggers, coverage and profilers."""


@dataclass
class Plugin:
    """Runs the tests once, and then again for each mutant in a folder of the package, in separate processes."""

    jobs: int
    folders: tuple[str, ...]

    @pytest.hookimpl
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Replace pytest's loop."""
        chosen = [each for each in mutants() if each.file.startswith(self.folders)]
        print(f"\n{len(chosen)} guards and predicates, {len(session.items)} tests", flush=True)
        started = time.monotonic()
        recorder = Recorder(chosen)
        broken = set()
        for each in recorder.record(session.items):
            broken.add(each)
            print(f"{each.nodeid}: fails with all guards", flush=True)
        print(f"recorded in {time.monotonic() - started:.0f} s", flush=True)
        able = {
            each: [item for number in recorder.tests(each) if (item := session.items[number]) not in broken]
            for each in chosen
        }
        survivors = self._survivors(able)
        known = [each for each in survivors if (each.file, each.condition) in EQUIVALENT]
        wrong = [each for each in survivors if each not in known]
        for each in sorted(wrong, key=lambda each: (each.file, each.line)):
            print(f"{each.file}:{each.line}: {each.condition}: {_reason(able[each])}")
        for folder, count in sorted(Counter(_folder(each) for each in chosen).items()):
            print(f"{folder}: {count}, {sum(_folder(each) == folder for each in wrong)} survived")
        print(f"{len(chosen) - len(survivors)} killed, {len(known)} equivalent, {len(wrong)} survived", flush=True)
        session.testsfailed = len(wrong) + len(broken)
        return True

    def _survivors(self, able: dict[Mutant, list[pytest.Item]]) -> list[Mutant]:
        waiting, running, survivors = list(able), {}, []
        loaded = _loaded()
        gc.freeze()  # a child that collected what the tests left would copy all of it
        while waiting or running:
            while waiting and len(running) < self.jobs:
                mutant = waiting.pop()
                sys.stdout.flush()
                child = os.fork()
                if child == 0:
                    _be(mutant, able[mutant], loaded[str(PACKAGE / mutant.file)])
                running[child] = mutant, len(able[mutant]), time.monotonic()
            child, status = os.wait()
            if child not in running:
                continue  # a test left it
            mutant, count, started = running.pop(child)
            ended = ENDS.get(os.waitstatus_to_exitcode(status), "ended by a signal")
            if not ended.startswith("killed"):
                survivors.append(mutant)
            seconds = time.monotonic() - started
            print(
                f"{mutant.file}:{mutant.line}: {mutant.condition}: {ended}, {count} tests, {seconds:.1f} s", flush=True
            )
        return survivors


def _folder(mutant: Mutant) -> str:
    return "/".join(mutant.file.split("/")[:-1])


def _reason(tests: list[pytest.Item]) -> str:
    return "survives its removal" if tests else "raises in no test"


@dataclass
class Recorder:
    """Records which of the tests each guard stops. `current` is the number of the test that runs."""

    chosen: list[Mutant]
    current: int = 0
    raised: Tests = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        """Sort the guards by the lines at which they act."""
        self.lines = {(str(PACKAGE / each.file), line): each for each in self.chosen for line in each.acting}
        self.answering = {(str(PACKAGE / each.file), each.line): each for each in self.chosen if not each.acting}
        self.files = {file for file, _ in self.lines}

    def record(self, items: list[pytest.Item]) -> Iterator[pytest.Item]:
        """Run the tests. Yield those that fail."""
        events = sys.monitoring.events
        sys.monitoring.use_tool_id(TOOL, "mutants")
        sys.monitoring.register_callback(TOOL, events.LINE, self._on_line)
        sys.monitoring.register_callback(TOOL, events.PY_RETURN, self._on_return)
        sys.monitoring.register_callback(TOOL, events.RAISE, self._on_raise)
        sys.monitoring.set_events(TOOL, events.LINE | events.PY_RETURN | events.RAISE)
        try:
            for self.current, item in enumerate(items):
                if self.current % 1000 == 999:
                    print(f"{self.current + 1} tests recorded", flush=True)
                started = time.monotonic()
                failed = _fails(item, items[self.current + 1] if self.current + 1 < len(items) else None)
                item.stash[TOOK] = time.monotonic() - started
                if failed:
                    yield item
        finally:
            sys.monitoring.set_events(TOOL, events.NO_EVENTS)
            sys.monitoring.free_tool_id(TOOL)

    def tests(self, mutant: Mutant) -> list[int]:
        """Return the numbers of the tests that can notice the guard's removal."""
        return sorted(self.raised[mutant.file, mutant.line])

    def _on_line(self, code: CodeType, line: int) -> object:
        mutant = self.lines.get((code.co_filename, line))
        if mutant is None or mutant.calls:
            return sys.monitoring.DISABLE
        self.raised[mutant.file, mutant.line].add(self.current)
        return None

    def _on_return(self, code: CodeType, _offset: int, returned: object) -> object:
        mutant = self.answering.get((code.co_filename, code.co_firstlineno))
        if mutant is None:
            return sys.monitoring.DISABLE
        if bool(returned) is mutant.answers:
            self.raised[mutant.file, mutant.line].add(self.current)
        return None

    def _on_raise(self, code: CodeType, offset: int, _error: BaseException) -> None:
        if code.co_filename in self.files:
            line = next(line for start, end, line in code.co_lines() if start <= offset < end)
            mutant = self.lines.get((code.co_filename, line or 0))
            if mutant and mutant.calls:
                self.raised[mutant.file, mutant.line].add(self.current)


def _fails(item: pytest.Item, following: pytest.Item | None) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


def _loaded() -> dict[str, list[FunctionType]]:
    """Return by file the functions of the package that are loaded."""
    found: dict[str, list[FunctionType]] = defaultdict(list)
    gc.unfreeze()  # handlers freeze what they have loaded, and get_objects leaves that out
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename.startswith(str(PACKAGE)):
            found[each.__code__.co_filename].append(each)
    return found


def _be(mutant: Mutant, tests: list[pytest.Item], loaded: list[FunctionType]) -> NoReturn:
    """Become the mutant and run the tests. Exit with 1 when one fails, and with 0 when all pass.

    An endless test ends the process.
    """
    code = 2
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        _swap(mutant, loaded)
        code = int(any(_fails_in_time(item, after) for item, after in zip_longest(tests, tests[1:])))
    finally:
        os._exit(code)  # the end of pytest is not for this process


def _fails_in_time(item: pytest.Item, following: pytest.Item | None) -> bool:
    signal.alarm(LEAST_SECONDS + math.ceil(10 * item.stash[TOOK]))
    return _fails(item, following)


def _swap(mutant: Mutant, loaded: list[FunctionType]) -> None:
    """Give each loaded function of the mutant's file its code from the mutated module."""
    codes = {}

    def collect(code: CodeType) -> None:
        codes[_place(code)] = code
        for each in code.co_consts:
            if isinstance(each, CodeType):
                collect(each)

    collect(compile(mutant.tree(), str(PACKAGE / mutant.file), "exec"))
    for each in loaded:
        each.__code__ = codes[_place(each.__code__)]


def _place(code: CodeType) -> tuple[object, ...]:
    """Return the name and place of a function's code. Several functions without a name may be in one line."""
    places = [(line, column) for line, _, column, end in code.co_positions() if end] if code.co_name[0] == "<" else []
    return code.co_qualname, code.co_firstlineno, min(places, default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Register the loop."""
    config.pluginmanager.register(
        Plugin(
            int(os.environ.get("JITNEY_MUTANT_JOBS", "2")),
            tuple(os.environ.get("JITNEY_MUTANT_FOLDER", "").split(",")),
        ),
        "mutants-loop",
    )
