"""The access that a background endpoint serves, and the folder of this user's endpoints."""

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from jitney import __version__
from jitney.client.api.grant_request import GrantRequest
from jitney.client.inputs.connection_options import (
    STATE_FOLDER_FIX,
    ConnectionOptions,
    settings_file,
    signed_in_file,
    xdg,
)
from jitney.client.inputs.setting_files import read_setting_file, user_path
from jitney.client.inputs.setting_names import IDENTITY_VARIABLES, SETTINGS, SHELL_IDENTITY
from jitney.client.problems import Invalid
from jitney.client.tokens import issuer_and_subject

PROFILE, SERVE = "profile", "serve"
"""The kinds of endpoint.

The one for `jitney credentials` ends by itself, the one for `jitney serve --background` when it is stopped.
"""

_OWN_ENDPOINT = re.compile(r"http://127\.0\.0\.1:[0-9]{1,5}/\.jitney/credentials", re.ASCII)
_GRANT_ID = "JITNEY_GRANT_ID"
_CHANGED = tuple(
    name for name in IDENTITY_VARIABLES if name.startswith(("AWS_", _GRANT_ID)) and name != "AWS_LAMBDA_FUNCTION_NAME"
)
"""Variables that the lines of `jitney serve` set or unset."""
_SET = (
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_DISABLED",
    _GRANT_ID,
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)
_NAMED = ("settings_file", "api", "token_file", "token_command")


@dataclass(frozen=True, slots=True)
class EndpointNeed:
    """What an endpoint serves: its kind, the request or the id of a grant, and the connection to the broker."""

    kind: str
    access: GrantRequest | str
    connection: ConnectionOptions

    def key(self, environment: Mapping[str, str] = os.environ) -> str:
        """Return the name of the endpoint for this need, in hex.

        The name is the same if all of these are equal: the request, the settings, the variables that token sources
        read, the identity in the token file, the person who last signed in, and the working folder. The variables count
        as they were before a shell evaluated the lines of `jitney serve`. So no identity gets another identity's keys
        if `issuer_and_subject` distinguishes them. The name reveals no secret of a setting: all are hashed together,
        and the client's secret is left out.
        """
        _, path = settings_file(self.connection, environment)
        ours = (name for name in SETTINGS if name != "client_secret" and not name.startswith("review_"))
        variables = [SETTINGS[name][0] for name in ours]
        kept = (name for name in IDENTITY_VARIABLES if name not in _CHANGED)
        named = {name: environment.get(name, "") for name in (*variables, *kept)} | shell_identity(environment)
        holder = _holder(self.connection.token_file or environment.get(SETTINGS["token_file"][0], ""))
        files = [_content(path), _content(signed_in_file(environment))]
        parts = [__version__, os.uname().nodename, _working_folder(), self.document(), named, files, holder]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    def document(self) -> dict[str, Any]:
        """Return the need as JSON. It holds no secret."""
        access = self.access if isinstance(self.access, str) else self.access.document()
        named = {name: getattr(self.connection, name) for name in _NAMED}
        return {"kind": self.kind, "access": access, "connection": named}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the need in its JSON."""
        access, connection = document["access"], ConnectionOptions(**document["connection"])
        return cls(document["kind"], access if isinstance(access, str) else GrantRequest.read(access), connection)


def shell_identity(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variable with a hash of the variables that the lines of `jitney serve` may change.

    With it, a shell that evaluated the lines finds its endpoint again. If variables were changed since then, they count
    as they are.
    """
    given = {name: environment.get(name, "") for name in _CHANGED}
    named = environment.get(SHELL_IDENTITY, "")
    if named and _as_served(given):
        return {SHELL_IDENTITY: named}
    return {SHELL_IDENTITY: hashlib.sha256(json.dumps(given).encode()).hexdigest()[:32]}


def _as_served(given: Mapping[str, str]) -> bool:
    """Return whether a shell has all that the lines of `jitney serve` set, and nothing that they unset."""
    address, disabled, grant, *_ = (given[name] for name in _SET)
    others = any(value for name, value in given.items() if name not in _SET)
    return bool(_OWN_ENDPOINT.fullmatch(address) and disabled == "true" and grant) and not others


def _working_folder() -> str:
    """Return the path of the working folder; "" if it was removed, because then no relative path leads to a file."""
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return ""


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(read_setting_file(path).encode()).hexdigest()
    except OSError:
        return ""


def _holder(token_file: str) -> str:
    """Return the identity in the token file, which other programs write; "" without a file or an identity."""
    try:
        return issuer_and_subject(read_setting_file(user_path(token_file))) if token_file else ""
    except OSError:
        return ""


def endpoints_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of this user's endpoints, which no other user can enter.

    It does not depend on XDG_RUNTIME_DIR. Commands from cron, sudo and containers lack that variable, and would not
    find the endpoint that holds the grant. Raises Invalid if the folder is a link, belongs to another user, or lets
    other users in, because their processes could answer.
    """
    folder = xdg(environment, "XDG_STATE_HOME", ".local/state") / "endpoints"
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise folder_unusable(folder, error) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        detail = f"{folder} is a link, belongs to another user, or is open to others."
        fix = f"Remove {folder}: Jitney creates it again, for you alone. Or set XDG_STATE_HOME to a folder of your own."
        raise _unusable(detail, fix)
    return folder


def folder_unusable(folder: Path, error: OSError) -> Invalid:
    """Return the problem that no file can be created in the folder of endpoints."""
    return _unusable(f"{folder} cannot be written: {error.strerror}.", STATE_FOLDER_FIX)


def _unusable(detail: str, fix: str) -> Invalid:
    return Invalid("endpoint_folder_unusable", "The folder of endpoints cannot be used", detail, fix)
