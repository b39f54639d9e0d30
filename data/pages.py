"""Generates docs/calls.md from the operation table and the reports of its build."""

from collections.abc import Iterator, Mapping

from data.operations import OperationsReport
from jitney.core.calls.operations import OperationTable
from jitney.core.calls.s3_commands import COMMANDS

HEAD = """# Supported calls

Jitney derives the permissions for an AWS call from its command line. Request a call with `jitney request --call`, or
with `calls` in the HTTP API. To see what a call needs without requesting it:

```sh
jitney explain -- aws s3 cp s3://reports/2026/q3.csv .
```

The table counts each service's operations. `make data` generates it from botocore {botocore} and the AWS CLI {cli}.

| column | meaning |
| --- | --- |
| by name | The operation needs the action with the same name. |
| by exception | The operation needs another action. `data/operations.yaml` lists these exceptions. |
| unsupported | The action is unknown, so Jitney refuses the call. Request permissions instead. |
| ARN derived | A parameter names the resource, so Jitney derives its ARN. |
| requested on `*` | No parameter names the resource, or a part of its ARN is missing, such as an id. |

The other operations need actions that AWS cannot limit to resources.

| `aws …` | operations | by name | by exception | unsupported | ARN derived | requested on `*` |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
"""


def calls_page(table: OperationTable, reports: Mapping[str, OperationsReport]) -> str:
    """Return the page. `reports` are by botocore's names of the services."""
    total = OperationsReport()
    lines = []
    for name in table.services():
        total.add(reports[name])
        lines.append(_row(f"`{table.service(name).command}`", reports[name]))
    lines.append(_row(f"**{len(reports)} services**", total))
    head = HEAD.format(botocore=table.about["botocore"], cli=table.about["aws-cli"])
    return "\n".join([head + "\n".join(lines), "", *_own_commands(table), "", *_unsupported(table), ""])


def _row(name: str, report: OperationsReport) -> str:
    counts = (report.by_name + report.by_exception + report.unknown, report.by_name, report.by_exception)
    return f"| {name} | {' | '.join(map(str, (*counts, report.unknown, report.derived, report.unnamed)))} |"


def _own_commands(table: OperationTable) -> Iterator[str]:
    yield "## The AWS CLI's own commands"
    yield ""
    yield "These commands make several calls, or one call under another name:"
    yield ""
    yield f"- `aws s3`: {', '.join(COMMANDS)}"
    for name in table.services():
        service = table.service(name)
        if own := sorted({*service.own_commands(), *service.aliases()}):
            yield f"- `aws {service.command}`: {', '.join(own)}"


def _unsupported(table: OperationTable) -> Iterator[str]:
    yield "## Unsupported operations"
    for name in table.services():
        service = table.service(name)
        unknown = [each for each in service.names() if not service.operation(each).needs]
        if unknown:
            yield ""
            yield f"`aws {service.command}`: {', '.join(unknown)}"
