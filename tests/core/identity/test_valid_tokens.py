"""Rows ID 1, 2, 3, 8 and 10: valid tokens of every provider, and the principals that they prove."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.identity.authenticate import Authenticated, authenticate
from jitney.core.identity.claim_path import claim_at
from jitney.core.identity.keys import parse_key_set
from jitney.core.identity.principal import Principal
from jitney.core.identity.providers import PROVIDERS, aws, entra, generic, github_actions, google, kubernetes, okta
from jitney.core.identity.providers.provider import always_machine
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.source_identity import source_identity
from jitney.core.issuer_config import ClaimRules, Issuer
from jitney.core.stored_identity import name_of
from tests.core.identity.minting import (
    CLAIMS,
    CORP,
    HUMANS,
    ISSUERS,
    LONE,
    NOW,
    OTHER,
    PEOPLE,
    KnownKeys,
    claims_with,
    config,
    header_with,
    issuer,
    jwk,
    jwks,
    key_sets,
    sign,
    token,
)
from tests.identities import identity


@pytest.fixture(scope="module")
def keys() -> KnownKeys:
    return KnownKeys(key_sets())


def _principal(text: str, keys: KnownKeys) -> Principal:
    return authenticate(f"Bearer {text}", config(), keys, NOW).principal


def _sample(claims: Mapping[str, Any], key: str = "rsa", **changes: Any) -> str:
    whole = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    algorithm = {"rsa": "RS256", "ec384": "ES384"}[key]
    return sign(header_with(typ="JWT", alg=algorithm, kid=key), whole, key)


APPLICATION = "11112222-aaaa-2222-bbbb-3333cccc4444"
DELEGATED_V1 = {"appidacr": "0", "idtyp": None, "scp": "ask"}
SOUND = {
    "okta: a person": (
        _sample(okta.SAMPLE),
        "0oabskvc6442nkvQO0h7",
        {"data-readers"},
        "ada@corp.example.com",
    ),
    "okta: a service app": (
        _sample(okta.SAMPLE, uid=None, groups=None, sub=okta.SAMPLE["cid"]),
        "0oabskvc6442nkvQO0h7",
        set(),
        "0oabskvc6442nkvQO0h7",
    ),
    "entra: an application": (
        _sample(entra.SAMPLE),
        f"{entra.SAMPLE['oid']}@{entra.SAMPLE['tid']}",
        {"0760b6cf-170e-4a14-91b3-4b78e0739963"},
        f"{entra.SAMPLE['oid']}@{entra.SAMPLE['tid']}",
    ),
    "entra: a person, version 1.0": (
        _sample(entra.SAMPLE, azp=None, azpacr=None, appid=APPLICATION, **DELEGATED_V1, upn="ada@x.org"),
        f"app:{APPLICATION}@{entra.SAMPLE['tid']}",
        {"0760b6cf-170e-4a14-91b3-4b78e0739963"},
        "ada@x.org",
    ),
    "google: a person of the domain": (
        _sample(google.SAMPLE),
        google.SAMPLE["azp"],
        {"hd:example.com", "data-readers"},
        "jsmith@example.com",
    ),
    "google: another person of the domain": (
        _sample(google.SAMPLE, sub="118"),
        google.SAMPLE["azp"],
        {"hd:example.com", "data-readers"},
        "jsmith@example.com",
    ),
    "google: a listed service account": (
        _sample(google.SAMPLE, aud="jitney", sub="117", hd=None, at_hash=None, email="robot@p.iam.gserviceaccount.com"),
        "117",
        {"robots"},
        "robot@p.iam.gserviceaccount.com",
    ),
    "github: a job in an environment": (
        _sample(github_actions.SAMPLE),
        "repo:583231/1296269:environment:production",
        {
            "repository_owner_id:583231",
            "repository_id:1296269",
            "ref:refs/heads/main",
            "environment:production",
            "job_workflow_ref:octo-org/octo-automation/.github/workflows/deploy.yml@refs/heads/main",
        },
        "repo:octo-org@583231/octo-repo@1296269:environment:production",
    ),
    "kubernetes: a pod": (
        _sample(kubernetes.SAMPLE),
        "system:serviceaccount:agents:reader:14ee3fa4-a7e2-420f-9f9a-dbc4507c3798",
        {"namespace:agents"},
        "system:serviceaccount:agents:reader",
    ),
    "aws: a role, ES384": (
        _sample(aws.SAMPLE, "ec384"),
        "arn:aws:iam::123456789012:role/DataProcessingRole",
        {"account:123456789012", "org:o-abc1234567"},
        "arn:aws:iam::123456789012:role/DataProcessingRole",
    ),
    "generic: an agent, RS256": (token(), "reader-agent", {"data-readers"}, "reader-agent"),
    "generic: an agent, ES256": (token("ec256"), "reader-agent", {"data-readers"}, "reader-agent"),
    "generic: an agent, EdDSA": (token("ed25519"), "reader-agent", {"data-readers"}, "reader-agent"),
    "generic: typ in its long form": (
        token(head={"typ": "Application/AT+JWT"}),
        "reader-agent",
        {"data-readers"},
        "reader-agent",
    ),
    "generic: no groups": (token(groups=None), "reader-agent", set(), "reader-agent"),
    "generic: an ID token": (
        sign(header_with(typ="JWT"), claims_with(iss=LONE, nonce="n", email="ada@x.org", azp=None)),
        "reader-agent",
        {"data-readers"},
        "ada@x.org",
    ),
    "generic: no typ and no kid, one key": (
        sign(header_with(typ=None, kid=None), claims_with(iss=LONE)),
        "reader-agent",
        {"data-readers"},
        "reader-agent",
    ),
    "generic: two audiences, a known client": (
        token(aud=["wiki", "jitney"], azp="portal", sub="portal"),
        "portal",
        {"data-readers"},
        "portal",
    ),
    "generic: a name that does not print is not shown": (
        token(preferred_username="ada\u202e", email="ada@x.org", gty="client-credentials"),
        "reader-agent",
        {"data-readers"},
        "ada@x.org",
    ),
}


DELEGATED = {
    "okta: a person": "okta.00u5t60iloOHN9pBi0h7",
    "entra: a person, version 1.0": source_identity(
        "entra", entra.SAMPLE["iss"], f"{entra.SAMPLE['oid']}@{entra.SAMPLE['tid']}"
    ),
    "google: a person of the domain": "google.10769150350006150715113082367",
    "google: another person of the domain": "google.118",
}
"""The humans of the tokens that a person gave to an agent."""


@pytest.mark.parametrize("name", SOUND)
def test_id_08_a_valid_token_proves_its_principal(name: str, keys: KnownKeys) -> None:
    text, subject, groups, display = SOUND[name]
    principal = _principal(text, keys)

    assert principal.subject == subject
    assert principal.groups == {f"{principal.issuer_name}/{group}" for group in groups}
    assert principal.display == display
    assert (principal.kind, name_of(principal.human)) == ("agent", DELEGATED.get(name, ""))


def _github_entry(**require: tuple[str, ...]) -> Issuer:
    rules = {"require": require}
    return issuer("github", github_actions.SAMPLE["iss"], provider="github_actions", token="id", claims=rules)


UNITS = {
    "github: a job in an environment": "github.repository=583231-1296269",
    "kubernetes: a pod": "eks.namespace=agents",
}
FACTS = {
    "okta: a service app": {"Login or client": "0oabskvc6442nkvQO0h7", "Client id": "0oabskvc6442nkvQO0h7"},
    "entra: an application": {
        "Application id": "00001111-aaaa-2222-bbbb-3333cccc4444",
        "Object id": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
    },
    "google: a listed service account": {
        "E-mail": "robot@p.iam.gserviceaccount.com",
        "Client id": "1234987819200.apps.googleusercontent.com",
    },
    "github: a job in an environment": {
        "Repository": "octo-org/octo-repo",
        "Environment": "production",
        "Branch or tag": "refs/heads/main",
        "Workflow": "octo-org/octo-automation/.github/workflows/deploy.yml@refs/heads/main",
        "Event": "push",
        "Started by": "octocat",
        "Runner": "github-hosted",
        "Run": "32291736541",
    },
    "kubernetes: a pod": {
        "Service account": "reader",
        "Namespace": "agents",
        "Pod": "reader-0",
        "Node": "my-node",
    },
    "aws: a role, ES384": {
        "Role or user": "arn:aws:iam::123456789012:role/DataProcessingRole",
        "Lambda function": "arn:aws:lambda:us-east-1:123456789012:function:process-data",
        "Account": "123456789012",
    },
    "generic: a name that does not print is not shown": {
        "Username": "ada\u202e",
        "E-mail": "ada@x.org",
        "Client": "portal",
    },
}


@pytest.mark.parametrize("name", FACTS)
def test_id_12_the_facts_are_the_providers_own_claims(name: str, keys: KnownKeys) -> None:
    assert dict(_principal(SOUND[name][0], keys).facts) == FACTS[name]


@pytest.mark.parametrize("name", SOUND)
def test_id_12_the_unit_holds_what_the_holder_cannot_choose(name: str, keys: KnownKeys) -> None:
    principal = _principal(SOUND[name][0], keys)

    assert principal.unit == UNITS.get(name, principal.source_identity)


def test_id_12_every_ref_of_a_repository_is_one_unit(keys: KnownKeys) -> None:
    github = _github_entry(repository_id=("1296269",))
    texts = [_sample(github_actions.SAMPLE, environment=f"made-up-{each}") for each in range(5)]
    jobs = [authenticate(f"Bearer {text}", config(github), keys, NOW).principal for text in texts]

    assert len({job.source_identity for job in jobs}) == 5
    assert {job.unit for job in jobs} == {"github.repository=583231-1296269"}


def test_id_08_every_provider_has_a_valid_token_here() -> None:
    names = {name.partition(":")[0] for name in SOUND}

    assert names == {provider.removesuffix("_actions") for provider in PROVIDERS}
    assert {item.provider for item in ISSUERS} == set(PROVIDERS)


def test_id_08_the_generic_sample_is_valid(keys: KnownKeys) -> None:
    text = sign(header_with(kid="rsa-other"), {**generic.SAMPLE, "iss": OTHER}, "rsa-other")

    assert _principal(text, keys).groups == {"other/data-readers"}


def test_id_08_a_github_job_without_environment_is_named_by_its_ref(keys: KnownKeys) -> None:
    github = _github_entry(repository_id=("1296269",), ref=("refs/heads/main",))
    text = _sample(github_actions.SAMPLE, environment=None)

    principal = authenticate(f"Bearer {text}", config(github), keys, NOW).principal
    assert principal.subject == "repo:583231/1296269:ref:refs/heads/main"
    other = _sample(github_actions.SAMPLE, environment=None, ref="refs/heads/feature")
    with pytest.raises(Refusal, match="token_not_admitted"):
        authenticate(f"Bearer {other}", config(github), keys, NOW)


def test_id_08_a_pull_request_is_admitted_only_where_the_entry_lists_its_event_and_ref(keys: KnownKeys) -> None:
    listed, unlisted = (
        _sample(github_actions.SAMPLE, event_name=event, environment=None, ref="refs/pull/7/merge")
        for event in ("pull_request", "pull_request_target")
    )
    rules = {"repository_id": ("1296269",), "event_name": ("pull_request",)}
    github = _github_entry(**rules, ref=("refs/pull/*",))

    assert authenticate(f"Bearer {listed}", config(github), keys, NOW).principal.subject.endswith("refs/pull/7/merge")
    for text, entry in ((unlisted, github), (listed, _github_entry(**rules))):
        with pytest.raises(Refusal, match="token_not_admitted"):
            authenticate(f"Bearer {text}", config(entry), keys, NOW)


def test_id_08_without_an_admission_list_github_and_google_admit_no_one(keys: KnownKeys) -> None:
    for sample, provider in ((github_actions.SAMPLE, "github_actions"), (google.SAMPLE, "google")):
        open_to_all = issuer("open", sample["iss"], provider=provider, token="id", audiences=(sample["aud"],))
        with pytest.raises(Refusal, match="token_not_admitted"):
            authenticate(f"Bearer {_sample(sample)}", config(open_to_all), keys, NOW)


def test_id_08_entra_overage_of_another_claim_does_not_matter(keys: KnownKeys) -> None:
    by_roles = issuer(
        "entra", entra.SAMPLE["iss"], provider="entra", audiences=(entra.SAMPLE["aud"],), groups_claim="roles"
    )
    text = _sample(entra.SAMPLE, groups=None, _claim_names={"groups": "src1"})

    principal = authenticate(f"Bearer {text}", config(by_roles), keys, NOW).principal
    assert principal.groups == {"entra/jitney.ask"}


def test_id_01_only_the_named_issuers_keys_are_tried(keys: KnownKeys) -> None:
    """Two issuers have keys with the same kid: each token is verified with its own issuer's."""
    sets = KnownKeys({CORP: jwks(jwk("rsa", kid="1")), OTHER: jwks(jwk("rsa-other", kid="1"))})

    assert _principal(token("rsa", {"kid": "1"}), sets).issuer_name == "corp"
    assert _principal(token("rsa-other", {"kid": "1"}, iss=OTHER), sets).issuer_name == "other"
    with pytest.raises(Refusal, match="token_signature"):
        _principal(token("rsa", {"kid": "1"}, iss=OTHER), sets)


