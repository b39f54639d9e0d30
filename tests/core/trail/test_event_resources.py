"""The resources that a call's parameters name are stored with it, because most events list none (rows AUD 4, AUD 5)."""

from typing import Any

import pytest

from jitney.core.trail.call import MOST_RESOURCES
from jitney.core.trail.event_resources import with_named_resources
from tests.cloudtrail_events import EVENT_OPERATIONS
from tests.core.trail.test_beyond_grant import REGIONAL, called

SECRET = f"arn:aws:secretsmanager:{REGIONAL}:secret:s-4Rzn83"
INSTANCES = f"arn:aws:ec2:{REGIONAL}:instance/"
MANY = [{"instanceId": f"i-{number}"} for number in range(60)]
# By name: an event's source, name and parameters, the ARNs in its list, and the resources of the stored call.
EVENTS: dict[str, tuple[str, str, Any, list[str], list[str]]] = {
    "a secret by its ARN": ("secretsmanager", "GetSecretValue", {"secretId": SECRET}, [], [SECRET]),
    "instances": ("ec2", "StopInstances", {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}},
                  [], [f"{INSTANCES}i-1", f"{INSTANCES}i-2"]),
    "parameters below a request": ("ec2", "StopInstances", {"StopInstancesRequest": {"InstanceId": {"content": "i-1"}}},
                                   [], [f"{INSTANCES}i-1"]),
    "a function": ("lambda", "UpdateFunctionCode20150331v2", {"functionName": "f"}, [],
                   [f"arn:aws:lambda:{REGIONAL}:function:f"]),
    "what the list has, too": ("s3", "GetObject", {"bucketName": "b", "key": "k"},
                               ["arn:aws:s3:::b/k", "arn:aws:s3:::b"], ["arn:aws:s3:::b/k", "arn:aws:s3:::b"]),
    "the index of a listed table": ("dynamodb", "Query", {"tableName": "t", "indexName": "i"},
                                    [f"arn:aws:dynamodb:{REGIONAL}:table/t"],
                                    [f"arn:aws:dynamodb:{REGIONAL}:table/t",
                                     f"arn:aws:dynamodb:{REGIONAL}:table/t/index/i"]),
    "another load balancer than the classic one":
        ("elasticloadbalancing", "DeleteLoadBalancer",
         {"loadBalancerArn": f"arn:aws:elasticloadbalancing:{REGIONAL}:loadbalancer/app/l/1"}, [],
         [f"arn:aws:elasticloadbalancing:{REGIONAL}:loadbalancer/app/l/1"]),
    "a secret by its name": ("secretsmanager", "GetSecretValue", {"secretId": "s"}, [], []),
    "a user, perhaps with a path": ("iam", "CreateAccessKey", {"userName": "u"}, [], []),
    "a key by its alias": ("kms", "Decrypt", {"keyId": "alias/a"}, [f"arn:aws:kms:{REGIONAL}:key/1"],
                           [f"arn:aws:kms:{REGIONAL}:key/1"]),
    "a name with a wildcard": ("s3", "DeleteObject", {"bucketName": "b", "key": "a*"}, [], []),
    "a copy of an escaped name":
        ("s3", "CopyObject", {"bucketName": "b", "key": "k", "x-amz-copy-source": "from/a%2Bb%20c"}, [],
         ["arn:aws:s3:::b/k", "arn:aws:s3:::from/a+b c"]),
    "a copy of a name that S3 may read in two ways":
        ("s3", "CopyObject", {"bucketName": "b", "key": "k", "x-amz-copy-source": "from/a+b"}, [], []),
    "a masked name among others":
        ("ec2", "StopInstances",
         {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "[masked credential]"}]}}, [], []),
    "no name": ("rds", "DescribeDBInstances", None, [], []),
    "an unknown operation": ("rbin", "LockRule", {"identifier": "r"}, [], []),
    "more than are kept": ("ec2", "StopInstances", {"instancesSet": {"items": MANY}}, [],
                           [f"{INSTANCES}i-{number}" for number in range(MOST_RESOURCES)]),
}  # fmt: skip


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_aud_04_a_call_has_the_resources_that_its_parameters_name(event):
    source, name, parameters, listed, resources = event
    call = called(source, name, parameters, *listed)
    assert list(with_named_resources(call, EVENT_OPERATIONS).resources) == resources
