"""Patterns of ARNs and action names, compiled to automata.

IAM's wildcards are `*` (any characters) and `?` (any one character). Here both match every character, including `/` and
`:`. IAM says that a `*` at the end of an ARN's segment "can expand to match beyond the colon boundaries"
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html). If Jitney reads a pattern
more widely than IAM, it only refuses more. Cedar's `like` has the same `*`.

A pattern is simulated as an automaton. One integer holds the set of its states, a bit for each position.
"""

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache, reduce

# Bounds of one comparison (about 10 ms) and of one request (about 300 ms). A resource usually takes a few hundred
# steps, a request of 200 pairs some ten thousand. Only patterns built to be slow come near the bounds.
MAX_STEPS = 40_000
MAX_REQUEST_STEPS = 800_000
MAX_MATCH_CLASSES = 64


class Wildcard(Enum):
    """A wildcard that matches any single character or a run of characters.

    The value of a run lists the characters that it does not match.
    """

    ONE = "?"
    RUN = ""
    SEGMENT = ":"
    NAME = ":/"


class PatternTooComplex(ValueError):
    """Comparing these patterns would take too long."""


class Budget:
    """The steps left for one request or one comparison.

    A pattern costs one step for each character and one for each position it examines. Steps are counted, not timed, and
    every request has its own budget. So the same request always gets the same answer.
    """

    def __init__(self, steps: int) -> None:
        self.left = steps
        self._paid: set[Hashable] = set()

    def spend(self, steps: int) -> None:
        """Take `steps`. Raises PatternTooComplex when fewer are left."""
        self.left -= steps
        if self.left < 0:
            raise PatternTooComplex("the patterns have too many wildcards")

    def spend_once(self, what: Hashable, steps: int) -> None:
        """Take `steps` the first time for `what`, and one step each later time. Raises PatternTooComplex."""
        self.spend(1 if what in self._paid else steps)
        self._paid.add(what)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. Bit p of a mask means "p characters of the pattern are matched".

    `steps` maps a character to the positions that it advances. `ones` are the positions of `?`, which any character
    advances. `runs` are the positions that a character can leave unchanged, each with the characters that its run does
    not match. `wanted` is the literal character at each position ("" for `?`). `prefix` is the literal text before the
    first wildcard.
    """

    steps: Mapping[str, int] = field(hash=False)  # follows from `wanted`, and a mapping has no hash
    ones: int
    runs: tuple[tuple[int, str], ...]
    wanted: tuple[str, ...]
    prefix: str

    def step(self, positions: int, character: str) -> int:
        """Return the positions after `character`; 0 when the text can no longer match."""
        after = (positions & (self.steps.get(character, 0) | self.ones)) << 1
        for run, stops in self.runs:
            staying = positions & run
            if staying and character not in stops:
                after |= staying
        return after

    def accepts(self, positions: int) -> bool:
        """Return whether a text that led to `positions` matches the whole pattern."""
        return bool(positions >> len(self.wanted) & 1)

    def after(self, text: str, budget: Budget | None = None) -> int:
        """Return the positions after `text`. Comparing the literal prefix of the pattern costs no steps.

        Raises PatternTooComplex when a `budget` is given and it runs out.
        """
        if not text.startswith(self.prefix):
            return 1 << len(text) if self.prefix.startswith(text) else 0
        positions, taken, steps, ones, runs = 1 << len(self.prefix), 0, self.steps, self.ones, self.runs
        for taken, character in enumerate(text[len(self.prefix) :], 1):  # noqa: B007 - the steps taken
            # The body of `step`, inlined: most of a decision's time is spent here.
            after = (positions & (steps.get(character, 0) | ones)) << 1
            for run, stops in runs:
                staying = positions & run
                if staying and character not in stops:
                    after |= staying
            positions = after
            if not positions:
                break
        if budget:
            budget.spend(taken)
        return positions

    def matches(self, text: str, budget: Budget | None = None) -> bool:
        """Return whether the whole `text` matches. Raises PatternTooComplex when a given `budget` runs out."""
        return self.accepts(self.after(text, budget))

    def covers_any_name(self, parts: Iterable[str | Wildcard], budget: Budget) -> bool:
        """Return whether, for some length, the pattern matches `parts` with every name of that length.

        For a SEGMENT, such as an account, one value is enough, because a request may name it. Raises PatternTooComplex.
        """
        positions = 1
        for part in parts:
            if isinstance(part, str):
                positions = reduce(self.step, part, positions)
                budget.spend(len(part))
            elif part is Wildcard.SEGMENT:
                inside = (1 << len(self.wanted)) - 1 & ~self.steps.get(":", 0)
                positions = _spread(positions, inside, budget)
            else:
                positions = _spread(self.step(positions, _UNKNOWN), self.ones, budget)
            if not positions:
                return False
        return self.accepts(positions)

    def may_meet(self, other: "Pattern") -> bool:
        """Return False when the literal prefixes show that no text matches both patterns; True otherwise."""
        return self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)

    @property
    def is_prefix(self) -> bool:
        """Whether the pattern is a literal prefix and one `*` at the end."""
        return self.runs == ((1 << len(self.prefix), Wildcard.RUN.value),) and len(self.wanted) == len(self.prefix)

    def leads_on(self, positions: int) -> Iterator[str]:
        """Yield the characters that lead from `positions` to other positions than most characters do."""
        named = positions & ~self.ones & (1 << len(self.wanted)) - 1
        while named:
            position = named.bit_length() - 1
            yield self.wanted[position]
            named ^= 1 << position
        for run, stops in self.runs:
            if positions & run:
                yield from stops

    def is_open(self, positions: int) -> bool:
        """Return whether a character that the pattern does not contain leads on from `positions`."""
        return bool(positions & self.ones) or any(positions & run for run, _ in self.runs)


# Stands for an unknown character. A pattern that contains this character is judged to cover less than it does.
_UNKNOWN = "\U0010ffff"


def _spread(positions: int, led_on: int, budget: Budget) -> int:
    """Return `positions`, and all positions that follow from those in `led_on` in any number of steps."""
    while True:
        budget.spend(1)
        reached = positions | (positions & led_on) << 1
        if reached == positions:
            return positions
        positions = reached


def compile_pattern(tokens: Iterable[str | Wildcard]) -> Pattern:
    """Return the pattern of literal texts and wildcards in sequence."""
    steps: dict[str, int] = {}
    runs: dict[str, int] = {}
    wanted: list[str] = []
    prefix: str | None = None
    ones = 0
    for token in tokens:
        if isinstance(token, Wildcard) and prefix is None:
            prefix = "".join(wanted)
        if token is Wildcard.ONE:
            ones |= 1 << len(wanted)
            wanted.append("")
        elif isinstance(token, Wildcard):
            runs[token.value] = runs.get(token.value, 0) | 1 << len(wanted)
        else:
            for position, character in enumerate(token, len(wanted)):
                steps[character] = steps.get(character, 0) | 1 << position
            wanted += token
    masks = tuple((mask, stops) for stops, mask in runs.items())
    return Pattern(steps, ones, masks, tuple(wanted), "".join(wanted) if prefix is None else prefix)


_WILDCARDS: Mapping[str, Wildcard] = {"*": Wildcard.RUN, "?": Wildcard.ONE}
_TOKENS = re.compile(r"[*?]|[^*?]+")


@lru_cache(maxsize=1024)
def wildcard_pattern(text: str) -> Pattern:
    """Return the pattern that IAM reads in `text`: `*` is any run of characters, `?` any one."""
    return compile_pattern(_WILDCARDS.get(token, token) for token in _TOKENS.findall(text))


def has_wildcard(text: str) -> bool:
    """Return whether IAM reads a wildcard in `text`."""
    return "*" in text or "?" in text


def match_classes(
    asked: Pattern, others: Sequence[Pattern], budget: Budget | None = None
) -> dict[tuple[bool, ...], str]:
    """Return the ways in which texts of `asked` can match or miss `others`, each with a shortest such text.

    If a property depends only on which of `others` a text matches, and holds for the returned texts, it holds for all
    texts of `asked`. Without a `budget`, the budget of one comparison applies. Raises PatternTooComplex.
    """
    found: dict[tuple[bool, ...], str] = {}
    for verdict, text in _walk(asked, others, budget or Budget(MAX_STEPS)):
        found.setdefault(verdict, text)
        if len(found) > MAX_MATCH_CLASSES:
            raise PatternTooComplex("too many classes of matching texts")
    return found


def patterns_intersect(one: Pattern, other: Pattern, budget: Budget | None = None) -> bool:
    """Return whether some text matches both patterns. Raises PatternTooComplex.

    Without a `budget`, the budget of one comparison applies.
    """
    if not one.may_meet(other):
        return False
    if one.is_prefix:
        # Every position of a pattern can reach its end.
        return bool(other.after(one.prefix, budget))
    return any(verdict == (True,) for verdict, _ in _walk(one, (other,), budget or Budget(MAX_STEPS)))


def covers(outer: str, inner: str, budget: Budget | None = None) -> bool:
    """Return whether every text that matches the wildcard pattern `inner` matches `outer`.

    Without a `budget`, the budget of one comparison applies. Raises PatternTooComplex.
    """
    pattern = wildcard_pattern(outer)
    if not has_wildcard(inner):
        return pattern.matches(inner, budget)
    walked = _walk(wildcard_pattern(inner), (pattern,), budget or Budget(MAX_STEPS))
    return all(verdict == (True,) for verdict, _ in walked)


def _walk(asked: Pattern, others: Sequence[Pattern], budget: Budget) -> Iterator[tuple[tuple[bool, ...], str]]:
    """Yield a text for each set of `others` that can match together with `asked`, shortest texts first.

    The walk visits the reachable states of all automata in parallel. It starts after the literal prefix of `asked`.
    """
    patterns = (asked, *others)
    fresh = _unnamed_character(patterns)
    start = tuple(pattern.after(asked.prefix, budget) for pattern in patterns)
    seen = {start}
    frontier = [(start, asked.prefix)]
    while frontier:
        following = []
        for state, text in frontier:
            if asked.accepts(state[0]):
                yield tuple(other.accepts(mask) for other, mask in zip(others, state[1:], strict=True)), text
            characters = _distinguishing_characters(patterns, state, fresh)
            budget.spend(len(characters) * len(patterns) + sum(map(int.bit_count, state)))
            for character in characters:
                after = tuple(pattern.step(mask, character) for pattern, mask in zip(patterns, state, strict=True))
                if after[0] and after not in seen:
                    seen.add(after)
                    following.append((after, text + character))
        frontier = following


def _distinguishing_characters(patterns: tuple[Pattern, ...], state: tuple[int, ...], fresh: str) -> Collection[str]:
    """Return one character for each different next state that the first pattern can reach."""
    if not patterns[0].is_open(state[0]):
        return dict.fromkeys(patterns[0].leads_on(state[0]))
    kinds = [fresh]
    for pattern, mask in zip(patterns, state, strict=True):
        kinds += pattern.leads_on(mask)
    return dict.fromkeys(kinds)


def _unnamed_character(patterns: Iterable[Pattern]) -> str:
    """Return a character that no pattern contains. It represents all such characters."""
    named = {character for pattern in patterns for character in pattern.steps}
    letters = "xyzabcdefghijklmnopqrstuvw0123456789-_"
    return next((letter for letter in letters if letter not in named), None) or next(
        character for character in map(chr, range(0x100, 0x110000)) if character not in named
    )
