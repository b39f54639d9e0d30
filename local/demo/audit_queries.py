"""The named queries of the running system, run by Athena."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from rich.text import Text

from jitney.client.audit.athena import Athena, AthenaLocation
from local.timeouts import Countdown

PATIENCE_SECONDS = 300.0
"""How long records may take to arrive in S3 on an idle machine. Usually they take seconds."""
STYLES: Mapping[str, str] = {"allowed": "green", "denied": "red", "review": "yellow", "revoked": "red"}

type Rows = list[dict[str, Any]]


class AuditQueries:
    """Runs named queries of the running system. `stack` is its stack.json."""

    def __init__(self, stack: Mapping[str, Any]) -> None:
        client = boto3.client(  # as root of the broker's account, whose secret the emulator does not check
            "athena",
            endpoint_url=stack["aws_endpoint"],
            region_name=stack["region"],
            aws_access_key_id=stack["account"],
            aws_secret_access_key="any",  # noqa: S106
        )
        location = AthenaLocation(stack["athena"]["workgroup"], stack["athena"]["database"])
        self._athena = Athena(client, location, lambda _: time.sleep(0.1))

    def text(self, name: str) -> str:
        """Return the SQL of the named query."""
        return next(each.sql for each in self._athena.named() if each.name == name)

    def rows(self, name: str, *parameters: str) -> Rows:
        """Return the named query's rows by column name. Raises ClientProblem with Athena's reason when it fails."""
        return self.run(self.text(name), *parameters)

    def run(self, sql: str, *parameters: str) -> Rows:
        """Return the rows of a query by column name. Raises ClientProblem with Athena's reason when it fails."""
        return self._athena.run(sql, parameters).records()

    def wait_for(self, name: str, complete: Callable[[Rows], bool], *parameters: str) -> Rows:
        """Return the query's rows once they are `complete`. Raises TimeoutError when they never are."""
        countdown = Countdown(PATIENCE_SECONDS)
        while not complete(rows := self.rows(name, *parameters)):
            if countdown.left() <= 0:
                raise TimeoutError(f"not all records arrived in S3: {name} returns {len(rows)} rows")
            time.sleep(0.3)
        return rows


def as_table(rows: Rows) -> Text:
    """Return the requests for a terminal: time, principal, outcome and reason, and one line for each ARN."""
    width = max(len(row["principal"]) for row in rows)
    text = Text()
    for row in rows:
        text.append(f"  {_time(row)}  {row['principal']:<{width}}  ")
        text.append(f"{row['outcome']:<8}", STYLES.get(row["outcome"], ""))
        result = "" if row["result"] == row["outcome"] else row["result"]
        text.append(f"{result:<8}", STYLES.get(result, ""))
        text.append(f" {row['reason']}\n")
        for resource in row["resources"]:
            text.append(f"      {', '.join(row['actions'])} on {resource}\n", "dim")
    text.rstrip()
    return text


def _time(row: Mapping[str, Any]) -> str:
    return f"{row['time'][:10]} {row['time'][11:19]}"
