"""Clients of moto. Each is new. They share one session, because a session takes longer to make than a client.

`_take_short_ways` leaves out work of moto that no test needs, which took a third of the CPU time of these tests.
"""

import copy
from functools import cache
from threading import local
from types import SimpleNamespace
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from moto.core import responses
from moto.core.serialize import AttributePicker, AttributePickerContext
from moto.dynamodb import models

_pick, _write = AttributePicker.__call__, models.DynamoDBBackend.transact_write_items


class _Copies(local):
    """The tables that the transaction of a thread has copied, by identity."""

    tables: dict[int, Any]


_copies = _Copies()


@cache
def _session() -> boto3.Session:
    _take_short_ways()
    return boto3.Session("x", "x", region_name="eu-west-1")


def moto_client(service: str) -> Any:
    """Return a new client of a service. The tests that call this start moto, which answers it."""
    # moto's S3 and KMS read the Region in the signature.
    unsigned = Config(signature_version=UNSIGNED) if service == "dynamodb" else None
    return _session().client(service, config=unsigned)


def _take_short_ways() -> None:
    responses.method_names_from_class = cache(responses.method_names_from_class)
    AttributePicker.__call__ = _picked
    models.DynamoDBBackend.transact_write_items = _written
    models.copy = SimpleNamespace(deepcopy=_copied)


def _picked(picker: AttributePicker, context: AttributePickerContext) -> Any:
    """Return a member of a value. The types of an attribute's value, such as S, have no other names to try."""
    holder = getattr(context.shape, "parent", None)
    if holder is not None and holder.name == "AttributeValue" and isinstance(context.obj, dict):
        return context.obj.get(context.key)
    return _pick(picker, context)


def _written(backend: models.DynamoDBBackend, items: list[dict[str, Any]]) -> None:
    _copies.tables = {}
    try:
        _write(backend, items)
    finally:
        del _copies.tables


def _copied(value: Any) -> Any:
    """Return a copy. A transaction copies each table once, and not for each of its items."""
    if not isinstance(value, models.Table):
        return copy.deepcopy(value)
    if id(value) not in _copies.tables:
        _copies.tables[id(value)] = copy.deepcopy(value)
    return _copies.tables[id(value)]
