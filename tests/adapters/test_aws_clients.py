"""Which keys sign a client's requests. Answers that are not AWS's protocol, such as a proxy's page, are no answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.session import get_session

from jitney.adapters import aws_clients
from jitney.adapters.aws_clients import ONE_ATTEMPT, aws_client, aws_errors_as_unavailable
from jitney.adapters.canary import Canary
from jitney.adapters.mail_sender import UNREACHABLE, MailMessage, MailSender
from jitney.adapters.measurement_starts import MeasurementStarts
from jitney.adapters.role_policies import PolicyRefused, RolePolicies, RolePolicy
from jitney.adapters.sessions import Sessions
from jitney.adapters.target_checks import TargetChecks
from jitney.core.access.credentials import Credentials
from jitney.core.access.target_check import Attempt
from jitney.core.problems import Problem
from jitney.core.target_config import TargetRole
from jitney.handlers.grants import create_grant
from jitney.handlers.runtime.building import _iam_client, _regional_sts_client
from tests.adapters.test_lent_keys import answer, signed_by
from tests.adapters.test_sessions import asked
from tests.fakes import NOW
from tests.handlers.conftest import REQUEST_BODY, System, configuration
from tests.quiet_server import QuietServer

TARGET = configuration().targets["analytics-prod"]
ROLE = TargetRole(TARGET, TARGET.role_arn)


class Page(BaseHTTPRequestHandler):
    """A proxy that answers each request with text of its own."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        page = b"upstream connect error or disconnect/reset before headers"
        self.send_response(503)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: Any) -> None:
        """Keep the test's output quiet."""


@contextmanager
def proxied() -> Iterator[Callable[..., Any]]:
    with QuietServer(("127.0.0.1", 0), Page) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
        url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield lambda service, *_: boto3.client(service, endpoint_url=url, config=ONE_ATTEMPT, **keys)
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def client() -> Iterator[Callable[..., Any]]:
    with proxied() as made:
        yield made


def sessions(client: Callable[..., Any]) -> Sessions:
    return Sessions(client("sts"), lambda *_: (_ for _ in ()).throw(AssertionError), lambda: NOW)


def listed(client: Callable[..., Any]) -> None:
    with aws_errors_as_unavailable("The bucket"):
        client("s3").list_buckets()


CALLS: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "a session": lambda client: sessions(client).issue(asked()),
    "the size of a session policy": lambda client: sessions(client).packed_size(asked()),
    "the session of the revoker": lambda client: RolePolicies(client("sts"), client).of(
        TargetRole(TARGET, TARGET.role_arn)
    ),
    "a write of the deny document": lambda client: RolePolicy(client("iam"), "role").write("{}"),
    "a target check": lambda client: TargetChecks(client("sts"), client).run(
        [Attempt("trust", "", (), "", {"RoleArn": TARGET.role_arn, "RoleSessionName": "check"})]
    ),
    "the start of a measurement": lambda client: MeasurementStarts(client("lambda"), "name").start("g-1", 1, 1),
    "any other part": listed,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_pol_08_a_page_instead_of_an_answer_is_an_outage(client: Callable[..., Any], call: Callable[..., Any]):
    with pytest.raises(Problem) as raised:
        call(client)
    assert raised.value.code == "unavailable"


def test_pol_08_a_page_instead_of_the_deny_document_is_no_refusal_of_iam(client: Callable[..., Any]):
    with pytest.raises(PolicyRefused) as raised:
        RolePolicy(client("iam"), "role").read()
    assert (raised.value.code, raised.value.transient) == ("", True)


def test_pol_08_a_page_is_neither_a_denial_nor_a_sent_mail(client: Callable[..., Any]):
    denied = Canary(lambda *_: client("sts")).denial_check(
        Credentials("ASIAEXAMPLEEXAMPLE", "x", "x", NOW), "eu-west-1"
    )
    assert denied() is False
    mail = MailMessage("subject", "text", "html", "g-1")
    sender = MailSender(client("sesv2"), "jitney@example.com")
    assert sender.send(mail, "alice@example.com") in (UNREACHABLE, "failed")


def test_sts_08_a_request_that_met_a_page_is_on_record(client: Callable[..., Any]):
    system = System()
    system.ports.sessions = sessions(client)
    body = REQUEST_BODY | {"duration_seconds": 900}
    status, answer, _ = system.call(create_grant, body)
    assert (status, answer["code"], answer["grant"]["state"]) == (503, "unavailable", "active")
    assert system.outcomes() == [("request", "allowed", ""), ("issue", "failed", "unavailable")]


@pytest.fixture
def own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process have keys of its own."""
    monkeypatch.setattr(aws_clients, "_own_session", cache(get_session))
    names = ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    for name, value in zip(names, ("eu-west-1", "ASIAOWN", "own", "own-token"), strict=True):
        monkeypatch.setenv(name, value)


def signature_of(made: Any) -> tuple[str, str]:
    made.meta.events.register("before-send.sts", answer)
    return signed_by(made)


@pytest.mark.usefixtures("own_keys")
def test_sts_05_each_client_signs_with_the_keys_that_it_was_given():
    own, one, two = (aws_client("sts", ONE_ATTEMPT, *keys) for keys in ((), ("ASIA1", "s", "t1"), ("ASIA2", "s", "t2")))
    assert [signature_of(each) for each in (own, one, two)] == [
        ("ASIAOWN", "own-token"),
        ("ASIA1", "t1"),
        ("ASIA2", "t2"),
    ]
    assert signature_of(aws_client("sts")) == ("ASIAOWN", "own-token")


@pytest.mark.usefixtures("own_keys")
@pytest.mark.parametrize("keys", [("ASIA1",), ("ASIA1", "s"), (None, None, None), ("", "", ""), ("ASIA1", "s", "")])
def test_sts_05_no_client_takes_the_functions_own_keys_for_a_sessions(keys: Any):
    with pytest.raises(ValueError, match=r"is missing|not enough values"):
        aws_client("sts", ONE_ATTEMPT, *keys)


@pytest.mark.usefixtures("own_keys")
def test_sts_05_a_session_in_another_region_signs_with_its_keys_and_there():
    made = _regional_sts_client("us-east-1", "ASIA1", "s", "t1")
    assert (made.meta.region_name, signature_of(made)) == ("us-east-1", ("ASIA1", "t1"))


@pytest.mark.usefixtures("own_keys")
@pytest.mark.parametrize(("client_of", "where"), [(_regional_sts_client, ("us-east-1",)), (_iam_client, ())])
def test_sts_05_no_adapter_of_sessions_gets_a_client_without_keys(
    client_of: Callable[..., Any], where: tuple[str, ...]
):
    with pytest.raises(TypeError):
        client_of(*where)
