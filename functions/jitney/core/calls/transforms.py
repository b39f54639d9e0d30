"""Transforms: how a parameter's value names a resource when it is not the resource's name. ARN templates use them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jitney.core.calls.call import AwsLocation
from jitney.core.calls.escapes import escaped
from jitney.core.calls.forms import EC2_TYPES, SSM_TYPES
from jitney.core.calls.partiql import table_of
from jitney.core.calls.roles import roles_within
from jitney.core.calls.s3_transforms import S3_TRANSFORMS
from jitney.core.calls.values import Transform, each_string, items_at, members_at, strings_in, wrong_account

DEFAULTS: Mapping[str, str] = {
    "or_default": "default",
    "or_primary": "primary",
    "or_any": "*",
    "revision": "*",
    "below": "",
    "rules_of": "rule",
    "load_balancer_type": "app",
}
"""The value that replaces an absent parameter: the service's default, or every resource."""

READS_ARNS = frozenset(
    {"model_of_profile", "log_group", "key_id", "named_key", "secret", "access_point", "url_encoded"}
)
"""The transforms that find a name in an ARN of another type or form."""

READS_URLS = frozenset({"queue_url", "template_object"})
"""The transforms of parameters that hold web addresses.

Version 1 of the AWS CLI fetches addresses in other parameters.
"""

ADDS_WILDCARDS = frozenset({"secret", "revision", "launch_template", "key_id", "open"})
"""The transforms that add a wildcard to the value."""

_QUEUE_URL = re.compile(r"https?://[^/]+/(\d{12})/([\w-]+(?:\.fifo)?)", re.ASCII)
_PARTIAL_ARN = re.compile(r"(?:(\d{12}):)?(?:function:)?([\w-]+(?::[\w$-]+)?)", re.ASCII)
_EVENT_BUS = re.compile(r"(?:arn:[\w-]+:events:[\w-]+:(\d{12}):event-bus/)?([\w./-]+)", re.ASCII)
_ALIAS = re.compile(r"(?:arn:[\w-]+:kms:[\w-]+:(\d{12}):)?alias/[\w/:-]+", re.ASCII)
_LOG_GROUP = re.compile(r"arn:[\w-]+:logs:[\w-]+:(\d{12}):log-group:([\w./#-]+)(?::\*)?", re.ASCII)
# A cross-Region inference profile, by its id or its ARN. The model's id follows the name of the Regions.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
_PROFILE = re.compile(
    r"(?:arn:[\w:-]+:inference-profile/)?(?:global|us|us-gov|eu|apac|au|ca|jp|sa)\.(?P<model>[\w-]+\.[\w.:-]+)",
    re.ASCII,
)
_SECRET = re.compile(r"arn:[\w-]+:secretsmanager:[a-z0-9-]+:(\d{12}):secret:([\w/+=.@-]+)", re.ASCII)
_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}\Z", re.ASCII)
_KEY = re.compile(r"arn:[\w-]+:kms:([a-z0-9-]+:(\d{12}):key/[\w-]+)", re.ASCII)


def _queue_url(value: Any, place: AwsLocation) -> Iterable[str]:
    for url in strings_in(value):
        if found := _QUEUE_URL.fullmatch(url):
            if found[1] != place.account:
                raise wrong_account(url, place)
            yield found[2]


def _function_name(value: Any, place: AwsLocation) -> Iterable[str]:
    for name in strings_in(value):
        if found := _PARTIAL_ARN.fullmatch(name):
            if found[1] not in (None, place.account):
                raise wrong_account(name, place)
            yield found[2]


