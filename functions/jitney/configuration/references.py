"""The types of values in `jitney.yaml` that refer to other parts of it, or that must differ between entries."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from jitney.configuration.foreign_audiences import owner_of
from jitney.configuration.group_names import group_faults
from jitney.configuration.names import Names, did_you_mean
from jitney.configuration.people_names import check_person
from jitney.configuration.values import Email, Text, matching, refuse_first, refused, unique
from jitney.core.break_glass_config import BREAK_GLASS_APPROVAL
from jitney.core.target_roles import first_role


@dataclass(slots=True)
class ValidationContext:
    """The parts of the document that a validator sees in addition to its own value.

    `entry` is the key of the mapping entry in validation. `first` maps values to the first entry that had them. `local`
    is true for the configuration of a local system.
    """

    names: Names = field(default_factory=Names)
    local: bool = False
    entry: str = ""
    first: dict[tuple[str, ...], tuple[str, object]] = field(default_factory=dict)

    @classmethod
    def of(cls, info: ValidationInfo) -> "ValidationContext":
        """Return the context of a validation, or an empty one if the caller gave none."""
        return info.context or cls()

    def first_with(self, *key: str, value: object = None) -> tuple[str, Any]:
        """Return the first entry that had this key, and the value that it had."""
        return self.first.setdefault(key, (self.entry, value))


def reference(section: str, what: str) -> AfterValidator:
    """Refuse a name that the document's `section` in `Names` does not have. "" refers to nothing."""

    def check(value: str, info: ValidationInfo) -> str:
        known = getattr(ValidationContext.of(info).names, section)
        if value and known and value not in known:
            raise refused(f'there is no {what} "{value}"', did_you_mean(value, known))
        return value

    return AfterValidator(check)


def _entered(key: str, info: ValidationInfo) -> str:
    if info.context:
        info.context.entry = key
    return key


def _person(value: str, info: ValidationInfo) -> str:
    names = ValidationContext.of(info).names
    issuers = names.issuers
    alias, slash, _ = value.partition("/")
    if re.fullmatch(r"[^/\s]+/\S(.*\S)?", value, re.ASCII) is None:
        signing_in = names.human_issuers or issuers
        meant = [f"{each}/{value}" for each in signing_in if value and not slash] or ["such as local/alice"]
        fix = f"write the issuer's alias and the subject: {' or '.join(meant)}"
        raise refused(f'"{value}" cannot be used here', fix)
    _known_issuer(alias, issuers)
    check_person(value, ValidationContext.of(info).names)
    return value


def _operator_group(value: str, info: ValidationInfo) -> str:
    names = ValidationContext.of(info).names
    alias, _, group = value.partition("/")
    _known_issuer(alias, names.issuers)
    source = names.group_sources.get(alias)
    refuse_first(group_faults(alias, group, source) if source else ())
    if value in names.addresses:
        raise refused(f"{value} is a person, and only members of groups are meant here", "write a group of the people")
    return value


def _sign_in_group(value: str, info: ValidationInfo) -> str:
    """Refuse a group of tokens with which no person signs in to the pages."""
    pages = ValidationContext.of(info).names.web_issuers
    if pages and value.partition("/")[0] not in pages:
        wrong = f"people sign in to the pages with {pages[0]}, and no token of it has the group {value}"
        raise refused(wrong, f"write {pages[0]}/ and a group of these people")
    return value


