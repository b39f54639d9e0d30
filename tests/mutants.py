"""Removes each security check in turn, and requires that a test then fails. A pytest plugin, run by `make mutants`.

A guard is an `if` that raises, in the modules of `GUARDED`, or one alternative of the `or` in such an `if`. A predicate
is a function of `PREDICATES` that says who may do something.

The tests run once, to record in which tests each guard raises, or a predicate says no. Only these tests can notice its
removal. Then a forked process for each guard switches it off in the loaded functions and runs those tests. The run
fails if a guard raises in no test, or if no test fails without it. It also fails if a test fails with all guards. Such
a test proves nothing about guards and is left out. `EQUIVALENT` names guards whose removal cannot matter, with the
reason.

JITNEY_MUTANT_FOLDER=core/access,handlers takes a part of the guards, JITNEY_MUTANT_JOBS=1 one process at a time.
"""

import ast
import gc
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from _pytest.runner import runtestprotocol

PACKAGE = Path(__file__).resolve().parents[1] / "functions" / "jitney"
GUARDED = (
    "adapters",
    "configuration",
    "core",
    "handlers",
    "client/aws_profile.py",
    "client/background/asking.py",
    "client/background/need.py",
    "client/broker.py",
    "client/commands/init.py",
    "client/connection.py",
    "client/evidence.py",
    "client/gateway",
    "client/held_grant.py",
    "client/login",
    "client/mcp/arguments.py",
    "client/mcp/grant_tools.py",
    "client/mcp/opened_grants.py",
    "client/mcp/scope.py",
    "client/mcp/transports.py",
    "client/record_lines.py",
    "client/recorded_suspensions.py",
    "client/restored_forms.py",
    "client/restored_tables.py",
    "client/reviewer_sign_in.py",
    "client/setup/file_changes.py",
    "client/setup/selection.py",
    "client/token_choice.py",
    "client/token_sources.py",
    "client/tokens",
    "client/trail_files.py",
    "client/verification.py",
    "sdk",
)
PREDICATES = {
    "client/container_credentials.py": ("is_in",),
    "client/login/redirect_listener.py": ("_has_cookie",),
    "client/tokens/metadata_service.py": ("is_link_local",),
    "core/gateway/changing_reads.py": ("changes_something",),
    "core/gateway/throttling.py": ("was_throttled",),
    "adapters/slack_signatures.py": ("is_signed",),
    "client/mcp/http_guard.py": ("has_token",),
    "core/access/grant.py": ("may_have_credentials",),
    "core/access/live_credentials.py": ("needs_denial", "may_have_tickets"),
    "core/access/rejections.py": ("_overlap",),
    "core/integrity/publishable_items.py": ("is_indexed",),
    "core/masking/random_values.py": ("is_filled",),
    "core/trail/beyond_grant.py": ("_covered", "_matches", "_may_be"),
    "core/trail/call_join.py": ("_is_lost", "_acts_alike"),
    "core/identity/session.py": ("accepts_cookie", "accepts_form_token"),
    "core/identity/keys.py": ("verifies", "rivals"),
    "core/identity/providers/provider.py": ("resolves_people",),
    "core/policy/call_mentions.py": ("mentions_call", "_reads_other_member"),
    "core/policy/evaluation.py": ("_mentioning",),
    "core/policy/way_conditions.py": ("never_holds",),
    "core/review/call_wording.py": ("shows_all_parameters",),
    "core/review/break_glass.py": ("may_break_glass", "may_follow_up"),
    "core/review/reviewers.py": ("may_revoke", "can_be_approved"),
    "core/review/harm.py": ("takes_second_step",),
    "core/review/votes.py": ("has_enough_approvals",),
    "handlers/call_reviews.py": ("_was_not_sent", "is_still_approved"),
    "handlers/held_reads.py": ("_may_hold",),
    "handlers/profile_disclosure.py": ("_may_learn",),
}
EQUIVALENT: dict[tuple[str, str], str] = {
    ("configuration/load.py", "settings is None"): "settings that cannot be read leave a problem",
    ("client/background/need.py", "not stat.S_ISDIR(found.st_mode)"): "Linux shows links with mode 0777, macOS may not",
    ("core/review/break_glass.py", "settings is None"): "may_break_glass refuses everyone without settings",
}
"""By file and condition: why the guard's removal changes nothing that a test could see."""
SECONDS = 120
type Tests = dict[tuple[str, int], set[int]]
"""By file and line of a guard, the numbers of tests."""
TOOL = 4
"""This plugin's id in sys.monitoring, which reserves other ids for debuggers, coverage and profilers."""


