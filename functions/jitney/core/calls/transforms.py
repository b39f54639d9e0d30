"""Transforms: how a parameter's value names a resource when it is not the resource's name. ARN templates use them."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jitney.core.calls.call import AwsLocation
from jitney.core.calls.forms import EC2_TYPES, SSM_TYPES
from jitney.core.calls.partiql import table_of
from jitney.core.calls.roles import roles_within
from jitney.core.problems import Problem

Transform = Callable[[Any, AwsLocation], Iterable[str]]

DEFAULTS: Mapping[str, str] = {
    "or_default": "default",
    "or_primary": "primary",
    "or_any": "*",
    "revision": "*",
    "below": "",
    "rules_of": "rule",
    "load_balancer_type": "app",
}
"""What stands for an absent parameter: the service's default, or every resource."""

READS_ARNS = frozenset({"model_of_profile", "log_group", "key_id"})
"""The transforms that find a name in an ARN of another type or form."""

READS_URLS = frozenset({"queue_url"})
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
# As botocore parses it: anything that is not a version belongs to the key and is escaped as such.
_VERSION = re.compile(r"\?versionId=(\S+)\Z")
# A cross-Region inference profile, by its id or its ARN. The model's id follows the name of the Regions.
# https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
_PROFILE = re.compile(
    r"(?:arn:[\w:-]+:inference-profile/)?(?:global|us|us-gov|eu|apac|au|ca|jp|sa)\.(?P<model>[\w-]+\.[\w.:-]+)",
    re.ASCII,
)


def wrong_account(named: str, place: AwsLocation) -> Problem:
    """Return the problem that a call names another account than the target's."""
    fix = f"Name a resource of account {place.account}, or another target."
    return Problem("account_mismatch", f"{named[:200]!a} is not in account {place.account}.", fix)


def strings_in(value: Any) -> list[str]:
    """Return a string, or the strings of a list, as a list; [] for other values."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


def _each(change: Callable[[str], str | None]) -> Transform:
    """Return a transform of each string. `change` returns None for a string that names nothing."""
    return lambda value, _: [read for each in strings_in(value) if (read := change(each)) is not None]


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
    """Yield the ends of ARNs for EC2 ids. An id's prefix is its type.

    ARNs of images and snapshots have no account.
    """
    for name in strings_in(value):
        kind = EC2_TYPES.get(name.split("-")[0])
        if kind and re.fullmatch(r"[a-z]+-[0-9a-f]+", name, re.ASCII):
            yield f"{'' if kind in ('image', 'snapshot') else place.account}:{kind}/{name}"


def _launch_template(value: Any, _place: AwsLocation) -> Iterable[str]:
    """Return the template's id. If only its name is given, return "*", because ARNs hold no names."""
    return list(_members(value, "LaunchTemplateId")) or ["*"]


def _event_buses(value: Any, _place: AwsLocation) -> Iterable[str]:
    """Return the buses that the entries of PutEvents name. An entry without a bus goes to the default bus."""
    entries = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return list(dict.fromkeys(str(each.get("EventBusName", "default")) for each in entries))


