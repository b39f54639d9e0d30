"""What each service's calls need: lines written by hand from AWS's service authorization reference.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections import Counter

import pytest

from jitney.core.access.request import PossibleAction
from jitney.core.calls.explainer import explain_line
from jitney.core.problems import Problem
from tests.core.calls.conftest import OPERATIONS, PLACE
from tests.core.calls.test_calls import NEEDS as MOST_USED
from tests.core.calls.test_calls import E, wanted

ROLE = "iam::444455556666:role/r"
PASSED = ("iam:PassRole", ROLE)
ALB = f"elasticloadbalancing:{E}:loadbalancer/app/web/50dc6c495c0c9188"
LISTENER = f"elasticloadbalancing:{E}:listener/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2"

NEEDS = {
    f"aws acm describe-certificate --certificate-arn arn:aws:acm:{E}:certificate/1": [
        ("acm:DescribeCertificate", f"acm:{E}:certificate/1")
    ],
    "aws acm list-certificates": [("acm:ListCertificates", "*")],
    "aws apigatewayv2 get-route --api-id a --route-id r": [
        ("apigateway:GET", "apigateway:eu-west-1::/apis/a/routes/r")
    ],
    "aws apigatewayv2 delete-api --api-id a": [("apigateway:DELETE", "apigateway:eu-west-1::/apis/a")],
    "aws apigateway get-rest-apis": [("apigateway:GET", "apigateway:eu-west-1::/restapis")],
    "aws application-autoscaling describe-scaling-policies --service-namespace ecs": [
        ("application-autoscaling:DescribeScalingPolicies", "*")
    ],
    "aws athena create-data-catalog --name c --type GLUE": [("athena:CreateDataCatalog", f"athena:{E}:datacatalog/c")],
    "aws athena create-work-group --name w": [("athena:CreateWorkGroup", f"athena:{E}:workgroup/w")],
    # The name is the query's, and a query's id does not reveal its work group.
    "aws athena update-named-query --named-query-id 1 --name w --query-string x": [("athena:UpdateNamedQuery", "*")],
    "aws autoscaling describe-auto-scaling-groups": [("autoscaling:DescribeAutoScalingGroups", "*")],
    "aws backup start-report-job --report-plan-name p": [("backup:StartReportJob", f"backup:{E}:report-plan:p-*")],
    "aws backup delete-backup-vault --backup-vault-name v": [
        ("backup:DeleteBackupVault", f"backup:{E}:backup-vault:v")
    ],
    "aws batch update-compute-environment --compute-environment c": [
        ("batch:UpdateComputeEnvironment", f"batch:{E}:compute-environment/c")
    ],
    "aws batch deregister-job-definition --job-definition d:3": [
        ("batch:DeregisterJobDefinition", f"batch:{E}:job-definition/d:3")
    ],
    "aws batch submit-job --job-name j --job-queue q --job-definition d": [
        ("batch:SubmitJob", f"batch:{E}:job-definition/d:*", f"batch:{E}:job-queue/q")
    ],
    f"aws batch submit-job --job-name j --job-queue q --job-definition arn:aws:batch:{E}:job-definition/d:3": [
        ("batch:SubmitJob", f"batch:{E}:job-definition/d:3", f"batch:{E}:job-queue/q")
    ],
    "aws batch terminate-job --job-id 1 --reason r": [("batch:TerminateJob", f"batch:{E}:job/1")],
    "aws bedrock get-guardrail --guardrail-identifier g": [("bedrock:GetGuardrail", f"bedrock:{E}:guardrail/g")],
    f"aws bedrock stop-evaluation-job --job-identifier arn:aws:bedrock:{E}:evaluation-job/1": [
        ("bedrock:StopEvaluationJob", f"bedrock:{E}:evaluation-job/1")
    ],
    # A model cannot be granted by name: its ARN ends with an id.
    "aws bedrock get-custom-model --model-identifier m": [("bedrock:GetCustomModel", f"bedrock:{E}:custom-model/*")],
    "aws bedrock-agent get-agent-alias --agent-id a --agent-alias-id b": [
        ("bedrock:GetAgentAlias", f"bedrock:{E}:agent-alias/a/b")
    ],
    "aws bedrock-agent delete-flow --flow-identifier f": [("bedrock:DeleteFlow", f"bedrock:{E}:flow/f")],
    "aws bedrock-agent-runtime retrieve --knowledge-base-id k --retrieval-query text=x": [
        ("bedrock:Retrieve", f"bedrock:{E}:knowledge-base/k")
    ],
    "aws bedrock-agent-runtime end-session --session-identifier s": [("bedrock:EndSession", f"bedrock:{E}:session/s")],
    "aws bedrock-runtime apply-guardrail --guardrail-identifier g --guardrail-version 1 --source INPUT --content x": [
        ("bedrock:ApplyGuardrail", f"bedrock:{E}:guardrail/g")
    ],
    "aws ce get-cost-forecast --time-period Start=a,End=b --metric m --granularity DAILY": [
        ("ce:GetCostForecast", "*")
    ],
    "aws ce delete-anomaly-monitor --monitor-arn arn:aws:ce::444455556666:anomalymonitor/1": [
        ("ce:DeleteAnomalyMonitor", "ce::444455556666:anomalymonitor/1")
    ],
    "aws cloudformation delete-stack --stack-name s": [("cloudformation:DeleteStack", f"cloudformation:{E}:stack/s/*")],
    "aws cloudformation describe-stack-set --stack-set-name s": [
        ("cloudformation:DescribeStackSet", f"cloudformation:{E}:stackset/s:*")
    ],
    "aws cloudfront get-distribution --id D1": [
        ("cloudfront:GetDistribution", "cloudfront::444455556666:distribution/D1")
    ],
    "aws cloudfront create-invalidation --distribution-id D1 --paths /a": [
        ("cloudfront:CreateInvalidation", "cloudfront::444455556666:distribution/D1")
    ],
    "aws cloudfront list-distributions": [("cloudfront:ListDistributions", "*")],
    "aws cloudtrail stop-logging --name t": [("cloudtrail:StopLogging", f"cloudtrail:{E}:trail/t")],
    "aws cloudtrail get-event-data-store --event-data-store 1": [
        ("cloudtrail:GetEventDataStore", f"cloudtrail:{E}:eventdatastore/1")
    ],
    "aws cloudtrail lookup-events": [("cloudtrail:LookupEvents", "*")],
    "aws cloudwatch put-metric-alarm --alarm-name a --comparison-operator x --evaluation-periods 1": [
        ("cloudwatch:PutMetricAlarm", f"cloudwatch:{E}:alarm:a")
    ],
    "aws cloudwatch get-dashboard --dashboard-name d": [
        ("cloudwatch:GetDashboard", "cloudwatch::444455556666:dashboard/d")
    ],
    "aws cloudwatch stop-metric-streams --names a b": [
        ("cloudwatch:StopMetricStreams", f"cloudwatch:{E}:metric-stream/a", f"cloudwatch:{E}:metric-stream/b")
    ],
    "aws cloudwatch get-metric-statistics --namespace n --metric-name m --start-time 1 --end-time 2 --period 60": [
        ("cloudwatch:GetMetricStatistics", "*")
    ],
    "aws codebuild start-build --project-name p": [("codebuild:StartBuild", f"codebuild:{E}:project/p")],
    f"aws codebuild delete-report-group --arn arn:aws:codebuild:{E}:report-group/g": [
        ("codebuild:DeleteReportGroup", f"codebuild:{E}:report-group/g")
    ],
    "aws codebuild stop-build --id p:1": [("codebuild:StopBuild", "*")],
    "aws deploy create-deployment --application-name a --deployment-group-name g": [
        ("codedeploy:CreateDeployment", f"codedeploy:{E}:deploymentgroup:a/g")
    ],
    "aws deploy get-application --application-name a": [("codedeploy:GetApplication", f"codedeploy:{E}:application:a")],
    "aws codepipeline get-pipeline --name p": [("codepipeline:GetPipeline", f"codepipeline:{E}:p")],
    "aws codepipeline start-pipeline-execution --name p": [
        ("codepipeline:StartPipelineExecution", f"codepipeline:{E}:p")
    ],
    "aws codepipeline disable-stage-transition --pipeline-name p --stage-name s --transition-type Inbound --reason r": [
        ("codepipeline:DisableStageTransition", f"codepipeline:{E}:p/s")
    ],
    "aws cognito-idp admin-get-user --user-pool-id eu-west-1_a --username u": [
        ("cognito-idp:AdminGetUser", f"cognito-idp:{E}:userpool/eu-west-1_a")
    ],
    "aws cognito-idp list-user-pools --max-results 5": [("cognito-idp:ListUserPools", "*")],
    "aws configservice stop-configuration-recorder --configuration-recorder-name r": [
        ("config:StopConfigurationRecorder", f"config:{E}:configuration-recorder/r/*")
    ],
    # A rule's ARN has an id, which its name does not reveal.
    "aws configservice delete-config-rule --config-rule-name r": [("config:DeleteConfigRule", "*")],
    f"aws dynamodbstreams describe-stream --stream-arn arn:aws:dynamodb:{E}:table/t/stream/2026": [
        ("dynamodb:DescribeStream", f"dynamodb:{E}:table/t/stream/2026")
    ],
    "aws dynamodbstreams list-streams": [("dynamodb:ListStreams", "*")],
    "aws ec2 delete-network-acl --network-acl-id acl-1": [("ec2:DeleteNetworkAcl", f"ec2:{E}:network-acl/acl-1")],
    "aws ecr batch-get-image --repository-name r --image-ids imageTag=a": [
        ("ecr:BatchGetImage", f"ecr:{E}:repository/r")
    ],
    "aws efs create-mount-target --file-system-id fs-1 --subnet-id subnet-1": [
        ("elasticfilesystem:CreateMountTarget", f"elasticfilesystem:{E}:file-system/fs-1")
    ],
    # The AWS CLI fills in its token: https://docs.aws.amazon.com/cli/latest/reference/efs/create-file-system.html
    "aws efs create-file-system": [("elasticfilesystem:CreateFileSystem", "*")],
    "aws sagemaker start-pipeline-execution --pipeline-name p": [
        ("sagemaker:StartPipelineExecution", f"sagemaker:{E}:pipeline/p")
    ],
    "aws efs tag-resource --resource-id fsap-1 --tags Key=a,Value=b": [
        ("elasticfilesystem:TagResource", f"elasticfilesystem:{E}:access-point/fsap-1")
    ],
    "aws eks describe-cluster --name c": [("eks:DescribeCluster", f"eks:{E}:cluster/c")],
    "aws eks delete-nodegroup --cluster-name c --nodegroup-name n": [
        ("eks:DeleteNodegroup", f"eks:{E}:nodegroup/c/n/*")
    ],
    "aws elasticache describe-cache-clusters --cache-cluster-id c": [
        ("elasticache:DescribeCacheClusters", f"elasticache:{E}:cluster:c")
    ],
    "aws elasticache copy-snapshot --source-snapshot-name a --target-snapshot-name b": [
        ("elasticache:CopySnapshot", f"elasticache:{E}:snapshot:a", f"elasticache:{E}:snapshot:b")
    ],
    "aws elb delete-load-balancer --load-balancer-name l": [
        ("elasticloadbalancing:DeleteLoadBalancer", f"elasticloadbalancing:{E}:loadbalancer/l")
    ],
    "aws elb describe-load-balancers": [("elasticloadbalancing:DescribeLoadBalancers", "*")],
    f"aws elbv2 delete-listener --listener-arn arn:aws:{LISTENER}": [("elasticloadbalancing:DeleteListener", LISTENER)],
    f"aws elbv2 create-listener --load-balancer-arn arn:aws:{ALB} --default-actions x": [
        ("elasticloadbalancing:CreateListener", ALB)
    ],
    "aws elbv2 create-load-balancer --name web --type network": [
        ("elasticloadbalancing:CreateLoadBalancer", f"elasticloadbalancing:{E}:loadbalancer/net/web/*")
    ],
    "aws elbv2 create-target-group --name t": [
        ("elasticloadbalancing:CreateTargetGroup", f"elasticloadbalancing:{E}:targetgroup/t/*")
    ],
    "aws firehose put-record --delivery-stream-name s --record Data=x": [
        ("firehose:PutRecord", f"firehose:{E}:deliverystream/s")
    ],
    "aws firehose delete-delivery-stream --delivery-stream-name s": [
        ("firehose:DeleteDeliveryStream", f"firehose:{E}:deliverystream/s")
    ],
    "aws health describe-events": [("health:DescribeEvents", "*")],
    "aws health describe-event-details --event-arns arn:aws:health:eu-west-1::event/EC2/A/B": [
        ("health:DescribeEventDetails", "health:eu-west-1::event/EC2/A/B")
    ],
    "aws iam delete-server-certificate --server-certificate-name c": [
        ("iam:DeleteServerCertificate", "iam::444455556666:server-certificate/c")
    ],
    "aws kinesis put-record --stream-name s --data x --partition-key k": [
        ("kinesis:PutRecord", f"kinesis:{E}:stream/s")
    ],
    f"aws kinesis describe-stream-consumer --consumer-arn arn:aws:kinesis:{E}:stream/s/consumer/c:1": [
        ("kinesis:DescribeStreamConsumer", f"kinesis:{E}:stream/s/consumer/c:1")
    ],
    "aws lakeformation grant-permissions --principal x --resource y --permissions SELECT": [
        ("lakeformation:GrantPermissions", "*")
    ],
    "aws lakeformation get-data-lake-settings": [("lakeformation:GetDataLakeSettings", "*")],
    "aws opensearch describe-domain --domain-name d": [("es:DescribeDomain", f"es:{E}:domain/d")],
    f"aws opensearch add-tags --arn arn:aws:es:{E}:domain/d --tag-list Key=a,Value=b": [
        ("es:AddTags", f"es:{E}:domain/d")
    ],
    # Their ARNs have the organization's id, which is in no parameter.
    "aws organizations describe-account --account-id 111122223333": [("organizations:DescribeAccount", "*")],
    "aws organizations list-accounts": [("organizations:ListAccounts", "*")],
    "aws pipes start-pipe --name p": [("pipes:StartPipe", f"pipes:{E}:pipe/p")],
    "aws pipes create-pipe --name p --source s --target t --role-arn arn:aws:iam::444455556666:role/r": [
        ("pipes:CreatePipe", f"pipes:{E}:pipe/p"),
        PASSED,
    ],
    "aws rds reboot-db-instance --db-instance-identifier d": [("rds:RebootDBInstance", f"rds:{E}:db:d")],
    "aws rds copy-db-snapshot --source-db-snapshot-identifier a --target-db-snapshot-identifier b": [
        ("rds:CopyDBSnapshot", f"rds:{E}:snapshot:a", f"rds:{E}:snapshot:b")
    ],
    f"aws rds add-tags-to-resource --resource-name arn:aws:rds:{E}:cluster:c --tags Key=a,Value=b": [
        ("rds:AddTagsToResource", f"rds:{E}:cluster:c")
    ],
    "aws rds delete-db-cluster --db-cluster-identifier c --final-db-snapshot-identifier s": [
        ("rds:DeleteDBCluster", f"rds:{E}:cluster:c", f"rds:{E}:cluster-snapshot:s")
    ],
    # A proxy's ARN has an id, which its name does not reveal.
    "aws rds delete-db-proxy --db-proxy-name p": [("rds:DeleteDBProxy", "*")],
    f"aws rds-data begin-transaction --resource-arn arn:aws:rds:{E}:cluster:c "
    f"--secret-arn arn:aws:secretsmanager:{E}:secret:s-AbCdEf": [
        ("rds-data:BeginTransaction", f"rds:{E}:cluster:c"),
        ("secretsmanager:GetSecretValue", f"secretsmanager:{E}:secret:s-AbCdEf"),
    ],
    f"aws rds-data execute-statement --resource-arn arn:aws:rds:{E}:cluster:c --sql x --secret-arn s": [
        ("rds-data:ExecuteStatement", f"rds:{E}:cluster:c"),
        ("secretsmanager:GetSecretValue", f"secretsmanager:{E}:secret:s-??????"),
    ],
    "aws redshift pause-cluster --cluster-identifier c": [("redshift:PauseCluster", f"redshift:{E}:cluster:c")],
    # The new cluster's name is not the name of the snapshot's cluster.
    "aws redshift restore-from-cluster-snapshot --cluster-identifier new --snapshot-identifier s "
    "--snapshot-cluster-identifier old": [
        ("redshift:RestoreFromClusterSnapshot", f"redshift:{E}:cluster:new", f"redshift:{E}:snapshot:old/s")
    ],
    "aws redshift get-cluster-credentials --cluster-identifier c --db-user u": [
        ("redshift:GetClusterCredentials", f"redshift:{E}:dbuser:c/u")
    ],
    "aws redshift-data list-tables --cluster-identifier c --database d": [
        ("redshift-data:ListTables", f"redshift:{E}:cluster:c")
    ],
    "aws redshift-data list-tables --workgroup-name w --database d": [("redshift-data:ListTables", "*")],
    "aws redshift-data describe-statement --id 1": [("redshift-data:DescribeStatement", "*")],
    "aws resourcegroupstaggingapi get-resources": [("tag:GetResources", "*")],
    "aws resourcegroupstaggingapi get-tag-keys": [("tag:GetTagKeys", "*")],
    "aws s3control get-access-point-policy --account-id 444455556666 --name a": [
        ("s3:GetAccessPointPolicy", f"s3:{E}:accesspoint/a")
    ],
    "aws secretsmanager rotate-secret --secret-id db": [
        ("secretsmanager:RotateSecret", f"secretsmanager:{E}:secret:db-??????")
    ],
    f"aws s3control delete-bucket --account-id 444455556666 --bucket arn:aws:s3-outposts:{E}:outpost/op-1/bucket/b": [
        ("s3-outposts:DeleteBucket", f"s3-outposts:{E}:outpost/op-1/bucket/b")
    ],
    "aws s3control get-access-grant --account-id 444455556666 --access-grant-id 1": [
        ("s3:GetAccessGrant", f"s3:{E}:access-grants/default/grant/1")
    ],
    "aws sagemaker describe-training-job --training-job-name t": [
        ("sagemaker:DescribeTrainingJob", f"sagemaker:{E}:training-job/t")
    ],
    f"aws sagemaker delete-cluster --cluster-name arn:aws:sagemaker:{E}:cluster/1": [
        ("sagemaker:DeleteCluster", f"sagemaker:{E}:cluster/1")
    ],
    # A cluster's ARN has an id, which its name does not reveal.
    "aws sagemaker delete-cluster --cluster-name c": [("sagemaker:DeleteCluster", f"sagemaker:{E}:cluster/*")],
    "aws service-quotas get-service-quota --service-code s3 --quota-code L-1": [
        ("servicequotas:GetServiceQuota", f"servicequotas:{E}:s3/L-1")
    ],
    "aws service-quotas list-services": [("servicequotas:ListServices", "*")],
    "aws ses delete-configuration-set --configuration-set-name c": [
        ("ses:DeleteConfigurationSet", f"ses:{E}:configuration-set/c")
    ],
    "aws ses get-send-quota": [("ses:GetSendQuota", "*")],
    "aws sesv2 get-email-identity --email-identity example.com": [
        ("ses:GetEmailIdentity", f"ses:{E}:identity/example.com")
    ],
    "aws sesv2 delete-contact-list --contact-list-name c": [("ses:DeleteContactList", f"ses:{E}:contact-list/c")],
    "aws ssm get-document --name AWS-RunShellScript": [
        (
            "ssm:GetDocument",
            f"ssm:{E}:document/AWS-RunShellScript",
            "ssm:eu-west-1::document/AWS-RunShellScript",
        )
    ],
    "aws ssm delete-document --name d": [("ssm:DeleteDocument", f"ssm:{E}:document/d")],
    "aws sns unsubscribe --subscription-arn arn:aws:sns:eu-west-1:444455556666:t:1": [("sns:Unsubscribe", "*")],
    f"aws sqs start-message-move-task --source-arn arn:aws:sqs:{E}:dead": [
        ("sqs:StartMessageMoveTask", f"sqs:{E}:dead")
    ],
    f"aws stepfunctions describe-execution --execution-arn arn:aws:states:{E}:execution:m:1": [
        ("states:DescribeExecution", f"states:{E}:execution:m:1")
    ],
    "aws stepfunctions create-state-machine --name m --definition x --role-arn arn:aws:iam::444455556666:role/r": [
        ("states:CreateStateMachine", f"states:{E}:stateMachine:m"),
        PASSED,
    ],
    f"aws stepfunctions start-execution --state-machine-arn arn:aws:states:{E}:stateMachine:m --name 1": [
        ("states:StartExecution", f"states:{E}:stateMachine:m")
    ],
    "aws support describe-cases": [("support:DescribeCases", "*")],
    "aws support describe-services": [("support:DescribeServices", "*")],
    "aws xray get-group --group-name g": [("xray:GetGroup", f"xray:{E}:group/g/*")],
    "aws xray put-trace-segments --trace-segment-documents x": [("xray:PutTraceSegments", "*")],
    # Setting a role anywhere passes it; removing one does not.
    "aws scheduler create-schedule --name s --schedule-expression x --flexible-time-window Mode=OFF "
    f"--target Arn=arn:aws:sqs:{E}:q,RoleArn=arn:aws:iam::444455556666:role/r": [
        ("scheduler:CreateSchedule", f"scheduler:{E}:schedule/default/s"),
        PASSED,
    ],
    'aws events put-targets --rule r --targets \'[{"Id": "1", "Arn": "a", "RoleArn": '
    '"arn:aws:iam::444455556666:role/r"}]\'': [("events:PutTargets", f"events:{E}:rule/r"), PASSED],
    "aws events put-targets --rule r --targets Id=1,Arn=a Id=2,Arn=b,RoleArn=arn:aws:iam::444455556666:role/r": [
        ("events:PutTargets", f"events:{E}:rule/r"),
        PASSED,
    ],
    "aws events put-targets --rule r --targets Id=1,Arn=a": [("events:PutTargets", f"events:{E}:rule/r")],
    "aws firehose create-delivery-stream --delivery-stream-name s --extended-s3-destination-configuration "
    "RoleARN=arn:aws:iam::444455556666:role/r,BucketARN=arn:aws:s3:::b": [
        ("firehose:CreateDeliveryStream", f"firehose:{E}:deliverystream/s"),
        PASSED,
    ],
    "aws ecs run-task --task-definition f:3 "
    """--overrides '{"taskRoleArn": "arn:aws:iam::444455556666:role/r", "cpu": "1"}'""": [
        ("ecs:RunTask", f"ecs:{E}:task-definition/f:3"),
        PASSED,
    ],
    "aws s3api put-bucket-replication --bucket b "
    """--replication-configuration '{"Role": "arn:aws:iam::444455556666:role/r", "Rules": []}'""": [
        ("s3:PutReplicationConfiguration", "s3:::b"),
        PASSED,
    ],
    "aws redshift create-cluster --cluster-identifier c --node-type n --master-username u "
    "--iam-roles arn:aws:iam::444455556666:role/r": [
        ("redshift:CreateCluster", f"redshift:{E}:cluster:c"),
        PASSED,
    ],
    "aws apigateway put-integration --rest-api-id a --resource-id r --http-method GET --type AWS "
    "--credentials arn:aws:iam::444455556666:role/r": [
        ("apigateway:PUT", "apigateway:eu-west-1::/restapis/a/resources/r/methods/GET/integration"),
        PASSED,
    ],
    "aws sagemaker create-user-profile --domain-id d --user-profile-name u "
    "--user-settings ExecutionRole=arn:aws:iam::444455556666:role/r": [
        ("sagemaker:CreateUserProfile", f"sagemaker:{E}:user-profile/d/u"),
        PASSED,
    ],
    "aws cognito-idp create-user-pool --pool-name p "
    "--sms-configuration SnsCallerArn=arn:aws:iam::444455556666:role/r,ExternalId=x": [
        ("cognito-idp:CreateUserPool", "*"),
        PASSED,
    ],
    "aws rds remove-role-from-db-cluster --db-cluster-identifier c --role-arn arn:aws:iam::444455556666:role/r": [
        ("rds:RemoveRoleFromDBCluster", f"rds:{E}:cluster:c")
    ],
}


def test_pol_13_roles_in_a_file_may_be_needed():
    (explained,) = explain_line("aws events put-targets --rule r --targets file://targets.json", PLACE, OPERATIONS)
    why = "on the roles in Targets; the call does not contain its value"
    assert explained.may_need == (PossibleAction("iam:PassRole", why),)
    (explained,) = explain_line("aws events put-targets --rule r --targets Id=1,Arn=a", PLACE, OPERATIONS)
    assert "PassRole" not in explained.why


@pytest.mark.parametrize("role", ["arn:aws:iam::999999999999:role/r", "arn:aws:iam::444455556666:role/*"])
def test_a_role_inside_a_value_must_be_a_role_of_the_account(role):
    line = f"aws events put-targets --rule r --targets 'Id=1,Arn=a,RoleArn={role}'"
    with pytest.raises(Problem):
        explain_line(line, PLACE, OPERATIONS)


@pytest.mark.parametrize("line", NEEDS)
def test_a_call_of_each_service_needs_exactly_this(line):
    explained = explain_line(line, PLACE, OPERATIONS)
    assert [(each.action, *each.resources) for each in explained] == wanted(NEEDS[line])


def test_every_service_has_checked_lines():
    """Each supported service has at least two calls, written by hand, with their permissions."""
    lines = Counter(line.split()[1] for line in {**MOST_USED, **NEEDS})
    assert {service for service in OPERATIONS.services() if lines[OPERATIONS.service(service).command] < 2} <= {"s3"}
