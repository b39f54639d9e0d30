"""The broker's API as a small class, for the command line and for Python programs."""

import re
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlencode

from jitney.client.api.broker_clock import BrokerClock
from jitney.client.api.connection import HttpRequest, HttpResponse, checked_base_url, json_body, send
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.problem_members import read_problem_json
from jitney.client.api.responses import (
    DEFAULT_RETRY_SECONDS,
    GRANT_ID,
    ApiDecision,
    GrantPage,
    GrantResponse,
    GrantWithCredentials,
)
from jitney.client.api.token_auth import TokenAuth
from jitney.client.problems import ClientProblem, Invalid, Unavailable
from jitney.client.tokens import TokenSource

if TYPE_CHECKING:
    from jitney.client.api.checks import ReviewCheck, TargetCheck
    from jitney.client.api.permitted_targets import ApiPermittedTargets
    from jitney.client.api.reviews import ApiBulkRejection, ApiReviewList, ApiShownReview, ApiVotedReview
    from jitney.client.api.suspensions import ApiSuspension, ApiSuspensionProgress
    from jitney.client.gateway.call_answers import CallAnswer, CallUnderReview, DirectTicket

T = TypeVar("T")

_ALIAS = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)


class Broker:
    """One deployment of Jitney at `api_url`. Requests have tokens of `source`. Each request runs inside `note()`.

    Every method raises a `client.problems.ClientProblem`: `Invalid`, `Denied`, `ReviewPending`, `Unauthenticated`,
    `Unavailable` or `GrantEnded`.
    """

    def __init__(
        self,
        api_url: str,
        source: TokenSource,
        *,
        sleep: Callable[[float], None] = time.sleep,
        note: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.api_url = checked_base_url("The API's address", api_url)
        self.clock = BrokerClock()
        self._auth = TokenAuth(source, sending=self._send, now=self.clock.now)
        self._sleep = sleep
        self._note = note

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing, because each request has its own connection."""

    @contextmanager
    def without_notes(self) -> Generator[None]:
        """Show no note in the block, because the block shows the wait itself."""
        before, self._note = self._note, nullcontext
        try:
            yield
        finally:
            self._note = before

    def request(self, request: GrantRequest, *, credential_seconds: int | None = None) -> GrantResponse:
        """Request access. Return a grant with credentials, or a pending grant with its review. May be repeated.

        The credentials end after `credential_seconds`, if given, and with the grant at the latest.
        """
        body = request.document() | _credential_seconds(credential_seconds if request.way == "credentials" else None)
        return self._about(request, lambda: _read_answer(self._call("POST", "/v1/grants", body)))

    def decision(self, request: GrantRequest) -> ApiDecision:
        """Return what policy would decide. Nothing is issued, and no reviewer is notified."""
        response = self._about(request, lambda: self._call("POST", "/v1/decisions", request.document()))
        return _read(ApiDecision.read, response)

    def targets(self) -> "ApiPermittedTargets":
        """Return the targets that the caller could request access to, and what policies permit there."""
        from jitney.client.api.permitted_targets import ApiPermittedTargets

        return _read(ApiPermittedTargets.read, self._call("GET", "/v1/targets"))

    def grant(self, grant_id: str, wait_seconds: int = 0) -> GrantResponse:
        """Return one of the principal's own grants. While it is pending, its review is included.

        The broker holds the answer about a pending grant for up to `wait_seconds`, at most 10, unless it is busy.
        """
        return _read_answer(self._call("GET", f"/v1/grants/{checked_grant_id(grant_id)}", wait_seconds=wait_seconds))

    def grants(self, cursor: str = "") -> GrantPage:
        """Return one page of the principal's own grants. `cursor` is `next` of the previous page."""
        query = "?" + urlencode({"cursor": cursor}) if cursor else ""
        return _read(GrantPage.read, self._call("GET", f"/v1/grants{query}"))

    def credentials(self, grant_id: str, *, credential_seconds: int | None = None) -> GrantWithCredentials:
        """Return new credentials of an active grant. Raises ReviewPending while it is under review.

        They end after `credential_seconds`, if given, and with the grant at the latest.
        """
        body = _credential_seconds(credential_seconds) or None
        response = self._call("POST", f"/v1/grants/{checked_grant_id(grant_id)}/credentials", body)
        answer = _read_answer(response)
        if answer.credentials is None:
            raise _not_understood(response)
        return GrantWithCredentials(answer.grant, answer.credentials)

    def release(self, grant_id: str) -> GrantResponse:
        """Release a grant, so that its credentials stop working. A grant that has ended does not change."""
        return _read_answer(self._call("DELETE", f"/v1/grants/{checked_grant_id(grant_id)}"))

    def call(self, call: Mapping[str, Any], key: str) -> "CallAnswer | CallUnderReview | DirectTicket":
        """Make one AWS call through the gateway, or return its review. `key` is the call's idempotency key.

        A call with the member `direct` gets a ticket. With it, the caller sends the call to S3 itself. Another POST
        with the same key never makes the call twice.
        """
        from jitney.client.gateway.call_answers import CallAnswer, CallUnderReview, DirectTicket

        response = self._call("POST", "/v1/calls", call, key=key)
        if response.status == 202:
            seconds = int(response.retry_after(DEFAULT_RETRY_SECONDS))
            return _read(lambda document: CallUnderReview.read(document, seconds), response)
        if "direct" in call:
            return _read(DirectTicket.read, response)
        return _read(CallAnswer.read, response)

    def revoke(self, grant_id: str, reason: str) -> GrantResponse:
        """Revoke any agent's grant, so that its credentials stop working. For operators and the grant's reviewers."""
        path = f"/v1/grants/{checked_grant_id(grant_id)}/revocation"
        return _read_answer(self._call("POST", path, {"reason": reason}))

    def suspend(
        self, kind: str, name: str, reason: str, *, unseen: bool = False, including_caller: bool = False
    ) -> "ApiSuspensionProgress":
        """Suspend an agent, a unit, a human, an issuer or a target, as an operator. Return the progress.

        A repeat continues where the last call stopped.
        """
        from jitney.client.api.suspensions import ApiSuspensionProgress

        body: dict[str, Any] = {"kind": kind, "name": name, "reason": reason}
        body |= {"unseen": True} if unseen else {}
        body |= {"including_caller": True} if including_caller else {}
        return _read(ApiSuspensionProgress.read, self._call("POST", "/v1/suspensions", body))

    def suspensions(self) -> "tuple[ApiSuspension, ...]":
        """Return the suspensions in force, and those lifted in the last days. For operators."""
        from jitney.client.api.suspensions import ApiSuspension

        def read(document: Mapping[str, Any]) -> tuple[ApiSuspension, ...]:
            return tuple(ApiSuspension.read(each) for each in document["suspensions"])

        return _read(read, self._call("GET", "/v1/suspensions"))

    def lift_suspension(self, suspension_id: str, reason: str) -> "ApiSuspension":
        """Lift a suspension, as an operator. Grants that it ended stay ended."""
        from jitney.client.api.suspensions import ApiSuspension

        path = f"/v1/suspensions/{_checked_suspension_id(suspension_id)}"
        response = self._call("DELETE", path, {"reason": reason})
        return _read(lambda document: ApiSuspension.read(document["suspension"]), response)

    def check_target(self, alias: str) -> "TargetCheck":
        """Return which calls a target's roles allow and refuse. The broker tries the calls. For operators."""
        from jitney.client.api.checks import TargetCheck

        return _read(TargetCheck.read, self._call("POST", f"/v1/targets/{_checked_alias(alias)}/check"))

    def check_reviews(self) -> "ReviewCheck":
        """Return whether the broker can reach each channel and each reviewer. For operators."""
        from jitney.client.api.checks import ReviewCheck

        return _read(ReviewCheck.read, self._call("POST", "/v1/reviews/check"))

    def reviews(self) -> "ApiReviewList":
        """Return the requests that the reviewer may see. The token is the reviewer's own (`reviewer_sign_in`)."""
        from jitney.client.api.reviews import ApiReviewList

        return _read(ApiReviewList.read, self._call("GET", "/v1/reviews"))

    def review(self, grant_id: str) -> "ApiShownReview":
        """Return one request, as its page shows it to the reviewer."""
        from jitney.client.api.reviews import ApiShownReview

        response = self._call("GET", f"/v1/reviews/{checked_grant_id(grant_id)}")
        return _read(lambda document: ApiShownReview.read(document["review"]), response)

    def vote(self, grant_id: str, body: Mapping[str, Any]) -> "ApiVotedReview":
        """Vote on a request. Raises ClientProblem confirmation_required with what would be granted."""
        from jitney.client.api.reviews import ApiVotedReview

        response = self._call("POST", f"/v1/reviews/{checked_grant_id(grant_id)}/votes", body)
        return _read(lambda document: ApiVotedReview.read(document["review"] | {"whole": document["review"]}), response)

    def reject_many(self, body: Mapping[str, Any]) -> "ApiBulkRejection":
        """Reject many requests of one agent or unit."""
        from jitney.client.api.reviews import ApiBulkRejection

        return _read(ApiBulkRejection.read, self._call("POST", "/v1/reviews/rejections", body))

    def _send(self, request: HttpRequest) -> HttpResponse:
        with self._note():
            return self.clock.timed(lambda: send(request, sleep=self._sleep))

    def _about(self, request: GrantRequest, call: Callable[[], T]) -> T:
        try:
            return call()
        except ClientProblem as problem:
            problem.request = request
            raise

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, key: str = "", wait_seconds: int = 0
    ) -> HttpResponse:
        headers = {"Accept": "application/json, application/problem+json"}
        if wait_seconds:
            headers["Prefer"] = f"wait={wait_seconds}"  # RFC 7240 section 4.3
        if method == "POST":
            headers["Idempotency-Key"] = key or uuid.uuid4().hex
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = None if body is None else json_body(body)
        response = self._auth.send(HttpRequest(method, self.api_url + path, headers, content))
        if not response.succeeded:
            raise _refusal(response)
        return response


