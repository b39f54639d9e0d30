"""From an `AwsCall` to what it needs: each action, the resources, and why."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from core.access.request import Explained
from core.calls.arns import MAX_ARNS, fill, holds, names_in
from core.calls.call import MASKED, AwsCall, Place
from core.calls.options import invalid
from core.calls.table import Member, Need, Operation
from core.problems import Problem

# What AWS may ask for besides, which no parameter tells. It is said, not asked for.
NOTES: Mapping[str, str] = {
    "s3:GetObject": "an object under a customer key takes kms:Decrypt on that key as well",
    "s3:PutObject": "a bucket under a customer key takes kms:GenerateDataKey on that key as well",
    "secretsmanager:GetSecretValue": "a secret under a customer key takes kms:Decrypt on that key as well",
    "ssm:GetParameter": "a SecureString under a customer key takes kms:Decrypt on that key as well",
    "ssm:GetParameters": "a SecureString under a customer key takes kms:Decrypt on that key as well",
    "sqs:SendMessage": "a queue under a customer key takes kms:GenerateDataKey and kms:Decrypt on it as well",
    "sqs:ReceiveMessage": "a queue under a customer key takes kms:Decrypt on that key as well",
    "athena:StartQueryExecution": "Athena reads and writes as the caller: Glue and S3 actions are needed as well",
    "ecs:RunTask": "the roles in the task definition take iam:PassRole as well",
    "ecs:UpdateService": "the roles in a new task definition take iam:PassRole as well",
    "secretsmanager:CreateSecret": "the name of a secret's ARN ends with six characters that AWS chooses",
}
WITHOUT_PATH = "IAM names may have a path, which is not known here: the ARN is that of the name alone"
MAX_SHOWN = 1024


def explain(call: AwsCall, place: Place) -> tuple[Explained, ...]:
    """Everything that `call` needs in `place`; never nothing.

    Raises Problem: operation_unknown when no action is known for the operation, call_invalid when its parameters do
    not say what it does or name a resource that no policy can, account_mismatch.
    """
    operation = call.operation
    if not operation.needs:
        detail = f"It is not known which action authorizes {operation.service} {operation.name}."
        raise Problem("operation_unknown", detail, "Ask with permissions: actions and ARNs, instead of calls.")
    where = Place(place.partition, call.region or place.region, place.account)
    shown = _shown(call)
    found = tuple(
        _explained(need, call, shown, where) for need in operation.needs if holds(need.when, call.parameters, where)
    )
    if not found:
        raise invalid(
            f"The parameters do not tell what {operation.name} does.",
            "Write them in the call itself, as JSON; or ask with permissions, instead of calls.",
        )
    return found


def _explained(need: Need, call: AwsCall, shown: str, place: Place) -> Explained:
    arns = _resources(need, call.parameters, place)
    if len(arns) > MAX_ARNS:
        raise invalid(f"The call names more than {MAX_ARNS} resources.", "Ask in several requests.")
    why = [need.why or f"{call.operation.service} {call.operation.name} is authorized as {need.action}"]
    if need.types is None:
        why.append("it acts on no resource that has a name")
    elif not arns:
        why.append("the parameters do not name its resource, so that it is asked on all of them")
    if note := NOTES.get(need.action):
        why.append(note)
    if call.operation.service == "iam" and arns:
        why.append(WITHOUT_PATH)
    return Explained(shown, need.action, tuple(arns) or ("*",), "; ".join(why))


def _resources(need: Need, parameters: Mapping[str, Any], place: Place) -> list[str]:
    """The ARNs; [] when a type of resource that the action must have is not named, or none is."""
    found: dict[str, None] = {}
    for kind in need.types or ():
        named = [arn for template in kind.arns for arn in fill(template, parameters, place)]
        if kind.required and not named:
            return []
        found |= dict.fromkeys(named)
    return list(found)


def _shown(call: AwsCall) -> str:
    """The call with the values that name its resources; all other values may be secret, and are masked."""
    words = ["aws", call.operation.service_command, call.operation.command]
    naming = set(_naming(call.operation))
    for member in call.operation.members:
        if member.name in call.parameters:
            words += [f"--{member.option}", *_words(member, call.parameters[member.name], naming)]
    region = ["--region", call.region] if call.region else []
    return shlex.join([*words, *region])[:MAX_SHOWN]


def _naming(operation: Operation) -> Iterator[str]:
    for need in operation.needs:
        for kind in need.types or ():
            for template in kind.arns:
                yield from names_in(template)


def _words(member: Member, value: Any, naming: set[str]) -> list[str]:
    if member.kind == "b":
        return []
    texts = [value] if isinstance(value, str) else value
    if member.name not in naming or member.kind not in "sl" or not texts:
        return [MASKED]
    return list(texts)
