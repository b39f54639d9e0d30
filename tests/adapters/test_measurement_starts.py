"""END 6: a measurement is started without waiting for it, and its event holds no secret."""

import json
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from jitney.adapters.measurement_starts import MeasurementStarts
from jitney.handlers.runtime.building import PORTS
from jitney.handlers.runtime.ports import Ports


@pytest.mark.parametrize(
    "suspension", [{}, {"suspension": "s-1", "start_by": 1_795_521_630}], ids=["end", "suspension"]
)
def test_end_06_a_measurement_is_invoked_asynchronously(suspension: dict[str, Any]):
    client: Any = boto3.client("lambda", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    stub = Stubber(client)
    event = {"grant_id": "g-1", "since_milliseconds": 1_795_521_600_123, "written_at": 1_795_521_601}
    payload = json.dumps(event | suspension).encode()
    invoked = {"FunctionName": "jitney-denial-measurements", "InvocationType": "Event", "Payload": payload}
    stub.add_response("invoke", {"StatusCode": 202}, invoked)
    with stub:
        MeasurementStarts(client, "jitney-denial-measurements").start(*event.values(), **suspension)
    stub.assert_no_pending_responses()


def test_end_01_the_canary_calls_sts_in_the_region_that_is_measured():
    canary = PORTS["canary"](Ports())
    for region in ("eu-west-1", "us-east-1"):
        assert (
            canary._client_of(region, "AKIAEXAMPLE", "x", "x").meta.endpoint_url
            == f"https://sts.{region}.amazonaws.com"
        )
