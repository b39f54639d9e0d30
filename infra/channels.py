"""The channels that notify reviewers: the permissions to send and to check.

A channel is a section of `jitney.configuration.channel_settings`. `infra.channel_resources` finds the ARNs of the
resources.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.permissions import Allow, on_state

READ_SECRET = ("secretsmanager:GetSecretValue",)


@dataclass(frozen=True, slots=True)
class ChannelPermissions:
    """The permissions to `notify` reviewers, and to `check` whether reviewers can be reached."""

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
