"""Options of AWS CLI commands: the global options, and how words become options and values."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

from jitney.core.problems import Problem, ProblemMembers

# Options of every command (`aws help`), by kind, including those of version 2. They do not change what is needed.
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
    "cli-error-format": "s",
}
REJECTED_OPTIONS: Mapping[str, str] = {
    "endpoint-url": "Remove it, or set it outside the command. A grant is for AWS itself.",
    "profile": "Remove it and name a target instead. The grant's own credentials are used.",
    "no-sign-request": "Make the call without a grant. An unsigned call needs none.",
    "cli-input-yaml": "Write the parameters as options, or as {service, operation, parameters}.",
    "generate-cli-skeleton": "Generate the skeleton without a grant. It needs none.",
    "version": "Run aws --version without a grant. It makes no call.",
}
_GLOBAL = frozenset({*GLOBAL_OPTIONS, "endpoint-url", "profile", "no-sign-request", "version"})
"""The options that the AWS CLI looks for before it looks for a command's own options."""
INPUT_OPTIONS: Mapping[str, str] = {"cli-input-json": "s"}
"""The options of every operation without an output file."""
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d", re.ASCII)
_SEVERAL = frozenset("lm")


@dataclass(frozen=True, slots=True)
class ParsedOptions:
    """A parsed command: its options with their values ([] for a flag), and the words that belong to no option."""

    options: Mapping[str, list[str]]
    positional: tuple[str, ...]

    @property
    def region(self) -> str:
        """The value of --region, "" when it is absent."""
        return self.options.get("region", [""])[0]


def first_word(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the first word that is not a global option, "" if there is none, and all other words."""
    at = 0
    while at < len(words) and words[at].startswith("--"):
        name, equals, _ = words[at][2:].partition("=")
        at += 1 if equals or GLOBAL_OPTIONS.get(_resolve(name, {}), "s") == "b" else 2
    if at >= len(words):
        return "", list(words)
    return words[at], [*words[at + 1 :], *words[:at]]


def read_options(words: Sequence[str], kinds: Mapping[str, str]) -> ParsedOptions:
    """Return the parsed `words` after the command, given its options' `kinds`. Raises Problem call_invalid.

    A list takes all words up to the next option. A pair (kind p) takes two words and may be repeated. A structure of a
    boolean (kind v) takes one word or none. Other options take one word. `--option=value` means the same as two words.
    An option may be abbreviated, and the last of several counts, as in the AWS CLI.
    """
    options: dict[str, list[str]] = {}
    positional: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not is_option(word):
            positional.append(word)
            continue
        given, equals, value = word[2:].partition("=")
        name = _resolve(given, kinds)
        kind = _kind(name, kinds)
        if kind == "p":
            options[name] = [*options.get(name, []), *_pair(name, equals, rest)]
        else:
            options[name] = [value] if equals else _values(name, kind, rest)
        if kind != "v" and bool(options[name]) == (kind == "b"):
            raise invalid_call(
                f"'--{name}' takes {'no' if kind == 'b' else 'a'} value.", f"See aws help for the form of --{name}."
            )
    check_region(options.get("region", [""])[0])
    return ParsedOptions(options, tuple(positional))


def _resolve(name: str, kinds: Mapping[str, str]) -> str:
    """Return the option that `name` means or abbreviates, or `name` itself if there is none.

    The AWS CLI looks for global options first, and accepts each unambiguous abbreviation. Raises Problem call_invalid
    for an ambiguous abbreviation.
    """
    for known in (_GLOBAL, {*kinds, *(f"no-{each}" for each, kind in kinds.items() if kind in "bv")}):
        if name in known:
            return name
        begun = sorted(each for each in known if each.startswith(name))
        if len(begun) > 1:
            near = [f"--{each}" for each in begun[:5]]
            raise invalid_call(f"'--{name[:60]}' is ambiguous.", f"Write {' or '.join(near)}.", alternatives=near)
        if begun:
            return begun[0]
    return name


def _kind(name: str, kinds: Mapping[str, str]) -> str:
    if name in REJECTED_OPTIONS and name not in kinds:
        raise invalid_call(f"'--{name}' is not supported in calls.", REJECTED_OPTIONS[name])
    known = {**kinds, **GLOBAL_OPTIONS}
    kind = known.get(name) or ("b" if known.get(name.removeprefix("no-"), "") in ("b", "v") else "")
    if not kind:
        near = [f"--{each}" for each in difflib.get_close_matches(name[:100], known, n=3)]
        fix = (
            f"Did you mean {', or '.join(near)}?"
            if near
            else "Remove it, or see aws help for the options of this command."
        )
        raise invalid_call(f"Option '--{name[:60]}' does not exist.", fix, alternatives=near)
    return kind


def is_option(word: str) -> bool:
    """Return whether the AWS CLI reads a word as an option. Text with a space before any "=" is a value."""
    return word.startswith("--") and " " not in word.partition("=")[0]


def _values(name: str, kind: str, rest: list[str]) -> list[str]:
    if kind == "b":
        return []
    if kind not in _SEVERAL:
        if rest and not is_option(rest[0]):
            return [rest.pop(0)]
        if kind == "v":
            return []
        raise invalid_call(f"'--{name}' takes a value.", f"Write the value after --{name}.")
    values = []
    while rest and not is_option(rest[0]):
        values.append(rest.pop(0))
    return values


def _pair(name: str, equals: str, rest: list[str]) -> list[str]:
    if equals or len(rest) < 2 or any(word.startswith("--") for word in rest[:2]):
        raise invalid_call(f"'--{name}' takes two values.", f"Write --{name} KEY VALUE, once for each pair.")
    return [rest.pop(0), rest.pop(0)]


def check_region(region: str) -> None:
    """Raise Problem call_invalid unless `region` is "" or has the form of a Region's name."""
    if region and not _REGION.fullmatch(region):
        raise invalid_call(f"{region[:40]!a} is not a Region.", "Write it like eu-west-1, or omit it.")


def invalid_call(detail: str, fix: str, **members: Unpack[ProblemMembers]) -> Problem:
    """Return the problem that a call cannot be parsed.

    `members` are its `alternatives`, its `missing` parameters, or the `parameter` with what is `expected`.
    """
    return Problem("call_invalid", detail, fix, members)
