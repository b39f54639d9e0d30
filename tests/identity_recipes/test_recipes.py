"""Row ID 11: each entry in docs/identity loads, admits its provider's token, and refuses hostile variants of it."""

from typing import Any, NamedTuple

import pytest

from jitney.core.identity.providers import entra
from jitney.core.identity.refusal import Refusal
from tests.core.identity.minting import NOW
from tests.identity_recipes.pages import PAGES, blocks, changed_claims, compiled, config_of, principal_at
from tests.identity_recipes.samples import (
    AUTH0,
    AZURE,
    CIRCLECI,
    COGNITO,
    KEYCLOAK,
    OID,
    OKTA,
    SAMPLES,
    SUBSCRIPTION,
    TENANT,
)

BLOCKS = [(path.name, at) for path in sorted(PAGES.glob("*.md")) for at in range(len(blocks(path.name)))]


@pytest.mark.parametrize(("page", "at"), BLOCKS)
def test_id_11_each_entry_in_the_pages_can_be_copied(page: str, at: int) -> None:
    assert set(compiled(blocks(page)[at]).issuers) > {"people"}


def test_id_11_each_entry_for_agents_has_a_sample_token() -> None:
    entries = [entry for page, at in BLOCKS for entry in compiled(blocks(page)[at]).issuers.values()]
    assert {entry.name for entry in entries if entry.kind == "agent"} == {*SAMPLES, "ci"}


@pytest.mark.parametrize("alias", SAMPLES)
def test_id_11_a_recipe_admits_its_sample_token(alias: str) -> None:
    sample = SAMPLES[alias]
    principal = principal_at(config_of(alias), changed_claims(sample.claims, {}), **sample.head)

    assert (principal.issuer_name, principal.kind, principal.subject) == (alias, "agent", sample.subject)
    assert principal.groups == {f"{alias}/{group}" for group in sample.groups}
    assert sample.facts.items() <= dict(principal.facts).items()
    if sample.unit:
        assert principal.unit == sample.unit
    else:
        assert principal.unit.startswith(f"{alias}.")


class Variant(NamedTuple):
    """A change of a sample's claims that must be refused, the code, and a change of its header."""

    changes: dict[str, Any]
    code: str
    head: dict[str, Any] = {}  # noqa: RUF012 - never changed


