"""Cells of query results are masked by the names of their columns (row GW 5)."""

import base64
import json
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from jitney.core.gateway.result_columns import RESULT_COLUMNS
from tests.core.gateway.test_answer_masking import mask, masked, masked_json

SECRET = "tr0ub4dor-And-3xtra"
COLUMNS = [{"name": "id", "label": "id"}, {"name": "h", "label": "db_password"}, {"name": "note"}]


def answer_of(service: str, operation: str, value: Any, **options: Any) -> tuple[Any, tuple[str, ...]]:
    answer = masked_json(service, operation, value, **options)
    return json.loads(answer.body), answer.masked


def rows(*cells: Any) -> dict[str, Any]:
    return {"columnMetadata": COLUMNS, "records": [[{"longValue": 7}, cell, {"stringValue": "word"}] for cell in cells]}


CELLS = {
    "a text": ({"stringValue": SECRET}, {"stringValue": mask(SECRET)}),
    "a number": ({"longValue": 20271201}, {"longValue": 0}),
    "a blob": ({"blobValue": "aGVsbG8="}, {"blobValue": base64.b64encode(mask("hello").encode()).decode()}),
    "a list": ({"arrayValue": {"stringValues": [SECRET, "x"]}}, {"arrayValue": {"stringValues": [mask(SECRET), "x"]}}),
    "a boolean": ({"booleanValue": True}, {"booleanValue": True}),
    "nothing": ({"isNull": True}, {"isNull": True}),
    "a placeholder": ({"stringValue": "changeme"}, {"stringValue": "changeme"}),
}


@pytest.mark.parametrize(("cell", "expected"), CELLS.values(), ids=CELLS)
def test_gw_05_a_cell_is_masked_by_the_name_of_its_column(cell, expected):
    answer, paths = answer_of("rds-data", "ExecuteStatement", rows({"isNull": True}, cell))
    assert answer == rows({"isNull": True}, expected)
    assert all(path.startswith("records[1][1].") for path in paths)
    assert bool(paths) is (cell != expected)


def test_gw_05_other_columns_and_all_other_bytes_stay():
    body = json.dumps(rows({"stringValue": SECRET}), indent=3).replace("7", "7.50").encode()
    answer = masked("rds-data", "ExecuteStatement", body)
    assert answer.body == body.replace(SECRET.encode(), mask(SECRET).encode())
    assert answer.masked == ("records[0][1].stringValue",)
    plain = json.dumps({**rows({"stringValue": SECRET}), "columnMetadata": [{"name": "a"}, {"name": "b"}]}).encode()
    assert masked("rds-data", "ExecuteStatement", plain).body == plain


def test_gw_05_athena_names_columns_in_its_first_row_too():
    def results(text: str) -> Any:
        lines = [["id", "password"], ["7", text]]
        return {
            "ResultSet": {
                "Rows": [{"Data": [{"VarCharValue": cell} for cell in line]} for line in lines] + [{"Data": [{}, {}]}],
                "ResultSetMetadata": {"ColumnInfo": [{"Name": "id"}, {"Name": "password", "Type": "varchar"}]},
            }
        }

    answer, paths = answer_of("athena", "GetQueryResults", results(SECRET))
    assert answer == results(mask(SECRET))
    assert paths == ("ResultSet.Rows[1].Data[1].VarCharValue",)


def test_gw_05_text_with_all_cells_of_rows_is_masked_as_a_whole():
    columns = {"ColumnMetadata": [{"name": "id"}, {"name": "api_key"}], "ResultFormat": "CSV"}
    text = f'7,"{SECRET}"\n'
    answer, _ = answer_of("redshift-data", "GetStatementResultV2", {**columns, "Records": [{"CSVRecords": text}]})
    assert answer == {**columns, "Records": [{"CSVRecords": mask(text)}]}


def test_gw_05_with_reveal_only_columns_of_aws_keys_are_masked():
    columns = [{"name": "password"}, {"name": "secret_access_key"}]
    value = {"ColumnMetadata": columns, "Records": [[{"stringValue": SECRET}, {"stringValue": SECRET}]]}
    answer, _ = answer_of("redshift-data", "GetStatementResult", value, reveal=True)
    assert answer["Records"] == [[{"stringValue": SECRET}, {"stringValue": mask(SECRET)}]]


ODD: dict[str, Any] = {
    "no columns": {"records": [[{"stringValue": SECRET}]]},
    "columns of another type": {"columnMetadata": "password", "records": [[{"stringValue": SECRET}]]},
    "a column of another type": {"columnMetadata": ["password", {"name": 7}], "records": [[{"stringValue": SECRET}]]},
    "no rows": {"columnMetadata": [{"name": "password"}]},
    "rows of another type": {"columnMetadata": [{"name": "password"}], "records": {"a": "b"}},
    "a short row": {
        "columnMetadata": [{"name": "a"}, {"name": "password"}],
        "records": [[{"stringValue": SECRET}], []],
    },
    "no object": [],
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_gw_05_an_answer_in_another_form_stays(value):
    assert answer_of("rds-data", "ExecuteStatement", value) == (value, ())


def test_gw_05_an_empty_answer_stays():
    assert masked("rds-data", "ExecuteStatement", b"").body == b""


def test_gw_05_the_places_of_columns_and_cells_are_those_of_the_models():
    def at(shape: Any, path: tuple[str, ...]) -> Any:
        for name in path:
            shape = shape.members[name]
        assert shape.type_name == "list"
        return shape.member

    for (service, operation), where in RESULT_COLUMNS.items():
        model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
        assert model.resolved_protocol in ("json", "rest-json")
        output = model.operation_model(operation).output_shape
        assert set(where.names) <= at(output, where.columns).members.keys()
        row = at(output, where.rows)
        assert at(row, (where.cells,)) if where.cells else row.type_name in ("list", "structure")
