"""`make bench` simulates how many releases a second one target bears before an agent is cut off (row END 6).

Agents request grants at a steady rate, hold each for a random time, and release it. The deny document is the deployed
code's, within AWS's limit of a role's inline policies. `each_release` writes a deny entry for each release, for the
grant's whole life. `where_needed` is as deployed: an entry only where credentials may be outside Jitney. Prints one
JSON object, by kind of traffic: the highest rate of `RATES` without a cut-off, and the deny entries of 1,000 releases.
`roles_for_aim` is the fewest roles (`roles` of the target in jitney.yaml) with which the target bears `AIM`.

`python -m benchmarks.release_rates roles` prints `roles_for_aim` alone, in a minute.
"""

import heapq
import importlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import NamedTuple

from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.deny_document import (
    CLOCK_SKEW_SECONDS,
    MOST_OPEN_GRANTS,
    ROLE_POLICY_LIMIT,
    DenyEntry,
    compose_deny_document,
)
from jitney.core.access.grant import Grant, GrantEnd, State
from jitney.core.access.id_ranges import dated_id
from jitney.core.access.live_credentials import denial_of
from jitney.core.access.request import Permission, Way
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.target_roles import MOST_ROLES, role_of_grant

AIM = 20
"""The rate that must not cut off any agent, in releases a second on one target."""
RATES = (1, 2, 5, 10, 15, 20, 30)
"""Releases a second."""
ROOM = ROLE_POLICY_LIMIT - 1_240
"""Characters for the deny document. The role's own policies take the rest, as on a target with some statements."""
COMPOSED_EVERY_SECONDS = 120
_FAKES = importlib.import_module("tests.fakes")
_GRANT: Grant = _FAKES.GRANT
_BEGIN: int = _FAKES.NOW
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_CREDENTIALS = (Permission(("s3:GetObject",), ("arn:aws:s3:::reports/*",)),)
_GATEWAY = (Permission(("dynamodb:GetItem",), ("arn:aws:dynamodb:eu-west-1:444455556666:table/orders",)),)


class Traffic(NamedTuple):
    """Grants of one target: their duration, how long they are held on average, and the shares of kinds.

    `gateway` are grants for the gateway without a permission on S3, `tickets` those with one. The others have
    credentials.
    """

    duration_seconds: int
    held_seconds: int
    gateway: float = 0
    tickets: float = 0


class SimulatedRelease(NamedTuple):
    """A simulation's result: whether an agent was cut off, and how many releases wrote how many deny entries."""

    releases: int
    entries: int
    is_cut_off: bool


TRAFFIC = {
    "900 s, held 30 s, credentials": Traffic(900, 30),
    "900 s, held 120 s, credentials": Traffic(900, 120),
    "900 s, held 30 s, half through the gateway": Traffic(900, 30, gateway=0.4, tickets=0.1),
    "900 s, held 120 s, half through the gateway": Traffic(900, 120, gateway=0.4, tickets=0.1),
    "3600 s, held 30 s, credentials": Traffic(3600, 30),
    "3600 s, held 30 s, half through the gateway": Traffic(3600, 30, gateway=0.4, tickets=0.1),
    "3600 s, held 30 s, gateway": Traffic(3600, 30, gateway=0.8, tickets=0.2),
}


def main(arguments: Sequence[str]) -> None:
    """Simulate each kind of traffic and print the results."""
    if arguments == ["roles"]:
        figures: dict[str, object] = {name: roles_for_aim(traffic) for name, traffic in TRAFFIC.items()}
    else:
        figures = {
            name: {
                "each_release": _highest(traffic, where_needed=False),
                "where_needed": _highest(traffic, where_needed=True),
                "roles_for_aim": roles_for_aim(traffic),
            }
            for name, traffic in TRAFFIC.items()
        }
    print(json.dumps(figures, indent=2))


def roles_for_aim(traffic: Traffic) -> int | None:
    """Return the fewest roles of a target with which `AIM` cuts no agent off, None if `MOST_ROLES` are not enough."""
    fits = (each for each in range(1, MOST_ROLES + 1) if not simulated(traffic, AIM, roles=each).is_cut_off)
    return next(fits, None)


