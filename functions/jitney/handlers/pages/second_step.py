"""The second step of an approval: a page that repeats what is granted (row REV 14).

The button of that page names the hash of exactly what the page showed. So nothing else approves a harmful request: not
the first form, a second click, a reload or another tab. The Enter key presses a form's first button
(https://html.spec.whatwg.org/#implicit-submission). So each form that approves has a hidden first button, which decides
nothing.
"""

import re

from jitney.core.access.grant import Grant, State
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.review.content import content_hash
from jitney.core.review.harm import takes_second_step
from jitney.core.review.sheet import Sheet
from jitney.handlers.pages.visits import FormVisit, Page
from jitney.handlers.review.review_sheet import build_sheet, granted_sheet
from jitney.handlers.runtime.ports import Ports

CONFIRMED = "confirmed"
"""The field with the hash of what the second step showed."""
_REPEATED = ("content", "verdict", "action", "resource", "seconds", "this_time_only")
_PLAIN = re.compile(r"[a-z0-9_.]{1,64}", re.ASCII)
"""The fields of the first form that the second form repeats, and their values. Other fields are left out."""


def second_step(granted: Grant, visit: FormVisit, action: str, text: MaskedComment) -> Page | None:
    """Return 200 with the second step for what would be granted, or None if it is confirmed or needs none.

    `action` is "approve" or "break-glass". `text` is the comment or the reason. The page's form goes to the
    same path. Raises the problems of `build_sheet`.
    """
    sheet = unconfirmed_sheet(granted, visit.form(CONFIRMED), visit.ports, always=action != "approve")
    if sheet is None:
        return None
    fields = [(name, value) for name in _REPEATED for value in visit.fields.get(name, ()) if _PLAIN.fullmatch(value)]
    values = {"sheet": sheet, "action": action, "confirmed": sheet.content, "fields": fields, "text": text}
    return Page(200, "second_step", values)


def unconfirmed_sheet(granted: Grant, confirmed: str, ports: Ports, *, always: bool = False) -> Sheet | None:
    """Return the sheet to confirm before `granted` is granted, or None if it is confirmed or needs no second step.

    `confirmed` is the hash of what the person confirmed. Raises the problems of `build_sheet`.
    """
    if confirmed == content_hash(granted):
        return None
    if not always and not takes_second_step(granted_sheet(granted, ports).risks):
        return None
    sheet = build_sheet(granted, ports)
    return sheet._replace(headline=sheet.headline._replace(state=str(State.ACTIVE)))  # "may read", once it is granted
