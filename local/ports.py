"""Ports for the local system: those asked for, else those of the last time, else free ones.

Keeping last time's ports keeps the issuer's URL, and with it the synthesized template, the same from one `up` to the
next. Some are listened on long after they were chosen, so none is one that the kernel gives to outgoing connections.
"""

import json
import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from local.settings import PORT_VARIABLES

LOWEST = 10_000
"""Of the ports that are chosen."""
ENOUGH = 1000
_KERNELS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def choose(asked: Mapping[str, int], memory: Path, names: Iterable[str] = PORT_VARIABLES) -> dict[str, int]:
    """A loopback port for each of `names`, remembered in `memory` (JSON).

    Raises OSError when a port that was asked for is taken.
    """
    remembered, end = _read(memory), _end()
    chosen: dict[str, int] = {}
    for name in names:
        if name in asked and not _free(asked[name]):
            message = f"port {asked[name]} ({PORT_VARIABLES[name]}) is in use: choose another, or unset the variable"
            raise OSError(message)
        wished = asked.get(name) or remembered.get(name, end)
        usable = wished not in chosen.values() and (name in asked or wished < end) and _free(wished)
        chosen[name] = wished if usable else _any_free(range(LOWEST, end), chosen)
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


def _any_free(among: range, chosen: Mapping[str, int]) -> int:
    """One by chance, so that of two systems that choose at once each has its own."""
    while (port := random.choice(among)) in chosen.values() or not _free(port):  # noqa: S311
        pass
    return port


def _end() -> int:
    """Where the kernel's own ports begin, which are no choice; the highest port, where it leaves too few others."""
    try:
        lowest = int(_KERNELS.read_text(encoding="ascii").split()[0])
    except OSError:  # not Linux: IANA's
        lowest = 49_152
    return lowest if lowest >= LOWEST + ENOUGH else 65_536
