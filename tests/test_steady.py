"""What makes tests of the running system fail by chance does not come back."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PLACES = [
    *TESTS.glob("*.py"),
    *(path for room in ("system", "browser", "local") for path in TESTS.glob(f"{room}/**/*.py")),
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
            yield f"line {node.lineno}: httpx.{name} gives up after five seconds: say timeout=PATIENCE"
        if name in PAGED:
            yield f"line {node.lineno}: {name} answers a page of what all tests did: use a paginator, or look for one"


@pytest.mark.parametrize("path", PLACES, ids=lambda path: str(path.relative_to(TESTS)))
def test_nothing_is_in_a_hurry_or_looks_at_a_page_of_everything(path: Path):
    text = path.read_text(encoding="utf-8")
    # A contract test of the emulator has an account of its own.
    found = [each for each in complaints(text) if "gaps" not in path.parts or "httpx" in each]
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
def test_it_would_be_noticed(source: str, count: int):
    assert len(list(complaints(source))) == count
