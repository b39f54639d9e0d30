"""Row ID 10: the configuration names people as they sign in, so that no person reviews their own agent's request."""

import pytest
import yaml

from jitney.configuration.load import ConfigurationError, load_configuration
from jitney.core import config
from jitney.core.issuer_config import PeopleIssuer
from tests.configuration.test_load import BROKER, changed, path_of, write_policies

ENTRA = "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"
OID, TENANT = "690222be-ff1a-4d56-abd1-7e4f7d38e474", "72f988bf-86f1-41af-91ab-2d7cd011db47"
STAFF = "issuers.staff"
KEYCLOAK = {"provider": "generic", "subject_pattern": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"}
PROVIDERS = {
    "keycloak": KEYCLOAK,
    "okta": {"provider": "okta", "subject_pattern": None},
    "entra": {
        "provider": "entra",
        "issuer": ENTRA,
        "jwks_uri": f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys",
        "subject_pattern": None,
    },
    "google": {"provider": "google", "subject_pattern": None, "claims": {"require": {"hd": ["example.com"]}}},
}


@pytest.fixture
def found(tmp_path):
    """Compiles a document; returns the configuration, or the problems by path."""
    write_policies(tmp_path / "policies")
    path = tmp_path / "jitney.yaml"

    def compile_document(document):
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        try:
            return config.load(load_configuration(path, BROKER, local=True).json)  # without a sign-in to the pages
        except ConfigurationError as refusal:
            return {path_of(each): each.wrong for each in refusal.problems}

    return compile_document


def with_people(name, *changes):
    """The valid configuration, whose people sign in with this provider."""
    members = ((f"{STAFF}.{key}", value) for key, value in PROVIDERS[name].items())
    return changed(*members, *changes)


SUBJECTS = {
    "keycloak": (OID, ["ada", "ada@example.com", OID.upper(), f"{OID}@{TENANT}", "1234"]),
    "okta": ("00u5t60iloOHN9pBi0h7", ["ada@example.com", "ada", "0oabskvc6442nkvQO0h7", OID]),
    "entra": (
        f"{OID}@{TENANT}",
        [OID, f"{OID}@{OID}", f"{OID}@{TENANT}".upper(), "ada@example.com", f"app:{OID}@{TENANT}"],
    ),
    "google": ("10769150350006150715113082367", ["ada@example.com", "ada", OID]),
}
WRONG = [(name, wrong) for name, (_, several) in SUBJECTS.items() for wrong in several]
PLACES = {
    "reviewers.owners.members.0": lambda person: ("reviewers", {"owners": {"members": [person]}}),
    "break_glass.people.0": lambda person: ("break_glass", {"people": [person], "targets": ["prod"]}),
    "issuers.corp.owners.bot.0": lambda person: ("issuers.corp.owners", {"bot": [person]}),
    "people.": lambda person: ("people", {person: "ada@example.org"}),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", SUBJECTS)
def test_id_10_a_person_is_named_by_their_subject(found, name, place):
    person = f"staff/{SUBJECTS[name][0]}"
    assert isinstance(found(with_people(name, PLACES[place](person))), config.Config)


@pytest.mark.parametrize(("name", "wrong"), WRONG)
@pytest.mark.parametrize("place", PLACES)
def test_id_10_a_name_that_never_signs_in_is_refused(found, name, wrong, place):
    problems = found(with_people(name, PLACES[place](f"staff/{wrong}")))
    (path,) = problems
    assert path.startswith(place)
    assert f'"{wrong}" is no subject of staff' in problems[path]


def with_humans(*changes):
    """The valid configuration with an agent's entry whose tokens name a human."""
    return changed(("issuers.corp.human_claim", "sponsor"), ("issuers.corp.human_issuer", "staff"), *changes)


OTHER = {
    "issuer": "https://other.example.com/",
    "provider": "okta",
    "token": "id",
    "jwks_uri": "https://other.example.com/jwks",
    "audiences": ["jitney-web"],
    "algorithms": ["RS256"],
    "kind": "human",
}
WEB = {
    "client_id": "jitney-web",
    "authorization_url": "https://other.example.com/auth",
    "token_url": "https://other.example.com/token",
}
AGENTS = OTHER | {
    "audiences": ["jitney"],
    "algorithms": ["RS256"],
    "kind": "agent",
    "token": "access",
    "provider": "okta",
    "issuer": "https://agents.example.com",
}
ADA = "other/00u5t60iloOHN9pBi0h7"
REFUSED = {
    "people without a form": (
        with_humans((f"{STAFF}.subject_pattern", None)),
        "issuers.corp.human_issuer",
        "cannot distinguish a person's subject from a login",
    ),
    "a form that fits everything": (
        with_humans((f"{STAFF}.subject_pattern", ".+")),
        f"{STAFF}.subject_pattern",
        "fits names of different forms",
    ),
    "a form that fits logins and ids": (
        with_humans((f"{STAFF}.subject_pattern", "[a-z0-9-]+")),
        f"{STAFF}.subject_pattern",
        "fits names of different forms",
    ),
    "a form that fits an address": (
        with_humans((f"{STAFF}.subject_pattern", r"[a-z]+(@corp\.org)?"), ("people", {"staff/ada": "al@corp.org"})),
        f"{STAFF}.subject_pattern",
        "fits the address al@corp.org of staff/ada",
    ),
    "a form that is no expression": (
        with_humans((f"{STAFF}.subject_pattern", "[")),
        f"{STAFF}.subject_pattern",
        "is no regular expression",
    ),
    "a reviewer of another issuer": (
        with_humans(("issuers.other", OTHER), ("reviewers", {"owners": {"members": [ADA]}})),
        "reviewers.owners.members.0",
        "could review their own request",
    ),
    "a break-glass user of another issuer": (
        with_humans(("issuers.other", OTHER), ("break_glass", {"people": [ADA], "targets": ["prod"]})),
        "break_glass.people.0",
        "could review their own request",
    ),
    "people who sign in elsewhere": (
        with_humans(("issuers.other", OTHER | {"web": WEB})),
        "issuers.corp.human_issuer",
        "people sign in with other, so a person of staff could review their own request",
    ),
    "people with tokens of an issuer with which they do not sign in": (
        changed(("issuers.other", OTHER | {"web": WEB})),
        "issuers.staff.human_issuer",
        "could review what they request with a token of this issuer",
    ),
    "people with tokens of an issuer that no reviewer has": (
        changed(("issuers.other", OTHER), ("reviewers", {"owners": {"members": ["staff/ada"]}})),
        "issuers.other.human_issuer",
        "could review what they request with a token of this issuer",
    ),
    "reviewers of two issuers": (
        changed(("issuers.other", OTHER), ("reviewers", {"owners": {"members": ["staff/ada", ADA]}})),
        "reviewers.owners.members.1",
        "could review their own request",
    ),
    "two issuers of humans": (
        with_humans(("issuers.other", OTHER), ("issuers.agents", AGENTS | {"human_issuer": "other"})),
        "issuers.agents.human_issuer",
        "could review their own request",
    ),
    "agent and human of one claim": (
        with_humans(("issuers.corp.human_claim", "sub")),
        "issuers.corp",
        "the claim sub names both the agent and its human",
    ),
    "the agent's own id as its human": (
        changed(
            ("issuers.other", OTHER),
            ("issuers.agents", AGENTS | {"human_issuer": "other", "human_claim": "uid"}),
        ),
        "issuers.agents",
        "the claim uid names the agent in the agent's own tokens",
    ),
    "a human issuer without a claim": (
        with_humans(("issuers.corp.human_claim", None)),
        "issuers.corp",
        "human_claim is missing",
    ),
    "people of a provider without people": (
        changed(("issuers.corp.provider", "kubernetes"), ("issuers.corp.kind", "human")),
        "issuers.corp.kind",
        "no person has a token of the provider kubernetes",
    ),
    "a reviewer of an issuer of agents": (
        changed(("reviewers", {"owners": {"members": ["corp/ada"]}})),
        "reviewers.owners.members.0",
        '"corp" is not of kind: human',
    ),
}


@pytest.mark.parametrize(("document", "path", "wrong"), REFUSED.values(), ids=REFUSED)
def test_id_10_a_human_who_could_be_another_person_is_refused(found, document, path, wrong):
    problems = found(document)
    assert isinstance(problems, dict)
    assert wrong in problems.get(path, ""), problems


def test_id_10_agents_and_people_of_one_issuer_are_named_by_different_claims(found):
    issuer = "https://staff.example.com/"
    agents = {"claims": {"subject": ["azp"]}, "human_claim": "sub", "human_issuer": "staff", "issuer": issuer}
    changes = [(f"issuers.corp.{key}", value) for key, value in agents.items()]
    loaded = found(changed(*changes, ("issuers.corp.jwks_uri", "https://staff.example.com/jwks")))
    assert loaded.issuers["corp"].human_issuer == PeopleIssuer("corp", issuer, "generic", "[a-z]+")


def test_id_10_people_of_another_issuer_are_recognized_where_its_entry_says_who_they_are(found):
    entry = OTHER | {"human_issuer": "staff"}
    loaded = found(changed(("issuers.other", entry), ("reviewers", {"owners": {"members": ["staff/ada"]}})))
    assert loaded.issuers["other"].human_issuer.identity_name == "staff"


@pytest.mark.parametrize("pattern", ["(unclosed", "[a", "*", "a{2,1}"])
def test_id_10_a_pattern_that_is_none_is_a_problem_of_its_own_entry(found, pattern):
    reviewers = ("reviewers", {"owners": {"members": ["staff/ada"]}})
    problems = found(with_people("keycloak", (f"{STAFF}.subject_pattern", pattern), reviewers))
    assert "is no regular expression" in problems[f"{STAFF}.subject_pattern"]


def test_id_06_a_pattern_distinguishes_people_from_agents_that_another_claim_names(found):
    people = {"audiences": ["jitney-web"], "kind": "human", "subject_pattern": "[0-9a-f-]{36}"}
    agents = {"claims": {"subject": ["azp"]}}

    def issuers(agents, people):
        corp, web = (changed()["issuers"]["corp"] for _ in range(2))
        return changed(("issuers", {"corp": corp | agents, "web": web | people}), ("reviewers", {}))

    assert isinstance(found(issuers(agents, people)), config.Config)
    assert isinstance(found(issuers({}, people | {"subject_pattern": ""})), config.Config)
    other = {"issuer": "https://other.example.com/", "jwks_uri": "https://other.example.com/keys"}
    assert isinstance(found(issuers(agents, people | other | {"subject_pattern": ""})), config.Config)
    wrong = found(issuers(agents, people | {"subject_pattern": ""}))
    assert "agents are named by azp" in wrong["issuers.corp.claims"]
    wrong = found(issuers({"claims": {"subject": ["azp", "env"], "unit": ["azp"]}}, people | {"subject_pattern": ""}))
    assert "agents are named by azp and env" in wrong["issuers.corp.claims"]
