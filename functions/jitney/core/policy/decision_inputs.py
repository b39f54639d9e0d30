"""What a decision saw of the requester and of its other grants, in a form for audit records (row POL 14).

With this, a record has everything that `decide` needs to decide the same request under other policies. The record holds
no token, only groups and the claims that `jitney.yaml` makes visible to policies.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.earlier_approvals import approving_groups
from jitney.core.identity.principal import ClaimTags, Principal, TagValue

VERSION = 1
MEMBER = "decision_inputs"
"""The member of a record's `detail` that holds the inputs."""
_NUMBERS: Mapping[type, str] = {bool: "bool", int: "long"}
"""The names in `jitney.yaml` of the types of claims whose values are written as text."""


class UnreadableInputs(ValueError):
    """The inputs in a record cannot be used. The message says why, after "because"."""


class DecisionInputs(NamedTuple):
    """The answer of one decision, and the inputs that its record has nowhere else.

    `held` are the actions of other active grants that counted for privilege escalations, and `earlier` the groups that
    approved the same access before. Both are None if the decision did not read them. `reviews` are the alternatives of
    a review. `time_windows` are the sets of windows that are open together during the grant, if policies name any.
    """

    effect: Effect
    kind: Literal["agent", "human"]
    groups: frozenset[str]
    claims: ClaimTags
    held: tuple[frozenset[str], ...] | None
    reviews: tuple[frozenset[str], ...]
    earlier: frozenset[str] | None = None
    time_windows: tuple[frozenset[str], ...] = ()

    @classmethod
    def of(cls, decision: Decision, principal: Principal) -> Self:
        """Return the inputs of the decision on a request of `principal`."""
        found = decision.earlier_approvals
        earlier = None if found is None else approving_groups(found)
        who = principal.kind, principal.groups, principal.tags
        windows = tuple(map(frozenset, decision.time_windows))
        return cls(decision.effect, *who, decision.held_actions, decision.reviews, earlier, windows)

    def detail(self) -> dict[str, Any]:
        """Return the member for a record's `detail`. Each value of a claim is text, so that a mask is visible."""
        optional = {
            "groups": sorted(self.groups),
            "claims": {name: _written(value) for name, value in self.claims},
            "claim_types": {name: _NUMBERS[type(value)] for name, value in self.claims if type(value) in _NUMBERS},
            "reviews": sorted(map(sorted, self.reviews)),
            "time_windows": [sorted(each) for each in self.time_windows],
        }
        inputs: dict[str, Any] = {"version": VERSION, "effect": self.effect, "kind": self.kind}
        inputs |= {name: value for name, value in optional.items() if value}
        # [] means that nothing was found.
        inputs |= {} if self.held is None else {"held": sorted(map(sorted, self.held))}
        inputs |= {} if self.earlier is None else {"earlier_approvals": sorted(self.earlier)}
        return {MEMBER: inputs}

    @classmethod
    def read(cls, detail: Mapping[str, Any]) -> Self:
        """Return the inputs in a record's `detail`. Raises UnreadableInputs."""
        if MEMBER not in detail:
            raise UnreadableInputs("an older version of Jitney wrote the record, without the inputs of the decision")
        found = detail[MEMBER]
        if not isinstance(found, dict) or not isinstance(found.get("version"), int):
            raise UnreadableInputs("the inputs of the decision are damaged")
        if found["version"] != VERSION:
            raise UnreadableInputs(f"its inputs have version {found['version']}, and this command reads {VERSION}")
        try:
            return cls(
                effect=Effect(found["effect"]),
                kind=_kind(found["kind"]),
                groups=frozenset(_texts(found.get("groups", []))),
                claims=tuple(
                    (name, _read_claim(value, found.get("claim_types", {}).get(name, "")))
                    for name, value in sorted(found.get("claims", {}).items())
                ),
                held=_sets(found["held"]) if "held" in found else None,
                reviews=_sets(found.get("reviews", [])),
                earlier=frozenset(_texts(found["earlier_approvals"])) if "earlier_approvals" in found else None,
                time_windows=_sets(found.get("time_windows", [])),
            )
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise UnreadableInputs("the inputs of the decision are damaged") from error


def _written(value: TagValue) -> str | list[str]:
    """Return a claim's value as text, or as a list of texts."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | str():
            return str(value)
        case _:
            return list(value)


def _read_claim(written: Any, kind: str) -> TagValue:
    """Return the value of a claim of this type. `kind` is "long" or "bool", and "" for text. Raises ValueError."""
    match kind, written:
        case "", str():
            return written
        case "", list():
            return _texts(written)
        case "long", str():
            return int(written)
        case "bool", "true" | "false":
            return bool(written == "true")
    raise ValueError(kind)


def _kind(text: Any) -> Literal["agent", "human"]:
    match text:
        case "agent":
            return "agent"
        case "human":
            return "human"
    raise ValueError(text)


def _texts(values: Any) -> tuple[str, ...]:
    if not (isinstance(values, list) and all(isinstance(each, str) for each in values)):
        raise TypeError("not a list of texts")
    return tuple(values)


def _sets(values: Any) -> tuple[frozenset[str], ...]:
    if not isinstance(values, list):
        raise TypeError("not a list")
    return tuple(frozenset(_texts(each)) for each in values)
