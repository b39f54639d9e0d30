"""Tests of the running system avoid what makes them fail by chance."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PLACES = [
    *TESTS.glob("*.py"),
    *(
        path
        for room in ("system", "browser", "local")
        for path in TESTS.glob(f"{room}/**/*.py")
        if "node_modules" not in path.relative_to(TESTS).parts
    ),
]
ASKING = {"get", "post", "put", "delete", "head", "options", "request", "stream", "Client"}
PAGED = {"describe_log_groups", "filter_log_events", "list_executions", "list_functions", "list_state_machines"}


def complaints(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        whose, name = node.func.value, node.func.attr
        of_httpx = isinstance(whose, ast.Name) and whose.id == "httpx" and name in ASKING
        if of_httpx and not any(each.arg == "timeout" for each in node.keywords):
            yield f"line {node.lineno}: httpx.{name} gives up after five seconds: pass timeout=PATIENCE"
        if name in PAGED:
            yield f"line {node.lineno}: {name} returns one page of what all tests did: use a paginator"


def test_requests_have_patience_and_lists_are_paged():
    found = [
        f"{path.relative_to(TESTS)}: {each}"
        for path in PLACES
        for each in complaints(path.read_text(encoding="utf-8"))
        # A contract test of the emulator has an account of its own.
        if "gaps" not in path.parts or "httpx" in each
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("httpx.get(url)", 1),
        ("httpx.get(url, timeout=PATIENCE)", 0),
        ("httpx.Client(trust_env=False)", 1),
        ("client.get(url)", 0),
        ("aws('stepfunctions').list_executions(stateMachineArn=arn)['executions']", 1),
        ("client.get_paginator('list_executions').paginate(stateMachineArn=arn)", 0),
    ],
)
def test_complaints_are_found(source: str, count: int):
    assert len(list(complaints(source))) == count
