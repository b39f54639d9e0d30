"""Output for people: results on standard output, everything else on standard error. It never shows a key.

Import this module only to show something, because rich loads too slowly for `jitney credentials`.
"""

import itertools
import json
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jitney.client.api.checks import ReviewCheck, TargetCheck
from jitney.client.api.explanations import ApiPossibleAction, ApiRequiredAction
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.passing_request import passing_instead, passing_request
from jitney.client.api.permitted_targets import ApiPermittedTargets
from jitney.client.api.responses import (
    ApiDecision,
    ApiGrant,
    GrantPage,
    GrantResponse,
)
from jitney.client.policy.policy_testing import PolicyTest
from jitney.client.problems import ClientProblem
from jitney.client.terminal import pending_wording, sheets, wording
from jitney.client.terminal.durations import format_duration
from jitney.client.terminal.faults import detail_in_options, fault_and_fix
from jitney.client.terminal.output_width import output_width
from jitney.client.terminal.permitted_wording import (
    INCOMPLETE,
    PARTLY,
    access_line,
    has_partial,
    profile_line,
    target_line,
)
from jitney.client.terminal.restored_wording import restored_lines
from jitney.client.terminal.wait_display import WaitProgress, show_wait
from jitney.core.printable import strip_control_characters

_STATES = {"active": "bold green", "pending": "bold yellow"}
EFFECTS = {
    "allow": ("Allowed", "bold green"),
    "review": ("Needs a review", "bold yellow"),
    "deny": ("Denied", "bold red"),
}
"""The words for a decision, and their style."""
# The next steps for a grant in each state.
_NEXT = {
    "active": (("use it", "{use}"),),
    "pending": (
        ("wait", "jitney grants show {id} --wait"),
        ("or use it", "{use}"),
    ),
}


def _console(*, stderr: bool) -> Console:
    # No wrapping, cropping or markup, since readers copy ARNs and commands.
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True, width=output_width())


