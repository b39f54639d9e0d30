"""AWS CLI commands run in the emulator with exactly the permissions that Jitney derives for them, and without them.

Each command runs twice in sessions of an administrator's role. With the derived permissions, IAM allows it. With none
of them, IAM denies it, which shows that the emulator checks this command at all.
"""

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from jitney import resources
from jitney.core.access.request import Permission, permissions_of
from jitney.core.access.session_policy import compile_policy
from jitney.core.actions import ActionTable
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.explainer import explain_line
from jitney.core.calls.operations import OperationTable
from local.agent_shell import AWS_CLI
from local.settings import REGION
from tests.local.gaps.contracts import Emulator
from tests.running_systems import PATIENCE, root_keys, session_keys

pytestmark = pytest.mark.slow

ACTIONS = ActionTable.load(resources.ACTIONS.read_bytes())
OPERATIONS = OperationTable.load(resources.OPERATIONS.read_bytes())
ACCOUNT = "555566667777"
PLACE = AwsLocation("aws", REGION, ACCOUNT)
ARN = f"{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/commands"
QUEUE = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/jobs"
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
NOTHING = (Permission(("sts:GetSessionToken",), ("*",)),)
DENIED = re.compile("AccessDenied|UnauthorizedOperation|AuthorizationError|not authorized to perform|Forbidden")

SETUP = [
    f"aws s3 mb s3://reports-{ACCOUNT}",
    f"aws s3 mb s3://copies-{ACCOUNT}",
    f"aws s3api put-object --bucket reports-{ACCOUNT} --key 2026/q3.csv",
    (
        "aws dynamodb create-table --table-name orders --attribute-definitions AttributeName=id,AttributeType=S "
        "--key-schema AttributeName=id,KeyType=HASH --billing-mode PAY_PER_REQUEST"
    ),
    "aws sqs create-queue --queue-name jobs",
    "aws sns create-topic --name news",
    "aws secretsmanager create-secret --name db --secret-string x",
    "aws ssm put-parameter --name /app/mode --value a --type String",
    "aws logs create-log-group --log-group-name app",
    "aws iam create-role --role-name passed --assume-role-policy-document '{}'",
    "aws kinesis create-stream --stream-name clicks --shard-count 1",
    "aws ecr create-repository --repository-name web",
    "aws events put-rule --name nightly --schedule-expression 'rate(1 day)'",
]

COMMANDS = [
    # S3
    f"aws s3 ls s3://reports-{ACCOUNT}/2026/",
    f"aws s3 cp s3://reports-{ACCOUNT}/2026/q3.csv -",
    f"aws s3 cp s3://reports-{ACCOUNT}/2026/q3.csv s3://copies-{ACCOUNT}/q3.csv",
    f"aws s3 sync s3://reports-{ACCOUNT}/2026 s3://copies-{ACCOUNT}/2026",
    f"aws s3 rm s3://copies-{ACCOUNT}/q3.csv",
    f"aws s3api head-object --bucket reports-{ACCOUNT} --key 2026/q3.csv",
    f"aws s3api list-objects-v2 --bucket reports-{ACCOUNT} --prefix 2026/",
    f"aws s3api put-object --bucket reports-{ACCOUNT} --key new.csv",
    f"aws s3api put-object-tagging --bucket reports-{ACCOUNT} --key 2026/q3.csv --tagging 'TagSet=[{{Key=a,Value=b}}]'",
    f"aws s3api get-bucket-versioning --bucket reports-{ACCOUNT}",
    "aws s3api list-buckets",
    # DynamoDB
    'aws dynamodb get-item --table-name orders --key \'{"id": {"S": "1"}}\'',
    'aws dynamodb put-item --table-name orders --item \'{"id": {"S": "1"}}\'',
    "aws dynamodb scan --table-name orders",
    "aws dynamodb describe-table --table-name orders",
    "aws dynamodb list-tables",
    (
        "aws dynamodb create-table --table-name tagged --attribute-definitions AttributeName=id,AttributeType=S "
        "--key-schema AttributeName=id,KeyType=HASH --billing-mode PAY_PER_REQUEST --tags Key=a,Value=b"
    ),
    'aws dynamodb delete-item --table-name orders --key \'{"id": {"S": "1"}}\'',
    # Messages
    f"aws sqs send-message --queue-url {QUEUE} --message-body x",
    f"aws sqs receive-message --queue-url {QUEUE}",
    f"aws sqs get-queue-attributes --queue-url {QUEUE} --attribute-names All",
    f"aws sqs purge-queue --queue-url {QUEUE}",
    "aws sqs create-queue --queue-name more --tags a=b",
    f"aws sns publish --topic-arn arn:aws:sns:{ARN}:news --message x",
    "aws sns create-topic --name more --tags Key=a,Value=b",
    f"aws sns list-subscriptions-by-topic --topic-arn arn:aws:sns:{ARN}:news",
    "aws kinesis put-record --stream-name clicks --data eA== --partition-key p",
    "aws kinesis describe-stream-summary --stream-name clicks",
    "aws events put-rule --name hourly --schedule-expression 'rate(1 hour)' --tags Key=a,Value=b",
    "aws events describe-rule --name nightly",
    'aws events put-events --entries \'[{"Source": "a", "DetailType": "b", "Detail": "{}"}]\'',
    # Secrets, parameters and keys
    "aws secretsmanager get-secret-value --secret-id db",
    "aws secretsmanager put-secret-value --secret-id db --secret-string y",
    "aws secretsmanager create-secret --name more --secret-string x --tags Key=a,Value=b",
    "aws secretsmanager describe-secret --secret-id db",
    "aws ssm get-parameter --name /app/mode",
    "aws ssm get-parameters-by-path --path /app",
    "aws ssm put-parameter --name /app/more --value b --type String --tags Key=a,Value=b",
    "aws kms create-key --tags TagKey=a,TagValue=b",
    "aws kms list-aliases",
    # Identities
    "aws iam get-role --role-name passed",
    "aws iam create-role --role-name more --assume-role-policy-document '{}' --tags Key=a,Value=b",
    "aws iam list-roles",
    f"aws sts assume-role --role-arn {ROLE} --role-session-name again",
    # Compute
    "aws ec2 describe-instances",
    (
        "aws ec2 create-volume --availability-zone eu-west-1a --size 1 "
        "--tag-specifications 'ResourceType=volume,Tags=[{Key=a,Value=b}]'"
    ),
    "aws ec2 create-security-group --group-name g --description d",
    "aws ec2 run-instances --image-id ami-0123456789abcdef0 --instance-type t3.micro",
    (
        f"aws lambda create-function --function-name f --runtime python3.13 --handler a.b --role {ROLE} "
        f"--code S3Bucket=reports-{ACCOUNT},S3Key=code.zip --tags a=b"
    ),
    "aws lambda list-functions",
    "aws ecs create-cluster --cluster-name c --tags key=a,value=b",
    "aws ecs list-clusters",
    "aws ecr describe-images --repository-name web",
    "aws ecr create-repository --repository-name more --tags Key=a,Value=b",
    "aws ecr get-login-password",
    # Logs, metrics, states, stacks and others
    "aws logs describe-log-streams --log-group-name app",
    "aws logs filter-log-events --log-group-name app",
    "aws logs create-log-group --log-group-name more --tags a=b",
    "aws cloudwatch put-metric-data --namespace a --metric-name b --value 1",
    "aws cloudwatch describe-alarms",
    (
        f"aws stepfunctions create-state-machine --name m --role-arn {ROLE} "
        '--definition \'{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}\' --tags key=a,value=b'
    ),
    "aws cloudformation describe-stacks --stack-name none",
    (
        "aws athena start-query-execution --query-string 'SELECT 1' "
        f"--result-configuration OutputLocation=s3://copies-{ACCOUNT}/results/"
    ),
    "aws glue create-database --database-input Name=d",
    "aws route53 list-hosted-zones",
]

