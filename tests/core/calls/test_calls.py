"""The permissions of command lines: the smallest actions and resources, for the most used services."""

import json
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.access.request import PossibleAction, permissions_of
from jitney.core.calls.explainer import explain_calls, explain_line
from jitney.core.problems import PROBLEMS, Problem
from tests.core.calls.conftest import OPERATIONS, PLACE
from tests.examples import examples

E = "eu-west-1:444455556666"
ORDERS = f"dynamodb:{E}:table/orders"

NEEDS = {
    # The AWS CLI's own S3 commands.
    "aws s3 cp s3://reports/2026/q3.csv .": [("s3:GetObject", "s3:::reports/2026/q3.csv")],
    "aws s3 cp s3://b/k .": [("s3:GetObject", "s3:::b/k")],
    "aws s3 cp s3://reports/q3.csv -": [("s3:GetObject", "s3:::reports/q3.csv")],
    "aws s3 cp dir/q3.csv s3://reports/2026/": [("s3:PutObject", "s3:::reports/2026/q3.csv")],
    "aws s3 cp q3.csv s3://reports": [("s3:PutObject", "s3:::reports/q3.csv")],
    "aws s3 cp '*' s3://reports/2026/all.csv": [("s3:PutObject", "s3:::reports/2026/all.csv")],
    "aws s3 cp 'dir\\q3.csv' s3://reports/q3.csv": [("s3:PutObject", "s3:::reports/q3.csv")],
    "aws s3 cp 's3://reports/a\\b' s3://archive/": [
        ("s3:GetObject", "s3:::reports/a\\b"),
        ("s3:PutObject", "s3:::archive/a\\b"),
    ],
    "aws s3 cp a s3://reports/b --acl public-read": [
        ("s3:PutObject", "s3:::reports/b"),
        ("s3:PutObjectAcl", "s3:::reports/b"),
    ],
    "aws s3 cp s3://reports/a s3://archive/": [("s3:GetObject", "s3:::reports/a"), ("s3:PutObject", "s3:::archive/a")],
    "aws s3 cp s3://reports/2026 . --recursive --exclude '*' --include '*.csv'": [
        ("s3:ListBucket", "s3:::reports"),
        ("s3:GetObject", "s3:::reports/2026/*"),
    ],
    "aws s3 cp s3://reports/2026 . --recursive --exclude=a --exclude=b --include=c --exclude d --include e": [
        ("s3:ListBucket", "s3:::reports"),
        ("s3:GetObject", "s3:::reports/2026/*"),
    ],
    "aws s3 mv s3://reports/a s3://reports/b": [
        ("s3:GetObject", "s3:::reports/a"),
        ("s3:PutObject", "s3:::reports/b"),
        ("s3:DeleteObject", "s3:::reports/a"),
    ],
    "aws s3 sync s3://reports/2026/ backup": [
        ("s3:ListBucket", "s3:::reports"),
        ("s3:GetObject", "s3:::reports/2026/*"),
    ],
    "aws s3 sync . s3://reports --delete": [
        ("s3:ListBucket", "s3:::reports"),
        ("s3:PutObject", "s3:::reports/*"),
        ("s3:DeleteObject", "s3:::reports/*"),
    ],
    "aws s3 sync . s3://reports": [("s3:ListBucket", "s3:::reports"), ("s3:PutObject", "s3:::reports/*")],
    "aws s3 sync s3://reports backup --delete": [("s3:ListBucket", "s3:::reports"), ("s3:GetObject", "s3:::reports/*")],
    "aws s3 ls s3://": [("s3:ListAllMyBuckets", "*")],
    "aws s3 ls": [("s3:ListAllMyBuckets", "*")],
    "aws s3 ls s3://reports/2026/": [("s3:ListBucket", "s3:::reports")],
    "aws s3 ls reports": [("s3:ListBucket", "s3:::reports")],
    "aws s3 rm s3://reports/a": [("s3:DeleteObject", "s3:::reports/a")],
    "aws s3 rm s3://reports/2026 --recursive": [
        ("s3:ListBucket", "s3:::reports"),
        ("s3:DeleteObject", "s3:::reports/2026/*"),
    ],
    "aws s3 mb s3://new-bucket": [("s3:CreateBucket", "s3:::new-bucket")],
    # Tags that are set on creation need their own authorization.
    "aws s3 mb s3://new-bucket --tags k1 v1 --tags k2 v2": [
        ("s3:CreateBucket", "s3:::new-bucket"),
        ("s3:TagResource", "s3:::new-bucket"),
    ],
    "aws s3 mb --tags k v s3://new-bucket": [
        ("s3:CreateBucket", "s3:::new-bucket"),
        ("s3:TagResource", "s3:::new-bucket"),
    ],
    "aws s3api create-bucket --bucket new-bucket "
    """--create-bucket-configuration '{"Tags": [{"Key": "a", "Value": "b"}]}'""": [
        ("s3:CreateBucket", "s3:::new-bucket"),
        ("s3:TagResource", "s3:::new-bucket"),
    ],
    "aws s3api create-bucket --bucket new-bucket "
    "--create-bucket-configuration 'LocationConstraint=eu-west-1,Tags=[{Key=a,Value=b}]'": [
        ("s3:CreateBucket", "s3:::new-bucket"),
        ("s3:TagResource", "s3:::new-bucket"),
    ],
    "aws s3api create-bucket --bucket new-bucket --create-bucket-configuration LocationConstraint=eu-west-1": [
        ("s3:CreateBucket", "s3:::new-bucket")
    ],
    "aws lambda create-function --function-name f --role arn:aws:iam::444455556666:role/r --code S3Bucket=b "
    "--tags a=b": [
        ("lambda:CreateFunction", f"lambda:{E}:function:f"),
        ("iam:PassRole", "iam::444455556666:role/r"),
        ("lambda:TagResource", f"lambda:{E}:function:f"),
    ],
    "aws lambda create-event-source-mapping --function-name f --tags a=b": [
        ("lambda:CreateEventSourceMapping", "*"),
        ("lambda:TagResource", f"lambda:{E}:event-source-mapping:*"),
    ],
    "aws s3 rb s3://old-bucket": [("s3:DeleteBucket", "s3:::old-bucket")],
    "aws s3 presign s3://reports/a --expires-in 60": [("s3:GetObject", "s3:::reports/a")],
    # s3api: most operations have an action of another name.
    "aws s3api get-object --bucket reports --key a out": [("s3:GetObject", "s3:::reports/a")],
    "aws s3api get-object --bucket=reports --key=a --version-id v out": [("s3:GetObjectVersion", "s3:::reports/a")],
    "aws s3api head-object --bucket reports --key a": [("s3:GetObject", "s3:::reports/a")],
    "aws s3api list-objects-v2 --bucket reports --prefix 2026/": [("s3:ListBucket", "s3:::reports")],
    "aws s3api list-buckets": [("s3:ListAllMyBuckets", "*")],
    "aws s3api copy-object --bucket reports --key a --copy-source reports/b": [
        ("s3:PutObject", "s3:::reports/a"),
        ("s3:GetObject", "s3:::reports/b"),
    ],
    "aws s3api delete-objects --bucket reports --delete 'Objects=[{Key=a},{Key=b}]'": [
        ("s3:DeleteObject", "s3:::reports/a", "s3:::reports/b")
    ],
    # A version is authorized by another action than the object.
    """aws s3api delete-objects --bucket reports --delete '{"Objects": [{"Key": "a", "VersionId": "v"}]}'""": [
        ("s3:DeleteObjectVersion", "s3:::reports/a")
    ],
    "aws s3api delete-objects --bucket reports --delete 'Objects=[{Key=a,VersionId=v},{Key=b},{VersionId=w,Key=c}]'": [
        ("s3:DeleteObject", "s3:::reports/b"),
        ("s3:DeleteObjectVersion", "s3:::reports/a", "s3:::reports/c"),
    ],
    "aws s3api copy-object --bucket reports --key a --copy-source 'reports/b?versionId=v'": [
        ("s3:PutObject", "s3:::reports/a"),
        ("s3:GetObjectVersion", "s3:::reports/b"),
    ],
    "aws s3api upload-part-copy --bucket reports --key a --part-number 1 --upload-id u "
    "--copy-source '/reports/b?versionId=v'": [
        ("s3:PutObject", "s3:::reports/a"),
        ("s3:GetObjectVersion", "s3:::reports/b"),
    ],
    # The AWS CLI escapes the name of the original once.
    "aws s3api copy-object --bucket reports --key a --copy-source 'reports/b%20c+d ü'": [
        ("s3:PutObject", "s3:::reports/a"),
        ("s3:GetObject", "s3:::reports/b%20c+d ü"),
    ],
    """aws s3api copy-object --cli-input-json '{"Bucket": "reports", "Key": "a", "CopySource": "reports/b%20c+d"}'""": [
        ("s3:PutObject", "s3:::reports/a"),
        ("s3:GetObject", "s3:::reports/b%20c+d"),
    ],
    # ACLs and lock overrides need their own authorization.
    **{
        f"aws s3api {command} --bucket reports --key a --grant-{grant} id=1": [
            ("s3:PutObject", "s3:::reports/a"),
            ("s3:PutObjectAcl", "s3:::reports/a"),
        ]
        for command in ("put-object", "create-multipart-upload")
        for grant in ("full-control", "read", "read-acp", "write-acp")
    },
    "aws s3api put-object --bucket reports --key a --acl private --grant-read id=1 --grant-full-control id=2": [
        ("s3:PutObject", "s3:::reports/a"),
        ("s3:PutObjectAcl", "s3:::reports/a"),
    ],
    "aws s3api copy-object --bucket reports --key a --copy-source reports/b --grant-read id=1 "
    "--object-lock-mode GOVERNANCE --object-lock-legal-hold-status ON": [
        ("s3:PutObject", "s3:::reports/a"),
        ("s3:GetObject", "s3:::reports/b"),
        ("s3:PutObjectAcl", "s3:::reports/a"),
        ("s3:PutObjectLegalHold", "s3:::reports/a"),
        ("s3:PutObjectRetention", "s3:::reports/a"),
    ],
    "aws s3api create-bucket --bucket new-bucket --grant-write id=1 --object-ownership ObjectWriter "
    "--object-lock-enabled-for-bucket": [
        ("s3:CreateBucket", "s3:::new-bucket"),
        ("s3:PutBucketAcl", "s3:::new-bucket"),
        ("s3:PutBucketOwnershipControls", "s3:::new-bucket"),
        ("s3:PutBucketObjectLockConfiguration", "s3:::new-bucket"),
        ("s3:PutBucketVersioning", "s3:::new-bucket"),
    ],
    "aws s3api create-bucket --bucket new-bucket --no-object-lock-enabled-for-bucket": [
        ("s3:CreateBucket", "s3:::new-bucket")
    ],
    "aws s3api delete-object --bucket reports --key a --version-id v --bypass-governance-retention": [
        ("s3:DeleteObjectVersion", "s3:::reports/a"),
        ("s3:BypassGovernanceRetention", "s3:::reports/a"),
    ],
    "aws s3api delete-object --bucket reports --key a --no-bypass-governance-retention": [
        ("s3:DeleteObject", "s3:::reports/a")
    ],
    "aws s3api delete-objects --bucket reports --delete 'Objects=[{Key=a,VersionId=v},{Key=b}]' "
    "--bypass-governance-retention": [
        ("s3:DeleteObject", "s3:::reports/b"),
        ("s3:DeleteObjectVersion", "s3:::reports/a"),
        ("s3:BypassGovernanceRetention", "s3:::reports/b", "s3:::reports/a"),
    ],
    "aws s3api put-object-retention --bucket reports --key a --retention Mode=GOVERNANCE "
    "--bypass-governance-retention": [
        ("s3:PutObjectRetention", "s3:::reports/a"),
        ("s3:BypassGovernanceRetention", "s3:::reports/a"),
    ],
    "aws s3api upload-part --bucket reports --key a --part-number 1 --upload-id u": [
        ("s3:PutObject", "s3:::reports/a")
    ],
    # DynamoDB
    'aws dynamodb get-item --table-name orders --key \'{"id": {"S": "1"}}\'': [("dynamodb:GetItem", ORDERS)],
    "aws dynamodb get-item --table-name orders --key file://key.json": [("dynamodb:GetItem", ORDERS)],
    # The AWS CLI takes the last of several.
    "aws dynamodb query --table-name a --table-name orders": [("dynamodb:Query", ORDERS)],
    "aws dynamodb query --table-name orders --key-condition-expression 'id = :v'": [("dynamodb:Query", ORDERS)],
    "aws dynamodb query --table-name orders --index-name by-day": [("dynamodb:Query", f"{ORDERS}/index/by-day")],
    "aws dynamodb scan --table-name orders --max-items 5 --no-paginate": [("dynamodb:Scan", ORDERS)],
    "aws dynamodb execute-statement --statement 'SELECT * FROM \"orders\"'": [("dynamodb:PartiQLSelect", ORDERS)],
    "aws dynamodb execute-statement --statement 'SELECT \"a FROM b\" FROM orders'": [
        ("dynamodb:PartiQLSelect", ORDERS)
    ],
    'aws dynamodb execute-statement --statement \'select a[0].b, "it""s FROM x" from "orders"."by-day" WHERE a = 1\'': [
        ("dynamodb:PartiQLSelect", f"{ORDERS}/index/by-day")
    ],
    "aws dynamodb execute-statement --statement 'UPDATE \"orders\" SET a = 1 WHERE id = 2'": [
        ("dynamodb:PartiQLUpdate", ORDERS)
    ],
    "aws dynamodb execute-statement --statement 'DELETE FROM \"orders\" WHERE id = 2'": [
        ("dynamodb:PartiQLDelete", ORDERS)
    ],
    "aws dynamodb execute-statement --statement 'INSERT INTO \"orders\" VALUE {}'": [
        ("dynamodb:PartiQLInsert", ORDERS)
    ],
    'aws dynamodb batch-get-item --request-items \'{"orders": {"Keys": []}}\'': [("dynamodb:BatchGetItem", ORDERS)],
    'aws dynamodb transact-write-items --transact-items \'[{"Put": {"TableName": "orders", "Item": {}}}]\'': [
        ("dynamodb:PutItem", ORDERS)
    ],
    "aws dynamodb wait table-exists --table-name orders": [("dynamodb:DescribeTable", ORDERS)],
    # Lambda, messages, logs
    "aws lambda invoke --function-name f --payload '{}' out": [("lambda:InvokeFunction", f"lambda:{E}:function:f")],
    "aws lambda invoke --function-name f --qualifier prod out": [
        ("lambda:InvokeFunction", f"lambda:{E}:function:f:prod")
    ],
    f"aws lambda get-function --function-name arn:aws:lambda:{E}:function:f": [
        ("lambda:GetFunction", f"lambda:{E}:function:f")
    ],
    "aws lambda create-function --function-name f --role arn:aws:iam::444455556666:role/r --code S3Bucket=b": [
        ("lambda:CreateFunction", f"lambda:{E}:function:f"),
        ("iam:PassRole", "iam::444455556666:role/r"),
    ],
    "aws sqs send-message --queue-url https://sqs.eu-west-1.amazonaws.com/444455556666/q --message-body x": [
        ("sqs:SendMessage", f"sqs:{E}:q")
    ],
    f"aws sns publish --topic-arn arn:aws:sns:{E}:t --message x": [("sns:Publish", f"sns:{E}:t")],
    "aws logs filter-log-events --log-group-name /aws/lambda/f": [
        ("logs:FilterLogEvents", f"logs:{E}:log-group:/aws/lambda/f:*")
    ],
    "aws logs get-log-events --log-group-name g --log-stream-name s": [
        ("logs:GetLogEvents", f"logs:{E}:log-group:g:log-stream:s")
    ],
    # Secrets, parameters, keys, identities
    "aws secretsmanager get-secret-value --secret-id db": [
        ("secretsmanager:GetSecretValue", f"secretsmanager:{E}:secret:db-??????")
    ],
    "aws ssm get-parameters --names /a/b c": [("ssm:GetParameters", f"ssm:{E}:parameter/a/b", f"ssm:{E}:parameter/c")],
    "aws ssm get-parameters --names /a/b:3 c:new d": [
        ("ssm:GetParameters", *(f"ssm:{E}:parameter/{each}" for each in ("a/b", "c", "d")))
    ],
    f"aws ssm get-parameter --name arn:aws:ssm:{E}:parameter/a/b:3": [("ssm:GetParameter", f"ssm:{E}:parameter/a/b")],
    "aws kms decrypt --key-id 1234 --ciphertext-blob fileb://x": [("kms:Decrypt", f"kms:{E}:key/1234")],
    "aws kms encrypt --key-id alias/x --plaintext a": [("kms:Encrypt", f"kms:{E}:key/*")],
    f"aws kms encrypt --key-id arn:aws:kms:{E}:alias/x --plaintext a": [("kms:Encrypt", f"kms:{E}:key/*")],
    "aws sts get-caller-identity": [("sts:GetCallerIdentity", "*")],
    "aws sts assume-role --role-arn arn:aws:iam::444455556666:role/r --role-session-name s": [
        ("sts:AssumeRole", "iam::444455556666:role/r")
    ],
    "aws iam create-user --user-name u": [("iam:CreateUser", "iam::444455556666:user/u")],
    # EC2, ECS
    "aws ec2 describe-instances --filters Name=x,Values=y": [("ec2:DescribeInstances", "*")],
    "aws ec2 stop-instances --instance-ids i-1 i-2": [
        ("ec2:StopInstances", f"ec2:{E}:instance/i-1", f"ec2:{E}:instance/i-2")
    ],
    "aws ecs update-service --service s --cluster c": [("ecs:UpdateService", f"ecs:{E}:service/c/s")],
    "aws ecs describe-services --services s": [("ecs:DescribeServices", f"ecs:{E}:service/default/s")],
    "aws ecs run-task --task-definition f:3": [("ecs:RunTask", f"ecs:{E}:task-definition/f:3")],
    # Athena, Glue, and others
    "aws athena start-query-execution --query-string 'select 1' --work-group w": [
        ("athena:StartQueryExecution", f"athena:{E}:workgroup/w")
    ],
    "aws glue get-table --database-name d --name t": [
        ("glue:GetTable", f"glue:{E}:database/d", f"glue:{E}:catalog", f"glue:{E}:table/d/t")
    ],
    "aws apigateway get-resource --rest-api-id a --resource-id r": [
        ("apigateway:GET", "apigateway:eu-west-1::/restapis/a/resources/r")
    ],
    "aws bedrock-runtime converse --model-id m": [("bedrock:InvokeModel", "bedrock:eu-west-1::foundation-model/m")],
    "aws ecr get-login-password": [("ecr:GetAuthorizationToken", "*")],
    # A named key is requested; an alias does not reveal its key.
    "aws s3 cp a s3://reports/a --sse aws:kms --sse-kms-key-id 1234": [
        ("s3:PutObject", "s3:::reports/a"),
        ("kms:GenerateDataKey", f"kms:{E}:key/1234"),
        ("kms:Decrypt", f"kms:{E}:key/1234"),
    ],
    f"aws s3 cp a s3://reports/a --sse-kms-key-id arn:aws:kms:{E}:key/1234 --region us-east-1": [
        ("s3:PutObject", "s3:::reports/a"),
        ("kms:GenerateDataKey", f"kms:{E}:key/1234"),
        ("kms:Decrypt", f"kms:{E}:key/1234"),
    ],
    "aws s3 cp a s3://reports/a --sse-kms-key-id 1234 --region us-east-1": [
        ("s3:PutObject", "s3:::reports/a"),
        ("kms:GenerateDataKey", "kms:us-east-1:444455556666:key/1234"),
        ("kms:Decrypt", "kms:us-east-1:444455556666:key/1234"),
    ],
    "aws s3 cp a s3://reports/a --sse-kms-key-id alias/x": [
        ("s3:PutObject", "s3:::reports/a"),
    ],
    "aws s3api put-object --bucket reports --key a --body x --ssekms-key-id 1234": [
        ("s3:PutObject", "s3:::reports/a"),
        ("kms:GenerateDataKey", f"kms:{E}:key/1234"),
    ],
    # The type of an id is in the id, or in another parameter's name.
    "aws ec2 create-tags --resources i-0a vol-1 ami-2 --tags Key=a,Value=b": [
        ("ec2:CreateTags", f"ec2:{E}:instance/i-0a", f"ec2:{E}:volume/vol-1", "ec2:eu-west-1::image/ami-2")
    ],
    "aws ec2 authorize-security-group-ingress --group-id sg-1 --protocol tcp --port 22 --cidr 0.0.0.0/0": [
        ("ec2:AuthorizeSecurityGroupIngress", f"ec2:{E}:security-group/sg-1")
    ],
    "aws route53 change-resource-record-sets --hosted-zone-id /hostedzone/Z1 --change-batch file://x": [
        ("route53:ChangeResourceRecordSets", "route53:::hostedzone/Z1")
    ],
    "aws ssm start-session --target i-0a": [("ssm:StartSession", f"ec2:{E}:instance/i-0a")],
    "aws ssm send-command --document-name AWS-RunShellScript --instance-ids i-0a --parameters commands=ls": [
        (
            "ssm:SendCommand",
            f"ssm:{E}:document/AWS-RunShellScript",
            "ssm:eu-west-1::document/AWS-RunShellScript",
            f"ec2:{E}:instance/i-0a",
            f"ssm:{E}:managed-instance/i-0a",
        )
    ],
    "aws ssm send-command --document-name d --targets Key=tag:a,Values=b": [
        ("ssm:SendCommand", f"ssm:{E}:document/d", f"ec2:{E}:instance/*", f"ssm:{E}:managed-instance/*")
    ],
    # Every form in which the AWS CLI takes parameters.
    "aws ec2 --region us-east-1 start-instances --instance-ids i-1": [
        ("ec2:StartInstances", "ec2:us-east-1:444455556666:instance/i-1")
    ],
    "aws ec2 start-instances --instance-id i-1": [("ec2:StartInstances", f"ec2:{E}:instance/i-1")],
    "aws ec2 start-instances --instance-ids i-1,i-2": [("ec2:StartInstances", f"ec2:{E}:instance/i-1,i-2")],
    "aws ec2 start-instances --instance-ids '{i-1}'": [("ec2:StartInstances", f"ec2:{E}:instance/{{i-1}}")],
    "aws ec2 modify-subnet-attribute --subnet-id subnet-1 --map-public-ip-on-launch": [
        ("ec2:ModifySubnetAttribute", f"ec2:{E}:subnet/subnet-1")
    ],
    "aws ec2 modify-subnet-attribute --subnet-id subnet-1 --map-public-ip-on-launch Value=true": [
        ("ec2:ModifySubnetAttribute", f"ec2:{E}:subnet/subnet-1")
    ],
    "aws ec2 modify-subnet-attribute --subnet-id subnet-1 --no-map-public-ip-on-launch": [
        ("ec2:ModifySubnetAttribute", f"ec2:{E}:subnet/subnet-1")
    ],
    """aws dynamodb scan --limit 3 --cli-input-json '{"TableName": "orders", "Limit": 5}'""": [
        ("dynamodb:Scan", ORDERS)
    ],
    """aws dynamodb scan --table-name orders --cli-input-json '{"TableName": "other"}'""": [("dynamodb:Scan", ORDERS)],
    """aws iam tag-role --role-name r --tags '{"Key": "a", "Value": "b"}'""": [
        ("iam:TagRole", "iam::444455556666:role/r")
    ],
    "aws s3api select-object-content --bucket reports --key a --expression x --expression-type SQL "
    "--input-serialization 'CSV={}' --output-serialization '{\"CSV\": {}}' out": [("s3:GetObject", "s3:::reports/a")],
    "aws cloudfront create-invalidation --distribution-id D --paths / /a": [
        ("cloudfront:CreateInvalidation", "cloudfront::444455556666:distribution/D")
    ],
    "aws s3api delete-objects --bucket reports --delete 'Objects=[{Key=2026 q3.csv},{Key=\"a,b\"}]'": [
        ("s3:DeleteObject", "s3:::reports/2026 q3.csv", "s3:::reports/a,b")
    ],
    "aws events put-events --entries 'Source=z,Detail=\"x EventBusName=foo y\"'": [
        ("events:PutEvents", f"events:{E}:event-bus/default")
    ],
    "aws s3api put-object --bucket reports --key k --content-type '--a b'": [("s3:PutObject", "s3:::reports/k")],
    "aws eks get-token --cluster-name c": [("sts:GetCallerIdentity", "*")],
    "aws eks get-token --cluster-name c --role-arn arn:aws:iam::444455556666:role/r": [
        ("sts:GetCallerIdentity", "*"),
        ("sts:AssumeRole", "iam::444455556666:role/r"),
    ],
    "aws eks update-kubeconfig --name c --role-arn arn:aws:iam::444455556666:role/r --alias a": [
        ("eks:DescribeCluster", f"eks:{E}:cluster/c")
    ],
    "aws deploy list-application-revisions --application-name a --s-3-bucket b": [
        ("codedeploy:ListApplicationRevisions", f"codedeploy:{E}:application:a")
    ],
    # Text that looks like a role in shorthand passes no role.
    "aws events put-targets --rule r --targets "
    "'Id=1,Arn=a,Input=\"RoleArn=arn:aws:iam::444455556666:role/x\",RoleArn=arn:aws:iam::444455556666:role/y'": [
        ("events:PutTargets", f"events:{E}:rule/r"),
        ("iam:PassRole", "iam::444455556666:role/y"),
    ],
    # One list of resources has both parts of each.
    "aws ecs delete-task-definitions --task-definitions a:1 b:2": [
        ("ecs:DeleteTaskDefinitions", f"ecs:{E}:task-definition/a:1", f"ecs:{E}:task-definition/b:2")
    ],
    # A whole ARN says what absent parameters would.
    f"aws ecs update-service --service arn:aws:ecs:{E}:service/c/s": [("ecs:UpdateService", f"ecs:{E}:service/c/s")],
    f"aws ecs update-service --cluster arn:aws:ecs:{E}:cluster/c --service arn:aws:ecs:{E}:service/c/s": [
        ("ecs:UpdateService", f"ecs:{E}:service/c/s")
    ],
    # A required type of resource that no parameter names is open in its ARN.
    "aws ec2 create-subnet --vpc-id vpc-1 --cidr-block 10.0.0.0/24": [
        ("ec2:CreateSubnet", f"ec2:{E}:subnet/*", f"ec2:{E}:vpc/vpc-1")
    ],
    "aws route53 change-tags-for-resource --resource-type hostedzone --resource-id Z1 --remove-tag-keys a": [
        ("route53:ChangeTagsForResource", "route53:::hostedzone/Z1")
    ],
    'aws events put-events --entries \'[{"Source": "a"}, {"EventBusName": "b"}]\'': [
        ("events:PutEvents", f"events:{E}:event-bus/default", f"events:{E}:event-bus/b")
    ],
    "aws events put-events --entries Source=a,EventBusName=b": [("events:PutEvents", f"events:{E}:event-bus/b")],
    "aws events put-events --entries EventBusName=x,Source=y Source=z": [
        ("events:PutEvents", f"events:{E}:event-bus/x", f"events:{E}:event-bus/default")
    ],
    # Another member's value names no resource.
    "aws events put-events --entries Source=z,Detail=xEventBusName=foo": [
        ("events:PutEvents", f"events:{E}:event-bus/default")
    ],
    "aws dynamodb transact-write-items --transact-items 'Put={TableName=orders,Item={id={S=1}}}'": [
        ("dynamodb:PutItem", ORDERS)
    ],
    "aws dynamodb batch-get-item --request-items 'orders={Keys=[{id={S=1}}]}'": [("dynamodb:BatchGetItem", ORDERS)],
    "aws s3api delete-objects --bucket reports --delete 'Objects={Key=dt=2026/a},Quiet=true'": [
        ("s3:DeleteObject", "s3:::reports/dt=2026/a")
    ],
    "aws ecs describe-clusters": [("ecs:DescribeClusters", f"ecs:{E}:cluster/default")],
    "aws ecs describe-clusters --clusters a b": [("ecs:DescribeClusters", f"ecs:{E}:cluster/a", f"ecs:{E}:cluster/b")],
    f"aws lambda list-tags --resource arn:aws:lambda:{E}:function:f": [("lambda:ListTags", f"lambda:{E}:function:f")],
    "aws redshift-data execute-statement --cluster-identifier c --sql x": [
        ("redshift-data:ExecuteStatement", f"redshift:{E}:cluster:c")
    ],
    # A cross-Region profile also needs the model in each Region.
    "aws bedrock-runtime invoke-model --model-id eu.amazon.nova-lite-v1:0 --body x out": [
        (
            "bedrock:InvokeModel",
            f"bedrock:{E}:inference-profile/eu.amazon.nova-lite-v1:0",
            "bedrock:*::foundation-model/amazon.nova-lite-v1:0",
        )
    ],
    f"aws bedrock-runtime converse --model-id arn:aws:bedrock:{E}:inference-profile/eu.amazon.nova-lite-v1:0": [
        (
            "bedrock:InvokeModel",
            f"bedrock:{E}:inference-profile/eu.amazon.nova-lite-v1:0",
            "bedrock:*::foundation-model/amazon.nova-lite-v1:0",
        )
    ],
    f"aws bedrock-runtime converse --model-id arn:aws:bedrock:{E}:provisioned-model/p": [
        ("bedrock:InvokeModel", f"bedrock:{E}:provisioned-model/p")
    ],
    "aws autoscaling set-desired-capacity --auto-scaling-group-name g --desired-capacity 2": [
        ("autoscaling:SetDesiredCapacity", f"autoscaling:{E}:autoScalingGroup:*:autoScalingGroupName/g")
    ],
    # One parameter names one resource: a group is not a schedule, and the default bus is not another bus.
    "aws scheduler delete-schedule --name s": [("scheduler:DeleteSchedule", f"scheduler:{E}:schedule/default/s")],
    "aws scheduler get-schedule --name s --group-name g": [("scheduler:GetSchedule", f"scheduler:{E}:schedule/g/s")],
    "aws scheduler get-schedule-group --name g": [("scheduler:GetScheduleGroup", f"scheduler:{E}:schedule-group/g")],
    "aws events put-rule --name r --schedule-expression 'rate(1 day)'": [("events:PutRule", f"events:{E}:rule/r")],
    "aws events put-rule --event-bus-name default --name r": [("events:PutRule", f"events:{E}:rule/r")],
    "aws events put-rule --event-bus-name b --name r": [("events:PutRule", f"events:{E}:rule/b/r")],
    f"aws events put-rule --event-bus-name arn:aws:events:{E}:event-bus/b --name r": [
        ("events:PutRule", f"events:{E}:rule/b/r")
    ],
    "aws wafv2 get-web-acl --scope REGIONAL --name w --id 1": [("wafv2:GetWebACL", f"wafv2:{E}:regional/webacl/w/1")],
    "aws wafv2 get-ip-set --scope CLOUDFRONT --name s --id 1": [
        ("wafv2:GetIPSet", "wafv2:us-east-1:444455556666:global/ipset/s/1")
    ],
    "aws wafv2 update-web-acl --scope REGIONAL --name w --id 1 --lock-token t --default-action Block=x "
    "--visibility-config SampledRequestsEnabled=false": [("wafv2:UpdateWebACL", f"wafv2:{E}:regional/webacl/w/1")],
    "aws wafv2 create-ip-set --scope REGIONAL --name s --ip-address-version IPV4 --addresses 10.0.0.0/8": [
        ("wafv2:CreateIPSet", f"wafv2:{E}:regional/ipset/s/*")
    ],
    "aws glue delete-database --name d": [
        (
            "glue:DeleteDatabase",
            f"glue:{E}:catalog",
            f"glue:{E}:database/d",
            f"glue:{E}:table/d/*",
            f"glue:{E}:userDefinedFunction/d/*",
        )
    ],
    "aws application-autoscaling put-scheduled-action --service-namespace ecs --scheduled-action-name a "
    "--resource-id service/c/s --scalable-dimension d": [
        ("application-autoscaling:PutScheduledAction", f"application-autoscaling:{E}:scalable-target/*")
    ],
    "aws ssm add-tags-to-resource --resource-type Parameter --resource-id /a --tags Key=a,Value=b": [
        ("ssm:AddTagsToResource", f"ssm:{E}:parameter/a")
    ],
    "aws cloudfront delete-key-value-store --name k --if-match e": [("cloudfront:DeleteKeyValueStore", "*")],
    "aws kinesis start-stream-encryption --stream-name s --encryption-type KMS --key-id 1234": [
        ("kinesis:StartStreamEncryption", f"kms:{E}:key/1234", f"kinesis:{E}:stream/s")
    ],
    "aws kinesis stop-stream-encryption --stream-name s --encryption-type KMS --key-id alias/x": [
        ("kinesis:StopStreamEncryption", f"kms:{E}:key/*", f"kinesis:{E}:stream/s")
    ],
    "aws route53 get-change --id /change/C1": [("route53:GetChange", "route53:::change/C1")],
    f"aws logs start-live-tail --log-group-identifiers arn:aws:logs:{E}:log-group:g": [
        ("logs:StartLiveTail", f"logs:{E}:log-group:g:*")
    ],
    f"aws eks tag-resource --resource-arn arn:aws:eks:{E}:cluster/c --tags a=b": [
        ("eks:TagResource", f"eks:{E}:cluster/c")
    ],
    "aws eks delete-pod-identity-association --cluster-name c --association-id a": [
        ("eks:DeletePodIdentityAssociation", f"eks:{E}:podidentityassociation/c/a")
    ],
    "aws iam add-role-to-instance-profile --instance-profile-name p --role-name r": [
        ("iam:AddRoleToInstanceProfile", "iam::444455556666:instance-profile/p"),
        ("iam:PassRole", "iam::444455556666:role/r"),
    ],
    # The CLI's own commands.
    "aws logs tail /aws/lambda/f --follow --since 1h": [
        ("logs:FilterLogEvents", f"logs:{E}:log-group:/aws/lambda/f:*")
    ],
    "aws cloudformation deploy --stack-name s --template-file t.yaml --capabilities CAPABILITY_IAM": [
        (f"cloudformation:{action}", f"cloudformation:{E}:stack/s/*")
        for action in ("DescribeStacks", "CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet")
    ],
    "aws cloudformation deploy --stack-name s --template-file t.yaml --no-execute-changeset --s3-bucket b "
    "--s3-prefix x --role-arn arn:aws:iam::444455556666:role/r": [
        ("cloudformation:DescribeStacks", f"cloudformation:{E}:stack/s/*"),
        ("cloudformation:CreateChangeSet", f"cloudformation:{E}:stack/s/*"),
        ("cloudformation:DescribeChangeSet", f"cloudformation:{E}:stack/s/*"),
        ("iam:PassRole", "iam::444455556666:role/r"),
        ("s3:PutObject", "s3:::b/x/*"),
        ("s3:GetObject", "s3:::b/x/*"),
    ],
    # Global options, before and after the command.
    "aws --region us-east-1 --output json dynamodb scan --table-name orders --query 'Items[0]'": [
        ("dynamodb:Scan", "dynamodb:us-east-1:444455556666:table/orders")
    ],
}


