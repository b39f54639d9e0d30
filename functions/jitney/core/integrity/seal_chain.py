"""Checks the chain of seals: complete, no duplicates, signed by a trusted key, each linked to its predecessor."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from jitney.core.integrity.findings import IntegrityBreak
from jitney.core.integrity.seals import SEAL_INTERVAL_SECONDS, Seal, SealedObject, SignedSeal, is_of_future, read_seal
from jitney.core.integrity.signatures import is_signed_by
from jitney.core.records.audit import GENESIS_HASH
from jitney.core.times import epoch, iso

OVERDUE_SECONDS = 3 * SEAL_INTERVAL_SECONDS
"""If there is no newer seal after this time, sealing failed twice or seals were removed."""

Keys: TypeAlias = Mapping[str, EllipticCurvePublicKey]
"""Trusted public keys by their fingerprints."""


@dataclass(frozen=True, slots=True)
class SealFile:
    """The first version of the object of seal `number`. Object Lock keeps it.

    `versions` counts all versions. `deleted` says whether the newest one is a delete marker.
    """

    number: int
    body: bytes
    versions: int = 1
    deleted: bool = False


class CheckedSeals(NamedTuple):
    """The valid seals in order, and the failures of the others. `found` says whether there is any seal.

    `unread` are the numbers of seals that exist and could not be read.
    """

    valid: tuple[Seal, ...] = ()
    breaks: tuple[IntegrityBreak, ...] = ()
    found: bool = False
    unread: frozenset[int] = frozenset()

    def by_key(self) -> dict[str, tuple[Seal, SealedObject]]:
        """Return the objects that valid seals cover, by key, each with the first seal that covers it."""
        found: dict[str, tuple[Seal, SealedObject]] = {}
        for seal in self.valid:
            for each in seal.objects:
                found.setdefault(each.key, (seal, each))
        return found


def check_seals(
    files: Collection[SealFile], keys: Keys, *, whole: bool, unread: frozenset[int] = frozenset()
) -> CheckedSeals:
    """Verify the seals with trusted `keys`. If the seals are `whole`, the first one must exist.

    `unread` are the numbers of seals that exist and could not be read.
    """
    held: list[Seal] = []
    breaks: list[IntegrityBreak] = []
    before: int | None = -1 if whole else None
    read = {each.number: each for each in files}
    for number in sorted(read.keys() | unread):
        if before is not None:
            breaks += _missing(before + 1, number)
        before = number
        if number not in read:
            continue
        file = read[number]
        signed, wrong = _read(file, keys)
        if signed and not wrong:
            wrong = _order(held[-1] if held else None, signed.seal, whole=whole)
        breaks += [
            IntegrityBreak(sentence, file.number) for sentence in (*_replaced(file), *([wrong] if wrong else []))
        ]
        if signed and not wrong:
            held.append(signed.seal)
    return CheckedSeals(tuple(held), tuple(breaks), bool(read or unread), unread)


class NotedSeal(NamedTuple):
    """A seal's number and hash, as an auditor noted them after an earlier verification."""

    number: int
    hash: str


def differs_from_noted(seals: CheckedSeals, noted: NotedSeal) -> IntegrityBreak | None:
    """Return a failure if the noted seal is not among the valid seals, unless it could not be read.

    A person who can sign can replace the newest seals by valid ones. A hash that was noted elsewhere shows the
    replacement.
    """
    found = next((each for each in seals.valid if each.number == noted.number), None)
    if noted.number in seals.unread or (found and found.hash == noted.hash):
        return None
    now = f"has the hash {found.hash}" if found else "does not exist, or is not valid"
    return IntegrityBreak(f"Seal {noted.number} {now}. The hash that you noted is {noted.hash}.", noted.number)


def overdue(last: Seal, unread: Collection[int], now: int) -> IntegrityBreak | None:
    """Return a failure if the seal after `last` is overdue at `now` (epoch seconds) and none of `unread` is later."""
    age = now - epoch(last.time)
    if age <= OVERDUE_SECONDS or any(number > last.number for number in unread):
        return None
    since = f"the last seal, number {last.number}, was made at {last.time}, and now it is {iso(now)}"
    return IntegrityBreak(
        f"The seals end too early: {since}. Later ones were removed, or sealing has stopped.", last.number + 1
    )


def early(last: Seal, now: int) -> IntegrityBreak | None:
    """Return a failure if the time of the `last` seal is in the future. It would never be overdue."""
    if not is_of_future(last, now):
        return None
    return IntegrityBreak(f"Seal {last.number} names a time in the future, {last.time}.", last.number)


def _missing(first: int, after: int) -> Iterator[IntegrityBreak]:
    if after > first:
        which = f"Seal {first} is" if after == first + 1 else f"Seals {first} to {after - 1} are"
        yield IntegrityBreak(f"{which} missing.", first)


def _read(file: SealFile, keys: Keys) -> tuple[SignedSeal | None, str]:
    """Return the seal in the file, and its faults, without comparing it with other seals."""
    try:
        signed = read_seal(file.body)
    except ValueError as error:
        return None, f"Seal {file.number} is not a seal: {error}."
    key = keys.get(signed.seal.signer)
    if key is None:
        return signed, f"Seal {file.number} is forged: it names the key {signed.seal.signer}, which is not trusted."
    if not is_signed_by(signed, key):
        return signed, f"Seal {file.number} is forged: its signature does not match."
    if signed.seal.number != file.number:
        return signed, f"Seal {file.number} is in the wrong place: it is seal {signed.seal.number}."
    return signed, ""


def _order(before: Seal | None, seal: Seal, *, whole: bool) -> str:
    """Return the faults of a seal as the successor of `before`, the last valid seal."""
    expected = (0, GENESIS_HASH) if before is None else (before.number + 1, before.hash)
    adjacent = seal.number == expected[0] and (before is not None or whole)
    if adjacent and seal.previous != expected[1]:
        fault = f"does not follow seal {before.number}" if before else "is not the first seal"
        return f"Seal {seal.number} {fault}: it was made after another seal."
    if before and seal.time < before.time:
        return f"Seal {seal.number} was made at {seal.time}, before seal {before.number}."
    return ""


def _replaced(file: SealFile) -> Iterator[str]:
    if file.versions > 1:
        yield f"Seal {file.number} was replaced: {file.versions - 1} later version(s) hide the first."
    if file.deleted:
        yield f"Seal {file.number} was deleted: a delete marker hides it."
