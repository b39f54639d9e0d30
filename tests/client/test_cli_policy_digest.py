"""`jitney policy digest`: an auditor finds the checkout whose configuration decided."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from jitney.configuration.load import load_configuration
from tests.cli import invoke
from tests.configuration.test_load import valid, write_policies

BROKER = {"broker": {"account": "111122223333", "region": "eu-west-1"}}


@pytest.fixture
def file(home: Path, tmp_path: Path) -> Path:
    write_policies(tmp_path / "policies")
    path = tmp_path / "jitney.yaml"
    path.write_text(yaml.safe_dump(valid() | BROKER), encoding="utf-8")
    return path


def digest(file: Path, *more: str) -> Any:
    return invoke(["policy", "digest", "--config", str(file), *more])


def test_aud_01_the_digest_is_that_of_the_deployed_file(file: Path):
    deployed = hashlib.sha256(load_configuration(file, {}, local=False).json.encode()).hexdigest()[:32]
    found = json.loads(digest(file, "--json").stdout)
    assert (found["configuration"], found["shadow_policy_version"]) == (deployed, "")
    assert len(found["policy_version"]) == 64
    lines = [line.split() for line in digest(file).stdout.splitlines()]
    assert lines == [["configuration", deployed], ["policy", "version", found["policy_version"]]]


def test_aud_01_a_reviewer_more_has_another_digest_and_the_same_policy_version(file: Path):
    before = json.loads(digest(file, "--json").stdout)
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["limits"] = {"max_pending": 11}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    after = json.loads(digest(file, "--json").stdout)
    assert after["configuration"] != before["configuration"]
    assert after["policy_version"] == before["policy_version"]


def test_aud_01_an_invalid_configuration_has_no_digest(file: Path):
    file.write_text(file.read_text(encoding="utf-8") + "\nunknown: 1\n", encoding="utf-8")
    result = digest(file, "--json")
    assert (result.exit_code, json.loads(result.stdout)["code"]) == (2, "configuration_invalid")
