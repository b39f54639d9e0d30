"""How a problem of the configuration is told: from pydantic's error to a place, what is wrong there, and the fix."""

import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from jitney.configuration.settings import (
    BreakGlassSettings,
    BrokerSettings,
    IssuerSettings,
    LimitSettings,
    MailSettings,
    ReviewerGroupSettings,
    Settings,
    SlackSettings,
    StackSetSettings,
    TargetSettings,
    WebClientSettings,
)
from jitney.configuration.yaml_source import ConfigurationProblem, YamlSource

# The models by their place: what a key could have been meant to be.
_MODELS: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): Settings,
    ("broker",): BrokerSettings,
    ("issuers", "*"): IssuerSettings,
    ("issuers", "*", "web"): WebClientSettings,
    ("targets", "*"): TargetSettings,
    ("reviewers", "*"): ReviewerGroupSettings,
    ("limits",): LimitSettings,
    ("mail",): MailSettings,
    ("stack_set",): StackSetSettings,
    ("slack",): SlackSettings,
    ("break_glass",): BreakGlassSettings,
}


def did_you_mean(name: str, known: Collection[str], *, quoted: bool = False) -> str:
    """The fix for a `name` that is not among the `known`: those that are like it, else all of them."""
    longer = [each for each in known if len(name) > 2 and each.lower().startswith(name.lower())]
    close = longer or difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    shown = [f'"{each}"' if quoted else each for each in close or known]
    return f"did you mean {' or '.join(shown)}?" if close else f"use one of {', '.join(shown)}"


def _unknown_key(details: ErrorDetails) -> tuple[str, str]:
    *parents, key = details["loc"]
    place = tuple("*" if index == 1 else str(part) for index, part in enumerate(parents))
    known = list(_MODELS[place].model_fields)
    return "there is no such key", did_you_mean(str(key), known)


_MessageBuilder: TypeAlias = Callable[[ErrorDetails], tuple[str, str]]

_MESSAGES: Mapping[str, _MessageBuilder] = {
    "refused": lambda error: (error["ctx"]["wrong"], error["ctx"]["fix"]),
    "extra_forbidden": _unknown_key,
    "missing": lambda error: ("it is missing", f"write {error['loc'][-1]}: and its value"),
    "literal_error": lambda error: (f'"{error["input"]}" is not accepted', f"use {error['ctx']['expected']}"),
    "int_parsing": lambda error: (f'"{error["input"]}" is not a whole number', "write digits only"),
    "greater_than_equal": lambda error: (f"{error['input']} is too small", f"use at least {error['ctx']['ge']}"),
    "less_than_equal": lambda error: (f"{error['input']} is too large", f"use at most {error['ctx']['le']}"),
    "too_short": lambda _: ("it is empty", "name at least one"),
    "string_too_short": lambda _: ("it is empty", "write a value, or leave the key out"),
    "string_too_long": lambda error: ("it is too long", f"use at most {error['ctx']['max_length']} characters"),
    "tuple_type": lambda _: ("it is not a list", "write [a, b], or [] for none"),
    "dict_type": lambda _: ("it is not a mapping", "write key: value, or {} for none"),
    "model_type": lambda _: ("it is not a mapping", "write key: value lines below it"),
    "string_type": lambda _: ("it is not plain text", "write a single value"),
    "bool_parsing": lambda error: (f'"{error["input"]}" is neither true nor false', "write true or false"),
    "int_type": lambda _: ("it is not a whole number", "write digits only"),
}


def from_pydantic(details: ErrorDetails) -> ConfigurationProblem:
    """One of pydantic's errors about `Settings`, as a complaint without a line."""
    telling = _MESSAGES.get(details["type"])
    wrong, fix = telling(details) if telling else (details["msg"], "see the comments in jitney.yaml")
    # The step from a mapping to a key of its that is refused is pydantic's alone.
    path = tuple(part for part in details["loc"] if part != "[key]")
    return ConfigurationProblem(path, wrong, fix)


def placed(source: YamlSource) -> list[ConfigurationProblem]:
    """The source's complaints with their lines, the first line first. What is missing has its parent's line."""

    def line(each: ConfigurationProblem) -> int:
        places = (each.path[:length] for length in range(len(each.path), -1, -1))
        return each.line or next((source.lines[place] for place in places if place in source.lines), 0)

    return sorted((replace(each, line=line(each)) for each in source.complaints), key=lambda each: each.line)


def format_problems(file: Path, complaints: Sequence[ConfigurationProblem]) -> str:
    """The complaints about `file` for a person to read, each with its place and its fix."""
    count = "1 problem" if len(complaints) == 1 else f"{len(complaints)} problems"
    return "\n".join([f"{file} has {count}:", *(_format_problem(file, each) for each in complaints)])


def place_of(file: Path, complaint: ConfigurationProblem) -> str:
    """Where it is wrong: the file, the line where that is known, and the keys from the top."""
    if complaint.place:
        return complaint.place
    place = f"{file}:{complaint.line}" if complaint.line else str(file)
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in complaint.path)
    return f"{place}  {path.removeprefix('.')}"


def _format_problem(file: Path, each: ConfigurationProblem) -> str:
    return f"\n{place_of(file, each)}\n  wrong: {each.wrong}\n  fix:   {each.fix}"
