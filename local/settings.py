"""The local system's settings: its folders, its configuration and its ports, read from the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost):[0-9]{1,5}", re.ASCII)
ROOT = Path(__file__).resolve().parent.parent
DEFAULT_CONFIG = ROOT / "jitney.yaml"
REGION = "eu-west-1"
ACCOUNT = "111122223333"
PORT_VARIABLES: Mapping[str, str] = {
    "emulator": "JITNEY_AWS_PORT",
    "identity": "JITNEY_IDP_PORT",
    "people": "JITNEY_PEOPLE_PORT",
    "slack": "JITNEY_SLACK_PORT",
}


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """The settings of one local system.

    `state` belongs to one running system (processes, logs, stack.json). `cache` is shared by all systems of a checkout
    and only makes them faster. `config` is the jitney.yaml. `ports` has the requested ports by name; others are chosen.
    `lifeline` is a FIFO, or "" for none. When its last writer is gone, the processes end. `upstream` is the address of
    another emulator that receives the gateway's calls; "" for this system's own.
    """

    state: Path
    cache: Path
    config: Path
    ports: Mapping[str, int]
    lifeline: str
    upstream: str = ""

    @property
    def stack_file(self) -> Path:
        """The file that describes the running system: its addresses, names and secrets."""
        return self.state / "stack.json"

    @property
    def run(self) -> Path:
        """The folder of the running processes: locks with their process ids, secrets, temporary files."""
        return self.state / "run"

    @property
    def logs(self) -> Path:
        """The folder of the logs: one for each process, and one for the synthesis."""
        return self.state / "logs"


def from_environment(environment: Mapping[str, str] = os.environ) -> LocalSettings:
    """Return the settings in `JITNEY_*` variables. Raises ValueError for an invalid port or upstream."""
    state = Path(environment.get("JITNEY_LOCAL_DIR") or ROOT / ".local")
    return LocalSettings(
        state=state.absolute(),
        cache=Path(environment.get("JITNEY_LOCAL_CACHE") or ROOT / ".local" / "cache").absolute(),
        config=Path(environment.get("JITNEY_CONFIG") or DEFAULT_CONFIG).absolute(),
        ports={name: _port(variable, environment[variable]) for name, variable in _requested(environment)},
        lifeline=environment.get("JITNEY_LOCAL_LIFELINE", ""),
        upstream=_upstream(environment.get("JITNEY_UPSTREAM", "")),
    )


def _requested(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, variable) for name, variable in PORT_VARIABLES.items() if environment.get(variable)]


def _port(variable: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        message = f"{variable}={text!r} is not a port: give a number from 1 to 65535, or unset it"
        raise ValueError(message)
    return int(text)


def _upstream(address: str) -> str:
    """Return the address. Raises ValueError unless it is on this machine, because signed calls are sent to it."""
    if address and not _LOOPBACK.fullmatch(address):
        raise ValueError(f"UPSTREAM is {address!r}, which is not on this machine: write http://127.0.0.1:PORT")
    return address
