"""The connection to the broker. Options come first, then the environment, then the configuration file.

Only the token source in use is imported, and the TOML parser only if there is a file. That saves 20 ms of each start.
"""

import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jitney.client.broker import Broker
from jitney.client.connection import checked_url
from jitney.client.problems import Invalid, Unauthenticated
from jitney.client.tokens import TokenSource, checked_token

# Each setting: its environment variable and its member in config.toml, None if the file may not hold it.
SETTINGS: Mapping[str, tuple[str, str | None]] = {
    "api": ("JITNEY_API_URL", "api"),
    "token_file": ("JITNEY_TOKEN_FILE", "token.file"),
    "token_command": ("JITNEY_TOKEN_COMMAND", "token.command"),
    "token_url": ("JITNEY_TOKEN_URL", "token.url"),
    "client_id": ("JITNEY_CLIENT_ID", "token.client_id"),
    "client_secret": ("JITNEY_CLIENT_SECRET", None),
    "client_secret_file": ("JITNEY_CLIENT_SECRET_FILE", "token.client_secret_file"),
    "scope": ("JITNEY_TOKEN_SCOPE", "token.scope"),
    "resource": ("JITNEY_TOKEN_RESOURCE", "token.resource"),
    "audience": ("JITNEY_TOKEN_AUDIENCE", "token.audience"),
}
_SOURCES = ("token_file", "token_command", "token_url")


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """The connection options of the command line. An option that was not given is ""."""

    api: str = ""
    token_file: str = ""
    token_command: str = ""

    def arguments(self) -> list[str]:
        """Return the options as arguments of a command line that runs later."""
        named = (("--api", self.api), ("--token-file", self.token_file), ("--token-command", self.token_command))
        return [word for option, value in named if value for word in (option, value)]


def connect(options: ConnectionOptions, environment: Mapping[str, str] = os.environ) -> Broker:
    """Return the broker that the settings name.

    Raises Invalid or Unauthenticated, naming the wrong or missing setting.
    """
    path = xdg(environment, "XDG_CONFIG_HOME", ".config") / "config.toml"
    levels = (
        {name: value for name in ("api", *_SOURCES) if (value := getattr(options, name, ""))},
        {name: value for name, (variable, _) in SETTINGS.items() if (value := environment.get(variable, ""))},
        _read_file(path),
    )
    values = levels[2] | levels[1] | levels[0]
    if not values.get("api"):
        fix = f'{_misspelt(environment)}Set JITNEY_API_URL, give --api, or write api = "https://…" into {path}.'
        raise Invalid("api_missing", "No API address", "The broker's address is not set.", fix)
    return Broker(values["api"], _source(levels, values, environment, path))


