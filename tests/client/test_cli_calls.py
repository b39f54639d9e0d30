"""Requests from a call: `jitney run -- aws ...`, `jitney request --call`, `jitney explain`."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from tests.cli import invoke
from tests.client.fake_broker import GRANT_ID, PERMISSIONS, FakeBroker, issued, problem

COPY = ["aws", "s3", "cp", "s3://reports/2026/q3.csv", "."]
NEED = {
    "call": " ".join(COPY),
    "action": "s3:GetObject",
    "resources": ["arn:aws:s3:::reports/2026/q3.csv"],
    "why": "read",
    "may_need": [{"action": "kms:Decrypt", "why": "if a customer managed key encrypts it"}],
}
DECISION = {"effect": "allow", "reasons": [], "permissions": PERMISSIONS, "explanation": [NEED]}


def jitney(*words: str):
    return invoke(words)


@pytest.fixture
def aws(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = home / "aws"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(home), prepend=":")
    return program


def test_an_aws_command_is_asked_with_its_own_words(connected: FakeBroker, aws: Path):
    connected.say("POST", "/v1/grants", 201, issued())
    result = jitney("run", "analytics-prod", "--reason", "report", "--", *COPY[:-1], "a dir; $(id)")
    assert result.exit_code == 0, result.output
    asked = connected.asked[0]
    assert asked.json["calls"] == ["aws s3 cp s3://reports/2026/q3.csv 'a dir; $(id)'"]
    assert "permissions" not in asked.json


def test_the_path_of_the_aws_program_does_not_matter(connected: FakeBroker, aws: Path):
    connected.say("POST", "/v1/grants", 201, issued())
    assert jitney("run", "analytics-prod", "--reason", "report", "--", str(aws), "s3", "ls").exit_code == 0
    assert connected.asked[0].json["calls"] == ["aws s3 ls"]


def test_what_is_declared_is_asked_instead(connected: FakeBroker, aws: Path):
    connected.say("POST", "/v1/grants", 201, issued())
    declared = ["--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/*"]
    jitney("run", "analytics-prod", *declared, "--reason", "report", "--", *COPY)
    assert "calls" not in connected.asked[0].json


def test_another_command_must_be_declared(connected: FakeBroker):
    result = jitney("run", "analytics-prod", "--reason", "report", "--", "env")
    assert result.exit_code == 2
    assert (
        "env is not an AWS CLI command, so its permissions have to be named.\nFix: Give --action and --resource, or"
        in result.stderr
    )
    assert not connected.asked


def test_a_shorter_time_is_offered_with_the_command_itself(connected: FakeBroker, aws: Path):
    connected.say("POST", "/v1/grants", 403, problem("denied", longest_seconds=60))
    result = jitney("run", "analytics-prod", "--reason", "report", "--", *COPY)
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1] == (
        "jitney run analytics-prod --for 1m --reason report -- aws s3 cp s3://reports/2026/q3.csv ."
    )


def test_a_request_names_calls(connected: FakeBroker):
    need = NEED | {"resources": [*NEED["resources"], "arn:aws:s3:::reports/2026/q4.csv"]}
    connected.say("POST", "/v1/decisions", 200, DECISION | {"explanation": [need]})
    result = jitney("request", "analytics-prod", "--call", "aws s3 ls", "--reason", "r", "--dry-run")
    assert result.exit_code == 0
    assert connected.asked[0].json["calls"] == ["aws s3 ls"]
    assert result.stdout.splitlines()[1:] == [
        "aws s3 cp s3://reports/2026/q3.csv .",
        "  needs     s3:GetObject",
        "  on        arn:aws:s3:::reports/2026/q3.csv",
        "            arn:aws:s3:::reports/2026/q4.csv",
        "  why       read",
        "  may need  kms:Decrypt (if a customer managed key encrypts it)",
        "  allows    s3:GetObject on arn:aws:s3:::reports/2026/*",
    ]


def test_a_reason_is_said_once_and_what_a_call_may_need_comes_last(connected: FakeBroker):
    twice = [
        NEED | {"action": "s3:ListBucket", "why": "listed; the prefix is open"},
        NEED | {"why": "read; the prefix is open", "may_need": []},
        NEED | {"call": "aws s3 ls", "why": "the prefix is open", "may_need": []},
    ]
    connected.say("POST", "/v1/decisions", 200, DECISION | {"explanation": twice})
    lines = jitney("request", "analytics-prod", "--call", "aws s3 ls", "--reason", "r", "--dry-run").stdout.splitlines()
    assert [line for line in lines if "why" in line or "may need" in line] == [
        "  why       listed; the prefix is open",
        "  why       read",
        "  may need  kms:Decrypt (if a customer managed key encrypts it)",
        "  why       the prefix is open",
    ]


def test_a_program_is_requested_with_its_calls(connected: FakeBroker, aws: Path):
    connected.say("POST", "/v1/grants", 403, problem("denied", longest_seconds=60))
    ask = ["analytics-prod", "--call", "aws s3 ls", "--call", "aws s3 cp s3://reports/a .", "--reason", "r"]
    for child in (["env"], COPY):  # what is said counts, not what is run
        result = jitney("run", *ask, "--", *child)
        assert connected.asked[-1].json["calls"] == ["aws s3 ls", "aws s3 cp s3://reports/a ."]
        assert result.stderr.splitlines()[-1] == shlex.join(
            ["jitney", "run", *ask[:-2], "--for", "1m", "--reason", "r", "--", *child]
        )


@pytest.mark.parametrize("verb", [["request"], ["run"], ["credentials"], ["profile", "x"]], ids=" ".join)
def test_calls_go_without_permissions(connected: FakeBroker, verb: list[str]):
    tail = ["--", "env"] if verb == ["run"] else []
    for declared in (["--action", "s3:GetObject"], ["--permissions", "asked.json"]):
        result = jitney(*verb, "analytics-prod", "--call", "aws s3 ls", *declared, "--reason", "r", *tail)
        assert result.exit_code == 2
        assert "--call cannot be combined" in result.stderr
    assert not connected.asked


def test_credentials_for_a_call_are_requested_once(connected: FakeBroker):
    connected.say("POST", "/v1/grants", 201, issued())
    connected.say("POST", f"/v1/grants/{GRANT_ID}/credentials", 200, issued())
    for _ in range(2):
        result = jitney("credentials", "analytics-prod", "--call", " ".join(COPY), "--reason", "r")
        assert json.loads(result.stdout)["AccessKeyId"]
    (asked,) = connected.calls("POST", "/v1/grants")
    assert asked.json["calls"] == [" ".join(COPY)]


HOSTILE = [
    "aws s3 cp 's3://reports/it'\\''s; $(touch owned) `touch owned`' .",
    "aws s3 cp \"s3://reports/a b\" . --content-type 'x #y'",
    'aws dynamodb get-item --key \'{"id": {"S": "%(x)s && touch owned"}}\'',
    "aws s3 ls ; touch owned",
    "aws s3 ls | touch owned > owned\\",
]
PROGRAM = """#!{python}
import json, pathlib, sys
pathlib.Path({noted!r}).write_text(json.dumps(sys.argv[1:]))
print('{{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t"}}')
"""


@pytest.mark.parametrize("shell", [False, True], ids=["botocore", "sh -c, as other SDKs"])
@pytest.mark.parametrize("call", HOSTILE)
def test_a_profile_hands_the_call_on_as_it_was_written_and_runs_nothing_else(
    home: Path, monkeypatch: pytest.MonkeyPatch, call: str, shell: bool
):
    """Calls have quotes. They are inside the setting's quotes, which an SDK splits or gives to a shell."""
    program, noted = home / "bin" / "jitney", home / "noted.json"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable, noted=str(noted)))
    program.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(program)])
    monkeypatch.chdir(home)
    ask = ["analytics-prod", "--call", call, "--call", "aws s3 ls", "--reason", "monthly report"]
    assert jitney("profile", "reports", *ask, "--write").exit_code == 0
    session = botocore.session.Session(profile="reports")
    if shell:
        line = session.full_config["profiles"]["reports"]["credential_process"]
        subprocess.run(["sh", "-c", line], check=True, stdout=subprocess.DEVNULL)
    else:
        assert session.get_credentials().access_key == "a"
    assert json.loads(noted.read_text()) == ["credentials", *ask[:-2], "--for", "30m", *ask[-2:]]
    assert {path.name for path in home.iterdir()} == {"bin", "noted.json", ".aws"}


