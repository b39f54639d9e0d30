"""`jitney policy diff` names each setting that differs, of every section (POL 14)."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from jitney.configuration.changed_settings import ChangedSetting, changed_settings
from jitney.core.config import Config
from tests.handlers.conftest import configuration

OLD = configuration()
BY_DECISIONS = {"policies", "shadow_policies", "local", "digest"}
AS_WRITTEN = {"time_windows"}


def other(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return f"{value}x"
        case None:
            return "x"
        case _:
            return (*value, "x") if isinstance(value, tuple) else {**value, "x": "y"}


SECTIONS = {"limits": OLD.limits, "issuers.corp": OLD.issuers["corp"], "targets.prod": OLD.targets["analytics-prod"]}
MEMBERS = [
    (section, each.name)
    for section, value in SECTIONS.items()
    for each in fields(value)
    if not is_dataclass(getattr(value, each.name)) and not hasattr(getattr(value, each.name), "_asdict")
]


@pytest.mark.parametrize(("section", "name"), MEMBERS)
def test_pol_14_each_member_of_a_section_is_compared(section: str, name: str):
    value = SECTIONS[section]
    changed = replace(value, **{name: other(getattr(value, name))})
    kind, _, key = section.partition(".")
    new = replace(OLD, **{kind: {**getattr(OLD, kind), key: changed} if key else changed})
    old = replace(OLD, **{kind: {**getattr(OLD, kind), key: value} if key else value})
    (found,) = changed_settings(old, new)
    assert found.setting in (f"{section}.{name}", f"{section}.{name}.x")
    assert found.old != found.new


@pytest.mark.parametrize("name", [each.name for each in fields(Config) if each.name not in BY_DECISIONS | AS_WRITTEN])
def test_pol_14_each_section_is_compared(name: str):
    value = getattr(OLD, name)
    new = replace(OLD, **{name: None if is_dataclass(value) else other(value)})
    assert [each.setting.partition(".")[0] for each in changed_settings(OLD, new)] == [name]
    assert changed_settings(OLD, OLD) == []


def test_pol_14_a_section_of_one_version_is_one_setting():
    less = replace(OLD, issuers={name: each for name, each in OLD.issuers.items() if name != "corp"})
    (removed,), (added,) = changed_settings(OLD, less), changed_settings(less, OLD)
    assert (removed.setting, removed.new, removed.old["issuer"]) == ("issuers.corp", None, OLD.issuers["corp"].issuer)
    assert added == ChangedSetting("issuers.corp", None, removed.old)
