"""Each line of a function that works on a grant has the grant's id, so that one query finds them all (row OPS 1)."""

import ast
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.function_specs import SPECS
from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.access.grant import State
from jitney.core.problems import Problem
from jitney.handlers import review_failures, review_notices, review_schedule
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.grants import create_grant
from jitney.handlers.reconciler import EXPIRY_GRACE_SECONDS, reconcile
from jitney.handlers.runtime.edge import event_handler
from jitney.handlers.runtime.logs import about_grant, logger, note_grant
from tests.cloudtrail_events import assume_role_event, call_event, identity
from tests.fakes import GRANT, PENDING
from tests.handlers.api_app import HOST, handlers, with_ports
from tests.handlers.conftest import REQUEST_BODY, ROOT, System
from tests.handlers.gateway import GET, Gateway
from tests.handlers.logged import log_of
from tests.handlers.test_correlator import Correlator

HANDLERS = Path(ROOT) / "functions" / "jitney" / "handlers"
ABOUT_A_GRANT = [
    (name, *route)
    for name, spec in SPECS.items()
    for route in spec.routes
    if "{id}" in route[1] and not route[1].startswith(("/v1/suspensions", "/v1/calls"))
]
WORKFLOW = {"review_schedule": review_schedule, "review_notices": review_notices, "review_failures": review_failures}
OTHERS = {
    "grants": "a new grant, below",
    "slack_interactions": "the grant in a message, below",
    "gateway_calls": "the grant of a call, below",
    "call_withdrawals": "the grant of a call",
    "correlator": "the grant in a session's name, below",
    "reconciler": "many grants, below",
    "suspensions": "many grants",
    "denial_measurements": "the grant in its event",
    "publisher": "records, with their chains",
    "sealer": "objects of records",
    **dict.fromkeys(
        ("decisions", "grant_reads", "health", "out_of_office", "overview", "permitted_targets", "sign_in"),
        "no one grant",
    ),
    **dict.fromkeys(("target_checks", "review_checks"), "checks of a deployment"),
}
"""The functions whose events name no grant, and what their lines name."""


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    return log_of(monkeypatch)


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_ops_01_each_function_is_here():
    assert {*(name for name, *_ in ABOUT_A_GRANT), *WORKFLOW, *OTHERS} == set(SPECS)


@pytest.mark.parametrize(("function", "verb", "path"), ABOUT_A_GRANT, ids=" ".join)
def test_ops_01_a_grant_in_the_path_is_in_each_line(function: str, verb: str, path: str, system: System, log):
    """Without a token, each function refuses. With ports that fail, it also logs an unhandled error."""
    event = {
        "httpMethod": verb,
        "resource": path,
        "headers": {},
        "pathParameters": {"id": GRANT.id},
        "body": None,
        "requestContext": {"domainName": HOST, "path": f"/live{path}", "requestId": "req-1"},
    }
    with with_ports(system.ports):
        handlers()[verb, path](event, None)
        system.ports.__dict__["suspensions"] = system.ports.__dict__["keys"] = None
        handlers()[verb, path](event, None)
    found = lines(log)
    assert [each["message"] for each in found].count("answered") == 2
    assert {each.get("grant_id") for each in found} == {GRANT.id}


@pytest.mark.parametrize("name", WORKFLOW)
def test_ops_01_a_grant_in_the_workflows_event_is_in_each_line(name: str, system: System, log: io.StringIO):
    system.store.grants.clear()
    event = {"grant_id": GRANT.id, "due": "nothing", "since": 0, "error": "x"}
    handler = WORKFLOW[name].handler
    (ports,) = (cell.cell_contents for cell in handler.__closure__ if type(cell.cell_contents).__name__ == "Ports")
    before = dict(ports.__dict__)
    ports.__dict__.update(system.ports.__dict__)
    try:
        with pytest.raises(Exception, match="see the log"):
            handler(event, None)
        if name == "review_failures":
            with pytest.raises(Exception, match="see the log"):
                handler({"detail": {"name": GRANT.id, "status": "ABORTED"}}, None)
    finally:
        ports.__dict__.clear()
        ports.__dict__.update(before)
    assert {each["message"] for each in lines(log)} == {"unhandled"}
    assert {each["grant_id"] for each in lines(log)} == {GRANT.id}


def test_ops_01_a_new_grant_is_in_the_lines_after_its_record(system: System, log: io.StringIO):
    granted = system.call(create_grant, REQUEST_BODY)[1]["grant"]["id"]
    assert [(each["message"], each["grant_id"]) for each in lines(log)] == [("answered", granted)]
    system.sessions.__dict__["issue"] = None  # AWS's answer is none that the adapter knows
    assert system.call(create_grant, REQUEST_BODY | {"reason": "another"})[0] == 500
    unhandled, answered = lines(log)[1:]
    (other,) = set(system.store.grants) - {granted}
    assert unhandled["grant_id"] == answered["grant_id"] == other


