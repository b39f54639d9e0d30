"""The resources of the channels that notify reviewers, and the conditions on them.

A field of `jitney.configuration.channel_settings` with the ARN of a secret is a resource: `bot_token_arn` of `slack` is
the resource `slack_bot_token`.
"""

from typing import Any

from aws_cdk import Stack

from jitney.configuration.channel_settings import ChannelSettings, MailSettings
from jitney.configuration.values import secret_resource


def channel_resources(stack: Stack, settings: ChannelSettings) -> dict[str, list[str]]:
    """Return the ARNs in the channels' sections, by resource. A channel that is not configured has no resources."""
    identities = _mail_identities(stack, settings.mail)
    # If the sender's identity has a default configuration set, SES also requires the permission on that set.
    sets = [stack.format_arn(service="ses", resource="configuration-set", resource_name="*")] if identities else []
    secrets = {name: [secret_resource(arn)] if arn else [] for name, arn in settings.secrets()}
    return {"mail_sender": [*identities, *sets], "mail_identity": identities, **secrets}


def channel_conditions(settings: ChannelSettings) -> dict[str, dict[str, Any]]:
    """Return the conditions on the channels' resources.

    Mail must come from one address, not from another address of its domain.
    """
    return {"mail_sender": {"StringEquals": {"ses:FromAddress": settings.mail.sender}}} if settings.mail else {}


def _mail_identities(stack: Stack, mail: MailSettings | None) -> list[str]:
    """Return the SES identities that can cover the sender: its address and its domain."""
    if mail is None:
        return []
    _, _, domain = mail.sender.partition("@")
    return [stack.format_arn(service="ses", resource="identity", resource_name=name) for name in (mail.sender, domain)]
