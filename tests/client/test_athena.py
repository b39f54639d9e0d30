"""The client's requests to Athena: all rows with types, parameters that are only values, and problems with a fix."""

from functools import cache

import duckdb
import pytest
from botocore.exceptions import NoCredentialsError
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.client.audit.athena import Athena, AthenaLocation, connected, literal
from jitney.client.problems import ClientProblem, Invalid, Unavailable
from tests.client.fake_athena import FakeAthena, refusal
from tests.examples import examples


@pytest.fixture
def aws() -> FakeAthena:
    return FakeAthena()


@pytest.fixture
def athena(aws: FakeAthena) -> Athena:
    return Athena(aws, AthenaLocation("auditors", "trail"), aws.pause)


def test_aud_05_every_page_is_read_and_only_the_first_has_the_names(aws: FakeAthena, athena: Athena):
    aws.rows = [(str(number),) for number in range(10)]
    answer = athena.run("SELECT one FROM t")
    assert [each["one"] for each in answer.records()] == list(range(10))
    assert (answer.columns, answer.bytes_read, answer.seconds) == (("one",), 2048, 1.5)


def test_aud_05_cells_have_their_types(aws: FakeAthena, athena: Athena):
    aws.columns = [(name, name) for name in ("integer", "bigint", "double", "boolean", "varchar", "json")]
    aws.rows = [
        ("7", "3000000000", "0.5", "true", "7", '["a, b","c"]'),
        (None, None, None, None, None, None),
        ("0", "0", "1", "false", "", "[]"),
    ]
    assert athena.run("SELECT 1").rows == (
        (7, 3_000_000_000, 0.5, True, "7", ["a, b", "c"]),
        (None,) * 6,
        (0, 0, 1.0, False, "", []),
    )


def test_aud_05_a_query_runs_in_the_workgroup_and_the_database(aws: FakeAthena, athena: Athena):
    athena.run("SELECT ?", ["it's"])
    assert aws.asked == [
        {
            "QueryString": "SELECT ?",
            "WorkGroup": "auditors",
            "QueryExecutionContext": {"Database": "trail"},
            "ExecutionParameters": ["'it''s'"],
        }
    ]
    athena.run("SELECT 1")
    assert "ExecutionParameters" not in aws.asked[1]


@settings(max_examples=examples(200))
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_aud_05_a_parameter_cannot_be_more_than_a_value(text: str):
    assert database().execute(f"SELECT {literal(text)}").fetchall() == [(text,)]


@cache
def database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:")


def test_aud_05_the_wait_grows_and_progress_is_reported(aws: FakeAthena, athena: Athena):
    aws.states = [{"State": "QUEUED"}, *[{"State": "RUNNING"}] * 7, {"State": "SUCCEEDED"}]
    seen = []
    athena.run("SELECT 1", progress=lambda state, _seconds, read: seen.append((state, read)))
    assert seen == [("queued", 2048), *[("running", 2048)] * 7]
    assert aws.pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]


