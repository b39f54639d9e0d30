"""Sends the notice that is due in a review, and stores the token of the workflow's wait (REV 2, 13).

A decision can arrive while the wait begins. The deciding function writes the grant (1), then reads the token and
resumes the workflow with it (2). This function writes the token (3), then reads the grant (4). Both reads are
consistent. If step 2 does not find this wait's token, it came before step 3. So step 1 came before step 4, and step 4
finds the decision. Then this function ends the wait as `ReviewEnded`, and the workflow reads the grant. Otherwise the
deciding function resumes the workflow. If both happen, Step Functions ignores the second.

A failure that the workflow handles is no error of this function. So the function does not raise it, but ends the
workflow's task with the failure's name. Lambda counts raised errors, and the alarm FunctionErrors watches them.
"""

from collections.abc import Collection, Mapping
from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.problems import Problem
from jitney.core.review.notices import Notice
from jitney.core.review.reviewers import can_be_approved, without_suspended
from jitney.core.review.schedule import NEVER_CHECKED, ScheduleCheck, wait_goes_on
from jitney.handlers.notifying.channels import DeliveryResult, no_reviewer_notified
from jitney.handlers.notifying.notifications import CHANNELS, notify_reviewers
from jitney.handlers.review.review_sheet import build_sheet, present_decision
from jitney.handlers.review.under_review import under_review
from jitney.handlers.runtime.edge import event_handler
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import REVIEW_PORTS, Ports

DECISION_NOTICES = frozenset(
    {Notice.REQUESTED, Notice.REMINDED, Notice.ESCALATED, Notice.REVIEW_RESTARTED, Notice.NARROWED}
)
"""The notices that request a decision."""
UNREPEATED_NOTICES = frozenset({Notice.ESCALATED, Notice.BREAK_GLASS, Notice.DECIDED})
"""The notices that perhaps no later notice repeats. Their lost messages are sent again."""
MOST_RETRIES = 4
"""How often the workflow repeats a notice that failed (infra/approval.asl.json)."""


class StepFailure(Exception):
    """A step failed in a way that the workflow handles by the exception's name."""


class ReviewEnded(StepFailure):
    """The wait is over. The request is decided, or its follow-up review is done."""


class NoReviewerNotified(StepFailure):
    """No reviewer could be notified, so the request would stay undecided."""


class TooFewReviewers(StepFailure):
    """Too few people could ever approve the request, so reviewers are not notified."""


class RequestUndecidable(StepFailure):
    """The configuration changed so that the request cannot be approved any more, so reviewers are not notified."""


class MessagesUnsent(StepFailure):
    """Some messages of one of the `UNREPEATED_NOTICES` were not sent, and another attempt may send them."""


def notify(event: Mapping[str, Any], ports: Ports) -> dict[str, str]:
    """Send the notice that is due, and return the grant's id with its state or with the failure of the step.

    `event` is {"grant_id": ..., "due": a notice or "nothing", "since": the check, "retries": the failed
    attempts at this step}. If the workflow waits for reviewers, the event also has the task "token". With "nothing",
    the workflow only waits. Otherwise the event has the "answer_token", with which this function ends the task.

    An execution that began before an upgrade may have neither "retries" nor "answer_token". Without a token, a failure
    is raised. Raises LookupError for an unknown grant, and Problem.
    """
    answer_token = event.get("answer_token")
    try:
        grant = _take_step(event, ports)
    except StepFailure as failure:
        token, error = answer_token or event.get("token"), type(failure).__name__
        if not token:
            raise
        logger.info("step failed", error=error)
        ports.task_answers.fail(token, error)
        return {"grant_id": event["grant_id"], "error": error}
    if answer_token:
        ports.task_answers.succeed(answer_token, grant.id)
    return {"grant_id": grant.id, "state": str(grant.state)}


def _take_step(event: Mapping[str, Any], ports: Ports) -> Grant:
    """Keep the token, send what is due, and return the grant. Raises StepFailure, LookupError and Problem."""
    grant_id, token = event["grant_id"], event.get("token")
    if token:
        ports.task_tokens.keep(grant_id, token, ScheduleCheck.read(event["since"]), ports.now())
    grant = ports.store.grant(grant_id)
    if grant is None:
        raise LookupError("no such grant")
    if token and not wait_goes_on(grant, ScheduleCheck.read(event["since"]), ports.now()):
        raise ReviewEnded
    if event["due"] in set(Notice):
        _notify_reviewers(event, grant, ports)
    return grant


def _can_be_decided(grant: Grant, ports: Ports) -> bool:
    """Return whether the request has enough possible approvers, or its target allows break-glass.

    Raises RequestUndecidable when no approval could have an effect.
    """
    config = ports.config
    break_glass = config.break_glass is not None and grant.target in config.break_glass.targets
    review = under_review(grant, ports, ports.suspensions.current())
    if isinstance(present_decision(review, ports), Problem):
        raise RequestUndecidable
    return break_glass or can_be_approved(review, without_suspended(config.reviewers, review.suspensions, config))


def _notify_reviewers(event: Mapping[str, Any], grant: Grant, ports: Ports) -> None:
    """Send the notice that is due on every channel. Raises StepFailure."""
    due, retries = Notice(event["due"]), event.get("retries")
    # The time of a follow-up review is over, and the review is missing.
    notice = Notice.FOLLOW_UP_DUE if due is Notice.DECIDED and grant.awaits_follow_up else due
    if notice in DECISION_NOTICES and not _can_be_decided(grant, ports):
        raise TooFewReviewers
    # An execution from before an upgrade may not count its attempts. It repeats decisions only.
    is_last = due is not Notice.DECIDED if retries is None else retries >= MOST_RETRIES

    def is_repeated(sent: Collection[DeliveryResult]) -> bool:
        return retries is not None and not is_last and _failure(due, sent) is not None

    sheet, since = build_sheet(grant, ports), ScheduleCheck.read(event.get("since", NEVER_CHECKED.at))
    failure = _failure(due, notify_reviewers(notice, sheet, since, ports, CHANNELS, is_repeated))
    if failure is MessagesUnsent and is_last:
        return  # the messages stay lost, and the review goes on
    if failure:
        raise failure


def _failure(due: Notice, sent: Collection[DeliveryResult]) -> type[StepFailure] | None:
    """Return the failure for which the workflow repeats the notice, or None."""
    if due in (Notice.REQUESTED, Notice.REVIEW_RESTARTED) and no_reviewer_notified(sent):
        return NoReviewerNotified
    if due in UNREPEATED_NOTICES and any(each.may_succeed_later for each in sent):
        return MessagesUnsent
    return None


handler = event_handler(
    notify,
    (
        *REVIEW_PORTS,
        "task_tokens",
        "task_answers",
        "sent_messages",
        "mail_sender",
        "templates",
    ),
)
