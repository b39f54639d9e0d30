"""From an `AwsCall` to what it needs: each action, the resources, and why."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from jitney.core.access.request import ExplainedAction
from jitney.core.calls.arns import MAX_ARNS, check_parameters, condition_holds, fill_template, name_parameters
from jitney.core.calls.call import MASKED, UNKNOWN_VALUE, AwsCall, AwsLocation
from jitney.core.calls.operations import Operation, Parameter, RequiredAction
from jitney.core.calls.options import invalid_call
from jitney.core.patterns import has_wildcard
from jitney.core.problems import Problem

# What AWS may ask for besides, which no parameter tells. It is said, not asked for.
NOTES: Mapping[str, str] = {
    "s3:GetObject": "not asked: kms:Decrypt on the object's key, if that is a customer's",
    "s3:PutObject": "not asked: kms:GenerateDataKey on the bucket's key, if that is a customer's",
    "s3:ListBucket": "listing is granted for a whole bucket, not for a prefix",
    "secretsmanager:GetSecretValue": "not asked: kms:Decrypt on the secret's key, if that is a customer's",
    **dict.fromkeys(
        ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"),
        "not asked: kms:Decrypt on the key of a SecureString, if that is a customer's",
    ),
    "sqs:SendMessage": "not asked: kms:GenerateDataKey and kms:Decrypt on the queue's key, if that is a customer's",
    "sqs:ReceiveMessage": "not asked: kms:Decrypt on the queue's key, if that is a customer's",
    "athena:StartQueryExecution": "not asked: the Glue and S3 actions with which Athena reads and writes as the caller",
    "ecs:RunTask": "not asked: iam:PassRole on the roles in the task definition",
    "ecs:UpdateService": "not asked: iam:PassRole on the roles in a new task definition",
    **dict.fromkeys(
        (
            "cloudformation:CreateStack",
            "cloudformation:UpdateStack",
            "cloudformation:DeleteStack",
            "cloudformation:ExecuteChangeSet",
        ),
        "not asked: the actions on what the template makes, which are the caller's unless the stack has a role",
    ),
    **dict.fromkeys(
        ("redshift-data:ExecuteStatement", "redshift-data:BatchExecuteStatement"),
        "not asked: redshift:GetClusterCredentials, with which a user of the database signs in who has no secret",
    ),
    "secretsmanager:CreateSecret": "the name of a secret's ARN ends with six characters that AWS chooses",
}
UNNAMED = "no parameter is known to name its resource, or none that does is given: it is asked on all of them"
NOTE_OPEN_ARN = "what no parameter says of its ARN, such as an id that AWS chose, is left open"
WITHOUT_PATH = "IAM names may have a path, which is not known here: the ARN is that of the name alone"
BY_ID = "keys are authorized by their id or ARN, which neither an alias nor a ciphertext tells"
MAX_SHOWN = 1024
_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:(?:[0-9]{12}|aws)?:[\w/:.+=,@-]+", re.ASCII)


def explain_call(call: AwsCall, place: AwsLocation) -> tuple[ExplainedAction, ...]:
    """Everything that `call` needs in `place`; never nothing.

    Raises Problem: operation_unknown when no action is known for the operation, call_invalid when its parameters do
    not say what it does or name a resource that no policy can, account_mismatch.
    """
    operation = call.operation
    if not operation.needs:
        detail = f"It is not known which action authorizes {operation.service} {operation.name}."
        raise Problem("operation_unknown", detail, "Ask with permissions: actions and ARNs, instead of calls.")
    where = AwsLocation(place.partition, call.region or place.region, place.account)
    shown = _shown(call)
    found = tuple(
        _explained(need, call, shown, where)
        for need in operation.needs
        if condition_holds(need.when, call.parameters, where)
    )
    if not found:
        for need in operation.needs:
            _check_given(need, call.parameters)
        raise invalid_call(
            f"The parameters do not tell what {operation.name} does.",
            "Write them in the call itself, as JSON, a statement's table in double quotes; or ask with permissions.",
        )
    if unheld := _unheld(call):
        found = (found[0]._replace(why=f"{found[0].why}; {unheld}"), *found[1:])
    return found


def _unheld(call: AwsCall) -> str:
    """What the call may need for values that only the caller's machine knows; "" where there are none."""
    within = ((need.action, *need.when.partition("|")) for need in call.operation.needs)
    unread = [
        f"{action} on the roles in {name}" if action == "iam:PassRole" else f"{action}, if {name} takes it"
        for action, name, _, reading in within
        if reading and call.parameters.get(name, "") is UNKNOWN_VALUE
    ]
    return f"not asked: {' and '.join(unread)}, which the call does not hold" * bool(unread)


def _explained(need: RequiredAction, call: AwsCall, shown: str, place: AwsLocation) -> ExplainedAction:
    arns = _resources(need, call.parameters, place)
    if len(arns) > MAX_ARNS:
        raise invalid_call(f"The call names more than {MAX_ARNS} resources.", "Ask in several requests.")
    why = [need.why or _by_name(call.operation, need.action)]
    if need.types is None:
        why.append("it acts on no resource that has a name")
    elif not arns:
        why.append(UNNAMED)
        why += [BY_ID] if need.action.startswith("kms:") else []
    if any(has_wildcard(arn) for arn in arns):
        why.append(NOTE_OPEN_ARN)
    if note := NOTES.get(need.action):
        why.append(note)
    if call.operation.service == "iam" and arns:
        why.append(WITHOUT_PATH)
    return ExplainedAction(shown, need.action, tuple(arns) or ("*",), "; ".join(why))


def _by_name(operation: Operation, action: str) -> str:
    own = action.partition(":")[2] == operation.name
    return "the action of the operation itself" if own else f"{operation.name} is authorized as this action"


def _resources(need: RequiredAction, parameters: Mapping[str, Any], place: AwsLocation) -> list[str]:
    """The ARNs; [] when a type of resource that the action must have is not named, or none is.

    Raises Problem call_invalid when a parameter that would name one says nothing.
    """
    found: dict[str, None] = {}
    _check_given(need, parameters)
    for kind in need.types or ():
        named = [arn for template in kind.arns for arn in fill_template(template, parameters, place)]
        if kind.required and not named:
            return []
        found |= dict.fromkeys(named)
    return list(found)


def _check_given(need: RequiredAction, parameters: Mapping[str, Any]) -> None:
    for template in (template for kind in need.types or () for template in kind.arns):
        check_parameters(template, parameters)


def _shown(call: AwsCall) -> str:
    """The call with the values that name its resources; all other values may be secret, and are masked."""
    words = ["aws", call.operation.service_command, call.operation.command]
    naming = set(_naming(call.operation))
    for member in call.operation.members:
        if member.name in call.parameters:
            refused = "no-" if member.kind == "b" and call.parameters[member.name] is False else ""
            option = [] if member.name in (call.operation.words or ()) else [f"--{refused}{member.option}"]
            words += [*option, *_words(member, call.parameters[member.name], naming)]
    region = ["--region", call.region] if call.region else []
    return shlex.join([*words, *region])[:MAX_SHOWN]


def _naming(operation: Operation) -> Iterator[str]:
    for need in operation.needs:
        for kind in need.types or ():
            for template in kind.arns:
                yield from name_parameters(template)


def _words(member: Parameter, value: Any, naming: set[str]) -> list[str]:
    if member.kind == "b":
        return []
    texts = [value] if isinstance(value, str) else value
    named = member.name in naming or (member.name.lower().endswith("arn") and _ARN.fullmatch(str(value)))
    if not named or member.kind not in "sl" or not texts:
        return [MASKED]
    return list(texts)
