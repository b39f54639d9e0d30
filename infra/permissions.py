"""The permissions of the functions' roles, and the attributes of a grant that a role may write."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from jitney.core.access.credentials import TRIAL_PREFIX


@dataclass(frozen=True, slots=True)
class Allow:
    """Actions on the resources with one name (see `infra.broker_stack`).

    `items` are patterns of partition keys of a table's items, or of an index's keys; () for other resources.
    `attributes` are all attributes of such an item that a request may name, including its key; () for any. `sessions`
    are patterns for the names of a role's sessions; () for any name.
    """

    resource: str
    actions: tuple[str, ...]
    items: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()


_OF_MANY_ITEMS = ("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem")


def merged(allows: Iterable[Allow]) -> tuple[Allow, ...]:
    """Return the same permissions, with one entry for equal actions on items of several kinds.

    A role's inline policies hold 10,240 characters. Actions on many items at once stay apart, because their keys would
    match together what they do not match alone.
    """
    together: dict[tuple[Allow, int], Allow] = {}
    for number, each in enumerate(allows):
        alone = not each.items or not {*each.actions}.isdisjoint(_OF_MANY_ITEMS)
        same = (replace(each, items=()), number if alone else -1)
        before = together.get(same)
        together[same] = replace(each, items=tuple(dict.fromkeys((*before.items, *each.items)))) if before else each
    return tuple(together.values())


GRANT_CHAINS, CALL_CHAINS, OTHER_CHAINS = "g-*", "c-*", "r-*"
"""The chains of the records of grants, of calls through the gateway, and of everything else."""

VARIABLES: Mapping[str, str] = {
    "state": "JITNEY_STATE_TABLE",
    "audit": "JITNEY_AUDIT_TABLE",
    "answers": "JITNEY_ANSWERS_TABLE",
    "mask_key": "JITNEY_MASK_KEY",
    "approval": "JITNEY_APPROVAL_ARN",
    "measuring_function": "JITNEY_MEASURING_FUNCTION",
    "trail_queue": "JITNEY_TRAIL_QUEUE",
    "records_stream": "JITNEY_RECORDS_STREAM",
    "calls_stream": "JITNEY_CALLS_STREAM",
    "records_bucket": "JITNEY_RECORDS_BUCKET",
    "seals_bucket": "JITNEY_SEALS_BUCKET",
    "seal_key": "JITNEY_SEAL_KEY_ARN",
}
"""The environment variables. Each names a resource to the functions that may use it."""

# Attributes of a grant (adapters.grant_items) for: recording its state, its end, its revocation, and a decision on it.
# Credentials are issued by its `terms`, which only the functions that open a grant or take votes may write.
STATE_ATTRIBUTES = ("pk", "sk", "lifecycle", "records")
END_ATTRIBUTES = (*STATE_ATTRIBUTES, "open_role", "open_until")
REVOCATION_ATTRIBUTES = (*END_ATTRIBUTES, "ending")
ISSUE_ATTRIBUTES = (*END_ATTRIBUTES, "unissued")
TERMS_ATTRIBUTES = (*ISSUE_ATTRIBUTES, "terms", "expires")

# DynamoDB uses the table's key on behalf of the caller (DynamoDB Developer Guide, "Encryption at rest: usage notes").
READ_TABLES = Allow("key", ("kms:Decrypt", "kms:DescribeKey"))
WRITE_TABLES = Allow(
    "key",
    (
        *READ_TABLES.actions,
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    ),
)


def on_state(*actions: str, items: tuple[str, ...], attributes: tuple[str, ...] = ()) -> Allow:
    """Return the permission for DynamoDB actions ("GetItem") on these items of the state table."""
    return Allow("state", tuple(f"dynamodb:{action}" for action in actions), items, attributes)


def read_and_update(items: tuple[str, ...], attributes: tuple[str, ...]) -> tuple[Allow, ...]:
    """Return the permissions to read these items of the state table, and to change these attributes in them."""
    return on_state("GetItem", items=items), on_state("UpdateItem", items=items, attributes=attributes)


def write_records(*chains: str) -> tuple[Allow, ...]:
    """Return the permissions to add records to these chains, and to use the tables' key."""
    return Allow("audit", ("dynamodb:PutItem",), chains), WRITE_TABLES


# Only the gateway's function names sessions after calls, and it names none after grants.
GRANT_SESSIONS, GATEWAY_SESSIONS = ("g-*",), ("c-*", f"{TRIAL_PREFIX}*")
SESSION_NAMES = ("c-*", "g-*")
"""The names of all sessions of a target's role, for its trust policy."""


def issue_to(sessions: tuple[str, ...]) -> tuple[Allow, Allow]:
    """Return the permissions to start sessions of the targets' roles with these names."""
    tag = Allow("targets", ("sts:TagSession", "sts:SetSourceIdentity"))
    return Allow("targets", ("sts:AssumeRole",), sessions=sessions), tag


READ_CALL_RECORDS = Allow("audit", ("dynamodb:Query",), (CALL_CHAINS,))
# For every function that authenticates a caller, decides, notifies reviewers or writes a deny document.
READ_SUSPENSIONS = on_state("GetItem", items=("SUSPENSIONS",))
USE_UP_TOKEN = on_state("PutItem", items=("REPLAY#*",))
AUTHENTICATE = (READ_SUSPENSIONS, USE_UP_TOKEN)
"""The permissions to authenticate a caller of the API (`jitney.handlers.caller.authentication`)."""
