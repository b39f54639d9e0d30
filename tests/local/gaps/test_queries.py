"""Athena: one contract test for each gap, named after the function that closes it."""

import base64
import json
import uuid
from typing import Any

import pytest

from jitney.client.audit.athena import Athena, AthenaLocation, QueryResult
from jitney.client.problems import ClientProblem
from local.settings import REGION
from tests.local.gaps.contracts import Emulator, refused, role

pytestmark = pytest.mark.slow


class Lake:
    """A bucket, a database over it, and a workgroup whose results go to the bucket."""

    def __init__(self, emulator: Emulator) -> None:
        self.name, self.workgroup = f"lake-{uuid.uuid4().hex}", "lake"
        self.s3, self.glue, athena = (emulator.root(each) for each in ("s3", "glue", "athena"))
        self.s3.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.glue.create_database(DatabaseInput={"Name": "lake"})
        results = {"ResultConfiguration": {"OutputLocation": f"s3://{self.name}/results/"}}
        athena.create_work_group(Name=self.workgroup, Configuration=results)
        self._athena = Athena(athena, AthenaLocation("lake", "lake"))

    def table(self, name: str, *lines: dict[str, Any], **columns: str) -> None:
        """Create a table over JSON lines of one day."""
        storage = {
            "Location": f"s3://{self.name}/{name}/",
            "Columns": [{"Name": column, "Type": kind} for column, kind in columns.items()],
            "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
        }
        table = {"Name": name, "TableType": "EXTERNAL_TABLE", "Parameters": {"classification": "json"}}
        keys = [{"Name": "dt", "Type": "string"}]
        self.glue.create_table(
            DatabaseName="lake", TableInput={**table, "StorageDescriptor": storage, "PartitionKeys": keys}
        )
        if lines:
            text = "\n".join(json.dumps(each) for each in lines)
            self.s3.put_object(Bucket=self.name, Key=f"{name}/dt=2026-11-26/09/1", Body=text.encode())

    def view(self, name: str, sql: str) -> None:
        """Create a view as Athena writes it into Glue."""
        definition = {"originalSql": sql, "catalog": "awsdatacatalog", "schema": "lake", "columns": []}
        text = base64.b64encode(json.dumps(definition).encode()).decode()
        table = {"Name": name, "TableType": "VIRTUAL_VIEW", "ViewOriginalText": f"/* Presto View: {text} */"}
        self.glue.create_table(DatabaseName="lake", TableInput=table)

    def ask(self, sql: str) -> QueryResult:
        try:
            return self._athena.run(sql)
        except ClientProblem as problem:
            pytest.fail(problem.detail)


@pytest.fixture
def lake(emulator: Emulator) -> Lake:
    return Lake(emulator)


def test_workgroups_of_queries(emulator: Emulator) -> None:
    lake = Lake(emulator)
    root = emulator.root("athena")
    named = root.create_named_query(Name="one", Database="lake", QueryString="SELECT 1", WorkGroup="lake")
    other = root.create_named_query(Name="other", Database="lake", QueryString="SELECT 1", WorkGroup="primary")
    place = f"arn:aws:athena:{REGION}:{emulator.account}:workgroup/lake"
    statement = {"Effect": "Allow", "Action": "athena:*", "Resource": place}
    arn = role(emulator, "auditor", {"Statement": statement})
    session = emulator.root("sts").assume_role(RoleArn=arn, RoleSessionName="auditor")["Credentials"]
    athena = emulator.session("athena", session)
    asked = athena.start_query_execution(QueryString="SELECT 1", WorkGroup="lake")["QueryExecutionId"]
    assert athena.get_query_execution(QueryExecutionId=asked)["QueryExecution"]["WorkGroup"] == lake.workgroup
    (found,) = athena.batch_get_named_query(NamedQueryIds=[named["NamedQueryId"]])["NamedQueries"]
    assert found["Name"] == "one"
    refused("AccessDeniedException", athena.batch_get_named_query, NamedQueryIds=[other["NamedQueryId"]])
    refused("AccessDeniedException", athena.get_named_query, NamedQueryId=other["NamedQueryId"])


