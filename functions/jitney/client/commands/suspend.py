"""`jitney suspend`, and `jitney suspensions`: stop agents, units, humans, issuers and targets, as an operator."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from jitney.client.api.suspensions import ApiSuspension, ApiSuspensionKind, ApiSuspensionProgress
from jitney.client.inputs import options
from jitney.client.inputs.command_group import command_group
from jitney.client.inputs.grouping import grouped
from jitney.client.problems import Denied, Unavailable
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen
from jitney.core.quantities import format_list, quantity

REPEAT_SECONDS = 300
"""How long the command repeats an incomplete suspension. After that, the broker continues it every five minutes."""
MOST_ROWS = 20
NO_TARGET = "no_target"
"""The code of a role whose target was removed from `jitney.yaml`."""

suspensions = command_group("List suspensions, and lift one. For operators.")

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for operators and auditors.")]


@grouped
def suspend(
    kind: Annotated[ApiSuspensionKind, typer.Argument(metavar="|".join(ApiSuspensionKind), help="What to suspend.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, as Jitney's pages and records show it.")],
    *,
    reason: Reason,
    unseen: Annotated[
        bool, typer.Option("--unseen", help="Suspend this exact name, although no open grant has it.")
    ] = False,
    including_me: Annotated[
        bool, typer.Option("--including-me", help="Suspend yourself too. You cannot lift it then.")
    ] = False,
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Suspend an agent, a unit, a human, an issuer or a target.

    Only operators can do this.

    At once, nothing more is issued. Pending reviews end, and active grants are revoked: AWS denies their credentials
    within seconds.

    Example: jitney suspend agent github.deploy-bot --reason "its token leaked"
    """
    with exit_on_problem("suspend", as_json=as_json), connection.broker() as broker:

        def attempt() -> ApiSuspensionProgress:
            return broker.suspend(str(kind), name, reason, unseen=unseen, including_caller=including_me)

        progress = _until_complete(attempt)
        print_result(progress.document(), lambda: _show_progress(progress), as_json=as_json)
        if not progress.complete:
            raise _incomplete(progress)


@suspensions.command("list")
@grouped
def list_suspensions(*, as_json: options.AsJson = False, connection: options.Connection) -> None:
    """List the suspensions in force. Those lifted in the last seven days are listed, too.

    Example: jitney suspensions list
    """
    with exit_on_problem("suspensions list", as_json=as_json), connection.broker() as broker:
        found = broker.suspensions()
        document = {"suspensions": [each.document() for each in found]}
        print_result(document, lambda: _show_all(found), as_json=as_json)