def test_a_line_break_in_a_call_gets_into_no_profile(home: Path):
    result = jitney("profile", "x", "analytics-prod", "--call", "aws s3 ls\nregion = x", "--reason", "r", "--write")
    assert result.exit_code == 2
    assert "control character" in result.stderr
    assert not (home / ".aws").exists()


def test_an_invalid_call_names_the_command(connected: FakeBroker, aws: Path):
    refused = problem("operation_unknown", detail="/calls/0: aws s3 has no command 'copy'.", pointer="/calls/0")
    connected.say("POST", "/v1/grants", 400, refused)
    connected.say("POST", "/v1/decisions", 400, refused)
    command = ["aws", "s3", "copy", "s3://reports/a", "."]
    for verb in (["run", "analytics-prod", "--reason", "r"], ["explain", "analytics-prod"]):
        result = jitney(*verb, "--", *command)
        assert result.exit_code == 2
        assert "aws s3 copy s3://reports/a .: aws s3 has no command 'copy'." in result.stderr
        assert "/calls" not in result.stderr
    several = ["--call", "aws s3 copy a b", "--call", "aws s3 ls"]
    result = jitney("request", "analytics-prod", *several, "--reason", "r")
    assert "--call 1 of 2, aws s3 copy a b: aws s3 has no command 'copy'." in result.stderr
    result = jitney("request", "analytics-prod", *several, "--reason", "r", "--json")
    assert json.loads(result.stdout)["pointer"] == "/calls/0"  # programs get the API's own words


