"""What Jitney costs, from the synthesized template, list prices and counted units (row OPS 3)."""

import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import cost, cost_flows, counted_system, metering, prices
from benchmarks.dynamodb_units import Index, TableForm, item_bytes, read_units
from benchmarks.synthesized import Template
from infra.spec import REQUESTS_PER_SECOND

pytestmark = pytest.mark.xdist_group("cdk")
PAGE = Path(__file__).parents[2] / "docs" / "cost.md"
MOST = {"review_by_mail": 0.65, "gateway_write": 16.5}
"""Figures above the aims: what is held until they are met. docs/cost.md says why."""


@pytest.fixture(scope="module")
def template(assembly) -> Template:
    return Template(assembly.broker["Resources"])


@pytest.fixture(scope="module")
def found(template: Template) -> dict[str, Any]:
    return cost.report(template)


@pytest.mark.parametrize("name", cost.OPERATIONS)
def test_ops_03_an_operation_costs_no_more_than_its_aim(found: dict[str, Any], name: str):
    aim, costs = cost.OPERATIONS[name].aim, found["operations"][name]
    assert costs["all"] == pytest.approx(sum(costs[part] for part in cost.PARTS))
    if aim is None:
        return
    dollars = cost.aimed_at(name, costs)
    assert dollars <= MOST.get(name, aim), costs
    assert name not in MOST or dollars > aim, f"{name} meets its aim now: remove it from MOST"


@pytest.mark.parametrize(("kind", "calls", "units"), [("read", 2, (5, 4)), ("write", 4, (15, 4))])
def test_ops_03_a_warm_call_through_the_gateway_makes_few_calls(
    template, kind: str, calls: int, units: tuple[int, int]
):
    meter = cost_flows.gateway_call(template, kind)
    own = {name: count for name, count in meter.calls.items() if not name.startswith("firehose:")}
    assert sum(own.values()) == calls, own
    assert (meter.usage["write_unit"], meter.usage["read_unit"]) == units


