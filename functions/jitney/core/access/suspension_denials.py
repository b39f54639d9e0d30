"""The denials that suspensions add to the deny document of a role (END 8). Pure.

A suspension denies the credentials that were issued before it, or while it was being written. After that, it prevents
every issue that it covers. So its denial is needed only while the earlier credentials may be valid, and months of
suspensions do not fill the document. When a suspension is lifted, new credentials work at once, without a new document.
"""

from collections.abc import Iterator

from jitney.core.access.credentials import MAX_STS_SESSION_SECONDS
from jitney.core.access.deny_document import CLOCK_SKEW_SECONDS, IN_FLIGHT_SECONDS, TagDenial
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.access.suspensions import Suspensions
from jitney.core.identity.source_identity import identity_prefix
from jitney.core.target_config import Target

MOST_DENIALS, MOST_STATEMENTS = 40, 12
"""More denials would take too much of the document.

Above either number, all sessions from before the last suspension are denied. Agents that are not suspended renew their
credentials.
"""
LIVE_SECONDS = MAX_STS_SESSION_SECONDS + IN_FLIGHT_SECONDS + CLOCK_SKEW_SECONDS
"""How long credentials from before a suspension may be valid after it."""


def suspension_denials(suspensions: Suspensions, target: Target, now: int) -> tuple[TagDenial, ...]:
    """Return the denials for the roles of `target` at `now`.

    All suspensions in force get the time of the latest one, so that they share statements. The result is exact, because
    nothing was issued under the earlier suspensions in the meantime.
    """
    recent = [each for each in suspensions.entries if now < each.since + LIVE_SECONDS]
    latest = max((each.since for each in recent), default=0)
    latest_in_force = max((each.since for each in recent if each.in_force), default=0)
    found = tuple(
        denial
        for each in recent
        for denial in _denials(each, target, (latest_in_force if each.in_force else each.since) + IN_FLIGHT_SECONDS)
    )
    statements = {(each.tag, each.issued_until) for each in found}
    if len(found) <= MOST_DENIALS and len(statements) <= MOST_STATEMENTS:
        return found
    return (TagDenial("grant", "*", latest + IN_FLIGHT_SECONDS),)


def _denials(suspension: Suspension, target: Target, until: int) -> Iterator[TagDenial]:
    match suspension.kind:
        case SuspensionKind.AGENT:
            yield TagDenial("agent", suspension.name, until)
        case SuspensionKind.UNIT:
            yield TagDenial("unit", suspension.name, until)
        case SuspensionKind.HUMAN:
            yield TagDenial("agent", suspension.name, until)
            yield TagDenial("human", suspension.name, until)
        case SuspensionKind.ISSUER:
            yield TagDenial("agent", f"{identity_prefix(suspension.name)}*", until)
            yield TagDenial("human", f"{identity_prefix(suspension.name)}*", until)
        case SuspensionKind.TARGET if suspension.covers_target(target.alias, target.role_arn):
            yield TagDenial("grant", "*", until)
