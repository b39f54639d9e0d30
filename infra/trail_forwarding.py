"""What a target's account sends the broker: CloudTrail's events of its role, as the account's default bus has them.

Of the Region of the stack only, and data events only where a trail of the account has them (docs/trail.md).
"""

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.trail import ALL_EVENTS, ASSUME_ROLE_EVENTS, BUS, DETAIL_TYPE, OF_AWS
from jitney.configuration.arns import ROLE_PATH, forwarder_name, forwarding_name, partition_of
from jitney.configuration.settings import BrokerSettings, TargetSettings


def forward(scope: Construct, *, alias: str, target: TargetSettings, role_arn: str, broker: BrokerSettings) -> None:
    """Send events of sessions of `role_arn`, and of their beginnings, to the bus of `broker`."""
    bus = f"arn:{partition_of(target.region)}:events:{broker.region}:{broker.account}:event-bus/{BUS}"
    role = iam.Role(
        scope,
        "Forwarder",
        role_name=forwarder_name(alias),
        path=ROLE_PATH,
        description="Sends the broker CloudTrail's events of the target's role",
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
