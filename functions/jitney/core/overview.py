"""The tables of the operators' overview: agents, targets, accounts, grants, requests, break-glass, seals. Pure.

Each table is made from the values that were read, and says if some are missing.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from jitney.core.access.grant import Grant, State
from jitney.core.access.suspension_entry import Suspension
from jitney.core.csv_text import csv_text
from jitney.core.integrity.seals import Seal
from jitney.core.review.headlines import NO_PERSON
from jitney.core.review.safe_text import escape_invisible
from jitney.core.stored_identity import name_of
from jitney.core.target_config import Target
from jitney.core.times import iso

AGES = ((5 * 60, "under 5 minutes"), (15 * 60, "under 15 minutes"), (3600, "under 1 hour"), (10**10, "over 1 hour"))
"""The age groups of pending requests: the upper limit in seconds, and the words."""


class Cell(NamedTuple):
    """One cell: its text on one line, and the time (epoch seconds) or the id of the grant that it shows, if any."""

    text: str
    at: int | None = None
    grant_id: str = ""


class OverviewTable(NamedTuple):
    """One table. The page's address contains `name`. `complete` is False if not everything could be read."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    complete: bool = True

    def csv(self) -> str:
        """Return the whole table as CSV. Times are ISO 8601, in UTC."""
        return csv_text(self.columns, ([cell.text for cell in row] for row in self.rows))


class OpenGrants(NamedTuple):
    """The open grants that were read, and whether these are all open grants."""

    grants: Sequence[Grant]
    complete: bool

    def counts(self, state: State, key: Callable[[Grant], str]) -> Counter[str]:
        """Return how many grants in the state have each value of `key`."""
        return Counter(key(each) for each in self.grants if each.state is state)


def agents_table(read: OpenGrants, named: Mapping[str, int | None], *, complete: bool) -> OverviewTable:
    """Return the agents with open grants, and the agents that the configuration names.

    `named` maps the latter to the times of their last requests. `complete` says whether all of these were read.
    """
    last: dict[str, int | None] = dict(named)
    names, units = dict[str, str](), dict[str, str]()
    for each in sorted(read.grants, key=lambda grant: grant.created_at):
        last[each.principal], names[each.principal], units[each.principal] = (
            each.created_at,
            each.requester_name,
            each.unit,
        )
    pending, active = (read.counts(state, lambda each: each.principal) for state in (State.PENDING, State.ACTIVE))
    order = sorted(last, key=lambda agent: (-(last[agent] or 0), agent))
    rows = (
        (
            _text(agent),
            _text(names.get(agent, "")),
            _text(units.get(agent, "")),
            _time(last[agent]),
            _number(pending[agent]),
            _number(active[agent]),
        )
        for agent in order
    )
    columns = ("Agent", "Name", "Unit", "Last request", "Pending", "Active")
    return OverviewTable("agents", "Agents", columns, tuple(rows), read.complete and complete)


def targets_table(read: OpenGrants, targets: Mapping[str, Target], suspended: Collection[str]) -> OverviewTable:
    """Return the configured targets with the number of their open grants. `suspended` are aliases."""
    pending, active = (read.counts(state, lambda each: each.target) for state in (State.PENDING, State.ACTIVE))
    rows = (
        (
            _text(alias),
            _text(target.account),
            _text(target.region),
            _text("suspended" if alias in suspended else "ok"),
            _number(pending[alias]),
            _number(active[alias]),
            _text(" ".join(target.role_arns)),
        )
        for alias, target in sorted(targets.items())
    )
    columns = ("Target", "Account", "Region", "State", "Pending", "Active", "Role")
    return OverviewTable("targets", "Targets", columns, tuple(rows), read.complete)


def accounts_table(read: OpenGrants) -> OverviewTable:
    """Return the number of active grants and of their agents, by account."""
    active = [each for each in read.grants if each.state is State.ACTIVE]
    rows = []
    for account in sorted({each.account for each in active}):
        mine = [each for each in active if each.account == account]
        agents, ends = {each.principal for each in mine}, max(each.expires_at for each in mine)
        rows.append((_text(account), _number(len(mine)), _number(len(agents)), _time(ends)))
    columns = ("Account", "Active grants", "Agents", "Last end")
    return OverviewTable("accounts", "Active grants by account", columns, tuple(rows), read.complete)


