"""The IAM policy of a target's role in `jitney.yaml`.

IAM accepts actions and resources that do not exist, and the role then silently lacks what was meant. So each statement
is checked for what could never apply to a session of the target. IAM Access Analyzer's ValidatePolicy needs AWS, and
does not know the target.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from jitney.configuration.action_table import action_table
from jitney.configuration.names import did_you_mean
from jitney.configuration.partitions import partition_of
from jitney.configuration.profile_settings import ASSUME_ROLE, AccessProfileSettings
from jitney.configuration.target_boundary import ALWAYS_DENIED
from jitney.configuration.values import action_pattern, matching, refused
from jitney.core.bounded_comparisons import may_meet
from jitney.core.patterns import has_wildcard, wildcard_pattern

_REQUIRED = frozenset({"Effect", "Action", "Resource"})
_KEYS = _REQUIRED | {"Sid", "Condition"}
# IAM User Guide, "IAM JSON policy elements: Condition operators".
_OPERATOR = (
    "(ForAllValues:|ForAnyValue:)?(String(Not)?Equals(IgnoreCase)?|String(Not)?Like|(Numeric|Date)((Not)?Equals|"
    "LessThan(Equals)?|GreaterThan(Equals)?)|Bool|BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like))(IfExists)?|Null"
)
_ARN = "an ARN, such as arn:aws:s3:::reports/*"


class TargetPlace(NamedTuple):
    """Where a target's sessions work: its account and Region, and the accounts whose resources they may use.

    `accounts` is None if an exception of the target opens all accounts.
    """

    account: str
    region: str
    accounts: Collection[str] | None

    @classmethod
    def of(cls, info: ValidationInfo) -> "TargetPlace":
        """Return the place of the target in validation. Parts that have problems of their own are "", or None."""
        account, others = info.data.get("account", ""), info.data.get("other_accounts")
        if not account or others is None or info.data.get("any_account_actions", True):
            return cls(account, info.data.get("region", ""), None)
        return cls(account, info.data.get("region", ""), (account, *others))


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _action(pattern: str) -> str:
    return pattern if pattern == "*" else action_pattern(pattern)


def _resource(resource: str, info: ValidationInfo) -> str:
    place: Any = info.context
    parts = resource.split(":", 5)
    if resource == "*" or (parts[0] == "arn" and len(parts) < 6 and resource.endswith("*")):
        return resource
    if parts[0] != "arn" or len(parts) < 6:
        raise refused(f'"{resource}" is not an ARN', f'write {_ARN}, or "*"')
    _, partition, _, _, account, _ = parts
    if place.region and not has_wildcard(partition) and partition != partition_of(place.region):
        wrong = f'"{resource}" is in the partition {partition}, and the target is in {partition_of(place.region)}'
        raise refused(wrong, f"write arn:{partition_of(place.region)}:...")
    if account.isdigit() and len(account) != 12:
        raise refused(f'"{resource}" has an account of {len(account)} digits', "write the account's 12 digits")
    if account.isdigit() and place.accounts is not None and account not in place.accounts:
        wrong = f'"{resource}" belongs to the account {account}, whose resources no session of the target may use'
        raise refused(wrong, f"write the target's account {place.account}, or add {account} to other_accounts")
    return resource


def _condition_values(value: Any) -> Any:
    texts = _listed(value)
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(each, str) for each in texts):
        raise refused("it is neither a value nor a list of values", "write value, or [value, value]")
    return value


_Operator = Annotated[str, matching(_OPERATOR, "write an operator of IAM's conditions, such as StringEquals")]
_ConditionKey = Annotated[str, matching(r"[A-Za-z0-9-]+:\S+", "write a condition key, such as aws:ResourceTag/team")]


class _Statement(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    Sid: Annotated[str, matching("[A-Za-z0-9]*", "use letters and digits")] = ""
    Effect: Literal["Allow", "Deny"]
    Action: Annotated[tuple[Annotated[str, AfterValidator(_action)], ...], BeforeValidator(_listed)] = Field(
        min_length=1
    )
    Resource: Annotated[tuple[Annotated[str, AfterValidator(_resource)], ...], BeforeValidator(_listed)] = Field(
        min_length=1
    )
    Condition: dict[_Operator, dict[_ConditionKey, Annotated[Any, AfterValidator(_condition_values)]]] = Field(
        default_factory=dict
    )

    @model_validator(mode="before")
    @classmethod
    def _has_its_keys(cls, statement: Any) -> Any:
        keys = set(statement) if isinstance(statement, dict) else set()
        if not _REQUIRED <= keys <= _KEYS:
            odd = [f"has {each}" for each in sorted(keys - _KEYS)] or [f"lacks {', '.join(sorted(_REQUIRED - keys))}"]
            fix = "give each statement Effect, Action and Resource; a NotAction would allow actions that AWS adds later"
            raise refused(f"the statement {odd[0]}", fix)
        return statement

    @model_validator(mode="after")
    def _allows_what_sessions_may_do(self) -> "_Statement":
        denied = [each for each in self.Action if each != "*" and _is_always_denied(each)]
        if self.Effect == "Allow" and denied:
            wrong = f"it allows {denied[0]}, which every target's role is denied"
            raise refused(wrong, "leave it out: no session can use it (docs/target-permissions.md)")
        return self


class _RolePolicy(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    Version: Literal["2012-10-17"] = "2012-10-17"
    Statement: tuple[_Statement, ...]

    @model_validator(mode="before")
    @classmethod
    def _has_statements(cls, policy: dict[str, Any]) -> Any:
        if odd := sorted(set(policy) - {"Id", "Statement", "Version"}):
            raise refused(f"the policy has no key {odd[0]}", did_you_mean(odd[0], ("Statement", "Version")))
        if not isinstance(policy.get("Statement"), list) or not policy["Statement"]:
            raise refused(
                "the policy has no statements", "write an IAM policy: Statement: [{Effect, Action, Resource}]"
            )
        return policy

    @model_validator(mode="after")
    def _allows_something(self) -> "_RolePolicy":
        if all(each.Effect == "Deny" for each in self.Statement):
            raise refused("the policy allows nothing", "add a statement with Effect: Allow")
        return self


def _is_always_denied(pattern: str) -> bool:
    """Return whether every target's role is denied all actions of the pattern.

    sts:AssumeRole does not count, because an access profile may allow it.
    """
    denied = [wildcard_pattern(each) for each in ALWAYS_DENIED if each != ASSUME_ROLE]
    names = [action.name for action in action_table().expand(pattern)]
    return all(any(each.matches(name) for each in denied) for name in names)


def _checked(policy: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """Return the policy unchanged. pydantic adds the places of a nested validation's errors to its own."""
    _RolePolicy.model_validate(policy, context=TargetPlace.of(info))
    return policy


