"""The synthesized assembly. app.py runs again only after one of its sources has changed."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.settings import ROOT, LocalSettings

SOURCES = ("app.py", "cdk.json", "pyproject.toml", "infra", "functions")
KEPT = 3
IN_USE_SECONDS = 3600
"""How long a system that starts may need its assembly. No other system deletes the assembly in that time."""
VARIABLE = re.compile(r"\$\{(\w+)")
OF_APP = ("CDK_DEFAULT_", "JITNEY_LOCAL_RESTORED")
"""How the names begin of variables that app.py itself reads. The configuration names others."""


class SynthesisError(Exception):
    """app.py failed. The message is its output."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack of the assembly: its name, account and Region, its template, and the assets to publish first."""

    name: str
    account: str
    region: str
    template: str
    assets: Mapping[str, Any]
    folder: Path


def synthesize(settings: LocalSettings, variables: Mapping[str, str]) -> list[Stack]:
    """Return app.py's stacks in deployment order. `variables` are added to the environment.

    Raises SynthesisError.
    """
    environment = _environment(settings, variables)
    folder = settings.cache / "assemblies" / digest(settings.config, environment)
    if not folder.exists():
        _run(folder, settings, environment)
        _forget_old(folder.parent)
    os.utime(folder)
    return _stacks(folder)


def wanted(settings: LocalSettings, variables: Mapping[str, str]) -> str:
    """Return the digest of the assembly that `synthesize` would return."""
    return digest(settings.config, _environment(settings, variables))


def issuers(stacks: Sequence[Stack]) -> dict[str, str]:
    """Return the accepted issuers by alias."""
    return {issuer["name"]: issuer["issuer"] for issuer in _configuration(stacks)["issuers"]}


def sender(stacks: Sequence[Stack]) -> str:
    """Return the sender address of mail to reviewers, or "" without mail."""
    mail = _configuration(stacks)["mail"]
    return str(mail["sender"]) if mail else ""


def _configuration(stacks: Sequence[Stack]) -> dict[str, Any]:
    """Return the configuration in the functions' bundle."""
    bundle = next(path for stack in stacks for path in stack.folder.glob("asset.*.zip"))
    with zipfile.ZipFile(bundle) as archive:
        return dict(json.loads(archive.read("configuration.json")))


def _environment(settings: LocalSettings, variables: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **variables, "JITNEY_LOCAL": "1", "JITNEY_CONFIG": str(settings.config)}


def _run(folder: Path, settings: LocalSettings, environment: Mapping[str, str]) -> None:
    fresh = folder.with_name(f".{folder.name}-{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    settings.logs.mkdir(parents=True, exist_ok=True)
    log = settings.logs / "synthesis.log"
    try:
        with log.open("wb") as output:
            done = subprocess.run(
                [sys.executable, ROOT / "app.py"],
                cwd=ROOT,
                # Half of the time is CDK's validation for AWS, which tests/infra has of the same template.
                env={**environment, "CDK_OUTDIR": str(fresh), "CDK_VALIDATION": "false"},
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise SynthesisError(log.read_text(encoding="utf-8", errors="replace").strip())
        # Another system of this checkout may have been faster: then its assembly is as good.
        with contextlib.suppress(OSError):
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _forget_old(assemblies: Path) -> None:
    newest = sorted(assemblies.glob("[!.]*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in newest[KEPT:]:
        if time.time() - old.stat().st_mtime > IN_USE_SECONDS:
            shutil.rmtree(old, ignore_errors=True)


def digest(config: Path, environment: Mapping[str, str]) -> str:
    """Return a digest of all sources of the assembly."""
    digest = hashlib.sha256(f"{sys.version} {importlib.metadata.version('aws-cdk-lib')} {config}".encode())
    for path in _inputs(config):
        digest.update(f"\0{path}\0".encode())
        digest.update(path.read_bytes())
    text = config.read_text(encoding="utf-8", errors="replace") if config.is_file() else ""
    for name in sorted({*VARIABLE.findall(text), *(name for name in environment if name.startswith(OF_APP))}):
        digest.update(f"\0{name}={environment.get(name)}".encode())
    return digest.hexdigest()[:32]


def _inputs(config: Path) -> Iterator[Path]:
    for place in (ROOT / name for name in SOURCES):
        found = sorted(place.rglob("*")) if place.is_dir() else [place]
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)
    # Subfolders are not read, because a wrong path may name a folder with millions of files in its subfolders.
    named = (path for place in _named(config) for path in ([place] if place.is_file() else sorted(place.glob("*"))))
    yield from (path for path in (config, *named) if path.is_file())


def _named(config: Path) -> list[Path]:
    """Return the folders of policies and the files of keys that the configuration names.

    A configuration that cannot be read is left to app.py to report.
    """
    try:
        members = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        members = None
    named = members if isinstance(members, dict) else {}
    issuers = named.get("issuers") if isinstance(named.get("issuers"), dict) else {}
    keys = [each.get("jwks_file") for each in (issuers or {}).values() if isinstance(each, dict)]
    names = (named.get("policies") or "policies", named.get("shadow_policies"), *keys)
    return [config.parent / str(name) for name in names if name]


def _stacks(folder: Path) -> list[Stack]:
    """Put the broker's stack first, because the target accounts' trust policies name its roles."""
    artifacts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    found = []
    for name, artifact in artifacts.items():
        if artifact["type"] == "aws:cloudformation:stack":
            account, region = artifact["environment"].removeprefix("aws://").split("/")
            listed = folder / f"{name}.assets.json"
            assets = json.loads(listed.read_text(encoding="utf-8"))["files"] if listed.exists() else {}
            stack = artifact.get("properties", {}).get("stackName", name)
            found.append(Stack(stack, account, region, artifact["properties"]["templateFile"], assets, folder))
    return sorted(found, key=lambda stack: (stack.name != "Jitney", stack.name))
