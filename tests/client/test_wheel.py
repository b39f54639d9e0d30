"""The installation of docs/agent.md: the wheel works without the checkout."""

import re
import subprocess
import sysconfig
import time
import venv
from importlib import metadata
from pathlib import Path

import pytest

from tests.running_systems import PATIENCE

ROOT = Path(__file__).parents[2]
UV = ROOT / ".local" / "tools" / "bin" / "uv"
PAGE = (ROOT / "docs" / "agent.md").read_text("utf-8")


def built(folder: Path) -> Path:
    """Build the wheel into `folder`, and return its path."""
    build = [UV, "build", "--quiet", "--wheel", "--offline", "--out-dir", folder, ROOT]
    subprocess.run(build, check=True, timeout=PATIENCE, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel alone. Other packages come from this one, so that no index is needed."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = built(folder / "dist")
    assert f"dist/{wheel.name}" in PAGE
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    install = [UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel]
    subprocess.run(install, check=True, timeout=PATIENCE, capture_output=True)
    return folder / "venv" / "bin"


def run(installed: Path, home: Path, *words: str) -> str:
    """Return what the command prints. It sees no checkout: PYTHONPATH names packages, without the .pth of this one."""
    environment = {"HOME": str(home), "PATH": f"{installed}:/usr/bin:/bin", "PYTHONPATH": sysconfig.get_path("purelib")}
    line = [installed / words[0], *words[1:]]
    done = subprocess.run(
        line, cwd=home, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_same_sources_make_the_same_wheel(tmp_path: Path):
    first = built(tmp_path / "1").read_bytes()
    time.sleep(2.1)  # a ZIP file keeps times to two seconds
    assert built(tmp_path / "2").read_bytes() == first


def test_cli_07_the_installed_command_is_the_wheels(installed: Path, home: Path):
    place = run(installed, home, "python", "-c", "import jitney; print(jitney.__file__)")
    assert place.startswith(str(installed.parent))


def test_cli_07_the_pages_first_command_works_without_a_broker(installed: Path, home: Path):
    (block,) = re.findall(r"## Install\n.*?```sh\n(.*?)```", PAGE, re.DOTALL)
    *_, line = block.splitlines()
    assert line.startswith("jitney explain -- ")
    assert "s3:GetObject" in run(installed, home, *line.split())


def test_cli_07_the_extras_on_the_page_are_the_packages(installed: Path, home: Path):
    (named,) = re.findall(r"\.whl\[([a-z,]+)\]'\n", PAGE)
    more = re.findall(r"`([a-z]+)`", re.findall(r"More extras: (.*)", PAGE)[0])
    (folder,) = installed.parent.glob("lib/*/site-packages")
    (package,) = metadata.distributions(path=[str(folder)])
    assert sorted([*named.split(","), *more]) == sorted(package.metadata.get_all("Provides-Extra") or ())
    assert f"Python {(package.metadata['Requires-Python'] or '').removeprefix('>=')} or newer" in PAGE
