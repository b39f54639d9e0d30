"""A comment that is safe to store and to show."""

from typing import NewType

MaskedComment = NewType("MaskedComment", str)
"""A comment without its secrets, on one line and of a limited length. `Ports.masked_comment` makes it of a text."""
