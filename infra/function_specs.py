"""The functions: what each runs, where it is reached, and every action that its role allows.

`SPECS` is the whole of what Jitney may do in AWS; nothing else adds to these roles. A resource or variable is named
here and looked up in what the stack hands over, so that the table can be read without the constructs.
"""

from collections.abc import Mapping

from infra.check_functions import CHECKS
from infra.permissions import (
    END_ATTRIBUTES,
    KEY_TO_READ,
    KEY_TO_WRITE,
    REVOCATION_ATTRIBUTES,
    STATE_ATTRIBUTES,
    TERMS_ATTRIBUTES,
    Allow,
    read_and_update,
)
from infra.record_functions import ACCESS_KEY_CHAINS, RECORD_SPECS
from infra.spec import FunctionSpec
from jitney.core.access.credentials import CANARY_PREFIX

_ISSUE = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")

_STORE = ("JITNEY_STATE_TABLE", "JITNEY_AUDIT_TABLE")

_MASK = "JITNEY_MASK_KEY"
# The key of an owner's tags; KMS is asked only when something is masked (jitney.adapters.mask_keys).
_TAGS = Allow("mask_key", ("kms:GenerateMac",))

# By partition key (adapters.store, core.single_use): who issues nothing cannot write a grant that another would issue for.
_GRANT = ("GRANT#*",)
_SINGLE_USE_KEYS = ("IDEMPOTENCY#*", "REPLAY#*", "UNOPENED#*", "JOINS#*", "PENDING#*")
_OTHER_GRANTS = ("ACTIVE_GRANTS#*",)
_TOKEN = ("REVIEW#*",)
_ROLE = ("ROLE#*",)
_OF_GRANTS, _OF_NO_GRANT = ("g-*",), ("r-*",)  # chains of records

_CHANGE_GRANT = (
    *read_and_update(_GRANT, END_ATTRIBUTES),
    Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS),
    Allow("key", KEY_TO_WRITE),
)
_OUT_OF_OFFICE = ("OUT_OF_OFFICE",)
_FOLLOW_UP = ("FOLLOW_UP",)
_READ_OUT_OF_OFFICE = Allow("state", ("dynamodb:Query",), _OUT_OF_OFFICE)
_ANSWER = Allow("approval", ("states:SendTaskSuccess",))
_RESUME_WORKFLOW = (Allow("state", ("dynamodb:GetItem",), _TOKEN), _ANSWER)
_WITH_APPROVAL = (*_STORE, "JITNEY_APPROVAL_ARN")

_REVOKE = (
    *read_and_update(_GRANT, REVOCATION_ATTRIBUTES),
    Allow("state", ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"), _ROLE),
    Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS + _OF_NO_GRANT),
    Allow("key", KEY_TO_WRITE),
    Allow("revokers", ("sts:AssumeRole",)),
    # They issue to nobody: a session of the ended grant, which the target's boundary lets do no more than that, shows
    # when it is denied.
    Allow("targets", ("sts:AssumeRole",), sessions=(f"{CANARY_PREFIX}*",)),
    Allow("targets", ("sts:TagSession", "sts:SetSourceIdentity")),
)

# What a vote takes, on whatever channel it comes, besides reading _HELD and _TOKEN: jitney.handlers.ballots.
_VOTE = (
    *read_and_update(_GRANT, TERMS_ATTRIBUTES),
    Allow("state", ("dynamodb:PutItem",), ("VOTES#*",)),
    # Who stands in for whom, and that it is still so as the vote is written.
    Allow("state", ("dynamodb:Query", "dynamodb:ConditionCheckItem"), _OUT_OF_OFFICE),
    Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS + _OF_NO_GRANT),
    Allow("key", KEY_TO_WRITE),
    _ANSWER,
    _TAGS,
)
_SESSION = ("SESSION#*",)
_SLACK_BOT = Allow("slack_bot_token", ("secretsmanager:GetSecretValue",))

