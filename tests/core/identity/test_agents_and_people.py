"""Row ID 10: a token that a person got never passes as an agent's own, and no agent has a person's name."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.core.identity.authenticate import authenticate
from jitney.core.identity.claims import CLIENT_CLAIMS
from jitney.core.identity.principal import Principal
from jitney.core.identity.refusal import Refusal
from jitney.core.issuer_config import ClaimRules, Issuer
from tests.core.identity.minting import CORP, HUMANS, NOW, OTHER, KnownKeys, config, issuer, key_sets, token

KEYS = KnownKeys(key_sets())


def principal(*entries: Issuer, **claims: Any) -> Principal:
    """Return the principal of a token of the corporate issuer with these claims. Raises Refusal."""
    return authenticate(f"Bearer {token(**claims)}", config(*entries), KEYS, NOW).principal


def refused(*entries: Issuer, **claims: Any) -> str:
    """Return the code with which a token is refused."""
    with pytest.raises(Refusal) as caught:
        principal(*entries, **claims)
    return caught.value.code


def agents(*subject: str, **changes: Any) -> Issuer:
    """Return an entry that names its agents by these claims."""
    unit = subject[:1] if len(subject) > 1 else ()
    return issuer("corp", CORP, claims={"subject": subject, "unit": unit}, **changes)


@pytest.mark.parametrize("subject", [("azp",), ("azp", "sub"), ("department",)], ids="+".join)
def test_id_10_a_persons_token_is_no_token_of_the_client_that_got_it(subject: tuple[str, ...]) -> None:
    assert refused(agents(*subject), sub="alice", azp="portal", department="data") == "token_human"


OWN: dict[str, dict[str, Any]] = {
    **{f"sub is {name}": {"azp": None, "sub": "portal", name: "portal"} for name in CLIENT_CLAIMS},
    "a service account of Keycloak": {"sub": "5e0bd49b", "preferred_username": "service-account-portal"},
    "a machine of Auth0": {"sub": "5e0bd49b", "gty": "client-credentials"},
    "no client": {"sub": "job-7", "azp": None},
}


@pytest.mark.parametrize("claims", OWN.values(), ids=OWN)
def test_id_10_a_clients_own_token_needs_no_human(claims: dict[str, Any]) -> None:
    assert principal(agents("department"), department="data", **claims).subject == "data"


def test_id_10_a_subject_that_the_entry_requires_is_a_machines() -> None:
    rules = {"subject": ("azp",), "require": {"sub": ("robot-*",)}}
    entry = issuer("corp", CORP, claims=rules)

    assert principal(entry, sub="robot-7").subject == "portal"
    assert refused(entry, sub="alice") == "token_not_admitted"


def test_id_10_the_configured_claim_names_the_person_behind_a_client() -> None:
    entry = agents("azp", human_claim="started_by", human_issuer=HUMANS)

    assert str(principal(entry, sub="x-1", started_by="alice").human) == "people.alice"
    assert refused(entry, sub="alice") == "token_human"


@pytest.mark.parametrize("name", CLIENT_CLAIMS)
def test_id_08_a_clients_own_token_is_no_persons(name: str) -> None:
    people, client = issuer("staff", CORP, kind="human"), {"azp": None, name: "portal"}

    assert refused(people, sub="portal", **client) == "token_kind"
    assert principal(people, sub="alice", **client).kind == "human"


def people(pattern: str = "[a-z]+", url: str = CORP, **rules: Any) -> Issuer:
    """Return the entry with which people sign in."""
    entry = issuer("staff", url, identity_name="corp", kind="human", token="id", audiences=("web",))
    return replace(entry, subject_pattern=pattern, claims=ClaimRules(**rules))


def test_id_06_no_client_is_named_as_a_person_of_its_issuer() -> None:
    entry, alice = agents("azp"), {"sub": "alice", "aud": "web", "azp": None, "head": {"typ": "JWT"}}
    own = {"gty": "client-credentials"}
    person = principal(entry, people(), **alice)

    assert person.identity == principal(entry, azp="alice", **own).identity  # without people, the id is free
    assert refused(entry, people(), azp="alice", **own) == "token_subject"
    assert refused(people(), entry, azp="bob", **own) == "token_subject"
    assert principal(entry, people(), azp="jitney-cli", **own).subject == "jitney-cli"


def test_id_06_an_agent_is_not_taken_for_the_person_whose_name_it_has() -> None:
    with pytest.raises(Refusal) as caught:
        principal(agents("azp"), people(), azp="alice", gty="client-credentials")
    assert (caught.value.issuer_name, caught.value.principal) == ("corp", None)
    assert "issuers.staff" in caught.value.fix


def test_id_06_without_a_pattern_every_name_may_be_a_persons() -> None:
    assert refused(agents("azp"), people(pattern=""), azp="jitney-cli", gty="client-credentials") == "token_subject"


SHARED: dict[str, tuple[Issuer, Issuer, dict[str, Any]]] = {
    "agents and people have a sub": (agents(), people(), {"sub": "robot"}),
    "agents are actors": (
        agents("act.sub", human_claim="sub", human_issuer=HUMANS),
        people(),
        {"sub": "alice", "act": {"sub": "robot"}},
    ),
    "agents and people have an oid": (agents("oid"), people(subject=("oid",)), {"oid": "robot", "azp": None}),
    "people have another issuer": (agents("azp"), people(url=OTHER), {"azp": "robot", "gty": "client-credentials"}),
}


@pytest.mark.parametrize(("entry", "staff", "claims"), SHARED.values(), ids=SHARED)
def test_id_06_a_name_from_the_claim_that_names_people_is_the_issuers_own(
    entry: Issuer, staff: Issuer, claims: dict[str, Any]
) -> None:
    assert principal(entry, staff, **claims).subject == "robot"


DEVELOPERS: dict[str, Any] = {
    "audiences": ("dev",),
    "human_claim": "sub",
    "human_issuer": HUMANS,
    "claims": {"subject": ("azp",), "unit": ("sub",)},
}


@pytest.mark.parametrize(
    ("unit", "name", "code"),
    [
        (("sub",), "sub=alice", "token_subject"),
        (("sub",), "sub=alice%2B", "token_subject"),
        (("sub",), "sub=", ""),
        (("sub",), "sub=alice+env=a", ""),
        (("sub",), "azp=alice", ""),
        (("a=b", "c"), "a%3Db=1+c=2", "token_subject"),
        (("a=b", "c"), "a=b=1+c=2", ""),
    ],
)
def test_id_12_no_agent_has_the_name_of_a_unit(unit: tuple[str, ...], name: str, code: str) -> None:
    """A developer's client with the name of their unit had limits of its own, and was suspended with the developer."""
    developers = issuer("devs", CORP, **DEVELOPERS | {"claims": {"subject": ("azp",), "unit": unit}})
    own = {"azp": name, "gty": "client-credentials"}

    if code:
        assert refused(agents("azp"), developers, **own) == code
    else:
        assert principal(agents("azp"), developers, **own).subject == name


def test_id_12_a_client_gives_no_developer_another_unit() -> None:
    entry = issuer("corp", CORP, **DEVELOPERS | {"audiences": ("jitney",)})

    found = [principal(entry, sub="alice", azp=client).unit_key for client in ("cli", "portal", "azp=cli")]
    assert len(set(found)) == 1
    assert refused(entry, sub="alice", azp="sub=alice") == "token_subject"


def test_id_12_an_agent_of_several_claims_may_be_its_own_unit() -> None:
    rules = {"subject": ("org", "job"), "unit": ("org", "job")}
    found = principal(issuer("corp", CORP, claims=rules), org="a", job="b", azp=None)
    assert (found.subject, found.unit) == ("org=a+job=b", found.source_identity)
