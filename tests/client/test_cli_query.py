"""`jitney audit query`: lists, parameters, problems, and the output formats."""

import csv
import io
import json
import re
import sys
import threading
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jitney.client import audit
from jitney.client.audit import athena as athena_module
from jitney.client.audit.athena import Athena, AthenaLocation, NamedQuery, QueryResult
from jitney.client.audit.named_queries import QueryRun, run_named_query
from jitney.client.terminal.sheets import shown
from tests.cli import invoke
from tests.client.fake_athena import FakeAthena, refusal

CHAIN = "-- The chain of one grant\n-- grant: the grant's id, such as g-1\nSELECT one FROM records WHERE chain = ? -- ?"
PERIOD = "dt >= CAST(CAST(current_date - INTERVAL '30' DAY AS DATE) AS VARCHAR)"
REACH = "a b\x1b[31m"


@pytest.fixture
def aws(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAthena:
    fake = FakeAthena()
    fake.add("history_of_grant", CHAIN)
    fake.add("denied", f"-- What was denied\nSELECT 1 FROM records WHERE {PERIOD}")
    fake.add("ours", "-- A question of our own\nSELECT 1 FROM t WHERE a = ? AND b = '?' AND c = ?")
    monkeypatch.setattr(athena_module, "connected", lambda location: Athena(fake, location, fake.pause))
    return fake


def query(*arguments: str) -> Any:
    return invoke(["audit", "query", *arguments])


def test_aud_05_without_a_name_the_queries_are_listed(aws: FakeAthena):
    result = query()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "denied",
        "  What was denied",
        "history_of_grant --param GRANT",
        "  The chain of one grant",
        "ours --param PARAMETER-1 --param PARAMETER-2",
        "  A question of our own",
    ]
    document = json.loads(query("--json").stdout)["queries"]
    assert document[1] == {
        "name": "history_of_grant",
        "description": "The chain of one grant",
        "parameters": [{"name": "grant", "description": "the grant's id, such as g-1"}],
    }


def test_aud_05_rows_are_a_table_and_the_cost_is_on_stderr(aws: FakeAthena):
    aws.columns = [("who", "varchar"), ("actions", "json"), ("times", "bigint"), ("own", "boolean")]
    aws.rows = [("corp.a", '["s3:GetObject","s3:PutObject"]', "1200", "true"), (REACH, "[]", None, "false")]
    result = query("denied")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["who", "actions", "times", "own"],
        ["corp.a", "s3:GetObject,", "s3:PutObject", "1,200", "yes"],
        ["a", "b�[31m", "no"],
    ]
    description, took = result.stderr.splitlines()[-2:]
    assert re.fullmatch(r"What was denied \([0-9-]{10} to [0-9-]{10}\)", description)
    assert took == "2 rows, from 2.0 kB read in 1.5 s"
    asked = query("denied", "--since", "2026-01-02", "--until", "2026-01-03")
    assert "What was denied (2026-01-02 to 2026-01-03)" in asked.stderr


def test_aud_05_the_description_has_the_queried_days(aws: FakeAthena):
    named = NamedQuery("denied", "What was denied in the last 30 days, and why", "SELECT 1")
    asked = QueryRun(named, QueryResult((), (), 0, 0.0), (date(2026, 1, 2), date(2026, 1, 3)))
    assert asked.about == "What was denied in the days from 2026-01-02 to 2026-01-03, and why"


def test_aud_05_rows_wider_than_the_terminal_are_blocks(aws: FakeAthena, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "40")
    arn = "arn:aws:s3:::a-bucket-with-a-long-name/and/a/key"
    aws.columns = [("resource", "varchar"), ("who", "varchar"), ("code", "varchar")]
    aws.rows = [(arn, "corp.a", ""), ("x", "corp.b", None)]
    lines = query("denied").stdout.splitlines()
    assert [line.rstrip() for line in lines] == [
        f"resource  {arn}", "who       corp.a", "", "resource  x", "who       corp.b", "",
    ]  # fmt: skip


