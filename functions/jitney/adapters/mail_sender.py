"""Mail by Amazon SES, one message to each person, with stable error codes.

Mails name no configuration set. So SES tracks them only if the sender's identity has a default set that tracks.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError

from jitney.adapters import clock
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
MAY_BE_SENT = "no_answer"
"""The code if SES did not answer but may have accepted the mail. The mail is not sent again."""
_REPEATED = frozenset({UNREACHABLE, FAILED, "throttled"})
"""The errors after which SES has certainly not accepted the mail, and may accept it soon."""
PAUSE_SECONDS = 1


class MailMessage(NamedTuple):
    """A mail as plain text and as HTML. Mails with the same `thread`, an ASCII word, form a conversation."""

    subject: str
    text: str
    html: str
    thread: str


class MailSender:
    """Sends mail from one address."""

    def __init__(
        self, client: "SESV2Client", sender: str, pause_up_to: Callable[[float], None] = clock.pause_up_to
    ) -> None:
        self._client = client
        self._sender = sender
        self._pause_up_to = pause_up_to

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

        A mail that SES has certainly not accepted is sent a second time.

        SES sets the Message-ID (Developer Guide, "Amazon SES header fields"). So all mails of a thread refer to the
        same artificial id (RFC 5322 section 3.6.4). Auto-Submitted suppresses out-of-office replies (RFC 3834 section
        5).
        """
        # SES may have closed the connection while this function was frozen. A request on it would fail with the error
        # of a mail that may have been sent.
        self._client.close()
        thread = f"<{message.thread}@{self._sender.rpartition('@')[2]}>"
        headers = {"Auto-Submitted": "auto-generated", "In-Reply-To": thread, "References": thread}
        code = self._code(headers, message, to)
        if code not in _REPEATED:
            return code
        self._pause_up_to(PAUSE_SECONDS)
        return self._code(headers, message, to)

    def _code(self, headers: Mapping[str, str], message: MailMessage, to: str) -> str:
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
        except (ConnectTimeoutError, EndpointConnectionError, NoCredentialsError):
            return UNREACHABLE
        except NO_ANSWER:
            return MAY_BE_SENT
        return ""


def _utf8(text: str) -> "ContentTypeDef":
    return {"Data": text, "Charset": "UTF-8"}
