"""The decision on a request: an effect, the policies that led to it, and the largest part that would have passed."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.request import Permission
from jitney.core.call_limits import NO_CALL_LIMITS, CallLimits


class Effect(StrEnum):
    """How the policies answer a request."""

    ALLOW = "allow"
    REVIEW = "review"
    DENY = "deny"


class Reason(NamedTuple):
    """One reason: the id of the policy or built-in rule that decided, a sentence, and the action and resource.

    `template` is the sentence with `{action}` instead of the action. With it, programs can join reasons that differ
    only in the action.
    """

    policy: str
    sentence: str
    action: str = ""
    resource: str = ""
    template: str = ""


class HarmLevel(StrEnum):
    """The levels of harm, the worst first. UNKNOWN is worse than MODERATE, because no rule has assessed the risk."""

    SEVERE = "severe"
    HIGH = "high"
    UNKNOWN = "unknown"
    MODERATE = "moderate"


class Risk(NamedTuple):
    """One risk of a request: its name, a sentence, the actions that have it, and other grants that contribute to it.

    `source` is the URL of a description, or "".
    """

    name: str
    sentence: str
    actions: tuple[str, ...]
    grants: tuple[str, ...] = ()
    source: str = ""
    level: HarmLevel = HarmLevel.UNKNOWN


@dataclass(frozen=True, slots=True)
class Decision:
    """The policies' decision on one request.

    `reviews` is empty unless the effect is REVIEW. It lists the alternatives: each is a set of reviewer groups that
    must all approve. `permissions` are the requested ones with action wildcards expanded, as a grant would hold them.

    For a DENY, `allowed_subset` and `longest_seconds` say which changed request policy would allow or review. If both
    are set, both changes are needed. If the whole request passes for a shorter time, only `longest_seconds` is set.

    `action_table` names the sources of the action table and their versions. `call_limits` are the limits that the
    deciding permits set on the grant's calls through the gateway. `held_actions` are the actions of each other grant
    that was read for privilege escalations, or None if none was read. The agent must not see them, because some of
    these grants belong to others.

    `earlier_approvals` are those that policies saw, or None if they were not looked up. `counts_again` is set for a
    REVIEW after which policies would allow the same request again, because of its approval. `permitted_from` is set for
    a DENY if a time window changes then (epoch seconds), and policies would allow or review the whole request.
    `time_windows` are the sets of windows that are open together during the grant, if policies name any.
    """

    effect: Effect
    reasons: tuple[Reason, ...]
    permissions: tuple[Permission, ...]
    policy_version: str
    action_table: str
    reviews: tuple[frozenset[str], ...] = ()
    allowed_subset: tuple[Permission, ...] = ()
    longest_seconds: int = 0
    risks: tuple[Risk, ...] = ()
    call_limits: CallLimits = NO_CALL_LIMITS
    held_actions: tuple[frozenset[str], ...] | None = field(default=None, repr=False)
    earlier_approvals: tuple[EarlierApproval, ...] | None = None
    counts_again: bool = False
    permitted_from: int | None = None
    time_windows: tuple[tuple[str, ...], ...] = ()

    @property
    def permits_some(self) -> bool:
        """Whether policies permit some of the request now, with or without approvals."""
        return self.effect is not Effect.DENY or bool(self.allowed_subset or self.longest_seconds)

    @property
    def would_permit(self) -> bool:
        """Whether policies permit some of the request now, or all of it when a time window changes."""
        return self.permits_some or self.permitted_from is not None
