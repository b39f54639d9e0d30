"""The functions that show the reviewers' pages, and keep people's sessions. Part of `infra.function_specs`."""

from infra.grant_permissions import READ_OTHER_GRANTS, READ_PAST_VERDICTS
from infra.permissions import (
    CALL_CHAINS,
    GRANT_CHAINS,
    OTHER_CHAINS,
    READ_SUSPENSIONS,
    READ_TABLES,
    Allow,
    on_state,
    write_records,
)
from infra.read_functions import GRANTS_OF_PRINCIPAL, OPEN_GRANTS
from infra.record_functions import ACCESS_KEY_CHAINS
from infra.spec import REVIEW_EXECUTIONS, REVIEW_REQUESTS_PER_SECOND, FunctionSpec
from infra.state_items import FOLLOW_UP_ITEMS, GRANT_ITEMS, KNOWN_ROLES, OUT_OF_OFFICE_ITEMS, SESSION_ITEMS, TRAIL_ITEMS

# What the list of requests and the sheet of a request need (handlers.pages.request_list, handlers.review.review_sheet).
_SHOW_REQUESTS = (
    READ_OTHER_GRANTS,
    READ_PAST_VERDICTS,
    on_state("GetItem", items=(*GRANT_ITEMS, *KNOWN_ROLES)),
    on_state("Query", items=(*OUT_OF_OFFICE_ITEMS, *FOLLOW_UP_ITEMS)),
    GRANTS_OF_PRINCIPAL,
    OPEN_GRANTS,
    READ_SUSPENSIONS,
)

PAGE_SPECS = (
    FunctionSpec(
        "reviews",
        "Shows requests to their reviewers",
        routes=(
            ("GET", "/reviews"),
            ("GET", "/reviews/{id}"),
            ("GET", "/reviews/{id}/report"),
            ("GET", "/reviews/out-of-office"),
            ("GET", "/reviews/rejections"),
        ),
        requests_per_second=REVIEW_REQUESTS_PER_SECOND,
        reserved_executions=REVIEW_EXECUTIONS,
        # No permission to write: nothing changes when a person, or a program that follows links, opens a page.
        allows=(
            *_SHOW_REQUESTS,
            on_state("GetItem", items=SESSION_ITEMS),
            on_state("Query", items=("VOTES#*", *TRAIL_ITEMS)),
            Allow("audit", ("dynamodb:Query",), (GRANT_CHAINS, *ACCESS_KEY_CHAINS)),
            Allow("audit", ("dynamodb:BatchGetItem",), (CALL_CHAINS,)),
            Allow("audit_index", ("dynamodb:Query",), (GRANT_CHAINS,)),
            READ_TABLES,
        ),
    ),
    FunctionSpec(
        "overview",
        "Shows operators what is open",
        routes=(("GET", "/reviews/overview"),),
        requests_per_second=REVIEW_REQUESTS_PER_SECOND,
        # No permission to write, as above, and no Scan.
        allows=(
            on_state("BatchGetItem", items=GRANT_ITEMS),
            on_state("GetItem", items=(*SESSION_ITEMS, *KNOWN_ROLES)),
            on_state("Query", items=FOLLOW_UP_ITEMS),
            GRANTS_OF_PRINCIPAL,
            OPEN_GRANTS,
            READ_SUSPENSIONS,
            READ_TABLES,
            Allow("seals_bucket", ("s3:ListBucket",)),
            Allow("seals_objects", ("s3:GetObject",)),
        ),
        variables=("JITNEY_AUDIT_TABLE",),
    ),
    FunctionSpec(
        "review_reads",
        "Shows requests to reviewers in a terminal",
        routes=(("GET", "/v1/reviews"), ("GET", "/v1/reviews/{id}")),
        requests_per_second=REVIEW_REQUESTS_PER_SECOND,
        reserved_executions=REVIEW_EXECUTIONS,
        # It writes records of refused callers only. Tokens are not used up: a token reads often and votes once.
        allows=(*_SHOW_REQUESTS, *write_records(OTHER_CHAINS)),
    ),
    FunctionSpec(
        "out_of_office",
        "Keeps when reviewers are out of office, and their delegates",
        routes=(("POST", "/reviews/out-of-office"),),
        requests_per_second=REVIEW_REQUESTS_PER_SECOND,
        allows=(
            on_state("GetItem", items=SESSION_ITEMS),
            READ_SUSPENSIONS,
            on_state("Query", "PutItem", "DeleteItem", items=OUT_OF_OFFICE_ITEMS),
            on_state("UpdateItem", items=("OUT_OF_OFFICE_CHANGES#*",)),
            *write_records(OTHER_CHAINS),
        ),
    ),
    FunctionSpec(
        "sign_in",
        "Signs reviewers in and out",
        routes=(("GET", "/reviews/sign-in"), ("GET", "/reviews/callback"), ("POST", "/reviews/sign-out")),
        requests_per_second=REVIEW_REQUESTS_PER_SECOND,
        reserved_executions=REVIEW_EXECUTIONS,
        allows=(
            on_state("GetItem", "PutItem", "DeleteItem", items=SESSION_ITEMS),
            READ_SUSPENSIONS,
            *write_records(OTHER_CHAINS),
        ),
    ),
)
