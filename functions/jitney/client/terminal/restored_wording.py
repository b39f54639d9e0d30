"""The texts of `jitney restore`."""

from collections.abc import Iterator, Mapping
from typing import Any

from jitney.core.printable import strip_control_characters
from jitney.core.quantities import quantity

MOST_LISTED = 20
_TO_DO = {
    "lifted_on_record": ("lift again", "According to the records, these were lifted. Lift them again if that is right"),
    "not_copied": ("no room", "There was no room for these. Suspend them again if they are still needed"),
    "masked": ("name masked", "The records hide the names of these suspensions. Suspend them again by hand"),
    "unreadable": (
        "unreadable",
        "Each record may be of a suspension. Read it with the version that wrote it, and suspend again by hand",
    ),
}
"""For each list of suspensions in the summary: its label, and what an operator has to do about them."""


def restored_lines(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of what a run did."""
    yield "suspended", _listed(summary["suspended"])
    copied = _listed(summary["copied"]) or "no suspension was missing"
    yield "copied", f"{copied} (compared with {summary['copied_from']})"
    for member, (name, what_to_do) in _TO_DO.items():
        if found := summary[member]:
            yield name, f"{what_to_do}:"
            yield from (("", strip_control_characters(each)) for each in found[:MOST_LISTED])
            if more := len(found[MOST_LISTED:]):
                yield "", f"and {more} more: --json lists all"
    yield "locked", f"no suspension can be lifted before {summary['locked_until']}"
    yield "signed out", f"{quantity(summary['sessions_ended'], 'session')} of people"
    yield "out of office", f"{summary['delegations_ended']} deleted"
    yield "approvals", f"{quantity(summary['approvals_ended'], 'earlier approval')} deleted"
    yield "open grants", str(summary["open_grants"])
    yield "continued", f"{summary['continued']} with newer records in the audit table"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(map(strip_control_characters, names))
