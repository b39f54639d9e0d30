"""The answer to an SDK's request, independent of the server that sends it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer.

    The server sets the headers for length and connection, except for answers to HEAD and those with `chunks`.

    `chunks` are sent instead of `body`. They need a header with their length.
    """

    status: int
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    chunks: Iterable[bytes] | None = field(default=None, repr=False)
