"""What calls need in addition to their own actions: derived where parameters show it, mentioned elsewhere."""

import pytest

from jitney.core.calls.explainer import explain_calls, explain_line
from jitney.core.problems import Problem
from tests.core.calls.conftest import OPERATIONS, PLACE
from tests.core.calls.test_calls import E, wanted

ROLE = "arn:aws:iam::444455556666:role/r"
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
ON_KEY = f"kms:{E}:key/{KEY}"
VOLUME = "vol-0123456789abcdef0"
POINT = f"arn:aws:s3:{E}:accesspoint/reports"
DIRECTORY = "orders--use1-az4--x-s3"
TAGS = "--tags Key=a,Value=b"

DERIVED = {
    # Tags while creating, on what is created.
    f"aws ec2 create-snapshot --volume-id {VOLUME} --tag-specifications ResourceType=snapshot": [
        ("ec2:CreateSnapshot", "ec2:eu-west-1::snapshot/*", f"ec2:{E}:volume/{VOLUME}"),
        ("ec2:CreateTags", "ec2:eu-west-1::snapshot/*"),
    ],
    f"aws rds create-db-snapshot --db-instance-identifier d --db-snapshot-identifier s {TAGS}": [
        ("rds:CreateDBSnapshot", f"rds:{E}:db:d", f"rds:{E}:snapshot:s"),
        ("rds:AddTagsToResource", f"rds:{E}:snapshot:s"),
    ],
    f"aws iam create-role --role-name r --assume-role-policy-document x {TAGS}": [
        ("iam:CreateRole", "iam::444455556666:role/r"),
        ("iam:TagRole", "iam::444455556666:role/r"),
    ],
    "aws sqs create-queue --queue-name q --tags a=b": [
        ("sqs:CreateQueue", f"sqs:{E}:q"),
        ("sqs:TagQueue", f"sqs:{E}:q"),
    ],
    f"aws sagemaker create-model --model-name m --execution-role-arn {ROLE} {TAGS}": [
        ("sagemaker:CreateModel", f"sagemaker:{E}:model/m"),
        ("iam:PassRole", "iam::444455556666:role/r"),
        ("sagemaker:AddTags", f"sagemaker:{E}:model/m"),
    ],
    f"aws elbv2 create-load-balancer --name n --subnets a b {TAGS}": [
        ("elasticloadbalancing:CreateLoadBalancer", f"elasticloadbalancing:{E}:loadbalancer/app/n/*"),
        ("elasticloadbalancing:AddTags", f"elasticloadbalancing:{E}:loadbalancer/app/n/*"),
    ],
    f"aws elasticache create-cache-cluster --cache-cluster-id c --cache-parameter-group-name p {TAGS}": [
        ("elasticache:CreateCacheCluster", f"elasticache:{E}:cluster:c", f"elasticache:{E}:parametergroup:p"),
        ("elasticache:AddTagsToResource", f"elasticache:{E}:cluster:c"),
    ],
    "aws glue create-crawler --name c --role r --targets x --tags a=b": [
        ("glue:CreateCrawler", "*"),
        ("iam:PassRole", "iam::444455556666:role/r"),  # Glue takes a role's name too
        ("glue:TagResource", f"glue:{E}:crawler/c"),
    ],
    # What is new has no name yet.
    "aws ec2 create-volume --availability-zone eu-west-1a": [("ec2:CreateVolume", f"ec2:{E}:volume/*")],
    "aws ec2 create-security-group --group-name g --description d --vpc-id vpc-1": [
        ("ec2:CreateSecurityGroup", f"ec2:{E}:security-group/*", f"ec2:{E}:vpc/vpc-1")
    ],
    "aws redshift restore-from-cluster-snapshot --cluster-identifier c --snapshot-identifier s": [
        ("redshift:RestoreFromClusterSnapshot", f"redshift:{E}:cluster:c", f"redshift:{E}:snapshot:*/s")
    ],
    "aws rds restore-db-instance-from-db-snapshot --db-instance-identifier d --db-snapshot-identifier s "
    "--option-group-name o --db-parameter-group-name p --db-subnet-group-name n": [
        (
            "rds:RestoreDBInstanceFromDBSnapshot",
            f"rds:{E}:db:d",
            f"rds:{E}:og:o",
            f"rds:{E}:pg:p",
            f"rds:{E}:snapshot:s",
            f"rds:{E}:subgrp:n",
        )
    ],
    # Keys.
    f"aws secretsmanager create-secret --name db --kms-key-id {KEY}": [
        ("secretsmanager:CreateSecret", f"secretsmanager:{E}:secret:db-??????"),
        ("kms:Decrypt", ON_KEY),
        ("kms:GenerateDataKey", ON_KEY),
    ],
    f"aws ssm put-parameter --name /x --value y --key-id {KEY}": [
        ("ssm:PutParameter", f"ssm:{E}:parameter/x"),
        ("kms:Encrypt", ON_KEY),
    ],
    # Code, results, templates, networks.
    f"aws lambda create-function --function-name f --role {ROLE} --code S3Bucket=b,S3Key=k.zip "
    f"--layers arn:aws:lambda:{E}:layer:l:1 --vpc-config SubnetIds=s-1": [
        ("lambda:CreateFunction", f"lambda:{E}:function:f"),
        ("s3:GetObject", "s3:::b/k.zip"),
        ("lambda:GetLayerVersion", f"lambda:{E}:layer:l:1"),
        ("ec2:DescribeSubnets", "*"),
        ("ec2:DescribeSecurityGroups", "*"),
        ("ec2:DescribeVpcs", "*"),
        ("iam:PassRole", "iam::444455556666:role/r"),
    ],
    "aws athena start-query-execution --query-string x --result-configuration OutputLocation=s3://results/q/": [
        ("athena:StartQueryExecution", f"athena:{E}:workgroup/primary"),
        ("s3:GetBucketLocation", "s3:::results"),
        ("s3:ListBucketMultipartUploads", "s3:::results"),
        ("s3:PutObject", "s3:::results/q/*"),
        ("s3:GetObject", "s3:::results/q/*"),
        ("s3:AbortMultipartUpload", "s3:::results/q/*"),
        ("s3:ListMultipartUploadParts", "s3:::results/q/*"),
    ],
    "aws cloudformation create-stack --stack-name s --template-url https://t.s3.eu-west-1.amazonaws.com/a/t.yaml": [
        ("cloudformation:CreateStack", f"cloudformation:{E}:stack/s/*"),
        ("s3:GetObject", "s3:::t/a/t.yaml"),
    ],
    "aws cloudformation create-stack --stack-name s --template-url https://s3.amazonaws.com/t/t.yaml": [
        ("cloudformation:CreateStack", f"cloudformation:{E}:stack/s/*"),
        ("s3:GetObject", "s3:::t/t.yaml"),
    ],
    "aws logs filter-log-events --log-group-name app --unmask": [
        ("logs:FilterLogEvents", f"logs:{E}:log-group:app:*"),
        ("logs:Unmask", f"logs:{E}:log-group:app:*"),
    ],
    "aws logs get-log-record --log-record-pointer p --no-unmask": [("logs:GetLogRecord", "*")],
    "aws rds create-db-instance --db-instance-identifier d --db-instance-class c --engine e "
    "--manage-master-user-password": [
        ("rds:CreateDBInstance", f"rds:{E}:db:d"),
        ("secretsmanager:CreateSecret", f"secretsmanager:{E}:secret:rds!*"),
        ("secretsmanager:TagResource", f"secretsmanager:{E}:secret:rds!*"),
    ],
    "aws rds modify-db-instance --db-instance-identifier d --rotate-master-user-password": [
        ("rds:ModifyDBInstance", f"rds:{E}:db:d"),
        ("secretsmanager:RotateSecret", f"secretsmanager:{E}:secret:rds!*"),
    ],
    "aws rds modify-db-cluster --db-cluster-identifier c --no-rotate-master-user-password": [
        ("rds:ModifyDBCluster", f"rds:{E}:cluster:c")
    ],
    # A version of a function's code.
    "aws lambda update-function-code --function-name f --s3-bucket b --s3-key k --s3-object-version 1": [
        ("lambda:UpdateFunctionCode", f"lambda:{E}:function:f"),
        ("s3:GetObject", "s3:::b/k"),
        ("s3:GetObjectVersion", "s3:::b/k"),
    ],
    "aws lambda publish-layer-version --layer-name l --content S3Bucket=b,S3Key=k,S3ObjectVersion=1": [
        ("lambda:PublishLayerVersion", f"lambda:{E}:layer:l"),
        ("s3:GetObject", "s3:::b/k"),
        ("s3:GetObjectVersion", "s3:::b/k"),
    ],
    f"aws lambda create-function --function-name f --role {ROLE} --code S3Bucket=b,S3Key=k,S3ObjectVersion=1": [
        ("lambda:CreateFunction", f"lambda:{E}:function:f"),
        ("s3:GetObject", "s3:::b/k"),
        ("s3:GetObjectVersion", "s3:::b/k"),
        ("iam:PassRole", "iam::444455556666:role/r"),
    ],
    "aws route53 create-hosted-zone --name n --caller-reference r --vpc VPCId=v": [
        ("route53:CreateHostedZone", "*"),
        ("ec2:DescribeVpcs", "*"),
    ],
    "aws dynamodb restore-table-from-backup --target-table-name t --backup-arn "
    f"arn:aws:dynamodb:{E}:table/orders/backup/1": [
        ("dynamodb:RestoreTableFromBackup", f"dynamodb:{E}:table/orders/backup/1", f"dynamodb:{E}:table/t"),
        *(
            (f"dynamodb:{verb}", f"dynamodb:{E}:table/t")
            for verb in ("BatchWriteItem", "PutItem", "UpdateItem", "DeleteItem", "GetItem", "Query", "Scan")
        ),
    ],
    # Both names of an action.
    "aws glue get-column-statistics-for-table --database-name d --table-name t --column-names c": [
        (f"glue:{name}", f"glue:{E}:database/d", f"glue:{E}:catalog", f"glue:{E}:table/d/t")
        for name in ("GetColumnStatisticsForTable", "GetTable")
    ],
    # The AWS CLI's own calls.
    "aws ecs execute-command --cluster c --task 0123456789abcdef --command sh --interactive": [
        ("ecs:ExecuteCommand", f"ecs:{E}:cluster/c", f"ecs:{E}:task/c/0123456789abcdef"),
        ("ecs:DescribeTasks", f"ecs:{E}:task/c/0123456789abcdef"),
    ],
    "aws cloudformation package --template-file t.yaml --s3-bucket b --s3-prefix p": [
        ("s3:PutObject", "s3:::b/p/*"),
        ("s3:GetObject", "s3:::b/p/*"),
    ],
    # A secret's ARN with and without the suffix.
    f"aws secretsmanager get-secret-value --secret-id arn:aws:secretsmanager:{E}:secret:db/main": [
        ("secretsmanager:GetSecretValue", f"secretsmanager:{E}:secret:db/main-??????")
    ],
    f"aws secretsmanager get-secret-value --secret-id arn:aws:secretsmanager:{E}:secret:db/main-AbCdEf": [
        ("secretsmanager:GetSecretValue", f"secretsmanager:{E}:secret:db/main-AbCdEf")
    ],
    # Tags of API Gateway, by the resource's ARN in the path.
    "aws apigatewayv2 get-tags --resource-arn arn:aws:apigateway:eu-west-1::/apis/a1": [
        ("apigateway:GET", "apigateway:eu-west-1::/tags/arn%3Aaws%3Aapigateway%3Aeu-west-1%3A%3A%2Fapis%2Fa1")
    ],
    # Directory buckets and access points.
    f"aws s3api put-object --bucket {DIRECTORY} --key k": [
        ("s3express:CreateSession", f"s3express:{E}:bucket/{DIRECTORY}")
    ],
    f"aws s3api create-session --bucket {DIRECTORY}": [
        ("s3express:CreateSession", f"s3express:{E}:bucket/{DIRECTORY}")
    ],
    f"aws s3api get-bucket-policy --bucket {DIRECTORY}": [
        ("s3express:GetBucketPolicy", f"s3express:{E}:bucket/{DIRECTORY}")
    ],
    f"aws s3 cp s3://{DIRECTORY}/k .": [("s3express:CreateSession", f"s3express:{E}:bucket/{DIRECTORY}")],
    f"aws s3 rb s3://{DIRECTORY}": [("s3express:DeleteBucket", f"s3express:{E}:bucket/{DIRECTORY}")],
    f"aws s3api get-object --bucket {POINT} --key a/b o": [("s3:GetObject", f"s3:{E}:accesspoint/reports/object/a/b")],
    f"aws s3api list-objects-v2 --bucket {POINT}": [("s3:ListBucket", f"s3:{E}:accesspoint/reports")],
    f"aws s3 cp s3://{POINT}/a/b .": [("s3:GetObject", f"s3:{E}:accesspoint/reports/object/a/b")],
    f"aws s3 rm s3://{POINT}/a/b": [("s3:DeleteObject", f"s3:{E}:accesspoint/reports/object/a/b")],
}