def test_aud_05_a_list_of_lists_is_shown_in_brackets():
    assert shown([["hours"], ["freeze", "hours"], []]) == "[hours], [freeze, hours], []"
    assert shown(["freeze", "hours"]) == "freeze, hours"


def test_aud_05_csv_has_all_rows_and_no_formulas(aws: FakeAthena):
    aws.columns = [("reason", "varchar"), ("actions", "json"), ("count", "integer")]
    aws.rows = [('=HYPERLINK("https://evil.example")', '["a"]', "-5"), ('say "hi",\nnow', "[]", None)]
    aws.rows += [(f"{sign}x", "[]", "1") for sign in "+-@"] + [("\t\x1b[2J=x", "[]", "1")]
    result = query("denied", "--csv")
    assert result.exit_code == 0
    header, *rows = csv.reader(io.StringIO(result.stdout, newline=""))
    assert header == ["reason", "actions", "count"]
    assert rows[:2] == [['\'=HYPERLINK("https://evil.example")', '["a"]', "-5"], ['say "hi",�now', "[]", ""]]
    assert [row[0] for row in rows[2:]] == ["'+x", "'-x", "'@x", "��[2J=x"]


def test_aud_05_json_has_rows_with_their_types(aws: FakeAthena):
    aws.columns = [("who", "varchar"), ("times", "bigint")]
    aws.rows = [("=1", "7"), ("b", None)]
    assert json.loads(query("denied", "--json", "--since", "2026-01-02", "--until", "2026-01-03").stdout) == {
        "query": "denied",
        "description": "What was denied",
        "since": "2026-01-02",
        "until": "2026-01-03",
        "columns": ["who", "times"],
        "rows": [{"who": "=1", "times": 7}, {"who": "b", "times": None}],
        "warnings": [],
        "bytes_read": 2048,
        "seconds": 1.5,
        "integrity": {
            "state": "unchecked",
            "sentences": ["Not named: buckets, table, key. Give --stack and --key."],
            "failures": [],
        },
    }


def test_aud_05_parameters_and_days_reach_the_query(aws: FakeAthena):
    assert query("ours", "--param", "g-1' OR ''='", "--param", "x").exit_code == 0
    assert aws.asked[0]["ExecutionParameters"] == ["'g-1'' OR ''''='''", "'x'"]
    assert query("denied", "--since", "2026-01-02", "--until", "2026-01-03").exit_code == 0
    assert aws.asked[1]["QueryString"].endswith("WHERE dt BETWEEN '2026-01-02' AND '2026-01-03'")
    assert query("ours", "--param", "1", "--param", "2").exit_code == 0
    assert aws.asked[2]["ExecutionParameters"] == ["'1'", "'2'"]


@pytest.mark.parametrize(
    ("arguments", "code", "detail", "fix"),
    [
        (["deneid"], "query_unknown", "Query deneid does not exist.", "Did you mean denied?"),
        (["nope"], "query_unknown", "Existing queries: denied, history_of_grant, ours.", "jitney audit query"),
        (["history_of_grant", "--param", "g-1"], "grant_id_invalid", "'g-1' is not a grant id", "14 letters or digits"),
        (["history_of_grant"], "usage", "needs 1 parameter, not 0: grant, the grant's id", "--param GRANT"),
        (["ours", "--param", "1"], "usage", "needs 2 parameters, not 1", "--param PARAMETER-1 --param PARAMETER-2"),
        (["denied", "--param", "1"], "usage", "denied has no parameters", "Omit --param."),
        (["denied", "--since", "2026-02-01", "--until", "2026-01-01"], "usage", "ends before", "--since"),
        (["ours", "--param", "1", "--param", "2", "--since", "2026-02-01"], "period_invalid", "no period", "--since"),
        (["denied", "--csv", "--json"], "usage", "--csv and --json exclude each other", "one of them"),
    ],
)
def test_aud_05_an_invalid_query_is_a_problem_with_a_fix(
    aws: FakeAthena, arguments: list[str], code: str, detail: str, fix: str
):
    result = query(*arguments, *([] if "--json" in arguments else ["--json"]))
    document = json.loads(result.stdout)
    assert (result.exit_code, document["code"]) == (2, code)
    assert detail in document["detail"]
    assert fix in document["fix"]
    assert aws.asked == []