def _different_people(values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Refuse one person under the aliases of two entries of an issuer."""
    names, first = ValidationContext.of(info).names, dict[tuple[str, str], str]()
    for value in values:
        known = first.setdefault(identity_of(value, names), value)
        if known != value:
            raise refused(f"{value} and {known} are one person, who has one vote", "list the person once")
    return values


def _first_name(value: str, info: ValidationInfo) -> str:
    """Refuse a person that has an entry under another alias of the same issuer."""
    context = ValidationContext.of(info)
    _, first = context.first_with("person", *identity_of(value, context.names), value=value)
    if first != value:
        raise refused(f"{value} and {first} are one person", "write the person once")
    return value


def identity_of(person: str, names: Names) -> tuple[str, str]:
    """Return the issuer and the subject of a person. The aliases of several entries may have the same issuer."""
    alias, _, subject = person.partition("/")
    people = names.human_issuers.get(alias)
    return (people.issuer if people else alias), subject


def _known_issuer(alias: str, issuers: Collection[str]) -> None:
    if issuers and alias not in issuers:
        raise refused(f'there is no issuer "{alias}"', f"use an alias from issuers: {', '.join(issuers)}")


def _not_reserved(group: str) -> str:
    if group == BREAK_GLASS_APPROVAL:
        wrong = f'"{group}" is reserved: policies see it as the approval of break-glass'
        raise refused(wrong, "give the group another name")
    return group


def _first_role_name(value: str) -> str:
    """Refuse a name that a further role of another target could have. IAM ignores the case of names."""
    if first_role(value.casefold()) != value.casefold():
        wrong = f'"{value}" ends like the names of further roles, which Jitney numbers (see roles)'
        raise refused(wrong, "give the role another name")
    return value


def _channel(value: str, info: ValidationInfo) -> str:
    context = ValidationContext.of(info)
    if value and context.names.sections and "slack" not in context.names.sections:
        raise refused(
            f"reviewers.{context.entry} has a channel, but slack is not configured", "leave it out, or add slack"
        )
    return value


def _exact_audiences(audiences: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Refuse wildcards, and audiences of tokens that were issued for other services."""
    for audience in audiences:
        if "*" in audience:
            raise refused(f'the audience "{audience}" holds a wildcard', "audiences are compared exactly: name each")
        if owner := owner_of(audience, info.data.get("issuer", "")):
            fix = "let agents request tokens for an audience of Jitney's own, such as jitney, and write that"
            raise refused(f'the audience "{audience}" belongs to {owner}', fix)
    return audiences


def own(section: str, wrong: str, fix: str, *, within: str = "", key: Callable[[str], str] = str) -> AfterValidator:
    """Refuse a value that an earlier entry of the section has.

    With `within`, only entries with the same value of that field are compared.
    """

    def check(value: str, info: ValidationInfo) -> str:
        context = ValidationContext.of(info)
        entry, _ = context.first_with(section, info.data.get(within, ""), key(value))
        if entry != context.entry and (not within or within in info.data):
            raise refused(f"{section}.{entry} has the same {wrong}", fix)
        return value

    return AfterValidator(check)


ENTRY = BeforeValidator(_entered)
"""Marks the key of a mapping whose entries are compared with each other. pydantic validates a key before its value."""
_OWN_AUDIENCE = own(
    "issuers",
    "issuer and this audience",
    "give each entry audiences of its own: they select the entry that checks a token",
    within="issuer",
)
_OWN_ADDRESS = own(
    "people",
    "address",
    "give each person an address of their own: Slack's users are found by it",
    key=str.casefold,
)

LONGEST_ROLE_NAME = 64
RoleName = Annotated[
    str,
    matching(rf"[\w+=,.@-]{{1,{LONGEST_ROLE_NAME}}}", f"use up to {LONGEST_ROLE_NAME} letters, digits and +=,.@_-"),
    AfterValidator(_first_role_name),
    own("targets", "account and role_name", "use one alias for each role", within="account", key=str.casefold),
]
Audiences = Annotated[
    tuple[Annotated[Text, _OWN_AUDIENCE], ...], AfterValidator(unique), AfterValidator(_exact_audiences)
]
ReviewerGroup = Annotated[
    str, matching(r"[A-Za-z0-9][\w.-]{0,63}", "use letters, digits and _.- only"), AfterValidator(_not_reserved)
]
OperatorGroup = Annotated[
    str,
    matching(r"[a-z][a-z0-9-]*/\S(.*\S)?", "write the issuer's alias and its group, such as local/security"),
    AfterValidator(_operator_group),
]
OperatorGroups = Annotated[tuple[OperatorGroup, ...], AfterValidator(unique)]
SignInGroups = Annotated[tuple[Annotated[OperatorGroup, AfterValidator(_sign_in_group)], ...], AfterValidator(unique)]
Reviewer = Annotated[str, AfterValidator(_person)]
Reviewers = Annotated[tuple[Reviewer, ...], AfterValidator(unique), AfterValidator(_different_people)]
Person = Annotated[Reviewer, AfterValidator(_first_name)]
"""A key of the section `people`."""
Owners = Annotated[tuple[Reviewer, ...], AfterValidator(unique), Field(min_length=1, max_length=20)]
OwnEmail = Annotated[Email, _OWN_ADDRESS]
Channel = Annotated[
    str,
    matching(
        r"|#?[a-z0-9_-]{1,80}|[CG][A-Z0-9]{8,}",
        'write a channel of Slack in lower case, such as "#approvals", or its id, such as C0123ABCD',
    ),
    AfterValidator(_channel),
]
