"""Athena: what the auditor's queries need of it."""

import re
from collections.abc import Iterator
from typing import Any

from ministack.services import athena

# What may hold a question mark that is none, or one that is.
_PARAMETER = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|(?P<parameter>\?)")


def execution_parameters() -> None:
    """Athena puts the values of ExecutionParameters in the place of the query's question marks, in their order.

    https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements-querying-using-execution-parameters.html
    """
    start = athena._start_query_execution

    def with_parameters(data: dict[str, Any]) -> Any:
        values = iter(data.get("ExecutionParameters") or ())
        return start({**data, "QueryString": _filled(data.get("QueryString", ""), values)})

    athena._start_query_execution = with_parameters


def _filled(query: str, values: Iterator[str]) -> str:
    """The query with values for parameters; those for which there is none stay, and the query fails."""
    return _PARAMETER.sub(lambda found: next(values, "?") if found["parameter"] else found[0], query)
