"""The sheet of a grant: what reviewers are shown of it, on every channel (REV 10, 11)."""

from core.access.grant import Grant
from core.policy.decide import decide
from core.review.sheet import Sheet, sheet_of
from handlers.at_work import at_work
from handlers.holding import Besides
from handlers.issuing import target_of
from handlers.ports import Ports
from handlers.voting import asker

HISTORY_SECONDS = 30 * 86400
MAX_PAGES = 20
"""Of an agent's grants of the last 30 days; what only older ones reached is shown as new."""


def sheet(grant: Grant, ports: Ports) -> Sheet:
    """What reviewers are shown of `grant` now. Raises Problem, also when its target or issuer was configured anew."""
    config, now = ports.config, ports.now()
    target = target_of(grant, config)
    decision = decide(
        asker(grant, ports),
        grant.asked(),
        target,
        ports.policies,
        ports.actions,
        config.limits,
        config.reviewers,
        grant.approvals,
        Besides(ports, grant.principal, grant.human, target.account, now, grant.id),
    )
    return sheet_of(grant, at_work(ports), ports.actions, decision.risks, _history(grant, ports, now), now)


def _history(grant: Grant, ports: Ports, now: int) -> list[Grant]:
    """The same agent's grants of the last 30 days but this one, the newest first."""
    found: list[Grant] = []
    after = ""
    for _ in range(MAX_PAGES):
        page, after = ports.store.grants_of(grant.owner, after)
        recent = [each for each in page if each.created_at > now - HISTORY_SECONDS]
        found += (each for each in recent if each.id != grant.id)
        if not after or len(recent) < len(page):
            break
    return found
