"""Masking of what operations of AWS take and answer, and of CloudTrail's events (rows MASK 1-5).

Three tiers: members that hold a credential, always; members that AWS's models mark as sensitive, unless that is
switched off; and secrets that detectors find in whatever is left, by how they look or by what they are called.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jitney.core.masking.mask import UNKNOWN, Masked, masked
from jitney.core.masking.members import by_name, by_shape
from jitney.core.masking.table import CREDENTIAL_WAY, SENSITIVE_WAY, Masks, Ways
from jitney.core.masking.tags import CREDENTIAL, SENSITIVE, Tags


class End(StrEnum):
    """Which end of a call: what is asked, or what is answered."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Masker:
    """Masks with the tags of one grant. Without `sensitive`, what AWS only marks as sensitive is left."""

    masks: Masks
    tags: Tags
    sensitive: bool = True

    def call(self, service: str, operation: str, end: End, value: Any) -> Masked:
        """The parameters or the answer of an operation, as botocore has them, whatever protocol carried them.

        `service` is botocore's name. Of an operation that the table does not know, members are masked that are called
        like a secret. What is no secret is as it was; if nothing is masked, `value` itself comes back. Raises TypeError
        for a stream: read it first.
        """
        ways = self.masks.of(service, operation) or UNKNOWN
        way = ways.input if end is End.INPUT else ways.output
        return masked(value, by_shape(ways, way, self._kinds), self.tags)

    def event(self, event: Mapping[str, Any]) -> Masked:
        """A CloudTrail event: its requestParameters and responseElements masked, and what detectors find elsewhere."""
        found = self.masks.of_event(str(event.get("eventSource", "")), str(event.get("eventName", "")))
        parts: Mapping[str, Iterable[tuple[Ways, Any]]] = {
            "requestParameters": [(ways, ways.input) for ways in found],
            "responseElements": [(ways, ways.output) for ways in found],
        }
        return masked(event, by_name(parts, self._kinds), self.tags)

    @property
    def _kinds(self) -> Mapping[str, str]:
        return {CREDENTIAL_WAY: CREDENTIAL} | ({SENSITIVE_WAY: SENSITIVE} if self.sensitive else {})
