"""Problems as results that a model can act on."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from jitney.client.api.passing_request import passing_instead
from jitney.client.mcp.results import ProblemResult
from jitney.client.mcp.views import request_arguments
from jitney.client.problems import ClientProblem, Invalid

# What a model does, where the broker's fix speaks of HTTP or of the command line.
_FIXES: Mapping[str, str] = {
    "call_in_progress": "Repeat the tool call with the same arguments. You then get the outcome.",
    "call_already_made": "Read the state of the resource. To make an equal call on purpose, add 1 to `again`.",
    "call_may_have_run": "Read the state of the resource first. To make the call once more anyway, add 1 to `again`.",
    "idempotency_mismatch": "The call needs a review now. To begin it, make the call again and add 1 to `again`.",
    "grant_pending": "Use the tool wait with this grant.",
    "credentials_grant": "Use the tool request for a grant with way gateway, or run jitney run --grant in a shell.",
    "call_too_large": "Send less in one call. Inform the user: jitney run --gateway transfers larger objects.",
    "call_outside_grant": "Use the tool request with the arguments in would_pass, then make the call in the new grant.",
    "call_unsupported": "Inform the user. The call needs credentials: jitney run TARGET -- COMMAND.",
    "rejected_before": "Inform the user of this. Repeat it only if something differs, and say it in `changed`.",
    "grant_not_found": "Use the tool my_grants to see your grants.",
    "grant_released": "Use the tool request if you still need the access.",
    "grant_ended": "Use the tool request if you still need the access.",
    "too_many_pending": "Use the tool release for pending requests that you no longer need. Otherwise inform the user.",
    "too_many_grants": "Use a grant that the tool my_grants lists. Otherwise wait until retry_at.",
}

# In the fixes of the broker: words about HTTP, and what a model does instead.
_IN_TOOLS = (
    ("with a new Idempotency-Key", "with 1 added to `again`"),
    ("repeat its POST with the same Idempotency-Key", "repeat it with the same arguments"),
    ("with GET /v1/targets (jitney targets)", "with the tool list_targets"),
)
_CALL = re.compile(r"/calls/([0-9]{1,4})(?![0-9])", re.ASCII)
_OF_CALL = ("grant_released", "grant_ended")
"""Codes that are also of a reviewed call. There, the grant in which the call is made continues."""


def problem_result(problem: ClientProblem) -> ProblemResult:
    """Return the problem with its members, the requests that would pass instead, and what to do."""
    members = problem.members
    of_call = problem.code in _OF_CALL and bool(members.grant and members.grant.call)
    step = (not of_call and _FIXES.get(problem.code)) or problem.fix or "Inform the user."
    for words, instead in _IN_TOOLS:
        step = step.replace(words, instead)
    document = _in_arguments(problem.document(), len(problem.request.calls) if problem.request else 0) | {"fix": step}
    others = _would_pass(problem)
    if problem.code == "denied":
        step = _after_denial(step, passes=bool(others), later=members.retry_at is not None)
    return ProblemResult(problem=document, would_pass=others, next=step)


def _after_denial(fix: str, *, passes: bool, later: bool) -> str:
    """Return what a model does after a denial: a request that `passes`, or the same tool call `later`."""
    again = "the tool call with the same arguments at retry_at or later. If the task cannot wait, inform the user."
    if passes:
        otherwise = f"repeat {again}" if later else "inform the user."
        return f"Use the tool request with the arguments in would_pass, if that is enough. Otherwise {otherwise}"
    return f"Repeat {again}" if later else fix


def _in_arguments(document: dict[str, Any], commands: int) -> dict[str, Any]:
    """Return the problem with pointers into the tool's arguments. To the broker, `commands` and calls are one list."""

    def moved(text: str) -> str:
        found = _CALL.match(text) if commands else None
        if found is None:
            return text
        index = int(found[1])
        place = f"/commands/{index}" if index < commands else f"/calls/{index - commands}"
        return place + text[found.end() :]

    given = {name: moved(document[name]) for name in ("detail", "pointer") if isinstance(document.get(name), str)}
    errors = [{**each, "pointer": moved(str(each.get("pointer", "")))} for each in document.get("errors") or ()]
    return document | given | ({"errors": errors} if errors else {})


def arguments_problem(error: ValidationError, arguments: type[BaseModel]) -> Invalid:
    """Return the problem that a tool's `arguments` are not valid, without their values."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [
        {"pointer": "/" + "/".join(map(str, each["loc"])), "detail": each["msg"].removeprefix("Value error, ")}
        for each in found
    ]
    shown = "; ".join(f"{each['pointer']}: {each['detail']}" for each in errors[:5])
    fix = "Correct the arguments by the tool's input schema."
    wrong = dict.fromkeys(str(each["loc"][0]) for each in found if each["loc"])
    described = ((name, arguments.model_fields[name].description) for name in wrong if name in arguments.model_fields)
    fix += "".join(f" {name}: {description}" for name, description in described if description)
    if any(each["type"] == "extra_forbidden" for each in found):
        fix += f" Its arguments are {', '.join(arguments.model_fields)}."
    return Invalid("arguments_invalid", "The arguments are not valid", shown, fix, {"errors": errors[:20]})


def _would_pass(problem: ClientProblem) -> list[dict[str, Any]]:
    """Return the arguments of the requests that would pass instead of the one that failed."""
    if smallest := problem.members.smallest_request:
        return [{name: smallest[name] for name in ("target", "permissions", "reveal") if name in smallest}]
    request, other = problem.request, passing_instead(problem)
    return [request_arguments(other)] if request and other and other.way == request.way else []
