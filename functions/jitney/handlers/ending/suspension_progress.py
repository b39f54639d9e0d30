"""What one call of a suspension did (END 8)."""

from typing import Any, NamedTuple


class Progress(NamedTuple):
    """The result of a call: targets whose document denies, failed targets with their code, and ended grants.

    `written` is the time from the start of the call to the last document, in milliseconds. `measured` are the targets
    on which another function measures when AWS denies.
    """

    denied: tuple[str, ...]
    failed: dict[str, str]
    grants_ended: int
    all_ended: bool
    written: int
    measured: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every document denies and every end is on record."""
        return self.all_ended and not self.failed

    def view(self) -> dict[str, Any]:
        """Return the progress as the API shows it and the record has it."""
        return {
            "complete": self.complete,
            "targets_denied": list(self.denied),
            "targets_failed": self.failed,
            "grants_ended": self.grants_ended,
            "written_after_milliseconds": self.written,
            "targets_measured": list(self.measured),
        }
