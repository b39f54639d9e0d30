"""The alarms and the dashboard, from the tables `infra.alarms.ALARMS` and `infra.graphs.GRAPHS`."""

from collections.abc import Iterator, Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.alarm_model import RUNBOOKS, Alarm, Row
from infra.alarms import ALARMS
from infra.graphs import GRAPHS, Graph
from infra.signals import Signal, own
from jitney.core.records import audit, gauges, record_metrics

DASHBOARD = "Jitney"
"""The beginning of the dashboard's name. The Region follows, because a dashboard is visible in all Regions."""
WIDTH, HEIGHT = 24, 6
"""CloudWatch's grid has 24 columns. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"""
MOST_ALARMS_OF_A_WIDGET = 100
GRAPH_SECONDS = 300
_WORKING = (
    own(audit.RECONCILED),
    own(gauges.ROLES_NOT_DENYING, "Maximum"),
    own(record_metrics.TIME_TO_DENY, "p90"),
    own(audit.HEARTBEATS),
)
"""The graphs that show whether revocation works."""
_NAMED = ("FunctionName", "QueueName", "DeliveryStreamName", "RuleId")
"""The dimensions whose values are in the labels of graphs."""
_HELP = (
    f"**Red alarm?** Its description names its runbook in `{RUNBOOKS}`. "
    "**Revocation works** if `ReconcilerRuns` is at least 1 in each five minutes, `RolesNotDenying` is 0, and "
    "`TimeToDeny` is below 10,000 ms. An empty `TimeToDeny` means that nothing was measured."
)


class Monitoring(Construct):
    """The alarms, which notify `topic`, and the dashboard.

    `resources` are the names of the stack's resources, by the names that `infra.signals` has in braces. `targets` are
    their aliases. `replicas` are the buckets of each replication, by what it replicates. Descriptions name the runbooks
    below `runbooks_url`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: sns.ITopic,
        resources: Mapping[str, str],
        targets: Sequence[str],
        replicas: Mapping[str, Mapping[str, str]],
        runbooks_url: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._action = actions.SnsAction(topic)
        self._resources = resources
        self._targets = {alias: {"target": alias} for alias in sorted(targets)}
        self._replicas = {name: {"replica": name, **buckets} for name, buckets in replicas.items()}
        self.runbooks_url = runbooks_url
        made = {each.name: list(self._alarms(each)) for each in ALARMS}
        self._made = {name: alarms[0] for name, alarms in made.items() if alarms}
        self._dashboard(made)

    def alarm(self, name: str) -> cloudwatch.Alarm:
        """Return the alarm of that name in `ALARMS`, which exists in every stack."""
        return self._made[name]

    def _alarms(self, alarm: Alarm) -> Iterator[cloudwatch.Alarm]:
        """Create the alarm, or one for each target or replica."""
        for which, names in self._each(alarm.signal).items():
            yield self._alarm(alarm, f"{alarm.name}-{which}" if which else alarm.name, names)

    def _each(self, signal: Signal) -> Mapping[str, Mapping[str, str]]:
        """Return the names that the signal refers to, by target or replica; under "" for a signal that exists once."""
        if signal.of_each_target:
            return self._targets
        return self._replicas if signal.of_each_replica else {"": {}}

    def _alarm(self, alarm: Alarm, name: str, names: Mapping[str, str]) -> cloudwatch.Alarm:
        operators, missing = cloudwatch.ComparisonOperator, cloudwatch.TreatMissingData
        made = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"jitney-{name}",
            alarm_description=alarm.description(self.runbooks_url, names),
            metric=self._metric(alarm.signal, alarm.period_seconds, names),
            evaluation_periods=max(alarm.periods, alarm.clear_periods),
            datapoints_to_alarm=alarm.periods,
            threshold=1 if alarm.when_missing else alarm.above,
            comparison_operator=(
                operators.LESS_THAN_THRESHOLD if alarm.when_missing else operators.GREATER_THAN_THRESHOLD
            ),
            treat_missing_data=(
                missing.BREACHING
                if alarm.when_missing
                else missing.IGNORE
                if alarm.keeps_state
                else missing.NOT_BREACHING
            ),
        )
        made.add_alarm_action(self._action)
        if alarm.ongoing:
            made.add_ok_action(self._action)
        return made

    def _metric(
        self, signal: Signal, period_seconds: int, names: Mapping[str, str], label: str | None = None
    ) -> cloudwatch.Metric:
        known = {**self._resources, **names}
        return cloudwatch.Metric(
            namespace=signal.namespace,
            metric_name=signal.name,
            dimensions_map={name: value.format(**known) for name, value in signal.dimensions},
            statistic=signal.statistic,
            period=Duration.seconds(period_seconds),
            label=label,
        )

    def _dashboard(self, alarms: Mapping[str, Sequence[cloudwatch.Alarm]]) -> None:
        """Create the dashboard: first the alarms, then one row of graphs for each part of Jitney."""
        help_text = cloudwatch.TextWidget(markdown=_HELP, width=WIDTH, height=2)
        rows: list[list[cloudwatch.IWidget]] = [[help_text], self._first_row(alarms)]
        for row in Row:
            rows.append([cloudwatch.TextWidget(markdown=f"# {row}", width=WIDTH, height=1)])
            graphs = [each for each in GRAPHS if each.row is row]
            rows.append([self._graph(each, WIDTH // len(graphs)) for each in graphs])
        cloudwatch.Dashboard(self, "Dashboard", dashboard_name=f"{DASHBOARD}-{Stack.of(self).region}", widgets=rows)

    def _first_row(self, alarms: Mapping[str, Sequence[cloudwatch.Alarm]]) -> list[cloudwatch.IWidget]:
        every = [each for made in alarms.values() for each in made]
        parts = [every[at : at + MOST_ALARMS_OF_A_WIDGET] for at in range(0, len(every), MOST_ALARMS_OF_A_WIDGET)]
        working = [self._labelled(each) for each in _WORKING]
        return [
            *(
                cloudwatch.AlarmStatusWidget(
                    title="Alarms",
                    alarms=part,
                    width=WIDTH // (len(parts) + 1),
                    height=HEIGHT,
                    sort_by=cloudwatch.AlarmStatusWidgetSortBy.STATE_UPDATED_TIMESTAMP,
                )
                for part in parts
            ),
            cloudwatch.SingleValueWidget(
                title="Is revocation working? (latest values)",
                metrics=working,
                width=WIDTH // (len(parts) + 1),
                height=HEIGHT,
            ),
        ]

    def _graph(self, graph: Graph, width: int) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title=graph.title,
            left=[self._labelled(signal, *each) for signal in graph.signals for each in self._each(signal).items()],
            left_y_axis=cloudwatch.YAxisProps(label=graph.unit, min=0, show_units=False),
            width=width,
            height=HEIGHT,
        )

    def _labelled(self, signal: Signal, which: str = "", names: Mapping[str, str] | None = None) -> cloudwatch.Metric:
        """Return the metric of a graph. Its label has `which` or the function, because many metrics share a name."""
        of = which or next((value for name, value in signal.dimensions if name in _NAMED), "")
        words = (signal.name, of.strip("{}"), "" if signal.statistic == "Sum" else signal.statistic)
        return self._metric(signal, GRAPH_SECONDS, names or {}, " ".join(filter(None, words)))
