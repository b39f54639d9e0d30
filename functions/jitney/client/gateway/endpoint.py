"""The endpoint: takes an SDK's signed request, sends the call to the broker, and answers as AWS does."""

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from jitney.client.gateway.calling import AbandonedError, for_last_attempt, key_and_repeatable
from jitney.client.gateway.cbor_answers import as_cbor
from jitney.client.gateway.direct_transfers import DirectTransfers
from jitney.client.gateway.http_answer import HttpAnswer
from jitney.client.gateway.own_addresses import with_aws_addresses, with_own_addresses, without_worthless_url
from jitney.client.gateway.problem_texts import message_of
from jitney.client.gateway.protocol_errors import protocol_error, spoken_protocol
from jitney.client.gateway.received import MAX_BODY_BYTES, MAX_UPLOAD_BYTES, ReceivedRequest, plain_body, too_large
from jitney.client.gateway.signature import PlaceholderKeys, SignatureCheck, SigningScope
from jitney.client.gateway.wire_parser import CBOR, WireParser
from jitney.client.gateway.wire_values import unsupported_call
from jitney.client.problems import ClientProblem, Invalid, Unauthenticated

_S3 = frozenset({"s3", "s3express"})
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_LABELS = re.compile(r"[a-z0-9][a-z0-9.-]*", re.ASCII)


class GatewayEndpoint:
    """Answers the requests that `keys` signed. It listens at `port`, and `note` shows a line to the person."""

    def __init__(
        self,
        port: int,
        keys: PlaceholderKeys,
        parser: WireParser,
        transfers: DirectTransfers,
        note: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._port = port
        self._keys = keys
        self._signatures = SignatureCheck(keys, clock)
        self._parser = parser
        self._transfers = transfers
        self._note = note

    def refused(self, head: ReceivedRequest) -> HttpAnswer | None:
        """Return the answer that refuses a request of another process, or None. The body is not read."""
        try:
            self._checked_host(head)
            self._signatures.scope(head)
        except ClientProblem as problem:
            return self._error(problem, head, self._signatures.claimed_name(head))
        return None

    def body_limit(self, head: ReceivedRequest) -> int:
        """Return the bytes that the body may have. Uploads to S3 may have more than other requests."""
        upload = head.method == "PUT" and self._signatures.claimed_name(head) in _S3
        return MAX_UPLOAD_BYTES if upload else MAX_BODY_BYTES

    def too_large(self, head: ReceivedRequest) -> HttpAnswer:
        """Return the answer to a request whose body is too large. The call is not sent to the broker."""
        return self._error(too_large(self.body_limit(head)), head, self._signatures.claimed_name(head))

    def answer(self, request: ReceivedRequest, connected: Callable[[], bool]) -> HttpAnswer:
        """Return AWS's answer to a call, or the problem as an error of its protocol."""
        scope = self._signatures.scope(request)
        try:
            self._signatures.verify(request)
            return self._called(request, scope, connected)
        except AbandonedError:
            detail = "The client closed the connection before the call was sent, so it was not sent."
            return self._error(Invalid("call_abandoned", "Abandoned", detail), request, scope.signing_name)
        except ClientProblem as problem:
            return self._error(problem, request, scope.signing_name)
        except Exception as error:  # noqa: BLE001 - a cut connection would look like an outage, and SDKs would repeat it
            self._note(f"jitney: the endpoint failed: {type(error).__name__}")
            detail = f"The endpoint raised {type(error).__name__}. The call may have run."
            fix = "Check in AWS whether the call ran, and report the error."
            failure = Invalid("endpoint_failed", "The endpoint failed", detail, fix)
            return self._error(failure, request, scope.signing_name)

    def _called(self, request: ReceivedRequest, scope: SigningScope, connected: Callable[[], bool]) -> HttpAnswer:
        plain = plain_body(self._path_style(request, scope))
        parsed = without_worthless_url(self._parser.parse(plain, scope), self._keys.access_key_id)
        key, _ = key_and_repeatable(request)
        answer = self._transfers.called(with_aws_addresses(parsed), plain.body, key, connected)
        if isinstance(answer, HttpAnswer):
            return answer
        answer = with_own_addresses(answer, parsed, self._port)
        if parsed.protocol == CBOR and parsed.operation.service_model.resolved_protocol != CBOR:
            answer = as_cbor(answer, parsed.operation)
        return HttpAnswer(answer.status, tuple(answer.headers.items()), answer.body)

    def _checked_host(self, request: ReceivedRequest) -> str:
        """Return the part of the Host header before the endpoint's own name: "", a bucket or an account.

        Raises Unauthenticated for other hosts, because of DNS rebinding.
        """
        host = request.headers.get("host", "").lower()
        if host in (f"127.0.0.1:{self._port}", f"localhost:{self._port}"):
            return ""
        before = host.removesuffix(f".localhost:{self._port}")
        if before == host or not _LABELS.fullmatch(before):
            detail = f"The request is for the host {host[:60]!a}, which is not this endpoint."
            raise Unauthenticated("host_invalid", "Another host", detail, f"Send it to 127.0.0.1:{self._port}.")
        return before.removesuffix(".s3")

    def _path_style(self, request: ReceivedRequest, scope: SigningScope) -> ReceivedRequest:
        """Return the request. For S3, the bucket in the host moves to the path.

        Raises Invalid if the host has a prefix and the service is not S3.
        """
        before = self._checked_host(request)
        if scope.signing_name not in _S3:
            if before:
                detail = f"The host begins with {before[:40]!a}, which the gateway accepts only for S3."
                raise unsupported_call(detail, "Set AWS_DISABLE_HOST_PREFIX_INJECTION=true.")
            return request
        path = request.path
        if before and not (_ACCOUNT.fullmatch(before) and path.startswith("/v20180820/")):
            path = f"/{quote(before)}{path}"
        bucket_only = path.endswith("/") and path.count("/") == 2
        return replace(request, path=path.removesuffix("/") if bucket_only else path)

    def _error(self, problem: ClientProblem, request: ReceivedRequest, signing_name: str) -> HttpAnswer:
        protocols = [each.resolved_protocol for each in self._parser.services(signing_name)]
        protocol = spoken_protocol(request, signing_name, protocols)
        _, repeatable = key_and_repeatable(request)
        if request.method == "HEAD":  # its answer has no body, so that the SDK cannot show why
            self._note(f"jitney: {message_of(problem)}")
        problem = problem if repeatable else for_last_attempt(problem)
        return protocol_error(problem, protocol, signing_name, repeatable=repeatable)