def test_with_a_target_the_broker_explains(connected: FakeBroker):
    connected.say("POST", "/v1/decisions", 200, DECISION)
    result = jitney("explain", "analytics-prod", "--json", "--", *COPY)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["explanation"] == [NEED]
    assert connected.asked[0].json["calls"] == [NEED["call"]]


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_without_a_target_the_arns_are_of_the_regions_partition(connected: FakeBroker, region: str, partition: str):
    result = jitney("explain", "--region", region, "--json", "--", *COPY)
    assert result.exit_code == 0, result.output
    named = {arn for need in json.loads(result.stdout)["explanation"] for arn in need["resources"]}
    assert {arn.partition(":s3:")[0] for arn in named} == {f"arn:{partition}"}


def test_without_a_target_no_broker_is_called(connected: FakeBroker):
    line = ["aws", "dynamodb", "scan", "--table-name", "orders"]
    result = jitney("explain", "--account", "444455556666", "--region", "eu-west-1", "--json", "--", *line)
    assert result.exit_code == 0, result.output
    (need,) = json.loads(result.stdout)["explanation"]
    assert (need["action"], need["resources"]) == (
        "dynamodb:Scan",
        ["arn:aws:dynamodb:eu-west-1:444455556666:table/orders"],
    )
    assert "dynamodb:Scan" in jitney("explain", "--", *line).stdout
    assert not connected.asked


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([], "The command is missing."),
        (["ls", "-l"], "not an AWS CLI command"),
        (["aws s3 ls s3://reports | grep x"], "one quoted argument.\nFix: Remove the quotes around it. No shell"),
        (["aws", "dynamodb", "qury"], "query"),
        (["aws", "lambda", "invoke", "--function-name", "999999999999:function:f", "out"], "not in account"),
    ],
)
def test_an_invalid_call_is_a_problem_with_a_fix(command: list[str], said: str):
    result = jitney("explain", "--", *command)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    "line",
    [
        "aws ecr describe-images --registry-id 444455556666 --repository-name app",
        "aws sns publish --topic-arn arn:aws:sns:us-east-1:444455556666:t --message x",
    ],
)
def test_cli_02_a_call_of_another_account_is_explained_with_that_account(line: str):
    refused = jitney("explain", "--", *line.split())
    assert (refused.exit_code, "Fix: Give --account with the account" in refused.stderr) == (2, True)
    assert "444455556666" in jitney("explain", "--account", "444455556666", "--", *line.split()).stdout


def test_explain_and_run_read_the_same_command_alike():
    assert jitney("explain", "--", "/usr/bin/aws", *COPY[1:]).stdout == jitney("explain", "--", *COPY).stdout


