"""The names that a configuration defines. Its sections and its policies refer to them."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jitney.configuration.group_names import GroupSource, group_source
from jitney.configuration.yaml_source import Value, entries
from jitney.core.identity.providers import PROVIDERS
from jitney.core.issuer_config import PeopleIssuer


class Requesters(NamedTuple):
    """What one issuer's tokens can say about requesters.

    `kind` is "agent" or "human". `claims` are those that policies see. `for_people` says whether agents can act on
    behalf of people.
    """

    kind: str
    claims: frozenset[str]
    for_people: bool


class TargetNames(NamedTuple):
    """What policies see of a target, and the seconds of its longest grant."""

    account: str
    tags: Mapping[str, str]
    longest_seconds: int


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a configuration defines.

    `human_issuers` are the issuers with `kind: human`, by alias. `people_sign_in_with` are the aliases of the issuers
    with which people sign in: first the issuer with a web client, then the reviewers' issuers and each human_issuer of
    an entry. `addresses` are the people's mail addresses, by person. `claims` are the claims that policies see, each
    with its type. `requesters` are what each issuer's tokens can say, and `issuer_urls` what they have as `iss`, both
    by alias.
    """

    issuers: Collection[str] = ()
    targets: Collection[str] = ()
    accounts: Collection[str] = ()
    reviewers: Collection[str] = ()
    human_issuers: Mapping[str, PeopleIssuer] = field(default_factory=dict)
    people_sign_in_with: Collection[str] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    sections: Collection[str] = ()
    claims: Mapping[str, str] = field(default_factory=dict)
    requesters: Mapping[str, Requesters] = field(default_factory=dict)
    access_profiles: Collection[str] = ()
    group_sources: Mapping[str, GroupSource] = field(default_factory=dict)
    issuer_urls: Mapping[str, str] = field(default_factory=dict)
    web_issuers: tuple[str, ...] = ()
    target_tags: Mapping[str, Collection[str]] = field(default_factory=dict)
    regions: Collection[str] = ()
    reaches_others: bool = False
    time_windows: Collection[str] = ()
    target_facts: Mapping[str, TargetNames] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Value) -> "Names":
        """Return the names in a YAML document, even if the document has problems."""
        issuers, targets, reviewers = (dict(entries(value, each)) for each in ("issuers", "targets", "reviewers"))
        return cls(
            issuers=tuple(issuers),
            targets=tuple(targets),
            accounts=sorted({str(dict(entries(target)).get("account")) for target in targets.values()}),
            reviewers=tuple(reviewers),
            human_issuers={alias: people for alias, issuer in issuers.items() if (people := _people(alias, issuer))},
            people_sign_in_with=[*_reviewing(value), *_named(issuers, "human_issuer")],
            addresses={person: str(address) for person, address in entries(value, "people")},
            sections=[name for name, _ in entries(value)],
            access_profiles=sorted(
                {name for target in targets.values() for name, _ in entries(target, "access_profiles")}
            ),
            claims={name: kind for issuer in issuers.values() for name, kind in _tags(dict(entries(issuer)))},
            requesters={alias: _requesters(dict(entries(issuer))) for alias, issuer in issuers.items()},
            group_sources={alias: source for alias, issuer in issuers.items() if (source := group_source(issuer))},
            issuer_urls={alias: str(dict(entries(issuer)).get("issuer")) for alias, issuer in issuers.items()},
            web_issuers=tuple(alias for alias, issuer in issuers.items() if "web" in dict(entries(issuer))),
            target_tags=_tag_values(targets),
            regions=[str(dict(entries(target)).get("region")) for target in targets.values()],
            time_windows=[name for name, _ in entries(value, "time_windows")],
            target_facts={alias: _target(target, value) for alias, target in targets.items()},
            reaches_others=any(not _OPENING.isdisjoint(dict(entries(target))) for target in targets.values()),
        )

    def entries_with_issuer_of(self, alias: str) -> Sequence[str]:
        """Return the aliases of all entries with the same `iss`. The first one is in the names of its principals."""
        url = self.issuer_urls.get(alias)
        return [each for each in self.issuers if self.issuer_urls.get(each) == url] if url else [alias]


