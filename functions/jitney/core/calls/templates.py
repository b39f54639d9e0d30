"""The form of ARN templates, as `core.calls.operations.ResourceTemplates` describes them."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from jitney.core.calls.call import AwsLocation
from jitney.core.calls.operations import RequiredAction
from jitney.core.calls.transforms import CONTENT_TRANSFORMS, STRUCTURE_TRANSFORMS, TRANSFORMS

WHOLE = re.compile(r"@(\w+)(?:\|(\w+))? (.+)")
"""A template for a parameter that holds a whole ARN: the parameter, its transform, and the ARN's format."""

_VARIABLE = re.compile(r"\$\{(=?)([^}|]+)(?:\|(\w+))?\}")
_PLACE = frozenset({"Partition", "Region", "Account", "AccountId"})


class Variable(NamedTuple):
    """One variable of a template: its text, its parameter, and its transform or "".

    The name of a `fixed` variable is not a parameter, but the text that replaces the variable.
    """

    text: str
    fixed: bool
    name: str
    transform: str


@lru_cache(maxsize=4096)
def variables_of(template: str) -> tuple[Variable, ...]:
    """Return the variables of a template that parameters or fixed texts fill."""
    found = (each for each in _VARIABLE.finditer(template) if each[2] not in _PLACE)
    return tuple(dict.fromkeys(Variable(each[0], bool(each[1]), each[2], each[3] or "") for each in found))


@lru_cache(maxsize=4096)
def members_of(template: str) -> tuple[tuple[str, str], ...]:
    """Return the parameters of a template, each with its transform or ""."""
    if whole := WHOLE.fullmatch(template):
        return ((whole[1], whole[2] or ""),)
    return tuple((each.name, each.transform) for each in variables_of(template) if not each.fixed)


def templates_of(need: RequiredAction) -> Iterator[str]:
    """Yield the templates of all types of resources."""
    for kind in need.types or ():
        yield from kind.arns


@lru_cache(maxsize=4096)
def name_parameters(template: str) -> frozenset[str]:
    """Return the parameters of a template whose values hold nothing but names."""
    return frozenset(name for name, transform in members_of(template) if transform not in CONTENT_TRANSFORMS)


@lru_cache(maxsize=4096)
def plain_format(template: str) -> str:
    """Return a template as an ARN format, without transforms."""
    text = template
    for variable in variables_of(template):
        text = text.replace(variable.text, "*" if variable.fixed else f"${{{variable.name}}}")
    return text


def structure_parameters(need: RequiredAction) -> set[str]:
    """Return the parameters whose members are used in the need's resources or condition."""
    read = [each for template in templates_of(need) for each in members_of(template)]
    conditions = (each.removeprefix("!").partition("|") for each in need.when.split())
    return {
        name
        for name, transform in [*read, *((name, each) for name, _, each in conditions)]
        if transform in STRUCTURE_TRANSFORMS
    }


def filled(template: str, values: Mapping[str, str], place: AwsLocation) -> str:
    """Return a template filled with `values`, keyed by the text of each variable, and with the location of the call."""
    ours = {"Partition": place.partition, "Region": place.region, "Account": place.account, "AccountId": place.account}
    named = {**{f"${{{name}}}": value for name, value in ours.items()}, **values}
    return _VARIABLE.sub(lambda found: named.get(found[0], found[0]), template)


def open_format(template: str, place: AwsLocation) -> str:
    """Return the pattern of all ARNs of a template's type in the location."""
    whole = WHOLE.fullmatch(template)
    return _VARIABLE.sub("*", filled(whole[3] if whole else template, {}, place))


def readable_format(template: str, place: AwsLocation) -> str:
    """Return the form of a template's ARNs in the location, with the names of its variables in braces."""
    whole = WHOLE.fullmatch(template)
    return _VARIABLE.sub(
        lambda found: found[2] if found[1] else f"{{{found[2]}}}", filled(whole[3] if whole else template, {}, place)
    )


def condition_holds(condition: str, parameters: Mapping[str, Any], place: AwsLocation) -> bool:
    """Return whether the condition of a `RequiredAction` holds."""
    return not condition or any(_alternative_holds(each, parameters, place) for each in condition.split())


def _alternative_holds(condition: str, parameters: Mapping[str, Any], place: AwsLocation) -> bool:
    name, _, transform = condition.removeprefix("!").partition("|")
    found = any(TRANSFORMS[transform](parameters.get(name), place)) if transform else name in parameters
    return found is not condition.startswith("!")
