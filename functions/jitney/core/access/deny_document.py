"""The deny document of a target role: an inline policy that denies live credentials of ended grants.

IAM evaluates the document at each request, so it also stops credentials that were issued before. An entry names a grant
by its session tag, `aws:PrincipalTag/grant`. The trust policy requires that tag on every session, and it matches that
grant's sessions alone. It takes 19 characters, less than `aws:userid` (21). When the entries do not fit, ranges of
grant ids replace them (`core.access.id_ranges`). If that is not enough, the accountable unit with the most entries is
cut off by `aws:PrincipalTag/unit`. No other unit is affected.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principaltag
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.id_ranges import IdCover, cheapest_cover
from jitney.core.times import iso

DENY_POLICY_NAME = "JitneyRevocations"
ROLE_POLICY_LIMIT = 10_240
"""Characters of all inline policies of a role, without white space (IAM User Guide, IAM and STS quotas)."""
CLOCK_SKEW_SECONDS = 60
"""The largest difference between the broker's clock and AWS's. An entry outlasts its grant by this time."""
IN_FLIGHT_SECONDS = 60
"""How long after a grant's end a request in flight can issue credentials: 27 s of the function, plus clock skew."""

_KEY = "aws:PrincipalTag/"
_COMPACT = json.JSONEncoder(separators=(",", ":"))

Condition: TypeAlias = Mapping[str, Mapping[str, Any]]


UNKNOWN_UNIT = ""
"""The unit of a deny entry that cannot be read. It is never cut off, because no session has this unit."""


class DenyEntry(NamedTuple):
    """A grant whose credentials are denied. It ended at `ended_at`, and its last session ends at `until`.

    `unit` is the accountable unit in the unit tag of its sessions, or UNKNOWN_UNIT. `by_operator` is set when an
    operator revoked it.
    Some ends need a record that IAM has the entry: `unwritten` is set until this record exists.
    """

    grant_id: str
    ended_at: int
    until: int
    unit: str
    by_operator: bool = False
    unwritten: bool = False

    @property
    def is_readable(self) -> bool:
        """Whether the whole entry was read. Of any other entry, only the grant and `until` are known."""
        return self.unit != UNKNOWN_UNIT


class TagDenial(NamedTuple):
    """A denial of the role's sessions that were issued until `issued_until` and have a tag that matches `pattern`.

    `tag` is a session tag: "grant", "agent", "unit" or "human". `pattern` may contain the wildcards `*` and `?`.
    `TagDenial("agent", "corp.*")` covers all agents of an issuer, and `TagDenial("grant", "*")` the whole role.
    `issued_until` is in epoch seconds, or None for any time.
    """

    tag: str
    pattern: str
    issued_until: int | None = None


MOST_OPEN_GRANTS = 3_000
"""If a role has more open grants, ranges of ids are not tried.

So many grants are about six pages of the index, and more than a document can name. Of fewer grants, a document names
only some: the newest are in no range (`core.access.id_ranges`), and a range is used only if it has few exceptions.
"""
WHOLE_ROLE = TagDenial("grant", "*")
"""Every session of the role."""


@dataclass(frozen=True, slots=True)
class DenyDocument:
    """The document as IAM's policy text ("" for none), and the cut-offs in it."""

    text: str
    cut_offs: CutOffs


def operators_share(room: int) -> int:
    """Return the part of `room` that is reserved for operators: a tenth. A flood of releases cannot use it up."""
    return room // 10


def most_names(room: int) -> int:
    """Return how many grants a document of `room` characters can name."""
    return room // _item_length("g-" + 14 * "a")


def short_deny_document(grant_ids: Iterable[str], room: int, standing: Collection[TagDenial]) -> DenyDocument | None:
    """Return the document with deny entries of these grants, `standing` and no cut-offs, or None if it may be too long.

    `compose_deny_document` returns the same for these entries. It also reads what the choice of a cut-off needs.
    """
    document = _document(IdCover(sorted(grant_ids)), CutOffs(), standing)
    return document if len(document.text) <= _allowed(room, 0) else None


