"""Dependent permissions: AWS allows a call with all that Jitney derives, and denies it if one is missing."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from conformance.check import CheckFailedError, Observation
from conformance.checks.grants import DENIED, code_of
from conformance.configuration import MADE
from conformance.system import ConformanceSystem, new_agent, session_keys
from jitney import resources
from jitney.core.access.request import Permission, permissions_of
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.explainer import explain_line
from jitney.core.calls.operations import OperationTable

_TAG = [{"Key": "a", "Value": "b"}]
_TABLE = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
_TABLE_OPTIONS = (
    "--attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH "
    "--billing-mode PAY_PER_REQUEST"
)


class DependentCall(NamedTuple):
    """A call that creates something with a tag, the dependent action, and the call that deletes what was created."""

    action: str
    line: str
    create: Callable[[Any, str], Any]
    delete: Callable[[Any, str], Any]

    @property
    def service(self) -> str:
        """The service of the call."""
        return self.action.partition(":")[0]


def _delete_table(dynamodb: Any, name: str) -> None:
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 60})
    dynamodb.delete_table(TableName=name)
    dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 60})


CALLS = (
    DependentCall(
        "sqs:TagQueue",
        "aws sqs create-queue --queue-name {name} --tags a=b",
        lambda sqs, name: sqs.create_queue(QueueName=name, tags={"a": "b"}),
        lambda sqs, name: sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"]),
    ),
    DependentCall(
        "sns:TagResource",
        "aws sns create-topic --name {name} --tags Key=a,Value=b",
        lambda sns, name: sns.create_topic(Name=name, Tags=_TAG),
        lambda sns, name: sns.delete_topic(TopicArn=sns.create_topic(Name=name)["TopicArn"]),
    ),
    DependentCall(
        "dynamodb:TagResource",
        f"aws dynamodb create-table --table-name {{name}} {_TABLE_OPTIONS} --tags Key=a,Value=b",
        lambda dynamodb, name: dynamodb.create_table(TableName=name, Tags=_TAG, **_TABLE),
        _delete_table,
    ),
    DependentCall(
        "logs:TagLogGroup",
        "aws logs create-log-group --log-group-name {name} --tags a=b",
        lambda logs, name: logs.create_log_group(logGroupName=name, tags={"a": "b"}),
        lambda logs, name: logs.delete_log_group(logGroupName=name),
    ),
    DependentCall(
        "ssm:AddTagsToResource",
        "aws ssm put-parameter --name {name} --value x --type String --tags Key=a,Value=b",
        lambda ssm, name: ssm.put_parameter(Name=name, Value="x", Type="String", Tags=_TAG),
        lambda ssm, name: ssm.delete_parameter(Name=name),
    ),
)


def dependent_permissions(system: ConformanceSystem) -> Observation:
    """Return for each call whether AWS denies it without its dependent action, and with it."""
    operations = OperationTable.load(resources.OPERATIONS.read_bytes())
    place = AwsLocation(system.partition, system.region, system.account)
    seen: dict[str, Mapping[str, str]] = {}
    for call in CALLS:
        name = f"{MADE}{uuid.uuid4().hex[:8]}"
        derived = permissions_of(explain_line(call.line.format(name=name), place, operations))
        fewer = tuple(filter(None, (_without(each, call.action) for each in derived)))
        if fewer == derived:
            raise ValueError(f"Jitney does not derive {call.action} for `{call.line}`")
        answers = {"without": _answer(system, call, fewer, name), "with": _answer(system, call, derived, name)}
        seen[call.action] = {
            which: "denied" if code in DENIED else code or "allowed" for which, code in answers.items()
        }
    facts = {"calls": seen}
    wrong = [action for action, answers in seen.items() if answers != {"without": "denied", "with": "allowed"}]
    if wrong:
        raise CheckFailedError(f"AWS does not decide as expected about {', '.join(wrong)}: {seen}", facts)
    return Observation(facts)


def _without(permission: Permission, action: str) -> Permission | None:
    """Return the permission without the action, or None if nothing is left of it."""
    actions = tuple(each for each in permission.actions if each != action)
    return replace(permission, actions=actions) if actions else None


def _answer(system: ConformanceSystem, call: DependentCall, permissions: tuple[Permission, ...], name: str) -> str:
    """Return the code of AWS's answer to the call with these permissions, and delete what it created."""
    asked = [{"actions": list(each.actions), "resources": list(each.resources)} for each in permissions]
    issued = system.opened(new_agent(), permissions=asked)
    client = system.client(call.service, session_keys(issued["credentials"]))
    code = code_of(lambda: call.create(client, name))
    if not code:
        call.delete(system.client(call.service), name)
    return code
