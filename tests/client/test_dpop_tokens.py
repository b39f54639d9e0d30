"""Tokens that are bound to a key of this client. The broker's own check reads the proofs."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from jitney.client.api.broker import Broker
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.settings import connect
from jitney.client.problems import Invalid, Unauthenticated
from jitney.client.tokens import Token
from jitney.client.tokens.client_credentials import ClientCredentials
from jitney.client.tokens.dpop import BoundToken, DpopKey, read_key
from jitney.core.identity.authenticate import Authenticated, authenticate
from jitney.core.identity.dpop import SentProof
from tests.client.answering_server import Asked
from tests.client.fake_broker import FakeBroker
from tests.core.identity.minting import CORP, KnownKeys, config, decode, issuer, key_sets, private_key
from tests.core.identity.proofs import bound_token, pem

BOUND = config(issuer("corp", CORP, dpop=True, max_age_seconds=10**9))
KINDS = ["ec256", "ec384", "rsa", "ed25519"]


@pytest.fixture
def key(tmp_path: Path) -> DpopKey:
    return read_key(written(tmp_path))


def written(folder: Path, kind: str = "ec256") -> Path:
    file = folder / "dpop.pem"
    file.write_bytes(pem(private_key(kind)))
    return file


def accepted(received: Asked, url: str, now: int) -> Authenticated:
    """Return the caller that the broker reads from what it received at `url`. Raises Refusal."""
    sent = SentProof(received.headers["DPoP"], received.method, url)
    return authenticate(received.headers["Authorization"], BOUND, KnownKeys(key_sets()), now, sent)


class Bound:
    """A source of one bound token."""

    def __init__(self, kind: str = "ec256") -> None:
        self.text = bound_token(kind, exp=4_000_000_000)

    def fetch(self) -> Token:
        return Token(self.text)


@pytest.mark.parametrize("kind", KINDS)
def test_id_09_each_attempt_has_a_proof_that_the_broker_accepts(broker: FakeBroker, tmp_path: Path, kind: str):
    broker.say("GET", "/v1/grants?cursor=next", 503, {}, Retry_After="0")
    broker.say("GET", "/v1/grants?cursor=next", 200, {"grants": [], "next": None})
    with Broker(broker.url, BoundToken(Bound(kind), read_key(written(tmp_path, kind))), sleep=lambda _: None) as client:
        client.grants("next")
        now = int(client.clock.now())
    proofs = [accepted(each, f"{broker.url}/v1/grants", now).proof for each in broker.asked]
    assert len(proofs) == len(set(proofs)) == 2
    # Other servers than the broker may compare the whole text (RFC 9449 section 4.2).
    assert {_claims(each.headers["DPoP"])["htu"] for each in broker.asked} == {f"{broker.url}/v1/grants"}


def test_id_09_a_wrong_clock_is_corrected_by_the_first_answer(broker: FakeBroker, key: DpopKey):
    broker.ahead = 3600
    broker.say("GET", "/v1/grants", 401, {"code": "dpop_proof_invalid"})
    broker.say("GET", "/v1/grants", 200, {"grants": [], "next": None})
    with Broker(broker.url, BoundToken(Bound(), key)) as client:
        client.grants()
        now = int(client.clock.now())
    first, second = broker.asked
    assert abs(_claims(first.headers["DPoP"])["iat"] - now + 3600) <= 2
    assert accepted(second, f"{broker.url}/v1/grants", now).proof


def test_id_09_a_token_endpoint_gets_a_proof_and_its_nonce(broker: FakeBroker, key: DpopKey):
    broker.say("POST", "/token", 400, {"error": "use_dpop_nonce"}, DPoP_Nonce="n-1")
    broker.say("POST", "/token", 200, {"access_token": "one.two.three", "token_type": "DPoP", "expires_in": 300})
    token = ClientCredentials(f"{broker.url}/token", "reader", "s", {}, key).fetch()
    assert token == Token("one.two.three", 300, key=key)
    first, second = (_claims(each.headers["DPoP"]) for each in broker.asked)
    assert (first["htm"], first["htu"], "ath" in first, "nonce" in first) == (
        "POST",
        f"{broker.url}/token",
        False,
        False,
    )
    assert second["nonce"] == "n-1"
    assert first["jti"] != second["jti"]


def test_id_09_a_nonce_that_is_demanded_again_ends(broker: FakeBroker, key: DpopKey):
    broker.say("POST", "/token", 400, {"error": "use_dpop_nonce"}, DPoP_Nonce="n-1")
    with pytest.raises(Unauthenticated, match="use_dpop_nonce"):
        ClientCredentials(f"{broker.url}/token", "reader", "s", {}, key).fetch()
    assert len(broker.asked) == 2


def test_id_09_a_token_that_the_issuer_did_not_bind_is_refused(broker: FakeBroker, key: DpopKey):
    broker.say("POST", "/token", 200, {"access_token": "one.two.three", "token_type": "Bearer"})
    with pytest.raises(Unauthenticated) as refused:
        ClientCredentials(f"{broker.url}/token", "reader", "s", {}, key).fetch()
    assert refused.value.code == "token_unbound"


def _claims(proof: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(decode(proof.split(".")[1]))
    return claims


@pytest.mark.parametrize("source", [{"JITNEY_TOKEN_FILE": "t"}, {"JITNEY_TOKEN_COMMAND": "x"}, {"JITNEY_TOKEN": "x"}])
def test_id_09_the_settings_bind_the_tokens_of_each_source(tmp_path: Path, source: dict[str, str]):
    environment = {"JITNEY_API_URL": "https://jitney.example.com", "JITNEY_DPOP_KEY_FILE": str(written(tmp_path))}
    chosen = connect(ConnectionOptions(), environment | source)._auth._source
    assert isinstance(chosen, BoundToken)


def test_id_09_a_key_is_refused_with_a_source_that_cannot_bind(tmp_path: Path):
    environment = {"JITNEY_API_URL": "https://jitney.example.com", "JITNEY_DPOP_KEY_FILE": str(written(tmp_path))}
    with pytest.raises(Invalid) as refused:
        connect(ConnectionOptions(), environment | {"JITNEY_TOKEN_SOURCE": "google"})
    assert "tokens of the source google are not bound" in refused.value.detail
    assert "file, command, client-credentials, variable" in refused.value.fix


BAD_KEYS: dict[str, bytes] = {
    "no key": b"nonsense",
    "empty": b"",
    "a public key": private_key("ec256")
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    "encrypted": pem(private_key("ec256"), serialization.BestAvailableEncryption(b"secret")),
    "a weak key": pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505 - refused
    "another curve": pem(ec.generate_private_key(ec.SECP256K1())),
    "another kind": pem(dsa.generate_private_key(1024)),  # noqa: S505 - refused
    "not text": b"\xff\xfe",
}


@pytest.mark.parametrize("content", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_file_without_a_usable_key_is_named_and_not_quoted(tmp_path: Path, content: bytes):
    file = tmp_path / "dpop.pem"
    file.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        read_key(file)
    assert "JITNEY_DPOP_KEY_FILE" in refused.value.detail
    assert "openssl" in refused.value.fix
    assert "nonsense" not in refused.value.detail
    assert "nonsense" not in str(refused.value.__cause__)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(Invalid, match="No such file"):
        read_key(tmp_path / "none.pem")


def test_sts_05_a_key_does_not_show_itself(key: DpopKey):
    assert "private" not in repr(key)
