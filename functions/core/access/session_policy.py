"""The session policy of a grant: exactly what was granted, until exactly when.

Limits and characters: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import json
from dataclasses import dataclass
from typing import Any

from core.access.request import Permission
from core.problems import Problem
from core.times import iso

LIMIT = 2048
"""Characters of an inline session policy, white space included."""


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """A session policy as the compact JSON text that is handed to STS."""

    text: str

    @property
    def size(self) -> int:
        """Characters, as STS counts them against `LIMIT`."""
        return len(self.text)

    def document(self) -> dict[str, Any]:
        """The policy as a JSON object, for people and answers."""
        document: dict[str, Any] = json.loads(self.text)
        return document


def compile_policy(permissions: tuple[Permission, ...], ends_at: int) -> SessionPolicy:
    """The policy that allows each action on each resource of its permission, nothing else, and nothing after `ends_at`.

    The end is a Deny: AWS evaluates it at each request, it also stops what a resource policy grants to the session, and
    it reaches below STS's shortest lifetime of 900 seconds. `ends_at` in epoch seconds. Raises Problem
    policy_too_large, with the sizes, rather than ever widening a policy to fit; ValueError for no permissions at all.
    """
    if not permissions:
        raise ValueError("an empty session policy would allow whatever the role allows")
    statements = [_allow(actions, resources) for resources, actions in _by_resources(permissions).items()]
    policy = SessionPolicy(_compact({"Version": "2012-10-17", "Statement": [*statements, _deny_after(ends_at)]}))
    if policy.size > LIMIT:
        raise Problem(
            "policy_too_large",
            f"The session policy has {policy.size} characters; AWS takes {LIMIT}.",
            "Ask for fewer actions or resources, or split the request: one request for each part.",
            {
                "session_policy_size": {"characters": policy.size, "limit": LIMIT},
                "largest": sorted((len(_compact(statement)) for statement in statements), reverse=True)[:5],
            },
        )
    return policy


def _by_resources(permissions: tuple[Permission, ...]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Actions by the set of resources they are granted on; equal sets share one statement, which widens nothing."""
    grouped: dict[tuple[str, ...], set[str]] = {}
    for permission in permissions:
        grouped.setdefault(tuple(sorted(set(permission.resources))), set()).update(permission.actions)
    return {resources: tuple(sorted(actions)) for resources, actions in sorted(grouped.items())}


def _allow(actions: tuple[str, ...], resources: tuple[str, ...]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": _one_or_many(actions), "Resource": _one_or_many(resources)}


def _deny_after(ends_at: int) -> dict[str, Any]:
    after = {"DateGreaterThan": {"aws:CurrentTime": iso(ends_at)}}
    return {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": after}


def _one_or_many(names: tuple[str, ...]) -> str | tuple[str, ...]:
    return names[0] if len(names) == 1 else names


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
