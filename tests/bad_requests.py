"""Named requests that are refused: a whole body or its bad members, and the code of the problem."""

from collections.abc import Mapping
from typing import Any

BAD: Mapping[str, tuple[bytes | dict[str, Any], str]] = {
    "malformed": (b'{"target": ', "body_malformed"),
    "a list": (b"[]", "body_malformed"),
    "a key twice": (b'{"target": "a", "target": "b"}', "body_malformed"),
    "unknown member": ({"role_arn": "arn:aws:iam::444455556666:role/Admin"}, "request_invalid"),
    "unknown target": ({"target": "nowhere"}, "target_unknown"),
    "wrong account": (
        {
            "permissions": [
                {"actions": ["dynamodb:GetItem"], "resources": ["arn:aws:dynamodb:eu-west-1:111122223333:table/orders"]}
            ]
        },
        "account_mismatch",
    ),
    "one megabyte": ({"reason": "x" * 1_000_000}, "body_too_large"),
    "ten thousand actions": (
        {"permissions": [{"actions": [f"s3:Get{number}" for number in range(10_000)], "resources": ["*"]}]},
        "body_too_large",
    ),
    "not ASCII": (
        {"permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/größe"]}]},
        "request_invalid",
    ),
    "negative duration": ({"duration_seconds": -5}, "request_invalid"),
    "a duration that is no number": ({"duration_seconds": "5m"}, "request_invalid"),
    "credentials for no time": ({"credential_seconds": 0}, "request_invalid"),
    "unknown action": (
        {"permissions": [{"actions": ["s3:GetObjct"], "resources": ["arn:aws:s3:::reports/a"]}]},
        "action_unknown",
    ),
    "nothing asked": ({"permissions": []}, "request_invalid"),
}
