"""The groups that tokens can have, for names of groups in policies and in `jitney.yaml`.

A permit for a group that no token has permits nothing, and a forbid for it forbids nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from jitney.configuration.yaml_source import Value, entries
from jitney.core.identity.providers import PROVIDERS
from jitney.core.identity.providers.known_claims import KnownClaims
from jitney.core.patterns import has_wildcard, patterns_intersect, wildcard_pattern


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

    def claim_of(self, group: str) -> tuple[str, str]:
        """Return the claim with which a token has the group, and its value; ("", "") for a group of another source."""
        named = (each for each in self.claims if group.startswith(f"{each}:"))
        return next(((self.claims[each], group.removeprefix(f"{each}:")) for each in named), ("", ""))


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
    path, value = source.claim_of(group)
    if group in source.listed:
        return
    if has_wildcard(group):
        yield f'the group "{group}" holds a wildcard, but groups are compared exactly', "name each group"
    elif path:
        yield from value_faults(alias, path, value, source)
    elif not source.is_open:
        forms = [f"{alias}/{each}:VALUE" for each in source.claims]
        fix = f"write {' or '.join(forms)}, or add the group to subject_groups of issuers.{alias}"
        yield f'no token of {source.provider} has the group "{group}"', fix


def value_faults(alias: str, path: str, value: str, source: GroupSource) -> Iterator[tuple[str, str]]:
    """Yield why no token of the entry `alias` has this value in the claim at `path`. `*` and `?` are wildcards."""
    if not source.known.can_match(path, value):
        yield f'no {path} of {source.provider} can be "{value}"', f"write {source.known.forms[path].write}"
    elif not _is_admitted(value, source.required.get(path)):
        admitted = ", ".join(source.required[path])
        fix = f"write one of {admitted}, or add {value} to claims.require"
        yield f'issuers.{alias} admits no token whose {path} is "{value}"', fix


def _is_admitted(value: str, required: Collection[str] | None) -> bool:
    asked = wildcard_pattern(value)
    return required is None or any(patterns_intersect(wildcard_pattern(each), asked) for each in required)


def _texts(value: Value | None) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()
