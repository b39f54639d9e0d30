"""SES: the permissions to send as an identity, and the headers of mails."""

import json
from contextvars import ContextVar
from email.utils import parseaddr
from typing import Any

from ministack import app
from ministack.core import iam_actions
from ministack.services import ses, ses_v2

from local.emulator.gaps.replacement import replaces

SEND = ("POST", "/v2/email/outbound-emails")
_sender: ContextVar[str] = ContextVar("sender", default="")


def sending_permissions() -> None:
    """AWS checks ses:SendEmail on the identity that covers the sender. Conditions can use the sender's address.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
    """

    @replaces(iam_actions, "extract_resource_arn")
    def extract_resource_arn(
        arn_of: Any, service: str, method: str, path: str, headers: Any, body: bytes, *more: Any
    ) -> Any:
        _sender.set("")
        if service != "ses" or (method, path) != SEND:
            return arn_of(service, method, path, headers, body, *more)
        address = _address(body)
        _sender.set(address)
        _, region, account = more
        return f"arn:aws:ses:{region}:{account}:identity/{_identity(address) or address}"

    @replaces(app, "_enforce_data_plane")
    def enforce_data_plane(enforce: Any, service: str, action: str, *more: Any, **named: Any) -> Any:
        if service == "sesv2" and action == "ses:SendEmail":
            named["service_context"] = {**(named.get("service_context") or {}), "ses:fromaddress": _sender.get()}
        return enforce(service, action, *more, **named)


def headers_of_mails() -> None:
    """AWS puts the headers of a simple message into the mail. Here they are shown with the messages.

    https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Message.html
    """
    headers_by_id: dict[str, Any] = {}

    @replaces(ses_v2, "handle_request")
    async def handle_request(handle: Any, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        answer = await handle(method, path, headers, body, query)
        if (method, path) == SEND and answer[0] == 200:
            given = json.loads(body).get("Content", {}).get("Simple", {}).get("Headers", [])
            headers_by_id[json.loads(answer[2])["MessageId"]] = {each["Name"]: each["Value"] for each in given}
        return answer

    @replaces(app, "_handle_ses_messages_request")
    async def handle_ses_messages_request(show: Any, *request: Any) -> Any:
        answer = await show(*request)
        if answer is None or answer[0] != 200:
            return answer
        shown = json.loads(answer[2])
        for messages in shown["messages"].values():
            for message in messages:
                message["Headers"] = headers_by_id.get(message["MessageId"], {})
        return answer[0], answer[1], json.dumps(shown).encode()


def _address(body: bytes) -> str:
    """Return the sender's address in a request to send, without its display name."""
    try:
        return parseaddr(json.loads(body).get("FromEmailAddress", ""))[1]
    except (ValueError, AttributeError):
        return ""


def _identity(address: str) -> str:
    """Return the identity that covers the address: the address itself, else its domain, else ""."""
    domain = address.rpartition("@")[2]
    return next((name for name in (address, domain) if name in ses_v2._identities or name in ses._identities), "")
