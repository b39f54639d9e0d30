"""The member `calls` of a request: explains what each command line or call object needs, and why."""

from collections.abc import Mapping, Sequence
from typing import Any

from jitney.core.access.request import ExplainedAction
from jitney.core.access.request_body import CallExplainer
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.call_needs import explain_call
from jitney.core.calls.operations import OperationTable
from jitney.core.calls.options import first_word, invalid_call, read_options
from jitney.core.calls.parser import read_command, read_object
from jitney.core.calls.s3_commands import explain_s3
from jitney.core.calls.shell_words import check_operators, split_words
from jitney.core.problems import Problem, ProblemMembers
from jitney.core.target_config import Target

WITHOUT_CALLS = frozenset({"configure", "help", "history"})
"""AWS CLI commands that use only the CLI's own files."""


def explainer(operations: OperationTable) -> CallExplainer:
    """Return a `CallExplainer` that uses this table."""

    def explain_on(calls: Sequence[Any], target: Target) -> tuple[ExplainedAction, ...]:
        place = AwsLocation(target.role_arn.split(":", 2)[1], target.region, target.account)
        return explain_calls(calls, place, operations)

    return explain_on


def explain_calls(calls: Sequence[Any], place: AwsLocation, operations: OperationTable) -> tuple[ExplainedAction, ...]:
    """Return what the calls need, in the order of the calls.

    Raises Problem call_invalid, operation_unknown or account_mismatch. Its `pointer` names the call.
    """
    return tuple(each for index, call in enumerate(calls) for each in _explained(call, index, place, operations))


def _explained(call: Any, index: int, place: AwsLocation, operations: OperationTable) -> tuple[ExplainedAction, ...]:
    try:
        if isinstance(call, str):
            return explain_line(call, place, operations)
        if isinstance(call, Mapping):
            return explain_call(read_object(call, operations), place)
        raise invalid_call(
            "The call is neither a string nor an object.", "Write a command line, or {service, operation, parameters}."
        )
    except Problem as problem:
        extras: ProblemMembers = {**problem.extras, "pointer": f"/calls/{index}"}
        raise Problem(problem.code, f"/calls/{index}: {problem.detail}", problem.fix, extras) from problem


def explain_line(line: str, place: AwsLocation, operations: OperationTable) -> tuple[ExplainedAction, ...]:
    """Return what one AWS CLI command line needs.

    Raises Problem call_invalid, operation_unknown or account_mismatch.
    """
    return explain_words(split_words(line), place, operations)


def explain_words(words: Sequence[str], place: AwsLocation, operations: OperationTable) -> tuple[ExplainedAction, ...]:
    """Return what a command line with these words needs. Raises the problems of `explain_line`."""
    if not words or words[0] != "aws":
        named = f"{words[0][:60]!a}" if words else "An empty line"
        raise invalid_call(f"{named} is not an AWS CLI command.", "Begin the command line with aws.")
    check_operators(words)
    service, rest = first_word(words[1:])
    if not service:
        read_options(rest, {})
        raise invalid_call("The command line names no service.", "Write aws SERVICE OPERATION --options.")
    if service in WITHOUT_CALLS:
        raise invalid_call(f"aws {service} does not call AWS.", "Remove it. It needs no grant.")
    if service == "s3":
        return explain_s3(rest, place, operations)
    return explain_call(read_command(service, rest, operations), place)
