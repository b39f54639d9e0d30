"""Step Functions: the Amazon States Language in JSONata, one contract test for each gap."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.local.gaps.contracts import Emulator
from tests.local.gaps.workflows import Workflow, asking, callback


def test_assignments_at_once(emulator: Emulator) -> None:
    first = {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Swap"}
    swap = {"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Next": "Show"}
    show = {"Type": "Pass", "Output": "{% [$a, $b] %}", "End": True}
    assert Workflow(emulator, {"First": first, "Swap": swap, "Show": show}).output() == [2, 1]


@pytest.mark.parametrize(("given", "said"), [({"is": False}, "default"), ({"is": "false"}, None), ({"is": 1}, None)])
def test_conditions_are_true_or_false(emulator: Emulator, given: dict[str, Any], said: str | None) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input.is %}", "Next": "Chosen"}],
        "Default": "Otherwise",
        "Output": "default",
    }
    ends = {"Type": "Pass", "End": True}
    ended = Workflow(emulator, {"Choose": choice, "Chosen": ends, "Otherwise": ends}).run(given)
    if said:
        assert ended["output"] == f'"{said}"'
    else:
        assert (ended["status"], ended.get("error")) == ("FAILED", "States.QueryEvaluationError")


def test_timestamps_have_an_offset(emulator: Emulator) -> None:
    """A time without an offset is refused and does not count as past. A time with an offset is waited for."""
    workflow = Workflow(emulator, {"Wait": {"Type": "Wait", "Timestamp": "{% $states.input.at %}", "End": True}})
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    ended = workflow.run({"at": soon.strftime("%Y-%m-%dT%H:%M:%SZ")})
    assert (ended["status"], ended["stopDate"] >= soon) == ("SUCCEEDED", True)
    for bad in ("2126-01-01T00:00:00", "2126-01-01", "2126-01-01 00:00:00Z"):
        refused = workflow.run({"at": bad})
        assert (refused["status"], refused.get("error")) == ("FAILED", "States.QueryEvaluationError")


def test_succeed_has_an_output(emulator: Emulator) -> None:
    done = {"Type": "Succeed", "Output": {"said": "{% $states.input.word %}"}}
    assert Workflow(emulator, {"Done": done}).output({"word": "yes"}) == {"said": "yes"}


def test_branches_of_their_own(emulator: Emulator) -> None:
    """Each branch has the Arguments, its own token and its own variables.

    The history has the states of all branches.
    """
    asks = {
        "StartAt": "Ask",
        "States": {
            "Ask": {**callback(asking(emulator)), "Assign": {"said": "{% $states.result %}"}, "Next": "Show"},
            "Show": {"Type": "Succeed", "Output": "{% [$said, $states.input] %}"},
        },
    }
    del asks["States"]["Ask"]["End"]
    reviews = {
        "Type": "Parallel",
        "Arguments": {"n": 1},
        "Branches": [asks, asks],
        "Output": {"reviews": "{% $states.result %}", "outside": "{% $said %}"},
        "End": True,
    }
    workflow = Workflow(
        emulator, {"First": {"Type": "Pass", "Assign": {"said": 7}, "Next": "Reviews"}, "Reviews": reviews}
    )
    execution = workflow.start()
    tokens = workflow.tokens("ask", 2)
    assert len({*tokens}) == 2
    for number, token in enumerate(tokens):
        workflow.states.send_task_success(taskToken=token, output=str(number))
    ended = workflow.ended(execution)
    assert ended["status"] == "SUCCEEDED", ended
    assert ended["output"] in {f'{{"reviews": [[{a}, {a}], [{b}, {b}]], "outside": 7}}' for a, b in ((0, 1), (1, 0))}
    entered = [event["type"] for event in workflow.history(execution) if event["type"].endswith("StateEntered")]
    assert sorted(entered)[1:] == ["PassStateEntered", *["SucceedStateEntered"] * 2, *["TaskStateEntered"] * 2]
