"""The rule in a target's account that forwards its role's CloudTrail events to the broker.

It forwards the events of the stack's Region. It forwards data events only if a trail of the account logs them
(docs/auditor.md).
"""

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.trail import ALL_EVENTS, ASSUME_ROLE_EVENTS, BUS, DETAIL_TYPE, OF_AWS
from jitney.configuration.arns import ROLE_PATH, forwarder_name, forwarding_name
from jitney.configuration.settings import BrokerSettings, TargetSettings
from jitney.configuration.target_boundary import partition_of


def forward(scope: Construct, *, alias: str, target: TargetSettings, role_arn: str, broker: BrokerSettings) -> None:
    """Forward the events of `role_arn`'s sessions, and of AssumeRole calls for it, to the bus of `broker`."""
    bus = f"arn:{partition_of(target.region)}:events:{broker.region}:{broker.account}:event-bus/{BUS}"
    role = iam.Role(
        scope,
        "Forwarder",
        role_name=forwarder_name(alias),
        path=ROLE_PATH,
        description="Forwards CloudTrail events of the target's role to the broker",
        assumed_by=iam.ServicePrincipal("events.amazonaws.com"),
        inline_policies={
            "allows": iam.PolicyDocument(
                statements=[iam.PolicyStatement(actions=["events:PutEvents"], resources=[bus])]
            )
        },
    )
    sessions = {"userIdentity": {"sessionContext": {"sessionIssuer": {"arn": [role_arn]}}}}
    beginnings = {"eventName": list(ASSUME_ROLE_EVENTS), "requestParameters": {"roleArn": [role_arn]}}
    events.CfnRule(
        scope,
        "Forwarding",
        name=forwarding_name(alias),
        description="Jitney: calls in sessions of the target's role",
        state=ALL_EVENTS,
        event_pattern={
            "source": [{"prefix": OF_AWS}],
            "detail-type": [DETAIL_TYPE],
            "detail": {"$or": [sessions, beginnings]},
        },
        targets=[events.CfnRule.TargetProperty(arn=bus, id="broker", role_arn=role.role_arn)],
    )
