"""An identity is the same under each alias of its issuer, and no other one is equal to it."""

import json
from string import ascii_lowercase

from hypothesis import example, given, settings
from hypothesis import strategies as st

from jitney.core.identity.source_identity import MAX_ALIAS_CHARACTERS, is_nameable, source_identity
from jitney.core.stored_identity import identity_of, name_of
from tests.examples import examples

ALIASES = st.text(f"{ascii_lowercase}-_=", min_size=1, max_size=MAX_ALIAS_CHARACTERS)
SUBJECTS = st.text(min_size=1, max_size=80).filter(is_nameable) | st.from_regex(
    r"[a-z.]{0,30}=[a-z2-7]{26}", fullmatch=True
)
ISSUERS = st.sampled_from(["https://a.example.com", "https://b.example.com"])


@settings(max_examples=examples(300))
@given(ALIASES, ALIASES, SUBJECTS, SUBJECTS, ISSUERS, ISSUERS)
@example("a", "b" * MAX_ALIAS_CHARACTERS, "x" * 40, "y" * 40, "https://a.example.com", "https://b.example.com")
def test_id_02_identities_are_equal_for_equal_issuers_and_subjects_alone(
    alias: str, other: str, subject: str, another: str, issuer: str, elsewhere: str
):
    one = identity_of(source_identity(alias, issuer, subject), issuer)
    assert identity_of(source_identity(other, issuer, subject), issuer) == one
    found = identity_of(source_identity(alias, elsewhere, another), elsewhere)
    assert (found == one) is ((elsewhere, another) == (issuer, subject))


def test_id_02_an_identity_comes_back_as_stored():
    one = identity_of("corp.alice", "https://a.example.com")
    assert identity_of(**json.loads(json.dumps(one.stored()))) == one
    assert (name_of(one), name_of(None), f"{one}") == ("corp.alice", "", "corp.alice")
