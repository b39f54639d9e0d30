"""The functions that show a principal its own grants and calls. Part of `infra.function_specs`."""

from infra.grant_permissions import SHOW_REVIEW, SHOW_REVIEW_VARIABLES
from infra.permissions import AUTHENTICATE, OTHER_CHAINS, READ_CALL_RECORDS, Allow, on_state, write_records
from infra.spec import FunctionSpec
from infra.state_items import GRANT_ITEMS, ROLE_ITEMS
from jitney.core.preferences import MOST_WAIT_SECONDS
from jitney.core.quotas import MOST_HELD_ANSWERS

GRANTS_OF_PRINCIPAL = Allow("state_index", ("dynamodb:Query",), ("PRINCIPAL#*",))
OPEN_GRANTS = Allow("open_index", ("dynamodb:Query",), ROLE_ITEMS)
# Held answers leave ten executions to requests that are answered at once, which take milliseconds.
READ_EXECUTIONS = MOST_HELD_ANSWERS + 10

READ_SPECS = (
    FunctionSpec(
        "grant_reads",
        "Shows a principal its own grants",
        routes=(("GET", "/v1/grants"),),
        allows=(
            *AUTHENTICATE,
            GRANTS_OF_PRINCIPAL,
            *write_records(OTHER_CHAINS),
            on_state("BatchGetItem", items=GRANT_ITEMS),  # the grant of a call under review
            SHOW_REVIEW,
        ),
        variables=SHOW_REVIEW_VARIABLES,
    ),
    FunctionSpec(
        "held_reads",
        "Shows a principal one of its grants or calls, and holds the answer during a review",
        routes=(("GET", "/v1/grants/{id}"), ("GET", "/v1/calls/{id}")),
        memory_mb=512,  # it waits, and has to verify a token before that
        timeout_seconds=MOST_WAIT_SECONDS + 15,
        reserved_executions=READ_EXECUTIONS,
        allows=(
            on_state("GetItem", items=GRANT_ITEMS),
            on_state("UpdateItem", items=("WAITS#*",)),
            *AUTHENTICATE,
            *write_records(OTHER_CHAINS),
            READ_CALL_RECORDS,
            SHOW_REVIEW,
        ),
        variables=(*SHOW_REVIEW_VARIABLES, "JITNEY_ANSWERS_TABLE"),
    ),
)
