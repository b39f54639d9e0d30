"""Turns pydantic's errors into problems of the configuration: the place in the file, what is wrong, and the fix."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from jitney.configuration.names import did_you_mean
from jitney.configuration.values import model_in
from jitney.configuration.yaml_source import ConfigurationProblem, YamlSource
from jitney.core.quantities import quantity

# Keys that a reader could expect, each with the reason why it does not exist.
_ABSENT_KEYS = {"external_id": ("external ids are made by the broker", "leave it out")}


def _unknown_key(details: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    *parents, key = details["loc"]
    if key in _ABSENT_KEYS:
        return _ABSENT_KEYS[str(key)]
    parts = iter(parents)
    for part in parts:
        if isinstance(part, int):  # a place in a list, whose model is known already
            continue
        annotation = model.model_fields[str(part)].annotation
        model = model_in(annotation) or model
        if get_origin(annotation) is dict:
            next(parts, None)
    return "there is no such key", did_you_mean(str(key), list(model.model_fields))


def _digits(details: ErrorDetails) -> str:
    """Return the fix for a number: in seconds, if the value is a duration with a unit."""
    duration = re.fullmatch(r"(\d{1,6}) ?([smhd])[a-z]*", str(details["input"]), re.ASCII)
    if duration is None or not str(details["loc"][-1]).endswith("seconds"):
        return "write digits only"
    return f"write seconds as digits only: {int(duration[1]) * _SECONDS[duration[2]]}"


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MessageBuilder: TypeAlias = Callable[[ErrorDetails], tuple[str, str]]

_MESSAGES: Mapping[str, _MessageBuilder] = {
    "refused": lambda error: (error["ctx"]["wrong"], error["ctx"]["fix"]),
    "missing": lambda error: ("it is missing", f"write {error['loc'][-1]}: and its value"),
    "literal_error": lambda error: (f'"{error["input"]}" is not accepted', f"use {error['ctx']['expected']}"),
    "int_parsing": lambda error: (f'"{error["input"]}" is not a whole number', _digits(error)),
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


def from_pydantic(details: ErrorDetails, model: type[BaseModel]) -> ConfigurationProblem:
    """Return one of pydantic's errors about `model` as a problem without a line."""
    message = _MESSAGES.get(details["type"])
    if details["type"] == "extra_forbidden":
        wrong, fix = _unknown_key(details, model)
    else:
        wrong, fix = message(details) if message else (details["msg"], "see the comments in jitney.yaml")
    # pydantic adds this step to the path of a mapping's key.
    path = tuple(part for part in details["loc"] if part != "[key]")
    return ConfigurationProblem(path, wrong, fix)


def placed(source: YamlSource) -> list[ConfigurationProblem]:
    """Return the source's problems in the order of their lines. A missing key gets the line of its parent."""

    def line(each: ConfigurationProblem) -> int:
        places = (each.path[:length] for length in range(len(each.path), -1, -1))
        return each.line or next((source.lines[place] for place in places if place in source.lines), 0)

    return sorted((replace(each, line=line(each)) for each in source.problems), key=lambda each: each.line)


def format_problems(file: Path, problems: Sequence[ConfigurationProblem]) -> str:
    """Return the problems of `file` as text for people, each with its place and its fix."""
    return "\n".join(
        [f"{file} has {quantity(len(problems), 'problem')}:", *(_format_problem(file, each) for each in problems)]
    )


def place_of(file: Path, problem: ConfigurationProblem) -> str:
    """Return where the problem is: the file, the line if known, and the keys from the top."""
    if problem.place:
        return problem.place
    place = f"{file}:{problem.line}" if problem.line else str(file)
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem.path)
    return f"{place}  {path.removeprefix('.')}"


def _format_problem(file: Path, each: ConfigurationProblem) -> str:
    return f"\n{place_of(file, each)}\n  wrong: {each.wrong}\n  fix:   {each.fix}"
