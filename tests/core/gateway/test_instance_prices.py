"""What a call starts is priced from its parameters, and refused if its price cannot be known (row GW 12)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from jitney.adapters.aws_models import AwsModels
from jitney.core.gateway import instance_prices
from jitney.core.gateway.instance_prices import cents_per_hour
from jitney.core.problems import Problem
from jitney.resources import MODELS

PRICES = {
    "t3.micro": 10_400,
    "m7i.large": 100_800,
    "db.t3.micro": 17_000,
    "cache.t3.micro": 17_000,
    "dc2.large": 250_000,
}


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "cents"),
    [
        ("ec2", "RunInstances", {"InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}, 2),
        ("ec2", "RunInstances", {"InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 100}, 104),
        ("ec2", "RunInstances", {"InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 0}, 2),
        ("ec2", "RunInstances", {"InstanceType": "t3.micro", "MinCount": 1, "MaxCount": -1000}, 2),
        (
            "ec2",
            "RunInstances",
            {"InstanceType": "m7i.large", "MaxCount": 10, "LaunchTemplate": {}},
            101,
        ),
        ("ec2", "RunInstances", {"InstanceType": "m7i.large", "MaxCount": 10, "DryRun": False}, 101),
        ("ec2", "RunInstances", {"InstanceType": "m7i.large", "MaxCount": 10, "DryRun": True}, 0),
        ("ec2", "StartInstances", {"InstanceIds": ["i-1"], "DryRun": True}, 0),
        ("rds", "CreateDBInstance", {"DBInstanceClass": "db.t3.micro"}, 2),
        ("rds", "CreateDBInstance", {"DBInstanceClass": "db.t3.micro", "MultiAZ": True}, 4),
        ("rds", "CreateDBInstance", {"DBInstanceClass": "db.t3.micro", "MultiAZ": False}, 2),
        ("elasticache", "CreateCacheCluster", {"CacheNodeType": "cache.t3.micro", "NumCacheNodes": 3}, 6),
        ("redshift", "CreateCluster", {"NodeType": "dc2.large", "NumberOfNodes": 2}, 50),
        ("redshift", "CreateCluster", {"NodeType": "dc2.large", "NumberOfNodes": 2, "MultiAZ": True}, 100),
        ("rds", "ModifyDBInstance", {"DBInstanceIdentifier": "d", "MultiAZ": False, "AllocatedStorage": 20}, 0),
        ("opensearch", "UpdateDomainConfig", {"DomainName": "d", "AccessPolicies": "{}"}, 0),
        ("ec2", "TerminateInstances", {"InstanceIds": ["i-1"]}, 0),
        ("ec2", "CreateTags", {"Resources": ["i-1"], "Tags": [{"Key": "InstanceType", "Value": "x"}]}, 0),
        ("ec2", "CreateLaunchTemplate", {"LaunchTemplateData": {"InstanceType": "p5.48xlarge"}}, 0),
        ("dynamodb", "PutItem", {"TableName": "t", "Item": {"InstanceType": {"S": "p5.48xlarge"}}}, 0),
        ("s3", "PutObject", {"Bucket": "b", "Key": "k"}, 0),
    ],
)
def test_gw_12_what_a_call_starts_has_a_price(service: str, operation: str, parameters: dict[str, Any], cents: int):
    assert cents_per_hour(service, operation, parameters, PRICES) == cents


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "said"),
    [
        ("ec2", "RunInstances", {"InstanceType": "p5.48xlarge", "MaxCount": 1}, "'p5.48xlarge' has no price"),
        ("ec2", "RunInstances", {"LaunchTemplate": {"LaunchTemplateId": "lt-1"}, "MaxCount": 1}, "does not name Inst"),
        ("ec2", "StartInstances", {"InstanceIds": ["i-1"]}, "price is not known"),
        ("rds", "StartDBInstance", {"DBInstanceIdentifier": "d", "DryRun": True}, "price is not known"),
        ("ec2", "ModifyInstanceAttribute", {"InstanceId": "i", "InstanceType": {"Value": "t3.micro"}}, "not known"),
        ("ec2", "RequestSpotInstances", {"LaunchSpecification": {"InstanceType": "t3.micro"}}, "not known"),
        ("ec2", "CreateFleet", {"LaunchTemplateConfigs": [{"Overrides": [{"InstanceType": "t3.micro"}]}]}, "not known"),
        ("ec2", "AllocateHosts", {"InstanceType": "t3.micro"}, "not known"),
        ("eks", "CreateNodegroup", {"instanceTypes": ["t3.micro"]}, "not known"),
        ("autoscaling", "SetDesiredCapacity", {"DesiredCapacity": 100}, "not known"),
        ("cloudformation", "CreateStack", {"StackName": "s"}, "not known"),
        ("rds", "RestoreDBInstanceFromDBSnapshot", {"DBInstanceIdentifier": "d"}, "does not name DBInstanceClass"),
        ("rds", "ModifyDBInstance", {"DBInstanceClass": "db.t3.micro"}, "not known"),
        ("rds", "ModifyDBInstance", {"DBInstanceIdentifier": "d", "MultiAZ": True}, "not known"),
        ("rds", "CreateBlueGreenDeployment", {"BlueGreenDeploymentName": "b", "Source": "arn"}, "not known"),
        ("rds", "PurchaseReservedDBInstancesOffering", {"ReservedDBInstancesOfferingId": "o"}, "not known"),
        ("elasticache", "CreateReplicationGroup", {"ReplicationGroupId": "r", "SnapshotName": "s"}, "not known"),
        ("opensearch", "CreateDomain", {"DomainName": "d"}, "not known"),
        ("opensearch", "UpdateDomainConfig", {"DomainName": "d", "ClusterConfig": {"InstanceCount": 80}}, "not known"),
        ("ec2", "AllocateHosts", {"InstanceFamily": "p5", "Quantity": 9}, "not known"),
        ("ec2", "ModifyCapacityReservation", {"CapacityReservationId": "cr-1", "InstanceCount": 900}, "not known"),
        ("autoscaling", "PutScheduledUpdateGroupAction", {"DesiredCapacity": 100}, "not known"),
        ("autoscaling", "DetachInstances", {"ShouldDecrementDesiredCapacity": False}, "not known"),
        ("application-autoscaling", "RegisterScalableTarget", {"MinCapacity": 100}, "not known"),
        ("batch", "UpdateComputeEnvironment", {"computeResources": {"minvCpus": 900}}, "not known"),
        ("codebuild", "UpdateFleet", {"baseCapacity": 50}, "not known"),
        ("cloudformation", "UpdateStackSet", {"StackSetName": "s"}, "not known"),
        ("redshift", "CreateScheduledAction", {"TargetAction": {"ResumeCluster": {}}}, "not known"),
        ("sagemaker", "BatchAddClusterNodes", {"NodesToAdd": [{"IncrementTargetCountBy": 9}]}, "not known"),
        ("sagemaker", "StartPipelineExecution", {"PipelineName": "p"}, "not known"),
    ],
)
def test_gw_12_a_call_whose_price_cannot_be_known_is_refused(
    service: str, operation: str, parameters: dict[str, Any], said: str
):
    with pytest.raises(Problem, match="call_budget_used") as refused:
        cents_per_hour(service, operation, parameters, PRICES)
    assert said in refused.value.detail
    assert refused.value.extras == {"exceeded": "cents_per_hour"}


@pytest.fixture(scope="module")
def models() -> AwsModels:
    return AwsModels.load(MODELS.read_bytes(), "")


def example(shape: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield parameters with one member each that names a type, found at any depth."""
    if depth > 5:
        return
    if shape.type_name == "list":
        yield from ([each] for each in example(shape.member, depth + 1))
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            # Not by the pattern of the code: these are AWS's names of such members.
            if re.search(r"(Instance|instance|Node)(Type|Class)s?$", name) and not name.startswith(("Spot", "Single")):
                yield {name: "x9.unheard-of"}
            yield from ({name: each} for each in example(member, depth + 1))


