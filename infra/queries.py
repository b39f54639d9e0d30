"""Glue tables and views, the Athena workgroup, and the named queries in `queries/`."""

from pathlib import Path

from aws_cdk import Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.glue_tables import TABLES, Table
from infra.views import VIEWS, View, first_comment

QUERIES = Path(__file__).with_name("queries")
DATABASE = "jitney"
WORKGROUP = "jitney"
FIRST_DAY = "2026-01-01"

# Athena stops a query that reads more. Enough for a year of a busy broker, at a predictable cost.
MOST_BYTES_SCANNED = 10 * 1024**3


class Queries(Construct):
    """The database and the workgroup `jitney`, with tables, views, and a named query for each file in `queries/`."""

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
        tables += [self._view(each) for each in VIEWS]
        for table in tables:
            table.add_resource_dependency(database)
        workgroup = self._workgroup(f"s3://{results.bucket_name}/", key)
        for path in sorted(QUERIES.glob("*.sql")):
            sql = path.read_text(encoding="utf-8")
            query = athena.CfnNamedQuery(
                self,
                path.stem,
                name=path.stem,
                description=first_comment(sql),
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
                partition_keys=[properties.ColumnProperty(name="dt", type="string", comment=table.day)],
                storage_descriptor=properties.StorageDescriptorProperty(
                    location=location,
                    columns=[properties.ColumnProperty(name=name, type=kind) for name, kind in table.columns],
                    input_format="org.apache.hadoop.mapred.TextInputFormat",
                    output_format="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                    serde_info=properties.SerdeInfoProperty(serialization_library="org.openx.data.jsonserde.JsonSerDe"),
                ),
            ),
        )

    def _view(self, view: View) -> glue.CfnTable:
        properties = glue.CfnTable
        return properties(
            self,
            f"View-{view.name}",
            catalog_id=Stack.of(self).account,
            database_name=DATABASE,
            table_input=properties.TableInputProperty(
                name=view.name,
                description=view.description,
                table_type="VIRTUAL_VIEW",
                # Athena requires a list, even if it is empty.
                # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-tables.html
                partition_keys=[],
                parameters={"presto_view": "true", "comment": "Presto View"},
                storage_descriptor=properties.StorageDescriptorProperty(
                    columns=[properties.ColumnProperty(name=name, type=kind) for name, kind in view.columns],
                    serde_info=properties.SerdeInfoProperty(),
                ),
                view_original_text=view.original_text(DATABASE),
                view_expanded_text="/* Presto View */",
            ),
        )

    def _workgroup(self, output: str, key: kms.IKey) -> athena.CfnWorkGroup:
        properties = athena.CfnWorkGroup
        return properties(
            self,
            "Workgroup",
            name=WORKGROUP,
            description="Jitney's audit records",
            # Otherwise the stack could not delete the workgroup after a query ran in it. The answers stay in the
            # bucket.
            recursive_delete_option=True,
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
