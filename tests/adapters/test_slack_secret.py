"""The Slack app's secrets: cached for some time, and never shown."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from jitney.adapters.slack_secret import BOT_TOKEN, KEPT_SECONDS, SIGNING_SECRET, SlackSecret
from jitney.core.problems import Problem

ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:jitney/slack-bot-AbCdEf"
BOTH = '{"bot_token": "xoxb-canary", "signing_secret": "canary-signing-secret"}'


@pytest.fixture
def client() -> Any:
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    return boto3.client("secretsmanager", region_name="eu-west-1", **keys)


def held(stubber: Stubber, text: str) -> None:
    stubber.add_response("get_secret_value", {"SecretString": text}, {"SecretId": ARN})


def test_it_is_read_again_after_a_while_and_follows_a_change(client: Any):
    now = [1000]
    secret = SlackSecret(client, ARN, BOT_TOKEN, lambda: now[0])
    with Stubber(client) as stubber:
        held(stubber, "xoxb-canary\n")  # as a file ends
        assert secret.read() == "xoxb-canary"
        now[0] += KEPT_SECONDS - 1
        assert secret.read() == "xoxb-canary"
        now[0] += 1
        held(stubber, "xoxb-another")
        assert secret.read() == "xoxb-another"
        now[0] -= 10_000  # a clock that was set back does not keep it for ever
        stubber.add_client_error("get_secret_value", "AccessDeniedException")
        with pytest.raises(Problem):
            secret.read()


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (BOT_TOKEN, "canary-signing-secret"),
        (BOT_TOKEN, "xoxb-canary xoxb-canary"),
        (BOT_TOKEN, BOTH),
        (SIGNING_SECRET, "xoxb canary"),
        (SIGNING_SECRET, "canary"),
        (SIGNING_SECRET, " "),
        (SIGNING_SECRET, BOTH),
    ],
)
def test_aud_07_a_secret_of_another_shape_is_unavailable_and_not_shown(client: Any, form: Any, text: str):
    with Stubber(client) as stubber:
        held(stubber, text)
        with pytest.raises(Problem) as refusal:
            SlackSecret(client, ARN, form, lambda: 0).read()
    problem = refusal.value
    assert problem.code == "unavailable"
    assert problem.__cause__ is None
    assert problem.__context__ is None
    assert "canary" not in repr(problem)


def test_aud_07_what_holds_a_secret_shows_nothing_of_it(client: Any):
    secret = SlackSecret(client, ARN, BOT_TOKEN, lambda: 0)
    with Stubber(client) as stubber:
        held(stubber, "xoxb-canary")
        secret.read()
    assert "canary" not in f"{secret!r} {secret}"
