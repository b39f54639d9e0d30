"""`jitney target check` of a target as it was deployed, and after a person broke it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cli import invoke
from tests.system.conftest import Api, Own
from tests.system.own_system import ACCOUNTS, GROUP, OPERATOR, PLAIN, token
from tests.system.test_records import chain_of

PATH = f"/v1/targets/{PLAIN}/check"
# They change what is deployed in the target's account in turn, and put it back: meanwhile no grant could be ended.
pytestmark = GROUP


@pytest.fixture
def api(own: Own) -> Api:
    return own.api


def check(api: Api) -> dict[str, Any]:
    answer = api("POST", PATH, agent=OPERATOR)
    assert answer.status_code == 200, answer.text
    return answer.json()


def wrong(api: Api) -> dict[str, str]:
    """Return the unexpected answers by the attempt's name."""
    checked = check(api)
    found = {each["name"]: each["answer"] for each in checked["attempts"] if not each["ok"]}
    assert checked["passed"] is (found == {})
    return found


@pytest.fixture
def iam(own: Own):
    return own.aws("iam", ACCOUNTS[PLAIN])


ROLE, REVOKER = f"{PLAIN}-robots", f"jitney-revoker-{PLAIN}"


@contextmanager
def trust_of(iam: Any, role: str, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Change the role's trust policy, as a person would by hand."""
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    changed = json.loads(json.dumps(trust))
    for statement in changed["Statement"]:
        change(statement)
    assert changed != trust
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(changed))
    try:
        yield
    finally:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))


@contextmanager
def policy_of(iam: Any, role: str, statement: dict[str, Any]) -> Iterator[None]:
    """Add an inline policy to the role."""
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"} | statement]})
    iam.put_role_policy(RoleName=role, PolicyName="by-hand", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="by-hand")


def test_a_target_as_it_was_deployed_passes(api: Api):
    assert wrong(api) == {}


def test_aud_01_the_check_is_on_record(own: Own):
    session = check(own.api)["session"]
    records = chain_of(own.aws, own.stack, "r-" + session.removeprefix("g-check-"))
    assert [(each["event"], each["outcome"]) for each in records] == [
        ("target_check", "allowed"),
        ("target_check", "passed"),
    ]
    assert records[0]["principal"] == f"factory.{OPERATOR}"


def test_an_operator_sees_at_the_command_line_what_is_wrong(own: Own, iam, tmp_path):
    (tmp_path / "token").write_text(token(own.issuer, OPERATOR), encoding="utf-8")
    env = {"JITNEY_API_URL": own.stack["api_url"], "JITNEY_TOKEN_FILE": str(tmp_path / "token")}
    command = ["target", "check", PLAIN]
    well = invoke(command, env=env)
    assert (well.exit_code, well.stderr) == (0, "")
    assert well.stdout.startswith(f"Passed  {PLAIN} ({ACCOUNTS[PLAIN]})")
    assert "WRONG" not in well.stdout
    with trust_of(iam, REVOKER, lambda each: each.pop("Condition")):
        ill = invoke(command, env=env)
    assert ill.exit_code == 1
    assert len([line for line in ill.stdout.splitlines() if line.startswith("WRONG")]) == 2
    whose = f"arn:aws:iam::{ACCOUNTS[PLAIN]}:role/jitney/{REVOKER}"
    assert f"The trust policy of {whose} was changed" in ill.stdout


def test_only_operators_check(api: Api):
    answer = api("POST", PATH, agent="robot-1")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_operator")
    answer = api("POST", "/v1/targets/ponds/check", agent=OPERATOR)
    assert (answer.status_code, answer.json()["alternatives"]) == (400, [PLAIN])


def test_a_trust_without_the_external_id_is_wrong(api: Api, iam):
    with trust_of(iam, ROLE, lambda each: each["Condition"].pop("StringEquals", None)):
        assert wrong(api) == {"role_no_external_id": "allowed", "role_wrong_external_id": "allowed"}
    with trust_of(iam, REVOKER, lambda each: each.pop("Condition")):
        assert wrong(api) == {"revoker_no_external_id": "allowed", "revoker_wrong_external_id": "allowed"}
    assert wrong(api) == {}


def test_a_trust_without_any_condition_is_wrong_in_everything(api: Api, iam):
    with trust_of(iam, ROLE, lambda each: each.pop("Condition")):
        found = wrong(api)
    assert set(found.values()) == {"allowed"}
    assert len(found) == 9


def test_a_role_that_is_trusted_no_more_is_wrong(api: Api, iam):
    """The target belongs to another account's broker, so its trust policy does not name the roles that this broker
    uses.
    """

    def other(statement: dict[str, Any]) -> None:
        statement["Principal"] = {"AWS": "arn:aws:iam::999900001111:root"}

    with trust_of(iam, REVOKER, other):
        found = wrong(api)
    assert found.pop("revoker") == "AccessDenied"
    assert set(found.values()) == {"not_tried"}


def test_a_role_without_its_boundary_is_wrong(api: Api, iam):
    boundary = iam.get_role(RoleName=ROLE)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    iam.delete_role_permissions_boundary(RoleName=ROLE)
    try:
        assert wrong(api) == {"revoker_writes": "AccessDenied"}
        with policy_of(iam, ROLE, {"Action": "iam:*"}):
            assert wrong(api)["role_changes_itself"] == "NoSuchEntity"
    finally:
        iam.put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=boundary)
    assert wrong(api) == {}


def test_a_revoker_that_may_do_more_is_wrong_and_what_it_tried_has_changed_nothing(api: Api, iam):
    def state() -> Any:
        role = iam.get_role(RoleName=ROLE)["Role"]
        inline = iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
        attached = iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
        versions = iam.list_policy_versions(PolicyArn=role["PermissionsBoundary"]["PermissionsBoundaryArn"])["Versions"]
        return role, sorted(set(inline) - {"JitneyRevocations"}), attached, [each["VersionId"] for each in versions]

    before = state()
    with policy_of(iam, REVOKER, {"Action": "iam:*"}):
        found = wrong(api)
    assert set(found) == {
        "revoker_other_role",
        "revoker_sets_boundary",
        "revoker_changes_boundary",
        "revoker_attaches",
    }
    assert state() == before
    assert wrong(api) == {}
