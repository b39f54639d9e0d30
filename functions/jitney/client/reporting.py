"""How a command ends: results and problems for people or for machines, and the exit code that belongs to them."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from jitney.client import wording
from jitney.client.answers import Answer
from jitney.client.broker import Broker
from jitney.client.problems import Denied, Ended, Pending, Problem, Unavailable
from jitney.client.waiting import wait

if TYPE_CHECKING:
    from jitney.client.screen import Screen

# What became of a grant that was asked or waited for, as an exit code.
OUTCOMES = {
    "active": 0,
    "pending": Pending.exit_code,
    "rejected": Denied.exit_code,
    "revoked": Denied.exit_code,
    "failed": Unavailable.exit_code,
}


def screen() -> "Screen":
    """The screen; rich is loaded only now."""
    from jitney.client.screen import Screen  # noqa: PLC0415 - a credential process that succeeds shows nothing

    return Screen()


@contextmanager
def reporting(verb: str, *, as_json: bool = False, tail: Sequence[str] = ()) -> Generator[None]:
    """Ends the command `verb` with the exit code of the problem that comes out of the block, after telling it.

    As JSON the problem goes to standard output, otherwise for people to standard error. `tail` completes the command
    line that is offered for pasting.
    """
    try:
        yield
    except Problem as problem:
        if as_json:
            print_json(problem.document())
        else:
            screen().problem(problem, verb, tail)
        raise typer.Exit(problem.exit_code) from None


def print_json(document: dict[str, Any]) -> None:
    """The document on standard output, for machines."""
    typer.echo(json.dumps(document, indent=2))


def waited(broker: Broker, answer: Answer, at_most: float | None) -> Answer:
    """The answer once its grant is not pending any more; the wait is shown on standard error.

    Who interrupts it is told that the request stays open; who gets less than was asked, that too.
    """
    if answer.grant.state != "pending":
        return answer
    try:
        with screen().watching(answer) as told:
            decided = wait(broker, answer, told, at_most)
    except KeyboardInterrupt:
        number = answer.grant.id
        wait_on, withdraw = f"`jitney grants show {number} --wait`", f"`jitney grants release {number}`"
        screen().note(
            f"jitney: interrupted; {number} stays open. Wait on with {wait_on}, or withdraw it with {withdraw}."
        )
        raise
    for line in wording.less(answer.grant, decided.grant):
        screen().note(f"jitney: {line}")
    return decided


def show(answer: Answer, *, as_json: bool) -> None:
    """The grant on standard output; the command ends with the exit code of the grant's state."""
    if as_json:
        print_json(answer.document())
    else:
        screen().answer(answer)
    raise typer.Exit(OUTCOMES.get(answer.grant.state, Ended.exit_code))
