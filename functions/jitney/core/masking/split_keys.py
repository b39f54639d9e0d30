"""Finds the lines of private keys that are spread over several texts.

A log has an event for each line that a container prints, so a printed key is in as many texts as it has lines.
"""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import TypeAlias

from jitney.core.masking.lazy_patterns import LazyPattern

Span: TypeAlias = tuple[int, int]

_NEEDLE = "PRIVATE KEY"
_MARK = LazyPattern(r"-{4,5} ?(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,6}-{4,5}")
"""The first or the last line of a key."""
_LINE = LazyPattern(
    r"(?:(?<![^\0\s\"'])|(?<=\\[nrt]))"
    r"(?=[A-Z0-9+/]{0,75}[a-z])(?=[a-z0-9+/]{0,75}[A-Z])(?=[A-Za-z+/]{0,75}[0-9])"
    r"[A-Za-z0-9+/]{16,76}={0,2}(?![^\0\s\"'\\])"
)
"""A line between them, also in JSON within a text: base64 with a digit and both cases, so no word, number or digest.

Page tokens are longer. A last line of less than 16 characters is not recognized.
"""
_MOST_BETWEEN = 2_000
"""The characters between two lines of a key, such as names, times, and lines of other programs."""


def key_marks(text: str) -> list[int]:
    """Return where the first and last lines of keys begin."""
    return [mark.start() for mark in _MARK.finditer(text)] if _NEEDLE in text else []


def key_lines(texts: Sequence[str], places: Iterable[int]) -> Mapping[int, Sequence[Span]]:
    """Return the spans of lines of keys whose first or last line is in another text, by the index of their text.

    All texts in which `key_marks` finds something are at `places`.
    """
    if not any(map(key_marks, (texts[place] for place in places))):
        return {}
    joined = "\0".join(texts)
    starts = [0, *accumulate(len(text) + 1 for text in texts)]
    lines = [match.span() for match in _LINE.finditer(joined)]
    marks = list(_MARK.finditer(joined))
    # The first line after each mark. The lines up to the mark before it, and the lines up to the next one, are near it.
    firsts = [0, *(bisect(lines, mark.span()) for mark in marks), len(lines)]
    found: dict[int, set[Span]] = defaultdict(set)
    for number, mark in enumerate(marks):
        before, after, end = firsts[number : number + 3]
        order = range(after, end) if mark[1] == "BEGIN" else range(after - 1, before - 1, -1)
        for line in _near(mark.span(), (lines[each] for each in order)):
            text = bisect(starts, line[0]) - 1
            if text != bisect(starts, mark.start()) - 1:
                found[text].add((line[0] - starts[text], line[1] - starts[text]))
    return {text: sorted(spans) for text, spans in found.items()}


def _near(mark: Span, lines: Iterable[Span]) -> Iterator[Span]:
    """Yield the lines from the mark on, up to the first one that is too far from the one before."""
    last = mark
    for line in lines:
        if max(line[0] - last[1], last[0] - line[1]) > _MOST_BETWEEN:
            return
        yield line
        last = line
