"""What a request reaches, action by action: what may be written beside it without reaching more.

The questions are about regular languages (core.patterns), and a request can be made whose questions are slow. Once
`STEPS` are spent the answer is the careful one: that it does reach more. A policy is then longer than it could be, and
still exact.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from jitney.core.actions import Action
from jitney.core.patterns import Budget, PatternTooComplex, covers, has_wildcard

STEPS = 100_000
"""Steps of patterns for one policy, about 50 ms; some thousand are usual."""
MAX_WILDCARDS = 4
"""In one resource that is compared as a pattern: the number of states that are looked at can double with each."""


class RequestedScope:
    """What each action is asked on: `asked` maps an action's name to resources that its types can have."""

    def __init__(self, asked: Mapping[str, Collection[str]], actions: Mapping[str, Action]) -> None:
        self._asked = asked
        self._actions = actions
        self._formats = {name: tuple(kind.arn_format for kind in each.resource_types) for name, each in actions.items()}
        self._budget = Budget(STEPS)
        self._may: dict[tuple[tuple[str, ...], str], bool] = {}

    def adds(self, action: str, resource: str) -> bool:
        """Whether `action` on `resource` reaches what was not asked: it can exist, and nothing asked covers it."""
        return (
            resource not in self._asked[action] and self.may(action, resource) and not self._covered(action, resource)
        )

    def may(self, action: str, resource: str) -> bool:
        """Whether `action` can act on what `resource` stands for; True when that is too much to find out."""
        formats = self._formats[action]
        if resource == "*" or not _of_services(resource, formats):
            return resource == "*"
        key = (formats, resource)
        if key not in self._may:
            self._may[key] = self._exists(self._actions[action], resource)
        return self._may[key]

    def widest(self, resources: Iterable[str]) -> tuple[str, ...]:
        """`resources` without those that another of them covers, sorted."""
        kept = sorted(set(resources))
        if "*" in kept:
            return ("*",)
        for outer in [each for each in kept if has_wildcard(each)]:
            if outer in kept:
                kept = [inner for inner in kept if inner == outer or not self._inside(inner, outer)]
        return tuple(kept)

    def _exists(self, action: Action, resource: str) -> bool:
        if self._budget.left <= 0 or _wildcards(resource) > MAX_WILDCARDS:
            return True
        try:
            return action.acts_on(resource, self._budget)
        except PatternTooComplex:
            return True

    def _covered(self, action: str, resource: str) -> bool:
        return any(self._inside(resource, outer) for outer in self._asked[action])

    def _inside(self, inner: str, outer: str) -> bool:
        """Whether `outer` matches all that `inner` does; False when that is too much to find out.

        Compared segment by segment, so that it holds whether or not a `*` reaches beyond its segment of the ARN.
        """
        literal = _literal_beginning(outer)
        if outer == "*" or len(literal) == len(outer) or not inner.startswith(literal):
            return outer in ("*", inner)
        if outer == f"{literal}*" and literal.count(":") >= 5:
            return True
        if max(_wildcards(inner), _wildcards(outer)) > MAX_WILDCARDS:
            return False
        try:
            # Two patterns side by side, and a few characters to try at each step.
            self._budget.spend((len(inner) + len(outer)) * (8 if has_wildcard(inner) else 1))
            return all(map(covers, outer.split(":", 5), inner.split(":", 5)))
        except PatternTooComplex:
            return False


def _wildcards(resource: str) -> int:
    return resource.count("*") + resource.count("?")


def _literal_beginning(pattern: str) -> str:
    return pattern.split("*", 1)[0].split("?", 1)[0]


def _of_services(resource: str, formats: tuple[str, ...]) -> bool:
    """False when the resource's service alone tells that it has none of the formats."""
    beginning = resource.split(":", 3)[:3]
    services = _services(formats)
    return bool(services) and (beginning[-1] in services or "" in services or any(map(has_wildcard, beginning)))


@lru_cache(maxsize=1024)
def _services(formats: tuple[str, ...]) -> frozenset[str]:
    """The third segments of ARN formats; "" for one that is not literal."""
    segments = (each.split(":", 3)[2] for each in formats)
    return frozenset("" if "$" in each or has_wildcard(each) else each for each in segments)
