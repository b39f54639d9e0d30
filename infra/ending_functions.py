"""The functions that release, revoke and suspend, and the one that measures denials. Part of `infra.function_specs`."""

from infra.grant_permissions import END_APPROVALS, MASK
from infra.permissions import (
    GRANT_CHAINS,
    OTHER_CHAINS,
    READ_SUSPENSIONS,
    REVOCATION_ATTRIBUTES,
    STATE_ATTRIBUTES,
    USE_UP_TOKEN,
    Allow,
    issue_to,
    on_state,
    read_and_update,
    write_records,
)
from infra.read_functions import GRANTS_OF_PRINCIPAL, OPEN_GRANTS
from infra.record_functions import ACCESS_KEY_CHAINS
from infra.spec import (
    MEASURING_EXECUTIONS,
    RELEASE_EXECUTIONS,
    URGENT_EXECUTIONS,
    URGENT_REQUESTS_PER_SECOND,
    FunctionSpec,
)
from infra.state_items import (
    FOLLOW_UP_ITEMS,
    GRANT_ITEMS,
    OUT_OF_OFFICE_ITEMS,
    ROLE_ITEMS,
    SESSION_ITEMS,
    SUSPENSION_ITEMS,
    TOKEN_ITEMS,
)
from jitney.core.access.credentials import CANARY_PREFIX

RESUME_WORKFLOW = Allow("approval", ("states:SendTaskSuccess",))
_UPDATE_DENY_LIST = on_state("GetItem", "Query", "UpdateItem", items=ROLE_ITEMS)
# What the end of a grant needs: its record, the deny document, and the end of its review.
END_AND_DENY = (
    *read_and_update(GRANT_ITEMS, REVOCATION_ATTRIBUTES),
    _UPDATE_DENY_LIST,
    OPEN_GRANTS,  # which a range of ids in a deny document must not deny
    READ_SUSPENSIONS,
    *write_records(GRANT_CHAINS, OTHER_CHAINS),
    Allow("revokers", ("sts:AssumeRole",)),
    RESUME_WORKFLOW,
)
# To see when the denial is in force, a function starts a session of an ended grant. The target's boundary lets such a
# session make one harmless call only. The function issues no credentials.
_MEASURE_DENIAL = issue_to((f"{CANARY_PREFIX}*",))
MEASURING = "denial_measurements"
"""The function that measures denials. The functions that end grants start it and do not wait."""
_START_MEASUREMENT = Allow("measuring_function", ("lambda:InvokeFunction",))
_REVOKE = (
    *END_AND_DENY,
    _START_MEASUREMENT,
    on_state("GetItem", items=TOKEN_ITEMS),
    on_state("UpdateItem", items=("REPEATED_ENDS#*", "MEASUREMENTS#*")),
    Allow("audit", ("dynamodb:Query",), ACCESS_KEY_CHAINS),  # which of the effects that outlive the grant were used
)

ENDING_SPECS = (
    FunctionSpec(
        "releases",
        "Releases a grant for its agent",
        routes=(("DELETE", "/v1/grants/{id}"),),
        requests_per_second=URGENT_REQUESTS_PER_SECOND,
        reserved_executions=RELEASE_EXECUTIONS,
        allows=(USE_UP_TOKEN, *_REVOKE),
    ),
    FunctionSpec(
        "revocations",
        "Revokes a grant for a person who may revoke it",
        routes=(
            ("POST", "/v1/grants/{id}/revocation"),
            ("POST", "/reviews/{id}/revocation"),
            ("POST", "/reviews/{id}/follow-up"),
        ),
        requests_per_second=URGENT_REQUESTS_PER_SECOND,
        reserved_executions=URGENT_EXECUTIONS,
        allows=(
            USE_UP_TOKEN,
            *_REVOKE,
            on_state("GetItem", items=SESSION_ITEMS),
            # The follow-up review is here because an objection revokes the grant.
            on_state("UpdateItem", items=GRANT_ITEMS, attributes=(*STATE_ATTRIBUTES, "follow_up")),
            on_state("DeleteItem", items=FOLLOW_UP_ITEMS),
            on_state("Query", items=OUT_OF_OFFICE_ITEMS),
            MASK,
            END_APPROVALS,
        ),
    ),
    FunctionSpec(
        MEASURING,
        "Measures how long AWS takes to deny an ended grant",
        memory_mb=256,  # it waits
        timeout_seconds=50,
        reserved_executions=MEASURING_EXECUTIONS,
        # A late measurement says little, and a repeated one adds nothing.
        most_event_age_seconds=60,
        allows=(
            *read_and_update(GRANT_ITEMS, (*STATE_ATTRIBUTES, "ending")),
            *write_records(GRANT_CHAINS),
            *_MEASURE_DENIAL,
        ),
    ),
    FunctionSpec(
        "suspensions",
        "Suspends agents, units, humans, issuers and targets for an operator",
        routes=(("POST", "/v1/suspensions"), ("GET", "/v1/suspensions"), ("DELETE", "/v1/suspensions/{id}")),
        timeout_seconds=25,
        requests_per_second=URGENT_REQUESTS_PER_SECOND,
        reserved_executions=URGENT_EXECUTIONS,
        allows=(
            *END_AND_DENY,
            _START_MEASUREMENT,
            USE_UP_TOKEN,
            on_state("PutItem", items=SUSPENSION_ITEMS),
            on_state("GetItem", items=TOKEN_ITEMS),
            on_state("BatchGetItem", items=GRANT_ITEMS),  # of the deny entries of other targets' roles
            GRANTS_OF_PRINCIPAL,
            MASK,
            END_APPROVALS,
        ),
    ),
)
