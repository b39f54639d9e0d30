"""Lists every permission of every role. A new permission changes this file, which reviewers see."""

import json
import re
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from infra.approval import STEPS
from infra.function_specs import SPECS
from infra.permissions import Allow, merged, on_state
from jitney.configuration.arns import function_name
from tests.infra.conftest import listed, of_type, plain
from tests.infra.test_target_account_stack import EXTERNAL_ID

pytestmark = pytest.mark.xdist_group("cdk")

ROOT = Path(__file__).parents[2]

LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
KEY_TO_READ = {"kms:Decrypt", "kms:DescribeKey"}
KEY_TO_WRITE = KEY_TO_READ | {
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
}
ISSUE = {"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"}
TARGET = "arn:aws:iam::444455556666:role/jitney/jitney-target-analytics-prod"
EARLIER_ROLES = f"{TARGET}.role*"
"""The roles that the target had before, for the earlier version in a canary deployment."""
REVOKER = "arn:aws:iam::444455556666:role/jitney/jitney-revoker-analytics-prod"
SLACK_BOT = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:jitney/slack-bot-AbCdEf"
SLACK_SIGNING = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:jitney/slack-signing-AbCdEf"
READ, CREATE, CHANGE = "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"
BATCH = "dynamodb:BatchGetItem"
QUERY, DELETE, CHECK = "dynamodb:Query", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"
DELIVER = {"s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"}
DELIVER_OBJECTS = {"s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"}