def test_id_02_an_unknown_kid_fetches_the_keys_again() -> None:
    source = KnownKeys({CORP: jwks(jwk("rsa"), jwk("ec256"))})
    source.rotated[CORP] = parse_key_set(jwks(jwk("rsa-other")))

    assert _principal(token("rsa-other"), source).subject == "reader-agent"
    assert source.refreshes == 1


def test_id_02_a_token_that_names_no_key_causes_no_fetch() -> None:
    source = KnownKeys({CORP: jwks(jwk("rsa"), jwk("ec256"))})

    with pytest.raises(Refusal, match="token_key") as refusal:
        _principal(token(head={"kid": None}), source)
    assert "has no kid" in refusal.value.detail
    assert source.refreshes == 0


EDGES = {
    "last second": {"exp": NOW - 29},
    "clock a little behind": {"iat": NOW + 30, "nbf": NOW + 30},
    "oldest": {"iat": NOW - 3629},
    "fractions of seconds": {"exp": NOW + 0.5, "iat": NOW - 0.5},
}


@pytest.mark.parametrize("times", EDGES.values(), ids=EDGES)
def test_id_03_the_edges_of_the_leeway_are_inside(times: dict[str, Any], keys: KnownKeys) -> None:
    assert _principal(token(**times), keys).subject == "reader-agent"


