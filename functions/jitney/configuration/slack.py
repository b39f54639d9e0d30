"""Slack in `jitney.yaml` and in IAM."""

import re
from collections.abc import Iterator

from jitney.configuration.yaml_source import ConfigurationProblem, Value, entries

_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")


def slack_checks(value: Value) -> Iterator[ConfigurationProblem]:
    """Two secrets are two; a channel needs a workspace; who presses is known by an address that is one person's."""
    known = dict(entries(value, "slack"))
    if known and _unsuffixed(str(known.get("bot_token_arn"))) == _unsuffixed(str(known.get("signing_secret_arn", "-"))):
        fix = "put each into a secret of its own: who reads the token must not read what Slack signs with"
        yield ConfigurationProblem(("slack", "signing_secret_arn"), "slack.bot_token_arn is the same secret", fix)
    if "slack" not in dict(entries(value)):
        for name, group in entries(value, "reviewers"):
            if dict(entries(group)).get("channel"):
                wrong, fix = (
                    f"reviewers.{name} has a channel, and there is no slack",
                    "leave the channel out, or add it",
                )
                yield ConfigurationProblem(("slack",), wrong, fix)
    first: dict[str, str] = {}
    for person, address in entries(value, "people"):
        owner = first.setdefault(str(address).casefold(), person)
        if owner != person:
            fix = "give each person an address of their own: Slack's users are found by it"
            yield ConfigurationProblem(("people", person), f"people.{owner} has the same address", fix)


def secret_resource(arn: str) -> str:
    """What a policy names a secret by: its ARN, whose last six characters may be left out in the configuration.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html
    """
    return arn if _SUFFIX.search(arn) else f"{arn}-??????"


def _unsuffixed(arn: str) -> str:
    return _SUFFIX.sub("", arn)
