"""Mail by Amazon SES, one message a person, and what became of it in words that stay the same.

Nothing is tracked: no configuration set is named, and the role of the function may use none (infra.function_specs).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

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
"""What a record says, by SES's error (API Reference V2, SendEmail, "Errors"). Others are `failed`."""
UNREACHABLE, FAILED = "unreachable", "failed"


class MailMessage(NamedTuple):
    """A mail in both forms. `thread` is what all mails about the same thing have, and nothing else: an ASCII word."""

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
        """Why nothing can be sent from the address: neither it nor its domain is verified; "" when one is."""
        for identity in (self._sender, self._sender.rpartition("@")[2]):
            try:
                if self._client.get_email_identity(EmailIdentity=identity).get("VerifiedForSendingStatus"):
                    return ""
            except ClientError as error:
                if error.response["Error"]["Code"] != "NotFoundException":
                    return CODES.get(error.response["Error"]["Code"], FAILED)
            except BotoCoreError:
                return UNREACHABLE
        return "sender_not_verified"

    def send(self, message: MailMessage, to: str) -> str:
        """Send it to the address `to`; the code of what went wrong, "" if SES took it.

        SES gives each mail a Message-ID of its own (Developer Guide, "Amazon SES header fields"), so that a thread is
        what refers to the same one, though no mail has it (RFC 5322 section 3.6.4). What is sent automatically says so,
        and out-of-office notes do not answer it (RFC 3834 section 5).
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
        except BotoCoreError:
            return UNREACHABLE
        return ""


def _utf8(text: str) -> "ContentTypeDef":
    return {"Data": text, "Charset": "UTF-8"}
