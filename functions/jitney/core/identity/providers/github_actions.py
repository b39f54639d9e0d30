"""GitHub Actions ID tokens, one for each request of a job.

Any repository on GitHub can get one for any audience, so a job must be admitted: its `repository_owner_id` or
`repository_id` in the settings `repository_owner_ids` and `repository_ids`, or its subject in `subject_groups`. Names
can be reassigned and `sub` has several forms, so the identity consists of the numbers:
"repo:OWNER_ID/REPOSITORY_ID:environment:NAME", or ":ref:REF" for a job without an environment. The settings `refs`,
`environments` and `job_workflow_refs` narrow further; each is a list of exact values. Runs for pull requests contain
unreviewed code: they are refused unless `pull_request_events` lists the event. (GitHub, "OpenID Connect reference"; the
numbers are strings in the token.)
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.config import Issuer
from jitney.core.identity.providers.provider import (
    Provider,
    always_machine,
    id_token_kinds,
    listed,
    missing_claim,
    not_admitted,
    text_claim,
)
from jitney.core.identity.signature import SignedClaims

SAMPLE: Mapping[str, Any] = {
    "iss": "https://token.actions.githubusercontent.com",
    "aud": "jitney",
    "sub": "repo:octo-org@583231/octo-repo@1296269:environment:production",
    "jti": "1e410ab1-302e-4e33-8c5f-869a4bd12c3b",
    "iat": 1_700_000_000,
    "nbf": 1_699_999_700,
    "exp": 1_700_000_300,
    "actor": "octocat",
    "actor_id": "583231",
    "environment": "production",
    "event_name": "push",
    "job_workflow_ref": "octo-org/octo-automation/.github/workflows/deploy.yml@refs/heads/main",
    "ref": "refs/heads/main",
    "ref_protected": "true",
    "ref_type": "branch",
    "repository": "octo-org/octo-repo",
    "repository_id": "1296269",
    "repository_owner": "octo-org",
    "repository_owner_id": "583231",
    "repository_visibility": "private",
    "run_id": "32291736541",
    "runner_environment": "github-hosted",
    "workflow": "deploy",
}
"""The claims of a job in the environment "production"."""

_NARROWING = {"refs": "ref", "environments": "environment", "job_workflow_refs": "job_workflow_ref"}
_GROUP_CLAIMS = ("repository_owner_id", "repository_id", "ref", "environment", "job_workflow_ref")


def _subject(claims: SignedClaims, issuer: Issuer) -> str:
    owner, repository = _number(claims, "repository_owner_id"), _number(claims, "repository_id")
    part = "environment" if "environment" in claims else "ref"
    subject = f"repo:{owner}/{repository}:{part}:{text_claim(claims, part)}"
    if (
        owner not in listed(issuer, "repository_owner_ids")
        and repository not in listed(issuer, "repository_ids")
        and subject not in issuer.subject_groups
    ):
        raise not_admitted(
            "The token's repository and its owner are not listed for this issuer.",
            "Add the numeric id of the repository or its owner to the issuer's settings in the configuration.",
        )
    _check_event(claims, issuer)
    for setting, name in _NARROWING.items():
        if setting in issuer.settings and claims.get(name) not in listed(issuer, setting):
            raise not_admitted(
                f"The token's {name} is not one of the issuer's {setting}.",
                f"Run the job where {name} has a configured value.",
            )
    return subject


def _number(claims: SignedClaims, name: str) -> str:
    value = text_claim(claims, name)
    if not (value.isascii() and value.isdigit()):
        raise missing_claim(name)
    return value


def _check_event(claims: SignedClaims, issuer: Issuer) -> None:
    """Refuse `pull_request`, `pull_request_target`, `pull_request_review` ...; the ref shows it too."""
    event = text_claim(claims, "event_name")
    for_pull_request = event.startswith("pull_request") or text_claim(claims, "ref").startswith("refs/pull/")
    if for_pull_request and event not in listed(issuer, "pull_request_events"):
        raise not_admitted(
            "The token's job runs for a pull request, which this issuer does not admit.",
            "Run the job on push, on a schedule or by hand, on a branch or tag of the repository.",
        )


def _groups(claims: SignedClaims, _: Issuer) -> frozenset[str]:
    return frozenset(f"{name}:{text_claim(claims, name)}" for name in _GROUP_CLAIMS if name in claims)


def _unit(claims: SignedClaims, _: Issuer) -> str:
    """Return the repository. Who pushes to it chooses refs, and often environments."""
    return f"repository={_number(claims, 'repository_owner_id')}-{_number(claims, 'repository_id')}"


PROVIDER = Provider(
    subject=_subject,
    kinds=id_token_kinds,
    groups=_groups,
    is_machine=always_machine,
    display=("sub",),
    fact_sources=(
        ("Repository", "repository"),
        ("Environment", "environment"),
        ("Branch or tag", "ref"),
        ("Workflow", "job_workflow_ref"),
        ("Event", "event_name"),
        ("Started by", "actor"),
        ("Runner", "runner_environment"),
        ("Run", "run_id"),
    ),
    unit=_unit,
)