@suspensions.command("lift")
@grouped
def lift_suspension(
    suspension: Annotated[str, typer.Argument(metavar="ID", help="The suspension's id: s-…")],
    *,
    reason: Reason,
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Lift a suspension. New requests are decided again. Grants that the suspension ended stay ended.

    Example: jitney suspensions lift s-abcdefghijklm2 --reason "token rotated"
    """
    with exit_on_problem("suspensions lift", as_json=as_json), connection.broker() as broker:
        lifted = broker.lift_suspension(suspension, reason)
        print_result(lifted.document(), lambda: _show(lifted), as_json=as_json)


def _until_complete(attempt: Callable[[], ApiSuspensionProgress]) -> ApiSuspensionProgress:
    """Repeat the call while that helps, for REPEAT_SECONDS at most. Returns the sum of all calls."""
    began, progress = time.monotonic(), attempt()
    while not progress.complete and time.monotonic() - began < REPEAT_SECONDS:
        screen().note(
            f"jitney: {progress.suspension.id} is in force; {quantity(progress.grants_ended, 'grant')} ended so far."
        )
        time.sleep(1)
        try:
            later = attempt()
        except Unavailable as problem:  # the suspension is in force, and the next call may succeed
            screen().note(f"jitney: {problem.detail}")
        except Denied as problem:
            if problem.code != "suspended":
                raise
            return progress  # the operator suspended themselves too, and Jitney completes it
        else:
            progress = _sum(progress, later)
            if later.grants_ended == 0 and _is_left_to_hand(later):
                break
    return progress


def _is_left_to_hand(progress: ApiSuspensionProgress) -> bool:
    """Return whether only roles without a target do not deny. Jitney cannot change these roles."""
    return bool(progress.targets_failed) and set(progress.targets_failed.values()) == {NO_TARGET}


def _sum(first: ApiSuspensionProgress, later: ApiSuspensionProgress) -> ApiSuspensionProgress:
    """Return the results of two calls in one. Only the call that began the suspension names the targets measured."""
    ended = first.grants_ended + later.grants_ended
    return replace(later, grants_ended=ended, targets_measured=first.targets_measured or later.targets_measured)


def _measured(progress: ApiSuspensionProgress) -> str:
    """Return the targets on which Jitney measures when AWS denies calls, and the command that shows it; "" for none."""
    if not progress.targets_measured:
        return ""
    named = ", ".join(progress.targets_measured[:MOST_ROWS])
    return f"when AWS denies calls on {named}; `jitney audit query suspensions` shows the time later"


def _incomplete(progress: ApiSuspensionProgress) -> Unavailable:
    failed = ", ".join(f"{target} ({code})" for target, code in list(progress.targets_failed.items())[:MOST_ROWS])
    detail = f"{progress.suspension.id} is in force and nothing more is issued, but not everything is done."
    if failed:
        detail += f" Live credentials still work until they end on: {failed}."
    fix = "Repeat the command, or wait: Jitney tries again every five minutes. "
    fix += "If targets keep failing, see docs/suspensions.md."
    if _is_left_to_hand(progress):
        fix = "These roles have no target in jitney.yaml, so Jitney cannot change them: see docs/deny-by-hand.md."
    return Unavailable("suspension_incomplete", "The suspension is not complete", detail, fix, progress.document())


def _show_progress(progress: ApiSuspensionProgress) -> None:
    _show(progress.suspension)
    milliseconds = progress.written_after_milliseconds
    seconds = "" if milliseconds is None else f", after {milliseconds / 1000:.1f} s"
    denied = progress.targets_denied
    screen().rows(
        [
            ("already", ALREADY if progress.already_in_force else ""),
            ("ended", quantity(progress.grants_ended, "active or pending grant")),
            ("denied on", f"{format_list(denied, MOST_ROWS)}{seconds}" if denied else ""),
            ("measured", _measured(progress)),
            *((("failed", f"{target}: {code}")) for target, code in list(progress.targets_failed.items())[:MOST_ROWS]),
            ("lift it", f"jitney suspensions lift {progress.suspension.id} --reason TEXT"),
        ]
    )


ALREADY = "in force before this command. Your reason is on record too. Lifting it once lifts it for all operators"
NOT_COMPLETE = "not yet: credentials from before may still work. Repeat `jitney suspend`"


def _show_all(found: Sequence[ApiSuspension]) -> None:
    for each in found:
        _show(each)
    if not found:
        screen().out.print("No suspensions.")


def _show(suspension: ApiSuspension) -> None:
    """Print one suspension with its reason."""
    words, style = ("Lifted", "dim") if suspension.lifted_at else ("Suspended", "bold red")
    screen().heading(words, style, f"{suspension.kind} {suspension.name}")
    locked = suspension.not_before if not suspension.lifted_at else None
    lifted = f"{suspension.lifted_at} by {suspension.lifted_by}" if suspension.lifted_at else ""
    screen().rows(
        [
            ("id", suspension.id),
            ("since", f"{suspension.since} by {suspension.by}"),
            ("reason", suspension.reason),
            ("complete", suspension.completed_at or NOT_COMPLETE),
            ("lifted", lifted),
            ("locked", f"until {locked}" if locked else ""),
        ]
    )
