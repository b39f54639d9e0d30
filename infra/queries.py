"""What an auditor queries: the Glue table over the records, the Athena workgroup, and the queries in `queries/`."""

from pathlib import Path
from typing import NamedTuple

from aws_cdk import Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

QUERIES = Path(__file__).with_name("queries")
DATABASE = "jitney"
TABLE = "records"
WORKGROUP = "jitney"
FIRST_DAY = "2026-01-01"

# What one query may read before it is stopped: a year of a busy broker, and a bill that surprises nobody.
MOST_BYTES_SCANNED = 10 * 1024**3

# The members of `core.audit.AuditRecord` and the links of its chain, as Athena types.
COLUMNS = (
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
    ("detail", "string"),
    ("count", "int"),
    ("prev", "string"),
    ("hash", "string"),
)


# The members of `core.trail.call.Call`, and what the call came to (core.trail.line).
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
    ("via", "string"),
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
    ("issued", "string"),
    ("made", "array<string>"),
    ("taken", "array<string>"),
    ("target", "string"),
    ("verdict", "string"),
    ("purpose", "string"),
    ("grant_id", "string"),
    ("human", "string"),
    ("reasons", "array<string>"),
    ("judged_at", "string"),
)


class Table(NamedTuple):
    """A table over lines of JSON in the folder of its name."""

    name: str
    construct_id: str
    description: str
    columns: tuple[tuple[str, str], ...]


TABLES = (
    Table(TABLE, "Table", "Jitney's audit records, one JSON object a line", COLUMNS),
    Table("calls", "Calls", "Calls on targets' roles, joined to grants, one JSON object a line", CALL_COLUMNS),
)


class Queries(Construct):
    """Database and workgroup `jitney`, tables `records` and `calls`, and a named query for each file in `queries/`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, records: s3.IBucket, results: s3.IBucket, key: kms.IKey
    ) -> None:
        super().__init__(scope, construct_id)
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Stack.of(self).account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(name=DATABASE),
        )
        tables = [self._table(each, f"s3://{records.bucket_name}/{each.name}/") for each in TABLES]
        for table in tables:
            table.add_resource_dependency(database)
        workgroup = self._workgroup(f"s3://{results.bucket_name}/", key)
        for path in sorted(QUERIES.glob("*.sql")):
            sql = path.read_text(encoding="utf-8")
            query = athena.CfnNamedQuery(
                self,
                path.stem,
                name=path.stem,
                description=sql.splitlines()[0].removeprefix("--").strip(),
                database=DATABASE,
                query_string=sql,
                work_group=WORKGROUP,
            )
            query.add_resource_dependency(workgroup)
            for table in tables:
                query.add_resource_dependency(table)

    def _table(self, table: Table, location: str) -> glue.CfnTable:
        properties = glue.CfnTable
        return properties(
            self,
            table.construct_id,
            catalog_id=Stack.of(self).account,
            database_name=DATABASE,
            table_input=properties.TableInputProperty(
                name=table.name,
                description=table.description,
                table_type="EXTERNAL_TABLE",
                parameters={
                    "classification": "json",
                    # Partitions are computed from the query, not listed: no crawler, no MSCK REPAIR.
                    "projection.enabled": "true",
                    "projection.dt.type": "date",
                    "projection.dt.format": "yyyy-MM-dd",
                    "projection.dt.range": f"{FIRST_DAY},NOW",
                    "projection.dt.interval": "1",
                    "projection.dt.interval.unit": "DAYS",
                    "storage.location.template": f"{location}dt=${{dt}}/",
                },
                partition_keys=[properties.ColumnProperty(name="dt", type="string", comment="UTC day of publishing")],
                storage_descriptor=properties.StorageDescriptorProperty(
                    location=location,
                    columns=[properties.ColumnProperty(name=name, type=kind) for name, kind in table.columns],
                    input_format="org.apache.hadoop.mapred.TextInputFormat",
                    output_format="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                    serde_info=properties.SerdeInfoProperty(serialization_library="org.openx.data.jsonserde.JsonSerDe"),
                ),
            ),
        )

    def _workgroup(self, output: str, key: kms.IKey) -> athena.CfnWorkGroup:
        properties = athena.CfnWorkGroup
        return properties(
            self,
            "Workgroup",
            name=WORKGROUP,
            description="Jitney's audit records",
            work_group_configuration=properties.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=MOST_BYTES_SCANNED,
                engine_version=properties.EngineVersionProperty(selected_engine_version="Athena engine version 3"),
                result_configuration=properties.ResultConfigurationProperty(
                    output_location=output,
                    encryption_configuration=properties.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=key.key_arn
                    ),
                ),
            ),
        )
