"""Reads the table of policy cases as strictly as the configuration: no guesses, duplicate keys or unknown names."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jitney.configuration.case_settings import CaseSettings
from jitney.configuration.load import ConfigurationError
from jitney.configuration.look_alikes import value_problems
from jitney.configuration.names import Names
from jitney.configuration.problems import from_pydantic, place_of, placed
from jitney.configuration.references import ValidationContext
from jitney.configuration.yaml_source import ConfigurationProblem, Value, YamlSource, read
from jitney.core.policy.policy_tests import Case

TABLE = "tests.yaml"
_FIX = f"write {TABLE} beside the policies, as in docs/policies.md"
_NO_NAMES = Names()


def cases_in(file: Path, env: Mapping[str, str], names: Names = _NO_NAMES) -> tuple[Case, ...]:
    """Return the cases of a table. `env` gives the values of `${VAR}`, and `names` the names that cases may use.

    Raises ConfigurationError with file and lines.
    """
    try:
        source = read(file.read_bytes().decode(), env)
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


def case_of(members: Mapping[str, Any], names: Names) -> Case | list[ConfigurationProblem]:
    """Return the case with these members, or all its problems. The path of each begins with the member's name."""
    try:
        found = CaseSettings.model_validate(members, context=ValidationContext(names))
    except ValidationError as error:
        return [from_pydantic(details, CaseSettings) for details in error.errors()]
    return Case.read(found.model_dump(exclude_unset=True))


def _read(source: YamlSource, names: Names) -> Iterator[Case]:
    """Yield the cases that can be read. Other cases become problems of the source."""
    table = source.value if isinstance(source.value, dict) else {}
    listed = table.get("cases")
    if not isinstance(listed, list):
        wrong = "there is no list of cases"
        fix = "write cases: and below it one - name: ... for each case"
        source.problems.append(ConfigurationProblem((), wrong, fix))
        return
    known = {each.path for each in source.problems}
    defaults = _mapping(table.get("defaults", {}), ("defaults",), source) or {}
    first: dict[str, int] = {}
    for index, each in enumerate(listed):
        members = _mapping(each, ("cases", index), source)
        if members is None:
            continue
        if (earlier := first.setdefault(str(members.get("name", index)), index)) != index:
            wrong = f"the case in line {source.lines['cases', earlier]} has the same name"
            source.problems.append(ConfigurationProblem(("cases", index, "name"), wrong, "name each case differently"))
        found = case_of({**defaults, **members}, names)
        if isinstance(found, Case):
            yield found
            continue
        for problem in found:
            inherited = problem.path and problem.path[0] in defaults.keys() - members.keys()
            path = (*(("defaults",) if inherited else ("cases", index)), *problem.path)
            if path not in known:
                known.add(path)
                source.problems.append(replace(problem, path=path))


def _mapping(value: Value, path: tuple[str | int, ...], source: YamlSource) -> dict[str, Value] | None:
    """Return the members. Anything but a mapping becomes a problem of the source, and None is returned."""
    if not isinstance(value, dict):
        source.problems.append(ConfigurationProblem(path, "it is not a mapping", "write key: value lines below it"))
        return None
    return value
