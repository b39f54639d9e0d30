"""Masks the secrets that detectors find in text, also in text that is encoded within it."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from itertools import accumulate
from typing import NamedTuple, Self, TypeAlias

from jitney.core.masking import encodings, named_secrets, secret_formats
from jitney.core.masking.encodings import find_encoded
from jitney.core.masking.format_entry import SecretFormat
from jitney.core.masking.lazy_patterns import LazyPattern
from jitney.core.masking.mask_tags import CREDENTIAL, NO_TAGS, MaskTags
from jitney.core.masking.runs import runs
from jitney.core.masking.searched_text import SearchedText, lower
from jitney.core.masking.split_keys import Span, key_lines, key_marks
from jitney.core.masking.word_lists import find_in_word_lists

MOST_PASSES = 10
"""How often a text is read at most, counted in its length. Then the whole text is masked.

A text is searched again, because a mask can make a secret next to it recognizable. Texts that are encoded in it are
read, and the values of names. Most texts are read once or twice. Without a limit, 2 kB took a second.
"""
MOST_CHARACTERS = 24_000_000
"""How many characters of texts that are masked together are read at most, also if `MOST_PASSES` permits more."""
DEEPEST = 8
"""How many levels of encoding are decoded. Deeper content is masked as a whole."""

# For prose only, because 40 such characters in data may be an id. No 40-letter word has digits and both cases, and a
# SHA-1 has one case.
_BARE_KEY = LazyPattern(
    r"(?<![A-Za-z0-9/+=])(?=[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=]))"
    r"(?=[^\s]{0,39}[0-9])(?=[^\s]{0,39}[a-z])(?=[^\s]{0,39}[A-Z])[A-Za-z0-9/+]{40}",
)
SHORTEST_IN_PROSE = 40
"""A word of this length may be an AWS secret key. Only prose is searched for such words."""
_NUMBER = LazyPattern(r"-?[0-9]+(?:\.[0-9]+)?")
_MEMBER = LazyPattern(r'"\s{0,5}:\s{0,5}\Z')
_LIST = LazyPattern(r'"\s{0,5}:\s{0,5}(?:\[\s{0,99}){1,9}\Z')
LONGEST_NEEDLE = max(map(len, (*named_secrets.NEEDLES, *(each.needle for each in secret_formats.FORMATS))))

_Place: TypeAlias = tuple[int, int, str | None]
"""A span, and the text that replaces it. None stands for a mask."""


class Sought(Enum):
    """The kinds of secrets that are masked in a text."""

    SECRETS = 1
    SECRETS_IN_PROSE = 2
    """For text by people and agents: also any 40 characters that may be an AWS secret key."""
    AWS_KEYS = 3
    """Only AWS's secret keys and session tokens."""


def mask_text(text: str, tags: MaskTags, sought: Sought = Sought.SECRETS) -> str:
    """Return `text` with every secret masked, or the same object if it has none. Idempotent."""
    return _Masking.of(text, tags, sought).masked(text, 0)


def mask_texts(
    texts: Sequence[str], places: set[int], tags: MaskTags, sought: Sought = Sought.SECRETS
) -> dict[int, str]:
    """Return the texts that hold a secret, masked, by index. `places` are those that `suspects` returned."""
    found, left = dict[int, str](), MOST_CHARACTERS
    lines = {} if sought is Sought.AWS_KEYS else key_lines(texts, places)
    for place in sorted({*places, *lines}):
        text, _ = _put_together(texts[place], [(*span, None) for span in lines.get(place, ())], tags)
        masking = _Masking.of(text, tags, sought, left)
        left -= masking.left
        if (masked := masking.masked(text, 0)) != texts[place]:
            found[place] = masked
        left += max(0, masking.left)
    return found


