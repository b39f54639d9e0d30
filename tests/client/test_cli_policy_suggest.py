"""`jitney policy suggest`: policies for what was used, which pass `jitney policy test` (row POL 14)."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from jitney.core.policy_suggestion.policy_suggestion import suggest_policy
from tests.cli import invoke
from tests.configuration.test_load import valid, write_policies
from tests.core.policy_suggestion.histories import FORBIDS, PRESENT, published
from tests.core.policy_suggestion.test_policy_suggestion import KEY, LISTS, READS, WRITES
from tests.core.replay.test_policy_replay import agent, asked
from tests.identities import identity

HISTORY = [
    published(1, agent(), asked(READS, LISTS), [("s3:GetObject", f"{KEY}a")]),
    published(2, agent(human=identity("staff.alice")), asked(WRITES), [("s3:PutObject", f"{KEY}a")]),
    published(3, agent(name="b"), asked(READS), [("s3:GetObject", f"{KEY}b")]),
]


@pytest.fixture
def suggesting(home: Path, tmp_path: Path):
    """Suggest from a local copy. Return the exit code, standard output and standard error."""
    settings = valid()
    settings["targets"]["prod"]["account"] = "444455556666"
    settings["issuers"]["corp"] |= {"human_claim": "act.sub", "human_issuer": "staff"}
    settings["reviewers"] = {"owners": {"members": ["staff/alice"]}}
    (tmp_path / "jitney.yaml").write_text(yaml.safe_dump(settings | {"policies": "own"}))
    write_policies(tmp_path / "own", PRESENT)
    for name, chosen in (("records", 0), ("calls", 1)):
        folder = tmp_path / name / "dt=2026-11-27"
        folder.mkdir(parents=True)
        lines = [json.dumps(each) for history in HISTORY for each in history[chosen]]
        (folder / "1").write_text("\n".join(lines))

    def suggest(*arguments: str, calls: bool = True, where: bool = True) -> tuple[int, str, str]:
        line = ["policy", "suggest", "--config", str(tmp_path / "jitney.yaml"), *arguments]
        line += ["--folder", str(tmp_path / "records")] if where else []
        line += ["--calls", str(tmp_path / "calls")] if calls and where else []
        result = invoke(line)
        return result.exit_code, result.stdout, result.stderr

    return suggest


def outcome_of(tmp_path: Path, folder: Path) -> tuple[int, str]:
    """Test the policies in a folder with the configuration of `suggesting`."""
    settings = yaml.safe_load((tmp_path / "jitney.yaml").read_text())
    (tmp_path / "suggested.yaml").write_text(yaml.safe_dump(settings | {"policies": str(folder)}))
    result = invoke(["policy", "test", "--config", str(tmp_path / "suggested.yaml")])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("scope", "permits"), [(["--agent", "corp.a"], 2), (["--group", "corp/readers"], 2), (["--unit", "corp.b"], 1)]
)
def test_pol_14_suggested_policies_pass_their_own_tests(suggesting, tmp_path: Path, scope: Any, permits: int):
    code, out, err = suggesting(*scope, "--out", str(tmp_path / "new"))
    assert (code, out) == (0, f"Wrote {tmp_path / 'new'}\n"), err
    assert (tmp_path / "new" / "suggested.cedar").read_text().count("\npermit (") == permits
    code, said = outcome_of(tmp_path, tmp_path / "new")
    assert code == 0, said
    # They pass the same tests together with the forbids that stay.
    (tmp_path / "new" / "forbids.cedar").write_text(FORBIDS)
    code, out = outcome_of(tmp_path, tmp_path / "new")
    assert "differs" not in out
    assert all(name in out for name in ("untested  each-delete", "untested  secret"))


def test_pol_14_the_cases_are_appended_to_those_of_other_policies(suggesting, tmp_path: Path):
    new, own = tmp_path / "new", tmp_path / "own"
    assert suggesting("--agent", "corp.a", "--out", str(new))[0] == 0
    (own / "suggested.cedar").write_text((new / "suggested.cedar").read_text())
    (own / "a.cedar").write_text(FORBIDS)  # without the permits that these replace
    (own / "tests.yaml").write_text("defaults:\n  seconds: 60\n\ncases:\n\n")
    page = (Path(__file__).parents[2] / "docs" / "policy-suggestions.md").read_text("utf-8")
    append = "tail -n +2 suggested/tests.yaml >> policies/tests.yaml"
    assert f"`{append}`" in page
    command = append.replace("suggested/", f"{new}/").replace("policies/", f"{own}/")
    subprocess.run(["sh", "-c", command], check=True)
    out = outcome_of(tmp_path, own)[1]
    assert ("differs" in out, "suggested-corp-a" in out) == (False, False)
    assert len(yaml.safe_load((own / "tests.yaml").read_text())["cases"]) == 2


def test_pol_14_the_policies_are_printed_and_what_they_cover_is_noted(suggesting):
    code, out, err = suggesting("--agent", "corp.a")
    assert code == 0
    assert out.startswith("// Suggested for agent corp.a, from 2 grants of 2026-11-27 to ")
    assert 'principal == Jitney::Agent::"corp.a"' in out
    for row in ("used      2 of 2 grants", "decided   1 used request allowed, 1 reviewed", "unused    2 permissions",
                "replaces  read, write", "records   not compared with their seals"):  # fmt: skip
        assert row in err


def test_pol_14_programs_get_the_policies_and_the_counts(suggesting):
    code, out, _ = suggesting("--agent", "corp.a", "--json")
    found = json.loads(out)
    assert (code, found["complete"], found["allowed"], found["reviewed"], found["denied"]) == (0, True, 1, 1, [])
    assert [each["action"] for each in found["unused"]] == ["ec2:DescribeImages", "ec2:DescribeVpcs"]
    assert found["integrity"]["state"] == "unchecked"
    assert found["unused"][0] == {
        "action": "ec2:DescribeImages", "resource": "*", "conditions": {}, "target": "prod", "grants": 1,
    }  # fmt: skip
    assert yaml.safe_load(found["cases"])["cases"][0]["source_identity"] == "corp.a"


def test_pol_14_without_calls_everything_granted_stays(suggesting):
    code, out, err = suggesting("--agent", "corp.b", calls=False)
    assert code == 0
    assert f"{KEY}*" in out
    assert "permissions without a call: CloudTrail's calls were not read" in err


def test_pol_14_grants_that_were_not_used_suggest_nothing(suggesting, tmp_path: Path):
    idle = published(4, agent(name="idle"), asked(LISTS), [])
    for name, lines in zip(("records", "calls"), idle, strict=True):
        (tmp_path / name / "dt=2026-11-27" / "2").write_text("\n".join(map(json.dumps, lines)))
    code, _, err = suggesting("--agent", "corp.idle")
    assert (code, "nothing   no policy follows from these grants" in err) == (1, True)


@pytest.mark.parametrize("day", ["2026-11-10", "2026-11-28"])
def test_pol_14_gaps_of_cloudtrail_on_record_on_other_days_count(suggesting, tmp_path: Path, day: str):
    days = ("--since", "2026-11-27", "--until", "2026-11-27")
    assert json.loads(suggesting("--agent", "corp.a", "--json", *days)[1])["unused"]
    detail = json.dumps({"since": "2026-11-10T09:00:00Z"})
    gap = {"chain": "r-1", "seq": 0, "event": "trail_gap", "outcome": "set", "target": "prod", "detail": detail}
    folder = tmp_path / "records" / f"dt={day}"
    folder.mkdir()
    (folder / "1").write_text(f"{json.dumps(gap | {'time': f'{day}T09:30:10Z'})}\nnot JSON\n")
    code, out, _ = suggesting("--agent", "corp.a", "--json", *days)
    assert (code, json.loads(out)["unused"]) == (0, [])
    assert suggesting("--agent", "corp.a", "--since", "0001-01-01", "--until", "9999-12-31")[0] == 0


def test_pol_14_something_used_that_is_denied_now_is_a_failure(suggesting, tmp_path: Path):
    text = PRESENT.replace('action in Jitney::Action::"Mutating"', 'action == Jitney::Action::"Tagging"')
    (tmp_path / "own" / "a.cedar").write_text(text)
    code, _, err = suggesting("--agent", "corp.a")
    assert code == 1
    assert f"s3:PutObject on {KEY}a at prod: the present policies deny it, by builtin:no-permit" in err


@pytest.mark.parametrize(
    ("arguments", "where", "said"),
    [
        ([], True, "No requester is named, or more than one"),
        (["--agent", "corp.a", "--group", "corp/readers"], True, "No requester is named, or more than one"),
        (["--agent", "corp.zed"], True, "No grant of agent corp.zed is in these records"),
        (["--agent", "corp.a"], False, "No records are named"),
        (["--agent", "corp.a", "--until", "2001-01-01"], True, "has no records for these days"),
        (["--agent", "corp.a", "--out", "/proc"], True, "/proc has files already"),
        (["--agent", "corp.a", "--out", "/proc/x"], True, "Name a folder that you can write"),
    ],
)
def test_pol_14_a_suggestion_that_cannot_be_made_says_what_to_do(suggesting, arguments, where, said):
    code, out, err = suggesting(*arguments, where=where)
    assert (code, out) == (2, "")
    assert said in err
    assert "Fix: " in err


@pytest.mark.parametrize(
    ("arguments", "near"),
    [(["--agent", "corp.aa"], "corp.a"), (["--group", "readers"], "corp/readers")],
)
def test_aud_10_an_unknown_requester_gets_the_closest_names(suggesting, arguments: list[str], near: str):
    code, _, err = suggesting(*arguments)
    assert code == 2
    assert f"Fix: Did you mean {near}" in err


@pytest.mark.parametrize(("problems", "less_reviewed"), [(["it does not compile"], ()), ([], ("g-a",))])
def test_pol_14_policies_with_a_problem_or_with_fewer_approvals_are_not_suggested(
    suggesting, monkeypatch: pytest.MonkeyPatch, problems: list[str], less_reviewed: tuple[str, ...]
):
    def suggested(*source: Any) -> Any:
        found = suggest_policy(*source)
        return replace(found, checked=found.checked._replace(less_reviewed=less_reviewed))

    monkeypatch.setattr("jitney.configuration.policy_check.text_problems", lambda *_: problems)
    monkeypatch.setattr("jitney.client.policy.policy_suggestions.suggest_policy", suggested)
    code, out, err = suggesting("--agent", "corp.a")
    assert (code, out) == (2, "")
    assert " ".join([*problems, *less_reviewed]) in err


def test_pol_14_the_bucket_has_records_and_calls(suggesting, monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "a")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket="published")
        for number, (records, calls) in enumerate(HISTORY):
            for name, lines in (("records", records), ("calls", calls)):
                body = "\n".join(map(json.dumps, lines))
                s3.put_object(Bucket="published", Key=f"{name}/dt=2026-11-27/{number}", Body=body)
        code, out, err = suggesting("--agent", "corp.a", "--records", "published", where=False)
    assert (code, "corp.a" in out) == (0, True), err
    assert f'resource.arn == "{KEY}a"' in out
