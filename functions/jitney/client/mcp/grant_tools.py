"""The tools about grants. Each returns a structured result, or raises ClientProblem."""

import time
from collections.abc import Callable
from dataclasses import replace

from jitney.client.api.broker import Broker
from jitney.client.api.grant_request import ApiPermission, GrantRequest, OperationCall
from jitney.client.api.responses import GrantResponse
from jitney.client.mcp import arguments, results, views
from jitney.client.mcp.client_turn import ClientTurn
from jitney.client.mcp.opened_grants import OpenedGrants
from jitney.client.mcp.scope import Scope
from jitney.client.mcp.worker_threads import CancellableWait, in_thread, to_the_end, wait_limiter
from jitney.client.problems import ClientProblem, Invalid
from jitney.client.terminal import pending_wording

_DRY_RUN = "Dry run"
"""The reason in a dry run, which no reviewer reads."""


class GrantTools:
    """The tools list_targets, explain, request, wait, release and my_grants.

    Requests have the way `way`. `on_release` gets the id of each grant that was released.
    """

    def __init__(
        self, broker: Broker, opened: OpenedGrants, scope: Scope, way: str, on_release: Callable[[str], None]
    ) -> None:
        self._broker = broker
        self._opened = opened
        self._scope = scope
        self._way = way
        self._on_release = on_release
        self._waits = wait_limiter()
        self._shown_pages: set[str] = set()

    async def list_targets(self, _given: arguments.NoArguments, _turn: ClientTurn) -> results.TargetsResult:
        """Return what the caller could request."""
        document = (await self._scope.fetch()).document()
        fix = str(document.get("fix") or "")
        step = f"Choose access that has the way {self._way}. Check it with explain, or use request."
        return results.TargetsResult(targets=document["targets"], caller=document["caller"], next=fix or step)

    async def explain(self, given: arguments.ExplainArguments, _turn: ClientTurn) -> results.DecisionResult:
        """Return what policy would decide."""
        request = self._grant_request(given)
        return views.decision_result(await in_thread(self._broker.decision, request), request)

    async def request(self, given: arguments.RequestArguments, turn: ClientTurn) -> results.GrantResult:
        """Request access. Ask the person for a reason if it is missing."""
        stated = self._grant_request(given)  # the person is asked only if the rest is valid
        reason = given.reason.strip() or await turn.reason(given.target)
        if not reason:
            detail, fix = "The argument reason is missing.", "Say in a sentence what the access is for."
            raise Invalid("reason_missing", "The reason is missing", detail, fix)
        request = replace(stated, reason=reason, ticket=given.ticket, changed=given.changed)
        answer, existing = await to_the_end(self._opened.request, request)
        return views.grant_result(answer, existing=existing)

    async def wait(self, given: arguments.WaitArguments, turn: ClientTurn) -> results.GrantResult:
        """Wait for the reviewers' decision."""
        began = time.monotonic()
        asked = await in_thread(self._broker.grant, given.grant)
        if asked.grant.state != "pending":
            return views.grant_result(asked)

        async def report(latest: GrantResponse) -> None:
            pending = latest.grant.state == "pending"
            words = pending_wording.pending(latest, self._broker.clock.now()) if pending else latest.grant.state
            await turn.progress(time.monotonic() - began, float(given.at_most_seconds), words)

        await report(asked)
        waiting = CancellableWait(self._broker, asked, report)
        url = self._new_page(asked)
        async with turn.showing_review(given.grant, url):
            outcome = await waiting.outcome(self._waits, float(given.at_most_seconds))
        if isinstance(outcome, ClientProblem):
            raise outcome
        return views.grant_result(outcome, requested=asked.grant)

    async def release(self, given: arguments.ReleaseArguments, _turn: ClientTurn) -> results.GrantResult:
        """Release a grant, or withdraw a request."""
        answer = await to_the_end(self._opened.release, given.grant)
        self._on_release(given.grant)
        return views.grant_result(answer)

    async def my_grants(self, given: arguments.MyGrantsArguments, _turn: ClientTurn) -> results.GrantsResult:
        """Return one page of the caller's grants."""
        return views.grants_result(await in_thread(self._broker.grants, given.cursor))

    def _new_page(self, answer: GrantResponse) -> str:
        """Return the address of a review's page if this server has not shown it before, or else ""."""
        url = answer.review.review_url if answer.review else ""
        shown_before = url in self._shown_pages
        self._shown_pages.add(url)
        return "" if shown_before else url

    def _grant_request(self, given: arguments.AccessArguments) -> GrantRequest:
        """Return the dry run that the arguments describe.

        Raises Invalid when it names no access, or names it twice.
        """
        named = bool(given.commands or given.calls)
        if named == bool(given.permissions):
            detail = "The arguments name no access, or name it both by commands or calls and by permissions."
            fix = "Name what you will do in commands or calls. Use permissions for access to more than single calls."
            raise Invalid("access_unnamed", "What the access is for is not clear", detail, fix)
        if given.reveal and self._way != "gateway":
            detail = "reveal is for the way gateway, and this server requests credentials."
            raise Invalid("reveal_unavailable", "Answers are not masked here", detail, "Leave out reveal.")
        permissions = tuple(
            ApiPermission(tuple(each.actions), tuple(each.resources), tuple(sorted(_conditions(each))))
            for each in given.permissions
        )
        operations = tuple(
            OperationCall(each.service, each.operation, each.parameters, each.region) for each in given.calls
        )
        return GrantRequest(
            given.target,
            permissions,
            given.duration_seconds,
            _DRY_RUN,
            calls=tuple(given.commands),
            way=self._way,
            reveal=given.reveal,
            operations=operations,
        )


def _conditions(permission: arguments.PermissionArguments) -> list[tuple[str, tuple[str, ...]]]:
    return [(key, tuple(values)) for key, values in permission.conditions.items()]
