"""What the deny document of a role denies because of suspensions (END 8). Pure.

While a suspension is in force, nothing is issued that it covers. So its denial is needed only while credentials from
before may live, and is then dropped: months of suspensions do not fill the document. After it is lifted, the denial
applies to credentials from before alone.
"""

from collections.abc import Iterator

from jitney.core.access.credentials import MAX_STS_SESSION_SECONDS
from jitney.core.access.deny_document import CLOCK_SKEW_SECONDS, IN_FLIGHT_SECONDS, TagDenial
from jitney.core.access.suspensions import Suspension, SuspensionKind, Suspensions
from jitney.core.identity.source_identity import identity_prefix

MOST_DENIALS = 40
"""More take too much of the document: then all sessions up to the last suspension are denied. Others renew theirs."""
LIVE_SECONDS = MAX_STS_SESSION_SECONDS + IN_FLIGHT_SECONDS + CLOCK_SKEW_SECONDS
"""How long after a suspension the credentials from before it may live."""


def suspension_denials(suspensions: Suspensions, target: str, now: int) -> tuple[TagDenial, ...]:
    """Return the denials for the role of `target`, an alias, at `now`."""
    recent = [each for each in suspensions.entries if now < each.since + LIVE_SECONDS]
    found = tuple(denial for each in recent for denial in _denials(each, target))
    if len(found) <= MOST_DENIALS:
        return found
    return (TagDenial("grant", "*", max(each.since for each in recent) + IN_FLIGHT_SECONDS),)


def _denials(suspension: Suspension, target: str) -> Iterator[TagDenial]:
    until = None if suspension.in_force else suspension.since + IN_FLIGHT_SECONDS
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
        case SuspensionKind.TARGET if suspension.name == target:
            yield TagDenial("grant", "*", until)
