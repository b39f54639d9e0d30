"""Masking of what no model of AWS describes: what agents and people write, records, log lines, problems (AUD 7)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from jitney.core.masking.mask_tags import CREDENTIAL, NO_TAGS, MaskTags
from jitney.core.masking.members import MemberLookup, lookup_by_shape
from jitney.core.masking.table import CREDENTIAL_REF, OperationShapes
from jitney.core.masking.text import mask_text, suspects
from jitney.core.masking.values import Replacements, Rewriter, Survey

UNKNOWN_OPERATION = OperationShapes((), None, None)
"""Of an operation that the table does not know: nothing is listed, and names decide."""
_KINDS = {CREDENTIAL_REF: CREDENTIAL}


class MaskedValue(NamedTuple):
    """A value without its secrets, and where they were: "Credentials.SecretAccessKey", "Users[2].Tags[0].Value"."""

    value: Any
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GenericMasker:
    """Masks with these tags; without any, only how often the same secret stands somewhere is lost."""

    tags: MaskTags = NO_TAGS

    def text(self, text: str) -> str:
        """What a person or an agent wrote, without the secrets that the detectors find."""
        return mask_text(text, self.tags, prose=True)

    def data(self, value: Any) -> Any:
        """A value of JSON without the secrets that the detectors find, by how they look or by what they are called.

        If nothing is masked, `value` itself comes back. Raises TypeError for what cannot be looked into.
        """
        return mask_value(value, lookup_by_shape(UNKNOWN_OPERATION, None, _KINDS), self.tags).value


UNTAGGED = GenericMasker()
"""Where no grant's tags are at hand, or nobody may wait for them: logs, problems, and once more all records."""


def mask_value(value: Any, guide: MemberLookup, tags: MaskTags) -> MaskedValue:
    """`value`, through which `guide` leads, without its secrets; itself when there are none."""
    survey = Survey(guide)
    survey.see(value, guide.start)
    changes = _changes(survey, tags)
    if not survey.members and not any(changes):
        return MaskedValue(value, ())
    writing = Rewriter(guide, changes, tags)
    written = writing.write(value, guide.start, "")
    return MaskedValue(written, tuple(writing.paths))


def _changes(survey: Survey, tags: MaskTags) -> Replacements:
    """The texts and names that hold a secret, without it."""
    texts, count = [*survey.texts, *survey.names], len(survey.texts)
    found = {place: mask_text(texts[place], tags) for place in suspects(texts)}
    changed = {place: text for place, text in found.items() if text != texts[place]}
    return Replacements(
        {place: text for place, text in changed.items() if place < count},
        {texts[place]: text for place, text in changed.items() if place >= count},
    )
