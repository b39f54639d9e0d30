"""Mail: which identity of Amazon SES the functions send as, and under which condition."""

from typing import Any

from aws_cdk import Stack

from jitney.configuration.settings import MailSettings


def sender_arns(stack: Stack, mail: MailSettings | None) -> list[str]:
    """The identities that SES may know the sender by, its address or its domain; none where nobody gets mail."""
    if mail is None:
        return []
    _, _, domain = mail.sender.partition("@")
    return [stack.format_arn(service="ses", resource="identity", resource_name=name) for name in (mail.sender, domain)]


def sender_only(mail: MailSettings | None) -> dict[str, dict[str, Any]]:
    """The condition that limits sending to the one address: a domain's identity covers every address in it."""
    return {"StringEquals": {"ses:FromAddress": mail.sender}} if mail else {}
