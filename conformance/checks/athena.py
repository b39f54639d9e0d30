"""Each view and each named query run, CloudTrail's events arrive, and the seals verify."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from conformance.check import CheckFailedError, Observation
from conformance.checks.grants import code_of, waited
from conformance.system import ConformanceSystem, new_agent, session_keys
from jitney.audit_database.definitions import query_texts
from jitney.audit_database.views import VIEWS
from jitney.client.audit.athena import Athena, AthenaLocation, QueryResult
from jitney.client.audit.named_queries import parameters_of
from jitney.client.problems import ClientProblem

SINCE = "2026-01-01"
TRAIL_SECONDS = 1200.0
KEPT_DAYS = 400
"""How long Object Lock keeps a seal (infra.buckets)."""
_PARAMETER = {"grant": "g-aaaaaaaaaaaaaa"}


def _athena(system: ConformanceSystem) -> Athena:
    location = AthenaLocation(system.outputs["AthenaWorkgroup"], system.outputs["GlueDatabase"])
    return Athena(system.client("athena"), location)


def _run(athena: Athena, name: str, sql: str, failed: dict[str, str], *parameters: str) -> QueryResult | None:
    try:
        return athena.run(sql, parameters)
    except ClientProblem as problem:
        failed[name] = problem.detail
        return None


def views(system: ConformanceSystem) -> Observation:
    """Return the views that run in Athena with the columns of the package's definitions."""
    athena, failed, scanned = _athena(system), dict[str, str](), 0
    for view in VIEWS:
        sql = f"SELECT * FROM {view.name} WHERE dt >= '{SINCE}' LIMIT 1"  # noqa: S608 - our own names
        if answer := _run(athena, view.name, sql, failed):
            scanned += answer.bytes_read
            if answer.columns != tuple(name for name, _ in view.columns):
                failed[view.name] = f"its columns are {answer.columns}"
    return _ran([view.name for view in VIEWS], failed, scanned)


def queries(system: ConformanceSystem) -> Observation:
    """Return the named queries that run. Those with parameters get values that no record has."""
    athena, failed, scanned = _athena(system), dict[str, str](), 0
    named = {each.name: each.sql for each in athena.named()}
    for name in query_texts():
        if name not in named:
            failed[name] = "the workgroup does not have it"
            continue
        values = [_PARAMETER.get(each.name, "nothing") for each in parameters_of(named[name])]
        if answer := _run(athena, name, named[name], failed, *values):
            scanned += answer.bytes_read
    return _ran(list(query_texts()), failed, scanned)


def _ran(names: list[str], failed: dict[str, str], scanned: int) -> Observation:
    facts = {"run": len(names) - len(failed), "failed": sorted(failed)}
    if failed:
        raise CheckFailedError("; ".join(f"{name}: {why}" for name, why in sorted(failed.items())), facts)
    return Observation(facts, {"bytes_read": scanned})


def trail(system: ConformanceSystem) -> Observation:
    """Return the verdict on a call with a grant's keys, and how long until it can be queried."""
    issued = system.opened(new_agent(), ("dynamodb:ListTables",), ("*",))
    system.client("dynamodb", session_keys(issued["credentials"])).list_tables()
    began, athena = time.monotonic(), _athena(system)
    sql = f"SELECT verdict FROM unique_calls WHERE grant_id = ? AND operation = 'ListTables' AND dt >= '{SINCE}'"  # noqa: S608

    def arrived() -> list[dict[str, Any]]:
        return athena.run(sql, (issued["grant"]["id"],)).records()

    rows = waited(arrived, "the call's arrival", TRAIL_SECONDS, 15.0 if system.on_aws else 0.5)
    facts = {"verdicts": sorted({row["verdict"] for row in rows})}
    if facts != {"verdicts": ["explained"]}:
        raise CheckFailedError(f"the call is not joined as expected: {facts}", facts)
    return Observation(facts, {"seconds": round(time.monotonic() - began)})


def seals(system: ConformanceSystem) -> Observation:
    """Return what `jitney audit verify` says after the records were sealed with KMS and stored under Object Lock."""
    failed = system.client("lambda").invoke(FunctionName="jitney-sealer").get("FunctionError", "")
    if failed:
        raise CheckFailedError(f"the sealer failed: {failed}")
    variables = {
        "JITNEY_RECORDS_BUCKET": system.outputs["RecordsBucket"],
        "JITNEY_SEALS_BUCKET": system.outputs["SealsBucket"],
        "JITNEY_AUDIT_TABLE": system.outputs["AuditTable"],
        "JITNEY_SEAL_KEY": system.outputs["SealKey"],
        "JITNEY_ATHENA_WORKGROUP": system.outputs["AthenaWorkgroup"],
    }
    done = subprocess.run(
        [str(Path(sys.executable).parent / "jitney"), "audit", "verify"],
        env={**os.environ, **system.environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    facts = {"exit_code": done.returncode}
    if done.returncode:
        raise CheckFailedError(f"{done.stdout}{done.stderr}".strip()[:600], facts)
    return Observation(facts)


def seal_lock(system: ConformanceSystem) -> Observation:
    """Return the lock of a seal, and the error with which S3 answers the deletion of its version.

    The bucket's policy alone would refuse the deletion, and an administrator could change the policy.
    """
    s3, bucket = system.client("s3"), system.outputs["SealsBucket"]
    versions = s3.list_object_versions(Bucket=bucket, MaxKeys=1).get("Versions", [])
    if not versions:
        raise CheckFailedError("the bucket of seals has no object")
    version = {"Bucket": bucket, "Key": versions[0]["Key"], "VersionId": versions[0]["VersionId"]}
    seal = s3.head_object(**version)
    until = seal.get("ObjectLockRetainUntilDate", seal["LastModified"])
    facts = {
        "deletion": code_of(lambda: s3.delete_object(**version)),
        "mode": seal.get("ObjectLockMode", ""),
        "days": round((until - seal["LastModified"]) / timedelta(days=1)),
    }
    if not facts["deletion"] or (facts["mode"], facts["days"]) != ("COMPLIANCE", KEPT_DAYS):
        raise CheckFailedError(f"Object Lock does not keep a seal for {KEPT_DAYS} days: {facts}", facts)
    return Observation(facts)
