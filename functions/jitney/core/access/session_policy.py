"""The session policy of a grant. It allows exactly what was granted, and nothing after the grant's end.

Limits and characters: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import ipaddress
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from jitney.core.access.action_wildcards import with_wildcards
from jitney.core.access.request import Permission, permissions_view
from jitney.core.access.request_split import split
from jitney.core.access.sealed_policy import except_for, sealed_services, sealing_statements
from jitney.core.access.statements import CompactedRequest, Statement, compact, compact_request, regrouped
from jitney.core.actions import ActionTable
from jitney.core.problems import Problem
from jitney.core.target_config import Target
from jitney.core.times import iso

SESSION_POLICY_LIMIT = 2048
"""Characters of an inline session policy, including white space."""
SCOPING = "sts:GetScopedCredentials"


class SessionPolicyOptions(NamedTuple):
    """What a session policy holds in addition to the granted permissions and their end.

    `source_ip` is the address or network (CIDR) that calls must come from, or "" for any. It does not limit calls that
    an AWS service makes for the session. It denies calls through a VPC endpoint, because they carry no such address.

    `sealed` denies everything that was not granted, even where a resource policy allows it. If the statements do not
    fit, the policy allows the services as a whole, and the denials alone limit them.

    `wildcards` permits action wildcards that match only requested actions. They are used only where the policy would
    not fit otherwise.
    """

    source_ip: str = ""
    sealed: bool = False
    wildcards: bool = False


PLAIN = SessionPolicyOptions()


def options_for(target: Target, source_ip: str) -> SessionPolicyOptions:
    """Return the options of a target for a request from `source_ip`.

    Raises Problem when the target needs the address and it is missing.
    """
    if target.bind_to_caller and not source_ip:
        detail = f"Target {target.alias} binds credentials to the caller's address, which is unknown."
        raise Problem("request_invalid", detail, "Call the broker's API from where you use the credentials.")
    return SessionPolicyOptions(source_ip if target.bind_to_caller else "", target.sealed, target.action_wildcards)


_OUTSIDE = "NotIpAddressIfExists"


class SessionPolicy(NamedTuple):
    """A session policy as the compact JSON text for STS, and the ARNs of managed policies that STS adds to it."""

    text: str
    managed_arns: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The characters that STS counts against `SESSION_POLICY_LIMIT`."""
        return len(self.text) + sum(map(len, self.managed_arns))

    def document(self) -> dict[str, Any]:
        """Return the policy as a JSON object."""
        document: dict[str, Any] = json.loads(self.text)
        return document


def compile_policy(
    permissions: tuple[Permission, ...], ends_at: int, actions: ActionTable, options: SessionPolicyOptions = PLAIN
) -> SessionPolicy:
    """Return the policy that allows each permission's actions on its resources until `ends_at` (epoch seconds).

    The end is a Deny statement, which AWS evaluates at each request and which overrides resource policies. It can come
    sooner than STS's shortest lifetime of 900 seconds. Action wildcards in `permissions` must already be expanded, as
    they are in a decision.

    Raises Problem policy_too_large, with the sizes and a split that fits. A policy is never widened to fit.

    Raises Problem request_invalid when no denials of a sealed policy can express the conditions.

    Raises ValueError for no permissions, an unknown action or an invalid `source_ip`.
    """
    whole = compact_request(permissions, actions)
    if not whole.statements:
        raise ValueError("an empty session policy would allow everything that the role allows")
    denies = end_denials(ends_at, options)
    policy, statements = _fitted(whole, denies, actions, options, SESSION_POLICY_LIMIT)
    if policy.size > SESSION_POLICY_LIMIT:
        raise _too_large(policy, statements, _parts(whole, denies, actions, options))
    return policy


def scopable_policy(policy: SessionPolicy) -> SessionPolicy | None:
    """Return `policy` with permission for STS to scope a session down to `policy`, or None where that does not fit.

    Return None also for a policy with managed policies, because STS scopes down by an inline policy alone. Without a
    scoped session, the Deny statement for the end in `policy` ends the access.

    A session with the extended policy never leaves the broker, because its holder could create other sessions. The
    broker scopes it down from its own address. So `policy` denies other addresses, but the extended policy does not.
    """
    if policy.managed_arns:
        return None
    statements: list[dict[str, Any]] = policy.document()["Statement"]
    kept = [except_for(each, SCOPING) for each in statements if _OUTSIDE not in each.get("Condition", {})]
    allow = {"Effect": "Allow", "Action": SCOPING, "Resource": "*"}
    text = compact({"Version": "2012-10-17", "Statement": [allow, *kept]})
    return SessionPolicy(text) if len(text) <= SESSION_POLICY_LIMIT else None


def fitted_policy(
    whole: CompactedRequest,
    denies: Sequence[Any],
    actions: ActionTable,
    options: SessionPolicyOptions,
    limit: int = SESSION_POLICY_LIMIT,
) -> SessionPolicy:
    """Return the policy, shortened as far as `limit` requires and `options` allow. It may still be too large."""
    return _fitted(whole, denies, actions, options, limit)[0]


