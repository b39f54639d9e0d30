"""The broker's explanation of what calls need."""

from dataclasses import dataclass
from typing import Any

from jitney.client.api.api_object import ApiConditions, ApiObject, without_empty_conditions


@dataclass(frozen=True, slots=True)
class ApiPossibleAction(ApiObject):
    """An action that a call may need but that was not requested, and why."""

    action: str
    why: str


@dataclass(frozen=True, slots=True)
class ApiRequiredAction(ApiObject):
    """One action that a call needs, with its resources and the reason.

    `call` is masked except for values that name resources. `may_need` are further actions that the call may need.
    `conditions` are described in `ApiPermission`.
    """

    call: str
    action: str
    resources: tuple[str, ...]
    why: str
    may_need: tuple[ApiPossibleAction, ...] = ()
    conditions: ApiConditions = ()

    def document(self) -> dict[str, Any]:
        """Return the action as the API's JSON, which has no empty conditions."""
        return without_empty_conditions(ApiObject.document(self))
