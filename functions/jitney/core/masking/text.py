"""Mask the secrets that detectors find in text, also in text that is encoded within it."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from functools import partial
from typing import TypeAlias

from jitney.core.masking import encodings, named_secrets, secret_formats
from jitney.core.masking.encodings import find_encoded
from jitney.core.masking.lazy_patterns import LazyPattern
from jitney.core.masking.mask_tags import CREDENTIAL, NO_TAGS, MaskTags
from jitney.core.masking.runs import long_words, runs

MOST_ROUNDS = 100
"""How often a text is searched for secrets that appear beside new masks."""
DEEPEST = 8
"""How many levels of encoding are decoded. Deeper content is masked as a whole."""

# For prose only, because 40 such characters in data may be an id. No 40-letter word has digits and both cases, and a
# SHA-1 has one case.
_BARE_KEY = LazyPattern(
    r"(?<![A-Za-z0-9/+=])(?=[^\s]{0,39}[0-9])(?=[^\s]{0,39}[a-z])(?=[^\s]{0,39}[A-Z])"
    r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
)
SHORTEST_IN_PROSE = 40
"""A word of this length may be an AWS secret key. Only prose is searched for such words."""
_NUMBER = LazyPattern(r"-?[0-9]+(?:\.[0-9]+)?")
_MEMBER = LazyPattern(r'"\s{0,5}:\s{0,5}\Z')
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

Span: TypeAlias = tuple[int, int]


class Sought(Enum):
    """What is masked in a text."""

    SECRETS = 1
    SECRETS_IN_PROSE = 2
    """For text by people and agents: also any 40 characters that may be an AWS secret key."""
    AWS_KEYS = 3
    """Only AWS's secret keys and session tokens."""


def mask_text(text: str, tags: MaskTags, sought: Sought = Sought.SECRETS) -> str:
    """Return `text` with every secret masked, or the same object if it has none. Idempotent."""
    return _masked(text, tags, sought, 0)


def cannot_hold_secret(text: str) -> bool:
    """Return True if a quick check shows that a JSON string holds no secret. It decides most strings."""
    lowered = _lower(text)
    return not (
        [part for part in named_secrets.PARTS if part in lowered]
        or [tail for tail in named_secrets.TAILS if tail in text]
        or secret_formats.may_contain_known_format(text, lowered)
        or encodings.may_contain_encoded(text)
        or any(runs(text, SHORTEST_IN_PROSE))
    )


def suspects(texts: Sequence[str], sought: Sought = Sought.SECRETS) -> set[int]:
    """Return the indexes of all texts that hold a secret. Some of these may hold none."""
    starts, at = [], 0
    for text in texts:
        starts.append(at)
        at += len(text) + 1
    joined = "\0".join(texts)
    words = long_words(joined)
    places = [start for start, _ in _found(joined, words, sought)]
    probe = partial(_masked, tags=NO_TAGS, sought=sought, depth=1)
    places += [start for start, end, rewrite in find_encoded(joined, words) if rewrite(probe) != joined[start:end]]
    return {bisect_right(starts, place) - 1 for place in places}


def _masked(text: str, tags: MaskTags, sought: Sought, depth: int) -> str:
    """Return the text, masked until nothing is found. One mask may reveal that its neighbour is a secret.

    If masks are found in masks without end, the whole text is masked.
    """
    for _ in range(MOST_ROUNDS):
        masked = _masked_once(text, tags, sought, depth)
        if masked == text:
            return text
        text = masked
    return tags.mask(text, CREDENTIAL)


def _masked_once(text: str, tags: MaskTags, sought: Sought, depth: int) -> str:
    words = long_words(text)
    spans = list(_found(text, words, sought))
    rewritten: list[tuple[int, int, str]] = []
    inner = partial(_masked, tags=tags, sought=sought, depth=depth + 1)
    for start, end, rewrite in find_encoded(text, words):
        if depth >= DEEPEST:
            spans.append((start, end))
        elif (new := rewrite(inner)) != text[start:end]:
            rewritten.append((start, end, new))
    return _put_together(text, spans, rewritten, tags)


def _found(text: str, words: str, sought: Sought) -> Iterator[Span]:
    lowered = _lower(text)
    if sought is Sought.AWS_KEYS:
        yield from secret_formats.find_aws_keys(text)
        yield from named_secrets.find_named_secrets(text, lowered, words, named_secrets.names_aws_key)
        return
    yield from secret_formats.find_known_formats(text, lowered, words)
    yield from named_secrets.find_named_secrets(text, lowered, words)
    if sought is Sought.SECRETS_IN_PROSE:
        for start, end in runs(text, SHORTEST_IN_PROSE):
            yield from (match.span() for match in _BARE_KEY.finditer(text, start, end + 1))


def _lower(text: str) -> str:
    """Return the text with ASCII in lower case. Its length stays the same."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.translate(_LOWER)


def _put_together(text: str, spans: Iterable[Span], rewritten: list[tuple[int, int, str]], tags: MaskTags) -> str:
    """Return the text with `spans` masked and `rewritten` replaced. Where they overlap, they are masked together."""
    masked: list[tuple[int, int, str | None]] = [(start, end, None) for start, end in spans]
    places = sorted([*masked, *rewritten], key=lambda place: place[:2])
    merged: list[tuple[int, int, str | None]] = []
    for start, end, new in places:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), None)
        else:
            merged.append((start, end, new))
    pieces, at = [], 0
    for start, end, new in merged:
        pieces += [text[at:start], _mask(text, start, end, tags) if new is None else new]
        at = end
    return "".join([*pieces, text[at:]])


def _mask(text: str, start: int, end: int, tags: MaskTags) -> str:
    """Return the mask of a span. It is quoted if it replaces a number in JSON, so that the JSON stays valid."""
    mask = tags.mask(text[start:end], CREDENTIAL)
    return (
        f'"{mask}"' if _NUMBER.fullmatch(text[start:end]) and _MEMBER.search(text, max(0, start - 12), start) else mask
    )
