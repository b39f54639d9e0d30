"""How a command ends: results and problems for people or for machines, and the exit code that belongs to them."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from jitney.client import wording
from jitney.client.broker import Broker
from jitney.client.polling import wait_for_decision
from jitney.client.problems import ClientProblem, Denied, GrantEnded, ReviewPending, Unavailable
from jitney.client.responses import GrantResponse

if TYPE_CHECKING:
    from jitney.client.screen import Screen

# What became of a grant that was asked or waited for, as an exit code.
OUTCOMES = {
    "active": 0,
    "pending": ReviewPending.exit_code,
    "rejected": Denied.exit_code,
    "revoked": Denied.exit_code,
    "failed": Unavailable.exit_code,
}


def screen() -> "Screen":
    """The screen; rich is loaded only now."""
    from jitney.client.screen import Screen  # noqa: PLC0415 - a credential process that succeeds shows nothing

    return Screen()


@contextmanager
def exit_on_problem(verb: str, *, as_json: bool = False, tail: Sequence[str] = ()) -> Generator[None]:
    """Ends the command `verb` with the exit code of the problem that comes out of the block, after telling it.

    As JSON the problem goes to standard output, otherwise for people to standard error. `tail` completes the command
    line that is offered for pasting.
    """
    try:
        yield
    except ClientProblem as problem:
        if as_json:
            print_json(problem.document())
        else:
            screen().problem(problem, verb, tail)
        raise typer.Exit(problem.exit_code) from None


def print_json(document: dict[str, Any]) -> None:
    """The document on standard output, for machines."""
    typer.echo(json.dumps(document, indent=2))


def wait_with_progress(broker: Broker, answer: GrantResponse, at_most: float | None) -> GrantResponse:
    """The answer once its grant is not pending any more; the wait is shown on standard error.

    Who interrupts it is told that the request stays open; who gets less than was asked, that too.
    """
    if answer.grant.state != "pending":
        return answer
    try:
        with screen().watching(answer) as told:
            decided = wait_for_decision(broker, answer, told, at_most)
    except KeyboardInterrupt:
        number = answer.grant.id
        wait_on, withdraw = f"`jitney grants show {number} --wait`", f"`jitney grants release {number}`"
        screen().note(
            f"jitney: interrupted; {number} stays open. Wait on with {wait_on}, or withdraw it with {withdraw}."
        )
        raise
    for line in wording.narrowed_approval_lines(answer.grant, decided.grant):
        screen().note(f"jitney: {line}")
    return decided


def show(answer: GrantResponse, *, as_json: bool) -> None:
    """The grant on standard output; the command ends with the exit code of the grant's state."""
    if as_json:
        print_json(answer.document())
    else:
        screen().answer(answer)
    raise typer.Exit(OUTCOMES.get(answer.grant.state, GrantEnded.exit_code))
