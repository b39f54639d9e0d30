"""The seals among themselves: each is there once, signed by a key that is trusted, and follows the one before."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from jitney.core.audit import GENESIS_HASH
from jitney.core.integrity.findings import IntegrityBreak
from jitney.core.integrity.seals import SEAL_INTERVAL_SECONDS, Seal, SignedSeal, read_seal
from jitney.core.integrity.signatures import is_signed_by
from jitney.core.times import iso

OVERDUE_SECONDS = 3 * SEAL_INTERVAL_SECONDS
"""A seal that is later than this is missing: two runs of the function failed, or somebody removed what they made."""

Keys: TypeAlias = Mapping[str, EllipticCurvePublicKey]
"""Trusted public keys by their fingerprints."""


@dataclass(frozen=True, slots=True)
class SealFile:
    """What lies at the place of seal `number`: its first version, which Object Lock keeps.

    `versions` counts the later ones, and `hidden` tells whether a delete marker is on top.
    """

    number: int
    body: bytes
    versions: int = 1
    hidden: bool = False


def check_seals(files: Iterable[SealFile], keys: Keys, *, whole: bool) -> tuple[list[Seal], list[IntegrityBreak]]:
    """The seals that hold, by number, and what is wrong with the others. `whole` if the first of all is among them."""
    held: list[Seal] = []
    breaks: list[IntegrityBreak] = []
    before: int | None = -1 if whole else None
    for file in sorted(files, key=lambda each: each.number):
        if before is not None:
            breaks += _missing(before + 1, file.number)
        before = file.number
        signed, wrong = _read(file, keys)
        if signed and not wrong:
            wrong = _order(held[-1] if held else None, signed.seal, whole=whole)
        breaks += [
            IntegrityBreak(sentence, file.number) for sentence in (*_replaced(file), *([wrong] if wrong else []))
        ]
        if signed and not wrong:
            held.append(signed.seal)
    return held, breaks


def overdue(last: Seal, now: int) -> IntegrityBreak | None:
    """The break that there is no seal after `last` though there should be one at `now` (epoch seconds)."""
    age = now - int(datetime.fromisoformat(last.time).timestamp())
    if age <= OVERDUE_SECONDS:
        return None
    since = f"the last seal, number {last.number}, is of {last.time}, and it is {iso(now)}"
    return IntegrityBreak(
        f"The seals end too early: {since}. Later ones were removed, or sealing has stopped.", last.number + 1
    )


def _missing(first: int, after: int) -> Iterator[IntegrityBreak]:
    if after > first:
        which = f"Seal {first} is" if after == first + 1 else f"Seals {first} to {after - 1} are"
        yield IntegrityBreak(f"{which} missing.", first)


def _read(file: SealFile, keys: Keys) -> tuple[SignedSeal | None, str]:
    """The seal in the file, and what is wrong with it by itself."""
    try:
        signed = read_seal(file.body)
    except ValueError as error:
        return None, f"Seal {file.number} is no seal: {error}."
    key = keys.get(signed.seal.signer)
    if key is None:
        return signed, f"Seal {file.number} is forged: it names the key {signed.seal.signer}, which is not trusted."
    if not is_signed_by(signed, key):
        return signed, f"Seal {file.number} is forged: the signature is not over what it says."
    if signed.seal.number != file.number:
        return signed, f"Seal {file.number} is in the wrong place: it is seal {signed.seal.number}."
    return signed, ""


def _order(before: Seal | None, seal: Seal, *, whole: bool) -> str:
    """What is wrong with a seal that comes after `before`, the last that holds."""
    expected = (0, GENESIS_HASH) if before is None else (before.number + 1, before.hash)
    adjacent = seal.number == expected[0] and (before is not None or whole)
    if adjacent and seal.previous != expected[1]:
        after = f"seal {before.number}" if before else "nothing"
        return f"Seal {seal.number} does not follow {after}: the seal that it was made after is another one."
    if before and seal.time < before.time:
        return f"Seal {seal.number} is of {seal.time}, before seal {before.number}."
    return ""


def _replaced(file: SealFile) -> Iterator[str]:
    if file.versions > 1:
        yield f"Seal {file.number} was replaced: {file.versions - 1} later version(s) lie over the first."
    if file.hidden:
        yield f"Seal {file.number} was deleted: a delete marker lies over it."
