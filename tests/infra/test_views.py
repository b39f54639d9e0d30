"""The views: in Athena's own form, with the columns that their SQL returns, and limited by day."""

import base64
import json
import re
from pathlib import Path

import duckdb
import pytest

from jitney.audit_database.glue_tables import CALL_COLUMNS, RECORD_COLUMNS, TABLES
from jitney.audit_database.views import FOLDER, VIEWS
from jitney.client.audit.definition_comparison import differences, in_template, own_definitions, version_in
from local.engine import TYPES, opened
from tests.infra.conftest import of_type, plain

pytestmark = pytest.mark.xdist_group("cdk")
BY_NAME = {each.name: each for each in VIEWS}
TRINO = {"string": "varchar", "int": "integer", "array<string>": "array(varchar)"}


def test_aud_05_every_view_file_has_a_description():
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(BY_NAME)
    assert {
        "grant_timeline",
        "used_versus_granted",
        "denied_calls",
        "review_decisions",
        "bypasses",
        "resource_changes_by_day",
    } <= set(BY_NAME)
    assert all(len(each.description) > 20 and each.sql.startswith("-- ") for each in VIEWS)


@pytest.mark.parametrize("name", BY_NAME)
def test_aud_05_a_view_is_in_glue_as_athena_writes_it(assembly, name):
    view = BY_NAME[name]
    tables = {each["TableInput"]["Name"]: each for each in of_type(assembly.broker, "AWS::Glue::Table").values()}
    resource = plain(tables[name])
    table = resource["TableInput"]
    assert (resource["DatabaseName"], table["TableType"]) == ("jitney", "VIRTUAL_VIEW")
    assert table["Parameters"] == {"presto_view": "true", "comment": "Presto View"}
    assert table["ViewExpandedText"] == "/* Presto View */"
    # Athena fails on a view without a list of partition keys or without SerdeInfo, and on one whose columns in Glue are
    # others than in its definition.
    assert table["PartitionKeys"] == []
    assert table["StorageDescriptor"]["SerdeInfo"] == {}
    columns = [(each["Name"], each["Type"]) for each in table["StorageDescriptor"]["Columns"]]
    encoded = re.fullmatch(r"/\* Presto View: ([A-Za-z0-9+/]+=*) \*/", table["ViewOriginalText"])
    assert encoded
    assert json.loads(base64.b64decode(encoded[1], validate=True)) == {
        "originalSql": (FOLDER / f"{name}.sql").read_text(encoding="utf-8"),
        "catalog": "awsdatacatalog",
        "schema": "jitney",
        "columns": [{"name": each, "type": TRINO.get(kind, kind)} for each, kind in columns],
    }
    assert columns == list(view.columns)


def test_aud_05_a_views_columns_match_its_sql(tmp_path: Path):
    with opened(tmp_path) as connection:
        for view in VIEWS:
            answered = connection.execute(f"FROM {view.name}").description or []
            assert [(each[0], str(each[1])) for each in answered] == [
                (name, TYPES[kind]) for name, kind in view.columns
            ], view.name


def test_aud_05_the_unique_views_have_every_column_of_their_table():
    assert {name for name, _ in BY_NAME["unique_records"].columns} == {name for name, _ in RECORD_COLUMNS} | {
        "dt",
        "grants_access",
        "ends_access",
    }
    assert {name for name, _ in BY_NAME["unique_calls"].columns} == {name for name, _ in CALL_COLUMNS} | {
        "dt",
        "denied",
    }


@pytest.mark.parametrize("name", [each.name for each in VIEWS if "UNNEST" not in each.sql])
def test_aud_05_a_condition_on_dt_limits_what_a_view_reads(tmp_path: Path, name: str):
    """The other day's lines cannot be read. Trino applies conditions past UNNEST to the folders. DuckDB does not.

    `test_queries` checks for every view that these lines would not change the answer.
    """
    for table in TABLES:
        for day, line in (("2026-01-01", "no JSON at all"), ("2026-01-02", "{}")):
            path = tmp_path / table.name / f"dt={day}" / "1"
            path.parent.mkdir(parents=True)
            path.write_text(f"{line}\n", encoding="utf-8")
    with opened(tmp_path) as connection:
        connection.execute(f"SELECT * FROM {name} WHERE dt >= '2026-01-02'").fetchall()  # noqa: S608
        with pytest.raises(duckdb.InvalidInputException, match="Malformed JSON"):
            connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608


def test_aud_09_the_template_has_the_definitions_of_the_package(assembly):
    """Auditors' commands read the template when something differs. CDK must not write it in another form."""
    own = own_definitions("records", "results")
    template = in_template(assembly.broker, "records", "results")
    assert template.keys() == own.keys()
    assert differences(template, own) == {}
    assert version_in(assembly.broker) == "1.2.3"
