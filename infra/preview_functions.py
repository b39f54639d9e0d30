"""The functions that say what policies permit and issue nothing, and their permissions."""

from infra.grant_permissions import MASK, READ_OTHER_GRANTS, READ_PAST_VERDICTS
from infra.permissions import AUTHENTICATE, OTHER_CHAINS, on_state, write_records
from infra.spec import FunctionSpec

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
