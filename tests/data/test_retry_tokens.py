"""Row REV 17: the parameters that SDKs fill for each call do not make two equal calls different."""

from jitney.core.access.reviewed_call import RETRY_TOKENS
from tests.data.test_answers import models

# SDKs fill these too. They are not left out by their name, because in other operations a parameter of the same name
# says what the call is about.
ALSO_SUBJECTS = {
    *("CallbackId", "CallerReference", "ClientTokenId", "CreationToken", "ExecuteToken", "NamedQueryId", "OperationId"),
    *("ProvisionToken", "QueryExecutionId", "RequestId", "TerminateToken", "UpdateToken", "UpdaterRequestId"),
    *("associatedResourceName", "profileToken", "requestId", "runtimeSessionId"),
}


def test_rev_17_nearly_all_retry_tokens_of_aws_are_known():
    filled = [
        name
        for _, model in models()
        for operation in model["operations"].values()
        if "input" in operation
        for name, member in model["shapes"][operation["input"]["shape"]].get("members", {}).items()
        if member.get("idempotencyToken")
    ]
    others = [name for name in filled if name.lower() not in RETRY_TOKENS]
    assert set(others) == ALSO_SUBJECTS
    assert len(others) < 0.05 * len(filled)
