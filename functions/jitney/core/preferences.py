"""The preference `wait` of a request: how long its caller wants to wait (RFC 7240 section 4.3). Pure."""

import re

MOST_WAIT_SECONDS = 10
"""The longest wait. API Gateway ends a request after 29 seconds."""

# The closing quote is optional. Otherwise, searching for it from every opening quote would take quadratic time.
_QUOTED = re.compile(r'("[0-9]{1,9}")|"(?:[^"\\]|\\.)*+"?')
"""A quoted value, as group 1 if it is a number.

Other quoted values are skipped, because they may look like a preference.
"""
_WAIT = re.compile(r"wait[ \t]*=[ \t]*(\"?)([0-9]{1,9})\1", re.ASCII | re.IGNORECASE)


def wait_seconds(prefer: str) -> int:
    """Return the wait in a Prefer header, at most `MOST_WAIT_SECONDS`.

    Returns 0 without one. If there are several, the first counts. A preference that cannot be read is ignored (section
    2).
    """
    for preference in _QUOTED.sub(r"\1", prefer).split(","):
        if found := _WAIT.fullmatch(preference.partition(";")[0].strip(" \t")):
            return min(int(found[2]), MOST_WAIT_SECONDS)
    return 0
