"""Counts what the deployed handlers use, in the units of `benchmarks.prices`, while they run over moto.

Every call of AWS by a client of this process is counted. An operation that `OPERATIONS` does not have is an error.
"""

import gzip
import io
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from botocore.client import BaseClient

from benchmarks.dynamodb_units import Item, TableForm, read_units
from benchmarks.synthesized import Template

SECONDS = {
    "dynamodb": 0.005,
    "firehose": 0.02,
    "iam": 0.15,
    "kms": 0.005,
    "secretsmanager": 0.02,
    "sesv2": 0.1,
    "slack": 0.2,
    "sqs": 0.01,
    "stepfunctions": 0.03,
    "sts": 0.03,
    "upstream": 0.03,
}
"""Assumed times of one call, by service: `upstream` is the call of AWS that the agent wants."""
CPU_SECONDS = 0.005
"""The assumed processor time of one invocation, on a whole processor. `make bench` measures less than half of it."""
PUBLISHER_CPU_SECONDS = 0.001
"""The assumed processor time of an invocation of the publisher with one record."""
FULL_CPU_MB = 1769
"""The memory with which a function has a whole processor (Lambda Developer Guide, "Memory")."""
PLATFORM_LOG_BYTES = 700
"""What Lambda itself logs of one invocation, in JSON."""
FIREHOSE_STEP = 5_000
"""Firehose bills each record in steps of 5 kB."""
MONTH_SECONDS = 730 * 3600
MONTHS_IN_S3 = 12
"""Records stay in S3 until they are deleted. The first year is counted."""
LOG_MONTHS = 3
TABLES = ("state", "audit", "answers")

type Usage = Mapping[str, float]


