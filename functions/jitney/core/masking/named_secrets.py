"""Finds secrets that follow a name: `password=...`, `"client_secret": "..."`, `--auth-token ...` and others.

Some names prove a secret, such as `password`. Others suggest one, such as `STAGING_TOKEN` and `encryption_key`: their
values are secrets if they look random.

Names that only look alike are ignored: nextToken, clientToken, secretArn. Values that are not secrets are ignored too:
true, null, an ARN, a placeholder.
"""

import re
import sys
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache

from jitney.core.masking import headers, joiners
from jitney.core.masking.lazy_patterns import LazyPattern, compiled
from jitney.core.masking.mask_tags import MASK
from jitney.core.masking.needles import contained
from jitney.core.masking.random_values import LONGEST, is_filled, looks_random
from jitney.core.masking.searched_text import SearchedText
from jitney.core.masking.value_forms import VALUE, listed

NEEDLES = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "api_key", "apikey", "api-key", "private_key",
    "privatekey", "private-key", "accountkey", "account_key", "sharedaccesskey", "signing_key", "authorization",
    "cookie", "_pass", "_pat", "_pw", "_key", "-key", "encryptionkey", "accesskey", "masterkey", "credential", "creds",
    "_auth", "-auth", "presharedkey", "psk", "_salt",
)  # fmt: skip
"""Each name of a secret contains one of these, ignoring case, or one of `TAILS`. Texts are searched for them first."""
PARTS = (
    *("passw", "passphrase", "pwd", "secret", "token", "key", "authorization", "cookie", "_p", "cred", "_auth"),
    "-auth",
    "psk",
    "_salt",
)
"""Each of `NEEDLES` contains one of these."""
PROVEN, HINTED = 2, 1
"""Judgements of a name. PROVEN: each value of it is a secret. HINTED: a value is one if it looks random."""
TAILS = ("Key", "Pass", "Auth", "Pw")
"""The last words of names such as `storageKey`. For names such as `storage_key`, `_key` is in `NEEDLES`."""

_JOINERS = (":", "=", '"', "'", "<", "(", "%", "|")
"""One of these is between a name and its value, unless two dashes are before the name. Prose may have neither."""
_NEEDLES_BY_PART = {part: [needle for needle in NEEDLES if part in needle] for part in PARTS}

