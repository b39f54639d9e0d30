"""The pages' templates. All values are escaped, and a missing value is an error."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitney.core.access.conditions import conditions_in_words
from jitney.core.access.grant import Grant
from jitney.core.review import wording
from jitney.core.review.safe_text import cut, escape_exact, escape_invisible, middle_cut
from jitney.core.times import format_duration, iso

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_ACTIONS, MOST_ARN = 4, 120


def environment(folder: Path) -> "Environment":
    """Return the templates in `folder`, with their style and its hash for the content security policy."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - 40 ms: not for the API's routes

    style = (folder / "style.css").read_text(encoding="utf-8")
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words: tuple[str, ...] = ("access_profile", "action_verb", "duration", "format_time", "headline", "new_access")
    words += ("outcome", "target")
    made.filters |= {name: getattr(wording, name) for name in words}
    made.filters |= {
        "cut": cut,
        "escape_exact": escape_exact,
        "escape_invisible": escape_invisible,
        "format_duration": format_duration,
        "iso": iso,
        "access_line": access_line,
        "conditions_in_words": conditions_in_words,
    }
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    made.globals |= {"style": style, "style_source": f"'sha256-{digest}'"}
    return made


def render(templates: "Environment", name: str, values: Mapping[str, Any]) -> str:
    """Return the page `name` with `values`."""
    return templates.get_template(f"{name}.html").render(values)


def access_line(grant: Grant) -> str:
    """Return one line with a grant's actions, first resource, number of further ones, and whether it has conditions."""
    actions = sorted({action for permission in grant.permissions for action in permission.actions})
    resources = list(dict.fromkeys(arn for permission in grant.permissions for arn in permission.resources))
    shown = ", ".join(actions[:MOST_ACTIONS])
    more = f" and {len(actions) - MOST_ACTIONS} more actions" if len(actions) > MOST_ACTIONS else ""
    others = f" and {len(resources) - 1} more" if len(resources) > 1 else ""
    if grant.access_profile:
        shown = f"{grant.access_profile.name}: {shown}"
    return f"{shown}{more} on {middle_cut(resources[0], MOST_ARN)}{others}{_limited(grant)}"


def _limited(grant: Grant) -> str:
    limited, every = sum(1 for each in grant.permissions if each.conditions), len(grant.permissions)
    if not limited:
        return ""
    return ", with conditions" if limited == every else f", with conditions on {limited} of {every} permissions"
