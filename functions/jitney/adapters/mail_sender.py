"""Mail by Amazon SES, one message to each person, with stable error codes.

Mail is not tracked: it uses no configuration set. The function's role may not use one (infra.function_specs).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from jitney.adapters.aws_clients import NO_ANSWER

if TYPE_CHECKING:
    from types_boto3_sesv2 import SESV2Client
    from types_boto3_sesv2.type_defs import ContentTypeDef

CODES: Mapping[str, str] = {
    "AccessDeniedException": "not_permitted",
    "AccountSuspendedException": "sending_paused",
    "BadRequestException": "invalid",
    "LimitExceededException": "throttled",
    "MailFromDomainNotVerifiedException": "sender_not_verified",
    "MessageRejected": "rejected",
    "NotFoundException": "sender_not_verified",
    "SendingPausedException": "sending_paused",
    "ThrottlingException": "throttled",
    "TooManyRequestsException": "throttled",
}
"""The recorded code for each SES error (API Reference V2, SendEmail, "Errors"). Other errors are `failed`."""
UNREACHABLE, FAILED = "unreachable", "failed"


class MailMessage(NamedTuple):
    """A mail as plain text and as HTML. Mails with the same `thread`, an ASCII word, form a conversation."""

    subject: str
    text: str
    html: str
    thread: str


class MailSender:
    """Sends mail from one address."""

    def __init__(self, client: "SESV2Client", sender: str) -> None:
        self._client = client
        self._sender = sender

    def sender_code(self) -> str:
        """Return a code for why the sender cannot send, or "" if its address or domain is verified."""
        for identity in (self._sender, self._sender.rpartition("@")[2]):
            try:
                if self._client.get_email_identity(EmailIdentity=identity).get("VerifiedForSendingStatus"):
                    return ""
            except ClientError as error:
                if error.response["Error"]["Code"] != "NotFoundException":
                    return CODES.get(error.response["Error"]["Code"], FAILED)
            except NO_ANSWER:
                return UNREACHABLE
        return "sender_not_verified"

    def send(self, message: MailMessage, to: str) -> str:
        """Send a mail to the address `to`. Return an error code, or "" if SES accepted it.

        SES sets the Message-ID (Developer Guide, "Amazon SES header fields"). So all mails of a thread refer to one
        made-up id (RFC 5322 section 3.6.4). Auto-Submitted suppresses out-of-office replies (RFC 3834 section 5).
        """
        thread = f"<{message.thread}@{self._sender.rpartition('@')[2]}>"
        headers = {"Auto-Submitted": "auto-generated", "In-Reply-To": thread, "References": thread}
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [to]},
                Content={
                    "Simple": {
                        "Subject": _utf8(message.subject),
                        "Body": {"Text": _utf8(message.text), "Html": _utf8(message.html)},
                        "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
                    }
                },
            )
        except ClientError as error:
            return CODES.get(error.response["Error"]["Code"], FAILED)
        except NO_ANSWER:
            return UNREACHABLE
        return ""


def _utf8(text: str) -> "ContentTypeDef":
    return {"Data": text, "Charset": "UTF-8"}
