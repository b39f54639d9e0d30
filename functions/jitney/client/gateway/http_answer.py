"""The answer to an SDK's request, apart from the server that sends it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer. Lengths and the connection are the server's, except for answers to HEAD and those with `chunks`.

    `chunks` are sent instead of `body`. They need a header with their length.
    """

    status: int
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    chunks: Iterable[bytes] | None = field(default=None, repr=False)
