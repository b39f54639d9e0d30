"""Seals. Each seal lists the objects of records since the previous seal, links to that seal, and is signed.

A seal's statement is canonical JSON (`core.records.record_texts.canonical`). Its hash is the SHA-256 of the statement.
The signature of the hash is ECDSA over P-256 (KMS: ECDSA_SHA_256), as DER in base64. The file is described in
`docs/independent-verification.md`.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from jitney.core.integrity.contents import Contents, RecordPosition
from jitney.core.records.audit import GENESIS_HASH
from jitney.core.records.record_texts import canonical
from jitney.core.times import epoch, iso

KIND = "jitney-seal-1"
"""The type in a signed statement. So another text that the same key signed cannot be used as a seal."""
FOLDER, KEYS_FOLDER = "seals/", "keys/"
SEAL_INTERVAL_SECONDS = 3600
SKEW_SECONDS = 900
"""How far the clock of an auditor or a function may differ from AWS's. AWS refuses requests from other clocks.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, RequestTimeTooSkewed
"""
LOOK_BACK_DAYS = 1
"""A seal covers new objects from the day before its predecessor, because Firehose retries delivery for 24 hours."""


@dataclass(frozen=True, slots=True)
class SealedObject:
    """An object when it was sealed: its key, the SHA-256 of its bytes, its records and their hashes."""

    key: str
    digest: str
    records: tuple[tuple[RecordPosition, str], ...]


@dataclass(frozen=True, slots=True)
class Seal:
    """Seal `number`, made at `time` (ISO 8601) after seal `previous`.

    `signer` is the fingerprint of the signing key.
    """

    number: int
    time: str
    previous: str
    signer: str
    objects: tuple[SealedObject, ...]

    @property
    def statement(self) -> str:
        """The canonical JSON whose SHA-256 is signed."""
        objects = [
            {
                "key": each.key,
                "sha256": each.digest,
                "records": [[position.chain, position.seq, digest] for position, digest in each.records],
            }
            for each in self.objects
        ]
        members = {"number": self.number, "time": self.time, "previous": self.previous, "key": self.signer}
        return canonical({"kind": KIND, "objects": objects, **members})

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the statement. The key signs it."""
        return hashlib.sha256(self.statement.encode()).digest()

    @property
    def hash(self) -> str:
        """The digest in hexadecimal, as the next seal and reports show it."""
        return self.digest.hex()


@dataclass(frozen=True, slots=True)
class SignedSeal:
    """A seal with a signature (DER) that is not yet verified."""

    seal: Seal
    signature: bytes

    @property
    def text(self) -> str:
        """The content of the file."""
        signature = base64.b64encode(self.signature).decode()
        return canonical({"seal": json.loads(self.seal.statement), "hash": self.seal.hash, "signature": signature})


def seal_key(number: int) -> str:
    """Return the object key of seal `number`. Keys have the same order as numbers."""
    return f"{FOLDER}{number:010d}.json"


def number_of(key: str) -> int | None:
    """Return the number of the seal at `key`; None if the key is not a seal's."""
    digits = key.removeprefix(FOLDER).removesuffix(".json")
    return int(digits) if digits.isascii() and digits.isdecimal() and seal_key(int(digits)) == key else None


def public_key_path(fingerprint: str) -> str:
    """Return the object key of a public key's copy."""
    return f"{KEYS_FOLDER}{fingerprint}.pem"


def fingerprint_of(der: bytes) -> str:
    """Return the SHA-256 of a public key (DER SubjectPublicKeyInfo) in hexadecimal."""
    return hashlib.sha256(der).hexdigest()


def first_day(previous: Seal) -> date:
    """Return the first day (dt=) whose objects the seal after `previous` covers."""
    return date.fromisoformat(previous.time[:10]) - timedelta(days=LOOK_BACK_DAYS)


def is_of_future(seal: Seal, now: int) -> bool:
    """Return whether a seal's time is after `now` (epoch seconds), by more than clocks differ."""
    return epoch(seal.time) > now + SKEW_SECONDS


def next_seal(previous: Seal | None, found: Sequence[tuple[str, Contents]], signer: str, now: int) -> Seal:
    """Return the seal after `previous` over these objects, at `now` (epoch seconds)."""
    objects = (
        SealedObject(key, contents.digest, tuple((each.position, each.hash) for each in contents.entries))
        for key, contents in sorted(found, key=lambda each: each[0])
    )
    number, before = (previous.number + 1, previous.hash) if previous else (0, GENESIS_HASH)
    return Seal(number, iso(now), before, signer, tuple(objects))


def read_seal(text: str | bytes) -> SignedSeal:
    """Return the seal in a file. Raises ValueError unless the file is exactly the `text` of a `SignedSeal`.

    Its members have the types of `Seal`, and its time is as `iso` writes it, so that seals can be compared.
    """
    try:
        file = json.loads(text)
        seal = _seal(file["seal"])
        signed = SignedSeal(seal, base64.b64decode(file["signature"], validate=True))
    except (KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise ValueError("it is not a seal file") from error
    # One spelling only: unsigned or unknown members are refused.
    if signed.text != (text if isinstance(text, str) else text.decode()):
        raise ValueError("it has unexpected content")
    return signed


def _seal(members: dict[str, Any]) -> Seal:
    objects = tuple(
        SealedObject(_text(each["key"]), _text(each["sha256"]), tuple(_sealed_record(*it) for it in each["records"]))
        for each in members["objects"]
    )
    time, previous, signer = (_text(members[name]) for name in ("time", "previous", "key"))
    epoch(time)
    return Seal(_number(members["number"]), time, previous, signer, objects)


def _sealed_record(chain: Any, seq: Any, digest: Any) -> tuple[RecordPosition, str]:
    return RecordPosition(_text(chain), _number(seq)), _text(digest)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value