def _credential_seconds(seconds: int | None) -> dict[str, Any]:
    return {} if seconds is None else {"credential_seconds": seconds}


def checked_grant_id(text: str) -> str:
    """Return the grant id. Raises Invalid for any other text, which would change the request's path."""
    if not GRANT_ID.fullmatch(text):
        detail = f"{text!r} is not a grant id."
        raise Invalid("grant_id_invalid", "Not a grant id", detail, "Give the id that the request printed: g-…")
    return text


def _checked_suspension_id(text: str) -> str:
    if not re.fullmatch(r"s-[a-z2-7]{14}", text, re.ASCII):
        fix = "Take the id from `jitney suspensions list`: s-…"
        raise Invalid("suspension_id_invalid", "Not a suspension id", f"{text!r} is not a suspension id.", fix)
    return text


def _checked_alias(text: str) -> str:
    if not _ALIAS.fullmatch(text):
        fix = "Use an alias under targets in jitney.yaml."
        raise Invalid("alias_invalid", "Not a target's alias", f"{text!r} is not an alias.", fix)
    return text


def _read_answer(response: HttpResponse) -> GrantResponse:
    seconds, held = int(response.retry_after(DEFAULT_RETRY_SECONDS)), "preference-applied" in response.headers
    return _read(lambda document: GrantResponse.read(document, seconds, held=held), response)


