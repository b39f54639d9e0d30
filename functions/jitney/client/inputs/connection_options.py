"""The options of the connection to the broker, and Jitney's own folders."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jitney.client.inputs.setting_files import user_path
from jitney.client.inputs.setting_names import SETTINGS
from jitney.client.problems import Invalid


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """The connection options of the command line. An option that was not given is "".

    With `verbose`, standard error says which token source was chosen.
    """

    api: str = ""
    token_file: str = ""
    token_command: str = ""
    settings_file: str = ""
    verbose: bool = False

    def arguments(self) -> list[str]:
        """Return the options as arguments of a command line that runs later."""
        named = (
            ("--settings-file", self.settings_file),
            ("--api", self.api),
            ("--token-file", self.token_file),
            ("--token-command", self.token_command),
        )
        return [word for option, value in named if value for word in (option, value)]


_NO_HOME = Path("/nonexistent")  # Debian's home folder of users without one; never a relative path
STATE_FOLDER_FIX = "Free space on its disk, or set XDG_STATE_HOME to a folder that you can write to."
"""What to do when Jitney's folder for grants and endpoints cannot be written."""


def xdg(environment: Mapping[str, str], variable: str, default: str) -> Path:
    """Return Jitney's folder by the XDG base directory specification. `default` is relative to the home folder."""
    base = environment.get(variable, "")
    return (Path(base) if Path(base).is_absolute() else user_path("~") / default) / "jitney"


def signed_in_file(environment: Mapping[str, str]) -> Path:
    """Return the file with a hash of the person who last signed in with `jitney login`."""
    return xdg(environment, "XDG_STATE_HOME", ".local/state") / "signed-in"


def settings_file(options: ConnectionOptions, environment: Mapping[str, str]) -> tuple[bool, Path]:
    """Return whether a settings file is named, and its path. The path is that of config.toml if none is named.

    Without a home folder, there is no config.toml: all settings can come from the environment.
    """
    if named := options.settings_file or environment.get(SETTINGS["settings_file"][0], ""):
        return True, user_path(named)
    try:
        return False, xdg(environment, "XDG_CONFIG_HOME", ".config") / "config.toml"
    except Invalid:
        return False, _NO_HOME / ".config/jitney/config.toml"
