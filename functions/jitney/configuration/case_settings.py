"""The model of a case: a request to policies, and the decision that its author expects.

Cases are in the `tests.yaml` beside the policies. A name that no request can have would test nothing, so each name must
be in the configuration. But a case can expect the problem that an unknown name causes.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from jitney.configuration.identity_names import claim_faults, identity_faults
from jitney.configuration.names import Names, did_you_mean
from jitney.configuration.operation_names import actions_of, operation_fix, operation_names
from jitney.configuration.policy_references import unknown_group
from jitney.configuration.references import ValidationContext
from jitney.configuration.values import ActionPattern, SettingsModel, Text, refuse_first, refused
from jitney.core.access.conditions import key_of
from jitney.core.access.decision import Effect
from jitney.core.access.permission_fields import is_arn
from jitney.core.access.request import Way
from jitney.core.break_glass_config import BREAK_GLASS_APPROVAL
from jitney.core.gateway.call_values import READ_KEYS
from jitney.core.identity.providers import PROVIDERS
from jitney.core.patterns import has_wildcard
from jitney.core.policy.policy_tests import CASE_FAULTS
from jitney.core.problems import PROBLEMS

_OUTCOMES = (*Effect, *CASE_FAULTS, *PROBLEMS)


def _group(value: str, info: ValidationInfo) -> str:
    for unknown in unknown_group(value, ValidationContext.of(info).names):
        raise refused(f"it {unknown.wrong}", unknown.fix)
    return value


def _reviewers(value: str, info: ValidationInfo) -> str:
    known = ValidationContext.of(info).names.reviewers
    if known and value not in (*known, BREAK_GLASS_APPROVAL):
        raise refused(f'there is no reviewer group "{value}"', did_you_mean(value, known))
    return value


def _time_window(value: str, info: ValidationInfo) -> str:
    known = ValidationContext.of(info).names.time_windows
    if value not in known:
        fix = did_you_mean(value, known) if known else f"add {value} to time_windows of jitney.yaml"
        raise refused(f'there is no time window "{value}"', fix)
    return value


def _resource(value: str) -> str:
    """Accept what the broker accepts as a resource."""
    if value != "*" and not is_arn(value):
        raise refused(f'"{value}" is not an ARN', 'write one such as arn:aws:s3:::bucket/key, or "*"')
    return value


Group = Annotated[str, AfterValidator(_group)]
ReviewerGroups = tuple[Annotated[str, AfterValidator(_reviewers)], ...]


class CaseSettings(SettingsModel):
    """A case, as `core.policy.policy_tests.Case` describes it. Members that are not given keep that class's defaults.

    `effect` is first, because it says which unknown names the case is about.
    """

    effect: str
    name: Text
    target: Text
    groups: tuple[Group, ...]
    seconds: Annotated[int, Field(ge=1, le=10**9)]
    access_profile: str = ""
    actions: tuple[str, ...] = ()
    resources: tuple[Annotated[str, AfterValidator(_resource)], ...] = ()
    policies: tuple[Text, ...] = ()
    approvals: ReviewerGroups = ()
    reviews: tuple[ReviewerGroups, ...] = ()
    longest_seconds: Annotated[int, Field(ge=0, le=10**9)] = 0
    kind: Literal["agent", "human"] = "agent"
    human: str | None = None
    source_identity: str | None = None
    other_grant_actions: tuple[ActionPattern, ...] = ()
    claims: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    conditions: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    way: Literal["credentials", "gateway"] = "credentials"
    reveal: Literal["true", "false"] = "false"
    operation: str = ""
    grant_approvals: ReviewerGroups = ()
    earlier_approvals: ReviewerGroups = ()
    time_windows: tuple[Annotated[str, AfterValidator(_time_window)], ...] = ()

    @field_validator("effect")
    @classmethod
    def _is_an_outcome(cls, effect: str) -> str:
        if effect not in _OUTCOMES:
            raise refused(f'"{effect}" is no outcome', f"use {', '.join(Effect)}, or the code of a problem")
        return effect

    @field_validator("target")
    @classmethod
    def _is_a_target(cls, target: str, info: ValidationInfo) -> str:
        known = ValidationContext.of(info).names.targets
        if known and target not in known and info.data.get("effect") != "target_unknown":
            raise refused(f'there is no target "{target}"', did_you_mean(target, known))
        return target

    @field_validator("claims")
    @classmethod
    def _are_visible(
        cls, claims: dict[str, str | tuple[str, ...]], info: ValidationInfo
    ) -> dict[str, str | tuple[str, ...]]:
        known = ValidationContext.of(info).names.claims
        unknown = [each for each in claims if known and each not in known]
        if unknown and info.data.get("effect") != "claim_unknown":
            raise refused(f'no issuer makes the claim "{unknown[0]}" visible', did_you_mean(unknown[0], known))
        return claims

    @field_validator("human", "source_identity")
    @classmethod
    def _is_of_an_issuer(cls, identity: str | None, info: ValidationInfo) -> str | None:
        kind = "human" if info.field_name == "human" else str(info.data.get("kind"))
        for wrong, fix in identity_faults(kind, identity, ValidationContext.of(info).names) if identity else ():
            raise refused(f"it {wrong}", fix)
        return identity

    @field_validator("reveal", "operation")
    @classmethod
    def _goes_through_the_gateway(cls, value: str, info: ValidationInfo) -> str:
        if value not in ("", "false") and info.data.get("way") != Way.GATEWAY:
            raise refused("only requests through the gateway have it", "add way: gateway")
        return value

    @field_validator("operation")
    @classmethod
    def _is_an_operation(cls, operation: str) -> str:
        if operation and operation not in operation_names():
            raise refused(f'"{operation}" is no operation of the SDKs', operation_fix(operation))
        return operation

    @field_validator("grant_approvals")
    @classmethod
    def _are_about_a_call(cls, groups: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if groups and not info.data.get("operation"):
            raise refused("only a call has approvals of its grant", "add the operation, or write approvals")
        return groups

    @model_validator(mode="after")
    def _has_a_possible_requester(self, info: ValidationInfo) -> Self:
        refuse_first(_impossible_requester(self, ValidationContext.of(info).names))
        return self

    @model_validator(mode="after")
    def _is_a_possible_call(self) -> Self:
        refuse_first(_impossible_call(self) if self.operation else ())
        return self

    @model_validator(mode="after")
    def _requests_something(self) -> Self:
        given = self.model_fields_set
        if "access_profile" not in given and not {"actions", "resources"} <= given:
            wrong = "the case requests nothing"
            raise refused(wrong, "write actions: [...] and resources: [...], or an access_profile:")
        return self


def _impossible_call(case: CaseSettings) -> Iterator[tuple[str, str]]:
    """Yield why no call of the case's operation leads to this decision. Action patterns are not checked."""
    needed, further = actions_of(case.operation)
    named = {each for each in case.actions if not has_wildcard(each)}
    if named and named == {*case.actions} and named.isdisjoint(needed | further):
        wrong = f"calls of {case.operation} need none of these actions"
        yield wrong, f"write actions that these calls need: {', '.join(sorted(needed)) or 'none are known'}"
    unread = [key for key in case.conditions if (known := key_of(key)) and known.name not in READ_KEYS]
    if unread and named & needed:
        wrong = f"Jitney reads no value of {unread[0]} from calls, so no call has this condition"
        yield wrong, "leave it out: policies decide about every value of the key"


