"""A token that is bound to a key, with the client that users install, against the deployed system."""

import base64
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import ApiPermission, GrantRequest
from jitney.client.problems import Unauthenticated
from jitney.client.tokens import Token
from jitney.client.tokens.dpop import BoundToken, DpopKey, read_key
from tests.system.conftest import Own
from tests.system.own_system import GROUP, PLAIN, bound_token

pytestmark = GROUP
REQUEST = GrantRequest(
    PLAIN,
    (ApiPermission(("s3:GetObject",), (f"arn:aws:s3:::{PLAIN}/raw/a.csv",)),),
    reason="own",
    duration_seconds=900,
)


class Given:
    """A source of one token."""

    def __init__(self, text: str) -> None:
        self.text = text

    def fetch(self) -> Token:
        return Token(self.text)


@pytest.fixture
def key(tmp_path: Path) -> DpopKey:
    file = tmp_path / "dpop.pem"
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(*pem))
    return read_key(file)


def token(own: Own, key: DpopKey) -> str:
    members = json.dumps({name: key.public[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).decode().rstrip("=")
    return bound_token(own.issuer, "robot-9", thumbprint)


def test_id_09_the_owner_of_the_key_gets_access_and_releases_it(own: Own, key: DpopKey):
    with Broker(own.stack["api_url"], BoundToken(Given(token(own, key)), key)) as broker:
        granted = broker.request(REQUEST)
        assert granted.grant.principal == "factory.robot-9"
        assert granted.grant.id in {each.grant.id for each in broker.grants().grants}
        assert broker.release(granted.grant.id).grant.state == "released"


def test_id_14_a_thief_of_the_token_gets_nothing(own: Own, key: DpopKey):
    stolen = token(own, key)
    with Broker(own.stack["api_url"], Given(stolen)) as thief, pytest.raises(Unauthenticated) as refused:
        thief.request(REQUEST)
    assert refused.value.code == "token_kind"
    url = own.stack["api_url"].rstrip("/") + "/v1/grants"
    proofs: dict[str, Any] = {
        "none": {},
        "of another key": {
            "DPoP": DpopKey(ec.generate_private_key(ec.SECP256R1()), "ES256", key.public).proof(
                "GET", url, time.time(), token=stolen
            )
        },
        "of another route": {"DPoP": key.proof("GET", f"{url}/g-aaaaaaaaaaaaaa", time.time(), token=stolen)},
    }
    for what, headers in proofs.items():
        answer = own.api("GET", "/v1/grants", agent="", Authorization=f"DPoP {stolen}", **headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "dpop_proof_invalid"), what
        assert answer.headers["www-authenticate"].startswith("DPoP ")


def test_id_09_a_recorded_request_cannot_be_sent_again(own: Own, key: DpopKey):
    text = token(own, key)
    proof = key.proof("GET", own.stack["api_url"].rstrip("/") + "/v1/grants", time.time(), token=text)
    answers = [own.api("GET", "/v1/grants", agent="", Authorization=f"DPoP {text}", DPoP=proof) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 401]
    assert "used before" in answers[1].json()["detail"]
