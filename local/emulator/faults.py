"""Faults of AWS on demand, for tests. PREFIX takes a list of rules as JSON, and applies them to the calls they name.

PUT replaces the rules and forgets the calls. GET returns the rules with their hits, and the calls since the PUT. DELETE
removes both. Without rules, no call is read.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import parse_qs

PREFIX = "/_faults"
ANSWERS = ("error", "page", "own")
PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
"""The answer of a proxy in front of a service. No AWS protocol has such a body."""

_SERVICE = re.compile(rb"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")

type Application = Callable[[Any, Any, Any], Awaitable[None]]


class AwsCall(NamedTuple):
    """A call: its service in the signature, its operation, and its body.

    The operation of a REST protocol is its verb and path, such as `POST /v2/email/outbound-emails`.
    """

    service: str
    operation: str
    body: str
    protocol: str


class FaultRule(NamedTuple):
    """The fault for calls of `operation` (a pattern, as in fnmatch) whose body contains `body`.

    The first `skip` such calls pass, then `times` of them get the fault; 0 means all. The call waits `seconds` first.
    With `after`, AWS runs the call, and only its answer is lost. `answer` is the error `code` with `status`, a proxy's
    page, or AWS's own answer, which is only delayed.
    """

    service: str
    operation: str
    body: str = ""
    skip: int = 0
    times: int = 1
    seconds: float = 0.0
    after: bool = False
    answer: str = "error"
    status: int = 500
    code: str = "InternalFailure"
    reasons: tuple[str, ...] = ()

    def names(self, call: AwsCall) -> bool:
        """Return whether the rule is about this call."""
        return self.service == call.service and fnmatchcase(call.operation, self.operation) and self.body in call.body


def rule_from(members: Mapping[str, Any]) -> FaultRule:
    """Return the rule with these members. Raises ValueError for an unknown member or answer."""
    unknown = sorted(set(members) - set(FaultRule._fields))
    if unknown:
        raise ValueError(f"no member of a rule: {', '.join(unknown)}")
    rule = FaultRule(**{**members, "reasons": tuple(members.get("reasons", ()))})
    if rule.answer not in ANSWERS or (rule.after and rule.answer == "own"):
        raise ValueError(f"answer must be one of {', '.join(ANSWERS)}; `own` cannot be combined with `after`")
    return rule


class FaultSwitch:
    """The rules of an emulator, how often each was applied, and the calls since they were set."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._met: list[int] = []
        self._calls: list[AwsCall] = []

    @property
    def is_on(self) -> bool:
        """Whether there are rules."""
        return bool(self._rules)

    def set(self, rules: list[FaultRule]) -> None:
        """Replace the rules."""
        self._rules, self._met, self._calls = rules, [0] * len(rules), []

    def met_by(self, call: AwsCall) -> FaultRule | None:
        """Return the rule whose fault this call gets, and count it."""
        self._calls.append(call)
        for number, rule in enumerate(self._rules):
            if rule.names(call):
                self._met[number] += 1
                turn = self._met[number] - rule.skip
                if turn > 0 and (not rule.times or turn <= rule.times):
                    return rule
        return None

    def report(self) -> dict[str, Any]:
        """Return the rules with their hits, and the calls without their bodies."""
        hits = [
            max(0, min(met - rule.skip, rule.times or met)) for met, rule in zip(self._met, self._rules, strict=True)
        ]
        rules = [{**rule._asdict(), "hits": hit} for rule, hit in zip(self._rules, hits, strict=True)]
        calls = [{"service": call.service, "operation": call.operation} for call in self._calls]
        return {"rules": rules, "calls": calls}


def with_faults(application: Application) -> Application:
    """Return the ASGI application with the switch in front of it."""
    switch = FaultSwitch()

    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == PREFIX:
            status, answer = _switched(switch, scope["method"], await _body(receive))
            await _send(send, status, {"content-type": "application/json"}, json.dumps(answer).encode())
            return
        signed = _SERVICE.search(dict(scope.get("headers", ())).get(b"authorization", b""))
        if not switch.is_on or signed is None:
            await application(scope, receive, send)
            return
        body = await _body(receive)
        call = _call(scope, signed[1].decode(), body)
        rule = switch.met_by(call)
        if rule is not None:
            await asyncio.sleep(rule.seconds)
        if rule is None or rule.answer == "own":
            await application(scope, _again(body), send)
            return
        if rule.after:
            await application(scope, _again(body), _nowhere)
        await _fail(send, rule, call)

    return served


def _switched(switch: FaultSwitch, verb: str, body: bytes) -> tuple[int, Any]:
    """Return status and answer of a request to the switch."""
    if verb == "GET":
        return 200, switch.report()
    try:
        switch.set([rule_from(members) for members in json.loads(body)] if verb == "PUT" else [])
    except (ValueError, TypeError) as error:
        return 400, {"error": str(error)}
    return 200, switch.report()


def _call(scope: Any, service: str, body: bytes) -> AwsCall:
    headers = dict(scope["headers"])
    text = body.decode("utf-8", "replace")
    target = headers.get(b"x-amz-target", b"").decode()
    if target:
        return AwsCall(service, target.rpartition(".")[2], text, "json")
    if headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded"):
        return AwsCall(service, parse_qs(text).get("Action", [""])[0], text, "query")
    protocol = "rest-xml" if service in ("s3", "cloudfront", "route53") else "rest-json"
    return AwsCall(service, f"{scope['method']} {scope['path']}", text, protocol)


async def _fail(send: Any, rule: FaultRule, call: AwsCall) -> None:
    """Answer as the rule says."""
    if rule.answer == "page":
        await _send(send, rule.status, {"content-type": "text/html"}, PAGE)
    else:
        headers, body = _error(rule, call)
        await _send(send, rule.status, headers, body)


def _error(rule: FaultRule, call: AwsCall) -> tuple[dict[str, str], bytes]:
    """Return an error in the protocol of the call (Smithy, "AWS Protocols")."""
    message = "A fault rule of the local system"
    if call.protocol in ("json", "rest-json"):
        error: dict[str, Any] = {"__type": rule.code, "message": message}
        if rule.reasons:
            error["CancellationReasons"] = [{"Code": code, "Message": code} for code in rule.reasons]
        headers = {"content-type": "application/x-amz-json-1.0", "x-amzn-errortype": rule.code}
        return headers, json.dumps(error).encode()
    inner = f"<Code>{rule.code}</Code><Message>{message}</Message>"
    whole = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error><RequestId>fault</RequestId></ErrorResponse>"
    return {"content-type": "text/xml"}, (whole if call.protocol == "query" else f"<Error>{inner}</Error>").encode()


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _again(body: bytes) -> Callable[[], Awaitable[Any]]:
    """Return a `receive` that gives the body again, and then waits, like a client that stays connected."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return left.pop() if left else await asyncio.Event().wait()

    return receive


async def _nowhere(_: Any) -> None:
    """Discard an answer."""


async def _send(send: Any, status: int, headers: Mapping[str, str], body: bytes) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
