"""AUD 5, end to end: the auditor's queries over what the functions wrote, with the guide's permissions."""

import csv
import hashlib
import io
import json
import re
import urllib.request
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from jitney.audit_database.definitions import QUERIES
from jitney.audit_database.views import VIEWS
from jitney.client.audit.athena import connected
from tests.cli import invoke
from tests.running_systems import until
from tests.system.conftest import Api
from tests.system.guided import POLICY, block_of, with_only_permissions

pytestmark = pytest.mark.slow

PARAMETERS = {
    "calls_of_grant": 1,
    "history_of_grant": 1,
    "timeline_of_grant": 1,
    "agents_of_human": 1,
    "decisions_of_person": 1,
    "who_accessed": 1,
    "who_could_access": 1,
    "calls_of_key": 1,
}


def query(*arguments: str) -> Any:
    """Run a query. The guide's permissions are for the query alone, so that its answer is not checked."""
    return invoke(["audit", "query", "--no-check", *arguments])


def answered(*arguments: str) -> dict[str, Any]:
    result = query(*arguments, "--json")
    assert result.exit_code == 0, result.stdout
    return dict(json.loads(result.stdout))


@pytest.fixture
def allowed(aws: Any, stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield the auditor's shell with only the guide's permissions, and a function that removes one of them."""
    names = {
        "RECORDS-BUCKET": stack["buckets"]["records"],
        "RESULTS-BUCKET": stack["buckets"]["athena_results"],
        "KEY-ARN": aws("kms").describe_key(KeyId="alias/jitney")["KeyMetadata"]["Arn"],
        "REGION": stack["region"],
        "ACCOUNT": stack["account"],
    }
    block, iam = block_of("queries.md", 0, names), aws("iam")
    with with_only_permissions(block, aws, stack, monkeypatch) as role:

        def put(policy: dict[str, Any]) -> None:
            iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=json.dumps(policy))

        yield json.loads(block), put


def test_aud_05_every_named_query_is_listed_and_runs(allowed: Any):
    answer = answered()["queries"]
    assert {each["name"]: len(each["parameters"]) for each in answer} == {
        path.stem: PARAMETERS.get(path.stem, 0) for path in QUERIES.glob("*.sql")
    }
    unread = {view.name for view in VIEWS}
    for each in answer:
        read = unread & set(re.findall(r"\w+", (QUERIES / f"{each['name']}.sql").read_text(encoding="utf-8")))
        if read and not each["parameters"]:
            unread -= read
            rows = answered(each["name"])
            assert rows["description"] == each["description"]
            assert rows["columns"]
    # Every query runs in tests/infra/test_queries.py; here one for each view is enough. These have parameters only.
    assert unread <= {"grant_timeline"}


def test_aud_10_an_unknown_grant_agent_or_resource_is_an_error(allowed: Any):
    for name, value, code in (
        ("timeline_of_grant", "g-aaaaaaaaaaaaaa", "grant_unknown"),
        ("agents_of_human", "no-such-person", "human_unknown"),
        ("who_accessed", "s3://no-such-bucket", "resource_unknown"),
    ):
        result = query(name, f"--param={value}", "--json")
        assert (result.exit_code, json.loads(result.stdout or result.stderr)["code"]) == (2, code)


def test_aud_05_the_timeline_of_a_grant_works_in_every_format(allowed: Any, api: Api):
    grant = api.ask(reason="=cmd|' /C calc'!A0")["grant"]
    assert api("DELETE", f"/v1/grants/{grant['id']}").status_code == 200
    named = ("timeline_of_grant", "--param", grant["id"])

    def answer() -> list[dict[str, Any]]:
        # Between its records are calls, once their events arrived.
        rows = [row for row in answered(*named)["rows"] if row["kind"] == "record"]
        return rows if [row["activity"] for row in rows][:2] == ["request", "release"] else []

    request, release = until(answer)[:2]
    assert (request["outcome"], request["actions"], request["reason"]) == (
        "allowed",
        ["s3:GetObject"],
        "=cmd|' /C calc'!A0",
    )
    assert release["person"] == grant["principal"]
    rows = list(csv.DictReader(io.StringIO(query(*named, "--csv").stdout)))
    assert (json.loads(rows[0]["resources"]), rows[0]["reason"]) == (request["resources"], "'=cmd|' /C calc'!A0")
    shown = query(*named)
    assert "release" in shown.stdout
    assert "rows, from" in shown.stderr
    assert answered(*named, "--until", "2026-01-01")["rows"] == []
    assert query(*named, "--since", request["time"][:10]).exit_code == 0


def test_aud_05_answers_of_any_length_are_read_to_the_end(allowed: Any):
    answer = connected().run("SELECT n FROM range(2500) AS listed (n)")
    assert [row["n"] for row in answer.records()] == list(range(2500))


def test_aud_05_every_view_is_there(allowed: Any):
    for view in VIEWS:
        answer = connected().run(f"SELECT * FROM {view.name} WHERE dt >= '2026-01-01' LIMIT 1")  # noqa: S608
        assert answer.columns == tuple(name for name, _ in view.columns)


def test_aud_01_records_have_the_digest_of_the_deployed_configuration(allowed: Any, api: Api, aws: Any):
    api.ask()
    (stack,) = aws("cloudformation").describe_stacks(StackName="Jitney")["Stacks"]
    (deployed,) = (each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == "ConfigurationDigest")
    code = aws("lambda").get_function(FunctionName="jitney-grants")["Code"]["Location"]
    with urllib.request.urlopen(code) as answer, zipfile.ZipFile(io.BytesIO(answer.read())) as bundle:
        assert hashlib.sha256(bundle.read("configuration.json")).hexdigest()[:32] == deployed
    rows = until(lambda: answered("configurations")["rows"])
    assert [each["configuration"] for each in rows] == [deployed]
    assert rows[0]["requests"] >= 1


ACTIONS = (
    *(f"athena:{each}" for each in ("ListNamedQueries", "BatchGetNamedQuery", "StartQueryExecution")),
    *("athena:GetQueryExecution", "athena:GetQueryResults", "glue:GetTable"),
    *("s3:ListBucket", "s3:GetObject", "s3:PutObject"),
)


@pytest.mark.parametrize("action", ACTIONS)
def test_aud_05_a_missing_permission_is_named(allowed: Any, action: str):
    policy, put = allowed
    deny = {"Effect": "Deny", "Action": action, "Resource": "*"}
    put({**policy, "Statement": [*policy["Statement"], deny]})
    result = query("denied_requests")
    assert (result.exit_code, result.stdout) == (2, "")
    assert action in result.stderr
    assert "docs/queries.md" in result.stderr
