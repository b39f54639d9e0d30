"""`jitney policy diff`: where two versions of policies decide otherwise (row POL 14)."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from jitney.core.actions import ActionTable
from jitney.core.policy import space_scopes
from jitney.core.policy.decision_space import DecisionSpace
from tests.cli import invoke
from tests.configuration.test_load import valid, write_policies

READ = """@id("read") permit (principal in Jitney::Group::"corp/a", action in Jitney::Action::"ReadOnly", resource)
when { context.durationSeconds <= 600 };
"""


@pytest.fixture
def compared(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Compare two versions of a policy. Return the exit code, standard output and standard error."""
    monkeypatch.setattr(ActionTable, "services", lambda _table: ("s3",))  # so that a space is generated in little time

    def compare(
        old: str, new: str, *arguments: str, targets: str = "prod", account: str = "012345670123", **changed: Any
    ) -> tuple[int, str, str]:
        both = changed.pop("both", {})
        for name, text in (("old", old), ("new", new)):
            (tmp_path / name).mkdir(exist_ok=True)
            write_policies(tmp_path / name / "own", text)
            document = valid() | {"policies": "own"} | both
            if name == "old":
                document["targets"] = {targets: document["targets"]["prod"] | {"account": account}}
                document["targets"][targets]["policy"] = changed.pop(
                    "role_policy", document["targets"][targets]["policy"]
                )
                document |= changed
            (tmp_path / name / "jitney.yaml").write_text(yaml.safe_dump(document))
        new_file = str(tmp_path / "new" / "jitney.yaml")
        line = ["policy", "diff", str(tmp_path / "old"), "--config", new_file, "--most", "300", *arguments]
        result = invoke(line)
        return result.exit_code, result.stdout, result.stderr

    return compare


def test_pol_14_a_difference_is_shown_with_an_example(compared):
    code, out, _ = compared(READ, READ.replace("600", "60"))
    assert code == 0
    assert out.startswith("Different  1 kind of differences\n  compared  300 generated requests, of ")
    for shown in ("allow (read)", "deny (builtin:no-permit)", "corp/a", "prod", "s3:"):
        assert shown in out


def test_pol_14_programs_get_the_example_as_a_case(compared):
    code, out, _ = compared(READ, READ.replace("600", "60"), "--json", "--fail-on-change")
    (difference,) = json.loads(out)["differences"]
    assert (code, difference["example"]["groups"], difference["example"]["target"]) == (1, ["corp/a"], "prod")
    assert 60 < difference["example"]["seconds"] <= 600
    assert difference["old"] == {"effect": "allow", "policies": ["read"], "reviews": [], "call_limits": {}}


def test_pol_14_the_requests_of_a_changed_policy_come_first(compared):
    """Of many requests, few are about one policy of many. A diff that misses them would say that nothing changes."""
    others = "".join(
        f"""@id("o{number}") permit (principal in Jitney::Group::"corp/g{number}", action, resource)
        when {{ resource.arn == "arn:aws:s3:::b{number}/k" && context.way == "gateway" &&
            principal.subject == "s{number}" && context.durationSeconds <= 600 }};\n"""
        for number in range(20)
    )
    code, out, _ = compared(others + READ, others.replace("b7/k", "b7/l") + READ, "--json")
    assert (code, json.loads(out)["compared"]) == (0, 300)
    assert {group for each in json.loads(out)["differences"] for group in each["example"]["groups"]} == {"corp/g7"}


ROTA = """@id("rota") permit (principal in Jitney::Group::"corp/g1", action == Jitney::Action::"Write", resource)
when { resource.arn like "arn:aws:s3:::b1/*" && context.durationSeconds <= 600 && context.way == "gateway" };
@id("never") forbid (principal, action, resource)
when { context.action == "s3:PutObject" && context.timeWindows.contains("freeze") };
"""


