"""The ports through which reviews are held: the workflow, the pages, and the channels on which people are told."""

import os
from functools import cached_property
from typing import TYPE_CHECKING

import boto3

from jitney.adapters.calls import CLIENT, TWO_ATTEMPTS
from jitney.core.config import Slack as SlackConfig
from jitney.core.problems import Problem
from jitney.handlers.base_ports import BasePorts

if TYPE_CHECKING:
    import re

    from jitney.adapters.absences import Absences
    from jitney.adapters.cast_votes import CastVotes
    from jitney.adapters.glasses import Glasses
    from jitney.adapters.mails import Mails
    from jitney.adapters.message_places import MessagePlaces
    from jitney.adapters.reviews import Reviews, TaskTokens
    from jitney.adapters.slack_messages import Slack
    from jitney.adapters.slack_secret import SlackSecret
    from jitney.adapters.token_endpoint import TokenEndpoint
    from jitney.adapters.web_sessions import WebSessions


class ReviewPorts(BasePorts):
    """The second part of `jitney.handlers.ports.Ports`."""

    @cached_property
    def reviews(self) -> "Reviews":
        """The approval workflow."""
        from jitney.adapters.reviews import Reviews

        client = boto3.client("stepfunctions", config=CLIENT)
        return Reviews(client, os.environ["JITNEY_APPROVAL_ARN"], self.task_tokens)

    @cached_property
    def task_tokens(self) -> "TaskTokens":
        """The tokens by which approval workflows wait."""
        from jitney.adapters.reviews import TaskTokens

        return TaskTokens(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def web_sessions(self) -> "WebSessions":
        """The sessions of the reviewers' pages."""
        from jitney.adapters.web_sessions import WebSessions

        return WebSessions(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def cast_votes(self) -> "CastVotes":
        """What reviewers voted on."""
        from jitney.adapters.cast_votes import CastVotes

        return CastVotes(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def absences(self) -> "Absences":
        """Who is away, and who stands in."""
        from jitney.adapters.absences import Absences

        return Absences(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def glasses(self) -> "Glasses":
        """The uses of break-glass that nobody has looked at yet."""
        from jitney.adapters.glasses import Glasses

        return Glasses(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def token_endpoint(self) -> "TokenEndpoint":
        """The identity provider that people sign in with."""
        from jitney.adapters.token_endpoint import TokenEndpoint

        return TokenEndpoint(local=self.config.local)

    @cached_property
    def reviews_url(self) -> str:
        """Where the reviewers' pages are, for links: a request's is below it, by its id."""
        return os.environ["JITNEY_REVIEWS_URL"]

    @cached_property
    def mails(self) -> "Mails | None":
        """SES, None where nobody gets mail."""
        from jitney.adapters.mails import Mails

        mail = self.config.mail
        return Mails(boto3.client("sesv2", config=TWO_ATTEMPTS), mail.sender) if mail else None

    @cached_property
    def message_places(self) -> "MessagePlaces":
        """Where requests' messages are in Slack."""
        from jitney.adapters.message_places import MessagePlaces

        return MessagePlaces(boto3.client("dynamodb", config=CLIENT), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def slack_signing_secret(self) -> "SlackSecret":
        """What Slack signs with. Raises Problem route_not_found where there is no Slack."""
        from jitney.adapters.slack_secret import SIGNING_SECRET

        return self._slack_secret(self.slack_settings.signing_secret_arn, SIGNING_SECRET)

    @cached_property
    def slack(self) -> "Slack":
        """Slack's Web API. Raises Problem route_not_found where there is no Slack."""
        from jitney.adapters.slack_messages import Slack
        from jitney.adapters.slack_secret import BOT_TOKEN

        settings = self.slack_settings
        return Slack(self._slack_secret(settings.bot_token_arn, BOT_TOKEN), settings.api_url)

    def _slack_secret(self, arn: str, form: "re.Pattern[str]") -> "SlackSecret":
        from jitney.adapters.slack_secret import SlackSecret

        client = boto3.client("secretsmanager", region_name=arn.split(":")[3], config=CLIENT)
        return SlackSecret(client, arn, form, self.now)

    @property
    def slack_settings(self) -> SlackConfig:
        """The configured workspace. Raises Problem route_not_found where there is no Slack."""
        if self.config.slack is None:
            raise Problem("route_not_found", "There is no Slack here.", "Review on the request's page.")
        return self.config.slack