def test_id_03_no_leeway_is_more_than_a_minute(keys: KnownKeys) -> None:
    lenient = config(issuer("corp", CORP, leeway_seconds=3600))

    authenticate(f"Bearer {token(exp=NOW - 59)}", lenient, keys, NOW)
    with pytest.raises(Refusal, match="token_expired"):
        authenticate(f"Bearer {token(exp=NOW - 60)}", lenient, keys, NOW)


NOTHING = {"audiences": "token_audience", "algorithms": "token_algorithm"}


@pytest.mark.parametrize("field", NOTHING)
def test_id_03_an_entry_that_lists_nothing_accepts_nothing(field: str, keys: KnownKeys) -> None:
    with pytest.raises(Refusal, match=NOTHING[field]):
        authenticate(f"Bearer {token()}", config(issuer("corp", CORP, **{field: ()})), keys, NOW)


def test_id_02_a_configured_none_or_hs256_is_still_refused(keys: KnownKeys) -> None:
    careless = config(issuer("corp", CORP, algorithms=("none", "HS256", "RS256")))

    for algorithm in ("none", "HS256"):
        with pytest.raises(Refusal, match="token_algorithm"):
            authenticate(f"Bearer {token(head={'alg': algorithm})}", careless, keys, NOW)


def test_id_10_the_configured_claim_names_the_human(keys: KnownKeys) -> None:
    principal = _principal(token(act={"sub": "alice"}), keys)

    assert (principal.source_identity, principal.human) == ("corp.reader-agent", identity("people.alice"))


