"""Glue tables and views, the Athena workgroup, and the named queries of `jitney.audit_database`."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnResource, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from jitney.audit_database.definitions import DATABASE, WORKGROUP, query_texts, table_inputs
from jitney.audit_database.glue_tables import TABLES
from jitney.audit_database.views import VIEWS, first_comment

# Athena stops a query that reads more. Enough for a year of a busy broker, at a predictable cost.
MOST_BYTES_SCANNED = 10 * 1024**3


class Queries(Construct):
    """The database and the workgroup `jitney`, with tables, views, and the named queries."""

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
        ids = {each.name: each.construct_id for each in TABLES} | {each.name: f"View-{each.name}" for each in VIEWS}
        tables = [self._table(ids[name], each) for name, each in table_inputs(records.bucket_name).items()]
        for table in tables:
            table.add_resource_dependency(database)
        workgroup = self._workgroup(f"s3://{results.bucket_name}/", key)
        for name, sql in query_texts().items():
            query = athena.CfnNamedQuery(
                self,
                name,
                name=name,
                description=first_comment(sql),
                database=DATABASE,
                query_string=sql,
                work_group=WORKGROUP,
            )
            query.add_resource_dependency(workgroup)
            for table in tables:
                query.add_resource_dependency(table)

    def _table(self, construct_id: str, table_input: Mapping[str, Any]) -> CfnResource:
        # Glue and CloudFormation have the same `TableInput`. The commands of auditors compare Glue's with these files.
        properties = {
            "CatalogId": Stack.of(self).account,
            "DatabaseName": DATABASE,
            "TableInput": table_input,
        }
        return CfnResource(self, construct_id, type="AWS::Glue::Table", properties=properties)

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