def test_aud_05_a_query_that_reads_too_much_is_a_problem(aws: FakeAthena):
    aws.states = [{"State": "CANCELLED", "StateChangeReason": "Bytes scanned limit was exceeded"}]
    result = query("denied")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Bytes scanned limit was exceeded" in result.stderr
    assert "Query fewer days" in result.stderr


def test_aud_05_a_missing_permission_is_a_problem_that_names_the_page(aws: FakeAthena):
    aws.refused["start_query_execution"] = refusal("AccessDeniedException", "athena:StartQueryExecution")
    result = query("denied")
    assert result.exit_code == 2
    assert "athena:StartQueryExecution" in result.stderr
    assert "docs/queries.md" in result.stderr


@pytest.mark.parametrize(
    ("described", "place"),
    [
        ({"Jitney": {"AthenaWorkgroup": "w", "GlueDatabase": "d"}}, AthenaLocation("w", "d")),
        ({"athena": {"workgroup": "w", "database": "d"}}, AthenaLocation("w", "d")),
        (None, AthenaLocation("jitney", "jitney")),
    ],
    ids=["cdk", "local", "none"],
)
def test_aud_05_the_stack_names_the_workgroup(
    aws: FakeAthena, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described: Any, place: AthenaLocation
):
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(described))
    stack = ["--stack", str(file)] if described else []
    assert query("denied", *stack).exit_code == 0
    assert aws.asked[0]["WorkGroup"] == place.workgroup
    assert aws.asked[0]["QueryExecutionContext"] == {"Database": place.database}
    monkeypatch.setenv("JITNEY_ATHENA_WORKGROUP", "mine")
    assert query("denied", *stack).exit_code == 0
    assert (aws.asked[1]["WorkGroup"], aws.asked[1]["QueryExecutionContext"]["Database"]) == ("mine", place.database)


def test_aud_05_a_stack_file_without_workgroup_is_a_problem(aws: FakeAthena, tmp_path: Path):
    file = tmp_path / "outputs.json"
    file.write_text('{"Jitney": {}}')
    result = query("denied", "--stack", str(file))
    assert (result.exit_code, "does not name the workgroup" in result.stderr) == (2, True)


def test_an_installation_without_the_packages_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("athena", "aws", "named_queries"):
        monkeypatch.delitem(sys.modules, f"jitney.client.audit.{name}", raising=False)
        monkeypatch.delattr(audit, name, raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)
    result = query("denied")
    assert (result.exit_code, "PATH[audit]" in result.stderr) == (2, True)


class Together:
    """Athena that answers a query only once another one has been started."""

    partition = "aws"

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2)
        self.asked: list[str] = []

    def named(self) -> tuple[NamedQuery, ...]:
        return (NamedQuery("bypasses", "Bypasses", f"SELECT grant_id FROM bypasses WHERE {PERIOD}"),)  # noqa: S608

    def run(self, sql: str, parameters: Sequence[str] = (), progress: Any = None) -> QueryResult:
        self.asked.append(sql)
        self.barrier.wait(30)
        rows = () if "trail_gap" in sql else (("g-1",),)
        return QueryResult(("grant_id",), rows, 0, 0.0)


def test_aud_10_the_gaps_of_cloudtrail_are_queried_with_the_calls():
    athena: Any = Together()
    run = run_named_query(athena, "bypasses", (), (None, None), date(2026, 1, 2), lambda *_: None)
    assert (run.answer.rows, run.warnings, len(athena.asked)) == ((("g-1",),), (), 2)
