"""The outermost layer of every function.

An HTTP function turns the event into a request, and the answer or problem into the form of API Gateway. It logs one
line, and another one for a service that did not answer. Any other function re-raises a failure with only its name.
"""

from collections.abc import Callable, Mapping
from traceback import extract_tb
from typing import Any, TypeAlias, TypeVar

from jitney.core.problems import Problem
from jitney.core.records.audit import FAILED_ANSWERS
from jitney.handlers.runtime.http import (
    Request,
    Response,
    grant_id_in,
    problem_response,
    proxy_response,
    request_from_event,
)
from jitney.handlers.runtime.logs import about_grant, logger, note_grant
from jitney.handlers.runtime.metrics import count
from jitney.handlers.runtime.ports import Ports, build_ports

Answer = TypeVar("Answer")

Route = Callable[[Request, Ports], Response]
HttpHandler = Callable[[Mapping[str, Any], Any], dict[str, Any]]

EventHandler: TypeAlias = Callable[[Mapping[str, Any], Any], Answer]

UNAVAILABLE = "unavailable"
FAILURES = frozenset({"internal", "item_unreadable", UNAVAILABLE})
"""The problems that are counted as failures of Jitney.

Agents can cause the other problems with a status of 5xx, such as answer_unmaskable, at will. So these must not stop a
deployment (infra.canary).
"""


def endpoint(route: Route, needs: tuple[str, ...]) -> HttpHandler:
    """Return the Lambda handler of `route`. A cold start in AWS builds the ports that it `needs`."""
    ports = build_ports(needs)

    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        return answer(route, event, ports)

    return handler


def endpoints(routes: Mapping[tuple[str, str], Route], needs: tuple[str, ...]) -> HttpHandler:
    """Return the Lambda handler of several routes, by method and resource. `endpoint` describes the ports."""
    ports = build_ports(needs)

    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        return answer(routes.get((event.get("httpMethod", ""), event.get("resource", "")), _nowhere), event, ports)

    return handler


def _nowhere(_request: Request, _ports: Ports) -> Response:
    raise Problem("route_not_found", "The route does not exist.", "See the OpenAPI file for the routes and verbs.")


def answer(route: Route, event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """Return the answer of `route` to one API Gateway event. Never raises."""
    with about_grant(grant_id_in(event)):
        response = errors_as_problems(
            lambda: route(request_from_event(event, ports.config.digest), ports), problem_response
        )
        if grant_id := _grant_id(response):
            note_grant(grant_id)
        logger.info("answered", **_line(event, response))
        return proxy_response(response)


def errors_as_problems(attempt: Callable[[], Answer], on_problem: Callable[[Problem], Answer]) -> Answer:
    """Return the answer of `attempt`, or `on_problem`'s answer to its problem, without an exception's text (ID 5)."""
    try:
        return attempt()
    except Problem as raised:
        problem = raised
    except Exception as error:  # noqa: BLE001 - the outermost layer
        log_unhandled(error)
        fix = "Try again. If it persists, give the answer's header x-amzn-RequestId to your platform engineer."
        problem = Problem("internal", "Jitney failed to answer.", fix, headers={"Retry-After": "2"})
    if problem.code in FAILURES:
        count(FAILED_ANSWERS)
    if problem.code == UNAVAILABLE:
        logger.warning(UNAVAILABLE, **_service(problem))
    return on_problem(problem)


def event_handler(run: Callable[[Mapping[str, Any], Ports], Answer], needs: tuple[str, ...]) -> EventHandler[Answer]:
    """Return the Lambda handler of a function without HTTP. `endpoint` describes the ports.

    An exception of `run` is re-raised with its name, which workflows match. Its text is removed, because Lambda would
    log it and Step Functions would keep it.
    """
    ports = build_ports(needs)

    def handler(event: Mapping[str, Any], _context: Any) -> Answer:
        with about_grant(grant_id_in(event)):
            try:
                return run(event, ports)
            except Exception as error:  # noqa: BLE001 - as above
                log_unhandled(error)
                raise type(type(error).__name__, (Exception,), {})("see the log") from None

    return handler


def log_unhandled(error: Exception) -> None:
    """Log an exception's type and place. Its text is not logged, because it may quote a token or a credential.

    A service that did not answer is named, with AWS's own code.
    """
    where = [f"{frame.filename}:{frame.lineno}" for frame in extract_tb(error.__traceback__)]
    found: dict[str, Any] = {"code": error.code, **_service(error)} if isinstance(error, Problem) else {}
    logger.error("unhandled", error=type(error).__name__, where=where, **found)


def _service(problem: Problem) -> dict[str, Any]:
    """Return the members of a log line that name the service that did not answer; {} for another problem."""
    return {"detail": problem.detail, "aws_code": problem.aws_code or None} if problem.code == UNAVAILABLE else {}


def _line(event: Mapping[str, Any], response: Response) -> dict[str, Any]:
    """Return the log line of an answer. It never has a body or a header."""
    return {
        "method": event.get("httpMethod"),
        "route": event.get("resource"),
        "request_id": (event.get("requestContext") or {}).get("requestId"),
        "status": response.status,
        "code": response.code or None,
        "call_id": response.body.get("call_id"),
    }


def _grant_id(response: Response) -> str:
    """Return the id of the grant in an answer, or ""."""
    grant = response.body.get("grant") or {}
    return str(grant.get("id") or response.body.get("grant_id") or "")
