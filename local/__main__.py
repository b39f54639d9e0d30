"""`python -m local up | update [STACK ...] | down | status`: the whole system on this machine."""

import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local import agent_shell, system
from local import settings as local_settings
from local import update as local_update
from local.progress import Progress
from local.settings import DEFAULT_CONFIG, LocalSettings

USAGE = "usage: python -m local up | update [STACK ...] | down | status"
LOST = "grants, pending requests and records"
"""What is lost when the emulator stops, because it is kept in memory: for example open reviews."""
NOT_ACCEPTED = " (of the sample provider, which this configuration does not accept)"


def up(settings: LocalSettings, progress: Progress) -> int:
    """Start the system. Return 0 when it answers."""
    try:
        description = system.up(settings, progress)
    except system.StartupError as problem:
        progress.fail(str(problem))
        return 1
    _show(description, settings, progress)
    return 0


def update(settings: LocalSettings, progress: Progress, stacks: Sequence[str]) -> int:
    """Deploy into the running system, which keeps its state. Return 0 when all stacks are as wanted."""
    try:
        description = local_update.update(settings, progress, stacks)
    except local_update.UpdateError as problem:
        progress.fail(str(problem))
        return 1
    except KeyboardInterrupt:
        progress.fail("interrupted; a stack may still be updating. Run make update again")
        return 130
    _show(description, settings, progress)
    return 0


def down(settings: LocalSettings, progress: Progress) -> int:
    """Stop the system. Return 0 when no process is left, even if none ran before."""
    progress.say(f"The system is stopped. Its {LOST} are lost." if system.down(settings) else "Nothing was running.")
    return 0


def status(settings: LocalSettings, progress: Progress) -> int:
    """Show the running system. Return 0 when it answers, and 3 when it does not."""
    description = system.status(settings)
    if description is None:
        progress.say("The system is not up. To start it: make up")
        return 3
    _show(description, settings, progress)
    return 0


COMMANDS: Mapping[str, Callable[[LocalSettings, Progress], int]] = {"up": up, "down": down, "status": status}
UPDATE = "update"


def _show(description: Mapping[str, Any], settings: LocalSettings, progress: Progress) -> None:
    lines = [("API", description["api_url"]), ("AWS", description["aws_endpoint"])]
    env = description["env"]
    if settings.config != DEFAULT_CONFIG or not env:
        lines += [(f"issuer {alias}", url) for alias, url in description["issuers"].items()]
    lines += [
        ("tokens", description["token_url"] + ("" if env else NOT_ACCEPTED)),
        ("reviews", description["reviews_url"]),
        ("Slack", description["slack_url"]),
        ("mailbox", description["mailbox_url"]),
        ("all of it", settings.stack_file),
        ("kept", f"in memory only: {LOST} are lost when it stops"),
    ]
    if env:
        shells = (
            ("try it", agent_shell.SAMPLE),
            ("sign in", agent_shell.DEVELOPER),
            ("audit it", agent_shell.AUDITOR),
        )
        lines += [(name, f". {shlex.quote(_from_here(env[who]))}") for name, who in shells if who in env]
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        progress.say(f"  {name:<{width}}   {value}")


def _from_here(path: str) -> str:
    """Return the path relative to this folder if it is inside it."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    progress = Progress()
    command, *stacks = arguments or [""]
    if command != UPDATE and (stacks or command not in COMMANDS):
        progress.fail(USAGE)
        return 2
    try:
        if command == UPDATE:
            return update(local_settings.from_environment(), progress, stacks)
        return COMMANDS[command](local_settings.from_environment(), progress)
    except ValueError as problem:
        progress.fail(str(problem))
        return 2
    except KeyboardInterrupt:
        progress.fail("interrupted; everything that was started is stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
