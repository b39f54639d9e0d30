"""Rows ID 2 and 4: which keys of a JWK set may verify, and which sets are refused."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from jitney.core.identity.keys import parse_key_set
from tests.core.identity.minting import CLAIMS, decode, header_with, jwk, jwks, private_key, sign, token

RSA_ALGORITHMS = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}

FITTING = {
    "RSA without alg, as Entra's": (jwk("rsa", alg=None), RSA_ALGORITHMS),
    "RSA with alg": (jwk("rsa", alg="PS256"), {"PS256"}),
    "P-256": (jwk("ec256"), {"ES256"}),
    "P-384": (jwk("ec384"), {"ES384"}),
    "Ed25519": (jwk("ed25519"), {"EdDSA"}),
    "use sig and key_ops verify": (jwk("rsa", use="sig", key_ops=["verify"]), RSA_ALGORITHMS),
    "members that are only informative": (jwk("rsa", x5c=["MIIB"], x5u="https://evil.example.com/"), RSA_ALGORITHMS),
}


@pytest.mark.parametrize("name", FITTING)
def test_id_02_a_key_is_for_the_algorithms_that_fit_it(name: str) -> None:
    entry, algorithms = FITTING[name]
    key = parse_key_set(jwks(entry)).find(entry["kid"])

    assert key is not None
    assert key.algorithms == algorithms


def test_id_02_a_key_verifies_nothing_by_an_algorithm_that_does_not_fit_it() -> None:
    key = parse_key_set(jwks(jwk("rsa", alg="RS256"))).only
    signing_input, _, signature = token().rpartition(".")

    assert key is not None
    assert key.verifies("RS256", signing_input.encode(), decode(signature))
    assert not key.verifies("RS384", signing_input.encode(), decode(signature))
    signed = sign(header_with(), CLAIMS, algorithm="PS256").rpartition(".")
    assert not key.verifies("PS256", signed[0].encode(), decode(signed[2]))


UNUSABLE = {
    "RSA of 1024 bits": jwk("rsa-weak"),
    "for encryption": jwk("rsa", use="enc"),
    "use is a list": jwk("rsa", use=["sig"]),
    "key_ops without verify": jwk("rsa", key_ops=["encrypt"]),
    "key_ops is a string": jwk("rsa", key_ops="verify"),
    "an encryption algorithm": jwk("rsa", alg="RSA-OAEP"),
    "an algorithm of another kind of key": jwk("rsa", alg="ES256"),
    "an algorithm of another curve": jwk("ec256", alg="ES384"),
    "another curve's name": jwk("ec256", crv="P-384"),
    "secp256k1": jwk("ec256", crv="secp256k1"),
    "Ed448": jwk("ed25519", crv="Ed448"),
    "a shared secret": {"kty": "oct", "kid": "k", "k": "c2VjcmV0"},
    "a private key": jwk("ec256", d=ECAlgorithm.to_jwk(private_key("ec256"), as_dict=True)["d"]),
    "no kty": jwk("rsa", kty=None),
    "kty is a list": jwk("rsa", kty=["RSA"]),
    "no modulus": jwk("rsa", n=None),
    "modulus is a number": jwk("rsa", n=5),
    "modulus is no base64": jwk("rsa", n="***"),
    "even exponent": jwk("rsa", e="Ag"),
    "exponent one": jwk("rsa", e="AQ"),
    "a point off the curve": jwk("ec256", x=jwk("ec256")["y"]),
    "half an Ed25519 key": jwk("ed25519", x="AAAA"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_id_02_a_key_that_cannot_be_used_is_left_out(name: str) -> None:
    entry = {**UNUSABLE[name], "kid": "unusable"}

    assert parse_key_set(jwks(entry, jwk("ed25519"))).find("unusable") is None
    with pytest.raises(ValueError, match="no key"):
        parse_key_set(jwks(entry))


REFUSED = {
    "two keys of one kid": jwks(jwk("rsa", kid="1"), jwk("ec256", kid="1")),
    "two keys of one kid, one for encryption": jwks(jwk("rsa", kid="1"), jwk("ec256", kid="1", use="enc")),
    "kid is a number": jwks(jwk("rsa", kid=1), jwk("ec256")),
    "no keys": jwks(),
    "keys is an object": b'{"keys": {}}',
    "keys holds a string": b'{"keys": ["rsa"]}',
    "no object": b"[]",
    "no JSON": b"<html>",
    "a member twice": b'{"keys": [], "keys": []}',
    "empty": b"",
    "not UTF-8": b"\xff",
    "BOM": b"\xef\xbb\xbf" + jwks(jwk("rsa")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_id_04_a_set_that_is_not_plain_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_key_set(REFUSED[name])


def test_id_04_a_token_without_kid_fits_a_set_of_one_key_only() -> None:
    assert parse_key_set(jwks(jwk("rsa"))).find(None) is not None
    assert parse_key_set(jwks(jwk("rsa", kid=None))).find(None) is not None
    assert parse_key_set(jwks(jwk("rsa"), jwk("ec256"))).find(None) is None
    assert parse_key_set(jwks(jwk("rsa"), jwk("ec256", use="enc"))).find(None) is None
    assert parse_key_set(jwks(jwk("rsa", kid=None), jwk("ec256", kid=None))).find(None) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(
    name=st.sampled_from(["rsa", "ec256", "ed25519"]),
    changes=st.dictionaries(st.sampled_from([*jwk("ec256"), "n", "e", "alg", "use", "key_ops"]), JSON),
)
def test_id_07_a_set_gives_keys_or_a_value_error(name: str, changes: dict[str, Any]) -> None:
    raw = json.dumps({"keys": [{**jwk(name), **changes}]}).encode()
    with suppress(ValueError):
        assert parse_key_set(raw).by_kid.keys() <= {name, changes.get("kid")}


@given(st.binary(max_size=40))
def test_id_07_any_bytes_give_keys_or_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_key_set(raw)
