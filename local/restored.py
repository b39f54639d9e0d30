"""`restored_tables` in a local system's configuration: used if the emulator has the tables.

A new emulator has no restored tables. So the configuration of a broker that was restored in AWS starts locally, too.
"""

import os
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from jitney.configuration import yaml_source
from local.deploy import deployment
from local.settings import LocalSettings

VARIABLE = "JITNEY_LOCAL_RESTORED"
"""The variable that lets app.py keep `restored_tables`."""


def variables(settings: LocalSettings, environment: Mapping[str, str], known: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables for app.py. `known` is stack.json of the running system."""
    kept = _tables(settings, environment) and not missing(settings, environment, known)
    return {VARIABLE: "1"} if kept else {}


def missing(settings: LocalSettings, environment: Mapping[str, str], known: Mapping[str, Any]) -> list[str]:
    """Return the restored tables of the configuration that the emulator does not have."""
    session = deployment.session(known["account"], known["region"])
    dynamodb = session.client("dynamodb", endpoint_url=known["aws_endpoint"])
    return [name for name in _tables(settings, environment) if not _exists(dynamodb, name)]


def _tables(settings: LocalSettings, environment: Mapping[str, str]) -> list[str]:
    """Return the tables in `restored_tables`. A configuration that cannot be read is left to app.py to report."""
    try:
        text = settings.config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    found: Any = yaml_source.read(text, {**os.environ, **environment}).value
    for key in ("broker", "restored_tables"):
        found = found.get(key) if isinstance(found, dict) else None
    names = [found.get(key) for key in ("state_table", "audit_table")] if isinstance(found, dict) else []
    return [name for name in names if isinstance(name, str)]


def _exists(dynamodb: Any, name: str) -> bool:
    try:
        dynamodb.describe_table(TableName=name)
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise
    return True
