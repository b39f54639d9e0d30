"""Read the table of policy cases as strictly as the configuration: without guesses or duplicate keys."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_origin

from jitney.configuration.load import ConfigurationError
from jitney.configuration.look_alikes import value_problems
from jitney.configuration.names import Names
from jitney.configuration.policy_references import unknown_group
from jitney.configuration.problems import place_of, placed
from jitney.configuration.yaml_source import ConfigurationProblem, Value, YamlSource, read
from jitney.core.policy.policy_tests import Case

TABLE = "tests.yaml"
_FIX = f"write it as in Jitney's own policies/{TABLE}"
_NO_NAMES = Names()
_NUMBERS = frozenset(each.name for each in fields(Case) if each.type is int)
_MAPPINGS = frozenset({"claims", "conditions"})
_LISTS = frozenset(each.name for each in fields(Case) if get_origin(each.type) is tuple)


def cases_in(file: Path, env: Mapping[str, str], names: Names = _NO_NAMES) -> tuple[Case, ...]:
    """Return the cases of a table. `env` gives the values of `${VAR}`, and `names` the groups that tokens can have.

    Raises ConfigurationError with file and lines.
    """
    try:
        source = read(file.read_text(encoding="utf-8"), env)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the file is not UTF-8 text"
        source = YamlSource({}, problems=[ConfigurationProblem((), f"there are no cases: {reason}", _FIX)])
    source.problems.extend(value_problems(source.value))
    # Further problems of a table that cannot be read would only follow from that.
    cases = () if source.problems and not source.value else tuple(_read(source, names))
    if source.problems:
        placed_problems = [replace(each, place=place_of(file, each).strip()) for each in placed(source)]
        raise ConfigurationError(file, placed_problems)
    return cases


def _read(source: YamlSource, names: Names) -> Iterator[Case]:
    """Yield the cases that can be read. Other cases become problems of the source."""
    table = source.value if isinstance(source.value, dict) else {}
    listed = table.get("cases")
    if not isinstance(listed, list):
        wrong = "there is no list of cases"
        fix = "write cases: and below it one - name: ... for each case"
        source.problems.append(ConfigurationProblem((), wrong, fix))
        return
    defaults = _typed(table.get("defaults", {}), ("defaults",), source)
    cases = [_typed(each, ("cases", index), source) for index, each in enumerate(listed)]
    if source.problems:
        return
    source.problems.extend(_impossible_groups(defaults, ("defaults",), names))
    first: dict[str, int] = {}
    for index, each in enumerate(cases):
        source.problems.extend(_impossible_groups(each, ("cases", index), names))
        if (earlier := first.setdefault(str(each.get("name")), index)) != index:
            wrong = f"the case in line {source.lines['cases', earlier]} has the same name"
            source.problems.append(ConfigurationProblem(("cases", index, "name"), wrong, "name each case differently"))
        try:
            yield Case.read(each, defaults)
        except ValueError as error:
            source.problems.append(ConfigurationProblem(("cases", index), str(error), _FIX))


def _impossible_groups(
    members: Mapping[str, Any], path: tuple[str | int, ...], names: Names
) -> Iterator[ConfigurationProblem]:
    """Yield the groups that no token has. A case with such a group shows nothing."""
    for at, group in enumerate(members.get("groups", ())):
        for unknown in unknown_group(str(group), names):
            yield ConfigurationProblem((*path, "groups", at), f"the case {unknown.wrong}", unknown.fix)


def _typed(members: Value, path: tuple[str | int, ...], source: YamlSource) -> dict[str, Any]:
    """Return the members with the types of `Case`. Wrong members become problems of the source."""
    if not isinstance(members, dict):
        source.problems.append(ConfigurationProblem(path, "it is not a mapping", "write key: value lines below it"))
        return {}
    known = {each.path for each in source.problems}
    wrong = {name: _wrong(name, value) for name, value in members.items()}
    found = (ConfigurationProblem((*path, name), said, _FIX) for name, said in wrong.items() if said)
    source.problems.extend(each for each in found if each.path not in known)
    good = {name: value for name, value in members.items() if not wrong[name]}
    return {name: int(str(value)) if name in _NUMBERS else value for name, value in good.items()}


def _wrong(name: str, value: Value) -> str:
    """Return why the member cannot have this value, or "" if it can."""
    if name in _MAPPINGS and not isinstance(value, dict):
        return "it is not a mapping"
    if name == "conditions" and isinstance(value, dict):
        return "" if all(isinstance(each, list) for each in value.values()) else "its values are not lists"
    if name in _MAPPINGS:
        return ""
    if name in _LISTS:
        return "" if isinstance(value, list) else "it is not a list"
    if not isinstance(value, str):
        return "it is not plain text"
    if name in _NUMBERS and not (value.isascii() and value.isdigit() and len(value) < 10):
        return "it is not a whole number"
    return ""
