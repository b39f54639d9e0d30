"""Step Functions: where ministack reads the Amazon States Language in JSONata differently."""

import copy
import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from ministack.services import stepfunctions as states

type Members = dict[str, Any]


def assignments_at_once() -> None:
    """AWS evaluates all of an Assign with the variables from before the state, and then sets them together.

    https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
    """

    def apply_state_assign(state: Members, given: Any, ctx: Members | None, result: Any = None, **error: Any) -> None:
        if ctx is None or states._state_query_language(state, ctx) != "JSONata":
            return
        found = states._apply_jsonata_template(state.get("Assign") or {}, given, ctx, result=result, **error)
        ctx.setdefault("variables", {}).update(found)

    states._apply_state_assign = apply_state_assign


def conditions_are_true_or_false() -> None:
    """AWS requires true or false from a Choice's Condition. Default also goes on with the state's own Output.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
    """
    execute = states._execute_choice

    def evaluate(rule: Members, given: Any, ctx: Members) -> bool:
        return bool(states._jsonata_state_field(rule, "Condition", "boolean", given, ctx))

    def execute_choice(state: Members, given: Any, ctx: Members | None = None) -> Any:
        output, following = execute(state, given, ctx)
        chosen = {rule["Next"] for rule in state.get("Choices", [])}
        if following == state.get("Default") and following not in chosen:
            output = states._apply_jsonata_output(state, given, ctx, default=output)
        return output, following

    states._evaluate_jsonata_choice_rule = evaluate
    states._execute_choice = execute_choice


def timestamps_have_an_offset() -> None:
    """AWS accepts a Wait's Timestamp only as RFC 3339 in capitals, with Z or an offset. ministack does not wait at all.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
    """
    parse = states._jsonata_wait_timestamp
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

    def wait_timestamp(state: Members, given: Any, ctx: Members) -> str:
        timestamp = str(parse(state, given, ctx))
        if form.fullmatch(timestamp):
            return timestamp
        sentence = "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: "
        raise states._ExecutionError("States.QueryEvaluationError", sentence + timestamp)

    states._jsonata_wait_timestamp = wait_timestamp


def succeed_has_an_output() -> None:
    """AWS computes the Output of a Succeed like that of other states.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-succeed.html
    """
    in_jsonpath = states._apply_output_path

    def apply_output_path(state: Members, data: Any, ctx: Members | None = None) -> Any:
        if state.get("Type") == "Succeed" and states._state_query_language(state, ctx) == "JSONata":
            return states._apply_jsonata_output(state, data, ctx, default=data)
        return in_jsonpath(state, data, ctx)

    states._apply_output_path = apply_output_path


def branches_of_their_own() -> None:
    """AWS gives each branch of a Parallel the Arguments and its own variables.

    It computes the Output from all branches.

    The history has the states of branches and of a Map's items.
    https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html
    """
    in_jsonpath = states._run_parallel_branches

    def run_parallel_branches(state: Members, given: Any, execution: Members, ctx: Members) -> Any:
        if states._state_query_language(state, ctx) != "JSONata":
            return in_jsonpath(state, given, execution, ctx)
        arguments = states._apply_jsonata_arguments(state, given, ctx)

        def run(branch: Members) -> Any:
            return _run_sub_machine(branch["States"], branch["StartAt"], arguments, execution, copy.deepcopy(ctx))

        with ThreadPoolExecutor(len(state["Branches"])) as pool:
            branches = [pool.submit(copy_context().run, run, branch) for branch in state["Branches"]]
        results = [branch.result() for branch in branches]
        output = states._apply_jsonata_output(state, given, ctx, result=results, default=results)
        states._apply_state_assign(state, given, ctx, result=results)
        return output, states._next_or_end(state)

    states._run_parallel_branches = run_parallel_branches
    states._run_sub_machine = _run_sub_machine


def _run_sub_machine(machine: Members, name: str, given: Any, execution: Members, ctx: Members) -> Any:
    following: str | None = name
    while following:
        state = machine[following]
        kind, ctx["State"] = state["Type"], {"Name": following, "EnteredTime": states.now_iso(), "RetryCount": 0}
        told = {"name": following, "input": json.dumps(given)}
        states._add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": told})
        given, after = _run_state(state, given, execution, ctx)
        told = {"name": following, "output": json.dumps(given)}
        states._add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": told})
        following = after
    return given


def _run_state(state: Members, given: Any, execution: Members, ctx: Members) -> tuple[Any, str | None]:
    match state["Type"]:
        case "Succeed":
            return states._apply_output_path(state, states._apply_input_path(state, given, ctx), ctx), None
        case "Fail":
            raise states._ExecutionError(*states._fail_state_error(state, given, ctx))
        case "Task" | "Parallel" | "Map" as kind:
            output, after = getattr(states, f"_execute_{kind.lower()}")(state, given, execution, ctx)
        case kind:
            output, after = getattr(states, f"_execute_{kind.lower()}")(state, given, ctx)
    return output, after