def test_id_10_a_claim_of_the_configured_name_precedes_the_path(keys: KnownKeys) -> None:
    both: dict[str, Any] = {"act.sub": "bob", "act": {"sub": "alice"}}

    assert _principal(token(**both), keys).human == identity("people.bob")


@pytest.mark.parametrize("path", ["act.sub", "act.sub.id"])
def test_id_10_a_null_claim_hides_no_claim_at_its_path(path: str) -> None:
    nested = {path: None, "act": {"sub": {"id": "alice"} if path == "act.sub.id" else "alice", "sub.id": None}}

    assert claim_at(nested, path) == "alice"
    assert claim_at({path: None}, path) is None


def test_id_10_a_delegated_token_of_rfc_8693_names_agent_and_human(keys: KnownKeys) -> None:
    rules = {"subject": ("act.sub",)}
    delegated = config(issuer("corp", CORP, human_claim="sub", claims=rules, human_issuer=HUMANS))
    text = token(sub="alice", act={"sub": "reader-agent"})

    principal = authenticate(f"Bearer {text}", delegated, keys, NOW).principal
    assert (principal.subject, principal.human) == ("reader-agent", identity("people.alice"))
    with pytest.raises(Refusal, match="token_claims"):
        authenticate(f"Bearer {token(sub='alice')}", delegated, keys, NOW)


