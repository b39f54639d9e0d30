"""An answer says when to repeat the call if its fix says to repeat it."""

import ast
from functools import cache
from pathlib import Path

import pytest

from jitney.core.problems import PROBLEMS, Problem
from jitney.handlers.runtime.http import problem_response
from tests.handlers.conftest import REQUEST_BODY, System

PACKAGE = Path(__file__).resolve().parents[2] / "functions" / "jitney"

_ORDERS = ("Repeat the call.", "Try again")


@cache
def codes_to_repeat() -> frozenset[str]:
    """Return the codes of the problems whose fix begins with an order to repeat the call or to try again."""
    found = set()
    texts = (path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    for text in (text for text in texts if any(order in text for order in _ORDERS)):
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Call(
                    func=ast.Name(id="Problem"), args=[ast.Constant(value=code), _, ast.Constant(value=str(fix)), *_]
                ) if fix.startswith(_ORDERS):
                    found.add(code)
    return frozenset(found)


@pytest.mark.parametrize("code", sorted(codes_to_repeat()))
def test_a_problem_that_says_to_repeat_the_call_says_when(code: str):
    assert int(problem_response(Problem(code, "x", "y")).headers["Retry-After"]) > 0


def test_these_are_conflicts_and_failures():
    assert codes_to_repeat() >= {"grant_conflict", "suspension_conflict", "store_busy", "unavailable"}
    assert {PROBLEMS[code].status for code in codes_to_repeat()} == {409, 503}


def test_a_failure_says_when_to_try_again_and_what_to_report(system: System):
    def fails(*_: object) -> None:
        raise RuntimeError("secret")

    status, problem, headers = system.call(fails, REQUEST_BODY)
    assert (status, problem["code"], headers["Retry-After"]) == (500, "internal", "2")
    assert "x-amzn-RequestId" in problem["fix"]
    assert "secret" not in str(problem)