ADMITTED = "token_not_admitted"
KIND = "token_kind"
COMMON = {
    "for another service": Variant({"aud": "wiki"}, "token_audience"),
    "for Jitney and another service": Variant({"aud": ["jitney", "wiki"]}, "token_audience"),
    "expired": Variant({"exp": NOW - 31}, "token_expired"),
    "without an end": Variant({"exp": None}, "token_claims"),
    "issued in the future": Variant({"iat": NOW + 31}, "token_not_yet_valid"),
    "too old": Variant({"iat": NOW - 3631}, "token_too_old"),
    "for logout": Variant({"events": {}}, KIND),
    "bound to a key": Variant({"cnf": {"jkt": "0ZcOCORZNYy"}}, KIND),
    "a client's assertion": Variant({}, KIND, {"typ": "client-authentication+jwt"}),
}
"""Variants for the recipes with one audience in `aud`."""
COMPUTE = {"project_id": "evil", "project_number": 1}
MIRID = "Microsoft.ManagedIdentity/userAssignedIdentities"
SA = "system:serviceaccount"
PRIVATE: dict[str, Any] = SAMPLES["eks"].claims["kubernetes.io"]
HOSTILE: dict[str, dict[str, Variant]] = {
    "github": {
        "a stranger's repository": Variant({"repository_owner_id": "1"}, ADMITTED),
        "an owner whose number begins alike": Variant({"repository_owner_id": "5832310"}, ADMITTED),
        "an owner by name": Variant({"repository_owner_id": "octo-org"}, "token_claims"),
        "an issue's comment": Variant({"event_name": "issue_comment"}, ADMITTED),
        "a workflow after a fork's": Variant({"event_name": "workflow_run"}, ADMITTED),
        "a pull request": Variant({"event_name": "pull_request", "ref": "refs/pull/7/merge"}, ADMITTED),
        "a pull request's target": Variant({"event_name": "pull_request_target"}, ADMITTED),
        "a pull request's review": Variant({"event_name": "pull_request_review"}, ADMITTED),
        "a ref of a pull request": Variant({"ref": "refs/pull/7/merge"}, ADMITTED),
        "an event in capitals": Variant({"event_name": "PUSH"}, ADMITTED),
        "no event": Variant({"event_name": None}, ADMITTED),
        "a self-hosted runner": Variant({"runner_environment": "self-hosted"}, ADMITTED),
        "no kind of runner": Variant({"runner_environment": None}, ADMITTED),
        "another environment": Variant({"environment": "dev"}, ADMITTED),
        "no environment": Variant({"environment": None}, ADMITTED),
        "a tag of another type": Variant({"ref_protected": True}, "token_claims"),
    },
    "gitlab": {
        **COMMON,
        "a stranger's project": Variant({"namespace_id": "73", "project_id": "21"}, ADMITTED),
        "a group whose number begins alike": Variant({"namespace_id": "720"}, ADMITTED),
        "a group by name": Variant({"namespace_id": "acme"}, ADMITTED),
        "several groups": Variant({"namespace_id": {"id": "72"}}, ADMITTED),
        "an unprotected branch": Variant({"ref_protected": "false"}, ADMITTED),
        "a merge request": Variant({"pipeline_source": "merge_request_event"}, ADMITTED),
        "no source": Variant({"pipeline_source": None}, ADMITTED),
        "another runner": Variant({"runner_environment": "self-hosted"}, ADMITTED),
        "no project": Variant({"project_id": None}, "token_claims"),
        "an empty branch": Variant({"ref": ""}, "token_claims"),
        "several branches": Variant({"ref": ["main"]}, "token_claims"),
        "an unprintable branch": Variant({"ref": "main\n"}, "token_subject"),
        "an unprintable environment": Variant({"environment": "prod\u202e"}, "token_groups"),
        "a tag of another type": Variant({"user_access_level": 30}, "token_claims"),
        "an access token": Variant({"scope": "api"}, KIND),
        "another server": Variant({"iss": "https://gitlab.com.evil.example"}, "token_issuer_unknown"),
    },
    "auth0": {
        **{name: each for name, each in COMMON.items() if "Jitney" not in name},
        "another client": Variant({"azp": "evil", "sub": "evil@clients"}, ADMITTED),
        "no client": Variant({"azp": None}, ADMITTED),
        "two clients": Variant({"client_id": "evil"}, ADMITTED),
        "a client as a list": Variant({"azp": [AUTH0["azp"]]}, "token_claims"),
        "a person's token": Variant({"sub": "auth0|65f1c0ffee", "gty": None}, ADMITTED),
        "a password grant": Variant({"gty": "password"}, ADMITTED),
        "without the scope": Variant({"scope": "read:reports"}, ADMITTED),
        "a scope that contains it": Variant({"scope": "request:aws2 xrequest:aws"}, ADMITTED),
        "a scope with a tab": Variant({"scope": "read:reports\trequest:aws"}, ADMITTED),
        "an ID token": Variant({"nonce": "n"}, KIND),
        "an unprintable permission": Variant({"permissions": ["a\nb"]}, "token_groups"),
        "the issuer without its slash": Variant({"iss": "https://acme.eu.auth0.com"}, "token_issuer_unknown"),
    },
    "keycloak": {
        **{name: each for name, each in COMMON.items() if "Jitney" not in name},
        "another client": Variant({"aud": "jitney", "azp": "evil", "client_id": "evil"}, ADMITTED),
        "several audiences, another client": Variant({"aud": ["jitney", "a"], "azp": "evil"}, "token_audience"),
        "two clients": Variant({"client_id": "writer"}, "token_audience"),
        "a person at that client": Variant({"preferred_username": "ada", "client_id": None}, ADMITTED),
        "a person named alike": Variant({"preferred_username": "xservice-account-a"}, ADMITTED),
        "no user name": Variant({"preferred_username": None}, ADMITTED),
        "a person with a client's user name": Variant({"clientAddress": None}, ADMITTED),
        "a refresh token": Variant({"typ": "Refresh"}, KIND),
        "an ID token": Variant({"typ": "ID"}, KIND),
        "another realm": Variant({"iss": KEYCLOAK["iss"] + "2"}, "token_issuer_unknown"),
        "roles that are no list": Variant({"resource_access": {"jitney": {"roles": "admin"}}}, "token_groups"),
        "an unprintable role": Variant({"resource_access": {"jitney": {"roles": ["a\0"]}}}, "token_groups"),
    },
    "cognito": {
        "another client": Variant({"client_id": "evil"}, "token_audience"),
        "no client": Variant({"client_id": None}, "token_claims"),
        "several clients": Variant({"client_id": ["1example23456789", "evil"]}, "token_claims"),
        "for another service": Variant({"aud": "https://wiki.example.com"}, "token_audience"),
        "for another service, with the client's name": Variant({"aud": "1example23456789"}, "token_audience"),
        "an ID token": Variant({"token_use": "id", "aud": "1example23456789", "client_id": None}, "token_claims"),
        "an ID token with a client": Variant({"token_use": "id"}, ADMITTED),
        "no use": Variant({"token_use": None}, ADMITTED),
        "another scope": Variant({"scope": "jitney/requests"}, ADMITTED),
        "a scope with a prefix": Variant({"scope": "xjitney/request"}, ADMITTED),
        "a person's scopes": Variant({"scope": "aws.cognito.signin.user.admin", "username": "ada"}, ADMITTED),
        "no scope": Variant({"scope": None}, ADMITTED),
        "another pool": Variant({"iss": COGNITO["iss"] + "x"}, "token_issuer_unknown"),
        "expired": Variant({"exp": NOW - 31}, "token_expired"),
        "too old": Variant({"iat": NOW - 3631}, "token_too_old"),
        "no time of issue": Variant({"iat": None}, "token_claims"),
    },
    "spiffe": {
        **{name: each for name, each in COMMON.items() if name != "a client's assertion"},
        "valid for longer than its bound": Variant({"exp": NOW + 3631}, "token_too_old"),
        "valid for ten years": Variant({"exp": NOW + 10 * 365 * 86400}, "token_too_old"),
        "a time of issue that is no number": Variant({"iat": "null"}, "token_claims"),
        "another trust domain": Variant({"sub": "spiffe://evil.org/ns/agents/sa/reader"}, ADMITTED),
        "a trust domain that begins alike": Variant({"sub": "spiffe://example.org.evil/ns/agents/x"}, ADMITTED),
        "another namespace": Variant({"sub": "spiffe://example.org/ns/web/sa/reader"}, ADMITTED),
        "a namespace that begins alike": Variant({"sub": "spiffe://example.org/ns/agents2/sa/a"}, ADMITTED),
        "no SPIFFE ID": Variant({"sub": "reader"}, ADMITTED),
        "a SPIFFE ID inside": Variant({"sub": "x/spiffe://example.org/ns/agents/a"}, ADMITTED),
        "an empty subject": Variant({"sub": ""}, ADMITTED),
        "an access token": Variant({}, KIND, {"typ": "at+jwt"}),
        "another typ": Variant({}, KIND, {"typ": "JOSE+JSON"}),
    },
    "azure": {
        "for another service": Variant({"aud": "https://management.azure.com/"}, "token_audience"),
        "another tenant": Variant({"tid": AZURE["oid"]}, "token_subject"),
        "another tenant's issuer": Variant({"iss": "https://sts.windows.net/f8cdef31/"}, "token_issuer_unknown"),
        "another client": Variant({"appid": "00001111-aaaa-2222-bbbb-3333cccc4444"}, ADMITTED),
        "no client": Variant({"appid": None}, ADMITTED),
        "two clients": Variant({"azp": "00001111-aaaa-2222-bbbb-3333cccc4444"}, ADMITTED),
        "a person": Variant({"idtyp": "user", "scp": "ask"}, ADMITTED),
        "no kind of identity": Variant({"idtyp": None}, ADMITTED),
        "an application with a secret": Variant({"xms_mirid": None, "appidacr": "1"}, ADMITTED),
        "a machine's own identity": Variant(
            {"xms_mirid": f"{SUBSCRIPTION}/Microsoft.Compute/virtualMachines/reader"}, ADMITTED
        ),
        "another subscription": Variant(
            {"xms_mirid": f"/subscriptions/evil/resourcegroups/agents/providers/{MIRID}/reader"}, ADMITTED
        ),
        "another resource group": Variant(
            {"xms_mirid": f"{SUBSCRIPTION.replace('/agents/', '/agents2/')}/{MIRID}/reader"}, ADMITTED
        ),
        "an object id that is none": Variant({"oid": "me@x"}, "token_subject"),
        "no object id": Variant({"oid": None}, "token_claims"),
        "an ID token": Variant({"appidacr": None}, KIND),
        "too many groups": Variant({"hasgroups": True}, "token_groups"),
        "older than a day": Variant({"iat": NOW - 86_431, "nbf": NOW - 86_431}, "token_too_old"),
        "expired": Variant({"exp": NOW - 31}, "token_expired"),
    },
    "gcp": {
        **COMMON,
        "another account": Variant({"sub": "1", "azp": "1"}, ADMITTED),
        "an account whose number begins alike": Variant({"sub": "1075174674556644437650"}, ADMITTED),
        "an account of the same address": Variant({"sub": "118", "email": "reader@acme-agents.evil"}, ADMITTED),
        "an account as a number": Variant({"sub": 107517467455664443765}, "token_claims"),
        "no account": Variant({"sub": None}, "token_claims"),
        "an unverified address": Variant({"email_verified": False}, ADMITTED),
        "no word of the address": Variant({"email_verified": None}, ADMITTED),
        "a person of a domain": Variant({"sub": "2", "hd": "evil.com", "azp": None}, ADMITTED),
        "another project": Variant({"sub": "3", "google": {"compute_engine": COMPUTE}}, ADMITTED),
        "the issuer without https": Variant({"iss": "accounts.google.com"}, "token_issuer_unknown"),
        "an access token": Variant({"scope": "openid"}, KIND),
    },
    "eks": {
        **COMMON,
        "another namespace": Variant(
            {"sub": f"{SA}:web:reader", "kubernetes.io": PRIVATE | {"namespace": "web"}}, ADMITTED
        ),
        "a namespace that begins alike": Variant(
            {"sub": f"{SA}:agents2:reader", "kubernetes.io": PRIVATE | {"namespace": "agents2"}}, ADMITTED
        ),
        "a sub of another account": Variant({"sub": f"{SA}:agents:admin"}, "token_subject"),
        "bound to a node": Variant({"kubernetes.io": {k: v for k, v in PRIVATE.items() if k != "pod"}}, ADMITTED),
        "an account without a uid": Variant(
            {"kubernetes.io": PRIVATE | {"serviceaccount": {"name": "reader"}}}, "token_claims"
        ),
        "an empty uid": Variant(
            {"kubernetes.io": PRIVATE | {"serviceaccount": {"name": "reader", "uid": ""}}}, "token_claims"
        ),
        "a pod without a uid": Variant({"kubernetes.io": PRIVATE | {"pod": {"name": "reader-0"}}}, "token_claims"),
    },
    "okta": {
        **{name: each for name, each in COMMON.items() if "Jitney" not in name},
        "another client": Variant({"cid": "evil", "sub": "evil"}, ADMITTED),
        "without the scope": Variant({"scp": ["other"]}, ADMITTED),
        "an ID token": Variant({"jti": "ID.0mP4"}, KIND),
        "Okta's own server": Variant({"iss": "https://acme.okta.com"}, "token_issuer_unknown"),
    },
    "entra": {
        **{name: each for name, each in COMMON.items() if "Jitney" not in name},
        "another client": Variant({"azp": AZURE["appid"]}, ADMITTED),
        "without the app role": Variant({"roles": ["other"]}, ADMITTED),
        "without any app role": Variant({"roles": None}, ADMITTED),
        "a person": Variant({"idtyp": "user", "scp": "ask"}, ADMITTED),
        "another tenant": Variant({"tid": AZURE["oid"]}, "token_subject"),
    },
    "circleci": {
        **{name: each for name, each in COMMON.items() if "Jitney" not in name},
        "another project": Variant({"oidc.circleci.com/project-id": "evil"}, ADMITTED),
        "a fork": Variant({"oidc.circleci.com/vcs-origin": "github.com/evil/reports"}, ADMITTED),
        "a branch": Variant({"oidc.circleci.com/vcs-ref": "refs/heads/feature"}, ADMITTED),
        "a job with a shell": Variant({"oidc.circleci.com/ssh-rerun": True}, ADMITTED),
        "another organization": Variant({"iss": CIRCLECI["iss"].replace("76", "77")}, "token_issuer_unknown"),
    },
}
CASES = [(alias, name) for alias, variants in HOSTILE.items() for name in variants]


