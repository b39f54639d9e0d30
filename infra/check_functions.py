"""The functions by which operators try what is set up. All that they write is the record of it.

A check of a target asks to delete a policy that is not there: whoever has taken `target_checks` over can delete the
deny document, which the reconciler writes again within five minutes.
"""

from infra.permissions import KEY_TO_WRITE, Allow
from infra.spec import FunctionSpec
from jitney.core.access.target_check import NON_GRANT_PREFIX, SESSION_PREFIX

CHECKS_SESSIONS = (f"{SESSION_PREFIX}*", f"{NON_GRANT_PREFIX}*")
"""The names of a check's sessions: it can take no grant's, whatever the target roles would let through."""
_STORE = ("JITNEY_STATE_TABLE", "JITNEY_AUDIT_TABLE")
_RECORD = (Allow("audit", ("dynamodb:PutItem",), ("r-*",)), Allow("key", KEY_TO_WRITE))

CHECKS: tuple[FunctionSpec, ...] = (
    FunctionSpec(
        "target_checks",
        "Tries what a target's roles let through, for an operator",
        (
            *_RECORD,
            Allow("targets", ("sts:AssumeRole",), sessions=CHECKS_SESSIONS),
            Allow("targets", ("sts:TagSession", "sts:SetSourceIdentity")),
            Allow("revokers", ("sts:AssumeRole",), sessions=CHECKS_SESSIONS),
        ),
        _STORE,
        (("POST", "/v1/targets/{alias}/check"),),
    ),
    FunctionSpec(
        "review_checks",
        "Tries whether reviewers can be reached, for an operator",
        (
            *_RECORD,
            Allow("slack_bot_token", ("secretsmanager:GetSecretValue",)),
            Allow("sender_identity", ("ses:GetEmailIdentity",)),
        ),
        _STORE,
        (("POST", "/v1/reviews/check"),),
    ),
)
