"""What is tried on a target's roles, to see that they do what grants need and refuse everything else.

Every attempt is harmless, also where a role answers as it must not: sessions are denied everything or may do one call
that changes nothing. IAM says AccessDenied before it looks for what a call names, and NoSuchEntity after: asking to
delete what is not there shows who may delete.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jitney.core.access.deny_document import DENY_POLICY_NAME
from jitney.core.config import Target

ALLOWED, DENIED, NO_SUCH_ENTITY = "allowed", "AccessDenied", "NoSuchEntity"
NOT_TRIED = "not_tried"
"""The answer to a call whose session was not to be had."""
SESSION_PREFIX = "g-check-"
"""No grant's id has a second hyphen; the roles' trust takes every name that begins as a grant's."""
NON_GRANT_PREFIX = "check-"
SESSION_SECONDS = 900
NONEXISTENT_POLICY = "JitneyCheck"
"""A policy that no role of Jitney has."""

# CloudFormation compares a template with the last one, not with what is there: deploying it again repairs nothing.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html
_AGAIN = "deploy the target's stack with --revert-drift (docs/targets.md)."
_TRUST = f"Somebody has changed the trust policy of {{role}}: {_AGAIN}"
_POLICIES = f"Somebody has changed the policies of {{role}}: {_AGAIN}"
_BOUNDARY = f"The role {{role}} must have the boundary {{arn}}: {_AGAIN}"
_DEPLOY = f"Deploy the target's stack, after the broker's; if it is there as it is configured now, {_AGAIN}"


class Attempt(NamedTuple):
    """One call: the parameters of sts:AssumeRole, and what the session then calls of IAM, if anything.

    `expected` are the answers that are right: ALLOWED, or an error's code. `fix` is for any other.
    """

    name: str
    what: str
    expected: tuple[str, ...]
    fix: str
    assume: Mapping[str, Any]
    then: tuple[str, Mapping[str, str]] | None = None


class AttemptResult(NamedTuple):
    """An attempt and what AWS answered."""

    attempt: Attempt
    answer: str

    @property
    def ok(self) -> bool:
        """Whether AWS answered as it should."""
        return self.answer in self.attempt.expected

    def view(self) -> dict[str, Any]:
        """The attempt as the API shows it: no credential is in it."""
        attempt = self.attempt
        return {
            "name": attempt.name,
            "what": attempt.what,
            "expected": list(attempt.expected),
            "answer": self.answer,
            "ok": self.ok,
            "fix": "" if self.ok else attempt.fix,
        }


def attempts(target: Target, session: str, principal: str, human: str) -> tuple[Attempt, ...]:
    """What is tried on `target`, in sessions named `session` (SESSION_PREFIX and more) in the name of `principal`."""
    return (*_of_the_role(target, session, principal, human), *_of_the_revoker(target, session))


def _of_the_role(target: Target, session: str, principal: str, human: str) -> Iterator[Attempt]:
    tags = {"grant": session, "agent": principal, "human": human}
    whole = {
        "RoleArn": target.role_arn,
        "RoleSessionName": session,
        "ExternalId": target.external_id,
        "SourceIdentity": principal,
        "Tags": _tags(tags),
        "Policy": _policy("Deny", "*", "*"),
        "DurationSeconds": SESSION_SECONDS,
    }
    strange = NON_GRANT_PREFIX + session.removeprefix(SESSION_PREFIX)
    fix = _TRUST.format(role=target.role_arn)
    yield Attempt("role", "take the role as a grant does", (ALLOWED,), _DEPLOY, whole)
    for name, what, change in (
        ("role_no_external_id", "take it without the external id", {"ExternalId": None}),
        ("role_wrong_external_id", "take it with another external id", {"ExternalId": _other(target)}),
        ("role_no_source_identity", "take it without a source identity", {"SourceIdentity": None}),
        ("role_no_tags", "take it without session tags", {"Tags": None}),
        ("role_no_agent", "take it without the agent's tag", {"Tags": _tags({**tags, "agent": ""})}),
        ("role_non_grant_tag", "take it for what is no grant", {"Tags": _tags({**tags, "grant": strange})}),
        ("role_extra_tag", "take it with a tag more", {"Tags": _tags({**tags, "more": "x"})}),
        ("role_non_grant_name", "take it under a name that is no grant's", {"RoleSessionName": strange}),
    ):
        yield Attempt(name, what, (DENIED,), fix, _changed(whole, change))
    name = _name(target.role_arn)
    yield Attempt(
        "role_changes_itself",
        "change the role's own policies in a session of it",
        (DENIED,),
        _POLICIES.format(role=target.role_arn),
        whole | {"Policy": _policy("Allow", "iam:DeleteRolePolicy", target.role_arn)},
        ("delete_role_policy", {"RoleName": name, "PolicyName": NONEXISTENT_POLICY}),
    )


