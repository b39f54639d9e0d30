"""The deny document of a target role: an inline policy that denies live credentials of ended grants.

IAM evaluates it at each request: it also stops credentials that were issued before. An entry names a grant by its
session tag. `aws:PrincipalTag/grant` is on every session (the trust policy requires it), matches that grant's sessions
alone, and takes 19 characters, less than `aws:userid` (21). An agent with more entries than fit is cut off as a whole
by `aws:PrincipalTag/agent`; no other agent is affected.
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
"""Characters of all inline policies of a role, without white space (IAM User Guide, IAM and STS quotas)."""
CLOCK_SKEW_SECONDS = 60
"""How far the broker's clock and AWS's may differ. An entry outlasts its grant by as much."""
IN_FLIGHT_SECONDS = 60
"""How long after a grant's end an issue in flight can still complete: 15 s of the function, plus clock skew."""


@dataclass(frozen=True, slots=True, order=True)
class DenyEntry:
    """A grant whose credentials are denied: it ended at `ended_at`, and its last session ends at `until`.

    `agent` is the source identity in the agent tag of its sessions.
    """

    grant_id: str
    ended_at: int
    until: int
    agent: str


class CutOffs(NamedTuple):
    """The issue times (epoch seconds) up to which credentials are denied: for the whole role, and for single agents."""

    role: int | None = None
    agents: Mapping[str, int] = MappingProxyType({})

    def until(self, agent: str) -> int | None:
        """Return the issue time up to which the agent's credentials are denied; None when it is not cut off."""
        found = [each for each in (self.role, self.agents.get(agent)) if each is not None]
        return max(found, default=None)

    @property
    def last(self) -> int | None:
        """The latest cut-off time; None when there is none."""
        found = [*self.agents.values(), *(() if self.role is None else (self.role,))]
        return max(found, default=None)

    def at(self, now: int) -> Self:
        """Return the cut-offs that still matter at `now`.

        Sessions last an hour, and a cut-off of the role covers earlier ones of its agents.
        """
        role = self.role if self.role is not None and now < self.role + MAX_STS_SESSION_SECONDS else None
        later = {
            agent: cut
            for agent, cut in self.agents.items()
            if now < cut + MAX_STS_SESSION_SECONDS and (role is None or role < cut)
        }
        return self._replace(role=role, agents=later)

    def since(self, earlier: "CutOffs") -> "CutOffs":
        """Return the cut-offs that are not in `earlier`."""
        role = self.role if self.role != earlier.role else None
        return CutOffs(role, {agent: cut for agent, cut in self.agents.items() if earlier.agents.get(agent) != cut})


@dataclass(frozen=True, slots=True)
class DenyDocument:
    """The document as IAM's policy text ("" for none), and the cut-offs in it."""

    text: str
    cut_offs: CutOffs


def deny_entry(grant: Grant, now: int) -> DenyEntry:
    """Return the deny entry of a grant that ends at `now`.

    After the grant's `expires_at` its session policy denies everything itself.
    """
    return DenyEntry(grant.id, now, grant.expires_at + CLOCK_SKEW_SECONDS, grant.principal)


def compose_deny_document(entries: Iterable[DenyEntry], cut_offs: CutOffs, now: int, room: int) -> DenyDocument:
    """Return the document with the unexpired `entries` and all cut-offs, in at most `room` characters.

    If the entries do not fit, the agent with the most entries is cut off: everything issued to it until shortly after
    `now` is denied, including sessions of its other grants, and its entries are dropped. Then follows the next agent.
    If that does not fit either, the whole role is cut off. `cut_offs` are the existing ones.
    """
    live = sorted(each for each in entries if each.until > now)
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
    """Return the entries that no cut-off covers completely."""
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