def _impossible_requester(case: CaseSettings, names: Names) -> Iterator[tuple[str, str]]:
    """Yield why no token makes the case's requester. A case about it would test nothing.

    A token is of one issuer. So its groups, its kind, its claims and its person come from one entry.
    """
    aliases = sorted({group.partition("/")[0] for group in case.groups} & names.requesters.keys())
    if len(aliases) > 1:
        yield f"groups are of {' and '.join(aliases)}, but a token is of one issuer", "use the groups of one issuer"
        return
    possible = {each: names.requesters[each] for each in aliases} or names.requesters
    whose = f"tokens of {aliases[0]}" if aliases else "tokens of all issuers"
    if case.kind not in {each.kind for each in possible.values()} and possible:
        yield f"{whose} are not of kind {case.kind}", "correct the kind, or the groups"
    if case.human and possible and not any(each.for_people for each in possible.values()):
        yield f"{whose} never name a person", "set human_claim and human_issuer of the issuer, or leave human out"
    named = (case.source_identity or "").partition(".")[0]
    if aliases and named in names.issuers and named not in names.entries_with_issuer_of(aliases[0]):
        yield f"its source_identity is of {named}, but its groups are of {aliases[0]}", "name one issuer in both"
    known = frozenset[str]().union(*(each.claims for each in possible.values()))
    hidden = sorted(case.claims.keys() & names.claims.keys() - known)
    if hidden and possible and case.effect != "claim_unknown":
        fix = f"add {hidden[0]} to claims.tags of the issuer, or correct the groups"
        yield f"{whose} do not have the claim {hidden[0]}", fix
    for claim, value in case.claims.items():
        yield from claim_faults(claim, value, possible, names) if isinstance(value, str) else ()
    yield from _contradicting_groups(case, names)


def _contradicting_groups(case: CaseSettings, names: Names) -> Iterator[tuple[str, str]]:
    """Yield which groups follow from different values of one claim. A claim of the type string has one value."""
    claims: dict[str, str | tuple[str, ...]] = dict(case.claims)
    for group in case.groups:
        alias, _, name = group.partition("/")
        source = names.group_sources.get(alias)
        path, value = source.claim_of(name) if source else ("", "")
        has_one = source and (
            path in (PROVIDERS[source.provider].group_claims or ()) or names.claims.get(path) == "string"
        )
        if path and has_one and claims.setdefault(path, value) != value:
            yield f'a token with the group {group} has no {path} "{claims[path]}"', "correct the groups or the claims"
