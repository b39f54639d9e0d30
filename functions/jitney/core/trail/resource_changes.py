"""The resources that a call created or deleted (row AUD 4). Created resources outlive their grant."""

from collections.abc import Mapping
from typing import Any, NamedTuple

# By service and event name: the kind of resource, and the event member that names it.
_USER, _ROLE, _GROUP = "requestParameters.userName", "requestParameters.roleName", "requestParameters.groupName"
_CREATED: Mapping[tuple[str, str], tuple[str, str]] = {
    ("iam", "CreateUser"): ("user", _USER),
    ("iam", "CreateAccessKey"): ("access key", "responseElements.accessKey.accessKeyId"),
    ("iam", "CreateLoginProfile"): ("password", _USER),
    ("iam", "CreateRole"): ("role", _ROLE),
    ("iam", "CreateGroup"): ("group", _GROUP),
    ("iam", "CreatePolicy"): ("policy", "responseElements.policy.arn"),
    ("iam", "CreateInstanceProfile"): ("instance profile", "requestParameters.instanceProfileName"),
    ("lambda", "CreateFunction20150331"): ("function", "requestParameters.functionName"),
    ("s3", "CreateBucket"): ("bucket", "requestParameters.bucketName"),
    ("dynamodb", "CreateTable"): ("table", "requestParameters.tableName"),
    ("ec2", "CreateKeyPair"): ("key pair", "requestParameters.keyName"),
    ("ec2", "ImportKeyPair"): ("key pair", "requestParameters.keyName"),
}
_DELETED: Mapping[tuple[str, str], tuple[str, str]] = {
    ("iam", "DeleteUser"): ("user", _USER),
    ("iam", "DeleteAccessKey"): ("access key", "requestParameters.accessKeyId"),
    ("iam", "DeleteLoginProfile"): ("password", _USER),
    ("iam", "DeleteRole"): ("role", _ROLE),
    ("iam", "DeleteGroup"): ("group", _GROUP),
    ("iam", "DeletePolicy"): ("policy", "requestParameters.policyArn"),
    ("iam", "DeleteInstanceProfile"): ("instance profile", "requestParameters.instanceProfileName"),
    ("lambda", "DeleteFunction20150331"): ("function", "requestParameters.functionName"),
    ("s3", "DeleteBucket"): ("bucket", "requestParameters.bucketName"),
    ("dynamodb", "DeleteTable"): ("table", "requestParameters.tableName"),
    ("ec2", "DeleteKeyPair"): ("key pair", "requestParameters.keyName"),
}

_FUNCTION_DELETED = "DeleteFunction20150331"
_REGIONAL = frozenset({"function", "table", "key pair"})


class ResourceChanges(NamedTuple):
    """What a call created and deleted: "role reporter", "policy arn:aws:iam::444455556666:policy/p".

    A resource whose name CloudTrail omitted has the event's id instead: "role of event 8bd30fe0".
    """

    created: tuple[str, ...]
    deleted: tuple[str, ...]


def resource_changes_of(event: Mapping[str, Any], service: str, operation: str) -> ResourceChanges:
    """Return what an event created and deleted. An event that failed or names no resource has neither."""
    if event.get("errorCode"):
        return ResourceChanges((), ())
    named = (service, operation)
    parameters = event.get("requestParameters")
    if operation == _FUNCTION_DELETED and isinstance(parameters, Mapping) and parameters.get("qualifier"):
        return ResourceChanges((), ())  # only one version of the function was deleted
    return ResourceChanges(*(_named(event, table.get(named)) for table in (_CREATED, _DELETED)))


def _named(event: Mapping[str, Any], place: tuple[str, str] | None) -> tuple[str, ...]:
    if place is None:
        return ()
    kind, path = place
    value: Any = event
    for member in path.split("."):
        if is_omitted(value):
            value = f"of event {event.get('eventID')}"
            break
        value = value.get(member) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or not value:
        return ()
    region = event.get("awsRegion") if kind in _REGIONAL else None
    return (f"{kind} {value[:500]}" + (f" in {region}" if isinstance(region, str) else ""),)


def is_omitted(value: Any) -> bool:
    """Return whether CloudTrail left out the parameters or the answer, because it has more than 100 KB.

    The caller can cause that. For example, IAM accepts a role's trust policy with 100 KB of spaces. The event then has
    {"reason": "requestParameters too large", "omitted": true, "originalSize": 131072}.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    return isinstance(value, Mapping) and value.get("omitted") in (True, "true")
