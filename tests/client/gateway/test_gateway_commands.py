"""`jitney run --gateway` and `jitney serve --gateway` in their own processes, at a broker on a socket."""

import base64
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.agent_shell import AWS_CLI
from tests.client.fake_broker import GRANT_ID, FakeBroker, ended, grant, issued, problem, under_review
from tests.running_systems import PATIENCE

JITNEY = str(Path(sys.executable).with_name("jitney"))
ASK = ["analytics-prod", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/2026/*", "--reason", "report"]
RELEASE = f"/v1/grants/{GRANT_ID}"
CALL_ID = "c-abcdefghijklm2"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def granted(**members: Any) -> dict[str, Any]:
    return {"grant": grant(way="gateway", **members)}


def answered(body: bytes, status: int = 200, **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    encoded = base64.b64encode(body).decode()
    return {"call_id": CALL_ID, "grant_id": GRANT_ID, "status": status, "headers": named, "body": encoded} | {
        "body_encoding": "base64", "masked": [], "request_id": "r", "budget": {}
    }  # fmt: skip


@pytest.fixture
def run(connected: FakeBroker) -> Run:
    connected.say("POST", "/v1/grants", 201, granted())
    connected.say("DELETE", RELEASE, 200, ended())
    return lambda *args: subprocess.run(
        [JITNEY, "run", *args], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def python(code: str) -> list[str]:
    return ["--", sys.executable, "-c", code]


GET = "import boto3; print(boto3.client('s3').get_object(Bucket='reports', Key='2026/q3.csv')['Body'].read().decode())"


def test_gw_01_a_command_calls_aws_without_a_key_of_aws(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/calls", 200, answered(b"a,b\n1,2", content_type="text/csv"))
    done = run(*ASK, "--gateway", *python(GET))
    assert (done.returncode, done.stdout, done.stderr) == (0, "a,b\n1,2\n", "")
    (request,), (call,) = connected.calls("POST", "/v1/grants"), connected.calls("POST", "/v1/calls")
    assert request.json["way"] == "gateway"
    assert call.json == {
        "grant": GRANT_ID,
        "service": "s3",
        "operation": "GetObject",
        "region": "eu-west-1",
        "parameters": {"Bucket": "reports", "Key": "2026/q3.csv", "ChecksumMode": "ENABLED"},
    }
    assert call.headers["Idempotency-Key"]
    assert len(connected.calls("DELETE", RELEASE)) == 1


def test_rev_17_what_changed_since_a_rejection_is_sent_with_each_call(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/calls", 200, answered(b"a,b\n1,2", content_type="text/csv"))
    run(*ASK, "--gateway", "--changed", "The owner agreed.", *python(GET))
    assert connected.calls("POST", "/v1/calls")[0].json["changed"] == "The owner agreed."


def test_gw_01_the_commands_environment_has_placeholders_only(
    connected: FakeBroker, run: Run, monkeypatch: pytest.MonkeyPatch
):
    left = {
        "AWS_PROFILE": "p", "AWS_SESSION_TOKEN": "t", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_BEARER_TOKEN_X": "b",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_USE_FIPS_ENDPOINT": "true", "JITNEY_CLIENT_SECRET": "s",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "f", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1",
    }  # fmt: skip
    for name, value in {**left, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_CONFIG_FILE": "/home/a"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    done = run(*ASK, "--gateway", *python("import json, os; print(json.dumps(dict(os.environ)))"))
    found = json.loads(done.stdout)
    assert not left.keys() & found.keys()
    assert found["AWS_ACCESS_KEY_ID"].startswith("JITNEY")
    assert found["AWS_SECRET_ACCESS_KEY"].startswith("jitney-placeholder-")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", found["AWS_ENDPOINT_URL"])
    assert (found["AWS_CONFIG_FILE"], found["AWS_SHARED_CREDENTIALS_FILE"]) == (os.devnull, os.devnull)
    assert found["AWS_ALLOW_HTTP"] == "true"  # object_store says only "builder error" without it
    assert (found["AWS_REGION"], found["AWS_EC2_METADATA_DISABLED"]) == ("eu-west-1", "true")
    assert "127.0.0.1" in found["NO_PROXY"].split(",")
    assert found["JITNEY_GRANT_ID"] == GRANT_ID


def test_gw_03_a_call_outside_the_grant_fails_once_and_says_which_grant_would_do(connected: FakeBroker, run: Run):
    permissions = [{"actions": ["s3:DeleteObject"], "resources": ["arn:aws:s3:::reports/k"]}]
    smallest = {"target": "analytics-prod", "way": "gateway", "permissions": permissions}
    connected.say("POST", "/v1/calls", 403, problem("call_outside_grant", smallest_request=smallest))
    done = run(*ASK, "--gateway", *python("import boto3; boto3.client('s3').delete_object(Bucket='reports', Key='k')"))
    assert done.returncode == 1
    assert "(JitneyCallOutsideGrant)" in done.stderr
    assert '"actions": ["s3:DeleteObject"]' in done.stderr
    assert len(connected.calls("POST", "/v1/calls")) == 1


def test_gw_04_a_review_of_one_call_is_shown_while_the_command_waits(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/calls", 202, {"call_id": CALL_ID} | under_review(), Retry_After="1")
    connected.say("POST", "/v1/calls", 200, answered(b"x"))
    done = run(*ASK, "--gateway", *python(GET))
    assert (done.returncode, done.stdout) == (0, "x\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"jitney: s3 GetObject ({CALL_ID}) is under review by data-owners until 2099-11-24 13:00:00")
    assert line.endswith(f"; waiting for corp.alice at https://jitney.example.com/reviews/{GRANT_ID}")
    assert len({each.headers["Idempotency-Key"] for each in connected.calls("POST", "/v1/calls")}) == 1


def test_cli_06_a_command_that_outlives_its_gateway_grant_goes_on_with_the_next_one(connected: FakeBroker):
    other = "g-abcdefghijklm3"
    connected.say("POST", "/v1/grants", 201, granted(expires_at=soon(5)))
    connected.say("POST", "/v1/grants", 201, {"grant": grant(way="gateway", id=other)})
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, granted(state="expired"))
    connected.say("DELETE", f"/v1/grants/{other}", 200, ended())
    connected.say("POST", "/v1/calls", 200, answered(b"x"))
    words = [JITNEY, "run", *ASK, "--gateway", *python(f"import time; time.sleep(1); {GET}")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (0, "x\n"), done.stderr
    assert f"jitney: {other} continues {GRANT_ID}, until" in done.stderr
    assert [each.json["grant"] for each in connected.calls("POST", "/v1/calls")] == [other]
    assert len(connected.calls("DELETE", f"/v1/grants/{other}")) == 1


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("members", "code", "said"),
    [({"way": "credentials"}, 2, "is a grant of credentials"), ({"state": "expired"}, 7, "is expired"),
     ({"state": "revoked"}, 3, "is revoked")],
)  # fmt: skip
def test_gw_01_a_grant_that_is_not_for_the_gateway_or_has_ended_starts_nothing(
    connected: FakeBroker, run: Run, members: dict[str, Any], code: int, said: str
):
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant(**{"way": "gateway"} | members)})
    done = run("--grant", GRANT_ID, "--gateway", *python("print('ran')"))
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_gw_01_a_gateway_grant_is_used_by_its_id_and_kept(connected: FakeBroker, run: Run):
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, granted())
    connected.say("POST", "/v1/calls", 200, answered(b"x"))
    assert run("--grant", GRANT_ID, "--gateway", *python(GET)).stdout == "x\n"
    assert not connected.calls("POST", "/v1/grants")
    assert not connected.calls("DELETE", RELEASE)


def test_gw_01_a_command_without_gateway_names_it_for_a_gateway_grant(connected: FakeBroker, run: Run):
    refusal = problem("gateway_grant")
    connected.say("POST", f"/v1/grants/{GRANT_ID}/credentials", 409, refusal)
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, granted())
    done = run("--grant", GRANT_ID, *python("print('ran')"))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"`jitney run --gateway --grant {GRANT_ID} -- COMMAND`" in done.stderr


def test_gw_01_a_pending_gateway_grant_is_used_with_gateway_after_the_wait(connected: FakeBroker, run: Run):
    connected._said.pop(("POST", "/v1/grants"))
    pending = under_review()
    connected.say("POST", "/v1/grants", 202, {**pending, "grant": pending["grant"] | {"way": "gateway"}})
    done = run(*ASK, "--gateway", "--no-wait", *python("print('ran')"))
    assert (done.returncode, done.stdout) == (4, "")
    assert f"then use it with `jitney run --gateway --grant {GRANT_ID} -- COMMAND`" in done.stderr


def test_gw_01_the_request_waits_for_its_review_first(connected: FakeBroker, run: Run):
    connected._said.pop(("POST", "/v1/grants"))
    pending = under_review()
    connected.say(
        "POST", "/v1/grants", 202, {**pending, "grant": pending["grant"] | {"way": "gateway"}}, Retry_After="1"
    )
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, granted())
    done = run(*ASK, "--gateway", *python("print('ran')"))
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert "under review by data-owners" in done.stderr


def test_gw_01_without_gateway_credentials_are_requested(connected: FakeBroker, run: Run):
    connected._said.pop(("POST", "/v1/grants"))
    connected.say("POST", "/v1/grants", 201, issued())
    assert run(*ASK, *python("print('ran')")).stdout == "ran\n"
    assert "way" not in connected.calls("POST", "/v1/grants")[0].json


def test_gw_01_an_aws_cli_command_declares_itself_and_runs(connected: FakeBroker, run: Run):
    connected.say("POST", "/v1/calls", 200, answered(b"a,b\n", content_type="text/csv", content_length="4"))
    ask = [ASK[0], "--reason", "report"]
    done = run(*ask, "--gateway", "--", str(AWS_CLI), "s3api", "head-object", "--bucket", "reports", "--key", "q3.csv")
    assert (done.returncode, json.loads(done.stdout)["ContentLength"]) == (0, 4), done.stderr
    assert connected.calls("POST", "/v1/grants")[0].json["calls"] == [
        "aws s3api head-object --bucket reports --key q3.csv"
    ]
    assert connected.calls("POST", "/v1/calls")[0].json["operation"] == "HeadObject"


def test_gw_06_the_aws_cli_copies_from_and_to_s3(connected: FakeBroker, run: Run, tmp_path: Path):
    content = {"content_type": "text/csv", "content_length": "4", "etag": '"e"', "last_modified": DATE}
    connected.say("POST", "/v1/calls", 200, answered(b"a,b\n", **content))
    down = run(*ASK, "--gateway", "--", str(AWS_CLI), "s3", "cp", "s3://reports/2026/q3.csv", "-")
    assert (down.returncode, down.stdout) == (0, "a,b\n"), down.stderr
    connected._said.pop(("POST", "/v1/calls"))
    connected.say("POST", "/v1/calls", 200, answered(b"", etag='"e"'))
    (tmp_path / "up").write_bytes(b"up\xff")
    up = run(*ASK, "--gateway", "--", str(AWS_CLI), "s3", "cp", str(tmp_path / "up"), "s3://reports/2026/up")
    assert up.returncode == 0, up.stderr
    put = connected.calls("POST", "/v1/calls")[-1].json
    assert (put["operation"], base64.b64decode(put["parameters"]["Body"])) == ("PutObject", b"up\xff")


DATE = "Tue, 24 Nov 2026 12:05:00 GMT"


@contextmanager
def served() -> Iterator[str]:
    """Yield what `jitney serve --gateway` prints on standard output. At the end, SIGTERM ends it."""
    with subprocess.Popen(
        [JITNEY, "serve", *ASK, "--gateway"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert GRANT_ID in process.stderr.readline()
        os.set_blocking(process.stdout.fileno(), False)
        try:
            yield process.stdout.read()
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_gw_13_serve_prints_the_environment_and_releases_the_grant_at_its_end(connected: FakeBroker):
    connected.say("POST", "/v1/grants", 201, granted())
    connected.say("DELETE", RELEASE, 200, ended())
    connected.say("POST", "/v1/calls", 200, answered(b"x"))
    with served() as printed:
        lines = dict(re.findall(r"^export (\w+)=(.*)$", printed, re.MULTILINE))
        keys = lines["AWS_ACCESS_KEY_ID"], lines["AWS_SECRET_ACCESS_KEY"]
        assert get(lines["AWS_ENDPOINT_URL"], *keys) == b"x"
        with pytest.raises(ClientError, match="JitneySignatureInvalid"):
            get(lines["AWS_ENDPOINT_URL"], keys[0], "another secret")
    assert len(connected.calls("POST", "/v1/calls")) == 1
    assert len(connected.calls("DELETE", RELEASE)) == 1


def test_gw_13_the_lines_of_serve_override_the_shells_own_endpoints_and_proxy(
    connected: FakeBroker, monkeypatch: pytest.MonkeyPatch
):
    connected.say("POST", "/v1/grants", 201, granted())
    connected.say("DELETE", RELEASE, 200, ended())
    connected.say("POST", "/v1/calls", 200, answered(b"x"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with served() as printed:
        code = "import boto3; print(boto3.client('s3').get_object(Bucket='b-1', Key='k')['Body'].read())"
        shell = f"{printed}\n{sys.executable} -c {shlex.quote(code)}"
        done = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout == "b'x'\n", done.stderr


def get(url: str, key_id: str, secret: str) -> bytes:
    named = {"aws_access_key_id": key_id, "aws_secret_access_key": secret, "endpoint_url": url}
    body: bytes = boto3.client("s3", region_name="eu-west-1", **named).get_object(Bucket="b-1", Key="k")["Body"].read()
    return body


def test_cli_07_without_its_packages_the_endpoint_says_what_to_install(connected: FakeBroker, tmp_path: Path):
    (tmp_path / "botocore.py").write_text("raise ModuleNotFoundError(\"No botocore\", name='botocore')\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [JITNEY, "run", *ASK, "--gateway", "--", "env"],
        capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment,
    )  # fmt: skip
    assert (done.returncode, "PATH[gateway]" in done.stderr, connected.asked) == (2, True, [])
