"""When the reconciler runs."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

EVERY = Duration.minutes(5)


def reconcile(scope: Construct, function: lambda_.IFunction) -> None:
    """Run `function` every five minutes; it starts afresh each time, so that a run that fails twice is not kept."""
    events.Rule(
        scope,
        "Reconciling",
        rule_name="jitney-reconciler",
        description="Jitney: records ends, keeps the deny documents in order",
        schedule=events.Schedule.rate(EVERY),
        targets=[targets.LambdaFunction(function, retry_attempts=1, max_event_age=EVERY)],
    )
