"""An hour of calls, in slices of a minute, and what is left when `jitney serve` ends or is killed."""

import json
import signal
import urllib.request
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.client.matrix.moving_clock import MISSING as NO_CLOCK
from tests.client.matrix.programs import ASK, PARAMETER, Client, World, clients, serving

pytestmark = [pytest.mark.skipif(bool(NO_CLOCK), reason=NO_CLOCK), pytest.mark.slow]

HOUR_SECONDS = 3600
STEP_SECONDS = 7
WAYS = {"endpoint": [], "gateway": ["--gateway"]}


def calls_in_an_hour(world: World, client: Client) -> Iterator[dict[str, str]]:
    """Yield the answers to constant calls in an hour, the last one being the first error."""
    for _ in range(HOUR_SECONDS // STEP_SECONDS):
        answer = client.read()
        yield answer
        if "error" in answer:
            return
        world.clock.advance(STEP_SECONDS)


def variables(world: World, printed: dict[str, str]) -> dict[str, str]:
    """Return the environment of a client that calls this AWS, unless the gateway does."""
    aws = {} if "AWS_ENDPOINT_URL" in printed else {"AWS_ENDPOINT_URL_SSM": world.aws.server.url}
    return world.environment(printed | aws)


@pytest.mark.parametrize("way", WAYS)
def test_cli_04_an_hour_of_calls_in_slices_of_a_minute_meets_no_end_and_leaves_nothing(world: World, way: str):
    with serving(world, "--for", "60s", *WAYS[way]) as served:
        with clients(["boto3"], variables(world, served.variables)) as programs:
            answers = list(calls_in_an_hour(world, programs["boto3"]))
        assert answers[-1].get("error") is None
        assert len(answers) == HOUR_SECONDS // STEP_SECONDS
        assert len({answer["value"] for answer in answers}) >= HOUR_SECONDS / 60
        assert world.aws.refused == []
        assert world.broker.in_state("active")
        assert served.end(signal.SIGTERM) == 0
    assert world.broker.in_state("active") == []
    assert world.broker.active_keys() == []
    world.broker.check_answers()


def test_cli_06_calls_fail_at_the_end_of_a_grant_that_nothing_follows(world: World):
    grant = json.loads(world.jitney("request", *ASK, "--for", "60s", "--json"))["grant"]["id"]
    with serving(world, "--grant", grant) as served, clients(["boto3"], variables(world, served.variables)) as programs:
        *answers, last = calls_in_an_hour(world, programs["boto3"])
    assert len(answers) == 60 // STEP_SECONDS + 1
    assert "JitneyGrantEnded" in last["error"]


def keys_of(variables: dict[str, str]) -> dict[str, str]:
    """Return the keys that any program with the endpoint's token gets."""
    headers = {"Authorization": variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
    asked = urllib.request.Request(variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers=headers)
    with urllib.request.urlopen(asked) as answer:
        document: dict[str, str] = json.load(answer)
    return document


def test_cli_06_after_sigkill_its_keys_work_until_their_slice_ends(world: World):
    with serving(world, "--for", "1h") as served:
        keys = keys_of(served.variables)
        assert served.end(signal.SIGKILL) == -signal.SIGKILL
    names = {"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": keys["SecretAccessKey"]}
    ssm = boto3.client("ssm", "eu-west-1", endpoint_url=world.aws.server.url, aws_session_token=keys["Token"], **names)
    world.clock.advance(299)
    assert ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"] == keys["AccessKeyId"]
    world.clock.advance(1)
    with pytest.raises(ClientError, match="ExpiredTokenException"):
        ssm.get_parameter(Name=PARAMETER)
    assert world.broker.active_keys() == []
    assert world.broker.in_state("active")  # nothing released it, and it has no keys


def test_gw_13_after_sigkill_the_keys_of_the_gateways_endpoint_lead_nowhere(world: World):
    with (
        serving(world, "--for", "1h", "--gateway") as served,
        clients(["boto3"], variables(world, served.variables)) as programs,
    ):
        assert "value" in programs["boto3"].read()
        assert served.end(signal.SIGKILL) == -signal.SIGKILL
        before = world.broker.asked["POST /v1/calls"]
        assert "EndpointConnectionError" in programs["boto3"].read()["error"]
    assert world.broker.asked["POST /v1/calls"] == before
    assert world.broker.keys == {}
