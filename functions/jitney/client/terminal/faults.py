"""Explains a request's errors in terms of options. The broker's errors point into a JSON body."""

import re
import shlex

from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.problem_members import ApiFault
from jitney.client.terminal.durations import format_duration

_NAMES = re.compile(r"/permissions/([0-9]{1,4})/(action|resource)s(?:/([0-9]{1,4}))?", re.ASCII)
_CONDITION = re.compile(r"/permissions/([0-9]{1,4})/conditions(?:/([^/]{1,200})(?:/[0-9]{1,4})?)?", re.ASCII)
_CALL = re.compile(r"/calls/([0-9]{1,4})", re.ASCII)
_OF_OPERATORS = {"/reason": "--reason", "/name": "NAME"}
"""The options that set these members, in requests to revoke a grant, to suspend, and to lift a suspension."""
_MOST_SHOWN = 60
_MOST_OF_A_COMMAND = 80


def fault_and_fix(fault: ApiFault, request: GrantRequest | None) -> tuple[str, str]:
    """Return what is wrong, naming the option and its value, and what to write instead.

    A pointer (RFC 6901) to something that no option sets is shown unchanged. An empty one is left out.
    """
    pointer, detail, fix, bounds = fault.pointer, fault.detail, fault.fix, fault.bounds
    if not pointer:
        return detail, fix
    if request is None:
        return f"{_OF_OPERATORS.get(pointer, pointer)}: {detail}", fix
    if pointer == "/duration_seconds" and bounds:
        duration, least, most = request.duration_seconds, bounds.minimum, bounds.maximum
        how = "long" if duration > most else "short"
        return f"--for {format_duration(duration)} is too {how}.", (
            f"Give {format_duration(least)} to {format_duration(most)}."
        )
    return f"{_place(pointer, request)}: {detail}", fix


def detail_in_options(detail: str, pointer: str, request: GrantRequest | None) -> str:
    """Return the detail of a problem, with an option in place of the JSON pointer at its start."""
    place = f"{pointer}: "
    if request is None or not pointer or not detail.startswith(place):
        return detail
    return f"{_place(pointer, request)}: {detail.removeprefix(place)}"


def _place(pointer: str, request: GrantRequest) -> str:
    if named := _NAMES.fullmatch(pointer):
        return _place_in_permissions(pointer, named, request)
    if limited := _CONDITION.fullmatch(pointer):
        key = (limited[2] or "").replace("~1", "/").replace("~0", "~")
        inside = f"permissions[{limited[1]}].conditions"
        return _shown("--condition" if len(request.permissions) == 1 else f"--permissions, {inside}", key)
    if request.calls and pointer == "/calls":
        return _command(request.calls[0]) if len(request.calls) == 1 else "--call"
    if named := _CALL.fullmatch(pointer):
        return _place_in_calls(pointer, int(named[1]), request)
    given = {
        "/target": ("TARGET", request.target),
        "/duration_seconds": ("--for", format_duration(request.duration_seconds)),
        "/access_profile": ("--access-profile", request.access_profile),
        "/way": ("--way", request.way),
        "/reveal": ("--reveal", ""),
        "/reason": ("--reason", request.reason),
        "/ticket": ("--ticket", request.ticket),
        "/changed": ("--changed", request.changed),
        "/permissions": ("--permissions", ""),
    }
    option, value = given.get(pointer, (pointer, ""))
    return _shown(option, value)


def _place_in_permissions(pointer: str, named: re.Match[str], request: GrantRequest) -> str:
    index, kind, position = int(named[1]), named[2], named[3]
    try:
        permission = request.permissions[index]
        names = permission.actions if kind == "action" else permission.resources
        value = names[int(position)] if position else ""
    except IndexError:
        return pointer
    # Several permissions can only come as JSON. There, the place helps to find the value.
    inside = f"permissions[{index}].{kind}s" + (f"[{position}]" if position else "")
    return _shown(f"--{kind}" if len(request.permissions) == 1 else f"--permissions, {inside}", value)


def _place_in_calls(pointer: str, index: int, request: GrantRequest) -> str:
    """Return the command, with its number if there are several."""
    if index >= len(request.calls):
        return pointer
    number = f"--call {index + 1} of {len(request.calls)}, " if len(request.calls) > 1 else ""
    return number + _command(request.calls[index])


def _command(line: str) -> str:
    return _cut(line, _MOST_OF_A_COMMAND)


def _shown(option: str, value: str) -> str:
    return f"{option} {shlex.quote(_cut(value, _MOST_SHOWN))}" if value else option


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
