"""The workflow's definition is valid by itself, and all placeholders are substituted in the template."""

import json
import re

import pytest

from infra.approval import DEFINITION
from jitney.adapters.approval_workflow import KEEP_TOKEN_SECONDS
from jitney.configuration import settings
from jitney.handlers.review_notices import (
    MOST_RETRIES,
    MessagesUnsent,
    NoReviewerNotified,
    RequestUndecidable,
    ReviewEnded,
    StepFailure,
    TooFewReviewers,
)
from tests.infra.conftest import of_type, only, plain
from tests.infra.workflow.validator import complaints

pytestmark = pytest.mark.xdist_group("cdk")

MACHINE = json.loads(DEFINITION.read_text(encoding="utf-8"))
WAIT = MACHINE["States"]["NotifyAndWait"]


def successors(state):
    """Return the states that may follow a state."""
    branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
    named = [branch[key] for branch in branches for key in ("Next", "Default") if key in branch]
    return set(named)


def test_every_state_is_reachable_and_every_path_ends():
    states, reached, waiting = MACHINE["States"], set(), [MACHINE["StartAt"]]
    while waiting:
        name = waiting.pop()
        assert name in states
        if name not in reached:
            reached.add(name)
            waiting += successors(states[name])
            assert successors(states[name]) or states[name].get("End") or states[name]["Type"] in {"Succeed", "Fail"}
    assert reached == set(states)


def sample():
    """Return the workflow as it is deployed, with ARNs of a sample account."""
    function = "arn:aws:lambda:eu-west-1:111122223333:function:jitney-sample:live"
    names = {
        name: "aws" if name == "Partition" else function for name in re.findall(r"\$\{(\w+)\}", json.dumps(MACHINE))
    }
    text = DEFINITION.read_text(encoding="utf-8")
    for name, value in names.items():
        text = text.replace(f"${{{name}}}", value)
    return json.loads(text)


def test_the_validator_of_its_language_accepts_it():
    assert complaints(sample()) == ""


def test_the_validator_refuses_an_unknown_state_and_an_endless_path():
    missing = sample()
    missing["States"][missing["StartAt"]]["Next"] = "Nowhere"
    assert "Nowhere" in complaints(missing)
    endless = sample()
    del endless["States"]["Failed"]
    for state in endless["States"].values():
        if state.pop("End", None) or state.get("Next") == "Failed":
            state["Next"] = endless["StartAt"]
        for caught in state.get("Catch", ()):
            caught["Next"] = endless["StartAt"]
    assert "MISSING_TERMINAL_STATE" in complaints(endless)


