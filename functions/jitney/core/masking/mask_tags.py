"""The replacement of a masked value. It has the same type; a text says that it is a mask.

    "[masked credential 3f9a2c]"    a credential, with the tag of its value
    "[masked sensitive 91b0de]"     a value that AWS marks as sensitive
    "[masked credential]"           without a tag key

The tag is the start of an HMAC-SHA256 under a key of one owner of grants. Equal values of an owner have equal tags, so
answers can be compared. Without the key, a guess cannot be tested (row MASK 4).
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


def untagged(text: str) -> str:
    """Return the text without the tags of its masks. Tags differ by owner."""
    return MASK.sub(lambda found: " ".join(found[0].rstrip("]").split()[:2]) + "]", text)


class MaskTags:
    """Makes masks. `key` is called for the first masked value. If `key` returns None, masks have no tag."""

    def __init__(self, key: Callable[[], bytes | None] = lambda: None) -> None:
        self._give_key = key

    def mask(self, value: str | bytes, kind: str) -> str:
        """Return the mask of a text or bytes. A mask itself is returned unchanged."""
        text = value if isinstance(value, str) else value.decode("latin-1")
        if MASK.fullmatch(text):
            return text
        tag = self._tag(text)
        return f"[masked {kind} {tag}]" if tag else f"[masked {kind}]"

    def masked(self, value: Any, kind: str) -> Any:
        """Return a replacement of the same type: 0 for a number, 1970 for a time, False for a boolean.

        Raises TypeError unless the value is a JSON value, bytes or a time. Read a stream first.
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


class TextMaskTags(MaskTags):
    """Makes masks for people to read. Each masked value becomes a text.

    A number, a boolean or a time cannot say that it is masked: a reviewer would read 0, false or 1970 (row REV 16).
    """

    def masked(self, value: Any, kind: str) -> Any:
        """Return the mask of a value, as a text for any type but bytes."""
        if isinstance(value, bool | int | float | Decimal | datetime):
            return self.mask(str(value), kind)
        return super().masked(value, kind)


NO_TAGS = MaskTags()
"""The tags without a key: for logs, and for the final check of records, which should not contain secrets any more."""