@dataclass(frozen=True)
class Mutant:
    """One guard switched off: its file, its line, what was removed, and a function that makes the module without it.

    `acting` are the lines that run only where the guard raises. A predicate has none.
    """

    file: str
    line: int
    condition: str
    tree: Callable[[], ast.Module]
    acting: range = range(0)


def mutants() -> Iterator[Mutant]:
    """Yield every mutant of the guarded modules."""
    for place in GUARDED:
        root = PACKAGE / place
        for path in (root,) if root.is_file() else sorted(root.rglob("*.py")):
            yield from _guards(path)
    for name, functions in PREDICATES.items():
        yield from _predicates(PACKAGE / name, functions)


def _guards(path: Path) -> Iterator[Mutant]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for index, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.If) and any(isinstance(each, ast.Raise) for each in node.body):
            alternatives = node.test.values if _is_or(node.test) else [node.test]
            acting = range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1)
            for number, alternative in enumerate(alternatives):
                removed = partial(_unguarded, tree, index, number)
                yield Mutant(_name(path), node.lineno, ast.unparse(alternative), removed, acting)


def _unguarded(tree: ast.Module, index: int, number: int) -> ast.Module:
    """Return the module with one alternative of the `if` at `index` switched off."""
    changed = deepcopy(tree)
    same = _at(changed, index)
    if _is_or(same.test):
        same.test.values[number] = _never(same.test.values[number])
    else:
        same.test = _never(same.test)
    return ast.fix_missing_locations(changed)


def _predicates(path: Path, functions: Sequence[str]) -> Iterator[Mutant]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for index, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.FunctionDef) and node.name in functions:
            line = next(each.lineno for each in ast.walk(node) if isinstance(each, ast.Return))
            yield Mutant(_name(path), line, f"{node.name}()", partial(_always, tree, index))


def _always(tree: ast.Module, index: int) -> ast.Module:
    """Return the module whose function at `index` returns true."""
    changed = deepcopy(tree)
    for each in ast.walk(_at(changed, index)):
        if isinstance(each, ast.Return) and each.value is not None:
            each.value = ast.copy_location(ast.BoolOp(ast.Or(), [each.value, ast.Constant(True)]), each.value)
    return ast.fix_missing_locations(changed)


def _is_or(node: ast.expr) -> bool:
    return isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)


def _at(tree: ast.Module, index: int) -> ast.AST:
    return next(node for number, node in enumerate(ast.walk(tree)) if number == index)


def _never(condition: ast.expr) -> ast.expr:
    """Return the condition: it is evaluated as before, and never true."""
    return ast.copy_location(ast.BoolOp(ast.And(), [condition, ast.Constant(())]), condition)


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


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
        acted, broken = _acted(session.items, chosen)
        print(f"recorded in {time.monotonic() - started:.0f} s", flush=True)
        for each in broken:
            print(f"{each}: fails with all guards", flush=True)
        survivors = self._survivors(chosen, acted, session.items)
        known = [each for each in survivors if (each.file, each.condition) in EQUIVALENT]
        wrong = [each for each in survivors if each not in known]
        for each in sorted(wrong, key=lambda each: (each.file, each.line)):
            print(f"{each.file}:{each.line}: {each.condition}: {_reason(acted[each.file, each.line])}")
        for folder, count in sorted(Counter(_folder(each) for each in chosen).items()):
            print(f"{folder}: {count}, {sum(_folder(each) == folder for each in wrong)} survived")
        print(f"{len(chosen) - len(survivors)} killed, {len(known)} equivalent, {len(wrong)} survived", flush=True)
        session.testsfailed = len(wrong) + len(broken)
        return True

    def _survivors(self, chosen: list[Mutant], acted: Tests, items: list[pytest.Item]) -> list[Mutant]:
        waiting, running, survivors = list(chosen), {}, []
        loaded = _loaded()
        gc.freeze()  # a child that collected what the tests left would copy all of it
        while waiting or running:
            while waiting and len(running) < self.jobs:
                mutant = waiting.pop()
                tests = [items[number] for number in sorted(acted[mutant.file, mutant.line])]
                sys.stdout.flush()
                child = os.fork()
                if child == 0:
                    _be(mutant, tests, loaded[str(PACKAGE / mutant.file)])
                running[child] = mutant, len(tests), time.monotonic()
            child, status = os.wait()
            mutant, count, started = running.pop(child)
            ended = {0: "survives", 1: "killed"}.get(os.waitstatus_to_exitcode(status), "ended by a signal")
            if ended == "survives":
                survivors.append(mutant)
            seconds = time.monotonic() - started
            print(
                f"{mutant.file}:{mutant.line}: {mutant.condition}: {ended}, {count} tests, {seconds:.1f} s", flush=True
            )
        return survivors


