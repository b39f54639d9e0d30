"""The scope of a request: the resources that each action may act on.

A policy may allow what was not requested, if it stays within the scope.

The comparisons are of regular languages (core.patterns), and a request can make them slow. Once `STEPS` are spent, an
addition counts as exceeding the scope. The policy is then longer than necessary, but still exact.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from jitney.core.access.conditions import Conditions
from jitney.core.actions import Action
from jitney.core.bounded_comparisons import when_too_complex
from jitney.core.patterns import Budget, PatternTooComplex, covers, has_wildcard

STEPS = 100_000
"""Pattern steps for one policy: about 50 ms. Usual requests take a few thousand."""
MAX_WILDCARDS = 4
"""A resource with more wildcards is not compared as a pattern, because each wildcard can double the number of
states.
"""


class RequestedScope:
    """The scope of each action: `requested` maps conditions to actions' names, and these to resources they can act on.

    Scopes of one policy may share a `budget`.
    """

    def __init__(
        self,
        requested: Mapping[Conditions, Mapping[str, Collection[str]]],
        actions: Mapping[str, Action],
        budget: Budget | None = None,
    ) -> None:
        self._requested = requested
        self._actions = actions
        self._formats = {name: tuple(kind.arn_format for kind in each.resource_types) for name, each in actions.items()}
        self._budget = budget or Budget(STEPS)
        self._may: dict[tuple[tuple[str, ...], str], bool] = {}

    def adds(self, action: str, resource: str, conditions: Conditions = ()) -> bool:
        """Return whether `action` on `resource` under `conditions` exceeds the scope.

        It exceeds the scope if the pair can exist and no request with the same conditions covers it.
        """
        return (
            resource not in self._requested[conditions][action]
            and self.may_act_on(action, resource)
            and not self.covers(action, resource, conditions)
        )

    def covers(self, action: str, resource: str, conditions: Conditions = ()) -> bool:
        """Return whether a request with the same conditions surely covers the pair."""
        return any(self._inside(resource, outer) for outer in self._requested[conditions].get(action, ()))

    def may_act_on(self, action: str, resource: str) -> bool:
        """Return whether `action` can act on anything that `resource` matches.

        Returns True when the check costs too much.
        """
        formats = self._formats[action]
        if resource == "*" or not _of_services(resource, formats):
            return resource == "*"
        key = (formats, resource)
        if key not in self._may:
            self._may[key] = self._exists(self._actions[action], resource)
        return self._may[key]

    def widest(self, resources: Iterable[str]) -> tuple[str, ...]:
        """Return `resources`, sorted, without each resource that another one covers."""
        kept = sorted(set(resources))
        if "*" in kept:
            return ("*",)
        for outer in [each for each in kept if has_wildcard(each)]:
            if outer in kept:
                kept = [inner for inner in kept if inner == outer or not self._inside(inner, outer)]
        return tuple(kept)

    @when_too_complex(answer=True)
    def _exists(self, action: Action, resource: str) -> bool:
        if self._budget.left <= 0 or _wildcards(resource) > MAX_WILDCARDS:
            return True
        return action.acts_on(resource, self._budget)

    @when_too_complex(answer=False)
    def _inside(self, inner: str, outer: str) -> bool:
        """Return whether `outer` matches all that `inner` matches. Returns False when the check costs too much."""
        literal = _literal_beginning(outer)
        if outer == "*" or len(literal) == len(outer) or not inner.startswith(literal):
            return outer in ("*", inner)
        if outer == f"{literal}*" and literal.count(":") >= 5:
            return True
        return covers_segments(outer, inner, self._budget)


def covers_segments(outer: str, inner: str, budget: Budget) -> bool:
    """Return whether each segment of the ARN `outer` covers the same segment of `inner`. Raises PatternTooComplex.

    The answer holds whether or not a `*` matches beyond its segment.
    """
    if max(_wildcards(inner), _wildcards(outer)) > MAX_WILDCARDS:
        raise PatternTooComplex("too many wildcards")
    # The comparison walks two patterns side by side, and tries a few characters at each step.
    budget.spend((len(inner) + len(outer)) * (8 if has_wildcard(inner) else 1))
    return all(map(covers, outer.split(":", 5), inner.split(":", 5)))


def _wildcards(resource: str) -> int:
    return resource.count("*") + resource.count("?")


def _literal_beginning(pattern: str) -> str:
    return pattern.split("*", 1)[0].split("?", 1)[0]


def _of_services(resource: str, formats: tuple[str, ...]) -> bool:
    """Return False when the service in the resource's ARN already excludes all of the formats."""
    beginning = resource.split(":", 3)[:3]
    services = _services(formats)
    return bool(services) and (beginning[-1] in services or "" in services or any(map(has_wildcard, beginning)))


@lru_cache(maxsize=1024)
def _services(formats: tuple[str, ...]) -> frozenset[str]:
    """Return the services (third segments) of ARN formats. A service that is not literal becomes ""."""
    segments = (each.split(":", 3)[2] for each in formats)
    return frozenset("" if "$" in each or has_wildcard(each) else each for each in segments)
