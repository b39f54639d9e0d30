"""Masks the parameters and answers of AWS operations, and CloudTrail events (rows MASK 1-5).

There are three tiers. Members that hold a credential are always masked. Members that AWS's models mark as sensitive are
masked unless `AwsMasker.sensitive` is False. In all other values, detectors find secrets by format or name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from jitney.core.masking.generic_masker import UNKNOWN_OPERATION, MaskedValue, mask_value
from jitney.core.masking.harmless_texts import HarmlessTexts
from jitney.core.masking.mask_tags import CREDENTIAL, SENSITIVE, MaskTags
from jitney.core.masking.members import MemberLookup, lookup_by_name, lookup_by_shape
from jitney.core.masking.table import CREDENTIAL_REF, SENSITIVE_REF, MaskTable, OperationShapes

EVENT_TEXTS = HarmlessTexts()
"""The harmless texts of CloudTrail's events, kept from one event to the next. Texts of other values are not kept."""
_OPERATIONS = 512
"""The number of operations whose members a process caches."""


class CallDirection(StrEnum):
    """The direction of data in a call: its parameters or its answer."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class AwsMasker:
    """Masks with the tags of one grant. If `sensitive` is False, members that AWS marks as sensitive are kept."""

    masks: MaskTable
    tags: MaskTags
    sensitive: bool = True

    def call(self, service: str, operation: str, direction: CallDirection, value: Any) -> MaskedValue:
        """Mask the parameters or the answer of an operation, in the form that botocore takes or returns.

        `service` is botocore's name. If the table does not know the operation, members are masked by name. Returns
        `value` itself if nothing is masked. Raises TypeError for a stream; read it first.
        """
        return mask_value(value, _call_lookup(self.masks, service, operation, direction, self.sensitive), self.tags)

    def event(self, event: Mapping[str, Any]) -> MaskedValue:
        """Mask a CloudTrail event: requestParameters and responseElements by member, everything else by detectors."""
        source, name = str(event.get("eventSource", "")), str(event.get("eventName", ""))
        return mask_value(event, _event_lookup(self.masks, source, name, self.sensitive), self.tags, EVENT_TEXTS)


def _kinds(sensitive: bool) -> Mapping[str, str]:  # noqa: FBT001 - a part of a cached function's key
    return {CREDENTIAL_REF: CREDENTIAL} | ({SENSITIVE_REF: SENSITIVE} if sensitive else {})


@lru_cache(maxsize=_OPERATIONS)
def _call_lookup(
    masks: MaskTable,
    service: str,
    operation: str,
    direction: CallDirection,
    sensitive: bool,  # noqa: FBT001
) -> MemberLookup:
    """Return the lookup of masked members in the parameters or the answer of this operation."""
    shapes = masks.of(service, operation) or UNKNOWN_OPERATION
    start = shapes.input if direction is CallDirection.INPUT else shapes.output
    return lookup_by_shape(shapes, start, _kinds(sensitive))


@lru_cache(maxsize=_OPERATIONS)
def _event_lookup(masks: MaskTable, source: str, name: str, sensitive: bool) -> MemberLookup:  # noqa: FBT001
    """Return the lookup of masked members in the events with this source and name."""
    found = masks.for_event(source, name)
    parts: Mapping[str, Iterable[tuple[OperationShapes, Any]]] = {
        "requestParameters": [(each, each.input) for each in found],
        "responseElements": [(each, each.output) for each in found],
    }
    return lookup_by_name(parts, _kinds(sensitive))
