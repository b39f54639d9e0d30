"""Who a Slack user is: the one person of the configuration who has the user's confirmed address (row REV 9)."""

from typing import NamedTuple

from jitney.core.config import Config, SlackConfig
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem
from jitney.core.review.slack.interaction import SlackUser


class SlackProfile(NamedTuple):
    """A user as Slack knows it; `full` is false for bots, guests, strangers, and who is deactivated or unconfirmed."""

    user: str
    workspace: str
    email: str
    full: bool


def require_workspace(clicker: SlackUser, slack: SlackConfig) -> None:
    """Raises Problem slack_workspace_unknown unless it was done in the configured workspace, by somebody of it."""
    if (clicker.workspace, clicker.home) != (slack.workspace, slack.workspace):
        fix = "Review on the request's page, or in your own organization's Slack."
        raise Problem("slack_workspace_unknown", "This comes from another Slack workspace.", fix)


def principal_of(profile: SlackProfile, config: Config) -> Principal:
    """The person with exactly the profile's address. Raises Problem slack_user_unknown.

    As everybody who signs in, they are somebody of an issuer: what kind of somebody is the issuer's to say.
    """
    address = profile.email.casefold()
    found = [name for name, email in config.emails.items() if email.casefold() == address]
    if not profile.full or not address or len(found) != 1 or found[0] not in config.subjects:
        fix = "Ask your platform engineer to write your Slack address beside your name in jitney.yaml."
        raise Problem("slack_user_unknown", "Jitney does not know who you are in Slack.", fix)
    alias, subject = config.subjects[found[0]]
    issuer = config.issuers[alias]
    return Principal(
        issuer=issuer.issuer,
        issuer_name=issuer.name,
        subject=subject,
        kind="human" if issuer.kind == "human" else "agent",
        groups=frozenset(),
        display=subject,
        source_identity=found[0],
    )
