"""The detector of what an Authorization header holds: of any scheme, to the end of its line or of the quote around it.

The name of a known scheme stays. Of one that is not known nothing tells its name from a key: both are masked.
"""

import re
from collections.abc import Callable

from jitney.core.masking.lazy_patterns import LazyPattern
from jitney.core.masking.mask_tags import MASK

LIST = LazyPattern(r"\[(?!masked )(?=\w)")
"""Before the values of a header in Java: `Authorization=[...]`."""
PAIR_SEPARATOR = LazyPattern(r"[\"']\s{0,99},\s{0,99}(?=[\"'][A-Za-z][\w-]{0,40} +[^\s\"'\0])")
"""Between a header's name and its value in a pair: `("Authorization", "ApiKey ...")`. No name has a space in it."""

# Whose credentials are one word; `jitney.core.masking.named_secrets` finds it, and what follows on the line stays.
_ONE_WORD = LazyPattern(r"(?:bearer|basic|negotiate) +[^\s\"'&;,<>\0]", re.ASCII | re.IGNORECASE)
_SCHEME = LazyPattern(
    r"(?:bearer|basic|negotiate|token|digest|ntlm|oauth|hmac|signature|key|jwt|bot|dpop|ssws|geniekey|splunk"
    r"|api[-_]?(?:key|token)|aws|aws4-hmac-sha256|sharedkey(?:lite)?|sharedaccesssignature|[a-z]{1,20}-oauthtoken)"
    r"[ \t]{1,20}(?=[^\s\"'\0])",
    re.ASCII | re.IGNORECASE,
)
_WORDS = LazyPattern(r"([^\s\"'\0]{1,1000})[ \t]{1,20}[^\s\"'\0]")
# A sentence about an authorization: no word after the first, which may be masked by now, can be a key.
_SENTENCE = LazyPattern(
    rf"(?:{MASK.pattern}|[A-Za-z][a-z]{{0,14}})"
    r"(?:[ \t]{1,3}[a-z][a-z-]{0,13}[,.;:]?){2,40}[ \t]{0,3}(?=[\r\n\"'\0]|\Z)"
)
# Quotes within are those of parameters, response="6629fae4", and not what ends a key: "ApiKey a2V5=". Possessive, so
# that nothing is read twice.
_LINE = LazyPattern(r"(?:[^\r\n\"'=\\\0]++|\\(?![\"'])|=(?:\\?\"(?=[^\s,)\]}\0])[^\"\r\n\0]*+\"?)?)++")
_TO_NEXT_PAIR = LazyPattern(r"(?:(?![ \t,][\w.-]{1,40}=)[^\r\n\"'&;\0])++")
_AFTERWARDS = " \t.,;)]}>"


def credentials(text: str, at: int, *, pair: bool, is_secret: Callable[[str], bool]) -> tuple[int, int] | None:
    """Where the credentials stand whose scheme is at `at`; nowhere (`at` to `at`) when they stand for others.

    `pair` is for name=value, of which more may follow on the line. None for a single word, which stands as values of
    other names do.
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
    if (rest := to_its_end.match(text, start)) is None:
        return at, at
    value = rest[0].rstrip(_AFTERWARDS)
    masked = MASK.match(text, start)
    if masked and masked.end() >= start + len(value):
        return at, at
    if scheme is None and len(value.split()) < 2:
        return None
    return (start, start + len(value)) if any(is_secret(word) for word in value.split()) else (at, at)
