"""Row ID 9: tokens that are bound to a key, and the proof that the sender has the key (RFC 9449)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from jitney.core.identity.authenticate import Authenticated, authenticate
from jitney.core.identity.dpop import PROOF_SECONDS, SentProof
from jitney.core.identity.refusal import Refusal
from tests.core.identity.minting import CORP, NOW, KnownKeys, config, issuer, key_sets, sign, token
from tests.core.identity.proofs import URL, bound_token, proof_of, public, thumbprint

BOUND = config(issuer("corp", CORP, dpop=True))
# RFC 7638 section 3.1 has this key and its thumbprint.
RFC_KEY = {
    "kty": "RSA",
    "n": (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    ),
    "e": "AQAB",
}
RFC_THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def authenticated(text: str, proof: str | None, *, scheme: str = "DPoP", url: str = URL) -> Authenticated:
    return authenticate(f"{scheme} {text}", BOUND, KnownKeys(key_sets()), NOW, SentProof(proof, "POST", url))


@pytest.mark.parametrize("key", ["ec256", "rsa", "ed25519"])
def test_id_09_a_bound_token_passes_with_a_proof_of_its_key(key: str) -> None:
    text = bound_token(key)
    caller = authenticated(text, proof_of(text, key))
    assert caller.principal.subject == "reader-agent"
    assert caller.proof is not None
    assert caller.proof.expires_at == NOW + 2 * PROOF_SECONDS


def test_id_09_the_thumbprint_is_that_of_the_rfc() -> None:
    text = token(cnf={"jkt": RFC_THUMBPRINT})
    with pytest.raises(Refusal) as caught:
        authenticated(text, proof_of(text, "rsa", head={"jwk": RFC_KEY}))
    assert "not signed with the key in its header" in caught.value.detail  # so the key itself was accepted


@pytest.mark.parametrize(
    "changes",
    [
        {"htu": "HTTPS://JITNEY.example.com:443/live/v1/grants"},
        {"htu": f"{URL}?cursor=1#f"},
        {"iat": NOW - PROOF_SECONDS},
        {"iat": NOW + PROOF_SECONDS},
        {"iat": NOW + 0.5},
        {"nonce": "n", "exp": 1},
        {"jti": "x" * 255},
    ],
    ids=str,
)
def test_id_09_a_proof_may_be_written_like_this(changes: dict[str, Any]) -> None:
    text = bound_token()
    assert authenticated(text, proof_of(text, **changes)).proof


@dataclass(frozen=True)
class HostileProof:
    """One request that must be refused: what is sent, and the code and words of the refusal."""

    words: str
    proof: Callable[[str], str | None] = proof_of
    code: str = "dpop_proof_invalid"
    text: str = field(default_factory=bound_token)
    scheme: str = "DPoP"
    url: str = URL


def _with(**claims: Any) -> Callable[[str], str]:
    return lambda text: proof_of(text, **claims)


def _head(**members: Any) -> Callable[[str], str]:
    return lambda text: proof_of(text, head=members)


NOT_FITTING = "does not fit this request: "
OTHER_KEY = "not the one to which the token is bound"
MALFORMED = "not a well-formed JWT"
HOSTILE: dict[str, HostileProof] = {
    "no proof": HostileProof("header is missing", lambda _: None),
    "an empty proof": HostileProof("header is missing", lambda _: ""),
    "nonsense": HostileProof(MALFORMED, lambda _: "nonsense"),
    "two proofs": HostileProof(MALFORMED, lambda text: f"{proof_of(text)}, {proof_of(text)}"),
    "a stripped signature": HostileProof("not signed", lambda text: proof_of(text).rpartition(".")[0] + "."),
    "a changed claim": HostileProof(
        "not signed", lambda text: ".".join([*proof_of(text, iat=NOW - 1).split(".")[:2], proof_of(text).split(".")[2]])
    ),
    "sent as a bearer token": HostileProof("with the scheme DPoP", code="token_kind", scheme="Bearer"),
    "not bound": HostileProof("not bound", code="token_kind", text=token()),
    "bound to a certificate": HostileProof("not bound", code="token_kind", text=token(cnf={"x5t#S256": "bwcK0esc"})),
    "bound twice": HostileProof(
        "not bound", code="token_kind", text=bound_token(cnf={"jkt": thumbprint("ec256"), "x5t#S256": "bwcK0esc"})
    ),
    "bound to null": HostileProof("not bound", code="token_kind", text=token(cnf=[])),
    "bound to a list": HostileProof("not bound", code="token_kind", text=token(cnf={"jkt": [thumbprint("ec256")]})),
    "bound to no ASCII": HostileProof("not bound", code="token_kind", text=token(cnf={"jkt": "é" * 43})),
    "another key": HostileProof(OTHER_KEY, lambda text: proof_of(text, "ed25519")),
    "the right key named, another used": HostileProof(
        "not signed", lambda text: sign({"typ": "dpop+jwt", "alg": "RS256", "jwk": public("ec256")}, {}, "rsa")
    ),
    "no key": HostileProof(OTHER_KEY, _head(jwk=None)),
    "a key that is text": HostileProof(OTHER_KEY, _head(jwk=thumbprint("ec256"))),
    "a private key": HostileProof(OTHER_KEY, _head(jwk=public("ec256", d="c2VjcmV0"))),
    "a shared secret": HostileProof(OTHER_KEY, _head(jwk={"kty": "oct", "k": "c2VjcmV0"}, alg="HS256")),
    "a key of another use": HostileProof(OTHER_KEY, _head(jwk=public("ec256", use="enc"))),
    "a weak key": HostileProof(OTHER_KEY, lambda text: proof_of(text, "rsa-weak"), text=bound_token("rsa-weak")),
    "a key for another algorithm": HostileProof("not signed", _head(alg="RS256")),
    "no algorithm": HostileProof("not signed", _head(alg="none")),
    "a symmetric algorithm": HostileProof("not signed", _head(alg="HS256")),
    "a critical extension": HostileProof(MALFORMED, _head(crit=["b64"])),
    "a key by address": HostileProof(MALFORMED, _head(jku="https://attacker.example.com/jwks")),
    "another typ": HostileProof(f"{NOT_FITTING}typ", _head(typ="jwt")),
    "no typ": HostileProof(f"{NOT_FITTING}typ", _head(typ=None)),
    "the token as its own proof": HostileProof(OTHER_KEY, lambda text: text),
    "another method": HostileProof(f"{NOT_FITTING}htm", _with(htm="GET")),
    "the method in lower case": HostileProof(f"{NOT_FITTING}htm", _with(htm="post")),
    "no method": HostileProof(f"{NOT_FITTING}htm", _with(htm=None)),
    "another route": HostileProof(f"{NOT_FITTING}htu", _with(htu=f"{URL}/g-aaaaaaaaaaaaaa/release")),
    "another host": HostileProof(f"{NOT_FITTING}htu", _with(htu="https://jitney.example.org/live/v1/grants")),
    "a host in a user name": HostileProof(f"{NOT_FITTING}htu", _with(htu=f"https://jitney.example.com@{URL[8:]}")),
    "another port": HostileProof(f"{NOT_FITTING}htu", _with(htu=URL.replace("example.com", "example.com:8443"))),
    "another scheme": HostileProof(f"{NOT_FITTING}htu", _with(htu=URL.replace("https", "http"))),
    "no address": HostileProof(f"{NOT_FITTING}htu", _with(htu=None)),
    "no address, and none known": HostileProof(f"{NOT_FITTING}htu", _with(htu=""), url=""),
    "an old proof": HostileProof(f"{NOT_FITTING}iat", _with(iat=NOW - PROOF_SECONDS - 1)),
    "a proof of the future": HostileProof(f"{NOT_FITTING}iat", _with(iat=NOW + PROOF_SECONDS + 1)),
    "a time that is text": HostileProof(f"{NOT_FITTING}iat", _with(iat=str(NOW))),
    "a time that is true": HostileProof(f"{NOT_FITTING}iat", _with(iat=True)),
    "a time that is infinite": HostileProof(
        f"{NOT_FITTING}jti, htm, htu, iat, ath",
        lambda _: sign({"typ": "dpop+jwt", "alg": "ES256", "jwk": public("ec256")}, b'{"iat": 1e999}', "ec256"),
    ),
    "no time": HostileProof(f"{NOT_FITTING}iat", _with(iat=None)),
    "no id": HostileProof(f"{NOT_FITTING}jti", _with(jti=None)),
    "an empty id": HostileProof(f"{NOT_FITTING}jti", _with(jti="")),
    "an id that is a number": HostileProof(f"{NOT_FITTING}jti", _with(jti=7)),
    "a long id": HostileProof(f"{NOT_FITTING}jti", _with(jti="x" * 256)),
    "the proof of another token": HostileProof(f"{NOT_FITTING}ath", lambda _: proof_of(bound_token(jti="another"))),
    "no token": HostileProof(f"{NOT_FITTING}ath", _with(ath=None)),
    "everything wrong": HostileProof(
        f"{NOT_FITTING}jti, htm, htu, iat, ath",
        lambda _: proof_of("", jti=None, htm=None, htu=None, iat=None, ath=None),
    ),
}


@pytest.mark.parametrize("row", HOSTILE.values(), ids=HOSTILE)
def test_id_09_a_hostile_proof_is_refused(row: HostileProof) -> None:
    with pytest.raises(Refusal) as caught:
        authenticated(row.text, row.proof(row.text), scheme=row.scheme, url=row.url)
    refusal = caught.value
    assert (refusal.code, refusal.status, refusal.issuer_name) == (row.code, 401, "corp")
    assert row.words in refusal.detail
    assert refusal.headers["WWW-Authenticate"].startswith(
        'DPoP realm="jitney", algs="RS256 ' if row.code == "dpop_proof_invalid" else 'Bearer realm="jitney", error='
    )


@pytest.mark.parametrize("scheme", ["DPoP", "Bearer"])
def test_id_05_the_use_of_a_token_without_its_key_counts_for_the_tokens_principal(scheme: str) -> None:
    """The token is the principal's, so its use without the key is a sign of theft that records name."""
    with pytest.raises(Refusal) as caught:
        authenticated(bound_token(), None, scheme=scheme)
    assert caught.value.principal is not None
    assert caught.value.principal.subject == "reader-agent"