def test_pol_14_the_requests_of_a_changed_forbid_are_those_of_a_permit(compared):
    """What no permit permits is denied by both versions. Of a forbid for everyone, most requests are of that kind."""
    others = "".join(
        f"""@id("o{number}") permit (principal in Jitney::Group::"corp/h{number}", action, resource)
        when {{ resource.arn == "arn:aws:s3:::c{number}/k" && principal.subject == "s{number}" }};\n"""
        for number in range(8)
    )
    both = {"time_windows": {"freeze": window("18:00")}}
    changed = ROTA.replace('"s3:PutObject"', '"s3:DeleteObject"')
    code, out, _ = compared(others + ROTA, others + changed, "--json", both=both)
    found = {name for each in json.loads(out)["differences"] for name in each["example"]["actions"]}
    assert (code, found) == (0, {"s3:PutObject", "s3:DeleteObject"})


def test_pol_14_a_policy_about_break_glass_is_compared(compared):
    closed = """@id("no-emergency") forbid (principal, action, resource)
    when { context.approvals.contains("break-glass") && context.action == "s3:GetObject" };"""
    code, out, _ = compared(READ + closed, READ + closed.replace("GetObject", "GetObjectAcl"), "--json")
    found = {each for one in json.loads(out)["differences"] for each in one["example"]["approvals"]}
    assert (code, found) == (0, {"break-glass"})


def test_pol_14_equal_versions_have_no_difference(compared):
    code, out, _ = compared(READ, f"// rewritten\n{READ}", "--fail-on-change")
    assert (code, out.splitlines()[0]) == (0, "No decision differs  0 kinds of differences")


FREEZE = """@id("freeze") @advice("Wait.") forbid (principal, action, resource)
when { context.reveal && context.durationSeconds <= 77 };
"""


def test_pol_14_a_changed_policy_is_listed_even_if_no_compared_decision_differs(compared):
    """An attacker's change can be about few of many requests. The list of policies misses none."""
    code, out, _ = compared(READ + FREEZE, READ + FREEZE.replace("77", "88"), "--fail-on-change")
    assert (code, out.splitlines()[0]) == (1, "No difference found  0 kinds of differences")
    assert "policy    freeze: conditions changed (a.cedar:3)" in out


@pytest.mark.parametrize(
    ("new", "shown"),
    [
        (FREEZE.replace("Wait.", "Ask Eve."), "freeze: @advice changed (a.cedar:3)"),
        (FREEZE.replace('@advice("Wait.")', ""), "freeze: @advice changed (a.cedar:3)"),
        (FREEZE.replace('"freeze"', '"frozen"'), "freeze: removed"),
        (FREEZE.replace('"freeze"', '"frozen"'), "frozen: added (a.cedar:3)"),
        ("", "freeze: removed"),
        (FREEZE.replace("forbid", "permit"), "freeze: effect changed (a.cedar:3)"),
        (FREEZE.replace("(principal,", '(principal in Jitney::Group::"corp/a",'), "freeze: principal changed"),
        (FREEZE.replace("when", "// x\n when  "), ""),
    ],
)
def test_pol_14_each_change_of_a_policy_is_listed(compared, new, shown):
    _, out, _ = compared(READ + FREEZE, READ + new)
    listed = [line.split(maxsplit=1)[1] for line in out.splitlines() if line.startswith("  policy ")]
    assert [each for each in listed if each.startswith(shown)] if shown else not listed


def test_pol_14_a_change_of_annotations_alone_is_no_change_of_answers(compared):
    code, out, _ = compared(READ + FREEZE, READ + FREEZE.replace("Wait.", "Ask Eve."), "--fail-on-change")
    assert (code, out.splitlines()[0]) == (0, "No decision differs  0 kinds of differences")


def test_pol_14_changed_cases_are_listed(compared, tmp_path):
    case = "cases:\n- {name: NAME, target: prod, groups: [corp/a], seconds: 1, actions: [s3:GetObject], "
    case += 'resources: ["arn:aws:s3:::b/k"], effect: EFFECT}\n'
    for version, name, effect in (("old", "kept", "allow"), ("new", "kept", "deny")):
        table = tmp_path / version / "own" / "tests.yaml"
        table.parent.mkdir(parents=True)
        more = case.replace("NAME", f"only {version}").replace("EFFECT", "allow").removeprefix("cases:\n")
        table.write_text(case.replace("NAME", name).replace("EFFECT", effect) + more)
    _, out, _ = compared(READ, READ)
    listed = [line.split(maxsplit=1)[1] for line in out.splitlines() if line.startswith("  case ")]
    assert listed == ["kept: changed", "only new: added", "only old: removed"]