@pytest.mark.parametrize(("alias", "name"), CASES)
def test_id_11_a_recipe_refuses_a_hostile_variant(alias: str, name: str) -> None:
    variant, sample = HOSTILE[alias][name], SAMPLES[alias]
    claims = changed_claims(sample.claims, variant.changes)
    with pytest.raises(Refusal) as caught:
        principal_at(config_of(alias), claims, **{**sample.head, **variant.head})

    assert caught.value.code == variant.code
    claim = caught.value.body().get("claim", "")
    assert claim in caught.value.detail
    assert claim or variant.code not in ("token_claims", ADMITTED) or "client" in caught.value.detail


def test_id_11_each_recipe_has_at_least_ten_hostile_variants() -> None:
    assert {alias for alias, variants in HOSTILE.items() if len(variants) < 10} == set()
    assert {"gitlab", "auth0", "keycloak", "cognito", "spiffe", "azure", "gcp"} <= HOSTILE.keys()


PEOPLE = {
    "okta-people": (
        {"iss": OKTA, "aud": "0oa1web9client2QO0h7", "sub": "00u5t60iloOHN9pBi0h7", "jti": "ID.0mP4"},
        "00u5t60iloOHN9pBi0h7",
        {"jti": "AT.0mP4", "cid": "0oabskvc6442nkvQO0h7"},
    ),
    "entra-people": (
        {
            "iss": entra.SAMPLE["iss"],
            "aud": "0f1e2d3c-4b5a-4697-8879-6a5b4c3d2e1f",
            "sub": "x",
            "oid": OID,
            "tid": TENANT,
        },
        f"{OID}@{TENANT}",
        {"idtyp": "app"},
    ),
    "cognito-people": (
        {"iss": COGNITO["iss"], "aud": "7web1client2example", "sub": "62c5c4d4-f0a1", "token_use": "id"}
        | {"cognito:groups": ["security"], "auth_time": NOW},
        "62c5c4d4-f0a1",
        {"token_use": "access", "client_id": "1example23456789"},
    ),
    "google-people": (
        {"iss": "https://accounts.google.com", "aud": "1234987819200.apps.googleusercontent.com", "hd": "example.com"}
        | {"sub": "10769150350006150715113082367"},
        "10769150350006150715113082367",
        {"hd": None},
    ),
}


