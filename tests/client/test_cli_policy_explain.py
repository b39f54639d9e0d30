"""`jitney policy explain`: why, with the text of the policies that decide (row POL 14)."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli import invoke
from tests.configuration.test_load import valid, write_policies
from tests.core.replay.test_policy_replay import agent, asked, line, with_detail

FIRST = """// Not a part of the policy.
@id("read")
permit (principal in Jitney::Group::"corp/readers", action in Jitney::Action::"ReadOnly", resource) // inside
when { context.durationSeconds <= 600 && [true, false].contains(resource.wildcard) };
"""
SECOND = """@id("write") @advice("Ask the owners; they answer at night too.")
permit (principal, action in Jitney::Action::"Mutating", resource)
when { context.approvals.contains("owners") };
@id("prefix") forbid (principal, action, resource)
when { context.call.hasTag("s3:prefix") && context.call.getTag("s3:prefix").string like "secret/*" };
"""
READ, (WRITE, PREFIX) = FIRST.partition("\n")[2].strip(), SECOND.strip().split('\n@id("prefix')
PREFIX = f'@id("prefix{PREFIX}'
OBJECT = ["--action", "s3:GetObject", "--resource", "arn:aws:s3:::b/x"]
LISTED = ["--action", "s3:ListBucket", "--resource", "arn:aws:s3:::b", "--group", "corp/readers"]


@pytest.fixture
def explained(home: Path, tmp_path: Path):
    """Explain with policies in two files. Return the exit code, standard output and standard error."""
    write_policies(tmp_path / "own", FIRST)
    (tmp_path / "own" / "writers.cedar").write_text(SECOND)
    cases = [{"name": "reads", "target": "prod", "groups": ["corp/readers"], "seconds": 60, "effect": "deny",
              "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::b/x"]}]  # fmt: skip
    (tmp_path / "own" / "tests.yaml").write_text(json.dumps({"cases": cases}))
    settings = valid()
    settings["targets"]["prod"]["account"] = "444455556666"
    settings["reviewers"] = {"owners": {"members": ["staff/alice"]}}
    (tmp_path / "jitney.yaml").write_text(yaml.safe_dump(settings | {"policies": "own"}))

    def explain(*arguments: str) -> tuple[int, str, str]:
        command = ["policy", "explain", "--config", str(tmp_path / "jitney.yaml"), *arguments]
        result = invoke(command)
        return result.exit_code, result.stdout.replace(str(tmp_path), ""), result.stderr.replace(str(tmp_path), "")

    return explain


def test_pol_14_the_text_of_the_deciding_policy_is_shown_with_its_place(explained):
    code, out, err = explained("--case", "reads")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "Allowed  by read",
        "  because   read: s3:GetObject (Read) on arn:aws:s3:::b/x is permitted.",
        "    /own/a.cedar:2",
        *(f"    {each}" for each in FIRST.splitlines()[1:]),
    ]


@pytest.mark.parametrize(
    ("groups", "shared"),
    [
        ({"owners": {"members": ["staff/alice"]}, "security": {"members": ["staff/carol"]}}, []),
        ({"owners": {"members": ["staff/alice"]}, "security": {"members": ["staff/alice", "staff/carol"]}}, ["alice"]),
        (
            {
                "owners": {"members": ["staff/alice"], "escalates_to": "security"},
                "security": {"members": ["staff/carol"]},
            },
            ["carol"],
        ),
    ],
)
def test_pol_14_a_person_who_can_approve_for_two_groups_is_named(explained, tmp_path: Path, groups, shared):
    """A policy for two groups reads as if two people had to approve."""
    both = """@id("write") permit (principal, action in Jitney::Action::"Mutating", resource)
        when { context.approvals.containsAll(["owners", "security"]) };"""
    (tmp_path / "own" / "writers.cedar").write_text(both)
    settings = yaml.safe_load((tmp_path / "jitney.yaml").read_text())
    (tmp_path / "jitney.yaml").write_text(yaml.safe_dump(settings | {"reviewers": groups}))
    _, out, _ = explained("prod", "--action", "s3:PutObject", *OBJECT[2:])
    row = [line for line in out.splitlines() if line.startswith("  shared")]
    assert row == [f"  shared    owners and security: one vote of staff.{each} counts for both" for each in shared]


@pytest.mark.parametrize(
    ("arguments", "effect", "policies", "text"),
    [
        (["prod", *OBJECT, "--group", "corp/readers"], "allow", ["read"], READ),
        (["prod", *OBJECT], "deny", ["builtin:no-permit"], None),
        (["prod", *OBJECT, "--group", "corp/readers", "--for", "11m"], "deny", ["builtin:no-permit"], None),
        (["prod", "--action", "s3:PutObject", *OBJECT[2:]], "review", ["write"], WRITE),
        (["prod", "--action", "s3:PutObject", *OBJECT[2:], "--approval", "owners"], "allow", ["write"], WRITE),
        (["prod", "--action", "s3:PutObject", *OBJECT[2:], "--earlier-approval", "owners"], "review", ["write"], WRITE),
        (["prod", *LISTED, "--condition", "s3:prefix=secret/a"], "deny", ["prefix"], PREFIX),
    ],
)  # fmt: skip
def test_pol_14_any_request_can_be_explained(explained, arguments, effect, policies, text):
    code, out, _ = explained(*arguments, "--json")
    found = json.loads(out)
    assert (code, found["effect"], [each["policy"] for each in found["reasons"]]) == (0, effect, policies)
    sources = [each["source"] and each["source"]["text"] for each in found["reasons"]]
    assert sources == [text]


def test_pol_14_a_request_is_explained_in_the_time_windows_that_are_named(explained, tmp_path: Path):
    hours = 'when { context.timeWindows.contains("hours") && !context.timeWindows.contains("freeze") };'
    write_policies(tmp_path / "timed", f'@id("timed") permit (principal, action, resource) {hours}')
    settings = yaml.safe_load((tmp_path / "jitney.yaml").read_text()) | {"policies": "timed"}
    windows = {name: {"time_zone": "UTC", "weekly": [{"days": ["monday"]}]} for name in ("hours", "freeze")}
    (tmp_path / "jitney.yaml").write_text(yaml.safe_dump(settings | {"time_windows": windows}))

    def effect(*names: str) -> str:
        options = [part for name in names for part in ("--time-window", name)]
        return json.loads(explained("prod", *OBJECT, *options, "--json")[1])["effect"]

    assert [effect(), effect("hours"), effect("freeze"), effect("hours", "freeze")] == ["deny", "allow", "deny", "deny"]
    code, out, err = explained("prod", *OBJECT, "--time-window", "hour")
    said = '--time-window: there is no time window "hour".'
    assert (code, out, said in err, "did you mean hours?" in err) == (2, "", True, True)


def test_pol_14_a_recorded_grant_is_explained_by_the_present_policies(explained, tmp_path: Path):
    day = tmp_path / "records" / "dt=2026-11-26"
    day.mkdir(parents=True)
    lines: list[dict[str, Any]] = [
        {**line(agent(), asked()), "grant_id": "g-one"},
        with_detail({**line(agent(), asked()), "grant_id": "g-old"}, decision_inputs=None),
    ]
    (day / "a").write_text("\n".join(map(json.dumps, lines)))
    code, out, _ = explained("--grant", "g-one", "--folder", str(tmp_path / "records"))
    assert (code, out.splitlines()[0]) == (0, "Allowed  by read")
    for grant, said in (("g-old", "cannot be decided again: an older version"), ("g-none", "No record in the source")):
        code, out, err = explained("--grant", grant, "--folder", str(tmp_path / "records"))
        assert (code, out, said in err, "Fix: " in err) == (2, "", True, True)
    assert "Did you mean g-one? Otherwise check that the copy" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give --case, --grant, or TARGET."),
        (["prod", "--case", "reads"], "Give --case, --grant, or TARGET."),
        (["--case", "read"], "Did you mean 'reads'?"),
        (["--case", "reads", "--earlier-approval", "owners", "--for", "5m"], "do nothing: --earlier-approval, --for."),
        (["--grant", "g-one", "--held", "iam:PassRole"], "do nothing: --held."),
        (["--case", "reads", "--time-window", "hours"], "do nothing: --time-window."),
        (["prod", *OBJECT, "--time-window", "hours"], "add hours to time_windows of jitney.yaml"),
        (["prd", *OBJECT], 'TARGET: there is no target "prd"'),
        (["prod", "--action", "s3:GetObjekt", *OBJECT[2:]], "Did you mean s3:GetObject"),
        (["prod", *OBJECT, "--for", "soon"], "--for: 'soon' is not a duration"),
        (["prod", *OBJECT, "--claim", "level"], "--claim level=VALUE"),
        (["prod", *OBJECT, "--claim", "level=3"], "no issuer makes the claim level visible to policies"),
        (["prod", *OBJECT, "--condition", "x:y=3"], "a condition is not supported"),
        (["prod", *OBJECT, "--way", "pigeon"], '--way: "pigeon" is not accepted'),
    ],
)
def test_pol_14_what_cannot_be_explained_is_an_error_with_a_fix(explained, arguments, said):
    code, out, err = explained(*arguments)
    assert (code, out) == (2, "")
    assert said in err
