"""How a command ends: with its result or problem, for people or as JSON, and with its exit code.

typer and rich are loaded only when a problem is shown, because SDKs run `jitney credentials` at each start.
"""

import json
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from jitney.client.problems import ClientProblem, Denied, GrantEnded, ReviewPending, Unauthenticated, Unavailable
from jitney.client.terminal.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from jitney.client.api.broker import Broker
    from jitney.client.api.responses import GrantResponse
    from jitney.client.terminal.audit_screen import AuditScreen
    from jitney.client.terminal.screen import Screen

# The exit code for the state of the grant that a command requested or waited for.
OUTCOMES = {
    "active": 0,
    "used": 0,
    "pending": ReviewPending.exit_code,
    "rejected": Denied.exit_code,
    "revoked": Denied.exit_code,
    "failed": Unavailable.exit_code,
}


def screen(now: Callable[[], float] = time.time) -> "Screen":
    """Return the screen. rich is loaded only here. `now` gives the epoch seconds that times are compared with."""
    from jitney.client.terminal.screen import Screen  # noqa: PLC0415 - a credential process that succeeds shows nothing

    return Screen(now)


def audit_screen() -> "AuditScreen":
    """Return the screen of `jitney audit`."""
    from jitney.client.terminal.audit_screen import AuditScreen  # noqa: PLC0415 - as above

    return AuditScreen()


_MAY_BE_GRANTED = (
    "A request that reached the broker stays: `jitney grants list` shows it, and `jitney grants release ID` ends it."
)
_MAY_BE_SUSPENDED = "It may have reached the broker: see `jitney suspensions list`. Repeat the command to complete it."
_MAY_COUNT = "Votes that reached the broker count: `jitney review list` and `jitney review show ID` show them."
_REPEATABLE = "It may be half done. Repeat the same command: repeating it is safe."
_REMAINS: Mapping[str, str] = {
    **dict.fromkeys(("request", "run", "credentials"), _MAY_BE_GRANTED),
    "serve": f"{_MAY_BE_GRANTED} `jitney serve --stop` stops an endpoint in the background.",
    **dict.fromkeys(("suspend", "suspensions lift"), _MAY_BE_SUSPENDED),
    **dict.fromkeys(("review approve", "review reject", "review reject-all"), _MAY_COUNT),
    **dict.fromkeys(("audit backfill", "audit redrive", "restore", "grants release", "grants revoke"), _REPEATABLE),
}
"""What may remain of a command that did not end as it should, and what a person can do about it."""


class WaitInterrupted(KeyboardInterrupt):
    """A wait was interrupted, and a note already says what becomes of the grant."""


class EndedBySignal(SystemExit):
    """A signal other than that of Ctrl+C ended the command. `code` is 128 plus its number, as shells report it."""


@contextmanager
def exit_on_problem(
    verb: str, *, as_json: bool = False, tail: Sequence[str] = (), output: TextIO | None = None
) -> Generator[None]:
    """Show the problem that the block raises, and exit from the command `verb` with the problem's exit code.

    With JSON, the problem goes to `output` (standard output if None), otherwise to standard error. `tail` completes the
    command line that is shown for pasting.
    """
    try:
        yield
    except ClientProblem as problem:
        if as_json:
            print_json(problem.document(), output)
        else:
            screen().problem(problem, verb, tail)
        raise SystemExit(problem.exit_code) from None
    except KeyboardInterrupt as interruption:
        if not isinstance(interruption, WaitInterrupted):
            screen().note(f"jitney: interrupted. {_REMAINS.get(verb, '')}".rstrip())
        raise SystemExit(INTERRUPTED) from None
    except EndedBySignal:
        screen().note(f"jitney: ended by a signal. {_REMAINS.get(verb, '')}".rstrip())
        raise


def show_lost_output(words: Sequence[str], error: OSError) -> None:
    """Show that the output of the command line could not be written, and what remains of the command nevertheless."""
    remains = _REMAINS.get(" ".join(words[:1])) or _REMAINS.get(" ".join(words[:2]), "")
    screen().note(f"jitney: the output cannot be written: {error.strerror}. {remains}".rstrip())


def print_json(document: dict[str, Any], output: TextIO | None = None) -> None:
    """Print the document for programs, on standard output unless another stream is given."""
    (output or sys.stdout).write(json.dumps(document, indent=2) + "\n")


def print_result(document: dict[str, Any], show_it: Callable[[], None], *, as_json: bool) -> None:
    """Print a command's result for programs, or call `show_it` to print it for people."""
    if as_json:
        print_json(document)
    else:
        show_it()


def wait_with_progress(broker: "Broker", answer: "GrantResponse", at_most: float | None) -> "GrantResponse":
    """Return the answer once its grant is no longer pending. The wait is shown on standard error.

    If Ctrl+C or a signal ends the wait, a note says that the request stays open. If no token is valid any more, the
    problem says that. If the approval is narrower than the request, a note says what was approved.
    """
    if answer.grant.state != "pending":
        return answer
    from jitney.client.api.polling import wait_for_decision  # noqa: PLC0415 - as above

    number = answer.grant.id
    wait_on, withdraw = f"`jitney grants show {number} --wait`", f"`jitney grants release {number}`"
    try:
        with screen(broker.clock.now).show_wait(answer) as on_progress, broker.without_notes():
            decided = wait_for_decision(broker, answer, on_progress, at_most)
    except (KeyboardInterrupt, SystemExit) as ending:  # SystemExit: `ended_by_signals`
        screen().note(
            f"jitney: interrupted; {number} stays open. Continue with {wait_on}, or withdraw it with {withdraw}."
        )
        raise SystemExit(ending.code) if isinstance(ending, SystemExit) else WaitInterrupted from None
    except Unauthenticated as problem:
        problem.fix = f"{problem.fix} {number} stays open. With a valid token, continue with {wait_on}.".lstrip()
        raise
    screen().narrowed_approval(answer.grant, decided.grant)
    return decided


def show(broker: "Broker", answer: "GrantResponse", *, as_json: bool) -> None:
    """Print the grant of the broker, and exit with the exit code for its state."""
    print_result(answer.document(), lambda: screen(broker.clock.now).answer(answer), as_json=as_json)
    raise SystemExit(OUTCOMES.get(answer.grant.state, GrantEnded.exit_code))
