"""Searches a text for several short strings, in less time than one search for each."""

from collections.abc import Iterable, Mapping

# Python searches for these parts up to four times as fast as for the whole: their last letters are rarer, or repeat
# less. Measured over CSV, JSON and source code without a hit.
_PARTS: Mapping[str, str] = {
    "passphrase": "ssph",
    "secret": "ecret",
    "authorization": "oriz",
    "cookie": "cook",
    "cookie:": "cook",
    "signature": "gnatu",
    "bearer ": "earer",
    "basic ": "basic",
    "-- BEGIN ": "BEGIN",
    "--BEGIN ": "BEGIN",
}
"""A part of some needles. A text without the part does not contain the needle."""


def contained(needles: Iterable[str], text: str) -> list[str]:
    """Return the needles that `text` contains, in order."""
    known: dict[str, bool] = {}
    found = []
    for needle in needles:
        part = _PARTS.get(needle, needle)
        if part not in known:
            known[part] = part in text
        if known[part] and (part == needle or needle in text):
            found.append(needle)
    return found
