"""A local system uses the restored tables of its configuration if its emulator has them."""

from dataclasses import replace
from pathlib import Path

import pytest

from local import restored
from local.settings import REGION, LocalSettings, from_environment
from tests.local.gaps.contracts import Emulator

TABLES = "broker: {restored_tables: {state_table: '${STATE}', audit_table: audit-2, audit_stream_arn: arn}}\n"
ENVIRONMENT = {"STATE": "state-2"}


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    (tmp_path / "jitney.yaml").write_text(TABLES, encoding="utf-8")
    return replace(from_environment({}), config=tmp_path / "jitney.yaml")


def known(emulator: Emulator) -> dict[str, str]:
    return {"account": emulator.account, "region": REGION, "aws_endpoint": emulator.endpoint}


def test_they_are_used_once_the_emulator_has_both(settings: LocalSettings, closed_emulator: Emulator):
    stack, missing = known(closed_emulator), ["state-2", "audit-2"]
    while missing:
        assert restored.missing(settings, ENVIRONMENT, stack) == missing
        assert restored.variables(settings, ENVIRONMENT, stack) == {}
        closed_emulator.root("dynamodb").create_table(
            TableName=missing.pop(),
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
    assert restored.variables(settings, ENVIRONMENT, stack) == {restored.VARIABLE: "1"}


@pytest.mark.parametrize("text", ["", "broker: {}\n", "broker: [1]\n", "broker: {restored_tables: 1}\n", "{"])
def test_a_configuration_without_them_asks_no_emulator(settings: LocalSettings, text: str):
    settings.config.write_text(text, encoding="utf-8")
    nowhere = {"account": "1", "region": REGION, "aws_endpoint": "http://127.0.0.1:1"}
    assert restored.variables(settings, {}, nowhere) == {}
    settings.config.unlink()
    assert restored.variables(settings, {}, nowhere) == {}
