"""OPS 1: the check of watched metrics passes only if each alarm's metric exists under its name and dimensions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.check import CheckFailedError
from conformance.checks import metrics
from conformance.checks.metrics import ALWAYS, watched
from conformance.configuration import ALIAS
from conformance.system import ConformanceSystem
from tests.conformance.test_results import system

DIMENSIONS = [{"Name": "service", "Value": "jitney"}]


def alarm(name: str) -> dict[str, Any]:
    return {"AlarmName": f"jitney-{name}", "Namespace": "Jitney", "MetricName": name, "Dimensions": DIMENSIONS}


class CloudWatch:
    """The alarms, and for each name the dimensions of the metrics that exist."""

    def __init__(self, alarms: list[dict[str, Any]], existing: dict[str, list[list[dict[str, str]]]]) -> None:
        self.alarms, self.existing, self.asked = alarms, existing, ""

    def get_paginator(self, name: str) -> Any:
        self.asked = name
        return self

    def paginate(self, **named: Any) -> list[dict[str, Any]]:
        if self.asked == "describe_alarms":
            return [{"MetricAlarms": self.alarms}]
        return [{"Metrics": [{"Dimensions": each} for each in self.existing.get(named["MetricName"], [])]}]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[CloudWatch], Any]:
    def seen(cloudwatch: CloudWatch) -> Any:
        monkeypatch.setattr(ConformanceSystem, "client", lambda *_, **__: cloudwatch)
        monkeypatch.setattr(metrics, "MOST_WAIT_SECONDS", 0.0)
        monkeypatch.setattr("conformance.checks.grants.time.sleep", lambda _: None)
        return watched(system(on_aws=True, folder=tmp_path))

    return seen


ALARMS = [alarm(name) for name in sorted(ALWAYS | {"Bypassed"})]
EXISTING = {name: [DIMENSIONS] for name in ALWAYS}


def test_ops_01_alarms_whose_metrics_exist_pass(run: Callable[[CloudWatch], Any]):
    observed = run(CloudWatch(ALARMS, EXISTING))
    assert observed.facts == {"unknown": [], "without_metric": []}
    assert observed.measured == {"others_without_data": ["Bypassed"]}


@pytest.mark.parametrize(
    "dimensions",
    [[], [[]], [[*DIMENSIONS, {"Name": "function", "Value": "a"}]], [[{"Name": "service", "Value": "other"}]]],
    ids=["no metric", "no dimensions", "more dimensions", "another value"],
)
def test_ops_01_an_alarm_on_a_metric_that_does_not_exist_fails(
    run: Callable[[CloudWatch], Any], dimensions: list[list[dict[str, str]]]
):
    with pytest.raises(CheckFailedError, match="ReconcilerFailed") as failed:
        run(CloudWatch(ALARMS, EXISTING | {"ReconcilerFailed": dimensions}))
    assert failed.value.observed["without_metric"] == ["ReconcilerFailed"]


def test_ops_01_an_alarm_that_the_stack_does_not_have_fails(run: Callable[[CloudWatch], Any]):
    left = [each for each in ALARMS if each["MetricName"] != "ApiErrors"]
    with pytest.raises(CheckFailedError, match="ApiErrors"):
        run(CloudWatch(left, EXISTING))


@pytest.mark.xdist_group("cdk")
def test_ops_01_the_alarms_of_the_check_exist():
    from infra.alarms import ALARMS as DECLARED

    assert {each.removesuffix(f"-{ALIAS}") for each in ALWAYS} <= {each.name for each in DECLARED}