PERSONAL = {"name": "Ada L", "email": "ada@example.com"}
# Rules of an entry without facts, claims of a token, and the labels and values of the principal's facts.
AGENTS_FIRST: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "an actor": (
        {"subject": ("act.sub",)},
        {"sub": "alice", "act": {"sub": "reader-agent"}},
        ["Agent: reader-agent", "Name: Ada L", "E-mail: ada@example.com", "Client: portal"],
    ),
    "a client": (
        {"subject": ("azp",)},
        {"sub": "alice"},
        ["Client: portal", "Name: Ada L", "E-mail: ada@example.com"],
    ),
    "several claims": (
        {"subject": ("azp", "env"), "unit": ("azp",)},
        {"sub": "alice", "env": "prod"},
        ["Agent: azp=portal+env=prod", "Name: Ada L", "E-mail: ada@example.com", "Client: portal"],
    ),
    "facts in the entry": (
        {"subject": ("azp",), "facts": {"Person": "name", "Agent": "azp"}},
        {"sub": "alice"},
        ["Person: Ada L", "Agent: portal"],
    ),
}


@pytest.mark.parametrize(("rules", "claims", "expected"), AGENTS_FIRST.values(), ids=AGENTS_FIRST)
def test_id_12_the_facts_of_a_delegated_token_begin_with_the_agent(
    keys: KnownKeys, rules: dict[str, Any], claims: dict[str, Any], expected: list[str]
) -> None:
    entry = issuer("corp", CORP, human_claim="sub", claims=rules, human_issuer=HUMANS)
    principal = authenticate(f"Bearer {token(**PERSONAL, **claims)}", config(entry), keys, NOW).principal
    assert [f"{each.label}: {each.value}" for each in principal.facts] == expected


def test_id_10_a_machine_that_delegates_to_an_agent_is_no_human(keys: KnownKeys) -> None:
    rules = {"subject": ("act.sub",)}
    delegated = config(issuer("corp", CORP, human_claim="sub", claims=rules, human_issuer=HUMANS))
    machine = token(sub="batch", act={"sub": "reader-agent"}, preferred_username="service-account-batch")
    with pytest.raises(Refusal, match="token_human"):
        authenticate(f"Bearer {machine}", delegated, keys, NOW)


def test_id_10_a_clients_own_token_names_a_human_in_another_claim(keys: KnownKeys) -> None:
    own = token(sub="reader-agent", azp=None, client_id="reader-agent", act={"sub": "alice"})
    entry = issuer("corp", CORP, human_claim="act.sub", human_issuer=HUMANS)
    principal = authenticate(f"Bearer {own}", config(entry), keys, NOW).principal
    assert (principal.subject, principal.human) == ("reader-agent", identity("people.alice"))