def test_every_state_uses_jsonata():
    assert MACHINE["QueryLanguage"] == "JSONata"
    text = json.dumps(MACHINE)
    for jsonpath_only in ("InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "TimestampPath"):
        assert jsonpath_only not in text
    for state in MACHINE["States"].values():
        for value in re.findall(r"\{%.*?%\}", json.dumps(state)):
            assert "$states." in value


def test_every_call_has_a_timeout_and_retries():
    tasks = [state for state in MACHINE["States"].values() if state["Type"] == "Task"]
    assert tasks
    for task in tasks:
        assert "wait_seconds" in task["TimeoutSeconds"] if task is WAIT else task["TimeoutSeconds"] > 0
        assert task["Retry"][-1]["ErrorEquals"] == ["States.ALL"]


def test_rev_13_every_failure_fails_the_request_until_it_is_decided():
    tasks = {name: state for name, state in MACHINE["States"].items() if state["Type"] == "Task"}
    caught = {name for name, state in tasks.items() if "Catch" in state}
    assert caught == set(tasks) - {"NotifyDecision", "FailReview"}
    assert {name: tasks[name]["Catch"][-1]["Next"] for name in caught} == dict.fromkeys(caught, "FailReview")
    assert all(tasks[name]["Catch"][-1]["ErrorEquals"] == ["States.ALL"] for name in caught)


def test_rev_13_the_workflow_repeats_a_notice_as_often_as_its_function_expects():
    def retries(state, error):
        return next(each["MaxAttempts"] for each in state["Retry"] if {error, "States.ALL"} & {*each["ErrorEquals"]})

    decision = MACHINE["States"]["NotifyDecision"]
    assert retries(WAIT, NoReviewerNotified.__name__) == retries(decision, MessagesUnsent.__name__) == MOST_RETRIES
    assert retries(WAIT, MessagesUnsent.__name__) == MOST_RETRIES
    for failure in (ReviewEnded, TooFewReviewers, RequestUndecidable):
        assert retries(WAIT, failure.__name__) == 0
    again = [
        next(each for each in state["Retry"] if each["ErrorEquals"] == ["MessagesUnsent"]) for state in (WAIT, decision)
    ]
    pauses = [
        [each["IntervalSeconds"] * each["BackoffRate"] ** number for number in range(MOST_RETRIES)] for each in again
    ]
    # Nothing resumes the workflow in a pause, and the next wait begins after it. So a use of break-glass, a narrowed
    # request and the next escalation are notified later by that time.
    assert (max(pauses[0]), sum(pauses[0]), sum(pauses[1])) == (80, 150, 850)
    for state in (WAIT, decision):
        assert state["Arguments"]["Payload"]["retries"] == "{% $states.context.State.RetryCount %}"
    assert {each.__name__ for each in StepFailure.__subclasses__()} == {
        "MessagesUnsent",
        "NoReviewerNotified",
        "RequestUndecidable",
        "ReviewEnded",
        "TooFewReviewers",
    }


def test_rev_13_no_wait_outlives_its_token_and_the_longest_review_fits():
    assert settings.LONGEST_REVIEW_SECONDS < MACHINE["TimeoutSeconds"] <= KEEP_TOKEN_SECONDS


def test_rev_02_only_the_function_that_keeps_it_gets_a_task_token():
    holders = [state for state in MACHINE["States"].values() if "Token" in json.dumps(state)]
    assert holders == [WAIT, MACHINE["States"]["NotifyDecision"]]
    for state in holders:
        assert state["Arguments"]["FunctionName"] == "${NoticesFunctionArn}"
        assert "Token" not in json.dumps({**state, "Comment": "", "Arguments": {}, "Resource": ""})
        assert "$states.result" not in json.dumps(state)  # the call that ends the task adds nothing to it


def test_rev_13_a_failed_or_stopped_execution_calls_the_failure_function(assembly):
    rules = of_type(assembly.broker, "AWS::Events::Rule").values()
    (rule,) = (each for each in rules if "aws.states" in each.get("EventPattern", {}).get("source", ()))
    assert plain(rule["EventPattern"]) == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"stateMachineArn": ["ApprovalWorkflow"], "status": ["ABORTED", "FAILED", "TIMED_OUT"]},
    }
    (target,) = rule["Targets"]
    assert plain(target["Arn"]) == "ReviewFailuresFunction.Arn"


def test_the_template_has_the_definition_with_every_placeholder_replaced(assembly):
    machine = only(assembly.broker, "AWS::StepFunctions::StateMachine")
    assert machine["DefinitionString"] == DEFINITION.read_text(encoding="utf-8")
    placeholders = set(re.findall(r"\$\{(\w+)\}", machine["DefinitionString"]))
    assert placeholders == set(machine["DefinitionSubstitutions"])
    assert plain(machine["DefinitionSubstitutions"]) == {
        "ScheduleFunctionArn": "ReviewScheduleFunction.Arn",
        "NoticesFunctionArn": "ReviewNoticesFunction.Arn",
        "FailuresFunctionArn": "ReviewFailuresFunction.Arn",
        "Partition": "aws",
    }


def test_it_is_a_standard_workflow_and_logs_no_data(assembly):
    machine = only(assembly.broker, "AWS::StepFunctions::StateMachine")
    # An Express execution ends after five minutes.
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
