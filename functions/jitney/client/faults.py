"""A request's faults in the words of the command line: the broker names places of a JSON body, people gave options."""

import re
import shlex
from collections.abc import Mapping

from jitney.client.durations import format_duration
from jitney.client.grant_request import GrantRequest

_NAMES = re.compile(r"/permissions/([0-9]{1,4})/(action|resource)s(?:/([0-9]{1,4}))?", re.ASCII)
_CALL = re.compile(r"/calls/([0-9]{1,4})", re.ASCII)
_RANGE = re.compile(r"from ([0-9]{1,9}) to ([0-9]{1,9})", re.ASCII)
_MOST_SHOWN = 60
_MOST_OF_A_COMMAND = 80


def fault_and_fix(fault: Mapping[str, str], ask: GrantRequest | None) -> tuple[str, str]:
    """What is wrong with `ask`, by the option and the value that was given, and what to give instead.

    `fault` has `pointer` (RFC 6901), `detail` and `fix`; a pointer to something that no option states stays as it is.
    """
    pointer, detail, fix = (str(fault.get(name, "")) for name in ("pointer", "detail", "fix"))
    if ask is None:
        return f"{pointer}: {detail}", fix
    bounds = _RANGE.search(fix)
    if pointer == "/duration_seconds" and bounds:
        least, most = (int(number) for number in bounds.groups())
        how = "long" if ask.duration_seconds > most else "short"
        fix = f"Give {format_duration(least)} to {format_duration(most)}."
        return f"--for {format_duration(ask.duration_seconds)} is too {how}.", fix
    return f"{_place(pointer, ask)}: {detail}", fix


def detail_in_options(detail: str, pointer: str, ask: GrantRequest | None) -> str:
    """The detail of a problem, which begins with the place that it is about, with that place as people gave it."""
    place = f"{pointer}: "
    if ask is None or not pointer or not detail.startswith(place):
        return detail
    return f"{_place(pointer, ask)}: {detail.removeprefix(place)}"


def _place(pointer: str, ask: GrantRequest) -> str:
    if named := _NAMES.fullmatch(pointer):
        return _place_in_permissions(pointer, named, ask)
    if ask.calls and pointer == "/calls":
        return _command(ask.calls[0]) if len(ask.calls) == 1 else "--call"
    if named := _CALL.fullmatch(pointer):
        return _place_in_calls(pointer, int(named[1]), ask)
    given = {
        "/target": ("TARGET", ask.target),
        "/duration_seconds": ("--for", format_duration(ask.duration_seconds)),
        "/reason": ("--reason", ask.reason),
        "/ticket": ("--ticket", ask.ticket),
        "/permissions": ("--permissions", ""),
    }
    option, value = given.get(pointer, (pointer, ""))
    return _shown(option, value)


def _place_in_permissions(pointer: str, named: re.Match[str], ask: GrantRequest) -> str:
    index, kind, position = int(named[1]), named[2], named[3]
    try:
        permission = ask.permissions[index]
        names = permission.actions if kind == "action" else permission.resources
        value = names[int(position)] if position else ""
    except IndexError:
        return pointer
    # Several sets can only have come as JSON, in which the place helps to find the value.
    inside = f"permissions[{index}].{kind}s" + (f"[{position}]" if position else "")
    return _shown(f"--{kind}" if len(ask.permissions) == 1 else f"--permissions, {inside}", value)


def _place_in_calls(pointer: str, index: int, ask: GrantRequest) -> str:
    """The command itself; which of several, too."""
    if index >= len(ask.calls):
        return pointer
    which = f"--call {index + 1} of {len(ask.calls)}, " if len(ask.calls) > 1 else ""
    return which + _command(ask.calls[index])


def _command(line: str) -> str:
    return _cut(line, _MOST_OF_A_COMMAND)


def _shown(option: str, value: str) -> str:
    return f"{option} {shlex.quote(_cut(value, _MOST_SHOWN))}" if value else option


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