def xdg(environment: Mapping[str, str], variable: str, default: str) -> Path:
    """Return Jitney's folder by the XDG base directory specification. `default` is relative to the home folder."""
    base = environment.get(variable, "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / default) / "jitney"


def _source(
    levels: tuple[Mapping[str, str], ...], values: Mapping[str, str], environment: Mapping[str, str], path: Path
) -> TokenSource:
    """Return the token source of the first level that names one. Raises Invalid when that level names two."""
    for level in levels:
        named = [name for name in _SOURCES if name in level]
        if len(named) > 1:
            names = " and ".join(SETTINGS[name][0] for name in named)
            detail = f"{names} are both set, as options, variables or in config.toml."
            raise Invalid("token_source_ambiguous", "Two token sources", detail, "Keep one of them.")
        if named:
            return _BUILDERS[named[0]](values, path)
    if environment.get("ACTIONS_ID_TOKEN_REQUEST_URL") and environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        from jitney.client.tokens.github_actions import GitHubActions

        url = checked_url("ACTIONS_ID_TOKEN_REQUEST_URL", environment["ACTIONS_ID_TOKEN_REQUEST_URL"])
        # http.client quotes an invalid header in its error.
        token = checked_token(environment["ACTIONS_ID_TOKEN_REQUEST_TOKEN"], "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
        return GitHubActions(url, token, values.get("audience", "jitney"))
    fix = "Set JITNEY_TOKEN_FILE, or JITNEY_TOKEN_COMMAND, or JITNEY_TOKEN_URL with JITNEY_CLIENT_ID and its secret."
    fix = f"{_misspelt(environment)}{fix}"
    raise Unauthenticated("token_source_missing", "No token source", "The source of the bearer token is not set.", fix)


def _misspelt(environment: Mapping[str, str]) -> str:
    """Return a question for each variable whose name is close to a setting's, or ""."""
    known = [variable for variable, _ in SETTINGS.values()]
    given = sorted(name for name in environment if name.startswith("JITNEY_") and name not in known)
    close = ((name, _near(name, known, 0.8)) for name in given)
    return "".join(f"{name} is set: did you mean {near[0]}? " for name, near in close if near)


def _near(name: str, known: Iterable[str], similarity: float = 0.6) -> list[str]:
    import difflib

    return difflib.get_close_matches(name[:100], list(known), n=1, cutoff=similarity)


def _file(values: Mapping[str, str], _path: Path) -> TokenSource:
    from jitney.client.tokens.file import FileToken

    return FileToken(Path(values["token_file"]).expanduser())


def _command(values: Mapping[str, str], _path: Path) -> TokenSource:
    from jitney.client.tokens.command import CommandToken

    try:
        argv = tuple(shlex.split(values["token_command"]))
    except ValueError as error:
        raise _bad("token_command", f"has unbalanced quotes ({error})", "Close the quotes.") from error
    if not argv:
        raise _bad("token_command", "is empty", "Name the command that prints the token.")
    return CommandToken(argv)


def _client_credentials(values: Mapping[str, str], path: Path) -> TokenSource:
    from jitney.client.tokens.client_credentials import ClientCredentials

    if "client_id" not in values:
        fix = f"Set JITNEY_CLIENT_ID, or client_id under [token] in {path}."
        raise _missing("client_id", fix)
    parameters = {name: values[name] for name in ("scope", "resource", "audience") if name in values}
    url = checked_url("JITNEY_TOKEN_URL", values["token_url"])
    return ClientCredentials(url, values["client_id"], _secret(values, path), parameters)


_BUILDERS = {"token_file": _file, "token_command": _command, "token_url": _client_credentials}


def _secret(values: Mapping[str, str], path: Path) -> str:
    if "client_secret" in values:
        return values["client_secret"]
    if "client_secret_file" not in values:
        named = f"JITNEY_CLIENT_SECRET_FILE, or client_secret_file under [token] in {path}"
        raise _missing("client_secret", f"Set JITNEY_CLIENT_SECRET, {named}.")
    try:
        return Path(values["client_secret_file"]).expanduser().read_text("utf-8").strip()
    except OSError as error:
        fix = "Check the file's path and permissions."
        raise _bad("client_secret_file", f"cannot be read: {error.strerror}", fix) from error


def _bad(name: str, what: str, fix: str) -> Invalid:
    return Invalid("setting_invalid", "A setting is not valid", f"{SETTINGS[name][0]} {what}.", fix)


def _missing(name: str, fix: str) -> Invalid:
    detail = f"{SETTINGS[name][0]} is missing: the token endpoint needs it."
    return Invalid("setting_missing", "A setting is missing", detail, fix)


def _read_file(path: Path) -> dict[str, str]:
    """Return the settings in config.toml; {} without a file. Raises Invalid, naming the file and the member."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _bad_file(path, f"cannot be read: {error}.", "Correct the file.") from error
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _bad_file(path, f"cannot be read: {error}.", "Correct the file.") from error
    places = {place: name for name, (_, place) in SETTINGS.items() if place}
    found = {}
    for place, value in _flat(document):
        if place not in places or not isinstance(value, str):
            near = [] if place in places else _near(place, places)
            fix = f"Did you mean {near[0]}?" if near else f"Settings are {', '.join(places)}."
            raise _bad_file(path, f"{place} is not a setting, or not a string.", fix)
        found[places[place]] = value
    return found


def _flat(document: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the members of the document. Members of the table [token] are named token.NAME."""
    token = document.get("token")
    inner = [(f"token.{name}", value) for name, value in token.items()] if isinstance(token, dict) else []
    return [(name, value) for name, value in document.items() if not (name == "token" and inner)] + inner


def _bad_file(path: Path, what: str, fix: str) -> Invalid:
    return Invalid("config_invalid", "The configuration file is not valid", f"{path}: {what}", fix)
