"""Out of office: a reviewer's dates, and their delegate in each of their groups (row REV 6). Pure.

Only a configured member of a group can have a delegate there. The group's `delegates` must name that person. A delegate
cannot pass a delegation on.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Self

from jitney.core.config import Config, ReviewerGroup
from jitney.core.delegation import Delegation
from jitney.core.problems import Problem
from jitney.core.review.reviewers import Groups
from jitney.core.stored_identity import Identity, identity_of
from jitney.core.stored_types import listed, with_types

DAY = 86_400
LONGEST_DAYS, FURTHEST_DAYS = 30, 365
"""The longest duration of an out of office, and how far ahead it can start."""


class OutOfOffice(NamedTuple):
    """One person's out of office, from `starts_at` to before `ends_at` (epoch seconds).

    `id` identifies it in records. `delegates` are pairs of a group and a delegate.
    """

    id: str
    human: Identity
    starts_at: int
    ends_at: int
    delegates: tuple[tuple[str, Identity], ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the out of office in `text`. Raises LookupError, TypeError or ValueError when `text` contains none."""
        members = json.loads(text)
        delegates = tuple((group, identity_of(**human)) for group, human in listed(members["delegates"]))
        return with_types(cls(**members | {"human": identity_of(**members["human"]), "delegates": delegates}))

    def is_in(self, stored: Self | None, now: int) -> bool:
        """Return whether this period, requested at `now`, is the `stored` one. It may have begun since."""
        begun = stored is not None and stored.starts_at <= now == self.starts_at
        return stored is not None and self == stored._replace(
            id=self.id, starts_at=self.starts_at if begun else stored.starts_at
        )

    def text(self) -> str:
        """Return the text that `read` takes."""
        delegates = [(group, human.stored()) for group, human in self.delegates]
        return json.dumps(
            self._asdict() | {"human": self.human.stored(), "delegates": delegates}, separators=(",", ":")
        )


class OutOfOfficeEntries(NamedTuple):
    """All stored entries. `unreadable` are the digests of the people whose entries cannot be read."""

    readable: tuple[OutOfOffice, ...]
    unreadable: frozenset[str] = frozenset()

    def of(self, human: Identity) -> OutOfOffice | None:
        """Return the entry of a person, or None. The period may be over."""
        return next((each for each in self.readable if each.human == human), None)


class DelegateOptions(NamedTuple):
    """A group of a person, and the delegates that the person may choose there."""

    group: str
    delegates: tuple[str, ...]


def delegate_options(human: str, groups: Groups) -> tuple[DelegateOptions, ...]:
    """Return the groups that `human`, a source identity, is a configured member of, with the possible delegates."""
    return tuple(
        DelegateOptions(name, tuple(each for each in group.delegates if each != human))
        for name, group in sorted(groups.items())
        if human in group.members
    )


def parse_out_of_office(
    new_id: str, human: Identity, chosen: Mapping[str, str], span: tuple[str, str], config: Config, now: int
) -> OutOfOffice:
    """Return the out of office that a form describes.

    `chosen` are delegates by group, `span` the form's start and end. It starts now if the form's start is empty or
    past. Raises Problem not_reviewer for a group without `human` as a member, or request_invalid.
    """
    options = dict(delegate_options(human.name, config.reviewers))
    if others := sorted(chosen.keys() - options.keys()):
        fix = "Choose delegates for your own groups only."
        raise Problem("not_reviewer", f"You are not a member of {others[0]}.", fix)
    for group, delegate in chosen.items():
        if delegate not in options[group]:
            detail = f"{delegate} cannot be your delegate in {group}."
            raise Problem("request_invalid", detail, "Go back, and choose one of the people that the page lists.")
    if not chosen:
        raise Problem(
            "request_invalid", "No delegate is chosen.", "Go back, and choose a delegate for one of your groups."
        )
    starts_at, ends_at = max(_parse_time(span[0], now), now), _parse_time(span[1], 0)
    if not starts_at < ends_at <= starts_at + LONGEST_DAYS * DAY or starts_at > now + FURTHEST_DAYS * DAY:
        detail = f"The end must be after the start, at most {LONGEST_DAYS} days later. The start must be within a year."
        raise Problem("request_invalid", detail, "Go back, and correct the times. They are in UTC.")
    delegates = tuple((group, config.identity_of(each)) for group, each in sorted(chosen.items()))
    return OutOfOffice(new_id, human, starts_at, ends_at, delegates)


def is_valid_delegate(human: Identity, group: str, delegate: Identity, config: Config) -> bool:
    """Return whether the configuration still lets `delegate` vote for `human` in a group."""
    entry = config.reviewers.get(group, ReviewerGroup(()))
    members, delegates = (map(config.identity_of, names) for names in (entry.members, entry.delegates))
    return human in members and delegate in delegates


def with_delegates(config: Config, entries: OutOfOfficeEntries, now: int) -> Groups:
    """Return the groups with the delegations in force at `now`. The delegate of a notified member is notified too.

    Members and delegates are the people that the entries name, under their names in the configuration. For an entry
    that cannot be read, the member is in `unknown_delegators`.
    """

    def name_among(names: Iterable[str], person: Identity) -> str:
        return next((each for each in names if config.identity_of(each) == person), "")

    def unknown(group: ReviewerGroup) -> tuple[Identity, ...]:
        return tuple(each for each in map(config.identity_of, group.members) if each.digest in entries.unreadable)

    current = {
        name: group._replace(unknown_delegators=unknown(group)) if entries.unreadable else group
        for name, group in config.reviewers.items()
    }
    for entry in entries.readable:
        for name, person in entry.delegates:
            group = current.get(name, ReviewerGroup(()))
            member, delegate = name_among(group.members, entry.human), name_among(group.delegates, person)
            delegation = Delegation(name, config.identity_of(member), entry.id, entry.starts_at, entry.ends_at)
            if member and delegate and delegation.in_force(now):
                notify = (*group.notify, delegate) if member in group.notify else group.notify
                active = (*group.active_delegations, (delegate, delegation))
                current[name] = group._replace(active_delegations=active, notify=notify)
    return current


def _parse_time(text: str, default: int) -> int:
    """Return the time of an `<input type="datetime-local">`, taken as UTC (HTML, "Local dates and times")."""
    if not text:
        return default
    try:
        return int(datetime.strptime(text[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        detail = f"The time {text[:40]!r} is not valid."
        raise Problem("request_invalid", detail, "Go back, and write it as 2026-11-26T09:30, in UTC.") from error
