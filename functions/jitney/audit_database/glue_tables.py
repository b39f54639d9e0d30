"""The Glue tables over the bucket of records. Their columns have the order of the JSON members."""

from typing import NamedTuple

# The members of `jitney.core.records.audit.AuditRecord` and the links of its chain, as Athena types.
RECORD_COLUMNS = (
    ("version", "int"),
    ("chain", "string"),
    ("seq", "int"),
    ("time", "string"),
    ("event", "string"),
    ("outcome", "string"),
    ("code", "string"),
    ("grant_id", "string"),
    ("principal", "string"),
    ("issuer", "string"),
    ("subject", "string"),
    ("unit", "string"),
    ("human", "string"),
    ("target", "string"),
    ("account", "string"),
    ("actions", "array<string>"),
    ("resources", "array<string>"),
    ("duration_seconds", "int"),
    ("expires_at", "string"),
    ("reason", "string"),
    ("ticket", "string"),
    ("source_ip", "string"),
    ("request_id", "string"),
    ("policy_version", "string"),
    ("policies", "array<string>"),
    ("configuration", "string"),
    ("detail", "string"),
    ("count", "int"),
    ("prev", "string"),
    ("hash", "string"),
)


# The members of `jitney.core.trail.call.CloudTrailCall`, and its verdict (jitney.core.trail.call_line).
CALL_COLUMNS = (
    ("version", "int"),
    ("event_id", "string"),
    ("time", "string"),
    ("account", "string"),
    ("region", "string"),
    ("role_arn", "string"),
    ("session", "string"),
    ("access_key_id", "string"),
    ("source_identity", "string"),
    ("invoked_by", "string"),
    ("service", "string"),
    ("operation", "string"),
    ("actions", "array<string>"),
    ("resources", "array<string>"),
    ("read_only", "boolean"),
    ("error_code", "string"),
    ("error_message", "string"),
    ("source_ip", "string"),
    ("user_agent", "string"),
    ("request_id", "string"),
    ("request", "string"),
    ("response", "string"),
    ("bytes_in", "bigint"),
    ("bytes_out", "bigint"),
    ("issued_access_key_id", "string"),
    ("created", "array<string>"),
    ("deleted", "array<string>"),
    ("target", "string"),
    ("verdict", "string"),
    ("purpose", "string"),
    ("call_id", "string"),
    ("record_match", "string"),
    ("grant_id", "string"),
    ("human", "string"),
    ("reasons", "array<string>"),
    ("correlated_at", "string"),
)


class Table(NamedTuple):
    """A table over JSON lines in the folder of the same name."""

    name: str
    construct_id: str
    description: str
    day: str
    """What the partition `dt` means."""
    columns: tuple[tuple[str, str], ...]


TABLES = (
    Table(
        "records", "Table", "Jitney's audit records, one JSON object a line", "UTC day of publishing", RECORD_COLUMNS
    ),
    Table(
        "calls",
        "Calls",
        "Calls on targets' roles, joined to grants, one JSON object a line",
        "UTC day of the call",
        CALL_COLUMNS,
    ),
)
