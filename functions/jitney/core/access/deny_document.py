"""The deny document of a target role: an inline policy that makes the live credentials of ended grants fail.

IAM asks it at each request, so that it reaches credentials that are out already. A grant is named by its session tag:
`aws:PrincipalTag/grant` is on every session (the trust policy demands it), hits that grant's sessions alone, and its
19 characters make the shortest entries (`aws:userid` takes 21). Who makes more of them than fit is cut off instead, by
`aws:PrincipalTag/agent`, and nobody else.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principaltag
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from jitney.core.access.credentials import MAX_STS_SESSION_SECONDS
from jitney.core.access.grant import Grant
from jitney.core.times import iso

DENY_POLICY_NAME = "JitneyRevocations"
ROLE_POLICY_LIMIT = 10_240
"""Characters of a role's inline policies together, white space not counted (IAM User Guide, IAM and STS quotas)."""
CLOCK_SKEW_SECONDS = 60
"""How far the broker's clock and AWS's may be apart; a denial outlasts its grant by as much."""
IN_FLIGHT_SECONDS = 60
"""How long after the end of a grant an issue that was on its way can still be made: the function's 15 s, and clocks."""


@dataclass(frozen=True, slots=True, order=True)
class DenyEntry:
    """A grant whose credentials are to fail: it ended at `ended_at`, its last session is over at `until`.

    `agent` is the source identity that its sessions have as their tag.
    """

    grant_id: str
    ended_at: int
    until: int
    agent: str


class CutOffs(NamedTuple):
    """Until when what was issued fails, in epoch seconds: to anybody on the role, and to single agents."""

    role: int | None = None
    agents: Mapping[str, int] = MappingProxyType({})

    def until(self, agent: str) -> int | None:
        """Until when what was issued to the agent fails, None when it is not cut off."""
        found = [each for each in (self.role, self.agents.get(agent)) if each is not None]
        return max(found, default=None)

    @property
    def last(self) -> int | None:
        """The latest of them."""
        found = [*self.agents.values(), *(() if self.role is None else (self.role,))]
        return max(found, default=None)

    def at(self, now: int) -> Self:
        """Those that matter at `now`: as long as sessions last, and an agent's only if it is later than the role's."""
        role = self.role if self.role is not None and now < self.role + MAX_STS_SESSION_SECONDS else None
        later = {
            agent: cut
            for agent, cut in self.agents.items()
            if now < cut + MAX_STS_SESSION_SECONDS and (role is None or role < cut)
        }
        return self._replace(role=role, agents=later)

    def since(self, earlier: "CutOffs") -> "CutOffs":
        """Those that are not among the earlier ones."""
        role = self.role if self.role != earlier.role else None
        return CutOffs(role, {agent: cut for agent, cut in self.agents.items() if earlier.agents.get(agent) != cut})


@dataclass(frozen=True, slots=True)
class DenyDocument:
    """The document as the text for IAM, "" for none, and the cut-offs in it."""

    text: str
    cut_offs: CutOffs


def deny_entry(grant: Grant, now: int) -> DenyEntry:
    """The denial of a grant that ends at `now`; the session policy itself denies everything after the grant's end."""
    return DenyEntry(grant.id, now, grant.expires_at + CLOCK_SKEW_SECONDS, grant.principal)


def compose_deny_document(denials: Iterable[DenyEntry], cut_offs: CutOffs, now: int, room: int) -> DenyDocument:
    """The document that denies exactly the unexpired `denials` and what is cut off, in at most `room` characters.

    Where that does not fit, the agent with the most denials is cut off: what was issued to it up to shortly after `now`
    fails, its other grants' sessions among them, and takes the place of its denials; then the next agent. Where that
    does not fit either, the whole role is cut off. `cut_offs` are earlier ones.
    """
    live = sorted(each for each in denials if each.until > now)
    cuts = cut_offs.at(now)
    moment = max(now + IN_FLIGHT_SECONDS, cuts.last or 0)
    text = _text(live, cuts)
    counts = Counter(each.agent for each in _listed(live, cuts))
    for agent in sorted(counts, key=lambda each: (-counts[each], each)):
        if len(text) <= room:
            break
        cuts = cuts._replace(agents={**cuts.agents, agent: moment})
        text = _text(live, cuts)
    if len(text) > room:
        cuts = CutOffs(moment)
        text = _text(live, cuts)
    return DenyDocument(text, cuts)


def _listed(live: Iterable[DenyEntry], cuts: CutOffs) -> list[DenyEntry]:
    """The denials whose sessions a cut-off does not reach, or not all of them."""
    found = ((each, cuts.until(each.agent)) for each in live)
    return [each for each, cut in found if cut is None or each.ended_at + IN_FLIGHT_SECONDS > cut]


def _text(live: Iterable[DenyEntry], cuts: CutOffs) -> str:
    names = [each.grant_id for each in _listed(live, cuts)]
    conditions: list[dict[str, Any]] = [{"StringEquals": {"aws:PrincipalTag/grant": names}}] if names else []
    for cut in sorted(set(cuts.agents.values())):
        agents = sorted(agent for agent, until in cuts.agents.items() if until == cut)
        conditions.append({"StringEquals": {"aws:PrincipalTag/agent": agents}, **_issued_until(cut)})
    if cuts.role is not None:
        conditions.append(_issued_until(cuts.role))
    if not conditions:
        return ""
    statements = [{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": each} for each in conditions]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _issued_until(cut: int) -> dict[str, dict[str, str]]:
    return {"DateLessThanEquals": {"aws:TokenIssueTime": iso(cut)}}
