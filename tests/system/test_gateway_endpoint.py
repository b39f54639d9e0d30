"""The local endpoint and the running system: AWS CLI and boto3, without a key of AWS (rows GW 1, 3, 6, 9)."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.agent_shell import AWS_CLI, variables
from tests.running_systems import PATIENCE

JITNEY = str(Path(sys.executable).with_name("jitney"))
RESOURCES = ["arn:aws:s3:::reports/tickets/*"]
LARGE = bytes(range(256)) * 80_000
"""20 MB, which the AWS CLI uploads in parts of 8 MB."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(stack: dict[str, Any], tmp_path: Path) -> Run:
    """Return a function that runs `jitney run --gateway` as gateway-agent."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "JITNEY_"))}
    environment = kept | variables(stack, "gateway-agent") | {"HOME": str(tmp_path)}
    return lambda *words: subprocess.run(
        [JITNEY, "run", "analytics-prod", "--gateway", "--reason", "monthly report", *words],
        capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment, cwd=tmp_path,
    )  # fmt: skip


def test_gw_01_the_aws_cli_copies_a_report_without_a_key(run: Run):
    done = run("--", str(AWS_CLI), "s3", "cp", "s3://reports/2026/q3.csv", "-")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_gw_03_another_object_is_refused_with_the_grant_that_would_do(run: Run):
    code = "import boto3; boto3.client('s3').get_object(Bucket='reports', Key='2026/q4.csv')"
    asked = ("--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/2026/q3.csv")
    done = run(*asked, "--", sys.executable, "-c", code)
    assert done.returncode == 1
    assert "JitneyCallOutsideGrant" in done.stderr
    assert "arn:aws:s3:::reports/2026/q4.csv" in done.stderr


def test_gw_09_a_file_of_twenty_megabytes_is_uploaded_unnoticed(run: Run, aws: Callable[..., Any], tmp_path: Path):
    (tmp_path / "large").write_bytes(LARGE)
    key = f"tickets/{uuid.uuid4()}"
    asked = ("--action", "s3:PutObject", "--action", "s3:AbortMultipartUpload", "--resource", *RESOURCES)
    done = run(*asked, "--", str(AWS_CLI), "s3", "cp", "large", f"s3://reports/{key}")
    assert done.returncode == 0, done.stderr
    stored = aws("s3", "444455556666").get_object(Bucket="reports", Key=key)["Body"].read()
    assert stored == LARGE
