"""Finds text that is encoded within text (base64, percent-encoding, JSON escapes), masks it, and encodes it again.

Data that does not decode to text is left alone, such as compressed or encrypted data.
"""

import base64
import binascii
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

from jitney.core.masking.lazy_patterns import LazyPattern, compiled
from jitney.core.masking.runs import LONG_WORD, long_words, runs_around, word_spans
from jitney.core.masking.searched_text import SearchedText

Masking: TypeAlias = Callable[[str], str]

# The first characters of base64 show whether it encodes text. Of each four characters, the first has the upper six bits
# of a byte, the second has its lower two and the upper four of the next byte, and so on. The patterns accept ASCII, the
# zeros of UTF-16, byte order marks, and in UTF-8 the first two bytes of another character.
_TWO_OF_ASCII = "[ACDI-Za-f][AC-HQS-Xgi-nw-z0-3]"
_OTHER = "[w-z0-9][I-LY-bo-r4-7]"
_ASCII_AND_OTHER = "[ACDI-Za-f][M-Pc-fs-v89+/_-][CGKOSWaeimquy26+-]"
_TWO_OF_ASCII_AND_OTHER = f"{_TWO_OF_ASCII}[DHLPTXbfjnrvz37/_][C-Za-z0][g-v]"
_RUN = LazyPattern(
    rf"\b(?<![+-])(?:77u[/_]|{_TWO_OF_ASCII}[\w+/-]{{2}}(?:{_TWO_OF_ASCII}|{_OTHER}|{_ASCII_AND_OTHER})"
    rf"|{_OTHER}|{_ASCII_AND_OTHER}|{_TWO_OF_ASCII_AND_OTHER})[\w+/-]{{10,}}={{0,2}}"
)
_SHORTEST = LONG_WORD
_PERCENT = LazyPattern(r"(?:[A-Za-z0-9._~!*'()@:/?=&+$,;#-]|%[0-9A-Fa-f]{2}){4,}")
_ESCAPED_QUOTES = LazyPattern(r'(?:[^"\\\n\0]++|\\[^\n\0])*+(?=[\n\0]|\Z)')
# The end is optional: searching for an end from every quote would take quadratic time.
_QUOTED = LazyPattern(r'"(?:[^"\\\0]++|\\[^\0])*+"?')
# A terminal's output has a bell, backspaces and escapes, such as a console of EC2 with colours.
_UNPRINTABLE = LazyPattern(r"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")


def find_encoded(searched: SearchedText) -> Iterator[tuple[int, int, Callable[[Masking], str]]]:
    """Yield each encoded text: its start, its end, and a function that masks the text and encodes it again."""
    text = searched.written
    for at, end in searched.spans if _RUN.search(searched.words) else ():
        match = _RUN.search(text, at, end)
        while match:
            yield from _base64_in(match)
            match = _RUN.search(text, match.end(), end)
    for start, end in runs_around(text, "%"):
        for match in _PERCENT.finditer(text, start, end):
            if "%" in match[0]:
                yield match.start(), match.end(), partial(_percent, match[0])
    for start, end in _with_escapes(text):
        for match, read in _quoted_texts(text, start, end):
            yield match.start(), match.end(), partial(_json, match[0], read)
        for match, read in _parts_of_quoted_texts(text, start, end):
            yield match.start(), match.end(), partial(_json_part, match[0], read)


