"""Sends the notice that is due in a review, and stores the token of the workflow's wait (REV 2, 13).

A decision can arrive while the wait begins. The deciding function writes the grant (1), then reads the token and
resumes the workflow with it (2). This function writes the token (3), then reads the grant (4). Both reads are
consistent. If step 2 does not find this wait's token, it came before step 3. So step 1 came before step 4, and step 4
finds the decision. Then this function ends the wait by raising `ReviewEnded`, and the workflow reads the grant.
Otherwise the deciding function resumes the workflow. If both happen, Step Functions ignores the second. This function's
role cannot use a token.
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.review.notices import Notice
from jitney.core.review.reviewers import can_be_approved, without_suspended
from jitney.core.review.schedule import has_changed_since, is_waiting
from jitney.handlers.channels import DeliveryResult, no_reviewer_notified
from jitney.handlers.edge import event_handler
from jitney.handlers.notifications import notify_reviewers
from jitney.handlers.ports import REVIEW_PORTS, Ports
from jitney.handlers.review_sheet import build_sheet
from jitney.handlers.under_review import under_review

DECISION_NOTICES = frozenset(
    {Notice.REQUESTED, Notice.REMINDED, Notice.ESCALATED, Notice.REVIEW_RESTARTED, Notice.NARROWED}
)
"""The notices that request a decision."""
AFTER_REVIEW = 0
"""The `since` of the last notice of a review, which is sent once."""


class ReviewEnded(Exception):
    """The wait is over. The request is decided, or its follow-up review is done."""


class NoReviewerNotified(Exception):
    """No reviewer could be notified, so the request would stay undecided."""


class TooFewReviewers(Exception):
    """Too few people could ever approve the request, so reviewers are not notified."""


class MessagesUnsent(Exception):
    """Some messages of a review's last notice were not sent, and another attempt may send them."""


def notify(event: Mapping[str, Any], ports: Ports) -> dict[str, str]:
    """Send the notice that is due, and return the grant's id and state. A waiting workflow ignores the return value.

    `event` is {"grant_id": ..., "due": a notice or "nothing", "since": the time of the check}. If the workflow waits,
    the event also has the task "token". With "nothing", the workflow only waits. Raises ReviewEnded,
    NoReviewerNotified, TooFewReviewers, MessagesUnsent, LookupError for an unknown grant, and Problem.
    """
    grant_id, token, due = event["grant_id"], event.get("token"), event["due"]
    if token:
        ports.task_tokens.keep(grant_id, token, event["since"], ports.now())
    grant = ports.store.grant(grant_id)
    if grant is None:
        raise LookupError("no such grant")
    if token and not _is_waiting(grant, event["since"], ports.now()):
        raise ReviewEnded
    if due == Notice.DECIDED and grant.awaits_follow_up:
        due = Notice.FOLLOW_UP_DUE  # its time is over, and the follow-up review is missing
    if due in set(Notice):
        sent = _notify_reviewers(Notice(due), grant, event.get("since", AFTER_REVIEW), ports)
        if not token and any(each.may_succeed_later for each in sent):
            raise MessagesUnsent  # no later notice says the same
    return {"grant_id": grant.id, "state": str(grant.state)}


def _can_be_decided(grant: Grant, ports: Ports) -> bool:
    """Return whether the request has enough possible approvers, or its target allows break-glass."""
    config = ports.config
    break_glass = config.break_glass is not None and grant.target in config.break_glass.targets
    review = under_review(grant, ports, ports.suspensions.current())
    return break_glass or can_be_approved(review, without_suspended(config.reviewers, review.suspensions))


def _is_waiting(grant: Grant, since: int, now: int) -> bool:
    """Return whether the wait of the check at `since` has not ended."""
    return is_waiting(grant, now) and not has_changed_since(grant, since)


def _notify_reviewers(notice: Notice, grant: Grant, since: int, ports: Ports) -> tuple[DeliveryResult, ...]:
    """Send a notice on every channel, and return the results. Raises TooFewReviewers and NoReviewerNotified."""
    if notice in DECISION_NOTICES and not _can_be_decided(grant, ports):
        raise TooFewReviewers
    sent = notify_reviewers(notice, build_sheet(grant, ports), since, ports)
    if notice in (Notice.REQUESTED, Notice.REVIEW_RESTARTED) and no_reviewer_notified(sent):
        raise NoReviewerNotified
    return sent


handler = event_handler(
    notify,
    (
        *REVIEW_PORTS,
        "task_tokens",
        "sent_messages",
        "mail_sender",
        "templates",
    ),
)
