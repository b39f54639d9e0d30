"""Checks a target's roles: they must allow what grants need and refuse everything else.

Every attempt is harmless, even when a role answers wrongly. Its session is denied everything, or may make one call that
changes nothing.

A request to delete an object that does not exist shows whether the session may delete. Without permission, IAM answers
AccessDenied. With permission, IAM answers NoSuchEntity.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jitney.core.access.deny_document import DENY_POLICY_NAME
from jitney.core.target_config import Target
from jitney.core.target_roles import first_role

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
_ORGANIZATION = "{denial}: allow the action in that policy (docs/organizations.md)."
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
    """An attempt and the answer from AWS. `denial` says which policy of the organization denied the call, if any."""

    attempt: Attempt
    answer: str
    denial: str = ""

    @property
    def ok(self) -> bool:
        """Whether AWS answered as expected."""
        return self.answer in self.attempt.expected

    @property
    def _fix(self) -> str:
        """What to do. A denial by the organization is not a fault of the role."""
        return _ORGANIZATION.format(denial=self.denial) if self.denial else self.attempt.fix

    def view(self) -> dict[str, Any]:
        """Return the attempt as the API shows it, without credentials."""
        attempt = self.attempt
        return {
            "name": attempt.name,
            "description": attempt.description,
            "expected": list(attempt.expected),
            "answer": self.answer,
            "ok": self.ok,
            "fix": "" if self.ok else self._fix,
        }


def attempts(target: Target, session: str, principal: str, human: str) -> tuple[Attempt, ...]:
    """Return the attempts of a check of `target`.

    Their sessions are named `session`, which begins with SESSION_PREFIX, and have the source identity `principal`.
    """
    roles = (each for arn in target.role_arns for each in _of_a_role(target, arn, session, principal, human))
    return (*roles, *_of_the_revoker(target, session))


def _of_a_role(target: Target, role_arn: str, session: str, principal: str, human: str) -> Iterator[Attempt]:
    """Yield the attempts of one role. Names of attempts begin with "role" and, after the first role, its number."""
    named = _named(role_arn)
    tags = {"grant": session, "agent": principal, "unit": principal, "human": human}
    whole = {
        "RoleArn": role_arn,
        "RoleSessionName": session,
        "ExternalId": target.external_id,
        "SourceIdentity": principal,
        "Tags": _tags(tags),
        "Policy": _policy("Deny", "*", "*"),
        "DurationSeconds": SESSION_SECONDS,
    }
    non_grant = NON_GRANT_PREFIX + session.removeprefix(SESSION_PREFIX)
    fix = _TRUST.format(role=role_arn)
    yield Attempt(named, "assume the role as a grant does", (ALLOWED,), _DEPLOY, whole)
    for name, description, change in (
        ("no_external_id", "assume it without the external id", {"ExternalId": None}),
        ("wrong_external_id", "assume it with another external id", {"ExternalId": _other(target)}),
        ("no_source_identity", "assume it without a source identity", {"SourceIdentity": None}),
        ("no_tags", "assume it without session tags", {"Tags": None}),
        ("no_agent", "assume it without the agent tag", {"Tags": _tags({**tags, "agent": ""})}),
        ("no_unit", "assume it without the unit tag", {"Tags": _tags({**tags, "unit": ""})}),
        ("non_grant_tag", "assume it with a malformed grant tag", {"Tags": _tags({**tags, "grant": non_grant})}),
        ("extra_tag", "assume it with an additional tag", {"Tags": _tags({**tags, "more": "x"})}),
        ("non_grant_name", "assume it with a malformed session name", {"RoleSessionName": non_grant}),
    ):
        yield Attempt(f"{named}_{name}", description, (DENIED,), fix, _changed(whole, change))
    if role_arn == target.role_arn:
        yield from _of_the_profiles(target, whole)
    yield Attempt(
        f"{named}_changes_itself",
        "change the role's own policies in its own session",
        (DENIED,),
        _POLICIES.format(role=role_arn),
        whole | {"Policy": _policy("Allow", "iam:DeleteRolePolicy", role_arn)},
        ("delete_role_policy", {"RoleName": _name(role_arn), "PolicyName": NONEXISTENT_POLICY}),
    )


def _of_the_profiles(target: Target, whole: Mapping[str, Any]) -> Iterator[Attempt]:
    """Yield an attempt for each access profile: to create a session with its managed policy.

    The broker cannot read the policy, but its name contains the hash of the configured content.
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
    for each in (*_revoker_calls(target), *(call for arn in target.role_arns for call in _calls_on(target, arn))):
        policy = _policy("Allow", f"iam:{each.operation.title().replace('_', '')}", "*")
        then = (each.operation, each.parameters)
        yield Attempt(each.name, each.description, each.expected, each.fix, whole | {"Policy": policy}, then)


class _RevokerCall(NamedTuple):
    """A call of IAM that the revoker tries, with its parameters. The other fields are described in `Attempt`."""

    name: str
    description: str
    expected: tuple[str, ...]
    operation: str
    parameters: Mapping[str, str]
    fix: str


def _revoker_calls(target: Target) -> Iterator[_RevokerCall]:
    """Yield the calls that concern none of the roles for grants."""
    revoker, boundary = _name(target.revoker_arn), target.boundary_arn
    changed = _POLICIES.format(role=target.revoker_arn)
    description, other = "write another role's inline policies", {"RoleName": revoker, "PolicyName": NONEXISTENT_POLICY}
    yield _RevokerCall("revoker_other_role", description, (DENIED,), "delete_role_policy", other, changed)
    description, version = "change the boundary policy", {"PolicyArn": boundary, "VersionId": "v999999"}
    yield _RevokerCall("revoker_changes_boundary", description, (DENIED,), "delete_policy_version", version, changed)


def _calls_on(target: Target, role_arn: str) -> Iterator[_RevokerCall]:
    """Yield the calls that concern one role. Except for the first role, their names end with its number."""
    of_role, number = {"RoleName": _name(role_arn)}, _named(role_arn).removeprefix("role")
    changed = _POLICIES.format(role=target.revoker_arn)
    bounds = _BOUNDARY.format(role=role_arn, arn=target.boundary_arn)

    def call(
        name: str, description: str, expected: tuple[str, ...], operation: str, fix: str, **parameters: str
    ) -> _RevokerCall:
        return _RevokerCall(f"revoker_{name}{number}", description, expected, operation, of_role | parameters, fix)

    document, nothing = {"PolicyName": DENY_POLICY_NAME}, {"PolicyName": NONEXISTENT_POLICY}
    description = "read the deny document"
    yield call("reads", description, (ALLOWED, NO_SUCH_ENTITY), "get_role_policy", bounds, **document)
    description = "write the role's inline policies while it has its boundary"
    yield call("writes", description, (NO_SUCH_ENTITY,), "delete_role_policy", bounds, **nothing)
    description, boundary = "set a boundary on the role", {"PermissionsBoundary": target.boundary_arn}
    yield call("sets_boundary", description, (DENIED,), "put_role_permissions_boundary", changed, **boundary)
    description, attached = "change the role's managed policies", {"PolicyArn": _unattached(target)}
    yield call("attaches", description, (DENIED,), "detach_role_policy", changed, **attached)


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


def _named(role_arn: str) -> str:
    """Return "role" for a target's first role, and "role2" and so on for the others."""
    return role_arn.removeprefix(first_role(role_arn)).removeprefix(".") or "role"