@dataclass
class Meter:
    """The units used so far, by their names in `benchmarks.prices`, and the calls of AWS by service and operation."""

    template: Template
    usage: dict[str, float] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    forms: dict[str, TableForm] = field(default_factory=dict)
    _seconds: float = 0

    def __post_init__(self) -> None:
        self.forms = {name: self.template.table(name) for name in TABLES}
        self._log = io.StringIO()

    def add(self, used: Usage, times: float = 1) -> None:
        """Add units to those used so far."""
        for name, count in used.items():
            self.usage[name] = self.usage.get(name, 0) + count * times

    @contextmanager
    def function(self, name: str) -> Iterator[None]:
        """Count the block as one invocation of a function."""
        self._seconds, begun = 0.0, self._log.tell()
        yield
        memory = self.template.memory_mb(name)
        cpu = PUBLISHER_CPU_SECONDS if name == "publisher" else CPU_SECONDS
        seconds = self._seconds + cpu * max(1, FULL_CPU_MB / memory)
        platform = PLATFORM_LOG_BYTES if self.template.logs_invocations(name) else 0
        logged = (self._log.tell() - begun + platform) / 1e9
        self.add({
            "lambda_request": 1,
            "lambda_gb_second": seconds * memory / 1024,
            "log_gb": logged,
            "log_gb_month": logged * LOG_MONTHS,
        })  # fmt: skip

    @contextmanager
    def request(self, name: str) -> Iterator[Callable[[str], None]]:
        """Count the block as one request to the API. The block passes the answer's body to the yielded function."""
        answered: list[str] = []
        with self.function(name):
            yield answered.append
        (body,) = answered
        access_log = {"firehose_gb": FIREHOSE_STEP / 1e9}
        transfer = {"transfer_gb": len(body.encode()) / 1e9}
        self.add({"api_request": 1, "waf_request": 1, **access_log, **transfer})

    def wait(self, service: str) -> None:
        """Count the time of a call that no client of this process makes."""
        self._seconds += SECONDS[service]

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count all calls and log lines."""
        plain = BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001 - sees the calls of all clients
        logger = logging.getLogger("jitney")
        handler = logging.StreamHandler(self._log)
        handler.setFormatter(logger.handlers[0].formatter)

        def counted(client: Any, operation: str, parameters: Any) -> Any:
            service = client.meta.service_model.service_name
            self._seconds += SECONDS[service]
            self.calls[f"{service}:{operation}"] += 1
            if service == "dynamodb" and operation in _WRITES:
                return self._write(plain, client, operation, parameters)
            answer = plain(client, operation, parameters)
            self.add(_usage(self.template, service, operation, parameters, answer))
            return answer

        logger.addHandler(handler)
        BaseClient._make_api_call = counted  # type: ignore[attr-defined]  # noqa: SLF001
        try:
            with redirect_stdout(self._log):  # metrics are lines of the log
                yield
        finally:
            BaseClient._make_api_call = plain  # type: ignore[attr-defined]  # noqa: SLF001
            logger.removeHandler(handler)

    def _write(self, plain: Any, client: Any, operation: str, parameters: Any) -> Any:
        """Make a write, and count the units of the table and its indexes. A refused write costs, too."""
        in_transaction = operation == "TransactWriteItems"
        places = [_place(each, self.forms) for each in _WRITES[operation](parameters)]
        before = [_image(plain, client, *place) for place in places]
        try:
            return plain(client, operation, parameters)
        finally:
            after = [_image(plain, client, *place) for place in places]
            for (table, _), old, new in zip(places, before, after, strict=True):
                units = self.forms[table].write_units(old, new, in_transaction=in_transaction)
                self.add({"write_unit": units})

    def store(self, items: Mapping[str, list[Item]], now: int) -> None:
        """Count the storage of new items, by table, from `now` (epoch seconds) until they expire."""
        for table, found in items.items():
            for item in found:
                if "expires" not in item:
                    raise LookupError(f"the new item {item['pk']} of the table {table} never expires")
                months = (int(item["expires"]["N"]) - now) / MONTH_SECONDS
                own, whole = self.forms[table].stored_bytes(item)
                backed_up = own / 1e9 * months * self.forms[table].backed_up
                self.add({"table_gb_month": whole / 1e9 * months, "table_backup_gb_month": backed_up})


def _one(parameters: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [parameters]


def _transaction(parameters: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [write for each in parameters["TransactItems"] for write in each.values()]


_WRITES = {"PutItem": _one, "UpdateItem": _one, "DeleteItem": _one, "TransactWriteItems": _transaction}


def _place(write: Mapping[str, Any], forms: Mapping[str, TableForm]) -> tuple[str, Item]:
    table = write["TableName"]
    return table, write.get("Key") or {name: write["Item"][name] for name in forms[table].keys}


def _image(plain: Any, client: Any, table: str, key: Item) -> Item | None:
    image: Item | None = plain(client, "GetItem", {"TableName": table, "Key": key, "ConsistentRead": True}).get("Item")
    return image


def _usage(template: Template, service: str, operation: str, parameters: Any, answer: Any) -> dict[str, float]:
    if service in _FREE:
        return {}
    if (service, operation) not in OPERATIONS:
        raise LookupError(f"benchmarks/metering.py does not know what {service}:{operation} costs")
    return OPERATIONS[service, operation](template, parameters, answer)


def _get_item(_: Template, parameters: Any, answer: Any) -> dict[str, float]:
    found = [answer["Item"]] if "Item" in answer else []
    return {"read_unit": read_units(found, consistent=parameters.get("ConsistentRead", False))}


def _batch_get_item(_: Template, parameters: Any, answer: Any) -> dict[str, float]:
    units = 0.0
    for table, asked in parameters["RequestItems"].items():
        found, consistent = answer["Responses"].get(table, []), asked.get("ConsistentRead", False)
        missing = len(asked["Keys"]) - len(found)
        units += sum(read_units(each, consistent=consistent) for each in [*([item] for item in found), *[[]] * missing])
    return {"read_unit": units}


def _query(_: Template, parameters: Any, answer: Any) -> dict[str, float]:
    return {"read_unit": read_units(answer["Items"], consistent=parameters.get("ConsistentRead", False))}


def _put_record_batch(template: Template, parameters: Any, _answer: Any) -> dict[str, float]:
    lines = [each["Data"] for each in parameters["Records"]]
    destination = template.delivery(parameters["DeliveryStreamName"])
    compressed = destination.get("CompressionFormat") == "GZIP"
    size = sum(len(gzip.compress(line)) if compressed else len(line) for line in lines) / 1e9
    partitioned = destination.get("DynamicPartitioningConfiguration", {}).get("Enabled")
    return {
        "firehose_gb": sum(math.ceil(len(line) / FIREHOSE_STEP) for line in lines) * FIREHOSE_STEP / 1e9,
        "firehose_partitioned_gb": sum(map(len, lines)) / 1e9 if partitioned else 0,
        "s3_gb_month": size * MONTHS_IN_S3,
    }


def _unit(name: str) -> Callable[[Template, Any, Any], dict[str, float]]:
    return lambda _template, _parameters, _answer: {name: 1}


def _nothing(_template: Template, _parameters: Any, _answer: Any) -> dict[str, float]:
    return {}


_FREE = frozenset({"iam", "sts"})
"""Services without a price."""
OPERATIONS: Mapping[tuple[str, str], Callable[[Template, Any, Any], dict[str, float]]] = {
    ("dynamodb", "BatchGetItem"): _batch_get_item,
    ("dynamodb", "GetItem"): _get_item,
    ("dynamodb", "Query"): _query,
    ("firehose", "PutRecordBatch"): _put_record_batch,
    ("kms", "GenerateMac"): _unit("kms_request"),
    ("secretsmanager", "GetSecretValue"): _unit("secret_request"),
    ("sesv2", "SendEmail"): _unit("mail"),
    ("sqs", "SendMessage"): _unit("sqs_group_request"),
    # A workflow costs by its transitions.
    ("stepfunctions", "ListExecutions"): _nothing,
    ("stepfunctions", "SendTaskSuccess"): _nothing,
    ("stepfunctions", "StartExecution"): _nothing,
}
"""What an operation uses, apart from DynamoDB's writes."""
