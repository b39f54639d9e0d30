"""What stands in the place of a masked value: its type is kept, and it says that it is masked.

    "[masked credential 3f9a2c]"    a credential, with the tag of its value
    "[masked sensitive 91b0de]"     what AWS marks as sensitive
    "[masked credential]"           without a key to make tags with

The tag is a part of HMAC-SHA256 under a key that belongs to one grant: the same value has the same tag within the
grant, so that two answers can be compared, and nobody without the key can try values until one fits (row MASK 4).
"""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from jitney.core.masking.lazy_patterns import LazyPattern

CREDENTIAL = "credential"
SENSITIVE = "sensitive"
TAG_DIGITS = 6
MASK = LazyPattern(rf"\[masked (?:{CREDENTIAL}|{SENSITIVE})(?: [0-9a-f]{{{TAG_DIGITS}}})?\]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MaskTags:
    """Makes masks. `key` is asked for when the first value is masked; where it gives None, masks have no tag."""

    def __init__(self, key: Callable[[], bytes | None] = lambda: None) -> None:
        self._give_key = key

    def mask(self, value: str | bytes, kind: str) -> str:
        """The mask of a text or of bytes; of a mask, itself."""
        text = value if isinstance(value, str) else value.decode("latin-1")
        if MASK.fullmatch(text):
            return text
        tag = self._tag(text)
        return f"[masked {kind} {tag}]" if tag else f"[masked {kind}]"

    def masked(self, value: Any, kind: str) -> Any:
        """What stands for one value, of its own type: a number is 0, a moment is 1970, a boolean is false.

        Raises TypeError for what is none of JSON's values, bytes or a moment: a stream has to be read first.
        """
        match value:
            case None:
                return None
            case str():
                return self.mask(value, kind) if value else value
            case bytes() | bytearray():
                return self.mask(bytes(value), kind).encode("ascii") if value else value
            case bool():
                return False
            case int() | float() | Decimal():
                return type(value)(0)
            case datetime():
                return _EPOCH
        raise TypeError(f"a {type(value).__name__} cannot be masked")

    def _tag(self, text: str) -> str:
        if self._key is None:
            return ""
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:TAG_DIGITS]

    @cached_property
    def _key(self) -> bytes | None:
        return self._give_key()


NO_TAGS = MaskTags()
"""Masks where nobody asks for a key: a log, or a record that should not hold anything to mask any more."""
