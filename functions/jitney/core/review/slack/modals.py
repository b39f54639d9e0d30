"""The modals in Slack, within its limits: approve selected, reject, and a message. Pure.

https://docs.slack.dev/reference/views/modal-views, https://docs.slack.dev/reference/block-kit/block-elements/
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from jitney.core.access.conditions import Conditions, conditions_in_words
from jitney.core.access.grant import Grant
from jitney.core.access.request_body import MAX_REASON
from jitney.core.identity.requester import Requester
from jitney.core.review.call_wording import NOT_NARROWED, call_title
from jitney.core.review.content import content_hash
from jitney.core.review.covered_access import resources_by_action
from jitney.core.review.safe_text import cut, escape_exact, escape_invisible
from jitney.core.review.slack.interaction import GrantReference
from jitney.core.review.slack.names import APPROVE_SELECTED, CHECKBOXES, COMMENT, REJECT, SECONDS, THIS_TIME_ONLY
from jitney.core.times import format_duration

Block: TypeAlias = dict[str, Any]
View: TypeAlias = dict[str, Any]

MOST_OPTIONS, MOST_OPTION, MOST_TITLE, MOST_BLOCKS = 10, 75, 24, 100
MOST_BYTES = 12_000
"""The limit of a view. Slack sends it back with its state, twice as large. The firewall accepts 64 kB."""
MOST_SENTENCE = 1000
MOST_FACTS = 2700
"""Limit of the facts about the requester, in bytes of JSON. Slack accepts 3,000 characters in a text."""
FACTS_TOO_LONG = "The facts about the requester are too long for Slack. Open the request to read them."
TOO_LONG = "This request is too long to be narrowed in Slack. Open the request to narrow it there."


def approve_selected_modal(grant: Grant, requester: Requester) -> View:
    """Return the modal to narrow a request: boxes for actions and resources, a duration, a comment (rows REV 7, 11).

    If the request does not fit, the modal says where to narrow it instead. No box is cut.
    """
    if grant.call:
        return message_modal("Approve selected", NOT_NARROWED)
    reach = resources_by_action(grant).items()
    if not all(_fits(text) for limited, arns in reach for text in (limited.action, *arns)):
        return message_modal("Approve selected", TOO_LONG)
    blocks = [*_choices(grant), _seconds(grant), *_this_time_only(grant), _comment(optional=True)]
    view = _view("Approve selected", grant, APPROVE_SELECTED, [*_about(grant, requester), *blocks], "Approve selected")
    if len(view["blocks"]) > MOST_BLOCKS or len(json.dumps(view).encode()) > MOST_BYTES:
        return message_modal("Approve selected", TOO_LONG)
    return view


def reject_modal(grant: Grant, requester: Requester) -> View:
    """Return the modal to reject a request with a comment."""
    return _view(
        "Reject request", grant, REJECT, [*_about(grant, requester), _comment(optional=False)], "Reject request"
    )


def message_modal(title: str, sentence: str) -> View:
    """Return a modal that shows a sentence."""
    blocks = [{"type": "section", "text": plain(cut(sentence, MOST_SENTENCE))}]
    return {"type": "modal", "title": plain(title[:MOST_TITLE]), "close": plain("Close"), "blocks": blocks}


def selected_boxes(grant: Grant, checked: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the checked actions and resources, as `core.review.selection.selected_permissions` takes them."""
    actions: list[str] = []
    resources: list[str] = []
    for position, scope in enumerate(_together(grant)):
        kept_actions = [str(line) for line in _lines(grant, scope) if f"a{line}" in checked]
        actions += kept_actions
        kept = [number for number in range(len(scope.resources)) if f"r{position}.{number}" in checked]
        resources += [f"{line}.{number}" for line in kept_actions for number in kept]
    return actions, resources


def unlinked(text: str) -> str:
    """Return the escaped text, with the scheme of any address defanged. The rest stays exact, because ARNs must."""
    return escape_invisible(text).replace("://", "[:]//")


