"""Compares what a session policy allows with what was requested, over all ARNs. It shares no code with the compiler.

Patterns of ARNs are regular languages. A state is a set of remaining patterns (Antimirov's partial derivatives,
https://doi.org/10.1016/0304-3975(95)00182-4). Texts go through the requested, the allowed and the possible ARNs in
parallel. The search ends when requested and allowed can no longer differ, or when a text distinguishes them.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from jitney.core.access.request import Permission
from jitney.core.actions import ActionTable

# What stands for several characters, as characters that no ARN holds; and those that it does not stand for.
RUN, ONE, SEGMENT, NAME = "\ue000", "\ue001", "\ue002", "\ue003"
STOPS = {RUN: "", SEGMENT: ":", NAME: ":/"}
EVERYTHING = "\ue010"  # the resource of a call that names none, which AWS evaluates as the text "*"
ANY_OTHER = "\ue011"
KINDS = {"Partition": SEGMENT, "Region": SEGMENT, "Account": SEGMENT, "AccountId": SEGMENT}
KINDS |= {"BucketName": NAME, "TableName": NAME}

type Rest = frozenset[str]
type Part = tuple[str, ...]
"""Patterns. One must match."""
type Rule = tuple[Part, ...]
"""Parts, which must all match."""


def pattern(text: str) -> str:
    return text.replace("*", RUN).replace("?", ONE)


def arn_format(text: str) -> str:
    return re.sub(r"\$\{(\w+)\}|\*", lambda match: KINDS.get(match[1], RUN), text)


@lru_cache(maxsize=100_000)
def closed(rest: Rest) -> Rest:
    """Return the state without a trailing run that matches nothing more."""
    found = set(rest)
    for text in rest:
        runs = len(text) - len(text.lstrip("".join(STOPS)))
        found.update(text[start:] for start in range(1, runs + 1))
    return frozenset([RUN, ""]) if RUN in found else frozenset(found)


@lru_cache(maxsize=100_000)
def after(rest: Rest, character: str) -> Rest:
    following = set()
    for text in rest:
        if text and text[0] in STOPS:
            if character not in STOPS[text[0]]:
                following.add(text)
        elif text and text[0] in (ONE, character):
            following.add(text[1:])
    return closed(frozenset(following))


def distinguishing_string(one: Iterable[Rule], other: Iterable[str], possible: Iterable[str]) -> str | None:
    """Return a shortest text of `possible` that a rule of `one` matches and no pattern of `other` does, or the reverse.

    None if there is none.
    """
    rules = tuple(tuple(closed(frozenset(part)) for part in rule) for rule in one)
    start = (rules, *(closed(frozenset(patterns)) for patterns in (other, possible)))
    seen, frontier = {start}, [(start, "")]
    while frontier:
        following = []
        for (left, right, exists), text in frontier:
            if not exists or (len(left) == 1 and {*left[0]} == {right}):
                continue
            allowed = any(all("" in part for part in rule) for rule in left)
            if "" in exists and allowed != ("" in right):
                return text.replace(EVERYTHING, "*")
            rests = right.union(exists, *(part for rule in left for part in rule))
            named = {rest[0] for rest in rests if rest and rest[0] not in {*STOPS, ONE}}
            for character in sorted(named | {ANY_OTHER, ":", "/"}):
                rules = tuple(tuple(after(part, character) for part in rule) for rule in left)
                live = tuple(rule for rule in rules if all(rule))
                state = (live, after(right, character), after(exists, character))
                if state not in seen:
                    seen.add(state)
                    following.append((state, text + character))
        frontier = following
    return None


def many(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def named(policy: dict[str, Any], table: ActionTable) -> dict[str, set[str]]:
    """Return each action that an Allow of `policy` names, in any way, with its resources."""
    found: dict[str, set[str]] = {}
    for statement in policy["Statement"]:
        if statement["Effect"] == "Allow":
            for name in (each for text in many(statement["Action"]) for each in stands_for(text, table)):
                found.setdefault(name, set()).update(many(statement["Resource"]))
    return found


def rule_of(policy: dict[str, Any], name: str, *, by_denies: bool) -> Rule | None:
    """Return what `policy` leaves of an action: by its Deny statements alone, or also by its Allow statements.

    None if it leaves nothing. Conditions are of the session's end and network, and are not looked at.
    """
    parts: list[Part] = []
    for statement in policy["Statement"]:
        if statement["Effect"] == "Deny" and "Condition" not in statement and applies(statement, name):
            if "NotResource" not in statement:
                return None
            parts.append(tuple(map(pattern, many(statement["NotResource"]))))
    if not by_denies:
        allowing = [each for each in policy["Statement"] if each["Effect"] == "Allow" and applies(each, name)]
        parts.append(tuple(pattern(arn) for each in allowing for arn in many(each["Resource"])))
    return tuple(parts) if all(parts) else None


def applies(statement: dict[str, Any], name: str) -> bool:
    """Return whether the statement is about the action."""
    listed = many(statement.get("Action", statement.get("NotAction")))
    found = any(re.fullmatch(re.escape(each).replace(r"\*", ".*"), name, re.IGNORECASE) for each in listed)
    return found == ("Action" in statement)


def stands_for(text: str, table: ActionTable) -> Iterator[str]:
    expression = re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.IGNORECASE)
    for action in table.of_service(text.partition(":")[0]):
        if expression.fullmatch(action.name):
            yield action.name


def asked_of(permissions: Iterable[Permission]) -> dict[str, set[str]]:
    asked: dict[str, set[str]] = {}
    for each in permissions:
        for name in each.actions:
            asked.setdefault(name, set()).update(each.resources)
    return asked


def differences(
    policies: Iterable[dict[str, Any]],
    permissions: Iterable[Permission],
    table: ActionTable,
    *,
    by_denies: bool = False,
) -> list[tuple[str, str]]:
    """Return each action for which `policies` together differ from `permissions`, and a text that shows it.

    With `by_denies`, a policy allows everything that it does not deny, as if a resource policy allowed it.
    """
    policies, asked, found = list(policies), asked_of(permissions), []
    for name in sorted({*asked, *(each for policy in policies for each in named(policy, table))}):
        action = table.get(name)
        assert action
        possible = [EVERYTHING, *(arn_format(kind.arn_format) for kind in action.resource_types)]
        left = [rule for policy in policies if (rule := rule_of(policy, name, by_denies=by_denies)) is not None]
        text = distinguishing_string(left, map(pattern, asked.get(name, ())), possible)
        if text is not None:
            found.append((name, text))
    return found