def test_id_10_a_person_signed_in_is_a_human(keys: KnownKeys) -> None:
    principal = _principal(token(iss=PEOPLE, sub="alice", client_id="web"), keys)

    assert (principal.kind, principal.source_identity) == ("human", "people.alice")


def _signing_in(provider: str, sample: Mapping[str, Any]) -> Issuer:
    """Return the entry with which a provider's people sign in."""
    return issuer(provider, sample["iss"], provider=provider, kind="human", token="id", audiences=("web",))


OKTA_PERSON = {"aud": "web", "jti": "ID.0mP4", "cid": None, "scp": None, "uid": None, "sub": okta.SAMPLE["uid"]}
ENTRA_PERSON = {"aud": "web", "azp": None, "azpacr": None, "idtyp": None, "nonce": "n"}


def test_id_08_id_and_access_tokens_of_okta_and_entra_name_the_same_person(keys: KnownKeys) -> None:
    person = authenticate(
        f"Bearer {_sample(okta.SAMPLE, **OKTA_PERSON)}", config(_signing_in("okta", okta.SAMPLE)), keys, NOW
    ).principal
    assert (person.kind, person.identity) == ("human", _principal(_sample(okta.SAMPLE), keys).human)
    person = authenticate(
        f"Bearer {_sample(entra.SAMPLE, **ENTRA_PERSON)}", config(_signing_in("entra", entra.SAMPLE)), keys, NOW
    ).principal
    delegated = _sample(entra.SAMPLE, idtyp=None, scp="ask")
    assert (person.kind, person.identity) == ("human", _principal(delegated, keys).human)


@pytest.mark.parametrize("version", [{}, {"azp": None, "azpacr": None, "appid": APPLICATION, "appidacr": "1"}])
def test_id_08_an_entra_application_without_the_optional_idtyp_is_no_human(version, keys: KnownKeys) -> None:
    assert _principal(_sample(entra.SAMPLE, idtyp=None, **version), keys).human is None


NO_PERSONS = {
    "okta: a service app's access token": (
        "okta",
        _sample(okta.SAMPLE, aud="web", uid=None, sub=okta.SAMPLE["cid"]),
    ),
    "okta: that says that it is an ID token": ("okta", _sample(okta.SAMPLE, **OKTA_PERSON | {"cid": "c"})),
    "entra: an application's access token": ("entra", _sample(entra.SAMPLE, aud="web")),
    "entra: an application's, version 1.0": (
        "entra",
        _sample(entra.SAMPLE, aud="web", azp=None, azpacr=None, appid="a", appidacr="1", idtyp=None),
    ),
    "entra: an application's token that resembles a person's": (
        "entra",
        _sample(entra.SAMPLE, **ENTRA_PERSON | {"idtyp": "app"}),
    ),
    "okta: with an actor": ("okta", _sample(okta.SAMPLE, **OKTA_PERSON, act={"sub": "robot"})),
    "entra: with an actor": ("entra", _sample(entra.SAMPLE, **ENTRA_PERSON, act={"sub": "robot"})),
    "google: with an actor": ("google", _sample(google.SAMPLE, aud="web", act={"sub": "robot"})),
}


@pytest.mark.parametrize(("provider", "text"), NO_PERSONS.values(), ids=NO_PERSONS)
def test_id_08_an_entry_for_people_refuses_machine_tokens(provider: str, text: str, keys: KnownKeys) -> None:
    samples = {"okta": okta.SAMPLE, "entra": entra.SAMPLE, "google": google.SAMPLE}
    people = replace(_signing_in(provider, samples[provider]), claims=ClaimRules(require={"sub": ("*",)}))
    with pytest.raises(Refusal, match="token_kind"):
        authenticate(f"Bearer {text}", config(people), keys, NOW)


OTHER_PEOPLE = {
    "okta: a login": ("okta", "", _sample(okta.SAMPLE, **OKTA_PERSON | {"sub": "ada@corp.example.com"})),
    "okta: an id that is too long": (
        "okta",
        "",
        _sample(okta.SAMPLE, **OKTA_PERSON | {"sub": "00u5t60iloOHN9pBi0h7x"}),
    ),
    "generic: an address": ("generic", "[a-z]+", _sample(CLAIMS, aud="web", azp=None, sub="ada@corp.example.com")),
}


