"""Checks a target's roles: they must allow what grants need and refuse everything else.

Every attempt is harmless, even when a role answers wrongly. Its session is denied everything, or may make one call that
changes nothing.

A request to delete something nonexistent shows whether the session may delete. Without permission, IAM answers
AccessDenied. With permission, IAM looks for the thing and answers NoSuchEntity.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jitney.core.access.deny_document import DENY_POLICY_NAME
from jitney.core.config import Target

ALLOWED, DENIED, NO_SUCH_ENTITY = "allowed", "AccessDenied", "NoSuchEntity"
NOT_TRIED = "not_tried"
"""The answer of an attempt whose session could not be created."""
SESSION_PREFIX = "g-check-"
"""Prefix of the names of a check's sessions.

The roles' trust policy accepts it, and no grant's id has a second hyphen.
"""
NON_GRANT_PREFIX = "check-"
SESSION_SECONDS = 900
NONEXISTENT_POLICY = "JitneyCheck"
"""A policy that no role of Jitney has."""

# CloudFormation compares a template with the last one, not with the resources. So deploying it again repairs nothing.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html
_AGAIN = "deploy the target's stack with --revert-drift (docs/targets.md)."
_TRUST = f"The trust policy of {{role}} was changed: {_AGAIN}"
_POLICIES = f"The policies of {{role}} were changed: {_AGAIN}"
_BOUNDARY = f"The role {{role}} must have the boundary {{arn}}: {_AGAIN}"
_DEPLOY = f"Deploy the target's stack, after the broker's. If it is deployed as configured, {_AGAIN}"


class Attempt(NamedTuple):
    """One attempt: the parameters of sts:AssumeRole, and the IAM call that the session then makes, or None.

    `expected` lists the right answers: ALLOWED, or error codes. `fix` says what to do about any other answer.
    """

    name: str
    description: str
    expected: tuple[str, ...]
    fix: str
    assume: Mapping[str, Any]
    then: tuple[str, Mapping[str, str]] | None = None


class AttemptResult(NamedTuple):
    """An attempt and the answer from AWS."""

    attempt: Attempt
    answer: str

    @property
    def ok(self) -> bool:
        """Whether AWS answered as expected."""
        return self.answer in self.attempt.expected

    def view(self) -> dict[str, Any]:
        """Return the attempt as the API shows it, without credentials."""
        attempt = self.attempt
        return {
            "name": attempt.name,
            "description": attempt.description,
            "expected": list(attempt.expected),
            "answer": self.answer,
            "ok": self.ok,
            "fix": "" if self.ok else attempt.fix,
        }


def attempts(target: Target, session: str, principal: str, human: str) -> tuple[Attempt, ...]:
    """Return the attempts of a check of `target`.

    Their sessions are named `session`, which begins with SESSION_PREFIX, and have the source identity `principal`.
    """
    return (*_of_the_role(target, session, principal, human), *_of_the_revoker(target, session))


def _of_the_role(target: Target, session: str, principal: str, human: str) -> Iterator[Attempt]:
    tags = {"grant": session, "agent": principal, "unit": principal, "human": human}
    whole = {
        "RoleArn": target.role_arn,
        "RoleSessionName": session,
        "ExternalId": target.external_id,
        "SourceIdentity": principal,
        "Tags": _tags(tags),
        "Policy": _policy("Deny", "*", "*"),
        "DurationSeconds": SESSION_SECONDS,
    }
    non_grant = NON_GRANT_PREFIX + session.removeprefix(SESSION_PREFIX)
    fix = _TRUST.format(role=target.role_arn)
    yield Attempt("role", "assume the role as a grant does", (ALLOWED,), _DEPLOY, whole)
    for name, description, change in (
        ("role_no_external_id", "assume it without the external id", {"ExternalId": None}),
        ("role_wrong_external_id", "assume it with another external id", {"ExternalId": _other(target)}),
        ("role_no_source_identity", "assume it without a source identity", {"SourceIdentity": None}),
        ("role_no_tags", "assume it without session tags", {"Tags": None}),
        ("role_no_agent", "assume it without the agent tag", {"Tags": _tags({**tags, "agent": ""})}),
        ("role_no_unit", "assume it without the unit tag", {"Tags": _tags({**tags, "unit": ""})}),
        ("role_non_grant_tag", "assume it with a grant tag of no grant", {"Tags": _tags({**tags, "grant": non_grant})}),
        ("role_extra_tag", "assume it with an additional tag", {"Tags": _tags({**tags, "more": "x"})}),
        ("role_non_grant_name", "assume it with a session name of no grant", {"RoleSessionName": non_grant}),
    ):
        yield Attempt(name, description, (DENIED,), fix, _changed(whole, change))
    yield from _of_the_profiles(target, whole)
    name = _name(target.role_arn)
    yield Attempt(
        "role_changes_itself",
        "change the role's own policies in its own session",
        (DENIED,),
        _POLICIES.format(role=target.role_arn),
        whole | {"Policy": _policy("Allow", "iam:DeleteRolePolicy", target.role_arn)},
        ("delete_role_policy", {"RoleName": name, "PolicyName": NONEXISTENT_POLICY}),
    )


def _of_the_profiles(target: Target, whole: Mapping[str, Any]) -> Iterator[Attempt]:
    """Yield an attempt for each access profile: to create a session with its managed policy.

    The broker cannot read the policy. Its name has the hash of the configured content.
    """
    for profile, each in target.access_profiles.items():
        description = f"create a session with the policy of access profile {profile}"
        policy = {"PolicyArns": [{"arn": each.policy_arn}]}
        yield Attempt(f"profile_{profile}", description, (ALLOWED,), _DEPLOY, {**whole, **policy})


def _of_the_revoker(target: Target, session: str) -> Iterator[Attempt]:
    whole = {
        "RoleArn": target.revoker_arn,
        "RoleSessionName": session,
        "ExternalId": target.external_id,
        "Policy": _policy("Deny", "*", "*"),
        "DurationSeconds": SESSION_SECONDS,
    }
    fix = _TRUST.format(role=target.revoker_arn)
    yield Attempt("revoker", "assume the revoker role", (ALLOWED,), _DEPLOY, whole)
    for name, description, change in (
        ("revoker_no_external_id", "assume it without the external id", {"ExternalId": None}),
        ("revoker_wrong_external_id", "assume it with another external id", {"ExternalId": _other(target)}),
    ):
        yield Attempt(name, description, (DENIED,), fix, _changed(whole, change))
    policies = _POLICIES.format(role=target.revoker_arn)
    for name, description, expected, operation, parameters in _revoker_calls(target):
        policy = _policy("Allow", f"iam:{operation.title().replace('_', '')}", "*")
        fix = policies if expected == (DENIED,) else _BOUNDARY.format(role=target.role_arn, arn=target.boundary_arn)
        yield Attempt(name, description, expected, fix, whole | {"Policy": policy}, (operation, parameters))


def _revoker_calls(target: Target) -> Iterator[tuple[str, str, tuple[str, ...], str, Mapping[str, str]]]:
    """Yield the name, description, expected answers, IAM operation and parameters of each attempt."""
    role, revoker = _name(target.role_arn), _name(target.revoker_arn)
    document, nothing = {"PolicyName": DENY_POLICY_NAME}, {"PolicyName": NONEXISTENT_POLICY}
    boundary = target.boundary_arn
    of_role, of_itself = {"RoleName": role}, {"RoleName": revoker}
    yield "revoker_reads", "read the deny document", (ALLOWED, NO_SUCH_ENTITY), "get_role_policy", of_role | document
    description = "write the role's inline policies while it has its boundary"
    yield "revoker_writes", description, (NO_SUCH_ENTITY,), "delete_role_policy", of_role | nothing
    description = "write another role's inline policies"
    yield "revoker_other_role", description, (DENIED,), "delete_role_policy", of_itself | nothing
    operation, given = "put_role_permissions_boundary", of_role | {"PermissionsBoundary": boundary}
    yield "revoker_sets_boundary", "set a boundary on the role", (DENIED,), operation, given
    version = {"PolicyArn": boundary, "VersionId": "v999999"}
    yield "revoker_changes_boundary", "change the boundary policy", (DENIED,), "delete_policy_version", version
    description, attached = "change the role's managed policies", of_role | {"PolicyArn": _unattached(target)}
    yield "revoker_attaches", description, (DENIED,), "detach_role_policy", attached


def _policy(effect: str, action: str, resource: str) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _changed(whole: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters updated by `change`. Parameters that become None are removed."""
    return {name: value for name, value in {**whole, **change}.items() if value is not None}


def _other(target: Target) -> str:
    return f"not-{target.external_id}"


def _unattached(target: Target) -> str:
    """Return the ARN of a nonexistent policy."""
    return f"{target.role_arn.partition(':role/')[0]}:policy/jitney/{NONEXISTENT_POLICY}"


def _name(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]
