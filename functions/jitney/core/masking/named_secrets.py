"""Find secrets that follow a name: `password=...`, `"client_secret": "..."`, `--auth-token ...` and others.

Names that only look alike are ignored: nextToken, clientToken, secretArn. So are values that are no secret: true, null,
an ARN, a placeholder.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from jitney.core.masking import headers
from jitney.core.masking.lazy_patterns import LazyPattern, compiled
from jitney.core.masking.mask_tags import MASK

NEEDLES = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "api_key", "apikey", "api-key", "private_key",
    "privatekey", "private-key", "accountkey", "account_key", "sharedaccesskey", "signing_key", "authorization",
    "cookie",
)  # fmt: skip
"""Every name of a secret contains one of these in lower case. Texts are searched for them first."""
PARTS = ("passw", "passphrase", "pwd", "secret", "token", "key", "authorization", "cookie")
"""Every name of a secret contains one of these in lower case, in any spelling."""

_SECRET_NAME = LazyPattern(
    r".*(?:password|passwd|passphrase|pwd)\d?"
    r"|(?:.*[^a-z])?(?:aws|client|app|api|shared|webhook|consumer|jwt|hmac|session|signing|the|db|my)?secret\d?"
    r"|.*(?:client|app|api|shared|webhook|consumer|jwt|hmac|session)_?secret"
    r"|.*secret_?(?:access_?)?key|.*secret_?(?:string|value|token|binary)"
    r"|.*(?:api|private|account|sharedaccess|signing|auth)_?key"
    r"|.*(?:access|auth|authentication|authorization|refresh|session|security|bearer|oauth|github|gitlab|slack|jwt"
    r"|npm|pypi|bot|api|id|user|login|deploy|service|admin|root|vault|registry|gh)_?token"
    r"|token|(?:(?:http|proxy|x|original|forwarded)_){0,3}authorization|(?:http_|set_)?cookie",
)
_LOOK_ALIKE = LazyPattern(
    r"(?:.*_)?(?:next|page|pagination|continuation|client|request|idempotency|update|lock|change|version|csrf"
    r"|sequence|task|starting)_?(?:request_?)?token|.*(?:max|num|total|input|output|prompt)_?token|x?_?amz_?secret_?id",
)
_NAME_BEFORE = LazyPattern(r"[\w.-]{0,60}\Z")
_NAME_AFTER = LazyPattern(r"[\w.-]{0,40}")
# After a name and its closing quote: what joins it to its value; or the members of a name-value pair.
_JOINED = LazyPattern(
    r"""\s{0,9}(?:=>|:=|[:=]|%3[dD])\s{0,9}|["']\s{0,9},\s{0,9}["'](?:parameter)?value["']\s{0,9}:\s{0,9}""",
    re.ASCII | re.IGNORECASE,
)
_VALUE = LazyPattern(
    r"""
      \[\s{0,99}"(?P<list>(?:[^"\\\0]|\\[^\0])*(?:"\s{0,99},\s{0,99}"(?:[^"\\\0]|\\[^\0])*)*)
    | \[\s{0,99}'(?P<listed>(?:[^'\\\0]|\\[^\0])*(?:'\s{0,99},\s{0,99}'(?:[^'\\\0]|\\[^\0])*)*)
    | "(?P<double>(?:[^"\\\0]|\\[^\0])*)
    | '(?P<single>(?:[^'\\\0]|\\[^\0])*)
    | (?:bearer|basic|token|digest|negotiate)\ +(?P<scheme>[^\s"'&;,<>\0]+)
    | (?P<bare>(?:(?!,\s?["']?[\w.-]+["']?\s?[=:])[^\s"'&;<>\0])*[^\s"'&;<>,.)\]}\0])
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_NO_SECRET = LazyPattern(
    r"(?:true|false|null|none|nil|undefined|required|optional|enabled|disabled|string|\*+|x+|\.+|<.*>|\$.*|%[^%]*%|@.*"
    r"|\{.*|\[|\]|/[\w./-]*|arn:aws[\w-]*:[\w-]+:[\w-]*:\d*:.*|hidden_due_to_security_reasons)[),.;\]}]*",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
# A value that starts like this is no secret. Checked before searching the value's end, which would take quadratic time
# in a text full of names.
_STANDS_FOR_ANOTHER = LazyPattern(
    r"[$@{]|arn:aws[\w-]{0,9}:[\w-]{1,40}:[\w-]{0,40}:\d{0,12}:", re.ASCII | re.IGNORECASE
)
_HEADER = "authorization"
_SCHEME = LazyPattern(r"(?:bearer|basic|token|digest|negotiate|aws4-hmac-sha256)", re.IGNORECASE)


def names_secret(name: str) -> bool:
    """Return whether a member, variable or option of this name holds a secret."""
    return _names_secret(name[-120:])


@lru_cache(maxsize=8192)
def _names_secret(name: str) -> bool:
    lowered = _snake_case(name).lower().replace("-", "_").replace(".", "_")
    plain = lowered.strip("_")
    return _SECRET_NAME.fullmatch(plain) is not None and _LOOK_ALIKE.fullmatch(plain) is None


def _snake_case(name: str) -> str:
    """Return the name with an underscore before each capital that follows a small letter or a digit."""
    return compiled(r"(?<=[a-z0-9])(?=[A-Z])").sub("_", name)


def is_secret(value: str) -> bool:
    """Return whether the value of a secret's name can be a secret."""
    return bool(value.strip()) and not _NO_SECRET.fullmatch(value.strip()) and not MASK.fullmatch(value)


def find_named_secrets(text: str, lowered: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of the values of secrets' names. `lowered` is `text` with ASCII in lower case."""
    for needle in [needle for needle in NEEDLES if needle in lowered]:
        at = lowered.find(needle)
        while at >= 0:
            end = at + len(needle)
            if span := _value(text, at, end):
                yield span
                end = max(end, span[1])
            at = lowered.find(needle, end)


def _value(text: str, at: int, end: int) -> tuple[int, int] | None:
    """Return the span of the value of the name around `at`, if it is a secret."""
    before = _NAME_BEFORE.search(text, max(0, at - 60), at)
    start = before.start() if before else at
    if (rest := _NAME_AFTER.match(text, end)) is not None:
        end = rest.end()
    name = text[start:end]
    # After a colon it is part of an ARN: arn:aws:secretsmanager:eu-west-1:444455556666:secret:db-A1b2C3.
    if text[max(0, start - 1) : start] == ":" or not names_secret(name.lstrip("-")):
        return None
    quote = text[start - 1] if start and text[start - 1] in "\"'" else ""
    after = end + (len(quote) if quote and text.startswith(quote, end) else 0)
    joined = _JOINED.match(text, after) or _JOINED.match(text, end)
    if name.lower().endswith(_HEADER) and (joined or (joined := headers.PAIR_SEPARATOR.match(text, end))):
        # In a URL's query, the value is followed by other parameters, not by the end of a line.
        return _header(text, joined, in_query=text[max(0, start - 1) : start] in ("?", "&"))
    if joined is None:
        if not name.startswith("--") or not text.startswith(" ", end):
            return None
        after = end + 1
    else:
        after = joined.end()
    return _span(text, after)


def _header(text: str, joined: re.Match[str], *, in_query: bool) -> tuple[int, int] | None:
    """Return the span of all credentials in an Authorization header of any scheme."""
    bracket = headers.LIST.match(text, joined.end())
    at = bracket.end() if bracket else joined.end()
    span = None if in_query else headers.credentials(text, at, pair="=" in joined[0], is_secret=is_secret)
    if span is None:
        return _span(text, at)
    return span if span[0] < span[1] else None


def _span(text: str, at: int) -> tuple[int, int] | None:
    if _STANDS_FOR_ANOTHER.match(text, at):
        return None
    match = _VALUE.match(text, at)
    if match is None or (group := match.lastgroup) is None:
        return None
    if group.startswith("list"):
        # A list's values become one value, so that JSON stays valid.
        values = compiled(r"[\"']\s{0,99},\s{0,99}[\"']").split(match[group])
        return match.span(group) if any(is_secret(value) for value in values) else None
    value = match[group]
    if MASK.match(text, match.start(group)) or not is_secret(value) or (group == "bare" and _SCHEME.fullmatch(value)):
        return None
    return match.span(group)
