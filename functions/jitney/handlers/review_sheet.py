"""The sheet of a grant, which reviewers see on every channel (REV 10, 11)."""

from collections.abc import Collection

from jitney.core.access.grant import Grant
from jitney.core.review.sheet import Sheet, sheet_of
from jitney.handlers.ballots import decision_on
from jitney.handlers.current_reviewers import current_reviewers
from jitney.handlers.ports import Ports
from jitney.handlers.under_review import under_review

HISTORY_SECONDS = 30 * 86400
MAX_PAGES = 20
"""Limit of pages of grants to read from an agent's last 30 days.

Access from older grants is shown as new, and the sheet says that not all grants were compared.
"""


def build_sheet(grant: Grant, ports: Ports) -> Sheet:
    """Return the current sheet of `grant`. Raises Problem, also when its target or issuer was reconfigured."""
    history, cut = _history(grant, ports, ports.now())
    return _sheet(grant, history, ports, history_cut=cut)


def granted_sheet(grant: Grant, ports: Ports) -> Sheet:
    """Return the sheet of what a vote would grant, without a comparison with the agent's other grants.

    Raises Problem as `build_sheet`.
    """
    return _sheet(grant, (), ports)


def _sheet(grant: Grant, history: Collection[Grant], ports: Ports, *, history_cut: bool = False) -> Sheet:
    now, suspensions = ports.now(), ports.suspensions.current()
    review = under_review(grant, ports, suspensions)
    risks = decision_on(review, grant.approvals, ports).risks
    groups = current_reviewers(ports, suspensions)
    return sheet_of(review, groups, ports.actions, risks, history, now, history_cut=history_cut)


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
