"""The decision: an effect, the policies that led to it, and what would have passed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from jitney.core.access.request import Permission


class Effect(StrEnum):
    """The policies' answer to a request."""

    ALLOW = "allow"
    REVIEW = "review"
    DENY = "deny"


class Reason(NamedTuple):
    """One reason: the id of the deciding policy or built-in rule, a sentence, and the pair it is about.

    `template` is the sentence with `{action}` in place of the action, so that programs can join equal reasons.
    """

    policy: str
    sentence: str
    action: str = ""
    resource: str = ""
    template: str = ""


class Risk(NamedTuple):
    """One risk of a request: its name, a sentence, the actions that have it, and other grants that take part.

    `source` is the URL of its description, "" if there is none.
    """

    name: str
    sentence: str
    actions: tuple[str, ...]
    grants: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The policies' decision on one request.

    `reviews` are the alternatives that would turn a review into an allow: sets of reviewer groups that must all
    approve; empty unless the effect is REVIEW. `permissions` are the request's with action wildcards expanded, as a
    grant would hold them. For a DENY, `allowed_subset` is the largest part that would pass (allowed or reviewed) and
    `longest_seconds` the longest duration that would pass, 0 if none would. `risks` are the request's. `action_table`
    is the action table's sources and versions.
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
