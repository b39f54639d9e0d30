"""Chooses the source of the token: one table of all sources, in the order of the search.

1. `token_source` (JITNEY_TOKEN_SOURCE) names the source.
2. Otherwise a setting of one source is set, such as JITNEY_TOKEN_FILE. Options override the environment, and the
   environment overrides config.toml. Settings of two sources at one level are an error.
3. Otherwise the first source of the table that finds what it needs on this machine.

A chosen source that fails is an error. The next source is never tried, because it would give another identity.
"""

from collections.abc import Mapping
from typing import NamedTuple

from jitney.client.inputs.setting_names import SETTINGS, ConnectionSettings, bad_setting, closest, misspelt
from jitney.client.problems import Invalid, Unauthenticated
from jitney.client.tokens import TokenSource
from jitney.client.tokens.token_sources import SOURCES

# What is missing where no source was found, by a variable that the place sets (docs/tokens.md). The first one counts.
_MISSING: Mapping[str, str] = {
    "JITNEY_GRANT_ID": "`jitney run` passes no token to its command, and the lines of `jitney serve` hide AWS roles.",
    "KUBERNETES_SERVICE_HOST": "In this pod, project a serviceAccountToken to /var/run/secrets/jitney/token.",
    "GITLAB_CI": "In this job, declare JITNEY_TOKEN under id_tokens.",
    "CIRCLECI": 'In this job, set JITNEY_TOKEN="$CIRCLE_OIDC_TOKEN_V2".',
    "BITBUCKET_BUILD_NUMBER": 'In this step, set oidc: true, and JITNEY_TOKEN="$BITBUCKET_STEP_OIDC_TOKEN".',
    "BUILDKITE": "In this step, set JITNEY_TOKEN_COMMAND to `buildkite-agent oidc request-token` and its options.",
}


class ChosenSource(NamedTuple):
    """A token source, its name in the table, and why it was chosen."""

    name: str
    why: str
    source: TokenSource


def choose(settings: ConnectionSettings) -> ChosenSource:
    """Return the token source that the settings or this machine name. Raises Invalid or Unauthenticated."""
    for level in settings.levels:
        if "token_source" in level.values:
            name = _known(level.values["token_source"])
            return ChosenSource(name, level.why("token_source"), _built(name, settings))
        named = [(name, kind) for name, kind in SOURCES.items() if kind.setting in level.values]
        if len(named) > 1:
            names = " and ".join(SETTINGS[kind.setting][0] for _, kind in named)
            detail = f"{names} are both set, as options, variables or in config.toml."
            fix = "Keep one of them, or name the source with JITNEY_TOKEN_SOURCE."
            raise Invalid("token_source_ambiguous", "Two token sources", detail, fix)
        for name, kind in named:
            return ChosenSource(name, level.why(kind.setting), _built(name, settings))
    for name, kind in SOURCES.items():
        if why := kind.found(settings):
            return ChosenSource(name, why, _built(name, settings))
    fix = f"Set one of these: {', '.join(SETTINGS[kind.setting][0] for kind in SOURCES.values() if kind.setting)}."
    fix += f" With {SETTINGS[SOURCES['login'].setting][0]}, also run `jitney login`."
    here = next((f"{what} " for name, what in _MISSING.items() if settings.environment.get(name)), "")
    fix = f"{misspelt(settings.environment)}{here}{fix}"
    raise Unauthenticated("token_source_missing", "No token source", "The source of the token is not set.", fix)


def _built(name: str, settings: ConnectionSettings) -> TokenSource:
    kind = SOURCES[name]
    if settings.values.get("dpop_key_file") and not kind.binds:
        binding = ", ".join(each for each, source in SOURCES.items() if source.binds)
        fix = f"Unset it, or use a source whose tokens the issuer can bind to it: {binding}."
        raise bad_setting("dpop_key_file", f"is set, but tokens of the source {name} are not bound to a key", fix)
    return kind.build(settings)


def _known(name: str) -> str:
    if name in SOURCES:
        return name
    near = closest(name, SOURCES)
    fix = f"Did you mean {near[0]}?" if near else f"Sources are {', '.join(SOURCES)}."
    raise bad_setting("token_source", f"names {name!r}, which is not a source", fix)
