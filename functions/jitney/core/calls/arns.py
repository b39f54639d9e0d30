"""Fills the operation table's ARN templates with a call's parameters."""

import itertools
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from jitney.core.actions import ResourceType
from jitney.core.calls.call import FILES, UNKNOWN_VALUE, AwsLocation
from jitney.core.calls.operations import RequiredAction
from jitney.core.calls.options import invalid_call
from jitney.core.calls.transforms import (
    ADDS_WILDCARDS,
    CONTENT_TRANSFORMS,
    DEFAULTS,
    READS_ARNS,
    READS_URLS,
    STRUCTURE_TRANSFORMS,
    TRANSFORMS,
    strings_in,
    wrong_account,
)
from jitney.core.patterns import has_wildcard

MAX_ARNS = 200
_VARIABLE = re.compile(r"\$\{(=?)([^}|]+)(?:\|(\w+))?\}")
_PLACE = frozenset({"Partition", "Region", "Account", "AccountId"})
_WEB = ("http://", "https://")
_WHOLE = re.compile(r"@(\w+)(?:\|(\w+))? (.+)")


def fill_template(template: str, parameters: Mapping[str, Any], place: AwsLocation) -> list[str]:
    """Return the ARNs that `template` yields with these parameters; [] when the parameters name no resource.

    Raises Problem call_invalid for a name that IAM would read as a pattern, and account_mismatch for a name in another
    account.
    """
    if whole := _WHOLE.fullmatch(template):
        given = (
            TRANSFORMS[whole[2]](parameters.get(whole[1]), place) if whole[2] else strings_in(parameters.get(whole[1]))
        )
        return [arn for arn in given if _fits(arn, whole[3], place)]
    variables = [found for found in _VARIABLE.finditer(template) if found[2] not in _PLACE]
    members = {found[2] for found in variables if not found[1]}
    if len(members) == 1 and not any(found[3] in READS_ARNS for found in variables):
        given = strings_in(parameters.get(next(iter(members))))
        if given and all(each.startswith("arn:") for each in given):
            return [arn for arn in given if _fits(arn, _VARIABLE.sub(_plain, template), place)]
    choices = [_choices(found, parameters, place, template) for found in variables]
    return list(itertools.islice(_products(template, variables, choices, place), MAX_ARNS + 1))


def name_parameters(template: str) -> set[str]:
    """Return the parameters that fill a template with their values, if the values hold nothing but names."""
    return {name for name, transform in _members(template) if transform not in CONTENT_TRANSFORMS}


def structure_parameters(need: RequiredAction) -> set[str]:
    """Return the parameters whose members the need's resources or condition read."""
    read = [each for kind in need.types or () for template in kind.arns for each in _members(template)]
    conditions = (each.removeprefix("!").partition("|") for each in need.when.split())
    return {
        name
        for name, transform in [*read, *((name, each) for name, _, each in conditions)]
        if transform in STRUCTURE_TRANSFORMS
    }


def check_parameters(template: str, parameters: Mapping[str, Any]) -> None:
    """Raise Problem call_invalid when a parameter of the template is given but is empty or has an unknown value.

    Such a parameter names no resource, so the action would be requested on every resource.
    """
    for name, transform in _members(template):
        if name not in parameters:
            continue
        value, elsewhere = parameters[name], FILES if transform in READS_URLS else (*FILES, *_WEB)
        texts = strings_in(value)
        if value is UNKNOWN_VALUE or (
            transform not in CONTENT_TRANSFORMS and any(text.startswith(elsewhere) for text in texts)
        ):
            raise invalid_call(
                f"Parameter {name} names a resource, but the call does not contain its value.",
                "Write the value instead of file://, fileb:// or a web address, or send permissions instead of calls.",
            )
        if not value or "" in texts:
            raise invalid_call(
                f"Parameter {name} names a resource, but is empty.", "Write its value, or omit it if it is optional."
            )