def test_id_09_without_dpop_in_the_entry_no_bound_token_is_accepted() -> None:
    text = bound_token()
    for scheme in ("Bearer", "DPoP"):
        with pytest.raises(Refusal) as caught:
            authenticate(
                f"{scheme} {text}", config(), KnownKeys(key_sets()), NOW, SentProof(proof_of(text), "POST", URL)
            )
        assert caught.value.code == "token_kind"
        assert "set dpop" in caught.value.fix


def test_id_09_a_bearer_token_cannot_be_sent_as_a_bound_one() -> None:
    with pytest.raises(Refusal) as caught:
        authenticate(f"DPoP {token()}", config(), KnownKeys(key_sets()), NOW)
    assert caught.value.code == "token_kind"
    assert caught.value.fix.startswith("Send it after Bearer in the header Authorization.")


def test_id_09_a_proof_is_remembered_by_its_key_and_id() -> None:
    text = bound_token()
    keys = {
        name: authenticated(proven, proof_of(proven, key, **claims)).proof
        for name, (proven, key, claims) in {
            "first": (text, "ec256", {}),
            "for another token": (bound_token(jti="b"), "ec256", {}),
            "another id": (text, "ec256", {"jti": "8"}),
            "another key": (bound_token("ed25519"), "ed25519", {}),
        }.items()
    }
    assert keys["first"] == keys["for another token"]
    assert len(set(keys.values())) == 3
    assert "7f0c" not in str(keys["first"])


def test_id_04_a_token_may_still_bring_no_key_of_its_own() -> None:
    """Only a proof has its key in the header."""
    text = bound_token(head={"jwk": public("rsa")})
    with pytest.raises(Refusal) as caught:
        authenticated(text, proof_of(text))
    assert caught.value.code == "token_header"


def test_id_09_the_proof_is_one_that_pyjwt_accepts() -> None:
    """Tests sign by hand. A library that makes proofs reads the same."""
    text = bound_token()
    assert jwt.decode(proof_of(text), jwt.PyJWK(public("ec256", alg="ES256")), ["ES256"], options={"verify_iat": False})