def _of_the_revoker(target: Target, session: str) -> Iterator[Attempt]:
    whole = {
        "RoleArn": target.revoker_arn,
        "RoleSessionName": session,
        "ExternalId": target.external_id,
        "Policy": _policy("Deny", "*", "*"),
        "DurationSeconds": SESSION_SECONDS,
    }
    fix = _TRUST.format(role=target.revoker_arn)
    yield Attempt("revoker", "take the revoking role", (ALLOWED,), _DEPLOY, whole)
    for name, what, change in (
        ("revoker_no_external_id", "take it without the external id", {"ExternalId": None}),
        ("revoker_wrong_external_id", "take it with another external id", {"ExternalId": _other(target)}),
    ):
        yield Attempt(name, what, (DENIED,), fix, _changed(whole, change))
    policies = _POLICIES.format(role=target.revoker_arn)
    for name, what, expected, operation, parameters in _revokers_calls(target):
        policy = _policy("Allow", f"iam:{operation.title().replace('_', '')}", "*")
        fix = policies if expected == (DENIED,) else _BOUNDARY.format(role=target.role_arn, arn=target.boundary_arn)
        yield Attempt(name, what, expected, fix, whole | {"Policy": policy}, (operation, parameters))


def _revokers_calls(target: Target) -> Iterator[tuple[str, str, tuple[str, ...], str, Mapping[str, str]]]:
    """Name, sentence, expected answers, IAM's operation and its parameters."""
    role, revoker = _name(target.role_arn), _name(target.revoker_arn)
    document, nothing = {"PolicyName": DENY_POLICY_NAME}, {"PolicyName": NONEXISTENT_POLICY}
    boundary = target.boundary_arn
    of_role, of_itself = {"RoleName": role}, {"RoleName": revoker}
    yield "revoker_reads", "read the deny document", (ALLOWED, NO_SUCH_ENTITY), "get_role_policy", of_role | document
    what = "write the role's inline policies, its boundary being on"
    yield "revoker_writes", what, (NO_SUCH_ENTITY,), "delete_role_policy", of_role | nothing
    what = "write another role's inline policies"
    yield "revoker_other_role", what, (DENIED,), "delete_role_policy", of_itself | nothing
    operation, given = "put_role_permissions_boundary", of_role | {"PermissionsBoundary": boundary}
    yield "revoker_sets_boundary", "put a boundary on the role", (DENIED,), operation, given
    version = {"PolicyArn": boundary, "VersionId": "v999999"}
    yield "revoker_changes_boundary", "change what the boundary says", (DENIED,), "delete_policy_version", version
    what, attached = "change the role's managed policies", of_role | {"PolicyArn": _unattached(target)}
    yield "revoker_attaches", what, (DENIED,), "detach_role_policy", attached


def _policy(effect: str, action: str, resource: str) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _changed(whole: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with others in their place; without those that are None."""
    return {name: value for name, value in {**whole, **change}.items() if value is not None}


def _other(target: Target) -> str:
    return f"not-{target.external_id}"


def _unattached(target: Target) -> str:
    """The ARN of a policy that is not there."""
    return f"{target.role_arn.partition(':role/')[0]}:policy/jitney/{NONEXISTENT_POLICY}"


def _name(role_arn: str) -> str:
    return role_arn.rpartition("/")[2]
