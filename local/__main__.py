"""`python -m local up|down|status`: the whole system on this machine."""

import json
import sys
import time

from rich.console import Console

from infra.configuration import ConfigurationError
from local import system
from local.deploy.assembly import SynthesisError
from local.deploy.stacks import DeploymentError
from local.settings import Settings, from_environment

FAILURES = (
    system.StartError,
    SynthesisError,
    DeploymentError,
    ConfigurationError,
    OSError,
    TimeoutError,
    ValueError,
)

console = Console(stderr=True, highlight=False)


def main(arguments: list[str]) -> int:
    """Run one verb; its exit code."""
    verbs = {"up": _up, "down": _down, "status": _status}
    if len(arguments) != 1 or arguments[0] not in verbs:
        console.print(f"Usage: python -m local {'|'.join(verbs)}")
        return 2
    try:
        return verbs[arguments[0]](from_environment())
    except FAILURES as failure:
        console.print(f"[red]Failed:[/] {failure}", markup=True)
        return 1


def _up(settings: Settings) -> int:
    if system.is_up(settings):
        console.print(f"Already up: see {settings.stack_file}. make down stops it.")
        return 0
    began = time.monotonic()
    members = system.up(settings, lambda step: console.print(f"  {step}", style="dim"))
    console.print(f"[green]Up[/] after {time.monotonic() - began:.1f} s: {members['api_url']}")
    console.print(f"Everything else is in {settings.stack_file}. make down stops it.")
    return 0


def _down(settings: Settings) -> int:
    system.down(settings)
    console.print("Down: no process is left.")
    return 0


def _status(settings: Settings) -> int:
    """0 and the API's address when it is up, 3 when it is not (as LSB init scripts do)."""
    if not system.is_up(settings):
        console.print("Not up. make up starts it.")
        return 3
    console.print(f"Up: {json.loads(settings.stack_file.read_text(encoding='utf-8'))['api_url']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
