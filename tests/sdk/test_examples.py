"""The examples for agent frameworks, each run with a scripted model in the environment with the frameworks."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.conftest import TOKEN
from tests.client.fake_broker import SECRET, SESSION, FakeBroker, ended, issued, problem, under_review
from tests.sdk.test_ends import FOLDER
from tests.sdk.test_grants import GRANT

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".local" / "agent-frameworks" / "bin" / "python"
EXAMPLES = ROOT / "docs" / "examples"
SCRIPTED = Path(__file__).with_name("scripted")

pytestmark = [
    pytest.mark.skipif(not PYTHON.exists(), reason="needs it: make .local/agent-frameworks/.ready"),
    pytest.mark.slow,
]


@pytest.fixture
def aws(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBroker]:
    """A server that has the report, as S3 has it."""
    fake = FakeBroker()
    fake.say("GET", "/reports/2026/q3.csv", 200, b"total,42")
    monkeypatch.setenv("AWS_ENDPOINT_URL", fake.url)
    yield fake
    fake.close()


def test_every_example_is_run():
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == {path.name for path in SCRIPTED.glob("*.py")}


@pytest.mark.parametrize("name", sorted(path.stem for path in SCRIPTED.glob("*.py")))
def test_cli_03_an_agent_reads_with_a_grant_and_learns_why_it_cannot(connected: FakeBroker, aws: FakeBroker, name: str):
    """The model uses the tool three times: the grant is given, is denied, and is under review."""
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("POST", "/v1/grants", 403, problem("denied", detail="No policy permits it.", fix="Ask for less."))
    connected.say("POST", "/v1/grants", 202, under_review())
    connected.say("DELETE", GRANT, 200, ended())
    ran = subprocess.run(
        [PYTHON, SCRIPTED / f"{name}.py", EXAMPLES],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(FOLDER), "OTEL_SDK_DISABLED": "true"},
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert "read_report" in ran.stdout
    assert "The quarter was good." in ran.stdout
    for words in (
        "total,42",
        "No policy permits it.",
        "Ask for less.",
        "https://jitney.example.com/reviews/",
        "same again",
    ):
        assert words in ran.stdout, words
    assert len(connected.calls("DELETE", GRANT)) == 1
    assert [each.headers["X-Amz-Security-Token"] for each in aws.asked] == [SESSION]
    assert [each for each in (SECRET, SESSION, TOKEN) if each in ran.stdout + ran.stderr] == []
    sent = connected.calls("POST", "/v1/grants")[0].json
    report = {"Bucket": "reports", "Key": "2026/q3.csv"}
    assert sent["calls"] == [{"service": "s3", "operation": "GetObject", "parameters": report}]
    assert sent["duration_seconds"] == 60