@pytest.mark.parametrize("alias", PEOPLE)
def test_id_11_a_recipe_for_people_admits_them_and_no_machine(alias: str) -> None:
    claims, subject, machine = PEOPLE[alias]
    person = claims | {"iat": NOW, "exp": NOW + 300, "nonce": "n"}

    assert principal_at(config_of(alias), person).subject == subject
    with pytest.raises(Refusal):
        principal_at(config_of(alias), changed_claims(person, machine))


MACHINES = {
    "Auth0, client credentials": ("auth0-people", {"gty": "client-credentials"}),
    "Auth0, a client's sub": ("auth0-people", {"sub": AUTH0["sub"]}),
    "Auth0, the client itself": ("auth0-people", {"sub": "reader", "azp": "reader"}),
    "Keycloak, a service account": ("keycloak-people", {"preferred_username": "service-account-reader-agent"}),
    "Keycloak, in capitals": ("keycloak-people", {"preferred_username": "Service-Account-reader"}),
    "Keycloak, a client's address": ("keycloak-people", {"clientAddress": "10.0.0.7"}),
    "Keycloak, a client's host": ("keycloak-people", {"clientHost": "10.0.0.7"}),
    "Keycloak, a client's id": ("keycloak-people", {"clientId": "reader-agent"}),
    "an actor": ("keycloak-people", {"act": {"sub": "reader"}}),
}