@pytest.mark.parametrize(
    ("place", "said"),
    [(["--account", "foo"], "'foo' is not an AWS account"), (["--region", "EU"], "'EU' is not a Region")],
)
def test_an_invalid_account_or_region_is_named(place: list[str], said: str):
    result = jitney("explain", *place, "--", *COPY)
    assert (result.exit_code, said in result.stderr) == (2, True)


TRANSACTION = [{"Put": {"TableName": "orders", "Item": {"id": {"S": "wJalrXUtnFEMI"}}}}]
TAKEN = 'aws dynamodb transact-write-items \'--transact-items=[{"Put":{"TableName":"orders"}}]\''


@pytest.fixture
def files(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of files, which is the current one."""
    folder = home / "files"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FOLDER", str(folder))
    (folder / "f.json").write_text(json.dumps(TRANSACTION), "utf-8")
    return folder


@pytest.mark.parametrize("path", ["f.json", "~/files/f.json", "$FOLDER/f.json", "{folder}/f.json"])
def test_pol_13_a_command_is_asked_with_what_it_needs_of_its_file(
    connected: FakeBroker, aws: Path, files: Path, path: str
):
    connected.say("POST", "/v1/grants", 201, issued())
    given = f"file://{path.format(folder=files)}"
    words = ["aws", "dynamodb", "transact-write-items", "--transact-items", given]
    aws.write_text('#!/bin/sh\necho "$@" > called\n')
    result = jitney("run", "analytics-prod", "--reason", "r", "--", *words)
    assert result.exit_code == 0, result.output
    assert connected.asked[0].json["calls"] == [TAKEN]
    assert (files / "called").read_text("utf-8").split() == words[1:]


def test_pol_13_a_request_and_an_explanation_read_the_file_too(connected: FakeBroker, files: Path):
    call = "aws dynamodb transact-write-items --transact-items file://f.json"
    connected.say("POST", "/v1/decisions", 200, DECISION)
    connected.say("POST", "/v1/decisions", 200, DECISION)
    assert jitney("request", "analytics-prod", "--call", call, "--reason", "r", "--dry-run").exit_code == 0
    assert jitney("explain", "analytics-prod", "--", *call.split()).exit_code == 0
    assert [asked.json["calls"] for asked in connected.asked] == [[TAKEN], [TAKEN]]
    offline = jitney("explain", "--", *call.split())
    assert "table/orders" in offline.stdout
    assert "wJalrXUtnFEMI" not in offline.stdout


def test_pol_13_a_profile_holds_what_the_call_needs_of_its_file(connected: FakeBroker, files: Path):
    call = "aws dynamodb transact-write-items --transact-items file://f.json"
    result = jitney("profile", "p", "analytics-prod", "--call", call, "--reason", "r")
    assert '[{"Put":{"TableName":"orders"}}]' in result.stdout


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "f.json cannot be read: No such file or directory."),
        (b"\xff", "f.json is not UTF-8."),
        (b"[" + b" " * 256 * 1024, "f.json is larger than 256 KiB."),
        (os.mkfifo, "f.json is not a regular file."),
        (Path.mkdir, "f.json is not a regular file."),
    ],
)
def test_pol_13_a_needed_file_that_cannot_be_read_is_named(connected: FakeBroker, files: Path, content: Any, why: str):
    (files / "f.json").unlink()
    if callable(content):
        content(files / "f.json")
    elif content:
        (files / "f.json").write_bytes(content)
    call = "aws dynamodb transact-write-items --transact-items file://f.json"
    result = jitney("request", "analytics-prod", "--call", call, "--reason", "r")
    assert result.exit_code == 2
    assert f"Parameter TransactItems names a resource, but the call does not contain its value. {why}" in result.stderr
    assert not connected.asked


def test_pol_13_the_broker_explains_what_this_table_does_not_know(connected: FakeBroker, files: Path):
    connected.say("POST", "/v1/decisions", 200, DECISION)
    call = "aws newservice make-thing --thing file://f.json"
    jitney("request", "analytics-prod", "--call", call, "--reason", "r", "--dry-run")
    assert connected.asked[0].json["calls"] == [call]
