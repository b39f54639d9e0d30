"""POST /v1/reviews/check: an operator checks whether each channel and reviewer can be reached (row REV 13).

It sends no message.
"""

from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.review.contact_checks import (
    CHANNEL,
    NOT_CHECKED,
    NOT_FULL_MEMBER,
    SENDER,
    ContactCheck,
    contact_checks,
)
from jitney.core.review.slack.error import SlackError
from jitney.handlers.caller.authentication import authenticate_request
from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports

MOST_MILLISECONDS = 9_000
"""No check starts later than this, because the function has 15 seconds."""


def check_reviews(request: Request, ports: Ports) -> Response:
    """Return 200 with the recorded result of each check. Raises Problem if the caller is not an operator."""
    authenticated = authenticate_request(request, ports)
    with authenticated.counting_refusals():
        authenticated.require_operator("check how reviewers are reached")
    last = ports.stopwatch() + MOST_MILLISECONDS
    checks = [_checked(each, ports, late=ports.stopwatch() > last) for each in contact_checks(ports.config)]
    passed = not any(each.code for each in checks)
    failed = {f"{each.kind} {each.name}": each.code for each in checks if each.code}
    outcome = Outcome.PASSED if passed else Outcome.FAILED
    authenticated.record(AuditEvent.REVIEW_CHECK, outcome, detail={"failed": failed} if failed else {})
    return Response(200, {"passed": passed, "checks": [each.view() for each in checks]})


def _checked(check: ContactCheck, ports: Ports, *, late: bool) -> ContactCheck:
    if check.code:
        return check
    try:
        return check._replace(code=NOT_CHECKED if late else _code(check, ports))
    except SlackError as refused:
        return check._replace(code=refused.code)
    except Problem as problem:
        return check._replace(code=problem.code)


def _code(check: ContactCheck, ports: Ports) -> str:
    if check.kind == SENDER:
        return ports.mail_sender.sender_code() if ports.mail_sender else ""
    slack = ports.config.slack
    if slack is None:
        return ""
    if check.kind == CHANNEL:
        return ports.slack.channel_code(check.name)
    profile = ports.slack.find(ports.config.emails[check.name])
    return "" if profile.is_full_member and profile.workspace == slack.workspace else NOT_FULL_MEMBER


handler = endpoint(check_reviews, ("config", "keys", "store", "suspensions"))