def test_gw_12_no_operation_with_a_type_among_its_parameters_is_free_of_charge(models: AwsModels):
    """Except for those that only define something. Every name in the tables is AWS's."""
    free, seen = set(), set()
    for service in sorted(instance_prices._SERVICES):
        for operation in models.operations(service):
            model = models.operation(service, operation)
            seen.add((service, operation))
            if re.match("Describe|List|Get|Search", operation) or not model.input_shape:
                continue
            for parameters in example(model.input_shape):
                try:
                    if cents_per_hour(service, operation, parameters, PRICES) == 0:
                        free.add((service, operation))
                except Problem:
                    pass
    unnamed = {(service, each) for service, names in instance_prices._STARTS_UNNAMED.items() for each in names}
    for service in {service for service, _ in unnamed} - instance_prices._SERVICES:
        seen |= {(service, each) for each in models.operations(service)}
    assert free == instance_prices._DEFINE_ONLY & free
    assert (
        instance_prices._DEFINE_ONLY | unnamed | instance_prices._STARTS.keys() | instance_prices._GROWS.keys() <= seen
    )
    for (service, operation), member in instance_prices._GROWS.items():
        assert member in models.operation(service, operation).input_shape.members, operation
    for (service, operation), start in instance_prices._STARTS.items():
        members = models.operation(service, operation).input_shape.members
        assert {each for each in start if each} <= members.keys(), operation