def cannot_hold_secret(text: str) -> bool:
    """Return True if a quick check shows that a JSON string holds no secret. It decides most strings."""
    lowered = lower(text)
    return not (
        [part for part in named_secrets.PARTS if part in lowered]
        or [tail for tail in named_secrets.TAILS if tail in text]
        or secret_formats.may_contain_known_format(text, lowered)
        or encodings.may_contain_encoded(text)
        or bool(runs(text, SHORTEST_IN_PROSE))
    )


class _Candidates(NamedTuple):
    """The formats and names whose needles a text contains. Others need not be searched."""

    formats: tuple[SecretFormat, ...]
    needles: tuple[str, ...]

    @classmethod
    def of(cls, searched: SearchedText, whole: SearchedText) -> Self:
        """Return the candidates of a text, which is `whole` or parts of it."""
        needles = named_secrets.needles_in(searched) if named_secrets.may_hold_named_secret(whole) else ()
        return cls(secret_formats.formats_in(searched), needles)

    def joined(self, other: Self) -> Self:
        """Return the candidates of both."""
        return type(self)(
            tuple(dict.fromkeys((*self.formats, *other.formats))), tuple(dict.fromkeys((*self.needles, *other.needles)))
        )


def suspects(texts: Sequence[str], sought: Sought = Sought.SECRETS) -> set[int]:
    """Return the indexes of all texts that may hold a secret, or the first or last line of a private key.

    Only lines of a private key may be missing.
    """
    joined = "\0".join(texts)
    searched = SearchedText.of(joined)
    masking = _Masking.of(joined, NO_TAGS, sought)
    probe = partial(masking.masked, depth=1)
    try:
        places = [start for start, _ in masking.found(searched, _Candidates.of(searched, searched))]
        places += key_marks(joined)
        places += [start for start, end, rewrite in find_encoded(searched) if rewrite(probe) != joined[start:end]]
    except _TooLong:
        return set(range(len(texts)))
    if not places:
        return set()
    starts = [0, *accumulate(len(text) + 1 for text in texts)]
    return {bisect_right(starts, place) - 1 for place in places}


class _TooLong(Exception):
    """The search of a text takes too long."""


@dataclass(slots=True)
class _Masking:
    """Masks one text, and the texts encoded in it. `left` are the characters that may still be read.

    `known` has the texts that were masked, with the result.
    """

    tags: MaskTags
    sought: Sought
    left: int
    known: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, tags: MaskTags, sought: Sought, most: int = MOST_CHARACTERS) -> Self:
        """Return the masking of a text, which reads at most so many characters."""
        return cls(tags, sought, min(MOST_PASSES * len(text), most))

    def masked(self, text: str, depth: int) -> str:
        """Return the text, masked until nothing is found. A mask can reveal that a value beside it is a secret.

        If the search takes too long, the whole text is masked.
        """
        if (known := self.known.get(text)) is not None:
            return known
        searched = SearchedText.of(text)
        candidates = _Candidates.of(searched, searched)
        try:
            while True:
                self.read(len(text))
                places = self._places(searched, candidates, depth)
                masked, changed = _put_together(searched.written, places, self.tags)
                if masked == searched.written:
                    self.known |= {text: masked, masked: masked}
                    return masked
                searched = SearchedText.of(masked)
                candidates = candidates.joined(_Candidates.of(SearchedText.of(changed), searched))
        except _TooLong:
            return self.tags.mask(searched.written, CREDENTIAL)

    def read(self, characters: int) -> None:
        """Take characters from those that are left. Raises _TooLong if there are fewer."""
        self.left -= characters
        if self.left < 0:
            raise _TooLong

    def found(self, searched: SearchedText, candidates: _Candidates) -> Iterator[Span]:
        """Yield the spans of secrets. Raises _TooLong."""
        if self.sought is Sought.AWS_KEYS:
            yield from secret_formats.find_aws_keys(searched.text)
            names = named_secrets.names_aws_key
            yield from named_secrets.find_named_secrets(searched, candidates.needles, self.read, names)
            return
        yield from secret_formats.find_known_formats(searched, candidates.formats)
        yield from find_in_word_lists(searched.text)
        yield from named_secrets.find_named_secrets(searched, candidates.needles, self.read)
        if self.sought is Sought.SECRETS_IN_PROSE:
            for start, end in searched.spans:
                if end - start >= SHORTEST_IN_PROSE:
                    yield from (match.span() for match in _BARE_KEY.finditer(searched.text, start, end + 1))

    def _places(self, searched: SearchedText, candidates: _Candidates, depth: int) -> list[_Place]:
        """Return the places of secrets, and of encoded text that holds a secret. Raises _TooLong."""
        places: list[_Place] = [(start, end, None) for start, end in self.found(searched, candidates)]
        inner = partial(self.masked, depth=depth + 1)
        for start, end, rewrite in find_encoded(searched):
            if depth >= DEEPEST:
                places.append((start, end, None))
            elif (new := rewrite(inner)) != searched.written[start:end]:
                places.append((start, end, new))
        return places


