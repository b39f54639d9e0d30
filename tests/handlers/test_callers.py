import json
import logging
from dataclasses import replace

import pytest

from jitney.core.problems import Problem
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_grant
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports
from tests.bad_requests import BAD
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, System
from tests.infra.alarm_states import metrics_in

ROUTES = [create_grant, preview_decision, list_grants]


@pytest.mark.parametrize("route", ROUTES)
def test_id_05_a_refused_token_is_a_401_with_a_challenge(system: System, route):
    status, body, headers = system.call(route, REQUEST_BODY, token="nonsense")
    assert (status, body["code"]) == (401, "token_malformed")
    assert headers["WWW-Authenticate"].startswith("Bearer ")
    assert body["fix"]


def test_id_05_no_token_is_a_401_too(system: System):
    status, body, _ = system.call(create_grant, REQUEST_BODY, token="")
    assert status == 401
    assert body["code"] in {"token_missing", "token_malformed"}


def test_id_05_unproven_callers_are_counted_not_listed(system: System):
    forged = minting.sign(minting.header_with(), minting.claims_with(), "rsa-other", "RS256")
    for _ in range(100):
        assert system.call(create_grant, REQUEST_BODY, token=forged)[0] == 401
    records = system.records()
    assert len(records) <= 7
    assert {(each["event"], each["issuer"], each["source_ip"], each["code"]) for each in records} == {
        ("refusal", "corp", "198.51.100.7", "token_signature")
    }
    assert sum(each["count"] for each in records) >= 64


def test_id_05_a_known_principals_refusal_is_a_record_of_its_own(system: System):
    system.call(create_grant, b"{".decode())
    assert system.outcomes() == [("request", "refused", "body_malformed")]
    assert system.records()[0]["principal"] == "corp.reader-agent"


FLOODS = {
    "a malformed body": (create_grant, "{", None, "request", "body_malformed"),
    "a dry run's malformed body": (preview_decision, "{", None, "preview", "body_malformed"),
    "a token of another kind": (create_grant, REQUEST_BODY, {"nonce": "n", "head": {"typ": "JWT"}}, "refusal", None),
    "an unknown grant": (read_grant, None, None, "refusal", "grant_not_found"),
    "a spent token": (create_grant, REQUEST_BODY, {"iss": minting.SPENT}, "refusal", "token_replayed"),
    "another body": (create_grant, REQUEST_BODY | {"reason": "another"}, None, "request", "idempotency_mismatch"),
}


@pytest.mark.parametrize("case", FLOODS)
def test_id_05_a_flood_of_a_known_principal_is_no_flood_of_writes(system: System, case: str):
    """The caller holds a valid token and repeats a call that is refused: few records, and each refusal is counted."""
    route, body, claims, event, code = FLOODS[case]
    system.config = replace(system.config, limits=replace(system.config.limits, ungranted_requests_per_minute=1000))
    system = System(config=system.config)
    token = minting.token(**claims) if claims else None
    keyed = {"Idempotency_Key": "k"} if code == "idempotency_mismatch" else {}
    if code == "idempotency_mismatch":
        system.call(create_grant, REQUEST_BODY, **keyed)
    if code == "token_replayed":
        body = body | {"permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/a"]}]}
        assert system.call(route, body, token=token)[0] == 201
    before = len(system.records())
    for _ in range(100):
        assert 400 <= system.call(route, body, token=token, grant_id="g-zzzzzzzzzzzzzz", **keyed)[0] < 500
    records = system.records()[before:]
    assert len(records) <= 7
    assert {(each["event"], each["outcome"]) for each in records} == {(event, "refused")}
    assert {each["code"] for each in records} == {code or "token_kind"}
    assert all(each["principal"] and each["subject"] == "reader-agent" for each in records)
    assert sum(each["count"] for each in records) >= 64
    assert records[-1]["request_id"] == "req-1"


QUOTAS = {"unknown target": ("consume",)}
"""An answer that may suggest targets counts against a quota (POL 9)."""


@pytest.mark.parametrize("case", BAD)
def test_bad_input_writes_nothing_but_the_refusal(system: System, case: str):
    body, code = BAD[case]
    status, problem, _ = system.call(create_grant, body.decode() if isinstance(body, bytes) else REQUEST_BODY | body)
    assert 400 <= status < 500
    assert problem["code"] == code
    assert system.store.log == [*QUOTAS.get(case, ()), "record"]
    assert system.outcomes() == [("request", "refused", code)]
    assert not system.store.grants
    assert not system.sessions.asked


def test_aud_07_no_token_in_records_or_logs(system: System, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    good, forged = minting.token(), minting.sign(minting.header_with(), minting.claims_with(), "rsa-other", "RS256")
    for token in (good, forged):
        system.call(create_grant, REQUEST_BODY, token=token)
    output = capsys.readouterr()
    written = json.dumps(system.records()) + output.out + output.err + caplog.text
    for secret in (good, forged, good.split(".")[2], forged.split(".")[2], "canary-secret-key", "canary-session-token"):
        assert secret not in written


def test_id_05_an_exceptions_text_reaches_neither_caller_nor_log(system: System, capsys):
    def failing(_request: Request, _ports: Ports) -> Response:
        raise RuntimeError("canary")

    status, body, _ = system.call(failing)
    output = capsys.readouterr()
    assert (status, body["code"]) == (500, "internal")
    assert "canary" not in json.dumps(body) + output.out + output.err


@pytest.mark.parametrize(
    ("code", "counted"),
    [
        ("internal", True),
        ("unavailable", True),
        ("item_unreadable", True),
        ("answer_unmaskable", False),
        ("not_operator", False),
    ],
)
def test_ops_01_only_failures_of_jitney_count_as_failed_answers(system: System, capsys, code: str, counted: bool):
    def failing(_request: Request, _ports: Ports) -> Response:
        raise Problem(code, "It failed.", "Try again.") if code != "internal" else RuntimeError

    assert system.call(failing)[1]["code"] == code
    counts = [values for (_, name, _), values in metrics_in(capsys.readouterr().out).items() if name == "FailedAnswers"]
    assert counts == ([[1]] if counted else [])


def test_a_body_that_is_not_base64_is_malformed(system: System):
    from jitney.handlers.runtime.edge import answer

    event = {"body": "%%%", "isBase64Encoded": True, "headers": None, "requestContext": None}
    assert json.loads(answer(create_grant, event, system.ports)["body"])["code"] == "body_malformed"
