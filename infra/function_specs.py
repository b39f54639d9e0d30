"""The functions: what each runs, its routes, and every action that its role allows.

`SPECS` is all that Jitney's functions may do in AWS; nothing else adds to these roles. Resources have names here, and
the stack looks up their ARNs. So the table can be read without the constructs.
"""

from collections.abc import Mapping

from infra.channels import NOTIFY, READ_SECRET
from infra.check_functions import CHECK_SPECS
from infra.permissions import (
    AUTHENTICATE,
    END_ATTRIBUTES,
    ISSUE_ATTRIBUTES,
    READ_SUSPENSIONS,
    READ_TABLES,
    REVOCATION_ATTRIBUTES,
    STATE_ATTRIBUTES,
    TAG_SESSION,
    TERMS_ATTRIBUTES,
    USE_UP_TOKEN,
    Allow,
    on_state,
    read_and_update,
    write_records,
)
from infra.record_functions import ACCESS_KEY_CHAINS, RECORD_SPECS
from infra.spec import REVOCATION_ALARM, URGENT_EXECUTIONS, URGENT_REQUESTS_PER_SECOND, FunctionSpec
from jitney.core.access.credentials import CANARY_PREFIX

# Partition keys (adapters.store, core.single_use). A function that issues nothing cannot write a grant that another
# function would issue credentials for.
_GRANT = ("GRANT#*",)
_HOURLY = ("REVIEWS_BEGUN#*", "GRANTS_OPENED#*", "TRIALS#*")
_SINGLE_USE_KEYS = ("IDEMPOTENCY#*", "UNOPENED#*", "JOINS#*", "PENDING#*", *_HOURLY)
_OTHER_GRANTS = ("ACTIVE_GRANTS#*",)
_TOKEN = ("REVIEW#*",)
_ROLE = ("ROLE#*",)
_SESSION = ("SESSION#*",)
_OUT_OF_OFFICE = ("OUT_OF_OFFICE",)
_FOLLOW_UP = ("FOLLOW_UP",)
_SUSPENSIONS = ("SUSPENSIONS",)
_GRANT_CHAINS, _OTHER_CHAINS = "g-*", "r-*"

