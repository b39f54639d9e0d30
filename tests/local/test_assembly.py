"""The assembly is made again only when one of its sources changes."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from local import restored
from local.deploy import assembly
from local.settings import LocalSettings, from_environment

CONFIG = "version: 1\npolicies: rules\nissuers: {local: {issuer: '${THE_ISSUER}', jwks_file: keys.json}}\n"


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "one.cedar").write_text("permit(principal, action, resource);", encoding="utf-8")
    (tmp_path / "other.yaml").write_text(CONFIG, encoding="utf-8")
    return replace(from_environment({}), state=tmp_path, cache=tmp_path / "cache", config=tmp_path / "other.yaml")


def change_policy(settings: LocalSettings) -> None:
    (settings.config.parent / "rules" / "one.cedar").write_text(
        "forbid(principal, action, resource);", encoding="utf-8"
    )


def add_policy(settings: LocalSettings) -> None:
    (settings.config.parent / "rules" / "two.cedar").write_text("", encoding="utf-8")


def change_configuration(settings: LocalSettings) -> None:
    settings.config.write_text(CONFIG + "limits: {}\n", encoding="utf-8")


def change_keys(settings: LocalSettings) -> None:
    (settings.config.parent / "keys.json").write_text('{"keys": []}', encoding="utf-8")


@pytest.mark.parametrize("change", [change_policy, add_policy, change_configuration, change_keys])
def test_a_changed_source_makes_a_new_assembly(settings: LocalSettings, change: Callable[[LocalSettings], None]):
    before = assembly.digest(settings.config, {})
    assert assembly.digest(settings.config, {}) == before
    change(settings)
    assert assembly.digest(settings.config, {}) != before


def test_a_folder_in_place_of_the_configuration_is_not_read_through(tmp_path: Path):
    """CONFIG=FOLDER read all files below the folder, for minutes, before it said that this is no file."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "large").write_text("1")
    before = assembly.digest(tmp_path, {})
    (tmp_path / "below" / "large").write_text("2")
    assert assembly.digest(tmp_path, {}) == before


def test_only_the_variables_that_the_configuration_names_count(settings: LocalSettings):
    before = assembly.digest(settings.config, {"THE_ISSUER": "http://127.0.0.1:1", "HOME": "/here"})
    assert assembly.digest(settings.config, {"THE_ISSUER": "http://127.0.0.1:1", "HOME": "/there"}) == before
    assert assembly.digest(settings.config, {"THE_ISSUER": "http://127.0.0.1:2", "HOME": "/here"}) != before


def test_a_system_with_restored_tables_has_an_assembly_of_its_own(settings: LocalSettings):
    assert assembly.digest(settings.config, {restored.VARIABLE: "1"}) != assembly.digest(settings.config, {})


def test_a_wrong_configuration_is_reported_and_nothing_is_kept(settings: LocalSettings):
    with pytest.raises(assembly.SynthesisError, match=r"other\.yaml"):
        assembly.synthesize(settings, {"THE_ISSUER": "http://127.0.0.1:1"})
    assert list((settings.cache / "assemblies").iterdir()) == []


def test_what_another_system_may_be_coming_up_from_is_kept(tmp_path: Path):
    now, ages = time.time(), {name: age for age, name in enumerate("abcde")}
    for name, age in {**ages, "old": 2 * assembly.IN_USE_SECONDS}.items():
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (now - age, now - age))
    assembly._forget_old(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(ages)