ALL = "on resource: * because"
"""What the emulator says where it checks an action on * although AWS checks it on the resource."""

EMULATOR_DENIES = {
    "aws secretsmanager create-secret": "secret:more because",  # AWS adds six characters to a secret's name
    "aws ssm get-parameters-by-path": ALL,
    "aws ec2 create-volume": ALL,
    "aws ec2 run-instances": f"{ACCOUNT}:image/ami-0123456789abcdef0 because",  # AWS's image ARNs have no account
    "aws lambda create-function": ALL,
    "aws ecs create-cluster": ALL,
    "aws athena start-query-execution": ALL,
    # AWS requires :* at the end of a log group in policies.
    "aws logs describe-log-streams": "log-group:app because",
    "aws logs filter-log-events": "log-group:app because",
    "aws logs create-log-group": "log-group:more because",
}
"""Commands that the emulator denies by an ARN that is not AWS's, with the end of its denial."""


@pytest.fixture
def keys(closed_emulator: Emulator) -> Any:
    """Return a function that makes session keys of a role with all permissions, for a session policy."""
    root = root_keys(ACCOUNT)
    iam, sts = closed_emulator.clients("iam", root), closed_emulator.clients("sts", root)
    iam.create_role(RoleName="commands", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="commands", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))

    def with_policy(permissions: tuple[Permission, ...]) -> dict[str, str]:
        policy = compile_policy(permissions, int(time.time()) + 3600, ACTIONS).text
        session = sts.assume_role(RoleArn=ROLE, RoleSessionName="commands", Policy=policy)
        return session_keys(session["Credentials"])

    return with_policy


def run(endpoint: str, commands: Sequence[tuple[str, dict[str, str]]], folder: Path) -> list[str]:
    """Run command lines, each with its keys, and return their output with an exit code in front."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    variables = {
        **kept,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    lines = [
        [[*shlex.split(line)[1:], "--endpoint-url", endpoint], {name.upper(): value for name, value in keys.items()}]
        for line, keys in commands
    ]
    process = subprocess.run(
        [str(AWS_CLI.parent / "python"), str(Path(__file__).parent / "cli_process.py")],
        input=json.dumps(lines),
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE * 2,
    )
    return [f"{code} {text}" for code, text in json.loads(process.stdout)]


@pytest.mark.skipif(not AWS_CLI.exists(), reason="needs the AWS CLI: make .local/aws-cli/bin/aws")
def test_pol_13_commands_run_on_exactly_what_is_derived(closed_emulator: Emulator, keys: Any, tmp_path: Path):
    root = {**root_keys(ACCOUNT), "aws_session_token": ""}
    run(closed_emulator.endpoint, [(line, root) for line in SETUP], tmp_path)
    derived = [(line, keys(permissions_of(explain_line(line, PLACE, OPERATIONS)))) for line in COMMANDS]
    none = keys(NOTHING)
    without = run(closed_emulator.endpoint, [(line, none) for line in COMMANDS], tmp_path)
    allowed = run(closed_emulator.endpoint, derived, tmp_path)
    denied = {_name(line): text for line, text in zip(COMMANDS, allowed, strict=True) if DENIED.search(text)}
    unchecked = [line for line, text in zip(COMMANDS, without, strict=True) if not DENIED.search(text)]
    assert len(COMMANDS) >= 60
    assert unchecked == []
    assert denied.keys() == EMULATOR_DENIES.keys()
    assert [name for name, text in denied.items() if EMULATOR_DENIES[name] not in text] == []


def _name(line: str) -> str:
    return " ".join(line.split()[:3])