def compose_deny_document(
    entries: Iterable[DenyEntry],
    cut_offs: CutOffs,
    now: int,
    room: int,
    *,
    open_grants: Collection[str] | None = None,
    standing: Collection[TagDenial] = (),
) -> DenyDocument:
    """Return the document with the unexpired `entries`, all cut-offs and `standing`, in at most `room` characters.

    If the entries do not fit, ranges of ids deny them. The exceptions are `open_grants`, the ids of the role's grants
    that have not ended. None means that the open grants are unknown. If the ranges do not fit, the unit with the most
    entries is cut off, then the next unit. A cut-off denies everything issued to the unit's agents until shortly after
    `now`, including sessions of its other grants. It replaces the unit's entries. If that does not fit either, the
    whole role is cut off. `cut_offs` are the existing cut-offs. One tenth of `room` is reserved for operators: their
    entries, and `standing`.
    """
    live = sorted(each for each in entries if each.until > now)
    cuts = cut_offs.at(now)
    listed = live if cuts.last is None else [each for each in live if _is_uncovered(each, cuts)]
    names = [each.grant_id for each in listed]
    document = _document(IdCover(names), cuts, standing)
    if len(document.text) <= _allowed(room, _operators_length(listed, standing)):
        return document
    size = _Size(room, listed, cuts, standing)
    if open_grants is not None:
        covered = _document(cheapest_cover(names, open_grants, now), cuts, standing)
        if len(covered.text) <= size.allowed:
            return covered
    moment = max(cuts.last or 0, IN_FLIGHT_SECONDS + max([now, *(each.ended_at for each in listed)]))
    counts = Counter(each.unit for each in listed)
    for unit in sorted(counts.keys() - {UNKNOWN_UNIT}, key=lambda each: (-counts[each], each)):
        size.cut_off(unit, moment)
        if size.fits():
            after = cuts._replace(units={**cuts.units, **dict.fromkeys(size.cut, moment)})
            names = [each.grant_id for each in listed if each.unit not in size.cut]
            return _document(IdCover(names), after, standing)
    whole = _document(IdCover(), CutOffs(moment), standing)
    return whole if len(whole.text) <= room else _document(IdCover(), CutOffs(moment), (WHOLE_ROLE,))


def denies_more(document: Mapping[str, Any], text: str, ended: Iterable[str] = ()) -> bool:
    """Return whether the `document` in IAM may deny a session that the document with `text` does not deny.

    Sessions of the grants `ended` do not count, because they are denied or over.
    """
    own = json.loads(text)["Statement"] if text else []
    named = {name for each in own for name in _names(each["Condition"])} - {""} | {*ended}
    present = document.get("Statement", [])
    statements = present if isinstance(present, list) else [present]
    return any(each not in own and not set(_names(each.get("Condition", {}))) <= named for each in statements)


def _names(condition: Condition) -> list[str]:
    """Return the grants that a statement names if it names nothing else; otherwise "", which no grant has as id."""
    match condition:
        case {"StringEquals": {"aws:PrincipalTag/grant": [*names]}} if len(condition) == 1:
            return list(names)
    return [""]


def _is_uncovered(entry: DenyEntry, cuts: CutOffs) -> bool:
    """Return whether a request in flight when the grant ended could issue credentials after the cut-off of its unit."""
    cut = cuts.until(entry.unit)
    return cut is None or entry.ended_at + IN_FLIGHT_SECONDS > cut


def _document(cover: IdCover, cuts: CutOffs, standing: Collection[TagDenial]) -> DenyDocument:
    conditions = [*_standing(standing), *_ended(cover), *_cut_off(cuts)]
    return DenyDocument(_framed(map(_statement, conditions)) if conditions else "", cuts)


def _standing(standing: Collection[TagDenial]) -> Iterator[Condition]:
    groups: dict[tuple[str, int], set[str]] = {}
    for each in standing:
        groups.setdefault((each.tag, each.issued_until or 0), set()).add(each.pattern)
    for (tag, until), patterns in sorted(groups.items()):
        yield {"StringLike": {_KEY + tag: sorted(patterns)}, **(_issued_until(until) if until else {})}


