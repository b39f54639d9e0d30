"""Checks the records and calls behind an answer of `jitney audit query`, `who` and `show`. Needs the extra `audit`."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from jitney.client.audit.athena import AthenaLocation
from jitney.client.audit.audit_table import AuditTable
from jitney.client.audit.definition_check import DefinitionSources, check_definitions
from jitney.client.audit.evidence import Archive, Period
from jitney.client.audit.record_lines import ReadingProgress
from jitney.client.audit.table_comparison import with_table
from jitney.client.audit.verification import VerificationSources, trusted_keys, with_definitions
from jitney.client.problems import ClientProblem, Invalid
from jitney.core.integrity.answer_integrity import AnswerIntegrity, answer_integrity, unchecked
from jitney.core.integrity.contents import Contents
from jitney.core.integrity.findings import Extent, Findings
from jitney.core.integrity.seal_chain import Keys
from jitney.core.integrity.verification import verify
from jitney.core.times import utc_date

MOST_READ = 2000
"""How many objects are read in full.

If there are more, the objects that have not changed since their seals are not read.
"""
MOST_COMPARED = 20_000
"""How many records a check compares with the audit table. If there are more, it compares only unsealed ones."""
COLUMN = "records"
"""The added column: whether the records of the row's grant are verified, sealed, not yet sealed, or broken."""
_GRANT = "grant_id"


def answer_sources(stack: Path | None, keys: Sequence[str], location: AthenaLocation) -> VerificationSources:
    """Return the places of the evidence that the environment and the stack file name.

    `location` is where the answer's queries ran.
    """
    names = ("JITNEY_RECORDS_BUCKET", "JITNEY_SEALS_BUCKET")
    records, seals = (os.environ.get(each, "") for each in names)
    definitions = DefinitionSources(location.workgroup, location.database, records)
    table = os.environ.get("JITNEY_AUDIT_TABLE", "")
    found = VerificationSources(records, seals, tuple(keys), table, definitions=definitions)
    if stack:
        with suppress(Invalid):  # a file that names only a workgroup: the answer says that it was not checked
            return found.completed_from(stack)
    return found


def check_answer(
    sources: VerificationSources,
    since: date | None,
    until: date | None,
    progress: ReadingProgress,
    now: int,
    last: date | None = None,
) -> AnswerIntegrity:
    """Return the integrity of an answer that is built from the records and calls published from `since` to `until`.

    `last` is the last day that the answer is about, if later days were read for it.
    An answer that cannot be checked is still shown, and the result says why.
    """
    missing = [name for name, value in _named(sources).items() if not value]
    if missing:
        return unchecked(f"Not named: {', '.join(missing)}. Give --stack and --key.")
    today = utc_date(now)
    period = (since, until if until and until < today else None)
    with ThreadPoolExecutor(1) as pool:
        definitions = pool.submit(check_definitions, sources.definitions or DefinitionSources())
        findings, contents = _findings(sources, period, progress, now)
        findings = with_definitions(findings, definitions.result())
    return answer_integrity(findings, contents, since, last or until)


def _findings(
    sources: VerificationSources, period: Period, progress: ReadingProgress, now: int
) -> tuple[Findings, Mapping[str, Contents]]:
    """Return the findings about records and calls, and the objects that were read. An AWS problem is a finding."""
    try:
        archive = Archive(sources.records, sources.seals, progress)
        keys = _keys(archive, sources.keys)
        evidence = archive.evidence(period, now, keys, MOST_READ)
        evidence = with_table(evidence, archive, AuditTable(sources.table), MOST_READ, MOST_COMPARED)
    except ClientProblem as problem:
        return Findings((), (f"{problem.detail} {problem.fix}".strip(),), Extent()), {}
    return verify(evidence), evidence.contents


def _named(sources: VerificationSources) -> dict[str, Any]:
    buckets = sources.records and sources.seals
    return {"buckets": buckets, "table": sources.table, "key": sources.keys}


def _keys(archive: Archive, named: Sequence[str]) -> Keys:
    """Return the trusted keys; {} before the first seal, when the bucket has no copy of the key and no seal."""
    try:
        return trusted_keys(archive, named)
    except Invalid as problem:
        if problem.code != "key_missing":
            raise
        return {}


def marked(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], integrity: AnswerIntegrity
) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and rows. If rows name grants, `COLUMN` has the state of the records of each row's grant."""
    known = integrity.broken or integrity.waiting or integrity.sealed
    if not known or _GRANT not in columns or COLUMN in columns:
        return list(columns), [list(row) for row in rows]
    at = list(columns).index(_GRANT)
    return [*columns, COLUMN], [[*row, integrity.of_grant(str(row[at] or ""))] for row in rows]
