"""docs/sdk.md: every block of Python runs, its tables equal the code, and every argument is explained."""

import inspect
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.core.models import botocore_stubber

import jitney
from jitney.client import problems
from jitney.sdk import boto3_sessions, grants
from tests.client.fake_broker import GRANT_ID, PERMISSIONS, FakeBroker, problem, under_review
from tests.sdk.gateway_broker import GatewayBroker
from tests.sdk.test_grants import GRANT

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sdk.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def reports(granting: FakeBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report of the page, in AWS's default Region."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    s3 = boto3.client("s3", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="example")
    s3.create_bucket(Bucket="reports")
    s3.put_object(Bucket="reports", Key="2026/q3.csv", Body=b"total,42")


def block(word: str) -> str:
    """Return the one block with this word."""
    (found,) = [each for each in BLOCKS if word in each]
    return found


def run(text: str, **names: Any) -> dict[str, Any]:
    exec(compile(text, "docs/sdk.md", "exec"), names)  # noqa: S102 - our own page
    return names


def test_cli_04_the_first_blocks_of_the_page_read_the_report(granting: FakeBroker, reports: None, capsys: Any):
    names = run(BLOCKS[0])
    assert names["report"] == b"total,42"
    run(BLOCKS[1], **names)
    run(BLOCKS[2], **names)
    assert capsys.readouterr().out.startswith(GRANT_ID)
    run(block("scope.provider()"), **names)
    assert len(granting.calls("DELETE", GRANT)) == len(granting.calls("POST", "/v1/grants")) == 4


def test_gw_01_the_block_without_keys_reads_the_report(reports: None, home: Path, monkeypatch: pytest.MonkeyPatch):
    broker = GatewayBroker()
    monkeypatch.setattr(grants, "connect", lambda _: broker)
    attach = boto3_sessions.GatewayCalls.attach

    def without_moto(self: Any, events: Any) -> None:
        events.unregister("before-send", botocore_stubber)
        attach(self, events)

    monkeypatch.setattr(boto3_sessions.GatewayCalls, "attach", without_moto)
    names = run(block('way="gateway"'), jitney=jitney, calls=["aws s3 ls"])
    assert names["report"] == b"total,42"
    assert broker.sent == ["s3:GetObject"]


def test_cli_03_the_blocks_about_reviews_and_errors_print_what_to_do(connected: FakeBroker, capsys: Any):
    connected.say("POST", "/v1/grants", 202, under_review())
    connected.say("POST", "/v1/grants", 403, problem("denied", allowed_subset=PERMISSIONS))
    run(block("ReviewPending"), jitney=jitney, calls=["aws s3 ls"])
    shown = capsys.readouterr().out
    assert shown.startswith(f"{GRANT_ID} https://")
    assert "Do the same again" in shown
    run(block("allowed_subset"), jitney=jitney)
    assert capsys.readouterr().out == f"denied The fix of denied. {PERMISSIONS}\n"


def test_the_tables_of_the_page_are_the_codes():
    arguments = {
        word for row in re.findall(r"^\| (`[a-z_`, ]+`) \|", PAGE, re.MULTILINE) for word in re.findall(r"\w+", row)
    }
    assert arguments == set(inspect.signature(jitney.grant).parameters) - {"target", "reason"}
    kinds = set(re.findall(r"^\| `jitney\.(\w+)` \|", PAGE, re.MULTILINE))
    assert kinds == {
        name for name, kind in vars(problems).items() if isinstance(kind, type) and issubclass(kind, Exception)
    } - {"ClientProblem"}
    assert kinds < set(jitney.__all__)


def test_every_block_is_run_by_a_test():
    """tests/sdk/test_async.py runs the one with `async with`."""
    words = ("async with", 'way="gateway"', "ReviewPending", "allowed_subset", "scope.provider()")
    assert {*BLOCKS[:3], *map(block, words)} == set(BLOCKS)