def wanted(needs):
    """Return the actions and whole ARNs of a row of the table."""
    return [(action, *(arn if arn == "*" else f"arn:aws:{arn}" for arn in resources)) for action, *resources in needs]


@pytest.mark.parametrize("line", NEEDS)
def test_a_command_line_needs_exactly_this(line):
    explained = explain_line(line, PLACE, OPERATIONS)
    assert [(each.action, *each.resources) for each in explained] == wanted(NEEDS[line])
    assert all(each.why for each in explained)


def test_new_instances_are_requested_by_type_and_tags_are_mentioned():
    line = "aws ec2 run-instances --image-id ami-1 --count 1 --subnet-id s-1 --tag-specifications 'ResourceType=volume'"
    run, tag = explain_line(line, PLACE, OPERATIONS)
    assert "arn:aws:ec2:eu-west-1::image/ami-1" in run.resources
    assert f"arn:aws:ec2:{E}:subnet/s-1" in run.resources
    assert f"arn:aws:ec2:{E}:instance/*" in run.resources
    assert (tag.action, tag.resources) == ("ec2:CreateTags", (f"arn:aws:ec2:{E}:volume/*",))
    assert "tags" in tag.why


def test_a_launch_template_is_requested_and_may_hold_the_image():
    (run,) = explain_line("aws ec2 run-instances --launch-template LaunchTemplateId=lt-1,Version=2", PLACE, OPERATIONS)
    assert {"arn:aws:ec2:eu-west-1::image/*", f"arn:aws:ec2:{E}:launch-template/lt-1"} < set(run.resources)
    (run,) = explain_line("aws ec2 run-instances --launch-template LaunchTemplateName=web", PLACE, OPERATIONS)
    assert f"arn:aws:ec2:{E}:launch-template/*" in run.resources