def _with_escapes(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of those of the texts, which are joined with NULs, that have an escape."""
    at = text.find("\\")
    while at >= 0:
        end = text.find("\0", at)
        end = len(text) if end < 0 else end
        yield text.rfind("\0", 0, at) + 1, end
        at = text.find("\\", end)


def _quoted_texts(text: str, start: int, end: int) -> Iterator[tuple[re.Match[str], str]]:
    """Yield the quoted texts that have an escape, each with the text that it means.

    The quotes are paired from the first one, and again from the second, because the first may be an inch sign. A quoted
    text within one that was found is a part of its meaning. Reading both would double the time at each level.
    """
    outer: list[tuple[int, int]] = []
    for first in (start, text.find('"', start, end) + 1 or end):
        found = []
        for match in _escaped(text, first, end):
            around = bisect_right(outer, match.span()) - 1
            if around >= 0 and match.end() <= outer[around][1]:
                continue
            if (read := _unquoted(match[0])) is not None:
                found.append(match.span())
                yield match, read
        outer = found


def _parts_of_quoted_texts(text: str, start: int, end: int) -> Iterator[tuple[re.Match[str], str]]:
    """Yield the lines that are parts of a quoted text, each with the text that it means.

    The quotation marks in them are escaped, and those around them are missing, such as in a part of an object.
    """
    at = text.find('\\"', start, end)
    while at >= 0:
        line = max(text.rfind("\n", start, at) + 1, start)
        match = _ESCAPED_QUOTES.match(text, line, end)
        if match and (read := _unquoted(f'"{match[0]}"')) is not None:
            yield match, read
        following = text.find("\n", at, end)
        at = text.find('\\"', following, end) if following >= 0 else -1


def _unquoted(quoted: str) -> str | None:
    try:
        read = json.loads(quoted, strict=False)
    except ValueError:
        return None
    return str(read)


def _escaped(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Yield the matches of `_QUOTED` from `start` to `end` that have an escape.

    The number of quotes before a backslash shows whether the backslash is in a quoted text. So no time is spent on
    quoted texts without an escape.
    """
    outside, at = start, text.find("\\", start, end)
    while at >= 0:
        if text.count('"', outside, at) % 2 and (match := _QUOTED.match(text, text.rfind('"', outside, at), end)):
            if match.end() > at:
                yield match
            outside = max(match.end(), at + 1)
        elif (outside := text.find('"', at, end)) < 0:
            return
        at = text.find("\\", outside, end)


def may_contain_encoded(text: str) -> bool:
    """Return whether `text` may contain encoded text."""
    if "%" in text or "\\" in text:
        return True
    return _RUN.search(long_words(text, word_spans(text))) is not None


def _base64_in(match: re.Match[str]) -> Iterator[tuple[int, int, Callable[[Masking], str]]]:
    """Yield the run. If it does not decode, yield its part before the first slash, which may be a path's."""
    for run in (match[0], match[0].partition("/")[0]):
        if len(run) >= _SHORTEST and (read := _read(run)) is not None:
            yield match.start(), match.start() + len(run), partial(_base64, run, read)
            return


def _read(run: str) -> tuple[str, str] | None:
    """Return the text in a run of base64 and its encoding; None if it does not decode to text."""
    body = run.rstrip("=")
    try:
        return None if len(body) % 4 == 1 else _text(_decoded(body))
    except binascii.Error:
        return None


def _decoded(body: str) -> bytes:
    padded = body + "=" * (-len(body) % 4)
    return base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)


def _text(data: bytes) -> tuple[str, str] | None:
    # PowerShell's -EncodedCommand and Windows' user data are UTF-16.
    encoding = "utf-16-le" if data[1:8:2] == b"\0" * len(data[1:8:2]) and len(data) > 3 else "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if _UNPRINTABLE.search(text) else (text, encoding)


def _base64(run: str, read: tuple[str, str], mask: Masking) -> str:
    text, encoding = read
    masked = mask(text)
    if masked == text:
        return run
    written = base64.b64encode(masked.encode(encoding)).decode("ascii")
    if "-" in run or "_" in run:
        written = written.replace("+", "-").replace("/", "_")
    return written if len(run) % 4 == 0 else written.rstrip("=")


def _percent(run: str, mask: Masking) -> str:
    """Return the run with its text masked and encoded again, or unchanged if nothing is masked."""
    data = compiled(r"%([0-9A-Fa-f]{2})").sub(lambda match: chr(int(match[1], 16)), run).encode("latin-1")
    text = data.decode("utf-8", "surrogateescape")
    masked = mask(text)
    if masked == text:
        return run
    return "".join(
        character if character.isascii() and (character.isalnum() or character in "-._~") else _percented(character)
        for character in masked
    )


def _percented(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


def _json(quoted: str, text: str, mask: Masking) -> str:
    masked = mask(text)
    return quoted if masked == text else json.dumps(masked, ensure_ascii="\\u" in quoted)


def _json_part(part: str, text: str, mask: Masking) -> str:
    masked = mask(text)
    return part if masked == text else json.dumps(masked, ensure_ascii="\\u" in part)[1:-1]
