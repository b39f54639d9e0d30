"""Masks the body of an answer in JSON: only the masked values change, and all other bytes stay (row GW 5)."""

import json
from collections.abc import Mapping
from typing import Any

from jitney.core.gateway.answer_shapes import AWS_KEY_REF, BLOB, NUMBER
from jitney.core.gateway.json_edit import edit_json
from jitney.core.gateway.mask_rules import MAX_DEPTH, MaskRules, UnmaskableAnswer, searched_text, wire_text
from jitney.core.gateway.result_columns import ResultColumns, mask_columns
from jitney.core.masking.members import MemberLookup
from jitney.core.masking.paths import Path
from jitney.core.masking.table import ANY, Shape, ShapeRef
from jitney.core.masking.values import NestedTooDeep, PythonForm, mask_members

_ATTRIBUTE: Mapping[str, str] = {
    **dict.fromkeys(("S", "SS"), AWS_KEY_REF),
    **dict.fromkeys(("N", "NS"), AWS_KEY_REF + NUMBER),
    **dict.fromkeys(("B", "BS"), AWS_KEY_REF + BLOB),
}
"""An attribute of DynamoDB that is named like a secret. DynamoDB writes numbers as texts."""
_TOO_DEEP = "its JSON is nested too deep"


def mask_json(
    body: bytes,
    shapes: tuple[Shape, ...],
    start: ShapeRef,
    rules: MaskRules,
    columns: ResultColumns | None = None,
) -> tuple[bytes, list[Path]]:
    """Return the body without its secrets, and where they were. Returns `body` itself if it has none.

    `columns` says where the answer to a query has its columns. Raises UnmaskableAnswer unless it is JSON that every
    parser reads alike.
    """
    if not body:
        return body, []
    try:
        text = body.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise UnmaskableAnswer(_TOO_DEEP) from None
    except ValueError:
        raise UnmaskableAnswer("it is not JSON") from None
    lookup = _AnswerLookup(_with_attribute(shapes), start, rules.kinds, rules.judge)
    try:
        masked, paths = mask_members(
            value, lookup, _WireForm(rules), lambda texts, names: rules.changes([*texts, *names]), MAX_DEPTH
        )
    except NestedTooDeep:
        raise UnmaskableAnswer(_TOO_DEEP) from None
    if columns:
        masked, cells = mask_columns(masked, columns, rules)
        paths += cells
    return (body if masked is value else edit_json(text, value, masked).encode()), paths


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        # Parsers differ in which of the two they return, so a client could read the one that was not searched.
        raise UnmaskableAnswer("its JSON has an object with the same name twice")
    return read


def _with_attribute(shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
    """Return the shapes, and at the end a list of attributes and one attribute, which can hold such a list."""
    within: ShapeRef = len(shapes)
    return (*shapes, {ANY: len(shapes) + 1}, {**_ATTRIBUTE, "L": within, "M": within})


class _AnswerLookup(MemberLookup):
    """Looks up the members of an answer. The last shape is an attribute of DynamoDB."""

    def _secret(self, value: Any) -> ShapeRef:
        return len(self._shapes) - 1 if isinstance(value, dict) else AWS_KEY_REF


class _WireForm(PythonForm):
    """Searches and masks values in the form of the wire: a blob is base64 text, and a time may be a text."""

    def __init__(self, rules: MaskRules) -> None:
        super().__init__(rules.tags)
        self._rules = rules

    def searched(self, value: Any, ref: ShapeRef) -> str:
        return searched_text(value, ref)

    def replaced(self, value: Any, ref: ShapeRef, masked: str) -> str:
        return wire_text(value, ref, masked)

    def whole(self, value: Any, ref: ShapeRef, kind: str) -> Any:
        return self._rules.whole(value, str(ref)) if isinstance(value, str) else super().whole(value, ref, kind)
