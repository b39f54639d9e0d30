"""The result of `jitney policy suggest`: the policies, their cases, and the decisions under them.

Needs the extra `policy`.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jitney.client.audit.record_lines import UNVERIFIED, ReadingProgress, RecordSource
from jitney.client.inputs.request_options import invalid
from jitney.client.policy.further_needs import may_need
from jitney.client.policy.policy_access import CONFIGURATION, loaded_policies, policy_module
from jitney.client.problems import Invalid
from jitney.core.access.conditions import conditions_view
from jitney.core.access.request import GrantedPair
from jitney.core.integrity.answer_integrity import unchecked
from jitney.core.policy_suggestion.policy_suggestion import PolicySuggestion, SuggestionSource, suggest_policy
from jitney.core.policy_suggestion.suggestion_file import SuggestionPeriod, cases_text, file_text
from jitney.core.policy_suggestion.used_grants import ScopeKind, SuggestionScope, UsageLog
from jitney.core.quantities import quantity
from jitney.core.times import iso, utc_date
from jitney.resources import SCHEMA

TITLE = "No policy was suggested"
POLICY_FILE, CASES_FILE = "suggested.cedar", "tests.yaml"


class SuggestionOptions(NamedTuple):
    """The inputs of a suggestion: the requester, the records and calls, and the threshold for prefixes.

    `calls` is None if CloudTrail's calls are not read.
    """

    scope: SuggestionScope
    records: RecordSource
    calls: RecordSource | None
    least: int


class SuggestionResult(NamedTuple):
    """A suggestion with its file, the table of its cases, and counts of what was left out, by reason."""

    options: SuggestionOptions
    found: PolicySuggestion
    policies: str
    cases: str
    left_out: Mapping[str, int]
    unreadable: int

    @property
    def complete(self) -> bool:
        """Whether every used request is permitted, with the same approvals as under the present policies."""
        return bool(self.found.permits) and not (self.found.uncovered or self.found.checked.denied)


def scope_of(agent: str, group: str, unit: str) -> SuggestionScope:
    """Return the scope of the one name that is given. Raises Invalid."""
    given = [(kind, name) for kind, name in zip(ScopeKind, (agent, group, unit), strict=True) if name]
    if len(given) != 1:
        fix = "Give one of --agent, --group and --unit, such as --agent local.agent-7."
        raise invalid("No requester is named, or more than one.", fix)
    return SuggestionScope(*given[0])


def suggest(options: SuggestionOptions, config: Path | None, now: int, progress: ReadingProgress) -> SuggestionResult:
    """Return the suggestion for a requester under the configuration `config`. Raises Invalid."""
    file = config or CONFIGURATION
    loaded = loaded_policies(config, TITLE)
    log = UsageLog(options.scope, loaded.context, may_need(), calls_read=options.calls is not None)
    for line in options.records.lines(TITLE, progress):
        log.add_record(line)
    for line in options.records.outside_gaps(TITLE, progress):
        log.add_gap(line)
    for line in options.calls.calls(TITLE, progress) if options.calls else ():
        log.add_call(line)
    grants = tuple(log.grants(now))
    if not grants:
        raise _nothing(options.scope, log)
    with policy_module(file, TITLE) as module:
        rules = loaded.context.policy_set.rules
        forbids = [each.text for name, each in module.sources_of(loaded).items() if not rules[name].permits]
        source = SuggestionSource(
            options.scope, loaded.context, "\n".join(forbids), SCHEMA.read_text("utf-8"), options.least
        )
        found = _suggested(grants, source)
        today = utc_date(now)
        times = [each.recorded.time for each in grants]
        since, until = options.records.since, options.records.until
        first = since.isoformat() if since else iso(min(times))[:10]
        period = SuggestionPeriod(first, (until or today).isoformat())
        text = file_text(found, options.scope, period)
        problems = module.text_problems(file, os.environ, text) if found.permits else []
    if problems or found.checked.less_reviewed:
        raise _unusable(problems, found.checked.less_reviewed)
    return SuggestionResult(options, found, text, cases_text(found), log.left_out, log.unreadable)


def _suggested(grants: Any, source: SuggestionSource) -> PolicySuggestion:
    try:
        return suggest_policy(grants, source)
    except ValueError as error:
        raise _unusable([str(error)], ()) from error


def _nothing(scope: SuggestionScope, log: UsageLog) -> Invalid:
    reasons = "".join(
        f" {quantity(count, 'grant')} left out: {reason}." for reason, count in log.left_out.most_common(3)
    )
    close = difflib.get_close_matches(scope.name[:100], log.names - {scope.name}, n=3)
    names = f"Did you mean {' or '.join(close)}? Otherwise check" if close else "Check the name and"
    fix = f"{names} --since."
    detail = f"No grant of {scope.kind} {scope.name} is in these records.{reasons}"
    return Invalid("no_grants", TITLE, detail, fix, {"alternatives": close})


def _unusable(problems: list[str], less_reviewed: tuple[str, ...]) -> Invalid:
    fewer = f"The policies would need fewer approvals than the present ones for {', '.join(less_reviewed[:3])}."
    detail = "; ".join(problems) or fewer
    fix = "Suggest for one agent, or for fewer days. If that fails as well, report it."
    return Invalid("suggestion_unusable", TITLE, detail, fix)


def write_folder(result: SuggestionResult, folder: Path) -> None:
    """Write the policies and their cases into a new or empty folder. Raises Invalid."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            fix = "Name a new or an empty folder."
            raise Invalid("folder_not_empty", TITLE, f"{folder} has files already.", fix)
        (folder / POLICY_FILE).write_text(result.policies, encoding="utf-8")
        (folder / CASES_FILE).write_text(result.cases, encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Invalid("file_not_written", TITLE, f"{folder}: {reason}.", "Name a folder that you can write.") from error


def document(result: SuggestionResult) -> dict[str, Any]:
    """Return the result as JSON."""
    found, scope = result.found, result.options.scope
    return {
        "scope": {"kind": scope.kind, "name": scope.name},
        "policies": result.policies,
        "cases": result.cases,
        "permits": [each.name for each in found.permits],
        "replaces": list(found.replaced),
        "grants": found.grants,
        "used": found.used,
        "allowed": found.checked.allowed,
        "reviewed": found.checked.reviewed,
        "denied": list(found.checked.denied),
        "complete": result.complete,
        "uncovered": [_pair(each.pair) | {"target": each.target, "reason": each.reason} for each in found.uncovered],
        "unused": [_pair(each.pair) | {"target": each.target, "grants": each.grants} for each in found.unused],
        "left_out": [{"reason": reason, "count": count} for reason, count in sorted(result.left_out.items())],
        "unreadable_lines": result.unreadable,
        "integrity": unchecked(UNVERIFIED).document(),
    }


def _pair(pair: GrantedPair) -> dict[str, Any]:
    return {"action": pair.action, "resource": pair.resource, "conditions": conditions_view(pair.conditions)}


def rows(result: SuggestionResult) -> Iterator[tuple[str, str]]:
    """Yield what the suggestion covers, as rows."""
    found = result.found
    checked = found.checked
    yield "used", f"{found.used:,} of {found.grants:,} grants"
    yield "decided", f"{quantity(checked.allowed, 'used request')} allowed, {checked.reviewed:,} reviewed"
    yield "nothing", "" if found.permits else "no policy follows from these grants"
    yield "denied", ", ".join(checked.denied[:5])
    for each in found.uncovered[:5]:
        yield "not here", f"{each.pair.action} on {each.pair.resource} at {each.target}: {each.reason}"
    gaps = {gap for named in found.permits for use in named.permit.uses if not use.called for gap in use.gaps}
    yield from (("kept", f"permissions without a call: {gap}") for gap in sorted(gaps))
    yield "unused", f"{len(found.unused):,} permissions were never used" if found.unused else ""
    yield "replaces", ", ".join(found.replaced)
    for reason, count in sorted(result.left_out.items()):
        yield "left out", f"{quantity(count, 'grant')}: {reason}"
    lines = result.unreadable
    yield "left out", f"{lines:,} unreadable lines" if lines else ""
    yield "records", UNVERIFIED
