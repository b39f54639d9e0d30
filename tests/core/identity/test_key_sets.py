"""Rows ID 2 and 4: which keys of a JWK set may verify, and which sets are refused."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from jitney.configuration.issuer_settings import IssuerSettings
from jitney.core.identity.keys import parse_key_set
from tests.core.identity.minting import CLAIMS, CORP, decode, header_with, jwk, jwks, private_key, sign, token

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
    (key,) = parse_key_set(jwks(entry)).find(entry["kid"])

    assert key.algorithms == algorithms


def test_id_02_a_key_verifies_nothing_by_an_algorithm_that_does_not_fit_it() -> None:
    key = parse_key_set(jwks(jwk("rsa", alg="RS256"))).only
    signing_input, _, signature = token().rpartition(".")

    assert key is not None
    assert key.verifies("RS256", signing_input.encode(), decode(signature))
    assert not key.verifies("RS384", signing_input.encode(), decode(signature))
    signed = sign(header_with(), CLAIMS, algorithm="PS256").rpartition(".")
    assert not key.verifies("PS256", signed[0].encode(), decode(signed[2]))


def test_id_02_a_key_remembers_only_the_tokens_that_it_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of a token counts. A part of the header or the claims cannot pass for a part of the signature."""
    keys = [parse_key_set(jwks(entry)).only for entry in (jwk("rsa"), jwk("rsa-other"))]
    signing_input, _, encoded = token().rpartition(".")
    signed, signature = signing_input.encode(), decode(encoded)
    asked: list[bytes] = []
    verify = RSAAlgorithm.verify
    monkeypatch.setattr(RSAAlgorithm, "verify", lambda *of: asked.append(of[3]) or verify(*of))
    key, other = keys
    assert key is not None
    assert other is not None
    hostile = [
        ("RS384", signed, signature),
        ("RS256", signed[:-1] + b"~", signature),
        ("RS256", signed, signature[:-1] + bytes([signature[-1] ^ 1])),
        ("RS256", signed[:-1], signed[-1:] + signature),
        ("RS256", signed + signature[:1], signature[1:]),
        ("RS256", signed + signature, b""),
    ]
    for _ in range(2):
        assert key.verifies("RS256", signed, signature)
        assert [key.verifies(*each) for each in hostile] == [False] * len(hostile)
        assert not other.verifies("RS256", signed, signature)
    assert asked.count(signature) == 7  # once when verified, and each time for three that are refused


def test_id_02_a_key_forgets_the_oldest_of_many_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jitney.core.identity.keys.MOST_REMEMBERED", 2)
    asked: list[bytes] = []
    monkeypatch.setattr(RSAAlgorithm, "verify", lambda *of: not asked.append(of[1]))
    key = parse_key_set(jwks(jwk("rsa"))).only
    assert key is not None
    assert all(key.verifies("RS256", each, b"") for each in (b"a", b"b", b"c", b"c", b"b", b"a", b"b"))
    assert asked == [b"a", b"b", b"c", b"a", b"b"]


ENTRY = {
    "issuer": CORP,
    "jwks_uri": f"{CORP}/jwks",
    "provider": "generic",
    "token": "access",
    "audiences": ["jitney"],
}
SIGNED = json.loads((Path(__file__).parent / "wycheproof_signatures.json").read_text("utf-8"))["vectors"]
MISLABELLED = {346, 350}
"""The vectors of RFC 7520 figure 20 with a key whose `alg` is PS256 and a header that says PS384."""


@pytest.mark.parametrize("vector", SIGNED, ids=lambda vector: str(vector["id"]))
def test_id_02_what_wycheproof_holds_valid_verifies_and_can_be_configured(vector: dict[str, Any]) -> None:
    signing_input, _, signature = vector["jws"].rpartition(".")
    algorithm = json.loads(decode(signing_input.partition(".")[0]))["alg"]
    key = parse_key_set(jwks(vector["key"])).only

    assert IssuerSettings.model_validate(ENTRY | {"algorithms": [algorithm]}).algorithms == (algorithm,)
    assert key is not None
    assert key.verifies(algorithm, signing_input.encode(), decode(signature)) is (vector["id"] not in MISLABELLED)
    assert not key.verifies(algorithm, signing_input.encode() + b"x", decode(signature))


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_id_02_the_algorithms_of_aws_tokens_can_be_configured(algorithm: str) -> None:
    changes = {"provider": "aws", "token": "id", "algorithms": [algorithm]}
    assert IssuerSettings.model_validate(ENTRY | changes).algorithms == (algorithm,)


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

    assert parse_key_set(jwks(entry, jwk("ed25519"))).find("unusable") == ()
    with pytest.raises(ValueError, match="no key"):
        parse_key_set(jwks(entry))


