"""The container of the tables that `make data` builds: an index, and a compressed block for each service.

Four bytes identify the table, four bytes are the index's length, and the blocks follow the index.
`data.table.contained` writes the container.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any


class BlockTable:
    """A container. A service's block is decompressed when it is read, because most requests need few services.

    Raises ValueError unless `data` begins with `magic`. `what` names the table in the message.
    """

    def __init__(self, data: bytes, magic: bytes, what: str) -> None:
        if data[:4] != magic:
            raise ValueError(f"this is not {what}")
        start = 8 + int.from_bytes(data[4:8])
        self.index: Mapping[str, Any] = json.loads(zlib.decompress(data[8:start]))
        self._places: Mapping[str, tuple[int, int]] = self.index["services"]
        self._blocks = data[start:]

    @property
    def services(self) -> tuple[str, ...]:
        """The names of all services, sorted."""
        return tuple(self._places)

    def __contains__(self, service: object) -> bool:
        return service in self._places

    def block(self, service: str) -> str:
        """Return the text of a service's block. Raises KeyError for an unknown service."""
        offset, length = self._places[service]
        return zlib.decompress(self._blocks[offset : offset + length]).decode("ascii")
