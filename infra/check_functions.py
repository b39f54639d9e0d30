"""The functions that check a deployment for an operator, and their permissions."""

from infra.channels import CHECK
from infra.permissions import AUTHENTICATE, OTHER_CHAINS, Allow, issue_to, write_records
from infra.spec import FunctionSpec
from jitney.core.access.target_check import NON_GRANT_PREFIX, SESSION_PREFIX

CHECK_SESSIONS = (f"{SESSION_PREFIX}*", f"{NON_GRANT_PREFIX}*")
"""The names of a target check's sessions. No grant has such a name."""

CHECK_SPECS = (
    FunctionSpec(
        "target_checks",
        "Checks a target's roles for an operator",
        routes=(("POST", "/v1/targets/{alias}/check"),),
        # It tries to delete a policy that does not exist. An attacker in control of this function can delete the deny
        # document, which the reconciler writes again within five minutes.
        allows=(
            *write_records(OTHER_CHAINS),
            *issue_to(CHECK_SESSIONS),
            Allow("revokers", ("sts:AssumeRole",), sessions=CHECK_SESSIONS),
            *AUTHENTICATE,
        ),
    ),
    FunctionSpec(
        "review_checks",
        "Checks for an operator whether reviewers can be reached",
        routes=(("POST", "/v1/reviews/check"),),
        allows=(*write_records(OTHER_CHAINS), *CHECK, *AUTHENTICATE),
    ),
)
