"""What `jitney restore` says about its work."""

from collections.abc import Iterator, Mapping
from typing import Any

from jitney.core.printable import strip_control_characters


def restored_lines(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of what a run did."""
    yield "suspended", _listed(summary["suspended"])
    taken_over = _listed(summary["taken_over"]) or "no suspension was missing"
    yield "taken over", f"{taken_over} (compared with {summary['taken_over_from']})"
    yield "locked", f"no suspension can be lifted before {summary['locked_until']}"
    yield "signed out", f"{summary['sessions_ended']} sessions of people"
    yield "out of office", f"{summary['delegations_ended']} entries deleted"
    yield "open grants", str(summary["open_grants"])
    yield "continued", f"{summary['continued']} with newer records in the audit table"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(map(strip_control_characters, names))
