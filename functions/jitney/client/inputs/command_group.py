"""Groups of commands. Their help has frames and colours on a terminal only, so that pipes and agents get plain text."""

import sys
from typing import Any

import typer

_MARKUP: Any = "rich" if sys.stdout.isatty() else None


def command_group(help: str = "", **settings: Any) -> typer.Typer:  # noqa: A002 - typer's own name
    """Return a group of commands. Without a command, it shows its help. `-h` means `--help` in the whole group."""
    if help:  # else typer takes it from the callback
        settings["help"] = help
    names = {"help_option_names": ["-h", "--help"]}
    return typer.Typer(no_args_is_help=True, rich_markup_mode=_MARKUP, context_settings=names, **settings)
