"""`async with jitney.grant(…)`: aioboto3's sessions, in the environment with aioboto3 and its older botocore."""

import base64
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import TOKEN
from tests.client.fake_broker import GRANT_ID, SECRET, SESSION, FakeBroker, ended, grant, issued, under_review
from tests.sdk.test_ends import FOLDER
from tests.sdk.test_grants import GRANT

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".local" / "aioboto3" / "bin" / "python"
PROGRAM = Path(__file__).with_name("async_program.py")

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="needs aioboto3: make .local/aioboto3/.ready")

IDENTITY = b"""<GetCallerIdentityResponse><GetCallerIdentityResult><Account>444455556666</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""
DENIED = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>m</Message></Error></ErrorResponse>"


@pytest.fixture
def aws(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBroker]:
    """A server that answers as AWS does."""
    fake = FakeBroker()
    monkeypatch.setenv("AWS_ENDPOINT_URL", fake.url)
    yield fake
    fake.close()


def run(*names: str) -> tuple[list[str], str]:
    """Run functions of the program. Return its output in lines, and all that it wrote and logged."""
    ran = subprocess.run(
        [PYTHON, PROGRAM, *names],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout.splitlines(), ran.stdout + ran.stderr


def test_cli_04_async_with_gives_an_aioboto3_session(granting: FakeBroker, aws: FakeBroker):
    granting._said[("GET", GRANT)].clear()
    granting.say("GET", GRANT, 200, ended("revoked", "key leaked"))
    for _ in range(10):
        aws.say("POST", "/", 200, IDENTITY)
    aws.say("POST", "/", 403, DENIED)
    lines, written = run("credentials", "revoked")
    assert lines == [
        f"{GRANT_ID} eu-west-1",
        "444455556666",
        f"AsyncGrantSession(OpenGrant({GRANT_ID})) AsyncGrantCredentials(OpenGrant({GRANT_ID}))",
        "AsyncGrantSession cannot be pickled or copied, because it gives access to keys: open a grant where needed",
        "grant_released",
        f"Grant {GRANT_ID} is revoked: key leaked.",
    ]
    assert len(granting.calls("POST", "/v1/grants")) == len(granting.calls("DELETE", GRANT)) == 2
    assert all(SESSION in each.headers["X-Amz-Security-Token"] for each in aws.asked)
    assert [each for each in (SECRET, SESSION, TOKEN) if each in written] == []


def test_cli_04_the_async_block_of_the_page_reads_the_report(granting: FakeBroker, aws: FakeBroker):
    aws.say("GET", "/reports/2026/q3.csv", 200, b"total,42")
    assert run("page")[0] == ["b'total,42'"]
    assert len(granting.calls("DELETE", GRANT)) == 1


def answer(body: bytes, **headers: str) -> dict[str, Any]:
    text = base64.b64encode(body).decode()
    return {
        "call_id": "c-abcdefghijklm2", "status": 200, "headers": {"content-length": str(len(body)), **headers},
        "body": text, "body_encoding": "base64", "masked": [], "budget": {},
    }  # fmt: skip


def test_gw_01_async_calls_go_through_the_gateway(connected: FakeBroker, aws: FakeBroker):
    connected.say("POST", "/v1/grants", 201, {"grant": grant(way="gateway")})
    connected.say("DELETE", GRANT, 200, ended())
    for _ in range(3):
        connected.say("POST", "/v1/calls", 200, answer(b""))
    connected.say("POST", "/v1/calls", 200, answer(b"one\ntwo"))
    lines, _ = run("gateway")
    assert lines == ["[b'one', b'\\ntwo']", r"b'one\ntwo'", "['one', 'two']", "call_unsupported"]
    sent = [each.json["parameters"].get("Body") for each in connected.calls("POST", "/v1/calls")]
    assert sent[:3] == [base64.b64encode(each).decode() for each in (b"content", b"content", b"from a file")]
    assert not aws.asked


def test_cli_06_a_cancelled_task_waits_no_longer_and_keeps_no_grant(connected: FakeBroker, aws: FakeBroker):
    connected.say("POST", "/v1/grants", 202, under_review())
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("GET", GRANT, 200, under_review(), Preference_Applied="wait=10")
    connected.say("DELETE", GRANT, 200, ended())
    answered = connected._answer

    def after_a_while(asked: Any) -> Any:
        time.sleep(1.1 if asked.method == "GET" else 0.5)  # the broker holds polls
        return answered(asked)

    connected._answer = after_a_while  # type: ignore[method-assign]
    assert run("cancelled", "late")[0] == ["asked grant_pending", "cancelled"]
    assert len(connected.calls("POST", "/v1/grants")) == 2
    assert len(connected.calls("GET", GRANT)) <= 2
    assert len(connected.calls("DELETE", GRANT)) == 1


def test_cli_03_tasks_that_wait_for_reviewers_use_up_no_executor(connected: FakeBroker, aws: FakeBroker):
    connected.say("POST", "/v1/grants", 202, under_review())
    connected.say("GET", GRANT, 200, under_review(), Preference_Applied="wait=10")
    answered = connected._answer

    def held(asked: Any) -> Any:
        time.sleep(2 if asked.method == "GET" else 0)
        return answered(asked)

    connected._answer = held  # type: ignore[method-assign]
    assert run("crowd")[0] == ["a thread is free"]
