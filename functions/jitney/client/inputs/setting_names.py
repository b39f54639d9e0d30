"""The settings of the connection to the broker, and the problems about their values."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from jitney.client.problems import Invalid

# Each setting: its environment variable and its member in config.toml, None if the file may not hold it.
SETTINGS: Mapping[str, tuple[str, str | None]] = {
    "settings_file": ("JITNEY_SETTINGS_FILE", None),
    "api": ("JITNEY_API_URL", "api"),
    "token_source": ("JITNEY_TOKEN_SOURCE", "token.source"),
    "token": ("JITNEY_TOKEN", None),
    "token_file": ("JITNEY_TOKEN_FILE", "token.file"),
    "token_command": ("JITNEY_TOKEN_COMMAND", "token.command"),
    "token_url": ("JITNEY_TOKEN_URL", "token.url"),
    "token_issuer": ("JITNEY_TOKEN_ISSUER", "token.issuer"),
    "client_id": ("JITNEY_CLIENT_ID", "token.client_id"),
    "client_secret": ("JITNEY_CLIENT_SECRET", None),
    "client_secret_file": ("JITNEY_CLIENT_SECRET_FILE", "token.client_secret_file"),
    "dpop_key_file": ("JITNEY_DPOP_KEY_FILE", "token.dpop_key_file"),
    "scope": ("JITNEY_TOKEN_SCOPE", "token.scope"),
    "resource": ("JITNEY_TOKEN_RESOURCE", "token.resource"),
    "audience": ("JITNEY_TOKEN_AUDIENCE", "token.audience"),
    "token_kind": ("JITNEY_TOKEN_KIND", "token.kind"),
    "redirect_port": ("JITNEY_REDIRECT_PORT", "token.redirect_port"),
    "review_issuer": ("JITNEY_REVIEW_ISSUER", "review.issuer"),
    "review_client_id": ("JITNEY_REVIEW_CLIENT_ID", "review.client_id"),
    "review_client_secret": ("JITNEY_REVIEW_CLIENT_SECRET", None),
    "review_scope": ("JITNEY_REVIEW_SCOPE", "review.scope"),
    "review_resource": ("JITNEY_REVIEW_RESOURCE", "review.resource"),
    "review_audience": ("JITNEY_REVIEW_AUDIENCE", "review.audience"),
    "review_token_kind": ("JITNEY_REVIEW_TOKEN_KIND", "review.kind"),
}


DEFAULT_AUDIENCE = "jitney"
IDENTITY_VARIABLES = (
    *("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "KUBERNETES_SERVICE_HOST", "K_SERVICE"),
    *("SPIFFE_ENDPOINT_SOCKET", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "JITNEY_GRANT_ID", "AWS_LAMBDA_FUNCTION_NAME"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    *("AWS_EC2_METADATA_DISABLED", "AWS_REGION", "AWS_DEFAULT_REGION"),
    *("GITHUB_ACTIONS", "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "PATH"),
)
"""Variables that are not settings of Jitney, but can make a token source return the token of another identity."""
SHELL_IDENTITY = "JITNEY_ENDPOINT_IDENTITY"
"""The variable with a hash of those of `IDENTITY_VARIABLES` that the lines of `jitney serve` set or unset."""


class SettingLevel(NamedTuple):
    """The settings of one level. `why` says where a setting was found."""

    values: Mapping[str, str]
    why: Callable[[str], str]


@dataclass(frozen=True)
class ConnectionSettings:
    """The settings of all levels (the strongest level first), the environment, and the path of config.toml."""

    levels: tuple[SettingLevel, ...]
    environment: Mapping[str, str] = field(repr=False)
    path: Path

    @cached_property
    def values(self) -> Mapping[str, str]:
        """Each setting's value, of the strongest level that has it."""
        return {name: value for level in reversed(self.levels) for name, value in level.values.items()}

    @property
    def audience(self) -> str:
        """The audience to request from a source that issues tokens for any audience."""
        return self.values.get("audience", DEFAULT_AUDIENCE)


def bad_setting(name: str, what: str, fix: str) -> Invalid:
    """Return the problem of a setting with an invalid value."""
    return Invalid("setting_invalid", "A setting is not valid", f"{SETTINGS[name][0]} {what}.", fix)


def missing_setting(name: str, fix: str) -> Invalid:
    """Return the problem of a setting that the chosen token source needs."""
    detail = f"{SETTINGS[name][0]} is missing: the token source needs it."
    return Invalid("setting_missing", "A setting is missing", detail, fix)


def closest(name: str, known: Iterable[str], similarity: float = 0.6) -> list[str]:
    """Return the known name that is most like `name`; [] if none is close."""
    import difflib

    return difflib.get_close_matches(name[:100], list(known), n=1, cutoff=similarity)


def misspelt(environment: Mapping[str, str]) -> str:
    """Return a question for each unknown variable whose name is close to a setting's; "" if there is none."""
    known = [variable for variable, _ in SETTINGS.values()]
    given = sorted(name for name in environment if name.startswith("JITNEY_") and name not in known)
    close = ((name, closest(name, known, 0.8)) for name in given)
    return "".join(f"{name} is set: did you mean {near[0]}? " for name, near in close if near)
