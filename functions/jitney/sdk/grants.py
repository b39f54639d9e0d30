"""`jitney.grant`: requests access, waits for a review, opens a session, and releases the grant at its end."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from threading import Lock
from typing import TYPE_CHECKING, Any

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import GrantRequest
from jitney.client.holding.grant_memory import GrantMemory
from jitney.client.holding.held_grant import HeldGrant
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.settings import connect
from jitney.client.problems import ClientProblem, Denied, GrantEnded
from jitney.sdk.access_requests import (
    Call,
    Duration,
    Names,
    access_request,
    requested_calls,
    requested_permissions,
    whole_seconds,
)
from jitney.sdk.open_grant import OpenGrant
from jitney.sdk.own_threads import started
from jitney.sdk.review_waits import OnPending, RenewalReviews, ReviewWait

if TYPE_CHECKING:
    from jitney.sdk.aioboto3_sessions import AsyncGrantSession
    from jitney.sdk.boto3_sessions import GrantSession

_UNDER_REVIEW: dict[str, str] = {}
"""The ids of grants that this process requested and that are under review, by request."""


def grant(
    target: str,
    *,
    reason: str,
    calls: Sequence[Call] = (),
    actions: Names = (),
    resources: Names = (),
    conditions: Mapping[str, Names] | None = None,
    permissions: Sequence[Mapping[str, Any]] = (),
    access_profile: str = "",
    duration: Duration = "5m",
    ticket: str = "",
    changed: str = "",
    way: str = "credentials",
    reveal: bool = False,
    wait: Duration | None = None,
    on_pending: OnPending | None = None,
    broker: Broker | None = None,
) -> "GrantScope":
    """Return a scope: `with` gives a boto3 session, and `async with` an aioboto3 session.

    The request is made when the scope begins, and the grant is released when it ends. State the access as `calls`, as
    `actions` on `resources` under `conditions`, as `permissions` in the API's JSON, or as `access_profile`. `way` is
    "credentials" or "gateway". `duration` is a text such as "5m", seconds, or a timedelta. After a rejection, `changed`
    says what is different in this request.

    `wait` is the longest wait for a review: None waits until the review ends, and 0 raises ReviewPending at once. When
    a wait begins, `on_pending` gets the ReviewPending, with the reviewers and their page. Without `on_pending`, the
    review is logged. After ReviewPending, the same arguments use the same review and its grant.

    `broker` replaces the broker of the `jitney` command's settings. Raises Invalid for wrong arguments.
    """
    lines, operations = requested_calls(calls)
    request = GrantRequest(
        target,
        requested_permissions(actions, resources, conditions or {}, permissions),
        whole_seconds("duration", duration),
        reason,
        ticket,
        lines,
        access_profile,
        way,
        reveal,
        operations=operations,
        changed=changed,
    )
    return GrantScope(access_request(request), _review_wait(wait, on_pending), broker)


def existing_grant(
    grant_id: str, *, wait: Duration | None = None, on_pending: OnPending | None = None, broker: Broker | None = None
) -> "GrantScope":
    """Return a scope with a grant that was requested before, such as by `jitney request`.

    The grant is not released at the end of the scope.
    """
    return GrantScope(grant_id, _review_wait(wait, on_pending), broker)


class GrantScope:
    """A scope in which a session uses a grant. It can begin again after its end, with a new request.

    `open` and `close` are for programs that cannot use `with`.
    """

    def __init__(self, need: GrantRequest | str, waits: ReviewWait, broker: Broker | None) -> None:
        self._need = need
        self._waits = waits
        self._broker = broker
        self._lock = Lock()
        self._opened: OpenGrant | None = None

    def __enter__(self) -> "GrantSession":
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> "AsyncGrantSession":
        sessions = load_extra("jitney.sdk.aioboto3_sessions", "async", "aioboto3 is not installed")
        opened = await self._begun_in_thread()
        try:
            session: AsyncGrantSession = sessions.opened_session(opened, self._waits)
        except BaseException:
            await asyncio.to_thread(self.close)
            raise
        return session

    async def __aexit__(self, *_: object) -> None:
        await asyncio.shield(asyncio.to_thread(self.close))

    def open(self) -> "GrantSession":
        """Request the access, wait for its review, and return a session.

        Raises Denied, Rejected, ReviewPending, Unauthenticated, Unavailable, GrantEnded or Invalid.
        """
        sessions = load_extra("jitney.sdk.boto3_sessions", "sdk", "The Python SDK is not installed")
        opened = self._begun()
        try:
            session: GrantSession = sessions.opened_session(opened, self._waits)
        except BaseException:  # such as botocore's ProfileNotFound
            self.close()
            raise
        return session

    def provider(self) -> Any:
        """Request the access, and return a credential provider for any botocore session. Raises as `open` does."""
        credentials = load_extra("jitney.sdk.grant_credentials", "sdk", "The Python SDK is not installed")
        return credentials.GrantProvider(self._begun())

    def close(self) -> None:
        """Release the grant, so that its sessions and keys stop working. Repeats do nothing."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened:
            opened.close()

    def _begun(self) -> OpenGrant:
        with self._lock:
            if self._opened:
                raise RuntimeError("this scope is in use: close it first, or call jitney.grant() for another session")
            self._opened = self._active(self._broker or connect(ConnectionOptions()))
            return self._opened

    def _active(self, broker: Broker) -> OpenGrant:
        """Return the grant once it is active. The id of a pending grant is remembered."""
        key = "" if isinstance(self._need, str) else _key(self._need, broker)
        memory = GrantMemory(_UNDER_REVIEW.pop(key, "")) if key else None
        reviews = RenewalReviews(self._waits)

        def failed(problem: ClientProblem) -> None:
            if held.latest:  # the first review is shown when its wait begins
                reviews.note(problem)

        held = HeldGrant(broker, self._need, memory=memory, on_failure=failed)
        opened = OpenGrant(broker, held)
        try:
            held.begin(lambda answer: self._waits.decided(broker, answer))
        except BaseException as error:
            if memory and memory.grant_id and not isinstance(error, Denied | GrantEnded):
                _UNDER_REVIEW[key] = memory.grant_id
            opened.close()
            raise
        return opened

    async def _begun_in_thread(self) -> OpenGrant:
        """Return the open grant. If this task is cancelled, the wait ends, and a grant that was opened is released."""
        beginning = started(self._begun)
        try:
            return await asyncio.wrap_future(beginning)
        except asyncio.CancelledError:
            self._waits.abandoned.set()
            started(lambda: self._close_abandoned(beginning))
            raise

    def _close_abandoned(self, beginning: "Future[OpenGrant]") -> None:
        unopened = beginning.exception()
        self._waits.abandoned.clear()
        if unopened is None:
            self.close()


def _review_wait(wait: Duration | None, on_pending: OnPending | None) -> ReviewWait:
    return ReviewWait(None if wait is None else float(whole_seconds("wait", wait)), on_pending)


def _key(need: GrantRequest, broker: Broker) -> str:
    """Return the key that equal requests at one broker share."""
    return json.dumps([need.document(), broker.api_url], sort_keys=True)