def _fitted(
    whole: CompactedRequest, denies: Sequence[Any], actions: ActionTable, options: SessionPolicyOptions, limit: int
) -> tuple[SessionPolicy, tuple[Statement, ...]]:
    """Return the result of `fitted_policy`, and its statements without wildcards."""
    policy = _policy(whole.statements, denies, options, limit)
    found = [(policy, whole.statements)]
    if policy.size <= limit:
        return found[0]
    # The statements of a sealed policy that does not fit are left out, so another grouping does not help.
    if not options.sealed and (others := regrouped(whole, limit)):
        found.append((_policy(others, denies, options, limit), others))
    if options.wildcards and all(each.size > limit for each, _ in found):
        shorter = with_wildcards(whole.statements, policy.size - limit, actions)
        found.append((_policy(shorter, denies, options, limit), whole.statements))
    return min(found, key=lambda each: each[0].size)


def _parts(
    whole: CompactedRequest, denies: Sequence[Any], actions: ActionTable, options: SessionPolicyOptions
) -> tuple[tuple[Permission, ...], ...]:
    """Return the permissions of requests that each fit and together are `whole`, or () if there are none."""
    parts = split(whole, lambda part: _policy(part, denies, options).size <= SESSION_POLICY_LIMIT)
    fit = (
        fitted_policy(compact_request(part, actions), denies, actions, options).size <= SESSION_POLICY_LIMIT
        for part in parts
    )
    return parts if all(fit) else ()


def _policy(
    statements: Sequence[Statement],
    denies: Sequence[Any],
    options: SessionPolicyOptions,
    limit: int = SESSION_POLICY_LIMIT,
) -> SessionPolicy:
    allows = [statement.body() for statement in statements]
    if not options.sealed:
        return _written([*allows, *denies])
    sealing = sealing_statements(statements)
    policy = _written([*allows, *denies, *sealing])
    if policy.size <= limit:
        return policy
    return _written([sealed_services(statements), *denies, *sealing])


def _written(statements: Sequence[Any]) -> SessionPolicy:
    return SessionPolicy(compact({"Version": "2012-10-17", "Statement": statements}))


def end_denials(ends_at: int, options: SessionPolicyOptions) -> list[dict[str, Any]]:
    """Return the Deny statements for the end (epoch seconds) and the caller's address.

    There is one statement per condition, because a statement applies only where all its conditions hold.
    """
    conditions: list[dict[str, Any]] = [{"DateGreaterThan": {"aws:CurrentTime": iso(ends_at)}}]
    if options.source_ip:
        network = str(ipaddress.ip_network(options.source_ip))
        outside = {_OUTSIDE: {"aws:SourceIp": network}, "BoolIfExists": {"aws:ViaAWSService": "false"}}
        conditions.append(outside)
    return [{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition} for condition in conditions]


def _too_large(
    policy: SessionPolicy, statements: Sequence[Statement], parts: tuple[tuple[Permission, ...], ...]
) -> Problem:
    largest = sorted(statements, key=lambda each: -each.size)[:5]
    fix = (
        f"Make {len(parts)} requests: repeat yours with the permissions of each entry of split."
        if parts
        else "Request fewer actions or resources, or a pattern that covers several of them."
    )
    return Problem(
        "policy_too_large",
        f"The session policy has {policy.size} characters; AWS accepts {SESSION_POLICY_LIMIT}.",
        fix,
        {
            "session_policy_size": {"characters": policy.size, "limit": SESSION_POLICY_LIMIT},
            "largest": [_contribution(statement) for statement in largest],
            "split": [{"permissions": permissions_view(part)} for part in parts],
        },
    )


def packed_too_large(policy: SessionPolicy, percent: int | None) -> Problem:
    """Return the problem that a policy, packed with the session's tags, is too large for STS.

    `percent` is the packed size in percent of STS's limit, if STS named it. STS documents no formula for it.
    """
    packed = f"{percent} % of" if percent else "more than"
    return Problem(
        "policy_too_large",
        f"STS packs the session policy and tags to {packed} what it accepts. The policy has {policy.size} of "
        f"{SESSION_POLICY_LIMIT} characters.",
        "Request fewer actions or resources, or a pattern that covers several of them, or make several requests.",
        {
            "session_policy_size": {"characters": policy.size, "limit": SESSION_POLICY_LIMIT},
            "packed_policy_size": {"percent": percent, "limit": 100},
        },
    )


def _contribution(statement: Statement) -> dict[str, Any]:
    """Return the size of a statement and its longest members."""
    return {
        "characters": statement.size,
        "actions": len(statement.actions),
        "resources": len(statement.resources),
        "longest_action": max(statement.actions, key=len),
        "longest_resource": max(statement.resources, key=len),
    }