@pytest.mark.parametrize("version", ["old", "new"])
def test_pol_14_a_table_that_cannot_be_read_is_said_and_its_cases_are_not_removed(compared, tmp_path, version):
    for each in ("old", "new"):
        (tmp_path / each / "own").mkdir(parents=True)
        case = "cases:\n- {name: kept, target: prod, groups: [corp/a], seconds: 1, actions: [s3:GetObject], "
        case += 'resources: ["arn:aws:s3:::b/k"], effect: allow}\n'
        (tmp_path / each / "own" / "tests.yaml").write_text(case + ("x: [" if each == version else ""))
    code, out, _ = compared(READ, READ)
    (listed,) = [line.split(maxsplit=1)[1] for line in out.splitlines() if line.startswith("  case ")]
    assert (code, "removed" in listed, "added" in listed) == (0, False, False)
    assert listed.startswith(f"tests.yaml: no case is compared, because the {version} version cannot be read: ")
    assert listed.endswith("/own/tests.yaml:3)")


def test_pol_14_without_a_table_there_are_no_cases(compared, tmp_path):
    (tmp_path / "old" / "own").mkdir(parents=True)
    code, out, _ = compared(READ, READ)
    assert (code, "  case " in out) == (0, False)


def window(closes: str) -> dict[str, Any]:
    return {"time_zone": "UTC", "weekly": [{"opens": "08:00", "closes": closes}]}


def test_pol_14_policies_that_differ_only_in_a_time_window_have_differences(compared):
    timed = READ.replace("when {", 'when { context.timeWindows.contains("hours") &&')
    both = {"time_windows": {name: window("18:00") for name in ("hours", "nights")}}
    code, out, _ = compared(timed, timed.replace('"hours"', '"nights"'), "--json", both=both)
    result = json.loads(out)
    found = {(*each["example"]["time_windows"],): each["new"]["effect"] for each in result["differences"]}
    assert (code, found, result["changed_settings"]) == (0, {("hours",): "deny", ("nights",): "allow"}, [])


def test_pol_14_the_time_window_of_a_difference_is_shown(compared):
    timed = READ.replace("when {", 'when { !context.timeWindows.contains("freeze") &&')
    _, out, _ = compared(READ, timed, both={"time_windows": {"freeze": window("18:00")}})
    assert "in freeze" in out


def test_pol_14_other_times_of_a_window_are_a_setting_and_no_difference(compared):
    timed = READ.replace("when {", 'when { context.timeWindows.contains("hours") &&')
    both, old = ({"time_windows": {"hours": window(closes)}} for closes in ("18:00", "20:00"))
    code, out, _ = compared(timed, timed, "--json", "--fail-on-change", both=both, **old)
    result = json.loads(out)
    assert (code, result["differences"]) == (1, [])
    (setting,) = result["changed_settings"]
    assert setting["setting"] == "time_windows.hours.weekly"
    assert [each[0]["closes"] for each in (setting["old"], setting["new"])] == ["20:00", "18:00"]
    (affected,) = result["affected_state"]
    assert (affected["part"], affected["effect"][:12]) == ("time window hours", "other times:")


def test_pol_14_a_change_that_affects_open_grants_is_shown(compared):
    code, out, _ = compared(READ, READ, "--fail-on-change", account="999988887777")
    assert code == 1
    assert out.startswith("No difference found")  # a part of the requests was compared, and policies see accounts
    shown = " ".join(out.split())
    assert "affects target prod: another account, Region or role: renewals, calls and approvals of its grants" in shown
    assert "and Jitney cannot deny issued credentials" in shown


def test_pol_14_a_renamed_target_is_compared_under_its_new_alias(compared):
    scoped = READ.replace("resource)", 'resource in Jitney::Target::"prod")')
    code, out, _ = compared(scoped.replace('"prod"', '"other"'), scoped, "--json", targets="other")
    result = json.loads(out)
    assert (code, result["compared"], result["differences"]) == (0, 300, [])
    assert (result["only_old_targets"], result["only_new_targets"]) == ([], [])
    assert [each["part"] for each in result["affected_state"]] == ["target other"]


