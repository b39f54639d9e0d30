"""The functions by which operators try what is set up; they change nothing but the record of it."""

from core.access.target_check import SESSION_PREFIX, STRANGE_PREFIX
from infra.allow import KEY_TO_WRITE, Allow
from infra.spec import Spec

# Who checks targets can take no grant's name, whatever the target roles would let through.
_CHECKS = (f"{SESSION_PREFIX}*", f"{STRANGE_PREFIX}*")
_STORE = ("JITNEY_STATE_TABLE", "JITNEY_AUDIT_TABLE")
_RECORD = (Allow("audit", ("dynamodb:PutItem",), ("r-*",)), Allow("key", KEY_TO_WRITE))

CHECKS: tuple[Spec, ...] = (
    Spec(
        "target_checks",
        "Tries what a target's roles let through, for an operator",
        (
            *_RECORD,
            Allow("targets", ("sts:AssumeRole",), sessions=_CHECKS),
            Allow("targets", ("sts:TagSession", "sts:SetSourceIdentity")),
            Allow("revokers", ("sts:AssumeRole",), sessions=_CHECKS),
        ),
        _STORE,
        (("POST", "/v1/targets/{alias}/check"),),
    ),
    Spec(
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
