"""Reads YAML as text. Every scalar is the string in the file, with its line number. `${VAR}` is expanded.

YAML guesses types: `no` is false, `012` is ten, `1.10` is 1.1. A guess can silently change an account number or a
version. So this module does not guess. The models of `configuration.settings` say which text is a number.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from jitney.configuration.hidden_text import hidden_text
from jitney.configuration.yaml_syntax import MOST_CHARACTERS, MOST_NESTED, line_of_error, node_fault, syntax_fix

Path: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = str | list["Value"] | dict[str, "Value"]

_REFERENCE = re.compile(r"\$\{([^}]*)\}?")
_INSIDE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-([^$]*))?")


@dataclass(frozen=True, slots=True)
class ConfigurationProblem:
    """One problem in a file: its path (keys and list positions from the top), what is wrong, and the fix.

    `place` is a place in another file, or "" for this file.
    """

    path: Path
    wrong: str
    fix: str
    line: int = 0
    place: str = ""


@dataclass(slots=True)
class YamlSource:
    """A YAML document: its value, the line (from 1) of every path in it, and the problems of its text."""

    value: Value
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[ConfigurationProblem] = field(default_factory=list)


def read(text: str, env: Mapping[str, str]) -> YamlSource:
    """Return the document in `text`. `${VAR}` and `${VAR:-default}` are replaced from `env`. Never raises.

    A default applies to a variable that is unset or empty, as in a shell. Duplicate keys, aliases, tags, keys without
    a value and unset variables are problems. If the text is not YAML, the value is empty.
    """
    source = YamlSource({})
    if len(text) > MOST_CHARACTERS:
        wrong = f"the file has {len(text)} characters, and at most {MOST_CHARACTERS} are read"
        source.problems.append(ConfigurationProblem((), wrong, "name the right file, or remove what it does not need"))
        return source
    try:
        node = _Composer(text, source.problems).get_single_node()
    except _NestedTooDeep:
        return source
    except yaml.YAMLError as error:
        # PyYAML's other errors have their message in several lines, with the place.
        message = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
        wrong, line = f"this is not YAML: {message}", line_of_error(error, text)
        source.problems.append(ConfigurationProblem((), wrong, syntax_fix(message), line))
        return source
    hidden = hidden_text(text.removeprefix("\ufeff"))
    source.problems.extend(ConfigurationProblem((), each.wrong, each.fix, each.line) for each in hidden)
    if node is not None and not source.problems:
        source.value = _value(node, (), source, env)
    return source


class _NestedTooDeep(Exception):
    """Lists and mappings are nested deeper than `MOST_NESTED` levels."""


class _Composer(yaml.SafeLoader):
    """Composes the nodes of a text. Appends its aliases and the place where it is nested too deep to `problems`."""

    def __init__(self, text: str, problems: list[ConfigurationProblem]) -> None:
        super().__init__(text)
        self._problems = problems
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node. An alias is an empty text, because it may refer to a node around it."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            wrong = f"the alias *{event.anchor} stands for another part of the file"
            self._add(wrong, "write that part here again", event.start_mark)
            self.get_event()  # type: ignore[no-untyped-call]
            return yaml.ScalarNode("tag:yaml.org,2002:str", "")
        self._depth += 1
        if self._depth > MOST_NESTED and isinstance(event, yaml.CollectionStartEvent):
            wrong = f"lists and mappings are nested deeper than {MOST_NESTED} levels"
            self._add(wrong, "correct the brackets or the indentation", event.start_mark)
            raise _NestedTooDeep
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _add(self, wrong: str, fix: str, place: Any) -> None:
        self._problems.append(ConfigurationProblem((), wrong, fix, _line(place)))


def _line(mark: Any) -> int:
    """Return the line of a place in the text, from 1, or 0 if the parser names no line."""
    return mark.line + 1 if mark else 0


def _value(node: yaml.Node, path: Path, source: YamlSource, env: Mapping[str, str]) -> Value:
    source.lines[path] = _line(node.start_mark)
    if fault := node_fault(node):
        source.problems.append(ConfigurationProblem(path, *fault, _line(node.start_mark)))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, source, env)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), source, env) for index, item in enumerate(node.value)]
    expanded, problems = _expand(node.value, path, env)
    source.problems.extend(problems)
    return expanded


def _mapping(node: yaml.MappingNode, path: Path, source: YamlSource, env: Mapping[str, str]) -> Value:
    mapping: dict[str, Value] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), _line(key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode):
            source.problems.append(
                ConfigurationProblem(path, "a key is not plain text", "write keys as plain text", line)
            )
        elif key in mapping:
            first = source.lines[(*path, key)]
            wrong = f"the key is given twice, first in line {first}"
            source.problems.append(ConfigurationProblem((*path, key), wrong, "keep one of the two", line))
        else:
            mapping[key] = _value(value_node, (*path, key), source, env)
            source.lines[(*path, key)] = line
    return mapping


def _expand(text: str, path: Path, env: Mapping[str, str]) -> tuple[str, list[ConfigurationProblem]]:
    problems: list[ConfigurationProblem] = []

    def replace(match: re.Match[str]) -> str:
        inside = _INSIDE.fullmatch(match[1])
        if inside is None or not match[0].endswith("}"):
            wrong = f'"{match[0]}" is not a reference to an environment variable'
            problems.append(
                ConfigurationProblem(
                    path,
                    wrong,
                    "write ${NAME} or ${NAME:-default}; a default cannot contain $ or }, and variables of IAM and "
                    "CloudFormation cannot be used",
                )
            )
            return ""
        name, default = inside[1], inside[2]
        if default is None and name not in env:
            fix = f"set {name}, or give it a default: ${{{name}:-...}}"
            problems.append(ConfigurationProblem(path, f"the environment variable {name} is not set", fix))
        return env.get(name, "") if default is None else env.get(name) or default

    return _REFERENCE.sub(replace, text), problems


def entries(value: Value, *keys: str) -> Iterator[tuple[str, Value]]:
    """Yield the items of the mapping under `keys`. Yields none if there is no mapping."""
    for key in keys:
        value = value.get(key, {}) if isinstance(value, dict) else {}
    if isinstance(value, dict):
        yield from value.items()