def _put_together(text: str, places: list[_Place], tags: MaskTags) -> tuple[str, str]:
    """Return the text with its `places` masked or replaced, and all new parts with the text around them.

    Each new part has `LONGEST_NEEDLE` characters around it, so it contains every needle that occurs only in the new
    text.
    """
    pieces, spans, at, length = [], list[Span](), 0, 0
    for start, end, new in _disjoint(text, places):
        piece = _mask(text, start, end, tags) if new is None else new
        length += start - at
        spans.append((length, length + len(piece)))
        length += len(piece)
        pieces += [text[at:start], piece]
        at = end
    written = "".join([*pieces, text[at:]])
    changed = (written[max(0, start - LONGEST_NEEDLE) : end + LONGEST_NEEDLE] for start, end in spans)
    return written, "\0".join(changed)


def _disjoint(text: str, places: list[_Place]) -> Iterator[_Place]:
    """Yield places that do not overlap, in order. A secret that is in none of them is left to the next pass."""
    group: list[_Place] = []
    reach = 0
    for place in sorted(places, key=lambda place: (place[0], -place[1], place[2] is not None)):
        if place[0] >= reach:
            yield from _of_group(text, group)
            group = []
        group.append(place)
        reach = max(reach, place[1])
    yield from _of_group(text, group)


def _of_group(text: str, group: list[_Place]) -> Iterator[_Place]:
    """Yield the places that stand for a group of overlapping ones: only the secrets, if the rest can still be read.

    A mask within base64 would change the meaning of what follows. A secret with a backslash may be cut within an
    escape, so that JSON would not be valid. Then the text is decoded, masked and encoded again. If that is not all of
    the group, the whole group is masked.
    """
    if len(group) < 2:
        yield from group
        return
    outer, reach = group[0], max(end for _, end, _ in group)
    secrets = [(start, end) for start, end, new in group if new is None]
    if secrets and all(map(partial(_may_be_cut, text), group)):
        yield from _united(secrets)
    else:
        yield outer if outer[1] == reach else (outer[0], reach, None)


def _united(spans: list[Span]) -> Iterator[_Place]:
    start, end = spans[0]
    for following in spans[1:]:
        if following[0] >= end:
            yield start, end, None
            start = following[0]
        end = max(end, following[1])
    yield start, end, None


def _may_be_cut(text: str, place: _Place) -> bool:
    start, end, new = place
    return "\\" not in text[start:end] if new is None else text[start] == '"' or "%" in text[start:end]


def _mask(text: str, start: int, end: int, tags: MaskTags) -> str:
    """Return the mask of a span. It is quoted if it replaces a number or items of a list, so that JSON stays valid."""
    mask = tags.mask(text[start:end], CREDENTIAL)
    number = _NUMBER.fullmatch(text[start:end]) and _MEMBER.search(text, max(0, start - 12), start)
    return f'"{mask}"' if number or _LIST.search(text, max(0, start - 200), start) else mask
