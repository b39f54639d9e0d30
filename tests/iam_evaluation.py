"""How AWS decides a request in one account, written from its documentation. It shares no code with the compiler.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html

An explicit Deny in any policy denies. Otherwise the role's policies, its permissions boundary and the session policy
must all allow, or a resource policy must. What a resource policy allows to a role is limited by the boundary and the
session policy. What it allows to a session, or to everyone, is not limited by them. What it allows to an account counts
only together with the role's policies.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from tests.core.access.condition_semantics import Call, folded, holds

type Matcher = Callable[[str], object]


class Evaluated(NamedTuple):
    """A statement, ready to be evaluated."""

    allows: bool
    action: Matcher
    resource: Matcher
    condition: dict[str, Any]
    principals: tuple[str, ...]


class Policy:
    """A policy document, as evaluated for requests."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.statements = tuple(map(_evaluated, document["Statement"]))

    def matching(self, effect: bool, action: str, resource: str, call: Call) -> list[Evaluated]:
        """Return the statements with this effect that apply to the request."""
        return list(self._matching(effect, action, resource, call))

    def applies(self, effect: bool, action: str, resource: str, call: Call) -> bool:
        """Return whether a statement with this effect applies to the request."""
        return next(self._matching(effect, action, resource, call), None) is not None

    def _matching(self, effect: bool, action: str, resource: str, call: Call) -> Iterator[Evaluated]:
        return (
            each
            for each in self.statements
            if each.allows == effect and each.action(action) and each.resource(resource) and holds(each.condition, call)
        )


class Session(NamedTuple):
    """A role's session: its ARN, its role's ARN and account, and the policies that limit it."""

    arn: str
    role: str
    account: str
    identity: Sequence[Policy]
    limits: Sequence[Policy]

    def allowed(self, action: str, resource: str, call: Call, resource_policy: Policy | None = None) -> bool:
        """Return whether AWS allows a request on a resource of the same account."""
        call = folded(call)
        of_resource = [] if resource_policy is None else resource_policy.matching(True, action, resource, call)
        denying = [*self.identity, *self.limits, *([resource_policy] if resource_policy else [])]
        if any(each.applies(False, action, resource, call) for each in denying):
            return False
        if any(self.arn in each.principals or "*" in each.principals for each in of_resource):
            return True
        within = all(each.applies(True, action, resource, call) for each in self.limits)
        if within and any(self.role in each.principals for each in of_resource):
            return True
        return within and any(each.applies(True, action, resource, call) for each in self.identity)


def _evaluated(statement: dict[str, Any]) -> Evaluated:
    principal = statement.get("Principal", ())
    return Evaluated(
        statement["Effect"] == "Allow",
        _element(statement, "Action", re.IGNORECASE),
        _element(statement, "Resource", 0),
        statement.get("Condition", {}),
        tuple(_many(principal["AWS"] if isinstance(principal, dict) else principal)),
    )


def _element(statement: dict[str, Any], name: str, flags: int) -> Matcher:
    """Return whether an action or a resource is in the element, or not in its negation."""
    if name in statement:
        return _any_of(tuple(_many(statement[name])), flags)
    other = _any_of(tuple(_many(statement[f"Not{name}"])), flags)
    return lambda text: not other(text)


@lru_cache(maxsize=10_000)
def _any_of(patterns: tuple[str, ...], flags: int) -> Matcher:
    alternatives = (re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in patterns)
    return re.compile("|".join(f"(?:{each})" for each in alternatives), flags | re.DOTALL).fullmatch


def _many(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
