"""A sheet as JSON, for people who review in a terminal. The words are those of the page (REV 10, 15, 17). Pure.

All text is escaped, so that a terminal can print it. Actions, resources, conditions and parameters are never cut.
"""

from typing import Any

from jitney.core.access.conditions import conditions_in_words
from jitney.core.review import decision_wording, obstacle_wording, wording
from jitney.core.review.access_wording import action_verb, worst_first
from jitney.core.review.call_wording import all_parameters
from jitney.core.review.harm import takes_second_step
from jitney.core.review.safe_text import cut, escape_exact, escape_invisible
from jitney.core.review.sheet import RequestedAction, Sheet
from jitney.core.times import iso

MOST_TEXT = 500


def sheet_document(sheet: Sheet, *, compared: bool = True) -> dict[str, Any]:
    """Return what the request's page shows. `content` is the hash that a vote has to name.

    If the sheet was not `compared` with the agent's other grants, the document does not say what is new, or how like
    requests ended.
    """
    details = [each._asdict() for each in wording.detail_facts(sheet) if compared or each.name != "New access"]
    harm = decision_wording.harm(sheet)
    actions = sheet.actions if compared else tuple(each._replace(new=(), revoked=()) for each in sheet.actions)
    order = worst_first(actions)
    return {
        "id": sheet.grant_id,
        "state": sheet.state,
        "status": wording.outcome(sheet),
        "content": sheet.content,
        "sentence": wording.sentence(sheet),
        "harm": harm_document(harm) | {"sentence": decision_wording.harm_sentence(sheet)},
        "second_step": takes_second_step(sheet.risks),
        "undecidable": obstacle_wording.undecidable(sheet),
        "part_only": obstacle_wording.part_only(sheet),
        "approvable_from": _approvable_from(sheet),
        "risks": [{"level": str(each.level), "sentence": escape_invisible(each.sentence)} for each in sheet.risks],
        "not_granted": [*decision_wording.not_granted(sheet), *_shortened(sheet)],
        "after_approval": wording.after_approval(sheet),
        "rejected_before": wording.rejected_before(sheet),
        "before": decision_wording.before(sheet) if compared else "",
        "actions": [_action(each, order.index(each)) for each in actions],
        "parameters": [each._asdict() for each in all_parameters(sheet.call)] if sheet.call else [],
        "whole_only": sheet.call is not None,
        "duration": wording.duration(sheet),
        "duration_seconds": sheet.duration_seconds,
        "expires_at": iso(sheet.expires_at),
        "agent": {
            "reason": cut(sheet.agent_reason, MOST_TEXT),
            "changed": cut(sheet.repeated.changed, MOST_TEXT) if sheet.repeated else "",
            "ticket": wording.agent_ticket(sheet),
        },
        "details": details,
        "comments": [each._asdict() for each in wording.comments(sheet)],
    }


def harm_document(level: str) -> dict[str, str]:
    """Return a level of harm as a word and as a label."""
    return {"level": level, "label": decision_wording.harm_in_words(level)}


def _approvable_from(sheet: Sheet) -> str | None:
    later = obstacle_wording.is_approvable_later(sheet)
    return iso(sheet.approvable_from) if later and sheet.approvable_from is not None else None


def _shortened(sheet: Sheet) -> list[str]:
    less = decision_wording.shortened(sheet)
    return [f"Duration: {less}"] if less else []


def _action(requested: RequestedAction, place: int) -> dict[str, Any]:
    """Return an action. Votes name it by its position, and people see it at its `place`: the worst first."""
    return {
        "action": escape_invisible(requested.action),
        "does": action_verb(requested),
        "resources": [escape_exact(arn) for arn in requested.resources],
        "new": [escape_exact(arn) for arn in requested.new],
        "revoked": [escape_exact(arn) for arn in requested.revoked],
        "only_if": [escape_exact(words) for words in conditions_in_words(requested.conditions)],
        "place": place,
    }
