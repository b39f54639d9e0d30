"""`make cost`: what Jitney costs, computed from the synthesized template, AWS's list prices and counted units.

The deployed handlers run over moto (`benchmarks.cost_flows`). The template gives the functions' memory, the indexes,
retention and delivery formats. `--json` prints one JSON object.
"""

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.cost_flows import flows, idle_reconciler
from benchmarks.metering import CPU_SECONDS, MONTHS_IN_S3, Usage
from benchmarks.prices import AS_OF, dollars
from benchmarks.synthesized import Template, synthesize
from benchmarks.trail_flows import heartbeats
from infra.graphs import custom_metrics
from jitney.core.records.audit import TARGET_HEARTBEATS

PARTS: Mapping[str, tuple[str, ...]] = {
    "API": ("api_request", "waf_request", "transfer_gb"),
    "Lambda": ("lambda_request", "lambda_gb_second"),
    "DynamoDB": ("write_unit", "read_unit"),
    "Firehose": ("firehose_gb", "firehose_partitioned_gb"),
    "Logs and traces": ("log_gb", "log_gb_month", "trace"),
    "Events": ("event_forwarded", "sqs_group_request"),
    "Workflow": ("workflow_transition",),
    "Mail": ("mail",),
    "Keys and secrets": ("kms_request", "secret_request"),
    "Storage": ("table_gb_month", "table_backup_gb_month", "s3_gb_month"),
}
"""The units of each column."""


HEADINGS = ("operation", *PARTS, "all", "without storage", "aim")
MONTH_HEADINGS = ("without any request", "a month")
EXAMPLE_HEADINGS = ("example month", "dollars")
EXAMPLE: Mapping[str, int] = {
    "grant": 5_000,
    "session_start": 5_000,
    "review_by_mail": 200,
    "gateway_read": 1_000_000,
    "joined_call": 1_000_000,
}
"""The operations of the example month. A trail logs a data event for each read."""


class Operation(NamedTuple):
    """A row: what is counted, how often, and the most dollars that this may cost.

    `with_storage` says whether that includes the storage.
    """

    name: str
    times: int
    aim: float | None
    with_storage: bool = False


OPERATIONS: Mapping[str, Operation] = {
    "grant": Operation("allowed request, until its grant expires", 1_000_000, 20, with_storage=True),
    "session_start": Operation("CloudTrail event of a session's start", 1_000_000, None),
    "release": Operation("release", 1_000_000, 25),
    "review_by_mail": Operation("review by mail, two reviewers", 1_000, 0.3),
    "review_in_slack": Operation("review in Slack", 1_000, 0.3),
    "gateway_read": Operation("read through the gateway", 1_000_000, 10),
    "gateway_write": Operation("write through the gateway", 1_000_000, 16),
    "joined_call": Operation("CloudTrail event of a call", 1_000_000, None),
    "refused": Operation("request without a valid token", 1_000_000, None),
}


def cost_of(usage: Usage, count: int) -> dict[str, float]:
    """Return the dollars for `count` operations, by part, with their sum as `all`. Raises LookupError."""
    columns = {name: part for part, names in PARTS.items() for name in names}
    found = dict.fromkeys(PARTS, 0.0)
    for name, units in usage.items():
        if name not in columns:
            raise LookupError(f"benchmarks/cost.py has no column for {name!r}")
        found[columns[name]] += dollars(name, units) * count
    return found | {"all": sum(found.values())}


def aimed_at(name: str, costs: Mapping[str, float]) -> float:
    """Return the part of an operation's dollars that its aim limits."""
    return costs["all"] - (0 if OPERATIONS[name].with_storage else costs["Storage"])


def report(template: Template) -> dict[str, Any]:
    """Return the costs of all operations, what each adds to S3, and what a month costs without any."""
    with contextlib.redirect_stdout(io.StringIO()):
        used, idle, beat = flows(template), idle_reconciler(template), heartbeats(template)
    operations = {name: cost_of(used[name], each.times) for name, each in OPERATIONS.items()}
    month = {name: dollars_of(usage) for name, usage in monthly(template, idle, beat).items()}
    added = {name: used[name].get("s3_gb_month", 0) / MONTHS_IN_S3 for name in OPERATIONS}
    return {
        "prices_of": AS_OF,
        "operations": operations,
        "gb_in_s3": added,
        "month": month | {"all": sum(month.values())},
    }


