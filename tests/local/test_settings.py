"""How the environment configures the local system."""

import os
import subprocess
from pathlib import Path

import pytest

from local.settings import ROOT, from_environment


def test_without_variables_everything_is_in_the_checkout():
    settings = from_environment({})
    assert settings.stack_file == ROOT / ".local" / "stack.json"
    assert settings.config == ROOT / "jitney.yaml"
    assert settings.ports == {}


def test_folders_configuration_and_ports_come_from_variables(tmp_path: Path):
    variables = {"JITNEY_LOCAL_DIR": str(tmp_path), "JITNEY_CONFIG": "other.yaml", "JITNEY_AWS_PORT": "4566"}
    settings = from_environment(variables)
    assert settings.state == tmp_path
    assert settings.config == Path("other.yaml").absolute()
    assert settings.ports == {"emulator": 4566}


@pytest.mark.parametrize("text", ["x", "0", "65536", "-1", "\u0661"])
def test_a_port_that_is_none_is_refused_by_name(text: str):
    with pytest.raises(ValueError, match="JITNEY_SLACK_PORT"):
        from_environment({"JITNEY_SLACK_PORT": text})


def test_make_takes_the_configuration_by_either_name():
    for words, more in ((["CONFIG=other.yaml"], {}), ([], {"JITNEY_CONFIG": "other.yaml"})):
        shown = subprocess.run(
            ["make", "--no-print-directory", "--eval=shown: ; @echo $$JITNEY_CONFIG", "shown", *words],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **more},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert shown == "other.yaml\n"
