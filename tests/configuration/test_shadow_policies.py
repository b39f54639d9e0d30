"""The folder of shadow policies is compiled and checked like the active one (row POL 14)."""

import json
from pathlib import Path

import pytest
import yaml

from jitney.configuration.load import ConfigurationError, load_configuration
from jitney.core import config
from tests.configuration.test_load import valid, write_policies

SHADOW = '@id("b") permit (principal in Jitney::Group::"corp/b", action, resource);'


def compiled(folder: Path, text: str | None, **members: str) -> config.Config:
    write_policies(folder / "policies")
    if text is not None:
        write_policies(folder / "next", text)
    (folder / "jitney.yaml").write_text(yaml.safe_dump(valid() | members))
    return config.load(load_configuration(folder / "jitney.yaml", {}, local=True).json)


def test_pol_14_the_shadow_is_bundled_beside_the_active_policies(tmp_path: Path):
    loaded = compiled(tmp_path, SHADOW, shadow_policies="next")
    assert loaded.shadow_policies
    assert (loaded.policies.text == SHADOW, loaded.shadow_policies.text) == (False, SHADOW)
    assert loaded.shadow_policies.version != loaded.policies.version
    assert loaded.shadow_policies.schema == loaded.policies.schema


def test_pol_14_without_the_option_there_is_no_shadow(tmp_path: Path):
    assert compiled(tmp_path, SHADOW).shadow_policies is None
    bundled = json.loads(load_configuration(tmp_path / "jitney.yaml", {}, local=True).json)
    del bundled["shadow_policies"]  # a configuration that an earlier version compiled
    assert config.load(json.dumps(bundled)).shadow_policies is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "has no *.cedar files"),
        ("permit (principal, action, resource);", "needs an @id"),
        (SHADOW.replace("corp/b", "crop/b"), '"crop" is not in issuers'),
    ],
)
def test_pol_14_a_wrong_shadow_is_found_before_it_is_deployed(tmp_path: Path, text: str | None, said: str):
    with pytest.raises(ConfigurationError, match=r"shadow_policies|next/a\.cedar") as error:
        compiled(tmp_path, text, shadow_policies="next")
    assert said in str(error.value)
