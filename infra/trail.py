"""The forwarding of CloudTrail's events to the correlator: a bus for the targets' accounts, rules, and a queue.

A target's own stack sends the events of its role's sessions here (`infra.trail_forwarding`). When a function of the
broker assumes the role, the event is in the broker's account, in the Region in which the function calls STS.

EventBridge passes read-only events to a rule only if the rule is in the state ALL_EVENTS. AssumeRole counts as
read-only. https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html

A principal with PutEvents on an account's default bus can imitate CloudTrail's events, except for their source. Only
AWS can send sources with the prefix `aws.`.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""

from collections.abc import Mapping

from aws_cdk import CfnResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledge import acknowledge
from jitney.configuration.arns import ROLE_PATH, forwarder_name
from jitney.configuration.settings import TargetSettings
from jitney.core.trail.event import CLOUDTRAIL_SUFFIX

BUS = "jitney-trail"
OF_AWS = "aws."
"""The prefix of event sources that only AWS can use."""
ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
ASSUME_ROLE_EVENTS = ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")
VIA_CLOUDTRAIL = events.Match.suffix(CLOUDTRAIL_SUFFIX)
"""API calls, and sign-ins to the console, which have a `detail-type` of their own."""
MOST_ATTEMPTS = 10
BY_SESSION = "$.detail.userIdentity.principalId"
"""The message group of a session's calls: its role's id and its name, 86 characters at most."""
BY_ACCOUNT = "$.account"
"""The message group of sessions' starts, and of events without a principal."""


class Trail(Construct):
    """The bus, the queue with its dead letters, and the rules that fill it. `targets` are by alias."""

    def __init__(
        self, scope: Construct, construct_id: str, *, targets: Mapping[str, TargetSettings], tls_only: bool
    ) -> None:
        super().__init__(scope, construct_id)
        self._targets = targets
        self._tls_only = tls_only
        self.dead = self._queue("Dead", None)
        # Lambda advises a visibility timeout of six times the function's, so that no message is handled twice at once.
        self.queue = self._queue("Queue", sqs.DeadLetterQueue(queue=self.dead, max_receive_count=MOST_ATTEMPTS))
        self._bus()
        accounts = sorted({target.account for target in targets.values()})
        # A pattern, because the names of many targets' roles would not fit. The correlator skips events about other
        # roles.
        roles = {"wildcard": f"arn:{Stack.of(self).partition}:iam::*:role{ROLE_PATH}*"}
        own = {"eventName": list(ASSUME_ROLE_EVENTS), "requestParameters": {"roleArn": [roles]}}
        of_aws = {"source": events.Match.prefix(OF_AWS), "account": accounts, "detail_type": VIA_CLOUDTRAIL}
        starts, named = list(ASSUME_ROLE_EVENTS), {"userIdentity": {"principalId": events.Match.exists()}}
        calls = {"eventName": events.Match.anything_but(*starts), **named}
        # Every event matches exactly one of these two rules, and has the member that the rule's message group reads.
        others = {"$or": [{"eventName": starts}, {"userIdentity": {"principalId": events.Match.does_not_exist()}}]}
        self._rule("Calls", self.bus, events.EventPattern(**of_aws, detail=calls), BY_SESSION)
        self._rule("Forwarded", self.bus, events.EventPattern(**of_aws, detail=others), BY_ACCOUNT)
        pattern = events.EventPattern(source=["aws.sts"], detail_type=VIA_CLOUDTRAIL, detail=own)
        self._rule("Taking", None, pattern, BY_ACCOUNT)

    @property
    def resources(self) -> dict[str, list[str]]:
        """The queue's ARN, by the name that permissions have for the queue."""
        return {"trail_queue": [self.queue.queue_arn]}

    @property
    def environment(self) -> dict[str, str]:
        """The queue's address for the function."""
        return {"JITNEY_TRAIL_QUEUE": self.queue.queue_url}

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs for commands."""
        return {"TrailQueue": self.queue.queue_url, "TrailDeadLetters": self.dead.queue_arn}

    def send_to(self, function: lambda_.IFunction) -> None:
        """Send the queue's messages to `function`."""
        lambda_.CfnEventSourceMapping(
            self,
            "Feed",
            function_name=function.function_name,
            event_source_arn=self.queue.queue_arn,
            batch_size=100,
            maximum_batching_window_in_seconds=1,
            function_response_types=["ReportBatchItemFailures"],
            # The minimum: a flood of events must not use up the executions that a revocation needs.
            scaling_config=lambda_.CfnEventSourceMapping.ScalingConfigProperty(maximum_concurrency=2),
        )

    def _queue(self, construct_id: str, dead: sqs.DeadLetterQueue | None) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            construct_id,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=self._tls_only,
            retention_period=Duration.days(14),
            visibility_timeout=Duration.minutes(6) if dead else None,
            dead_letter_queue=dead,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        if dead is None:
            acknowledge(queue, "It is the dead-letter queue of the trail's queue.", "SQS3")
        return queue

    def _bus(self) -> None:
        """Create the bus. Only forwarding roles of the targets' accounts may send to it.

        A condition names the roles, because a principal in a policy must exist, and a role may not exist yet. One
        statement covers all accounts, because a bus's policy has at most 10,240 characters. An administrator of a
        target's account could create a role that sends events, even if each target had its own statement.
        """
        self.bus = events.EventBus(self, "Bus", event_bus_name=BUS)
        partition, accounts = Stack.of(self).partition, sorted({each.account for each in self._targets.values()})
        senders = f"arn:{partition}:iam::*:role{ROLE_PATH}{forwarder_name('*')}"
        # No CfnEventBusPolicy: it warns at each synthesis about a property of its own that nothing here sets.
        CfnResource(
            self,
            "FromTargets",
            type=events.CfnEventBusPolicy.CFN_RESOURCE_TYPE_NAME,
            properties={
                "EventBusName": self.bus.event_bus_name,
                "StatementId": "FromTargets",
                "Statement": {
                    "Sid": "FromTargets",
                    "Effect": "Allow",
                    "Principal": {"AWS": [f"arn:{partition}:iam::{account}:root" for account in accounts]},
                    "Action": "events:PutEvents",
                    "Resource": self.bus.event_bus_arn,
                    "Condition": {"ArnLike": {"aws:PrincipalArn": senders}},
                },
            },
        )

    def _rule(
        self, construct_id: str, bus: events.IEventBus | None, pattern: events.EventPattern, message_group: str
    ) -> None:
        """Create a rule that sends events to the queue in the message group that the path `message_group` names.

        Message groups make the queue fair. SQS delivers messages of groups with few messages in flight first. So a
        flood of one session's events does not delay alarms about another session.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        """
        rule = events.Rule(
            self,
            construct_id,
            event_bus=bus,
            description="Jitney: calls in sessions of the targets' roles",
            event_pattern=pattern,
            targets=[targets.SqsQueue(self.queue, message_group_id=message_group)],
        )
        default = rule.node.default_child
        if isinstance(default, events.CfnRule):
            default.state = ALL_EVENTS


def issuers(roles: Mapping[str, str]) -> str:
    """Return the unique ids of functions' roles in the form that the correlator reads.

    `roles` maps each function to the id of its role.
    """
    return ",".join(f"{role_id}={name}" for name, role_id in roles.items())
