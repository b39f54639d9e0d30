"""Distinguishes random values from words, versions, times and placeholders.

A name such as `STAGING_TOKEN` or `encryption_key` does not prove that its value is a secret. Such a value is masked
only if it looks random: small letters, capitals and digits alternate more often than in words.
"""

from jitney.core.masking.lazy_patterns import LazyPattern

_SHORTEST = 10
LONGEST = 4096
_WRITTEN = LazyPattern(r"[\w.~+/=@:!#$^*-]*")
# A change from a capital to a small letter does not count, because words begin with it.
_ALTERNATION = LazyPattern(r"(?<=[a-z])[A-Z0-9]|(?<=[A-Z])[0-9]|(?<=[0-9])[A-Za-z]")
_RUN = LazyPattern(r"[A-Za-z0-9]{8,}")
_DIGIT = LazyPattern(r"\d")
_TIME = LazyPattern(r"\d{4}-?\d{2}-?\d{2}(?:[T ].*)?")
_DIFFERENT = 8
_LEAST_SHARE, _LEAST_SHARE_OF_LETTERS = 0.2, 0.33
_LONG, _LEAST_SHARE_IF_LONG = 20, 0.12
_LONG_NUMBER = LazyPattern(r"(?!1[5-9])\d{16,}")  # not microseconds since 1970
_FILLING = "xX*#01"
_LONGEST_PLACEHOLDER = 200
"""The longest placeholder.

Without a limit, each name in one long placeholder would be read to its end, in quadratic time.
"""


def looks_random(value: str) -> bool:
    """Return whether a generator of secrets may have made the value."""
    if not _SHORTEST <= len(value) <= LONGEST or len(set(value)) < _DIFFERENT or not _WRITTEN.fullmatch(value):
        return False
    if value.isdigit():
        return _LONG_NUMBER.fullmatch(value) is not None
    if _TIME.fullmatch(value) or not _RUN.search(value):
        return False
    share = len(_ALTERNATION.findall(value)) / len(value)
    if _DIGIT.search(value):
        return share >= (_LEAST_SHARE if len(value) < _LONG else _LEAST_SHARE_IF_LONG)
    return len(value) >= _LONG and share >= _LEAST_SHARE_OF_LETTERS


def is_filled(value: str) -> bool:
    """Return whether most of the value is one repeated character that stands for a secret: `ghp_xxxxxxxxxxxx`."""
    return _SHORTEST - 2 < len(value) <= _LONGEST_PLACEHOLDER and max(map(value.count, _FILLING)) * 2 > len(value)
