"""Operations that AWS authorizes as List or Read, though each call of them changes or costs something.

Repeating them matters, so the gateway treats them as calls that change something (row GW 6). A test fails if AWS adds
an operation that looks like one of these.
"""

from collections.abc import Mapping
from types import MappingProxyType

_DRIFT = "starts a detection of drift, and only one can run at a time"
_REPORT = "starts the making of a report"
_MODEL = "runs a model, which costs by its input and output"
_GUARDRAIL = "runs a guardrail, which costs by its input"

CHANGING_READS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "bedrock-agent-runtime": {
            "GenerateQuery": _MODEL,
            "Retrieve": _MODEL,
        },
        "bedrock-runtime": {
            "ApplyGuardrail": _GUARDRAIL,
            "Converse": _MODEL,
            "InvokeGuardrailChecks": _GUARDRAIL,
            "InvokeModel": _MODEL,
            "StartAsyncInvoke": "runs a model and writes its output to S3",
        },
        "cloudformation": {
            "DetectStackDrift": _DRIFT,
            "DetectStackResourceDrift": "updates the drift that the stack shows",
            "DetectStackSetDrift": _DRIFT,
        },
        "config": {"DeliverConfigSnapshot": "writes a snapshot to S3"},
        "ec2": {"StartDeclarativePoliciesReport": "starts the making of a report in S3"},
        "iam": {
            "GenerateCredentialReport": _REPORT,
            "GenerateOrganizationsAccessReport": _REPORT,
            "GenerateServiceLastAccessedDetails": _REPORT,
        },
        "logs": {
            "StartQuery": "starts a query, which costs by the data that it scans",
            "StopQuery": "ends a query, perhaps another user's",
        },
        "sagemaker": {"GetScalingConfigurationRecommendation": "starts a recommendation job"},
        "service-quotas": {"StartQuotaUtilizationReport": _REPORT},
        "sqs": {"ReceiveMessage": "hides the messages from other consumers, and counts a delivery"},
        "ssm": {"StartExecutionPreview": "starts a preview"},
        "xray": {
            "CancelTraceRetrieval": "ends a retrieval, perhaps another user's",
            "StartTraceRetrieval": "starts a retrieval of traces",
        },
    }
)
"""By botocore's names of service and operation: what each call does."""


def changes_something(service: str, operation: str) -> bool:
    """Return whether a call changes or costs something, though AWS authorizes it as List or Read."""
    return operation in CHANGING_READS.get(service, {})