# KMS is called only when something is masked (jitney.adapters.mask_keys).
_MASK = Allow("mask_key", ("kms:GenerateMac",))
_ISSUE = Allow("targets", ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"))
_READ_OTHER_GRANTS = on_state("BatchGetItem", items=_OTHER_GRANTS + _GRANT)
_GRANTS_OF_PRINCIPAL = Allow("state_index", ("dynamodb:Query",), ("PRINCIPAL#*",))
_OPEN_GRANTS = Allow("open_index", ("dynamodb:Query",), _ROLE)
_READ_OUT_OF_OFFICE = on_state("Query", items=_OUT_OF_OFFICE)
_RESUME_WORKFLOW = Allow("approval", ("states:SendTaskSuccess",))
_UPDATE_DENY_LIST = on_state("GetItem", "Query", "UpdateItem", items=_ROLE)

_READ_CALLS = Allow("audit", ("dynamodb:Query",), ACCESS_KEY_CHAINS)

_END_GRANT = (*read_and_update(_GRANT, END_ATTRIBUTES), *write_records(_GRANT_CHAINS))
# What the end of a grant by others than its agent needs: its record, the deny document, and the end of its review.
_END_AND_DENY = (
    *read_and_update(_GRANT, REVOCATION_ATTRIBUTES),
    _UPDATE_DENY_LIST,
    _OPEN_GRANTS,  # exceptions from the ranges of a deny document
    READ_SUSPENSIONS,
    *write_records(_GRANT_CHAINS, _OTHER_CHAINS),
    Allow("revokers", ("sts:AssumeRole",)),
    _RESUME_WORKFLOW,
)
_REVOKE = (
    *_END_AND_DENY,
    # To see when the denial is in force, they take a session of the ended grant. The target's boundary lets such a
    # session make that one call only. They issue no credentials.
    Allow("targets", ("sts:AssumeRole",), sessions=(f"{CANARY_PREFIX}*",)),
    TAG_SESSION,
    on_state("GetItem", items=_TOKEN),
    _READ_CALLS,  # which of the effects that outlive the grant were used
)
# What a vote on any channel needs (jitney.handlers.ballots).
_VOTE = (
    *read_and_update(_GRANT, TERMS_ATTRIBUTES),
    _READ_OTHER_GRANTS,
    on_state("GetItem", items=_TOKEN),
    on_state("PutItem", items=("VOTES#*",)),
    on_state("UpdateItem", items=("NARROWINGS#*",)),
    # A delegation is read, and checked again in the transaction that writes the vote.
    on_state("Query", "ConditionCheckItem", items=_OUT_OF_OFFICE),
    READ_SUSPENSIONS,
    *write_records(_GRANT_CHAINS, _OTHER_CHAINS),
    _RESUME_WORKFLOW,
    _MASK,
)

_FUNCTIONS = (
    FunctionSpec(
        "grants",
        "Decides on a request and issues its credentials",
        routes=(("POST", "/v1/grants"),),
        allows=(
            on_state("GetItem", "PutItem", items=_GRANT + _SINGLE_USE_KEYS),
            on_state("PutItem", items=_OTHER_GRANTS),
            on_state("BatchGetItem", items=_OTHER_GRANTS + _GRANT + ("PENDING#*",)),
            on_state("UpdateItem", items=_GRANT, attributes=END_ATTRIBUTES),
            on_state("UpdateItem", items=_SINGLE_USE_KEYS),
            *AUTHENTICATE,
            *write_records(_GRANT_CHAINS, _OTHER_CHAINS),
            _ISSUE,
            Allow("approval", ("states:StartExecution",)),
            _MASK,
        ),
    ),
    FunctionSpec(
        "credentials",
        "Issues the credentials of an active grant",
        routes=(("POST", "/v1/grants/{id}/credentials"),),
        allows=(
            *read_and_update(_GRANT, ISSUE_ATTRIBUTES),
            _READ_OTHER_GRANTS,
            on_state("UpdateItem", items=("RENEWALS#*",)),
            *AUTHENTICATE,
            *write_records(_GRANT_CHAINS, _OTHER_CHAINS),
            _ISSUE,
        ),
    ),
    FunctionSpec(
        "decisions",
        "Decides on a request without issuing anything",
        routes=(("POST", "/v1/decisions"),),
        allows=(
            on_state("PutItem", "UpdateItem", items=("PREVIEWS#*", "UNOPENED#*")),
            _READ_OTHER_GRANTS,
            *AUTHENTICATE,
            *write_records(_OTHER_CHAINS),
            _MASK,
        ),
    ),
    FunctionSpec(
        "grant_reads",
        "Shows a principal its own grants",
        routes=(("GET", "/v1/grants"), ("GET", "/v1/grants/{id}")),
        allows=(
            on_state("GetItem", items=_GRANT),
            *AUTHENTICATE,
            _GRANTS_OF_PRINCIPAL,
            *write_records(_OTHER_CHAINS),
        ),
    ),
    FunctionSpec(
        "releases",
        "Revokes a grant that its agent releases",
        routes=(("DELETE", "/v1/grants/{id}"),),
        allows=(USE_UP_TOKEN, *_REVOKE, on_state("UpdateItem", items=("REPEATED_RELEASES#*", "MEASUREMENTS#*"))),
    ),
    FunctionSpec(
        "revocations",
        "Revokes a grant for an operator or a reviewer",
        routes=(
            ("POST", "/v1/grants/{id}/revocation"),
            ("POST", "/reviews/{id}/revocation"),
            ("POST", "/reviews/{id}/follow-up"),
        ),
        requests_per_second=URGENT_REQUESTS_PER_SECOND,
        reserved_executions=URGENT_EXECUTIONS,
        alarms=(REVOCATION_ALARM,),
        allows=(
            USE_UP_TOKEN,
            *_REVOKE,
            on_state("GetItem", items=_SESSION),
            # The follow-up review is here because an objection revokes the grant.
            on_state("UpdateItem", items=_GRANT, attributes=(*STATE_ATTRIBUTES, "follow_up")),
            on_state("DeleteItem", items=_FOLLOW_UP),
            _READ_OUT_OF_OFFICE,
            _MASK,
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
            *_END_AND_DENY,
            USE_UP_TOKEN,
            on_state("PutItem", items=_SUSPENSIONS),
            on_state("GetItem", items=_TOKEN),
            _GRANTS_OF_PRINCIPAL,
            _MASK,
        ),
    ),
    FunctionSpec(
        "reviews",
        "Shows requests to their reviewers",
        routes=(
            ("GET", "/reviews"),
            ("GET", "/reviews/{id}"),
            ("GET", "/reviews/{id}/report"),
            ("GET", "/reviews/out-of-office"),
        ),
        # No permission to write: nothing changes when a person, or a program that follows links, opens a page.
        allows=(
            _READ_OTHER_GRANTS,
            on_state("GetItem", items=_GRANT + _SESSION),
            READ_SUSPENSIONS,
            on_state("Query", items=("VOTES#*", *_OUT_OF_OFFICE, *_FOLLOW_UP)),
            _GRANTS_OF_PRINCIPAL,
            _OPEN_GRANTS,
            Allow("audit", ("dynamodb:Query",), (_GRANT_CHAINS, *ACCESS_KEY_CHAINS)),
            READ_SUSPENSIONS,
            READ_TABLES,
        ),
    ),
    FunctionSpec(
        "out_of_office",
        "Keeps when reviewers are out of office, and their delegates",
        routes=(("POST", "/reviews/out-of-office"),),
        allows=(
            on_state("GetItem", items=_SESSION),
            READ_SUSPENSIONS,
            on_state("Query", "PutItem", "DeleteItem", items=_OUT_OF_OFFICE),
            on_state("UpdateItem", items=("OUT_OF_OFFICE_CHANGES#*",)),
            *write_records(_OTHER_CHAINS),
        ),
    ),
    FunctionSpec(
        "sign_in",
        "Signs reviewers in and out",
        routes=(("GET", "/reviews/sign-in"), ("GET", "/reviews/callback"), ("POST", "/reviews/sign-out")),
        allows=(
            on_state("GetItem", "PutItem", "DeleteItem", items=_SESSION),
            READ_SUSPENSIONS,
            *write_records(_OTHER_CHAINS),
        ),
    ),
    FunctionSpec(
        "votes",
        "Takes reviewers' votes from the pages",
        routes=(("POST", "/reviews/{id}"), ("POST", "/reviews/{id}/break-glass")),
        allows=(*_VOTE, on_state("GetItem", items=_SESSION), on_state("Query", "PutItem", items=_FOLLOW_UP)),
    ),
    FunctionSpec(
        "slack_interactions",
        "Takes reviewers' votes from Slack",
        routes=(("POST", "/slack/interactions"),),
        requires_section="slack",
        allows=(
            *_VOTE,
            on_state("PutItem", items=("SLACK#*",)),
            Allow("slack_bot_token", READ_SECRET),
            # No other function: a reader of this secret can forge the vote of every reviewer.
            Allow("slack_signing_secret", READ_SECRET),
        ),
    ),
    *CHECK_SPECS,
    FunctionSpec(
        "reconciler",
        "Records the ends of grants and rewrites the deny documents",
        memory_mb=512,
        timeout_seconds=300,
        # A failed run is retried once: the next run starts from the beginning.
        every_seconds=300,
        retries=1,
        allows=(
            # It writes the ends of grants that a suspension ended, and resumes their reviews.
            *_END_AND_DENY,
            on_state("GetItem", items=_TOKEN),
            Allow("approval", ("states:ListExecutions",)),
        ),
    ),
    FunctionSpec("health", "Answers that the API is alive", routes=(("GET", "/v1/health"),), memory_mb=512),
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
            *read_and_update(_GRANT, STATE_ATTRIBUTES),
            *write_records(_GRANT_CHAINS),
            _READ_OTHER_GRANTS,
            READ_SUSPENSIONS,
            _READ_OUT_OF_OFFICE,
            on_state("PutItem", items=_TOKEN),
            _GRANTS_OF_PRINCIPAL,
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