def _read(reader: Callable[[Mapping[str, Any]], T], response: HttpResponse) -> T:
    try:
        return reader(response.document())
    except (KeyError, TypeError, ValueError) as error:
        raise _not_understood(response) from error


def _refusal(response: HttpResponse) -> ClientProblem:
    if 300 <= response.status < 400 and "location" in response.headers:
        detail = f"{response.url} redirects to {response.headers['location']}."
        fix = "Configure that address if it is the broker's. Otherwise check whether a proxy answers instead."
        return Invalid("api_redirects", "The API's address redirects", detail, fix)
    try:
        problem = read_problem_json(response.status, response.document())
    except (KeyError, TypeError, ValueError):
        return _not_understood(response)
    problem.extras |= {"repeated": True} if response.repeated else {}
    if "retry-after" in response.headers:
        problem.extras["retry_seconds"] = int(response.retry_after(DEFAULT_RETRY_SECONDS))
    return problem


def _not_understood(response: HttpResponse) -> Unavailable:
    address = response.url.partition("?")[0]
    detail = f"{address} answered HTTP {response.status}, and that is not one of Jitney's answers."
    fix = "Try again later. If it fails again, check" if response.is_unavailable else "Check"
    fix += " that the address is that of a Jitney deployment, stage included, and that no proxy answers instead."
    return Unavailable("response_invalid", "The answer was not understood", detail, fix)
