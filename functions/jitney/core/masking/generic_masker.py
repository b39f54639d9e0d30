"""Masks data that no AWS model describes: text by agents and people, records, log lines, problems (row AUD 7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jitney.core.masking.harmless_texts import HarmlessTexts
from jitney.core.masking.mask_tags import CREDENTIAL, NO_TAGS, MaskTags
from jitney.core.masking.members import MemberLookup, lookup_by_shape
from jitney.core.masking.paths import path_text
from jitney.core.masking.table import CREDENTIAL_REF, OperationShapes
from jitney.core.masking.text import Sought, mask_text, mask_texts, suspects
from jitney.core.masking.values import PythonForm, mask_members

_NAMES = HarmlessTexts()
"""The names of members that hold no secret."""
UNKNOWN_OPERATION = OperationShapes((), None, None)
"""An operation that the table does not know, so that members are masked by name only."""
_BY_NAME = lookup_by_shape(UNKNOWN_OPERATION, None, {CREDENTIAL_REF: CREDENTIAL})
"""The lookup for all values without a model. It keeps which names cannot make a member a secret."""


class MaskedValue(NamedTuple):
    """A value without its secrets, and the paths of masks: "Credentials.SecretAccessKey", "Users[2].Tags[0].Value"."""

    value: Any
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GenericMasker:
    """Masks with `tags`. Without tags, masks do not show which secrets are equal."""

    tags: MaskTags = NO_TAGS

    def text(self, text: str) -> str:
        """Mask text that an agent or a person wrote."""
        return mask_text(text, self.tags, Sought.SECRETS_IN_PROSE)

    def data(self, value: Any) -> Any:
        """Mask the secrets in a JSON value, found by format and by name.

        Returns `value` itself if nothing is masked. Raises TypeError for values that cannot be inspected.
        """
        return mask_value(value, _BY_NAME, self.tags).value


UNTAGGED = GenericMasker()
"""The masker for logs, problems and the final check of all records, where no owner's key for tags is available."""


def mask_value(value: Any, guide: MemberLookup, tags: MaskTags, harmless: HarmlessTexts | None = None) -> MaskedValue:
    """Mask `value`. `guide` says which members to mask. Returns `value` itself if nothing is masked.

    `harmless` remembers texts of earlier values that hold no secret, because later values repeat them. Names of members
    are always remembered.
    """

    def changes(texts: Sequence[str], names: Sequence[str]) -> Mapping[int, str]:
        suspected = harmless.suspects(texts, suspects) if harmless else suspects(texts)
        suspected |= {len(texts) + place for place in (harmless or _NAMES).suspects(names, suspects)}
        return mask_texts([*texts, *names], suspected, tags)

    masked, paths = mask_members(value, guide, PythonForm(tags), changes)
    return MaskedValue(masked, tuple(map(path_text, paths)))
