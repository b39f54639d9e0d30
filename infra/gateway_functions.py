"""The functions of calls through the gateway. Part of `infra.function_specs`."""

from infra.ending_functions import RESUME_WORKFLOW
from infra.grant_permissions import REQUEST_GRANTS, SHOW_REVIEW_VARIABLES
from infra.permissions import (
    AUTHENTICATE,
    CALL_CHAINS,
    END_ATTRIBUTES,
    GATEWAY_SESSIONS,
    GRANT_CHAINS,
    OTHER_CHAINS,
    READ_CALL_RECORDS,
    REVOCATION_ATTRIBUTES,
    Allow,
    issue_to,
    on_state,
    read_and_update,
    write_records,
)
from infra.spec import FunctionSpec
from infra.state_items import CALL_ITEMS, GRANT_ITEMS, TOKEN_ITEMS

# The function has 27 seconds, and AWS has 20 of them (jitney.adapters.upstream). The rate and the executions are the
# route's own, so that calls that hang leave every other route alone. Both grow with broker.lambda_executions.
CALLS_PER_SECOND = CALL_EXECUTIONS = 50
CALL_TIMEOUT_SECONDS = 27
_CALLS = (*CALL_ITEMS, "BUDGET#*")
_USE_ATTRIBUTES = (*END_ATTRIBUTES, "call_sent")
"""The use of a reviewed call's approval ends the grant of that call."""

GATEWAY_SPECS = (
    FunctionSpec(
        "gateway_calls",
        "Makes calls of AWS for agents",
        routes=(("POST", "/v1/calls"),),
        timeout_seconds=CALL_TIMEOUT_SECONDS,
        requests_per_second=CALLS_PER_SECOND,
        reserved_executions=CALL_EXECUTIONS,
        grows=True,
        allows=(
            *REQUEST_GRANTS,
            *issue_to(GATEWAY_SESSIONS),
            # One request reads all of these, and IAM compares the whole request with one statement.
            on_state("BatchGetItem", items=(*_CALLS, "SUSPENSIONS", *GRANT_ITEMS)),
            on_state("GetItem", "PutItem", "UpdateItem", items=_CALLS),
            on_state("UpdateItem", items=GRANT_ITEMS, attributes=_USE_ATTRIBUTES),
            Allow("answers", ("dynamodb:GetItem", "dynamodb:PutItem"), ("ANSWER#*",)),
            Allow("audit", ("dynamodb:PutItem",), (CALL_CHAINS,)),
        ),
        variables=SHOW_REVIEW_VARIABLES,
    ),
    FunctionSpec(
        "call_withdrawals",
        "Withdraws a principal's own gateway calls from review",
        routes=(("DELETE", "/v1/calls/{id}"),),
        # The grant of a call has no credentials, so its end needs no deny document.
        allows=(
            *read_and_update(GRANT_ITEMS, REVOCATION_ATTRIBUTES),
            on_state("GetItem", items=TOKEN_ITEMS),
            READ_CALL_RECORDS,
            *AUTHENTICATE,
            *write_records(GRANT_CHAINS, OTHER_CHAINS),
            RESUME_WORKFLOW,
        ),
        variables=("JITNEY_ANSWERS_TABLE",),
    ),
)