def test_ops_03_the_page_has_the_figures_of_the_command(found: dict[str, Any]):
    """To write the page's tables again: `python -m benchmarks.cost --markdown`."""
    operations, month = (
        [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        for table in re.findall(r"(?:^\|.*\n)+", PAGE.read_text("utf-8"), re.MULTILINE)[:2]
    )
    assert operations[0] == list(cost.HEADINGS)
    for written, row in zip(operations[2:], cost.rows(found), strict=True):
        assert (written[0], written[-1]) == (row[0], row[-1])
        assert list(map(_number, written[1:-1])) == pytest.approx(list(map(_number, row[1:-1])), rel=0.05, abs=0.03)
    for written, row in zip(month[2:], cost.month_rows(found), strict=True):
        assert written[0] == row[0]
        assert _number(written[1]) == pytest.approx(_number(row[1]), rel=0.05, abs=0.03)


def test_ops_03_the_page_says_what_a_flood_without_tokens_costs(found: dict[str, Any]):
    hourly = found["operations"]["refused"]["all"] / 1_000_000 * REQUESTS_PER_SECOND * 3600
    assert f"rate of {REQUESTS_PER_SECOND} a second cost {hourly:.2f} $ an hour" in PAGE.read_text("utf-8")


def test_ops_03_the_page_says_what_the_query_for_follow_up_reviews_costs(template: Template):
    month = prices.dollars("read_unit", template.runs_a_month("reconciler"))
    assert f"one query for overdue follow-up reviews, at {month:.3f} $ a month" in PAGE.read_text("utf-8")


def _number(cell: str) -> float:
    return float(cell or 0)


CALLED = {
    "dynamodb": "DynamoDB", "firehose": "Firehose", "iam": "IAM", "kms": "KMS", "secretsmanager": "Secrets Manager",
    "sesv2": "SES", "slack": "Slack", "sqs": "SQS", "stepfunctions": "Step Functions", "sts": "STS",
    "upstream": "the AWS service that the agent calls",
}  # fmt: skip


def test_ops_03_the_page_says_what_is_assumed():
    section = PAGE.read_text("utf-8").partition("## Assumptions\n")[2].partition("\n## ")[0]
    times = {name: int(milliseconds) for name, milliseconds in re.findall(r"(?m)^\| (.+) \| (\d+) \|$", section)}
    assert times == {CALLED[name]: round(seconds * 1000) for name, seconds in metering.SECONDS.items()}
    milliseconds = [metering.CPU_SECONDS, metering.PUBLISHER_CPU_SECONDS, cost.SEALED_OBJECT_SECONDS]
    cpu, publisher, sealed = (f"{seconds * 1000:g} ms" for seconds in milliseconds)
    assert f"takes {cpu} of CPU on a whole processor. An invocation of the publisher takes {publisher}" in section
    assert f"reads {cost.SEALED_OBJECTS_AN_HOUR} objects an hour, {sealed} each" in section
    assert f"logs {cost_flows.TRANSITION_LOG_BYTES:,} bytes for each transition" in section
    assert counted_system.EXPIRED_AT_ONCE == 10
    assert "deletes ten expired items together" in section


def test_ops_03_an_operation_without_a_price_is_an_error(template: Template):
    with pytest.raises(LookupError, match="dynamodb:Scan"):
        metering._usage(template, "dynamodb", "Scan", {}, {})
    with pytest.raises(LookupError, match="has no column"):
        cost.cost_of({"neptune_unit": 1}, 1)
    with pytest.raises(LookupError, match="no price"):
        prices.dollars("neptune_unit", 1)


def test_ops_03_a_resource_without_a_price_is_an_error(template: Template):
    more = {"Cluster": {"Type": "AWS::Neptune::DBCluster", "Properties": {}}}
    with pytest.raises(LookupError, match="AWS::Neptune::DBCluster"):
        cost.monthly(Template({**template.resources, **more}), {})


def test_ops_03_an_item_that_never_expires_is_an_error(template: Template):
    item = {"pk": {"S": "GRANT#g"}, "sk": {"S": "GRANT"}}
    with pytest.raises(LookupError, match="never expires"):
        metering.Meter(template).store({"state": [item]}, 0)


def test_ops_03_the_costs_follow_the_template(template: Template):
    """A table's indexes, a function's memory and a delivery's format are read, not assumed."""
    state = template.table("state")
    assert {each.keys for each in state.indexes} == {("gsi_pk", "gsi_sk"), ("open_role", "open_until")}
    assert template.table("audit").indexes == (Index(("call_of", "call_at"), frozenset()),)
    assert (template.table("audit").backed_up, template.table("answers").backed_up) == (True, False)
    assert template.memory_mb("publisher") == 512
    assert template.runs_a_month("sealer") == 730
    calls = {"DeliveryStreamName": "jitney-calls", "Records": [{"Data": b"x" * 5_001}]}
    put = metering._put_record_batch(template, calls, {})
    assert (put["firehose_gb"], put["firehose_partitioned_gb"]) == (10_000 / 1e9, 5_001 / 1e9)


KEYS = ("pk", "sk")
WHOLE = Index(("owner",), None)
ITEM = {"pk": {"S": "a"}, "sk": {"S": "b"}, "owner": {"S": "o"}, "text": {"S": "x" * 1500}}
CHANGED = ITEM | {"text": {"S": "y" * 1500}}
MOVED = ITEM | {"owner": {"S": "p"}}


@pytest.mark.parametrize(
    ("index", "before", "after", "units"),
    [
        (WHOLE, None, ITEM, 2 + 2),
        (WHOLE, ITEM, CHANGED, 2 + 2),
        (WHOLE, ITEM, MOVED, 2 + 4),
        (WHOLE, ITEM, None, 2 + 2),
        (Index(("owner",), frozenset()), ITEM, CHANGED, 2),
        (Index(("owner",), frozenset({"text"})), ITEM, CHANGED, 2 + 2),
        (Index(("missing",), None), None, ITEM, 2),
    ],
)
def test_ops_03_an_index_costs_what_it_changes(index: Index, before: Any, after: Any, units: int):
    table = TableForm(KEYS, (index,), backed_up=True)
    assert table.write_units(before, after, in_transaction=False) == units
    assert table.write_units(before, after, in_transaction=True) == units + 2


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "äb"}, 3), ({"N": "-12345"}, 4), ({"B": b"1234"}, 4), ({"BOOL": True}, 1), ({"SS": ["a", "bc"]}, 3),
        ({"L": [{"S": "ab"}, {"N": "1"}]}, 3 + 3 + 3), ({"M": {"k": {"S": "v"}}}, 3 + 3),
    ],
)  # fmt: skip
def test_ops_03_sizes_are_dynamodbs(value: Any, size: int):
    assert item_bytes({"name": value}) == 4 + size


def test_ops_03_reads_cost_by_four_kb_and_half_if_they_may_be_stale():
    assert read_units([], consistent=True) == 1
    assert read_units([ITEM] * 3, consistent=True) == 2
    assert read_units([ITEM] * 3, consistent=False) == 1
