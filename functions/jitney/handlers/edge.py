"""The outermost layer of every function.

Of an HTTP function: event to request, answer or problem to event, one log line. Of any other: what fails is told to
whoever called by its name alone.
"""

from collections.abc import Callable, Mapping
from traceback import extract_tb
from typing import Any, TypeAlias, TypeVar

from jitney.core.problems import Problem
from jitney.handlers.http import Request, Response, problem_response, proxy_response, request_from_event
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports, build_ports

Answer = TypeVar("Answer")

Route = Callable[[Request, Ports], Response]
HttpHandler = Callable[[Mapping[str, Any], Any], dict[str, Any]]

EventHandler: TypeAlias = Callable[[Mapping[str, Any], Any], Answer]


def endpoint(route: Route, needs: tuple[str, ...]) -> HttpHandler:
    """The Lambda handler of `route`, with the ports that it `needs` built during a cold start in AWS."""
    ports = build_ports(needs)

    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        return answer(route, event, ports)

    return handler


def answer(route: Route, event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """The answer of `route` to one API Gateway event. Never raises."""
    response = errors_as_problems(lambda: route(request_from_event(event), ports), problem_response)
    logger.info("answered", **_line(event, response))
    return proxy_response(response)


def errors_as_problems(attempt: Callable[[], Answer], told: Callable[[Problem], Answer]) -> Answer:
    """What `attempt` answers, else its problem as it is `told`: an exception's text is nobody's business (ID 5)."""
    try:
        return attempt()
    except Problem as problem:
        return told(problem)
    except Exception as error:  # noqa: BLE001 - the one place where everything ends
        log_unhandled(error)
        fix = "Try again; if it stays, give the request's id to your platform engineer."
        return told(Problem("internal", "Jitney failed to answer.", fix))


def event_handler(run: Callable[[Mapping[str, Any], Ports], Answer], needs: tuple[str, ...]) -> EventHandler[Answer]:
    """The Lambda handler of what no HTTP request calls, with its ports as `endpoint` has them.

    What `run` raises is raised on by its name, which workflows go by, and without its text: Lambda would log that, and
    Step Functions keep it.
    """
    ports = build_ports(needs)

    def handler(event: Mapping[str, Any], _context: Any) -> Answer:
        try:
            return run(event, ports)
        except Exception as error:  # noqa: BLE001 - as above
            log_unhandled(error)
            raise type(type(error).__name__, (Exception,), {})("see the log") from None

    return handler


def log_unhandled(error: Exception) -> None:
    """Log an exception's type and place: its text may quote what it choked on, a token or a credential."""
    where = [f"{frame.filename}:{frame.lineno}" for frame in extract_tb(error.__traceback__)]
    logger.error("unhandled", error=type(error).__name__, where=where)


def _line(event: Mapping[str, Any], response: Response) -> dict[str, Any]:
    """What is logged of an answer: never a body, never a header."""
    grant = response.body.get("grant") or {}
    return {
        "method": event.get("httpMethod"),
        "route": event.get("resource"),
        "request_id": (event.get("requestContext") or {}).get("requestId"),
        "status": response.status,
        "code": response.body.get("code"),
        "grant": grant.get("id"),
    }
