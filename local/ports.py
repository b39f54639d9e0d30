"""Ports for the local system: the requested ports, else the ports of the last start, else free ports.

The same ports give the same issuer URL and so the same synthesized template at each start. Some ports are opened long
after they were chosen. So ports are chosen outside the range that the kernel uses for outgoing connections.
"""

import json
import random
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from local.settings import PORT_VARIABLES

LOWEST = 10_000
"""The lowest port that is chosen."""
ENOUGH = 1000
_KERNELS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def choose(requested: Mapping[str, int], memory: Path, names: Iterable[str] = PORT_VARIABLES) -> dict[str, int]:
    """Choose a loopback port for each of `names`, and remember it in `memory` (JSON).

    Raises OSError if a requested port is in use.
    """
    remembered, end = _read(memory), _end()
    chosen: dict[str, int] = {}
    for name in names:
        if name in requested and not _free(requested[name]):
            message = (
                f"port {requested[name]} ({PORT_VARIABLES[name]}) is in use: choose another, or unset the variable"
            )
            raise OSError(message)
        wished = requested.get(name) or remembered.get(name, end)
        usable = wished not in chosen.values() and (name in requested or wished < end) and _free(wished)
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
    """Return a random free port, so that two systems that choose at the same time get different ones."""
    while (port := random.choice(among)) in chosen.values() or not _free(port):  # noqa: S311
        pass
    return port


def _end() -> int:
    """Return the end of the range to choose from: the kernel's first port, unless too few ports are below it."""
    try:
        lowest = int(_KERNELS.read_text(encoding="ascii").split()[0])
    except OSError:  # not Linux: IANA's
        lowest = 49_152
    return lowest if lowest >= LOWEST + ENOUGH else 65_536