def test_the_explanation_says_why_an_action_is_needed():
    reasons = {
        "aws dynamodb scan --table-name orders": "the action of the operation itself",
        "aws s3api list-object-versions --bucket reports": "ListObjectVersions is authorized as this action",
        "aws s3 ls s3://reports/2026/": "objects are listed; only with exactly this prefix",
        "aws backup start-report-job --report-plan-name p": "such as an id that AWS chooses, are wildcards",
        "aws kms decrypt --ciphertext-blob x": "keys are authorized by their id or ARN",
    }
    for line, why in reasons.items():
        assert why in explain_line(line, PLACE, OPERATIONS)[0].why, line


def test_a_resource_that_no_parameter_names_is_said():
    (unnamed,) = explain_line("aws athena get-query-results --query-execution-id q", PLACE, OPERATIONS)
    assert unnamed.resources == ("*",)
    assert "no parameter of the call is known to name the resource" in unnamed.why


def test_tags_in_a_file_are_mentioned_as_not_requested():
    line = "aws s3api create-bucket --bucket new-bucket --create-bucket-configuration file://x"
    (explained,) = explain_line(line, PLACE, OPERATIONS)
    why = "if CreateBucketConfiguration requires it; the call does not contain its value"
    assert PossibleAction("s3:TagResource", why) in explained.may_need