def active_table(read: OpenGrants, access: Callable[[Grant], str]) -> OverviewTable:
    """Return the active grants, sorted by account and end. `access` returns in words what a grant allows."""
    active = sorted(
        (each for each in read.grants if each.state is State.ACTIVE), key=lambda each: (each.account, each.expires_at)
    )
    rows = (
        (
            _text(each.account),
            _text(each.target),
            _grant(each.id),
            _text(each.principal),
            _text(name_of(each.human) or NO_PERSON),
            _time(each.starts_at),
            _time(each.expires_at),
            _text("break-glass" if each.break_glass else ""),
            _text(access(each)),
        )
        for each in active
    )
    columns = ("Account", "Target", "Request", "Agent", "On behalf of", "Began", "Ends", "Approval", "Access")
    return OverviewTable("active", "Active grants", columns, tuple(rows), read.complete)


def pending_table(read: OpenGrants, access: Callable[[Grant], str], now: int) -> OverviewTable:
    """Return the pending requests, the oldest first. `access` returns in words what a request is for."""
    pending = sorted((each for each in read.grants if each.state is State.PENDING), key=lambda each: each.created_at)
    rows = (
        (
            _text(age_of(each, now)),
            _time(each.created_at),
            _time(each.expires_at),
            _grant(each.id),
            _text(each.principal),
            _text(name_of(each.human) or NO_PERSON),
            _text(each.target),
            _text(" or ".join("+".join(groups) for groups in each.reviews)),
            _text(access(each)),
        )
        for each in pending
    )
    columns = ("Age", "Requested", "Decide by", "Request", "Agent", "On behalf of", "Target", "Reviewers", "Access")
    return OverviewTable("pending", "Pending requests by age", columns, tuple(rows), read.complete)


def age_of(grant: Grant, now: int) -> str:
    """Return the age group of a pending request."""
    return next(words for limit, words in AGES if now - grant.created_at < limit)


def break_glass_table(grants: Iterable[Grant], now: int, *, complete: bool) -> OverviewTable:
    """Return the uses of break-glass among `grants`: first those without a follow-up review, the earliest due first."""
    used = [(each, use) for each in grants if (use := each.break_glass)]
    rows = (
        (
            _text(_follow_up_state(each, use.due_at, now)),
            _time(use.due_at),
            _grant(each.id),
            _text(use.human.name),
            _time(use.at),
            _text(each.principal),
            _text(name_of(each.human) or NO_PERSON),
            _text(each.target),
            _text(use.reason),
        )
        for each, use in sorted(used, key=lambda pair: (not pair[0].awaits_follow_up, pair[1].due_at))
    )
    columns = ("Follow-up", "Due", "Request", "Used by", "Used", "Agent", "On behalf of", "Target", "Reason")
    return OverviewTable("break-glass", "Break-glass", columns, tuple(rows), complete)


def _follow_up_state(grant: Grant, due_at: int, now: int) -> str:
    if not grant.awaits_follow_up:
        return "reviewed"
    return "overdue" if now > due_at else "due"


def suspensions_table(entries: Iterable[Suspension]) -> OverviewTable:
    """Return the suspensions in force, the newest first."""
    rows = (
        (
            _text(each.kind),
            _text(each.name),
            _time(each.since),
            _text("not yet") if each.completed_at is None else _time(each.completed_at),
            _text(each.by),
            _text(each.id),
            _text(each.reason),
        )
        for each in sorted(entries, key=lambda each: -each.since)
    )
    columns = ("Kind", "Name", "Since", "Complete", "By", "Id", "Reason")
    return OverviewTable("suspensions", "Suspended", columns, tuple(rows))


def seals_table(seals: Iterable[Seal]) -> OverviewTable:
    """Return the seals, in the given order."""
    rows = (
        (
            _number(each.number),
            _text(each.time),
            _number(len(each.objects)),
            _number(sum(len(sealed.records) for sealed in each.objects)),
            _text(each.hash),
        )
        for each in seals
    )
    columns = ("Seal", "Time (UTC)", "Objects", "Records", "Hash")
    return OverviewTable("seals", "Last seals", columns, tuple(rows))


def _text(text: str) -> Cell:
    return Cell(escape_invisible(text))


def _number(number: int) -> Cell:
    return Cell(str(number))


def _time(at: int | None) -> Cell:
    return Cell("" if at is None else iso(at), at)


def _grant(grant_id: str) -> Cell:
    return Cell(grant_id, grant_id=grant_id)
