"""A sample token of each provider in docs/identity, and what it proves."""

from typing import Any, NamedTuple

from jitney.core.identity.providers import aws, entra, github_actions, kubernetes, okta
from tests.core.identity.minting import NOW

TIMES: dict[str, Any] = {"iat": NOW - 100, "exp": NOW + 3500}
ORG = "76d6e5b8-9b8a-4f2f-8b5a-2b2a5a2b5f0e"
CIRCLE_PROJECT = "4bb65eb6-2ea1-4d3c-95c5-3f6d5a2f1c11"
BITBUCKET_WORKSPACE = "9f1b5a1c-6a3e-4c4d-9f0b-2f7c1e5d8a10"
SUBSCRIPTION = "/subscriptions/662a4fee-a3ba-49b3-9caf-8c20ed04503f/resourcegroups/agents/providers"
TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
OKTA = "https://acme.okta.com/oauth2/aus9o8wzkhckw9TLa0h7"
OID = "b0f31bfd-1a79-4a2c-ba43-fd65c3666fdb"


class Sample(NamedTuple):
    """A token's claims, and the principal that it proves: `groups` without the issuer's alias, `facts` by label."""

    claims: dict[str, Any]
    subject: str
    unit: str
    groups: set[str]
    facts: dict[str, str]
    head: dict[str, Any] = {}  # noqa: RUF012 - never changed


