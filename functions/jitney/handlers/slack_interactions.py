"""POST /slack/interactions: buttons and modals of Jitney's messages in Slack (row REV 9).

Slack waits three seconds for the answer. What somebody did wrong they are told alone, by the modal itself or beside the
message; what nobody of ours sent is refused as every other request is.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from jitney.adapters.slack_signatures import WITHIN_SECONDS, is_signed
from jitney.adapters.store import Conflict
from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.identity.principal import Principal
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.problems import Problem
from jitney.core.refusal_counts import RefusalKey
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.reviewers import require_reviewer
from jitney.core.review.selection import narrowed_approval, selected_permissions
from jitney.core.review.slack import modals
from jitney.core.review.slack.error import SlackError
from jitney.core.review.slack.interaction import ButtonClick, GrantReference, ModalSubmission, SlackUser, read
from jitney.core.review.slack.names import APPROVE, APPROVE_SELECTED, COMMENT, REJECT, SECONDS
from jitney.core.review.slack.people import principal_of, require_workspace
from jitney.core.single_use import SingleUseKey
from jitney.handlers.ballots import Ballot, comment_of, vote
from jitney.handlers.callers import count_refused
from jitney.handlers.current_reviewers import current_reviewers
from jitney.handlers.edge import endpoint
from jitney.handlers.http import Request, Response, form_fields
from jitney.handlers.ports import Ports

ISSUER = "slack"
"""What refusals are counted under while nobody is known."""
MOST_BYTES = 65_536
"""Of a body: what the firewall takes. Slack sends the whole message or modal along."""
COUNTED = "Your approval is counted; the request waits for others."
OPEN_THE_PAGE = "Open its page by the button of the message, and vote on what it is now."
_MODALS: Mapping[str, Callable[[Grant], dict[str, Any]]] = {
    APPROVE_SELECTED: modals.approve_selected_modal,
    REJECT: modals.reject_modal,
}
_FIELDS: Mapping[str, str] = {"not_narrower": SECONDS, "request_invalid": COMMENT}
"""The field of a modal that a problem is about."""


def handle_interaction(request: Request, ports: Ports) -> Response:
    """200 for what Slack sent, whatever came of it: its sender is told. Raises Problem for what Slack did not send."""
    try:
        done = _verified_interaction(request, ports)
    except Problem as problem:
        _count(problem, request, ports)
        raise
    if isinstance(done, ButtonClick):
        return _pressed(done, request, ports)
    return _submitted(done, request, ports) if done else Response(200, {})


def _verified_interaction(request: Request, ports: Ports) -> ButtonClick | ModalSubmission | None:
    """What was done in the configured workspace, None for nothing new: a body that came before does nothing again."""
    slack, now = ports.slack_settings, ports.now()
    if not is_signed(request.headers, request.body, ports.slack_signing_secret.read(), now):
        fix = "Only Slack calls this, within five minutes of a click: check the signing secret, and the clock."
        raise Problem("slack_signature_invalid", "The request is not signed by Slack, or is too old.", fix)
    payload, *more = form_fields(request.body, MOST_BYTES).get("payload", [""])
    done = None if more else read(payload)
    if done is None:
        return None
    require_workspace(done.clicker, slack)
    stated = request.headers["x-slack-request-timestamp"].encode()
    digest = hashlib.sha256(stated + b":" + request.body).hexdigest()
    try:
        ports.store.take([SingleUseKey(f"SLACK#{digest}", now + 2 * WITHIN_SECONDS + 1)], now=now)
    except Conflict:
        return None
    return done


def _pressed(press: ButtonClick, request: Request, ports: Ports) -> Response:
    """What the button does; what stands against it is told to whoever pressed it, beside the message."""
    sentence = ""
    try:
        with _refusals_counted(request, ports):
            voter, grant = _person(press.clicker, ports), _grant(press.reference, ports)
        if press.action == APPROVE:
            ballot = _ballot(grant, voter, press.reference, VoteVerdict.APPROVE, "", request)
            sentence = COUNTED if vote(ballot, ports).state is State.PENDING else ""
        else:
            with _refusals_counted(request, ports, voter):
                _open_modal(press, voter, grant, ports)
    except Problem as problem:
        sentence = _problem_text(problem)
    if sentence:
        with _slack_errors_as_problems():
            ports.slack.post_ephemeral(press.channel, press.clicker.user, sentence)
    return Response(200, {})


def _open_modal(press: ButtonClick, voter: Principal, grant: Grant, ports: Ports) -> None:
    """Only who may vote is shown what there is to vote on."""
    now = ports.now()
    require_reviewer(voter, GrantUnderReview(grant, ports.config), current_reviewers(ports), now)
    if (current := grant.at(now)).state is not State.PENDING:
        raise Problem("review_ended", f"The request is {current.state} by now.", "Nothing is left to decide.")
    with _slack_errors_as_problems():
        ports.slack.open_modal(press.trigger, _MODALS[press.action](grant))


def _submitted(sent: ModalSubmission, request: Request, ports: Ports) -> Response:
    """What the modal says in answer: nothing more, or what stands against it."""
    try:
        with _refusals_counted(request, ports):
            voter, grant = _person(sent.clicker, ports), _grant(sent.reference, ports)
            ballot = _modal_ballot(sent, voter, grant, request)
        after = vote(ballot, ports)
    except Problem as problem:
        if problem.code in _FIELDS:
            return _answer("errors", errors={_FIELDS[problem.code]: _problem_text(problem)})
        return _answer("update", view=modals.message_modal("Not done", _problem_text(problem)))
    if after.state is State.PENDING:
        return _answer("update", view=modals.message_modal("Counted", COUNTED))
    return _answer("clear")


def _modal_ballot(sent: ModalSubmission, voter: Principal, grant: Grant, request: Request) -> Ballot:
    verdict = VoteVerdict.REJECT if sent.action == REJECT else VoteVerdict.APPROVE
    comment = comment_of(verdict, sent.comment)
    ballot = _ballot(grant, voter, sent.reference, verdict, comment, request)
    # Of a request that is not what the reviewer saw, no part is taken: `vote` refuses it.
    if sent.action == APPROVE_SELECTED and sent.reference.content == content_hash(grant):
        permissions = selected_permissions(grant, *modals.selected_boxes(grant, sent.boxes))
        return replace(ballot, narrowing=narrowed_approval(grant, permissions, sent.seconds))
    return ballot


def _ballot(
    grant: Grant, voter: Principal, reference: GrantReference, verdict: VoteVerdict, comment: str, request: Request
) -> Ballot:
    return Ballot(grant.id, voter, verdict, reference.content, comment, "slack", request.origin)


def _grant(reference: GrantReference, ports: Ports) -> Grant:
    grant = ports.store.grant(reference.grant_id)
    if grant is None:
        raise Problem("grant_not_found", "The request no longer exists.", "No decision is needed.")
    return grant


def _person(clicker: SlackUser, ports: Ports) -> Principal:
    """Who a user of the workspace is, as Slack knows it now. Raises Problem."""
    with _slack_errors_as_problems():
        profile = ports.slack.profile(clicker.user)
    require_workspace(clicker._replace(home=profile.workspace), ports.slack_settings)
    return principal_of(profile, ports.config)


def _problem_text(problem: Problem) -> str:
    # Until the message is brought up to date, to read it again would show the same.
    fix = OPEN_THE_PAGE if problem.code == "review_changed" else problem.fix
    return UNTAGGED.text(f"{problem.detail} {fix}")


def _answer(action: str, **members: Any) -> Response:
    """What becomes of the modal (https://docs.slack.dev/surfaces/modals/#response_actions)."""
    return Response(200, {"response_action": action, **members})


@contextmanager
def _slack_errors_as_problems() -> Iterator[None]:
    """Slack's refusals as problems: whoever pressed a button learns of them from Slack, by the answer's status."""
    try:
        yield
    except SlackError as refused:
        fix = "Try again, or review on the request's page."
        raise Problem("unavailable", f"Slack did not do it: {refused.code}.", fix) from refused


@contextmanager
def _refusals_counted(request: Request, ports: Ports, who: Principal | None = None) -> Iterator[None]:
    """Count what is refused inside: a vote's own refusals are on record by themselves."""
    try:
        yield
    except Problem as problem:
        _count(problem, request, ports, who)
        raise


def _count(problem: Problem, request: Request, ports: Ports, who: Principal | None = None) -> None:
    ip = request.origin.source_ip
    about = (
        RefusalKey(who.issuer, ip, problem.code, who.source_identity) if who else RefusalKey(ISSUER, ip, problem.code)
    )
    count_refused(about, ports, ports.now())


handler = endpoint(
    handle_interaction,
    ("config", "policies", "actions", "store", "out_of_office", "reviews", "slack_signing_secret", "slack"),
)
