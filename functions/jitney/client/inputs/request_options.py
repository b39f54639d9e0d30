"""The meaning of the options of `request`, `run`, `profile` and `credentials`, without their parser.

`jitney.client.inputs.options` declares the same fields for typer.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jitney.client.api.api_object import ApiConditions
from jitney.client.api.grant_request import ApiPermission, GrantRequest, aws_cli_calls, parse_permissions
from jitney.client.inputs.call_files import with_contents
from jitney.client.inputs.setting_files import BYTE_ORDER_MARK, read_setting_file
from jitney.client.problems import Invalid
from jitney.client.terminal.durations import parse_duration


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """What to request: actions on resources, a file of permissions, or AWS CLI commands.

    If `access_profile` is given, these narrow it.
    """

    action: list[str] | None = None
    resource: list[str] | None = None
    condition: list[str] | None = None
    permissions: str | None = None
    call: list[str] | None = None
    access_profile: str = ""
    duration: str = "5m"
    reason: str = ""
    ticket: str = ""
    way: str = "credentials"
    reveal: bool = False
    changed: str = ""

    def grant_request(self, target: str | None, command: Sequence[str] = ()) -> GrantRequest:
        """Return the request that the options describe. Raises Invalid, which names the missing or wrong option.

        If the options name no access, and `command` is an AWS CLI command, that command is the call to request access
        for.
        """
        if not target:
            raise invalid(
                "TARGET is missing.", "Name the target. Most commands accept an existing grant instead: --grant ID."
            )
        if not self.reason:
            raise invalid("--reason is missing.", "Say in a sentence what the access is for.")
        duration = seconds("--for", self.duration)
        named = self.action or self.resource or self.permissions or self.condition
        declared = named or self.access_profile
        if self.call and named:
            raise invalid(
                "--call cannot be combined with --action, --resource, --condition or --permissions.",
                "Give --call or these options, not both.",
            )
        calls = with_contents(self.call or (() if declared else aws_cli_calls(command)))
        if command and not (calls or declared):
            detail = f"{command[0]} is not an AWS CLI command, so its permissions have to be named."
            raise invalid(detail, "Give --action and --resource, or --permissions, or --call, or --access-profile.")
        permissions = () if calls or (not named and self.access_profile) else self._permissions()
        if self.reveal and self.way != "gateway":
            raise invalid("--reveal needs --way gateway, because only the gateway masks answers.", "Give both.")
        return GrantRequest(
            target,
            permissions,
            duration,
            self.reason,
            self.ticket,
            calls,
            self.access_profile,
            self.way,
            self.reveal,
            changed=self.changed,
        )

    def credentials_request(self, target: str | None) -> GrantRequest:
        """Return the request for a command that needs credentials. Raises Invalid as `grant_request`."""
        if self.way != "credentials":
            fix = "Leave out --way, or use jitney run --gateway or jitney serve --gateway."
            raise invalid(f"--way {self.way} gives no credentials.", fix)
        return self.grant_request(target)

    def require_nothing(self, target: str | None) -> None:
        """Raise Invalid if a target or an option of a request is given, because --grant excludes them."""
        if target or self != type(self)():
            detail = "--grant cannot be combined with TARGET or options of a request, such as --action."
            raise invalid(detail, "Leave them out. To make a new request, leave out --grant instead.")

    def _permissions(self) -> tuple[ApiPermission, ...]:
        if self.permissions is None:
            if not (self.action and self.resource):
                raise invalid(
                    "--action and --resource are both needed.", "Give each at least once, or --permissions, or --call."
                )
            return (ApiPermission(tuple(self.action), tuple(self.resource), self._conditions()),)
        if self.action or self.resource or self.condition:
            raise invalid(
                "--permissions cannot be combined with --action, --resource and --condition.",
                "Put all of them into the JSON.",
            )
        return _read_permissions(self.permissions)

    def _conditions(self) -> ApiConditions:
        found = values_by_key(self.condition or ())
        return tuple(sorted((key, tuple(values)) for key, values in found.items()))


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """Whether to wait for a review, and how long."""

    wait: bool = False
    wait_at_most: str | None = None

    @property
    def waits(self) -> bool:
        """Whether to wait. A limit without --wait means a wait, too."""
        return self.wait or self.wait_at_most is not None

    @property
    def at_most(self) -> int | None:
        """Return the longest wait in seconds; None for no limit. Raises Invalid when it is no duration."""
        return seconds("--wait-at-most", self.wait_at_most) if self.wait_at_most else None


def seconds(option: str, text: str) -> int:
    """Return the duration given with `option` in seconds. Raises Invalid when it is no duration."""
    try:
        return parse_duration(text)
    except ValueError as error:
        if text.isascii() and text.isdecimal() and text.strip("0"):
            raise invalid(f"{option} {text} has no unit.", f"Write {text}s or {text}m.") from error
        raise invalid(f"{option}: {error}.", "Write it like 90s, 5m, 1h30m.") from error


def values_by_key(conditions: Sequence[str]) -> dict[str, list[str]]:
    """Return the conditions in words KEY=VALUE. Values of the same key are alternatives. Raises Invalid.

    The key ends at the first "=". For a tag key that contains "=", use --permissions.
    """
    found: dict[str, list[str]] = {}
    for word in conditions:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise invalid(f"--condition {word} is not KEY=VALUE.", "Write it like s3:prefix=reports/*, in quotes.")
        found.setdefault(key, []).append(value)
    return found


def _read_permissions(source: str) -> tuple[ApiPermission, ...]:
    """Return the permissions in the JSON file `source`. "-" is standard input."""
    try:
        return parse_permissions(
            sys.stdin.read().removeprefix(BYTE_ORDER_MARK) if source == "-" else read_setting_file(Path(source))
        )
    except OSError as error:
        fix = "Give the path of a JSON file that you can read, or - for standard input."
        raise invalid(f"--permissions {source}: {error.strerror}.", fix) from error
    except ValueError as error:
        raise invalid(
            f"--permissions {source}: {error}.", 'Give a list of {"actions": […], "resources": […]}.'
        ) from error


def invalid(detail: str, fix: str) -> Invalid:
    """Return the problem that the command line is invalid."""
    return Invalid("usage", "The command line is not valid", detail, fix)
