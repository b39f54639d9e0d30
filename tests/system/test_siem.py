"""docs/siem.md: its commands make a queue that names each new file of records."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client.gateway.tour_clients import AWS_CLI_2
from tests.running_systems import PATIENCE, root_keys, until
from tests.system.conftest import Api

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    not (AWS_CLI_2.exists() or "JITNEY_AWS_CLI_2" in os.environ), reason="apt-get install awscli"
)
COMMANDS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "siem.md").read_text("utf-8"), re.DOTALL)[0]


@pytest.fixture
def messages(aws: Any, stack: dict[str, Any]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Run the page's commands. Yield a function that receives the queue's next messages."""
    names = {"RECORDS-BUCKET": stack["buckets"]["records"], "111122223333": stack["account"]}
    commands = COMMANDS.replace("eu-west-1", stack["region"])
    for name, value in names.items():
        commands = commands.replace(name, value)
    keys = {name.upper(): value for name, value in root_keys(stack["account"]).items()}
    environment = keys | {
        "PATH": f"{AWS_CLI_2.parent}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": stack["aws_endpoint"],
        "AWS_DEFAULT_REGION": stack["region"],
    }
    made = subprocess.run(
        ["bash", "-euc", commands], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert made.returncode == 0, made.stderr
    sqs, events = aws("sqs"), aws("events")
    queue = sqs.get_queue_url(QueueName="jitney-siem")["QueueUrl"]

    def received() -> list[dict[str, Any]]:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        return [json.loads(each["Body"]) for each in answer.get("Messages", [])]

    yield received
    events.remove_targets(Rule="jitney-siem", Ids=["queue"])
    events.delete_rule(Name="jitney-siem")
    sqs.delete_queue(QueueUrl=queue)


def test_aud_05_a_queue_receives_an_event_about_the_file_that_has_a_grants_record(
    api: Api, aws: Any, stack: dict[str, Any], messages: Callable[[], list[dict[str, Any]]]
):
    number, s3, seen = api.ask()["grant"]["id"], aws("s3"), []

    def has_it(event: dict[str, Any]) -> bool:
        detail = event["detail"]
        body = s3.get_object(Bucket=detail["bucket"]["name"], Key=detail["object"]["key"])["Body"].read()
        return any(number in line for line in body.decode().splitlines())

    def arrived() -> bool:
        found = messages()
        seen.extend(found)
        return any(has_it(each) for each in found)

    assert until(arrived)
    assert {each["detail"]["bucket"]["name"] for each in seen} == {stack["buckets"]["records"]}
    assert {each["detail"]["object"]["key"].partition("/")[0] for each in seen} <= {"records", "calls"}
    assert not any(number in json.dumps(each) for each in seen)  # an event has nothing that is in the file
