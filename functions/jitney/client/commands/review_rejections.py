"""`jitney review reject-all`: a person rejects many requests of one agent or unit at once (row REV 18).

One sign-in covers one such call. The person types a word after reading the number and the owner of the requests.
"""

from collections.abc import Sequence
from typing import Annotated

import typer

from jitney.client.api.reviews import ListedReview
from jitney.client.commands.review_votes import confirm, voting
from jitney.client.inputs import options
from jitney.client.inputs.grouping import grouped
from jitney.client.inputs.setting_names import closest
from jitney.client.login.reviewer_sign_in import forget_reviewer
from jitney.client.problems import ClientProblem, Invalid
from jitney.client.terminal.command_result import exit_on_problem, print_result, screen
from jitney.client.terminal.review_screen import is_interactive, show_entries, show_rejections
from jitney.core.quantities import quantity
from jitney.core.review.bulk_rejection import MOST_REJECTIONS, NO_HUMAN, RequestOwner

WORD = "reject"
_NOTHING = "Nothing was rejected"


@grouped
def reject_all(
    *,
    agent: Annotated[str, typer.Option("--agent", metavar="NAME", help="The agent whose requests to reject.")] = "",
    unit: Annotated[str, typer.Option("--unit", metavar="NAME", help="The unit whose requests to reject.")] = "",
    human: Annotated[
        str,
        typer.Option(
            "--human", metavar="NAME", help="Only requests on behalf of this person, or - for no named person."
        ),
    ] = "",
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why. The agent sees it.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Reject without a question.")] = False,
    as_json: options.AsJson = False,
    connection: options.Connection,
) -> None:
    """Reject the pending requests of one agent or unit.

    Lists those that wait for your vote, and asks first. Rejects at most 50 at once, and says how many remain.

    Example: jitney review reject-all --agent local.writer-agent --comment "The agent is in a loop."
    """
    with exit_on_problem("review reject-all", as_json=as_json):
        if bool(agent) == bool(unit) or (human and unit):
            fix = "Name one agent with --agent, or one unit with --unit."
            detail = "--human is used with --unit." if human and unit else "No agent or unit is named, or both are."
            raise Invalid("owner_not_named", _NOTHING, detail, fix)
        if not yes and (as_json or not is_interactive()):
            detail = "Without a terminal, or with --json, no person can confirm it."
            raise Invalid("rejection_not_confirmed", _NOTHING, detail, "Run it in a terminal, or give --yes.")
        with connection.reviewer() as broker, voting(connection, "review list"):
            waiting = broker.reviews().sections["waiting_for_you"]
            kind = "agent" if agent else "unit"
            name, found = _requests_of(waiting, kind, agent or unit)
            owner = RequestOwner(kind, name)
            if human:
                person, found = _requests_of(found, "human", human, f"{owner.title} on behalf of ")
                owner = owner._replace(human=person)
            batch, later = found[:MOST_REJECTIONS], len(found[MOST_REJECTIONS:])
            if not yes:
                show_entries(batch)
                more = f"{later} more {'stays' if later == 1 else 'stay'} pending. " if later else ""
                question = f"{more}To reject {quantity(len(batch), 'request')} of {owner.title}, type {WORD}:"
                confirm(question, WORD, "rejection")
            requests = [{"id": each.id, "content": each.content} for each in batch]
            with screen().working(f"Rejecting {quantity(len(batch), 'request')}"), broker.without_notes():
                result = broker.reject_many(
                    {
                        owner.kind: owner.name,
                        **({"human": owner.human} if owner.human else {}),
                        "requests": requests,
                        "comment": comment,
                    }
                )
            forget_reviewer(connection)
        print_result({**result.whole, "remaining": later}, lambda: show_rejections(result, later), as_json=as_json)
        if result.not_rejected:
            raise typer.Exit(ClientProblem.exit_code)


def _requests_of(
    waiting: Sequence[ListedReview], kind: str, given: str, of: str = ""
) -> tuple[str, list[ListedReview]]:
    """Return the full name of the agent, unit or human, and its requests. Raises Invalid if none wait.

    A name without its issuer's prefix is enough if it is unique. `NO_HUMAN` names the requests without a human.
    """
    known = sorted({getattr(each, kind) or NO_HUMAN for each in waiting})
    short = [each for each in known if each.partition(".")[2] == given]
    name = given if given in known or len(short) != 1 else short[0]
    found = [each for each in waiting if (getattr(each, kind) or NO_HUMAN) == name]
    if not found:
        near = short or closest(given, known)
        fix = f"Did you mean {' or '.join(near)}?" if near else "`jitney review list` shows whose requests wait."
        raise Invalid("no_request_waits", _NOTHING, f"No request of {of or f'{kind} '}{given} waits for you.", fix)
    return name, found
