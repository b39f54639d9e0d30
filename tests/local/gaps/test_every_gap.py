"""Every closed gap has a contract test."""

import ast
from pathlib import Path

import pytest

from local.emulator import gaps

pytestmark = pytest.mark.slow


def test_every_gap_exists() -> None:
    assert all(gaps.load(gap).__name__ == gap.partition(".")[2] for gap in gaps.GAPS)


def test_every_gap_has_a_contract_test() -> None:
    modules = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(__file__).parent.glob("test_*.py")]
    tests = {node.name for module in modules for node in module.body if isinstance(node, ast.FunctionDef)}
    assert {f"test_{gap.partition('.')[2]}" for gap in gaps.GAPS} <= tests
