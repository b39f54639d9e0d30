"""The forms in which a text has the value of a name: quoted, bare, after a scheme, as a list, or as a block of YAML."""

import re

from jitney.core.masking.lazy_patterns import LazyPattern

_MASK = r"\[masked\s[^\]\0]{1,60}\]"
_ITEM = (
    rf'(?:{_MASK}|"(?:[^"\\\0]|\\[^\0])*+"?|\'(?:[^\'\\\0]|\\[^\0])*+\'?'
    r"""|[^\s"'\[\]{},\0][^"'\],\n\0]*+)"""
)
_LINE = rf"""(?:{_MASK}|"[^"\n\0]*+"|'[^'\n\0]*+'|[^\s"'\0]++)(?=[ \t]{{0,9}}\r?(?:\n|\Z))"""
_OPENED = r"(?:\[(?!masked\s)\s{0,99}){1,9}"
_NEXT = r"\s{0,99}(?:(?:\]\s{0,99}){1,9},\s{0,99}(?=\[)|,\s{0,99})"
VALUE = LazyPattern(
    rf"""
      {_OPENED}(?P<list>{_ITEM}(?:{_NEXT}(?:{_OPENED})?{_ITEM})*)
    | (?:[ \t]{{0,40}}-[ \t]{{1,9}})(?P<lines>{_LINE}(?:[ \t]{{0,9}}\r?\n[ \t]{{0,40}}-[ \t]{{1,9}}{_LINE})*)
    | [|>][-+\d]{{0,2}}[ \t]{{0,9}}\r?\n(?P<indent>[ \t]{{1,40}})(?P<block>[^\n\0]++(?:\n(?P=indent)[^\n\0]*+)*)
    | "{{3}}(?P<triple>(?:[^"\\\0]|\\[^\0])*)
    | '{{3}}(?P<tripled>(?:[^'\\\0]|\\[^\0])*)
    | "(?P<double>(?:[^"\\\0]|\\[^\0])*)
    | '(?P<single>(?:[^'\\\0]|\\[^\0])*)
    | `(?P<tick>[^`\0]*)
    | (?:bearer|basic|token|digest|negotiate)\ +(?P<scheme>[^\s"'&;,<>\0]+)
    | (?P<bare>[^\s"'&;<>,\0]*(?:,(?!\s?["']?[\w.-]+["']?\s?[=:])[^\s"'&;<>,\0]*)*(?<![\s"'&;<>,.)\]}}\0]))
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
"""A value and its form, the name of the last group."""
_LISTED = LazyPattern(rf"{_ITEM}")


def listed(match: re.Match[str]) -> tuple[tuple[int, int], list[str]]:
    """Return the span of a matched list, and its values.

    If the first and the last value have the same quotes, the span is between these, so that JSON stays valid.
    """
    form = str(match.lastgroup)
    (start, end), text = match.span(form), match[form]
    values = _LISTED.findall(text) if form == "list" else [line.strip().lstrip("- \t") for line in text.splitlines()]
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        start, end = start + 1, end - 1
    elif text[0] in "\"'" and len(values) == 1:  # the end of the text is before the end of the value
        start += 1
    return (start, end), [each.strip("\"'") for each in values]
