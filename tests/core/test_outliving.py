"""END 5: what outlives a grant is known by action, and is a risk that policies and people see."""

from dataclasses import replace

import pytest

from jitney import resources
from jitney.core.access.grant import State
from jitney.core.access.grant_effects import effects_of, end_detail, issued_effects
from jitney.core.access.request import Permission, Way
from jitney.core.actions import ActionTable
from jitney.core.outliving import OUTLIVES_GRANT, with_use
from tests.fakes import GRANT

ACTIONS = ActionTable.load(resources.ACTIONS.read_bytes())

LONGEST = {
    "ecr:GetAuthorizationToken": 12 * 3600,
    "codeartifact:GetAuthorizationToken": 12 * 3600,
    "ssm:StartSession": None,
    "ecs:ExecuteCommand": None,
    "redshift:GetClusterCredentials": None,
    "rds-db:connect": None,
    "s3express:CreateSession": 300,
    "eks:DescribeCluster": 4500,
    "cognito-idp:AdminInitiateAuth": 3650 * 86400,
    "cognito-identity:GetCredentialsForIdentity": 12 * 3600,
    "signin:CreateOAuth2Token": 12 * 3600,
    "iam:CreateAccessKey": None,
    "sts:AssumeRole": 3600,
    "ec2:RunInstances": None,
    "lambda:CreateFunction": None,
    "lambda:UpdateFunctionCode": None,
    "ecs:RunTask": None,
    "scheduler:CreateSchedule": None,
    "events:PutTargets": None,
    "codepipeline:UpdatePipeline": None,
    "cloudformation:CreateStack": None,
    "apprunner:CreateService": None,
    "ec2:ModifySnapshotAttribute": None,
    "ec2:CopySnapshot": None,
    "s3:PutBucketPolicy": None,
    "secretsmanager:GetSecretValue": None,
    "ec2:AssociateIamInstanceProfile": None,
    "ec2:ReplaceIamInstanceProfileAssociation": None,
    "ssm-guiconnect:StartConnection": None,
    "codebuild:StartSandbox": None,
    "glue:StartWorkflowRun": None,
    "glue:UpdateTrigger": None,
    "batch:SubmitServiceJob": None,
    "mq:UpdateUser": None,
    "elasticache:ModifyUser": None,
    "memorydb:UpdateUser": None,
    "transfer:ImportSshPublicKey": None,
    "ds:ResetUserPassword": None,
    "grafana:CreateWorkspaceServiceAccountToken": None,
    "wickr:CreateDataRetentionBotChallenge": None,
    "iot:Connect": 86400,
    "logs:StartLiveTail": 86400,
    "kinesis:SubscribeToShard": 86400,
}


@pytest.mark.parametrize(("name", "seconds"), LONGEST.items())
def test_end_05_the_action_has_an_effect_with_its_longest_time(name, seconds):
    action = ACTIONS.get(name)
    assert action.outliving.seconds == seconds
    assert OUTLIVES_GRANT in action.risks
    assert action.outliving.left_to_do


@pytest.mark.parametrize(
    "name",
    [
        "s3:GetObject",
        "s3:PutObject",
        "ec2:StopInstances",
        "lambda:DeleteFunction",
        "codebuild:BatchGetBuilds",
        "ssm:TerminateSession",
        "sts:GetCallerIdentity",
    ],
)
def test_end_05_what_ends_with_the_grant_has_no_effect(name):
    action = ACTIONS.get(name)
    assert action.outliving is None
    assert OUTLIVES_GRANT not in action.risks


def test_end_05_what_runs_under_a_role_or_gives_data_or_permissions_away_has_an_effect():
    silent = [
        action.name
        for prefix in ACTIONS.services()
        for action in ACTIONS.of_service(prefix)
        if action.outliving is None
        and action.risks & {"ExistingRoleExecution", "CredentialExposure", "DataSharing"}
        and not action.name.partition(":")[2].startswith(
            ("Cancel", "Delete", "Deregister", "Disable", "Disassociate", "Reject", "Remove", "Revoke", "Stop")
        )
    ]
    assert silent == []


def test_end_05_only_actions_that_the_grant_holds_count():
    held = (Permission(("ssm:StartSession", "ecs:ExecuteCommand"), ("*",)), Permission(("s3:GetObject",), ("*",)))
    (effect,) = effects_of(held, ACTIONS)
    assert effect.sentence == (
        "An open shell session from ssm:StartSession or ecs:ExecuteCommand outlives the grant until a person ends it."
    )
    (used,) = with_use((effect,), {"ssm:startsession", "ec2:runinstances"})
    assert used.view()["used"] == ["ssm:StartSession"]
    assert used.use == "CloudTrail shows use of ssm:StartSession."
    assert (effect.use, effect.view()["used"]) == ("", None)


MASKED = {"way": Way.GATEWAY}


@pytest.mark.parametrize(
    ("name", "members", "count"),
    [
        ("secretsmanager:GetSecretValue", {}, 1),
        ("secretsmanager:GetSecretValue", MASKED, 0),
        ("ssm:GetParameter", MASKED, 0),
        ("ecr:GetAuthorizationToken", MASKED, 0),
        ("secretsmanager:GetSecretValue", {**MASKED, "reveal": True}, 1),
        ("ssm:StartSession", MASKED, 1),
        ("iam:CreateUser", MASKED, 1),
    ],
)
def test_end_05_a_secret_that_was_masked_does_not_outlive_its_grant(name, members, count):
    grant = replace(GRANT, permissions=(Permission((name,), ("*",)),), **members)
    assert len(issued_effects(grant, ACTIONS)) == count


@pytest.mark.parametrize(
    ("members", "count"),
    [({"starts_at": None, "state": State.PENDING}, 0), ({"unissued": True}, 0), ({"unissued": False}, 1)],
)
def test_end_05_nothing_outlives_a_grant_without_credentials(members, count):
    grant = replace(GRANT, permissions=(Permission(("ssm:StartSession",), ("*",)),), **members)
    assert len(issued_effects(grant, ACTIONS)) == count
    assert len(end_detail(grant, ACTIONS).get("outlives", [])) == count
