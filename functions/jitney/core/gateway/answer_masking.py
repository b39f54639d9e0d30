"""Masks AWS's answer to a call of the gateway before it leaves the broker (row GW 5).

The bytes of an answer stay as they are, except for its secrets. An answer that cannot be parsed is not passed on.
"""

import base64
import contextlib
import json
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from jitney.core.gateway.answer_shapes import (
    AWS_KEY_REF,
    JSON_TEXT,
    AnsweredOperation,
    AnswerShapes,
    HeaderMask,
    answer_shapes,
)
from jitney.core.gateway.aws_answer import MOST_PATHS, AwsAnswer, MaskedAnswer
from jitney.core.gateway.json_answers import mask_json
from jitney.core.gateway.mask_rules import MaskRules, UnmaskableAnswer
from jitney.core.gateway.message_checksums import with_message_checksums
from jitney.core.gateway.result_columns import RESULT_COLUMNS
from jitney.core.gateway.xml_answers import mask_xml
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.named_secrets import is_secret
from jitney.core.masking.paths import Path, path_text
from jitney.core.masking.table import MaskTable, Shape, ShapeRef
from jitney.core.problems import Problem

MAX_DECODED_BYTES = 5_500_000
"""A body with more bytes when decompressed is refused. No body can use up the function's memory or time."""

MOST_LAYERS = 3
"""How many layers of compression are opened to search a body."""

_FIRST_ERROR = 300
_PARTIAL = 206
_GZIP = 16 + zlib.MAX_WBITS
_STEP = 16_384
"""How many bytes of compressed data are read at once."""
_GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952 section 2.3.1
# Checksums of the body as AWS sent it. Clients compare them, and refuse a body that differs.
_CHECKSUMS = frozenset({"content-md5", "x-amz-crc32", "x-amz-sha256-tree-hash", "digest", "content-digest"})
_CHECKSUM_PREFIX = "x-amz-checksum-"

BodyMasker: TypeAlias = Callable[[bytes, tuple[Shape, ...], ShapeRef, MaskRules], tuple[bytes, list[Path]]]
_BODIES: Mapping[str, BodyMasker] = {
    "json": mask_json,
    "rest-json": mask_json,
    "query": mask_xml,
    "ec2": mask_xml,
    "rest-xml": mask_xml,
}
"""The function that masks a body with members, by protocol."""
_MESSAGES = ("sqs", "ReceiveMessage")
_NO_SHAPES = AnswerShapes((), None, (), content=False)


def most_masked_bytes(answer: AwsAnswer) -> int:
    """Return how many bytes of an answer have to be read to mask it, at most."""
    return MAX_DECODED_BYTES if answer.body.startswith(_GZIP_MAGIC) else len(answer.body)


class AnswerMasker:
    """Masks answers. `masks` is the table of masked members; an operation's members are looked up once."""

    def __init__(self, masks: MaskTable) -> None:
        self._masks = masks
        self._shapes: dict[tuple[str, str], AnswerShapes] = {}

    def mask(
        self, answer: AwsAnswer, operation: AnsweredOperation, tags: MaskTags, *, reveal: bool = False
    ) -> MaskedAnswer:
        """Return the answer to a call of `operation` without its secrets.

        With `reveal`, only AWS's secret keys and session tokens are masked. The body of an error that cannot be parsed
        is removed. Raises Problem answer_unmaskable for another answer that cannot be parsed.
        """
        failed = answer.status >= _FIRST_ERROR
        shapes = _NO_SHAPES if failed else self._of(operation)
        rules = MaskRules.of(tags, reveal=reveal)
        headers, paths = _masked_headers(answer.headers, shapes.headers, rules)
        try:
            body, found = _masked_body(answer, operation, shapes, rules)
        except UnmaskableAnswer as error:
            if not failed:
                raise _unmaskable(str(error)) from None
            body, found = b"", [None]
        if body != answer.body:
            headers = _headers_of(body, headers)
        places = [*paths, *found][:MOST_PATHS]
        return MaskedAnswer(answer.status, headers, body, tuple(map(path_text, places)))

    def _of(self, operation: AnsweredOperation) -> AnswerShapes:
        key = operation.service_model.service_name, operation.name
        if key not in self._shapes:
            self._shapes[key] = answer_shapes(operation, self._masks.of(*key))
        return self._shapes[key]