@pytest.mark.parametrize(("provider", "pattern", "text"), OTHER_PEOPLE.values(), ids=OTHER_PEOPLE)
def test_id_10_a_person_signs_in_by_a_subject_of_the_known_form_only(
    provider: str, pattern: str, text: str, keys: KnownKeys
) -> None:
    sample = okta.SAMPLE if provider == "okta" else CLAIMS
    people = replace(_signing_in(provider, sample), subject_pattern=pattern)
    with pytest.raises(Refusal, match="token_subject"):
        authenticate(f"Bearer {text}", config(people), keys, NOW)


KNOWN: dict[str, dict[str, Any]] = {
    "kind": {"nonce": "n"},
    "groups": {"groups": "admins"},
    "human": {"act": {"sub": 7}},
}


@pytest.mark.parametrize("fault", KNOWN.values(), ids=KNOWN)
def test_id_05_a_refusal_after_admission_carries_the_principal(fault: dict[str, Any], keys: KnownKeys) -> None:
    with pytest.raises(Refusal) as caught:
        _principal(token(**fault), keys)

    assert caught.value.principal == replace(_principal(token(), keys), groups=frozenset())


UNPROVEN: dict[str, dict[str, Any]] = {
    "signature": {"head": {"kid": "ec256", "alg": "ES256"}},
    "expired": {"exp": NOW - 100},
    "audience": {"aud": "wiki"},
    "subject": {"sub": "admin\n"},
}


@pytest.mark.parametrize("fault", UNPROVEN.values(), ids=UNPROVEN)
def test_id_05_a_refusal_before_admission_carries_no_principal(fault: dict[str, Any], keys: KnownKeys) -> None:
    with pytest.raises(Refusal) as caught:
        _principal(token(**fault), keys)

    assert (caught.value.principal, caught.value.issuer_name) == (None, "corp")


def test_id_05_the_scheme_is_read_in_any_case(keys: KnownKeys) -> None:
    assert isinstance(authenticate(f"bEARER  {token()} ", config(), keys, NOW), Authenticated)


def test_id_06_the_same_subject_at_two_issuers_is_two_identities(keys: KnownKeys) -> None:
    here = _principal(token(), keys)
    there = _principal(token("rsa-other", iss=OTHER), keys)

    assert here.subject == there.subject == CLAIMS["sub"]
    assert here.source_identity != there.source_identity
    assert here.groups.isdisjoint(there.groups)


# One identity provider for agents and for people: two entries of one issuer.
AGENTS = issuer("corp", CORP, audiences=("jitney", "api"), human_claim="act.sub", human_issuer=HUMANS)
STAFF = replace(AGENTS, name="staff", token="id", audiences=("web",), kind="human", human_claim="", human_issuer=None)
BOTH = config(AGENTS, replace(STAFF, identity_name="corp"))


def _by(keys: KnownKeys, text: str) -> Principal:
    return authenticate(f"Bearer {text}", BOTH, keys, NOW).principal


def test_id_01_the_audience_selects_the_entry_that_verifies_a_token(keys):
    agent, person = _by(keys, token()), _by(keys, _sample(CLAIMS, aud="web", sub="alice"))
    assert (agent.issuer_name, agent.kind, agent.groups) == ("corp", "agent", {"corp/data-readers"})
    assert (person.issuer_name, person.kind, person.groups) == ("staff", "human", {"staff/data-readers"})


