"""`make bench`: the named queries over a million records and a million calls of one year, on this machine.

A query's conditions on `dt` determine how many days of each table it reads (`local.scans`). The time is DuckDB's for
these days. The bytes are the size of the lines of these days. A line counts each time that the query reads it, as
Athena bills. The data is always the same, counted back from today. Prints one JSON object.
"""

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from jitney.audit_database.definitions import QUERIES
from jitney.audit_database.glue_tables import TABLES
from local.engine import opened
from local.scans import Scan, scans

RECORDS, CALLS, DAYS = 1_000_000, 1_000_000, 365
PARAMETERS = {
    **dict.fromkeys(("calls_of_grant", "history_of_grant", "timeline_of_grant"), "g-000000249000"),
    "agents_of_human": "corp.human-8",
    "decisions_of_person": "corp.reviewer-8",
    **dict.fromkeys(("who_accessed", "who_could_access"), "arn:aws:s3:::bucket-8/2026/a.csv"),
    "calls_of_key": "ASIA0123456789ABCDEF",
}
# Four records per grant: a request, two events, an end. One in ten is reviewed, one in twenty denied.
RECORD_LINES = """
SELECT 1 AS version, chain, seq, strftime(moment, '%Y-%m-%dT%H:%M:%SZ') AS time,
       CASE seq WHEN 0 THEN 'request' WHEN 1 THEN CASE WHEN reviewed THEN 'notice' ELSE 'issue' END
                WHEN 2 THEN CASE WHEN reviewed THEN 'vote' ELSE 'issue' END
                ELSE CASE WHEN grant % 50 = 0 THEN 'revocation' ELSE 'expiry' END END AS event,
       CASE seq WHEN 0 THEN CASE WHEN denied THEN 'denied' WHEN reviewed THEN 'review' ELSE 'allowed' END
                WHEN 1 THEN CASE WHEN reviewed THEN 'sent' ELSE 'allowed' END
                WHEN 2 THEN CASE WHEN reviewed THEN 'approved' ELSE 'allowed' END
                ELSE CASE WHEN grant % 50 = 0 THEN 'revoked' ELSE 'expired' END END AS outcome,
       '' AS code, CASE WHEN denied THEN '' ELSE chain END AS grant_id, 'corp.agent-' || (grant % 200) AS principal,
       'https://idp.example.com' AS issuer, 'agent-' || (grant % 200) AS subject,
       'corp.unit-' || (grant % 50) AS unit,
       'corp.human-' || (grant % 40) AS human, 'target-' || (grant % 20) AS target,
       '4444' || (10000000 + grant % 20) AS account,
       CASE WHEN grant % 7 = 0 THEN ['s3:GetObject', 's3:Put*'] ELSE ['s3:GetObject', 's3:ListBucket'] END AS actions,
       ['arn:aws:s3:::bucket-' || (grant % 300) || '/2026/*'] AS resources,
       300 AS duration_seconds, strftime(moment + INTERVAL 300 SECOND, '%Y-%m-%dT%H:%M:%SZ') AS expires_at,
       'monthly report of the team' AS reason, 'OPS-' || grant AS ticket, '198.51.100.' || (grant % 250) AS source_ip,
       md5('q' || number) AS request_id, sha256('policies') AS policy_version, ['read-reports'] AS policies,
       md5('c' || (number // 100000)) AS configuration,
       '{"by":"corp.reviewer-' || (grant % 9) || '","notice":"requested",'
       || '"comment":"fine","via":"slack","delegations":[],'
       || '"permissions":[{"actions":["s3:GetObject","s3:ListBucket"],"resources":["arn:aws:s3:::bucket/2026/*"]}]}'
       AS detail,
       1 AS count, sha256('r' || (number - 1)) AS prev, sha256('r' || number) AS hash,
       strftime(moment, '%Y-%m-%d') AS dt
FROM (
    SELECT number, number // 4 AS grant, number % 4 AS seq, printf('g-%012d', number // 4) AS chain,
           (number // 4) % 10 = 3 AS reviewed, (number // 4) % 20 = 7 AS denied,
           {since} + to_milliseconds(number * {days} * 86400000 // {count}) AS moment
    FROM range({count}) AS listed (number)
) AS numbered
"""
CALL_LINES = """
SELECT 1 AS version, md5('e' || number) AS event_id, strftime(moment, '%Y-%m-%dT%H:%M:%SZ') AS time,
       '4444' || (10000000 + grant % 20) AS account, 'eu-west-1' AS region,
       'arn:aws:iam::444455556666:role/jitney/target-' || (grant % 20) AS role_arn, chain AS session,
       'ASIA' || upper(substr(md5('k' || grant), 1, 16)) AS access_key_id,
       'corp.agent-' || (grant % 200) AS source_identity, '' AS invoked_by, 's3' AS service,
       CASE WHEN number % 3 = 0 THEN 'ListObjects' ELSE 'GetObject' END AS operation,
       CASE WHEN number % 3 = 0 THEN ['s3:ListBucket'] ELSE ['s3:GetObject'] END AS actions,
       ['arn:aws:s3:::bucket-' || (grant % 300) || '/2026/' || number || '.csv'] AS resources, TRUE AS read_only,
       CASE WHEN number % 50 = 0 THEN 'AccessDenied' ELSE '' END AS error_code, '' AS error_message,
       '198.51.100.' || (grant % 250) AS source_ip,
       'aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.5' AS user_agent,
       md5('q' || number) AS request_id,
       '{"bucketName":"bucket-' || (grant % 300)
       || '","Host":"s3.eu-west-1.amazonaws.com","key":"2026/a.csv"}' AS request,
       '' AS response, 0 AS bytes_in, number % 100000 AS bytes_out, '' AS issued_access_key_id,
       CASE WHEN number % 1000 = 1 THEN ['role made-' || number] ELSE [] END AS created,
       CASE WHEN number % 2000 = 2 THEN ['role made-' || (number - 1)] ELSE [] END AS deleted,
       'target-' || (grant % 20) AS target, CASE WHEN number % 10000 = 5 THEN 'bypass' ELSE 'explained' END AS verdict,
       'grant' AS purpose, chain AS grant_id, 'corp.human-' || (grant % 40) AS human,
       CASE WHEN number % 10000 = 5 THEN ['key_not_issued'] ELSE [] END AS reasons,
       strftime(moment + INTERVAL 600 SECOND, '%Y-%m-%dT%H:%M:%SZ') AS correlated_at, strftime(moment, '%Y-%m-%d') AS dt
FROM (
    SELECT number, number // 4 AS grant, printf('g-%012d', number // 4) AS chain,
           {since} + to_milliseconds(number * {days} * 86400000 // {count}) AS moment
    FROM range({count}) AS listed (number)
) AS numbered
"""


