"""Sends the calls of botocore clients to the broker, instead of to AWS (the way "gateway").

The broker accepts parameters, not requests. So the parameters that botocore would serialize are sent, and no request of
botocore leaves this process.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Self

from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse, HeadersDict
from botocore.exceptions import ResponseStreamingError
from botocore.model import OperationModel

from jitney.client.gateway.call_answers import CallAnswer, CallUnderReview
from jitney.client.gateway.calling import AbandonedError, CallSender, GrantsOfKeys, for_last_attempt, invocation_key
from jitney.client.gateway.direct_transfers import DirectTransfers
from jitney.client.gateway.http_answer import HttpAnswer
from jitney.client.gateway.wire_parser import ParsedCall
from jitney.client.gateway.wire_values import unsupported_call
from jitney.client.problems import ClientProblem, ReviewPending
from jitney.sdk.open_grant import OpenGrant
from jitney.sdk.review_waits import ReviewWait, review_problem
from jitney.sdk.sent_parameters import read_stream, sent_parameters

_SENT = "jitney_sent"
_ATTEMPT: ContextVar[dict[str, Any]] = ContextVar("jitney_attempt")
"""The context of the present attempt. botocore creates and sends a request in the same thread or task."""
_PRESIGNED = ("-query", "-presign-post")


@dataclass(frozen=True, slots=True)
class _Sent:
    """One call of a client: the operation, its parameters as the API's JSON, and the bytes of its stream."""

    operation: OperationModel
    parameters: dict[str, Any] = field(repr=False)
    body: bytes = field(repr=False)

    def __deepcopy__(self, _memo: object) -> Self:
        """Return itself: botocore copies the context of a call, and the model has thousands of shapes."""
        return self


class GatewayCalls:
    """Sends every call of a session's clients with an open grant.

    `waits` says how long to wait for the review of a call.
    """

    def __init__(self, opened: OpenGrant, waits: ReviewWait) -> None:
        self._opened = opened
        self._waits = waits
        self._grants = GrantsOfKeys(lambda: opened.grant().id)
        self._under_review: dict[str, str] = {}
        """The keys of calls that are under review. An equal call continues with the same key."""

    def attach(self, events: Any) -> None:
        """Handle the calls of the clients that are created with these events."""
        events.register_last("before-parameter-build", self.keep_parameters)
        events.register_first("choose-signer.*.*", self.refuse_presigned)  # before botocore's handlers of a service
        events.register_last("request-created", self.keep_attempt)
        events.register_first("before-send", self.send)

    def keep_parameters(self, params: dict[str, Any], model: OperationModel, context: dict[str, Any], **_: Any) -> None:
        """Keep the parameters, after all of botocore's own changes. A file is replaced by its bytes."""
        if not context.get("is_presign_request"):
            body = read_stream(params, model.input_shape)
            context[_SENT] = _Sent(model, sent_parameters(params, model), body)

    def refuse_presigned(self, signature_version: Any, context: dict[str, Any], **_: Any) -> None:
        """Raise Invalid call_unsupported for a presigned URL, because its request would bypass the gateway."""
        if str(signature_version).endswith(_PRESIGNED) and _SENT not in (context or {}):
            detail = "The gateway signs no URL, because its answer would not be masked."
            raise unsupported_call(detail, 'Use a grant with way="credentials" to presign URLs.')

    def keep_attempt(self, request: AWSRequest, **_: Any) -> None:
        """Note which call the next request is for."""
        _ATTEMPT.set(request.context)

    def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Return the broker's answer. Raises the problem if there is none."""
        status, headers, body = self.answered()
        return AWSResponse(request.url, status, HeadersDict(headers), body)  # type: ignore[arg-type]

    def answered(self) -> "tuple[int, dict[str, str], AnswerBody]":
        """Return the status, headers and body of the broker's answer to the current attempt."""
        context = _ATTEMPT.get()
        sent: _Sent = context[_SENT]
        signed = str(context.get("signing", {}).get("region") or "")
        region = context["client_region"] if "*" in signed or not signed else signed
        service = sent.operation.service_model
        call = ParsedCall(service.service_name, sent.operation, region, sent.parameters, service.resolved_protocol)
        key = self._reviewed_key(call) or invocation_key(context["retries"]["invocation-id"])
        try:
            answer = self._called(call, sent.body, key)
        except ReviewPending:
            self._under_review[_content(call)] = key
            raise
        except ClientProblem as problem:
            raise for_last_attempt(problem) from problem
        return answer.status, dict(_headers(answer)), AnswerBody(_chunks(answer))

    def _reviewed_key(self, call: ParsedCall) -> str:
        """Return the key of an equal call that was under review, or "".

        A large body is hashed only if there are such keys.
        """
        return self._under_review.pop(_content(call), "") if self._under_review else ""

    def _called(self, call: ParsedCall, body: bytes, key: str) -> CallAnswer | HttpAnswer:
        grant = self._opened.grant()
        waiting = self._waits.begin()
        reviewed: list[CallUnderReview] = []

        def proceed() -> bool:
            return not reviewed or waiting.left() > 0

        def on_review(answer: CallUnderReview) -> None:
            if not reviewed:
                reviewed.append(answer)
                self._waits.show(review_problem(answer.child, self._opened.broker.clock.now()))

        sender = CallSender(
            self._opened.broker,
            self._grants.of,
            lambda _: None,
            changed=self._opened.changed,
            on_review=on_review,
            wait_left=waiting.left,
            sleep=waiting.sleep,
        )
        try:
            transfers = DirectTransfers(sender, reveal=grant.reveal, clock=self._opened.broker.clock.now)
            return transfers.called(call, body, key, proceed)
        except AbandonedError:
            raise review_problem(reviewed[-1].child, self._opened.broker.clock.now()) from None


class AnswerBody(io.BufferedReader):
    """The body of an answer, as botocore reads it from a connection."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__(_ChunkReader(chunks))

    def stream(self, amount: int = 65_536, decode_content: bool | None = None) -> Iterator[bytes]:  # noqa: ARG002, FBT001 - urllib3's
        """Yield the rest in blocks."""
        while block := self.read(amount):
            yield block


class _ChunkReader(io.RawIOBase):
    """Reads the chunks of an answer as one stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            while not self._left:
                self._left = next(self._chunks, b"")
                if not self._left:
                    return 0
        except (OSError, HTTPException) as error:
            raise ResponseStreamingError(error=error) from error
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def _content(call: ParsedCall) -> str:
    """Return a hash of the call, by which an equal call is recognized."""
    text = json.dumps([call.service, call.operation.name, call.region, call.parameters], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _headers(answer: CallAnswer | HttpAnswer) -> Any:
    return answer.headers.items() if isinstance(answer, CallAnswer) else answer.headers


def _chunks(answer: CallAnswer | HttpAnswer) -> Iterator[bytes]:
    chunks = answer.chunks if isinstance(answer, HttpAnswer) else None
    return iter((answer.body,) if chunks is None else chunks)
