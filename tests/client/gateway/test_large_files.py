"""`aws s3 cp` and `sync` move files of any size through the endpoint, part by part with tickets (row GW 9)."""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from jitney import resources
from jitney.adapters.aws_calls import AwsCalls
from jitney.adapters.aws_models import AwsModels
from jitney.adapters.upstream import Upstream
from jitney.client.gateway.call_answers import DirectTicket
from jitney.client.gateway.environment import gateway_environment
from jitney.core.access.credentials import Credentials
from jitney.core.gateway.call_request import parse_call
from jitney.core.target_config import Target
from local.agent_shell import AWS_CLI
from tests.client.gateway.aws_behind import ACCOUNT, CALL_ID
from tests.client.gateway.aws_directly import direct_aws
from tests.client.gateway.conftest import GRANT_ID, Served
from tests.client.gateway.test_tour import MISSING
from tests.client.gateway.tour import REGION
from tests.client.gateway.tour_clients import AWS_CLI_2

MEGABYTES = 100
PROGRAMS = {"aws-cli-1": AWS_CLI, "aws-cli-2": AWS_CLI_2}
TARGET = Target("prod", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/jitney", "external", REGION, 3600, {})


@pytest.fixture
def tickets(served: Served) -> Iterator[list[str]]:
    """Let the broker sign tickets as the deployed one does, for an S3 in this process. Yield their operations."""
    signed: list[str] = []
    with direct_aws({"s3": f"s3.{REGION}.amazonaws.com"}) as url:
        calls = AwsCalls(AwsModels.load(resources.MODELS.read_bytes(), url), Upstream())
        keys = Credentials("AKIAIOSFODNN7EXAMPLE", "secret", "token", int(time.time()) + 60)

        def instead(call: Mapping[str, Any], _key: str) -> DirectTicket | None:
            if "direct" not in call:
                return None
            made = parse_call(json.dumps(call).encode())
            assert made.direct is not None
            modelled = calls.checked(made.service, made.operation, made.region, made.parameters, TARGET)
            ticket = calls.ticket(modelled, made.direct, CALL_ID, keys)
            signed.append(made.operation)
            return DirectTicket(ticket.method, ticket.url, ticket.headers, ticket.expires_at)

        served.broker.instead = instead
        yield signed


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.skipif(bool(MISSING[name]), reason=MISSING[name])) for name in PROGRAMS],
)
def test_gw_09_the_aws_cli_copies_and_syncs_large_files_in_parts(
    served: Served, tickets: list[str], name: str, tmp_path: Path
):
    served.client("s3").create_bucket(Bucket="reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    environment = gateway_environment(os.environ, served.port, served.keys, REGION, GRANT_ID)
    there, back = tmp_path / "there", tmp_path / "back"
    there.mkdir()
    content = os.urandom(1_000_000) * MEGABYTES
    (there / "large.bin").write_bytes(content)
    (there / "small.csv").write_text("a,b\n1,2\n")

    def aws(*arguments: str) -> str:
        command = [str(PROGRAMS[name]), "s3", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    aws("cp", str(there / "large.bin"), "s3://reports/a/large.bin")
    assert tickets == ["UploadPart"] * -(-MEGABYTES * 1_000_000 // 8_388_608)
    assert "large.bin" not in aws("sync", str(there), "s3://reports/a")
    aws("sync", "s3://reports/a", str(back))
    assert hashlib.sha256((back / "large.bin").read_bytes()).digest() == hashlib.sha256(content).digest()
    assert (back / "small.csv").read_text() == "a,b\n1,2\n"
    assert tickets.count("GetObject") > 1
    aws("rm", "s3://reports/a", "--recursive")
    assert "Contents" not in served.client("s3").list_objects_v2(Bucket="reports")