RolePolicy = Annotated[dict[str, Any], AfterValidator(_checked)]


def check_profile(name: str, profile: AccessProfileSettings, policy: Mapping[str, Any] | None) -> None:
    """Raise unless the target's `policy` allows something of each action in the access profile `name`."""
    for permission in profile.permissions if policy else ():
        for action in permission.actions:
            names = [each.name for each in action_table().expand(action)]
            if policy and not any(_may_allow(policy, names, resource) for resource in permission.resources):
                wrong = f"the target's policy allows {action} on none of the resources in the profile {name}"
                raise refused(wrong, "allow it in policy, or leave it out of the profile")


def check_managed_policy(policy: str, account: str, region: str) -> None:
    """Raise unless `policy` can be a policy of AWS, by name or ARN, or one of the target's account, by ARN."""
    partition = partition_of(region)
    form = rf"[\w+=,.@/-]{{1,512}}|arn:{partition}:iam::(aws|{account}):policy/[\w+=,.@/-]+"
    if re.fullmatch(form, policy, re.ASCII) is None:
        fix = f"write the name of a policy of AWS, or an ARN such as arn:{partition}:iam::{account}:policy/agents"
        raise refused(f'"{policy}" is no managed policy of AWS or of the account {account} in {partition}', fix)


def _may_allow(policy: Mapping[str, Any], names: Iterable[str], resource: str) -> bool:
    """Return whether a statement of a checked policy allows one of these actions on something that `resource` names."""
    return any(
        may_meet(allowed, resource)
        for each in policy["Statement"]
        if each["Effect"] == "Allow" and _allows_one(_listed(each["Action"]), names)
        for allowed in _listed(each["Resource"])
    )


def _allows_one(patterns: Iterable[str], names: Iterable[str]) -> bool:
    matchers = [wildcard_pattern(each.lower()) for each in patterns]
    return any(each.matches(name.lower()) for each in matchers for name in names)