@pytest.mark.parametrize("line", DERIVED)
def test_pol_13_what_parameters_show_is_derived(line):
    explained = explain_line(line, PLACE, OPERATIONS)
    assert [(each.action, *each.resources) for each in explained] == wanted(DERIVED[line])


OF_A_KEY = {"kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"}
MENTIONED = {
    "aws s3 cp s3://reports/a .": {"kms:Decrypt"},
    "aws s3 cp s3://reports/a s3://copies/a": {
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "s3:GetObjectTagging",
        "s3:PutObjectTagging",
    },
    f"aws s3 cp a s3://reports/a --sse-kms-key-id {KEY}": set(),
    "aws s3 cp a s3://reports/a --sse-kms-key-id alias/x": {"kms:Decrypt", "kms:GenerateDataKey"},
    "aws s3api put-object --bucket reports --key a --ssekms-key-id alias/x": {"kms:Decrypt", "kms:GenerateDataKey"},
    "aws secretsmanager create-secret --name db": {
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "secretsmanager:PutResourcePolicy",
    },
    "aws ec2 run-instances --image-id ami-1 --iam-instance-profile Name=p": {"iam:PassRole"},
    "aws ec2 run-instances --image-id ami-1": set(),
    "aws ec2 run-instances --image-id ami-1 --block-device-mappings "
    f"'DeviceName=/dev/xvda,Ebs={{Encrypted=true,KmsKeyId={KEY}}}'": OF_A_KEY,
    "aws dynamodb create-table --table-name t --attribute-definitions AttributeName=a,AttributeType=S --key-schema "
    f"AttributeName=a,KeyType=HASH --sse-specification Enabled=true,SSEType=KMS,KMSMasterKeyId={KEY}": OF_A_KEY,
    f"aws sqs create-queue --queue-name q --attributes KmsMasterKeyId={KEY}": set(),  # SQS uses it later
    "aws ecs run-task --task-definition t": {"iam:PassRole"},
    "aws secretsmanager create-secret --name db --add-replica-regions Region=eu-west-2": {
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "secretsmanager:PutResourcePolicy",
        "secretsmanager:ReplicateSecretToRegions",
    },
    "aws secretsmanager batch-get-secret-value --secret-id-list db": {
        "kms:Decrypt",
        "secretsmanager:GetSecretValue",
        "secretsmanager:ListSecrets",
    },
    "aws athena get-query-results --query-execution-id q": {"kms:Decrypt", "s3:GetObject"},
    f"aws stepfunctions describe-execution --execution-arn arn:aws:states:{E}:execution:m:e": {"kms:Decrypt"},
    "aws ssm get-parameter --name p": {"kms:Decrypt", "secretsmanager:GetSecretValue"},
    "aws ecr batch-get-image --repository-name r --image-ids imageTag=a": {
        "ecr:BatchImportUpstreamImage",
        "ecr:CreateRepository",
    },
    "aws batch create-compute-environment --compute-environment-name e --type MANAGED --eks-configuration a=b": {
        "eks:DescribeCluster"
    },
    "aws wafv2 associate-web-acl --web-acl-arn "
    f"arn:aws:wafv2:{E}:regional/webacl/w/1 --resource-arn arn:aws:apigateway:eu-west-1::/restapis/a/stages/s": {
        "amplify:AssociateWebACL",
        "apigateway:SetWebACL",
        "apprunner:AssociateWebAcl",
        "appsync:AssociateWebACL",
        "appsync:SetWebACL",
        "cognito-idp:AssociateWebACL",
        "ec2:AssociateVerifiedAccessInstanceWebAcl",
        "elasticloadbalancing:CreateWebACLAssociation",
        "elasticloadbalancing:SetWebAcl",
        "wafv2:GetPermissionPolicy",
        "wafv2:PutPermissionPolicy",
    },
    "aws redshift-data execute-statement --sql x --cluster-identifier c": {
        "redshift:GetClusterCredentials",
        "redshift:GetClusterCredentialsWithIAM",
        "redshift-serverless:GetCredentials",
    },
}


