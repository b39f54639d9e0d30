"""Absences: who is away from when to when, and who stands in for them in which of their groups (row REV 6). Pure.

Only a configured member of a group can be stood in for, and only by somebody whom the group's `delegates` name: what
somebody stands in for is not theirs to hand on.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Self

from jitney.core.config import ReviewerGroup
from jitney.core.delegation import Delegation
from jitney.core.problems import Problem
from jitney.core.review.reviewers import Groups

DAY = 86_400
LONGEST_DAYS, FURTHEST_DAYS = 30, 365
"""How long one absence can be, and how far ahead it can begin."""


class OutOfOffice(NamedTuple):
    """One person's absence, from `starts_at` to before `ends_at` (epoch seconds).

    `id` names it on record; `delegates` are pairs of a group and who stands in there. People are source identities.
    """

    id: str
    human: str
    starts_at: int
    ends_at: int
    delegates: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """The absence in `text`. Raises ValueError or TypeError when there is none."""
        members = json.loads(text)
        return cls(**members | {"delegates": tuple((group, human) for group, human in members["delegates"])})

    def text(self) -> str:
        """The absence as `read` takes it."""
        return json.dumps(self._asdict(), separators=(",", ":"))


class DelegateOptions(NamedTuple):
    """A group that somebody is a member of, and who may stand in for them there."""

    group: str
    candidates: tuple[str, ...]


def delegate_options(human: str, groups: Groups) -> tuple[DelegateOptions, ...]:
    """The groups that `human`, a source identity, is a member of by configuration, in the order of their names."""
    return tuple(
        DelegateOptions(name, tuple(each for each in group.delegates if each != human))
        for name, group in sorted(groups.items())
        if human in group.members
    )


def parse_out_of_office(
    absence_id: str, human: str, chosen: Mapping[str, str], span: tuple[str, str], groups: Groups, now: int
) -> OutOfOffice:
    """The absence that somebody asks for: `chosen` are stand-ins by group, `span` from when to when as forms say it.

    It begins now where the form says nothing or a moment that has passed. Raises Problem not_reviewer for a group that
    is not theirs, or request_invalid.
    """
    candidates = dict(delegate_options(human, groups))
    if strangers := sorted(chosen.keys() - candidates.keys()):
        fix = "Only members of a group can have somebody stand in for them there."
        raise Problem("not_reviewer", f"You are no member of {strangers[0]}.", fix)
    for group, stand_in in chosen.items():
        if stand_in not in candidates[group]:
            detail = f"{stand_in} cannot stand in for you in {group}."
            raise Problem("request_invalid", detail, "Choose somebody whom the page offers.")
    if not chosen:
        raise Problem("request_invalid", "Nobody is to stand in for you.", "Choose somebody for one of your groups.")
    starts_at, ends_at = max(_moment(span[0], now), now), _moment(span[1], 0)
    if not starts_at < ends_at <= starts_at + LONGEST_DAYS * DAY or starts_at > now + FURTHEST_DAYS * DAY:
        detail = f"An absence ends after it begins, lasts {LONGEST_DAYS} days at most, and begins within a year."
        raise Problem("request_invalid", detail, "Correct the times; they are in UTC.")
    return OutOfOffice(absence_id, human, starts_at, ends_at, tuple(sorted(chosen.items())))


def with_delegates(groups: Groups, absences: Iterable[OutOfOffice], now: int) -> Groups:
    """The groups with those who stand in for members that are away at `now`; who stands in for a told one is told."""
    at_work: dict[str, ReviewerGroup] = dict(groups)
    for absence in absences:
        for name, human in absence.delegates:
            group = at_work.get(name)
            place = Delegation(name, absence.human, absence.id, absence.starts_at, absence.ends_at)
            if group and place.in_force(now) and absence.human in group.members and human in group.delegates:
                notify = (*group.notify, human) if absence.human in group.notify else group.notify
                at_work[name] = group._replace(
                    active_delegations=(*group.active_delegations, (human, place)), notify=notify
                )
    return at_work


def _moment(text: str, otherwise: int) -> int:
    """A moment as `<input type="datetime-local">` says it, taken as UTC (HTML, "Local dates and times")."""
    if not text:
        return otherwise
    try:
        return int(datetime.strptime(text[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        detail = "A time of the form cannot be read."
        raise Problem("request_invalid", detail, "Write it as 2026-11-26T09:30, in UTC.") from error