def _unmaskable(reason: str) -> Problem:
    detail = f"The call ran. Its answer cannot be masked: {reason}."
    return Problem("answer_unmaskable", detail, "Request credentials for the call if you need its answer.")


def _masked_body(
    answer: AwsAnswer, operation: AnsweredOperation, shapes: AnswerShapes, rules: MaskRules
) -> tuple[bytes, list[Path]]:
    """Return the body without its secrets, compressed as it was, and where they were."""
    service = operation.service_model
    key = service.service_name, operation.name
    # Compression shows in the bytes. A caller of GetObject can set another Content-Encoding.
    plain, layers, whole, behind = _opened(answer.body)
    if any(rules.content(each) is not each for each in behind):
        raise UnmaskableAnswer("a part of the content behind compressed data holds a secret")
    if shapes.content:
        masked, found = _masked_content(plain, shapes.start, rules)
        if found and (answer.status == _PARTIAL or not whole):
            raise UnmaskableAnswer("a part of the content holds a secret, and its mask would move the bytes after it")
    elif answer.status >= _FIRST_ERROR:
        masked, found = _masked_error(plain, rules)
    elif columns := RESULT_COLUMNS.get(key):
        masked, found = mask_json(plain, shapes.shapes, shapes.start, rules, columns)
    elif mask_body := _BODIES.get(service.resolved_protocol):
        masked, found = mask_body(plain, shapes.shapes, shapes.start, rules)
        if found and key == _MESSAGES:
            masked = with_message_checksums(plain, masked)
    else:
        raise UnmaskableAnswer(f"the protocol {service.resolved_protocol} is not supported")
    if not found:
        return answer.body, []
    for _ in range(layers):
        masked = _compressed(masked)
    return masked, found


def _masked_error(body: bytes, rules: MaskRules) -> tuple[bytes, list[Path]]:
    """Return an error without its secrets. Its beginning shows its format, which may differ from the service's."""
    mask_body = mask_xml if body.lstrip().startswith(b"<") else mask_json
    return mask_body(body, (), None, rules)


def _masked_content(data: bytes, ref: ShapeRef, rules: MaskRules) -> tuple[bytes, list[Path]]:
    """Return content that has no members, masked as a whole or where detectors find a secret."""
    if not data:
        return data, []
    kind = rules.kind(ref)
    masked = _whole_content(data, rules.tags.mask(data, kind)) if kind else rules.content(data)
    return (data, []) if masked == data else (masked, [None])


def _whole_content(data: bytes, mask: str) -> bytes:
    """Return the mask of content. The mask of JSON, such as a function's result, is JSON."""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return mask.encode("ascii")
    return json.dumps(mask).encode("ascii")


def _masked_headers(
    headers: Mapping[str, str], listed: tuple[HeaderMask, ...], rules: MaskRules
) -> tuple[Mapping[str, str], list[Path]]:
    """Return the headers without their secrets, and where they were."""
    names = list(headers)
    written = rules.changes([headers[name] for name in names])
    masked = {names[place]: text for place, text in written.items()}
    for name, value in headers.items():
        if (ref := _header_ref(name, value, listed, rules)) is not None:
            masked[name] = _header_mask(value, ref, rules)
    changed = {name: value for name, value in masked.items() if value != headers[name]}
    return ({**headers, **changed} if changed else headers), [((None, "headers"), name) for name in changed]


def _header_ref(name: str, value: str, listed: tuple[HeaderMask, ...], rules: MaskRules) -> str | None:
    lowered = name.lower()
    for each in listed:
        if each.ref in rules.kinds and (lowered.startswith(each.name) if each.prefix else lowered == each.name):
            return each.ref
    return AWS_KEY_REF if rules.names(name) and is_secret(value) else None


