"""The decision: an effect, the policies that led to it, and what would have passed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from jitney.core.access.request import Permission
from jitney.core.policy.risks import Risk


class Effect(StrEnum):
    """What policy says to a request."""

    ALLOW = "allow"
    REVIEW = "review"
    DENY = "deny"


class Reason(NamedTuple):
    """Why: the id of a policy that decided or a built-in rule's name, in a sentence, for which pair."""

    policy: str
    sentence: str
    action: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy says to one request.

    `reviews` are the alternatives that would turn a review into an allow: each a set of reviewer groups that must all
    approve; empty unless the effect is REVIEW. `permissions` are the request's, with action wildcards expanded: what a
    grant would hold. `allowed_subset` is, for a DENY, the largest part that would pass (allowed or reviewed), and
    `longest_seconds` the longest duration that would pass as asked, 0 if none would. `risks` are the request's,
    whatever the effect. `action_table` tells which action table it was decided with: its sources and their versions.
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
