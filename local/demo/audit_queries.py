"""The auditor's side of the demo: the named queries of the workgroup, run by Athena."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from rich.text import Text

from jitney.client.athena import Athena, AthenaLocation

PATIENCE_SECONDS = 300
STYLES: Mapping[str, str] = {"allowed": "green", "denied": "red", "review": "yellow", "revoked": "red"}

type Rows = list[dict[str, Any]]


class AuditQueries:
    """The audit records of the running system, whose stack.json is `stack`, asked with its own named queries."""

    def __init__(self, stack: Mapping[str, Any]) -> None:
        client = boto3.client(  # as root of the broker's account; the emulator's root takes any secret
            "athena",
            endpoint_url=stack["aws_endpoint"],
            region_name=stack["region"],
            aws_access_key_id=stack["account"],
            aws_secret_access_key="any",  # noqa: S106
        )
        place = AthenaLocation(stack["athena"]["workgroup"], stack["athena"]["database"])
        self._athena = Athena(client, place, lambda _: time.sleep(0.1))

    def text(self, name: str) -> str:
        """The SQL of the named query."""
        return next(each.sql for each in self._athena.named() if each.name == name)

    def rows(self, name: str, *parameters: str) -> Rows:
        """What the named query answers, by column name. Raises Problem with Athena's reason when it fails."""
        return self._athena.run(self.text(name), parameters).records()

    def wait_for(self, name: str, complete: Callable[[Rows], bool], *parameters: str) -> Rows:
        """The query's rows once they are `complete`: records take seconds to arrive in S3. Raises TimeoutError."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while not complete(rows := self.rows(name, *parameters)):
            if time.monotonic() > ends:
                raise TimeoutError(f"not all records arrived in S3: {name} answers {len(rows)}")
            time.sleep(0.3)
        return rows


def as_table(rows: Rows) -> Text:
    """The requests for the terminal: when, who, what came of it and why; below, each ARN whole, on its own line."""
    who = max(len(row["principal"]) for row in rows)
    text = Text()
    for row in rows:
        text.append(f"  {_when(row)}  {row['principal']:<{who}}  ")
        text.append(f"{row['outcome']:<8}", STYLES.get(row["outcome"], ""))
        result = "" if row["result"] == row["outcome"] else row["result"]
        text.append(f"{result:<8}", STYLES.get(result, ""))
        text.append(f" {row['reason']}\n")
        for resource in row["resources"]:
            text.append(f"      {', '.join(row['actions'])} on {resource}\n", "dim")
    text.rstrip()
    return text


def _when(row: Mapping[str, Any]) -> str:
    return f"{row['time'][:10]} {row['time'][11:19]}"
