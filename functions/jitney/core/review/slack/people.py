"""The person behind a Slack user: the one person configured with the user's confirmed address (row REV 9). Pure."""

from typing import NamedTuple

from jitney.core.channel_config import SlackConfig
from jitney.core.config import Config
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem
from jitney.core.review.slack.interaction import SlackUser


class SlackProfile(NamedTuple):
    """A user as Slack knows it. Bots, guests, deactivated and unconfirmed users are not full members."""

    workspace: str
    email: str
    is_full_member: bool


def require_workspace(user: SlackUser, slack: SlackConfig) -> None:
    """Raise Problem slack_workspace_unknown unless a member of the configured workspace acted there."""
    if (user.workspace, user.home_workspace) != (slack.workspace, slack.workspace):
        fix = "Open the request's page, or use your own organization's Slack."
        raise Problem("slack_workspace_unknown", "This comes from another Slack workspace.", fix)


def principal_of(profile: SlackProfile, config: Config) -> Principal:
    """Return the person with exactly the profile's address. Raises Problem slack_user_unknown.

    As at sign-in, the person belongs to an issuer and has the issuer's kind.
    """
    # Configured addresses are ASCII. The lower case of some other letters, such as the Kelvin sign, is ASCII too.
    address = profile.email.lower() if profile.email.isascii() else ""
    found = [name for name, email in config.emails.items() if email.lower() == address]
    if not profile.is_full_member or not address or len(found) != 1 or found[0] not in config.subjects:
        fix = "Ask your platform engineer to add your Slack address under people in jitney.yaml."
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
        unit=found[0],
    )
