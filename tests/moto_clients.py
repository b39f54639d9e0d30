"""Clients of moto. Each is new, and all are of one session, because making a session takes longer than a client."""

from functools import cache
from typing import Any

import boto3


@cache
def _session() -> boto3.Session:
    return boto3.Session("x", "x", region_name="eu-west-1")


def moto_client(service: str) -> Any:
    """Return a new client of a service. The tests that call this import moto, which answers it."""
    return _session().client(service)  # type: ignore[call-overload]
