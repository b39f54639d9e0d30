"""The deployed functions as a WSGI application over in-memory adapters, with API Gateway's events.

Every handler runs as Lambda runs it. Its ports are replaced by those of a test.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, unquote

from infra.function_specs import SPECS
from jitney.handlers.runtime.ports import Ports

HOST = "jitney.example.com"
STAGE = "/live"
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def handlers() -> dict[tuple[str, str], Handler]:
    """Return the handler of each route."""
    made = {}
    for name, spec in SPECS.items():
        for route in spec.routes:
            made[route] = import_module(f"jitney.handlers.{name}").handler
    return made


@contextmanager
def with_ports(ports: Ports) -> Iterator[None]:
    """Have the handlers use `ports` meanwhile."""
    own = {id(each): each for handler in handlers().values() for each in _ports_of(handler)}.values()
    before = [dict(each.__dict__) for each in own]
    for each in own:
        each.__dict__.update(ports.__dict__)
    try:
        yield
    finally:
        for each, members in zip(own, before, strict=True):
            each.__dict__.clear()
            each.__dict__.update(members)


def _ports_of(handler: Handler) -> list[Ports]:
    cells = [cell.cell_contents for cell in handler.__closure__ or ()]  # type: ignore[attr-defined]
    return [each for each in cells if isinstance(each, Ports)]


class ApiApp:
    """A WSGI application (PEP 3333) that answers as API Gateway does with these handlers."""

    def __init__(self, routes: dict[tuple[str, str], Handler]) -> None:
        # Literal paths are matched before those with parameters.
        ordered = sorted(routes.items(), key=lambda each: each[0][1].count("{"))
        self._routes = [(verb, path, _pattern(path), handler) for (verb, path), handler in ordered]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = self._answer(environ)
        headers = list(answer.get("headers", {}).items())
        for name, values in answer.get("multiValueHeaders", {}).items():
            headers += [(name, value) for value in values]
        status = HTTPStatus(answer["statusCode"])
        start_response(f"{status.value} {status.phrase}", headers)
        body = answer["body"]
        return [base64.b64decode(body) if answer["isBase64Encoded"] else body.encode()]

    def _answer(self, environ: dict[str, Any]) -> dict[str, Any]:
        verb, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        for known, route, pattern, handler in self._routes:
            if known == verb and (found := pattern.fullmatch(path)):
                return handler(self._event(environ, route, path, found.groupdict()), None)
        return {"statusCode": 404, "headers": {"Content-Type": "application/problem+json"}, "body": "{}"} | {
            "isBase64Encoded": False
        }

    def _event(self, environ: dict[str, Any], route: str, path: str, named: dict[str, str]) -> dict[str, Any]:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").title(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or name == "CONTENT_TYPE"
        }
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        body = environ["wsgi.input"].read(size)
        return {
            "httpMethod": environ["REQUEST_METHOD"],
            "resource": route,
            "headers": headers,
            "pathParameters": {name: unquote(value) for name, value in named.items()} or None,
            "queryStringParameters": query or None,
            "body": base64.b64encode(body).decode() if body else None,
            "isBase64Encoded": bool(body),
            "requestContext": {
                "requestId": "req-1",
                "identity": {"sourceIp": "198.51.100.7"},
                "domainName": HOST,
                "path": STAGE + path,
            },
        }


def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route))
