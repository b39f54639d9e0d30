"""Verifies the records in S3 for `jitney audit verify`. Needs the extra `audit`."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jitney.audit_database.definitions import DATABASE, WORKGROUP
from jitney.client.audit.audit_table import AuditTable
from jitney.client.audit.definition_check import DefinitionSources, check_definitions
from jitney.client.audit.definition_comparison import DefinitionFindings
from jitney.client.audit.evidence import Archive, Period
from jitney.client.audit.record_lines import ReadingProgress
from jitney.client.audit.stack_file import read_stack_file
from jitney.client.audit.table_comparison import with_table
from jitney.client.inputs.request_options import invalid
from jitney.client.problems import Invalid
from jitney.core.integrity.findings import Findings
from jitney.core.integrity.seal_chain import Keys, NotedSeal
from jitney.core.integrity.seals import Seal
from jitney.core.integrity.signatures import read_public_key
from jitney.core.integrity.verification import verify

_NOTED = re.compile(r"([0-9]{1,10}):([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class VerificationSources:
    """The buckets' names, the trusted keys as fingerprints or PEM files, and the audit table's name.

    With `first_versions`, each object of records is read as it was first written. With `definitions`, the tables, views
    and queries of Athena are compared with this package.
    """

    records: str = ""
    seals: str = ""
    keys: tuple[str, ...] = ()
    table: str = ""
    first_versions: bool = False
    definitions: DefinitionSources | None = None

    def completed_from(self, stack: Path) -> "VerificationSources":
        """Fill in missing values from `cdk deploy --outputs-file` or stack.json. Raises Invalid."""
        with read_stack_file(stack, "buckets") as known:
            buckets = known.local.get("buckets") or {}
            own = buckets.get("records") or known.outputs["RecordsBucket"]
            seals = self.seals or buckets.get("seals") or known.outputs["SealsBucket"]
            keys = self.keys or tuple(filter(None, [known.local.get("seal_key")]))
            table = self.table or (known.local.get("tables") or {}).get("audit") or known.outputs.get("AuditTable", "")
            results = buckets.get("athena_results") or known.outputs.get("ResultsBucket", "")
            athena = known.local.get("athena") or {}
            workgroup = athena.get("workgroup") or known.outputs.get("AthenaWorkgroup", "")
            database = athena.get("database") or known.outputs.get("GlueDatabase", "")
        named = self.definitions or named_definitions(workgroup, database, own)
        definitions = named._replace(records=own, results=results) if named else None
        records = self.records or own
        return replace(self, records=records, seals=seals, keys=keys, table=table, definitions=definitions)

    def checked(self) -> "VerificationSources":
        """Return self. Raises Invalid unless both buckets are named."""
        if not (self.records and self.seals):
            raise invalid("The buckets are missing.", "Give --records and --seals, or --stack.")
        return self


def named_definitions(
    workgroup: str, database: str, records: str, environment: Mapping[str, str] = os.environ
) -> DefinitionSources | None:
    """Return where to read the definitions of Athena; None if neither a workgroup nor a database is named.

    They must name the deployment's bucket, which the environment names. `records` may be a replica.
    """
    if not (workgroup or database):
        return None
    own = environment.get("JITNEY_RECORDS_BUCKET") or records
    return DefinitionSources(workgroup or WORKGROUP, database or DATABASE, own)


def verify_archive(
    sources: VerificationSources,
    days: Period,
    expected: str,
    progress: ReadingProgress,
    now: int,
) -> Findings:
    """Verify the records of `days`, first and last. `expected` is a noted seal, or "". Raises Invalid.

    If the audit table is named, records and calls are compared with it. If Athena's definitions are named, they are
    compared with this package.
    """
    noted = noted_seal(expected, limited=days != (None, None)) if expected else None
    archive = Archive(sources.records, sources.seals, progress, first_versions=sources.first_versions)
    keys = trusted_keys(archive, sources.keys)
    evidence = archive.evidence(days, now, keys)
    if sources.table:
        evidence = with_table(evidence, archive, AuditTable(sources.table))
    findings = verify(evidence, noted)
    if sources.definitions is None or sources.first_versions:  # for buckets whose account may be lost
        return findings
    return with_definitions(findings, check_definitions(sources.definitions))


def with_definitions(findings: Findings, found: DefinitionFindings) -> Findings:
    """Return the findings with those about the definitions of Athena."""
    return findings.with_definitions(found.changed, found.unverified, found.compared)


def noted_seal(text: str, *, limited: bool) -> NotedSeal:
    """Return the seal in NUMBER:HASH. Raises Invalid for other texts, and if `limited` by days."""
    if limited:
        fix = "Omit --since and --until, because the noted seal may be on another day."
        raise invalid("--expect-last needs all seals.", fix)
    found = _NOTED.fullmatch(text.lower())
    if not found:
        fix = "Write the number and the hash that `jitney audit verify` printed after `last seal`, such as 41:e2b9..."
        raise invalid(f"{text[:80]!r} is not NUMBER:HASH.", fix)
    return NotedSeal(int(found[1]), found[2])


def trusted_keys(archive: Archive, named: Sequence[str]) -> Keys:
    """Return the trusted public keys by fingerprint. Raises Invalid if one is invalid, or if none is given."""
    if not named:
        copies = ", ".join(archive.fingerprints()) or "none"
        detail = f"No trusted key was given. Untrusted copies in the bucket of seals: {copies}."
        fix = (
            "Compare a copy with `aws kms get-public-key --key-id alias/jitney-seals --query PublicKey --output text | "
            "base64 -d | sha256sum`, then give that with --key."
        )
        raise Invalid("key_missing", "Nothing could be verified", detail, fix)
    return dict(_key(archive, each) for each in named)


def _key(archive: Archive, name: str) -> tuple[str, Any]:
    wanted = name.lower().replace(":", "")
    by_fingerprint = len(wanted) == 64 and not set(wanted) - set("0123456789abcdef")
    try:
        fingerprint, key = read_public_key(archive.public_key(wanted) if by_fingerprint else Path(name).read_bytes())
    except (OSError, ValueError) as error:
        fix = "Give the fingerprint (64 hexadecimal digits), or a file with the public key in PEM."
        raise Invalid(
            "key_invalid", "Nothing could be verified", f"{name} is not a public key on P-256.", fix
        ) from error
    if by_fingerprint and fingerprint != wanted:
        detail = f"The copy of key {wanted} in the bucket of seals is another key, {fingerprint}."
        raise Invalid(
            "key_fingerprint_mismatch", "Nothing could be verified", detail, "Give the public key as a file, from KMS."
        )
    return fingerprint, key


def document(findings: Findings) -> dict[str, Any]:
    """Return the findings as JSON."""
    extent = findings.extent
    return {
        "verdict": findings.verdict.value,
        "failures": [
            {
                "sentence": each.sentence,
                "seal": each.seal,
                "object": each.object or None,
                "records": [{"chain": position.chain, "seq": position.seq} for position in each.records],
                "grants": list(each.grants),
            }
            for each in findings.breaks
        ],
        "unverified": list(findings.unverified),
        "seals": {"count": extent.seals, "first": _seal(extent.first), "last": _seal(extent.last)},
        "sealed": {
            "objects": extent.objects,
            "records": extent.records,
            "chains": extent.chains,
            "compared": extent.compared,
        },
        "awaiting_seal": {
            "objects": extent.unsealed_objects,
            "records": extent.unsealed_records,
            "compared": extent.reconciled,
        },
        "calls": extent.calls,
        "older_calls": extent.older_calls,
        "definitions": extent.definitions,
    }


def _seal(seal: Seal | None) -> dict[str, Any] | None:
    return {"number": seal.number, "time": seal.time, "hash": seal.hash} if seal else None
