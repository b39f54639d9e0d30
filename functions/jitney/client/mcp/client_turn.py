"""One call of a tool by a client: asks the person at the client, and reports progress.

The person is asked only if the client supports elicitation. Clients of revision 2026-07-28 get the question as the
result, and repeat the tool call with the answer. Older clients get a request during the tool call.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolRequestParams,
    ClientCapabilities,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequests,
    InputRequiredResult,
)

_REVIEW = "Request {} is under review. Open its page to see it, or to decide if you review it."
_REASON = "reason"
_FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        _REASON: {
            "type": "string",
            "title": "Reason",
            "description": "Reviewers and auditors read it.",
            "minLength": 1,
            "maxLength": 500,
        }
    },
    "required": [_REASON],
}


class InputNeededError(Exception):
    """The tool needs an answer from the person. `result` is the question."""

    def __init__(self, name: str, request: ElicitRequest) -> None:
        super().__init__(name)
        requests: InputRequests = {name: request}
        self.result = InputRequiredResult(input_requests=requests)


class ClientTurn:
    """What a tool can do with its client during one call."""

    def __init__(self, context: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> None:
        self._session = context.session
        self._request_id = context.request_id
        self._answers = params.input_responses or {}

    async def reason(self, target: str) -> str:
        """Return the reason for access to a target; "" if the person cannot be asked, or does not say.

        Raises InputNeededError.
        """
        if not _can_fill_in_forms(self._session.client_capabilities):
            return ""
        message = f"An agent requests AWS access to {target}. What is the access for?"
        form = ElicitRequestFormParams(message=message, requested_schema=_FORM)
        answer = await self._ask(_REASON, form)
        given = (answer.content or {}).get(_REASON) if answer.action == "accept" else ""
        return given.strip() if isinstance(given, str) else ""

    @asynccontextmanager
    async def showing_review(self, grant_id: str, url: str) -> AsyncGenerator[None]:
        """Offer to open the page of a review while the block runs. Clients that cannot open addresses show nothing.

        Raises InputNeededError before the block. The block must not raise.
        """
        asked = ElicitRequestURLParams(message=_REVIEW.format(grant_id), url=url, elicitation_id=grant_id)
        if not url or grant_id in self._answers or not _can_open_addresses(self._session.client_capabilities):
            yield
            return
        if not self._session.can_send_request:
            raise InputNeededError(grant_id, ElicitRequest(params=asked))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._offer, asked)
            yield
            tasks.cancel_scope.cancel()
        await self._session.send_elicit_complete(grant_id)

    async def progress(self, seconds: float, at_most: float, words: str) -> None:
        """Report progress, if the client wants it: the seconds so far, the limit, and a text."""
        await self._session.report_progress(seconds, at_most, words)

    async def _ask(self, name: str, asked: ElicitRequestFormParams) -> ElicitResult:
        answer = self._answers.get(name)
        if isinstance(answer, ElicitResult):
            return answer
        if not self._session.can_send_request:
            raise InputNeededError(name, ElicitRequest(params=asked))
        return await self._session.elicit_form(asked.message, asked.requested_schema, self._request_id)

    async def _offer(self, asked: ElicitRequestURLParams) -> None:
        with suppress(MCPError):  # no loss: the result has the address, too
            await self._session.elicit_url(asked.message, asked.url, asked.elicitation_id or "", self._request_id)


def _can_fill_in_forms(capabilities: ClientCapabilities | None) -> bool:
    """Return whether the client shows forms.

    Before revision 2025-11-25, clients named no mode, and forms were the only mode.
    """
    asking = capabilities.elicitation if capabilities else None
    return asking is not None and (asking.form is not None or asking.url is None)


def _can_open_addresses(capabilities: ClientCapabilities | None) -> bool:
    asking = capabilities.elicitation if capabilities else None
    return asking is not None and asking.url is not None
