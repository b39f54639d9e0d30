"""Row ID 11: a rule about claims that never matches, or that admits all agents, is a configuration error."""

from typing import Any

import pytest

from jitney.configuration.claim_settings import ClaimSettings, subject_fault
from jitney.core.identity.providers import PROVIDERS
from jitney.core.patterns import wildcard_pattern
from tests.configuration.test_load import changed, compiled, problems, valid

__all__ = ["compiled"]  # a fixture

GITHUB = {
    "issuer": "https://token.actions.githubusercontent.com",
    "provider": "github_actions",
    "token": "id",
    "claims": {"require": {"repository_owner_id": ["583231"]}},
}
GOOGLE = {"issuer": "https://accounts.google.com", "provider": "google", "token": "id"}
EKS = {"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/E", "provider": "kubernetes", "token": "id"}
PERMISSION_SETS = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_"
AWS = {"issuer": "https://a1b2.tokens.sts.global.api.aws", "provider": "aws", "token": "id"}
ENTRA = {
    "issuer": "https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/",
    "provider": "entra",
    "clients": ["00001111-aaaa-2222-bbbb-3333cccc4444"],
}
GITLAB = {"issuer": "https://gitlab.com", "token": "id"}
UID = "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"


def entry(of_provider: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return an issuer's entry of a provider. `members` replace the entry's members; claims are merged."""
    claims = of_provider.get("claims", {}) | members.pop("claims", {})
    keys = {"jwks_uri": keys_of((of_provider | members).get("issuer", "https://idp.example.com/"))}
    return valid()["issuers"]["corp"] | keys | of_provider | {"claims": claims} | members


def keys_of(issuer: str) -> str:
    """Return an address at which the keys of the issuer can be."""
    elsewhere = {
        "https://accounts.google.com": "https://www.googleapis.com/oauth2/v3/certs",
        ENTRA["issuer"]: "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/discovery/v2.0/keys",
    }
    return elsewhere.get(issuer, f"{issuer.rstrip('/')}/keys")


def required(**claims: list[str]) -> dict[str, Any]:
    return {"claims": {"require": claims}}


def with_people(of_provider: dict[str, Any], **members: Any) -> dict[str, Any]:
    return changed(
        ("issuers.corp", entry(of_provider, **members)),
        ("issuers.staff", valid()["issuers"]["corp"] | {"issuer": "https://staff.example.com", "kind": "human"}),
    )


OWNER = "repository_owner_id"
COMPOSITE = {"subject": ["project_id", "ref"], "unit": ["project_id"]}
REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str, str, str]] = {
    # The entry, its changes, the key, what is wrong, and the fix.
    "GitHub admits anyone": (GITHUB, required(), "claims", "anyone can get a token", OWNER),
    "GitHub, any owner": (GITHUB, required(repository_owner_id=["*"]), "claims", "anyone", "without wildcards"),
    "GitHub, one of two owners open": (GITHUB, required(repository_owner_id=["1", "5*"]), "claims", "anyone", OWNER),
    "GitHub, owner by name": (GITHUB, required(repository_owner_id=["octo-org"]), "claims", '"octo-org"', "digits"),
    "GitHub, repository by name": (GITHUB, required(repository_id=["octo-org/octo-repo"]), "claims", "repo", "digits"),
    "GitHub, by name only": (GITHUB, required(repository=["octo-org/octo-repo"]), "claims", "anyone", OWNER),
    "GitHub, sub": (
        GITHUB,
        required(sub=["repo:octo-org/*"]),
        "claims",
        "no claim sub that a rule can use",
        "use one of",
    ),
    "GitHub, an unknown claim": (GITHUB, required(enviroment=["prod"]), "claims", "no claim", "environment"),
    "GitHub, a short ref": (GITHUB, required(repository_id=["1"], ref=["main"]), "claims", '"main"', "refs/heads"),
    "GitHub, no such runner": (
        GITHUB,
        required(repository_id=["1"], runner_environment=["hosted"]),
        "claims",
        '"hosted"',
        "github-hosted or self-hosted",
    ),
    "GitHub, no runner like that": (
        GITHUB,
        required(repository_id=["1"], runner_environment=["hosted*"]),
        "claims",
        '"hosted*"',
        "github-hosted or self-hosted",
    ),
    "GitHub, no such truth": (GITHUB, required(repository_id=["1"], ref_protected=["yes"]), "claims", "yes", "true or"),
    "GitHub, a tag of another type": (
        GITHUB,
        {"claims": {"tags": {"ref_protected": "bool"}}},
        "claims",
        "bool",
        "string",
    ),
    "GitHub, an unknown tag": (GITHUB, {"claims": {"tags": {"repo": "string"}}}, "claims", "no claim", "repository"),
    "GitHub, an unknown group": (GITHUB, {"claims": {"groups": ["team"]}}, "claims", "no claim", "use one of"),
    "GitHub, an unknown unit": (GITHUB, {"claims": {"unit": ["org_id"]}}, "claims", "no claim", "_id"),
    "GitHub, a unit that is chosen": (GITHUB, {"claims": {"unit": ["ref"]}}, "claims", "may choose ref", OWNER),
    "Kubernetes, a unit that is chosen": (
        EKS,
        {"claims": {"unit": ["kubernetes.io.pod.name"]}},
        "claims",
        "may choose",
        "kubernetes.io.namespace",
    ),
    "GitHub, an unknown fact": (GITHUB, {"claims": {"facts": {"Org": "org"}}}, "claims", "no claim", "use one of"),
    "GitHub, another subject": (
        GITHUB,
        {"claims": {"subject": ["actor_id"]}},
        "claims",
        "sets the subject",
        "tags",
    ),
    "GitHub, a client": (GITHUB, {"clients": ["cli"]}, "clients", "name no client", "leave clients out"),
    "Entra, a client by name": (ENTRA, {"clients": ["portal"]}, "clients", '"portal"', "UUID"),
    "Entra, another client": (ENTRA, required(azp=[UID]), "claims", "clients lists no azp", "only"),
    "a client that is not listed": (
        {"clients": ["portal"]},
        required(client_id=["cli-*"]),
        "claims",
        "clients lists no client_id",
        "clients only",
    ),
    "an audience that is not listed": (
        {"audience_claim": "client_id", "audiences": ["portal"]},
        required(client_id=["cli"]),
        "claims",
        "audiences lists no client_id",
        "audiences only",
    ),
    "an ID token with a scope": (GITLAB, required(namespace_id=["1"], scope=["jitney"]), "claims", "scope", "token"),
    "an access token with a nonce": ({"claims": {"tags": {"nonce": "string"}}}, {}, "claims", "nonce", "token"),
    "groups of a subject that is not admitted": (
        {"subject_groups": {"writer": ["a"]}},
        required(sub=["reader-*"]),
        "subject_groups",
        'no token of "writer"',
        "claims.require.sub",
    ),
    "GitHub, groups by name": (
        GITHUB,
        {"subject_groups": {"repo:octo-org/octo-repo:ref:refs/heads/main": ["a"]}},
        "subject_groups",
        "no subject",
        "repo:583231/1296269",
    ),
    "GitHub, groups by a wildcard": (
        GITHUB,
        {"subject_groups": {"repo:583231/1296269:*": ["a"]}},
        "subject_groups",
        "wildcard",
        "claims.groups",
    ),
    "GitHub, owners of another organization": (
        GITHUB,
        {"owners": {"repo:583232/*": ["staff/alice"]}},
        "owners",
        'admits no token of "repo:583232/*"',
        "claims.require.repository_owner_id",
    ),
    "Kubernetes, another namespace": (
        EKS | required(**{"kubernetes.io.namespace": ["agents", "team-*"]}),
        {"owners": {"system:serviceaccount:prod:reader:*": ["staff/alice"]}},
        "owners",
        "admits no token of",
        "claims.require.kubernetes.io.namespace",
    ),
    "AWS, a role on another path": (
        AWS | required(sub=["arn:aws:iam::123456789012:role/agents/*"]),
        {"subject_groups": {"arn:aws:iam::123456789012:role/scanner": ["a"]}},
        "subject_groups",
        "admits no token of",
        "claims.require.sub",
    ),
    "GitHub, owners by name": (
        GITHUB,
        {"owners": {"repo:octo-org/*": ["staff/alice"]}},
        "owners",
        "no subject",
        "repo:583231/1296269",
    ),
    "GitHub as generic": (GITHUB, {"provider": "generic"}, "claims", "not those of provider generic", "github_actions"),
    "Google admits anyone": (GOOGLE, {}, "claims", "anyone", "hd or sub"),
    "Google by address": (GOOGLE, required(email=["jsmith@example.com"]), "claims", "anyone", "hd or sub"),
    "Google, sub is no address": (GOOGLE, required(sub=["a@b.com"]), "claims", '"a@b.com"', "digits"),
    "Google, a domain's address": (GOOGLE, required(hd=["a@b.com"]), "claims", '"a@b.com"', "example.com"),
    "Kubernetes, subject without uid": (
        EKS,
        {"subject_groups": {"system:serviceaccount:agents:reader": ["a"]}},
        "subject_groups",
        "no subject",
        UID,
    ),
    "Kubernetes, a namespace in capitals": (
        EKS,
        {"claims": {"require": {"kubernetes.io.namespace": ["Agents"]}}},
        "claims",
        '"Agents"',
        "lower case",
    ),
    "Kubernetes, a short claim": (EKS, required(namespace=["agents"]), "claims", "no claim", "kubernetes.io.namespace"),
    "Kubernetes, a client": (EKS, {"clients": ["cli"]}, "clients", "name no client", "leave clients out"),
    "AWS, tags that the caller chose": (
        AWS,
        {"claims": {"require": {"https://sts.amazonaws.com/.request_tags.team": ["a"]}}},
        "claims",
        "no claim",
        "https://sts.amazonaws.com/.",
    ),
    "AWS, a user id": (AWS, required(sub=["AROAEXAMPLE"]), "claims", "AROAEXAMPLE", "arn:aws:iam"),
    **{
        f"AWS, roles of permission sets in {place}": (AWS, change, place, "AWSReservedSSO", "role/DataProcessingRole")
        for place, change in (
            ("claims", required(sub=[f"{PERMISSION_SETS}Developer_0123456789abcdef"])),
            ("owners", {"owners": {f"{PERMISSION_SETS}*": ["staff/alice"]}}),
        )
    },
    "Entra, a client's name": (ENTRA, required(azp=["my-app"]), "claims", '"my-app"', "UUID"),
    "Entra, owners by oid alone": (ENTRA, {"owners": {UID: ["staff/alice"]}}, "owners", "no subject", "@"),
    "GitLab admits anyone": (GITLAB, {}, "claims", "anyone", "namespace_id or project_id"),
    "GitLab by name": (GITLAB, required(project_path=["acme/app"]), "claims", "anyone", "namespace_id"),
    "Terraform admits anyone": ({"issuer": "https://app.terraform.io"}, {}, "claims", "anyone", "terraform_org"),
    "Buildkite by slug": (
        {"issuer": "https://agent.buildkite.com"},
        required(organization_slug=["acme"]),
        "claims",
        "anyone",
        "organization_id",
    ),
    "Bitbucket by workspace's name": (
        {"issuer": "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc"},
        {},
        "claims",
        "anyone",
        "workspaceUuid",
    ),
    "an audience": ({}, required(aud=["jitney"]), "claims.require", "checked by audiences", "audiences"),
    "a time": ({}, required(exp=["*"]), "claims.require", "checked by max_age_seconds", "max_age"),
    "no values": ({}, required(project_id=[]), "claims.require.project_id", "empty", "at least one"),
    "no such type": ({}, {"claims": {"tags": {"a": "text"}}}, "claims.tags.a", "not accepted", "'string'"),
    "a subject of another form": (
        {},
        {"claims": COMPOSITE, "subject_groups": {"project_id=20": ["a"]}},
        "subject_groups",
        "no subject",
        "project_id=1+ref=1",
    ),
    "a subject of several claims without a unit": (
        {},
        {"claims": {"subject": ["project_id", "ref"]}},
        "claims",
        "claims.unit is missing",
        "[project_id]",
    ),
    "people with another unit": ({}, {"kind": "human", "claims": {"unit": ["team"]}}, "claims", "each person", "agent"),
    "an ID token without aud": (
        {"token": "id"},
        {"audience_claim": "client_id"},
        "audience_claim",
        "ID token",
        "leave",
    ),
    "AWS without iat": (AWS, {"require_iat": False}, "require_iat", "has an iat", "leave"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_id_11_a_rule_that_can_never_match_or_admits_anyone_is_refused(name, compiled):
    of_provider, changes, key, wrong, fix = REFUSED[name]
    found = problems(compiled, with_people(of_provider, **changes))
    assert list(found) == [f"issuers.corp.{key}"]
    assert wrong in found[f"issuers.corp.{key}"][0]
    assert fix in found[f"issuers.corp.{key}"][1]


ACCEPTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "people with a subject of several claims": (
        {"kind": "human", "issuer": "https://people.example.com"},
        {"claims": {"subject": ["tenant", "oid"]}},
    ),
    "GitHub": (GITHUB, {}),
    "GitHub, an enterprise's own issuer": (GITHUB, {"issuer": f"{GITHUB['issuer']}/octocorp"}),
    "GitHub, its owner as unit": (GITHUB, {"claims": GITHUB["claims"] | {"unit": ["repository_owner_id"]}}),
    "GitHub, a custom property": (GITHUB, required(repository_id=["1"], repo_property_team=["data"])),
    "GitHub, any runner": (GITHUB, required(repository_id=["1"], runner_environment=["*-hosted"])),
    "GitHub, its subject": (GITHUB, {"subject_groups": {"repo:583231/2:environment:prod": ["a"]}}),
    "GitHub, owners of a repository": (GITHUB, {"owners": {"repo:583231/1296269:*": ["staff/alice"]}}),
    "GitHub, owners of everything": (GITHUB, {"owners": {"*": ["staff/alice"]}}),
    "Kubernetes, owners of an account": (EKS, {"owners": {"system:serviceaccount:agents:reader:*": ["staff/alice"]}}),
    "Kubernetes, its subject": (EKS, {"subject_groups": {f"system:serviceaccount:agents:reader:{UID}": ["a"]}}),
    "AWS, owners of roles": (AWS, {"owners": {"arn:aws:iam::123456789012:role/ci-*": ["staff/alice"]}}),
    "Google, owners of a client that people delegate to": (
        GOOGLE,
        required(hd=["example.com"]) | {"owners": {"12-ab.apps.googleusercontent.com": ["staff/alice"]}},
    ),
    "Entra, owners of an application that people delegate to": (
        ENTRA,
        {"owners": {f"app:{UID}@72f988bf-86f1-41af-91ab-2d7cd011db47": ["staff/alice"]}},
    ),
    "a self-managed GitLab": ({"issuer": "https://gitlab.company.com"}, {}),
    "a composite subject": (
        {},
        {"claims": COMPOSITE, "owners": {"project_id=20+*": ["staff/alice"]}},
    ),
    "Okta's clients": ({"provider": "okta"}, {"clients": ["0oabskvc6442nkvQO0h7"]}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_id_11_a_rule_that_can_match_is_accepted(name, compiled):
    of_provider, changes = ACCEPTED[name]
    assert compiled(with_people(of_provider, **changes)).issuers["corp"]


def test_id_11_a_tag_has_one_type_in_all_entries(compiled):
    other = entry({"issuer": "https://other.example.com"}, claims={"tags": {"level": "string"}})
    document = changed(("issuers.corp", entry({}, claims={"tags": {"level": "long"}})), ("issuers.other", other))
    found = problems(compiled, document)
    assert found["issuers.other.claims"][0] == "issuers.corp has the tag level of type long"


@pytest.mark.parametrize(
    ("first", "second", "accepted"),
    [
        (["project_id", "ref"], ["project_id", "ref"], True),
        (["project_id", "ref"], ["project_id"], False),
        ([], ["email"], False),
        ([], ["act.sub"], True),
        (["sub"], ["act.sub"], True),
    ],
    ids=str,
)
def test_id_06_a_subject_has_one_form_in_all_entries_of_an_issuer(compiled, first, second, accepted):
    again = entry({}, audiences=["again"], claims={"subject": second, "unit": ["org"]})
    own = entry({}, claims={"subject": first, "unit": ["org"]})
    document = changed(("issuers.corp", own), ("issuers.again", again))
    if accepted:
        assert compiled(document)
    else:
        assert list(problems(compiled, document)) == ["issuers.again.claims"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_id_11_what_is_known_of_a_provider_agrees_with_itself(name):
    known = PROVIDERS[name].known
    named = (*known.forms, *known.tenants, *known.units, *known.required, *known.tags)
    named += tuple(path for _, path in PROVIDERS[name].fact_sources)
    assert [path for path in named if not known.has(path)] == []
    assert known.can_name(known.example) or not known.example
    for path, values in known.required.items():
        assert all(known.can_match(path, value) for value in values)
    assert not any(wildcard_pattern(each).matches("sub") for each in known.names if each != "sub")


@pytest.mark.parametrize("of_provider", [GITHUB, EKS, AWS, GOOGLE | required(hd=["example.com"])], ids=str)
def test_id_04_a_provider_of_id_tokens_only_has_no_access_tokens(compiled, of_provider):
    found = problems(compiled, changed(("issuers.corp", entry(of_provider, token="access"))))
    assert "is an ID token" in found["issuers.corp.token"][0]
    assert found["issuers.corp.token"][1] == "write token: id"


@pytest.mark.parametrize("of_provider", [GITHUB, EKS])
def test_id_08_a_provider_without_a_groups_claim_has_none_configured(compiled, of_provider):
    found = problems(compiled, changed(("issuers.corp", entry(of_provider, groups_claim="teams"))))
    wrong, fix = found["issuers.corp.groups_claim"]
    assert "come from no claim" in wrong
    assert "claims.groups" in fix


def test_id_11_an_entra_entry_names_applications_or_what_an_administrator_assigns(compiled):
    open_entry = entry(ENTRA | {"clients": []})
    found = problems(compiled, changed(("issuers.corp", open_entry | required(idtyp=["app"]))))
    assert "any application of the tenant" in found["issuers.corp"][0]
    assert "roles" in found["issuers.corp"][1]
    assert compiled(changed(("issuers.corp", open_entry | required(roles=["jitney.request"]))))
    assert compiled(changed(("issuers.corp", entry(ENTRA))))


@pytest.mark.parametrize(
    ("subject", "kind", "refused"),
    [
        ("ada@example.com", "human", True),
        ("00u5t60iloOHN9pBi0h7", "human", False),
        ("00u5*", "human", False),
        ("0oabskvc6442nkvQO0h7", "agent", False),
    ],
)
def test_id_11_people_are_named_by_the_subject_with_which_they_sign_in(subject, kind, refused):
    """Groups for a login would give an operator nothing, and nothing would say so."""
    fault = subject_fault("okta", ClaimSettings(), subject, kind)
    assert (fault is not None and fault.wrong) == (f'no person has the subject "{subject}"' if refused else False)


@pytest.mark.parametrize("subject", ["ou=ou%3Dagents%2Beu+app=1", "ou=ou%3Dagents*+app=*", "*"])
def test_id_04_a_subject_of_several_claims_has_the_required_value_as_tokens_make_it(subject: str):
    """`named_texts` encodes "%", "=" and "+" of the values."""
    rules = ClaimSettings(subject=("ou", "app"), require={"ou": ("ou=agents+*",)})
    assert subject_fault("generic", rules, subject, "agent") is None
    other = subject_fault("generic", rules, "ou=ou%3Dothers%2Beu+app=1", "agent")
    assert other
    assert "claims.require admits no token" in other.wrong


# What two entries of one issuer say of their agents, and what is wrong with that. "" is accepted.
HUMAN = {"human_issuer": "staff"}
TOGETHER: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "the same unit": ({"claims": {"unit": ["team"]}}, {"claims": {"unit": ["team"]}}, ""),
    "other units": ({"claims": {"unit": ["team"]}}, {"claims": {"unit": ["org"]}}, "claims.unit"),
    "a unit in one entry": ({"claims": {"unit": ["team"]}}, {}, "claims.unit"),
    "the unit's claims in another order": (
        {"claims": {"unit": ["team", "org"]}},
        {"claims": {"unit": ["org", "team"]}},
        "claims.unit",
    ),
    "a unit for each person": ({}, HUMAN | {"human_claim": "act.sub", "claims": {"unit": ["team"]}}, ""),
    "other units of people's agents": (
        HUMAN | {"human_claim": "act.sub"},
        HUMAN | {"human_claim": "act.sub", "claims": {"unit": ["team"]}},
        "claims.unit",
    ),
    "the same human": (HUMAN | {"human_claim": "starter"}, HUMAN | {"human_claim": "starter"}, ""),
    "a human in one entry": ({}, HUMAN | {"human_claim": "starter"}, "human_claim"),
    "other humans": (HUMAN | {"human_claim": "sponsor"}, HUMAN | {"human_claim": "starter"}, "human_claim"),
    "the actor's person and another": (
        HUMAN | {"human_claim": "act.sub"},
        HUMAN | {"human_claim": "starter"},
        "human_claim",
    ),
    "an actor's person in one entry": ({}, HUMAN | {"human_claim": "act.sub"}, ""),
    "a person who delegated, and a machine": (
        {"claims": {"subject": ["azp"]}} | HUMAN | {"human_claim": "sub"},
        {"claims": {"subject": ["azp"]}},
        "",
    ),
    "a person who delegated, and a machine's starter": (
        {"claims": {"subject": ["azp"]}} | HUMAN | {"human_claim": "sub"},
        {"claims": {"subject": ["azp"]}} | HUMAN | {"human_claim": "starter"},
        "",
    ),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_id_12_an_agent_chooses_no_unit_and_no_human_by_its_audience(name, compiled):
    first, second, wrong = TOGETHER[name]
    document = with_people({}, **first)
    document["issuers"]["again"] = entry({}, audiences=["again"], **second)
    document["issuers"]["staff"]["subject_pattern"] = "[a-z]+"
    found = problems(compiled, document) if wrong else compiled(document)
    if wrong:
        assert list(found) == ["issuers.again"]
        assert found["issuers.again"][0] == f"issuers.corp has the same issuer and another {wrong}"
