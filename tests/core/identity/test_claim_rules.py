"""Row ID 11: what an issuer's rules make of signed claims, and which clients and audiences they admit."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.core.identity.authenticate import authenticate
from jitney.core.identity.claim_rules import claim_tags, texts_of
from jitney.core.identity.claims import CLIENT_CLAIMS
from jitney.core.identity.principal import Principal
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.issuer_config import ClaimRules, Issuer
from tests.core.identity.minting import CLAIMS, CORP, NOW, KnownKeys, config, issuer, key_sets, token

KEYS = KnownKeys(key_sets())


def principal(entry: Issuer, *others: Issuer, **claims: Any) -> Principal:
    """Return what a token of the corporate issuer with these claims proves. Raises Refusal."""
    return authenticate(f"Bearer {token(**claims)}", config(entry, *others), KEYS, NOW).principal


def refused(entry: Issuer, *others: Issuer, **claims: Any) -> str:
    """Return the code with which a token is refused."""
    with pytest.raises(Refusal) as caught:
        principal(entry, *others, **claims)
    return caught.value.code


def with_rules(**rules: Any) -> Issuer:
    return issuer("corp", CORP, claims=ClaimRules(**rules))


@pytest.mark.parametrize("name", CLIENT_CLAIMS)
def test_id_11_listed_clients_hold_for_a_single_audience(name: str) -> None:
    entry, absent = issuer("corp", CORP, clients=("portal",)), {"azp": None}

    assert principal(entry, **absent | {name: "portal"}).subject == CLAIMS["sub"]
    assert refused(entry, **absent | {name: "another"}) == "token_not_admitted"
    assert refused(entry, **absent) == "token_not_admitted"
    assert refused(entry, **absent | {name: ["portal"]}) == "token_claims"
    assert (
        refused(entry, **{"azp": "another", name: "portal"} if name != "azp" else {"azp": "b"}) == "token_not_admitted"
    )


def test_id_11_without_listed_clients_any_client_is_admitted() -> None:
    assert principal(issuer("corp", CORP), azp="another", client_id="third").subject == CLAIMS["sub"]


def test_id_03_the_claim_of_each_entry_selects_the_entry() -> None:
    agents = issuer("corp", CORP, audience_claim="client_id", audiences=("cli",))
    people = replace(agents, name="staff", audience_claim="aud", audiences=("web",), kind="human", token="id")

    assert principal(agents, people, aud=None, client_id="cli").issuer_name == "corp"
    person = {"aud": "web", "azp": None, "sub": "ada", "nonce": "n", "head": {"typ": "JWT"}}
    assert principal(agents, people, **person).issuer_name == "staff"
    assert refused(agents, people, aud="web", client_id="cli") == "token_audience"
    assert refused(agents, people, aud="cli", client_id="web") == "token_audience"
    assert refused(agents, people, aud=None, client_id="web") == "token_audience"
    assert refused(agents, aud="elsewhere", client_id="cli") == "token_audience"


VALUES: dict[str, tuple[Any, str, bool]] = {
    "equal": ("main", "main", True),
    "another": ("main", "dev", False),
    "another case": ("Main", "main", False),
    "a part": ("main", "mainline", False),
    "a beginning": ("prod-*", "prod-eu", True),
    "an empty rest": ("prod-*", "prod-", True),
    "any one character": ("v?", "v1", True),
    "more than one character": ("v?", "v10", False),
    "no regular expression": ("a.c", "abc", False),
    "any text": ("*", "x", True),
    "any text over lines": ("*", "a\nb", True),
    "a number": ("7", 7, True),
    "a fraction": ("7.5", 7.5, False),
    "true": ("true", True, True),
    "false": ("true", False, False),
    "a member": ("admin", ["user", "admin"], True),
    "no member": ("admin", ["user"], False),
    "an empty list": ("*", [], False),
    "an object": ("*", {"a": "b"}, False),
    "an object in a list": ("*", [{"a": "b"}], False),
    "several words": ("main", "main dev", False),
}


@pytest.mark.parametrize("name", VALUES)
def test_id_11_a_required_claim_has_one_of_the_allowed_values(name: str) -> None:
    allowed, value, admitted = VALUES[name]
    entry = with_rules(require={"claim": ("never", allowed)})
    if admitted:
        assert principal(entry, claim=value).subject == CLAIMS["sub"]
    else:
        assert refused(entry, claim=value) == "token_not_admitted"


def test_id_11_every_required_claim_is_required() -> None:
    entry = with_rules(require={"a": ("1",), "b.c": ("2",)})

    assert principal(entry, a="1", b={"c": "2"}).subject == CLAIMS["sub"]
    for claims in ({"a": "1"}, {"b": {"c": "2"}}, {"a": "1", "b": "2"}, {"a": "2", "b": {"c": "2"}}):
        assert refused(entry, **claims) == "token_not_admitted"


def test_id_11_scopes_are_words() -> None:
    assert texts_of({"scope": "read  write"}, "scope") == ("read", "write")
    assert texts_of({"scp": ["read", "write all"]}, "scp") == ("read", "write all")
    assert texts_of({"other": "read write"}, "other") == ("read write",)


def test_id_11_an_unadmitted_token_proves_no_principal() -> None:
    with pytest.raises(Refusal) as caught:
        principal(with_rules(require={"claim": ("a",)}), claim="secret-value")

    assert caught.value.principal is None
    assert "secret-value" not in f"{caught.value.body()}"


def test_id_11_claims_make_the_subject_the_unit_and_the_facts() -> None:
    entry = with_rules(subject=("org", "job"), unit=("org",), facts={"Team": "team", "Level": "level", "Flag": "flag"})
    found = principal(entry, org=7, job="nightly", team="data", level=3, flag=True, azp=None)

    assert (found.subject, found.source_identity) == ("org=7+job=nightly", "corp.org=7+job=nightly")
    assert found.unit == "corp.org=7"
    assert dict(found.facts) == {"Team": "data", "Level": "3"}
    for missing in ({"org": 7}, {"job": "x"}, {"org": 7, "job": ""}, {"org": 7, "job": None}, {"org": {}, "job": "x"}):
        assert refused(entry, **missing) == "token_claims"


def test_id_11_one_claim_is_the_subject_itself() -> None:
    assert principal(with_rules(subject=("client",)), client="reader", azp=None).subject == "reader"


def test_id_11_names_and_values_of_a_subject_are_kept_apart() -> None:
    entry = with_rules(subject=("a", "b"))
    values = [("1", "2"), ("1+b=2", "3"), ("1", "2+b=3"), ("1%2Bb=2", "3"), ("1%", "2"), ("1", "=2")]

    assert len({principal(entry, a=a, b=b, azp=None).source_identity for a, b in values}) == len(values)


def test_id_11_claims_become_groups() -> None:
    entry = with_rules(groups=("team", "roles", "absent"))
    found = principal(entry, team=7, roles=["a", "b"])

    assert found.groups == {"corp/data-readers", "corp/team:7", "corp/roles:a", "corp/roles:b"}


@pytest.mark.parametrize(
    "claims",
    [
        {"team": "a", "groups": ["team:admin"]},
        {"groups": ["team:admin"]},
        {"team": "a\u202eb"},
        {"team": ["a", "b" * 300]},
    ],
    ids=str,
)
def test_id_11_a_group_cannot_imitate_one_made_of_a_claim(claims: dict[str, Any]) -> None:
    assert refused(with_rules(groups=("team",)), **claims) == "token_groups"


def test_id_11_groups_are_read_inside_of_claims() -> None:
    nested = issuer("corp", CORP, groups_claim="realm.roles")

    assert principal(nested, realm={"roles": ["reader"]}).groups == {"corp/reader"}
    assert principal(nested, realm={}).groups == set()
    assert refused(nested, realm={"roles": "reader"}) == "token_groups"


TAGS: dict[str, tuple[str, Any]] = {
    "a text": ("string", "x"),
    "an empty text": ("string", ""),
    "a number": ("long", 7),
    "a negative number": ("long", -7),
    "the largest number": ("long", 2**63 - 1),
    "a truth value": ("bool", False),
    "texts": ("strings", ["a", "b"]),
    "no texts": ("strings", []),
}
NO_TAGS: dict[str, tuple[str, Any]] = {
    "a number as text": ("long", "7"),
    "a truth value as number": ("long", True),
    "a fraction": ("long", 7.5),
    "too large a number": ("long", 2**63),
    "a text as truth value": ("bool", "true"),
    "a number as text's": ("string", 7),
    "a list as text": ("string", ["a"]),
    "a text as list": ("strings", "a"),
    "a list of numbers": ("strings", [1]),
    "an object": ("string", {"a": "b"}),
}


@pytest.mark.parametrize("name", TAGS)
def test_id_11_policies_see_a_claim_with_its_type(name: str) -> None:
    kind, value = TAGS[name]
    expected = tuple(value) if isinstance(value, list) else value

    assert claim_tags(SignedClaims({"claim": value}), {"claim": kind, "absent": kind}) == (("claim", expected),)


@pytest.mark.parametrize("name", NO_TAGS)
def test_id_11_a_claim_of_another_type_is_refused(name: str) -> None:
    kind, value = NO_TAGS[name]
    entry = with_rules(tags={"claim": kind})

    with pytest.raises(Refusal) as caught:
        principal(entry, claim=value)
    assert caught.value.code == "token_claims"
    assert caught.value.principal is not None


def test_id_03_a_token_without_iat_ends_within_the_maximum_age() -> None:
    entry = issuer("corp", CORP, require_iat=False, max_age_seconds=600)

    assert principal(entry, iat=None, exp=NOW + 630).subject == CLAIMS["sub"]
    assert principal(entry, exp=NOW + 9000).subject == CLAIMS["sub"]
    assert refused(entry, iat=None, exp=NOW + 631) == "token_too_old"
    assert refused(entry, iat=NOW - 631) == "token_too_old"
    assert refused(entry, iat="now") == "token_claims"
    assert refused(entry, iat=None, nbf=NOW + 31) == "token_not_yet_valid"
    assert refused(issuer("corp", CORP), iat=None) == "token_claims"


def test_id_10_owners_hold_for_all_subjects_that_their_pattern_matches() -> None:
    owners = {"reader-*": ("people.alice",), "reader-agent": ("people.bob", "people.alice"), "other": ("people.carol",)}

    found = principal(issuer("corp", CORP, owners=owners)).agent_owners
    assert [each.name for each in found] == ["people.alice", "people.bob"]
    assert principal(issuer("corp", CORP, owners=owners), sub="writer").agent_owners == ()