def test_ops_01_a_service_that_did_not_answer_is_named_with_its_own_code(system: System, log: io.StringIO):
    def disabled(*_: object) -> None:
        refusal = {"Error": {"Code": "AccessDeniedException", "Message": "the key arn:aws:kms:x is disabled"}}
        with aws_errors_as_unavailable("The store"):
            raise ClientError(refusal, "Query")

    system.store.grants_of = disabled  # type: ignore[assignment]
    assert system.call(list_grants)[0] == 503
    failed, answered = lines(log)
    assert (failed["message"], failed["aws_code"]) == ("unavailable", "AccessDeniedException")
    assert failed["detail"] == "The store did not answer as it should."
    assert answered["code"] == "unavailable"


def test_ops_01_a_scheduled_function_names_the_service_that_did_not_answer(log: io.StringIO):
    def run(*_: object) -> None:
        with aws_errors_as_unavailable("The seals' key"):
            raise ClientError({"Error": {"Code": "DisabledException", "Message": "arn:aws:kms:x"}}, "Sign")

    with pytest.raises(Exception, match="see the log"):
        event_handler(run, ())({}, None)
    (line,) = lines(log)
    assert (line["code"], line["aws_code"]) == ("unavailable", "DisabledException")
    assert line["detail"] == "The seals' key did not answer as it should."
    with pytest.raises(Exception, match="see the log"):
        event_handler(hostile, ())({}, None)
    assert "canary" not in log.getvalue()


def hostile(*_: object) -> None:
    raise Problem("request_invalid", "canary", "canary")


def test_ops_01_a_call_through_the_gateway_names_its_grant(log: io.StringIO):
    gateway = Gateway()
    status, body = gateway.post(GET)
    assert status == 200
    gateway.upstream.answer = lambda: None  # type: ignore[assignment,return-value]
    assert gateway.post(GET)[0] == 500
    *_, answered, unhandled, failed = lines(log)
    assert (answered["status"], unhandled["message"], failed["status"]) == (200, "unhandled", 500)
    assert {each["grant_id"] for each in (answered, unhandled, failed)} == {gateway.grant_id}
    assert (answered["call_id"], "call_id" in failed) == (body["call_id"], False)


def test_ops_01_a_cloudtrail_events_grant_is_in_its_lines_alone(log: io.StringIO):
    correlator = Correlator(GRANT)
    outside = identity(session=GRANT.id, source_identity="mallory")
    correlator.take_in(assume_role_event(1), call_event(2, who=outside))
    correlator.receive("no event")
    bypass, refused = lines(log)
    assert (bypass["message"], bypass["grant_id"]) == ("bypass", GRANT.id)
    assert (refused["message"], "grant_id" in refused) == ("event refused", False)


def test_aud_07_the_line_of_a_bypass_does_not_name_the_person(log: io.StringIO):
    correlator = Correlator(GRANT)
    correlator.take_in(call_event(2, who=identity(session="ada@example.com", source_identity="ada")))
    (bypass,) = lines(log)
    assert (bypass["message"], bypass["event_id"]) == ("bypass", "00000000-0000-4000-8000-000000000002")
    assert "ada" not in log.getvalue()
    (call,) = correlator.lines().values()
    assert call["session"] == "ada@example.com"


def test_ops_01_a_run_over_many_grants_names_each_in_its_own_lines(system: System, log: io.StringIO):
    broken = replace(GRANT, id=PENDING.id, records=-1)
    system.store.grants |= {GRANT.id: GRANT, broken.id: broken}
    save = system.store.save

    def failing(before: Any, *more: Any, **members: Any) -> None:
        if before.id == broken.id:
            raise ValueError
        save(before, *more, **members)

    system.store.__dict__["save"] = failing
    system.now = GRANT.expires_at + EXPIRY_GRACE_SECONDS
    with pytest.raises(RuntimeError):
        reconcile(system.ports)
    assert system.store.grants[GRANT.id].state is State.EXPIRED
    named = {each["message"]: each.get("grant_id") for each in lines(log)}
    assert named["grant not reconciled"] == broken.id
    assert named["reconciled"] is None


def test_ops_01_the_lines_of_one_invocation_do_not_name_the_grant_of_another(log: io.StringIO):
    with about_grant():
        note_grant(GRANT.id)
        logger.info("inside")
        with about_grant(PENDING.id):
            logger.info("of another")
        logger.info("inside again")
    logger.info("outside")
    assert [each.get("grant_id") for each in lines(log)] == [GRANT.id, PENDING.id, GRANT.id, None]


def test_ops_01_a_line_has_the_id_of_its_trace(log: io.StringIO, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-6744b1c0-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1")
    with about_grant(GRANT.id):
        logger.info("any")
    (line,) = lines(log)
    assert (line["grant_id"], line["xray_trace_id"]) == (GRANT.id, "1-6744b1c0-0123456789abcdef01234567")


def test_ops_01_no_line_names_a_grant_otherwise():
    calls = [
        node
        for path in HANDLERS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "logger"
    ]
    assert len(calls) > 20
    assert [ast.unparse(each) for each in calls if {word.arg for word in each.keywords} & {"grant", "id"}] == []
