"""`jitney restore` on the command line: what it prepares, and what it prints for jitney.yaml (row OPS 2)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from jitney.adapters.record_items import record_attribute
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SUSPENSIONS_KEY
from jitney.adapters.table_reads import item_key
from jitney.client.commands.restore import INCOMPLETE
from jitney.client.problems import Invalid
from jitney.client.restore.restored_forms import AUDIT, STATE, TableForm, check_form
from jitney.client.restore.restored_suspensions import BY, LOCK_SECONDS
from jitney.client.terminal.restored_wording import MOST_LISTED
from tests.cli import invoke
from tests.configuration.test_load import valid, write_policies
from tests.upgrade.flows import allowed
from tests.upgrade.stored_system import StoredSystem, stored_system

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a configuration with the target `prod`."""
    write_policies(tmp_path / "policies")
    path = tmp_path / "jitney.yaml"
    document = valid() | {"broker": {"account": "111122223333", "region": "eu-west-1"}}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[StoredSystem]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with stored_system(encrypted=True) as stored:
        allowed(stored)
        yield stored


def run(config: Path, *more: str) -> Any:
    given = ["restore", "--state-table", "state", "--audit-table", "audit", "--config", str(config), *more]
    return invoke(given)


def test_ops_02_it_suspends_every_configured_target_and_prints_the_setting(restored: StoredSystem, config: Path):
    done = run(config)
    assert done.exit_code == 0, done.output
    suspensions = restored.ports.suspensions.current().in_force
    assert [(each.name, each.by) for each in suspensions] == [("prod", BY)]
    printed = yaml.safe_load(done.output[done.output.index("  restored_tables:") :])["restored_tables"]
    assert printed["state_table"] == "state"
    assert printed["audit_table"] == "audit"
    assert "/stream/" in printed["audit_stream_arn"]
    document = json.loads(run(config, "--json").output)
    assert (document["suspended"], document["copied_from"]) == (["prod"], "audit")


@pytest.mark.parametrize("local", [False, True])
def test_ops_02_http_issuers_are_those_of_a_local_system(
    restored: StoredSystem, config: Path, monkeypatch: pytest.MonkeyPatch, local: bool
):
    text = config.read_text(encoding="utf-8").replace("https://idp.example.com", "http://127.0.0.1:4000")
    config.write_text(text, encoding="utf-8")
    monkeypatch.setenv("JITNEY_LOCAL", "1" if local else "")
    done = run(config)
    assert (done.exit_code, "accepts http" in done.output) == ((0, False) if local else (2, True)), done.output


def test_ops_02_it_says_what_it_took_over_and_from_where(restored: StoredSystem, config: Path):
    shown = " ".join(run(config).output.split())
    assert "no suspension was missing (compared with audit)" in shown
    assert "no suspension can be lifted before" in shown
    copied(restored, "state", "before")
    shown = " ".join(run(config, "--earlier-state-table", "before").output.split())
    assert "no suspension was missing (compared with before)" in shown
    done = run(config, "--earlier-state-table", "gone", "--json")
    assert (done.exit_code, json.loads(done.output)["code"]) == (6, "aws_refused")


def copied(stored: StoredSystem, name: str, copy: str) -> None:
    """Create a table of the same form."""
    table = stored.client.describe_table(TableName=name)["Table"]
    members = ("IndexName", "KeySchema", "Projection")
    indexes = [{member: each[member] for member in members} for each in table["GlobalSecondaryIndexes"]]
    more = {member: table[member] for member in ("KeySchema", "AttributeDefinitions")}
    stored.client.create_table(TableName=copy, BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=indexes, **more)


@pytest.mark.parametrize("table", ["state", "before"])
def test_ops_02_suspensions_that_cannot_be_read_are_no_refusal_of_aws(restored: StoredSystem, config: Path, table: str):
    copied(restored, "state", "before")
    newer = SUSPENSIONS_KEY | {"version": {"S": "1"}, "entries": {"S": '[{"kind": "fleet"}]'}}
    restored.client.put_item(TableName=table, Item=newer)
    done = run(config, "--earlier-state-table", "before", "--json")
    problem = json.loads(done.output)
    assert (done.exit_code, problem["code"]) == (6, "item_unreadable")
    assert problem["detail"].startswith("This version of Jitney cannot read the suspensions, ")
    assert problem["detail"].endswith(" in the state table." if table == "state" else " in before.")


def test_ops_02_each_item_that_cannot_be_read_is_named(restored: StoredSystem, config: Path):
    copied(restored, "state", "before")
    restored.client.put_item(TableName="before", Item=item_key("ROLE#", "KNOWN") | {"role_arns": {"S": "later"}})
    done = run(config, "--earlier-state-table", "before", "--json")
    problem = json.loads(done.output)
    assert (done.exit_code, problem["code"]) == (6, "item_unreadable")
    assert problem["detail"].startswith("This version of Jitney cannot read the roles that targets had.")
    assert "the version of `jitney` that wrote it" in problem["fix"]