GITLAB = {
    "namespace_id": "72",
    "namespace_path": "acme",
    "project_id": "20",
    "project_path": "acme/reports",
    "user_id": "1",
    "user_login": "ada",
    "user_email": "ada@example.com",
    "user_access_level": "developer",
    "pipeline_id": "574",
    "pipeline_source": "push",
    "job_id": "302",
    "ref": "main",
    "ref_type": "branch",
    "ref_path": "refs/heads/main",
    "ref_protected": "true",
    "environment": "production",
    "environment_protected": "true",
    "deployment_tier": "production",
    "runner_id": 1,
    "runner_environment": "gitlab-hosted",
    "sha": "714a629c0b401fdce83e847fc9589983fc6f46bc",
    "project_visibility": "private",
    "jti": "235b3a54-b797-45c7-ae9a-f72d7bc6ef5b",
    "iss": "https://gitlab.com",
    "sub": "project_path:acme/reports:ref_type:branch:ref:main",
    "aud": "jitney",
    "nbf": NOW - 105,
    **TIMES,
}
AUTH0 = {
    "iss": "https://acme.eu.auth0.com/",
    "sub": "8hQ2nT4mWz1kLrYc5vXo3uBd7fGjPe6a@clients",
    "aud": "https://jitney.example.com",
    "azp": "8hQ2nT4mWz1kLrYc5vXo3uBd7fGjPe6a",
    "scope": "read:reports request:aws",
    "gty": "client-credentials",
    "permissions": ["read:reports", "request:aws"],
    "iat": NOW - 100,
    "exp": NOW + 86300,
}
KEYCLOAK = {
    "jti": "trrtcc:2b6b2f3a-7f2e-4d59-9d1c-0f2e9a6f3b11",
    "iss": "https://keycloak.example.com/realms/acme",
    "aud": ["jitney", "account"],
    "sub": "5c7f4a0e-8d55-4a61-a7de-0f0d1c8c2e77",
    "typ": "Bearer",
    "azp": "reader-agent",
    "acr": "1",
    "realm_access": {"roles": ["offline_access", "default-roles-acme"]},
    "resource_access": {"jitney": {"roles": ["data-readers"]}, "account": {"roles": ["view-profile"]}},
    "scope": "profile email",
    "email_verified": False,
    "clientHost": "10.0.0.7",
    "clientAddress": "10.0.0.7",
    "preferred_username": "service-account-reader-agent",
    "client_id": "reader-agent",
    **TIMES,
}
COGNITO = {
    "sub": "1example23456789",
    "token_use": "access",
    "scope": "reports/read jitney/request",
    "auth_time": NOW - 100,
    "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A1b2C3d4E",
    "version": 2,
    "jti": "5b5d2f0c-5f2a-4b8e-9d93-1d3b3e9c5a77",
    "client_id": "1example23456789",
    **TIMES,
}
SPIFFE = {
    "iss": "https://oidc.example.org",
    "sub": "spiffe://example.org/ns/agents/sa/reader",
    "aud": ["jitney"],
    "exp": NOW + 300,
}
AZURE = {
    "aud": "api://jitney",
    "iss": f"https://sts.windows.net/{TENANT}/",
    "nbf": NOW - 40_000,
    "aio": "AWQAm/8aAAAAEczHZwd8",
    "appid": "ebdab26b-8a80-402c-821f-d5d203342fc2",
    "appidacr": "2",
    "idp": f"https://sts.windows.net/{TENANT}/",
    "idtyp": "app",
    "oid": OID,
    "sub": OID,
    "tid": TENANT,
    "uti": "sdmF4KgzXUu6N0IKMbQBAA",
    "ver": "1.0",
    "xms_mirid": f"{SUBSCRIPTION}/Microsoft.ManagedIdentity/userAssignedIdentities/reader",
    "iat": NOW - 40_000,
    "exp": NOW + 46_400,
}
GCP = {
    "iss": "https://accounts.google.com",
    "aud": "https://jitney.example.com",
    "azp": "107517467455664443765",
    "sub": "107517467455664443765",
    "email": "reader@acme-agents.iam.gserviceaccount.com",
    "email_verified": True,
    "google": {
        "compute_engine": {
            "project_id": "acme-agents",
            "project_number": 739419398126,
            "zone": "europe-west1-b",
            "instance_id": "152986662232938449",
            "instance_name": "reader-1",
            "instance_creation_timestamp": 1_699_990_000,
        }
    },
    **TIMES,
}
BUILDKITE = {
    "iss": "https://agent.buildkite.com",
    "sub": "organization:acme:pipeline:reports:ref:refs/heads/main:commit:750339bf:step:read",
    "aud": "jitney",
    "organization_slug": "acme",
    "organization_id": "0184990a-477b-4fa8-9968-496074483cee",
    "pipeline_slug": "reports",
    "pipeline_id": "0184990a-4782-42b5-afc1-16715b10b8ff",
    "build_number": 175,
    "build_branch": "main",
    "build_commit": "750339bf",
    "step_key": "read",
    "job_id": "018485f6-1f53-4f18-9b53-72428db4d239",
    "agent_id": "018485f6-eec2-4b61-a7be-0e35ef563df0",
    "nbf": NOW - 100,
    **TIMES,
}
TERRAFORM = {
    "jti": "1192426d-b525-4fde-9d69-f238be437bbd",
    "iss": "https://app.terraform.io",
    "aud": "jitney",
    "nbf": NOW - 105,
    "sub": "organization:acme:project:Default Project:workspace:reports:run_phase:plan",
    "terraform_run_phase": "plan",
    "terraform_workspace_id": "ws-mbsd5E3Ktt5Rg2Xm",
    "terraform_workspace_name": "reports",
    "terraform_organization_id": "org-GRNbCjYNpBB6NEBE",
    "terraform_organization_name": "acme",
    "terraform_project_id": "prj-vegSA59s1XPwMr2t",
    "terraform_run_id": "run-X3n1AUXNGWbfECsJ",
    "terraform_full_workspace": "organization:acme:project:Default Project:workspace:reports",
    **TIMES,
}
CIRCLECI = {
    "iss": f"https://oidc.circleci.com/org/{ORG}",
    "aud": ORG,
    "sub": f"org/{ORG}/project/{CIRCLE_PROJECT}/user/2e8c6b1c-1f6a-4f0d-8a55-6f5f8d3c1b22",
    "oidc.circleci.com/project-id": CIRCLE_PROJECT,
    "oidc.circleci.com/context-ids": ["a74579f1-2e7d-451e-b009-5c082ad2729e"],
    "oidc.circleci.com/vcs-origin": "github.com/acme/reports",
    "oidc.circleci.com/vcs-ref": "refs/heads/main",
    "oidc.circleci.com/ssh-rerun": False,
    **TIMES,
}
REPOSITORY, ENVIRONMENT = "{c7c0b1a4-1a55-4c1f-9b1c-0c5e5e0c8a01}", "{3f1d5b7e-6c1c-4b6e-8a0e-1b3b5d7f9a02}"
BITBUCKET = {
    "iss": "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
    "aud": f"ari:cloud:bitbucket::workspace/{BITBUCKET_WORKSPACE}",
    "sub": f"{REPOSITORY}:{ENVIRONMENT}:{{0e6d7c3b-2a5f-4a0b-9c6d-8e7f6a5b4c03}}",
    "workspaceUuid": f"{{{BITBUCKET_WORKSPACE}}}",
    "repositoryUuid": REPOSITORY,
    "deploymentEnvironmentUuid": ENVIRONMENT,
    "pipelineUuid": "{5d1f2b3c-4e5f-4a6b-8c7d-9e0f1a2b3c04}",
    "stepUuid": "{0e6d7c3b-2a5f-4a0b-9c6d-8e7f6a5b4c03}",
    "branchName": "main",
    **TIMES,
}

