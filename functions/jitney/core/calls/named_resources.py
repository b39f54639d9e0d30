"""The resources that a call's parameters name, for one action.

A call with a parameter that is not understood is refused.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from jitney.core.calls.arns import MAX_ARNS, Filling, values_of
from jitney.core.calls.call import FILES, UNKNOWN_VALUE, AwsLocation
from jitney.core.calls.forms import EXPECTED
from jitney.core.calls.operations import RequiredAction, ResourceTemplates
from jitney.core.calls.options import invalid_call
from jitney.core.calls.templates import members_of, name_parameters, open_format, readable_format, templates_of
from jitney.core.calls.transforms import CONTENT_TRANSFORMS, READS_URLS, TRANSFORMS
from jitney.core.calls.values import strings_in
from jitney.core.problems import Problem
from jitney.core.uncased_names import in_any_case

_LOWER_CASE = re.compile(
    r"arn:[\w-]+:(?:rds:[\w-]*:\d*:(?:db|(?:cluster-)?(?:snapshot|pg)|cluster(?:-endpoint)?|global-cluster|secgrp|subgrp)"
    r"|elasticache:[\w-]*:\d*:(?:(?:parameter|replication|security|subnet|user)group|cluster|snapshot"
    r"|serverlesscache(?:snapshot)?|user)|redshift:[\w-]*:\d*:(?:parametergroup|snapshot|subnetgroup)):",
    re.ASCII,
)
"""The ARNs of names that AWS stores in lower case, so that calls may write them in capitals, too.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateCacheCluster.html
https://docs.aws.amazon.com/redshift/latest/APIReference/API_CreateClusterParameterGroup.html
"""
_SELECTED = re.compile(r"(arn:[\w-]+:ssm:[\w-]*:\d*:parameter/[^:]+):[^:]+", re.ASCII)
"""The ARNs of parameters of Systems Manager with a version or a label, which is no part of the resource.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_Parameter.html
"""
_WEB = ("http://", "https://")
MOST_NAMES = 1_000
"""The limit of values. A call with more than `MAX_ARNS` resources is refused anyway."""
_NO_VALUE = "Write the value instead of file://, fileb:// or a web address, or send permissions instead of calls."


def resources_of(need: RequiredAction, parameters: Mapping[str, Any], place: AwsLocation) -> list[str]:
    """Return the ARNs that the parameters name; [] when they name none.

    If only some required types of resources are named, the ARNs of the others have `*` in place of the names. Raises
    Problem call_invalid when a parameter names a resource and is empty, unknown or not understood. Raises
    account_mismatch.
    """
    check_parameters(need, parameters)
    left = _given_names(need, parameters)
    if len(left) > MOST_NAMES:
        raise invalid_call(f"The call names more than {MOST_NAMES} resources.", "Name fewer resources in one call.")
    named = _Named(need.types or ())
    named.fill(Filling(parameters, place), set())
    for arns in named.arns:  # first, because too many ARNs leave values that none of them holds
        require_few(dict.fromkeys(arns))
    if left - named.held:
        named.fill(Filling(parameters, place, open_names=True), left - named.held)
    if left - named.held:
        raise _not_understood(need, _culprit(need, parameters, left - named.held, place), place)
    found = dict.fromkeys(arn for arns in named.arns for arn in arns)
    if found:
        unnamed = [
            kind.arns[0]
            for kind, arns in zip(named.types, named.arns, strict=True)
            if kind.required and kind.arns and not arns
        ]
        found |= dict.fromkeys(open_format(template, place) for template in unnamed)
    return list(dict.fromkeys(each for arn in found for each in _as_authorized(arn)))


def _as_authorized(arn: str) -> tuple[str, ...]:
    """Return an ARN in each form that AWS may write in the authorization of a call."""
    if selected := _SELECTED.fullmatch(arn):
        return (selected[1],)
    if (lower := in_any_case(arn)) != arn:
        return arn, lower
    return (arn.lower() if _LOWER_CASE.match(arn) else arn,)


def require_few(arns: Collection[str]) -> None:
    """Raise Problem call_invalid for more than `MAX_ARNS` ARNs."""
    if len(arns) > MAX_ARNS:
        raise invalid_call(f"The call names more than {MAX_ARNS} resources.", "Make several requests.")


def open_types(need: RequiredAction, place: AwsLocation) -> list[str]:
    """Return the patterns of all resources of the required types that have a known form."""
    return [open_format(kind.arns[0], place) for kind in need.types or () if kind.required and kind.arns]


class _Named:
    """The ARNs of each type of resource, and the values in them."""

    def __init__(self, types: tuple[ResourceTemplates, ...]) -> None:
        self.types = types
        self.arns: list[list[str]] = [[] for _ in types]
        self.held: set[tuple[str, int]] = set()

    def fill(self, filling: Filling, left: set[tuple[str, int]]) -> None:
        """Add the ARNs that the templates yield. If `left` is not empty, add only ARNs that hold one of its values."""
        for kind, arns in zip(self.types, self.arns, strict=True):
            each = [filled for template in kind.arns if (filled := filling.fill(template)).held & left or not left]
            arns.extend(arn for filled in each for arn in filled.arns)
            self.held = self.held.union(*(filled.held for filled in each))


def _given_names(need: RequiredAction, parameters: Mapping[str, Any]) -> set[tuple[str, int]]:
    """Return the values that must name a resource, each as its parameter and its position."""
    names = {name for template in templates_of(need) for name in name_parameters(template)}
    return {
        (name, at)
        for name in names & parameters.keys()
        for at, _ in enumerate(values_of(parameters[name], whole=False))
    }


def _culprit(
    need: RequiredAction, parameters: Mapping[str, Any], left: set[tuple[str, int]], place: AwsLocation
) -> str:
    """Return the parameter that prevents a template from naming a resource, because no transform understands it."""
    members = list(dict.fromkeys(each for template in templates_of(need) for each in members_of(template)))
    values = {name: values_of(parameters[name], whole=False) for name in {name for name, _ in left}}
    unread = (
        name
        for name, at in sorted(left)
        if not any(list(TRANSFORMS[transform](values[name][at], place)) for each, transform in members if each == name)
    )
    return next(unread, min(left)[0])


def _not_understood(need: RequiredAction, name: str, place: AwsLocation) -> Problem:
    """Return the problem that a parameter names a resource in an unknown form. Its members list the expected forms."""
    expected: dict[str, None] = {}
    for template in templates_of(need):
        for each, transform in members_of(template):
            if each == name:
                expected |= dict.fromkeys(filter(None, (EXPECTED.get(transform), readable_format(template, place))))
    return invalid_call(
        f"Parameter {name} names no resource of {need.action} in a known form.",
        f"Write it as {'; or as '.join(expected)}. Or request permissions instead of this call.",
        parameter=name,
        expected=list(expected),
    )


def check_parameters(need: RequiredAction, parameters: Mapping[str, Any]) -> None:
    """Raise Problem call_invalid when a parameter of a template is given but is empty or has an unknown value.

    Such a parameter names no resource, so the action would be requested on every resource.
    """
    for name, transform in (each for template in templates_of(need) for each in members_of(template)):
        if name in parameters:
            _check(name, transform, parameters[name])


def _check(name: str, transform: str, value: Any) -> None:
    elsewhere, texts = FILES if transform in READS_URLS else (*FILES, *_WEB), strings_in(value)
    if value is UNKNOWN_VALUE or (
        transform not in CONTENT_TRANSFORMS and any(text.startswith(elsewhere) for text in texts)
    ):
        detail = f"Parameter {name} names a resource, but the call does not contain its value."
        raise invalid_call(detail, _NO_VALUE, parameter=name)
    if not value or "" in texts:
        fix = "Write its value, or omit it if it is optional."
        raise invalid_call(f"Parameter {name} names a resource, but is empty.", fix, parameter=name)
