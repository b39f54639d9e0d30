"""The sections of `jitney.yaml` for the channels that notify reviewers."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from jitney.configuration.values import (
    Address,
    Email,
    SecretArn,
    SettingsModel,
    matching,
    model_in,
    refused,
    secret_resource,
)


class MailSettings(SettingsModel):
    """Mail to reviewers. The address `sender` must be verified in Amazon SES."""

    sender: Email


class SlackSettings(SettingsModel):
    """The Slack workspace of the reviewers: the settings of `jitney.core.channel_config.SlackConfig`."""

    bot_token_arn: SecretArn
    signing_secret_arn: SecretArn
    workspace: Annotated[str, matching("T[A-Z0-9]{2,20}", "write the workspace's id, such as T0123ABCD")]
    api_url: Annotated[Address, matching(r".+/", "write Slack's https://slack.com/api/, or GovSlack's")] = Field(
        default="https://slack.com/api/"
    )

    @field_validator("signing_secret_arn")
    @classmethod
    def _is_another_secret(cls, arn: str, info: ValidationInfo) -> str:
        if secret_resource(arn)[:-7] == secret_resource(info.data.get("bot_token_arn", ""))[:-7]:
            fix = "use a secret of its own: a function that reads the token must not read the signing secret"
            raise refused("slack.bot_token_arn is the same secret", fix)
        return arn


class ChannelSettings(SettingsModel):
    """The channels. A channel without a section is not used."""

    mail: MailSettings | None = None
    slack: SlackSettings | None = None

    def channels(self) -> dict[str, SettingsModel | None]:
        """Return each channel's section by name."""
        return {name: getattr(self, name) for name in ChannelSettings.model_fields}

    def secrets(self) -> Iterator[tuple[str, str]]:
        """Yield name and ARN of the secrets of all channels, such as `slack_bot_token`.

        The ARN is "" without a section.
        """
        for channel, field in ChannelSettings.model_fields.items():
            model = model_in(field.annotation)
            for key in (each for each in (model.model_fields if model else ()) if each.endswith("_arn")):
                yield f"{channel}_{key.removesuffix('_arn')}", getattr(getattr(self, channel), key, "")
