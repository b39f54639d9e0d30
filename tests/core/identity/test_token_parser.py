"""Row ID 5: every input yields a principal or a refusal, never another exception."""

import base64
import itertools
import json
import string
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.identity.authenticate import authenticate
from jitney.core.identity.providers import aws, entra, github_actions, google, kubernetes, okta
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.token import parse_token
from jitney.core.problems import PROBLEMS
from tests.core.identity.minting import CLAIMS, NOW, KnownKeys, config, encode, header_with, key_sets, sign, token
from tests.examples import examples

SAMPLES: list[Mapping[str, Any]] = [
    CLAIMS,
    okta.SAMPLE,
    entra.SAMPLE,
    google.SAMPLE,
    github_actions.SAMPLE,
    kubernetes.SAMPLE,
    aws.SAMPLE,
]
KEYS = KnownKeys(key_sets())

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
segments = st.one_of(
    st.text(max_size=30),
    st.binary(max_size=30).map(encode),
    anything.map(lambda value: encode(json.dumps(value).encode())),
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "iss", "sub"]), anything).map(encode),
)


def _outcome(header: str | None) -> str:
    try:
        authenticate(header, config(), KEYS, NOW)
    except Refusal as refusal:
        assert refusal.code in PROBLEMS
        json.dumps(refusal.body())
        return refusal.code
    return "authenticated"


@given(st.text(st.characters(), max_size=60))
def test_id_05_any_header_is_refused_or_read(header: str) -> None:
    assert _outcome(header) in {"token_missing", "token_malformed"}


@given(st.lists(segments, max_size=6))
def test_id_05_any_segments_are_refused(parts: list[str]) -> None:
    assert _outcome("Bearer " + ".".join(parts)) != "authenticated"


@given(st.integers(min_value=0, max_value=2000), st.characters(max_codepoint=0x17F))
def test_id_05_a_token_with_one_character_changed_is_refused(position: int, character: str) -> None:
    sound = token()
    position %= len(sound)
    changed = sound[:position] + character + sound[position + 1 :]

    assert changed == sound or _outcome(f"Bearer {changed}") != "authenticated"


@settings(max_examples=examples(300))
@given(st.data())
def test_id_05_any_signed_claims_are_refused_or_prove_a_principal(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(SAMPLES))
    inner = [name for value in sample.values() if isinstance(value, dict) for name in value]
    names = st.sampled_from([*sample, *inner, "act", "nbf", "azp", "_claim_names", "hasgroups", "token_use", "hd"])
    changes = data.draw(st.dictionaries(names, anything, max_size=4))

    claims = {**sample, **{name: value for name, value in changes.items() if name != "iss"}}
    for name, value in claims.items():
        if isinstance(value, dict):
            claims[name] = {**value, **{key: changes[key] for key in changes if key in value}}
    _outcome(f"Bearer {sign(header_with(typ='JWT'), claims)}")


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "cty", "x5t", "crit"]), anything))
def test_id_05_any_signed_header_is_refused_or_proves_a_principal(head: dict[str, Any]) -> None:
    _outcome(f"Bearer {sign({**header_with(), **head}, CLAIMS)}")


def test_id_04_16_kb_is_the_limit() -> None:
    room = (16_384 - len(token(pad=""))) * 3 // 4
    short, long = (token(pad="x" * characters) for characters in (room - 4, room + 4))

    assert 16_374 < len(short) <= 16_384 < len(long)
    assert (_outcome(f"Bearer {short}"), _outcome(f"Bearer {long}")) == ("authenticated", "token_malformed")


def test_id_05_a_segment_has_one_spelling():
    """Of each length and with each last character, only what an encoder would write is accepted."""
    signed = f"{encode(header_with())}.{encode(CLAIMS)}."
    for filled, last in itertools.product(range(5), string.ascii_letters + string.digits + "-_"):
        segment = "A" * filled + last
        padded = segment + "=" * (-len(segment) % 4)
        canonical = len(segment) % 4 != 1 and encode(base64.urlsafe_b64decode(padded)) == segment
        try:
            assert parse_token(signed + segment).signature == base64.urlsafe_b64decode(padded)
            accepted = True
        except Refusal as refusal:
            assert refusal.code == "token_malformed"
            accepted = False
        assert accepted is canonical, segment