@pytest.mark.parametrize("line", MENTIONED)
def test_pol_13_what_no_parameter_shows_is_mentioned_and_not_requested(line):
    first, *others = explain_line(line, PLACE, OPERATIONS)
    assert {each.action for each in first.may_need} == MENTIONED[line]
    assert all(each.why for each in first.may_need)
    assert not any(each.may_need for each in others)
    assert not {each.action for each in (first, *others)} & MENTIONED[line]


def test_pol_13_the_view_of_an_explanation_has_what_may_be_needed():
    (explained,) = explain_calls(["aws athena get-query-results --query-execution-id q"], PLACE, OPERATIONS)
    assert explained.view()["may_need"] == [
        {"action": "s3:GetObject", "why": "on the query's location of results, which the call does not name"},
        {"action": "kms:Decrypt", "why": "if a customer managed key encrypts it"},
    ]


@pytest.mark.parametrize(
    "address",
    [
        "https://t.s3.eu-west-1.amazonaws.com/a%2Ft.yaml",
        "https://s3.eu-west-1.amazonaws.com/t/%61/t.yaml",
        "https://s3.eu-west-1.amazonaws.com/t/a/t.yaml?versionId=1",
        "https://s3.eu-west-1.amazonaws.com:443/t/a/t.yaml",
        "HTTPS://s3.eu-west-1.amazonaws.com/t/a/t.yaml",
        "https://s3.eu-west-1.amazonaws.com/t/b/../a/t.yaml",
        "https://t.s3.dualstack.eu-west-1.amazonaws.com/a/t.yaml",
        "ssm-doc://a",
    ],
)
def test_pol_13_a_template_whose_object_is_not_certain_is_refused(address):
    """The caller's session reads the template, so the call may not leave out which one."""
    for operation in ("create-stack --stack-name s", "validate-template", "get-template-summary"):
        with pytest.raises(Problem) as refused:
            explain_line(f"aws cloudformation {operation} --template-url '{address}'", PLACE, OPERATIONS)
        assert refused.value.code == "call_invalid"
        assert refused.value.extras["expected"][0] == "https://BUCKET.s3.REGION.amazonaws.com/KEY, without escapes"


@pytest.mark.parametrize(
    "line",
    [
        "aws dynamodb get-item --table-name arn:aws:dynamodb:eu-west-1::table/orders --key x",
        "aws sqs get-queue-attributes --queue-url https://sqs.eu-west-1.amazonaws.com/999999999999/q",
        "aws secretsmanager get-secret-value --secret-id arn:aws:secretsmanager:eu-west-1:999999999999:secret:db",
    ],
)
def test_pol_13_an_arn_without_the_targets_account_is_refused(line):
    with pytest.raises(Problem) as raised:
        explain_line(line, PLACE, OPERATIONS)
    assert raised.value.code in {"call_invalid", "account_mismatch"}
