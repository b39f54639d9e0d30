"""The script of the gateway's tour, and the differences that it may show."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from moto.core import DEFAULT_ACCOUNT_ID

REGION = "eu-west-1"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/worker"
PASSWORD = "correct-horse-battery-staple"
KEY = {"id": {"S": "1"}}
TABLE = {
    "TableName": "orders",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
BUCKET = {"Bucket": "reports", "CreateBucketConfiguration": {"LocationConstraint": REGION}}
MACHINE = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})

QUEUE = "the address of the queue"
"""SDKs send to this address, which is the gateway's or AWS's."""

MADE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("s3", "create_bucket", BUCKET),
    ("s3", "put_object", {"Bucket": "reports", "Key": "a b/ü.csv", "Body": b"a,b\n1,2\n", "Metadata": {"n": "x y"}}),
    ("s3", "put_bucket_tagging", {"Bucket": "reports", "Tagging": {"TagSet": [{"Key": "a", "Value": "b&c"}]}}),
    ("dynamodb", "create_table", TABLE),
    ("dynamodb", "put_item", {"TableName": "orders", "Item": KEY | {"b": {"B": b"\x00\x7f"}, "n": {"NULL": True}}}),
    ("iam", "create_role", {"RoleName": "worker", "AssumeRolePolicyDocument": TRUST}),
    ("kms", "create_key", {"Description": "of reports"}),
    ("secretsmanager", "create_secret", {"Name": "db", "SecretString": PASSWORD}),
    ("ssm", "put_parameter", {"Name": "/p", "Value": "v", "Type": "String"}),
    ("ssm", "put_parameter", {"Name": "/s", "Value": PASSWORD, "Type": "SecureString"}),
    ("sns", "create_topic", {"Name": "news"}),
    ("sqs", "create_queue", {"QueueName": "jobs"}),
    ("logs", "create_log_group", {"logGroupName": "/app"}),
    ("cloudwatch", "put_metric_data", {"Namespace": "app", "MetricData": [{"MetricName": "m", "Value": 1.5}]}),
    ("events", "put_rule", {"Name": "hourly", "ScheduleExpression": "rate(1 hour)"}),
    ("stepfunctions", "create_state_machine", {"name": "flow", "definition": MACHINE, "roleArn": ROLE}),
    ("kinesis", "create_stream", {"StreamName": "clicks", "ShardCount": 1}),
    ("ecr", "create_repository", {"repositoryName": "app"}),
    ("ecs", "create_cluster", {"clusterName": "web"}),
    ("route53", "create_hosted_zone", {"Name": "example.com", "CallerReference": "1"}),
    ("apigateway", "create_rest_api", {"name": "shop"}),
    ("apigatewayv2", "create_api", {"Name": "shop2", "ProtocolType": "HTTP"}),
    ("athena", "create_work_group", {"Name": "analysts"}),
    ("efs", "create_file_system", {"CreationToken": "t"}),
    ("acm", "request_certificate", {"DomainName": "example.com"}),
    ("scheduler", "create_schedule_group", {"Name": "nightly"}),
    ("sesv2", "create_email_identity", {"EmailIdentity": "example.com"}),
    ("rds", "create_db_parameter_group",
     {"DBParameterGroupName": "g", "DBParameterGroupFamily": "postgres16", "Description": "d"}),
    ("firehose", "create_delivery_stream",
     {"DeliveryStreamName": "out",
      "S3DestinationConfiguration": {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::reports"}}),
    ("codebuild", "create_project",
     {"name": "build", "source": {"type": "S3", "location": "reports/src.zip"}, "artifacts": {"type": "NO_ARTIFACTS"},
      "environment": {"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
      "serviceRole": ROLE}),
    ("batch", "create_scheduling_policy", {"name": "fair"}),
    ("cloudformation", "create_stack",
     {"StackName": "s", "TemplateBody": json.dumps({"Resources": {"T": {"Type": "AWS::SNS::Topic"}}})}),
)  # fmt: skip
"""What a client makes through the gateway: service, operation and parameters."""

SEEN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("s3", "list_objects_v2", {"Bucket": "reports"}),
    ("s3", "head_object", {"Bucket": "reports", "Key": "a b/ü.csv"}),
    ("s3", "get_object", {"Bucket": "reports", "Key": "a b/ü.csv", "Range": "bytes=2-5"}),
    ("s3", "get_bucket_tagging", {"Bucket": "reports"}),
    ("s3", "list_buckets", {}),
    ("s3", "get_object", {"Bucket": "reports", "Key": "missing"}),
    ("dynamodb", "get_item", {"TableName": "orders", "Key": KEY}),
    ("dynamodb", "scan", {"TableName": "orders", "ReturnConsumedCapacity": "TOTAL"}),
    ("dynamodb", "describe_table", {"TableName": "missing"}),
    ("iam", "get_role", {"RoleName": "worker"}),
    ("iam", "list_policies", {"MaxItems": 5}),
    ("iam", "get_role", {"RoleName": "missing"}),
    ("sts", "get_caller_identity", {}),
    ("kms", "list_keys", {}),
    ("secretsmanager", "list_secrets", {}),
    ("secretsmanager", "get_secret_value", {"SecretId": "db"}),
    ("ssm", "get_parameter", {"Name": "/p"}),
    ("ssm", "get_parameter", {"Name": "/s", "WithDecryption": True}),
    ("sns", "list_topics", {}),
    ("sqs", "list_queues", {}),
    ("sqs", "get_queue_attributes", {"QueueUrl": QUEUE, "AttributeNames": ["QueueArn"]}),
    ("sqs", "get_queue_url", {"QueueName": "missing"}),
    ("lambda", "list_functions", {}),
    ("logs", "describe_log_groups", {}),
    ("cloudwatch", "list_metrics", {"Namespace": "app"}),
    ("events", "list_rules", {}),
    ("stepfunctions", "list_state_machines", {}),
    ("kinesis", "describe_stream_summary", {"StreamName": "clicks"}),
    ("firehose", "list_delivery_streams", {}),
    ("ec2", "describe_vpcs", {}),
    ("ec2", "describe_subnets", {"Filters": [{"Name": "default-for-az", "Values": ["true"]}]}),
    ("ec2", "describe_regions", {}),
    ("ecr", "describe_repositories", {}),
    ("ecs", "describe_clusters", {"clusters": ["web"]}),
    ("route53", "list_hosted_zones", {}),
    ("apigateway", "get_rest_apis", {}),
    ("apigatewayv2", "get_apis", {}),
    ("athena", "list_work_groups", {}),
    ("efs", "describe_file_systems", {}),
    ("acm", "list_certificates", {}),
    ("scheduler", "list_schedule_groups", {}),
    ("sesv2", "get_email_identity", {"EmailIdentity": "example.com"}),
    ("sesv2", "list_email_identities", {}),
    ("ses", "list_identities", {}),
    ("rds", "describe_db_parameter_groups", {}),
    ("elasticache", "describe_cache_subnet_groups", {}),
    ("codebuild", "list_projects", {}),
    ("batch", "list_scheduling_policies", {}),
    ("cloudformation", "describe_stacks", {"StackName": "s"}),
    ("cloudformation", "get_template", {"StackName": "s"}),
    ("elbv2", "describe_load_balancers", {}),
    ("autoscaling", "describe_auto_scaling_groups", {}),
    ("opensearch", "list_domain_names", {}),
    ("organizations", "list_roots", {}),
    ("resourcegroupstaggingapi", "get_resources", {}),
)
"""What a client then reads directly and through the gateway, errors too."""


class Difference(NamedTuple):
    """A place where an answer through the gateway may differ from a direct one."""

    service: str
    path: str
    reason: str


class Refused(NamedTuple):
    """A call of a client that the endpoint refuses by name."""

    client: str
    service: str
    operation: str
    reason: str


OLD_PROTOCOL = "Debian's version speaks the query protocol to CloudWatch, which AWS has replaced by JSON"
MOVED = "AWS has moved the operation to another path since this version"
REFUSED = (
    Refused("aws-cli-2", "cloudwatch", "put_metric_data", OLD_PROTOCOL),
    Refused("aws-cli-2", "cloudwatch", "list_metrics", OLD_PROTOCOL),
    Refused("aws-cli-1", "sesv2", "list_email_identities", MOVED),
    Refused("aws-cli-2", "sesv2", "list_email_identities", MOVED),
)

MASKED = "the value of a secret is masked"
OWN_ADDRESS = "the endpoint puts its own address in place of AWS's, so that SDKs send to it"
MOVING = "moto puts the time of the call there, so that any two answers differ"
EXPECTED = (
    Difference("secretsmanager", "/SecretString", MASKED),
    Difference("ssm", "/Parameter/Value", MASKED),
    Difference("sqs", "/QueueUrls/0", OWN_ADDRESS),
)
"""Each client shows each of these differences, and no other."""
MAY_MOVE = (
    Difference("athena", "/WorkGroups/0/CreationTime", MOVING),
    Difference("athena", "/WorkGroups/1/CreationTime", MOVING),
    Difference("efs", "/FileSystems/0/SizeInBytes/Timestamp", MOVING),
)


def with_queue(script: Any, url: str) -> list[Any]:
    """Return a script with the address of its queue."""
    return [
        (service, operation, {name: url if value == QUEUE else value for name, value in parameters.items()})
        for service, operation, parameters in script
    ]


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Yield the places where two answers differ."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from differences(one[name], other[name], f"{path}/{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}/{number}")
    elif one != other:
        yield path
