"""Seals: each names every object of records that came since the one before, is chained to it, and is signed.

A seal's statement is canonical JSON (`core.audit.canonical`). Its hash is SHA-256 over that, and the signature is
ECDSA over P-256 of that hash (KMS: ECDSA_SHA_256), DER in base64. `docs/auditor.md` describes the file.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from jitney.core.audit import GENESIS_HASH, canonical
from jitney.core.integrity.contents import Contents, RecordPosition
from jitney.core.times import iso

KIND = "jitney-seal-1"
"""What a signed statement says that it is, so that nothing else that the key signed passes for a seal."""
FOLDER, KEYS_FOLDER = "seals/", "keys/"
SEAL_INTERVAL_SECONDS = 3600
LOOK_BACK_DAYS = 1
"""A seal looks for new objects from the day before its predecessor's on: Firehose tries to deliver for 24 hours."""


@dataclass(frozen=True, slots=True)
class SealedObject:
    """An object as it was when it was sealed: its key, SHA-256 over its bytes, its records and their hashes."""

    key: str
    digest: str
    records: tuple[tuple[RecordPosition, str], ...]


@dataclass(frozen=True, slots=True)
class Seal:
    """Seal `number`, made at `time` (ISO 8601) with the key of fingerprint `signer`, after the seal `previous`."""

    number: int
    time: str
    previous: str
    signer: str
    objects: tuple[SealedObject, ...]

    @property
    def statement(self) -> str:
        """What is signed."""
        objects = [
            {
                "key": each.key,
                "sha256": each.digest,
                "records": [[place.chain, place.seq, digest] for place, digest in each.records],
            }
            for each in self.objects
        ]
        members = {"number": self.number, "time": self.time, "previous": self.previous, "key": self.signer}
        return canonical({"kind": KIND, "objects": objects, **members})

    @property
    def digest(self) -> bytes:
        """SHA-256 over the statement: what the key signs."""
        return hashlib.sha256(self.statement.encode()).digest()

    @property
    def hash(self) -> str:
        """The digest as the next seal and people write it."""
        return self.digest.hex()


@dataclass(frozen=True, slots=True)
class SignedSeal:
    """A seal with its signature (DER), whosever that is."""

    seal: Seal
    signature: bytes

    @property
    def text(self) -> str:
        """The file."""
        signature = base64.b64encode(self.signature).decode()
        return canonical({"seal": json.loads(self.seal.statement), "hash": self.seal.hash, "signature": signature})


def seal_key(number: int) -> str:
    """Where seal `number` lies: keys sort as the numbers do."""
    return f"{FOLDER}{number:010d}.json"


def number_of(key: str) -> int | None:
    """The number of the seal that lies at `key`, None when no seal does."""
    digits = key.removeprefix(FOLDER).removesuffix(".json")
    return int(digits) if digits.isascii() and digits.isdecimal() and seal_key(int(digits)) == key else None


def public_key_path(fingerprint: str) -> str:
    """Where the copy of the public key lies."""
    return f"{KEYS_FOLDER}{fingerprint}.pem"


def fingerprint_of(der: bytes) -> str:
    """SHA-256 of a public key (DER SubjectPublicKeyInfo), in hexadecimal."""
    return hashlib.sha256(der).hexdigest()


def first_day(previous: Seal) -> date:
    """The first day (dt=) on which the seal after `previous` looks for objects."""
    return date.fromisoformat(previous.time[:10]) - timedelta(days=LOOK_BACK_DAYS)


def next_seal(previous: Seal | None, found: Sequence[tuple[str, Contents]], signer: str, now: int) -> Seal:
    """The seal after `previous` over objects, by key, and what they hold at `now` (epoch seconds)."""
    objects = (
        SealedObject(key, contents.digest, tuple((each.place, each.hash) for each in contents.entries))
        for key, contents in sorted(found, key=lambda each: each[0])
    )
    number, before = (previous.number + 1, previous.hash) if previous else (0, GENESIS_HASH)
    return Seal(number, iso(now), before, signer, tuple(objects))


def read_seal(text: str | bytes) -> SignedSeal:
    """The seal in a file. Raises ValueError when the file is anything but what `SignedSeal.text` makes."""
    try:
        file = json.loads(text)
        seal = _seal(file["seal"])
        signed = SignedSeal(seal, base64.b64decode(file["signature"], validate=True))
    except (KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise ValueError("it is not the file of a seal") from error
    # One spelling: what is not signed, or not understood, has no place in it.
    if signed.text != (text if isinstance(text, str) else text.decode()):
        raise ValueError("it holds what a seal does not")
    return signed


def _seal(members: dict[str, Any]) -> Seal:
    objects = tuple(
        SealedObject(
            each["key"], each["sha256"], tuple((RecordPosition(c, seq), digest) for c, seq, digest in each["records"])
        )
        for each in members["objects"]
    )
    return Seal(members["number"], members["time"], members["previous"], members["key"], objects)
