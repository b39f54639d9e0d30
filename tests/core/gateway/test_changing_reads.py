"""Which calls that AWS authorizes as List or Read change something, so that a repeat matters (row GW 6)."""

import re
from collections.abc import Iterator

import pytest

from jitney.adapters.aws_models import AwsModels
from jitney.core.actions import READING
from jitney.core.calls.operations import OperationTable
from jitney.core.gateway.changing_reads import CHANGING_READS, changes_something
from jitney.resources import MODELS, OPERATIONS
from tests.fakes import ACTIONS

READING_VERBS = re.compile(
    r"(Admin|Batch|Transact)?"
    r"(Get|List|Describe|Head|Search|Query|Scan|Select|Lookup|Filter|Check|Count|Validate|Verify|Test|Simulate|Estimate)"
)
REVIEWED = {
    ("apigatewayv2", "ExportApi"),
    ("backup", "ExportBackupPlanTemplate"),
    ("bedrock", "ExportAutomatedReasoningPolicyVersion"),
    ("ec2", "ExportClientVpnClientCertificateRevocationList"),
    ("ec2", "ExportClientVpnClientConfiguration"),
    ("rds", "DownloadDBLogFilePortion"),
    ("sagemaker", "RenderUiTemplate"),
    ("wafv2", "GenerateMobileSdkReleaseUrl"),  # a presigned URL
}
"""Operations with other verbs that answer what exists, and change nothing."""


def operations_that_read() -> Iterator[tuple[str, str]]:
    models, table = AwsModels.load(MODELS.read_bytes()), OperationTable.load(OPERATIONS.read_bytes())
    for service in models.services():
        known = table.service(service)
        for name in set(models.operations(service)) & set(known.names()):
            operation = known.operation(name)
            for needs in (operation.needs, *(each.needs for each in operation.variants)):
                always = [each.action for each in needs if not each.when] or [each.action for each in needs]
                if always and all((found := ACTIONS.get(each)) and found.level in READING for each in always):
                    yield service, name


@pytest.fixture(scope="module")
def reads() -> set[tuple[str, str]]:
    return set(operations_that_read())


@pytest.mark.parametrize("named", [(service, name) for service, rows in CHANGING_READS.items() for name in rows])
def test_gw_06_each_listed_operation_exists_and_aws_calls_it_a_read(
    named: tuple[str, str], reads: set[tuple[str, str]]
):
    assert named in reads
    assert changes_something(*named)
    assert CHANGING_READS[named[0]][named[1]]


def test_gw_06_a_read_with_a_verb_that_does_more_is_listed_or_reviewed(reads: set[tuple[str, str]]):
    listed = {(service, name) for service, rows in CHANGING_READS.items() for name in rows}
    assert len(reads) > 2000
    assert {each for each in reads if not READING_VERBS.match(each[1])} - listed - REVIEWED == set()
    assert reads >= REVIEWED


def test_gw_06_other_calls_are_not_listed():
    assert not changes_something("sqs", "GetQueueAttributes")
    assert not changes_something("s3", "ReceiveMessage")
