"""Rows ID 1, 3 and 7: an issuer in a form that no token has, keys at another host, audiences of other services."""

import pytest

from jitney.configuration.foreign_audiences import owner_of
from jitney.configuration.known_issuers import KNOWN_ISSUERS, dpop_faults, issuer_faults, keys_faults
from tests.configuration.test_load import changed, compiled, problems, valid

__all__ = ["compiled"]  # a fixture

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
MICROSOFT = f"https://login.microsoftonline.com/{TENANT}"
EKS_IN_CHINA = "https://oidc.eks.cn-north-1.amazonaws.com.cn"
GITHUB = "https://token.actions.githubusercontent.com"


@pytest.mark.parametrize(
    "issuer",
    [
        f"{GITHUB}/",
        f"{GITHUB}/.well-known/openid-configuration",
        "https://gitlab.com/",
        "https://www.gitlab.com",
        f"{MICROSOFT}/v2.0/",
        MICROSOFT,
        MICROSOFT.replace(TENANT, "common") + "/v2.0",
        MICROSOFT.replace(TENANT, "acme.onmicrosoft.com") + "/v2.0",
        f"{MICROSOFT.replace(TENANT, TENANT.upper())}/v2.0",
        f"https://sts.windows.net/{TENANT}",
        "https://accounts.google.com/",
        "https://ACCOUNTS.google.com",
        "https://acme.eu.auth0.com",
        "https://oidc.eks.eu-west-1.amazonaws.com/id/",
        f"{EKS_IN_CHINA}/id/",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A1/",
        "https://oidc.circleci.com/org/acme",
        "https://app.terraform.io:443",
        "https://idp.example.com/.well-known/openid-configuration",
    ],
)
def test_id_01_an_issuer_that_no_token_names_is_refused_with_its_form(compiled, issuer):
    wrong, fix = problems(compiled, changed(("issuers.corp.issuer", issuer)))["issuers.corp.issuer"]
    assert issuer in wrong
    assert "https://" in fix or "calls issuer" in fix


@pytest.mark.parametrize(
    "issuer",
    [
        GITHUB,
        f"{GITHUB}/octo-enterprise",
        "https://github.example.com/_services/token",
        "https://gitlab.com",
        "https://gitlab.example.com/",
        f"{MICROSOFT}/v2.0",
        f"https://sts.windows.net/{TENANT}/",
        "https://acme.eu.auth0.com/",
        "https://acme.okta.com/oauth2/default",
        f"{EKS_IN_CHINA}/id/EXAMPLED539D4633E53DE1B716D3041E",
    ],
)
def test_id_01_issuers_as_tokens_name_them_are_accepted(issuer):
    assert list(issuer_faults(issuer)) == []


def test_id_06_issuers_that_only_look_the_same_are_refused(compiled):
    corp = valid()["issuers"]["corp"]
    for other in ("https://idp.example.com", "https://IDP.example.com/"):
        found = problems(compiled, changed(("issuers.again", corp | {"issuer": other, "audiences": ["again"]})))
        wrong, fix = found["issuers.again.issuer"]
        assert "of issuers.corp differ only in" in wrong
        assert "in both entries" in fix


@pytest.mark.parametrize(
    ("issuer", "keys", "wrong"),
    [
        (GITHUB, "https://token.action.githubusercontent.com/.well-known/jwks", "are not at token.action."),
        (GITHUB, f"{GITHUB}/.well-known/openid-configuration", "a discovery document"),
        ("https://accounts.google.com", "https://accounts.google.com/certs", "are not at accounts.google.com"),
        (f"https://sts.windows.net/{TENANT}/", "https://sts.windows.net/keys", "are not at sts.windows.net"),
        (f"{EKS_IN_CHINA}/id/A1", "https://oidc.eks.cn-north-1.amazonaws.com/keys", "are not at oidc.eks.cn-north-1."),
    ],
)
def test_id_07_keys_at_another_host_are_refused(compiled, issuer, keys, wrong):
    found = problems(compiled, changed(("issuers.corp.issuer", issuer), ("issuers.corp.jwks_uri", keys)))
    assert wrong in found["issuers.corp.jwks_uri"][0]
    assert found["issuers.corp.jwks_uri"][1].startswith("write ")


def test_id_07_keys_of_unknown_issuers_may_be_anywhere():
    assert list(keys_faults("https://idp.example.com", "https://keys.example.net/jwks")) == []
    assert (
        list(keys_faults(f"https://sts.windows.net/{TENANT}/", "https://login.windows.net/common/discovery/keys")) == []
    )
    assert list(keys_faults("https://accounts.google.com", "https://www.googleapis.com/oauth2/v3/certs")) == []


@pytest.mark.parametrize(
    ("audience", "owner"),
    [
        ("sts.amazonaws.com", "AWS STS"),
        ("https://kubernetes.default.svc", "Kubernetes"),
        ("https://kubernetes.default.svc.cluster.local", "Kubernetes"),
        ("api://AzureADTokenExchange", "Microsoft Entra ID"),
        ("https://github.com/acme", "names no audience"),
        ("//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b", "Google Cloud"),
        ("https://idp.example.com", "the issuer itself"),
        ("account", "Keycloak"),
        ("npm:packages.example.com", "npm"),
    ],
)
def test_id_03_an_audience_of_another_service_is_refused(compiled, audience, owner):
    wrong, fix = problems(compiled, changed(("issuers.corp.audiences", [audience])))["issuers.corp.audiences"]
    assert f'"{audience}" belongs to ' in wrong
    assert owner in wrong
    assert "such as jitney" in fix


@pytest.mark.parametrize("audience", ["jitney", "api://jitney", "https://jitney.example.com", "accounts", TENANT])
def test_id_03_audiences_of_jitney_are_accepted(audience):
    assert owner_of(audience, "https://idp.example.com") == ""


def test_only_auth0_of_the_known_issuers_may_bind_tokens_to_a_key():
    entries = {
        each.example: {"provider": "generic", "token": "access", "issuer": each.example} for each in KNOWN_ISSUERS
    }
    assert [issuer for issuer, entry in entries.items() if not [*dpop_faults(entry)]] == [
        "https://TENANT.REGION.auth0.com/"
    ]
    assert [*dpop_faults({"provider": "generic", "token": "access", "issuer": "https://id.example.com/realms/a"})] == []