@pytest.mark.parametrize("name", MACHINES)
def test_id_11_a_machines_token_never_passes_as_a_persons(name: str) -> None:
    alias, changes = MACHINES[name]
    settings = config_of(alias)
    entry = settings.issuers[alias]
    person = {"iss": entry.issuer, "aud": entry.audiences[0], "sub": "ada", "iat": NOW, "exp": NOW + 300, "nonce": "n"}

    assert principal_at(settings, person).kind == "human"
    with pytest.raises(Refusal) as caught:
        principal_at(settings, person | changes)
    assert caught.value.code == KIND


def test_id_11_a_spiffe_id_without_iat_is_admitted_until_its_bound() -> None:
    sample = SAMPLES["spiffe"]
    settings = config_of("spiffe")
    for changes in ({"exp": NOW + 3630}, {"iat": NOW - 3000, "exp": NOW + 86400}):
        assert principal_at(settings, sample.claims | changes, **sample.head).subject == sample.subject


def test_id_11_a_recreated_service_account_is_another_agent_with_the_same_owners() -> None:
    settings, first = config_of("eks"), SAMPLES["eks"].claims
    account = {"name": "reader", "uid": "00000000-a7e2-420f-9f9a-dbc4507c3798"}
    again = first | {"kubernetes.io": PRIVATE | {"serviceaccount": account}}
    one, other = (principal_at(settings, claims) for claims in (first, again))

    assert one.source_identity != other.source_identity
    assert (one.unit, one.agent_owners) == (other.unit, other.agent_owners)
    assert (one.unit, [each.name for each in one.agent_owners]) == ("eks.namespace=agents", ["people.alice"])


def test_id_11_values_cannot_imitate_another_subject() -> None:
    settings, claims = config_of("gitlab"), SAMPLES["gitlab"].claims
    pairs = [("branch", "main"), ("branch+ref=main", "x"), ("branch", "x+ref=main"), ("branch%2Bref", "main")]
    subjects = {principal_at(settings, claims | {"ref_type": kind, "ref": ref}).subject for kind, ref in pairs}
    assert len(subjects) == len(pairs)


def test_id_11_github_admits_listed_events_and_runners_and_shows_them_to_policies() -> None:
    [settings] = [compiled(block) for block in blocks("github.md") if "workflow_run" in block]
    claims = SAMPLES["github"].claims | {"event_name": "workflow_run", "runner_environment": "self-hosted"}
    tags = dict(principal_at(settings, claims).tags)

    assert (tags["event_name"], tags["runner_environment"]) == ("workflow_run", "self-hosted")
    with pytest.raises(Refusal, match=ADMITTED):
        principal_at(settings, claims | {"event_name": "schedule"})
