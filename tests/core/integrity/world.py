"""Records in sealed objects as the functions write them, and ways to tamper with them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from jitney.core.integrity.contents import read_contents
from jitney.core.integrity.findings import Findings
from jitney.core.integrity.seal_chain import CheckedSeals, SealFile, check_seals
from jitney.core.integrity.seals import Seal, SignedSeal, fingerprint_of, next_seal
from jitney.core.integrity.verification import Evidence, verify
from jitney.core.records.audit import GENESIS_HASH, AuditEvent, AuditRecord, ChainedRecord, Outcome, chain_record
from jitney.core.records.record_texts import canonical
from tests.fakes import NOW

HOUR = 3600


class Signer:
    """A key as KMS holds it."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        formats = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        self.fingerprint = fingerprint_of(self.key.public_key().public_bytes(*formats))

    def sign(self, seal: Seal) -> SignedSeal:
        return SignedSeal(seal, self.key.sign(seal.digest, ec.ECDSA(Prehashed(hashes.SHA256()))))


SIGNER, STRANGER = Signer(), Signer()


@dataclass
class World:
    """The two buckets: bodies by key, and seal files by number."""

    objects: dict[str, bytes] = field(default_factory=dict)
    files: dict[int, SealFile] = field(default_factory=dict)
    seals: list[Seal] = field(default_factory=list)
    start: int = NOW

    def seal(self, *, signer: Signer = SIGNER) -> Seal:
        """Seal everything unsealed, an hour after the last seal."""
        known = {each.key for seal in self.seals for each in seal.objects}
        found = [(key, read_contents(body)) for key, body in self.objects.items() if key not in known]
        made = next_seal(self.seals[-1] if self.seals else None, found, signer.fingerprint, self.now)
        self.files[made.number] = SealFile(made.number, signer.sign(made).text.encode())
        self.seals.append(made)
        return made

    @property
    def now(self) -> int:
        return self.start + len(self.seals) * HOUR

    def verify(
        self, *, since: date | None = None, until: date | None = None, later: int = 0, keys: Any = None
    ) -> Findings:
        contents = {key: read_contents(body) for key, body in self.objects.items()}
        seals = self.checked(keys, whole=since is None)
        return verify(Evidence(seals, contents, since=since, until=until, now=self.now + later))

    def checked(self, keys: Any = None, *, whole: bool = True) -> CheckedSeals:
        """Return the seals, checked with the signer's key, or with other keys."""
        trusted = {SIGNER.fingerprint: SIGNER.key.public_key()} if keys is None else keys
        return check_seals(tuple(self.files.values()), trusted, whole=whole)

    def lines(self, key: str) -> list[bytes]:
        return self.objects[key].splitlines()

    def write(self, key: str, lines: list[bytes]) -> None:
        self.objects[key] = b"".join(line + b"\n" for line in lines)


def chain(name: str, length: int) -> list[ChainedRecord]:
    """Return the records of one chain."""
    links: list[ChainedRecord] = []
    for seq in range(length):
        record = AuditRecord(NOW + seq, AuditEvent.REQUEST, Outcome.ALLOWED, reason=f"reason {seq}")
        links.append(chain_record(record, name, seq, links[-1].hash if links else GENESIS_HASH))
    return links


def key_of(number: int, day: str = "2026-11-24") -> str:
    return f"records/dt={day}/jitney-records-{number:04d}"


def world_of(hours: list[list[list[ChainedRecord]]]) -> World:
    """Return hours of objects of records. Each hour has a seal."""
    world = World()
    number = 0
    for hour in hours:
        for links in hour:
            world.write(key_of(number), [each.text.encode() for each in links])
            number += 1
        world.seal()
    return world


def rewritten(line: bytes, *, rehash: bool, **members: Any) -> bytes:
    """Return a record with another content, and either a matching hash or the old one."""
    record: Mapping[str, Any] = json.loads(line) | members
    rest = {name: value for name, value in record.items() if name != "hash"}
    digest = hashlib.sha256(canonical(rest).encode()).hexdigest() if rehash else record["hash"]
    return canonical({**rest, "hash": digest}).encode()


def replaced(world: World, number: int, **members: Any) -> None:
    """Put another file in place of a seal."""
    world.files[number] = replace(world.files[number], **members)