def test_aud_05_an_interrupt_stops_the_query(aws: FakeAthena, athena: Athena):
    aws.refused["pause"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        athena.run("SELECT 1")
    assert aws.stopped == ["q-1"]


@pytest.mark.parametrize(
    ("state", "said", "code", "fix"),
    [
        ("CANCELLED", "Bytes scanned limit was exceeded", "query_too_large", "--since"),
        ("FAILED", "Query exhausted resources at this scale factor", "query_too_large", "--since"),
        ("FAILED", "Permission denied on S3 path: s3://records/x", "query_not_permitted", "docs/queries.md"),
        ("FAILED", "Insufficient permissions to execute the query.", "query_not_permitted", "docs/queries.md"),
        ("FAILED", "User: x is not authorized to perform: glue:GetTable", "query_not_permitted", "docs/queries.md"),
        (
            "FAILED",
            "COLUMN_NOT_FOUND: line 1:8: Column x cannot be resolved or requester is not authorized to access it",
            "query_outdated",
            "the version of jitney that the stack runs",
        ),
        (
            "FAILED",
            "TABLE_NOT_FOUND: line 1:8: Table 'awsdatacatalog.jitney.x' does not exist",
            "query_outdated",
            "deploy",
        ),
        ("CANCELLED", "Query was cancelled by user", "query_stopped", "Run it again"),
    ],
)
def test_aud_05_a_failed_query_is_a_problem_with_a_fix(
    aws: FakeAthena, athena: Athena, state: str, said: str, code: str, fix: str
):
    aws.states = [{"State": state, "StateChangeReason": said}]
    with pytest.raises(Invalid) as raised:
        athena.run("SELECT 1")
    assert (raised.value.code, raised.value.detail) == (code, said)
    assert fix in raised.value.fix


def test_aud_05_a_query_that_may_succeed_later_is_not_to_be_corrected(aws: FakeAthena, athena: Athena):
    """S3 throttles a query's reads, and Athena says that the failure passes."""
    slow = "HIVE_CURSOR_ERROR: Please reduce your request rate. (Service: Amazon S3; Status Code: 503)"
    failed = {"State": "FAILED", "StateChangeReason": slow}
    for retryable, kind, code in ((True, Unavailable, "aws_busy"), (False, Invalid, "query_failed")):
        aws.states = [failed | {"AthenaError": {"ErrorCategory": 1, "Retryable": retryable}}]
        with pytest.raises(kind) as raised:
            athena.run("SELECT 1")
        assert (raised.value.code, raised.value.detail) == (code, slow)


@pytest.mark.parametrize("operation", ["start_query_execution", "get_query_execution", "get_query_results"])
@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (refusal("AccessDeniedException"), Invalid, "query_not_permitted"),
        (refusal("InvalidRequestException", "WorkGroup is not found."), Invalid, "query_refused"),
        (refusal("TooManyRequestsException"), Unavailable, "aws_busy"),
        (refusal("InternalServerException", status=500), Unavailable, "aws_busy"),
        (NoCredentialsError(), Invalid, "aws_client_failed"),
    ],
)
def test_aud_05_an_aws_error_is_a_problem_with_a_fix(
    aws: FakeAthena, athena: Athena, operation: str, error: Exception, kind: type[ClientProblem], code: str
):
    aws.refused[operation] = error
    with pytest.raises(kind) as raised:
        athena.run("SELECT 1")
    assert raised.value.code == code
    assert raised.value.fix


def test_aud_05_all_named_queries_are_listed_by_name(aws: FakeAthena, athena: Athena):
    for number in range(120):
        aws.add(f"q{119 - number:03}", f"-- Question {number}\nSELECT {number}")
    named = athena.named()
    assert [each.name for each in named] == [f"q{number:03}" for number in range(120)]
    assert (named[0].description, named[0].sql) == ("Question 119", "-- Question 119\nSELECT 119")


@pytest.mark.parametrize("operation", ["list_named_queries", "batch_get_named_query"])
def test_aud_05_a_missing_list_permission_is_a_problem(aws: FakeAthena, athena: Athena, operation: str):
    aws.add("one", "-- One\nSELECT 1")
    aws.refused[operation] = refusal("AccessDeniedException")
    with pytest.raises(Invalid) as raised:
        athena.named()
    assert (raised.value.code, "list the workgroup's queries" in raised.value.detail) == ("query_not_permitted", True)


def test_aud_05_a_parameter_that_athena_does_not_take_is_named(aws: FakeAthena, athena: Athena):
    key = "arn:aws:s3:::reports/" + "k" * 1001
    athena.run("SELECT ?", (key,))
    with pytest.raises(Invalid) as raised:
        athena.run("SELECT ?", (f"{key}k",))
    assert (raised.value.code, "1024 characters" in raised.value.detail) == ("parameter_too_long", True)
    assert len(aws.asked) == 1
    assert max(map(len, aws.asked[0]["ExecutionParameters"])) == 1024


def test_aud_05_a_query_that_athena_leaves_out_does_not_count_as_missing(aws: FakeAthena, athena: Athena):
    for name in ("one", "two"):
        aws.add(name, "-- One\nSELECT 1")
    aws.left_out = {"two"}
    with pytest.raises(Invalid) as raised:
        athena.named()
    assert (raised.value.code, "INTERNAL_FAILURE" in raised.value.detail) == ("query_refused", True)


def test_aud_05_without_a_region_it_says_so(home: object):
    with pytest.raises(Invalid) as raised:
        connected()
    assert (raised.value.code, "region" in raised.value.detail.lower()) == ("aws_client_failed", True)
