"""What a run of `jitney restore` did."""

from dataclasses import asdict, dataclass
from typing import Any

from jitney.core.times import iso


@dataclass
class RestoreSummary:
    """What a run found and did. `continued` are grants with newer records in the audit table than in the state table.

    `copied` are missing suspensions that were restored from the table `copied_from`. `lifted_on_record` are the
    suspensions in `copied` that were lifted according to records. `not_copied` are those for which there was no
    room. `masked` are suspensions whose names are unknown. `unreadable` are records that may be of suspensions.
    """

    state_table: str
    audit_table: str
    audit_stream_arn: str = ""
    suspended: tuple[str, ...] = ()
    copied_from: str = ""
    copied: tuple[str, ...] = ()
    lifted_on_record: tuple[str, ...] = ()
    not_copied: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    locked_until: int = 0
    sessions_ended: int = 0
    delegations_ended: int = 0
    approvals_ended: int = 0
    open_grants: int = 0
    continued: int = 0

    @property
    def complete(self) -> bool:
        """Whether every suspension that was missing was copied."""
        return not (self.not_copied or self.masked or self.unreadable)

    def document(self) -> dict[str, Any]:
        """Return the summary as JSON."""
        return asdict(self) | {"locked_until": iso(self.locked_until)}