def dollars_of(usage: Mapping[str, float]) -> float:
    """Return what the units cost. Raises LookupError for one without a price."""
    return sum(dollars(name, count) for name, count in usage.items())


_HOURS = 730
_SQS_RECEIVES_A_MONTH = 5 * 3 * 60 * _HOURS
"""Lambda's five pollers of an idle queue wait for 20 seconds each."""
SEALED_OBJECTS_AN_HOUR, SEALED_OBJECT_SECONDS = 60, 0.05
"""Firehose writes an object of records a minute at most. The time to read one is assumed."""
_BY_USE = frozenset({
    "AWS::ApiGateway::Method", "AWS::ApiGateway::Stage", "AWS::Athena::WorkGroup", "AWS::DynamoDB::GlobalTable",
    "AWS::KinesisFirehose::DeliveryStream", "AWS::Lambda::Function", "AWS::Logs::LogGroup", "AWS::S3::Bucket",
    "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::StepFunctions::StateMachine", "AWS::Events::EventBus",
    "AWS::Lambda::EventSourceMapping", "AWS::Events::Rule",
})  # fmt: skip
"""Resources that cost by their use alone."""
_FREE = (
    "AWS::ApiGateway::", "AWS::Athena::NamedQuery", "AWS::CDK::Metadata", "AWS::CodeDeploy::",
    "AWS::Events::EventBusPolicy",
    "AWS::Glue::", "AWS::IAM::", "AWS::KMS::Alias", "AWS::Lambda::Alias", "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission", "AWS::Lambda::Version", "AWS::Logs::", "AWS::S3::BucketPolicy", "AWS::SNS::",
    "AWS::SQS::QueuePolicy", "AWS::WAFv2::WebACLAssociation",
)  # fmt: skip
"""Types of resources without a price, by the beginnings of their names."""


def _alarm(properties: Mapping[str, Any]) -> Usage:
    metrics = [each for each in properties.get("Metrics", ()) if "MetricStat" in each]
    return {"alarm": max(1, len(metrics))}


_MONTHLY: Mapping[str, Callable[[Mapping[str, Any]], Usage]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": lambda _: {"dashboard": 1},
    "AWS::KMS::Key": lambda _: {"kms_key": 1},
    "AWS::SecretsManager::Secret": lambda _: {"secret": 1},
    "AWS::WAFv2::WebACL": lambda each: {"waf_acl": 1, "waf_rule": len(each["Rules"])},
}
"""What a resource uses in a month, by its type."""


def monthly(template: Template, idle: Usage, beat: Usage) -> dict[str, Usage]:
    """Return what a month uses without any request, by part. Raises LookupError for a resource without a price."""
    found: dict[str, Usage] = {}
    for kind in sorted({each["Type"] for each in template.resources.values()}):
        if kind in _MONTHLY:
            found[kind] = _sum(_MONTHLY[kind](each) for each in template.of_type(kind).values())
        elif kind not in _BY_USE and not kind.startswith(_FREE):
            raise LookupError(f"benchmarks/cost.py does not know what a resource of the type {kind} costs")
    runs = template.runs_a_month("reconciler")
    alarms = template.of_type("AWS::CloudWatch::Alarm").values()
    targets = sum(each["MetricName"] == TARGET_HEARTBEATS for each in alarms)
    found["custom metrics"] = {"metric": custom_metrics(targets)}
    found["reconciler"] = {name: count * runs for name, count in idle.items()}
    found["heartbeats of CloudTrail"] = {name: count * runs * targets for name, count in beat.items()}
    found["sealer"] = _sealer(template)
    queues = [each for each in template.of_type("AWS::Lambda::EventSourceMapping").values() if "ScalingConfig" in each]
    found["polling of the queue"] = {"sqs_request": len(queues) * _SQS_RECEIVES_A_MONTH}
    return found


def _sum(uses: Iterable[Usage]) -> Usage:
    total: dict[str, float] = {}
    for used in uses:
        for name, count in used.items():
            total[name] = total.get(name, 0) + count
    return total


