"""The local OpenID provider: who exists, and how its process is started.

The protocol is oidc-provider's (certified by the OpenID Foundation), on the Node of the virtual environment.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.processes import Process
from local.settings import Settings

NAME = "identity"
RESOURCE = "urn:jitney"
"""What tokens for Jitney are asked for with, where one asks for a resource (RFC 8707); without, they are too."""
FOLDER = Path(__file__).parent
NODE = Path(sys.prefix) / "bin" / "node"
NPM = Path(sys.prefix) / "bin" / "npm"
AGENTS: Mapping[str, tuple[str, ...]] = {
    "reader-agent": ("data-readers",),
    "writer-agent": ("data-readers", "data-writers"),
    "idle-agent": (),
}
HUMANS: Mapping[str, tuple[str, ...]] = {"alice": ("data-owners", "security"), "bob": ("data-owners",)}
CLIENT = {"client_id": "jitney-reviews", "redirect_uris": ["http://127.0.0.1/callback"]}


def install() -> None:
    """Install what package-lock.json locks, unless it is there. Raises subprocess.CalledProcessError with npm's output."""
    lock = FOLDER / "package-lock.json"
    installed = FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        # npm's own start line asks for `node`: the environment's, not the system's.
        environment = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        command = [NPM, "ci", "--silent", "--ignore-scripts"]
        subprocess.run(command, cwd=FOLDER, env=environment, check=True, capture_output=True, text=True)
        installed.touch()


def population(port: int) -> dict[str, Any]:
    """Everybody the provider on `port` knows, with new secrets: what provider.mjs reads."""
    return {
        "port": port,
        "agents": {name: {"secret": secrets.token_urlsafe(24), "groups": groups} for name, groups in AGENTS.items()},
        "humans": {name: {"password": secrets.token_urlsafe(9), "groups": groups} for name, groups in HUMANS.items()},
        "client": CLIENT,
    }


def process(settings: Settings, people: Mapping[str, Any]) -> Process:
    """The provider. Its secrets go through a file that only this user can read, not through arguments."""
    path = settings.run / "identity.json"
    settings.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(people, file)
    environment = {"PATH": str(NODE.parent), "NODE_ENV": "production", "JITNEY_IDENTITY": str(path)}
    return Process(NAME, (str(NODE), str(FOLDER / "provider.mjs")), environment, FOLDER)


def description(people: Mapping[str, Any]) -> dict[str, Any]:
    """What stack.json says about the provider and its people."""
    issuer = f"http://127.0.0.1:{people['port']}"
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "token_url": f"{issuer}/token",
        "authorization_url": f"{issuer}/auth",
        "agents": {
            name: {"client_id": name, "client_secret": agent["secret"], "groups": list(agent["groups"])}
            for name, agent in people["agents"].items()
        },
        "humans": {
            name: {"username": name, "password": human["password"], "groups": list(human["groups"])}
            for name, human in people["humans"].items()
        },
        "reviews_client": people["client"],
    }
