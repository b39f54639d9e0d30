"""POST /v1/reviews/check: whether each channel and each reviewer can be reached, for an operator (row REV 13).

Nothing is posted and nobody is written to.
"""

from jitney.core.audit import AuditEvent, Outcome
from jitney.core.problems import Problem
from jitney.core.review.contact_checks import (
    CHANNEL,
    NOT_CHECKED,
    NOT_FULL_MEMBER,
    SENDER,
    ContactCheck,
    contact_checks,
)
from jitney.core.review.slack.error import SlackError
from jitney.handlers.callers import authenticate_request
from jitney.handlers.edge import endpoint
from jitney.handlers.http import Request, Response
from jitney.handlers.ports import Ports

MOST_MILLISECONDS = 9_000
"""Nothing more is asked after this: the function has 15 seconds."""


def check_reviews(request: Request, ports: Ports) -> Response:
    """200 with what came of each check, which is on record; Problem where the caller is no operator."""
    call = authenticate_request(request, ports)
    with call.counting_refusals():
        call.require_operator("check how reviewers are reached")
    last = ports.stopwatch() + MOST_MILLISECONDS
    reached = [_checked(each, ports, late=ports.stopwatch() > last) for each in contact_checks(ports.config)]
    passed = not any(each.code for each in reached)
    failed = {f"{each.kind} {each.name}": each.code for each in reached if each.code}
    outcome = Outcome.PASSED if passed else Outcome.FAILED
    call.record(AuditEvent.REVIEW_CHECK, outcome, detail={"failed": failed} if failed else {})
    return Response(200, {"passed": passed, "checks": [each.view() for each in reached]})


def _checked(reach: ContactCheck, ports: Ports, *, late: bool) -> ContactCheck:
    if reach.code:
        return reach
    try:
        return reach._replace(code=NOT_CHECKED if late else _code(reach, ports))
    except SlackError as refused:
        return reach._replace(code=refused.code)
    except Problem as problem:
        return reach._replace(code=problem.code)


def _code(reach: ContactCheck, ports: Ports) -> str:
    if reach.kind == SENDER:
        mails = ports.mails
        return mails.sender_code() if mails else ""
    slack = ports.config.slack
    if slack is None:
        return ""
    if reach.kind == CHANNEL:
        return ports.slack.channel_code(reach.name)
    profile = ports.slack.find(ports.config.emails[reach.name])
    return "" if profile.full and profile.workspace == slack.workspace else NOT_FULL_MEMBER


handler = endpoint(check_reviews, ("config", "keys", "store"))