def test_an_object_is_the_same_call():
    call = {"service": "dynamodb", "operation": "GetItem", "parameters": {"TableName": "orders", "Key": {}}}
    (explained,) = explain_calls([call], PLACE, OPERATIONS)
    assert (explained.action, explained.resources) == ("dynamodb:GetItem", (f"arn:aws:{ORDERS}",))


def test_an_object_may_name_another_region():
    call = {"service": "dynamodb", "operation": "Scan", "region": "eu-north-1", "parameters": {"TableName": "orders"}}
    (explained,) = explain_calls([call], PLACE, OPERATIONS)
    assert explained.resources == (f"arn:aws:dynamodb:eu-north-1:{PLACE.account}:table/orders",)


def test_actions_on_the_same_resources_share_a_permission():
    lines = ["aws s3 cp s3://reports/a .", "aws s3 rm s3://reports/a", "aws s3 cp s3://reports/a ."]
    (permission,) = permissions_of(explain_calls(lines, PLACE, OPERATIONS))
    assert permission.actions == ("s3:GetObject", "s3:DeleteObject")


def test_a_flag_is_shown_as_it_was_given():
    lines = [f"aws ssm get-parameter --name /x --{no}with-decryption" for no in ("", "no-")]
    assert [each.call for each in explain_calls(lines, PLACE, OPERATIONS)] == lines


