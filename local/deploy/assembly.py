"""The CDK assembly of this checkout, made anew only when something that goes into it has changed."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.configuration import load_configuration
from local.settings import ROOT, Settings

SOURCES = ("app.py", "cdk.json", "pyproject.toml", "requirements.txt", "infra", "functions")
KEPT = 6


class SynthesisError(Exception):
    """CDK could not make the templates; the message is what it said."""


def assembly(settings: Settings, local_issuer: Mapping[str, str]) -> Path:
    """The folder of the assembly for this configuration. `local_issuer` are variables that jitney.yaml may use.

    Raises infra.configuration.ConfigurationError for a configuration that is not valid, and SynthesisError.
    """
    environment = {**os.environ, **local_issuer, "JITNEY_LOCAL": "1", "JITNEY_CONFIG": str(settings.config)}
    configuration = load_configuration(settings.config, environment, local=True)
    # The settings have members that go into the template alone, such as a target's own policies.
    digest = _digest(configuration.json, repr(configuration.settings))
    made = settings.cache / "assemblies" / digest
    if not made.exists():
        _synthesize(made, environment, settings)
        _forget_old(made.parent)
    return made


def _digest(*texts: str) -> str:
    digest = hashlib.sha256("\0".join(texts).encode())
    for path in sorted(_files()):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:24]


def _files() -> list[Path]:
    found = [ROOT / name for name in SOURCES]
    inside = [path for folder in found if folder.is_dir() for path in folder.rglob("*")]
    return [path for path in (*found, *inside) if path.is_file() and "__pycache__" not in path.parts]


def _synthesize(made: Path, environment: Mapping[str, str], settings: Settings) -> None:
    """Into a folder of its own first: an interrupted synthesis leaves no half assembly behind."""
    scratch = made.with_name(f"{made.name}.{os.getpid()}")
    node = Path(sys.executable).parent / "node"
    run = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**environment, "CDK_OUTDIR": str(scratch), "JSII_NODE": str(node)},
        capture_output=True,
        text=True,
        check=False,
    )
    settings.logs.mkdir(parents=True, exist_ok=True)
    (settings.logs / "synthesis.log").write_text(run.stdout + run.stderr, encoding="utf-8")
    if run.returncode:
        shutil.rmtree(scratch, ignore_errors=True)
        raise SynthesisError((run.stderr or run.stdout).strip())
    if made.exists():  # another run was faster
        shutil.rmtree(scratch)
    else:
        scratch.rename(made)


def _forget_old(folder: Path) -> None:
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)
