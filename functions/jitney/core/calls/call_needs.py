"""What an `AwsCall` needs: actions, the resources of each, and the reason."""

import re
import shlex
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from jitney.core.access.request import ExplainedAction, PossibleAction
from jitney.core.calls.account_parameters import require_own_account
from jitney.core.calls.call import MASKED, UNKNOWN_VALUE, AwsCall, AwsLocation
from jitney.core.calls.call_conditions import narrowing
from jitney.core.calls.named_resources import check_parameters, open_types, require_few, resources_of
from jitney.core.calls.operations import Operation, Parameter, RequiredAction
from jitney.core.calls.options import invalid_call
from jitney.core.calls.second_names import require_one_name
from jitney.core.calls.templates import condition_holds, name_parameters, templates_of
from jitney.core.patterns import has_wildcard
from jitney.core.problems import Problem

UNNAMED = "no parameter of the call is known to name the resource, so the action is requested on all resources"
NOTE_OPEN_ARN = "parts of the ARN that no parameter names, such as an id that AWS chooses, are wildcards"
WITHOUT_PATH = "an IAM name may have a path, which the call does not contain, so the ARN has only the name"
BY_ID = "keys are authorized by their id or ARN, which neither an alias nor a ciphertext reveals"
MAX_SHOWN = 1024
_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:(?:[0-9]{12}|aws)?:[\w/:.+=,@-]+", re.ASCII)


def explain_call(call: AwsCall, place: AwsLocation) -> tuple[ExplainedAction, ...]:
    """Return all actions that `call` needs in `place`, at least one.

    Raises Problem operation_unknown when no action is known for the operation. Raises call_invalid when the parameters
    do not determine the effect of the call, or name a resource that no policy can name. Raises account_mismatch.
    """
    operation = call.operation
    if not operation.needs:
        detail = f"Jitney does not know which action authorizes {operation.service} {operation.name}."
        raise Problem("operation_unknown", detail, "Send permissions (actions and ARNs) instead of calls.")
    where = AwsLocation(place.partition, call.region or place.region, place.account)
    require_own_account(call, where)
    require_one_name(call)
    needs = _needs(call, where)
    shown = _shown(call)
    found = tuple(
        _explained(need, call, shown, where) for need in needs if condition_holds(need.when, call.parameters, where)
    )
    if not found:
        for need in needs:
            check_parameters(need, call.parameters)
        raise invalid_call(
            f"The parameters do not determine what {operation.name} does.",
            "Write them in the call as JSON (in PartiQL, the table in double quotes), or send permissions instead.",
        )
    return (found[0]._replace(may_need=possible_actions(call, needs, found, where)), *found[1:])


def _needs(call: AwsCall, place: AwsLocation) -> Sequence[RequiredAction]:
    """Return the needs for the kind of resource that the call names."""
    for variant in call.operation.variants:
        if condition_holds(variant.when, call.parameters, place):
            if not variant.needs:
                raise invalid_call(f"{call.operation.name} cannot be explained for this bucket.", variant.fix)
            return variant.needs
    return call.operation.needs


def possible_actions(
    call: AwsCall, needs: Sequence[RequiredAction], found: Sequence[ExplainedAction], place: AwsLocation
) -> tuple[PossibleAction, ...]:
    """Return the actions that the call may need in addition to `found`."""
    have = {each.action for each in found}
    possible = {each.action: each for each in _unheld(call, needs)}
    for each in call.operation.may:
        if each.action not in have and condition_holds(each.when, call.parameters, place):
            possible.setdefault(each.action, PossibleAction(each.action, each.why))
    return tuple(possible.values())


def _unheld(call: AwsCall, needs: Sequence[RequiredAction]) -> Iterator[PossibleAction]:
    """Yield the actions that depend on values on the caller's machine, which the call does not contain."""
    for need in needs:
        name, _, transform = need.when.partition("|")
        if transform and call.parameters.get(name, "") is UNKNOWN_VALUE:
            on = f"on the roles in {name}" if need.action == "iam:PassRole" else f"if {name} requires it"
            yield PossibleAction(need.action, f"{on}; the call does not contain its value")


def _explained(need: RequiredAction, call: AwsCall, shown: str, place: AwsLocation) -> ExplainedAction:
    arns = resources_of(need, call.parameters, place) or (open_types(need, place) if need.why else [])
    require_few(arns)
    why = [need.why or _by_name(call.operation, need.action)]
    if need.types is None:
        why.append("the action has no named resource")
    elif not arns:
        why.append(UNNAMED)
    if any(has_wildcard(arn) for arn in arns):
        why.append(NOTE_OPEN_ARN)
    if need.types and need.action.startswith("kms:") and (not arns or any(has_wildcard(arn) for arn in arns)):
        why.append(BY_ID)
    if call.operation.service == "iam" and arns:
        why.append(WITHOUT_PATH)
    narrowed = narrowing(need.action, call)
    why += [narrowed.note] if narrowed.note else []
    return ExplainedAction(shown, need.action, tuple(arns) or ("*",), "; ".join(why), narrowed.conditions)


def _by_name(operation: Operation, action: str) -> str:
    own = action.partition(":")[2] == operation.name
    return "the action of the operation itself" if own else f"{operation.name} is authorized as this action"


def _shown(call: AwsCall) -> str:
    """Return the call with the values that name its resources. Other values may be secret and are masked."""
    words = ["aws", call.operation.service_command, call.operation.command]
    naming = frozenset[str]().union(
        *(name_parameters(each) for need in call.operation.needs for each in templates_of(need))
    )
    for member in call.operation.members:
        if member.name in call.parameters:
            refused = "no-" if member.kind == "b" and call.parameters[member.name] is False else ""
            option = [] if member.name in (call.operation.words or ()) else [f"--{refused}{member.option}"]
            words += [*option, *_words(member, call.parameters[member.name], naming)]
    region = ["--region", call.region] if call.region else []
    return shlex.join([*words, *region])[:MAX_SHOWN]


def _words(member: Parameter, value: Any, naming: AbstractSet[str]) -> list[str]:
    if member.kind == "b":
        return []
    texts = [value] if isinstance(value, str) else value
    named = member.name in naming or (member.name.lower().endswith("arn") and _ARN.fullmatch(str(value)))
    if not named or member.kind not in "sl" or not texts:
        return [MASKED]
    return list(texts)
