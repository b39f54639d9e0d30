"""KMS: the permissions on customer managed keys that another service uses for a caller."""

from typing import Any

from ministack.core import iam_evaluator
from ministack.services import dynamodb, kms

type Denied = iam_evaluator.EvalResult | iam_evaluator.AuthError | None

_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"})
_READS = frozenset({"GetItem", "Query", "Scan", "BatchGetItem", "ConditionCheckItem"})


def tables_use_the_callers_key() -> None:
    """AWS uses a table's customer managed key with the caller's kms:Decrypt and, for writes, kms:Encrypt.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    """
    enforce = iam_evaluator.enforce

    def enforce_with_key(key: str, action: str, service: str, region: str, *more: Any, **named: Any) -> Denied:
        denied: Denied = enforce(key, action, service, region, *more, **named)
        resource = named.get("resource_arn") or (more[0] if more else "*")
        wanted = _key_actions(action) if service == "dynamodb" and denied is None else ()
        arn = _customer_key(resource) if wanted else None
        context = {"kms:ViaService": f"dynamodb.{region}.amazonaws.com"}
        for wish in wanted if arn else ():
            denied = denied or enforce(key, wish, "kms", region, resource_arn=arn, service_context=context)
        return denied

    iam_evaluator.enforce = enforce_with_key


def _key_actions(action: str) -> tuple[str, ...]:
    operation = action.partition(":")[2]
    if operation in _WRITES:
        return ("kms:Decrypt", "kms:Encrypt")
    return ("kms:Decrypt",) if operation in _READS else ()


def _customer_key(table_arn: str) -> str | None:
    """Return the customer managed key of the table or index at `table_arn`; None if it has none."""
    name = table_arn.partition(":table/")[2].partition("/")[0]
    key = ((dynamodb._tables.get(name) or {}).get("SSEDescription") or {}).get("KMSMasterKeyArn")
    record = kms._resolve_key(key) if key else None
    return record["Arn"] if record and record.get("KeyManager", "CUSTOMER") == "CUSTOMER" else None
