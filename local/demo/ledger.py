"""The auditor's side of the demo: a named query of the workgroup, run by Athena."""

import time
from collections.abc import Collection, Mapping
from typing import Any

import boto3
from rich.text import Text

QUERY = "who_asked_for_what"
PATIENCE_SECONDS = 30
STYLES: Mapping[str, str] = {"allowed": "green", "denied": "red", "review": "yellow"}


def wait_for(
    stack: Mapping[str, Any], grant_ids: Collection[str], outcomes: Collection[str]
) -> tuple[str, list[dict[str, str]]]:
    """The query's text and rows, once records of these grants and outcomes have arrived. Raises TimeoutError."""
    athena = _client(stack)
    sql = named_query(athena, stack["athena"]["workgroup"])
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends:
        rows = run(athena, stack, sql)
        arrived = {row["grant_id"] for row in rows}, {row["outcome"] for row in rows}
        if set(grant_ids) <= arrived[0] and set(outcomes) <= arrived[1]:
            return sql, rows
        time.sleep(0.3)
    raise TimeoutError("the records did not arrive in S3")


def named_query(athena: Any, workgroup: str) -> str:
    """The text of the named query `QUERY` of the workgroup."""
    ids = athena.list_named_queries(WorkGroup=workgroup)["NamedQueryIds"]
    queries = [athena.get_named_query(NamedQueryId=each)["NamedQuery"] for each in ids]
    return str(next(each["QueryString"] for each in queries if QUERY in each["Name"]))


def run(athena: Any, stack: Mapping[str, Any], sql: str) -> list[dict[str, str]]:
    """The rows of one query, by column name. Raises RuntimeError with Athena's reason when it fails."""
    query = athena.start_query_execution(
        QueryString=sql,
        WorkGroup=stack["athena"]["workgroup"],
        QueryExecutionContext={"Database": stack["athena"]["database"]},
    )["QueryExecutionId"]
    while (status := athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"])["State"] in (
        "QUEUED",
        "RUNNING",
    ):
        time.sleep(0.1)
    if status["State"] != "SUCCEEDED":
        raise RuntimeError(status.get("StateChangeReason", status["State"]))
    header, *rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    names = [cell["VarCharValue"] for cell in header["Data"]]
    return [dict(zip(names, (cell.get("VarCharValue", "") for cell in row["Data"]), strict=True)) for row in rows]


def told(rows: list[dict[str, str]]) -> Text:
    """The rows for the terminal: when, who, what came of it and why; below, each ARN whole, on a line of its own."""
    who = max(len(row["principal"]) for row in rows)
    text = Text()
    for row in rows:
        when = f"{row['time'][:10]} {row['time'][11:19]}"
        text.append(f"  {when}  {row['principal']:<{who}}  ")
        text.append(f"{row['outcome']:<8}", STYLES.get(row["outcome"], ""))
        text.append(f" {row['reason']}\n")
        actions, resources = (row[name].strip("[]").replace("'", "") for name in ("actions", "resources"))
        for resource in resources.split(", "):
            text.append(f"      {actions} on {resource}\n", "dim")
    text.rstrip()
    return text


def _client(stack: Mapping[str, Any]) -> Any:
    """Athena as root of the broker's account; the emulator's root takes any secret."""
    return boto3.client(
        "athena",
        endpoint_url=stack["aws_endpoint"],
        region_name=stack["region"],
        aws_access_key_id=stack["account"],
        aws_secret_access_key="any",  # noqa: S106
    )
