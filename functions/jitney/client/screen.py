"""What people see. Results go to standard output, everything else to standard error; neither ever shows a key.

Only what has something to show imports this module: rich costs a `credential_process` time that it does not have.
"""

import itertools
import json
import shlex
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from jitney.client import sheets, verification_rows, wording
from jitney.client.checks import ReviewCheck, TargetCheck
from jitney.client.durations import format_duration
from jitney.client.faults import detail_in_options, fault_and_fix
from jitney.client.grant_request import GrantRequest
from jitney.client.policy_testing import PolicyTest
from jitney.client.problems import ClientProblem
from jitney.client.responses import (
    ApiDecision,
    ApiRequiredAction,
    GrantPage,
    GrantResponse,
    read_permissions,
    read_reasons,
)
from jitney.client.wait_display import WaitProgress, show_wait

_STATES = {"active": "bold green", "pending": "bold yellow"}
_EFFECTS = {
    "allow": ("Would be granted", "bold green"),
    "review": ("Would need a review", "bold yellow"),
    "deny": ("Would be denied", "bold red"),
}
_VERDICTS = {
    "verified": ("Verified", "bold green"),
    "broken": ("Broken", "bold red"),
    "unverified": ("Not verified", "bold yellow"),
}
_NO_FILES = "CloudTrail delivered no file on these days; check --since, --until and the trail"
# What can be done next with a grant in this state.
_NEXT = {
    "active": (("use it", "jitney run --grant {id} -- COMMAND"),),
    "pending": (
        ("wait", "jitney grants show {id} --wait"),
        ("or use it", "jitney run --grant {id} -- COMMAND"),
    ),
}


