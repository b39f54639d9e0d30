"""The permissions to request grants, which POST /v1/grants and calls through the gateway share."""

from infra.permissions import (
    AUTHENTICATE,
    END_ATTRIBUTES,
    GRANT_CHAINS,
    OTHER_CHAINS,
    Allow,
    on_state,
    write_records,
)
from infra.state_items import GRANT_ITEMS, GRANT_LIST_ITEMS, OUT_OF_OFFICE_ITEMS, ROLE_ITEMS, SINGLE_USE_ITEMS

# KMS is called only when something is masked (jitney.adapters.mask_keys).
MASK = Allow("mask_key", ("kms:GenerateMac",))
# The roles' items say since when a document denies a grant that has ended (core.access.document_times).
READ_OTHER_GRANTS = on_state("BatchGetItem", items=GRANT_LIST_ITEMS + GRANT_ITEMS + ROLE_ITEMS)
# An answer about a pending grant names the reviewers, delegates included (jitney.handlers.review.review_views).
SHOW_REVIEW = on_state("Query", items=OUT_OF_OFFICE_ITEMS)
SHOW_REVIEW_VARIABLES = ("JITNEY_REVIEWS_URL",)
# The revocation of an approved grant ends the approvals that count again (jitney.adapters.past_verdicts).
END_APPROVALS = on_state("PutItem", items=("APPROVED#*",))
READ_PAST_VERDICTS = on_state("Query", items=("REJECTED#*", "APPROVED#*"))
REQUEST_GRANTS = (
    on_state("GetItem", "PutItem", items=GRANT_ITEMS + SINGLE_USE_ITEMS),
    on_state("PutItem", items=GRANT_LIST_ITEMS),
    on_state("BatchGetItem", items=GRANT_LIST_ITEMS + GRANT_ITEMS + ROLE_ITEMS + ("PENDING#*",)),
    on_state("UpdateItem", items=GRANT_ITEMS, attributes=END_ATTRIBUTES),
    on_state("UpdateItem", items=SINGLE_USE_ITEMS),
    *AUTHENTICATE,
    *write_records(GRANT_CHAINS, OTHER_CHAINS),
    Allow("approval", ("states:StartExecution",)),
    MASK,
    SHOW_REVIEW,
    READ_PAST_VERDICTS,
)
