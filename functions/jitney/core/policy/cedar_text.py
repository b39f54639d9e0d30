"""Writes text into Cedar policies: literals, patterns, and the conditions of permissions.

Records hold text of agents and of their providers. A literal escapes every special character, so no text can end its
literal.
https://docs.cedarpolicy.com/policies/syntax-grammar.html
"""

import string
from collections.abc import Collection

from jitney.core.access.conditions import Condition, Operator

_PLAIN = frozenset(string.ascii_letters + string.digits + " !#$%&'()*+,-./:;<=>?@[]^_`{|}~")


def literal(text: str) -> str:
    """Return a text as a literal. Raises ValueError for a text that is not Unicode."""
    return f'"{_escaped(text)}"'


def like_pattern(pattern: str) -> str:
    """Return a wildcard pattern as the right side of `like`. Cedar has no `?`: a `*` stands for it."""
    return '"' + "*".join(map(_escaped, pattern.replace("?", "*").split("*"))) + '"'


def one_of(subject: str, texts: Collection[str]) -> str:
    """Return the condition that `subject` is one of `texts`."""
    if len(texts) == 1:
        return f"{subject} == {literal(next(iter(texts)))}"
    return f"[{', '.join(map(literal, sorted(texts)))}].contains({subject})"


def entity(kind: str, name: str) -> str:
    """Return an entity: Jitney::Group::"corp/readers"."""
    return f"Jitney::{kind}::{literal(name)}"


def call_condition(condition: Condition) -> str:
    """Return the condition on a request's calls as Cedar's expression."""
    key = literal(condition.key)
    value = f"context.call.getTag({key})"
    if condition.operator is Operator.AT_MOST:
        holds = f"{value}.long <= {condition.values[0]}"
    elif condition.operator.has_patterns:
        holds = f"({' || '.join(f'{value}.string like {like_pattern(each)}' for each in condition.values)})"
    else:
        holds = one_of(f"{value}.string", condition.values)
    return f"context.call.hasTag({key}) && {holds}"


def _escaped(text: str) -> str:
    if any(0xD800 <= ord(each) <= 0xDFFF for each in text):
        raise ValueError("a half of a surrogate pair is no character")
    return "".join(each if each in _PLAIN else f"\\u{{{ord(each):x}}}" for each in text)
