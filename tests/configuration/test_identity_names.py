"""Row POL 2: policies and cases name only requesters, people and claims that tokens can have."""

import pytest

from jitney.configuration.identity_names import identity_faults
from jitney.configuration.names import Names
from jitney.core.identity.source_identity import source_identity
from tests.provider_agents import SAMPLES, agent

OKTA = {"issuer": "https://acme.okta.com/oauth2/aus9o8wzkhckw9TLa0h7", "provider": "okta"}
EKS = {"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/E", "provider": "kubernetes"}
STAFF = {"issuer": "https://staff.example.com", "provider": "generic", "kind": "human", "subject_pattern": "[a-z]+"}
NAMES = Names.of(
    {
        "issuers": {
            "people": OKTA | {"kind": "human"},
            "okta": OKTA | {"human_issuer": "people"},
            "eks": EKS,
            "staff": STAFF,
            "ci": {"issuer": "https://ci.example.com", "provider": "generic"},
        }
    }
)
READER = "system:serviceaccount:agents:reader:14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"
READER_NAME = source_identity("eks", EKS["issuer"], READER)
PERSON = "00u5t60iloOHN9pBi0h7"
IMPOSSIBLE = [
    # The kind, the name, what is wrong, and the fix. Names begin with the alias of the first entry of the issuer.
    (
        "agent",
        "okta.0oabskvc6442nkvQO0h7",
        'policies see "people.0oabskvc6442nkvQO0h7"',
        '"people.0oabskvc6442nkvQO0h7"',
    ),
    (
        "agent",
        "okta/0oabskvc6442nkvQO0h7",
        'policies see "people.0oabskvc6442nkvQO0h7"',
        '"people.0oabskvc6442nkvQO0h7"',
    ),
    ("human", f"people/{PERSON}", f'policies see "people.{PERSON}"', f'write "people.{PERSON}"'),
    ("human", f"okta.{PERSON}", f'policies see "people.{PERSON}"', f'write "people.{PERSON}"'),
    ("human", "people.ada", 'no human of people has the subject "ada"', "no login and no address"),
    ("human", "staff.a9", 'no human of staff has the subject "a9"', "no login and no address"),
    ("human", "ci.alice", "issuers.ci is not of kind: human", "use one of people, staff"),
    ("agent", "staff.alice", "issuers.staff is not of kind: agent", "use one of ci, eks, okta"),
    ("agent", f"eks.{READER}", f'policies see "{READER_NAME}"', f'write "{READER_NAME}"'),
    ("agent", "eks.system:serviceaccount:agents:reader", "no agent of eks has the subject", READER),
    ("agent", "ci.*", "have no wildcards", "name a group instead"),
    ("agent", "ci.release-?", "have no wildcards", 'principal.subject like "release-?"'),
    ("agent", f"okta.x={'a' * 26}", 'names of this issuer begin with "people."', "from a record"),
    ("agent", "cj.reader", '"cj" is not in issuers', 'did you mean "ci.reader"'),
    (
        "agent",
        "reader",
        'does not begin with the alias of an issuer and "."',
        'write "people.reader" or "eks.reader" or',
    ),
    ("human", "ada", 'does not begin with the alias of an issuer and "."', 'write "people.ada" or "staff.ada"'),
]
POSSIBLE = [
    ("agent", "people.0oabskvc6442nkvQO0h7"),
    ("human", f"people.{PERSON}"),
    ("human", "staff.alice"),
    ("agent", "ci.reader"),
    ("agent", "ci.a.b"),
    ("agent", READER_NAME),
]


@pytest.mark.parametrize(("kind", "name", "wrong", "fix"), IMPOSSIBLE, ids=[row[1] for row in IMPOSSIBLE])
def test_pol_02_a_name_that_no_requester_has_is_refused(kind, name, wrong, fix):
    ((found, shown),) = identity_faults(kind, name, NAMES)
    assert found.startswith(f'names {kind} "{name}"')
    assert wrong in found
    assert fix in shown


@pytest.mark.parametrize(("kind", "name"), POSSIBLE)
def test_pol_02_a_name_that_a_requester_can_have_is_accepted(kind, name):
    assert list(identity_faults(kind, name, NAMES)) == []


@pytest.mark.parametrize("provider", SAMPLES)
def test_pol_02_the_agent_of_each_providers_sample_can_be_named(provider):
    principal = agent(provider)
    alias = principal.source_identity.partition(".")[0]
    names = Names.of({"issuers": {alias: {"issuer": principal.issuer, "provider": provider}}})
    assert list(identity_faults("agent", principal.source_identity, names)) == []
    written = f"{alias}.{principal.subject}"
    assert [fix for _, fix in identity_faults("agent", written, names)] == (
        [] if written == principal.source_identity else [f'write "{principal.source_identity}"']
    )
