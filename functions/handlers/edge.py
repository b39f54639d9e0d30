"""The outermost layer of every HTTP function: event to request, answer or problem to event, one log line."""

from collections.abc import Callable, Mapping
from traceback import extract_tb
from typing import Any

from aws_lambda_powertools import Logger

from core.problems import Problem
from handlers.http import Request, Response, problem_response, proxy_answer, request_of
from handlers.ports import Ports, ready

Route = Callable[[Request, Ports], Response]
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]

logger = Logger(service="jitney", log_uncaught_exceptions=False)


def endpoint(route: Route, needs: tuple[str, ...]) -> Handler:
    """The Lambda handler of `route`, with the ports that it `needs` built during a cold start in AWS."""
    ports = ready(needs)

    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        return answer(route, event, ports)

    return handler


def answer(route: Route, event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """The answer of `route` to one API Gateway event. Never raises."""
    response = guarded(lambda: route(request_of(event), ports), problem_response)
    logger.info("answered", **_line(event, response))
    return proxy_answer(response)


def guarded[Answer](attempt: Callable[[], Answer], told: Callable[[Problem], Answer]) -> Answer:
    """What `attempt` answers, else its problem as it is `told`: an exception's text is nobody's business (ID 5)."""
    try:
        return attempt()
    except Problem as problem:
        return told(problem)
    except Exception as error:  # noqa: BLE001 - the one place where everything ends
        # The text of an exception may quote what it choked on, a token or a credential; its type and place do not.
        where = [f"{frame.filename}:{frame.lineno}" for frame in extract_tb(error.__traceback__)]
        logger.error("unhandled", error=type(error).__name__, where=where)  # noqa: TRY400
        fix = "Try again; if it stays, give the request's id to your platform engineer."
        return told(Problem("internal", "Jitney failed to answer.", fix))


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
