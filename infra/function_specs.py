"""The functions: what each runs, its routes, and every action that its role allows.

`SPECS` contains everything that Jitney's functions may do in AWS. Nothing else adds permissions to these roles.
Resources have names here, and the stack looks up their ARNs. So the table can be read without the constructs.
"""

from collections.abc import Mapping

from infra.channels import NOTIFY, READ_SECRET
from infra.check_functions import CHECK_SPECS
from infra.ending_functions import END_AND_DENY, ENDING_SPECS, RESUME_WORKFLOW
from infra.gateway_functions import GATEWAY_SPECS
from infra.grant_permissions import (
    END_APPROVALS,
    MASK,
    READ_OTHER_GRANTS,
    READ_PAST_VERDICTS,
    REQUEST_GRANTS,
    SHOW_REVIEW,
    SHOW_REVIEW_VARIABLES,
)
from infra.page_functions import PAGE_SPECS
from infra.permissions import (
    AUTHENTICATE,
    END_ATTRIBUTES,
    GRANT_CHAINS,
    GRANT_SESSIONS,
    ISSUE_ATTRIBUTES,
    OTHER_CHAINS,
    READ_SUSPENSIONS,
    STATE_ATTRIBUTES,
    TERMS_ATTRIBUTES,
    USE_UP_TOKEN,
    Allow,
    issue_to,
    on_state,
    read_and_update,
    write_records,
)
from infra.read_functions import GRANTS_OF_PRINCIPAL, READ_SPECS
from infra.record_functions import RECORD_SPECS
from infra.spec import (
    HEALTH_REQUESTS_PER_SECOND,
    REVIEW_EXECUTIONS,
    REVIEW_REQUESTS_PER_SECOND,
    FunctionSpec,
)
from infra.state_items import (
    FOLLOW_UP_ITEMS,
    GRANT_ITEMS,
    OUT_OF_OFFICE_ITEMS,
    SENT_ITEMS,
    SESSION_ITEMS,
    SUSPENSION_ITEMS,
    TOKEN_ITEMS,
    TRAIL_ITEMS,
)

PREVIEW_SPECS = (
    FunctionSpec(
        "decisions",
        "Decides on a request without issuing anything",
        routes=(("POST", "/v1/decisions"),),
        allows=(
            on_state("PutItem", "UpdateItem", items=("PREVIEWS#*", "UNOPENED#*")),
            READ_OTHER_GRANTS,
            READ_PAST_VERDICTS,
            *AUTHENTICATE,
            *write_records(OTHER_CHAINS),
            MASK,
        ),
    ),
    FunctionSpec(
        "permitted_targets",
        "Lists what a principal could request on each target",
        routes=(("GET", "/v1/targets"),),
        allows=(
            on_state("PutItem", "UpdateItem", items=("PREVIEWS#*",)),
            *AUTHENTICATE,
            *write_records(OTHER_CHAINS),
        ),
    ),
)


_ISSUE = issue_to(GRANT_SESSIONS)
_READ_OUT_OF_OFFICE = on_state("Query", items=OUT_OF_OFFICE_ITEMS)

_END_GRANT = (*read_and_update(GRANT_ITEMS, END_ATTRIBUTES), *write_records(GRANT_CHAINS), READ_SUSPENSIONS)
# What a vote on any channel needs (jitney.handlers.review.ballots).
_VOTE = (
    *read_and_update(GRANT_ITEMS, TERMS_ATTRIBUTES),
    READ_OTHER_GRANTS,
    READ_PAST_VERDICTS,
    on_state("GetItem", items=TOKEN_ITEMS),
    on_state("PutItem", items=("VOTES#*", "REJECTED#*", "APPROVED#*")),
    on_state("UpdateItem", items=("NARROWINGS#*",)),
    # A delegation is read, and checked again in the transaction that writes the vote.
    on_state("Query", "ConditionCheckItem", items=OUT_OF_OFFICE_ITEMS),
    READ_SUSPENSIONS,
    *write_records(GRANT_CHAINS, OTHER_CHAINS),
    RESUME_WORKFLOW,
    MASK,
)

