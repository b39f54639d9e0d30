"""Privilege escalations: how they get into the table, and that the checked-in ones were reviewed."""

import json
import zlib

import pytest
import yaml

from data.__main__ import HERE, TABLE
from data.escalations import Method, escalations, faults
from jitney.core.actions import ActionTable

ACTIONS = ActionTable.load(TABLE.read_bytes())
OURS = yaml.safe_load((HERE / "escalations.yaml").read_text("utf-8"))
WAYS = {frozenset(way.actions): way for way in ACTIONS.escalations}


def lists(**methods):
    return {
        "PRIVILEGE_ESCALATION_METHODS": methods,
        "PRIVILEGE_ESCALATION_PATHFINDING_PATHS": {"A": "https://pathfinding.cloud/paths/a"},
        "PRIVILEGE_ESCALATION_GLOSSARY_URL": "https://glossary.example.com",
        "ACTIONS_THAT_RETURN_CREDENTIALS": ["iam:createaccesskey", "iam:createkeys"],
        "READ_ONLY_DATA_EXFILTRATION_ACTIONS": ["s3:GetObject"],
    }


def test_a_way_has_canonical_names_and_its_source():
    found = escalations(
        lists(A=["iam:passrole", "ec2:runinstances"], B=["iam:putrolepolicy"]), {"methods": {}}, ACTIONS
    )
    assert found.methods == (
        Method("B", ("iam:PutRolePolicy",), "https://glossary.example.com"),
        Method("A", ("iam:PassRole", "ec2:RunInstances"), "https://pathfinding.cloud/paths/a"),
    )


def test_what_only_looks_is_no_part_of_a_way():
    found = escalations(
        lists(A=["ec2-instance-connect:sendsshpublickey", "ec2:describeinstances"]), {"methods": {}}, ACTIONS
    )
    assert [method.actions for method in found.methods] == [("ec2-instance-connect:SendSSHPublicKey",)]


def test_a_way_that_contains_another_is_left_out_and_listed():
    inner = {"B": {"actions": ["codebuild:StartBuild"], "source": "https://example.com"}}
    found = escalations(lists(A=["iam:passrole", "codebuild:startbuild"]), {"methods": inner}, ACTIONS)
    assert [method.name for method in found.methods] == ["B"]
    assert found.left_out == ("A: it contains B",)


def test_names_that_aws_does_not_have_are_refused_until_they_are_reviewed():
    found = escalations(lists(A=["iam:passrole", "ec2:runinstance"]), {"methods": {}}, ACTIONS)
    assert (found.methods, found.left_out) == ((), ("A: AWS has no ec2:runinstance",))
    assert found.unknown == ("ec2:runinstance", "iam:createkeys")
    assert faults(found, found.unknown) == []
    assert faults(found, ["iam:createkeys"]) == [
        "AWS has no ec2:runinstance, which a list of risks names: review it in escalations.yaml"
    ]
    assert faults(found, [*found.unknown, "x:y"]) == [
        "escalations.yaml says that AWS has no x:y, but it has or nothing names it"
    ]


def test_the_checked_in_table_names_what_was_reviewed_as_unknown():
    data = TABLE.read_bytes()
    index = json.loads(zlib.decompress(data[8 : 8 + int.from_bytes(data[4:8])]))
    assert index["unknown"] == sorted(OURS["unknown"])
    assert not any(ACTIONS.get(name) for name in OURS["unknown"])


def test_every_way_of_our_own_is_in_the_table_with_its_source():
    for method in OURS["methods"].values():
        assert WAYS[frozenset(method["actions"])].source == method["source"]
        assert method["source"].startswith("https://")


def test_the_table_has_as_many_ways_as_were_reviewed():
    """cloudsplaining 0.9.1 has 16 with one action and 43 with several. `make data` says which of them are left out."""
    sizes = [len(way.actions) for way in ACTIONS.escalations]
    assert (sizes.count(1), len(sizes)) == (26, 59)
    assert all(ACTIONS.get(name).name == name for way in ACTIONS.escalations for name in way.actions)


def test_no_way_holds_all_of_another():
    sets = [set(way.actions) for way in ACTIONS.escalations]
    assert not [(a, b) for a in sets for b in sets if a < b]


def test_pol_05_a_way_of_a_passed_role_is_whole_once_something_keeps_it():
    """Otherwise, an agent could pass a role with one grant, release it, and start the resource with another grant."""
    longer = [way for way in ACTIONS.escalations if "iam:PassRole" in way.actions and len(way.actions) != 2]
    assert longer == []


def test_what_harmless_requests_ask_for_is_part_of_no_way():
    """Each such action costs one read with every request (architecture, "State")."""
    for name in ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "dynamodb:PutItem", "ec2:DescribeInstances"):
        assert name not in ACTIONS.combination_actions


@pytest.mark.parametrize("name", OURS["not_credentials"])
def test_what_is_public_is_no_credential(name):
    assert ACTIONS.get(name).risks == frozenset()


@pytest.mark.parametrize("name", ["s3:GetObject", "ssm:GetParameter", "ssm:GetParametersByPath"])
def test_what_reads_data_has_its_risk(name):
    assert "DataExfiltration" in ACTIONS.get(name).risks
