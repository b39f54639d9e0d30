"""KMS: the customer managed keys that another service uses for a caller, and the permissions on them."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import dynamodb, kms

from local.emulator.gaps.replacement import replaces

type Members = dict[str, Any]
type Answer = tuple[int, Members, Any]
type Denied = iam_evaluator.EvalResult | iam_evaluator.AuthError | None

_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"})
_READS = frozenset({"GetItem", "Query", "Scan", "BatchGetItem", "ConditionCheckItem"})


def tables_use_the_callers_key() -> None:
    """AWS uses a table's customer managed key with the caller's kms:Decrypt and, for writes, kms:Encrypt.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
    """

    @replaces(iam_evaluator, "enforce")
    def enforce_with_key(
        enforce: Any, key: str, action: str, service: str, region: str, *more: Any, **named: Any
    ) -> Denied:
        denied: Denied = enforce(key, action, service, region, *more, **named)
        resource = named.get("resource_arn") or (more[0] if more else "*")
        wanted = _key_actions(action) if service == "dynamodb" and denied is None else ()
        arn = _customer_key(resource) if wanted else None
        context = {"kms:ViaService": f"dynamodb.{region}.amazonaws.com"}
        for wish in wanted if arn else ():
            denied = denied or enforce(key, wish, "kms", region, resource_arn=arn, service_context=context)
        return denied


def restored_tables_have_their_key() -> None:
    """A table is restored with the key of SSESpecificationOverride, which an alias can name.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableToPointInTime.html
    """
    dynamodb._restore_table_from_backup = _with_key(dynamodb._restore_table_from_backup)
    dynamodb._restore_table_to_point_in_time = _with_key(dynamodb._restore_table_to_point_in_time)


def _with_key(restore: Callable[[Members], Answer]) -> Callable[[Members], Answer]:
    def restored(request: Members) -> Answer:
        answer = restore(request)
        wish = request.get("SSESpecificationOverride") or {}
        record = kms._resolve_key(wish.get("KMSMasterKeyId", ""))
        if answer[0] == HTTPStatus.OK and record:
            known = dynamodb._sse_description_from_spec({**wish, "KMSMasterKeyId": record["Arn"]})
            dynamodb._tables[request["TargetTableName"]]["SSEDescription"] = known
        return answer

    return restored


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