def plain(text: str) -> dict[str, Any]:
    """Return a text object without markup or emoji."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _view(title: str, grant: Grant, action: str, blocks: list[Block], submit: str) -> View:
    return {
        "type": "modal",
        "callback_id": action,
        "private_metadata": str(GrantReference(grant.id, content_hash(grant))),
        "title": plain(title),
        "submit": plain(submit),
        "close": plain("Cancel"),
        "blocks": blocks,
    }


def _about(grant: Grant, requester: Requester) -> Iterator[Block]:
    human = f", on behalf of {requester.human_name}," if requester.human_name else ""
    where = f"{grant.target}, AWS account {grant.account}"
    text = f"{requester.name}{human} requests access to {where}, for {format_duration(grant.duration_seconds)}."
    if grant.call:
        text = f"{requester.name}{human} requests one call in {where}: {call_title(grant.call)}."
    yield {"type": "section", "text": plain(cut(unlinked(text), MOST_SENTENCE))}
    facts = "\n".join(f"{name}: {unlinked(value)}" for name, value in requester.rows())
    yield {"type": "section", "text": plain(facts if len(json.dumps(facts)) <= MOST_FACTS else FACTS_TOO_LONG)}


class _Scope(NamedTuple):
    """Resources and conditions that several actions share."""

    resources: tuple[str, ...]
    conditions: Conditions


def _together(grant: Grant) -> dict[_Scope, list[str]]:
    """Return the grant's sets of resources and conditions, each with the actions requested on exactly this set."""
    together: dict[_Scope, list[str]] = {}
    for limited, arns in resources_by_action(grant).items():
        together.setdefault(_Scope(arns, limited.conditions), []).append(limited.action)
    return together


def _lines(grant: Grant, scope: _Scope) -> list[int]:
    """Return the positions on the sheet of the actions with exactly these resources and conditions."""
    reach = resources_by_action(grant).items()
    return [line for line, (limited, arns) in enumerate(reach) if _Scope(arns, limited.conditions) == scope]


def _choices(grant: Grant) -> Iterator[Block]:
    for position, (scope, actions) in enumerate(_together(grant).items()):
        lines = [f"a{line}" for line in _lines(grant, scope)]
        yield from _boxes(f"{position}-a", "Actions", dict(zip(lines, actions, strict=True)))
        resources = {f"r{position}.{number}": arn for number, arn in enumerate(scope.resources)}
        yield from _boxes(f"{position}-r", "On these resources", resources)
        for words in conditions_in_words(scope.conditions):
            yield {"type": "section", "text": plain(cut(f"Only if {_shown(words)}", MOST_FACTS))}


def _boxes(name: str, label: str, values: Mapping[str, str]) -> Iterator[Block]:
    """Return blocks with checked boxes for these values."""
    options = [_option(value, text) for value, text in values.items()]
    for first in range(0, len(options), MOST_OPTIONS):
        some = options[first : first + MOST_OPTIONS]
        more = f" ({first + 1} to {first + len(some)} of {len(options)})" if len(options) > MOST_OPTIONS else ""
        boxes = {"type": "checkboxes", "action_id": "boxes", "options": some, "initial_options": some}
        yield _input(f"{CHECKBOXES}{name}-{first}", label + more, boxes, optional=True)


def _shown(text: str) -> str:
    return unlinked(escape_exact(text))


def _fits(text: str) -> bool:
    """Return whether a box shows the whole text. A space at the break between its two lines would be invisible."""
    whole = _shown(text)
    return len(whole) <= 2 * MOST_OPTION and " " not in whole[MOST_OPTION - 1 : MOST_OPTION + 1]


def _option(value: str, text: str) -> dict[str, Any]:
    whole = _shown(text)
    further = {"description": plain(whole[MOST_OPTION:])} if len(whole) > MOST_OPTION else {}
    return {"text": plain(whole[:MOST_OPTION]), "value": value, **further}


def _seconds(grant: Grant) -> Block:
    most = str(grant.duration_seconds)
    number = {"type": "number_input", "action_id": SECONDS, "is_decimal_allowed": False, "initial_value": most}
    return _input(SECONDS, "Duration in seconds", number | {"min_value": "1", "max_value": most})


def _this_time_only(grant: Grant) -> Iterator[Block]:
    if grant.counts_again:
        options = [_option(THIS_TIME_ONLY, "This time only: the same access is reviewed again")]
        boxes = {"type": "checkboxes", "action_id": "boxes", "options": options}
        yield _input(f"{CHECKBOXES}{THIS_TIME_ONLY}", "After an approval", boxes, optional=True)


def _comment(*, optional: bool) -> Block:
    text = {"type": "plain_text_input", "action_id": COMMENT, "multiline": True, "max_length": MAX_REASON}
    return _input(COMMENT, "Comment (the agent sees it)", text, optional=optional)


def _input(name: str, label: str, element: dict[str, Any], *, optional: bool = False) -> Block:
    return {"type": "input", "block_id": name, "label": plain(label), "element": element, "optional": optional}
