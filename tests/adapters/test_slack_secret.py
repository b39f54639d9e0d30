"""The Slack app's tokens: read once in a while, and never told."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from adapters.slack_secret import KEPT_SECONDS, SlackSecret
from core.problems import Problem

ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:jitney/slack-AbCdEf"
GOOD = '{"bot_token": "xoxb-canary", "signing_secret": "canary-signing"}'


@pytest.fixture
def client() -> Any:
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    return boto3.client("secretsmanager", region_name="eu-west-1", **keys)


def held(stubber: Stubber, text: str) -> None:
    stubber.add_response("get_secret_value", {"SecretString": text}, {"SecretId": ARN})


def test_it_is_read_anew_after_a_while_and_follows_a_change(client: Any):
    now = [1000]
    secret = SlackSecret(client, ARN, lambda: now[0])
    with Stubber(client) as stubber:
        held(stubber, GOOD)
        assert secret.read() == ("xoxb-canary", "canary-signing")
        now[0] += KEPT_SECONDS - 1
        assert secret.read().bot_token == "xoxb-canary"
        now[0] += 1
        held(stubber, GOOD.replace("xoxb-canary", "xoxb-another"))
        assert secret.read().bot_token == "xoxb-another"
        now[0] -= 10_000  # a clock that was set back does not keep it for ever
        stubber.add_client_error("get_secret_value", "AccessDeniedException")
        with pytest.raises(Problem):
            secret.read()


@pytest.mark.parametrize(
    "text",
    ["xoxb-canary", "[]", "{}", '{"bot_token": "xoxb-canary"}', '{"bot_token": "xoxb-canary", "signing_secret": " "}',
     '{"bot_token": ["xoxb-canary"], "signing_secret": "canary"}'],
)  # fmt: skip
def test_aud_07_a_secret_of_another_shape_is_unavailable_and_not_told(client: Any, text: str):
    with Stubber(client) as stubber:
        held(stubber, text)
        with pytest.raises(Problem) as refusal:
            SlackSecret(client, ARN, lambda: 0).read()
    problem = refusal.value
    assert problem.code == "unavailable"
    assert problem.__cause__ is None
    assert problem.__context__ is None or problem.__suppress_context__ or "canary" not in repr(problem.__context__)
    assert "canary" not in repr(problem)


def test_aud_07_the_tokens_show_nothing_of_themselves(client: Any):
    with Stubber(client) as stubber:
        held(stubber, GOOD)
        assert "canary" not in f"{SlackSecret(client, ARN, lambda: 0).read()!r}"
