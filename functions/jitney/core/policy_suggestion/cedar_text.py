"""Writes text into Cedar policies: literals, patterns and comments.

Records hold text of agents and of their providers. A literal escapes every special character, and a comment is one line
without invisible characters. So no text can end its literal or its comment.
https://docs.cedarpolicy.com/policies/syntax-grammar.html
"""

import string
from collections.abc import Collection

from jitney.core.review.safe_text import cut

MOST_COMMENT = 200
"""The limit of characters of one text in a comment."""
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


def comment(text: str) -> str:
    """Return a text as one line of comment. Invisible characters are shown as their code points."""
    return f"// {cut(text, 2 * MOST_COMMENT)}"


def quoted(text: str) -> str:
    """Return an agent's own text for a comment: cut, and in quotation marks."""
    shown = cut(text, MOST_COMMENT).replace('"', "'")
    return f'"{shown}"'


def _escaped(text: str) -> str:
    if any(0xD800 <= ord(each) <= 0xDFFF for each in text):
        raise ValueError("a half of a surrogate pair is no character")
    return "".join(each if each in _PLAIN else f"\\u{{{ord(each):x}}}" for each in text)