_SECRET_NAME = LazyPattern(
    r".*(?:password|passwd|passphrase|pwd)(?:_?\d{1,4})?"
    r"|(?:.*[^a-z])?(?:aws|client|app|api|shared|webhook|consumer|jwt|hmac|session|signing|the|db|my)?secret(?:_?\d{1,4})?"
    r"|.*(?:client|app|api|shared|webhook|consumer|jwt|hmac|session)_?secret"
    r"|.*secret_?(?:access_?)?key|.*secret_?(?:string|value|token|binary)"
    r"|.*(?:api|private|account|sharedaccess|signing|auth|pre_?shared)_?key"
    r"|.*(?:access|auth|authentication|authorization|refresh|session|security|bearer|oauth|github|gitlab|slack|jwt"
    r"|npm|pypi|bot|api|id|user|login|deploy|service|admin|root|vault|registry|gh)_?token"
    r"|(?:.*_)?(?:db|database|mysql|postgres|pg|redis|mongo|smtp|mail|ftp|ssh|ldap|admin|root|user|rabbitmq|amqp|sudo"
    r"|default|proxy|http|login|service|vpn|wifi|sasl)_?(?:pass|pw)|(?:.*_)?psk|(?:.*_)?(?:bind|keystore|truststore)_?(?:pass|pw)|(?:.*_)?redis_auth|.*secret_key_base"
    r"|token|(?:(?:http|proxy|x|original|forwarded)_){0,3}authorization|(?:http_|set_)?cookie",
)
_LOOK_ALIKE = LazyPattern(
    r"(?:.*_)?(?:next|page|pagination|continuation|client|request|idempotency|update|lock|change|version|csrf|authenticity"
    r"|sequence|task|starting)_?(?:request_?)?token|.*(?:max|num|total|input|output|prompt)_?token|x?_?amz_?secret_?id",
)
# Names that suggest a secret, unless they name something about one, or a key of another kind.
_SUGGESTIVE_NAME = LazyPattern(
    r".*(?:token|secret|passwd|password|_pass|_pw|_pat|[_a-z](?:encryption|access|master)_?key|_key|credentials?|creds"
    r"|_auth|_salt)(?:_?\d{1,4})?|(?:encryption|access|master)_?key|.*(?:secret|token|password|api_?key|private_?key)_.*",
)
_ABOUT_A_SECRET = LazyPattern(
    r".*(?:_|id|name|url|uri|path|file)(?:ids?|names?|arns?|len|lengths?|sizes?|counts?|types?|ur[il]s?|endpoints?"
    r"|paths?|files?|dirs?|versions?|dates?|times?|at|expir(?:es|y|ation)|ttl|age|status|enabled|mode|polic(?:y|ies)"
    r"|fields?|headers?|prefix|suffix|params?|alias|source|refs?|state|algorithm|hint|audience|issuer|pairs?|identifier"
    r"|number|index|position|range|format|usage|spec|hash|digest|md5|fingerprint|checksum|used|limit|store|provider)"
    r"|(?:.*_)?(?:next|page|pagination|continuation|client|request|idempotency|lock|csrf|xsrf|authenticity|sequence|task|sync|starting"
    r"|forward|backward|public|pub|partition|sort|primary|foreign|range|cache|object|bucket|s3|row|schema|index|kms|cmk"
    r"|host|group|routing|dedup|deduplication|hash|etag|tag|lookup|map|dict|item|record|message|event|metric|label|param"
    r"|config|registry)_?(?:token|keys?)(?:_.*)?",
)
_AWS_KEY_NAME = LazyPattern(r"(?:.*_)?(?:secret_?access_?key|aws_?(?:secret_?key|session_?token)|session_?token)")
_NAME_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_LONGEST_BEFORE = 60
_NAME_AFTER = LazyPattern(r"[\w.-]{0,40}")
_SYMBOL = LazyPattern(r"(?:\A|[\s{,(]|\$env):\Z", re.ASCII | re.IGNORECASE)
"""The colon before a symbol of Ruby, or before a variable of PowerShell."""
_ELEMENT = LazyPattern(r"<(?:[\w-]{1,20}:)?\Z")
# In prose, a value is a secret only if it has a long random part: not `deployer-token-4xw9k` in
# `the secret "deployer-token-4xw9k"`.
_RANDOM_IN_PROSE = LazyPattern(r"[\w.~+/=:@!#$^*-]{0,200}?[A-Za-z0-9]{12}[\w.~+/=:@!#$^*-]*")
# In a manifest of External Secrets: the name of a secret's member, not a secret.
_MEMBER_OF_A_SECRET = LazyPattern(r"[a-z][a-z._-]{0,60}[ \t]{0,9}(?=[\r\n]|\Z)")
_NO_SECRET = LazyPattern(
    r"(?:true|false|null|none|nil|undefined|required|optional|enabled|disabled|string|\*+|x+|\.++|\\++|<.*>|\$.*|%[^%]*%|@.*"
    r"|[01]|%[sdv]|(?:insert|enter|your|replace)[-_ ][\w -]{0,40}|yes|no|on|off|str|int|bool|enc\[\w{2,20},.*"
    r"|[(\[<*]{0,3}(?:change[-_ ]?me|redacted|todo|tbd|n/a)"
    r"|\[?\{.*|\[|\]|-|/[\w./-]*+|arn:aws[\w-]*:[\w-]+:[\w-]*:\d*:.*|hidden_due_to_security_reasons)[),.;:\]}]*",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
# A value that starts like this is no secret. Checked before searching the value's end, which would take quadratic time
# in a text full of names.
_STANDS_FOR_ANOTHER = LazyPattern(
    r"[$@{]|arn:aws[\w-]{0,9}:[\w-]{1,40}:[\w-]{0,40}:\d{0,12}:|\((?:known after apply|sensitive)|enc\[\w{2,20},"
    # The next word of a sentence: not a secret.
    r"|(?:see|must|should|is|are|was|not|cannot|may|has|have|required|missing|permission|incorrect|invalid|expired|use"
    r"|ask|the|an?|in|at|to|for|from|of|and|or|with|via|when|if|this|that|it|please|stored) [a-z]",
    re.ASCII | re.IGNORECASE,
)
_METAVARIABLE = LazyPattern(r"[A-Z_]*(?:PASSWORD|PASSPHRASE|TOKEN|SECRET|KEY|CREDENTIALS?)[\]})>.,;]*")
_LONGEST_RANDOM = LONGEST + 300
"""How far a random value may reach, including the quote, scheme or bracket before it."""
_HEADER = "authorization"
_SCHEME = LazyPattern(r"(?:bearer|basic|token|digest|negotiate|aws4-hmac-sha256)", re.IGNORECASE)


def judge_secret_name(name: str) -> int:
    """Return PROVEN, HINTED or 0 for the name of a member, variable or option."""
    return _judged(name[-120:])


def names_secret(name: str) -> bool:
    """Return whether a member, variable or option of this name holds a secret."""
    return _judged(name[-120:]) == PROVEN


def hints_at_secret(name: str) -> bool:
    """Return whether a value of this name is a secret if it looks random."""
    return _judged(name[-120:]) == HINTED


@lru_cache(maxsize=8192)
def _judged(name: str) -> int:
    plain = _plain(name)
    if _LOOK_ALIKE.fullmatch(plain):
        return 0
    if _SECRET_NAME.fullmatch(plain):
        return PROVEN
    return HINTED if _SUGGESTIVE_NAME.fullmatch(plain) and not _ABOUT_A_SECRET.fullmatch(plain) else 0


def _plain(name: str) -> str:
    return _snake_case(name).lower().replace("-", "_").replace(".", "_").strip("_")


def _snake_case(name: str) -> str:
    """Return the name with an underscore before each capital that follows a small letter or a digit."""
    return compiled(r"(?<=[a-z0-9])(?=[A-Z])").sub("_", name)


def judge_aws_key_name(name: str) -> int:
    """Return PROVEN or 0 for the name of a member, variable or option that may hold an AWS key."""
    return PROVEN if names_aws_key(name) else 0


def is_random_secret(value: str) -> bool:
    """Return whether the value of a name that hints at a secret is a secret."""
    return looks_random(value) and is_secret(value)


def names_aws_key(name: str) -> bool:
    """Return whether a member, variable or header of this name holds AWS's secret key or session token."""
    return names_secret(name) and _AWS_KEY_NAME.fullmatch(_plain(name[-120:])) is not None


def is_secret(value: str) -> bool:
    """Return whether a value that follows the name of a secret can be a secret."""
    plain = value.strip()
    return (
        bool(plain)
        and not _NO_SECRET.fullmatch(plain)
        and not _METAVARIABLE.fullmatch(plain)
        and not MASK.fullmatch(value)
        and not is_filled(plain)
    )


def may_hold_named_secret(searched: SearchedText) -> bool:
    """Return whether a text has a joiner of a name and a value. A mask adds no joiner."""
    return bool(searched.words) or _has_joiner(searched.text)


def _has_joiner(text: str) -> bool:
    # A single dash is found ten times as fast as two.
    return any(joiner in text for joiner in _JOINERS) or ("-" in text and ("--" in text or " -" in text))


def needles_in(searched: SearchedText) -> tuple[str, ...]:
    """Return the needles and tails of names that occur in the text."""
    parts = contained(PARTS, searched.lowered)
    needles = [needle for part in parts for needle in _NEEDLES_BY_PART[part] if needle in searched.lowered]
    return (*needles, *contained(TAILS, searched.text))


def find_named_secrets(
    searched: SearchedText,
    needles: Collection[str],
    read: Callable[[int], None],
    names: Callable[[str], bool] = names_secret,
) -> Iterator[tuple[int, int]]:
    """Yield the spans of the values that follow names of secrets.

    Only names that contain one of `needles` are searched. `read` is called with the length of each value that is read,
    because the values of many names can have the same end.
    """
    if not (needles and may_hold_named_secret(searched)):
        return
    text, lowered = searched.text, searched.lowered
    for needle in needles:
        if needle in TAILS:
            yield from _after_tail(text, needle, read, names) if _has_joiner(text) else ()
            continue
        at = lowered.find(needle)
        while at >= 0:
            end = at + len(needle)
            if span := _value(text, at, end, read, names):
                yield span
                end = max(end, span[1])
            at = lowered.find(needle, end)


def _after_tail(
    text: str, tail: str, read: Callable[[int], None], names: Callable[[str], bool]
) -> Iterator[tuple[int, int]]:
    end = 0
    for match in compiled(rf"{tail}(?![A-Za-z])").finditer(text):
        if match.start() < end or not text[match.start() - 1 : match.start()].islower():
            continue
        if span := _value(text, *match.span(), read, names):
            yield span
            end = span[1]


def _value(
    text: str, at: int, end: int, read: Callable[[int], None], names: Callable[[str], bool]
) -> tuple[int, int] | None:
    """Return the span of the value of the name around `at`, if it is a secret."""
    before = text[max(0, at - _LONGEST_BEFORE) : at]
    start = at - len(before) + len(before.rstrip(_NAME_LETTERS))
    if (rest := _NAME_AFTER.match(text, end)) is not None:
        end = rest.end()
    name = text[start:end]
    element = _ELEMENT.search(text, max(0, start - 22), start) is not None
    # A name after a colon is part of an ARN: arn:aws:secretsmanager:eu-west-1:444455556666:secret:db-A1b2C3. Names of
    # npm's settings follow a colon, too, but begin with `_`: //npm.example.com/:_authToken=
    if (
        not element
        and text[max(0, start - 1) : start] == ":"
        and name[0] != "_"
        and not _SYMBOL.search(text, max(0, start - 5), start)
    ):
        return None
    proved = names(name.lstrip("-"))
    if not proved and (names is not names_secret or not hints_at_secret(name)):
        return None
    if name.lower().endswith(_HEADER) and (
        joined := joiners.joined(text, start, end) or headers.PAIR_SEPARATOR.match(text, end)
    ):
        # In a URL's query, the value is followed by other parameters, not by the end of a line.
        return _header(text, joined, read, in_query=text[max(0, start - 1) : start] in ("?", "&"))
    if (value := joiners.value_of(text, start, end, element=element)) is None:
        return None
    if value.joiner is joiners.Joiner.NOTATION and proved:
        is_name = name == "secretKey" and _MEMBER_OF_A_SECRET.match(text, value.at)
        return None if is_name else _span(text, value.at, read)
    # All names within one long word have the end of the word as the end of their values. Searching that end for each
    # name would take quadratic time, so the search is limited.
    span = _span(text, value.at, read, value.at + _LONGEST_RANDOM)
    if span is None or not looks_random(found := text[span[0] : span[1]]):
        return None
    return span if value.joiner is not joiners.Joiner.PROSE or _RANDOM_IN_PROSE.fullmatch(found) else None


def _header(text: str, joined: re.Match[str], read: Callable[[int], None], *, in_query: bool) -> tuple[int, int] | None:
    """Return the span of all credentials in an Authorization header of any scheme."""
    bracket = headers.LIST.match(text, joined.end())
    at = bracket.end() if bracket else joined.end()
    span = None if in_query else headers.credentials(text, at, pair="=" in joined[0], is_secret=is_secret)
    if span is None:
        return _span(text, at, read)
    return span if span[0] < span[1] else None


def _span(text: str, at: int, read: Callable[[int], None], end: int = sys.maxsize) -> tuple[int, int] | None:
    """Return the span of the secret value that starts at `at`, up to `end`."""
    if _STANDS_FOR_ANOTHER.match(text, at):
        return None
    match = VALUE.match(text, at, end)
    if match is None or (group := match.lastgroup) is None:
        return None
    read(match.end() - at)
    if group in ("list", "lines"):  # its values are masked as one value
        span, values = listed(match)
        return span if any(is_secret(value) for value in values) else None
    value = match[group]
    if MASK.match(text, match.start(group)) or not is_secret(value) or (group == "bare" and _SCHEME.fullmatch(value)):
        return None
    return match.span(group)