def test_ops_02_the_restored_table_is_not_the_earlier_one(restored: StoredSystem, config: Path):
    """After the deployment, the output StateTable names the restored table."""
    done = run(config, "--earlier-state-table", "state", "--json")
    problem = json.loads(done.output)
    assert (done.exit_code, problem["code"]) == (2, "table_invalid")
    assert "--earlier-state-table" in problem["fix"]


@pytest.mark.parametrize("form", [STATE, AUDIT], ids=["state", "audit"])
def test_ops_02_a_table_with_our_indexes_and_other_keys_is_refused(form: TableForm):
    indexes = [{"IndexName": name, "KeySchema": schema(*keys)} for name, keys in form.indexes.items()]
    ours = {"TableName": "t", "KeySchema": schema("pk", "sk"), "GlobalSecondaryIndexes": indexes}
    check_form(ours, form)
    for keys in (("pk", "id"), ("id", "sk"), ("pk",)):
        with pytest.raises(Invalid, match="t is not a"):
            check_form(ours | {"KeySchema": schema(*keys)}, form)


def schema(*keys: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def test_ops_02_suspensions_to_make_or_lift_by_hand_are_shown(restored: StoredSystem, config: Path):
    names = [f"corp.[masked credential] {number}" for number in range(MOST_LISTED + 2)]
    for number, name in enumerate([*names, "corp.lifted"]):
        detail = json.dumps({"suspension": f"s-{number}", "kind": "agent", "name": name})
        record = {"event": "suspension", "outcome": "set", "time": "2023-11-14T22:00:00Z", "detail": detail}
        texts = [record | {"principal": "corp.carla", "reason": "its key leaked"}]
        texts += [texts[0] | {"outcome": "ended"}] if name == "corp.lifted" else []
        for each in texts:
            key = {"pk": {"S": f"r-{number}{each['outcome']}"}, "sk": {"S": "0"}}
            restored.client.put_item(TableName="audit", Item=key | record_attribute(json.dumps(each)))
    done = run(config)
    shown = " ".join(done.output.split())
    assert done.exit_code == INCOMPLETE
    assert "name masked The records hide the names of these suspensions. Suspend them again by hand:" in shown
    assert "and 2 more: --json lists all" in shown
    assert "lift again According to the records, these were lifted." in shown
    assert "restored_tables:" in shown
    done = run(config, "--json")
    document = json.loads(done.output)
    assert (done.exit_code, len(document["masked"]), document["not_copied"]) == (INCOMPLETE, len(names), [])
    first = "agent corp.[masked credential] 0 (s-0, by corp.carla, 2023-11-14T22:00:00Z: its key leaked)"
    assert document["masked"][0] == first


def test_ops_02_the_page_says_how_long_suspensions_are_locked():
    page = " ".join((ROOT / "docs" / "restore.md").read_text(encoding="utf-8").split())
    assert f"for {LOCK_SECONDS // 60} minutes after" in page


def test_ops_02_a_wrong_table_or_configuration_changes_nothing(restored: StoredSystem, config: Path):
    config.write_text("version: 1\n", encoding="utf-8")
    done = run(config, "--json")
    assert (done.exit_code, json.loads(done.output)["code"]) == (2, "configuration_invalid")
    assert "\N{REPLACEMENT CHARACTER}" not in run(config).output
    assert not restored.ports.suspensions.current().entries


def test_ops_02_a_missing_table_is_a_problem_with_a_fix(restored: StoredSystem, config: Path):
    restored.client.delete_table(TableName="state")
    done = run(config, "--json")
    assert (done.exit_code, json.loads(done.output)["code"]) == (6, "aws_refused")
    assert json.loads(done.output)["fix"].startswith("Check its name, and that AWS_REGION and your credentials")


def test_ops_02_a_write_that_aws_refuses_is_a_problem_with_a_fix(
    restored: StoredSystem, config: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(Store, "change_suspensions", refused)
        done = run(config, "--json")
    problem = json.loads(done.output)
    assert (done.exit_code, problem["code"]) == (6, "aws_refused")
    assert "TransactWriteItems" in problem["detail"]
    assert "permissions" in problem["fix"]
    assert "repeating it is safe" in problem["fix"]


@pytest.mark.parametrize(
    ("error", "code", "fix"),
    [
        (ClientError({"Error": {"Code": "ExpiredTokenException"}}, "TransactWriteItems"), "aws_refused", "Sign in"),
        (NoCredentialsError(), "aws_client_failed", "Sign in"),
        (EndpointConnectionError(endpoint_url="https://aws.example"), "aws_unreachable", "Check the network"),
    ],
)
def test_ops_02_keys_that_aws_does_not_accept_and_a_missing_network_are_named(
    restored: StoredSystem, config: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str, fix: str
):
    def fails(*_: Any, **__: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Store, "change_suspensions", fails)
        problem = json.loads(run(config, "--json").output)
    assert (problem["code"], problem["fix"].startswith(fix)) == (code, True)


def refused(*_: Any, **__: Any) -> None:
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "TransactWriteItems")
