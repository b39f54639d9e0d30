"""Searches a text for several short strings, in less time than one search for each."""

from collections.abc import Mapping, Sequence

# Python searches for five letters or fewer several times as fast as for more, and for one letter faster still. Of these
# parts, the last letters are rare or repeat less. Measured over CSV, JSON and source code without a hit.
_PARTS: Mapping[str, tuple[str, ...]] = {
    "passphrase": ("ssph",),
    "secret": ("ecret",),
    "authorization": ("oriz",),
    "cookie": ("cook",),
    "cookie:": (":", "cook"),
    "signature": ("gnatu",),
    "bearer ": ("earer",),
    "basic ": ("basic",),
    "-- BEGIN ": ("BEGIN",),
    "--BEGIN ": ("BEGIN",),
    "sshpass ": ("hpass",),
    "docker login ": ("ker l",),
    "redis-cli ": ("s-cli",),
    "://": (":",),
    "_p": ("_",),
    "_auth": ("_",),
    "-auth": ("-",),
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
    known: dict[str, bool] = {}
    found = []
    for needle in needles:
        for part in _PARTS.get(needle, ()):
            if part not in known:
                known[part] = part in text
            if not known[part]:
                break
        else:
            if needle in text:
                found.append(needle)
    return found
