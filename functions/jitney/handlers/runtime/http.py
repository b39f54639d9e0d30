"""Requests from API Gateway's proxy events, and the answers it expects.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import orjson

from jitney.core.access.grant import GRANT_ID
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.problems import PROBLEMS, Problem
from jitney.core.records.audit import Origin

RETRY_SECONDS: Mapping[str, str] = {
    **{code: "2" for code, kind in PROBLEMS.items() if kind.status == HTTPStatus.SERVICE_UNAVAILABLE},
    "grant_conflict": "1",
    "suspension_conflict": "1",
}
"""When the same call can succeed, by the code of a problem that does not say so itself."""
MAX_FORM_FIELDS = 1000
_COMPACT = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are in lower case, as HTTP/2 and proxies send them.

    `base` is the API's own address without its scheme, such as "//jitney.example.com/live". `address` is that of the
    request, without its scheme and query.
    """

    headers: Mapping[str, str]
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes = field(repr=False)
    origin: Origin
    base: str = ""
    method: str = ""
    address: str = ""

    @property
    def authorization(self) -> str | None:
        """The Authorization header."""
        return self.headers.get("authorization")

    @property
    def grant_id(self) -> str:
        """The id in the path, or "" if it cannot be a grant's id."""
        given = self.path.get("id", "")
        return given if GRANT_ID.fullmatch(given) else ""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer: a status, a JSON object, extra headers, and the code of the problem that it reports, if any."""

    status: int
    body: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str = ""


def request_from_event(event: Mapping[str, Any], configuration: str) -> Request:
    """Return the request in a REST proxy event. Raises Problem body_malformed for a body that is not base64.

    `configuration` is the digest of the configuration, for records.
    """
    context = event.get("requestContext") or {}
    return Request(
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        path=event.get("pathParameters") or {},
        query=event.get("queryStringParameters") or {},
        body=_body(event),
        origin=Origin(
            (context.get("identity") or {}).get("sourceIp") or "", context.get("requestId") or "", configuration
        ),
        base=_base(event),
        method=event.get("httpMethod") or "",
        address=f"//{context.get('domainName') or ''}{context.get('path') or ''}",
    )


def grant_id_in(event: Mapping[str, Any]) -> str:
    """Return the id of the grant that an event is about, or "".

    The event is of API Gateway, of the approval workflow, or about a change of the workflow's status.
    """
    match event:
        case {"pathParameters": {"id": str(given)}} | {"grant_id": str(given)} | {"detail": {"name": str(given)}} if (
            GRANT_ID.fullmatch(given)
        ):
            return given
    return ""


def _base(event: Mapping[str, Any]) -> str:
    """Return the requested address without the scheme and the route.

    The result is also right behind custom domain names. The host is the domain name by which API Gateway found this
    API. Headers are not used, because callers choose them.
    """
    context = event.get("requestContext") or {}
    route, path = event.get("resource") or "", context.get("path") or ""
    before = path.split("/")[: -route.count("/") or None]
    return f"//{context.get('domainName') or ''}{'/'.join(before)}"


def _body(event: Mapping[str, Any]) -> bytes:
    body: str = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise Problem("body_malformed", "The body cannot be decoded.", "Send one JSON object in UTF-8.") from error


def form_fields(body: bytes, most_bytes: int) -> dict[str, list[str]]:
    """Return the fields of a form. Raises Problem body_too_large, body_malformed."""
    if len(body) > most_bytes:
        raise Problem("body_too_large", "The form is too large.", "Write a shorter text.")
    try:
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=bool(body),
            max_num_fields=MAX_FORM_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise Problem("body_malformed", "The form cannot be read.", "Open the page again and send its form.") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def problem_response(problem: Problem) -> Response:
    """Return a problem as an application/problem+json answer (RFC 9457).

    Problems quote the request, so secrets in them are masked.
    """
    retry = {"Retry-After": RETRY_SECONDS[problem.code]} if problem.code in RETRY_SECONDS else {}
    headers = {"Content-Type": "application/problem+json", **retry, **problem.headers}
    return Response(problem.status, UNTAGGED.data(problem.body()), headers, problem.code)


def proxy_response(response: Response) -> dict[str, Any]:
    """Return the answer as API Gateway expects it. No cache may keep any answer."""
    return {
        "statusCode": response.status,
        "headers": {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **response.headers,
        },
        "body": _written(response.body) if response.body else "",
        "isBase64Encoded": False,
    }


def _written(body: Mapping[str, Any]) -> str:
    """Return the body as JSON. orjson needs a tenth of the time for 1 MB, but cannot write lone surrogates."""
    try:
        return orjson.dumps(body).decode()
    except TypeError:
        return _COMPACT.encode(body)