def _highest(traffic: Traffic, *, where_needed: bool) -> dict[str, int]:
    """Return the highest rate without a cut-off, 0 for none, and the entries of 1,000 releases."""
    borne, per_thousand = 0, 1000
    for rate in RATES:
        found = simulated(traffic, rate, where_needed=where_needed)
        if found.is_cut_off:
            break
        borne, per_thousand = rate, round(1000 * found.entries / found.releases)
    return {"releases_per_second": borne, "entries_of_1000_releases": per_thousand}


def simulated(
    traffic: Traffic,
    rate: int,
    *,
    where_needed: bool = True,
    roles: int = 1,
    most_open: int = MOST_OPEN_GRANTS,
    seed: int = 1,
) -> SimulatedRelease:
    """Return what becomes of `rate` requests and releases a second, until the number of live entries is steady."""
    random = Random(seed)  # noqa: S311 - a simulation
    due: list[tuple[float, str]] = []
    going: defaultdict[str, dict[str, Grant]] = defaultdict(dict)
    live: defaultdict[str, list[DenyEntry]] = defaultdict(list)
    releases = entries = 0
    for second in range(traffic.duration_seconds + traffic.held_seconds + CLOCK_SKEW_SECONDS):
        now = _BEGIN + second
        for grant in _opened(traffic, rate, roles, now, random):
            going[grant.role_arn][grant.id] = grant
            held = min(random.expovariate(1 / traffic.held_seconds), traffic.duration_seconds - 1)
            heapq.heappush(due, (now + held, grant.id))
        while due and due[0][0] <= now:
            releases += 1
            grant_id = heapq.heappop(due)[1]
            role = role_of_grant(grant_id, _GRANT.role_arn, roles)
            if entry := _entry(going[role].pop(grant_id), now, where_needed=where_needed):
                entries += 1
                live[role].append(entry)
        if second % COMPOSED_EVERY_SECONDS == COMPOSED_EVERY_SECONDS - 1:
            for role, all_of_role in live.items():
                live[role] = [each for each in all_of_role if each.until > now]
                if _cuts_off(live[role], going[role], now, most_open):
                    return SimulatedRelease(releases, entries, is_cut_off=True)
    return SimulatedRelease(releases, entries, is_cut_off=False)


def _cuts_off(live: list[DenyEntry], going: dict[str, Grant], now: int, most_open: int) -> bool:
    """Return whether a role's deny document cuts an agent off."""
    known = going if len(going) <= most_open else None
    return compose_deny_document(live, CutOffs(), now, ROOM, open_grants=known).cut_offs != CutOffs()


def _opened(traffic: Traffic, rate: int, roles: int, now: int, random: Random) -> Iterator[Grant]:
    for _ in range(rate):
        kind = random.random()
        through_gateway = kind < traffic.gateway + traffic.tickets
        grant_id = dated_id("g-" + "".join(random.choices(_LETTERS, k=14)), now)
        yield replace(
            _GRANT,
            id=grant_id,
            role_arn=role_of_grant(grant_id, _GRANT.role_arn, roles),
            permissions=_GATEWAY if kind < traffic.gateway else _CREDENTIALS,
            duration_seconds=traffic.duration_seconds,
            created_at=now,
            starts_at=now,
            expires_at=now + traffic.duration_seconds,
            way=Way.GATEWAY if through_gateway else Way.CREDENTIALS,
        )


def _entry(grant: Grant, now: int, *, where_needed: bool) -> DenyEntry | None:
    ended = grant.end(State.RELEASED, GrantEnd(now, grant.principal, MaskedComment("")))
    if not where_needed:
        return DenyEntry(grant.id, now, grant.expires_at + CLOCK_SKEW_SECONDS, grant.unit)
    denial = denial_of(ended)
    return denial if isinstance(denial, DenyEntry) else None


if __name__ == "__main__":
    main(sys.argv[1:])
