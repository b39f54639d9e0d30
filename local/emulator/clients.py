"""Clients of the emulator as root of an account: its account id is the access key, any secret will do."""

from typing import Any

import boto3


def client(service: str, endpoint: str, account: str, region: str) -> Any:
    """A boto3 client of `service` with all rights in `account`."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="local",  # noqa: S106
    )