def _members(template: str) -> list[tuple[str, str]]:
    """Return the parameters of a template, each with its transform or ""."""
    if whole := _WHOLE.fullmatch(template):
        return [(whole[1], whole[2] or "")]
    found = (each for each in _VARIABLE.finditer(template) if not each[1] and each[2] not in _PLACE)
    return [(each[2], each[3] or "") for each in found]


def condition_holds(condition: str, parameters: Mapping[str, Any], place: AwsLocation) -> bool:
    """Return whether the condition of a `RequiredAction` holds."""
    return not condition or any(_alternative_holds(each, parameters, place) for each in condition.split())


def _alternative_holds(condition: str, parameters: Mapping[str, Any], place: AwsLocation) -> bool:
    name, _, transform = condition.removeprefix("!").partition("|")
    found = any(TRANSFORMS[transform](parameters.get(name), place)) if transform else name in parameters
    return found is not condition.startswith("!")


def _products(
    template: str, variables: list[re.Match[str]], choices: list[list[str]], place: AwsLocation
) -> Iterator[str]:
    ours = {"Partition": place.partition, "Region": place.region, "Account": place.account, "AccountId": place.account}
    for values in itertools.product(*choices):
        named = ours | dict(zip((found[0][2:-1] for found in variables), values, strict=True))
        yield _VARIABLE.sub(partial(_named, named), template)


def _named(names: Mapping[str, str], variable: re.Match[str]) -> str:
    return names[variable[0][2:-1]]


def _choices(variable: re.Match[str], parameters: Mapping[str, Any], place: AwsLocation, template: str) -> list[str]:
    """Return the texts that may replace one variable of a template."""
    fixed, name, transform = variable.groups()
    if fixed:
        return [name]
    if parameters.get(name) is None:
        return [DEFAULTS[transform]] if transform in DEFAULTS and name not in parameters else []
    value = parameters[name]
    read = [_last(name, text, place, template) for text in TRANSFORMS[transform or ""](value, place) if text]
    # These transforms add a wildcard to the given value.
    for text in _given(value) if transform in ADDS_WILDCARDS else read:
        _check(name, text)
    return read


def _given(value: Any) -> Iterator[str]:
    """Yield every given string, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _given(each)


def _last(name: str, text: str, place: AwsLocation, template: str) -> str:
    """Return a name, or the last part of an ARN, for a template that has several parameters.

    Raises Problem call_invalid for an ARN of another type. An S3 access point is not the bucket of the same name.
    """
    if not text.startswith("arn:"):
        return text
    _check_account(text, place)
    if _kind(text) != _kind(template):
        raise invalid_call(
            f"Parameter {name} holds the ARN of another kind of resource.",
            "Write the resource's name, or send permissions instead of calls.",
        )
    return re.split(r"[/:]", text)[-1]


def _kind(arn: str) -> tuple[str, bool, bool]:
    """Return the service of an ARN, and whether ARNs of its form name a Region and an account."""
    _, _, service, region, account, *_ = [*arn.split(":", 5), "", "", ""]
    return service, bool(region), bool(account)


def _check(name: str, text: str) -> None:
    if has_wildcard(text) or "${" in text:
        fix = "Use a name without * ? ${, which a session policy cannot name exactly, or send permissions instead."
        raise invalid_call(f"{name} holds a character that IAM would read as a pattern.", fix)


def _fits(arn: str, arn_format: str, place: AwsLocation) -> bool:
    """Return whether `arn` is a whole ARN of the format, in the target's account."""
    if not arn.startswith("arn:"):
        return False
    _check("The ARN", arn)
    _check_account(arn, place)
    return ResourceType("", arn_format, required=True).pattern.matches(arn)


def _check_account(arn: str, place: AwsLocation) -> None:
    parts = arn.split(":", 5)
    if len(parts) == 6 and (parts[4] not in ("", "aws", place.account) or parts[1] != place.partition):
        raise wrong_account(arn, place)


def _plain(variable: re.Match[str]) -> str:
    return f"${{{variable[2]}}}" if not variable[1] else "*"