def _sealer(template: Template) -> Usage:
    """Return what the sealer uses in a month: for each run a signature, some lists, and each object of the hour."""
    runs, memory = template.runs_a_month("sealer"), template.memory_mb("sealer")
    seconds = CPU_SECONDS + SEALED_OBJECTS_AN_HOUR * SEALED_OBJECT_SECONDS
    used = {"lambda_request": 1, "lambda_gb_second": seconds * memory / 1024, "kms_asymmetric_request": 2}
    used |= {"s3_put": 6, "s3_get": SEALED_OBJECTS_AN_HOUR + 2}
    return {name: count * runs for name, count in used.items()}


def rows(found: Mapping[str, Any]) -> list[list[str]]:
    """Return the table of operations as text: name, each part, sum, aim."""
    lines = []
    for name, each in OPERATIONS.items():
        costs, places = found["operations"][name], 2 if each.times > 1_000 else 3
        texts = [f"{costs[part]:.{places}f}" if costs[part] else "" for part in PARTS]
        aim = "" if each.aim is None else f"{each.aim:g}{' with storage' if each.with_storage else ''}"
        without = costs["all"] - costs["Storage"]
        lines.append(
            [f"{each.times:,} x {each.name}", *texts, f"{costs['all']:.{places}f}", f"{without:.{places}f}", aim]
        )
    return lines


def month_rows(found: Mapping[str, Any]) -> list[list[str]]:
    """Return the table of a month as text: part and dollars."""
    return [[name.removeprefix("AWS::"), f"{value:.2f}"] for name, value in found["month"].items()]


def example(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the dollars of the example month, by part, with their sum as `all`."""
    parts = {
        f"{times:,} x {OPERATIONS[name].name}": found["operations"][name]["all"] / OPERATIONS[name].times * times
        for name, times in EXAMPLE.items()
    }
    parts["data events of CloudTrail"] = dollars("data_event", EXAMPLE["joined_call"])
    parts["without any request"] = found["month"]["all"]
    return parts | {"all": sum(parts.values())}


def example_gb(found: Mapping[str, Any]) -> float:
    """Return how many GB the example month adds to S3."""
    return float(sum(found["gb_in_s3"][name] * times for name, times in EXAMPLE.items()))


def example_rows(found: Mapping[str, Any]) -> list[list[str]]:
    """Return the table of the example month as text: part and dollars."""
    return [[name, f"{value:.2f}"] for name, value in example(found).items()]


def markdown(found: Mapping[str, Any]) -> str:
    """Return the tables as docs/cost.md and docs/budget.md have them."""
    tables = (
        (HEADINGS, rows(found)),
        (MONTH_HEADINGS, month_rows(found)),
        (EXAMPLE_HEADINGS, example_rows(found)),
    )
    texts = []
    for headings, lines in tables:
        ruler = ["---", *["---:"] * (len(headings) - 1)]
        texts.append("\n".join(f"| {' | '.join(cells)} |" for cells in (headings, ruler, *lines)))
    return "\n\n".join(texts)


def main(arguments: list[str]) -> None:
    """Print the tables, with --json the figures, or with --markdown the tables of docs/cost.md and docs/budget.md."""
    if arguments not in ([], ["--json"], ["--markdown"]):
        sys.exit(f"python -m benchmarks.cost takes --json or --markdown, not {' '.join(arguments)}")
    found = report(synthesize())
    if arguments:
        print(json.dumps(found, indent=2) if arguments == ["--json"] else markdown(found))
        return
    console = Console(width=None if sys.stdout.isatty() else 180)
    table = Table(*HEADINGS, title=f"US dollars, us-east-1, list prices of {AS_OF}")
    for row in rows(found):
        table.add_row(*row)
    month = Table(*MONTH_HEADINGS, title="US dollars a month")
    for row in month_rows(found):
        month.add_row(*row)
    budget = Table(*EXAMPLE_HEADINGS, title="US dollars, with the requests of 50 agents")
    for row in example_rows(found):
        budget.add_row(*row)
    console.print(table, month, budget)


if __name__ == "__main__":
    main(sys.argv[1:])
