"""The sort key of a deny entry in the state table: when the entry expires, and its grant. Pure."""

import re
from collections.abc import Iterable

FAR_FUTURE = 10**11
"""Later than any entry ends."""
# Possessive, because no key can be read in two ways: without backtracking, a match takes half the time.
_OWN = re.compile(r"(?:DENY#[0-9]{12}#g-[a-z0-9]{1,32}+\n)*+", re.ASCII)
_BEFORE_ID = len("DENY#000000000000#")
_KEY = re.compile(r"DENY#(?:(\d{1,12})#)?.*?(g-[a-z0-9]{1,32})(?![a-z0-9])", re.ASCII | re.DOTALL)


def deny_key(until: int, grant_id: str) -> str:
    """Return the sort key of an entry. The keys have the order of their times."""
    return f"DENY#{until:012d}#{grant_id}"


def denied_by(key: str) -> tuple[int, str] | None:
    """Return until when an entry with this sort key denies its grant, and the grant's id; None if the key names none.

    A key of another form counts, too, without an end if it has none. So no forged key prevents a deny document, and IAM
    gets only ids that it accepts.
    """
    named = _KEY.match(key)
    return (int(named[1] or FAR_FUTURE), named[2]) if named else None


def denied_ids(keys: Iterable[str]) -> list[str]:
    """Return the grants that entries with these sort keys deny, as `denied_by`.

    Each revocation reads many keys, so one match looks at all of them.
    """
    keys = list(keys)
    text = "\n".join([*keys, ""])
    if text.count("\n") == len(keys) and _OWN.fullmatch(text):
        return [key[_BEFORE_ID:] for key in keys]
    return [named[2] for key in keys if (named := _KEY.match(key))]