class Figures(NamedTuple):
    """A query's name, time in seconds, number of rows, and scans."""

    name: str
    seconds: float
    rows: int
    read: tuple[Scan, ...]


def write(folder: Path) -> None:
    """Write the lines of both tables, one folder for each day up to today."""
    today = datetime.now(UTC).date()
    since = f"TIMESTAMP '{today - timedelta(days=DAYS - 1)}'"
    with duckdb.connect(":memory:") as connection:
        for name, count, lines in (("records", RECORDS, RECORD_LINES), ("calls", CALLS, CALL_LINES)):
            sql = lines.replace("{since}", since).replace("{days}", str(DAYS)).replace("{count}", str(count))
            connection.execute(f"COPY ({sql}) TO '{folder / name}' (FORMAT JSON, PARTITION_BY (dt))")


def measured(folder: Path) -> list[Figures]:
    """Return the figures of all queries. Each query reads only its own days."""
    figures = []
    for path in sorted(QUERIES.glob("*.sql")):
        sql = path.read_text(encoding="utf-8")
        given = [PARAMETERS[path.stem]] if path.stem in PARAMETERS else []
        with opened(folder, partitions(scans(sql))) as connection:
            began = time.perf_counter()
            rows = len(connection.execute(sql, given).fetchall())
            figures.append(Figures(path.stem, time.perf_counter() - began, rows, scans(sql)))
    return figures


def partitions(read: Sequence[Scan]) -> dict[str, int]:
    """Return, for each table that the query reads, how many days it reads, counted back from today."""
    days: dict[str, int] = {}
    for each in read:
        days[each.table] = max(days.get(each.table, 0), DAYS if each.days is None else each.days + 1)
    return days


def sizes(folder: Path) -> Mapping[str, list[int]]:
    """Return the bytes of each table's days, today's first."""
    return {
        table.name: [
            sum(file.stat().st_size for file in day.rglob("*") if file.is_file())
            for day in sorted((folder / table.name).iterdir(), reverse=True)
        ]
        for table in TABLES
    }


def described(figures: Figures, by_day: Mapping[str, list[int]]) -> dict[str, Any]:
    """Return what a query took, found and read: seconds, rows, megabytes, and days of each table."""
    days = partitions(figures.read)
    read = sum(sum(by_day[each.table][: partitions([each])[each.table]]) for each in figures.read)
    return {
        "seconds": round(figures.seconds, 2),
        "rows": figures.rows,
        "megabytes": round(read / 1e6),
        "days": dict(sorted(days.items())),
    }


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        by_day = sizes(folder)
        queries = {figures.name: described(figures, by_day) for figures in measured(folder)}
        megabytes = {table: round(sum(days) / 1e6) for table, days in by_day.items()}
    lines = {"records": RECORDS, "calls": CALLS, "days": DAYS}
    print(json.dumps({"lines": lines, "megabytes": megabytes, "queries": queries}, indent=2))


if __name__ == "__main__":
    main()