def _ended(cover: IdCover) -> Iterator[Condition]:
    if cover.names:
        yield {"StringEquals": {_KEY + "grant": list(cover.names)}}
    if cover.ranges:
        spared = {"StringNotEquals": {_KEY + "grant": list(cover.exceptions)}} if cover.exceptions else {}
        yield {"StringLike": {_KEY + "grant": list(cover.ranges)}, **spared}


def _cut_off(cuts: CutOffs) -> Iterator[Condition]:
    groups: dict[int, list[str]] = {}
    for unit, cut in sorted(cuts.units.items()):
        groups.setdefault(cut, []).append(unit)
    for cut, units in sorted(groups.items()):
        yield {"StringEquals": {_KEY + "unit": units}, **_issued_until(cut)}
    if cuts.role is not None:
        yield _issued_until(cuts.role)


def _issued_until(cut: int) -> dict[str, dict[str, str]]:
    return {"DateLessThanEquals": {"aws:TokenIssueTime": iso(cut)}}


def _statement(condition: Condition) -> str:
    return _COMPACT.encode({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition})


def _framed(statements: Iterable[str]) -> str:
    return f'{{"Version":"2012-10-17","Statement":[{",".join(statements)}]}}'


def _length(condition: Condition) -> int:
    """Return the characters of a statement and a comma."""
    return len(_statement(condition)) + 1


def _item_length(name: str) -> int:
    return len(_COMPACT.encode(name)) + 1


def _operators_length(listed: Iterable[DenyEntry], standing: Collection[TagDenial]) -> int:
    """Return the characters of what operators deny."""
    return sum(map(_length, _standing(standing))) + sum(
        _item_length(each.grant_id) for each in listed if each.by_operator
    )


def _allowed(room: int, operators_length: int) -> int:
    """Return the limit of a document's length. The operators' share is only for what operators deny."""
    share = operators_share(room)
    return room - share + min(share, operators_length)


# The length of a statement with an empty list. Each item counts with a comma; the extra one is after the statement.
_NAMES_LENGTH = len(_statement({"StringEquals": {_KEY + "grant": []}}))
_GROUP_LENGTH = len(_statement({"StringEquals": {_KEY + "unit": []}, **_issued_until(0)}))


class _Size:
    """The length of a document while its units are cut off one after the other, without composing it again."""

    def __init__(
        self, room: int, listed: Collection[DenyEntry], cuts: CutOffs, standing: Collection[TagDenial]
    ) -> None:
        self.cut: list[str] = []
        self._cuts = cuts.units
        self._groups = Counter(cuts.units.values())
        standing_length = sum(map(_length, _standing(standing)))
        self._others = standing_length + (0 if cuts.role is None else _length(_issued_until(cuts.role)))
        self._units = len(self._groups) * _GROUP_LENGTH + sum(map(_item_length, cuts.units))
        self._names, self._operators = Counter[str](), Counter[str]()
        for each in listed:
            length = _item_length(each.grant_id)
            self._names[each.unit] += length
            if each.by_operator:
                self._operators[each.unit] += length
        self._listed, self._by_operators = self._names.total(), self._operators.total() + standing_length
        self._room = room

    @property
    def allowed(self) -> int:
        """The limit of the document's length."""
        return _allowed(self._room, self._by_operators)

    def fits(self) -> bool:
        """Return whether the document is within its limit."""
        statements = self._others + self._units + self._listed + (_NAMES_LENGTH if self._listed else 0)
        return not statements or len(_framed(())) + statements - 1 <= self.allowed

    def cut_off(self, unit: str, moment: int) -> None:
        """Drop the unit's entries, and cut the unit off at `moment` or later."""
        self.cut.append(unit)
        self._listed -= self._names[unit]
        self._by_operators -= self._operators[unit]
        if unit not in self._cuts:
            self._units += _item_length(unit)
        else:
            self._groups[self._cuts[unit]] -= 1
            self._units -= 0 if self._groups[self._cuts[unit]] else _GROUP_LENGTH
        self._units += 0 if self._groups[moment] else _GROUP_LENGTH
        self._groups[moment] += 1
