"""Masking of what operations of AWS take and answer, of CloudTrail's events, and of texts (rows MASK 1-5).

Three tiers: members that hold a credential, always; members that AWS's models mark as sensitive, unless that is
switched off; and secrets that detectors find in whatever is left, by how they look or by what they are called.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from core.masking.members import Guide, by_name, by_shape
from core.masking.table import CREDENTIAL_WAY, SENSITIVE_WAY, Masks, Ways
from core.masking.tags import CREDENTIAL, SENSITIVE, Tags
from core.masking.text import mask_text, suspects
from core.masking.values import Changes, Survey, Writing


class End(StrEnum):
    """Which end of a call: what is asked, or what is answered."""

    INPUT = "input"
    OUTPUT = "output"


class Masked(NamedTuple):
    """A value without its secrets, and where they were: "Credentials.SecretAccessKey", "Users[2].Tags[0].Value"."""

    value: Any
    paths: tuple[str, ...]


_UNKNOWN = Ways((), None, None)


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
        ways = self.masks.of(service, operation) or _UNKNOWN
        way = ways.input if end is End.INPUT else ways.output
        return self._masked(value, by_shape(ways, way, self._kinds))

    def event(self, event: Mapping[str, Any]) -> Masked:
        """A CloudTrail event: its requestParameters and responseElements masked, and what detectors find elsewhere."""
        found = self.masks.of_event(str(event.get("eventSource", "")), str(event.get("eventName", "")))
        parts: Mapping[str, Iterable[tuple[Ways, Any]]] = {
            "requestParameters": [(ways, ways.input) for ways in found],
            "responseElements": [(ways, ways.output) for ways in found],
        }
        return self._masked(event, by_name(parts, self._kinds))

    def text(self, text: str) -> str:
        """What a person or an agent wrote, without the secrets that the detectors find."""
        return mask_text(text, self.tags, prose=True)

    @property
    def _kinds(self) -> Mapping[str, str]:
        return {CREDENTIAL_WAY: CREDENTIAL} | ({SENSITIVE_WAY: SENSITIVE} if self.sensitive else {})

    def _masked(self, value: Any, guide: Guide) -> Masked:
        survey = Survey(guide)
        survey.see(value, guide.start)
        changes = Changes(self._changed(survey.texts), {})
        names = list(survey.names)
        changes = Changes(changes.texts, {names[place]: text for place, text in self._changed(names).items()})
        if not survey.members and not any(changes):
            return Masked(value, ())
        writing = Writing(guide, changes, self.tags)
        written = writing.write(value, guide.start, "")
        return Masked(written, tuple(writing.paths))

    def _changed(self, texts: list[str]) -> dict[int, str]:
        """The texts, by their index, that hold a secret, without it."""
        masked = {index: mask_text(texts[index], self.tags) for index in suspects(texts)}
        return {index: text for index, text in masked.items() if text != texts[index]}
