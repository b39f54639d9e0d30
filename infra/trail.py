"""How CloudTrail's events come to the correlator: a bus that the targets' accounts send to, rules, and a queue.

A target's own stack sends the events of its role's sessions here (`infra.trail_forwarding`). That the broker's
functions take the role is an event of the broker's account, too, and of the Region in which they call STS. EventBridge
keeps events that only read from rules unless their state says otherwise, and to take a role counts as reading.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
Whoever may put events on an account's default bus can put one there that looks like CloudTrail's, but for its source:
all that begin with `aws.` are AWS's own. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.publishing import DeadLetters
from infra.spec import ALL_FUNCTIONS
from jitney.configuration.arns import ROLE_PATH, forwarder_name
from jitney.configuration.settings import TargetSettings
from jitney.core.audit import BYPASSES, REFUSED_EVENTS

BUS = "jitney-trail"
DETAIL_TYPE = "AWS API Call via CloudTrail"
OF_AWS = "aws."
"""How the sources begin that nobody else can give an event."""
ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
ASSUME_ROLE_EVENTS = ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")
MOST_ATTEMPTS = 10


class Trail(Construct):
    """The bus, the queue with its dead letters, and the rules that feed it. `targets` by alias."""

    def __init__(
        self, scope: Construct, construct_id: str, *, targets: Mapping[str, TargetSettings], tls_only: bool
    ) -> None:
        super().__init__(scope, construct_id)
        self._targets = targets
        self._tls_only = tls_only
        self.dead = self._queue("Dead", None)
        # Six times the function's timeout, as Lambda advises, so that no message is worked on twice at a time.
        self.queue = self._queue("Queue", sqs.DeadLetterQueue(queue=self.dead, max_receive_count=MOST_ATTEMPTS))
        self._bus()
        accounts = sorted({target.account for target in targets.values()})
        # The targets' own would not fit where there are many: the correlator leaves out what is about no target's role.
        roles = {"wildcard": f"arn:{Stack.of(self).partition}:iam::*:role{ROLE_PATH}*"}
        own = {"eventName": list(ASSUME_ROLE_EVENTS), "requestParameters": {"roleArn": [roles]}}
        of_aws = events.Match.prefix(OF_AWS)
        pattern = events.EventPattern(source=of_aws, account=accounts, detail_type=[DETAIL_TYPE])
        self._rule("Forwarded", self.bus, pattern)
        pattern = events.EventPattern(source=["aws.sts"], detail_type=[DETAIL_TYPE], detail=own)
        self._rule("Taking", None, pattern)

    @property
    def resources(self) -> dict[str, list[str]]:
        """The queue's ARN by the name that permissions are written with."""
        return {"trail_queue": [self.queue.queue_arn]}

    @property
    def environment(self) -> dict[str, str]:
        """Where the function finds the queue."""
        return {"JITNEY_TRAIL_QUEUE": self.queue.queue_url}

    @property
    def outputs(self) -> dict[str, str]:
        """What commands find the queues by."""
        return {"TrailQueue": self.queue.queue_url, "TrailDeadLetters": self.dead.queue_arn}

    def feed(self, function: lambda_.IFunction, dead_letters: DeadLetters) -> None:
        """Hand the queue's messages to `function`, and raise an alarm for a bypass and for what is not taken in."""
        lambda_.CfnEventSourceMapping(
            self,
            "Feed",
            function_name=function.function_name,
            event_source_arn=self.queue.queue_arn,
            batch_size=100,
            maximum_batching_window_in_seconds=1,
            function_response_types=["ReportBatchItemFailures"],
            # The least there is: a flood of events shall not take the executions that a revocation needs.
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(maximum_concurrency=2),
        )
        bypass = "Somebody used a target's role without a grant: see the bypass records"
        dead_letters.alarm("Bypassed", _metric(BYPASSES), 0, bypass)
        dead_letters.alarm("EventsRefused", _metric(REFUSED_EVENTS), 0, "CloudTrail events could not be read")
        held = self.dead.metric_approximate_number_of_messages_visible(period=Duration.minutes(1))
        dead_letters.alarm("EventsStuck", held, 0, "CloudTrail events were not taken in: jitney audit replay")

    def _queue(self, construct_id: str, dead: sqs.DeadLetterQueue | None) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            construct_id,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=self._tls_only,
            retention_period=Duration.days(14),
            visibility_timeout=Duration.minutes(6) if dead else None,
            dead_letter_queue=dead,
            removal_policy=RemovalPolicy.RETAIN,
        )
        if dead is None:
            acknowledge(queue, "It is the dead-letter queue of the trail's.", "SQS3")
        return queue

    def _bus(self) -> None:
        """Only forwarding roles of the targets' accounts send to it; each need not be there yet, hence the condition.

        One statement for all, since a bus's policy has 10,240 characters: whoever makes roles in a target's account
        can make one that sends, as they could with that of the target's own.
        """
        self.bus = events.EventBus(self, "Bus", event_bus_name=BUS)
        partition, accounts = Stack.of(self).partition, sorted({each.account for each in self._targets.values()})
        senders = f"arn:{partition}:iam::*:role{ROLE_PATH}{forwarder_name('*')}"
        events.CfnEventBusPolicy(
            self,
            "FromTargets",
            event_bus_name=self.bus.event_bus_name,
            statement_id="FromTargets",
            statement={
                "Sid": "FromTargets",
                "Effect": "Allow",
                "Principal": {"AWS": [f"arn:{partition}:iam::{account}:root" for account in accounts]},
                "Action": "events:PutEvents",
                "Resource": self.bus.event_bus_arn,
                "Condition": {"ArnLike": {"aws:PrincipalArn": senders}},
            },
        )

    def _rule(self, construct_id: str, bus: events.IEventBus | None, pattern: events.EventPattern) -> None:
        rule = events.Rule(
            self,
            construct_id,
            event_bus=bus,
            description="Jitney: calls in sessions of the targets' roles",
            event_pattern=pattern,
            targets=[targets.SqsQueue(self.queue)],
        )
        default = rule.node.default_child
        if isinstance(default, events.CfnRule):
            default.state = ALL_EVENTS


def issuers(roles: Mapping[str, str]) -> str:
    """The unique ids of functions' roles, as the correlator reads them: `roles` has them by the functions' names."""
    return ",".join(f"{role_id}={name}" for name, role_id in roles.items())


def _metric(name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=ALL_FUNCTIONS["POWERTOOLS_METRICS_NAMESPACE"],
        metric_name=name,
        dimensions_map={"service": ALL_FUNCTIONS["POWERTOOLS_SERVICE_NAME"]},
        statistic="Sum",
        period=Duration.minutes(1),
    )