def test_json_tables(lake: Lake) -> None:
    line = {"since": "2026-11-26T09:00:00Z", "names": ["a"], "number": 7, "unknown": True}
    lake.table("lines", line, since="string", names="array<string>", number="int", missing="string")
    assert lake.ask("SELECT since, CAST(names AS JSON) AS names, number, missing, dt FROM lines").records() == [
        {"since": "2026-11-26T09:00:00Z", "names": ["a"], "number": 7, "missing": None, "dt": "2026-11-26"}
    ]
    for key, number in (("09/2", 8), ("09/3", 9), ("10/1", 10)):
        text = json.dumps({"number": number})
        lake.s3.put_object(Bucket=lake.name, Key=f"lines/dt=2026-11-26/{key}", Body=text.encode())
    doubled = "SELECT a.number FROM lines a JOIN lines b ON a.number = b.number AND a.dt = b.dt ORDER BY a.number"
    assert lake.ask(doubled).rows == ((7,), (8,), (9,), (10,))
    lake.table("silent", names="array<string>", number="int")
    assert lake.ask("SELECT name, dt FROM silent CROSS JOIN UNNEST(names) AS listed (name)").rows == ()


def test_views(lake: Lake) -> None:
    lake.table("lines", {"number": 1}, {"number": 2}, {"number": 3}, number="int")
    lake.view("more", "-- More than one\nSELECT dt, number FROM lines WHERE number > 1")
    lake.view("most", "SELECT m.number FROM more m -- of these")
    assert sorted(lake.ask("SELECT most.number FROM most JOIN more ON more.number = most.number").rows) == [(2,), (3,)]
    assert lake.ask("WITH lines AS (SELECT 5 AS number) SELECT number FROM lines").rows == ((5,),)


def test_queries_ask_as_the_caller(emulator: Emulator) -> None:
    lake = Lake(emulator)
    lake.table("lines", {"number": 1}, number="int")
    lake.view("seen", "SELECT number FROM lines")
    glue = f"arn:aws:glue:{REGION}:{emulator.account}"
    allowed = [
        ("athena:*", "*"),
        ("glue:GetTable", f"{glue}:catalog"),
        ("glue:GetTable", f"{glue}:database/lake"),
        ("glue:GetTable", f"{glue}:table/lake/lines"),
        ("glue:GetTable", f"{glue}:table/lake/seen"),
        ("s3:ListBucket", f"arn:aws:s3:::{lake.name}"),
        ("s3:GetObject", f"arn:aws:s3:::{lake.name}/lines/*"),
        ("s3:PutObject", f"arn:aws:s3:::{lake.name}/results/*"),
    ]
    statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in allowed]
    for missing in (*range(1, len(allowed)), None):
        kept = [each for number, each in enumerate(statements) if number != missing]
        arn = role(emulator, f"asks-{missing}", {"Statement": kept})
        session = emulator.root("sts").assume_role(RoleArn=arn, RoleSessionName="auditor")["Credentials"]
        athena = Athena(emulator.session("athena", session), AthenaLocation("lake", "lake"))
        if missing is None:
            assert athena.run("SELECT number FROM seen").rows == ((1,),)
        else:
            with pytest.raises(ClientProblem, match=allowed[missing][0]) as raised:
                athena.run("SELECT number FROM seen")
            assert raised.value.code == "query_not_permitted"


def test_functions_of_trino(lake: Lake) -> None:
    said = """'{"by":"a\\"b","n":3}'"""
    sql = (
        f"SELECT json_extract_scalar({said}, '$.by'), json_extract_scalar({said}, '$.none'), "
        "json_extract_scalar('', '$.by'), json_format(CAST(MAP(ARRAY['k'], ARRAY['v']) AS JSON)), "
        "to_unixtime(CAST('1970-01-02 00:00:00' AS TIMESTAMP)), "
        "CAST(transform(ARRAY['a', 'b'], each -> UPPER(each)) AS JSON)"
    )
    assert lake.ask(sql).rows == (('a"b', None, None, '{"k":"v"}', 86400.0, ["A", "B"]),)


def test_texts_of_values(lake: Lake) -> None:
    sql = "SELECT ARRAY['a', NULL] AS l, CAST(ARRAY['a'] AS JSON) AS j, CAST('2026-11-26 09:00:00' AS TIMESTAMP) AS t"
    assert lake.ask(sql).rows == (("[a, null]", ["a"], "2026-11-26 09:00:00.000"),)