_FUNCTIONS = (
    FunctionSpec(
        "grants",
        "Decides on a request and issues its credentials",
        routes=(("POST", "/v1/grants"),),
        allows=(*REQUEST_GRANTS, *_ISSUE),
        variables=SHOW_REVIEW_VARIABLES,
    ),
    FunctionSpec(
        "credentials",
        "Issues the credentials of an active grant",
        routes=(("POST", "/v1/grants/{id}/credentials"),),
        allows=(
            *read_and_update(GRANT_ITEMS, ISSUE_ATTRIBUTES),
            READ_OTHER_GRANTS,
            on_state("UpdateItem", items=("RENEWALS#*",)),
            *AUTHENTICATE,
            *write_records(GRANT_CHAINS, OTHER_CHAINS),
            *_ISSUE,
            SHOW_REVIEW,
        ),
        variables=SHOW_REVIEW_VARIABLES,
    ),
    *PREVIEW_SPECS,
    *READ_SPECS,
    *ENDING_SPECS,
    *PAGE_SPECS,
    FunctionSpec(
        "votes",
        "Takes reviewers' votes from the pages and from terminals",
        routes=(
            ("POST", "/reviews/{id}"),
            ("POST", "/reviews/{id}/break-glass"),
            ("POST", "/reviews/rejections"),
            ("POST", "/v1/reviews/{id}/votes"),
            ("POST", "/v1/reviews/rejections"),
        ),
        requests_per_second=REVIEW_REQUESTS_PER_SECOND,
        reserved_executions=REVIEW_EXECUTIONS,
        allows=(
            *_VOTE,
            USE_UP_TOKEN,
            on_state("GetItem", items=SESSION_ITEMS),
            on_state("Query", "PutItem", items=FOLLOW_UP_ITEMS),
            GRANTS_OF_PRINCIPAL,  # the second step shows what became of similar requests
        ),
    ),
    FunctionSpec(
        "slack_interactions",
        "Takes reviewers' votes from Slack",
        routes=(("POST", "/slack/interactions"),),
        requests_per_second=REVIEW_REQUESTS_PER_SECOND,
        reserved_executions=REVIEW_EXECUTIONS,
        requires_section="slack",
        allows=(
            *_VOTE,
            on_state("PutItem", items=("SLACK#*",)),
            Allow("slack_bot_token", READ_SECRET),
            # No other function: a reader of this secret can forge the vote of every reviewer.
            Allow("slack_signing_secret", READ_SECRET),
        ),
    ),
    *GATEWAY_SPECS,
    *CHECK_SPECS,
    FunctionSpec(
        "reconciler",
        "Records the ends of grants and rewrites the deny documents",
        memory_mb=512,
        timeout_seconds=300,
        # A failed run is retried only once, because the next run starts from the beginning.
        every_seconds=300,
        retries=1,
        allows=(
            # It writes the ends of grants that a suspension ended, and resumes their reviews.
            *END_AND_DENY,
            END_APPROVALS,
            on_state("GetItem", items=TOKEN_ITEMS),
            on_state("PutItem", items=SUSPENSION_ITEMS),  # writes that a suspension is complete
            # It counts the overdue follow-up reviews.
            on_state("Query", items=FOLLOW_UP_ITEMS),
            on_state("BatchGetItem", items=GRANT_ITEMS),
            on_state("Query", "UpdateItem", items=TRAIL_ITEMS),
            Allow("approval", ("states:ListExecutions", "states:StartExecution")),
        ),
    ),
    FunctionSpec(
        "health",
        "Answers that the API is alive",
        routes=(("GET", "/v1/health"),),
        memory_mb=512,
        requests_per_second=HEALTH_REQUESTS_PER_SECOND,
    ),
    FunctionSpec(
        "review_schedule",
        "Returns the next step of a review, and expires it",
        memory_mb=512,
        allows=_END_GRANT,
    ),
    FunctionSpec(
        "review_notices",
        "Notifies reviewers, and keeps the token that resumes the workflow",
        timeout_seconds=60,
        allows=(
            *read_and_update(GRANT_ITEMS, STATE_ATTRIBUTES),
            *write_records(GRANT_CHAINS),
            READ_OTHER_GRANTS,
            READ_PAST_VERDICTS,
            READ_SUSPENSIONS,
            _READ_OUT_OF_OFFICE,
            on_state("PutItem", items=TOKEN_ITEMS),
            on_state("PutItem", "DeleteItem", items=SENT_ITEMS),
            # It ends its own tasks, so a failure that the workflow handles is no error of the function.
            Allow("approval_tasks", ("states:SendTaskFailure", "states:SendTaskSuccess")),
            GRANTS_OF_PRINCIPAL,
            *NOTIFY,
        ),
        variables=("JITNEY_REVIEWS_URL",),
    ),
    FunctionSpec(
        "review_failures",
        "Fails a request whose review cannot continue",
        memory_mb=512,
        allows=_END_GRANT,
    ),
    *RECORD_SPECS,
)
SPECS: Mapping[str, FunctionSpec] = {spec.name: spec for spec in _FUNCTIONS}
