"""Finds the credentials in an Authorization header of any scheme, up to the end of the line or quotation.

The name of a known scheme is kept. The name of an unknown scheme cannot be distinguished from a key, so it is masked.
"""

import re
from collections.abc import Callable

from jitney.core.masking.lazy_patterns import LazyPattern
from jitney.core.masking.mask_tags import MASK

LIST = LazyPattern(r"\[(?!masked )(?=\w)")
"""The text before the values of a header in Java: `Authorization=[...]`."""
PAIR_SEPARATOR = LazyPattern(r"[\"']\s{0,99},\s{0,99}(?=[\"'][A-Za-z][\w-]{0,40} +[^\s\"'\0])")
"""The separator of name and value in a pair: `("Authorization", "ApiKey ...")`. The name contains no space."""

# Schemes with one word as credentials: `jitney.core.masking.named_secrets` masks it and keeps the rest of the line.
_ONE_WORD = LazyPattern(r"(?:bearer|basic|negotiate) +[^\s\"'&;,<>\0]", re.ASCII | re.IGNORECASE)
_SCHEME = LazyPattern(
    r"(?:bearer|basic|negotiate|token|digest|ntlm|oauth|hmac|signature|key|jwt|bot|dpop|ssws|geniekey|splunk"
    r"|api[-_]?(?:key|token)|aws|aws4-hmac-sha256|sharedkey(?:lite)?|sharedaccesssignature|[a-z]{1,20}-oauthtoken)"
    r"[ \t]{1,20}(?=[^\s\"'\0])",
    re.ASCII | re.IGNORECASE,
)
_WORDS = LazyPattern(r"([^\s\"'\0]{1,1000})[ \t]{1,20}[^\s\"'\0]")
# In a sentence about authorization, only the first word could be a key. It may be masked already.
_SENTENCE = LazyPattern(
    rf"(?:{MASK.pattern}|[A-Za-z][a-z]{{0,14}})"
    r"(?:[ \t]{1,3}[a-z][a-z-]{0,13}[,.;:]?){2,40}[ \t]{0,3}(?=[\r\n\"'\0]|\Z)"
)
# A quote after `=` begins a parameter's value if text follows it, as in response="6629fae4". Otherwise it ends the
# header, as in "ApiKey a2V5=". The quantifiers are possessive, so that the time is linear.
_LINE = LazyPattern(r"(?:[^\r\n\"'=\\\0]++|\\(?![\"'])|=(?:\\?\"(?=[^\s,)\]}\0])[^\"\r\n\0]*+\"?)?)++")
_TO_NEXT_PAIR = LazyPattern(r"(?:(?![ \t,][\w.-]{1,40}=)[^\r\n\"'&;\0])++")
_AFTERWARDS = " \t.,;)]}>"
_PLACEHOLDER = LazyPattern(r"<[A-Za-z][A-Za-z _-]{0,60}>")


def credentials(text: str, at: int, *, pair: bool, is_secret: Callable[[str], bool]) -> tuple[int, int] | None:
    """Return the span of the credentials whose scheme starts at `at`; (`at`, `at`) for a placeholder.

    With `pair`, the header is written as name=value, and other pairs may follow on the line. Returns None for a single
    word, which is handled like the value of any other name.
    """
    if _ONE_WORD.match(text, at):
        return None
    start, to_its_end = at, _LINE
    if scheme := _SCHEME.match(text, at):
        start = scheme.end()
    elif (words := _WORDS.match(text, at)) is None or not is_secret(words[1]) or _SENTENCE.match(text, at):
        return None
    elif pair:
        to_its_end = _TO_NEXT_PAIR
    if _PLACEHOLDER.match(text, start) or (rest := to_its_end.match(text, start)) is None:
        return at, at
    value = rest[0].rstrip(_AFTERWARDS)
    masked = MASK.match(text, start)
    if masked and masked.end() >= start + len(value):
        return at, at
    if scheme is None and len(value.split()) < 2:
        return None
    return (start, start + len(value)) if any(is_secret(word) for word in value.split()) else (at, at)
