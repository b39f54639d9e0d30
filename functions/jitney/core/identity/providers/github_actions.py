"""GitHub Actions ID tokens, one for each request of a job.

Any repository on GitHub can get a token for any audience. So `claims.require` must list an owner, a repository or an
enterprise by its number. Names can be reassigned and `sub` has several forms, so the identity consists of numbers. Its
form is "repo:OWNER_ID/REPOSITORY_ID:environment:NAME". A job without an environment has ":ref:REF" in place of the
environment.

By default, a token is admitted only for the events below, on a branch or tag, and from a runner of GitHub.
`claims.require` can change each of these rules. Some other events run unreviewed code (`pull_request`). Anyone who
comments or opens an issue can start others (`issue_comment`, `workflow_run`). A self-hosted runner keeps files of
earlier jobs. (GitHub, "OpenID Connect reference", "Events that trigger workflows", "Secure use reference". The numbers
are strings.)
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.identity.claim_rules import missing_claim
from jitney.core.identity.providers.known_claims import BOOLEAN, DIGITS, Form, KnownClaims, like, one_of
from jitney.core.identity.providers.provider import text_claim, workload_provider
from jitney.core.identity.signature import SignedClaims
from jitney.core.issuer_config import Issuer

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

_GROUP_CLAIMS = ("repository_owner_id", "repository_id", "ref", "environment", "job_workflow_ref")
_TENANTS = ("repository_owner_id", "repository_id", "enterprise_id")
_NUMBERS = (
    "actor_id", "enterprise_id", "repository_id", "repository_owner_id", "run_attempt", "run_id", "run_number",
)  # fmt: skip
_TEXTS = (
    "actor", "base_ref", "check_run_id", "enterprise", "environment", "environment_node_id", "event_name", "head_ref",
    "job_workflow_ref", "job_workflow_sha", "ref", "ref_protected", "ref_type", "repo_property_*", "repository",
    "repository_owner", "repository_visibility", "runner_environment", "sha", "workflow", "workflow_ref",
    "workflow_sha",
)  # fmt: skip
_WORKFLOW = like("octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main", r".+/\.github/workflows/.+@.+")
KNOWN = KnownClaims(
    names=(*_NUMBERS, *_TEXTS),
    forms={
        **dict.fromkeys(_NUMBERS, DIGITS),
        "ref": Form(r"refs/.+|[*?].*", "a whole ref, such as refs/heads/main"),
        "ref_protected": BOOLEAN,
        "ref_type": one_of("branch", "tag"),
        "repository": like("octo-org/octo-repo", r"[^/]+/[^/]+"),
        "repository_visibility": one_of("internal", "private", "public"),
        "runner_environment": one_of("github-hosted", "self-hosted"),
        **dict.fromkeys(("job_workflow_ref", "workflow_ref"), _WORKFLOW),
    },
    subject=r"repo:[0-9]+/[0-9]+:(environment:.+|ref:refs/.+)",
    example="repo:583231/1296269:ref:refs/heads/main",
    parts=("repo:{repository_owner_id}/{repository_id}:*",),
    tenants=_TENANTS,
    units=_TENANTS,
    required={
        "event_name": ("push", "schedule", "workflow_dispatch", "repository_dispatch", "release"),
        "ref": ("refs/heads/*", "refs/tags/*"),
        "runner_environment": ("github-hosted",),
    },
    tags=dict.fromkeys(
        ("event_name", "ref", "ref_protected", "ref_type", "repository_visibility", "runner_environment"), "string"
    ),
)


def _subject(claims: SignedClaims, _: Issuer) -> str:
    owner, repository = _number(claims, "repository_owner_id"), _number(claims, "repository_id")
    part = "environment" if "environment" in claims else "ref"
    return f"repo:{owner}/{repository}:{part}:{text_claim(claims, part)}"


def _number(claims: SignedClaims, name: str) -> str:
    value = text_claim(claims, name)
    if not (value.isascii() and value.isdigit()):
        raise missing_claim(name)
    return value


def _groups(claims: SignedClaims, _: Issuer) -> frozenset[str]:
    return frozenset(f"{name}:{text_claim(claims, name)}" for name in _GROUP_CLAIMS if name in claims)


def _unit(claims: SignedClaims, _: Issuer) -> str:
    """Return the repository. A person who pushes to it chooses refs, and often environments."""
    return f"repository={_number(claims, 'repository_owner_id')}-{_number(claims, 'repository_id')}"


PROVIDER = workload_provider(
    subject=_subject,
    groups=_groups,
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
    known=KNOWN,
    group_claims={name: name for name in _GROUP_CLAIMS},
)
