"""Row ID 9: a token that is bound to a key opens nothing without a proof for each request."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.core.identity.dpop import PROOF_SECONDS
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.core.identity.proofs import bound_token, proof_of
from tests.handlers.conftest import REQUEST_BODY, Route, System
from tests.handlers.test_grants import OTHER_CALLS

TEST_URL = "https://jitney.example.com/live/v1/test"


@pytest.fixture
def system() -> System:
    config = System().config
    corp = replace(config.issuers["corp"], dpop=True)
    return System(config=replace(config, issuers={**config.issuers, "corp": corp}))


def call(system: System, route: Route, body: Any = None, grant_id: str = "", **proof: Any) -> tuple[int, Any]:
    """Return the status and the body of a call with a bound token and a proof with these claims."""
    text = bound_token()
    headers = {"Authorization": f"DPoP {text}", "DPoP": proof_of(text, **{"htu": TEST_URL, **proof})}
    return system.call(route, body, grant_id=grant_id, **headers)[:2]


def test_id_09_each_request_needs_a_proof_of_its_own(system: System):
    status, body = call(system, create_grant, REQUEST_BODY)
    assert status == 201
    grant_id = body["grant"]["id"]
    for route, sent, about in (
        (create_grant, REQUEST_BODY, ""),
        (list_grants, None, ""),
        (create_credentials, None, grant_id),
    ):
        status, body = call(system, route, sent, about)
        assert (status, body["code"]) == (401, "dpop_proof_invalid")
        assert "used before" in body["detail"]
    assert len(system.sessions.asked) == 1
    assert system.outcomes()[-1] == ("refusal", "refused", "dpop_proof_invalid")
    assert system.records()[-1]["principal"] == "corp.reader-agent"
    assert call(system, create_credentials, None, grant_id, jti="2")[0] == 200


@pytest.mark.parametrize("name", OTHER_CALLS)
def test_id_14_a_stolen_token_opens_nothing_without_its_key(system: System, name: str):
    status, body = call(system, create_grant, REQUEST_BODY)
    assert status == 201
    before = dict(system.store.grants)
    assert OTHER_CALLS[name](system, bound_token(), body["grant"]["id"]) == 401
    assert system.outcomes()[-1][2] == "token_kind"  # it was sent as a bearer token
    assert system.records()[-1]["principal"] == "corp.reader-agent"
    assert system.store.grants == before
    assert len(system.sessions.asked) == 1


@pytest.mark.parametrize("wrong", [{"htm": "GET"}, {"htu": f"{TEST_URL}/other"}, {"htu": "https://attacker.example"}])
def test_id_09_a_proof_of_another_request_is_not_used_up(system: System, wrong: dict[str, str]):
    status, body = call(system, create_grant, REQUEST_BODY, **wrong)
    assert (status, body["code"]) == (401, "dpop_proof_invalid")
    assert not any(key.startswith("REPLAY#DPOP#") for key in system.store.taken)
    assert call(system, create_grant, REQUEST_BODY)[0] == 201


def test_id_09_a_proof_is_remembered_as_long_as_it_is_accepted(system: System):
    assert call(system, list_grants)[0] == 200
    system.now = minting.NOW + PROOF_SECONDS
    assert "used before" in call(system, list_grants)[1]["detail"]
    system.now += 1
    assert "iat" in call(system, list_grants)[1]["detail"]
    (kept,) = (each[1] for key, each in system.store.taken.items() if key.startswith("REPLAY#DPOP#"))
    assert kept > system.now


def test_id_09_without_the_store_a_bound_token_is_refused(system: System):
    system.store.broken = True
    assert call(system, list_grants)[0] == 503


def test_id_09_a_bound_token_may_also_be_for_one_call(system: System):
    corp = replace(system.config.issuers["corp"], replay="single_use")
    once = System(config=replace(system.config, issuers={**system.config.issuers, "corp": corp}))
    assert call(once, list_grants)[0] == 200
    status, body = call(once, list_grants, jti="2")
    assert (status, body["code"]) == (401, "token_replayed")
