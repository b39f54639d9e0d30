"""Row ID 9: which tokens may be used once, and what is stored about them."""

import string

from jitney.core.identity.authenticate import Authenticated, authenticate
from jitney.core.quotas import SingleUseKey
from tests.core.identity.minting import (
    CORP,
    NOW,
    SPENT,
    KnownKeys,
    config,
    decode,
    encode,
    issuer,
    jwk,
    jwks,
    key_sets,
    token,
)

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _used(text: str) -> Authenticated:
    keys = KnownKeys({**key_sets(), SPENT: jwks(jwk("rsa"), jwk("ec256"))})
    return authenticate(f"Bearer {text}", config(), keys, NOW)


def _replay(text: str) -> SingleUseKey:
    replay = _used(text).single_use
    assert replay is not None
    return replay


def test_id_09_a_reusable_token_is_not_stored() -> None:
    assert _used(token()).single_use is None


def test_id_09_a_single_use_token_is_stored_until_it_is_refused_as_expired() -> None:
    assert _replay(token(iss=SPENT, exp=NOW + 200)).expires_at == NOW + 200 + 30


def test_id_09_the_key_is_a_hash_that_reveals_nothing_of_the_token() -> None:
    key = _replay(token(iss=SPENT)).key.removeprefix("REPLAY#")

    assert len(key) == 64
    assert set(key) <= set(string.hexdigits.lower())


def test_id_09_two_tokens_of_one_jti_are_one() -> None:
    assert _replay(token(iss=SPENT, jti="a")) == _replay(token(iss=SPENT, jti="a", groups=[]))
    assert _replay(token(iss=SPENT, jti="a")) != _replay(token(iss=SPENT, jti="b"))


def test_id_09_a_jti_counts_for_its_issuer_only() -> None:
    everyone_once = config(issuer("corp", CORP, replay="single_use"), issuer("once", SPENT, replay="single_use"))
    keys = KnownKeys(key_sets())
    replays = [authenticate(f"Bearer {token(iss=url)}", everyone_once, keys, NOW).single_use for url in (CORP, SPENT)]

    assert len(set(replays)) == 2


def test_id_09_without_jti_the_key_covers_the_token_itself() -> None:
    assert _replay(token(iss=SPENT, jti=None)) == _replay(token(iss=SPENT, jti=None))
    assert _replay(token(iss=SPENT, jti=None)) != _replay(token(iss=SPENT, jti=None, exp=NOW + 201))
    assert _replay(token(iss=SPENT, jti="")) != _replay(token(iss=SPENT, jti="", exp=NOW + 201))


def test_id_09_the_mirrored_ecdsa_signature_makes_no_new_token() -> None:
    """(r, s) and (r, n-s) both verify, so a hash over the whole token could be evaded."""
    text = token("ec256", iss=SPENT, jti=None)
    signing_input, _, signature = text.rpartition(".")
    raw = decode(signature)
    mirrored = f"{signing_input}.{encode(raw[:32] + (P256_ORDER - int.from_bytes(raw[32:])).to_bytes(32))}"

    assert mirrored != text
    assert _replay(mirrored) == _replay(text)


def test_id_09_a_replay_is_a_refusal_with_a_principal() -> None:
    authenticated = _used(token(iss=SPENT))
    refusal = authenticated.replay_refusal()

    assert (refusal.code, refusal.status, refusal.issuer_name) == ("token_replayed", 401, "once")
    assert refusal.principal == authenticated.principal
    assert 'error="invalid_token"' in refusal.headers["WWW-Authenticate"]
