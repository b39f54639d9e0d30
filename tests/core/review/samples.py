"""Grants under review by a sample configuration."""

from dataclasses import replace

from jitney.core.access.grant import Grant
from jitney.core.access.suspensions import Suspensions
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.review.grant_under_review import GrantUnderReview
from tests.core.identity import minting
from tests.fakes import GRANT

CONFIG = minting.config()


def under_review(
    grant: Grant, owners: tuple[str, ...] = (), break_glass: BreakGlassConfig | None = None
) -> GrantUnderReview:
    """The grant where `owners`, source identities, own its agent by the present configuration."""
    issuers = {**CONFIG.issuers, "corp": replace(CONFIG.issuers["corp"], owners={grant.subject: owners})}
    config = replace(CONFIG, issuers=issuers, break_glass=break_glass)
    parent = replace(GRANT, id=grant.call.grant_id) if grant.call else None
    return GrantUnderReview(grant, config, Suspensions(), parent)