def _folder(mutant: Mutant) -> str:
    return "/".join(mutant.file.split("/")[:-1])


def _reason(tests: set[int]) -> str:
    return "survives its removal" if tests else "raises in no test"


def _acted(items: list[pytest.Item], chosen: list[Mutant]) -> tuple[Tests, list[str]]:
    """Return by file and line of a guard the numbers of the tests where it acts, and the names of tests that fail."""
    raising = {(str(PACKAGE / each.file), line): each for each in chosen for line in each.acting}
    predicates = {(str(PACKAGE / each.file), each.condition[:-2]): each for each in chosen if not each.acting}
    acted: Tests = defaultdict(set)
    broken: dict[int, str] = {}
    current = 0

    def on_line(code: CodeType, line: int) -> object:
        return acts(raising.get((code.co_filename, line)))

    def on_return(code: CodeType, _offset: int, returned: object) -> object:
        mutant = predicates.get((code.co_filename, code.co_name))
        return None if mutant and returned else acts(mutant)

    def acts(mutant: Mutant | None) -> object:
        if mutant is None:
            return sys.monitoring.DISABLE
        acted[mutant.file, mutant.line].add(current)
        return None

    events = sys.monitoring.events
    sys.monitoring.use_tool_id(TOOL, "mutants")
    sys.monitoring.register_callback(TOOL, events.LINE, on_line)
    sys.monitoring.register_callback(TOOL, events.PY_RETURN, on_return)
    sys.monitoring.set_events(TOOL, events.LINE | events.PY_RETURN)
    try:
        for current, item in enumerate(items):
            if current % 1000 == 999:
                print(f"{current + 1} tests recorded", flush=True)
            if _fails(item, items[current + 1] if current + 1 < len(items) else None):
                broken[current] = item.nodeid
    finally:
        sys.monitoring.set_events(TOOL, events.NO_EVENTS)
        sys.monitoring.free_tool_id(TOOL)
    for tests in acted.values():
        tests.difference_update(broken)
    return acted, list(broken.values())


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


def _be(mutant: Mutant, tests: list[pytest.Item], loaded: list[FunctionType]) -> None:
    """Become the mutant and run the tests. Exit with 1 when one fails, and with 0 when all pass.

    An endless test is ended.
    """
    signal.alarm(SECONDS)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    _swap(mutant, loaded)
    failed = any(
        _fails(item, tests[number + 1] if number + 1 < len(tests) else None) for number, item in enumerate(tests)
    )
    os._exit(1 if failed else 0)


def _swap(mutant: Mutant, loaded: list[FunctionType]) -> None:
    """Give each loaded function of the mutant's file its code from the mutated module."""
    codes = {}

    def collect(code: CodeType) -> None:
        codes[code.co_qualname, code.co_firstlineno] = code
        for each in code.co_consts:
            if isinstance(each, CodeType):
                collect(each)

    collect(compile(mutant.tree(), str(PACKAGE / mutant.file), "exec"))
    for each in loaded:
        each.__code__ = codes[each.__code__.co_qualname, each.__code__.co_firstlineno]


def pytest_configure(config: pytest.Config) -> None:
    """Register the loop."""
    config.pluginmanager.register(
        Plugin(
            int(os.environ.get("JITNEY_MUTANT_JOBS", "2")),
            tuple(os.environ.get("JITNEY_MUTANT_FOLDER", "").split(",")),
        ),
        "mutants-loop",
    )
