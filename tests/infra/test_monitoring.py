"""Alarms, the dashboard and runbooks: each alarm fires at its fault, can be seen, and says what to do (row OPS 1)."""

import json
import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from benchmarks.prices import dollars
from infra.alarm_model import Alarm
from infra.alarms import ALARMS, RECONCILER_SECONDS, SILENT_SECONDS
from infra.function_specs import SPECS
from infra.graphs import WATCHED, custom_metrics
from infra.signals import Signal
from jitney.configuration.arns import function_name
from jitney.core.integrity.seals import SEAL_INTERVAL_SECONDS
from jitney.core.problems import PROBLEMS
from jitney.core.records import record_metrics
from jitney.core.records.audit import METRICS_NAMESPACE
from jitney.core.records.record_metrics import COUNTED
from tests.infra.alarm_faults import FAULTS, OF_AWS, OF_REPLICAS, revoked
from tests.infra.alarm_states import fires, fires_after, metrics_in
from tests.infra.conftest import of_type, only, plain

pytestmark = pytest.mark.xdist_group("cdk")

ROOT = Path(__file__).parents[2]
RUNBOOKS = ROOT / "docs" / "runbooks"
DOCUMENTED = {
    "AWS/ApiGateway": ({"ApiName"}, {"4XXError", "5XXError", "Count", "Latency"}),
    "AWS/Firehose": ({"DeliveryStreamName"}, {"DeliveryToS3.DataFreshness"}),
    "AWS/Lambda": ({"FunctionName"}, {"ConcurrentExecutions", "Duration", "Errors", "IteratorAge", "Throttles"}),
    "AWS/S3": ({"DestinationBucket", "RuleId", "SourceBucket"}, {"OperationsFailedReplication"}),
    "AWS/SQS": ({"QueueName"}, {"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}),
    "AWS/States": ({"StateMachineArn"}, {"ExecutionsFailed", "ExecutionsStarted"}),
}
"""Dimensions and metrics of services, from their documentation (links in infra/signals.py)."""
METRICS_OF_A_REPLICATION = 4
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html"""
MOST_MINUTES_LATE = 3
ANSWERS = ("**Affected:**", "**Look:**", "**Do:**", "**Over:**")


def alarms_of(assembly: Any) -> dict[str, dict[str, Any]]:
    """Return the alarms that notify, by their names without the prefix. tests/infra/test_canary.py has the others."""
    found = [plain(each) for each in of_type(assembly.broker, "AWS::CloudWatch::Alarm").values()]
    return {each["AlarmName"].removeprefix("jitney-"): each for each in found if "canary" not in each["AlarmName"]}


def test_ops_01_every_alarm_has_a_fault_that_raises_it(assembly):
    assert alarms_of(assembly).keys() == FAULTS.keys() | OF_AWS.keys()


@pytest.mark.parametrize("name", FAULTS)
def test_ops_01_an_alarm_fires_at_what_its_fault_prints(assembly, name: str, capsys: pytest.CaptureFixture[str]):
    alarm = alarms_of(assembly)[name]
    fault, healthy = FAULTS[name]
    healthy()
    assert not fires_after(alarm, capsys.readouterr().out)
    fault()
    assert fires_after(alarm, capsys.readouterr().out)


def test_ops_01_the_alarm_about_slow_revocations_fires_if_aws_does_not_deny_while_it_is_measured(
    assembly, capsys: pytest.CaptureFixture[str]
):
    alarm = alarms_of(assembly)["RevocationSlow"]
    revoked(denied_at=4)
    assert not fires_after(alarm, capsys.readouterr().out)
    revoked(denied_at=None)
    assert fires_after(alarm, capsys.readouterr().out)


@pytest.mark.parametrize("name", OF_AWS)
def test_ops_01_an_alarm_on_a_metric_of_aws_fires_above_its_limit(assembly, name: str):
    raising, usual = OF_AWS[name]
    alarm = alarms_of(assembly)[name]
    assert alarm["EvaluationPeriods"] == 1
    assert fires(alarm, [raising])
    assert not fires(alarm, [usual])


SILENCES = {
    "ReconcilerFailed": (RECONCILER_SECONDS, 900),
    "TrailSilent": (RECONCILER_SECONDS, SILENT_SECONDS),
    "TargetTrailSilent-analytics-prod": (RECONCILER_SECONDS, SILENT_SECONDS),
    "Unsealed": (SEAL_INTERVAL_SECONDS, 2 * SEAL_INTERVAL_SECONDS),
}
"""How often the signal of an alarm about silence comes, and the silence that the alarm reports."""


def test_ops_01_each_alarm_about_silence_is_known(assembly):
    silent = {name for name, alarm in alarms_of(assembly).items() if alarm["TreatMissingData"] == "breaching"}
    assert silent == SILENCES.keys()


def in_periods(minutes: list[list[float]], alarm: dict[str, Any]) -> list[list[float]]:
    """Return the values of each minute by the alarm's periods. A period that is not over is left out."""
    size = alarm["Period"] // 60
    return [list(chain(*minutes[at : at + size])) for at in range(0, len(minutes) - size + 1, size)]


def signals(name: str) -> tuple[list[list[float]], list[list[float]]]:
    """Return the minutes of a signal's interval with its value at the beginning, and those of the alarm's silence."""
    interval, silence = (seconds // 60 for seconds in SILENCES[name])
    return [[1.0], *([[]] * (interval - 1))], [[]] * silence


@pytest.mark.parametrize("name", SILENCES)
def test_ops_01_an_alarm_about_silence_fires_soon_after_the_time_that_it_names(assembly, name: str):
    alarm = alarms_of(assembly)[name]
    interval, silence = signals(name)
    usual = interval * 12
    fired = next(at for at in range(5 * len(silence)) if fires(alarm, in_periods(usual + [[]] * at, alarm)))
    late = len(interval) + fired - len(silence)
    assert 0 <= late <= MOST_MINUTES_LATE


@pytest.mark.parametrize("name", SILENCES)
def test_ops_01_one_late_value_raises_no_alarm_about_silence(assembly, name: str):
    """The value comes when the next one is due."""
    alarm = alarms_of(assembly)[name]
    interval, _ = signals(name)
    usual = interval * 12
    assert not any(fires(alarm, in_periods(usual + [[]] * at, alarm)) for at in range(len(interval)))


@pytest.mark.parametrize("name", ["IssuerKeysUnfetched", "GrantsUnreadable"])
def test_ops_01_an_alarm_ends_within_the_time_that_its_runbook_names(assembly, name: str):
    alarm = alarms_of(assembly)[name]
    (minutes,) = re.findall(r"about (\d+) minutes", runbook_of(alarm["AlarmDescription"].partition("Runbook: ")[2]))
    over = next(at for at in range(60) if not fires(alarm, in_periods([[1.0], *([[]] * (4 + at))], alarm)))
    assert 5 < over <= int(minutes)


def test_ops_01_every_alarm_notifies(assembly):
    for name, alarm in alarms_of(assembly).items():
        assert alarm["AlarmActions"] == ["DeadLettersAlarms"], name


def test_ops_01_alarms_about_a_state_notify_its_end_and_counts_of_moments_do_not(assembly):
    ongoing = {name for name, alarm in alarms_of(assembly).items() if "OKActions" in alarm}
    queues = {"EventsStuck", "EventsLate", "Undelivered", "RecordsLate", "UnwrittenRecords", "UnwrittenCalls"}
    silence = {"ReconcilerFailed", "TrailSilent", "TargetTrailSilent-analytics-prod", "Unsealed"}
    runs = {"RolesNotDenying", "GrantsUnreadable", "ReviewsWaiting", "FollowUpsOverdue"}
    assert ongoing == runs | queues | silence | {"IssuerKeysUnfetched"}
    for name in ongoing:
        assert alarms_of(assembly)[name]["OKActions"] == alarms_of(assembly)[name]["AlarmActions"]


def test_ops_01_a_gauge_of_the_reconciler_keeps_its_alarm_until_the_next_run(assembly):
    """Runs may take turns in a way that one period has none."""
    kept = {name for name, alarm in alarms_of(assembly).items() if alarm["TreatMissingData"] == "ignore"}
    assert kept == {"RolesNotDenying", "ReviewsWaiting", "FollowUpsOverdue"}


def test_ops_01_the_all_clear_of_a_revocation_needs_two_runs(assembly):
    """A run does not see what fails while it goes on. So its 0 alone says nothing about that."""
    alarm = alarms_of(assembly)["RolesNotDenying"]
    assert [fires(alarm, [[before], [last]]) for before, last in ((0, 1), (1, 0), (0, 0))] == [True, True, False]


@pytest.mark.parametrize("signal", sorted(WATCHED), ids=lambda signal: f"{signal.name}-{signal.statistic}")
def test_ops_01_metrics_of_aws_exist_and_are_of_resources_of_the_stack(assembly, signal: Signal):
    if signal.namespace == METRICS_NAMESPACE:
        return
    dimensions, metrics = DOCUMENTED[signal.namespace]
    assert signal.name in metrics
    assert {name for name, _ in signal.dimensions} <= dimensions
    streams = of_type(assembly.broker, "AWS::KinesisFirehose::DeliveryStream").values()
    named = {function_name(name) for name in SPECS} | {each["DeliveryStreamName"] for each in streams}
    named.add(only(assembly.broker, "AWS::ApiGateway::RestApi")["Name"])
    assert all(value in named or value[0] == "{" for _, value in signal.dimensions)


def test_ops_01_names_in_braces_are_resources_of_the_stack(assembly):
    alarms = alarms_of(assembly)
    watched = {name: alarms[name]["Dimensions"][0]["Value"] for name in ("EventsStuck", "EventsLate", "Undelivered")}
    assert watched == {
        "EventsStuck": "TrailDead.QueueName",
        "EventsLate": "TrailQueue.QueueName",
        "Undelivered": "DeadLettersQueue.QueueName",
    }
    assert alarms["WorkflowFailed"]["Dimensions"] == [{"Name": "StateMachineArn", "Value": "ApprovalWorkflow"}]


def test_ops_01_functions_write_every_metric_that_is_watched(capsys: pytest.CaptureFixture[str]):
    """The metrics that no fault above writes are those of the records (tests/core/test_record_metrics.py)."""
    for fault, healthy in FAULTS.values():
        fault()
        healthy()
    written = {(namespace, name) for namespace, name, _ in metrics_in(capsys.readouterr().out)}
    counted = {*COUNTED.values(), record_metrics.APPROVALS, record_metrics.REJECTIONS, record_metrics.MASKED_PLACES}
    own = {(each.namespace, each.name) for each in WATCHED if each.namespace == METRICS_NAMESPACE}
    assert own == written | {(METRICS_NAMESPACE, name) for name in counted}


def dashboard_of(assembly: Any) -> list[dict[str, Any]]:
    """Return the widgets in their order."""
    board = plain(only(assembly.broker, "AWS::CloudWatch::Dashboard"))
    assert board["DashboardName"] == "Jitney-eu-west-1"
    return list(json.loads(board["DashboardBody"])["widgets"])


def test_ops_01_the_dashboard_begins_with_every_alarm_and_whether_revocation_works(assembly):
    first, states, working, *_ = dashboard_of(assembly)
    assert "runbook" in first["properties"]["markdown"]
    assert states["type"] == "alarm"
    assert len(states["properties"]["alarms"]) == len(alarms_of(assembly))
    assert "Is revocation working?" in working["properties"]["title"]
    assert (states["y"], states["width"] + working["width"]) == (working["y"], 24)


def test_ops_01_the_dashboard_shows_what_every_alarm_watches(assembly):
    widgets = [each["properties"] for each in dashboard_of(assembly) if each["type"] == "metric"]
    shown = {tuple(metric[:2]) for each in widgets for metric in each["metrics"]}
    assert {(each["Namespace"], each["MetricName"]) for each in alarms_of(assembly).values()} <= shown
    for widget in widgets[1:]:
        assert widget["yAxis"]["left"]["label"]
        labels = [metric[-1]["label"] for metric in widget["metrics"]]
        assert len(set(labels)) == len(labels)


def test_ops_01_rows_of_the_dashboard_do_not_overlap(assembly):
    places = {(each["x"] + x, each["y"] + y) for each in dashboard_of(assembly)
              for x in range(each["width"]) for y in range(each["height"])}  # fmt: skip
    assert len(places) == sum(each["width"] * each["height"] for each in dashboard_of(assembly))
    assert max(x for x, _ in places) < 24


def runbook_of(path: str) -> str:
    """Return the section of a runbook, given as page#heading."""
    page, _, anchor = path.partition("#")
    sections = re.split(r"(?m)^## ", (ROOT / page).read_text("utf-8"))
    (section,) = (each for each in sections if each.partition("\n")[0].lower() == anchor)
    return section


def test_ops_01_every_alarm_of_the_template_names_its_runbook(assembly):
    for name, alarm in alarms_of(assembly).items():
        (path,) = re.findall(r"Runbook: (docs/runbooks/[a-z]+\.md#[a-z]+)$", alarm["AlarmDescription"])
        section = runbook_of(path)
        assert name.startswith(section.partition("\n")[0])
        assert all(answer in section for answer in ANSWERS), name


def test_ops_01_runbooks_are_of_alarms_and_in_the_order_of_the_list():
    pages = {path.name: path.read_text("utf-8") for path in RUNBOOKS.glob("*.md") if path.name != "README.md"}
    headings = {page: re.findall(r"(?m)^## (\w+)$", text) for page, text in pages.items()}
    rows = {f"{each.row.lower()}.md": [other.name for other in ALARMS if other.row is each.row] for each in ALARMS}
    assert headings == rows


def test_ops_01_the_runbook_of_failed_answers_says_what_to_do_about_each_code():
    failures = {code for code, problem in PROBLEMS.items() if problem.status >= 500}
    rows = re.findall(r"(?m)^\| (`.*?) \|", runbook_of("docs/runbooks/requests.md#apierrors"))
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(failures)


def listed(alarm: Alarm) -> str:
    """Return the alarm's row in the list of runbooks."""
    page = alarm.runbook.removeprefix("docs/runbooks/")
    return f"| [{alarm.name}]({page}) | {alarm.meaning.replace('target {target}', 'a target')} |"


def test_ops_01_the_list_of_runbooks_is_that_of_alarms():
    text = (RUNBOOKS / "README.md").read_text("utf-8")
    assert re.findall(r"(?m)^\| \[\w+\]\([a-z]+\.md#.*\|$", text) == list(map(listed, ALARMS))


def test_ops_03_the_page_says_what_alarms_metrics_and_the_dashboard_cost(assembly):
    of_targets = [each for each in ALARMS if each.signal.of_each_target]
    of_replicas = [each for each in ALARMS if each.signal.of_each_replica]
    metrics = {each.name for each in WATCHED if each.namespace == METRICS_NAMESPACE and not each.of_each_target}
    fixed = dollars("metric", custom_metrics(0)) + dollars("alarm", len(ALARMS) - len(of_targets) - len(of_replicas))
    fixed += dollars("dashboard", 1)
    of_target = dollars("metric", custom_metrics(1) - custom_metrics(0)) + dollars("alarm", len(of_targets))
    text = " ".join((RUNBOOKS / "README.md").read_text("utf-8").split())
    replicated = len(OF_REPLICAS) * (dollars("alarm", 1) + dollars("metric", METRICS_OF_A_REPLICATION))
    assert f"two alarms and eight metrics of S3 cost {replicated:.2f} $ more" in text
    assert f"cost at most {fixed:.2f} $ a month, and {of_target:.2f} $ more for each target" in text
    assert all(f"`{name}`" in text for name in metrics - {each.signal.name for each in ALARMS})
