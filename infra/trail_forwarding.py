"""The rule in a target's account that forwards its roles' CloudTrail events to the broker.

It forwards the events of the stack's Region. It forwards data events only if a trail of the account logs them
(docs/auditor.md). Of the events of the revoker's sessions, it forwards only the heartbeats
(`jitney.core.trail.heartbeat`).
"""

from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.trail import ALL_EVENTS, ASSUME_ROLE_EVENTS, BUS, OF_AWS
from jitney.configuration.arns import ROLE_PATH, forwarder_name, forwarding_name, revoker_arn, role_arn
from jitney.configuration.broker_settings import BrokerSettings
from jitney.configuration.partitions import partition_of
from jitney.configuration.settings import TargetSettings
from jitney.core.target_roles import further_roles
from jitney.core.trail.event import CLOUDTRAIL_SUFFIX
from jitney.core.trail.heartbeat import HEARTBEAT_OPERATION


def forward(
    scope: Construct,
    *,
    alias: str,
    target: TargetSettings,
    broker: BrokerSettings,
    boundary: iam.IManagedPolicy | None,
) -> None:
    """Forward the events of the target roles' sessions, of AssumeRole calls for them, and heartbeats to `broker`.

    `boundary` is the permissions boundary of the role that forwards them.

    Roles that the target had before are included, because their sessions may outlast a change of the number of roles.
    """
    bus = f"arn:{partition_of(target.region)}:events:{broker.region}:{broker.account}:event-bus/{BUS}"
    role = iam.Role(
        scope,
        "Forwarder",
        role_name=forwarder_name(alias),
        path=ROLE_PATH,
        permissions_boundary=boundary,
        description="Forwards CloudTrail events of the target's roles to the broker",
        assumed_by=iam.ServicePrincipal("events.amazonaws.com"),
        inline_policies={
            "allows": iam.PolicyDocument(
                statements=[iam.PolicyStatement(actions=["events:PutEvents"], resources=[bus])]
            )
        },
    )
    roles = [role_arn(target), {"wildcard": further_roles(role_arn(target))}]
    sessions = _sessions_of(roles)
    beginnings = {"eventName": list(ASSUME_ROLE_EVENTS), "requestParameters": {"roleArn": roles}}
    heartbeats = {"eventName": [HEARTBEAT_OPERATION], **_sessions_of([revoker_arn(alias, target)])}
    events.CfnRule(
        scope,
        "Forwarding",
        name=forwarding_name(alias),
        description="Jitney: calls in sessions of the target's roles, and heartbeats",
        state=ALL_EVENTS,
        event_pattern={
            "source": [{"prefix": OF_AWS}],
            "detail-type": [{"suffix": CLOUDTRAIL_SUFFIX}],
            "detail": {"$or": [sessions, beginnings, heartbeats]},
        },
        targets=[events.CfnRule.TargetProperty(arn=bus, id="broker", role_arn=role.role_arn)],
    )


def _sessions_of(roles: list[Any]) -> dict[str, object]:
    return {"userIdentity": {"sessionContext": {"sessionIssuer": {"arn": roles}}}}
