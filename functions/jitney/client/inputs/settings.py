"""The connection to the broker. Options come first, then the environment, then the configuration file.

Only the chosen token source is imported, and the TOML parser only if there is a file. That saves 20 ms at each start.
"""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from jitney.client.api.broker import Broker
from jitney.client.api.connection import checked_base_url
from jitney.client.inputs.connection_options import ConnectionOptions, settings_file
from jitney.client.inputs.setting_files import read_setting_file
from jitney.client.inputs.setting_names import SETTINGS, ConnectionSettings, SettingLevel, closest, misspelt
from jitney.client.problems import Invalid
from jitney.client.tokens.token_choice import ChosenSource, choose
from jitney.core.printable import strip_control_characters

_TABLES = ("token", "review")
"""The tables of config.toml."""


def connect(
    options: ConnectionOptions,
    environment: Mapping[str, str] = os.environ,
    note: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> Broker:
    """Return the broker that the settings name. Each of its requests runs inside `note()`.

    Raises Invalid or Unauthenticated, naming the wrong or missing setting.
    """
    settings = read_settings(options, environment)
    return Broker(address_of(settings), chosen_source(settings, options).source, note=note)


def address_of(settings: ConnectionSettings) -> str:
    """Return the broker's address. Raises Invalid when it is not set, or not valid."""
    if not settings.values.get("api"):
        fix = "Set JITNEY_API_URL, give --api, or write"
        fix = f'{misspelt(settings.environment)}{fix} api = "https://…" into {settings.path}.'
        raise Invalid("api_missing", "No API address", "The broker's address is not set.", fix)
    return checked_base_url("The API's address", settings.values["api"])


def chosen_source(settings: ConnectionSettings, options: ConnectionOptions) -> ChosenSource:
    """Return the token source that the settings choose. Raises Invalid or Unauthenticated."""
    chosen = choose(settings)
    if options.verbose:
        sys.stderr.write(strip_control_characters(f"jitney: token source {chosen.name}: {chosen.why}") + "\n")
    return chosen


def read_settings(options: ConnectionOptions, environment: Mapping[str, str] = os.environ) -> ConnectionSettings:
    """Return the settings of all levels. Raises Invalid when config.toml is not valid."""
    named, path = settings_file(options, environment)
    given = {name: value for name in SETTINGS if (value := getattr(options, name, ""))}
    in_environment = {name: value for name, (variable, _) in SETTINGS.items() if (value := environment.get(variable))}
    levels = (
        SettingLevel(given, lambda name: f"--{name.replace('_', '-')} is given"),
        SettingLevel(in_environment, lambda name: f"{SETTINGS[name][0]} is set"),
        SettingLevel(_read_file(path, required=named), lambda name: f"{SETTINGS[name][1]} is in {path}"),
    )
    return ConnectionSettings(levels, environment, path)


def _read_file(path: Path, *, required: bool) -> dict[str, str]:
    """Return the settings in the file; {} if the file does not exist and is not required.

    Raises Invalid, naming the file and the member.
    """
    try:
        text = read_setting_file(path)
    except FileNotFoundError as error:
        if required:
            raise _bad_file(path, "does not exist.", "Correct --settings-file or JITNEY_SETTINGS_FILE.") from error
        return {}
    except OSError as error:
        raise _bad_file(path, f"cannot be read: {error.strerror}.", "Correct the file, or its path.") from error
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _bad_file(path, f"cannot be read: {error}.", "Correct the file.") from error
    places = {place: name for name, (_, place) in SETTINGS.items() if place}
    found = {}
    for place, value in _flat(document):
        if place not in places or not isinstance(value, str):
            near = [] if place in places else closest(place, places)
            fix = f"Did you mean {near[0]}?" if near else f"Settings are {', '.join(places)}."
            raise _bad_file(path, f"{place} is not a setting, or its value is not a string.", fix)
        found[places[place]] = value
    return found


def _flat(document: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the members of the document. Members of a table such as [token] are named token.NAME."""
    tables = {name: value for name, value in document.items() if name in _TABLES and isinstance(value, dict) and value}
    inner = [(f"{table}.{name}", value) for table, members in tables.items() for name, value in members.items()]
    return [(name, value) for name, value in document.items() if name not in tables] + inner


def _bad_file(path: Path, what: str, fix: str) -> Invalid:
    return Invalid("config_invalid", "The configuration file is not valid", f"{path}: {what}", fix)
