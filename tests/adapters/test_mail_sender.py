"""Mail by SES: what is sent, and the codes of failures."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.stub import ANY, Stubber

from jitney.adapters.aws_clients import ONE_ATTEMPT
from jitney.adapters.mail_sender import CODES, FAILED, MAY_BE_SENT, UNREACHABLE, MailMessage, MailSender
from tests.adapters.answering_server import forgetting_server

MESSAGE = MailMessage("One asks", "text \u2713", "<p>text</p>", "g-aaaaaaaaaaaaaa")
SENDER = "jitney@example.com"


@pytest.fixture
def ses() -> Any:
    return boto3.client("sesv2", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


def test_rev_10_each_mail_has_one_recipient_and_no_tracking(ses: Any):
    thread = "<g-aaaaaaaaaaaaaa@example.com>"
    headers = {"Auto-Submitted": "auto-generated", "In-Reply-To": thread, "References": thread}
    asked = {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": ["alice@example.com"]},
        "Content": {
            "Simple": {
                "Subject": {"Data": "One asks", "Charset": "UTF-8"},
                "Body": {
                    "Text": {"Data": "text \u2713", "Charset": "UTF-8"},
                    "Html": {"Data": "<p>text</p>", "Charset": "UTF-8"},
                },
                "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
            }
        },
    }
    with Stubber(ses) as stub:
        stub.add_response("send_email", {"MessageId": "1"}, asked)
        assert MailSender(ses, SENDER).send(MESSAGE, "alice@example.com") == ""
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(("code", "result"), [*CODES.items(), ("SomethingNew", "failed")])
def test_rev_13_what_ses_refuses_has_a_word_of_ours(ses: Any, code: str, result: str):
    with Stubber(ses) as stub:
        for _ in range(2 if result in ("failed", "throttled") else 1):
            stub.add_client_error("send_email", code, "for alice@example.com", expected_params=ANY_MAIL)
        assert MailSender(ses, SENDER, lambda _: None).send(MESSAGE, "alice@example.com") == result
        stub.assert_no_pending_responses()


UNANSWERED = {
    "SES cannot be reached": (EndpointConnectionError(endpoint_url="https://ses"), "unreachable", 2),
    "no connection in time": (ConnectTimeoutError(endpoint_url="https://ses"), "unreachable", 2),
    "no answer in time": (ReadTimeoutError(endpoint_url="https://ses"), "no_answer", 1),
    "a connection that breaks": (ConnectionClosedError(endpoint_url="https://ses"), "no_answer", 1),
}


@pytest.mark.parametrize(("failure", "code", "attempts"), UNANSWERED.values(), ids=UNANSWERED)
def test_rev_13_only_a_mail_that_ses_did_not_get_is_sent_again(failure: Exception, code: str, attempts: int):
    class Hanging:
        tried = 0

        def send_email(self, **_: Any) -> None:
            self.tried += 1
            raise failure

        def close(self) -> None:
            """Have no connections."""

    ses = Hanging()
    sender = MailSender(ses, SENDER, lambda _: None)  # type: ignore[arg-type]
    assert (sender.send(MESSAGE, "alice@example.com"), ses.tried) == (code, attempts)


def test_rev_13_no_mail_is_lost_with_a_connection_that_ses_closed():
    """A function is frozen between its events, and cannot see that SES closes the connection meanwhile."""
    body = b'{"MessageId": "1"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with forgetting_server(answer) as server:
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        ses = boto3.client("sesv2", "eu-west-1", endpoint_url=server.url, config=ONE_ATTEMPT, **keys)
        sender = MailSender(ses, SENDER)
        assert [sender.send(MESSAGE, "alice@example.com") for _ in range(3)] == ["", "", ""]
    assert len(server.requests) == 3


ANY_MAIL = {"FromEmailAddress": ANY, "Destination": ANY, "Content": ANY}


def test_ops_01_the_runbook_explains_every_code_of_a_lost_mail():
    page = Path("docs/slack.md").read_text(encoding="utf-8")
    codes = {*CODES.values(), FAILED, MAY_BE_SENT, UNREACHABLE}
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []


VERIFIED, UNVERIFIED = {"VerifiedForSendingStatus": True}, {"VerifiedForSendingStatus": False}
IDENTITIES: dict[str, tuple[list[dict[str, bool] | str], str]] = {
    "the address": ([VERIFIED], ""),
    "the domain": (["NotFoundException", VERIFIED], ""),
    "the domain, and not yet the address": ([UNVERIFIED, VERIFIED], ""),
    "neither": ([UNVERIFIED, "NotFoundException"], "sender_not_verified"),
    "a refusal that has a word": (["TooManyRequestsException"], CODES["TooManyRequestsException"]),
    "another refusal": (["SomethingNew"], FAILED),
}


@pytest.mark.parametrize(("answers", "code"), IDENTITIES.values(), ids=IDENTITIES)
def test_rev_13_a_sender_is_verified_by_its_address_or_its_domain(ses: Any, answers: list[Any], code: str):
    with Stubber(ses) as stub:
        for identity, answer in zip((SENDER, "example.com"), answers, strict=False):
            asked = {"EmailIdentity": identity}
            if isinstance(answer, str):
                stub.add_client_error("get_email_identity", answer, expected_params=asked)
            else:
                stub.add_response("get_email_identity", answer, asked)
        assert MailSender(ses, SENDER).sender_code() == code
        stub.assert_no_pending_responses()


def test_rev_13_an_unreachable_ses_does_not_make_a_sender_unverified(ses: Any):
    class Unreachable:
        def get_email_identity(self, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://ses")

    assert MailSender(Unreachable(), SENDER).sender_code() == UNREACHABLE  # type: ignore[arg-type]
