"""`jitney policy replay` over a local copy and over the bucket (row POL 14)."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from tests.cli import invoke
from tests.configuration.test_load import valid, write_policies
from tests.core.replay.test_policy_replay import GOOD, agent, asked, line, with_detail

POLICIES = """
@id("read") permit (principal in Jitney::Group::"corp/readers", action in Jitney::Action::"ReadOnly", resource)
when { context.durationSeconds <= 60 && [true, false].contains(resource.wildcard) };
"""
LINES = [
    line(agent(), asked(seconds=60), chain="r-1"),
    line(agent(), asked(seconds=300), chain="r-2"),
    line(agent(name="b"), asked(seconds=300), chain="r-3"),
    line(agent(frozenset()), asked(), chain="r-4"),
    with_detail({**GOOD, "chain": "r-5"}, decision_inputs=None),
]


@pytest.fixture
def replayed(home: Path, tmp_path: Path):
    """Replay these lines, published on two days. Return the exit code, standard output and standard error."""
    write_policies(tmp_path / "own", POLICIES)
    settings = valid()
    settings["targets"]["prod"]["account"] = "444455556666"
    (tmp_path / "jitney.yaml").write_text(yaml.safe_dump(settings | {"policies": "own"}))

    def replay(lines: Any, *arguments: str, since: str = "2026-11-25") -> tuple[int, str, str]:
        for day, part in (("2026-11-25", lines[:1]), ("2026-11-26", lines[1:])):
            folder = tmp_path / "records" / f"dt={day}"
            folder.mkdir(parents=True, exist_ok=True)
            text = "\n".join(each if isinstance(each, str) else json.dumps(each) for each in part)
            (folder / "jitney-1").write_text(text + "\n")
        common = ["policy", "replay", "--since", since, "--config", str(tmp_path / "jitney.yaml")]
        where = [] if "--records" in arguments else ["--folder", str(tmp_path / "records")]
        result = invoke([*common, *where, *arguments])
        return result.exit_code, result.stdout, result.stderr

    return replay


def test_pol_14_the_counts_and_each_change_are_shown(replayed):
    code, out, _ = replayed([*LINES, "no JSON"])
    assert code == 0
    assert out.splitlines()[:6] == [
        "Changed  2 of 4 recorded decisions would change",
        "  replayed  4 decisions, 3 of them distinct for these policies",
        "  changed   2 from allow to deny",
        "  left out  1 decision: an older version of Jitney wrote the record, without the inputs of the decision",
        "  left out  1 unreadable lines",
        "  records   not compared with their seals: `jitney audit verify` does that",
    ]
    for shown in ("corp.a", "corp.b", "s3:Get*", "arn:aws:s3:::reports/2026/*", "deny (builtin:no-permit)"):
        assert shown in out


def test_pol_14_programs_get_each_change(replayed):
    code, out, _ = replayed(LINES, "--json")
    found = json.loads(out)
    assert (code, found["replayed"], found["other_policies"]) == (0, 4, 0)
    assert found["integrity"]["state"] == "unchecked"
    assert [each["chain"] for each in found["changes"]] == ["r-2", "r-3"]
    assert found["changes"][1] | {"time": ""} == {
        "time": "",
        "chain": "r-3",
        "seq": 0,
        "grant_id": "",
        "principal": "corp.b",
        "human": "",
        "target": "prod",
        "permissions": [{"actions": ["s3:Get*"], "resources": ["arn:aws:s3:::reports/2026/*"]}],
        "access_profile": "",
        "duration_seconds": 300,
        "way": "credentials",
        "reveal": False,
        "before": {"effect": "allow", "policies": ["read"], "reviews": []},
        "after": {"effect": "deny", "policies": ["builtin:no-permit"], "reviews": []},
    }


def test_pol_14_a_new_freeze_changes_the_requests_of_its_time(replayed, tmp_path: Path):
    """The windows at the time of each record decide, and not those of today."""
    frozen = '@id("freeze") forbid (principal, action, resource) when { context.timeWindows.contains("freeze") };'
    (tmp_path / "own" / "freeze.cedar").write_text(frozen)
    settings = yaml.safe_load((tmp_path / "jitney.yaml").read_text())
    period = {"opens": "2026-11-26T10:00", "closes": "2026-11-26T11:00"}
    settings["time_windows"] = {"freeze": {"time_zone": "UTC", "periods": [period]}}
    (tmp_path / "jitney.yaml").write_text(yaml.safe_dump(settings))
    times = ("09:59:00", "09:59:01", "10:30:00", "10:59:59", "11:00:00")
    lines = [{**LINES[0], "chain": f"r-{time}", "time": f"2026-11-26T{time}Z"} for time in times]
    code, out, _ = replayed(lines, "--json")
    found = json.loads(out)
    assert (code, found["replayed"]) == (0, 5)
    assert [each["chain"] for each in found["changes"]] == ["r-09:59:01", "r-10:30:00", "r-10:59:59"]
    assert {each["after"]["policies"][0] for each in found["changes"]} == {"freeze"}


@pytest.mark.parametrize(
    ("lines", "arguments", "code", "begins"),
    [
        (LINES, ["--fail-on-change"], 1, "Changed  2 of 4"),
        (LINES[:1], ["--fail-on-change"], 0, "Unchanged  0 of 1"),
        (LINES[4:], ["--fail-on-change"], 1, "Not replayed  0 of 0"),
        (LINES, ["--until", "2026-11-25"], 0, "Unchanged  0 of 1"),
        ([{**LINES[0], "event": "preview"}], [], 0, "Not replayed  0 of 0"),
        ([{**LINES[0], "event": "preview"}], ["--dry-runs"], 0, "Unchanged  0 of 1"),
    ],
)
def test_pol_14_days_and_exit_codes(replayed, lines, arguments, code, begins):
    found = replayed(lines, *arguments)
    assert (found[0], found[1].startswith(begins)) == (code, True), found


@pytest.mark.parametrize(
    ("arguments", "since", "said"),
    [
        (["--until", "2001-01-02"], "2001-01-01", "has no records for these days"),
        (["--folder", "/nowhere"], "2026-11-25", "/nowhere is not a folder"),
    ],
)
def test_pol_14_a_missing_source_is_an_error(replayed, arguments, since, said):
    code, out, err = replayed(LINES, *arguments, since=since)
    assert (code, out) == (2, "")
    assert said in err
    assert "Fix: " in err


def test_pol_14_the_bucket_is_read_with_the_authors_credentials(replayed, monkeypatch):
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="records")
        for number, each in enumerate(LINES):
            s3.put_object(Bucket="records", Key=f"records/dt=2026-11-26/{number}", Body=json.dumps(each))
        assert replayed(LINES, "--records", "records")[1].startswith("Changed  2 of 4")
        code, _, err = replayed(LINES, "--records", "other")
        assert (code, "The requests were not replayed" in err, "NoSuchBucket" in err) == (2, True, True)
