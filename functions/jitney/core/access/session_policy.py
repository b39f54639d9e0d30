"""The session policy of a grant: exactly what was granted, until exactly when.

Limits and characters: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import ipaddress
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from jitney.core.access.action_wildcards import with_wildcards
from jitney.core.access.grant import permissions_view
from jitney.core.access.request import Permission
from jitney.core.access.request_split import split
from jitney.core.access.statements import CompactedRequest, Statement, compact, compact_request, one_or_many
from jitney.core.actions import ActionTable
from jitney.core.config import Target
from jitney.core.problems import Problem
from jitney.core.times import iso

SESSION_POLICY_LIMIT = 2048
"""Characters of an inline session policy, white space included."""
SCOPING = "sts:GetScopedCredentials"


class SessionPolicyOptions(NamedTuple):
    """What a session policy may hold beyond the grant and its end.

    `source_ip` is the address or network (CIDR) that calls must come from, "" for any; calls that an AWS service makes
    for the session are exempt, and calls through a VPC endpoint, which carry no such address, are denied. `sealed`
    denies every action that is not granted, even one that a resource policy allows the session. `wildcards` lets action
    wildcards stand for what was asked where the policy would not fit otherwise.
    """

    source_ip: str = ""
    sealed: bool = False
    wildcards: bool = False


PLAIN = SessionPolicyOptions()


def options_for(target: Target, source_ip: str) -> SessionPolicyOptions:
    """What a target's sessions may hold that are asked for from an address. Raises Problem where it needs one."""
    if target.bind_to_caller and not source_ip:
        detail = "This target's keys work from the address that asks for them, and that of this request is unknown."
        raise Problem("request_invalid", detail, "Ask the broker's API from where the keys are used.")
    return SessionPolicyOptions(source_ip if target.bind_to_caller else "", target.sealed, target.action_wildcards)


_OUTSIDE = "NotIpAddressIfExists"


class SessionPolicy(NamedTuple):
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


def compile_policy(
    permissions: tuple[Permission, ...], ends_at: int, actions: ActionTable, options: SessionPolicyOptions = PLAIN
) -> SessionPolicy:
    """The policy that allows each action on each resource of its permission, nothing else, and nothing after `ends_at`.

    The end is a Deny: AWS evaluates it at each request, it also stops what a resource policy grants to the session, and
    it reaches below STS's shortest lifetime of 900 seconds. `ends_at` in epoch seconds; actions in `permissions` are
    expanded already, as a decision's are. Raises Problem policy_too_large, with the sizes and a split that fits, rather
    than ever widening a policy to fit; ValueError for no permissions at all, an unknown action or no `source_ip`.
    """
    whole = compact_request(permissions, actions)
    if not whole.statements:
        raise ValueError("an empty session policy would allow whatever the role allows")
    denies = _denies(ends_at, options)
    policy = _fitted(whole, denies, actions, options)
    if policy.size > SESSION_POLICY_LIMIT:
        raise _too_large(policy, whole, _parts(whole, denies, actions, options))
    return policy


def scopable_policy(policy: SessionPolicy) -> SessionPolicy | None:
    """`policy` of a session that STS may also be asked to scope down to `policy`; None where that does not fit.

    For a session that never leaves the broker: its holder could make others of it. The broker scopes it down from where
    it is itself, so that the Deny of other addresses is left to `policy`.
    """
    statements: list[dict[str, Any]] = policy.document()["Statement"]
    kept = [_unsealed(each) for each in statements if _OUTSIDE not in each.get("Condition", {})]
    allow = {"Effect": "Allow", "Action": SCOPING, "Resource": "*"}
    text = compact({"Version": "2012-10-17", "Statement": [allow, *kept]})
    return SessionPolicy(text) if len(text) <= SESSION_POLICY_LIMIT else None


def _unsealed(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement, which denies no scoping if it denies all that is not granted."""
    granted = statement.get("NotAction")
    if granted is None:
        return statement
    names = [granted] if isinstance(granted, str) else granted
    return {**statement, "NotAction": sorted({*names, SCOPING})}


def _fitted(
    whole: CompactedRequest, denies: Sequence[Any], actions: ActionTable, options: SessionPolicyOptions
) -> SessionPolicy:
    """The shortest policy that `options` allow, which may still be too large."""
    policy = _policy(whole.statements, denies, options)
    if policy.size <= SESSION_POLICY_LIMIT or not options.wildcards:
        return policy
    return _policy(with_wildcards(whole.statements, policy.size - SESSION_POLICY_LIMIT, actions), denies, options)


def _parts(
    whole: CompactedRequest, denies: Sequence[Any], actions: ActionTable, options: SessionPolicyOptions
) -> tuple[tuple[Permission, ...], ...]:
    """The permissions of requests that each fit and together are `whole`; () if there are none."""
    room = SESSION_POLICY_LIMIT - _policy((), denies).size
    # A seal names each action once more.
    parts = split(whole, room // 2 if options.sealed else room)
    fit = (
        _fitted(compact_request(part, actions), denies, actions, options).size <= SESSION_POLICY_LIMIT for part in parts
    )
    return parts if all(fit) else ()


def _policy(
    statements: Sequence[Statement], denies: Sequence[Any], options: SessionPolicyOptions = PLAIN
) -> SessionPolicy:
    bodies = [*(statement.body() for statement in statements), *denies]
    if options.sealed:
        bodies.append(_deny_others(statements))
    return SessionPolicy(compact({"Version": "2012-10-17", "Statement": bodies}))


def _denies(ends_at: int, options: SessionPolicyOptions) -> list[dict[str, Any]]:
    """Denies of everything, each for itself: a statement applies only where all its conditions hold."""
    conditions: list[dict[str, Any]] = [{"DateGreaterThan": {"aws:CurrentTime": iso(ends_at)}}]
    if options.source_ip:
        network = str(ipaddress.ip_network(options.source_ip))
        outside = {_OUTSIDE: {"aws:SourceIp": network}, "BoolIfExists": {"aws:ViaAWSService": "false"}}
        conditions.append(outside)
    return [{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition} for condition in conditions]


def _deny_others(statements: Sequence[Statement]) -> dict[str, Any]:
    names = sorted({name for statement in statements for name in statement.actions})
    return {"Effect": "Deny", "NotAction": one_or_many(tuple(names)), "Resource": "*"}


def _too_large(policy: SessionPolicy, whole: CompactedRequest, parts: tuple[tuple[Permission, ...], ...]) -> Problem:
    largest = sorted(whole.statements, key=lambda each: -each.size)[:5]
    fix = (
        f"Make {len(parts)} requests: your own with the permissions of each entry of split in place of yours."
        if parts
        else "Ask for fewer actions or resources, or for a pattern that covers several of them."
    )
    return Problem(
        "policy_too_large",
        f"The session policy has {policy.size} characters; AWS takes {SESSION_POLICY_LIMIT}.",
        fix,
        {
            "session_policy_size": {"characters": policy.size, "limit": SESSION_POLICY_LIMIT},
            "largest": [_contribution(statement) for statement in largest],
            "split": [{"permissions": permissions_view(part)} for part in parts],
        },
    )


def _contribution(statement: Statement) -> dict[str, Any]:
    """What a statement costs, and what in it costs most."""
    return {
        "characters": statement.size,
        "actions": len(statement.actions),
        "resources": len(statement.resources),
        "longest_action": max(statement.actions, key=len),
        "longest_resource": max(statement.resources, key=len),
    }
