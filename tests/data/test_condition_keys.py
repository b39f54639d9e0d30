"""Which condition keys the calls of an action carry: rows of the table, checked by hand against AWS's reference."""

import pytest

from data.condition_keys import GENERAL, condition_keys
from jitney.core.access.conditions import KEYS
from jitney.core.patterns import MAX_STEPS, Budget
from tests.fakes import ACTIONS

E = "eu-west-1:444455556666"


@pytest.mark.parametrize(
    ("name", "resource", "has", "lacks"),
    [
        ("s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix", "s3:delimiter", "s3:max-keys"}, {"ec2:InstanceType"}),
        ("s3:GetObject", "arn:aws:s3:::b/a", set(), {"s3:prefix", "s3:max-keys"}),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:{E}:table/t", {"dynamodb:LeadingKeys"}, set()),
        ("dynamodb:Scan", f"arn:aws:dynamodb:{E}:table/t", set(), {"dynamodb:LeadingKeys"}),
        ("kms:Decrypt", f"arn:aws:kms:{E}:key/1", {"kms:ViaService", "kms:EncryptionContext:"}, set()),
        (
            "ec2:RunInstances",
            f"arn:aws:ec2:{E}:instance/*",
            {"ec2:InstanceType", "aws:RequestTag/"},
            {"aws:ResourceTag/"},
        ),
        ("ec2:RunInstances", f"arn:aws:ec2:{E}:subnet/s", {"aws:ResourceTag/"}, {"ec2:InstanceType"}),
    ],
)
def test_pol_12_actions_have_the_keys_of_awss_reference(name: str, resource: str, has: set[str], lacks: set[str]):
    action = ACTIONS.get(name)
    assert action
    found = action.keys_on(resource, Budget(MAX_STEPS))
    assert has <= found
    assert found.isdisjoint(lacks)
    assert found <= action.possible_keys


def test_pol_12_each_supported_key_is_carried_by_some_action():
    carried = {
        key for each in ACTIONS.services() for action in ACTIONS.of_service(each) for key in action.possible_keys
    }
    assert carried == KEYS.keys()


def test_pol_12_keys_of_a_type_count_only_where_the_action_lists_none():
    types = {"table": {"conditionKeys": ["aws:ResourceTag/${TagKey}"]}}
    listed = {
        "resourceTypes": [{"name": "table", "conditionKeys": ["ec2:InstanceType", "ec2:Owner"]}],
        "conditionKeys": [],
    }
    silent = {"resourceTypes": [{"name": "table", "conditionKeys": []}], "conditionKeys": ["s3:prefix", "s3:authType"]}
    assert condition_keys(listed, types) == {GENERAL: set(), "table": {"ec2:InstanceType"}}
    assert condition_keys(silent, types) == {GENERAL: {"s3:prefix"}, "table": {"aws:ResourceTag/"}}
