"""POST /slack/interactions: buttons and modals of Jitney's messages in Slack (row REV 9).

Slack waits three seconds for the response. A user's mistake is shown only to that user, in the modal or below the
message. A request that Slack did not sign is refused like any other.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from jitney.adapters.slack_signatures import WITHIN_SECONDS, is_signed
from jitney.adapters.transactions import Conflict
from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.identity.principal import Principal
from jitney.core.identity.requester import Requester
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.problems import Problem
from jitney.core.quotas import SingleUseKey
from jitney.core.records.refusal_counts import RefusalKey, refusal_of
from jitney.core.review.content import content_hash
from jitney.core.review.reviewers import require_reviewer
from jitney.core.review.selection import narrowed_approval, selected_permissions
from jitney.core.review.slack import modals
from jitney.core.review.slack.error import SlackError
from jitney.core.review.slack.interaction import ButtonClick, GrantReference, ModalSubmission, SlackUser, read
from jitney.core.review.slack.names import APPROVE, APPROVE_SELECTED, COMMENT, REJECT, SECONDS, THIS_TIME_ONLY
from jitney.core.review.slack.people import principal_of, require_workspace
from jitney.core.review.votes import review_ended
from jitney.handlers.caller.refusals import count_refused
from jitney.handlers.review.ballots import Ballot, comment_of, vote
from jitney.handlers.review.current_reviewers import current_reviewers
from jitney.handlers.review.under_review import under_review
from jitney.handlers.runtime.edge import endpoint, errors_as_problems
from jitney.handlers.runtime.http import Request, Response, form_fields
from jitney.handlers.runtime.logs import note_grant
from jitney.handlers.runtime.ports import REVIEW_PORTS, Ports

ISSUER = "slack"
"""The issuer under which refusals are counted until the user is known."""
MOST_BYTES = 65_536
"""Limit of a body, as in the firewall. Slack sends the whole message or modal with a click."""
COUNTED = "Your approval is counted. The request needs more approvals."
OPEN_REQUEST = "Choose Open request in the message, and vote there."
_MODALS: Mapping[str, Callable[[Grant, Requester], dict[str, Any]]] = {
    APPROVE_SELECTED: modals.approve_selected_modal,
    REJECT: modals.reject_modal,
}
_FIELDS: Mapping[str, str] = {"not_narrower": SECONDS, "request_invalid": COMMENT}
"""The modal's field that shows a problem."""


def handle_interaction(request: Request, ports: Ports) -> Response:
    """Return 200 for a request from Slack. The user sees any problem. Raises Problem for other requests."""
    try:
        interaction = _verified_interaction(request, ports)
    except Problem as problem:
        _count(problem, request, ports)
        raise
    if interaction is None:
        return Response(200, {})
    note_grant(interaction.reference.grant_id)
    if isinstance(interaction, ButtonClick):
        return _handle_click(interaction, request, ports)
    return _handle_submission(interaction, request, ports)


def _verified_interaction(request: Request, ports: Ports) -> ButtonClick | ModalSubmission | None:
    """Return the interaction in the configured workspace, or None for a replayed or irrelevant interaction."""
    slack, now = ports.slack_settings, ports.now()
    if not is_signed(request.headers, request.body, ports.slack_signing_secret.read(), now):
        fix = "Only Slack calls this route. Check the signing secret and the clock."
        raise Problem("slack_signature_invalid", "The request is not signed by Slack, or older than five minutes.", fix)
    payload, *more = form_fields(request.body, MOST_BYTES).get("payload", [""])
    interaction = None if more else read(payload)
    if interaction is None:
        return None
    require_workspace(interaction.user, slack)
    timestamp = request.headers["x-slack-request-timestamp"].encode()
    digest = hashlib.sha256(timestamp + b":" + request.body).hexdigest()
    try:
        ports.store.consume([SingleUseKey(f"SLACK#{digest}", now + 2 * WITHIN_SECONDS + 1)], now=now)
    except Conflict:
        return None
    return interaction


def _handle_click(click: ButtonClick, request: Request, ports: Ports) -> Response:
    """Carry out the button's action. Show a problem below the message, to the user who clicked."""
    sentence, code = errors_as_problems(
        lambda: (_clicked(click, request, ports), ""), lambda problem: (_problem_text(problem), problem.code)
    )
    if sentence:
        with _slack_errors_as_problems():
            ports.slack.post_ephemeral(click.channel, click.user.user_id, sentence)
    return Response(200, {}, code=code)


def _clicked(click: ButtonClick, request: Request, ports: Ports) -> str:
    """Carry out the button's action. Return the sentence for the user who clicked, or ""."""
    voter, grant = _voter_and_grant(click, request, ports)
    if click.action == APPROVE:
        ballot = _ballot(grant, voter, click.reference, VoteVerdict.APPROVE, "", request)
        return COUNTED if vote(ballot, ports, may_grant=True).state is State.PENDING else ""
    with _refusals_counted(request, ports, voter, grant.id):
        _open_modal(click, voter, grant, ports)
    return ""


