"""Records and calls of grants, as they are published, for suggestions."""

import json
from collections.abc import Iterable
from typing import Any

from jitney import resources
from jitney.core.access.request import AccessRequest
from jitney.core.config import Policies
from jitney.core.identity.principal import Principal
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.policy_suggestion.policy_suggestion import PolicySuggestion, SuggestionSource, suggest_policy
from jitney.core.policy_suggestion.used_grants import SuggestionScope, UsageLog, UsedGrant
from tests.core.replay.test_policy_replay import ACTIONS, LIMITS, TARGETS, line
from tests.core.report.recorded_grants import MAY_NEED

NOW = 1_796_000_000
ROLE = TARGETS["prod"].role_arn
FORBIDS = """
@id("secret") forbid (principal, action, resource) when { resource.arn like "arn:aws:s3:::reports/secret/*" };
@id("points") forbid (principal, action, resource)
when { resource.arn like "*:accesspoint/*" && resource.account != "" };
@id("each-delete") forbid (principal, action, resource)
when { context.action == "s3:DeleteObject" && context.call.hasTag("operation") }
unless { context.approvals.contains("owners") };
"""
PRESENT = (
    """
@id("read") permit (principal in Jitney::Group::"corp/readers", action in Jitney::Action::"ReadOnly", resource)
when { context.durationSeconds <= 600 && [true, false].contains(resource.wildcard) };
@id("read-long") @approval("owners")
permit (principal in Jitney::Group::"corp/readers", action in Jitney::Action::"ReadOnly", resource)
when { context.approvals.contains("owners") && [true, false].contains(resource.wildcard) };
@id("write") @approval("owners") @call_limits("items_deleted=20")
permit (principal in Jitney::Group::"corp/readers", action in Jitney::Action::"Mutating", resource)
when { context.approvals.contains("owners") && [true, false].contains(resource.wildcard) };
"""
    + FORBIDS
)


def rules(text: str) -> CaseContext:
    """Return these policies, ready to decide."""
    loaded = PolicySet.load(Policies(text, resources.SCHEMA.read_text("utf-8"), "v"))
    return CaseContext(loaded, ACTIONS, TARGETS, LIMITS, frozenset({"owners", "security"}))


def published(
    number: int, who: Principal, request: AccessRequest, used: Iterable[tuple[str, str]] = (), text: str = PRESENT,
    reason: str = "because",
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:  # fmt: skip
    """Return the lines of the records and calls of a grant, whose session started. `used` are actions and ARNs.

    A request that needs a review is approved.
    """
    grant_id = f"g-{number:014}"
    common = {"chain": grant_id, "grant_id": grant_id, "reason": reason}
    first = {**line(who, request, text=text), **common, "time": "2026-11-27T10:00:00Z"}
    if first["outcome"] == "denied":
        return [{**first, "grant_id": ""}], []
    lines = [first]
    if first["outcome"] == "review":
        detail = json.dumps({**json.loads(first["detail"]), "state": "active", "by": "corp.alice"})
        lines.append({**first, "seq": 1, "event": "vote", "outcome": "approved", "policies": [], "detail": detail})
        lines.append({**first, "seq": 2, "event": "issue", "outcome": "allowed", "policies": [], "detail": "{}"})
    began = {
        "operation": "AssumeRole", "service": "sts", "actions": ["sts:AssumeRole"], "resources": [],
        "request": json.dumps({"roleArn": ROLE}),
    }  # fmt: skip
    made = [{"service": action.partition(":")[0], "operation": action.partition(":")[2], "actions": [action],
             "resources": [arn] if arn != "*" else []} for action, arn in used]  # fmt: skip
    calls = [
        {
            "event_id": f"e-{number}-{at}",
            "time": "2026-11-27T10:01:00Z",
            "region": "eu-west-1",
            "role_arn": ROLE,
            "session": grant_id,
            "grant_id": grant_id,
            "verdict": "explained",
            "purpose": "grant",
            **each,
        }
        for at, each in enumerate([began, *made])
    ]
    return lines, calls


def used_grants(
    scope: SuggestionScope, histories: Iterable[Any], *, text: str = PRESENT, calls_read: bool = True
) -> tuple[UsageLog, tuple[UsedGrant, ...]]:
    """Return the log of these histories, and what was used of their grants."""
    log = UsageLog(scope, rules(text), MAY_NEED, calls_read)
    found = list(histories)
    for lines, _ in found:
        for each in lines:
            log.add_record(each)
    for _, calls in found:
        for each in calls:
            log.add_call(each)
    return log, tuple(log.grants(NOW))


def suggested(
    scope: SuggestionScope, histories: Iterable[Any], *, text: str = PRESENT, least: int = 20, forbids: str = FORBIDS,
    calls_read: bool = True,
) -> PolicySuggestion:  # fmt: skip
    """Return the suggestion for a scope from these histories."""
    _, grants = used_grants(scope, histories, text=text, calls_read=calls_read)
    schema = resources.SCHEMA.read_text("utf-8")
    return suggest_policy(grants, SuggestionSource(scope, rules(text), forbids, schema, least))