def _named(name: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield one row for each value. Only the first row has the name."""
    yield from zip(itertools.chain([name], itertools.repeat("")), values, strict=False)


class Screen:
    """Writes results and problems. `now` gives epoch seconds."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.out = _console(stderr=False)
        self.err = _console(stderr=True)

    def answer(self, answer: GrantResponse) -> None:
        """Print a grant and its next steps."""
        grant = answer.grant
        self.heading(grant.state.capitalize(), _STATES.get(grant.state, "bold red"), grant.id)
        if answer.repeats:
            self.rows([("note", "already under review; no reviewer was notified again")])
        self.rows([("target", wording.where(grant))])
        self.rows(wording.profile_rows(grant))
        self.rows(wording.way_rows(grant))
        self.rows(wording.call_rows(grant))
        allows = "allows" if grant.state == "active" else "requested"
        self.rows((allows, wording.allows(permission)) for permission in grant.permissions)
        if grant.state == "pending":
            end = (answer.review and answer.review.expires_at) or grant.expires_at
            if review := answer.review:
                self.rows([("reviewers", wording.review_status(review)), ("asked", pending_wording.asked(review))])
                self.rows([("review at", review.review_url)])
            self.rows([("decide by", wording.moment(end, self._now()))])
            lasts = (
                "until the call is sent" if grant.call else f"{format_duration(grant.duration_seconds)} once approved"
            )
            self.rows([("lasts", lasts)])
        else:
            self.rows([wording.relevant_time(grant, self._now())])
        self.rows(wording.votes(grant))
        self.rows(wording.end_rows(grant, self._now()))
        self.rows([("reason", grant.reason), ("ticket", grant.ticket or "")])
        self.rows(wording.requester_rows(grant))
        self.rows(row for effect in answer.outlives for row in wording.outliving_rows(effect))
        if grant.call and grant.state in ("pending", "active"):
            self.rows([("send it", "repeat the call with the same Idempotency-Key")])
            return
        self.rows(
            (name, step.format(id=grant.id, use=pending_wording.use_command(grant)))
            for name, step in _NEXT.get(grant.state, ())
        )

    def page(self, page: GrantPage) -> None:
        """Print the principal's grants, the newest first as the broker returns them."""
        for answer in page.grants:
            grant = answer.grant
            number, state = strip_control_characters(grant.id), strip_control_characters(grant.state)
            shown = Text(f"{state:9}", style=_STATES.get(grant.state, "dim"))
            when = " ".join(wording.relevant_time(grant, self._now()))
            self.out.print(Text.assemble(f"{number}  ", shown, strip_control_characters(f" {grant.target}  {when}")))
            for line in pending_wording.listed(answer):
                self.out.print(Text(" " * (len(grant.id) + 2) + line))
        if not page.grants:
            self.out.print("No grants.")
        if page.next:
            self.rows([("older", f"jitney grants list --cursor {shlex.quote(page.next)}")])

    def decision(self, decision: ApiDecision, request: GrantRequest) -> None:
        """Print what policy would decide about a request, with the exact session policy."""
        words, style = EFFECTS.get(decision.effect, (decision.effect, "bold"))
        self.heading(words, style, "dry run: nothing was issued, no reviewer was notified")
        self.explanation(decision.explanation)
        later = wording.permitted_later(decision.retry_at, self._now())
        self.rows(("because", line) for line in wording.reason_lines(decision.reasons) + later)
        self.rows(("risk", wording.risk_line(risk)) for risk in decision.risks)
        verb = "requested" if decision.effect == "deny" else "allows"
        self.rows((verb, wording.allows(permission)) for permission in decision.permissions)
        self.rows([("reviewers", wording.who(decision.reviews) if decision.reviews else "")])
        self.rows([("longest", format_duration(decision.longest_seconds) if decision.longest_seconds else "")])
        self.rows([("ways", wording.way_line(decision.ways))])
        other = passing_request(request, decision.allowed_subset, decision.longest_seconds, decision.ways)
        if other:
            self.out.print(Text("This request would pass:", style="bold"))
            self._paste(self.out, "request", other)
        if decision.session_policy:
            size = decision.session_policy_size
            self.rows(("policy", f"adds the managed policy {arn}") for arn in decision.session_policy_arns)
            self.rows([("policy", f"{size.get('characters', '?')} of {size.get('limit', '?')} characters")])
            self.out.print(Text(json.dumps(decision.session_policy, indent=2)))

    def targets(self, found: ApiPermittedTargets) -> None:
        """Print what the caller could request on each target."""
        for target in found.targets:
            self.heading(target.target, "bold", target_line(target))
            self.rows((each.access_level, access_line(each, target)) for each in target.access)
            self.rows(("profile", profile_line(each, target)) for each in target.access_profiles)
            self.rows([("note", INCOMPLETE if target.incomplete else "")])
        if not found.targets:
            self.out.print("No targets.")
        partly = any(map(has_partial, found.targets))
        self.rows([("note", PARTLY if partly else ""), ("next", found.fix)])

    def explanation(self, explanation: Iterable[ApiRequiredAction]) -> None:
        """Print the actions and resources that calls need, and why. A reason is printed once for each call."""
        for call, needs in itertools.groupby(explanation, lambda need: need.call):
            self.out.print(Text(strip_control_characters(call), style="bold"))
            said: set[str] = set()
            possible: list[ApiPossibleAction] = []
            for need in needs:
                conditions = wording.conditions_in_words(need.conditions)
                where = [*_named("on", need.resources), *_named("only if", conditions)]
                new = [part for part in need.why.split("; ") if part not in said]
                said.update(new)
                self.rows([("needs", need.action), *where, ("why", "; ".join(new))])
                possible += need.may_need
            self.rows(("may need", line) for line in wording.possible_lines(possible))

    def restored(self, summary: Mapping[str, Any]) -> None:
        """Print what `jitney restore` did, and what to write into jitney.yaml."""
        self.heading("Prepared", "bold green", summary["state_table"])
        self.rows(restored_lines(summary))
        tables = {name: summary[name] for name in ("state_table", "audit_table", "audit_stream_arn")}
        self.rows([("jitney.yaml", "in the section broker:")])
        self.out.print("  restored_tables:")
        for name, value in tables.items():
            self.out.print(
                f"    {name}: {strip_control_characters(value)}", markup=False, highlight=False, soft_wrap=True
            )

    def check(self, check: TargetCheck) -> None:
        """Print each call of a target check with its expected and its actual answer, then the fixes."""
        self._passed(f"{check.target} ({check.account})", passed=check.passed)
        attempts = [(each.ok, each.description, " or ".join(each.expected), each.answer) for each in check.attempts]
        self._verdicts(("call", "expected", "AWS answered"), attempts, wrapped="call")
        self.rows(("fix", fix) for fix in dict.fromkeys(attempt.fix for attempt in check.attempts))
        self.rows([("sessions", f"{check.session} in CloudTrail")])

    def policies(self, tested: PolicyTest) -> None:
        """Print the cases that fail, and the policies that no case tests."""
        wrong = [(name, differences) for name, differences in tested.cases if differences]
        self._passed(tested.table, passed=tested.passed)
        failed = f", {len(wrong)} of them failed" if wrong else ""
        self.rows([("cases", f"{len(tested.cases)}{failed}")])
        for name, differences in wrong:
            self.rows(_named("differs", [f"{name}: {difference}" for difference in differences]))
        self.rows(("untested", f"{policy}: no case tests it; add one") for policy in tested.untested)

    def contacts(self, check: ReviewCheck) -> None:
        """Print each channel and person, and whether they can be reached, then the fixes."""
        self._passed("channels and reviewers", passed=check.passed)
        contacts = [(each.ok, each.kind, each.name, ", ".join(each.groups), each.code) for each in check.checks]
        self._verdicts(("kind", "name", "groups", "code"), contacts, wrapped="groups")
        self.rows(("fix", fix) for fix in dict.fromkeys(each.fix for each in check.checks))

    def problem(self, problem: ClientProblem, verb: str, tail: Sequence[str] = ()) -> None:
        """Print a problem, its fix, and the commands that would pass, ready to paste."""
        self.err.print(Text.assemble(("jitney: ", "dim"), (strip_control_characters(problem.title), "bold red")))
        request, members = problem.request, problem.members
        if members.errors:
            for fault in members.errors:
                wrong, fix = fault_and_fix(fault, request)
                self.note(wrong)
                self._fix(fix)
            return
        known = problem.detail in {reason.sentence for reason in members.reasons}
        detail = detail_in_options(problem.detail, members.pointer, request)
        other = passing_instead(problem)
        later = wording.permitted_later(members.retry_at, self._now()) if other else []
        for line in ([] if known else [detail]) + wording.reason_lines(members.reasons) + later:
            self.note(line)
        self._fix("Request only what would pass:" if other else problem.fix)
        if other:
            self._paste(self.err, verb, other, tail)

    def note(self, text: str) -> None:
        """Write one line to standard error."""
        self.err.print(Text(strip_control_characters(text)))

    def line(self, text: str) -> None:
        """Print one line of a result."""
        self.out.print(Text(strip_control_characters(text)))

    def working(self, text: str) -> AbstractContextManager[object]:
        """Show a progress line on standard error, if that is a terminal."""
        return self.err.status(Text(text)) if self.err.is_terminal else nullcontext()

    def show_wait(self, answer: GrantResponse) -> AbstractContextManager[WaitProgress]:
        """Show the wait for `answer` on standard error. Call the yielded function after each poll."""
        return show_wait(self.err, answer, self._now)

    def narrowed_approval(self, requested: ApiGrant, grant: ApiGrant) -> None:
        """Print who approved the grant and what was approved, if that is narrower than `requested`."""
        for line in wording.narrowed_approval_lines(requested, grant):
            self.note(f"jitney: {line}")

    def heading(self, words: str, style: str, rest: str) -> None:
        """Print the first line of a result."""
        self.out.print(Text.assemble((strip_control_characters(words), style), f"  {strip_control_characters(rest)}"))

    def rows(self, rows: Iterable[tuple[str, str]]) -> None:
        """Print a line for each name and value. Names without a value are left out."""
        for name, value in rows:
            if value:
                shown = f"  {strip_control_characters(name):9} "
                self.out.print(Text.assemble((shown, "dim"), strip_control_characters(value)))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Print the rows as a table, or as blocks if the table would be wider than the terminal."""
        table = sheets.fitting(columns, rows, self.out.width)
        for each in [table] if table else sheets.blocks(columns, rows):
            self.out.print(each)

    def _passed(self, what: str, *, passed: bool) -> None:
        self.heading(*(("Passed", "bold green") if passed else ("Failed", "bold red")), what)

    def _verdicts(self, columns: Sequence[str], checks: Iterable[tuple[Any, ...]], wrapped: str) -> None:
        """Print a table of checks: whether each is OK, and its texts. Only the column `wrapped` may be wrapped."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("", *columns):
            table.add_column(name, no_wrap=name != wrapped)
        for ok, *texts in checks:
            verdict = Text("OK", style="green") if ok else Text("WRONG", style="bold red")
            table.add_row(verdict, *(Text(strip_control_characters(each)) for each in texts))
        self.out.print(table, crop=False)

    def _fix(self, fix: str) -> None:
        if fix:
            self.err.print(Text.assemble(("Fix: ", "bold"), strip_control_characters(fix)))

    def _paste(self, console: Console, verb: str, request: GrantRequest, tail: Sequence[str] = ()) -> None:
        for line in wording.paste(verb, request, tail):
            console.print(Text(line))