def _open_modal(click: ButtonClick, voter: Principal, grant: Grant, ports: Ports) -> None:
    """Open the button's modal for a user who may vote."""
    now, review = ports.now(), under_review(grant, ports, ports.suspensions.current())
    require_reviewer(voter, review, current_reviewers(ports, review.suspensions), now)
    if (current := review.grant.at(now)).state is not State.PENDING:
        raise review_ended(current, f"The request is already {current.state}.")
    with _slack_errors_as_problems():
        ports.slack.open_modal(click.trigger_id, _MODALS[click.action](grant, review.requester))


def _handle_submission(submission: ModalSubmission, request: Request, ports: Ports) -> Response:
    """Submit the modal's vote, and return what the modal shows next, such as a problem."""

    def submitted() -> Response:
        voter, grant = _voter_and_grant(submission, request, ports)
        with _refusals_counted(request, ports, voter, grant.id):
            ballot = _modal_ballot(submission, voter, grant, request)
        if vote(ballot, ports, may_grant=True).state is State.PENDING:
            return _answer("update", view=modals.message_modal("Approval counted", COUNTED))
        return _answer("clear")

    return errors_as_problems(submitted, _problem_in_modal)


def _problem_in_modal(problem: Problem) -> Response:
    if problem.code in _FIELDS:
        return _answer("errors", problem.code, errors={_FIELDS[problem.code]: _problem_text(problem)})
    return _answer("update", problem.code, view=modals.message_modal("Vote not counted", _problem_text(problem)))


def _modal_ballot(submission: ModalSubmission, voter: Principal, grant: Grant, request: Request) -> Ballot:
    verdict = VoteVerdict.REJECT if submission.action == REJECT else VoteVerdict.APPROVE
    comment = comment_of(verdict, submission.comment)
    ballot = _ballot(grant, voter, submission.reference, verdict, comment, request)
    # If the request changed since the reviewer saw it, `vote` refuses the whole ballot.
    if submission.action == APPROVE_SELECTED and submission.reference.content == content_hash(grant):
        permissions = selected_permissions(grant, *modals.selected_boxes(grant, submission.boxes))
        once = THIS_TIME_ONLY in submission.boxes
        narrowing = narrowed_approval(grant, permissions, submission.seconds, this_time_only=once)
        return replace(ballot, narrowing=narrowing)
    return ballot


def _ballot(
    grant: Grant, voter: Principal, reference: GrantReference, verdict: VoteVerdict, comment: str, request: Request
) -> Ballot:
    return Ballot(grant.id, voter, verdict, reference.content, comment, "slack", request.origin)


def _voter_and_grant(
    interaction: ButtonClick | ModalSubmission, request: Request, ports: Ports
) -> tuple[Principal, Grant]:
    """Return the person who acts, and the grant. Raises Problem, after counting the refusal."""
    with _refusals_counted(request, ports):
        voter = _person(interaction.user, ports)
    with _refusals_counted(request, ports, voter):
        return voter, _grant(interaction.reference, ports)


def _grant(reference: GrantReference, ports: Ports) -> Grant:
    grant = ports.store.grant(reference.grant_id)
    if grant is None:
        raise Problem("grant_not_found", "The request no longer exists.", "No decision is needed.")
    return grant


def _person(user: SlackUser, ports: Ports) -> Principal:
    """Return the person behind a user of the workspace. Raises Problem."""
    with _slack_errors_as_problems():
        profile = ports.slack.profile(user.user_id)
    require_workspace(user._replace(home_workspace=profile.workspace), ports.slack_settings)
    return principal_of(profile, ports.config)


def _problem_text(problem: Problem) -> str:
    # Until the message is updated, it still shows the old request.
    fix = OPEN_REQUEST if problem.code == "review_changed" else problem.fix
    return UNTAGGED.text(f"{problem.detail} {fix}")


def _answer(action: str, code: str = "", /, **members: Any) -> Response:
    """Return what the modal does next (https://docs.slack.dev/surfaces/modals/#response_actions)."""
    return Response(200, {"response_action": action, **members}, code=code)


@contextmanager
def _slack_errors_as_problems() -> Iterator[None]:
    """Turn Slack's errors into problems. Slack shows the user that the button failed."""
    try:
        yield
    except SlackError as refused:
        fix = "Try again, or open the request's page."
        raise Problem("unavailable", f"Slack returned an error: {refused.code}.", fix) from refused


@contextmanager
def _refusals_counted(
    request: Request, ports: Ports, who: Principal | None = None, grant_id: str = ""
) -> Iterator[None]:
    """Count refusals in this block. `vote` counts its own."""
    try:
        yield
    except Problem as problem:
        _count(problem, request, ports, who, grant_id)
        raise


def _count(problem: Problem, request: Request, ports: Ports, who: Principal | None = None, grant_id: str = "") -> None:
    origin = request.origin
    about = (
        refusal_of(who, problem.code, origin, grant=grant_id)
        if who
        else RefusalKey(ISSUER, origin.source_ip, problem.code)
    )
    count_refused(about, ports, ports.now(), origin.request_id)


handler = endpoint(
    handle_interaction,
    (
        *REVIEW_PORTS,
        "approval_workflow",
        "slack_signing_secret",
        "slack",
    ),
)