def test_pol_14_policies_that_lose_a_renamed_target_have_differences(compared):
    scoped = READ.replace("resource)", 'resource in Jitney::Target::"other")')
    code, out, _ = compared(scoped, READ.replace("600", "60"), "--json", targets="other")
    assert (code, {each["old"]["effect"] for each in json.loads(out)["differences"]}) == (0, {"allow"})


def test_pol_14_versions_without_a_common_target_show_what_else_changed(compared):
    code, out, _ = compared(READ, READ, "--fail-on-change", targets="other", account="999988887777")
    shown = " ".join(out.split())
    assert (code, "compared no request: the versions have no target in common" in shown) == (1, True)
    for words in ("only old other", "only new prod", "affects target other: removed", "setting targets.prod: added"):
        assert words in shown


def test_pol_14_each_changed_setting_is_shown(compared):
    issuers = valid()["issuers"]
    issuers["corp"] = issuers["corp"] | {"audiences": ["earlier"], "max_age_seconds": 77}
    limits = {"reviews_per_hour": 9, "renewals_per_minute": 7}
    code, out, _ = compared(READ, READ, "--fail-on-change", issuers=issuers, limits=limits)
    shown = " ".join(out.split())
    assert code == 0  # the current values decide about the next request
    for words in (
        'setting issuers.corp.audiences: ["earlier"] to ["jitney"]',
        "setting issuers.corp.max_age_seconds: 77 to ",
        "setting limits.reviews_per_hour: 9 to ",
        "setting limits.renewals_per_minute: 7 to 60",
    ):
        assert words in shown
    assert shown.count("setting ") == 4


@pytest.mark.parametrize(
    ("changed", "hidden"),
    [
        ({"limits": {"max_duration_seconds": 900}}, True),
        ({"limits": {"renewals_per_minute": 7}}, False),
    ],
)
def test_pol_14_a_part_that_was_compared_does_not_prove_that_a_setting_changes_no_decision(compared, changed, hidden):
    code, out, _ = compared(READ, READ, "--fail-on-change", **changed)
    heading = "No difference found" if hidden else "No decision differs"
    assert (code, out.startswith(heading), "of 576" in out) == (int(hidden), True, True)


def test_pol_14_a_diff_says_of_what_it_generated_only_a_part(compared, monkeypatch):
    """Equal answers are no proof if policies compare too many values to generate each combination."""
    space = DecisionSpace.size.fget
    monkeypatch.setattr(DecisionSpace, "size", property(lambda each: min(space(each), 100)))
    monkeypatch.setattr(space_scopes, "MOST_CONDITIONS", 1)
    prefix = """@id("prefix") permit (principal, action == Jitney::Action::"List", resource)
    when { context.call.hasTag("s3:prefix") && context.call.getTag("s3:prefix").string like "2026/*" };"""
    code, out, _ = compared(READ + prefix, READ + prefix + FREEZE, "--fail-on-change")
    assert (code, out.splitlines()[0]) == (1, "No difference found  0 kinds of differences")
    assert "reduced not generated in each combination that policies may distinguish: conditions" in " ".join(
        out.split()
    )
    assert (", all" in out, ", of" in out) == (False, False)


def test_pol_14_settings_that_only_stacks_read_are_shown(compared):
    """The policy of a target's role is the limit of each of its grants."""
    policy = valid()["targets"]["prod"]["policy"]
    other = {"Statement": [policy["Statement"][0] | {"Action": "s3:PutObject"}]}
    broker = {"account": "111122223333", "region": "eu-west-1", "deployment": "all_at_once"}
    code, out, _ = compared(READ, READ, "--json", broker=broker, role_policy=other)
    found = {each["setting"]: (each["old"], each["new"]) for each in json.loads(out)["changed_settings"]}
    assert code == 0
    assert found["targets.prod.policy.Statement"] == (other["Statement"], policy["Statement"])
    assert found["broker"][0]["deployment"] == "all_at_once"
