"""The partition keys of the state table's items (adapters.store, core.quotas), for the permissions on them.

A function that does not issue credentials cannot write a grant for which another function would issue them.
"""

GRANT_ITEMS = ("GRANT#*",)
HOURLY_ITEMS = ("REVIEWS_BEGUN#*", "GRANTS_OPENED#*", "TRIALS#*")
SINGLE_USE_ITEMS = ("IDEMPOTENCY#*", "UNOPENED#*", "JOINS#*", "PENDING#*", *HOURLY_ITEMS)
GRANT_LIST_ITEMS = ("ACTIVE_GRANTS#*",)
CALL_ITEMS = ("CALL_KEY#*",)
TOKEN_ITEMS = ("REVIEW#*",)
ROLE_ITEMS = ("ROLE#*",)
KNOWN_ROLES = ("ROLE#",)
SENT_ITEMS = ("SENT#*",)
SESSION_ITEMS = ("SESSION#*",)
OUT_OF_OFFICE_ITEMS = ("OUT_OF_OFFICE",)
FOLLOW_UP_ITEMS = ("FOLLOW_UP",)
TRAIL_ITEMS = ("TRAIL",)
SUSPENSION_ITEMS = ("SUSPENSIONS",)
