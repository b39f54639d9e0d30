"""SES: one contract test for each gap, named after the function that closes it."""

from typing import Any

import httpx
import pytest

from tests.local.gaps.contracts import Emulator, refused, role

pytestmark = pytest.mark.slow

SENDER = "jitney@example.com"


def verify(emulator: Emulator, *identities: str) -> None:
    for identity in identities:
        emulator.root("sesv2").create_email_identity(EmailIdentity=identity)


def mail(sender: str = SENDER, **simple: Any) -> dict[str, Any]:
    content = {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "It is me."}}, **simple}
    return {
        "FromEmailAddress": sender,
        "Destination": {"ToAddresses": ["alice@example.com"]},
        "Content": {"Simple": content},
    }


def who_may(emulator: Emulator, name: str, identity: str, **condition: Any) -> Any:
    arn = f"arn:aws:ses:eu-west-1:{emulator.account}:identity/{identity}"
    allowed = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": arn, "Condition": condition}
    made = role(emulator, name, {"Statement": allowed})
    session = emulator.root("sts").assume_role(RoleArn=made, RoleSessionName="session")["Credentials"]
    return emulator.session("sesv2", session)


def test_sending_permissions(emulator: Emulator) -> None:
    verify(emulator, "example.com")
    as_sender = who_may(emulator, "sender", "example.com", StringEquals={"ses:FromAddress": SENDER})
    as_sender.send_email(**mail())
    as_sender.send_email(**mail(f"Jitney <{SENDER}>"))
    refused("AccessDeniedException", as_sender.send_email, **mail("ceo@example.com"))
    refused("AccessDeniedException", who_may(emulator, "other", "example.org").send_email, **mail())
    verify(emulator, SENDER)  # which is asked about from now on: it is nearer than the domain
    refused("AccessDeniedException", as_sender.send_email, **mail())
    who_may(emulator, "address", SENDER).send_email(**mail())


def test_headers_of_mails(emulator: Emulator, http: httpx.Client) -> None:
    verify(emulator, "example.com")
    headers = {"Auto-Submitted": "auto-generated", "References": "<g-1@example.com>"}
    listed = [{"Name": name, "Value": value} for name, value in headers.items()]
    emulator.root("sesv2").send_email(**mail(Headers=listed))
    shown = http.get(f"{emulator.endpoint}/_ministack/ses/messages", params={"account": emulator.account}).json()
    (message,) = shown["messages"][emulator.account]
    assert (message["To"], message.get("Headers")) == (["alice@example.com"], headers)