FUNCTIONS = {function_name(name): "".join(word.title() for word in name.split("_")) for name in SPECS}
ROUTED = [function_name(name) for name, spec in SPECS.items() if spec.routes]
MOVE_ALIAS = {"lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"}
# By role: its actions on each resource. Each function may also write to its own log group.
ALLOWED = {
    "jitney-grants": {
        "TablesState.Arn": {READ, BATCH, CREATE, CHANGE, QUERY},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        TARGET: ISSUE,
        EARLIER_ROLES: ISSUE,
        "ApprovalWorkflow": {"states:StartExecution"},
        "TablesMaskKey.Arn": {"kms:GenerateMac"},
    },
    "jitney-credentials": {
        "TablesState.Arn": {READ, BATCH, CREATE, CHANGE, QUERY},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        TARGET: ISSUE,
        EARLIER_ROLES: ISSUE,
    },
    "jitney-decisions": {
        "TablesState.Arn": {READ, BATCH, CREATE, CHANGE, QUERY},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        "TablesMaskKey.Arn": {"kms:GenerateMac"},
    },
    "jitney-permitted-targets": {
        "TablesState.Arn": {READ, CREATE, CHANGE},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
    },
    "jitney-grant-reads": {
        "TablesState.Arn": {READ, CREATE, BATCH, QUERY},
        "TablesState.Arn/index/by_principal": {"dynamodb:Query"},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
    },
    "jitney-held-reads": {
        "TablesState.Arn": {READ, CREATE, CHANGE, QUERY},
        "TablesAudit.Arn": {CREATE, QUERY},
        "TablesKey.Arn": KEY_TO_WRITE,
    },
    "jitney-releases": {
        "TablesState.Arn": {READ, CREATE, CHANGE, "dynamodb:Query"},
        "TablesState.Arn/index/open_by_role": {QUERY},
        "TablesAudit.Arn": {CREATE, QUERY},
        "TablesKey.Arn": KEY_TO_WRITE,
        "DenialMeasurementsFunction.Arn": {"lambda:InvokeFunction"},
        REVOKER: {"sts:AssumeRole"},
        "ApprovalWorkflow": {"states:SendTaskSuccess"},
    },
    "jitney-gateway-calls": {
        "TablesState.Arn": {READ, BATCH, CREATE, CHANGE, QUERY},
        "TablesAudit.Arn": {CREATE},
        "TablesAnswers.Arn": {READ, CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        TARGET: ISSUE,
        EARLIER_ROLES: ISSUE,
        "ApprovalWorkflow": {"states:StartExecution"},
        "TablesMaskKey.Arn": {"kms:GenerateMac"},
    },
    "jitney-call-withdrawals": {
        "TablesState.Arn": {READ, CREATE, CHANGE},
        "TablesAudit.Arn": {CREATE, QUERY},
        "TablesKey.Arn": KEY_TO_WRITE,
        "ApprovalWorkflow": {"states:SendTaskSuccess"},
    },
    "jitney-revocations": {
        "TablesMaskKey.Arn": {"kms:GenerateMac"},
        "TablesState.Arn": {READ, CREATE, CHANGE, QUERY, DELETE},
        "TablesState.Arn/index/open_by_role": {QUERY},
        "TablesAudit.Arn": {CREATE, QUERY},
        "TablesKey.Arn": KEY_TO_WRITE,
        "DenialMeasurementsFunction.Arn": {"lambda:InvokeFunction"},
        REVOKER: {"sts:AssumeRole"},
        "ApprovalWorkflow": {"states:SendTaskSuccess"},
    },
    "jitney-denial-measurements": {
        "TablesState.Arn": {READ, CHANGE},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        TARGET: ISSUE,
        EARLIER_ROLES: ISSUE,
    },
    "jitney-suspensions": {
        "TablesMaskKey.Arn": {"kms:GenerateMac"},
        "TablesState.Arn": {READ, BATCH, CREATE, CHANGE, QUERY},
        "TablesState.Arn/index/by_principal": {QUERY},
        "TablesState.Arn/index/open_by_role": {QUERY},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        REVOKER: {"sts:AssumeRole"},
        "ApprovalWorkflow": {"states:SendTaskSuccess"},
        "DenialMeasurementsFunction.Arn": {"lambda:InvokeFunction"},
    },
    # Opening a page changes nothing (REV 1): no permission to write.
    "jitney-reviews": {
        "TablesState.Arn": {READ, BATCH, "dynamodb:Query"},
        "TablesState.Arn/index/by_principal": {"dynamodb:Query"},
        "TablesState.Arn/index/open_by_role": {"dynamodb:Query"},
        "TablesAudit.Arn": {QUERY, BATCH},
        "TablesAudit.Arn/index/calls_of_grant": {QUERY},
        "TablesKey.Arn": KEY_TO_READ,
    },
    "jitney-overview": {
        "TablesState.Arn": {READ, BATCH, QUERY},
        "TablesState.Arn/index/by_principal": {QUERY},
        "TablesState.Arn/index/open_by_role": {QUERY},
        "TablesKey.Arn": KEY_TO_READ,
        "BucketsSeals.Arn": {"s3:ListBucket"},
        "BucketsSeals.Arn/seals/*": {"s3:GetObject"},
    },
    "jitney-review-reads": {
        "TablesState.Arn": {READ, BATCH, QUERY},
        "TablesState.Arn/index/by_principal": {QUERY},
        "TablesState.Arn/index/open_by_role": {QUERY},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
    },
    "jitney-sign-in": {
        "TablesState.Arn": {READ, CREATE, "dynamodb:DeleteItem"},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
    },
    "jitney-out-of-office": {
        "TablesState.Arn": {READ, QUERY, CREATE, CHANGE, DELETE},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
    },
    "jitney-votes": {
        "TablesMaskKey.Arn": {"kms:GenerateMac"},
        "TablesState.Arn": {READ, BATCH, CREATE, CHANGE, QUERY, CHECK},
        "TablesState.Arn/index/by_principal": {QUERY},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        "ApprovalWorkflow": {"states:SendTaskSuccess"},
    },
    "jitney-slack-interactions": {
        "TablesMaskKey.Arn": {"kms:GenerateMac"},
        "TablesState.Arn": {READ, BATCH, CREATE, CHANGE, QUERY, CHECK},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        "ApprovalWorkflow": {"states:SendTaskSuccess"},
        SLACK_SIGNING: {"secretsmanager:GetSecretValue"},
        SLACK_BOT: {"secretsmanager:GetSecretValue"},
    },
    "jitney-review-checks": {
        "TablesState.Arn": {READ, CREATE},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        SLACK_BOT: {"secretsmanager:GetSecretValue"},
        "arn:aws:ses:eu-west-1:111122223333:identity/jitney@example.com": {"ses:GetEmailIdentity"},
        "arn:aws:ses:eu-west-1:111122223333:identity/example.com": {"ses:GetEmailIdentity"},
    },
    "jitney-target-checks": {
        "TablesState.Arn": {READ, CREATE},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        TARGET: ISSUE,
        EARLIER_ROLES: ISSUE,
        REVOKER: {"sts:AssumeRole"},
    },
    "jitney-reconciler": {
        "TablesState.Arn": {READ, BATCH, CHANGE, CREATE, "dynamodb:Query"},
        "TablesState.Arn/index/open_by_role": {"dynamodb:Query"},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        REVOKER: {"sts:AssumeRole"},
        "ApprovalWorkflow": {"states:ListExecutions", "states:SendTaskSuccess", "states:StartExecution"},
    },
    "jitney-health": {},
    "jitney-review-schedule": {
        "TablesState.Arn": {READ, CHANGE},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
    },
    "jitney-review-notices": {
        "TablesState.Arn": {READ, BATCH, CREATE, CHANGE, QUERY, DELETE},
        "TablesState.Arn/index/by_principal": {"dynamodb:Query"},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
        "arn:aws:states:eu-west-1:111122223333:stateMachine:jitney-approval": {
            "states:SendTaskFailure",
            "states:SendTaskSuccess",
        },
        "arn:aws:ses:eu-west-1:111122223333:identity/jitney@example.com": {"ses:SendEmail"},
        "arn:aws:ses:eu-west-1:111122223333:identity/example.com": {"ses:SendEmail"},
        # SES requires it if the sender's identity has a default configuration set.
        "arn:aws:ses:eu-west-1:111122223333:configuration-set/*": {"ses:SendEmail"},
        SLACK_BOT: {"secretsmanager:GetSecretValue"},
    },
    "jitney-review-failures": {
        "TablesState.Arn": {READ, CHANGE},
        "TablesAudit.Arn": {CREATE},
        "TablesKey.Arn": KEY_TO_WRITE,
    },
    "jitney-publisher": {
        "TablesAudit.StreamArn": {"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"},
        "*": {"dynamodb:ListStreams"},
        "TablesKey.Arn": KEY_TO_READ,
        "RecordsStream.Arn": {"firehose:PutRecordBatch"},
        "CallsStream.Arn": {"firehose:PutRecordBatch"},
        "DeadLettersQueue.Arn": {"sqs:SendMessage"},
    },
    # It can add a seal, but neither delete one nor shorten its retention (AUD 2).
    "jitney-sealer": {
        "BucketsRecords.Arn": {"s3:ListBucket"},
        "BucketsRecords.Arn/records/*": {"s3:GetObject"},
        "TablesKey.Arn": {"kms:Decrypt"},
        "BucketsSeals.Arn": {"s3:ListBucket"},
        "BucketsSeals.Arn/seals/*": {"s3:GetObject", "s3:PutObject"},
        "BucketsSeals.Arn/keys/*": {"s3:PutObject"},
        "SealsKey.Arn": {"kms:GetPublicKey", "kms:Sign"},
    },
    "jitney-correlator": {
        "TablesState.Arn": {READ, CHANGE},
        "TablesAudit.Arn": {QUERY, BATCH, CREATE},
        "TablesAudit.Arn/index/calls_of_grant": {QUERY},
        "TablesKey.Arn": KEY_TO_WRITE,
        "TablesMaskKey.Arn": {"kms:GenerateMac"},
        "TrailQueue.Arn": {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"},
    },
    "jitney-approval": {
        "ReviewScheduleFunction.Arn": {"lambda:InvokeFunction"},
        "ReviewNoticesFunction.Arn": {"lambda:InvokeFunction"},
        "ReviewFailuresFunction.Arn": {"lambda:InvokeFunction"},
        "*": {
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        },
    },
    "jitney-canary": {
        **{f"{FUNCTIONS[name]}Function.Arn": MOVE_ALIAS for name in ROUTED},
        **{f"{FUNCTIONS[name]}Function.Arn:live": MOVE_ALIAS for name in ROUTED},
        "*": {"cloudwatch:DescribeAlarms"},
    },
    "jitney-delivery-records": {
        "BucketsRecords.Arn": DELIVER,
        "BucketsRecords.Arn/records/*": DELIVER_OBJECTS,
        "BucketsRecords.Arn/records-errors/*": DELIVER_OBJECTS,
        "RecordsLogs.Arn": {"logs:PutLogEvents"},
        "TablesKey.Arn": {"kms:Decrypt", "kms:GenerateDataKey"},
    },
    "jitney-delivery-calls": {
        "BucketsRecords.Arn": DELIVER,
        "BucketsRecords.Arn/calls/*": DELIVER_OBJECTS,
        "BucketsRecords.Arn/calls-errors/*": DELIVER_OBJECTS,
        "CallsLogs.Arn": {"logs:PutLogEvents"},
        "TablesKey.Arn": {"kms:Decrypt", "kms:GenerateDataKey"},
    },
    "jitney-delivery-api": {
        "BucketsLogs.Arn": DELIVER,
        "BucketsLogs.Arn/api/*": DELIVER_OBJECTS,
        "BucketsLogs.Arn/api-errors/*": DELIVER_OBJECTS,
        "AccessLogLogs.Arn": {"logs:PutLogEvents"},
    },
}


def without_region(role):
    """Return the name of a role in `ALLOWED`. Each role's own name ends with the broker's Region."""
    assert role.endswith("-eu-west-1")
    return role.removesuffix("-eu-west-1")


@pytest.fixture(scope="module")
def statements(assembly):
    """Return every statement of every role of the broker, by role, from inline and attached policies."""
    template = assembly.broker
    names = {name: without_region(role["RoleName"]) for name, role in of_type(template, "AWS::IAM::Role").items()}
    found = {name: [] for name in names.values()}
    for logical_id, role in of_type(template, "AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            found[names[logical_id]] += policy["PolicyDocument"]["Statement"]
    for policy in of_type(template, "AWS::IAM::Policy").values():
        for role in policy["Roles"]:
            found[names[role["Ref"]]] += policy["PolicyDocument"]["Statement"]
    return found


def test_every_role_has_exactly_these_permissions(statements):
    allowed = {}
    for role, items in statements.items():
        on = defaultdict(set)
        for item in items:
            assert item["Effect"] == "Allow"
            assert not {"NotAction", "NotResource"} & set(item)
            for resource in listed(plain(item["Resource"])):
                on[resource] |= set(listed(item["Action"]))
        if role in FUNCTIONS:
            assert on.pop(f"{FUNCTIONS[role]}Logs.Arn") == LOGS
        allowed[role] = dict(on)
    assert allowed == ALLOWED


def test_rev_09_only_slack_interactions_reads_slacks_signing_secret(statements):
    readers = {
        role
        for role, items in statements.items()
        for item in items
        for resource in listed(plain(item["Resource"]))
        if fnmatchcase(SLACK_SIGNING, resource)
        and any(fnmatchcase("secretsmanager:GetSecretValue", a) for a in listed(item["Action"]))
    }
    assert readers == {"jitney-slack-interactions"}


ANY_GRANT, OWN_RECORDS, ALL_RECORDS = {"GRANT#*"}, {"g-*"}, {"g-*", "r-*"}
ONCE = {"IDEMPOTENCY#*", "UNOPENED#*", "JOINS#*", "PENDING#*", "REVIEWS_BEGUN#*", "GRANTS_OPENED#*", "TRIALS#*"}
ANY_LIST = {"GRANT#*", "ACTIVE_GRANTS#*", "ROLE#*"}
CALLS = {"CALL_KEY#*", "BUDGET#*"}
BY_PRINCIPAL, BY_ROLE, CALLS_OF_GRANT = "index/by_principal", "index/open_by_role", "index/calls_of_grant"
# By role: actions on items of the state table and its indexes, by partition keys, and the chains of records that it
# creates.
ITEMS = {
    "jitney-grants": {
        BATCH: {*ANY_LIST, "PENDING#*"},
        READ: {"GRANT#*", *ONCE, "SUSPENSIONS"},
        CREATE: {"GRANT#*", "ACTIVE_GRANTS#*", "REPLAY#*", *ONCE},
        CHANGE: {"GRANT#*", *ONCE},
        QUERY: {"OUT_OF_OFFICE", "APPROVED#*", "REJECTED#*"},
        "records": ALL_RECORDS,
    },
    "jitney-credentials": {
        BATCH: ANY_LIST,
        READ: {"GRANT#*", "SUSPENSIONS"},
        CREATE: {"REPLAY#*"},
        CHANGE: {"GRANT#*", "RENEWALS#*"},
        QUERY: {"OUT_OF_OFFICE"},
        "records": ALL_RECORDS,
    },
    "jitney-decisions": {
        BATCH: ANY_LIST,
        READ: {"SUSPENSIONS"},
        CREATE: {"PREVIEWS#*", "UNOPENED#*", "REPLAY#*"},
        CHANGE: {"PREVIEWS#*", "UNOPENED#*"},
        QUERY: {"APPROVED#*", "REJECTED#*"},
        "records": {"r-*"},
    },
    "jitney-permitted-targets": {
        READ: {"SUSPENSIONS"},
        CREATE: {"PREVIEWS#*", "REPLAY#*"},
        CHANGE: {"PREVIEWS#*"},
        "records": {"r-*"},
    },
    "jitney-grant-reads": {
        READ: {"SUSPENSIONS"},
        CREATE: {"REPLAY#*"},
        BY_PRINCIPAL: {"PRINCIPAL#*"},
        BATCH: {"GRANT#*"},
        QUERY: {"OUT_OF_OFFICE"},
        "records": {"r-*"},
    },
    "jitney-held-reads": {
        READ: {"GRANT#*", "SUSPENSIONS"},
        CREATE: {"REPLAY#*"},
        CHANGE: {"WAITS#*"},
        QUERY: {"OUT_OF_OFFICE"},
        "records": {"r-*"},
        "read records": {"c-*"},
    },
    "jitney-releases": {
        READ: {"GRANT#*", "ROLE#*", "REVIEW#*", "SUSPENSIONS"},
        QUERY: {"ROLE#*"},
        BY_ROLE: {"ROLE#*"},
        CREATE: {"REPLAY#*"},
        CHANGE: {"GRANT#*", "ROLE#*", "REPEATED_ENDS#*", "MEASUREMENTS#*"},
        "records": ALL_RECORDS,
        "read records": {"k-*"},  # calls, never records
    },
    "jitney-gateway-calls": {
        BATCH: {*ANY_LIST, "PENDING#*", *CALLS, "SUSPENSIONS"},
        READ: {"GRANT#*", *ONCE, "SUSPENSIONS", *CALLS},
        CREATE: {"GRANT#*", "ACTIVE_GRANTS#*", "REPLAY#*", *ONCE, *CALLS},
        CHANGE: {"GRANT#*", *ONCE, *CALLS},
        QUERY: {"OUT_OF_OFFICE", "APPROVED#*", "REJECTED#*"},
        "records": {*ALL_RECORDS, "c-*"},
        "answers": {"ANSWER#*"},
    },
    "jitney-call-withdrawals": {
        READ: {"GRANT#*", "REVIEW#*", "SUSPENSIONS"},
        CREATE: {"REPLAY#*"},
        CHANGE: {"GRANT#*"},
        "records": ALL_RECORDS,
        "read records": {"c-*"},
    },
    "jitney-revocations": {
        READ: {"GRANT#*", "ROLE#*", "REVIEW#*", "SESSION#*", "SUSPENSIONS"},
        QUERY: {"ROLE#*", "OUT_OF_OFFICE"},
        BY_ROLE: {"ROLE#*"},
        DELETE: {"FOLLOW_UP"},
        CREATE: {"APPROVED#*", "REPLAY#*"},
        CHANGE: {"GRANT#*", "ROLE#*", "REPEATED_ENDS#*", "MEASUREMENTS#*"},
        "records": ALL_RECORDS,
        "read records": {"k-*"},  # calls, never records
    },
    "jitney-suspensions": {
        READ: {"GRANT#*", "ROLE#*", "REVIEW#*", "SUSPENSIONS"},
        BATCH: {"GRANT#*"},
        QUERY: {"ROLE#*"},
        CREATE: {"APPROVED#*", "SUSPENSIONS", "REPLAY#*"},
        CHANGE: {"GRANT#*", "ROLE#*"},
        BY_PRINCIPAL: {"PRINCIPAL#*"},
        BY_ROLE: {"ROLE#*"},
        "records": ALL_RECORDS,
    },
    "jitney-reviews": {
        BATCH: ANY_LIST,
        READ: {"GRANT#*", "ROLE#", "SESSION#*", "SUSPENSIONS"},
        QUERY: {"APPROVED#*", "REJECTED#*", "VOTES#*", "OUT_OF_OFFICE", "FOLLOW_UP", "TRAIL"},
        BY_PRINCIPAL: {"PRINCIPAL#*"},
        BY_ROLE: {"ROLE#*"},
        "read records": {"g-*", "k-*", "c-*"},
        CALLS_OF_GRANT: {"g-*"},
    },
    "jitney-overview": {
        BATCH: ANY_GRANT,
        READ: {"ROLE#", "SESSION#*", "SUSPENSIONS"},
        QUERY: {"FOLLOW_UP"},
        BY_PRINCIPAL: {"PRINCIPAL#*"},
        BY_ROLE: {"ROLE#*"},
    },
    # It records refused callers, and writes nothing to the state table.
    "jitney-review-reads": {
        BATCH: ANY_LIST,
        READ: {"GRANT#*", "ROLE#", "SUSPENSIONS"},
        QUERY: {"APPROVED#*", "REJECTED#*", "OUT_OF_OFFICE", "FOLLOW_UP"},
        BY_PRINCIPAL: {"PRINCIPAL#*"},
        BY_ROLE: {"ROLE#*"},
        "records": {"r-*"},
    },
    "jitney-sign-in": {
        READ: {"SESSION#*", "SUSPENSIONS"},
        CREATE: {"SESSION#*"},
        DELETE: {"SESSION#*"},
        "records": {"r-*"},
    },
    "jitney-out-of-office": {
        READ: {"SESSION#*", "SUSPENSIONS"},
        QUERY: {"OUT_OF_OFFICE"},
        CREATE: {"OUT_OF_OFFICE"},
        CHANGE: {"OUT_OF_OFFICE_CHANGES#*"},
        DELETE: {"OUT_OF_OFFICE"},
        "records": {"r-*"},
    },
    "jitney-votes": {
        BATCH: ANY_LIST,
        READ: {"GRANT#*", "REVIEW#*", "SESSION#*", "SUSPENSIONS"},
        QUERY: {"APPROVED#*", "REJECTED#*", "OUT_OF_OFFICE", "FOLLOW_UP"},
        BY_PRINCIPAL: {"PRINCIPAL#*"},
        CHECK: {"OUT_OF_OFFICE"},
        CREATE: {"VOTES#*", "APPROVED#*", "REJECTED#*", "FOLLOW_UP", "REPLAY#*"},
        CHANGE: {"GRANT#*", "NARROWINGS#*"},
        "records": ALL_RECORDS,
    },
    "jitney-slack-interactions": {
        BATCH: ANY_LIST,
        READ: {"GRANT#*", "REVIEW#*", "SUSPENSIONS"},
        QUERY: {"APPROVED#*", "REJECTED#*", "OUT_OF_OFFICE"},
        CHECK: {"OUT_OF_OFFICE"},
        CREATE: {"VOTES#*", "APPROVED#*", "REJECTED#*", "SLACK#*"},
        CHANGE: {"GRANT#*", "NARROWINGS#*"},
        "records": ALL_RECORDS,
    },
    "jitney-denial-measurements": {READ: ANY_GRANT, CHANGE: ANY_GRANT, "records": OWN_RECORDS},
    "jitney-target-checks": {READ: {"SUSPENSIONS"}, CREATE: {"REPLAY#*"}, "records": {"r-*"}},
    "jitney-review-checks": {READ: {"SUSPENSIONS"}, CREATE: {"REPLAY#*"}, "records": {"r-*"}},
    "jitney-correlator": {
        READ: ANY_GRANT,
        CHANGE: {"TRAIL"},
        "records": {"k-*", "r-*"},
        "read records": {"k-*", "c-*"},
        CALLS_OF_GRANT: {"g-*"},
    },
    "jitney-reconciler": {
        CREATE: {"APPROVED#*", "SUSPENSIONS"},
        READ: {"GRANT#*", "ROLE#*", "REVIEW#*", "SUSPENSIONS"},
        BATCH: ANY_GRANT,
        QUERY: {"ROLE#*", "FOLLOW_UP", "TRAIL"},
        CHANGE: {"GRANT#*", "ROLE#*", "TRAIL"},
        BY_ROLE: {"ROLE#*"},
        "records": ALL_RECORDS,
    },
    "jitney-review-schedule": {READ: {"GRANT#*", "SUSPENSIONS"}, CHANGE: ANY_GRANT, "records": OWN_RECORDS},
    "jitney-review-notices": {
        BATCH: ANY_LIST,
        READ: {"GRANT#*", "SUSPENSIONS"},
        CREATE: {"REVIEW#*", "MESSAGE#*", "SENT#*"},
        DELETE: {"SENT#*"},
        QUERY: {"APPROVED#*", "REJECTED#*", "OUT_OF_OFFICE", "MESSAGE#*"},
        CHANGE: ANY_GRANT,
        BY_PRINCIPAL: {"PRINCIPAL#*"},
        "records": OWN_RECORDS,
    },
    "jitney-review-failures": {READ: {"GRANT#*", "SUSPENSIONS"}, CHANGE: ANY_GRANT, "records": OWN_RECORDS},
}
TABLES = {"TablesState.Arn": "", "TablesAudit.Arn": "records"}
TABLES |= {f"TablesState.Arn/{index}": index for index in (BY_PRINCIPAL, BY_ROLE)}
TABLES |= {"TablesAnswers.Arn": "answers"}
TABLES |= {f"TablesAudit.Arn/{CALLS_OF_GRANT}": CALLS_OF_GRANT}


def on_tables(statements):
    """Yield each role with each of its statements on a table, and the table's name in `ITEMS`."""
    for role, found in statements.items():
        for each in found:
            if (resources := listed(plain(each["Resource"])))[0] in TABLES:
                (resource,) = resources
                yield role, each, TABLES[resource]


READ_RECORDS = {
    "jitney-reviews",
    "jitney-releases",
    "jitney-revocations",
    "jitney-correlator",
    "jitney-held-reads",
    "jitney-call-withdrawals",
}


def test_permissions_for_equal_actions_are_one_statement():
    grants, tokens = on_state("GetItem", items=("GRANT#*",)), on_state("GetItem", items=("REPLAY#*", "GRANT#*"))
    assert merged((grants, tokens)) == (on_state("GetItem", items=("GRANT#*", "REPLAY#*")),)


APART = {
    "any item": (on_state("GetItem", items=("GRANT#*",)), on_state("GetItem", items=())),
    "some attributes": (
        on_state("UpdateItem", items=("GRANT#*",), attributes=("pk", "lifecycle")),
        on_state("UpdateItem", items=("ROLE#*",)),
    ),
    "another table": (on_state("GetItem", items=("GRANT#*",)), Allow("audit", ("dynamodb:GetItem",), ("g-*",))),
    "other actions": (on_state("GetItem", items=("GRANT#*",)), on_state("GetItem", "PutItem", items=("ROLE#*",))),
    "many items": (on_state("BatchGetItem", items=("GRANT#*",)), on_state("BatchGetItem", items=("CALL#*",))),
    "no items": (Allow("approval", ("states:SendTaskSuccess",)), Allow("approval", ("states:SendTaskSuccess",))),
}


@pytest.mark.parametrize("allows", APART.values(), ids=APART)
def test_permissions_that_differ_in_more_than_their_items_stay_apart(allows: tuple[Allow, ...]):
    assert merged(allows) == allows


def test_every_role_reaches_its_own_items_only(statements):
    items = defaultdict(lambda: defaultdict(set))
    for role, each, place in on_tables(statements):
        assert each["Condition"]["Null"]["dynamodb:LeadingKeys"] == "false"
        patterns = listed(each["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
        for action in listed(each["Action"]):
            usual = {CREATE, QUERY, BATCH} if role in READ_RECORDS else {CREATE}
            usual = {"records": usual, "answers": {READ, CREATE}}.get(place, {QUERY})
            assert not place or action in usual
            reads = place == "records" and action != CREATE
            items[role]["read records" if reads else place or action] |= set(patterns)
    assert items == ITEMS


# By role: the attributes of a grant that it may change; a role that is not here changes none.
LIFE = {"pk", "sk", "lifecycle", "records"}
CHANGES = {
    "jitney-grants": LIFE | {"open_role", "open_until"},
    "jitney-credentials": LIFE | {"open_role", "open_until", "unissued"},
    "jitney-reconciler": LIFE | {"open_role", "open_until", "ending"},
    "jitney-suspensions": LIFE | {"open_role", "open_until", "ending"},
    "jitney-denial-measurements": LIFE | {"ending"},
    "jitney-review-schedule": LIFE | {"open_role", "open_until"},
    "jitney-review-failures": LIFE | {"open_role", "open_until"},
    "jitney-review-notices": LIFE,
    "jitney-releases": LIFE | {"open_role", "open_until", "ending"},
    "jitney-gateway-calls": LIFE | {"open_role", "open_until", "call_sent"},
    "jitney-call-withdrawals": LIFE | {"open_role", "open_until", "ending"},
    "jitney-revocations": LIFE | {"open_role", "open_until", "ending", "follow_up"},
    "jitney-votes": LIFE | {"open_role", "open_until", "unissued", "terms", "expires"},
    "jitney-slack-interactions": LIFE | {"open_role", "open_until", "unissued", "terms", "expires"},
}


def test_rev_03_only_functions_that_open_grants_or_take_votes_write_their_terms(statements):
    """Two functions create grants. Every other permission to write them names attributes."""
    changes, others = defaultdict(set), defaultdict(set)
    for role, each, _ in on_tables(statements):
        patterns = listed(each["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
        if not any(fnmatchcase("GRANT#g-aaaaaaaaaaaaaa", pattern) for pattern in patterns):
            continue
        others[role] |= set(listed(each["Action"])) - {CHANGE}
        if CHANGE in listed(each["Action"]):
            assert each["Condition"]["Null"]["dynamodb:Attributes"] == "false"
            changes[role] |= set(each["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"])
    assert changes == CHANGES
    assert {role: actions for role, actions in others.items() if actions - {READ, BATCH}} == {
        "jitney-grants": {READ, BATCH, CREATE},
        "jitney-gateway-calls": {READ, BATCH, CREATE},
    }


def test_the_threat_model_names_the_functions_that_update_each_attribute_of_a_grant():
    page = (ROOT / "docs" / "threat-model" / "functions.md").read_text("utf-8")
    named = {
        name: set(re.findall(r"`(\w+)`", by))
        for name, by in re.findall(r"^\| `(\w+)` \|.*\|(.*)\|$", page, re.MULTILINE)
    }
    attributes = {"terms", "ending", "follow_up", "unissued", "call_sent"}
    assert {name: named[name] for name in attributes} == {
        name: {role.removeprefix("jitney-").replace("-", "_") for role in CHANGES if name in CHANGES[role]}
        for name in attributes
    }


def test_the_function_that_measures_denials_cannot_use_a_grants_session_name(statements):
    (taken,) = [
        each
        for each in statements["jitney-denial-measurements"]
        if TARGET in listed(plain(each["Resource"])) and "sts:AssumeRole" in each["Action"]
    ]
    assert taken["Condition"] == {"StringLike": {"sts:RoleSessionName": ["g-canary-*"]}}


@pytest.mark.parametrize("role", ["jitney-grants", "jitney-credentials"])
def test_gw_01_functions_that_issue_to_agents_cannot_use_a_gateway_session_name(role, statements):
    (taken,) = [each for each in statements[role] if "sts:AssumeRole" in listed(each["Action"])]
    assert (plain(taken["Resource"]), listed(taken["Action"])) == ([TARGET, EARLIER_ROLES], ["sts:AssumeRole"])
    assert taken["Condition"] == {"StringLike": {"sts:RoleSessionName": ["g-*"]}}


def test_gw_01_the_gateways_role_can_use_no_grants_session_name(statements):
    for name in ("g-aaaaaaaaaaaaaa", "g-canary-aaaaaaaaaaaaaa", "g-check-aaaaaaaaaaaaaa"):
        assert not issues_to(statements["jitney-gateway-calls"], name)
    for name in ("c-reads-g-aaaaaaaaaaaaaa", "c-aaaaaaaaaaaaaa-g-aaaaaaaaaaaaaa"):
        assert [role for role, items in statements.items() if issues_to(items, name)] == ["jitney-gateway-calls"]


def issues_to(items, session):
    """Return whether statements allow a target's session with this name."""
    return any(
        fnmatchcase(session, name)
        for each in items
        if "sts:AssumeRole" in listed(each["Action"]) and TARGET in listed(plain(each["Resource"]))
        for name in each.get("Condition", {}).get("StringLike", {}).get("sts:RoleSessionName", ["*"])
    )


def test_target_checks_cannot_use_a_grants_session_name(statements):
    taken = [each for each in statements["jitney-target-checks"] if "sts:AssumeRole" in listed(each["Action"])]
    assert {each for statement in taken for each in listed(plain(statement["Resource"]))} == {
        TARGET,
        EARLIER_ROLES,
        REVOKER,
    }
    for each in taken:
        assert each["Condition"] == {"StringLike": {"sts:RoleSessionName": ["g-check-*", "check-*"]}}


def test_no_role_has_a_wildcard_action_or_a_managed_policy(assembly, statements):
    actions = {action for items in statements.values() for item in items for action in listed(item["Action"])}
    assert not [action for action in actions if "*" in action or "?" in action]
    assert not [role for role in of_type(assembly.broker, "AWS::IAM::Role").values() if role.get("ManagedPolicyArns")]


def test_the_tables_key_decrypts_through_dynamodb_only(statements):
    conditions = {
        role: item["Condition"]
        for role, items in statements.items()
        for item in items
        if plain(item["Resource"]) == "TablesKey.Arn"
    }
    through = {role: "".join(each["StringEquals"]["kms:ViaService"]) for role, each in conditions.items()}
    s3 = {through.pop(f"jitney-{name}") for name in ("delivery-records", "delivery-calls", "sealer")}
    assert s3 == {"s3.eu-west-1.amazonaws.com"}
    assert set(through.values()) == {"dynamodb.eu-west-1.amazonaws.com"}


def test_each_role_trusts_one_service(assembly):
    trusted = {}
    for role in of_type(assembly.broker, "AWS::IAM::Role").values():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Action"], role["Path"]) == ("Allow", "sts:AssumeRole", "/jitney/")
        trusted[without_region(role["RoleName"])] = statement["Principal"]
    services = {"jitney-approval": "states", "jitney-canary": "codedeploy"}
    services |= {f"jitney-delivery-{name}": "firehose" for name in ("records", "calls", "api")}
    assert trusted == {name: {"Service": f"{services.get(name, 'lambda')}.amazonaws.com"} for name in ALLOWED}


def test_each_function_has_its_own_role(assembly):
    functions = of_type(assembly.broker, "AWS::Lambda::Function").values()
    roles = [plain(function["Role"]) for function in functions]
    assert len(set(roles)) == len(roles) == len(SPECS)


def test_api_gateway_invokes_functions_with_routes_from_its_stage_and_in_no_test_invocation(assembly):
    # A test invocation has another stage, test-invoke-stage.
    allowed = {
        (plain(each["FunctionName"]), plain(each["SourceArn"]).partition(":111122223333:")[2])
        for each in of_type(assembly.broker, "AWS::Lambda::Permission").values()
        if each["Principal"] == "apigateway.amazonaws.com"
    }
    with_routes = [name for name, spec in SPECS.items() if spec.routes]
    stage = "ApiRestApi/ApiRestApiDeploymentStagelive/*/*"
    assert allowed == {(f"{FUNCTIONS[function_name(name)]}Alias", stage) for name in with_routes}
    others = [
        (plain(each["FunctionName"]), each["Principal"], plain(each["SourceArn"]))
        for each in of_type(assembly.broker, "AWS::Lambda::Permission").values()
        if each["Principal"] != "apigateway.amazonaws.com"
    ]
    assert sorted(others) == [
        ("ReconcilerFunction.Arn", "events.amazonaws.com", "ReconcilerSchedule.Arn"),
        ("ReviewFailuresFunction.Arn", "events.amazonaws.com", "ApprovalEnded.Arn"),
        ("SealerFunction.Arn", "events.amazonaws.com", "SealerSchedule.Arn"),
    ]


def test_rev_02_no_function_of_the_workflow_reads_a_token_and_one_ends_the_tasks_whose_tokens_it_gets(statements):
    called = {plain(arn) for item in statements["jitney-approval"] for arn in listed(item["Resource"])} - {"*"}
    assert called == {f"Review{name}Function.Arn" for name in ("Schedule", "Notices", "Failures")}
    for name in STEPS.values():
        allowed = statements[f"jitney-{name.replace('_', '-')}"]
        may = {action for item in allowed for action in listed(item["Action"]) if action.startswith("states:")}
        assert may == ({"states:SendTaskFailure", "states:SendTaskSuccess"} if name == "review_notices" else set())
        readable = [item["Condition"] for item in allowed if READ in listed(item["Action"])]
        assert readable
        assert "REVIEW" not in json.dumps(readable)


def test_mail_is_sent_from_one_address_only(statements):
    (sending,) = [each for items in statements.values() for each in items if "ses:SendEmail" in listed(each["Action"])]
    assert sending["Condition"] == {"StringEquals": {"ses:FromAddress": "jitney@example.com"}}


def test_the_reconciler_runs_every_five_minutes_and_records_are_sealed_every_hour(assembly):
    rules = [each for each in of_type(assembly.broker, "AWS::Events::Rule").values() if "ScheduleExpression" in each]
    found = {
        (rule["ScheduleExpression"], rule["State"], plain(target["Arn"]))
        for rule in rules
        for target in rule["Targets"]
    }
    assert found == {
        ("rate(5 minutes)", "ENABLED", "ReconcilerFunction.Arn"),
        ("rate(1 hour)", "ENABLED", "SealerFunction.Arn"),
    }


def test_end_02_the_revoker_writes_inline_policies_of_its_targets_roles_with_their_boundary(assembly):
    (revoker,) = (each for each in of_type(assembly.target, "AWS::IAM::Role").values() if "revoker" in each["RoleName"])
    assert f"arn:aws:iam::444455556666:role{revoker['Path']}{revoker['RoleName']}" == REVOKER
    (policy,) = revoker["Policies"]
    read, write, never = policy["PolicyDocument"]["Statement"]
    assert (never["Effect"], never["Action"], never["Resource"]) == ("Deny", "iam:PutRolePolicy", "*")
    assert never["Condition"] == {"StringLike": {"aws:userid": ["*:g-check-*", "*:check-*"]}}
    roles = ["arn:aws:iam::444455556666:role/jitney/jitney-target-analytics-prod.role*", "Role.Arn"]
    assert (read["Effect"], read["Action"], plain(read["Resource"])) == ("Allow", "iam:GetRolePolicy", roles)
    assert (write["Effect"], plain(write["Resource"])) == ("Allow", roles)
    assert write["Action"] == ["iam:DeleteRolePolicy", "iam:PutRolePolicy"]
    assert plain(write["Condition"]) == {"StringEquals": {"iam:PermissionsBoundary": "Boundary"}}
    assert not revoker.get("ManagedPolicyArns")


def test_end_02_only_functions_that_revoke_or_check_reach_the_revoker(assembly):
    (revoker,) = (each for each in of_type(assembly.target, "AWS::IAM::Role").values() if "revoker" in each["RoleName"])
    (trust,) = revoker["AssumeRolePolicyDocument"]["Statement"]
    functions = ("reconciler", "releases", "revocations", "suspensions", "target-checks")
    assert trust["Principal"] == {
        "AWS": [f"arn:aws:iam::111122223333:role/jitney/jitney-{name}-eu-west-1" for name in functions]
    }
    assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}


def test_the_key_of_the_tables_is_for_this_account_and_that_of_alarms_for_cloudwatch_too(assembly):
    keys = {plain({"Ref": name}): each for name, each in of_type(assembly.broker, "AWS::KMS::Key").items()}
    (at_rest,) = keys["TablesKey"]["KeyPolicy"]["Statement"]
    root, alarms = keys["DeadLettersAlarmKey"]["KeyPolicy"]["Statement"]
    assert plain(at_rest["Principal"]) == plain(root["Principal"]) == {"AWS": "arn:aws:iam::111122223333:root"}
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert set(alarms["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


def test_mask_04_the_key_of_the_tags_is_unreadable_and_makes_tags_only(assembly):
    """The key policy leaves permissions to the roles' policies. `ALLOWED` lists them: they can only make tags."""
    keys = of_type(assembly.broker, "AWS::KMS::Key").values()
    (masks,) = (each for each in keys if each.get("KeyUsage") == "GENERATE_VERIFY_MAC")
    assert masks["KeySpec"] == "HMAC_256"
    (root,) = masks["KeyPolicy"]["Statement"]
    assert plain(root["Principal"]) == {"AWS": "arn:aws:iam::111122223333:root"}


def keys(assembly):
    """Return the KMS keys by their descriptions."""
    return {each["Description"]: each for each in of_type(assembly.broker, "AWS::KMS::Key").values()}


SEALING = "arn:aws:iam::111122223333:role/jitney/jitney-sealer-eu-west-1"


def denials(statements):
    """Return what the statements deny to all principals, by the statements' names."""
    found = {}
    for each in statements:
        if each["Effect"] == "Deny":
            assert each["Principal"] == {"AWS": "*"}
            found[each.get("Sid")] = (
                set(listed(each["Action"])),
                listed(plain(each["Resource"])),
                each.get("Condition"),
            )
    return found


def test_aud_02_only_the_sealer_signs(assembly):
    key = keys(assembly)["Jitney: signs the seals over audit records"]
    assert (key["KeySpec"], key["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    others = {"ArnNotEquals": {"aws:PrincipalArn": SEALING}}
    ((actions, resources, condition),) = denials(key["KeyPolicy"]["Statement"]).values()
    assert (actions, resources, plain(condition)) == ({"kms:Sign"}, ["*"], others)


def test_aud_02_only_the_sealer_adds_seals_and_no_principal_deletes_them(assembly):
    (policy,) = (
        each["PolicyDocument"]["Statement"]
        for each in of_type(assembly.broker, "AWS::S3::BucketPolicy").values()
        if plain(each["Bucket"]) == "BucketsSeals"
    )
    everything = ["BucketsSeals.Arn/*"]
    found = denials(policy)
    assert found["OnlySealingAdds"][:2] == ({"s3:PutObject"}, everything)
    assert plain(found["OnlySealingAdds"][2]) == {"ArnNotEquals": {"aws:PrincipalArn": SEALING}}
    assert found["AddedNotReplaced"] == ({"s3:PutObject"}, everything, {"Null": {"s3:if-none-match": "true"}})
    taken = {"s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention"}
    assert found["NothingIsTakenAway"] == (taken, everything, None)
    assert not [each for each in policy if each["Effect"] == "Allow"]


def test_aud_02_a_lock_that_no_principal_can_remove_keeps_seals(assembly):
    locked = [each for each in of_type(assembly.broker, "AWS::S3::Bucket").values() if each.get("ObjectLockEnabled")]
    (bucket,) = locked
    rule = bucket["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert rule == {"Mode": "COMPLIANCE", "Days": 400}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert not [rule for rule in bucket["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
