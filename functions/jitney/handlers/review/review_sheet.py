"""The sheet of a grant, which reviewers see on every channel (REV 10, 11).

A grant outlives changes of the configuration. So its sheet can be built even when the present configuration cannot
decide about it any more. Otherwise no reviewer could reject such a request, revoke such a grant or review its
break-glass.
"""

from collections.abc import Collection

from jitney.core.access.decision import Decision, Risk
from jitney.core.access.earlier_approvals import HISTORY_SECONDS
from jitney.core.access.grant import Grant, State
from jitney.core.problems import Problem
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.harm import not_decidable, own_risks
from jitney.core.review.present_denial import with_denial
from jitney.core.review.sheet import Sheet, sheet_of
from jitney.handlers.review.ballots import decision_on
from jitney.handlers.review.current_reviewers import current_reviewers
from jitney.handlers.review.under_review import under_review
from jitney.handlers.runtime.ports import Ports

MAX_PAGES = 20
"""Limit of pages of grants to read from an agent's last 30 days.

Access from older grants is shown as new, and the sheet says that not all grants were compared.
"""
RECONFIGURED = frozenset(
    {"target_unknown", "review_ended", "access_profile_changed", "action_unknown", "request_invalid"}
)
"""The codes with which a decision about a stored grant fails after a change of the configuration.

Each of these failures lasts, and none comes from a store.
"""


def build_sheet(grant: Grant, ports: Ports) -> Sheet:
    """Return the current sheet of `grant`. Raises Problem when a store fails.

    If the target, the issuer, the access profile or a limit changed so that policy cannot decide any more, the sheet
    says so among the risks. It then has only the risks of the permissions themselves, and a pending request is
    `undecidable`. A pending request that policies deny now is `undecidable` or `part_only`.
    """
    history, cut = _history(grant, ports, ports.now())
    review = under_review(grant, ports, ports.suspensions.current())
    decision, pending = present_decision(review, ports), review.grant.at(ports.now()).state is State.PENDING
    if not isinstance(decision, Problem):
        sheet = _sheet(review, decision.risks, history, ports, history_cut=cut)
        return with_denial(sheet, decision) if pending else sheet
    risks = (not_decidable(decision.detail), *own_risks(grant.permissions, ports.actions))
    sheet = _sheet(review, risks, history, ports, history_cut=cut)
    return sheet._replace(undecidable=decision.detail if pending else "")


def granted_sheet(grant: Grant, ports: Ports) -> Sheet:
    """Return the sheet of what a vote would grant, without a comparison with the agent's other grants.

    Raises Problem when a store fails, and when policy cannot decide about the grant any more.
    """
    review = under_review(grant, ports, ports.suspensions.current())
    return _sheet(review, decision_on(review, grant.approvals, ports).risks, (), ports)


def present_decision(
    review: GrantUnderReview, ports: Ports, approvals: Collection[str] | None = None
) -> Decision | Problem:
    """Return the policy's current decision about a grant, or the Problem that says why policy cannot decide any more.

    `approvals` count instead of the grant's own. Raises Problem when a store fails.
    """
    try:
        return decision_on(review, review.grant.approvals if approvals is None else approvals, ports)
    except Problem as problem:
        if problem.code not in RECONFIGURED:
            raise
        return problem


def _sheet(
    review: GrantUnderReview,
    risks: tuple[Risk, ...],
    history: Collection[Grant],
    ports: Ports,
    *,
    history_cut: bool = False,
) -> Sheet:
    groups = current_reviewers(ports, review.suspensions)
    return sheet_of(review, groups, ports.actions, risks, history, ports.now(), history_cut=history_cut)


def _history(grant: Grant, ports: Ports, now: int) -> tuple[list[Grant], bool]:
    """Return the agent's other grants of the last 30 days, the newest first, and whether the limit cut them."""
    found: list[Grant] = []
    after = ""
    for _ in range(MAX_PAGES):
        page, after = ports.store.grants_of(grant.owner_key, after)
        recent = [each for each in page if each.created_at > now - HISTORY_SECONDS]
        found += (each for each in recent if each.id != grant.id)
        if not after or len(recent) < len(page):
            return found, False
    return found, True