def _console(*, stderr: bool) -> Console:
    # Nothing is wrapped, cropped or marked up: ARNs and commands are there to be copied.
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _named(name: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Rows for the values, the first one with the name."""
    yield from zip(itertools.chain([name], itertools.repeat("")), values, strict=False)


def _of(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


class Screen:
    """Writes for a reader at `now` (epoch seconds); colour where the terminal and NO_COLOR allow it."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._out = _console(stderr=False)
        self._err = _console(stderr=True)

    def answer(self, answer: GrantResponse) -> None:
        """A grant and how to use it, or whom it waits for and how to go on."""
        grant = answer.grant
        self._heading(grant.state.capitalize(), _STATES.get(grant.state, "bold red"), grant.id)
        if answer.repeats:
            self._rows([("note", "already under review; nobody was asked again")])
        self._rows([("target", wording.where(grant))])
        allows = "allows" if grant.state == "active" else "asked for"
        self._rows((allows, wording.allows(permission)) for permission in grant.permissions)
        if grant.state == "pending":
            end = (answer.review and answer.review.expires_at) or grant.expires_at
            self._rows([("reviewers", wording.review_status(answer.review) if answer.review else "")])
            self._rows([("decide by", wording.moment(end, self._now()))])
            self._rows([("lasts", f"{format_duration(grant.duration_seconds)} once approved")])
        else:
            self._rows([wording.relevant_time(grant, self._now())])
        self._rows(wording.votes(grant))
        self._rows(wording.revocation_rows(grant, self._now()))
        self._rows([("reason", grant.reason), ("ticket", grant.ticket or ""), ("for", grant.human or "")])
        self._rows((name, step.format(id=grant.id)) for name, step in _NEXT.get(grant.state, ()))

    def page(self, page: GrantPage) -> None:
        """The principal's grants, newest first as the broker gives them."""
        for grant in page.grants:
            state = Text(f"{grant.state:9}", style=_STATES.get(grant.state, "dim"))
            time = " ".join(wording.relevant_time(grant, self._now()))
            self._out.print(
                Text.assemble(f"{grant.id}  ", state, wording.strip_control_characters(f" {grant.target}  {time}"))
            )
            for line in (*map(wording.allows, grant.permissions), wording.strip_control_characters(grant.reason)):
                self._out.print(Text(" " * (len(grant.id) + 2) + line))
        if not page.grants:
            self._out.print("No grants.")
        if page.next:
            self._rows([("older", f"jitney grants list --cursor {shlex.quote(page.next)}")])

    def decision(self, decision: ApiDecision, ask: GrantRequest) -> None:
        """What a request would lead to, with the exact session policy."""
        words, style = _EFFECTS.get(decision.effect, (decision.effect, "bold"))
        self._heading(words, style, "dry run: nothing was issued, nobody was asked")
        self.explanation(decision.explanation)
        self._rows(("because", line) for line in wording.reason_lines(decision.reasons))
        self._rows(("risk", wording.risk_line(risk)) for risk in decision.risks)
        verb = "asked for" if decision.effect == "deny" else "allows"
        self._rows((verb, wording.allows(permission)) for permission in decision.permissions)
        self._rows([("reviewers", wording.who(decision.reviews) if decision.reviews else "")])
        self._rows([("longest", format_duration(decision.longest_seconds) if decision.longest_seconds else "")])
        for other in wording.alternatives(ask, decision.allowed_subset, decision.longest_seconds):
            self._out.print(Text("This would pass:", style="bold"))
            self._paste(self._out, "request", other)
        if decision.session_policy:
            size = decision.session_policy_size
            self._rows([("policy", f"{size.get('characters', '?')} of {size.get('limit', '?')} characters")])
            self._out.print(Text(json.dumps(decision.session_policy, indent=2)))

    def explanation(self, explanation: Iterable[ApiRequiredAction]) -> None:
        """What calls need, and why."""
        told = ""
        for need in explanation:
            if need.call != told:
                told = need.call
                self._out.print(Text(wording.strip_control_characters(told), style="bold"))
            self._rows([("needs", need.action), *_named("on", need.resources), ("why", need.why)])

    def check(self, check: TargetCheck) -> None:
        """Each attempt, what it should answer and what it answered; then what to mend."""
        style = "bold green" if check.passed else "bold red"
        self._heading("As it should be" if check.passed else "Wrong", style, f"{check.target} ({check.account})")
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("", "tried", "expected", "AWS answered"):
            table.add_column(name, no_wrap=name != "tried")
        for attempt in check.attempts:
            verdict = Text("OK", style="green") if attempt.ok else Text("WRONG", style="bold red")
            expected = " or ".join(attempt.expected)
            texts = (attempt.description, expected, attempt.answer)
            table.add_row(verdict, *(Text(wording.strip_control_characters(each)) for each in texts))
        self._out.print(table, crop=False)
        fixes = dict.fromkeys(attempt.fix for attempt in check.attempts if attempt.fix)
        self._rows(("fix", fix) for fix in fixes)
        self._rows([("sessions", f"{check.session} in CloudTrail")])

    def policies(self, tested: PolicyTest) -> None:
        """The cases that are decided otherwise than they say, and the policies that no case is about."""
        wrong = [(name, differences) for name, differences in tested.cases if differences]
        style = "bold green" if tested.passed else "bold red"
        self._heading("As the table says" if tested.passed else "Not as the table says", style, tested.table)
        otherwise = f", {len(wrong)} of them decided otherwise" if wrong else ""
        self._rows([("cases", f"{len(tested.cases)}{otherwise}")])
        for name, differences in wrong:
            self._rows(_named("differs", [f"{name}: {difference}" for difference in differences]))
        self._rows(("untested", f"{policy}: no case is decided by it; add one") for policy in tested.untested)

    def reach(self, check: ReviewCheck) -> None:
        """Each channel and person, and whether they can be reached; then what to mend."""
        style = "bold green" if check.passed else "bold red"
        self._heading("All can be reached" if check.passed else "Not all can be reached", style, "reviewers")
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("", "kind", "name", "groups", "code"):
            table.add_column(name, no_wrap=name != "groups")
        for each in check.checks:
            verdict = Text("OK", style="green") if each.ok else Text("WRONG", style="bold red")
            shown = (each.kind, each.name, ", ".join(each.groups), each.code)
            table.add_row(verdict, *(Text(wording.strip_control_characters(value)) for value in shown))
        self._out.print(table, crop=False)
        self._rows(("fix", fix) for fix in dict.fromkeys(each.fix for each in check.checks if each.fix))

    def verification(self, result: Mapping[str, Any]) -> None:
        """Print the result of `jitney audit verify`: the verdict, the failures and the coverage."""
        words, style = _VERDICTS[result["verdict"]]
        self._heading(words, style, "records in S3, checked against their seals")
        self._rows(verification_rows.failures(result))
        self._rows(verification_rows.coverage(result))

    def backfill(self, summary: Mapping[str, Any], *, dry_run: bool) -> None:
        """Print what `jitney audit backfill` read, sent and skipped, with reasons."""
        left_out = summary["skipped"] or summary["unread"]
        words, style = ("Incomplete", "bold yellow") if left_out else ("Complete", "bold green")
        nothing = not summary["files"] and not left_out
        if nothing:
            words, style = "No files", "bold yellow"
        verb = "would be sent" if dry_run else "sent"
        self._heading(words, style, f"{_of(summary['sent'], 'event')} of Jitney's roles {verb}")
        others = f", and {_of(summary['other_files'], 'other object')}" if summary["other_files"] else ""
        self._rows([("read", f"{_of(summary['files'], 'file')} with {_of(summary['events'], 'event')}{others}")])
        self._rows(("skipped", f"{count} {reason}") for reason, count in summary["skipped"].items())
        self._rows(("not read", f"{each['file']} {each['reason']}") for each in summary["unread"])
        self._rows([("because", _NO_FILES if nothing else "")])
        if not dry_run and summary["sent"]:
            self._rows([("next", "verdicts follow within minutes: jitney audit query bypasses")])

    def redrive(self, summary: Mapping[str, int]) -> None:
        """Print what `jitney audit redrive` sent and published again, and what is left."""
        left = summary["misplaced"] or summary["unreadable"]
        words, style = ("Incomplete", "bold yellow") if left else ("Complete", "bold green")
        self._heading(words, style, "redrive of dead letters")
        again = f"{_of(summary['records'], 'record')} and {_of(summary['calls'], 'call')}"
        letters = f", for {_of(summary['dead_letters'], 'dead letter')}" if summary["dead_letters"] else ""
        self._rows([("events", f"{_of(summary['trail_events'], 'CloudTrail event')} sent back to the queue")])
        self._rows([("published", f"{again} again{letters}")])
        if summary["misplaced"]:
            self._rows([("skipped", f"{_of(summary['misplaced'], 'item')} not matching their keys")])
        if summary["unreadable"]:
            self._rows([("left", f"{_of(summary['unreadable'], 'unreadable dead letter')}")])

    def queries(self, queries: Mapping[str, Any]) -> None:
        """Print the named queries with their parameters and descriptions."""
        for each in queries["queries"]:
            parameters = "".join(f" --param {one['name'].replace(' ', '-').upper()}" for one in each["parameters"])
            self._out.print(
                Text.assemble(
                    (wording.strip_control_characters(each["name"]), "bold"),
                    (wording.strip_control_characters(parameters), "cyan"),
                )
            )
            self._out.print(Text(f"  {wording.strip_control_characters(each['description'])}"))

    def rows(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Print the rows as a table, or as blocks if a table is wider than the terminal."""
        table = sheets.fitting(columns, rows, self._out.width)
        for each in [table] if table else sheets.blocks(columns, rows):
            self._out.print(each)

    def took(self, description: str, count: int, bytes_read: int, seconds: float) -> None:
        """Print the query's description and its cost to standard error."""
        many = f"{count:,} row{'' if count == 1 else 's'}"
        self.note(description)
        self.note(f"{many}, from {decimal(bytes_read)} read in {seconds:.1f} s")

    @contextmanager
    def querying(self, name: str) -> Generator[Callable[[str, float, int], None]]:
        """Show a query's progress on standard error; call the result with state, seconds and bytes."""
        with self._err.status(f"{name}: started") as status:
            yield lambda state, seconds, read: status.update(f"{name}: {state}, {seconds:.0f} s, {decimal(read)} read")

    @contextmanager
    def reading(self) -> Generator[Callable[[str, int, int], None]]:
        """Show reading progress on standard error; call the result with what, count and total."""
        with self._err.status("reading seals") as status:
            yield lambda what, count, whole: status.update(f"reading {what}: {count} of {whole}")

    def problem(self, problem: ClientProblem, verb: str, tail: Sequence[str] = ()) -> None:
        """Why it did not work, what to do, and what would have worked, ready to paste."""
        self._err.print(
            Text.assemble(("jitney: ", "dim"), (wording.strip_control_characters(problem.title), "bold red"))
        )
        ask, extras = problem.ask, problem.extras
        if extras.get("errors"):
            for error in extras["errors"]:
                wrong, fix = fault_and_fix(error, ask)
                self.note(wrong)
                self._fix(fix)
            return
        reasons = read_reasons(extras.get("reasons", ()))
        known = problem.detail in {reason.sentence for reason in reasons}
        detail = detail_in_options(problem.detail, str(extras.get("pointer", "")), ask)
        subset = read_permissions(extras.get("allowed_subset", ()))
        others = wording.alternatives(ask, subset, extras.get("longest_seconds", 0)) if ask else []
        for line in ([] if known else [detail]) + wording.reason_lines(reasons):
            self.note(line)
        self._fix("Ask only for what would pass:" if others else problem.fix)
        for index, other in enumerate(others):
            if index:
                self.note("Or:")
            self._paste(self._err, verb, other, tail)

    def note(self, text: str) -> None:
        """One line beside the results."""
        self._err.print(Text(wording.strip_control_characters(text)))

    @contextmanager
    def watching(self, answer: GrantResponse) -> Generator[WaitProgress]:
        """Shows on standard error that `answer` is waited for; what it yields is told each poll's outcome."""
        with show_wait(self._err, answer, self._now) as told:
            yield told

    def _heading(self, words: str, style: str, rest: str) -> None:
        self._out.print(
            Text.assemble(
                (wording.strip_control_characters(words), style), f"  {wording.strip_control_characters(rest)}"
            )
        )

    def _rows(self, rows: Iterable[tuple[str, str]]) -> None:
        for name, value in rows:
            if value:
                self._out.print(Text.assemble((f"  {name:10}", "dim"), wording.strip_control_characters(value)))

    def _fix(self, fix: str) -> None:
        if fix:
            self._err.print(Text.assemble(("Fix: ", "bold"), wording.strip_control_characters(fix)))

    def _paste(self, console: Console, verb: str, ask: GrantRequest, tail: Sequence[str] = ()) -> None:
        for line in wording.paste(verb, ask, tail):
            console.print(Text(line))
