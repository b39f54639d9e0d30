"""aioboto3 sessions whose calls use an open grant. Every wait for the broker is in a thread."""

import asyncio
import inspect
from typing import Any, Self

import aioboto3
from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.credentials import AioCredentialResolver, AioCredentials
from aiobotocore.session import AioSession
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.credentials import ReadOnlyCredentials

from jitney.sdk.boto3_sessions import RefusedCalls, SessionOfGrant, is_about_access, use_grant
from jitney.sdk.gateway_calls import AnswerBody, GatewayCalls
from jitney.sdk.grant_credentials import GrantCredentials, GrantProvider, signing_keys
from jitney.sdk.open_grant import OpenGrant
from jitney.sdk.own_threads import started
from jitney.sdk.review_waits import ReviewWait


class AsyncGrantSession(SessionOfGrant, aioboto3.Session):  # type: ignore[misc]
    """An aioboto3 session whose clients and resources use a grant. It ends with the grant, and cannot be pickled."""


class AsyncGrantCredentials(GrantCredentials, AioCredentials):  # type: ignore[misc]
    """The credentials of an open grant for aiobotocore."""

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:  # type: ignore[override]
        """Return the keys for one signature."""
        return await asyncio.to_thread(signing_keys, self._opened)


class AsyncGrantProvider(GrantProvider):
    """Gives aiobotocore's sessions the credentials of an open grant."""

    async def load(self) -> AsyncGrantCredentials:  # type: ignore[override]
        """Return the credentials."""
        return AsyncGrantCredentials(self._opened)


class AsyncGatewayCalls(GatewayCalls):
    """Sends the calls of aiobotocore's clients to the broker."""

    async def keep_parameters(self, params: dict[str, Any], **given: Any) -> None:  # type: ignore[override]
        """Keep the parameters. A file of an async library is replaced by its bytes, too."""
        for name, value in params.items():
            if inspect.iscoroutinefunction(getattr(value, "read", None)):
                params[name] = await value.read()
        super().keep_parameters(params, **given)

    async def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:  # type: ignore[override]
        """Return the broker's answer. Raises the problem if there is none."""
        status, headers, body = await asyncio.wrap_future(started(self.answered))
        answer: AWSResponse = AioAWSResponse(request.url, status, headers, AsyncAnswerBody(request.url, body))
        return answer


class AsyncAnswerBody:
    """The body of an answer, as aiobotocore reads it from aiohttp."""

    def __init__(self, url: str, body: AnswerBody) -> None:
        self.url = url
        self.content = self
        self._body = body

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._body.close()

    async def read(self, amount: int = -1) -> bytes:
        """Return at most `amount` bytes, or the rest."""
        return await asyncio.to_thread(self._body.read, amount)

    def at_eof(self) -> bool:
        """Return whether nothing is left."""
        return not self._body.peek(1)

    def close(self) -> None:
        """End the transfer."""
        self._body.close()


class AsyncRefusedCalls(RefusedCalls):
    """Finds out in a thread whether AWS refused a call because the grant has ended."""

    async def explain(  # type: ignore[override]
        self, http_response: AWSResponse, parsed: dict[str, Any], **_: Any
    ) -> None:
        """If AWS refuses because the grant ended, raise Revoked or GrantEnded with the reason.

        Do nothing for other errors.
        """
        if is_about_access(http_response, parsed):
            await asyncio.to_thread(super().explain, http_response, parsed)


def opened_session(opened: OpenGrant, waits: ReviewWait) -> AsyncGrantSession:
    """Return a session for an open grant. With the way "gateway", it has no AWS key."""
    session = AioSession()
    provider = AioCredentialResolver([AsyncGrantProvider(opened)])
    use_grant(opened, session, provider, AsyncRefusedCalls(opened), AsyncGatewayCalls(opened, waits))
    return AsyncGrantSession(opened, session)
