"""The harms in the action table: by rule over every action, and what no rule assesses says so."""

from collections import Counter

import pytest

from data.harms import Harms
from jitney.core.actions import RISKS, AccessLevel
from jitney.core.outliving import OUTLIVES_GRANT
from tests.fakes import ACTIONS

ALL = [action for prefix in ACTIONS.services() for action in ACTIONS.of_service(prefix)]
CHANGES = (AccessLevel.WRITE, AccessLevel.PERMISSIONS_MANAGEMENT)

# Actions that had no risk, or a Write label, before there were rules; and each rule's plainest example.
HARMFUL = {
    "ssm:StartAutomationExecution": "ExistingRoleExecution",
    "ssm:CreateAssociation": "ExistingRoleExecution",
    "states:UpdateStateMachine": "ExistingRoleExecution",
    "batch:SubmitJob": "ExistingRoleExecution",
    "elasticmapreduce:AddJobFlowSteps": "ExistingRoleExecution",
    "servicecatalog:ProvisionProduct": "ExistingRoleExecution",
    "codepipeline:UpdatePipeline": "ExistingRoleExecution",
    "pipes:UpdatePipe": "ExistingRoleExecution",
    "ec2:CreateKeyPair": "CredentialExposure",
    "lightsail:CreateKeyPair": "CredentialExposure",
    "iam:CreateAccessKey": "CredentialExposure",
    "cloudtrail:StopLogging": "LoggingEvasion",
    "cloudtrail:PutEventSelectors": "LoggingEvasion",
    "guardduty:DeleteDetector": "LoggingEvasion",
    "ec2:ModifySnapshotAttribute": "DataSharing",
    "s3:PutReplicationConfiguration": "DataSharing",
    "s3:DeleteObject": "IrreversibleDeletion",
    "dynamodb:BatchWriteItem": "IrreversibleDeletion",
    "cassandra:Modify": "IrreversibleDeletion",
    "rds-data:ExecuteStatement": "IrreversibleDeletion",
    "redshift-data:BatchExecuteStatement": "IrreversibleDeletion",
    "ec2:TerminateInstances": "IrreversibleDeletion",
    "kms:ScheduleKeyDeletion": "IrreversibleDeletion",
    "ec2:RunInstances": "UnboundedCost",
    "savingsplans:CreateSavingsPlan": "UnboundedCost",
}
PERMISSIONS = (
    "eks:AssociateAccessPolicy",
    "kinesis:PutResourcePolicy",
    "ec2:ModifyImageAttribute",
    "ec2:ModifySnapshotAttribute",
    "iot:UpdateAuthorizer",
    "lambda:CreateFunctionUrlConfig",
)
ORDINARY = ("s3:PutObject", "dynamodb:PutItem", "sqs:SendMessage", "kms:Decrypt")


@pytest.mark.parametrize(("action", "harm"), HARMFUL.items())
def test_pol_04_the_rules_find_the_harm(action: str, harm: str) -> None:
    found = ACTIONS.get(action)

    assert found
    assert harm in found.risks


@pytest.mark.parametrize("action", PERMISSIONS)
def test_pol_04_what_changes_permissions_is_no_write(action: str) -> None:
    found = ACTIONS.get(action)

    assert found
    assert found.level is AccessLevel.PERMISSIONS_MANAGEMENT


@pytest.mark.parametrize("action", ORDINARY)
def test_pol_04_what_was_looked_at_is_assessed(action: str) -> None:
    found = ACTIONS.get(action)

    assert found
    assert "NotAssessed" not in found.risks


def test_pol_04_every_action_that_changes_something_is_assessed_or_says_that_it_is_not() -> None:
    counts = Counter(name for action in ALL for name in action.risks)

    assert set(counts) - {OUTLIVES_GRANT} == set(RISKS.values())
    assert not [
        action.name for action in ALL if "NotAssessed" in action.risks and len(action.risks - {OUTLIVES_GRANT}) > 1
    ]
    assert not [action.name for action in ALL if action.level not in CHANGES and "NotAssessed" in action.risks]
    # Each addition to AWS raises this share until a rule covers it.
    assert counts["NotAssessed"] < 0.65 * sum(action.level in CHANGES for action in ALL)


def test_pol_04_an_action_that_aws_adds_is_not_assessed() -> None:
    harms = Harms({"LoggingEvasion": {"actions": ["svc:Stop*"], "except": ["svc:StopTalking"]}}, {})

    assert harms.risks("svc:StopLogging", AccessLevel.WRITE) == {"LoggingEvasion"}
    assert harms.risks("svc:StopTalking", AccessLevel.WRITE) == {"NotAssessed"}
    assert harms.risks("svc:Brew", AccessLevel.WRITE) == {"NotAssessed"}
    assert harms.risks("svc:Brew", AccessLevel.READ) == set()
    assert harms.unused() == []


def test_pol_04_a_pattern_that_no_action_matches_is_reported() -> None:
    harms = Harms({"LoggingEvasion": {"actions": ["svc:Stop*"]}}, {})
    harms.risks("svc:Brew", AccessLevel.WRITE)

    assert harms.unused() == ["LoggingEvasion: svc:Stop*"]
