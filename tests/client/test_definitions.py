"""What is deployed in Glue and Athena is compared with this package: each change that could hide a record is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from jitney.client.audit.definition_check import DefinitionSources, check_definitions
from jitney.client.audit.verification import VerificationSources, named_definitions
from tests.client.fake_athena import refusal
from tests.client.fake_definitions import RECORDS, RESULTS, FakeDefinitions

SOURCES = DefinitionSources(records=RECORDS, results=RESULTS)
RESTORE = "docs/query-definitions.md says how to restore it."


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> FakeDefinitions:
    fake = FakeDefinitions()
    monkeypatch.setattr(boto3.session.Session, "client", lambda _, name, **__: fake)
    return fake


def test_aud_09_what_this_version_deployed_is_verified_without_the_template(stack: FakeDefinitions):
    found = check_definitions(SOURCES)
    assert (found.changed, found.unverified) == ((), ())
    assert found.compared == len(stack.tables) + len(stack.queries) + 1
    assert "get_template" not in stack.asked
    # Without outputs of the stack, the bucket of results is unknown.
    assert check_definitions(SOURCES._replace(results="")) == found


def set_in(*path: str, to: Any) -> Callable[[FakeDefinitions], None]:
    """Return a change of a member of a table."""

    def change(stack: FakeDefinitions) -> None:
        members: Any = stack.tables
        for name in path[:-1]:
            members = members[name]
        members[path[-1]] = to

    return change


def named(name: str, before: str, after: str) -> Callable[[FakeDefinitions], None]:
    def change(stack: FakeDefinitions) -> None:
        assert before in stack.query(name)["QueryString"]
        stack.query(name)["QueryString"] = stack.query(name)["QueryString"].replace(before, after)

    return change


def again(stack: FakeDefinitions) -> None:
    """Add a query with the same name, which can come first in the list."""
    stack.queries.insert(0, dict(stack.query("bypasses"), NamedQueryId="x", QueryString="SELECT 1 WHERE FALSE"))


def as_table(stack: FakeDefinitions) -> None:
    """Replace a view by a table of the same name over other files."""
    stack.tables["bypasses"] = stack.tables["calls"] | {"Name": "bypasses"}


def one_column(stack: FakeDefinitions) -> None:
    """Replace two columns by one whose name contains both."""
    columns = stack.tables["records"]["StorageDescriptor"]["Columns"]
    first, second = columns[:2]
    columns[:2] = [{"Name": f"{first['Name']} {first['Type']}, {second['Name']}", "Type": second["Type"]}]


STORAGE, PARAMETERS = ("records", "StorageDescriptor"), ("records", "Parameters")
ATTACKS: dict[str, tuple[Callable[[FakeDefinitions], None], str]] = {
    "view hides a grant": (
        lambda stack: stack.change_view("unique_records", "WHERE place = 1", "WHERE place = 1 AND grant_id <> 'g-1'"),
        ' of its SQL is "WHERE place = 1 AND grant_id <> \'g-1\'" instead of "WHERE place = 1".',
    ),
    "view has a line more": (
        lambda stack: stack.change_view("bypasses", "beyond_grant')\n", "beyond_grant')\nAND time < '2026'\n"),
        "View bypasses was changed after its deployment: line 6 of its SQL is \"AND time < '2026'\" instead of empty.",
    ),
    "view is no view text": (
        set_in("bypasses", "ViewOriginalText", to="SELECT 1"),
        'View bypasses was changed after its deployment: line 1 of its SQL is "SELECT 1" instead of',
    ),
    "view is gone": (lambda stack: stack.tables.pop("bypasses"), "View bypasses was changed"),
    "view is a table": (as_table, "View bypasses was changed after its deployment: it is missing."),
    "view links elsewhere": (
        set_in("unique_records", "TargetTable", to={"DatabaseName": "other", "Name": "unique_records"}),
        "its TargetTable is ",
    ),
    "table lies elsewhere": (
        set_in(*STORAGE, "Location", to="s3://copy/records/"),
        (
            'Table records was changed after its deployment: its location is "s3://copy/records/" instead of '
            '"s3://records/records/".'
        ),
    ),
    "days lie elsewhere": (
        set_in(*PARAMETERS, "storage.location.template", to="s3://copy/records/dt=${dt}/"),
        "its parameter storage.location.template is",
    ),
    "days are left out": (
        set_in(*PARAMETERS, "projection.dt.range", to="2026-06-01,NOW"),
        'its parameter projection.dt.range is "2026-06-01,NOW" instead of "2026-01-01,NOW".',
    ),
    "a first line is skipped": (
        set_in(*PARAMETERS, "skip.header.line.count", to="1"),
        'its parameter skip.header.line.count is "1" instead of empty.',
    ),
    "a column reads another member": (
        set_in(*STORAGE, "SerdeInfo", "Parameters", to={"mapping.outcome": "code"}),
        'its SerDe parameter mapping.outcome is "code" instead of empty.',
    ),
    "a column reads no member": (
        set_in(*STORAGE, "SerdeInfo", "Parameters", to={"mapping.outcome": ""}),
        'its SerDe parameter mapping.outcome is "" instead of empty.',
    ),
    "a parameter is only empty": (
        set_in(*PARAMETERS, "projection.dt.range", to=""),
        'its parameter projection.dt.range is "" instead of "2026-01-01,NOW".',
    ),
    "two columns in one name": (one_column, "its list of columns is"),
    "files are skipped by buckets": (
        set_in(*STORAGE, "BucketColumns", to=["grant_id"]),
        "its BucketColumns is \"['grant_id']\" instead of empty.",
    ),
    "view has SQL for each engine": (
        set_in("bypasses", "ViewDefinition", to={"Representations": [{"Dialect": "ATHENA", "ViewOriginalText": "x"}]}),
        "its ViewDefinition is",
    ),
    "view is computed at times": (set_in("bypasses", "IsMaterializedView", to=True), "its IsMaterializedView is"),
    "view has its SQL twice": (
        lambda stack: stack.rewrite_view("bypasses", lambda text: '{"originalSql": "SELECT 1", ' + text[1:]),
        "View bypasses was changed after its deployment: line 1 of its SQL is",
    ),
    "view is a list of pairs": (
        lambda stack: stack.rewrite_view("bypasses", lambda text: json.dumps(list(json.loads(text).items()))),
        "View bypasses was changed after its deployment: line 1 of its SQL is",
    ),
    "view is nested too deep": (
        lambda stack: stack.rewrite_view("bypasses", lambda _: "[" * 100_000),
        "View bypasses was changed after its deployment: line 1 of its SQL is",
    ),
    "another reader": (set_in(*STORAGE, "SerdeInfo", "SerializationLibrary", to="x"), 'its SerDe is "x" instead of'),
    "files are listed": (
        set_in(*STORAGE, "InputFormat", to="org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"),
        "its input format is",
    ),
    "more places": (set_in(*STORAGE, "AdditionalLocations", to=["s3://more/"]), "its AdditionalLocations is"),
    "another schema": (set_in(*STORAGE, "SchemaReference", to={"SchemaId": {}}), "its SchemaReference is"),
    "a column is gone": (set_in(*STORAGE, "Columns", to=[]), "its list of columns is empty instead of"),
    "days are no partitions": (set_in("records", "PartitionKeys", to=[]), "its list of partition keys is empty"),
    "rows are filtered": (
        set_in("records", "IsRegisteredWithLakeFormation", to=True),
        'its registration with Lake Formation is "yes" instead of empty.',
    ),
    "query leaves out a target": (
        named("bypasses", "WHERE", "WHERE target <> 'x' AND"),
        "Query bypasses was changed after its deployment: line",
    ),
    "query is gone": (
        lambda stack: stack.queries.remove(stack.query("bypasses")),
        "Query bypasses was changed after its deployment: it is missing.",
    ),
    "query twice": (again, 'its number of queries with this name is "2" instead of "1"'),
    "query of another database": (
        lambda stack: stack.query("bypasses").update(Database="other"),
        'its database is "other" instead of "jitney".',
    ),
    "results elsewhere": (
        lambda stack: stack.workgroup.update(ResultConfiguration={"OutputLocation": "s3://mine/"}),
        (
            'Workgroup jitney was changed after its deployment: its place of results is "s3://mine/" instead of '
            '"s3://results/".'
        ),
    ),
    "results anywhere": (
        lambda stack: stack.workgroup.update(EnforceWorkGroupConfiguration=False),
        'its enforcement of that place is "false" instead of "true".',
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_aud_09_each_change_that_could_hide_a_record_is_named(stack: FakeDefinitions, name: str):
    attack, words = ATTACKS[name]
    attack(stack)
    found = check_definitions(SOURCES)
    assert found.unverified == ()
    (sentence,) = found.changed
    assert words in sentence
    assert sentence.endswith(f" {RESTORE}")


def other_sql(stack: FakeDefinitions) -> None:
    stack.change_view("bypasses", "'beyond_grant'", "'beyond_grant', 'new'")
    stack.query("denied_calls")["QueryString"] += "-- more\n"


def test_aud_09_another_version_of_the_stack_is_not_called_changed(stack: FakeDefinitions):
    stack.redeploy("0.2.0", other_sql)
    found = check_definitions(SOURCES)
    assert found.changed == ()
    assert found.unverified == (
        (
            "The stack runs 0.2.0, and this command is 0.1.0: View bypasses, Query denied_calls differ. "
            "Install the stack's version of `jitney`, and check again."
        ),
    )


def test_aud_09_another_commit_of_the_same_version_is_not_verified(stack: FakeDefinitions):
    stack.redeploy("0.1.0", other_sql)
    found = check_definitions(SOURCES)
    assert (found.changed, len(found.unverified)) == ((), 1)
    assert found.unverified[0].startswith("The stack was deployed with other queries than this command's, both of")


@pytest.mark.parametrize("name", ["view hides a grant", "table lies elsewhere", "query is gone", "results elsewhere"])
def test_aud_09_a_change_is_named_with_a_command_of_another_version_too(stack: FakeDefinitions, name: str):
    attack, words = ATTACKS[name]
    stack.redeploy("0.2.0", other_sql)
    attack(stack)
    found = check_definitions(SOURCES)
    assert len(found.changed) == 1
    assert words in found.changed[0]
    assert "The stack runs 0.2.0" in found.unverified[0]


@pytest.mark.parametrize("operation", ["get_tables", "list_named_queries", "get_work_group", "get_template"])
def test_aud_09_what_cannot_be_read_is_not_verified(stack: FakeDefinitions, operation: str):
    other_sql(stack)
    stack.refused[operation] = refusal("AccessDeniedException")
    found = check_definitions(SOURCES)
    assert (found.changed, found.compared) == ((), 0)
    (sentence,) = found.unverified
    assert "AWS answered AccessDeniedException to " in sentence
    assert sentence.endswith("docs/query-definitions.md lists the permissions.")


def test_aud_09_names_of_a_changed_view_are_shown_without_invisible_characters(stack: FakeDefinitions):
    stack.change_view("bypasses", "FROM unique_calls", "FROM unique_calls\u202e -- \x1b[2J" + "x" * 500)
    (sentence,) = check_definitions(SOURCES).changed
    assert "[U+202E] -- [U+001B][2Jxxx" in sentence
    assert len(sentence) < 300


def test_aud_09_the_members_of_a_changed_view_are_named_without_invisible_characters(stack: FakeDefinitions):
    odd = {f"\x1b[2J\ud800\n{at}" + "x" * 500: "\u202e" for at in range(1000)}
    stack.rewrite_view("bypasses", lambda text: json.dumps(json.loads(text) | odd))
    (sentence,) = check_definitions(SOURCES).changed
    assert "its definition's [U+001B][2J[U+D800] 0xxx" in sentence
    assert sentence.isprintable()
    assert sentence.endswith(f"; and 995 more. {RESTORE}")
    assert len(sentence) < 1000


def test_aud_09_another_workgroup_or_database_is_not_compared(stack: FakeDefinitions):
    for other in (SOURCES._replace(workgroup="mine"), SOURCES._replace(database="mine")):
        assert check_definitions(other).compared == 0
    assert stack.asked == []


def test_aud_09_a_replica_does_not_count_as_the_tables_location():
    own = {"JITNEY_RECORDS_BUCKET": RECORDS}
    assert named_definitions("jitney", "", "replica", own) == DefinitionSources(records=RECORDS)
    assert named_definitions("jitney", "", RECORDS, {}) == DefinitionSources(records=RECORDS)
    assert named_definitions("", "", "replica", own) is None


@pytest.mark.parametrize("local", [False, True], ids=["cdk", "local"])
def test_aud_09_the_stack_names_what_is_compared(tmp_path: Path, *, local: bool):
    buckets = {"records": RECORDS, "seals": "s", "athena_results": RESULTS}
    outputs = {"RecordsBucket": RECORDS, "SealsBucket": "s", "ResultsBucket": RESULTS}
    outputs |= {"AthenaWorkgroup": "w", "GlueDatabase": "d"}
    known = {"buckets": buckets, "athena": {"workgroup": "w", "database": "d"}} if local else {"Jitney": outputs}
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(known))
    found = VerificationSources(records="replica").completed_from(file)
    assert (found.records, found.definitions) == ("replica", DefinitionSources("w", "d", RECORDS, RESULTS))
