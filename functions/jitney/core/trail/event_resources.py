"""The resources that a CloudTrail event names: in its parameters, as a call does, or in its own list."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from jitney.core.actions import Action
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.named_resources import resources_of
from jitney.core.calls.operations import NeedsVariant, RequiredAction
from jitney.core.calls.second_names import reaches_another
from jitney.core.calls.templates import condition_holds, members_of, templates_of
from jitney.core.calls.transforms import CONTENT_TRANSFORMS, READS_URLS
from jitney.core.masking.mask_tags import MASK
from jitney.core.patterns import MAX_STEPS, Budget, PatternTooComplex, has_wildcard
from jitney.core.problems import Problem
from jitney.core.trail.actions import EventOperations, may_apply
from jitney.core.trail.call import MOST_CHARACTERS, MOST_RESOURCES, CloudTrailCall
from jitney.core.trail.event_parameters import event_parameters, raw_parameters
from jitney.core.uncased_names import in_any_case

NamedResource: TypeAlias = tuple[str, ...]
"""The possible ARNs of one named resource. A wildcard is a part that the event does not show."""
_UNKNOWN, _CHARACTER = "\ue000", "\ue001"
"""What stands for a masked part of a name, and for a character that no policy can name, until there are ARNs.

They are characters for private use in Unicode. In a caller's name, they count as one character each.
"""
_NOT_LITERAL = re.compile(r"[*?]|\$(?=\{)|\A[fh](?=(?:ileb?|ttps?)://)")
_ONE_OF = "copy_source"
"""The transform that may return several names of one resource: S3 reads a plus sign as itself or as a space."""


def place_of(call: CloudTrailCall) -> AwsLocation:
    """Return the location of a call."""
    return AwsLocation(call.role_arn.split(":")[1], call.region, call.account)


def may_hold(variant: NeedsVariant, parameters: Mapping[str, Any], place: AwsLocation) -> bool:
    """Return whether the condition of a variant holds, or is unknown because of another account's resource."""
    try:
        return condition_holds(variant.when, parameters, place)
    except Problem:
        return True


def named_by_parameters(
    call: CloudTrailCall, need: RequiredAction, parameters: Mapping[str, Any]
) -> tuple[NamedResource, ...]:
    """Return the resources that the parameters name for a need; () if they name none or are not understood."""
    members = {name: transform for template in templates_of(need) for name, transform in members_of(template)}
    if any(transform in CONTENT_TRANSFORMS and name in parameters for name, transform in members.items()):
        return ()  # events spell members of structures otherwise, and leave some out
    place, service = place_of(call), need.action.partition(":")[0]
    if reaches_another(service, parameters, place.account):
        return ()
    for given in _readings({name: value for name, value in parameters.items() if name in members}, members):
        try:
            found = resources_of(need, given, place)
        except Problem as refused:
            if refused.code == "account_mismatch":
                return ((f"arn:{place.partition}:{service}:{place.region}:another-account:*",),)
        else:
            arns = [arn.replace(_UNKNOWN, "*").replace(_CHARACTER, "?") for arn in found]
            if _ONE_OF in members.values():
                return (tuple(arns),) if arns else ()
            forms: dict[str, list[str]] = {}
            for arn in arns:
                forms.setdefault(in_any_case(arn), []).append(arn)
            return tuple((*each, *_with_path(each[0])) for each in forms.values())
    return ()


def _readings(parameters: Mapping[str, Any], members: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Yield the parameters as `resources_of` may understand them, with ever more left open.

    Callers choose names. So one that no policy can name leaves open only its characters that are not literal, and one
    that is not understood only its part.
    """
    read = {name: _changed(value, _without_masks) for name, value in parameters.items()}
    yield read
    literal = {
        name: value if members[name] in READS_URLS else _changed(value, _without_patterns)
        for name, value in read.items()
    }
    yield literal
    for unread in members:
        yield {name: value for name, value in literal.items() if name != unread}


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value with all of its texts changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_changed(each, change) for each in value]
    return {name: _changed(each, change) for name, each in value.items()} if isinstance(value, dict) else value


def _without_masks(text: str) -> str:
    return MASK.sub(_UNKNOWN, text.replace(_UNKNOWN, _CHARACTER))


def _without_patterns(text: str) -> str:
    """Return a text without what IAM would read as a pattern, or the AWS CLI as an address."""
    return _NOT_LITERAL.sub(_CHARACTER, text)


def with_named_resources(call: CloudTrailCall, events: EventOperations) -> CloudTrailCall:
    """Return the call with the resources that its parameters name, after those in the event's own list.

    Most events have no such list. Readers expect the list to be complete, so an operation adds none if its parameters
    leave a part of an ARN open. IAM's names always leave one open, because events do not show paths.
    """
    named: list[str] = []
    for operation in events.of(call.service, call.operation, lambda: raw_parameters(call)):
        if not call.request or not any(need.types for need in operation.needs):
            continue  # reading the parameters takes most of the time
        parameters = event_parameters(call, operation.operation)
        if not any(may_hold(each, parameters, place_of(call)) for each in operation.variants):
            named += _whole_names(call, operation.needs, parameters)
    found = tuple(dict.fromkeys((*call.resources, *named)))[:MOST_RESOURCES]
    return replace(call, resources=found) if found != call.resources else call


def _whole_names(call: CloudTrailCall, needs: Iterable[RequiredAction], parameters: Mapping[str, Any]) -> Iterable[str]:
    """Return the ARNs that parameters name for needs; () if a name is masked or not whole."""
    listed = (each for value in parameters.values() if isinstance(value, list) for each in value)
    if any(isinstance(each, str) and MASK.search(each) for each in listed):
        return ()
    given = {each.lower() for each in parameters}
    applying = [need for need in needs if need.types and may_apply(need, given)]
    named = [each for need in applying for each in named_by_parameters(call, need, parameters)]
    if any(len(set(map(in_any_case, each))) > 1 or has_wildcard(each[0]) for each in named):
        return ()
    return [arn[:MOST_CHARACTERS] for each in named for arn in each]


def named_by_event(call: CloudTrailCall, action: Action, parameters: Mapping[str, Any]) -> Iterator[NamedResource]:
    """Yield the ARNs in the event's list and in its parameters on which the action acts."""
    budget = Budget(MAX_STEPS)
    values = [each for each in parameters.values() if isinstance(each, str) and each.startswith("arn:")]
    for arn in dict.fromkeys((*call.resources, *values)):
        try:
            if not MASK.search(arn) and any(kind.may_match(arn, budget) for kind in action.resource_types):
                yield (arn,)
        except PatternTooComplex:
            yield (arn,)


def _with_path(arn: str) -> Iterator[str]:
    """Yield the pattern of an IAM name with a path. Events have names without paths, and ARNs have paths."""
    kind, slash, name = arn.partition("/")
    if slash and kind.split(":")[2] == "iam":
        yield f"{kind}/*/{name}"
