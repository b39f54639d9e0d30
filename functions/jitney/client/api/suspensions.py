"""The broker's suspensions, as frozen values with the API's own names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from jitney.client.api.api_object import ApiObject


class ApiSuspensionKind(StrEnum):
    """What can be suspended."""

    AGENT = "agent"
    UNIT = "unit"
    HUMAN = "human"
    ISSUER = "issuer"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class ApiSuspension(ApiObject):
    """One suspension. Times are ISO 8601, UTC.

    `lifted_at` is None while it is in force. `completed_at` is None until AWS denies everything that it covers, and all
    its grants have ended. A suspension of a restore cannot be lifted before `not_before`.
    """

    id: str
    kind: str
    name: str
    since: str
    by: str
    reason: str
    lifted_at: str | None = None
    lifted_by: str | None = None
    role: str | None = None
    completed_at: str | None = None
    not_before: str | None = None


@dataclass(frozen=True, slots=True)
class ApiSuspensionProgress(ApiObject):
    """A suspension, and the result of a call. Times are from the start of the call.

    `complete` is true if every role denies what is suspended and every end is on record. `targets_failed` has the code
    of the problem of each failed target. The last deny document was written after `written_after_milliseconds`. On the
    targets in `targets_measured`, Jitney measures when AWS begins to deny calls. `already_in_force` is true if another
    operator suspended it before, or for another reason.
    """

    suspension: ApiSuspension
    complete: bool
    targets_denied: tuple[str, ...] = ()
    targets_failed: Mapping[str, str] = field(default_factory=dict)
    grants_ended: int = 0
    written_after_milliseconds: int | None = None
    targets_measured: tuple[str, ...] = ()
    already_in_force: bool = False
