"""The channels on which reviewers are notified: what sending and checking needs, and what `jitney.yaml` names for it.

A channel is a section of `jitney.configuration.channel_settings`. Its fields that hold the ARN of a secret are
resources: `bot_token_arn` of `slack` is `slack_bot_token`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack

from infra.permissions import Allow, on_state
from jitney.configuration.channel_settings import ChannelSettings, MailSettings
from jitney.configuration.values import secret_resource

READ_SECRET = ("secretsmanager:GetSecretValue",)


@dataclass(frozen=True, slots=True)
class ChannelPermissions:
    """What the functions that `notify` reviewers, and that `check` whether they can be reached, may do."""

    notify: tuple[Allow, ...]
    check: tuple[Allow, ...]


CHANNELS: Mapping[str, ChannelPermissions] = {
    "mail": ChannelPermissions(
        notify=(Allow("mail_sender", ("ses:SendEmail",)),), check=(Allow("mail_identity", ("ses:GetEmailIdentity",)),)
    ),
    "slack": ChannelPermissions(
        notify=(Allow("slack_bot_token", READ_SECRET), on_state("Query", "PutItem", items=("MESSAGE#*",))),
        check=(Allow("slack_bot_token", READ_SECRET),),
    ),
}
NOTIFY = tuple(allow for each in CHANNELS.values() for allow in each.notify)
CHECK = tuple(allow for each in CHANNELS.values() for allow in each.check)


def channel_resources(stack: Stack, settings: ChannelSettings) -> dict[str, list[str]]:
    """Return the ARNs that the channels' sections name, by resource; none for a channel that is not configured."""
    identities = _mail_identities(stack, settings.mail)
    secrets = {name: [secret_resource(arn)] if arn else [] for name, arn in settings.secrets()}
    return {"mail_sender": identities, "mail_identity": identities, **secrets}


def channel_conditions(settings: ChannelSettings) -> dict[str, dict[str, Any]]:
    """Return the conditions on channels' resources: mail comes from one address, not from every one of its domain."""
    return {"mail_sender": {"StringEquals": {"ses:FromAddress": settings.mail.sender}}} if settings.mail else {}


def _mail_identities(stack: Stack, mail: MailSettings | None) -> list[str]:
    """Return the SES identities that can cover the sender: its address and its domain."""
    if mail is None:
        return []
    _, _, domain = mail.sender.partition("@")
    return [stack.format_arn(service="ses", resource="identity", resource_name=name) for name in (mail.sender, domain)]
