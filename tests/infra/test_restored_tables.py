"""The stack over tables that were restored (row OPS 2)."""

import json
from typing import Any

import pytest

from jitney.configuration.broker_settings import BrokerSettings
from tests.infra.conftest import Synthesized, configured, of_type, plain

pytestmark = pytest.mark.xdist_group("cdk")

STREAM = "arn:aws:dynamodb:eu-west-1:111122223333:table/audit-2/stream/2026-11-29T02:00:00.000"
RESTORED = {"state_table": "state-2", "audit_table": "audit-2", "audit_stream_arn": STREAM}


@pytest.fixture(scope="module")
def restored(synthesize: Any, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize(configured(tmp_path_factory.mktemp("restored"), restored_tables=RESTORED))


def test_ops_02_functions_use_the_restored_tables_and_may_use_no_others(restored: Synthesized, assembly: Synthesized):
    template = restored.broker
    assert [plain(each["KeySchema"]) for each in of_type(template, "AWS::DynamoDB::GlobalTable").values()] == [
        [{"AttributeName": "pk", "KeyType": "HASH"}]
    ]
    for function in of_type(template, "AWS::Lambda::Function").values():
        variables = function["Environment"]["Variables"]
        assert variables.get("JITNEY_STATE_TABLE", "state-2") == "state-2"
        assert variables.get("JITNEY_AUDIT_TABLE", "audit-2") == "audit-2"
    text = json.dumps(template["Resources"])
    assert "TablesState" not in text
    assert "TablesAudit" not in text
    policies = json.dumps([plain(each) for each in of_type(template, "AWS::IAM::Role").values()])
    for resource in ("state-2", "audit-2", "state-2/index/open_by_role", "audit-2/index/calls_of_grant"):
        assert f"arn:aws:dynamodb:eu-west-1:111122223333:table/{resource}" in policies
    (stream,) = (
        each for each in of_type(template, "AWS::Lambda::EventSourceMapping").values() if "StartingPosition" in each
    )
    assert stream["EventSourceArn"] == STREAM
    assert template["Outputs"]["StateTable"]["Value"] == "state-2"
    names = [each["RoleName"] for each in of_type(assembly.broker, "AWS::IAM::Role").values()]
    assert {each["RoleName"] for each in of_type(template, "AWS::IAM::Role").values()} <= set(names)


def test_ops_02_a_local_system_has_them_only_if_its_emulator_does():
    broker = BrokerSettings.model_validate(
        {"account": "111122223333", "region": "eu-west-1"} | {"restored_tables": RESTORED}
    )
    assert broker.restored_tables is not None
    assert broker.local(restored=False).restored_tables is None
    assert broker.local(restored=True).restored_tables == broker.restored_tables
