"""The pages' templates. All values are escaped, and a missing value is an error."""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitney.core.access.conditions import conditions_in_words
from jitney.core.access.ended_approvals import approval_counts, may_be_repeated
from jitney.core.access.grant import Grant
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.access.way_wording import way_in_words
from jitney.core.quantities import format_list
from jitney.core.review import decision_wording, obstacle_wording, wording
from jitney.core.review.access_wording import action_verb, on_same_resources, worst_first
from jitney.core.review.call_wording import all_parameters, call_title, short_parameters
from jitney.core.review.covered_access import wildcards_first
from jitney.core.review.harm import takes_second_step
from jitney.core.review.safe_text import cut, escape_exact, escape_invisible, middle_cut, one_word, quote
from jitney.core.times import form_time, format_clock, format_duration, format_time, iso, rough_duration

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

MOST_ACTIONS, MOST_RESOURCES, MOST_ARN = 4, 3, 120
MOST_PARAMETERS, MOST_VALUE = 6, 120
"""The parameters of one call that fit on the first screen."""
_DECISION_WORDS = ("before", "harm", "harm_in_words", "harm_sentence", "not_granted", "risk_sentence", "shortened")
_OBSTACLES = ("is_approvable_later", "other_reviewers", "part_only", "undecidable")
_TIME_OR_QUOTATION = re.compile(r"“[^”]*”|\b(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC(?![+-])", re.ASCII)
_DURATIONS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 43_200)
_TONES: Mapping[str, str] = {
    "pending": "waiting",
    "active": "active",
    "rejected": "stopped",
    "revoked": "stopped",
    "failed": "stopped",
}


def environment(folder: Path) -> "Environment":
    """Return the templates in `folder`, with their style and script, and the hashes for the content security policy."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - 40 ms: not for the API's routes

    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("style.css", "times.js"))
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words: tuple[str, ...] = (
        "access_profile",
        "after_approval",
        "duration",
        "headline",
        "new_access",
        "outcome",
        "rejected_before",
        "sentence",
        "target",
    )
    made.filters |= {name: getattr(wording, name) for name in words}
    made.filters |= {name: getattr(obstacle_wording, name) for name in _OBSTACLES}
    made.filters |= {name: getattr(decision_wording, name) for name in _DECISION_WORDS}
    made.filters |= {
        "approval_counts": approval_counts,
        "cut": cut,
        "quote": quote,
        "escape_exact": escape_exact,
        "escape_invisible": escape_invisible,
        "format_duration": format_duration,
        "form_time": form_time,
        "may_be_repeated": may_be_repeated,
        "format_clock": format_clock,
        "format_time": format_time,
        "iso": iso,
        "rough_duration": rough_duration,
        "fits_first_screen": fits_first_screen,
        "shorter_durations": shorter_durations,
        "tone": tone,
        "on_same_resources": on_same_resources,
        "worst_first": worst_first,
        "access_line": access_line,
        "way_line": way_line,
        "action_verb": action_verb,
        "all_parameters": all_parameters,
        "short_parameters": short_parameters,
        "call_title": call_title,
        "takes_second_step": lambda sheet: takes_second_step(sheet.risks),
        "conditions_in_words": conditions_in_words,
        "with_times": with_times,
    }
    made.globals |= {"agent_changed": wording.AGENT_CHANGED}
    made.globals |= {"style": style, "style_source": _source(style), "script": script, "script_source": _source(script)}
    return made


def _source(text: str) -> str:
    """Return the source expression that permits exactly this style or script (https://www.w3.org/TR/CSP3/)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def render(templates: "Environment", name: str, values: Mapping[str, Any]) -> str:
    """Return the page `name` with `values`."""
    return templates.get_template(f"{name}.html").render(values)


def tone(grant: Grant) -> str:
    """Return the class of a grant's state, whose colour means the same on every page. Break-glass is never green."""
    if grant.break_glass and grant.state == "active":
        return "emergency"
    return _TONES.get(grant.state, "ended")


def with_times(text: str) -> "Markup":
    """Return the escaped text, with its times as elements that `times.js` shows in the reader's zone (row REV 20).

    Quotations stay as they are.
    """
    from markupsafe import Markup, escape  # noqa: PLC0415 - as in `environment`

    def marked(found: re.Match[str]) -> str:
        return f'<time datetime="{found[1]}T{found[2]}Z">{found[0]}</time>' if found[1] else found[0]

    return Markup(_TIME_OR_QUOTATION.sub(marked, escape(text)))  # noqa: S704 - escaped; a time has only digits


def shorter_durations(seconds: int) -> list[int]:
    """Return the durations that a reviewer can choose: the longest one, then shorter ones."""
    return [seconds, *(each for each in reversed(_DURATIONS) if each < seconds)]


def fits_first_screen(call: ReviewedCall) -> bool:
    """Return whether all parameters of a call fit on the first screen."""
    every = all_parameters(call)
    return len(every) <= MOST_PARAMETERS and all(len(each.value) <= MOST_VALUE for each in every)


def way_line(grant: Grant) -> str:
    """Return how a gateway grant is used; "" for credentials."""
    return way_in_words(grant.way, reveal=grant.reveal)


def access_line(grant: Grant) -> str:
    """Return one line with a grant's actions, first resources, number of further ones, and whether it has conditions.

    The line of a grant of one call names the call.
    """
    if grant.call:
        return f"One call: {call_title(grant.call)}"
    actions = sorted({action for permission in grant.permissions for action in permission.actions})
    resources = wildcards_first({arn: None for permission in grant.permissions for arn in permission.resources})
    shown = format_list(actions, MOST_ACTIONS)
    arns = format_list([middle_cut(arn, MOST_ARN, one_word) for arn in resources], MOST_RESOURCES)
    if grant.access_profile:
        shown = f"{grant.access_profile.name}: {shown}"
    return f"{shown} on {arns}{_limited(grant)}"


def _limited(grant: Grant) -> str:
    limited, every = sum(1 for each in grant.permissions if each.conditions), len(grant.permissions)
    if not limited:
        return ""
    return ", with conditions" if limited == every else f", with conditions on {limited} of {every} permissions"
