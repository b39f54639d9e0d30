"""The used part of each grant of a requester, from published records and calls (row POL 14)."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from jitney.core.access.request import GrantedPair, Permission, Way
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, PatternTooComplex
from jitney.core.policy.pairs import NEEDS_NO_PERMISSION, pairs_of, permissions_of
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.problems import Problem
from jitney.core.replay.recorded_requests import NotReplayable, RecordedRequest, is_decision, recorded_request
from jitney.core.report.builder import build_report
from jitney.core.report.cloudtrail_coverage import CoverageGap, ImplicitActions, coverage_gap
from jitney.core.report.grant_report import GrantReport
from jitney.core.report.published_gaps import is_gap, published_gaps
from jitney.core.report.published_lines import Line, PublishedRecord, parse_record
from jitney.core.report.suggestion import KeptPair, kept_pairs
from jitney.core.report.usage import covers_arn

MOST_PAIRS = 10_000
"""The limit of pairs of one grant. Grants on access profiles have the most."""
MOST_ARNS = 1000
"""How many ARNs may replace one wildcard. Prefixes may then replace these ARNs (`prefixes.py`)."""
UNREAD_CALLS = "CloudTrail's calls were not read"
NO_SESSION = "no session of its grant was seen in CloudTrail"
SILENT_TRAIL = "CloudTrail was silent while its grant was open"
DAMAGED_CALLS = "a line about the calls of its grant is unreadable"


class ScopeKind(StrEnum):
    """The kind of scope of a suggestion: one agent, the members of a group, or the agents of an accountable unit."""

    AGENT = "agent"
    GROUP = "group"
    UNIT = "unit"


class SuggestionScope(NamedTuple):
    """Whose access a suggestion covers: an agent by its source identity, a group as policies name it, or a unit."""

    kind: ScopeKind
    name: str

    def has(self, recorded: RecordedRequest) -> bool:
        """Return whether a recorded request is in the scope."""
        return self.name in self.names_in(recorded)

    def names_in(self, recorded: RecordedRequest) -> Collection[str]:
        """Return the names of this kind that a recorded request has."""
        who = recorded.principal
        match self.kind:
            case ScopeKind.AGENT:
                return (who.source_identity,)
            case ScopeKind.GROUP:
                return who.groups
            case ScopeKind.UNIT:
                return (who.unit,)

    def name_in(self, record: PublishedRecord) -> str:
        """Return the name of this kind that a record has; "" if only the record of the request has it."""
        match self.kind:
            case ScopeKind.AGENT:
                return record.principal
            case ScopeKind.UNIT:
                return record.unit
            case ScopeKind.GROUP:
                return ""


class UsedGrant(NamedTuple):
    """A grant with its recorded request, the pairs that were used or may have been, and the unused pairs.

    `reason` is the agent's text.
    """

    recorded: RecordedRequest
    reason: str
    kept: tuple[KeptPair, ...]
    unused: tuple[GrantedPair, ...]


@dataclass(slots=True)
class UsageLog:
    """Collects the lines of records, and then those of calls, and joins them by grant.

    `left_out` counts the grants that the result lacks, by reason. `unreadable` counts lines. `names` are the
    names in the records that are of the scope's kind.
    """

    scope: SuggestionScope
    context: CaseContext
    may_need: ImplicitActions
    calls_read: bool
    left_out: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    names: set[str] = field(default_factory=set)
    _records: dict[str, list[Line]] = field(default_factory=dict)
    _calls: dict[str, list[Line]] = field(default_factory=dict)
    _gaps: list[PublishedRecord] = field(default_factory=list)

    def add_record(self, line: Line) -> None:
        """Add a line of published records."""
        record = self._read(line)
        if record and record.grant_id:
            name = self.scope.name_in(record)
            self.names |= {name} - {""}
            if name in ("", self.scope.name):
                self._records.setdefault(record.grant_id, []).append(line)

    def add_gap(self, line: Line) -> None:
        """Add a line about a gap of CloudTrail, from another day than the other records."""
        self._read(line)

    def _read(self, line: Line) -> PublishedRecord | None:
        """Return the record of a line. Return None for a gap, which is noted, and for an unreadable line."""
        record = parse_record(line)
        if record is None:
            self.unreadable += 1
        elif is_gap(record):
            self._gaps.append(record)
            return None
        return record

    def add_call(self, line: Line) -> None:
        """Add a line of published calls, after all records."""
        grant_id = line.get("grant_id")
        if isinstance(grant_id, str) and grant_id in self._records:
            self._calls.setdefault(grant_id, []).append(line)

    def grants(self, now: int) -> Iterator[UsedGrant]:
        """Yield the grants of the scope, as known at `now`. Counts in `left_out` those that cannot be decided again."""
        gaps = published_gaps(self._gaps)
        for grant_id, lines in sorted(self._records.items()):
            request = _request(grant_id, lines)
            if request is None:
                self.left_out["the record of its request was published before the first day"] += 1
                continue
            if "call" in request.detail_members:  # the approval of one call, which counts in the call's own grant
                continue
            try:
                recorded = recorded_request(request)
                self.names.update(self.scope.names_in(recorded))
                report = build_report(grant_id, lines, self._calls.get(grant_id, ()), now, gaps=gaps)
                if self.scope.has(recorded) and report and report.granted:
                    yield self._used(recorded, report, report.granted.permissions)
            except NotReplayable as reason:
                self.left_out[str(reason)] += 1

    def _used(self, recorded: RecordedRequest, report: GrantReport, granted: Sequence[Permission]) -> UsedGrant:
        permissions = self._expanded(recorded, granted)
        kept = tuple(each for each in self._kept(recorded, report, permissions) if _is_decided(each.pair.action))
        unused = (pair for each in permissions for pair in each.pairs() if _is_decided(pair.action))
        return UsedGrant(recorded, report.reason, kept, tuple(each for each in unused if not _is_kept(each, kept)))

    def _expanded(self, recorded: RecordedRequest, granted: Sequence[Permission]) -> tuple[Permission, ...]:
        """Return the permissions with their action wildcards expanded. Raises NotReplayable."""
        request = replace(recorded.request, permissions=tuple(granted))
        try:
            pairs = pairs_of(request, self.context.actions, MOST_PAIRS, Budget(10 * MAX_REQUEST_STEPS))
        except (Problem, PatternTooComplex) as problem:
            raise NotReplayable(f"its permissions cannot be decided now: {problem}") from problem
        return permissions_of(pairs)

    def _kept(
        self, recorded: RecordedRequest, report: GrantReport, permissions: Sequence[Permission]
    ) -> Iterator[KeptPair]:
        gateway, seen = recorded.request.way is Way.GATEWAY, report.usage.explained_calls
        if not gateway and not report.issuances:
            return
        unknown = self._unknown(report, gateway=gateway)
        if unknown:
            yield from (KeptPair(pair, unknown) for each in permissions for pair in each.pairs())
            return

        def gap_of(action: str, resources: Collection[str]) -> CoverageGap | None:
            gap = coverage_gap(action, resources, seen, self.may_need)
            # The gateway records each call itself. The only gap is what AWS does within a call.
            return gap if not gateway or gap is CoverageGap.IMPLICIT else None

        yield from kept_pairs(permissions, seen, self.context.actions, gap_of, MOST_ARNS)

    def _unknown(self, report: GrantReport, *, gateway: bool) -> str:
        """Return why the used part of a grant is unknown, or "" if it is known."""
        if report.partial:
            return SILENT_TRAIL if report.trail_gaps else DAMAGED_CALLS
        if gateway:
            return ""
        if not self.calls_read:
            return UNREAD_CALLS
        return "" if report.usage.explained_calls or report.usage.sessions_started else NO_SESSION


def _request(grant_id: str, lines: Sequence[Line]) -> PublishedRecord | None:
    """Return the record of a grant's request, or None."""
    records = (record for record in map(parse_record, lines) if record and record.chain == grant_id)
    return next((each for each in records if is_decision(each, dry_runs=False)), None)


def _is_decided(action: str) -> bool:
    return action not in NEEDS_NO_PERMISSION


def _is_kept(pair: GrantedPair, kept: Sequence[KeptPair]) -> bool:
    """Return whether the pair, or a part of its resources, is among the pairs to keep."""
    return any(
        (each.pair.action, each.pair.conditions) == (pair.action, pair.conditions)
        and (each.pair.resource == pair.resource or covers_arn(pair.resource, each.pair.resource))
        for each in kept
    )
