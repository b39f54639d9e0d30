"""GET /reviews/overview: open requests and grants for operators, as a page or as CSV (row OPS 3).

The function's role cannot write, and reads no whole table: each read is a query with a limit.
"""

from collections.abc import Callable, Mapping
from functools import cached_property

from jitney.core.access.grant import Grant, State
from jitney.core.access.suspension_names import configured_agents
from jitney.core.identity.principal import owner_key
from jitney.core.overview import (
    AGES,
    OpenGrants,
    OverviewTable,
    accounts_table,
    active_table,
    age_of,
    agents_table,
    break_glass_table,
    pending_table,
    seals_table,
    suspensions_table,
    targets_table,
)
from jitney.core.problems import Problem
from jitney.core.review.headlines import headline_of_grant, uses_of
from jitney.handlers.pages.request_list import MOST_UNREVIEWED, read_in_state
from jitney.handlers.pages.viewers import redirect_to_sign_in
from jitney.handlers.pages.visits import Download, Page, Visit, pages
from jitney.handlers.review.under_review import all_under_review

MOST_SHOWN = 50
"""The limit of rows of one table on the page. The CSV has all rows that were read."""
MOST_NAMED, MOST_NAMED_MILLISECONDS = 50, 2000
"""Limits of reading the last requests of agents that the configuration names: one read for each agent."""
MOST_SEALS = 5


class OverviewReads:
    """The reads behind the tables. Each part is read when the first table needs it."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._ports, self.now = visit, visit.ports, visit.now

    @cached_property
    def pending(self) -> OpenGrants:
        """The pending requests, within the limits of the reviewers' list."""
        return self._open(State.PENDING)

    @cached_property
    def active(self) -> OpenGrants:
        """The active grants, within the same limits."""
        return self._open(State.ACTIVE)

    @property
    def open(self) -> OpenGrants:
        """The pending and active grants.

        The active ones come last, because a grant that was activated meanwhile is read twice, and the later read
        counts.
        """
        found = {each.id: each for read in (self.pending, self.active) for each in read.grants}
        return OpenGrants(tuple(found.values()), self.pending.complete and self.active.complete)

    def _open(self, state: State) -> OpenGrants:
        read = read_in_state(state, self._ports, self.now)
        reviews = all_under_review(read.grants, self._ports, self._visit.suspensions)
        applied = (each.grant.at(self.now) for each in reviews)
        return OpenGrants(tuple(each for each in applied if each.state is state), not read.cut)

    def agents(self) -> OverviewTable:
        """Return the agents' table, with the last requests of agents that the configuration names."""
        began, busy = self._ports.stopwatch(), {each.principal for each in self.open.grants}
        named = sorted(configured_agents(self._ports.config) - busy)
        found: dict[str, int | None] = dict.fromkeys(named)
        complete = True
        for place, agent in enumerate(named):
            if place == MOST_NAMED or self._ports.stopwatch() - began > MOST_NAMED_MILLISECONDS:
                complete = False
                break
            newest = self._ports.store.newest_grant(owner_key(self._ports.config.identity_of(agent), None))
            found[agent] = newest.created_at if newest else None
        return agents_table(self.open, found, complete=complete)

    def targets(self) -> OverviewTable:
        """Return the targets' table."""
        entries, targets = self._visit.suspensions.in_force, self._ports.config.targets
        suspended = {
            alias
            for alias, target in targets.items()
            if any(each.covers_target(alias, target.role_arn) for each in entries)
        }
        return targets_table(self.open, targets, suspended)

    def break_glass(self) -> OverviewTable:
        """Return the table of break-glass: outstanding follow-up reviews, and active grants by break-glass."""
        outstanding = list(dict.fromkeys(self._ports.follow_ups.outstanding().values()))
        found = {each.id: each for each in self.active.grants}
        found |= self._ports.store.readable_grants(outstanding[:MOST_UNREVIEWED])
        complete = self.active.complete and len(outstanding) <= MOST_UNREVIEWED
        return break_glass_table(found.values(), self.now, complete=complete)

    def access(self, grant: Grant) -> str:
        """Return in words what a grant allows or requests."""
        return headline_of_grant(grant, "", uses_of(grant, self._ports.actions)).access

    def suspensions(self) -> OverviewTable:
        """Return the table of suspensions in force."""
        return suspensions_table(self._visit.suspensions.in_force)

    def seals(self) -> OverviewTable:
        """Return the table of the last seals, the newest first."""
        return seals_table(self._ports.seal_reader.last(MOST_SEALS))


TABLES: Mapping[str, Callable[[OverviewReads], OverviewTable]] = {
    "break-glass": OverviewReads.break_glass,
    "pending": lambda reads: pending_table(reads.pending, reads.access, reads.now),
    "accounts": lambda reads: accounts_table(reads.active),
    "active": lambda reads: active_table(reads.active, reads.access),
    "agents": OverviewReads.agents,
    "targets": OverviewReads.targets,
    "suspensions": OverviewReads.suspensions,
    "seals": OverviewReads.seals,
}
"""The tables, in the order of the page."""


def show_overview(visit: Visit) -> Page:
    """Return 200 with all tables, or with the query's `table` as CSV.

    Raises Problem not_operator for a person who may not suspend, and request_invalid for another format or table.
    """
    if visit.session is None:
        return redirect_to_sign_in(visit)
    visit.authenticated.require_operator("see the overview")
    reads, query = OverviewReads(visit), visit.request.query
    if query.get("format", "html") == "html":
        tables = [make(reads) for make in TABLES.values()]
        counts = [(words, sum(age_of(each, visit.now) == words for each in reads.pending.grants)) for _, words in AGES]
        return Page(200, "overview", {"tables": tables, "most_shown": MOST_SHOWN, "ages": counts})
    make = TABLES.get(query.get("table", ""))
    if query["format"] != "csv" or make is None:
        fix = f"Use format=csv, and one of these tables: {', '.join(TABLES)}."
        raise Problem("request_invalid", "There is no such table or format.", fix)
    table = make(reads)
    name = f"jitney-{table.name}{'' if table.complete else '-incomplete'}.csv"
    return Page(200, download=Download(name, "text/csv; charset=utf-8; header=present", table.csv()))


handler = pages(
    {"/reviews/overview": show_overview},
    {},
    (
        "config",
        "actions",
        "store",
        "suspensions",
        "deny_list",
        "follow_ups",
        "web_sessions",
        "templates",
        "seal_reader",
    ),
)