def _header_mask(value: str, ref: str, rules: MaskRules) -> str:
    """Return the mask of a header. A header of JSON is in base64."""
    if not ref.endswith(JSON_TEXT):
        return rules.whole(value, ref)
    try:
        text = base64.b64decode(value, validate=True).decode()
    except ValueError:
        text = value
    return base64.b64encode(rules.whole(text, ref).encode()).decode("ascii")


def _headers_of(body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers for a changed body: with its length, and without checksums of the old body."""
    kept = {
        name: value
        for name, value in headers.items()
        if name.lower() not in _CHECKSUMS and not name.lower().startswith(_CHECKSUM_PREFIX)
    }
    return {name: str(len(body)) if name.lower() == "content-length" else value for name, value in kept.items()}


class _Opened(NamedTuple):
    """The content of a body, and how often it was compressed.

    It is not whole if the end of compressed data is missing, or if other bytes follow. These are `behind`, by layer.
    """

    data: bytes
    layers: int
    whole: bool
    behind: tuple[bytes, ...] = ()


def _opened(body: bytes) -> _Opened:
    """Return the content of a body. It may be compressed more than once, such as by a program and by an upload tool."""
    opened = _Opened(body, 0, whole=True)
    while opened.data.startswith(_GZIP_MAGIC) and opened.layers < MOST_LAYERS:
        inner = _decompressed(opened.data)
        if inner is None:
            break
        opened = _Opened(inner.data, opened.layers + 1, opened.whole and inner.whole, (*opened.behind, *inner.behind))
    return opened


def _decompressed(body: bytes) -> _Opened | None:
    """Return the content of a compressed body, or None if the body is not compressed.

    Programs ignore what follows a fault, such as a wrong checksum, but an agent can read it.
    """
    pieces: list[bytes] = []
    size, member = 0, _GzipMember(b"", 0, ended=True)
    while member.ended and member.end < len(body):
        member = _member(body, member.end, MAX_DECODED_BYTES + 1 - size)
        pieces.append(member.data)
        size += len(member.data)
        behind = b"" if member.ended else body[member.end :]
        if size and size + len(behind) > MAX_DECODED_BYTES:
            raise UnmaskableAnswer(f"it has more than {MAX_DECODED_BYTES} bytes when decompressed")
    if len(pieces) == 1 and behind and not size:
        return None
    return _Opened(b"".join(pieces), 1, whole=member.ended, behind=(behind,) if behind else ())


class _GzipMember(NamedTuple):
    """The content of a member of gzip (RFC 1952 section 2.2), and where it ends or has a fault."""

    data: bytes
    end: int
    ended: bool


def _member(body: bytes, start: int, most: int) -> _GzipMember:
    """Return the member that begins at `start`. If its content has more than `most` bytes, the rest is left out."""
    reader, data = zlib.decompressobj(_GZIP), bytearray()
    for at in range(start, len(body), _STEP):
        step = body[at : at + _STEP]
        try:
            data += reader.decompress(step, most - len(data))
        except zlib.error:  # zlib returns nothing of this step
            return _up_to_fault(body, start, at, most)
        if reader.eof:
            return _GzipMember(bytes(data), at + len(step) - len(reader.unused_data), ended=True)
        if len(data) >= most:
            break
    return _GzipMember(bytes(data), len(body), ended=False)


def _up_to_fault(body: bytes, start: int, step: int, most: int) -> _GzipMember:
    """Return the member that begins at `start` and has a fault behind `step`."""
    reader = zlib.decompressobj(_GZIP)
    data, at = bytearray(reader.decompress(body[start:step])), step
    with contextlib.suppress(zlib.error):
        while at < len(body) and len(data) < most:
            data += reader.decompress(body[at : at + 1])
            at += 1
    return _GzipMember(bytes(data), at, ended=False)


def _compressed(data: bytes) -> bytes:
    writer = zlib.compressobj(wbits=_GZIP)
    return writer.compress(data) + writer.flush()
