"""Row ID 12: the requester, in names that cannot imitate each other."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.identity.principal import IdentityFact
from jitney.core.identity.providers import PROVIDERS
from jitney.core.identity.requester import escape_name, person_name, requester_name, shorten_name
from tests.core.identity import minting
from tests.examples import examples
from tests.provider_agents import NAMES, SAMPLES, agent, lookalikes


def test_id_12_every_provider_has_a_sample_here() -> None:
    assert set(SAMPLES) == set(NAMES) == set(PROVIDERS)


@pytest.mark.parametrize("provider", NAMES)
def test_id_12_the_requester_in_a_few_words(provider: str) -> None:
    who = agent(provider)
    assert requester_name(who.issuer_name, who.subject, who.facts) == NAMES[provider]


def test_id_12_roles_with_one_prefix_have_their_own_names() -> None:
    arns = [f"arn:aws:iam::444455556666:role/agents/{name}" for name in ("prod-reader", "prod-admin-writer")]
    facts = [(IdentityFact("Role or user", arn), IdentityFact("Account", "444455556666")) for arn in arns]
    assert [requester_name("aws", arn, each) for arn, each in zip(arns, facts, strict=True)] == [
        "Role prod-reader in 444455556666 (aws)",
        "Role prod-admin-writer in 444455556666 (aws)",
    ]
    assert requester_name("aws", "", (IdentityFact("", "arn:aws:iam::444455556666:user/ada"),)).startswith(
        "User ada in"
    )


def test_id_12_without_facts_the_subject_is_the_name() -> None:
    spiffe = "spiffe://prod.example.com/ns/agents/sa/reader"
    assert requester_name("spire", spiffe, ()) == f"{spiffe} (spire)"


def test_id_12_no_fact_continues_the_sentence_or_replaces_the_issuer() -> None:
    forged = "octo-org/other · environment production"
    assert requester_name("github", "", (IdentityFact("Repository", forged),)) == (
        "octo-org/other [U+00B7] environment production (github)"
    )
    short = IdentityFact("Repository", "octo-org/octo-repo")
    hidden = requester_name("github", "", (short, IdentityFact("Environment", "octo-org")))
    assert hidden == "octo-org/octo-repo · environment octo-org (github)"
    role = IdentityFact("Name", "arn:aws:iam::444455556666:role/prod-reader")
    assert requester_name("wiki", "", (role,)) == "Role prod-reader in 444455556666 (wiki)"


SHOWN = {
    "production": "production",
    "Müller & Söhne": "Müller & Söhne",
    "請求書 7": "請求書 7",
    "доставка": "доставка",
    "prоd": "pr[U+043E]d",
    "рсе": "[U+0440][U+0441][U+0435]",
    "ｐｒｏｄ": "[U+FF50][U+FF52][U+FF4F][U+FF44]",
    "𝐩rod": "[U+1D429]rod",
    "u\u0308": "u[U+0308]",
    "\u212b": "[U+212B]",
    "prod\u202edorp": "prod[U+202E]dorp",
    "a\u200bb\u00adc\ufeffd\u2066": "a[U+200B]b[U+00AD]c[U+FEFF]d[U+2066]",
    "a\u3164b\u2800": "a[U+3164]b[U+2800]",
    "請\u3164求": "請[U+3164]求",
    "שלום": "[U+05E9][U+05DC][U+05D5][U+05DD]",
    " two  spaces ": "[U+0020]two[U+0020][U+0020]spaces[U+0020]",
    "line\r\n\x00\x1b[31m\x7f\x9b": "line[U+000D][U+000A][U+0000][U+001B][31m[U+007F][U+009B]",
    "prod[U+200B]": "prod[U+005B]U+200B]",
    "\u2018x\u2019 … · —": "[U+2018]x[U+2019] [U+2026] [U+00B7] [U+2014]",
}


@pytest.mark.parametrize("name", SHOWN)
def test_id_12_what_resembles_another_name_is_shown_by_its_number(name: str) -> None:
    assert escape_name(name) == SHOWN[name]


@pytest.mark.parametrize("name", ["production", "arn:aws:iam::444455556666:role/agents/prod-reader", "refs/heads/main"])
def test_id_12_lookalikes_of_a_name_are_shown_as_others(name: str) -> None:
    others = {escape_name(each) for each in lookalikes(name)}
    assert name not in others
    assert len(others) == len(list(lookalikes(name)))
    assert all(each.isascii() and each.isprintable() for each in others)


@given(one=st.text(max_size=40), other=st.text(max_size=40))
@settings(max_examples=examples(300))
def test_id_12_two_names_are_never_shown_alike(one: str, other: str) -> None:
    assert (escape_name(one) == escape_name(other)) == (one == other)
    assert escape_name(one).isprintable()


@given(st.text(alphabet="[]U+0245aо ", max_size=12), st.text(alphabet="[]U+0245aо ", max_size=12))
@settings(max_examples=examples(300))
def test_id_12_no_name_imitates_an_escaped_one(one: str, other: str) -> None:
    assert (escape_name(one) == escape_name(other)) == (one == other)


def test_id_12_long_names_are_cut_in_the_middle_and_stay_distinct() -> None:
    one, other = (f"release/{'x' * 100}{each}{'y' * 100}/main" for each in "ab")
    cut = shorten_name(one, 64)
    assert re.fullmatch(r"release/x+…\[cut: [0-9a-f]{16}\]…y+/main", cut)
    assert len(cut) == 64
    assert cut != shorten_name(other, 64)
    assert shorten_name(cut, 200) != cut  # a name that imitates a cut one
    assert shorten_name("release/1", 64) == "release/1"


def test_id_12_a_human_has_the_name_by_which_people_know_them() -> None:
    guid = "people.690222be-ff1a-4d56-abd1-7e4f7d38e474"
    hashed = "people.alice-example.com=k5ozq2q7zvfx4hqmmqgpm3b7iy"
    known = replace(
        minting.config(),
        emails={guid: "ada@example.com"},
        subjects={guid: ("people", guid[7:]), hashed: ("people", "alice@example.com"), "people.bob": ("people", "bob")},
    )
    assert [person_name(each, known) for each in (guid, hashed, "people.bob", "people.gone")] == [
        f"ada@example.com ({guid})",
        f"people/alice@example.com ({hashed})",
        "people.bob",
        "people.gone",
    ]
