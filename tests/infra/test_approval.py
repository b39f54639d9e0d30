"""The workflow's definition: sound by itself, and wholly substituted in the template."""

import json
import re

import pytest

from infra.approval import DEFINITION
from tests.infra.conftest import only, plain

pytestmark = pytest.mark.xdist_group("cdk")

MACHINE = json.loads(DEFINITION.read_text(encoding="utf-8"))


def successors(state):
    """The states that a state may go on to."""
    branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
    named = [branch[key] for branch in branches for key in ("Next", "Default") if key in branch]
    return set(named)


def test_every_state_is_reached_and_every_way_ends():
    states, reached, waiting = MACHINE["States"], set(), [MACHINE["StartAt"]]
    while waiting:
        name = waiting.pop()
        assert name in states
        if name not in reached:
            reached.add(name)
            waiting += successors(states[name])
            assert successors(states[name]) or states[name].get("End") or states[name]["Type"] in {"Succeed", "Fail"}
    assert reached == set(states)


def test_it_is_jsonata_throughout():
    assert MACHINE["QueryLanguage"] == "JSONata"
    text = json.dumps(MACHINE)
    for jsonpath_only in ("InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "TimestampPath"):
        assert jsonpath_only not in text
    for state in MACHINE["States"].values():
        for value in re.findall(r"\{%.*?%\}", json.dumps(state)):
            assert "$states." in value


def test_every_call_is_bounded_and_repeated():
    tasks = [state for state in MACHINE["States"].values() if state["Type"] == "Task"]
    assert tasks
    for task in tasks:
        assert task["TimeoutSeconds"] > 0
        assert [retry["ErrorEquals"] for retry in task["Retry"]] == [["States.ALL"]]


def test_the_template_holds_it_as_it_is_with_every_name_put_in(assembly):
    machine = only(assembly.broker, "AWS::StepFunctions::StateMachine")
    assert machine["DefinitionString"] == DEFINITION.read_text(encoding="utf-8")
    placeholders = set(re.findall(r"\$\{(\w+)\}", machine["DefinitionString"]))
    assert placeholders == set(machine["DefinitionSubstitutions"])
    assert plain(machine["DefinitionSubstitutions"]) == {"ExpiryFunctionArn": "ExpiryFunction.Arn", "Partition": "aws"}


def test_it_can_wait_for_a_day_and_logs_no_data(assembly):
    machine = only(assembly.broker, "AWS::StepFunctions::StateMachine")
    # An Express execution ends after five minutes.
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