REFUSED = {
    "no keys": jwks(),
    "two keys of one kid and no other": jwks(jwk("rsa", kid="1"), jwk("rsa-other", kid="1")),
    "keys is an object": b'{"keys": {}}',
    "keys holds a string only": b'{"keys": ["rsa"]}',
    "no object": b"[]",
    "no JSON": b"<html>",
    "a member twice": b'{"keys": [], "keys": []}',
    "keys twice, with a usable one": b'{"keys": [], ' + jwks(jwk("rsa"))[1:],
    "empty": b"",
    "not UTF-8": b"\xff",
    "BOM": b"\xef\xbb\xbf" + jwks(jwk("rsa")),
    "nested too deeply": b'{"keys": ' + b"[" * 100_000,
}


@pytest.mark.parametrize("name", REFUSED)
def test_id_04_a_set_that_is_not_plain_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_key_set(REFUSED[name])


GOOD = jwk("ed25519", kid="good")
DROPPED: dict[str, tuple[list[str], list[tuple[str, str]]]] = {
    "no object": (['"rsa"'], [("", "malformed")]),
    "kid is a number": ([json.dumps(jwk("rsa", kid=1))], [("", "malformed")]),
    "kid is a lone surrogate": ([json.dumps(jwk("rsa", n="x", kid="\ud800"))], [("\ud800", "malformed")]),
    "a member twice": (['{"kid": "a", "kid": "b", ' + json.dumps(jwk("rsa", kid=None))[1:]], [("", "malformed")]),
    "a member is NaN": ([json.dumps(jwk("rsa", kid="1", n=float("nan")))], [("1", "malformed")]),
    "a point off the curve": ([json.dumps(jwk("ec256", kid="1", x="AAAA"))], [("1", "malformed")]),
    "too short": ([json.dumps(jwk("rsa-weak", kid="1"))], [("1", "weak")]),
    "private": ([json.dumps(jwk("rsa", kid="1", d="AAAA"))], [("1", "private")]),
    "two keys of one kid": (
        [json.dumps(jwk("rsa", kid="1")), json.dumps(jwk("rsa-other", kid="1", alg="PS256"))],
        [("1", "ambiguous"), ("1", "ambiguous")],
    ),
    "three keys of one kid, two of them equal": (
        [json.dumps(jwk(name, kid="1")) for name in ("rsa", "rsa", "rsa-other")],
        [("1", "ambiguous")] * 3,
    ),
}


@pytest.mark.parametrize("name", DROPPED)
@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_id_13_a_bad_entry_of_a_set_is_dropped_alone(name: str, first: bool) -> None:
    entries, dropped = DROPPED[name]
    whole = [json.dumps(GOOD), *entries] if first else [*entries, json.dumps(GOOD)]

    keys = parse_key_set(f'{{"keys": [{",".join(whole)}]}}'.encode())

    assert keys.by_kid.keys() == {"good"}
    assert [tuple(each) for each in keys.dropped] == dropped
    assert [each.algorithms for each in keys.find(None)] == [{"EdDSA"}]


def test_id_13_keys_of_other_kinds_may_share_a_kid() -> None:
    keys = parse_key_set(jwks(jwk("rsa", kid="1"), jwk("ec256", kid="1"), jwk("ec384", kid="1")))

    assert [each.algorithms for each in keys.find("1")] == [RSA_ALGORITHMS, {"ES256"}, {"ES384"}]
    assert (keys.dropped, keys.only) == ((), None)


def test_id_13_a_key_for_encryption_and_an_equal_key_make_no_key_ambiguous() -> None:
    entries = jwk("rsa", kid="1"), jwk("rsa-other", kid="1", use="enc"), jwk("rsa", kid="1")
    keys = parse_key_set(jwks(*entries))

    assert [each.material.public_numbers() for each in keys.find("1")] == [
        private_key("rsa").public_key().public_numbers()
    ] * 2
    assert keys.dropped == ()


def test_id_04_a_token_without_kid_fits_a_set_of_one_key_only() -> None:
    assert parse_key_set(jwks(jwk("rsa"))).find(None)
    assert parse_key_set(jwks(jwk("rsa", kid=None))).find(None)
    assert not parse_key_set(jwks(jwk("rsa"), jwk("ec256"))).find(None)
    assert not parse_key_set(jwks(jwk("rsa"), jwk("ec256", use="enc"))).find(None)
    assert not parse_key_set(jwks(jwk("rsa", kid=None), jwk("ec256", kid=None))).find(None)


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
