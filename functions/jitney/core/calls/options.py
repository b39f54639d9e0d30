"""Options of an AWS CLI command: which there are for every command, and how words become options and values."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jitney.core.problems import Problem

# Options of every command (`aws help`), by kind; what the CLI's second version added is here too. None of them changes
# what is needed, but for those below.
GLOBAL_OPTIONS: Mapping[str, str] = {
    "debug": "b",
    "output": "s",
    "query": "s",
    "region": "s",
    "color": "s",
    "no-paginate": "b",
    "no-verify-ssl": "b",
    "ca-bundle": "s",
    "cli-read-timeout": "s",
    "cli-connect-timeout": "s",
    "cli-binary-format": "s",
    "no-cli-pager": "b",
    "cli-auto-prompt": "b",
    "no-cli-auto-prompt": "b",
    "v2-debug": "b",
}
REJECTED_OPTIONS: Mapping[str, str] = {
    "endpoint-url": "A grant is for AWS itself: leave --endpoint-url out, or set it outside the command.",
    "profile": "The grant's own credentials are used: leave --profile out, and name a target instead.",
    "no-sign-request": "A call that is not signed needs no grant: make it without one.",
    "cli-input-json": "Write the parameters as options, or as {service, operation, parameters}.",
    "cli-input-yaml": "Write the parameters as options, or as {service, operation, parameters}.",
    "generate-cli-skeleton": "A skeleton needs no grant: make it without one.",
    "version": "aws --version makes no call.",
}
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d", re.ASCII)
_SEVERAL = frozenset("lm")


@dataclass(frozen=True, slots=True)
class ParsedOptions:
    """The words of a command, sorted: options with their values ([] for a flag), and what belongs to no option."""

    options: Mapping[str, list[str]]
    positional: tuple[str, ...]

    @property
    def region(self) -> str:
        """The value of --region, "" when there is none."""
        return self.options.get("region", [""])[0]


def read_options(words: Sequence[str], kinds: Mapping[str, str]) -> ParsedOptions:
    """`words` after the command, whose own options are `kinds`. Raises Problem call_invalid.

    A list takes the words up to the next option, a pair (kind p) two, as often as it is given, and all others one;
    `--option=value` is the same as two words.
    """
    known = {**GLOBAL_OPTIONS, **kinds}
    options: dict[str, list[str]] = {}
    positional: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            positional.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        kind = _kind(name, known)
        if name in options and kind != "p":
            raise invalid_call(f"--{name} is given twice.", "Give it once.")
        if kind == "p":
            options[name] = [*options.get(name, []), *_pair(name, equals, rest)]
        else:
            options[name] = [value] if equals else _values(name, kind, rest)
        if bool(options[name]) == (kind == "b"):
            raise invalid_call(
                f"--{name} takes {'no' if kind == 'b' else 'a'} value.", f"Write --{name} as aws help has it."
            )
    _check_region(options)
    return ParsedOptions(options, tuple(positional))


def _kind(name: str, known: Mapping[str, str]) -> str:
    if name in REJECTED_OPTIONS:
        raise invalid_call(f"--{name} is not taken here.", REJECTED_OPTIONS[name])
    kind = known.get(name) or ("b" if known.get(name.removeprefix("no-")) == "b" else "")
    if not kind:
        near = difflib.get_close_matches(name[:100], known, n=3)
        names = ", or ".join(f"--{each}" for each in near)
        fix = f"Did you mean {names}?" if near else "Leave it out, or see aws help for the options of this command."
        raise invalid_call(f"There is no option --{name[:60]}.", fix)
    return kind


def _values(name: str, kind: str, rest: list[str]) -> list[str]:
    if kind == "b":
        return []
    if kind not in _SEVERAL:
        if not rest or (rest[0].startswith("--") and rest[0] != "--"):
            raise invalid_call(f"--{name} takes a value.", f"Write the value after --{name}.")
        return [rest.pop(0)]
    values = []
    while rest and not rest[0].startswith("--"):
        values.append(rest.pop(0))
    return values


def _pair(name: str, equals: str, rest: list[str]) -> list[str]:
    if equals or len(rest) < 2 or any(word.startswith("--") for word in rest[:2]):
        raise invalid_call(f"--{name} takes two values.", f"Write --{name} KEY VALUE, once for each.")
    return [rest.pop(0), rest.pop(0)]


def _check_region(options: Mapping[str, list[str]]) -> None:
    region = options.get("region", [""])[0]
    if region and not _REGION.fullmatch(region):
        raise invalid_call(f"{region[:40]!a} is no region.", "Write it like eu-west-1, or leave it out.")


def invalid_call(detail: str, fix: str) -> Problem:
    """The problem that a call cannot be read."""
    return Problem("call_invalid", detail, fix)
