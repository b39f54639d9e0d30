"""The rules for masking an answer, and the masks of single values in the form of the wire (rows GW 5 and MASK 4)."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from jitney.core.gateway.answer_shapes import (
    AWS_KEY_REF,
    BLOB,
    BLOB_REF,
    BOOLEAN,
    JSON_TEXT,
    NUMBER,
    TIME,
)
from jitney.core.masking.generic_masker import mask_value
from jitney.core.masking.mask_tags import CREDENTIAL, SENSITIVE, MaskTags
from jitney.core.masking.members import MemberLookup
from jitney.core.masking.named_secrets import PROVEN, judge_aws_key_name, judge_secret_name
from jitney.core.masking.table import CREDENTIAL_REF, SENSITIVE_REF
from jitney.core.masking.text import Sought, mask_text, mask_texts, suspects
from jitney.core.masking.text_columns import mask_cells

_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
MAX_DEPTH = 200
"""Levels of nesting of an answer. DynamoDB's 32 levels of a document are 64 of its answer."""

_FORMS = ("", BLOB, NUMBER, BOOLEAN, TIME, JSON_TEXT)
_AWS_KEYS = {AWS_KEY_REF + form: CREDENTIAL for form in _FORMS}
_ALL = (
    {CREDENTIAL_REF + form: CREDENTIAL for form in _FORMS}
    | {SENSITIVE_REF + form: SENSITIVE for form in _FORMS}
    | _AWS_KEYS
)


class UnmaskableAnswer(Exception):
    """An answer cannot be parsed, so its secrets cannot be found. The message says why, and quotes nothing."""


@dataclass(frozen=True, slots=True)
class MaskRules:
    """What is masked, with `tags`.

    `kinds` maps the references of masked members to kinds of masks. `judge` returns PROVEN, HINTED or 0 for a name.
    `sought` are the kinds of secrets that are masked in texts.
    """

    tags: MaskTags
    kinds: Mapping[str, str]
    judge: Callable[[str], int]
    sought: Sought

    @classmethod
    def of(cls, tags: MaskTags, *, reveal: bool) -> Self:
        """Return the rules for an answer. With `reveal`, only AWS's secret keys and session tokens are masked."""
        if reveal:
            return cls(tags, _AWS_KEYS, judge_aws_key_name, Sought.AWS_KEYS)
        return cls(tags, _ALL, judge_secret_name, Sought.SECRETS)

    def names(self, name: str) -> bool:
        """Return whether an unlisted member of this name is a secret."""
        return self.judge(name) == PROVEN

    def kind(self, ref: Any) -> str | None:
        """Return the kind of mask of a member with this reference, or None if it is not masked as a whole."""
        return self.kinds.get(ref) if isinstance(ref, str) else None

    def whole(self, text: str, ref: str) -> str:
        """Return the mask of a member's text on the wire, which can be parsed as the member's type."""
        return _WHOLE[ref[1:]](self, text, self.kinds[ref]) if text else text

    def content(self, data: bytes) -> bytes:
        """Return content without the secrets that detectors find, or `data` itself if it is binary or has none."""
        read = content_text(data)
        if read is None:
            return data
        cells = mask_cells(read.text, self.judge, lambda text: self.tags.mask(text, CREDENTIAL))
        masked = mask_text(cells, self.tags, self.sought)
        return data if masked == read.text else read.encoded(masked)

    def changes(self, texts: Sequence[str]) -> dict[int, str]:
        """Return the texts that hold a secret, masked, by index."""
        return mask_texts(texts, suspects(texts, self.sought), self.tags, self.sought)


class ContentText(NamedTuple):
    """A text and the encoding that gives its bytes again."""

    text: str
    encoding: str

    def encoded(self, text: str) -> bytes:
        """Return another text in the same encoding."""
        return text.encode(self.encoding)


def content_text(data: bytes) -> ContentText | None:
    """Return the text of `data`, or None for binary data, which has a zero byte.

    Text that is not UTF-8 is read byte by byte, so that secrets in it are found and its other bytes stay.
    """
    if b"\0" not in data:
        return _read(data, "utf-8") or ContentText(data.decode("latin-1"), "latin-1")
    encoding = _BYTE_ORDER_MARKS.get(data[:2])
    return _read(data, encoding) if encoding else None


def _read(data: bytes, encoding: str) -> ContentText | None:
    try:
        return ContentText(data.decode(encoding), encoding)
    except UnicodeDecodeError:
        return None


def searched_text(text: str, ref: Any) -> str:
    """Return what detectors search in a text on the wire: for a blob, its content, or "" if that is binary."""
    if ref != BLOB_REF or (data := _from_base64(text)) is None:
        return text
    read = content_text(data)
    return read.text if read else ""


def wire_text(text: str, ref: Any, masked: str) -> str:
    """Return `masked`, which replaces the searched text of `text`, in the form of the wire."""
    if ref != BLOB_REF or (data := _from_base64(text)) is None:
        return masked
    read = content_text(data)
    return _to_base64(read.encoded(masked)) if read else text


def _blob(rules: MaskRules, text: str, kind: str) -> str:
    data = _from_base64(text)
    return _to_base64(rules.tags.mask(text if data is None else data, kind).encode())


def _json_text(rules: MaskRules, text: str, kind: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return rules.tags.mask(text, kind)
    return json.dumps(mask_value(value, MemberLookup((), CREDENTIAL_REF, {CREDENTIAL_REF: kind}), rules.tags).value)


def _time(_rules: MaskRules, text: str, _kind: str) -> str:
    """Return the start of 1970 in the form of `text`: epoch seconds, HTTP's or ISO 8601."""
    if text.replace(".", "", 1).isdigit():
        return "0"
    return "Thu, 01 Jan 1970 00:00:00 GMT" if text.endswith("GMT") else "1970-01-01T00:00:00Z"


_WHOLE: Mapping[str, Callable[[MaskRules, str, str], str]] = {
    "": lambda rules, text, kind: rules.tags.mask(text, kind),
    BLOB: _blob,
    NUMBER: lambda _rules, _text, _kind: "0",
    BOOLEAN: lambda _rules, _text, _kind: "false",
    TIME: _time,
    JSON_TEXT: _json_text,
}
"""The masks of texts on the wire, by form."""


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
