"""Reads and checks the member `permissions` of a request's body."""

import re
from collections.abc import Callable
from typing import Any

from jitney.core.access.condition_fields import read_conditions
from jitney.core.access.fields import FieldErrors
from jitney.core.access.request import Permission

MAX_PERMISSIONS = 50
MAX_NAMES = 200
MAX_ARN = 1024

_ACTION = re.compile(r"[A-Za-z0-9-]{1,64}:[A-Za-z0-9*?]{1,128}", re.ASCII)
# Printable ASCII. IAM also accepts U+00A0 to U+00FF. But Unicode has several spellings of those characters, and S3
# compares bytes. So the reviewer could read one key, and IAM could match another.
_ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9*?-]*:[^:]*:[\x21-\x7e][\x20-\x7e]*", re.ASCII)


def read_permissions(value: Any, faults: FieldErrors) -> tuple[Permission, ...]:
    """Return the permissions in a body, and add an error for each invalid part."""
    return tuple(
        _permission(item, f"/permissions/{index}", faults)
        for index, item in enumerate(faults.items(value, "/permissions", MAX_PERMISSIONS))
    )


def _permission(value: Any, pointer: str, faults: FieldErrors) -> Permission:
    if not isinstance(value, dict):
        faults.add(pointer, "The permission is not an object.", 'Write {"actions": [...], "resources": [...]}.')
        return Permission((), ())
    faults.unknown_members(value, ("actions", "resources", "conditions"), pointer)
    return Permission(
        _names(value.get("actions"), f"{pointer}/actions", faults, _check_action),
        _names(value.get("resources"), f"{pointer}/resources", faults, check_resource),
        read_conditions(value["conditions"], f"{pointer}/conditions", faults) if "conditions" in value else (),
    )


def _names(
    value: Any, pointer: str, faults: FieldErrors, check: Callable[[Any, str, FieldErrors], None]
) -> tuple[str, ...]:
    names = faults.items(value, pointer, MAX_NAMES)
    for index, name in enumerate(names):
        check(name, f"{pointer}/{index}", faults)
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))


def _check_action(name: Any, pointer: str, faults: FieldErrors) -> None:
    if not isinstance(name, str) or not _ACTION.fullmatch(name):
        faults.add(pointer, "The value is not an action.", 'Write "service:Name" in ASCII, such as "s3:GetObject".')


def check_resource(arn: Any, pointer: str, faults: FieldErrors) -> None:
    """Add an error if `arn` is neither "*" nor an ARN that a session policy can name literally."""
    if arn == "*":
        return
    if not is_arn(arn):
        faults.add(
            pointer,
            "The value is not an ARN that a session policy can name.",
            f'Write an ARN of at most {MAX_ARN} printable ASCII characters, such as "arn:aws:s3:::bucket/key", or "*".',
        )
    elif "${" in arn:
        # IAM expands policy variables. The decision would be about one name, and the session policy about another.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
        faults.add(pointer, "The ARN holds ${, which IAM reads as a policy variable.", "Write the name itself.")


def is_arn(arn: Any) -> bool:
    """Return whether `arn` is an ARN, with or without wildcards, that a session policy can name."""
    return isinstance(arn, str) and len(arn) <= MAX_ARN and bool(_ARN.fullmatch(arn))
