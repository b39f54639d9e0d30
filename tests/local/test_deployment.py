"""A stack is created, updated in place, and after a failure what it was before."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.deploy import deployment
from local.deploy.assembly import Stack
from local.settings import REGION
from tests.local.gaps.contracts import Emulator, trust


def queues(emulator: Emulator) -> set[str]:
    urls = emulator.root("sqs").list_queues().get("QueueUrls", [])
    return {url.rpartition("/")[2] for url in urls}


def queue(name: str) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}


def taken(emulator: Emulator) -> dict[str, Any]:
    """Return a role that cannot be created, because the account has it."""
    document = trust(emulator.account)
    iam = emulator.root("iam")
    if not iam.list_roles()["Roles"]:
        iam.create_role(RoleName="taken", AssumeRolePolicyDocument=document)
    properties = {"RoleName": "taken", "AssumeRolePolicyDocument": json.loads(document)}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


@pytest.fixture
def deploy(closed_emulator: Emulator, tmp_path: Path) -> Any:
    """Return a function that deploys the stack Small with these resources. It returns the stack's outputs."""

    def deployed(resources: Mapping[str, Any], shown: str = "") -> Mapping[str, str]:
        template = {"Resources": resources, "Outputs": {"Shown": {"Value": shown}} if shown else {}}
        (tmp_path / "small.json").write_text(json.dumps(template), encoding="utf-8")
        stack = Stack("Small", closed_emulator.account, REGION, "small.json", {}, tmp_path)
        deployment.deploy(stack, closed_emulator.endpoint)
        return deployment.outputs(stack, closed_emulator.endpoint)

    return deployed


def test_an_update_changes_only_what_differs(deploy: Any, closed_emulator: Emulator):
    assert deploy({"Jobs": queue("jobs"), "Old": queue("old")}, "first") == {"Shown": "first"}
    sqs = closed_emulator.root("sqs")
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    assert deploy({"Jobs": queue("jobs"), "New": queue("new")}, "second") == {"Shown": "second"}
    assert queues(closed_emulator) == {"jobs", "new"}
    assert [each["Body"] for each in sqs.receive_message(QueueUrl=url)["Messages"]] == ["kept"]
    assert deploy({"Jobs": queue("jobs"), "New": queue("new")}, "second") == {"Shown": "second"}


def test_a_failed_update_restores_the_earlier_state_and_names_only_its_own_failures(
    deploy: Any, closed_emulator: Emulator
):
    deploy({"Jobs": queue("jobs")}, "first")
    role = taken(closed_emulator)
    with pytest.raises(deployment.DeploymentError, match=r"UPDATE_ROLLBACK_COMPLETE\n  Twin .*taken already exists"):
        deploy({"Jobs": queue("jobs"), "New": queue("new"), "Twin": role | {"DependsOn": "New"}}, "second")
    assert queues(closed_emulator) == {"jobs"}
    with pytest.raises(deployment.DeploymentError) as failed:
        deploy({"Jobs": queue("jobs"), "Again": role}, "second")
    assert "Again" in str(failed.value)
    assert "Twin" not in str(failed.value)
    assert deploy({"Jobs": queue("jobs"), "New": queue("new")}, "third") == {"Shown": "third"}


def test_a_stack_that_cannot_be_created_is_deleted_and_can_be_created_later(deploy: Any, closed_emulator: Emulator):
    role = taken(closed_emulator)
    with pytest.raises(deployment.DeploymentError, match=r"Twin .*taken already exists"):
        deploy({"Jobs": queue("jobs"), "Twin": role | {"DependsOn": "Jobs"}})
    closed_emulator.until(lambda: not queues(closed_emulator))
    assert deploy({"Jobs": queue("jobs")}, "later") == {"Shown": "later"}


def test_a_named_resource_is_not_replaced_in_place(deploy: Any, closed_emulator: Emulator):
    role = taken(closed_emulator)
    role["Properties"] = role["Properties"] | {"RoleName": "named", "Path": "/one/"}
    deploy({"Named": role}, "first")
    moved = {"Type": role["Type"], "Properties": role["Properties"] | {"Path": "/two/"}}
    with pytest.raises(deployment.DeploymentError, match="custom-named resource requires replacing"):
        deploy({"Named": moved}, "second")
    assert closed_emulator.root("iam").get_role(RoleName="named")["Role"]["Path"] == "/one/"