_LONGEST_SECONDS = 3600
_SECONDS = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_OPENING = frozenset({"any_account_actions", "other_accounts"})


def _target(target: Value, document: Value) -> TargetNames:
    own, limits = dict(entries(target)), dict(entries(document, "limits"))
    written = (str(each.get("max_duration_seconds")) for each in (own, limits))
    longest = min([_LONGEST_SECONDS, *(int(each) for each in written if _SECONDS.fullmatch(each))])
    tags = {name: str(value) for name, value in entries(target, "tags")}
    return TargetNames(str(own.get("account")), tags, longest)


def _tag_values(targets: Mapping[str, Value]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for target in targets.values():
        for tag, value in entries(target, "tags"):
            found.setdefault(tag, set()).add(str(value))
    return found


def _tags(issuer: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Yield the claims of an issuer's tokens that policies see, with their types, from the provider and the entry."""
    provider = PROVIDERS.get(str(issuer.get("provider")))
    yield from provider.known.tags.items() if provider else ()
    for name, kind in entries(dict(entries(issuer.get("claims", {}))).get("tags", {})):
        yield name, str(kind)


def _requesters(issuer: Mapping[str, Value]) -> Requesters:
    kind, people = str(issuer.get("kind") or "agent"), bool(issuer.get("human_issuer"))
    return Requesters(kind, frozenset(name for name, _ in _tags(issuer)), people)


def _reviewing(value: Value) -> Iterator[str]:
    """Yield the issuers of the people who review: those with a web client, and the issuer of each reviewer."""
    issuers = dict(entries(value, "issuers"))
    yield from (alias for alias, issuer in issuers.items() if "web" in dict(entries(issuer)))
    for _, group in entries(value, "reviewers"):
        members = dict(entries(group)).get("members")
        yield from (str(person).partition("/")[0] for person in (members if isinstance(members, list) else ()))


def _named(issuers: Mapping[str, Value], key: str) -> Iterator[str]:
    yield from (str(name) for each in issuers.values() if (name := dict(entries(each)).get(key)))


def _people(alias: str, issuer: Value) -> PeopleIssuer | None:
    entry = dict(entries(issuer))
    if entry.get("kind") != "human":
        return None
    pattern = str(entry.get("subject_pattern") or "")
    try:
        re.compile(pattern)
    except re.error:  # the entry itself has this problem; nothing else can be checked with it
        pattern = ""
    return PeopleIssuer(alias, str(entry.get("issuer")), str(entry.get("provider")), pattern)


def did_you_mean(name: str, known: Collection[str], *, quoted: bool = False) -> str:
    """Return the fix for an unknown name: the `known` names that resemble it, or all of them."""
    longer = [each for each in known if len(name) > 2 and each.lower().startswith(name.lower())]
    close = longer or difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    shown = [f'"{each}"' if quoted else each for each in close or known]
    return f"did you mean {' or '.join(shown)}?" if close else f"use one of {', '.join(shown)}"


def alias_faults(kind: str, name: str, separator: str, issuers: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the issuer's alias in a group (alias/group) or a source identity (alias.subject)."""
    alias, found, rest = name.partition(separator)
    if not issuers or (found and alias in issuers):
        return
    if found:
        meant = [f"{issuer}{separator}{rest}" for issuer in issuers]
        yield f'names {kind} "{name}", but "{alias}" is not in issuers', did_you_mean(name, meant, quoted=True)
    else:
        wrong = f'names {kind} "{name}", which does not begin with the alias of an issuer and "{separator}"'
        choices = " or ".join(f'"{issuer}{separator}{name}"' for issuer in issuers)
        yield wrong, f"write {choices}"
