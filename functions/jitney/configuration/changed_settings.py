"""Each setting that differs between two configurations, for `jitney policy diff`. Pure.

Policies are left out, because they are compared by their decisions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from jitney.configuration.settings import Settings
from jitney.core.config import Config

_DEPLOYED: dict[str, Any] = {
    "broker": True,
    "stack_set": True,
    "time_windows": True,
    "targets": {"__all__": {"policy", "managed_policy", "in_broker_account"}},
}
_LEFT_OUT = frozenset({"policies", "shadow_policies", "local", "digest", "time_windows"})
_MISSING = object()


class ChangedSetting(NamedTuple):
    """A setting such as `issuers.corp.audiences`, with its values in JSON form.

    A value is None in a configuration without the setting.
    """

    setting: str
    old: Any
    new: Any


def changed_settings(old: Config, new: Config) -> list[ChangedSetting]:
    """Return the settings whose values differ. A section that only one configuration has is one setting."""
    names = (each.name for each in fields(Config) if each.name not in _LEFT_OUT)
    return [change for name in names for change in _changes(name, getattr(old, name), getattr(new, name))]


def changed_deployment(old: Settings, new: Settings) -> list[ChangedSetting]:
    """Return the settings whose values differ, of those that only the stacks read, such as the policies of roles.

    Time windows are among them: here they have the hours of the file, and not minutes and epoch seconds.
    """
    before, after = (each.model_dump(mode="json", include=_DEPLOYED) for each in (old, new))
    parts = [(name, before[name], after[name]) for name in ("broker", "stack_set", "time_windows")]
    targets = [alias for alias in before["targets"] if alias in after["targets"]]
    parts += [(f"targets.{alias}", before["targets"][alias], after["targets"][alias]) for alias in targets]
    return [change for part in parts for change in _changes(*part)]


def _changes(path: str, old: Any, new: Any) -> Iterator[ChangedSetting]:
    if old == new:
        return
    before, after = _members(old), _members(new)
    if before is None or after is None:
        yield ChangedSetting(path, _plain(old), _plain(new))
        return
    for name in dict.fromkeys((*before, *after)):
        yield from _changes(f"{path}.{name}", before.get(name, _MISSING), after.get(name, _MISSING))


def _members(value: Any) -> Mapping[str, Any] | None:
    """Return the members of a section of the configuration, or None for a single value."""
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        members: dict[str, Any] = value._asdict()
        return members
    return value if isinstance(value, Mapping) else None


def _plain(value: Any) -> Any:
    members = _members(value)
    if members is not None:
        return {name: _plain(member) for name, member in members.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return None if value is _MISSING else value