def test_id_06_a_subject_is_one_principal_in_all_entries(keys):
    as_agent, as_person = _by(keys, token(sub="alice")), _by(keys, _sample(CLAIMS, aud="web", sub="alice"))
    assert as_agent.source_identity == as_person.source_identity == "corp.alice"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "elsewhere"}, "token_audience"),
        ({"aud": ["jitney", "web"], "azp": "portal"}, "token_audience"),
        ({"aud": ["jitney", "api"], "azp": "portal"}, "token_audience"),
        ({"aud": ["web", "elsewhere"], "azp": "stranger"}, "token_audience"),
        ({"aud": 7}, "token_claims"),
        ({"aud": None}, "token_claims"),
        ({"aud": [["web"], "jitney"]}, "token_claims"),
        ({"aud": "web"}, "token_kind"),  # an access token where an ID token is expected
    ],
    ids=str,
)
def test_id_03_an_audience_opens_only_its_own_entry(keys, changes, code):
    with pytest.raises(Refusal) as refusal:
        _by(keys, token(**changes))
    assert refusal.value.code == code


def test_id_03_a_known_client_does_not_choose_between_the_audiences_of_two_entries(keys):
    both = config(replace(AGENTS, clients=("portal",)), replace(STAFF, identity_name="corp"))
    authenticate(f"Bearer {token(azp='portal')}", both, keys, NOW)
    with pytest.raises(Refusal, match="token_audience"):
        authenticate(f"Bearer {token(aud=['jitney', 'web'], azp='portal')}", both, keys, NOW)


UNNAMEABLE = {"a line break": "alice\nbob", "too long": "a" * 256, "a direction mark": "alice\u202e"}


@pytest.mark.parametrize("name", UNNAMEABLE.values(), ids=UNNAMEABLE)
def test_id_10_a_wide_pattern_names_no_person_who_could_not_sign_in(keys, name):
    wide = config(replace(AGENTS, human_issuer=HUMANS._replace(subject_pattern="[^@]+")))
    assert authenticate(f"Bearer {token(act={'sub': 'Alice'})}", wide, keys, NOW).principal.human
    with pytest.raises(Refusal, match="token_human"):
        authenticate(f"Bearer {token(act={'sub': name})}", wide, keys, NOW)


def test_id_10_an_agent_is_not_its_own_human(keys):
    same = HUMANS._replace(issuer=CORP, subject_pattern="[a-z-]+")
    entry = config(replace(AGENTS, human_issuer=same))
    assert authenticate(f"Bearer {token(act={'sub': 'alice'})}", entry, keys, NOW).principal.human
    with pytest.raises(Refusal, match="token_human"):
        authenticate(f"Bearer {token(act={'sub': CLAIMS['sub']})}", entry, keys, NOW)


def test_id_10_a_delegated_token_without_a_human_issuer_is_refused(keys):
    (entry,) = (each for each in ISSUERS if each.name == "entra")
    delegated = _sample(entra.SAMPLE, idtyp=None, scp="ask")
    assert authenticate(f"Bearer {delegated}", config(entry), keys, NOW).principal.human
    with pytest.raises(Refusal, match="token_human"):
        authenticate(f"Bearer {delegated}", config(replace(entry, human_issuer=None)), keys, NOW)


def test_id_10_a_token_whose_claims_name_two_people_is_refused(keys):
    (entry,) = (each for each in ISSUERS if each.name == "entra")
    both, tenant = config(replace(entry, human_claim="on_behalf_of")), entra.SAMPLE["tid"]

    def delegated(oid):
        return f"Bearer {_sample(entra.SAMPLE, idtyp=None, scp='ask', on_behalf_of=f'{oid}@{tenant}')}"

    assert authenticate(delegated(entra.SAMPLE["oid"]), both, keys, NOW).principal.human
    with pytest.raises(Refusal, match="token_human"):
        authenticate(delegated("00000000-ff1a-4d56-abd1-7e4f7d38e474"), both, keys, NOW)


def test_id_01_a_forged_audience_selects_an_entry_but_proves_nothing(keys):
    forged = sign(header_with(kid="rsa"), claims_with(aud="web"), "rsa-other")
    with pytest.raises(Refusal) as refusal:
        _by(keys, forged)
    assert refusal.value.code == "token_signature"


def test_id_10_a_provider_of_machines_only_resolves_no_people():
    machines = {name for name, each in PROVIDERS.items() if each.is_machine is always_machine}
    assert {"github_actions", "kubernetes"} <= machines
    assert not any(PROVIDERS[name].resolves_people("[a-z]+") for name in machines)
