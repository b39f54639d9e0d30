"""Masking of what operations of AWS take and answer, and of CloudTrail's events (rows MASK 1-5).

Three tiers: members that hold a credential, always; members that AWS's models mark as sensitive, unless that is
switched off; and secrets that detectors find in whatever is left, by how they look or by what they are called.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jitney.core.masking.generic_masker import UNKNOWN_OPERATION, MaskedValue, mask_value
from jitney.core.masking.mask_tags import CREDENTIAL, SENSITIVE, MaskTags
from jitney.core.masking.members import lookup_by_name, lookup_by_shape
from jitney.core.masking.table import CREDENTIAL_REF, SENSITIVE_REF, MaskTable, OperationShapes


class CallDirection(StrEnum):
    """Which end of a call: what is asked, or what is answered."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class AwsMasker:
    """Masks with the tags of one grant. Without `sensitive`, what AWS only marks as sensitive is left."""

    masks: MaskTable
    tags: MaskTags
    sensitive: bool = True

    def call(self, service: str, operation: str, end: CallDirection, value: Any) -> MaskedValue:
        """The parameters or the answer of an operation, as botocore has them, whatever protocol carried them.

        `service` is botocore's name. Of an operation that the table does not know, members are masked that are called
        like a secret. What is no secret is as it was; if nothing is masked, `value` itself comes back. Raises TypeError
        for a stream: read it first.
        """
        ways = self.masks.of(service, operation) or UNKNOWN_OPERATION
        way = ways.input if end is CallDirection.INPUT else ways.output
        return mask_value(value, lookup_by_shape(ways, way, self._kinds), self.tags)

    def event(self, event: Mapping[str, Any]) -> MaskedValue:
        """A CloudTrail event: its requestParameters and responseElements masked, and what detectors find elsewhere."""
        found = self.masks.for_event(str(event.get("eventSource", "")), str(event.get("eventName", "")))
        parts: Mapping[str, Iterable[tuple[OperationShapes, Any]]] = {
            "requestParameters": [(ways, ways.input) for ways in found],
            "responseElements": [(ways, ways.output) for ways in found],
        }
        return mask_value(event, lookup_by_name(parts, self._kinds), self.tags)

    @property
    def _kinds(self) -> Mapping[str, str]:
        return {CREDENTIAL_REF: CREDENTIAL} | ({SENSITIVE_REF: SENSITIVE} if self.sensitive else {})
