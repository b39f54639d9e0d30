"""How conformance uses an AWS account: which stacks, in which order, and which accounts it never touches."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk.assertions import Template
from botocore.exceptions import ClientError

from conformance import aws, lab_names, replicas
from conformance.check import CheckState, run_check
from conformance.lab_stack import build
from conformance.table import CHECKS
from conformance.tokens import SigningKey
from jitney.core.identity.keys import parse_key_set
from local.progress import Progress

ACCOUNT, REGION = "111122223333", "eu-west-1"
OUTPUTS = {
    "JitneyConformance": {"KeysUrl": "https://keys.example.com/prod/jwks"},
    "Jitney": {"ApiUrl": "https://api.example.com/live/", "SealKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/a"},
    "JitneyTarget-conformance": {"RoleArn": "arn:aws:iam::111122223333:role/jitney/jitney-conformance"},
}
CLI = """#!{python}
import json, os, sys
log = open({log!r}, "a")
log.write(json.dumps([sys.argv[1:], os.environ.get("JITNEY_CONFIG", "")]) + "\\n")
if "--outputs-file" in sys.argv:
    stack = sys.argv[sys.argv.index("deploy") + 1]
    with open(sys.argv[sys.argv.index("--outputs-file") + 1], "w") as file:
        json.dump({{stack: json.loads({outputs!r})[stack]}}, file)
if os.environ.get("JITNEY_TEST_CDK_FAILS"):
    sys.exit("no bootstrap")
"""


class Account:
    """The clients of an account, which record what was called."""

    def __init__(self, account: str = ACCOUNT, tags: list[str] | None = None) -> None:
        self.account, self.tags, self.calls = account, tags, list[str]()
        self.exceptions = type("Exceptions", (), {"BucketAlreadyOwnedByYou": KeyError, "BucketAlreadyExists": KeyError})
        self.exceptions.NoSuchBucket = self.exceptions.NoSuchEntityException = KeyError

    def __call__(self, _service: str) -> Any:
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self.account}

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        if self.tags is None:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "no such stack"}}, "DescribeStacks")
        return {"Stacks": [{"Tags": [{"Key": tag, "Value": "yes"} for tag in self.tags]}]}

    def get_public_key(self, **_: str) -> dict[str, bytes]:
        return {"PublicKey": b"key"}

    def get_paginator(self, _name: str) -> Any:
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": "data/a.csv"}]}]

    def __getattr__(self, name: str) -> Any:
        return lambda **_: self.calls.append(name)


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a CDK CLI on PATH that writes outputs. Return a function: what was run with it."""
    log, program = tmp_path / "log", tmp_path / "bin" / "cdk"
    program.parent.mkdir()
    program.write_text(CLI.format(python=sys.executable, log=str(log), outputs=json.dumps(OUTPUTS)), "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return lambda: [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


def test_ops_04_the_stacks_are_deployed_in_order_with_the_configuration_that_was_written(ran: Any, tmp_path: Path):
    account, folder = Account(), tmp_path / "state"
    made = aws.aws_system(ACCOUNT, REGION, "eu-central-1", folder, Progress(), account)
    runs = ran()
    assert [each[0][each[0].index("deploy") + 1] for each in runs] == list(OUTPUTS)
    assert [each[1] for each in runs] == ["", str(folder / "jitney.yaml"), str(folder / "jitney.yaml")]
    settings = json.loads((folder / "jitney.yaml").read_text("utf-8"))
    assert settings["issuers"]["lab"]["jwks_uri"] == "https://keys.example.com/prod/jwks"
    assert [aws.TAG in " ".join(each[0]) for each in runs] == [False, True, False]
    assert (made.on_aws, made.api_url, made.endpoint, made.admin) == (True, "https://api.example.com/live", None, {})
    assert account.calls == ["create_bucket", "put_object", "put_object"]
    assert made.revert_drift
    made.revert_drift()
    assert "--revert-drift" in ran()[-1][0]
    assert (folder / "issuer.pem").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("account", "words"),
    [(Account("999900001111"), "999900001111"), (Account(tags=["team"]), "no conformance run deployed")],
)
def test_ops_04_another_account_and_another_deployment_are_never_touched(
    account: Account, words: str, ran: Any, tmp_path: Path
):
    for act in (
        lambda: aws.aws_system(ACCOUNT, REGION, "eu-central-1", tmp_path, Progress(), account),
        lambda: aws.remove(ACCOUNT, REGION, "eu-central-1", tmp_path, Progress(), account),
    ):
        with pytest.raises(aws.AwsDeploymentError, match=words):
            act()
    assert ran() == []
    assert account.calls == []


