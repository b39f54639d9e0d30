"""What an `AwsCall` needs: actions, the resources of each, and the reason."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from jitney.core.access.request import ExplainedAction
from jitney.core.calls.arns import MAX_ARNS
from jitney.core.calls.call import MASKED, UNKNOWN_VALUE, AwsCall, AwsLocation
from jitney.core.calls.named_resources import check_parameters, resources_of
from jitney.core.calls.operations import Operation, Parameter, RequiredAction
from jitney.core.calls.options import invalid_call
from jitney.core.calls.templates import condition_holds, name_parameters, templates_of
from jitney.core.patterns import has_wildcard
from jitney.core.problems import Problem

# Permissions that AWS may also require but that no parameter reveals. They are mentioned, not requested.
NOTES: Mapping[str, str] = {
    "s3:GetObject": "not requested: kms:Decrypt on the object's key, if it is customer managed",
    "s3:PutObject": "not requested: kms:GenerateDataKey on the bucket's key, if it is customer managed",
    "s3:ListBucket": "listing is granted for a whole bucket, not for a prefix",
    "secretsmanager:GetSecretValue": "not requested: kms:Decrypt on the secret's key, if it is customer managed",
    **dict.fromkeys(
        ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"),
        "not requested: kms:Decrypt on the key of a SecureString, if it is customer managed",
    ),
    "sqs:SendMessage": "not requested: kms:GenerateDataKey, kms:Decrypt on the queue's key, if it is customer managed",
    "sqs:ReceiveMessage": "not requested: kms:Decrypt on the queue's key, if it is customer managed",
    "athena:StartQueryExecution": "not requested: the Glue and S3 actions that Athena performs as the caller",
    "ecs:RunTask": "not requested: iam:PassRole on the roles in the task definition",
    "ecs:UpdateService": "not requested: iam:PassRole on the roles in a new task definition",
    **dict.fromkeys(
        (
            "cloudformation:CreateStack",
            "cloudformation:UpdateStack",
            "cloudformation:DeleteStack",
            "cloudformation:ExecuteChangeSet",
        ),
        "not requested: the actions on the template's resources, which need the caller's permissions unless the stack "
        "has a role",
    ),
    **dict.fromkeys(
        ("redshift-data:ExecuteStatement", "redshift-data:BatchExecuteStatement"),
        "not requested: redshift:GetClusterCredentials, with which a database user signs in without a secret",
    ),
    "secretsmanager:CreateSecret": "the name in a secret's ARN ends with six characters that AWS chooses",
}
UNNAMED = "no parameter of the call is known to name its resource, so it is requested on all resources"
NOTE_OPEN_ARN = "parts of the ARN that no parameter names, such as an id that AWS chose, are wildcards"
WITHOUT_PATH = "an IAM name may have a path, which the call does not contain, so the ARN has only the name"
BY_ID = "keys are authorized by their id or ARN, which neither an alias nor a ciphertext reveals"
MAX_SHOWN = 1024
_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:(?:[0-9]{12}|aws)?:[\w/:.+=,@-]+", re.ASCII)


def explain_call(call: AwsCall, place: AwsLocation) -> tuple[ExplainedAction, ...]:
    """Return all actions that `call` needs in `place`, at least one.

    Raises Problem operation_unknown when no action is known for the operation. Raises call_invalid when the parameters
    do not determine what the call does, or name a resource that no policy can name. Raises account_mismatch.
    """
    operation = call.operation
    if not operation.needs:
        detail = f"Jitney does not know which action authorizes {operation.service} {operation.name}."
        raise Problem("operation_unknown", detail, "Send permissions (actions and ARNs) instead of calls.")
    where = AwsLocation(place.partition, call.region or place.region, place.account)
    shown = _shown(call)
    found = tuple(
        _explained(need, call, shown, where)
        for need in operation.needs
        if condition_holds(need.when, call.parameters, where)
    )
    if not found:
        for need in operation.needs:
            check_parameters(need, call.parameters)
        raise invalid_call(
            f"The parameters do not determine what {operation.name} does.",
            "Write them in the call as JSON, with a statement's table in double quotes, or send permissions instead.",
        )
    if unheld := _unheld(call):
        found = (found[0]._replace(why=f"{found[0].why}; {unheld}"), *found[1:])
    return found


def _unheld(call: AwsCall) -> str:
    """Return a note about permissions that depend on values on the caller's machine; "" if there are none."""
    within = ((need.action, *need.when.partition("|")) for need in call.operation.needs)
    unread = [
        f"{action} on the roles in {name}" if action == "iam:PassRole" else f"{action}, if {name} takes it"
        for action, name, _, transform in within
        if transform and call.parameters.get(name, "") is UNKNOWN_VALUE
    ]
    return f"not requested: {' and '.join(unread)}, whose value the call does not contain" * bool(unread)


def _explained(need: RequiredAction, call: AwsCall, shown: str, place: AwsLocation) -> ExplainedAction:
    arns = resources_of(need, call.parameters, place)
    if len(arns) > MAX_ARNS:
        raise invalid_call(f"The call names more than {MAX_ARNS} resources.", "Make several requests.")
    why = [need.why or _by_name(call.operation, need.action)]
    if need.types is None:
        why.append("it acts on no named resource")
    elif not arns:
        why.append(UNNAMED)
    if any(has_wildcard(arn) for arn in arns):
        why.append(NOTE_OPEN_ARN)
    if need.action.startswith("kms:") and (not arns or any(has_wildcard(arn) for arn in arns)):
        why.append(BY_ID)
    if note := NOTES.get(need.action):
        why.append(note)
    if call.operation.service == "iam" and arns:
        why.append(WITHOUT_PATH)
    return ExplainedAction(shown, need.action, tuple(arns) or ("*",), "; ".join(why))


def _by_name(operation: Operation, action: str) -> str:
    own = action.partition(":")[2] == operation.name
    return "the action of the operation itself" if own else f"{operation.name} is authorized as this action"


def _shown(call: AwsCall) -> str:
    """Return the call with the values that name its resources. Other values may be secret and are masked."""
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
        for template in templates_of(need):
            yield from name_parameters(template)


def _words(member: Parameter, value: Any, naming: set[str]) -> list[str]:
    if member.kind == "b":
        return []
    texts = [value] if isinstance(value, str) else value
    named = member.name in naming or (member.name.lower().endswith("arn") and _ARN.fullmatch(str(value)))
    if not named or member.kind not in "sl" or not texts:
        return [MASKED]
    return list(texts)
