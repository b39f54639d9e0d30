"""An HTTP request as an SDK sent it, and its body without the encodings of the transport."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from jitney.client.problems import Invalid

MAX_BODY_BYTES = 5_000_000
"""The limit of a request's body in bytes, before and after decompression. The broker accepts no larger call."""
MAX_UPLOAD_BYTES = 64_000_000
"""The limit of an upload that the endpoint sends to S3 itself, in bytes. It is held in memory.

SDKs' parts have 5 to 16 MB.
"""

_CHUNKED = "aws-chunked"
_GZIP = 16 + zlib.MAX_WBITS
_MAX_CHUNK_LINE = 16_384
_OF_THE_ENCODING = frozenset({"x-amz-decoded-content-length", "x-amz-trailer"})


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One HTTP request. `path` and `query` are as they were sent, and header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def media_type(self) -> str:
        """The media type of the body, without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def too_large(limit: int = MAX_BODY_BYTES) -> Invalid:
    """Return the problem that a body has too many bytes."""
    detail = f"The request's body has more than {limit} bytes, more than the gateway accepts."
    return Invalid("call_too_large", "The call is too large", detail, "Send less in one call, or smaller parts.")


def plain_body(request: ReceivedRequest) -> ReceivedRequest:
    """Return the request without the encoding `aws-chunked`. Its trailers become headers.

    Raises Invalid for a malformed body. The signatures of chunks are not checked, because the request's signature shows
    which process sent it.
    """
    encodings = [each.strip() for each in request.headers.get("content-encoding", "").split(",") if each.strip()]
    streamed = request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    if _CHUNKED not in encodings and not streamed:
        return request
    body, trailers = _chunks(request.body)
    headers = {name: value for name, value in request.headers.items() if name not in _OF_THE_ENCODING}
    headers.pop("content-encoding", None)
    if kept := ",".join(each for each in encodings if each != _CHUNKED):
        headers["content-encoding"] = kept
    if request.headers.get("x-amz-decoded-content-length", str(len(body))) != str(len(body)):
        raise _malformed("its length is not the one of x-amz-decoded-content-length")
    announced = {each.strip().lower() for each in request.headers.get("x-amz-trailer", "").split(",")}
    return replace(request, headers=headers | {n: v for n, v in trailers.items() if n in announced}, body=body)


def decompressed(request: ReceivedRequest) -> ReceivedRequest:
    """Return the request with its gzip body decompressed. SDKs compress large bodies of some operations.

    Raises Invalid when the body is malformed or too large.
    """
    if request.headers.get("content-encoding") != "gzip":
        return request
    reader = zlib.decompressobj(_GZIP)
    try:
        body = reader.decompress(request.body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise _malformed("it is not gzip") from error
    if len(body) > MAX_BODY_BYTES:
        raise too_large()
    if not reader.eof or reader.unused_data:
        raise _malformed("it is not one whole gzip member")
    return replace(request, headers={n: v for n, v in request.headers.items() if n != "content-encoding"}, body=body)


def _chunks(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the content and the trailers of a body in `aws-chunked` (AWS's "Signature calculations: chunked")."""
    content, at = bytearray(), 0
    while True:
        line, at = _line(body, at)
        size = line.partition(b";")[0]
        if not size or size.strip(b"0123456789abcdefABCDEF"):
            raise _malformed("a chunk's size is not a hexadecimal number")
        length = int(size, 16)
        if length == 0:
            break
        content += body[at : at + length]
        at += length
        if body[at : at + 2] != b"\r\n":
            raise _malformed("a chunk is cut")
        at += 2
    trailers: dict[str, str] = {}
    while at < len(body):
        line, at = _line(body, at)
        name, colon, value = line.decode("latin-1").partition(":")
        if line and not colon:
            raise _malformed("a trailer has no colon")
        if line:
            trailers[name.strip().lower()] = value.strip()
    return bytes(content), trailers


def _line(body: bytes, at: int) -> tuple[bytes, int]:
    end = body.find(b"\r\n", at, at + _MAX_CHUNK_LINE)
    if end < 0:
        raise _malformed("a chunk's line has no end")
    return body[at:end], end + 2


def _malformed(why: str) -> Invalid:
    return Invalid(
        "call_invalid", "The body is malformed", f"The request's body cannot be read: {why}.", "Send the request again."
    )
