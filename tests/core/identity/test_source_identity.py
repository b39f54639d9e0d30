"""Row ID 6: the source identity is legal at AWS, readable, and one-to-one with issuer and subject."""

import re
import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from jitney.core.identity.source_identity import is_nameable, source_identity

LEGAL = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
ISSUERS = {
    "corp": "https://corp.example.com",
    "corp.a": "https://a.corp.example.com",
    "co": "https://co.example.com",
    "a" * 63: "https://long.example.com",
    "corp=": "https://strange.example.com",
    "c orp": "https://stranger.example.com",
}
HASH = "[a-z2-7]{26}"

subjects = st.one_of(
    st.text(min_size=1, max_size=80),
    st.text(string.ascii_letters + string.digits + "_+=,.@-", min_size=1, max_size=70),
    st.from_regex(re.compile(rf"[a-z.=]{{0,8}}={HASH}"), fullmatch=True),
).filter(is_nameable)
pairs = st.tuples(st.sampled_from(list(ISSUERS)), subjects)


def _identity(name: str, subject: str) -> str:
    return source_identity(name, ISSUERS[name], subject)


@given(pairs)
def test_id_06_a_source_identity_is_legal_at_aws(pair: tuple[str, str]) -> None:
    identity = _identity(*pair)

    assert LEGAL.fullmatch(identity)
    assert not identity.lower().startswith("aws:")


@given(pairs, pairs)
@example(("corp", "a.b"), ("corp.a", "b"))
def test_id_06_two_principals_never_share_a_source_identity(one: tuple[str, str], two: tuple[str, str]) -> None:
    assume(one != two)

    assert _identity(*one) != _identity(*two)


@given(pairs, st.sampled_from(list(ISSUERS)))
def test_id_06_no_subject_can_get_the_hashed_name_of_another(pair: tuple[str, str], name: str) -> None:
    """The attack: a subject that looks like another subject's hashed identity."""
    stolen = _identity(*pair)
    for subject in (stolen, stolen.partition(".")[2], stolen.removeprefix(name), stolen.removeprefix(f"{name}.")):
        if is_nameable(subject) and (name, subject) != pair:
            assert _identity(name, subject) != stolen


@given(pairs)
def test_id_06_the_first_form_reads_back(pair: tuple[str, str]) -> None:
    """With the hash (128 bits, assumed unique) of the second form, this makes it one-to-one."""
    identity = _identity(*pair)
    if not re.fullmatch(f".*={HASH}", identity):
        name, _, subject = identity.partition(".")
        assert (name, subject) == pair


READABLE = {
    "reader-agent": "corp.reader-agent",
    "ada@corp.example.com": "corp.ada@corp.example.com",
    "x": "corp.x",
    "a=b": "corp.a=b",
    "auth0|5f7c8ec7": f"corp.auth0-5f7c8ec7={HASH}",
    "Zoë": f"corp.Zo-={HASH}",
    "repo:583231/1296269:ref:refs/heads/main": f"corp.repo-583231-1296269-ref-refs-hea={HASH}",
    "s" * 60: f"corp.{'s' * 32}={HASH}",
    "s" * 59: "corp." + "s" * 59,
}


@pytest.mark.parametrize("subject", READABLE)
def test_id_06_a_source_identity_begins_readably(subject: str) -> None:
    assert re.fullmatch(READABLE[subject].replace(".", r"\."), _identity("corp", subject))


def test_id_06_the_hash_distinguishes_issuers_with_one_name() -> None:
    """Reassigning an alias to another issuer does not transfer the hashed identities."""
    assert source_identity("corp", "https://old", "a|b") != source_identity("corp", "https://new", "a|b")
    hashes = [source_identity("c.d", *pair)[-26:] for pair in (("https://a", "b|"), ("https://ab", "|"))]
    assert hashes[0] != hashes[1]


UNNAMEABLE = ["", "\0", "a\x7f", "a\nb", "a\u202eb", "a\u2066b", "a\u200bb", "\ud800", "\ue000", "a\u2028", "a" * 256]


@pytest.mark.parametrize("text", UNNAMEABLE, ids=ascii)
def test_id_06_unprintable_subjects_are_refused(text: str) -> None:
    assert not is_nameable(text)
