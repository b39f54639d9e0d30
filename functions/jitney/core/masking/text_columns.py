"""Masks the cells of a text with columns, such as CSV, by the names in its first line (row MASK 1)."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

from jitney.core.masking.lazy_patterns import LazyPattern, compiled
from jitney.core.masking.named_secrets import PROVEN, is_random_secret, is_secret

_DELIMITERS = (",", ";", "\t", "|")
_LONGEST_HEADER = 20_000
_BYTE_ORDER_MARK = "\ufeff"
_NAME = LazyPattern(r"[\w .#/()-]{1,80}")
Span = tuple[int, int]


def mask_cells(text: str, judge: Callable[[str], int], mask: Callable[[str], str]) -> str:
    """Return the text with the secrets masked in columns whose names `judge` takes for names of secrets.

    Returns `text` itself if there are none. A line is kept if it has more or fewer cells than the first one. The `csv`
    module is not used: it does not say where a cell is, so the text between cells could not be kept.
    """
    end = text.find("\n", 0, _LONGEST_HEADER)
    header = text[: max(end, 0)].removeprefix(_BYTE_ORDER_MARK).rstrip("\r")
    delimiter = max(_DELIMITERS, key=header.count)
    names = [name.strip().strip('"') for name in header.split(delimiter)]
    judged = {place: found for place, name in enumerate(names) if (found := judge(name.replace(" ", "_")))}
    if not judged or len(names) < 2 or not all(map(_NAME.fullmatch, names)):
        return text
    if f"{delimiter} " in header and any(" " in name for name in names):
        return text  # a sentence, in which words follow a comma
    pieces, copied = list[str](), 0
    for first, last in _secret_cells(text, _rows(text, end + 1, delimiter), len(names), judged):
        pieces += [text[copied:first], mask(text[first:last])]
        copied = last
    return "".join([*pieces, text[copied:]]) if pieces else text


def _secret_cells(text: str, rows: Iterator[Sequence[Span]], count: int, judged: Mapping[int, int]) -> Iterator[Span]:
    for row in rows:
        if len(row) == count:
            for place, found in judged.items():
                value = text[slice(*row[place])]
                plain = value.strip()
                if is_secret(plain) if found == PROVEN else is_random_secret(plain):
                    first = row[place][0] + value.index(plain)
                    yield first, first + len(plain)


def _rows(text: str, at: int, delimiter: str) -> Iterator[Sequence[Span]]:
    """Yield the spans of each row's cells, without their quotation marks."""
    row: list[Span] = []
    cell = _cell(delimiter)
    while at < len(text):
        match = cell.match(text, at)
        if match is None:  # it does not end behind its closing quotation mark
            row, at = [], text.find("\n", at) + 1 or len(text)
            continue
        row.append(match.span("quoted") if match["quoted"] is not None else match.span("plain"))
        at = match.end()
        if match["end"] != delimiter:
            yield row
            row = []


@cache
def _cell(delimiter: str) -> re.Pattern[str]:
    """Return the pattern of a cell with its end (RFC 4180)."""
    other = re.escape(delimiter)
    cell = rf'(?:"(?P<quoted>[^"]*+(?:""[^"]*+)*+)"|(?P<plain>[^{other}\r\n]*+))'
    return compiled(rf"{cell}(?P<end>{other}|\r?\n|\Z)")
