"""What the instances that a call starts cost an hour, by their types alone, for the budget of its grant.

AWS publishes its prices online only, so the configuration has those of the types that agents may start.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jitney.core.problems import Problem

MICRODOLLARS_PER_CENT = 10_000

Parameters = Mapping[str, Any]


class _Start(NamedTuple):
    """The members of an operation's parameters that name the type and the number of what it starts.

    A missing number is one. `doubled` names a member that doubles the number if it is true.
    """

    type_name: str
    number: str = ""
    doubled: str = ""


_DATABASE = _Start("DBInstanceClass", doubled="MultiAZ")
_STARTS: Mapping[tuple[str, str], _Start] = {
    ("ec2", "RunInstances"): _Start("InstanceType", "MaxCount"),
    ("elasticache", "CreateCacheCluster"): _Start("CacheNodeType", "NumCacheNodes"),
    ("rds", "CreateDBInstance"): _DATABASE,
    ("rds", "CreateDBInstanceReadReplica"): _DATABASE,
    ("rds", "RestoreDBInstanceFromDBSnapshot"): _DATABASE,
    ("rds", "RestoreDBInstanceToPointInTime"): _DATABASE,
    ("redshift", "CreateCluster"): _Start("NodeType", "NumberOfNodes", doubled="MultiAZ"),
    ("sagemaker", "CreateNotebookInstance"): _Start("InstanceType"),
}


def _named(operations: str) -> frozenset[str]:
    return frozenset(operations.split())


_STARTS_UNNAMED: Mapping[str, frozenset[str]] = {
    "application-autoscaling": _named("PutScalingPolicy PutScheduledAction RegisterScalableTarget"),
    "autoscaling": _named(
        "BatchPutScheduledUpdateGroupAction CreateAutoScalingGroup DetachInstances EnterStandby "
        "ExecutePolicy LaunchInstances PutScalingPolicy PutScheduledUpdateGroupAction PutWarmPool "
        "ResumeProcesses RollbackInstanceRefresh SetDesiredCapacity StartInstanceRefresh "
        "UpdateAutoScalingGroup"
    ),
    "batch": _named("CreateComputeEnvironment SubmitJob SubmitServiceJob UpdateComputeEnvironment"),
    "cloudformation": _named(
        "ContinueUpdateRollback CreateStack CreateStackInstances ExecuteChangeSet ExecuteStackRefactor "
        "RollbackStack UpdateStack UpdateStackInstances UpdateStackSet"
    ),
    "codebuild": _named("CreateFleet UpdateFleet"),
    "ec2": _named(
        "AcceptReservedInstancesExchangeQuote AllocateHosts CreateCapacityReservationFleet CreateFleet "
        "EnableFastLaunch ImportInstance ModifyCapacityReservation ModifyCapacityReservationFleet "
        "ModifyFleet ModifyHosts ModifySpotFleetRequest PurchaseCapacityBlock "
        "PurchaseCapacityBlockExtension PurchaseHostReservation PurchaseReservedInstancesOffering "
        "PurchaseScheduledInstances RequestSpotFleet RequestSpotInstances RunScheduledInstances "
        "StartInstances"
    ),
    "ecs": _named("CreateCapacityProvider UpdateCapacityProvider"),
    "eks": _named("CreateNodegroup UpdateNodegroupConfig UpdateNodegroupVersion"),
    "elasticache": _named(
        "CreateReplicationGroup IncreaseNodeGroupsInGlobalReplicationGroup IncreaseReplicaCount "
        "ModifyCacheCluster ModifyReplicationGroupShardConfiguration PurchaseReservedCacheNodesOffering"
    ),
    "lambda": _named("CreateCapacityProvider UpdateCapacityProvider"),
    "opensearch": _named("CreateDomain PurchaseReservedInstanceOffering"),
    "rds": _named(
        "CreateBlueGreenDeployment ModifyDBCapacityReservation PurchaseReservedDBInstancesOffering "
        "RestoreDBClusterFromSnapshot RestoreDBClusterToPointInTime StartDBCluster StartDBInstance"
    ),
    "redshift": _named(
        "AcceptReservedNodeExchange CreateScheduledAction ModifyCluster ModifyScheduledAction "
        "PurchaseReservedNodeOffering ResizeCluster RestoreFromClusterSnapshot ResumeCluster"
    ),
    "sagemaker": _named(
        "BatchAddClusterNodes CreateAIBenchmarkJob CreateAIRecommendationJob CreateApp CreateAutoMLJob "
        "CreateAutoMLJobV2 CreateCluster CreateEndpoint CreateHyperParameterTuningJob "
        "CreateInferenceExperiment CreateInferenceRecommendationsJob CreateMlflowTrackingServer "
        "CreateMonitoringSchedule CreatePartnerApp CreateTrainingJob CreateTrainingPlan "
        "ExtendTrainingPlan RetryPipelineExecution StartInferenceExperiment StartMlflowTrackingServer "
        "StartMonitoringSchedule StartNotebookInstance StartPipelineExecution UpdateCluster "
        "UpdateEndpoint UpdateEndpointWeightsAndCapacities UpdateMonitoringSchedule"
    ),
}
"""Operations that start or reserve instances, now or later, whose types are not always in their parameters."""
_GROWS: Mapping[tuple[str, str], str] = {
    ("opensearch", "UpdateDomainConfig"): "ClusterConfig",
    ("rds", "ModifyDBInstance"): "MultiAZ",
}
"""Operations that start instances only with a member that names no type."""
_DEFINE_ONLY = frozenset(
    {
        ("autoscaling", "CreateLaunchConfiguration"),
        ("batch", "RegisterJobDefinition"),
        ("ec2", "CreateLaunchTemplate"),
        ("ec2", "CreateLaunchTemplateVersion"),
        ("ec2", "ReplaceImageInstanceTypeSpecification"),
        ("sagemaker", "CreateAlgorithm"),
        ("sagemaker", "CreateEndpointConfig"),
        ("sagemaker", "CreateModelPackage"),
        ("sagemaker", "UpdateModelPackage"),
    }
)
"""Operations that name a type and start nothing. What starts it later is in `_STARTS_UNNAMED`."""
_SERVICES = frozenset(
    {"autoscaling", "batch", "bedrock", "codebuild", "ec2", "ecs", "eks", "elasticache", "lambda", "opensearch", "rds"}
    | {"redshift", "sagemaker"}
)
"""Services with instances. In others, a member such as `instanceType` is the content of an item."""
_NAMES_A_TYPE = re.compile(r"(?!spot)\w*(instance|node)(type|class)s?", re.ASCII | re.IGNORECASE)
"""A member that names a type. Operations that have one, and are not in `_STARTS`, may start any number of instances."""


def cents_per_hour(service: str, operation: str, parameters: Parameters, prices: Mapping[str, int]) -> int:
    """Return the price of what a call starts, in cents an hour, rounded up. It is 0 for a call that starts nothing.

    `parameters` fit AWS's model. `prices` are in microdollars an hour, by type. Raises Problem call_budget_used if the
    call starts instances whose price or number cannot be known.
    """
    call = service, operation
    start = _STARTS.get(call)
    if service == "ec2" and parameters.get("DryRun"):
        return 0
    if start is None:
        grows = operation in _STARTS_UNNAMED.get(service, ()) or bool(parameters.get(_GROWS.get(call, "")))
        if grows or (service in _SERVICES and call not in _DEFINE_ONLY and any(_type_members(parameters))):
            raise _unknown(f"{service} {operation} can start instances whose price is not known before they start.")
        return 0
    named = str(parameters.get(start.type_name, ""))
    if named not in prices:
        what = f"{named[:60]!a} has no price" if named else f"{operation} does not name {start.type_name}"
        raise _unknown(f"{what}, and the grant has the limit cents_per_hour.")
    # AWS refuses a number below one. Its price would otherwise be negative, and add to what the grant has left.
    number = max(1, int(parameters.get(start.number, 1))) * (2 if parameters.get(start.doubled) else 1)
    return -(-prices[named] * number // MICRODOLLARS_PER_CENT)


def _type_members(value: Any) -> Iterator[str]:
    """Yield the members, at any depth, that name a type of instances."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if _NAMES_A_TYPE.fullmatch(name):
                yield name
            yield from _type_members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _type_members(inner)


def _unknown(detail: str) -> Problem:
    fix = (
        "Use an operation such as ec2 RunInstances, and an instance type that has a price. Otherwise ask your platform "
        "engineer for a price in hourly_prices, or to lift the limit cents_per_hour."
    )
    return Problem("call_budget_used", detail, fix, {"exceeded": "cents_per_hour"})