SPECS: Mapping[str, FunctionSpec] = {
    spec.name: spec
    for spec in (
        FunctionSpec(
            "grants",
            "Decides on a request and issues its credentials",
            (
                Allow("state", ("dynamodb:GetItem", "dynamodb:PutItem"), _GRANT + _SINGLE_USE_KEYS + _OTHER_GRANTS),
                Allow("state", ("dynamodb:UpdateItem",), _GRANT, END_ATTRIBUTES),
                Allow("state", ("dynamodb:UpdateItem",), _SINGLE_USE_KEYS),
                Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS + _OF_NO_GRANT),
                Allow("key", KEY_TO_WRITE),
                Allow("targets", _ISSUE),
                Allow("approval", ("states:StartExecution",)),
                _TAGS,
            ),
            (*_WITH_APPROVAL, _MASK),
            (("POST", "/v1/grants"),),
        ),
        FunctionSpec(
            "credentials",
            "Issues the credentials of an active grant",
            (
                *read_and_update(_GRANT, END_ATTRIBUTES),
                Allow("state", ("dynamodb:GetItem",), _OTHER_GRANTS),
                Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS + _OF_NO_GRANT),
                Allow("key", KEY_TO_WRITE),
                Allow("targets", _ISSUE),
            ),
            _STORE,
            (("POST", "/v1/grants/{id}/credentials"),),
        ),
        FunctionSpec(
            "decisions",
            "Decides on a request without issuing anything",
            (
                Allow("state", ("dynamodb:PutItem", "dynamodb:UpdateItem"), ("PREVIEWS#*", "REPLAY#*")),
                Allow("state", ("dynamodb:GetItem",), _OTHER_GRANTS + _GRANT),
                Allow("audit", ("dynamodb:PutItem",), _OF_NO_GRANT),
                Allow("key", KEY_TO_WRITE),
                _TAGS,
            ),
            (*_STORE, _MASK),
            (("POST", "/v1/decisions"),),
        ),
        FunctionSpec(
            "grant_reads",
            "Shows a principal its own grants",
            (
                Allow("state", ("dynamodb:GetItem",), _GRANT),
                Allow("state_index", ("dynamodb:Query",), ("PRINCIPAL#*",)),
                Allow("audit", ("dynamodb:PutItem",), _OF_NO_GRANT),
                Allow("key", KEY_TO_WRITE),
            ),
            _STORE,
            (("GET", "/v1/grants"), ("GET", "/v1/grants/{id}")),
        ),
        FunctionSpec(
            "releases",
            "Takes back a grant that its agent gives back",
            (*_REVOKE, *_RESUME_WORKFLOW),
            _WITH_APPROVAL,
            (("DELETE", "/v1/grants/{id}"),),
        ),
        FunctionSpec(
            "revocations",
            "Takes back a grant for an operator",
            (
                *_REVOKE,
                Allow("state", ("dynamodb:GetItem",), _TOKEN + _SESSION),
                # What is said of a broken glass: here, for an objection takes the grant back.
                Allow("state", ("dynamodb:UpdateItem",), _GRANT, (*STATE_ATTRIBUTES, "follow_up")),
                Allow("state", ("dynamodb:DeleteItem",), _FOLLOW_UP),
                _READ_OUT_OF_OFFICE,
                _ANSWER,
                _TAGS,
            ),
            (*_WITH_APPROVAL, _MASK),
            (
                ("POST", "/v1/grants/{id}/revocation"),
                ("POST", "/reviews/{id}/revocation"),
                ("POST", "/reviews/{id}/follow-up"),
            ),
        ),
        FunctionSpec(
            "reviews",
            "Shows requests to their reviewers",
            (
                # Nothing to write with: whoever looks, and whatever follows links, changes nothing.
                Allow("state", ("dynamodb:GetItem",), _GRANT + _OTHER_GRANTS + _SESSION),
                Allow("state", ("dynamodb:Query",), ("VOTES#*", *_OUT_OF_OFFICE, *_FOLLOW_UP)),
                Allow("state_index", ("dynamodb:Query",), ("PRINCIPAL#*",)),
                Allow("open_index", ("dynamodb:Query",), _ROLE),
                # The records of a grant, and the calls in its name.
                Allow("audit", ("dynamodb:Query",), (*_OF_GRANTS, *ACCESS_KEY_CHAINS)),
                Allow("key", KEY_TO_READ),
            ),
            _STORE,
            (
                ("GET", "/reviews"),
                ("GET", "/reviews/{id}"),
                ("GET", "/reviews/{id}/report"),
                ("GET", "/reviews/out-of-office"),
            ),
        ),
        FunctionSpec(
            "out_of_office",
            "Takes from reviewers who stands in for them while they are away",
            (
                Allow("state", ("dynamodb:GetItem",), _SESSION),
                Allow("state", ("dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"), _OUT_OF_OFFICE),
                Allow("audit", ("dynamodb:PutItem",), _OF_NO_GRANT),
                Allow("key", KEY_TO_WRITE),
            ),
            _STORE,
            (("POST", "/reviews/out-of-office"),),
        ),
        FunctionSpec(
            "sign_in",
            "Signs reviewers in and out",
            (
                Allow("state", ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"), _SESSION),
                Allow("audit", ("dynamodb:PutItem",), _OF_NO_GRANT),
                Allow("key", KEY_TO_WRITE),
            ),
            _STORE,
            (("GET", "/reviews/sign-in"), ("GET", "/reviews/callback"), ("POST", "/reviews/sign-out")),
        ),
        FunctionSpec(
            "votes",
            "Takes reviewers' votes from the pages",
            (
                *_VOTE,
                Allow("state", ("dynamodb:GetItem",), _OTHER_GRANTS + _TOKEN + _SESSION),
                Allow("state", ("dynamodb:Query", "dynamodb:PutItem"), _FOLLOW_UP),
            ),
            (*_WITH_APPROVAL, _MASK),
            (("POST", "/reviews/{id}"), ("POST", "/reviews/{id}/break-glass")),
        ),
        FunctionSpec(
            "slack_interactions",
            "Takes reviewers' votes from Slack",
            (
                *_VOTE,
                Allow("state", ("dynamodb:GetItem",), _OTHER_GRANTS + _TOKEN),
                Allow("state", ("dynamodb:PutItem",), ("SLACK#*",)),
                _SLACK_BOT,
                # It alone: whoever reads this can make up clicks of anybody.
                Allow("slack_signing_secret", ("secretsmanager:GetSecretValue",)),
            ),
            (*_WITH_APPROVAL, _MASK),
            (("POST", "/slack/interactions"),),
            requires_section="slack",
        ),
        *CHECKS,
        FunctionSpec(
            "reconciler",
            "Records ends that nothing recorded and keeps the deny documents in order",
            (
                *read_and_update(_GRANT, END_ATTRIBUTES),
                Allow("state", ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"), _ROLE),
                Allow("open_index", ("dynamodb:Query",), _ROLE),
                Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS + _OF_NO_GRANT),
                Allow("key", KEY_TO_WRITE),
                Allow("revokers", ("sts:AssumeRole",)),
                Allow("approval", ("states:ListExecutions",)),
            ),
            _WITH_APPROVAL,
            memory_mb=512,
            timeout_seconds=300,
        ),
        FunctionSpec("health", "Says that it is alive", routes=(("GET", "/v1/health"),), memory_mb=512),
        FunctionSpec(
            "review_schedule",
            "Says what a review waits for next, and ends it when its time is over",
            _CHANGE_GRANT,
            _STORE,
            memory_mb=512,
        ),
        FunctionSpec(
            "review_notices",
            "Tells reviewers what is due, and keeps the token by which the workflow waits",
            (
                *read_and_update(_GRANT, STATE_ATTRIBUTES),
                Allow("audit", ("dynamodb:PutItem",), _OF_GRANTS),
                Allow("key", KEY_TO_WRITE),
                Allow("state", ("dynamodb:GetItem",), _OTHER_GRANTS),
                _READ_OUT_OF_OFFICE,
                Allow("state", ("dynamodb:PutItem",), _TOKEN),
                Allow("state_index", ("dynamodb:Query",), ("PRINCIPAL#*",)),
                Allow("sender", ("ses:SendEmail",)),
                Allow("state", ("dynamodb:Query", "dynamodb:PutItem"), ("MESSAGE#*",)),
                _SLACK_BOT,
            ),
            (*_STORE, "JITNEY_REVIEWS_URL"),
            timeout_seconds=60,
        ),
        FunctionSpec(
            "review_failures",
            "Fails a request whose review cannot go on",
            _CHANGE_GRANT,
            _STORE,
            memory_mb=512,
        ),
        *RECORD_SPECS,
    )
}
