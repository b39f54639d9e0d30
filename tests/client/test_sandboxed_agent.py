"""`jitney run --gateway` with docs/recipes/sandbox.sh: an SDK in the sandbox gets its answers, and nothing else."""

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.fake_broker import GRANT_ID, FakeBroker, ended, grant
from tests.running_systems import PATIENCE

ROOT = Path(__file__).parents[2]
JITNEY = str(Path(sys.executable).with_name("jitney"))
SCRIPT = str(ROOT / "docs" / "recipes" / "sandbox.sh")
AGENT = """
import boto3, os, socket
print(boto3.client("s3").get_object(Bucket="reports", Key="2026/q3.csv")["Body"].read().decode())
try:
    socket.create_connection(("169.254.169.254", 80), 2)
except OSError:
    print("no metadata service", os.path.exists(os.path.expanduser("~/token")))
"""
missing = [program for program in ("bwrap", "socat") if shutil.which(program) is None]


@pytest.mark.skipif(bool(missing) and "JITNEY_BWRAP" not in os.environ, reason=f"needs {' and '.join(missing)}")
def test_gw_01_an_sdk_in_the_sandbox_calls_aws_through_jitney(
    connected: FakeBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    body = base64.b64encode(b"a,b").decode()
    answer = {"call_id": "c-abcdefghijklm2", "grant_id": GRANT_ID, "status": 200, "headers": {}, "body": body}
    connected.say("POST", "/v1/grants", 201, {"grant": grant(way="gateway")})
    connected.say("DELETE", f"/v1/grants/{GRANT_ID}", 200, ended())
    connected.say(
        "POST", "/v1/calls", 200, answer | {"body_encoding": "base64", "masked": [], "request_id": "r", "budget": {}}
    )
    monkeypatch.setenv("SANDBOX_TOOLS", f"{sys.prefix}:{sys.base_prefix}")
    project = tmp_path / "project"
    project.mkdir()
    ask = ["analytics-prod", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/*", "--reason", "report"]
    line = [JITNEY, "run", "--gateway", *ask, "--", SCRIPT, sys.executable, "-c", AGENT]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (0, "a,b\nno metadata service False\n"), done.stderr
