"""The broker's API as one small class, for the command line and for Python programs."""

import re
import time
import uuid
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from jitney.client.bearer import BearerAuth
from jitney.client.checks import ReviewCheck, TargetCheck
from jitney.client.connection import checked_url, open_client, read_object, retry_after, send
from jitney.client.grant_request import GrantRequest
from jitney.client.problems import ClientProblem, Invalid, Unavailable, from_problem_json
from jitney.client.responses import (
    DEFAULT_RETRY_SECONDS,
    GRANT_ID,
    ApiDecision,
    GrantPage,
    GrantResponse,
    GrantWithCredentials,
)
from jitney.client.tokens import TokenSource, whose

T = TypeVar("T")

_ALIAS = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)


class Broker:
    """One Jitney deployment at `api_url`, asked as the identity that `source` hands out tokens for.

    Every method raises a `client.problems.ClientProblem`: `Invalid`, `Denied`, `Pending`, `Unproven`, `Unavailable`, `Ended`.
    """

    def __init__(self, api_url: str, source: TokenSource, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.api_url = checked_url("The API's address", api_url)
        self._auth = BearerAuth(source)
        self._client = open_client(self.api_url, self._auth)
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def identity(self) -> str:
        """Issuer and subject that the token names, unverified, to tell one's own apart; "" when it is not a JWT."""
        return whose(self._auth.token())

    def request(self, ask: GrantRequest) -> GrantResponse:
        """Ask for access: a grant with credentials, or a pending grant with its review. A repeat is safe."""
        return self._about(ask, lambda: _read_answer(self._call("POST", "/v1/grants", ask.document())))

    def decision(self, ask: GrantRequest) -> ApiDecision:
        """What policy would say; nothing is issued and nobody is asked."""
        response = self._about(ask, lambda: self._call("POST", "/v1/decisions", ask.document()))
        return _read(ApiDecision.read, response)

    def grant(self, grant_id: str) -> GrantResponse:
        """One of the principal's own grants as it is now, with its review while it is pending."""
        return _read_answer(self._call("GET", f"/v1/grants/{checked_grant_id(grant_id)}"))

    def grants(self, cursor: str = "") -> GrantPage:
        """The principal's own grants, a page at a time: `cursor` is the page before's `next`."""
        return _read(GrantPage.read, self._call("GET", "/v1/grants", params={"cursor": cursor} if cursor else {}))

    def credentials(self, grant_id: str) -> GrantWithCredentials:
        """New credentials of an active grant. Raises Pending while it is under review."""
        response = self._call("POST", f"/v1/grants/{checked_grant_id(grant_id)}/credentials")
        answer = _read_answer(response)
        if answer.credentials is None:
            raise _not_understood(response)
        return GrantWithCredentials(answer.grant, answer.credentials)

    def release(self, grant_id: str) -> GrantResponse:
        """Give a grant back: its credentials stop working. A grant that has ended stays as it is."""
        return _read_answer(self._call("DELETE", f"/v1/grants/{checked_grant_id(grant_id)}"))

    def revoke(self, grant_id: str, reason: str) -> GrantResponse:
        """Take anybody's grant back, as an operator or as its reviewer: its credentials stop working."""
        path = f"/v1/grants/{checked_grant_id(grant_id)}/revocation"
        return _read_answer(self._call("POST", path, {"reason": reason}))

    def check_target(self, alias: str) -> TargetCheck:
        """What a target's roles let through and what they refuse, tried by the broker for an operator."""
        return _read(TargetCheck.read, self._call("POST", f"/v1/targets/{_checked_alias(alias)}/check"))

    def check_reviews(self) -> ReviewCheck:
        """Whether each channel and each reviewer can be reached, tried by the broker for an operator."""
        return _read(ReviewCheck.read, self._call("POST", "/v1/reviews/check"))

    def _about(self, ask: GrantRequest, call: Callable[[], T]) -> T:
        try:
            return call()
        except ClientProblem as problem:
            problem.ask = ask
            raise

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, params: Mapping[str, str] | None = None
    ) -> httpx.Response:
        headers = {"Accept": "application/json, application/problem+json"}
        if method == "POST":
            headers["Idempotency-Key"] = uuid.uuid4().hex
        url = self.api_url + path
        request = self._client.build_request(method, url, json=body, params=params or None, headers=headers)
        response = send(self._client, request, self._sleep)
        if not response.is_success:
            raise _refusal(response)
        return response


def checked_grant_id(text: str) -> str:
    """The grant id. Raises Invalid when it is none, so that nothing else gets into a path."""
    if not GRANT_ID.fullmatch(text):
        detail = f"{text!r} is not a grant id."
        raise Invalid("grant_id_invalid", "Not a grant id", detail, "Take it from the request's answer: g-…")
    return text


def _checked_alias(text: str) -> str:
    if not _ALIAS.fullmatch(text):
        detail = f"{text!r} is not an alias."
        raise Invalid("alias_invalid", "Not a target's alias", detail, "Take it from targets in jitney.yaml.")
    return text


def _read_answer(response: httpx.Response) -> GrantResponse:
    seconds = int(retry_after(response, DEFAULT_RETRY_SECONDS))
    return _read(lambda document: GrantResponse.read(document, seconds), response)


def _read(reader: Callable[[Mapping[str, Any]], T], response: httpx.Response) -> T:
    try:
        return reader(read_object(response))
    except (KeyError, TypeError, ValueError) as error:
        raise _not_understood(response) from error


def _refusal(response: httpx.Response) -> ClientProblem:
    if response.is_redirect:
        detail = f"{response.url} answers with a redirect to {response.headers.get('Location', 'nowhere')}."
        return Invalid("api_redirects", "The API's address redirects", detail, "Configure the address it redirects to.")
    document = read_object(response)
    if "code" not in document:
        return _not_understood(response)
    problem = from_problem_json(response.status_code, document)
    if "Retry-After" in response.headers:
        problem.extras["retry_seconds"] = int(retry_after(response, DEFAULT_RETRY_SECONDS))
    return problem


def _not_understood(response: httpx.Response) -> Unavailable:
    asked = response.url.copy_with(query=None)
    detail = f"{asked} answered HTTP {response.status_code}, and that is not one of Jitney's answers."
    fix = "Check that the API's address is a Jitney deployment's, stage included, and that nothing stands in between."
    return Unavailable("response_invalid", "The answer was not understood", detail, fix)
