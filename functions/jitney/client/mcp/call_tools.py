"""The tools that call AWS. Each returns a structured result, or raises ClientProblem."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from jitney.client.api.broker import Broker
from jitney.client.gateway.call_answers import CallAnswer, CallUnderReview
from jitney.client.mcp import arguments, results, views
from jitney.client.mcp.client_turn import ClientTurn
from jitney.client.mcp.kept_answers import KeptAnswers, ShownAnswer
from jitney.client.mcp.untrusted_text import mark_untrusted
from jitney.client.mcp.worker_threads import in_thread
from jitney.client.problems import GrantEnded, Revoked

_MOST_SEEN = 10_000
_MORE = (
    "There is more: use read_answer with call_id and next_offset. Or make a call with a smaller answer: a page with "
    "the operation's token and maximum, a filter, or a Range."
)
_REFUSED = "AWS refused the call: see data. Correct the parameters, or inform the user."
_REVIEWED = (
    "Reviewers must approve this call. Show the user who reviews it and the page in review.url. Use wait with this "
    "grant, then repeat the call unchanged."
)
_DONE = "Use the data for your task. Release the grant when the task is done."


def call_key(call: arguments.CallArguments) -> str:
    """Return the idempotency key of a call: a hash of its grant, operation, Region, parameters, `again` and `changed`.

    So a repeat of the tool call has the same key, even from another session, and the broker makes the call once.
    """
    names = [call.grant, call.service, call.operation, call.region, call.parameters, call.again, call.changed]
    return hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()[:32]


class CallTools:
    """The tools call and read_answer. `new_mark` returns random text for the marks around AWS's data."""

    def __init__(self, broker: Broker, new_mark: Callable[[], str]) -> None:
        self._broker = broker
        self._new_mark = new_mark
        self._kept = KeptAnswers()
        self._seen: dict[str, None] = {}

    async def call(
        self, given: arguments.CallArguments, _turn: ClientTurn
    ) -> results.AnswerResult | results.CallReviewResult:
        """Make one call, or return its review."""
        try:
            answer = await in_thread(self._broker.call, _document(given), call_key(given))
        except (GrantEnded, Revoked):
            self._kept.forget(given.grant)
            raise
        if isinstance(answer, CallUnderReview):
            grant, review = views.grant_view(answer.child.grant), views.review_view(answer.child.review)
            return results.CallReviewResult(call_id=answer.call_id, grant=grant, review=review, next=_REVIEWED)
        if not isinstance(answer, CallAnswer):
            raise TypeError("a ticket answers only a call with direct")
        shown = ShownAnswer.of(answer, given.grant)
        self._kept.keep(shown)
        repeated = answer.call_id in self._seen
        self._remember(answer.call_id)
        first = self._part(shown, 0, repeated=repeated)
        return first.model_copy(update={"budget": dict(answer.budget) or None})

    async def read_answer(self, given: arguments.ReadAnswerArguments, _turn: ClientTurn) -> results.AnswerResult:
        """Return the next part of a large answer."""
        return self._part(self._kept.answer(given.call_id, given.offset), given.offset, repeated=True)

    def forget(self, grant_id: str) -> None:
        """Drop the answers to the calls of a grant that was released."""
        self._kept.forget(grant_id)

    def _remember(self, call_id: str) -> None:
        self._seen[call_id] = None
        if len(self._seen) > _MOST_SEEN:
            del self._seen[next(iter(self._seen))]

    def _part(self, answer: ShownAnswer, offset: int, *, repeated: bool) -> results.AnswerResult:
        text, following = answer.part(offset)
        marked = mark_untrusted(text, self._new_mark)
        step = _REFUSED if answer.status >= 400 else _DONE
        return results.AnswerResult(
            call_id=answer.call_id,
            status=answer.status,
            mark=marked.mark,
            data=marked.text,
            encoding="base64" if answer.encoding == "base64" else "text",
            masked=len(answer.masked),  # only the count: names in the answer are untrusted, too
            characters=len(answer.text),
            next_offset=following,
            repeated=repeated,
            next=_MORE if following is not None else step,
        )


def _document(given: arguments.CallArguments) -> dict[str, Any]:
    """Return the body for POST /v1/calls."""
    return given.model_dump(exclude={"again"}, exclude_defaults=True) | {"parameters": given.parameters}
