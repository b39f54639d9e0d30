"""Ports for the local system: those asked for, else those of the last time, else free ones.

Keeping last time's ports keeps the issuer's URL, and with it the synthesized template, the same from one `up` to the
next.
"""

import json
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from local.settings import PORT_VARIABLES


def choose(asked: Mapping[str, int], memory: Path, names: Iterable[str] = PORT_VARIABLES) -> dict[str, int]:
    """A loopback port for each of `names`, remembered in `memory` (JSON).

    Raises OSError when a port that was asked for is taken.
    """
    remembered = _read(memory)
    chosen: dict[str, int] = {}
    for name in names:
        if name in asked and not _free(asked[name]):
            message = f"port {asked[name]} ({PORT_VARIABLES[name]}) is in use: choose another, or unset the variable"
            raise OSError(message)
        wished = asked.get(name, remembered.get(name, 0))
        chosen[name] = wished if wished and wished not in chosen.values() and _free(wished) else _any_free()
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps(chosen), encoding="ascii")
    return chosen


def _read(memory: Path) -> dict[str, int]:
    try:
        return dict(json.loads(memory.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return {}


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
