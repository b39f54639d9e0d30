"""Searches a text for several short strings, in less time than one search for each."""

from collections.abc import Mapping, Sequence
from functools import cache

# Python searches for five letters or fewer several times as fast as for more. Of these parts, the last letters are rare
# or repeat less. Measured over CSV, JSON and source code without a hit. One letter is found ten times as fast: so first
# of all, needles are left out that have a letter which the text lacks.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "passphrase": ("ssph",),
    "secret": ("ecret",),
    "authorization": ("oriz",),
    "cookie": ("cook",),
    "cookie:": ("cook",),
    "signature": ("gnatu",),
    "bearer ": ("earer",),
    "basic ": ("basic",),
    "-- BEGIN ": ("BEGIN",),
    "--BEGIN ": ("BEGIN",),
    "sshpass ": ("hpass",),
    "docker login ": ("ker l",),
    "redis-cli ": ("s-cli",),
    "machine ": ("chine",),
    ":AA": ("AA",),
    ":5432:": ("5432",),
}
"""Parts of some needles. A text without one of them does not contain the needle."""
_SHORT = 2000
"""In a shorter text, Python searches for any string fast."""


def contained(needles: Sequence[str], text: str) -> list[str]:
    """Return the needles that `text` contains, in order."""
    if len(text) < _SHORT:
        return [needle for needle in needles if needle in text]
    lacking = {letter for letter in _letters(tuple(needles)) if letter not in text}
    return [
        needle
        for needle in needles
        if lacking.isdisjoint(needle) and all(part in text for part in _PARTS.get(needle, ())) and needle in text
    ]


@cache
def _letters(needles: tuple[str, ...]) -> frozenset[str]:
    return frozenset("".join(needles))
