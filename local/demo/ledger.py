"""The auditor's side of the demo: the named queries of the workgroup, run by Athena."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from rich.text import Text

PATIENCE_SECONDS = 30
STYLES: Mapping[str, str] = {"allowed": "green", "denied": "red", "review": "yellow", "revoked": "red"}

Rows = list[dict[str, str]]


class Ledger:
    """The audit records of the running system, whose stack.json is `stack`, asked with its own named queries."""

    def __init__(self, stack: Mapping[str, Any]) -> None:
        self._stack = stack
        self._athena: Any = boto3.client(  # as root of the broker's account; the emulator's root takes any secret
            "athena",
            endpoint_url=stack["aws_endpoint"],
            region_name=stack["region"],
            aws_access_key_id=stack["account"],
            aws_secret_access_key="any",  # noqa: S106
        )

    def text(self, name: str) -> str:
        """The SQL of the named query."""
        ids = self._athena.list_named_queries(WorkGroup=self._stack["athena"]["workgroup"])["NamedQueryIds"]
        queries = [self._athena.get_named_query(NamedQueryId=each)["NamedQuery"] for each in ids]
        return str(next(each["QueryString"] for each in queries if each["Name"] == name))

    def rows(self, name: str, *parameters: str) -> Rows:
        """What the named query answers, by column name. Raises RuntimeError with Athena's reason when it fails."""
        query = self._athena.start_query_execution(
            QueryString=self.text(name),
            WorkGroup=self._stack["athena"]["workgroup"],
            QueryExecutionContext={"Database": self._stack["athena"]["database"]},
            **({"ExecutionParameters": [f"'{each}'" for each in parameters]} if parameters else {}),
        )["QueryExecutionId"]
        while (status := self._status(query))["State"] in ("QUEUED", "RUNNING"):
            time.sleep(0.1)
        if status["State"] != "SUCCEEDED":
            raise RuntimeError(status.get("StateChangeReason", status["State"]))
        header, *rows = self._athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
        names = [cell["VarCharValue"] for cell in header["Data"]]
        return [dict(zip(names, (cell.get("VarCharValue", "") for cell in row["Data"]), strict=True)) for row in rows]

    def wait_for(self, name: str, complete: Callable[[Rows], bool], *parameters: str) -> Rows:
        """The query's rows once they are `complete`: records take seconds to arrive in S3. Raises TimeoutError."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while not complete(rows := self.rows(name, *parameters)):
            if time.monotonic() > ends:
                raise TimeoutError(f"not all records arrived in S3: {name} answers {len(rows)}")
            time.sleep(0.3)
        return rows

    def _status(self, query: str) -> Mapping[str, Any]:
        status: Mapping[str, Any] = self._athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        return status


def names(cell: str) -> str:
    """The names in a cell that holds a list of them."""
    return cell.strip("[]").replace("'", "")


def told(rows: Rows) -> Text:
    """The requests for the terminal: when, who, what came of it and why; below, each ARN whole, on its own line."""
    who = max(len(row["principal"]) for row in rows)
    text = Text()
    for row in rows:
        text.append(f"  {_when(row)}  {row['principal']:<{who}}  ")
        text.append(f"{row['outcome']:<8}", STYLES.get(row["outcome"], ""))
        text.append(f" {row['reason']}\n")
        for resource in names(row["resources"]).split(", "):
            text.append(f"      {names(row['actions'])} on {resource}\n", "dim")
    text.rstrip()
    return text


def told_history(rows: Rows) -> Text:
    """One grant's records for the terminal: when, what happened, with what outcome, and the beginning of its hash."""
    text = Text()
    for row in rows:
        text.append(f"  {row['seq']:>2}  {_when(row)}  {row['event']:<12}")
        text.append(f"{row['outcome']:<9}", STYLES.get(row["outcome"], ""))
        text.append(f" {row['hash'][:12]}…  {row['detail']}\n", "dim")
    text.rstrip()
    return text


def _when(row: Mapping[str, str]) -> str:
    return f"{row['time'][:10]} {row['time'][11:19]}"
