"""Searches a text for several short strings, in less time than one search for each."""

from collections.abc import Mapping, Sequence
from functools import cache

# Python searches for five letters or fewer several times as fast as for more, and fastest if the last letters are rare.
# So for some needles, a short part is searched first. Measured over CSV, JSON and source code that hold no needle.
# A single letter is found ten times as fast. So needles with a letter that the text lacks are left out before that.
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
    "-- END ": ("END",),
    "--END ": ("END",),
    "identified": ("ntifi",),
    "password": ("sswor",),
    "convertto-securestring ": ("curest",),
    "htpasswd ": ("htpas",),
    "sqlplus ": ("sqlpl",),
    "net use ": ("t use",),
    " login": ("login",),
    "put-parameter": ("put-p",),
    "openssl": ("enssl",),
    "smbclient": ("smbcl",),
    "create secret": ("e sec",),
    "redis-cli": ("s-cli",),
    "sshpass": ("hpass",),
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
