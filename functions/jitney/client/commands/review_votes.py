"""`jitney review approve` and `reject`: a person's vote from a terminal (row REV 17).

An approval is a deliberate act: the person reads what is granted, and types a word if the page would need a second
step. A program approves only with --yes and the hash of what was shown.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from jitney.client.api.broker import Broker
from jitney.client.api.reviews import ApiShownReview, ApiVotedReview
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.inputs.request_options import seconds
from jitney.client.inputs.setting_names import closest
from jitney.client.login.reviewer_sign_in import COMMAND, forget_reviewer
from jitney.client.problems import ClientProblem, Invalid
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen
from jitney.client.terminal.durations import format_duration
from jitney.client.terminal.review_screen import is_interactive, show_review, show_vote

WORD = "approve"
"""The word that a person types if the page would need a second step."""
_NO_HASH = "0" * 64
"""A hash that no request has.

An approval that confirms it grants nothing, and its answer shows what would be granted.
"""

_Request = Annotated[str, typer.Argument(metavar="ID", help="The request's id: g-…")]
_Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="For the record. The agent sees it.")]
_Content = Annotated[
    str,
    typer.Option("--content", metavar="HASH", help="Vote only if `jitney review show` still prints this hash."),
]


@grouped
def approve_review(
    request: _Request,
    *,
    action: Annotated[
        list[str] | None, typer.Option("--action", metavar="ACTION", help="Approve only this action. Repeatable.")
    ] = None,
    resource: Annotated[
        list[str] | None, typer.Option("--resource", metavar="ARN", help="Approve only this resource. Repeatable.")
    ] = None,
    duration: Annotated[str, typer.Option("--for", metavar="DURATION", help="Approve a shorter time: 5m.")] = "",
    this_time_only: Annotated[
        bool, typer.Option("--this-time-only", help="Approve for this time only: the same access is reviewed again.")
    ] = False,
    comment: _Comment = "",
    yes: Annotated[bool, typer.Option("--yes", help="Approve without a question. Needs --content.")] = False,
    content: _Content = "",
    confirmed: Annotated[
        str, typer.Option("--confirmed", metavar="HASH", help="The hash of what a narrowed approval grants.")
    ] = "",
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Approve a request, or a part of it, and confirm it.

    A program needs --yes and --content, the hash that `jitney review show` printed.

    Example: jitney review approve g-abcdefghijklm2 --for 5m
    """
    with exit_on_problem("review approve", as_json=as_json):
        narrowed = seconds("--for", duration) if duration else 0
        asks = not yes
        _require_deliberate(asks=asks, content=content, can_ask=is_interactive() and not as_json)
        with connection.reviewer() as broker, voting(connection, f"review show {request}"):
            found = broker.review(request)
            selection = _selection(found, action or (), resource or (), narrowed, this_time_only=this_time_only)
            _require_decidable(found, narrows=bool(selection))
            body = {"verdict": "approve", "content": content or found.content, "comment": comment}
            body |= selection
            voted = (
                _approved_by_person(broker, found, body)
                if asks
                else broker.vote(request, body | {"confirmed": confirmed or ("" if selection else content)})
            )
            _finish(voted, connection, as_json=as_json)


