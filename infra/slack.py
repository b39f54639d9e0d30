"""Slack in `jitney.yaml` and in IAM."""

import re
from collections.abc import Iterator

from infra.settings import Slack
from infra.yaml_source import Complaint, Value, entries


def slack_checks(value: Value) -> Iterator[Complaint]:
    """A channel needs a workspace, and who presses a button is known by an address that is one person's."""
    if "slack" not in dict(entries(value)):
        for name, group in entries(value, "reviewers"):
            if dict(entries(group)).get("channel"):
                wrong, fix = (
                    f"reviewers.{name} has a channel, and there is no slack",
                    "leave the channel out, or add it",
                )
                yield Complaint(("slack",), wrong, fix)
    first: dict[str, str] = {}
    for person, address in entries(value, "people"):
        owner = first.setdefault(str(address).casefold(), person)
        if owner != person:
            fix = "give each person an address of their own: Slack's users are found by it"
            yield Complaint(("people", person), f"people.{owner} has the same address", fix)


def secret_resource(slack: Slack) -> str:
    """What a policy names the secret by: its ARN, whose last six characters may be left out in the configuration.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html
    """
    return slack.secret if re.search(r"-[A-Za-z0-9]{6}$", slack.secret) else f"{slack.secret}-??????"
