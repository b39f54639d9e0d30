"""What a role is allowed, and of a grant how much: few may write the attributes by which credentials are issued."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allow:
    """Actions on the resources of one name (a key of what the stack hands over); of a table, on these items only.

    `items` are patterns of partition keys, an index's own for an index; none means that the resource has no items.
    `attributes` are all of such an item that a request may name, with its key; none means any.
    `sessions` are patterns of the names that sessions of a role are given; none means any name.
    """

    on: str
    actions: tuple[str, ...]
    items: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()


# Of a grant (adapters.grant_items): to put on record what became of it, also its end, also who took it back; to decide.
# `terms`, by which credentials are issued, are written by who opens a grant and who takes votes, and by nobody else.
STATE_ATTRIBUTES = ("pk", "sk", "lifecycle", "records")
END_ATTRIBUTES = (*STATE_ATTRIBUTES, "open_role", "open_until")
REVOCATION_ATTRIBUTES = (*END_ATTRIBUTES, "ending")
TERMS_ATTRIBUTES = (*END_ATTRIBUTES, "terms", "expires")

# DynamoDB uses the table's key in the caller's name (DynamoDB Developer Guide, "Encryption at rest: usage notes").
KEY_TO_READ = ("kms:Decrypt", "kms:DescribeKey")
KEY_TO_WRITE = (
    *KEY_TO_READ,
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def read_and_update(items: tuple[str, ...], attributes: tuple[str, ...]) -> tuple[Allow, ...]:
    """Reading items of the state table whole, and changing these attributes of them."""
    return (
        Allow("state", ("dynamodb:GetItem",), items),
        Allow("state", ("dynamodb:UpdateItem",), items, attributes),
    )