def _rules_of(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield what precedes the rule's name in the ARNs of a bus's rules. ARNs do not name the default bus."""
    for name in strings_in(value):
        if found := _EVENT_BUS.fullmatch(name):
            if found[1] not in (None, place.account):
                raise wrong_account(name, place)
            yield "rule" if found[2] == "default" else f"rule/{found[2]}"


def _documents(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield what stands between Region and name in a document's ARNs. AWS's own documents have no account."""
    names = strings_in(value)
    yield from [f"{place.account}:document"] if names else []
    yield from [":document"] if any(name.startswith(("AWS", "Amazon")) for name in names) else []


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


def _log_group(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield a group's name, also when its ARN is given. Only ARNs in policies end with :*."""
    for name in strings_in(value):
        found = _LOG_GROUP.fullmatch(name)
        if found and found[1] not in (None, place.account):
            raise wrong_account(name, place)
        if found or not name.startswith("arn:"):
            yield found[2] if found else name


def _waf_place(value: Any, place: AwsLocation) -> Iterable[str]:
    """Yield the location of a list. Lists for CloudFront are global and belong to us-east-1."""
    for scope in strings_in(value):
        if scope == "REGIONAL":
            yield f"{place.region}:{place.account}:regional"
        elif scope == "CLOUDFRONT":
            yield f"us-east-1:{place.account}:global"


def _copy_source(value: Any, _place: AwsLocation) -> Iterable[str]:
    if isinstance(value, dict):
        bucket, key = value.get("Bucket"), value.get("Key")
        return [f"{bucket}/{key}"] if isinstance(bucket, str) and isinstance(key, str) else []
    source = _VERSION.sub("", strings_in(value)[0].removeprefix("/")) if strings_in(value) else ""
    # The caller escapes the key; Jitney does not guess which key an escaped one is.
    return [source] if "/" in source and "%" not in source and not source.startswith("arn:") else []


def _copied_version(value: Any, _place: AwsLocation) -> Iterable[str]:
    """Return the version of the copied object; [] when it is the newest one."""
    if isinstance(value, dict):
        return _members(value, "VersionId")
    return [found[1] for source in strings_in(value) if (found := _VERSION.search(source))]


def _deleted(*, versions: bool) -> Transform:
    """Return a transform that finds the keys of deleted versions or of deleted objects."""

    def transform(value: Any, _place: AwsLocation) -> Iterable[str]:
        objects = [each for each in _items(value, "Objects") if isinstance(each, dict)]
        return list(_members([each for each in objects if ("VersionId" in each) is versions], "Key"))

    return transform


def _members(value: Any, *names: str) -> Iterable[str]:
    """Return the strings at the path `names`."""
    return [each for each in _items(value, *names) if isinstance(each, str)]


def _items(value: Any, *names: str) -> list[Any]:
    """Return the items at the path `names`. Lists are flattened on the way and at the end."""
    found = _one_by_one(value)
    for name in names:
        found = [
            inner for item in found if isinstance(item, dict) and name in item for inner in _one_by_one(item[name])
        ]
    return found


def _one_by_one(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _at(*names: str) -> Transform:
    return lambda value, _: _members(value, *names)


def _in_transaction(kind: str) -> Transform:
    return _at(kind, "TableName")


TRANSFORMS: Mapping[str, Transform] = {
    "": _each(str),
    "set": lambda value, _: ["true"] if value is True else [],
    "or_default": _each(str),
    "or_primary": _each(str),
    "or_any": _each(str),
    "queue_url": _queue_url,
    "function_name": _function_name,
    "copy_source": _copy_source,
    "copied_version": _copied_version,
    "object_keys": _deleted(versions=False),
    "object_versions": _deleted(versions=True),
    "request_tables": lambda value, _: list(value) if isinstance(value, dict) else [],
    "tags_within": lambda value, _: [f"{len(tags)}"] if (tags := _items(value, "Tags")) else [],
    "tagged_types": _at("ResourceType"),
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
    "ec2_ids": _without_account,
    "ec2_instance": _each(lambda name: name if name.startswith("i-") else None),
    "managed_instance": _each(lambda name: name if name.startswith("mi-") else None),
    "launch_template": _launch_template,
    "rules_of": _rules_of,
    "root_of": _root_of,
    "log_group": _log_group,
    "waf_place": _waf_place,
    "documents": _documents,
    "roles_within": roles_within,
    "load_balancer_type": _each({"application": "app", "network": "net", "gateway": "gwy"}.get),
    "ssm_type": _each(SSM_TYPES.get),
    "file_system": _each(lambda name: name if name.startswith("fs-") else None),
    "access_point": _each(lambda name: name if name.startswith("fsap-") else None),
    "event_buses": _event_buses,
    "owned_by_aws": _each(lambda name: name if name.startswith(("AWS", "Amazon")) else None),
    "below": _each(lambda name: f"{name.strip('/')}/" if name.strip("/") else ""),
    "last_part": _each(lambda name: name.rpartition("/")[2] or None),
    "foundation_model": _each(lambda name: None if _PROFILE.fullmatch(name) else name),
    "inference_profile": _each(lambda name: name if _PROFILE.fullmatch(name) else None),
    "model_of_profile": _each(lambda name: found["model"] if (found := _PROFILE.fullmatch(name)) else None),
    # The name of a secret's ARN ends with six characters that Secrets Manager adds.
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
    "secret": _each(lambda name: f"{name}-??????"),
    # A name, where the resource's ARN has an id that AWS chose.
    "open": _each(lambda name: None if name.startswith("arn:") else "*"),
    "without_slash": _each(lambda name: name.removeprefix("/") or None),
    "key_id": _key_id,
    "alias_name": _each(lambda name: name.removeprefix("alias/")),
    "family": _each(lambda name: name.split(":")[0]),
    "revision": _each(lambda name: name.split(":")[1] if ":" in name else "*"),
    "escaped": _each(lambda name: name if re.fullmatch(r"[\w.+-]+", name, re.ASCII) else None),
}

_OF_NAMES = (
    "or_default or_primary or_any queue_url function_name copy_source secret without_slash key_id alias_name family "
    "revision escaped below last_part owned_by_aws ec2_ids ec2_instance managed_instance foundation_model "
    "inference_profile model_of_profile open ssm_type rules_of root_of log_group waf_place documents "
    "load_balancer_type file_system access_point copied_version"
)
CONTENT_TRANSFORMS = frozenset(TRANSFORMS) - {"", *_OF_NAMES.split()}
"""The transforms of values that hold more than a name. Their content may be secret."""

STRUCTURE_TRANSFORMS = frozenset(
    each for each in CONTENT_TRANSFORMS if each != "roles_within" and not each.startswith("partiql_")
)
"""The transforms that find members of a structure by name. The structure must be unambiguous."""