def test_aud_07_only_values_that_name_resources_are_shown():
    lines = [
        "aws secretsmanager put-secret-value --secret-id db --secret-string canary",
        "aws dynamodb execute-statement --statement \"SELECT * FROM orders WHERE s = 'canary'\"",
        'aws dynamodb get-item --table-name orders --key \'{"id": {"S": "canary"}}\'',
        "aws lambda invoke --function-name f --payload canary out",
        'aws s3api delete-objects --bucket reports --delete \'{"Objects": [{"Key": "a"}], "Quiet": "canary"}\'',
    ]
    shown = [each.call for each in explain_calls(lines, PLACE, OPERATIONS)]
    assert "canary" not in json.dumps(shown)
    ours = "aws iam attach-role-policy --role-name r --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert explain_line(ours, PLACE, OPERATIONS)[0].call == ours  # an ARN is a name
    tail = "aws logs tail g --filter-pattern canary"
    assert explain_line(tail, PLACE, OPERATIONS)[0].call == "aws logs tail g"
    assert shown[0] == "aws secretsmanager put-secret-value --secret-id db --secret-string '***'"


REFUSED = {
    "ls -l": ("call_invalid", "begin the command line with aws"),
    "": ("call_invalid", "aws"),
    "aws": ("call_invalid", "service"),
    "aws --version": ("call_invalid", "makes no call"),
    "aws s3 ls | cat": ("call_invalid", "pipe"),
    "aws s3 cp a b": ("call_invalid", "s3://"),
    "aws s3 cp s3://reports/a": ("call_invalid", "takes 2 paths, but the call has 1"),
    "aws s3 ls s3://a s3://b": ("call_invalid", "takes 0 to 1 paths, but the call has 2"),
    "aws logs tail": ("call_invalid", "GROUP-NAME"),
    "aws logs tail a b": ("call_invalid", "belongs to no option"),
    "aws logs tail a --group-name b": ("call_invalid", "Option '--group-name' does not exist"),
    "aws logs tail '*'": ("call_invalid", "pattern"),
    "aws cloudformation deploy --template-file t.yaml": ("call_invalid", "--stack-name"),
    "aws cloudformation deploy --stack-name s --role-arn arn:aws:iam::999999999999:role/r": ("account_mismatch", ""),
    "aws configure list": ("call_invalid", "needs no grant"),
    "aws s3 cp s3://reports/ .": ("call_invalid", "--recursive"),
    "aws s3 cp s3://reports/a/ .": ("call_invalid", "s3://reports/a/ names no object"),
    "aws s3 sync a b": ("call_invalid", "neither path is in s3"),
    "aws s3 rm reports/a": ("call_invalid", "the path is not in s3"),
    "aws s3 ls s3://reports --recursive=yes": ("call_invalid", "'--recursive' takes no value"),
    "aws s3 mb s3://reports --tags=a b c": ("call_invalid", "'--tags' takes two values"),
    "aws ec2 start-instances --instance-ids": ("call_invalid", "'--instance-ids' takes a value"),
    "aws dynamodb scan --table-name --limit 1": ("call_invalid", "write the value after --table-name"),
    "aws ec2 start-instances --instance-ids '[1'": ("call_invalid", "wrong type of json"),
    "aws ec2 start-instances --instance-ids '[{}]'": ("call_invalid", "wrong type of json"),
    "aws s3api delete-objects --bucket b --delete 'Objects=[{Key=a}]' Quiet=true": ("call_invalid", "to no option"),
    **{
        f"aws ec2 start-instances --instance-ids {' '.join(f'i-{each}' for each in range(count))}": (
            "call_invalid",
            "more than 200 resources",
        )
        for count in (201, 202, 500)
    },
    "aws s3 cp 's3://reports/*' .": ("call_invalid", "--recursive"),
    # The key contains the file's name, which must satisfy the rules for keys.
    "aws s3 cp '*' s3://reports/2026/": ("call_invalid", "cannot name a key with"),
    "aws s3 mv 'dir/a?b.csv' s3://reports": ("call_invalid", "cannot name a key with"),
    "aws s3 cp '${aws:username}' s3://reports/2026/": ("call_invalid", "cannot name a key with"),
    "aws s3 cp 'dir\\q3.csv' s3://reports/2026/": ("call_invalid", "write the whole key"),
    "aws s3 cp s3://arn:aws:s3:eu-west-1:999999999999:accesspoint/x/k .": ("account_mismatch", ""),
    "aws s3 mb s3://arn:aws:s3:eu-west-1:444455556666:accesspoint/x": ("call_invalid", "name the bucket"),
    "aws s3 cp s3://x-hrzrlukc5m36ft7okagglf3gmwluquse1b-s3alias/k .": ("call_invalid", "write the access point's arn"),
    "aws s3 cp s3://b_/k .": ("call_invalid", "'b_' is not a bucket name. Use at most 63"),
    f"aws s3 cp s3://{'b' * 64}/k .": ("call_invalid", "is not a bucket name"),
    "aws s3 cp s3://Reports/k .": ("call_invalid", "permissions"),
    "aws s3 rm s3://reports/a --exclude": ("call_invalid", "'--exclude' takes a value"),
    "aws s3 ls s3://reports --exclude=a": ("call_invalid", "Option '--exclude' does not exist"),
    # s3:// alone is neither a bucket nor a file.
    **{
        f"aws s3 {command}": ("call_invalid", "names no bucket. Write s3://")
        for command in (
            "cp s3:// .",
            "cp s3:// s3://reports/a",
            "cp a s3://",
            "sync s3:// s3://reports",
            "rm s3:// --recursive",
            "mb s3://",
            "rb s3:// --force",
            "presign s3://",
            "ls s3:///a",
        )
    },
    "aws s3 mb s3://new-bucket --tags k": ("call_invalid", "'--tags' takes two values"),
    "aws s3 mb s3://new-bucket --tags k --tags k v": ("call_invalid", "'--tags' takes two values"),
    "aws s3 mb s3://new-bucket --tags=k v": ("call_invalid", "'--tags' takes two values"),
    "aws s3 copy a b": ("operation_unknown", "cp"),
    "aws dynamo scan": ("operation_unknown", "dynamodb"),
    "aws braket list-devices": ("operation_unknown", "? If not, send permissions"),
    "aws dynamodb qury --table-name x": ("operation_unknown", "query"),
    "aws dynamodb wait table-exist --table-name x": ("operation_unknown", "table-exists"),
    "aws dynamodb query --tabel-name x": ("call_invalid", "--table-name"),
    "aws dynamodb query --table-name": ("call_invalid", "value"),
    "aws dynamodb query orders": ("call_invalid", "option"),
    "aws dynamodb get-item --table-name x": ("call_invalid", "--key"),
    "aws dynamodb scan --table-name '*'": ("call_invalid", "pattern"),
    "aws dynamodb scan --table-name '${aws:username}'": ("call_invalid", "pattern"),
    "aws dynamodb execute-statement --statement 'EXPLAIN x'": ("call_invalid", "do not determine"),
    # An ambiguous table is not requested.
    **{
        f"aws dynamodb execute-statement --statement {shlex.quote(statement)}": ("call_invalid", "do not determine")
        for statement in (
            'SELECT "a FROM b',
            "SELECT a /* FROM b */ FROM orders",
            "SELECT a -- FROM b",
            "SELECT a.FROM b FROM orders",
            "SELECT `a FROM b` FROM orders",
            r'SELECT "\" FROM b" FROM orders',
            "SELECT * FROM my.table",
            "SELECT * FROM my-table",
            'SELECT * FROM "orders"x',
            'SELECT * FROM "orders".index',
            'UPDATE "a b" SET c = 1',
            'DELETE FROM"orders"',
        )
    },
    # Shorthand that the AWS CLI refuses, or finds in files, names no resource.
    **{
        f"aws {command} {shlex.quote(words)}": ("call_invalid", "write it as json")
        for command, words in (
            ("s3api delete-objects --bucket b --delete", "Objects=[{Key@=file://k}]"),
            ("s3api delete-objects --bucket b --delete", "{'Objects': [{'Key': 'a'}]}"),
            ("s3api delete-objects --bucket b --delete", "Objects=[{Key='a}]"),
            ("s3api delete-objects --bucket b --delete", "Objects=[{Key=a}],Objects=[{Key=b}]"),
            ("s3api delete-objects --bucket b --delete", f"Objects={'[' * 21}{']' * 21}"),
            ("s3api delete-objects --bucket b --delete", "Objects[{Key=a}]"),
            ("s3api delete-objects --bucket b --delete", "Objects=[{Key=a}]Quiet=true"),
            ("s3api delete-objects --bucket b --delete", "Objects=[{Key=a};{Key=b}]"),
            ("s3api delete-objects --bucket b --delete", "Quiet=a,"),
            ("s3api delete-objects --bucket b --delete", "Quiet=a,b,'"),
        )
    },
    "aws dynamodb transact-write-items --transact-items file://x": ("call_invalid", "TransactItems names"),
    # SDKs and the CLI read the following as part of the key.
    "aws s3api copy-object --bucket b --key k --copy-source 'reports/b?versionId='": ("call_invalid", "pattern"),
    'aws s3api delete-objects --bucket b --delete \'{"Objects": [{"Key": "", "VersionId": "v"}]}\'': (
        "call_invalid",
        "do not determine",
    ),
    "aws dynamodb scan --table-name x > out": ("call_invalid", "because no shell runs a call"),
    "aws dynamodb scan --table-name x '>' out": ("call_invalid", "because no shell runs a call"),
    "aws ec2 start-instances --instance-ids i-1 '2>&1'": ("call_invalid", "because no shell runs a call"),
    "aws s3 ls s3://reports '|' wc": ("call_invalid", "because no shell runs a call"),
    "aws dynamodb scan --table-name x --endpoint-url http://evil": ("call_invalid", "--endpoint-url"),
    "aws --profile admin s3 ls": ("call_invalid", "--profile"),
    "aws s3 ls --no-sign-request": ("call_invalid", "without"),
    "aws s3 ls --region nowhere": ("call_invalid", "region"),
    "aws dynamodb scan --cli-input-json file://x": ("call_invalid", "write the file's content in single quotes"),
    "aws dynamodb scan --cli-input-json '[]'": ("call_invalid", "is not a json object"),
    "aws dynamodb scan --cli-input-json '{'": ("call_invalid", "is not a json object"),
    """aws dynamodb scan --cli-input-json '{"TabelName": "x"}'""": ("call_invalid", "did you mean TableName"),
    """aws dynamodb scan --cli-input-json '{"TableName": 7}'""": ("call_invalid", "wrong type"),
    "aws s3api get-object --cli-input-json '{}' out": ("call_invalid", "does not exist"),
    "aws dynamodb scan --t x": ("call_invalid", "'--t' is ambiguous. Write --table-name or --total-segments."),
    # The AWS CLI takes the beginning of a global option for the option.
    "aws dynamodb scan --table-name x --endpoint http://evil": ("call_invalid", "'--endpoint-url' is not supported"),
    "aws dynamodb scan --table-name x --prof a": ("call_invalid", "'--profile' is not supported"),
    "aws s3api create-bucket --bucket new-bucket --object-lock-enabled-for-bucket true": (
        "call_invalid",
        "write --flag or --no-flag",
    ),
    "aws ec2 create-image --instance-id i-1 --name n --reboot --no-reboot": ("call_invalid", "which another option"),
    # A parameter that is not understood names nothing.
    "aws sqs purge-queue --queue-url jobs": (
        "call_invalid",
        "write it as https://sqs.region.amazonaws.com/account/queue",
    ),
    f"aws secretsmanager delete-secret --secret-id arn:aws:sqs:{E}:q": ("call_invalid", "SecretId names no resource"),
    "aws dynamodb scan --table-name arn:aws:dynamodb:eu-west-1::table/orders": ("call_invalid", "names no resource"),
    f"aws ecs describe-services --cluster arn:aws:ecs:{E}:task-definition/f:1 --services s": (
        "call_invalid",
        "another kind of resource",
    ),
    f"aws ecs describe-services --cluster arn:aws:eks:{E}:cluster/c --services s": (
        "call_invalid",
        "another kind of resource",
    ),
    f"aws ecs update-service --cluster x --service arn:aws:ecs:{E}:service/c/s": (
        "call_invalid",
        "cluster names no resource",
    ),
    # An ARN that ends in the same name is another resource.
    "aws s3api get-object --bucket arn:aws:s3:eu-west-1:999999999999:accesspoint/x --key x o": ("account_mismatch", ""),
    "aws s3api get-object --bucket x-hrzrlukc5m36ft7okagglf3gmwluquse1b-s3alias --key x o": (
        "call_invalid",
        "write the access point's arn",
    ),
    "aws s3api delete-bucket --bucket arn:aws:s3:eu-west-1:444455556666:accesspoint/x": (
        "call_invalid",
        "name the bucket",
    ),
    "aws s3api put-bucket-tagging --bucket b--use1-az4--x-s3 --tagging x": (
        "call_invalid",
        "directory buckets",
    ),
    "aws s3api get-object --bucket arn:aws:iam::444455556666:role/reports --key x o": (
        "call_invalid",
        "another kind of resource",
    ),
    # A name that is given and says nothing is not all names.
    "aws s3api get-object --bucket b --key '' o": ("call_invalid", "Key names a resource, but is empty"),
    "aws s3api get-object --bucket b --key= o": ("call_invalid", "Key names a resource, but is empty"),
    "aws s3api get-object --bucket b --key https://e.com/k o": (
        "call_invalid",
        "instead of file://, fileb:// or a web",
    ),
    "aws s3api put-object --bucket reports --key file://k": (
        "call_invalid",
        "Key names a resource, but the call does not",
    ),
    "aws s3api put-object --bucket reports --key fileb://k": ("call_invalid", "Write the value instead of file://"),
    "aws s3api delete-objects --bucket b --delete file://d": ("call_invalid", "Delete names"),
    "aws s3api copy-object --bucket b --key k --copy-source ''": ("call_invalid", "CopySource names"),
    "aws dynamodb scan --table-name ''": ("call_invalid", "TableName names"),
    "aws dynamodb batch-get-item --request-items file://r": ("call_invalid", "RequestItems names"),
    "aws sqs purge-queue --queue-url file://q": ("call_invalid", "QueueUrl names"),
    "aws ec2 start-instances --instance-ids i-1 ''": ("call_invalid", "InstanceIds names a resource, but is empty"),
    "aws ec2 start-instances --instance-ids '[]'": ("call_invalid", "InstanceIds names"),
    "aws ecs describe-services --services s --cluster ''": ("call_invalid", "cluster names"),
    "aws lambda create-function --function-name f --role file://r": ("call_invalid", "Role names"),
    "aws events put-events --entries file://e": ("call_invalid", "Entries names"),
    "aws iam get-policy --policy-arn ''": ("call_invalid", "PolicyArn names"),
    "aws logs tail ''": ("call_invalid", "logGroupName names"),
    "aws logs tail file://g": ("call_invalid", "logGroupName names"),
    # Every way to name another account.
    "aws lambda invoke --function-name arn:aws:lambda:eu-west-1:999999999999:function:f o": ("account_mismatch", ""),
    "aws lambda invoke --function-name 999999999999:function:f out": ("account_mismatch", ""),
    "aws sqs purge-queue --queue-url https://sqs.eu-west-1.amazonaws.com/999999999999/q": ("account_mismatch", ""),
    "aws dynamodb scan --table-name arn:aws:dynamodb:eu-west-1:999999999999:table/t": ("account_mismatch", ""),
    "aws s3 cp a s3://reports/c --sse-kms-key-id arn:aws:kms:eu-west-1:999999999999:key/k": ("account_mismatch", ""),
    "aws bedrock-runtime converse --model-id arn:aws:bedrock:eu-west-1:999999999999:inference-profile/eu.a.b": (
        "account_mismatch",
        "",
    ),
    "aws sts assume-role --role-arn arn:aws:iam::999999999999:role/r --role-session-name s": ("account_mismatch", ""),
    "aws ecs describe-services --cluster arn:aws:ecs:eu-west-1:999999999999:cluster/c --services s": (
        "account_mismatch",
        "",
    ),
    "aws events put-rule --name r --event-bus-name arn:aws:events:eu-west-1:999999999999:event-bus/b": (
        "account_mismatch",
        "",
    ),
    "aws logs start-live-tail --log-group-identifiers arn:aws:logs:eu-west-1:999999999999:log-group:g": (
        "account_mismatch",
        "",
    ),
    "aws logs filter-log-events --log-group-identifier arn:aws:logs:eu-west-1:999999999999:log-group:g": (
        "account_mismatch",
        "",
    ),
    "aws kms encrypt --plaintext x --key-id arn:aws:kms:eu-west-1:999999999999:alias/k": ("account_mismatch", ""),
    "aws sts assume-root --target-principal 999999999999 --task-policy-arn arn=arn:aws:iam::aws:policy/root-task/x": (
        "account_mismatch",
        "",
    ),
    "aws apigatewayv2 get-portal-product --portal-product-id p --resource-owner-account-id 999999999999": (
        "account_mismatch",
        "ResourceOwnerAccountId names account 999999999999, but the target's account is",
    ),
    "aws backup describe-backup-vault --backup-vault-name v --backup-vault-account-id 999999999999": (
        "account_mismatch",
        "",
    ),
    "aws cloudtrail describe-query --query-id q --event-data-store-owner-account-id 999999999999": (
        "account_mismatch",
        "",
    ),
    "aws ecr batch-get-image --repository-name r --image-ids imageTag=1 --registry-id 999999999999": (
        "account_mismatch",
        "",
    ),
    "aws glue get-catalogs --parent-catalog-id 999999999999": ("account_mismatch", ""),
    "aws glue get-table --database-name d --name t --catalog-id 999999999999": ("account_mismatch", ""),
    "aws glue get-databases --catalog-id 999999999999:s3tablescatalog/b": ("account_mismatch", ""),
    "aws glue get-column-statistics-task-runs --database-name d --table-name t --catalog-id 999999999999": (
        "account_mismatch",
        "",
    ),
    "aws lakeformation get-lf-tag --tag-key k --catalog-id 999999999999": ("account_mismatch", ""),
    "aws lakeformation get-data-cells-filter --database-name d --table-name t --name f "
    "--table-catalog-id 999999999999": ("account_mismatch", ""),
    "aws s3control get-access-point-policy --account-id 999999999999 --name a": ("account_mismatch", ""),
    "aws sqs get-queue-url --queue-name q --queue-owner-aws-account-id 999999999999": ("account_mismatch", ""),
    # Operations that are newer than the action table are unknown, never guessed.
    "aws glue list-glossaries": ("operation_unknown", "permissions"),
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_line_that_is_not_a_call_is_refused_with_the_reason(line):
    code, said = REFUSED[line]
    with pytest.raises(Problem) as raised:
        explain_calls([line], PLACE, OPERATIONS)
    problem = raised.value
    assert (problem.code, problem.extras["pointer"]) == (code, "/calls/0")
    assert said.lower() in f"{problem.detail} {problem.fix}".lower()
    assert problem.status == 400
    assert problem.fix


@pytest.mark.parametrize("value", ["file://x", "fileb://x", "https://example.com/x", ""])
def test_parameters_that_name_no_resource_may_be_unknown_or_empty(value):
    put = (
        f"aws s3api put-object --bucket reports --key k --body {shlex.quote(value)} --content-type {shlex.quote(value)}"
    )
    (each,) = explain_calls([put], PLACE, OPERATIONS)
    assert each.resources == ("arn:aws:s3:::reports/k",)


BAD_OBJECTS = [
    7,
    None,
    [],
    {},
    {"service": "s3"},
    {"service": 7, "operation": "GetObject"},
    {"service": "s3", "operation": "GetObject", "parameters": []},
    {"service": "s3", "operation": "GetObject", "parameters": {"Bucket": 7, "Key": "a"}},
    {"service": "s3", "operation": "GetObject", "parameters": {"Bukcet": "b", "Key": "a"}},
    {"service": "s3", "operation": "GetObjct", "parameters": {}},
    {"service": "sqs", "operation": "ListQueues", "region": "eu-west-1/../x"},
    {"service": "sqs", "operation": "ListQueues", "region": 1},
    {"service": "sqs", "operation": "ListQueues", "parameters": []},
    {"service": "sqs", "operation": "ListQueues", "endpoint": "https://example.com"},
    # A name that is given and says nothing is not all names.
    {"service": "s3", "operation": "GetObject", "parameters": {"Bucket": "b", "Key": ""}},
    {"service": "s3", "operation": "GetObject", "parameters": {"Bucket": "b", "Key": "file://k"}},
    {"service": "s3", "operation": "GetObject", "parameters": {"Bucket": "b", "Key": "https://e.com/k"}},
    {"service": "s3", "operation": "DeleteObjects", "parameters": {"Bucket": "b", "Delete": None}},
    {"service": "s3", "operation": "DeleteObjects", "parameters": {"Bucket": "b", "Delete": {}}},
    {"service": "ec2", "operation": "StartInstances", "parameters": {"InstanceIds": []}},
    {"service": "ec2", "operation": "StartInstances", "parameters": {"InstanceIds": ["i-1", ""]}},
    # Only command lines have shorthand.
    {"service": "dynamodb", "operation": "TransactWriteItems", "parameters": {"TransactItems": ["Put={TableName=a}"]}},
    # A name in a structure must have the same characters.
    {
        "service": "ec2",
        "operation": "RunInstances",
        "parameters": {"MinCount": 1, "MaxCount": 1, "LaunchTemplate": {"LaunchTemplateId": "lt-*"}},
    },
]


@pytest.mark.parametrize("call", BAD_OBJECTS, ids=str)
def test_an_object_that_is_not_a_call_is_refused(call):
    with pytest.raises(Problem) as raised:
        explain_calls([call], PLACE, OPERATIONS)
    assert raised.value.code in {"call_invalid", "operation_unknown"}


SERVICES = st.sampled_from(OPERATIONS.services())


@st.composite
def command_lines(draw):
    """Draw nearly valid lines: a real operation with random options and values."""
    service = OPERATIONS.service(draw(SERVICES))
    operation = service.operation(draw(st.sampled_from(service.names())))
    words = ["aws", operation.service_command, operation.command]
    for member in draw(st.lists(st.sampled_from(operation.members), max_size=5)) if operation.members else ():
        words.append(f"--{member.option}")
        values = st.text(max_size=12) | st.sampled_from(
            ["orders", "arn:aws:s3:::b", "[]", "{}", '["a"]', "file://x", "a:b/c"]
        )
        words += draw(st.lists(values, max_size=2))
    return words, operation


@settings(max_examples=examples(200))
@given(command_lines())
def test_any_command_yields_a_problem_or_its_operations_actions(drawn):
    words, operation = drawn
    try:
        explained = explain_line(shlex.join(words), PLACE, OPERATIONS)
    except Problem as problem:
        assert PROBLEMS[problem.code].status < 500
        return
    assert explained
    variants = [need for variant in operation.variants for need in variant.needs]
    assert {each.action for each in explained} <= {need.action for need in (*operation.needs, *variants)}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def call_objects(draw):
    service = OPERATIONS.service(draw(SERVICES))
    operation = service.operation(draw(st.sampled_from(service.names())))
    required = [member.name for member in operation.members if member.required]
    return {
        "service": service.name,
        "operation": operation.name,
        "parameters": {name: draw(JSON | st.just("orders")) for name in required},
    }


@settings(max_examples=examples(200))
@given(call_objects() | JSON | st.text(max_size=60) | st.text(max_size=40).map("aws s3 cp {} .".format))
def test_any_input_yields_permissions_or_a_problem(call):
    try:
        explained = explain_calls([call], PLACE, OPERATIONS)
    except Problem as problem:
        assert PROBLEMS[problem.code].status < 500
        json.dumps(problem.body())
    else:
        assert permissions_of(explained)


@pytest.mark.parametrize(
    "line",
    [
        "aws s3 presign s3://reports/a",
        "aws eks get-token --cluster-name c",
        "aws rds generate-db-auth-token --hostname h --port 3306 --username u",
    ],
)
def test_gw_11_a_command_that_signs_an_address_itself_says_that_the_gateway_cannot(line: str):
    """With the gateway's placeholder keys, the command succeeds, and AWS refuses its result later."""
    first, *_ = explain_line(line, PLACE, OPERATIONS)
    assert "made locally: not through the gateway" in first.why
