"""The sheet of a grant, which reviewers see on every channel (REV 10, 11)."""

from jitney.core.access.grant import Grant
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.sheet import Sheet, sheet_of
from jitney.handlers.ballots import decision_on
from jitney.handlers.current_reviewers import current_reviewers
from jitney.handlers.ports import Ports

HISTORY_SECONDS = 30 * 86400
MAX_PAGES = 20
"""Limit of grants to read from an agent's last 30 days. Access from further grants shows as new."""


def build_sheet(grant: Grant, ports: Ports) -> Sheet:
    """Return the current sheet of `grant`. Raises Problem, also when its target or issuer was reconfigured."""
    now, suspensions = ports.now(), ports.suspensions.current()
    decision = decision_on(grant, grant.approvals, ports)
    review, history = GrantUnderReview(grant, ports.config, suspensions), _history(grant, ports, now)
    return sheet_of(review, current_reviewers(ports, suspensions), ports.actions, decision.risks, history, now)


def _history(grant: Grant, ports: Ports, now: int) -> list[Grant]:
    """Return the agent's other grants of the last 30 days, the newest first."""
    found: list[Grant] = []
    after = ""
    for _ in range(MAX_PAGES):
        page, after = ports.store.grants_of(grant.owner_key, after)
        recent = [each for each in page if each.created_at > now - HISTORY_SECONDS]
        found += (each for each in recent if each.id != grant.id)
        if not after or len(recent) < len(page):
            break
    return found
