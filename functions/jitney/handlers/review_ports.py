"""The ports through which reviews are held: the workflow, the pages, and the channels on which people are told."""

import os
from functools import cached_property
from typing import TYPE_CHECKING

import boto3

from jitney.adapters.aws_clients import DEFAULT_CONFIG, TWO_ATTEMPTS
from jitney.core.config import SlackConfig
from jitney.core.problems import Problem
from jitney.handlers.base_ports import BasePorts

if TYPE_CHECKING:
    import re

    from jitney.adapters.approval_workflow import ApprovalWorkflow, TaskTokens
    from jitney.adapters.follow_ups import FollowUps
    from jitney.adapters.mail_sender import MailSender
    from jitney.adapters.message_locations import MessageLocations
    from jitney.adapters.out_of_office import OutOfOfficeStore
    from jitney.adapters.slack_client import SlackClient
    from jitney.adapters.slack_secret import SlackSecret
    from jitney.adapters.token_endpoint import TokenEndpoint
    from jitney.adapters.vote_history import VoteHistory
    from jitney.adapters.web_sessions import WebSessions


class ReviewPorts(BasePorts):
    """The second part of `jitney.handlers.ports.Ports`."""

    @cached_property
    def reviews(self) -> "ApprovalWorkflow":
        """The approval workflow."""
        from jitney.adapters.approval_workflow import ApprovalWorkflow

        client = boto3.client("stepfunctions", config=DEFAULT_CONFIG)
        return ApprovalWorkflow(client, os.environ["JITNEY_APPROVAL_ARN"], self.task_tokens)

    @cached_property
    def task_tokens(self) -> "TaskTokens":
        """The tokens by which approval workflows wait."""
        from jitney.adapters.approval_workflow import TaskTokens

        return TaskTokens(boto3.client("dynamodb", config=DEFAULT_CONFIG), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def web_sessions(self) -> "WebSessions":
        """The sessions of the reviewers' pages."""
        from jitney.adapters.web_sessions import WebSessions

        return WebSessions(boto3.client("dynamodb", config=DEFAULT_CONFIG), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def vote_history(self) -> "VoteHistory":
        """What reviewers voted on."""
        from jitney.adapters.vote_history import VoteHistory

        return VoteHistory(boto3.client("dynamodb", config=DEFAULT_CONFIG), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def out_of_office(self) -> "OutOfOfficeStore":
        """Who is away, and who stands in."""
        from jitney.adapters.out_of_office import OutOfOfficeStore

        return OutOfOfficeStore(boto3.client("dynamodb", config=DEFAULT_CONFIG), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def follow_ups(self) -> "FollowUps":
        """The uses of break-glass that nobody has looked at yet."""
        from jitney.adapters.follow_ups import FollowUps

        return FollowUps(boto3.client("dynamodb", config=DEFAULT_CONFIG), os.environ["JITNEY_STATE_TABLE"])

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
    def mails(self) -> "MailSender | None":
        """SES, None where nobody gets mail."""
        from jitney.adapters.mail_sender import MailSender

        mail = self.config.mail
        return MailSender(boto3.client("sesv2", config=TWO_ATTEMPTS), mail.sender) if mail else None

    @cached_property
    def message_locations(self) -> "MessageLocations":
        """Where requests' messages are in Slack."""
        from jitney.adapters.message_locations import MessageLocations

        return MessageLocations(boto3.client("dynamodb", config=DEFAULT_CONFIG), os.environ["JITNEY_STATE_TABLE"])

    @cached_property
    def slack_signing_secret(self) -> "SlackSecret":
        """What Slack signs with. Raises Problem route_not_found where there is no Slack."""
        from jitney.adapters.slack_secret import SIGNING_SECRET

        return self._slack_secret(self.slack_settings.signing_secret_arn, SIGNING_SECRET)

    @cached_property
    def slack(self) -> "SlackClient":
        """Slack's Web API. Raises Problem route_not_found where there is no Slack."""
        from jitney.adapters.slack_client import SlackClient
        from jitney.adapters.slack_secret import BOT_TOKEN

        settings = self.slack_settings
        return SlackClient(self._slack_secret(settings.bot_token_arn, BOT_TOKEN), settings.api_url)

    def _slack_secret(self, arn: str, form: "re.Pattern[str]") -> "SlackSecret":
        from jitney.adapters.slack_secret import SlackSecret

        client = boto3.client("secretsmanager", region_name=arn.split(":")[3], config=DEFAULT_CONFIG)
        return SlackSecret(client, arn, form, self.now)

    @property
    def slack_settings(self) -> SlackConfig:
        """The configured workspace. Raises Problem route_not_found where there is no Slack."""
        if self.config.slack is None:
            raise Problem("route_not_found", "There is no Slack here.", "Review on the request's page.")
        return self.config.slack
