"""Generates docs/calls.md from the operation table, and docs/after-a-grant.md from the action table."""

from collections.abc import Iterator, Mapping, Sequence

from data.operations import OperationsReport
from jitney.core.actions import ActionTable
from jitney.core.calls.operations import OperationTable
from jitney.core.calls.s3_commands import COMMANDS
from jitney.core.outliving import OutlivingEffect

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


COMMAND_LINES = """## Command lines

Jitney reads a command line as the AWS CLI does, or refuses it. It reads most of
[the AWS CLI's own examples](calls-examples.md).

- **Words.** The line is one command. Quote what a shell would act on.
- **Options.** Global options may stand anywhere. The beginning of an option is enough if it is unambiguous. An option
  that appears twice is refused.
- **Values.** Parameters may be words, JSON, or the AWS CLI's shorthand. `--cli-input-json` takes JSON. A value in a
  file (`file://`) is unknown. If it names a resource, the call is refused.
- **Resources.** A parameter that names a resource yields an ARN, or the call is refused with the forms that it takes.
  Where AWS chose the id in the ARN and the parameter holds a name or an alias, the id is `*`. A resource that the call
  creates has `*` too."""


def calls_page(table: OperationTable, reports: Mapping[str, OperationsReport]) -> str:
    """Return the page. `reports` are by botocore's names of the services."""
    total = OperationsReport()
    lines = []
    for name in table.services():
        total.add(reports[name])
        lines.append(_row(f"`{table.service(name).command}`", reports[name]))
    lines.append(_row(f"**{len(reports)} services**", total))
    head = HEAD.format(botocore=table.about["botocore"], cli=table.about["aws-cli"])
    return "\n".join(
        [head + "\n".join(lines), "", COMMAND_LINES, "", *_own_commands(table), "", *_unsupported(table), ""]
    )


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


AFTER_HEAD = """# After a grant

When a grant ends, AWS denies every call of its session. Some things that a session created work on: a token, an open
connection, a resource with a role. Jitney says so before the grant and at its end.

| when | where |
| --- | --- |
| before | The risk `OutlivesGrant` on the request's page, in Slack, in mail, and in `jitney request --dry-run`. |
| before | Policies: `context.risks.contains("OutlivesGrant")`. |
| at the end | `outlives` in the answer to a release or a revocation; `jitney grants revoke` and `release` print it. |
| after | "Left to do" on the request's page, in the report, and `outlives` in the record of the end. |

Jitney lists only what the granted actions can create. At the end and after, it also lists the actions that CloudTrail
shows as used. CloudTrail delivers events late and does not log every call. So a missing use proves nothing.

## What ends with the grant

| created by the session | why it ends |
| --- | --- |
| A presigned URL | AWS checks the session's policies at each use, so the Deny applies. |
| A console session from `getSigninToken` | It is the same session, so the Deny applies. |
| A short-term Bedrock API key | It is a presigned request of the session. |

One call works until the session's credentials expire: no policy can deny sts:GetCallerIdentity. A service that accepts
a signed GetCallerIdentity request as an identity, such as EKS, still accepts one.

## What outlives a grant

The first row that names an action counts. `make data` generates this table from `data/outliving.yaml`.

| what | actions | longest | left to do |
| --- | --- | --- | --- |
"""
AFTER_TAIL = """
Data that was read stays known. Changed and deleted data stays as it is.
"""
MOST_NAMED = 8
"""How many actions of an effect the page names."""


def after_page(table: ActionTable) -> str:
    """Return the page on what outlives a grant."""
    actions: dict[OutlivingEffect, list[str]] = {}
    for prefix in table.services():
        for action in table.of_service(prefix):
            if action.outliving:
                actions.setdefault(action.outliving, []).append(action.name)
    rows = (_after_row(effect, actions.get(effect, ())) for effect in table.outliving)
    return "\n".join([AFTER_HEAD + "\n".join(rows), AFTER_TAIL.rstrip(), ""])


def _after_row(effect: OutlivingEffect, actions: Sequence[str]) -> str:
    more = f" and {len(actions) - MOST_NAMED} more" if len(actions) > MOST_NAMED else ""
    names = f"{', '.join(f'`{name}`' for name in actions[:MOST_NAMED])}{more}"
    return f"| {effect.what.rstrip(',')} | {names} | {effect.ends} | {effect.left_to_do} |"
