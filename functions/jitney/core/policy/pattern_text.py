"""Compiled patterns as the text of wildcard patterns, as IAM reads them: `*` is any run of characters, `?` any one."""

from collections.abc import Iterator
from functools import reduce
from operator import or_

from jitney.core.patterns import Budget, Pattern


def wildcard_text(pattern: Pattern, position: int = 0) -> str:
    """Return the rest of `pattern` from `position`, or "" if it has a literal `*` or `?`.

    Each run becomes a `*`, which may match more.
    """
    if {"*", "?"} & pattern.steps.keys():
        return ""
    starred = reduce(or_, (run for run, _ in pattern.runs), 0)
    places = range(position, len(pattern.wanted))
    parts = [("*" if starred >> place & 1 else "") + (pattern.wanted[place] or "?") for place in places]
    return "".join(parts) + ("*" if starred >> len(pattern.wanted) & 1 else "")


def beginning_with(head: str, pattern: Pattern, budget: Budget) -> Iterator[str]:
    """Yield the wildcard patterns of the texts that begin with `head` and match `pattern`.

    A `*` that matches the end of the head may also match more. Then only the pattern in which it ends with the head is
    yielded: `arn:aws:sqs:*:orders` gives `arn:aws:sqs:eu-west-1:444455556666:orders`. Raises PatternTooComplex.
    """
    left = pattern.after(head, budget)
    rests = [wildcard_text(pattern, place) for place in range(len(pattern.wanted) + 1) if left >> place & 1]
    exact = [rest for rest in rests if rest and not rest.startswith("*:")]
    yield from (head + rest for rest in exact or filter(None, rests))
