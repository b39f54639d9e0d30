"""Tells reviewers what is due in a review, and keeps the token by which the workflow then waits (REV 2, 13).

A decision and the wait for it can meet. Whoever decides writes the grant (1), then reads the token and wakes the
workflow with it (2). This function writes the token (3), then reads the grant (4). Both reads are consistent. If 2 does
not find this wait's token, 2 came before 3; then 1 came before 4, which finds the decision. So either the one who
decided wakes the workflow, or this function ends the wait itself, by failing with `ReviewEnded`, which the workflow
takes for a reason to look at the grant. If both happen, Step Functions ignores the second. Nothing here can answer a
token: whoever notifies does not decide.
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.notices import Notice
from jitney.core.review.reviewers import can_be_approved
from jitney.core.review.schedule import has_changed_since, is_waiting
from jitney.handlers.channels import no_reviewer_notified
from jitney.handlers.edge import event_handler
from jitney.handlers.notifications import notify_reviewers
from jitney.handlers.ports import Ports
from jitney.handlers.review_sheet import build_sheet

DECISION_NOTICES = frozenset({Notice.ASKED, Notice.REMINDED, Notice.ESCALATED, Notice.CHANGED, Notice.NARROWED})
"""The notices by which people are asked to decide."""


class ReviewEnded(Exception):
    """What was waited for is over: the request is decided, or the broken glass was looked at."""


class NoReviewerNotified(Exception):
    """No reviewer could be told of a request: nobody would ever decide about it."""


class TooFewReviewers(Exception):
    """Too few people could approve a request, so that nobody needs to be told of it."""


def notify(event: Mapping[str, Any], ports: Ports) -> dict[str, str]:
    """Tell reviewers what is due; the grant's id and state. Where the workflow waits, what is answered here is ignored.

    `event` is {"grant_id": ..., "due": a notice, or "nothing" to wait only, "since": when that was looked up} and the
    task "token" if the workflow waits. Raises ReviewEnded, NoReviewerNotified, TooFewReviewers, LookupError for an unknown
    grant, and Problem.
    """
    grant_id, token, what = event["grant_id"], event.get("token"), event["due"]
    if token:
        ports.task_tokens.keep(grant_id, token, event["since"], ports.now())
    grant = ports.store.grant(grant_id)
    if grant is None:
        raise LookupError("no such grant")
    if token and not _is_waiting(grant, event["since"], ports.now()):
        raise ReviewEnded
    if what == Notice.DECIDED and grant.awaits_follow_up:
        what = Notice.FOLLOW_UP_DUE  # the time for it is over, and nobody has looked at it
    if what in set(Notice):
        _notify_reviewers(Notice(what), grant, ports)
    return {"grant_id": grant.id, "state": str(grant.state)}


def _can_be_decided(grant: Grant, ports: Ports) -> bool:
    """Whether there is anybody to wait for: enough reviewers, or who may take the request without them."""
    config = ports.config
    glass = config.break_glass is not None and grant.target in config.break_glass.targets
    return glass or can_be_approved(GrantUnderReview(grant, config), config.reviewers)


def _is_waiting(grant: Grant, since: int, now: int) -> bool:
    """Whether there is still what the look at `since` found: a glass that broke after it is something else."""
    return is_waiting(grant, now) and not has_changed_since(grant, since)


def _notify_reviewers(notice: Notice, grant: Grant, ports: Ports) -> None:
    """Tell it on every channel. That nobody is reminded or told of an end stands in the record; nobody waits for it."""
    if notice in DECISION_NOTICES and not _can_be_decided(grant, ports):
        raise TooFewReviewers
    sent = notify_reviewers(notice, build_sheet(grant, ports), ports)
    if notice in (Notice.ASKED, Notice.CHANGED) and no_reviewer_notified(sent):
        raise NoReviewerNotified


handler = event_handler(
    notify, ("config", "policies", "actions", "store", "out_of_office", "task_tokens", "mails", "templates")
)