REPLICATION = {
    "account": ACCOUNT,
    "region": "eu-central-1",
    "records_bucket": "records-replica",
    "seals_bucket": "seals-replica",
    "key_arn": f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/12345678",
}


class WithReplicas(Account):
    """An account in which CloudFormation creates the replicas' stack, or answers with an error."""

    def __init__(self, error: str = "") -> None:
        super().__init__(tags=[aws.TAG])
        self.error, self.template = error, ""

    def create_stack(self, *, StackName: str, TemplateBody: str) -> None:  # noqa: N803 - boto3's names
        self.calls.append(StackName)
        self.template = TemplateBody
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "no"}}, "CreateStack")

    def get_waiter(self, _name: str) -> Any:
        return self

    def describe_stacks(self, **named: str) -> dict[str, Any]:
        (stack,) = super().describe_stacks()["Stacks"]
        outputs = [{"OutputKey": "Replication", "OutputValue": json.dumps(REPLICATION)}]
        return {"Stacks": [{**stack, "Outputs": outputs}]}


@pytest.mark.slow
def test_ops_04_the_broker_is_deployed_again_with_buckets_for_replicas(ran: Any, tmp_path: Path):
    account = WithReplicas()
    made = aws.aws_system(ACCOUNT, REGION, "eu-central-1", tmp_path, Progress(), account)
    assert "replication" not in json.loads((tmp_path / "jitney.yaml").read_text("utf-8"))["broker"]
    assert made.replicate
    assert made.replicate() == REPLICATION
    assert account.calls[-2:] == ["JitneyConformanceReplicas", "wait"]
    assert f"role/jitney/jitney-replication-{REGION}" in account.template
    assert json.loads((tmp_path / "jitney.yaml").read_text("utf-8"))["broker"]["replication"] == REPLICATION
    (arguments, config) = ran()[-1]
    assert (arguments[arguments.index("deploy") + 1], config) == ("Jitney", str(tmp_path / "jitney.yaml"))
    assert aws.TAG in " ".join(arguments)


def test_ops_04_buckets_for_replicas_of_an_earlier_run_are_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replicas, "_template", str)
    assert replicas.create_replicas(WithReplicas("AlreadyExistsException"), tmp_path / "jitney.yaml") == REPLICATION


def test_ops_04_buckets_for_replicas_that_are_not_created_fail_their_check_only(
    ran: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(replicas, "_template", str)
    made = aws.aws_system(ACCOUNT, REGION, "eu-central-1", tmp_path, Progress(), WithReplicas("LimitExceeded"))
    (check,) = (each for each in CHECKS if each.name == "replication")
    result = run_check(check, made)
    assert (result.state, "does not create JitneyConformanceReplicas" in result.reason) == (CheckState.FAILED, True)


def test_a_stack_that_is_not_deployed_ends_the_run(ran: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JITNEY_TEST_CDK_FAILS", "1")
    with pytest.raises(aws.AwsDeploymentError, match="no bootstrap"):
        aws.aws_system(ACCOUNT, REGION, "eu-central-1", tmp_path, Progress(), Account())


def test_a_run_is_removed_with_its_stacks_and_objects(ran: Any, tmp_path: Path):
    aws.aws_system(ACCOUNT, REGION, "eu-central-1", tmp_path, Progress(), Account())
    account = Account(tags=[aws.TAG])
    aws.remove(ACCOUNT, REGION, "eu-central-1", tmp_path, Progress(), account)
    # CloudFormation deletes the target's role only without its deny document.
    before = ["delete_object", "delete_bucket", "delete_role_policy", "update_termination_protection"]
    assert account.calls == [*before, "delete_stack"]
    removed = [each[0] for each in ran() if "destroy" in each[0]]
    assert [each[each.index("--force") + 1] for each in removed] == ["JitneyTarget-conformance", "JitneyConformance"]


def test_the_lab_serves_the_key_set_and_logs_every_region(tmp_path: Path):
    key_set = SigningKey.in_file(tmp_path / "issuer.pem").key_set()
    env = {lab_names.KEY_SET: key_set, lab_names.ACCOUNT: ACCOUNT, lab_names.REGION: REGION}
    app = build(env, str(tmp_path / "cdk.out"))
    template = Template.from_stack(app.node.find_child(lab_names.STACK))
    (method,) = template.find_resources("AWS::ApiGateway::Method").values()
    (answer,) = method["Properties"]["Integration"]["IntegrationResponses"]
    served = answer["ResponseTemplates"]["application/json"]
    assert parse_key_set(served.encode()).only
    assert not set(served) & set("$#")  # API Gateway would read them as a template
    template.has_resource_properties("AWS::CloudTrail::Trail", {"IsMultiRegionTrail": True, "IsLogging": True})
