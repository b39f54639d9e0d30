"""docs/openapi.yaml is held against the functions by schemathesis.

For each operation it generates requests that the file allows, and requests that it does not. No answer may be a server
error, or have a status, a content type or a body that the file does not list.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.schemas import BaseSchema

from jitney.core.identity.session import session_of_view
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.examples import examples
from tests.handlers.api_app import ApiApp, handlers, with_ports
from tests.handlers.conftest import REQUEST_BODY, WRITE
from tests.handlers.gateway import Gateway
from tests.handlers.review_browser import Browser, ReviewSystem
from tests.handlers.slack_workspace import SlackSystem
from tests.openapi_file import CLOSED

NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
REACHED = {
    "GET /v1/grants",
    "GET /v1/grants/{id}",
    "DELETE /v1/grants/{id}",
    "POST /v1/grants",
    "POST /v1/grants/{id}/credentials",
    "POST /v1/grants/{id}/revocation",
    "POST /v1/decisions",
    "GET /v1/targets",
    "GET /reviews/{id}",
}
"""At least one generated request of each succeeds. Refusals alone prove nothing about the other answers."""
GATEWAY_PORTS = ("explainer", "masks", "aws_calls", "answer_masker", "read_sessions")
SIGNED_IN = "harriet"


class Deployment:
    """The functions, a person who is signed in, and an agent that is an operator. Limits are out of the way."""

    def __init__(self) -> None:
        slack, gateway = SlackSystem(), Gateway()
        self.system = slack.system
        limits = replace(
            self.system.config.limits, ungranted_requests_per_minute=10**6, max_pending=400, reviews_per_hour=10**6
        )
        config = replace(self.system.config, operators=("corp/security", "staff/security"), limits=limits)
        self.system.config = self.system.ports.config = config
        given = {name: getattr(gateway.system.ports, name) for name in GATEWAY_PORTS}
        given |= {"call_store": type(gateway.calls)(self.system.store), "mail_sender": None}
        self.system.ports.__dict__.update(given)
        self.browser = Browser(ReviewSystem(self.system))
        self.browser.sign_in(SIGNED_IN)
        (session,) = self.browser.desk.sessions.kept.values()
        self.form_token = session_of_view(session, config).form_token
        self.made = 0

    def grant(self) -> str:
        """Return the id of one of the agent's grants: pending, active, released, or for the gateway."""
        self.made += 1
        permissions = WRITE if self.made % 2 else REQUEST_BODY["permissions"]
        resources = [f"arn:aws:s3:::reports/2026/{self.made}"]
        body = REQUEST_BODY | {"permissions": [{**each, "resources": resources} for each in permissions]}
        _, answer, _ = self.system.call(create_grant, body, token=self.token())
        return str(answer["grant"]["id"])

    def token(self) -> str:
        return minting.token(groups=["data-readers", "security"])


load_all_checks()
OPERATIONS = [f"{verb.upper()} {path}" for path, verbs in CLOSED["paths"].items() for verb in verbs]
CHOSEN = [CHECKS.get_one(name) for name in NAMES]
REFUSED = CHECKS.get_one("negative_data_rejection")
GRANT_ID = re.compile(r"g-[a-z2-7]{14}", re.ASCII)


pytestmark = pytest.mark.xdist_group("openapi")


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    made = Deployment()
    with with_ports(made.system.ports):
        yield made


@pytest.fixture
def answered() -> Iterator[set[tuple[str, int]]]:
    """Return the set for the operation and status of each answer. Afterwards, an operation of `REACHED` succeeded."""
    answers: set[tuple[str, int]] = set()
    yield answers
    succeeded = {operation for operation, status in answers if status in (200, 201)}
    assert {operation for operation, _ in answers} & REACHED <= succeeded


@pytest.fixture(params=OPERATIONS)
def operation(request: pytest.FixtureRequest) -> BaseSchema:
    """Return the file with one operation alone. Only the worker that tests the operation generates its examples."""
    verb, path = request.param.split()
    paths = {path: {verb.lower(): CLOSED["paths"][path][verb.lower()]}}
    schema = schemathesis.openapi.from_dict(CLOSED | {"paths": paths})
    schema.app = ApiApp(handlers())
    return schema


@schemathesis.pytest.from_fixture("operation").parametrize()
@settings(max_examples=examples(20), suppress_health_check=list(HealthCheck), deadline=None)
def test_dx_01_each_operation_answers_as_the_file_says(
    case: Any, deployment: Deployment, answered: set[tuple[str, int]]
):
    if GRANT_ID.fullmatch(str(case.path_parameters.get("id", ""))):
        case.path_parameters["id"] = deployment.grant()
    headers = {"Authorization": f"Bearer {deployment.token()}"}
    if case.path.startswith("/reviews"):
        headers |= {"Origin": "https://jitney.example.com", "Sec-Fetch-Site": "same-origin"}
        case.cookies = dict(deployment.browser.cookies)
        if isinstance(case.body, dict):
            case.body["token"] = deployment.form_token
    response = case.call(headers=headers)
    answered.add((case.operation.label, response.status_code))
    # An unknown parameter in a query is ignored, which the file cannot say. An unknown member of a body is refused.
    # schemathesis does not know that 413 is a refusal, too.
    strict = case.operation.body and case.path.startswith("/v1") and response.status_code != 413
    case.validate_response(response, headers=headers, checks=[*CHOSEN, *([REFUSED] if strict else [])])


def test_dx_01_the_operations_that_must_succeed_are_in_the_file():
    assert set(OPERATIONS) >= REACHED