@grouped
def reject_review(
    request: _Request,
    *,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why. The agent sees it.")],
    content: _Content = "",
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Reject a request, with a comment that the agent sees.

    Example: jitney review reject g-abcdefghijklm2 --comment "Read the weekly report instead."
    """
    with (
        exit_on_problem("review reject", as_json=as_json),
        connection.reviewer() as broker,
        voting(connection, f"review show {request}"),
    ):
        body = {"verdict": "reject", "content": content or broker.review(request).content, "comment": comment}
        _finish(broker.vote(request, body), connection, as_json=as_json)


def _require_deliberate(*, asks: bool, content: str, can_ask: bool) -> None:
    """Raise Invalid if no person can be asked, or if --yes has no hash of what it confirms."""
    if asks and not can_ask:
        detail = "No person can confirm the approval, because this is not a terminal, or --json is given."
        fix = "Run it in a terminal. A program reads `jitney review show ID --json`, and gives --yes --content HASH."
        raise Invalid("approval_not_confirmed", "Nothing was approved", detail, fix)
    if not asks and not content:
        detail = "--yes approves without a question, and --content is missing."
        fix = "Give --content with the hash that `jitney review show ID` printed."
        raise Invalid("approval_not_confirmed", "Nothing was approved", detail, fix)


def _require_decidable(found: ApiShownReview, *, narrows: bool) -> None:
    """Raise Invalid if the broker said that the request cannot be approved, or not as a whole."""
    if found.part_only and not narrows:
        fix = f"Run `jitney review approve {found.id}` with --for, --action or --resource, or reject the request."
        raise Invalid("part_only", "Nothing was approved", found.part_only, fix)
    if found.undecidable:
        later = f"Run this command again from {found.approvable_from} on. " if found.approvable_from else ""
        fix = f"{later}To reject the request, run `jitney review reject {found.id} --comment TEXT`."
        raise Invalid("request_undecidable", "Nothing was approved", found.undecidable, fix)


def _approved_by_person(broker: Broker, found: ApiShownReview, body: dict[str, Any]) -> ApiVotedReview:
    """Return the result of the vote, after the person has confirmed what is granted. Exits if they do not."""
    show_review(found, details=False)
    narrows = body.keys() & {"actions", "resources", "duration_seconds", "this_time_only"}
    if narrows or not found.second_step:
        confirm(f"Approve {'only what you chose' if narrows else 'this'}? Type yes:", "yes")
    else:  # the person must confirm below, even if the request needs no second step any more
        body = body | {"confirmed": _NO_HASH}
    try:
        return broker.vote(found.id, body)
    except ClientProblem as problem:
        if problem.code != "confirmation_required":
            raise
        granted = ApiShownReview.read(problem.extras["review"])
    screen().note("Step 2 of 2. Nothing is granted yet. This is what the agent would get:")
    show_review(granted, details=False)
    lasts = "this one call" if granted.whole.get("whole_only") else format_duration(granted.duration_seconds)
    confirm(f"To grant it for {lasts}, type {WORD}:", WORD)
    return broker.vote(found.id, body | {"confirmed": granted.content})


def confirm(question: str, word: str, verdict: str = "approval") -> None:
    """Exit unless the person types the word. Enter alone does not confirm."""
    try:
        typed = typer.prompt(question, default="", show_default=False, prompt_suffix=" ", err=True)
    except typer.Abort:  # the end of the input, or Ctrl+C
        typed = ""
    if typed.strip() != word:
        title = "Nothing was approved" if verdict == "approval" else "Nothing was rejected"
        raise Invalid(
            f"{verdict}_not_confirmed", title, f"You did not type {word}.", f"Repeat the command, and type {word}."
        )


def _selection(
    found: ApiShownReview, actions: Sequence[str], resources: Sequence[str], seconds: int, *, this_time_only: bool
) -> Mapping[str, Any]:
    """Return the members of a narrowed approval. As on the page, actions and resources are given by their positions."""
    _require_known("action", actions, [each.action for each in found.actions])
    _require_known("resource", resources, [arn for each in found.actions for arn in each.resources])
    chosen: dict[str, Any] = {"duration_seconds": seconds} if seconds else {}
    chosen |= {"this_time_only": True} if this_time_only else {}
    if actions:
        chosen["actions"] = [str(line) for line, each in enumerate(found.actions) if each.action in actions]
    if resources:
        chosen["resources"] = [
            f"{line}.{place}"
            for line, each in enumerate(found.actions)
            for place, arn in enumerate(each.resources)
            if arn in resources
        ]
    return chosen


def _require_known(kind: str, given: Sequence[str], known: Sequence[str]) -> None:
    for each in given:
        if each not in known:
            near = closest(each, known)
            fix = f"Did you mean {near[0]}?" if near else f"`jitney review show` lists each {kind}."
            raise Invalid(f"{kind}_not_requested", "Nothing was approved", f"The request has no {kind} {each}.", fix)


@contextmanager
def voting(connection: options.Connection, command: str) -> Generator[None]:
    """If the block fails because the token has voted before, forget it, and let the problem say what to do.

    `command` shows the result of the vote.
    """
    try:
        yield
    except ClientProblem as problem:
        if problem.code == "token_replayed":
            forget_reviewer(connection)
            problem.detail = "Your sign-in was used for a vote, and a sign-in is for one vote."
            problem.fix = f"Run `{COMMAND}`, and see with `jitney {command}` whether your vote counted."
        raise


def _finish(voted: ApiVotedReview, connection: options.Connection, *, as_json: bool) -> None:
    """Show the result. The sign-in is forgotten, because its token cannot vote again."""
    forget_reviewer(connection)
    print_result(dict(voted.whole), lambda: show_vote(voted), as_json=as_json)
