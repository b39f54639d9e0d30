"""What the identity provider's answer to a sign-in must be, where a running provider gives no such answer."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.core.identity.refusal import Refusal
from jitney.core.identity.sign_in import SignIn, authorization_code, signed_in_principal
from jitney.core.problems import Problem
from jitney.core.web_client import Web
from tests.core.identity.minting import CLAIMS, NOW, PEOPLE, KnownKeys, config, header_with, issuer, key_sets, sign

WEB = Web("web", "https://people.example.com/auth", "https://people.example.com/token", ("openid",))
STAFF = issuer("people", PEOPLE, kind="human", token="id", audiences=("web", "mobile"), web=WEB)
SIGN_IN = SignIn("a-secret-of-this-browser", NOW, "")


@pytest.mark.parametrize("answer", [{"code": "c", "error": "access_denied"}, {"error": "x"}, {"code": ""}, {}])
def test_id_04_an_answer_with_an_error_or_without_a_code_signs_no_one_in(answer: dict[str, str]):
    assert authorization_code({"state": SIGN_IN.state, "code": "c"}, SIGN_IN, STAFF) == "c"
    with pytest.raises(Problem, match="sign_in_refused"):
        authorization_code({"state": SIGN_IN.state, **answer}, SIGN_IN, STAFF)


def id_token(**changes: Any) -> str:
    claims = {**CLAIMS, "iss": PEOPLE, "sub": "alice", "aud": "web", "nonce": SIGN_IN.nonce, **changes}
    return sign(header_with(typ="JWT"), {name: value for name, value in claims.items() if value is not None})


def test_id_04_the_id_token_of_another_client_of_the_issuer_signs_no_one_in():
    keys = KnownKeys(key_sets())
    assert signed_in_principal(id_token(), SIGN_IN, STAFF, config(STAFF), keys, NOW).subject == "alice"
    with pytest.raises(Refusal, match="token_claims"):
        signed_in_principal(id_token(aud="mobile"), SIGN_IN, STAFF, config(STAFF), keys, NOW)


def test_id_04_no_one_signs_in_at_an_issuer_without_a_web_client():
    entry = replace(STAFF, web=None)
    with pytest.raises(Refusal, match="token_claims"):
        signed_in_principal(id_token(), SIGN_IN, entry, config(entry), KnownKeys(key_sets()), NOW)