SAMPLES: dict[str, Sample] = {
    "github": Sample(
        dict(github_actions.SAMPLE),
        "repo:583231/1296269:environment:production",
        "github.repository=583231-1296269",
        {
            "repository_owner_id:583231",
            "repository_id:1296269",
            "ref:refs/heads/main",
            "environment:production",
            "job_workflow_ref:octo-org/octo-automation/.github/workflows/deploy.yml@refs/heads/main",
        },
        {"Repository": "octo-org/octo-repo", "Event": "push", "Runner": "github-hosted"},
    ),
    "gitlab": Sample(
        GITLAB,
        "project_id=20+ref_type=branch+ref=main",
        "gitlab.project_id=20",
        {"namespace_id:72", "project_id:20", "environment:production"},
        {"Project": "acme/reports", "Branch or tag": "main", "Environment": "production", "Started by": "ada"},
    ),
    "auth0": Sample(
        AUTH0,
        "8hQ2nT4mWz1kLrYc5vXo3uBd7fGjPe6a@clients",
        "auth0.8hQ2nT4mWz1kLrYc5vXo3uBd7fGjPe6a@clients",
        {"permissions:read:reports", "permissions:request:aws"},
        {"Client": "8hQ2nT4mWz1kLrYc5vXo3uBd7fGjPe6a"},
    ),
    "keycloak": Sample(
        KEYCLOAK,
        "5c7f4a0e-8d55-4a61-a7de-0f0d1c8c2e77",
        "keycloak.5c7f4a0e-8d55-4a61-a7de-0f0d1c8c2e77",
        {"data-readers"},
        {"Client": "reader-agent", "Address": "10.0.0.7"},
    ),
    "cognito": Sample(
        COGNITO, "1example23456789", "cognito.1example23456789", set(), {"Client": "1example23456789"}, {"typ": None}
    ),
    "spiffe": Sample(
        SPIFFE,
        "spiffe://example.org/ns/agents/sa/reader",
        "",
        set(),
        {"SPIFFE ID": "spiffe://example.org/ns/agents/sa/reader"},
        {"typ": "JOSE", "alg": "ES256"},
    ),
    "azure": Sample(
        AZURE,
        f"{OID}@{TENANT}",
        "",
        set(),
        {"Managed identity": AZURE["xms_mirid"], "Client id": AZURE["appid"], "Object id": OID},
    ),
    "gcp": Sample(
        GCP,
        "107517467455664443765",
        "gcp.107517467455664443765",
        {"data-readers"},
        {"Service account": "reader@acme-agents.iam.gserviceaccount.com", "Project": "acme-agents"},
    ),
    "eks": Sample(
        dict(kubernetes.SAMPLE),
        "system:serviceaccount:agents:reader:14ee3fa4-a7e2-420f-9f9a-dbc4507c3798",
        "eks.namespace=agents",
        {"namespace:agents", "kubernetes.io.serviceaccount.name:reader"},
        {"Service account": "reader", "Namespace": "agents", "Pod": "reader-0"},
    ),
    "aws": Sample(
        {**aws.SAMPLE, "sub": "arn:aws:iam::123456789012:role/agents/reader"},
        "arn:aws:iam::123456789012:role/agents/reader",
        "",
        {"account:123456789012", "org:o-abc1234567"},
        {"Role": "arn:aws:iam::123456789012:role/agents/reader"},
        {"alg": "ES384"},
    ),
    "okta": Sample(
        {**okta.SAMPLE, "iss": OKTA, "uid": None, "sub": okta.SAMPLE["cid"], "scp": ["jitney.request"]},
        "0oabskvc6442nkvQO0h7",
        "okta.0oabskvc6442nkvQO0h7",
        {"data-readers"},
        {"Client id": "0oabskvc6442nkvQO0h7"},
    ),
    "entra": Sample(
        {**entra.SAMPLE, "roles": ["jitney.request"]},
        f"{entra.SAMPLE['oid']}@{entra.SAMPLE['tid']}",
        "",
        {"jitney.request"},
        {"Application id": "00001111-aaaa-2222-bbbb-3333cccc4444"},
    ),
    "buildkite": Sample(
        BUILDKITE,
        "pipeline_id=0184990a-4782-42b5-afc1-16715b10b8ff+build_branch=main",
        "buildkite.pipeline_id=0184990a-4782-42b5-afc1-16715b10b8ff",
        {"pipeline_id:0184990a-4782-42b5-afc1-16715b10b8ff"},
        {"Pipeline": "reports", "Branch": "main", "Build": "175", "Step": "read"},
    ),
    "terraform": Sample(
        TERRAFORM,
        "terraform_workspace_id=ws-mbsd5E3Ktt5Rg2Xm+terraform_run_phase=plan",
        "terraform.terraform_workspace_id=ws-mbsd5E3Ktt5Rg2Xm",
        {"terraform_workspace_id:ws-mbsd5E3Ktt5Rg2Xm", "terraform_run_phase:plan"},
        {"Workspace": TERRAFORM["terraform_full_workspace"], "Phase": "plan", "Run": "run-X3n1AUXNGWbfECsJ"},
    ),
    "circleci": Sample(
        CIRCLECI,
        f"oidc.circleci.com/project-id={CIRCLE_PROJECT}+oidc.circleci.com/vcs-ref=refs/heads/main",
        "",
        {"oidc.circleci.com/context-ids:a74579f1-2e7d-451e-b009-5c082ad2729e"},
        {"Repository": "github.com/acme/reports", "Branch or tag": "refs/heads/main"},
    ),
    "bitbucket": Sample(
        BITBUCKET,
        f"repositoryUuid={REPOSITORY}+deploymentEnvironmentUuid={ENVIRONMENT}",
        "",
        {f"repositoryUuid:{REPOSITORY}", f"deploymentEnvironmentUuid:{ENVIRONMENT}"},
        {"Repository": REPOSITORY, "Branch": "main", "Pipeline": BITBUCKET["pipelineUuid"]},
    ),
}
"""By the alias of the entry. `unit` is "" where it does not fit AWS's characters and is hashed."""
