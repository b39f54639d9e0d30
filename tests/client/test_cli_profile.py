"""`jitney profile`."""

import shlex
import sys
from pathlib import Path

import pytest

from tests.cli import invoke
from tests.client.fake_broker import GRANT_ID, FakeBroker, grant

ASK = ["analytics-prod", "--action", "s3:GetObject", "--resource", "arn:aws:s3:::reports/*", "--reason", "it's due"]


def profile(*arguments: str) -> str:
    result = invoke(["profile", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_profile_is_printed_without_a_request(connected: FakeBroker, home: Path):
    heading, process, region = profile("reports", *ASK, "--region", "eu-west-1", "--wait").splitlines()
    assert (heading, region) == ("[profile reports]", "region = eu-west-1")
    words = shlex.split(process.removeprefix("credential_process = "))
    assert words[1:] == ["credentials", *ASK[:5], "--for", "30m", "--reason", "it's due", "--wait"]
    assert not connected.asked
    assert not (home / ".aws").exists()


def test_the_connections_options_are_kept_in_it(home: Path):
    line = profile(
        "x",
        "--grant",
        GRANT_ID,
        "--region",
        "eu-west-1",
        "--api",
        "https://api.example.com",
        "--token-command",
        "login 'a b'",
    )
    words = shlex.split(line.splitlines()[1])
    assert words[-6:] == ["--grant", GRANT_ID, "--api", "https://api.example.com", "--token-command", "login 'a b'"]


def test_a_grants_profile_has_the_region_of_its_target(connected: FakeBroker):
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant()})
    assert profile("x", "--grant", GRANT_ID).splitlines()[2:] == ["region = eu-west-1"]
    assert profile("x", "--grant", GRANT_ID, "--region", "us-east-1").splitlines()[2:] == ["region = us-east-1"]
    assert len(connected.asked) == 1


def test_a_grant_without_a_region_gives_a_profile_without_one(connected: FakeBroker):
    shown = grant()
    del shown["region"]
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": shown})
    assert len(profile("x", "--grant", GRANT_ID).splitlines()) == 2


def test_a_profile_without_a_region_gets_a_note_unless_the_environment_has_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    def said(*words: str) -> str:
        return invoke(["profile", "x", *ASK, *words]).stderr

    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    fix = (
        "jitney: Profile x has no Region. Set the Region of its target: `aws configure set region REGION --profile x`."
    )
    assert fix in said()
    assert fix in said("--write")
    assert "no Region" not in said("--region", "eu-west-1")
    assert "no Region" not in said("--region", "eu-west-1", "--write")
    assert "no Region" not in said("--write")  # the file keeps it
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert "no Region" not in said()


def test_a_region_cannot_bring_a_setting_of_its_own(connected: FakeBroker):
    connected.say("GET", f"/v1/grants/{GRANT_ID}", 200, {"grant": grant(region="eu-west-1\naws_access_key_id = x")})
    result = invoke(["profile", "x", "--grant", GRANT_ID])
    assert (result.exit_code, result.stdout) == (6, "")
    assert "The answer was not understood" in result.stderr
    result = invoke(["profile", "x", *ASK, "--region", "eu-west-1\naws_access_key_id = x"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is not a Region" in result.stderr


def test_a_file_of_permissions_in_a_folder_that_was_removed_is_a_problem(home: Path, monkeypatch: pytest.MonkeyPatch):
    (home / "gone").mkdir()
    monkeypatch.chdir(home / "gone")
    (home / "gone").rmdir()
    arguments = ["profile", "x", "analytics-prod", "--permissions", "asked.json", "--reason", "report"]
    result = invoke(arguments)
    assert result.exit_code == 2
    assert "asked.json: No such file" in result.stderr


def test_a_file_of_permissions_is_named_by_a_path_that_holds_everywhere(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(home)
    Path("asked.json").write_text('[{"actions": ["s3:GetObject"], "resources": ["*"]}]')
    line = profile("x", "analytics-prod", "--permissions", "asked.json", "--reason", "report")
    assert f"--permissions {home}/asked.json " in line
    assert "--action" not in line


def test_it_is_written_where_the_aws_cli_reads(home: Path, monkeypatch: pytest.MonkeyPatch):
    printed = profile("x", *ASK)
    assert profile("x", *ASK, "--write") == ""
    assert (home / ".aws" / "config").read_text() == printed
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "other"))
    profile("x", *ASK, "--write")
    assert (home / "other").read_text() == printed
    monkeypatch.setenv("AWS_CONFIG_FILE", "$HOME/third")
    profile("x", *ASK, "--write")
    assert (home / "third").read_text() == printed


def test_cli_04_a_profile_with_keys_in_the_credentials_file_is_not_written(home: Path):
    """Each SDK would use these keys instead of the grant's."""
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text("[x]\naws_access_key_id = A\naws_secret_access_key = s\n")
    refused = invoke(["profile", "x", *ASK, "--write"])
    assert (refused.exit_code, "SDKs prefer these" in " ".join(refused.stderr.split())) == (2, True)
    assert not (home / ".aws" / "config").exists()
    assert "SDKs prefer these" in " ".join(invoke(["profile", "x", *ASK]).stderr.split())


def test_a_profile_that_is_replaced_is_said_to_be(home: Path):
    said = [invoke(["profile", "x", *ASK, "--for", time, "--write"]).stderr.split()[:4] for time in ("5m", "5m", "6m")]
    wrote = ["Wrote", "[profile", "x]", "to"]
    assert said == [wrote, wrote, ["Replaced", "[profile", "x]", "in"]]


def test_the_program_is_named_by_its_own_path(home: Path, monkeypatch: pytest.MonkeyPatch):
    program = str(Path(sys.executable).with_name("jitney"))
    monkeypatch.setattr("sys.argv", [program])
    assert profile("x", *ASK).splitlines()[1].startswith(f"credential_process = {program} credentials analytics-prod ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "analytics-prod", "--permissions", "-", "--reason", "r"], "cannot read standard input"),
        (["x", "--grant", "nonsense"], "'nonsense' is not a grant id"),
        (["x", *ASK, "--grant", GRANT_ID], "--grant cannot be combined with TARGET"),
        (["x", *ASK[:4], "foo", *ASK[5:]], "'foo' is not an ARN.\nFix: Write it like arn:aws:s3:::BUCKET/KEY, or *."),
        (["x", *ASK[:2], "GetObject", *ASK[3:]], "'GetObject' is not an action.\nFix: Write it like s3:GetObject."),
        (["a b", *ASK], "'a b' is not a profile name"),
        (["x", *ASK[:-1], "two\nlines"], "control character"),
        (["x", *ASK[:-2]], "--reason is missing"),
    ],
)
def test_what_cannot_be_a_profile_is_refused(home: Path, arguments: list[str], said: str):
    result = invoke(["profile", *arguments], text="[]")
    assert result.exit_code == 2
    assert said in result.stderr


def test_gw_01_a_profile_of_the_gateway_is_refused(connected: FakeBroker):
    result = invoke(["profile", "reports", *ASK, "--way", "gateway"])
    assert result.exit_code == 2
    assert "--way gateway gives no credentials." in result.stderr
