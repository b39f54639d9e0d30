import json

import pytest
import yaml

from data.__main__ import TABLE, build, replace
from data.harms import Harms
from data.outliving import Outliving
from data.sources import Sources
from jitney.core.actions import AccessLevel, ActionTable, Escalation

pytestmark = pytest.mark.slow

NO_HARMS = (Harms({}, {}), Outliving({}, ()))
CONSTANTS = """
raise RuntimeError("this is read and never run")
PRIVILEGE_ESCALATION_METHODS = {"X": ["svc:createx"]}
PRIVILEGE_ESCALATION_PATHFINDING_PATHS = {"X": None}
PRIVILEGE_ESCALATION_GLOSSARY_URL = "https://glossary.example.com"
ACTIONS_THAT_RETURN_CREDENTIALS = ["svc:gety", "svc:gone"]
READ_ONLY_DATA_EXFILTRATION_ACTIONS = ["svc:GetX"]
OTHER = print("neither")
"""


@pytest.fixture
def sources(tmp_path):
    """Return unpacked packages with one service of three actions."""
    iam_data, python = tmp_path / "iam-data", tmp_path / "python"
    (iam_data / "data" / "actions").mkdir(parents=True)
    (iam_data / "data" / "resourceTypes").mkdir()
    (iam_data / "package.json").write_text('{"version": "0.1", "updatedAt": "2026-09-26T04:46:59.905Z"}')
    actions = {
        name.lower(): {"name": name, "accessLevel": level, "resourceTypes": []}
        for name, level in (("CreateX", "Write"), ("GetX", "Read"), ("GetY", "Read"))
    }
    (iam_data / "data" / "actions" / "svc.json").write_text(json.dumps(actions))
    (iam_data / "data" / "resourceTypes" / "svc.json").write_text("{}")
    overrides = python / "policy_sentry" / "shared" / "data" / "access-level-overrides.yml"
    overrides.parent.mkdir(parents=True)
    overrides.write_text(yaml.safe_dump({"svc": {"Permissions management": ["createx"], "Write": None}}))
    constants = python / "cloudsplaining" / "shared" / "constants.py"
    constants.parent.mkdir(parents=True)
    constants.write_text(CONSTANTS)
    for name in ("policy_sentry-0.2", "cloudsplaining-0.3"):
        (python / f"{name}.dist-info").mkdir()
    return Sources(iam_data, python)


def test_a_table_is_built_from_all_sources(sources):
    encoded = build(sources, None, *NO_HARMS).encoded
    built = ActionTable.load(encoded)
    assert built.about == {
        "iam-data": "0.1",
        "policy-sentry": "0.2",
        "cloudsplaining": "0.3",
        "date": "2026-09-26",
    }
    assert built.get("svc:CreateX").level is AccessLevel.PERMISSIONS_MANAGEMENT
    assert built.get("svc:GetX").level is AccessLevel.READ
    assert built.get("svc:GetX").risks == {"DataExfiltration"}
    assert (built.get("svc:GetY").level, built.get("svc:GetY").risks) == (
        AccessLevel.READ_SECRET,
        {"CredentialExposure"},
    )
    assert built.escalations == (Escalation("X", "https://glossary.example.com", ("svc:CreateX",)),)
    assert build(sources, None, *NO_HARMS).encoded == encoded


def test_names_of_the_lists_that_aws_does_not_have_are_faults(sources):
    assert (
        "AWS has no svc:gone, which a list of risks names: review it in escalations.yaml"
        in build(sources, None, *NO_HARMS).faults
    )


def with_service(sources, name, *actions):
    known = {each.lower(): {"name": each, "accessLevel": "Read", "resourceTypes": []} for each in actions}
    (sources.iam_data / "data" / "actions" / f"{name}.json").write_text(json.dumps(known))
    (sources.iam_data / "data" / "resourceTypes" / f"{name}.json").write_text("{}")


def test_pol_04_an_action_that_the_sources_lack_is_known_and_hands_out_credentials(sources):
    with_service(sources, "sts", "GetCallerIdentity")
    encoded, _, faults = build(sources, None, *NO_HARMS)
    action = ActionTable.load(encoded).get("sts:GetScopedCredentials")
    assert (action.level, action.risks, action.resource_types) == (AccessLevel.READ_SECRET, {"CredentialExposure"}, ())
    assert not [fault for fault in faults if "GetScopedCredentials" in fault]


def test_an_action_that_the_sources_have_now_is_a_fault(sources):
    with_service(sources, "sts", "GetScopedCredentials")
    assert (
        "ahead.yaml names sts:GetScopedCredentials, which the sources have now"
        in build(sources, None, *NO_HARMS).faults
    )


def test_a_table_with_faults_leaves_the_old_one(sources, tmp_path):
    path = tmp_path / "actions.bin"
    path.write_bytes(TABLE.read_bytes())
    written, lines = replace(path, path.with_suffix(".md"), sources, *NO_HARMS)
    assert not written
    assert path.read_bytes() == TABLE.read_bytes()
    assert "FAULT: s3:GetObject should be Read and is missing" in lines
    assert any(line.startswith("FAULT: there were 456 services and are 1") for line in lines)
    assert lines[-1].endswith("not written")
