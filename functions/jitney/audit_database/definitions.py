"""The tables, views and named queries in the form of Glue and Athena."""

from pathlib import Path
from typing import Any

from jitney.audit_database.glue_tables import TABLES, Table
from jitney.audit_database.views import VIEWS, View

QUERIES = Path(__file__).with_name("queries")
DATABASE, WORKGROUP = "jitney", "jitney"
FIRST_DAY = "2026-01-01"


def table_inputs(records: str) -> dict[str, dict[str, Any]]:
    """Return Glue's `TableInput` of each table and view by name. `records` is the name of the bucket of records.

    A view comes after the tables and views that it reads.
    """
    tables = {each.name: _of_table(each, f"s3://{records}/{each.name}/") for each in TABLES}
    return tables | {each.name: _of_view(each) for each in VIEWS}


def query_texts() -> dict[str, str]:
    """Return the SQL of each named query by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(QUERIES.glob("*.sql"))}


def _of_table(table: Table, location: str) -> dict[str, Any]:
    return {
        "Name": table.name,
        "Description": table.description,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
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
        "PartitionKeys": [{"Name": "dt", "Type": "string", "Comment": table.day}],
        "StorageDescriptor": {
            "Location": location,
            "Columns": [{"Name": name, "Type": kind} for name, kind in table.columns],
            "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
            "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
        },
    }


def _of_view(view: View) -> dict[str, Any]:
    return {
        "Name": view.name,
        "Description": view.description,
        "TableType": "VIRTUAL_VIEW",
        # Athena requires a list, even if it is empty.
        # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-catalog-tables.html
        "PartitionKeys": [],
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "StorageDescriptor": {
            "Columns": [{"Name": name, "Type": kind} for name, kind in view.columns],
            "SerdeInfo": {},
        },
        "ViewOriginalText": view.original_text(DATABASE),
        "ViewExpandedText": "/* Presto View */",
    }