def _without_account(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield the last parts of ARNs for EC2 ids. An id's prefix is its type.

    ARNs of images and snapshots have no account.
    """
    for name in strings_in(value):
        kind = EC2_TYPES.get(name.split("-")[0])
        if kind and re.fullmatch(r"[a-z]+-[0-9a-f]+", name, re.ASCII):
            yield f"{'' if kind in ('image', 'snapshot') else place.account}:{kind}/{name}"


def _launch_template(value: Any, _place: AwsLocation) -> Iterable[str]:
    """Return the template's id. If only its name is given, return "*", because ARNs hold no names."""
    return list(members_at(value, "LaunchTemplateId")) or ["*"]


def _tagged(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield the account and type in the ARNs of tagged EC2 resources. ARNs of images and snapshots have no account."""
    for kind in dict.fromkeys(members_at(value, "ResourceType")):
        yield f"{'' if kind in ('image', 'snapshot') else place.account}:{kind}"


def _secret(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield the part of a secret's ARN after the account. It ends with six characters that Secrets Manager adds.

    A caller may leave them out.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
    """
    for name in strings_in(value):
        found = _SECRET.fullmatch(name)
        if found and (found[1] != place.account):
            raise wrong_account(name, place)
        if found and _SUFFIX.search(found[2]):
            yield found[2]
        elif found or not name.startswith("arn:"):
            yield f"{found[2] if found else name}-??????"


def _event_buses(value: Any, _place: AwsLocation) -> Iterable[str]:
    """Return the buses that the entries of PutEvents name. An entry without a bus goes to the default bus."""
    entries = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return list(dict.fromkeys(str(each.get("EventBusName", "default")) for each in entries))


def _rules_of(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield the part before the rule's name in the ARNs of a bus's rules. ARNs do not name the default bus."""
    for name in strings_in(value):
        if found := _EVENT_BUS.fullmatch(name):
            if found[1] not in (None, place.account):
                raise wrong_account(name, place)
            yield "rule" if found[2] == "default" else f"rule/{found[2]}"


def _documents(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield the part between Region and name in a document's ARNs. AWS's own documents have no account."""
    names = strings_in(value)
    yield from [f"{place.account}:document"] if names else []
    yield from [":document"] if any(name.startswith(("AWS", "Amazon")) for name in names) else []


def _percent_encoded(name: str) -> str | None:
    """Return an ARN of API Gateway as it is in a path of its API; None for another ARN."""
    return escaped(name) if re.match(r"arn:[\w-]+:apigateway:[a-z0-9-]+::/", name) else None


def _root_of(value: Any, place: AwsLocation) -> Iterable[str]:
    for account in strings_in(value):
        if account != place.account:
            raise wrong_account(account, place)
        yield account


def _key_id(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield a key's id; "*" for an alias, because keys are authorized by their id, which an alias does not reveal."""
    for name in strings_in(value):
        if found := _ALIAS.fullmatch(name):
            if found[1] not in (None, place.account):
                raise wrong_account(name, place)
            yield "*"
        elif not name.startswith("arn:"):
            yield name


def _named_key(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield the part of a key's ARN after the service; nothing for an alias, which does not reveal the key."""
    for name in strings_in(value):
        found = _KEY.fullmatch(name)
        if found and found[2] != place.account:
            raise wrong_account(name, place)
        if found:
            yield found[1]
        elif not name.startswith(("arn:", "alias/")):
            yield f"{place.region}:{place.account}:key/{name}"


def _log_group(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield a group's name, even if its ARN is given. Only ARNs in policies end with :*."""
    for name in strings_in(value):
        found = _LOG_GROUP.fullmatch(name)
        if found and found[1] not in (None, place.account):
            raise wrong_account(name, place)
        if found or not name.startswith("arn:"):
            yield found[2] if found else name


def _waf_place(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield the part of a WAF ARN between service and type. For CloudFront, resources are global and in us-east-1."""
    for scope in strings_in(value):
        if scope == "REGIONAL":
            yield f"{place.region}:{place.account}:regional"
        elif scope == "CLOUDFRONT":
            yield f"us-east-1:{place.account}:global"


def _at(*names: str) -> Transform:
    return lambda value, _: members_at(value, *names)


def _in_transaction(kind: str) -> Transform:
    return _at(kind, "TableName")


TRANSFORMS: Mapping[str, Transform] = {
    **S3_TRANSFORMS,
    "": each_string(str),
    "set": lambda value, _: ["true"] if value is True else [],
    "or_default": each_string(str),
    "or_primary": each_string(str),
    "or_any": each_string(str),
    "queue_url": _queue_url,
    "function_name": _function_name,
    "request_tables": lambda value, _: list(value) if isinstance(value, dict) else [],
    "tags_within": lambda value, _: [f"{len(tags)}"] if (tags := items_at(value, "Tags")) else [],
    "tagged": _tagged,
    "named": _at("Name"),
    "transact_get": _in_transaction("Get"),
    "transact_put": _in_transaction("Put"),
    "transact_update": _in_transaction("Update"),
    "transact_delete": _in_transaction("Delete"),
    "transact_check": _in_transaction("ConditionCheck"),
    "partiql_select": table_of("select"),
    "partiql_insert": table_of("insert"),
    "partiql_update": table_of("update"),
    "partiql_delete": table_of("delete"),
    "image_parameter": each_string(lambda name: name if name.startswith("resolve:ssm:") else None),
    "ec2_ids": _without_account,
    "ec2_instance": each_string(lambda name: name if name.startswith("i-") else None),
    "managed_instance": each_string(lambda name: name if name.startswith("mi-") else None),
    "launch_template": _launch_template,
    "rules_of": _rules_of,
    "root_of": _root_of,
    "log_group": _log_group,
    "waf_place": _waf_place,
    "documents": _documents,
    "roles_within": roles_within,
    "load_balancer_type": each_string({"application": "app", "network": "net", "gateway": "gwy"}.get),
    "file_system": each_string(lambda name: name if name.startswith("fs-") else None),
    "mount_point": each_string(lambda name: name if name.startswith("fsap-") else None),
    "event_buses": _event_buses,
    "owned_by_aws": each_string(lambda name: name if name.startswith(("AWS", "Amazon")) else None),
    "below": each_string(lambda name: f"{name.strip('/')}/" if name.strip("/") else ""),
    "last_part": each_string(lambda name: name.rpartition("/")[2] or None),
    "foundation_model": each_string(lambda name: None if _PROFILE.fullmatch(name) else name),
    "inference_profile": each_string(lambda name: name if _PROFILE.fullmatch(name) else None),
    "model_of_profile": each_string(lambda name: found["model"] if (found := _PROFILE.fullmatch(name)) else None),
    "secret": _secret,
    "without_slash": each_string(lambda name: name.removeprefix("/") or None),
    # A name, where the resource's ARN has an id that AWS chose.
    "open": each_string(lambda name: None if name.startswith("arn:") else "*"),
    "ssm_type": each_string(SSM_TYPES.get),
    "key_id": _key_id,
    "named_key": _named_key,
    "url_encoded": each_string(_percent_encoded),
    "vpc": lambda value, _: members_at(value, "SubnetIds") + members_at(value, "SecurityGroupIds"),
    "alias_name": each_string(lambda name: name.removeprefix("alias/")),
    "family": each_string(lambda name: name.split(":")[0]),
    "revision": each_string(lambda name: name.split(":")[1] if ":" in name else "*"),
    "escaped": each_string(lambda name: name if re.fullmatch(r"[\w.+-]+", name, re.ASCII) else None),
}

_OF_NAMES = (
    "or_default or_primary or_any queue_url function_name copy_source secret without_slash key_id alias_name family "
    "revision escaped below last_part owned_by_aws ec2_ids ec2_instance managed_instance foundation_model "
    "inference_profile model_of_profile open ssm_type rules_of root_of log_group waf_place documents "
    "load_balancer_type file_system mount_point copied_version directory_bucket access_point alias url_encoded "
    "template_object"
)
CONTENT_TRANSFORMS = frozenset(TRANSFORMS) - {"", *_OF_NAMES.split()}
"""The transforms of values that hold more than a name. Their content may be secret."""

STRUCTURE_TRANSFORMS = frozenset(each for each in CONTENT_TRANSFORMS if not each.startswith("partiql_"))
"""The transforms that find members of a structure by name. The structure must be unambiguous."""
