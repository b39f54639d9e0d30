"""The settings of the channels on which reviewers are notified."""

from typing import NamedTuple


class SlackConfig(NamedTuple):
    """The Slack workspace of the reviewers: the ARNs of the app's two secrets, its id, and its Web API."""

    bot_token_arn: str
    signing_secret_arn: str
    workspace: str
    api_url: str


class MailConfig(NamedTuple):
    """How reviewers get mail: the sender address, which must be verified in Amazon SES."""

    sender: str
