"""The groups that tokens can have, for names of groups in policies and in `jitney.yaml`.

A permit for a group that no token has permits nothing, and a forbid for it forbids nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from jitney.configuration.yaml_source import Value, entries
from jitney.core.identity.providers import PROVIDERS
from jitney.core.identity.providers.known_claims import KnownClaims
from jitney.core.patterns import wildcard_pattern


@dataclass(frozen=True, slots=True)
class GroupSource:
    """Where the groups of one issuer's entry come from.

    `claims` maps the names of groups "name:value" to the claim with the value. `listed` are the groups in
    subject_groups. With `is_open`, a claim of the token has further groups. `required` are the claims that each
    admitted token has, with their values.
    """

    provider: str
    claims: Mapping[str, str] = field(default_factory=dict)
    listed: Collection[str] = ()
    is_open: bool = True
    required: Mapping[str, Collection[str]] = field(default_factory=dict)

    @property
    def known(self) -> KnownClaims:
        """What is known about the provider's claims."""
        return PROVIDERS[self.provider].known


def group_source(issuer: Value) -> GroupSource | None:
    """Return the source of the groups of an entry in a YAML document; None for an unknown provider."""
    entry = dict(entries(issuer))
    provider = PROVIDERS.get(str(entry.get("provider")))
    if provider is None:
        return None
    rules = dict(entries(issuer, "claims"))
    required = {path: _texts(values) for path, values in entries(issuer, "claims", "require")}
    own = {path: path for path in _texts(rules.get("groups"))}
    return GroupSource(
        provider=str(entry["provider"]),
        claims={**(provider.group_claims or {}), **own},
        listed=frozenset(each for _, groups in entries(issuer, "subject_groups") for each in _texts(groups)),
        is_open=provider.group_claims is None,
        required={**provider.known.required, **required},
    )


def group_faults(alias: str, group: str, source: GroupSource) -> Iterator[tuple[str, str]]:
    """Yield why no token of the entry `alias` can have this group, with the fix."""
    name = next((each for each in source.claims if group.startswith(f"{each}:")), None)
    if group in source.listed or (name is None and source.is_open):
        return
    if name is None:
        forms = [f"{alias}/{each}:VALUE" for each in source.claims]
        fix = f"write {' or '.join(forms)}, or add the group to subject_groups of issuers.{alias}"
        yield f'no token of {source.provider} has the group "{group}"', fix
        return
    path, value = source.claims[name], group.removeprefix(f"{name}:")
    if not source.known.can_match(path, value):
        yield f'no {path} of {source.provider} can be "{value}"', f"write {source.known.forms[path].write}"
    elif not _is_admitted(value, source.required.get(path)):
        admitted = ", ".join(source.required[path])
        fix = f"write one of {admitted}, or add {value} to claims.require"
        yield f'issuers.{alias} admits no token whose {path} is "{value}"', fix


def _is_admitted(value: str, required: Collection[str] | None) -> bool:
    return required is None or any(wildcard_pattern(each).matches(value) for each in required)


def _texts(value: Value | None) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()
