"""`jitney audit verify`: what is trusted, what was found, and how that is told to machines.

Needs the extra `audit`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from jitney.client.evidence import Archive, VerificationProgress
from jitney.client.problems import Invalid
from jitney.client.stack_file import read_stack_file
from jitney.core.integrity.findings import Findings
from jitney.core.integrity.seal_chain import Keys
from jitney.core.integrity.seals import Seal
from jitney.core.integrity.signatures import read_public_key
from jitney.core.integrity.verification import verify


@dataclass(frozen=True, slots=True)
class VerificationSources:
    """Where to look: the buckets' names, and the keys that are trusted, each a fingerprint or a file in PEM."""

    records: str = ""
    seals: str = ""
    keys: tuple[str, ...] = ()

    def beside(self, stack: Path) -> "VerificationSources":
        """What is missing, from the outputs that `cdk deploy --outputs-file` wrote, or from stack.json.

        Raises Invalid when the file is neither.
        """
        with read_stack_file(stack, "buckets") as known:
            buckets = known.local.get("buckets") or {}
            records = self.records or buckets.get("records") or known.outputs["RecordsBucket"]
            seals = self.seals or buckets.get("seals") or known.outputs["SealsBucket"]
            keys = self.keys or tuple(filter(None, [known.local.get("seal_key")]))
        return replace(self, records=records, seals=seals, keys=keys)

    def checked(self) -> "VerificationSources":
        """These, if both buckets are named. Raises Invalid."""
        if not (self.records and self.seals):
            fix = "Name both with --records and --seals, or the stack's outputs with --stack."
            raise Invalid("usage", "The command line is not valid", "The buckets are not named.", fix)
        return self


def verify_archive(
    places: VerificationSources, since: date | None, until: date | None, told: VerificationProgress, now: int
) -> Findings:
    """What lies in the places proves, of the days from `since` to `until`. Raises Invalid."""
    archive = Archive(places.records, places.seals, told)
    keys = trusted_keys(archive, places.keys)
    return verify(archive.evidence(since, until, now), keys)


def trusted_keys(archive: Archive, named: Sequence[str]) -> Keys:
    """The trusted public keys by their fingerprints. Raises Invalid when one is none, or when none is named."""
    if not named:
        beside = ", ".join(archive.fingerprints()) or "none"
        detail = f"No key is trusted yet. Beside the seals, where nothing proves it, lies {beside}."
        fix = (
            "Compare it with `aws kms get-public-key --key-id alias/jitney-seals --query PublicKey --output text | "
            "base64 -d | sha256sum`, then give it with --key."
        )
        raise Invalid("key_missing", "Nothing could be verified", detail, fix)
    return dict(_key(archive, each) for each in named)


def _key(archive: Archive, name: str) -> tuple[str, Any]:
    asked = name.lower().replace(":", "")
    by_fingerprint = len(asked) == 64 and not set(asked) - set("0123456789abcdef")
    try:
        fingerprint, key = read_public_key(archive.public_key(asked) if by_fingerprint else Path(name).read_bytes())
    except (OSError, ValueError) as error:
        fix = "Give the fingerprint (64 hexadecimal digits), or a file with the public key in PEM."
        raise Invalid("key_invalid", "Nothing could be verified", f"{name} is no public key on P-256.", fix) from error
    if by_fingerprint and fingerprint != asked:
        detail = f"What lies beside the seals as the key {asked} is another key, {fingerprint}."
        raise Invalid(
            "key_fingerprint_mismatch", "Nothing could be verified", detail, "Give the public key as a file, from KMS."
        )
    return fingerprint, key


def document(findings: Findings) -> dict[str, Any]:
    """The findings as JSON."""
    extent = findings.extent
    return {
        "verdict": findings.verdict.value,
        "breaks": [
            {
                "sentence": each.sentence,
                "seal": each.seal,
                "object": each.object or None,
                "records": [{"chain": place.chain, "seq": place.seq} for place in each.records],
            }
            for each in findings.breaks
        ],
        "unverified": list(findings.unproven),
        "seals": {"count": extent.seals, "first": _seal(extent.first), "last": _seal(extent.last)},
        "sealed": {"objects": extent.objects, "records": extent.records, "chains": extent.chains},
        "awaiting_seal": {"objects": extent.unsealed_objects, "records": extent.unsealed_records},
    }


def _seal(seal: Seal | None) -> dict[str, Any] | None:
    return {"number": seal.number, "time": seal.time, "hash": seal.hash} if seal else None
