"""Targets' templates, deployed in empty accounts of the emulator: no CDK, no bootstrap, no bucket."""

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.target_template import main
from tests.configuration.test_load import valid, write_policies
from tests.local.gaps.contracts import refused
from tests.running_systems import PATIENCE, Clients, root_keys, session_keys

pytestmark = pytest.mark.slow

PROD, STAGE, OTHER = "012345670123", "999988887777", "777766665555"


@pytest.fixture
def template(tmp_path, capsys, stack):
    """Print the template of one target or of all. prod and stage are in different accounts and have the same
    role name.
    """
    write_policies(tmp_path / "policies")
    sample = valid()["targets"]["prod"]

    def printed(*aliases: str, broker: str = stack["account"], targets: dict[str, Any] | None = None) -> str:
        configured = valid() | {"broker": {"account": broker, "region": stack["region"]}}
        configured["targets"] = targets or {"prod": sample, "stage": sample | {"account": STAGE}}
        (tmp_path / "jitney.yaml").write_text(json.dumps(configured), encoding="utf-8")
        assert main(aliases, {"JITNEY_CONFIG": str(tmp_path / "jitney.yaml")}) == 0
        return str(capsys.readouterr().out)

    return printed


def deployed(aws: Any, account: str, name: str, body: str) -> dict[str, Any]:
    """Return the roles that the account has after the deployment, by name."""
    cloudformation, iam = aws("cloudformation", account), aws("iam", account)
    made = {"StackName": name, "TemplateBody": body, "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    cloudformation.create_stack(**made)
    waits = {"Delay": 0.2, "MaxAttempts": int(PATIENCE / 0.2)}
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=waits)
    pages = iam.get_paginator("list_roles").paginate()
    return {role["RoleName"]: role for page in pages for role in page["Roles"]}


def roles_for(target: str) -> set[str]:
    """Return the target's own role, which has the same name in both accounts, and the roles that deny and watch it."""
    return {"jitney-target-prod", f"jitney-revoker-{target}", f"jitney-forwarder-{target}"}


def test_each_account_gets_its_own_targets_roles_from_the_one_template(template, aws):
    whole = template()
    assert set(deployed(aws, PROD, "all", whole)) == {
        "jitney-target-prod",
        "jitney-revoker-prod",
        "jitney-forwarder-prod",
    }
    assert set(deployed(aws, STAGE, "all", whole)) == {
        "jitney-target-prod",
        "jitney-revoker-stage",
        "jitney-forwarder-stage",
    }


def test_aud_03_targets_of_one_account_are_each_watched_in_their_own_region(template, aws, stack):
    account, sample = "333322221111", valid()["targets"]["prod"]
    regions = {"near": stack["region"], "far": "us-east-1"}
    targets = {
        alias: sample | {"account": account, "role_name": alias, "region": region} for alias, region in regions.items()
    }
    whole = template(targets=targets)
    elsewhere = Clients(stack["aws_endpoint"], regions["far"])
    try:
        made = set()
        places = {"near": aws, "far": lambda service, account: elsewhere(service, root_keys(account))}
        for alias, place in places.items():
            roles = set(deployed(place, account, "all", whole))
            assert roles - made == {alias, f"jitney-revoker-{alias}", f"jitney-forwarder-{alias}"}
            made = roles
            (rule,) = place("events", account).list_rules()["Rules"]
            assert rule["Name"] == f"jitney-forwarding-{alias}"
    finally:
        elsewhere.close()


def test_one_targets_template_needs_nothing_of_its_account(template, aws):
    roles = deployed(aws, OTHER, "JitneyTarget-prod", template("prod"))
    assert set(roles) == roles_for("prod")
    assert aws("s3", OTHER).list_buckets()["Buckets"] == []
    role = aws("iam", OTHER).get_role(RoleName="jitney-target-prod")["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].endswith("policy/jitney/jitney-boundary-prod")


def test_the_sample_targets_account_has_no_bootstrap(aws, stack):
    account = stack["targets"]["analytics-prod"]["account"]
    parameter = {"Name": "/cdk-bootstrap/hnb659fds/version"}
    with pytest.raises(ClientError, match="ParameterNotFound"):
        aws("ssm", account).get_parameter(**parameter)
    assert aws("ssm").get_parameter(**parameter)


BROKER, TARGET = "666655554444", "555544443333"
TRUST = {"Effect": "Allow", "Principal": {"AWS": BROKER}, "Action": "sts:AssumeRole"}
LISTS = {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "iam:ListUsers"], "Resource": "*"}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def session(aws: Any, clients: Any, body: str, function: str, role: str, **more: Any) -> Callable[[str], Any]:
    """Return a session of a role in the template `body`, assumed by a function of the broker that may do everything."""
    own = aws("iam", BROKER)
    with contextlib.suppress(own.exceptions.EntityAlreadyExistsException):
        own.create_role(RoleName=function, Path="/jitney/", AssumeRolePolicyDocument=document(TRUST))
    own.put_role_policy(RoleName=function, PolicyName="all", PolicyDocument=document(EVERYTHING))
    arn = f"arn:aws:iam::{BROKER}:role/jitney/{function}"
    issued = aws("sts", BROKER).assume_role(RoleArn=arn, RoleSessionName="attack")
    (external_id,) = set(re.findall(r"jitney-[0-9a-f]{32}", body))
    arn = f"arn:aws:iam::{TARGET}:role/jitney/{role}"
    more |= {"RoleArn": arn, "RoleSessionName": "g-attack", "ExternalId": external_id}
    taken = clients("sts", session_keys(issued["Credentials"])).assume_role(**more)
    return lambda service: clients(service, session_keys(taken["Credentials"]))


TAGS = [
    {"Key": key, "Value": value}
    for key, value in (("grant", "g-attack"), ("agent", "an-agent"), ("unit", "an-agent"), ("human", ""))
]
OF_A_GRANT = {"Tags": TAGS, "SourceIdentity": "an-agent", "Policy": document(EVERYTHING)}


@pytest.mark.parametrize("kind", ["policy", "managed-policy"])
def test_end_03_who_has_the_whole_broker_adds_nothing_to_a_targets_role(kind, template, aws, clients):
    """The attacker has the roles of all functions, including the revoker.

    They write policies and issue credentials freely.
    """
    iam, role = aws("iam", TARGET), f"jitney-target-{kind}"
    managed = iam.create_policy(PolicyName=f"lists-{kind}", PolicyDocument=document(LISTS))["Policy"]["Arn"]
    # jitney.yaml may not allow actions of IAM. It does not see what a managed policy allows.
    bound = {"policy": {"Statement": [LISTS | {"Action": LISTS["Action"][:1]}]}}
    bound = bound if kind == "policy" else {"managed_policy": managed}
    configured = {"account": TARGET, "role_name": role, "region": "eu-west-1", **bound}
    body = template(kind, broker=BROKER, targets={kind: configured})
    deployed(aws, TARGET, f"JitneyTarget-{kind}", body)
    revoker = session(aws, clients, body, "jitney-releases-eu-west-1", f"jitney-revoker-{kind}")("iam")
    revoker.put_role_policy(RoleName=role, PolicyName="mine", PolicyDocument=document(EVERYTHING))
    refused("AccessDenied", revoker.detach_role_policy, RoleName=role, PolicyArn=managed)
    refused("AccessDenied", revoker.delete_role_permissions_boundary, RoleName=role)
    attack = session(aws, clients, body, "jitney-grants-eu-west-1", role, **OF_A_GRANT)
    attack("s3").list_buckets()  # it is a session of the role
    refused("AccessDeniedException", attack("dynamodb").list_tables)
    refused("AccessDenied", attack("s3").create_bucket, Bucket="attack")
    refused("AccessDenied", attack("iam").list_users)  # forbidden for all agents, although the managed policy allows it


@pytest.mark.parametrize("kind", ["policy", "managed-policy"])
def test_aud_03_no_session_switches_off_the_rule_that_watches_it(kind, template, aws, clients):
    iam, alias = aws("iam", TARGET), f"seen-{kind}"
    rules = {"Effect": "Allow", "Action": "events:*", "Resource": "*"}
    managed = iam.create_policy(PolicyName=f"rules-{kind}", PolicyDocument=document(rules))["Policy"]["Arn"]
    bound = {"policy": {"Statement": [rules]}} if kind == "policy" else {"managed_policy": managed}
    configured = {"account": TARGET, "role_name": alias, "region": "eu-west-1", **bound}
    body = template(alias, broker=BROKER, targets={alias: configured})
    deployed(aws, TARGET, f"JitneyTarget-{alias}", body)
    events = session(aws, clients, body, "jitney-grants-eu-west-1", alias, **OF_A_GRANT)("events")
    own, pattern = {"Name": f"own-{kind}"}, json.dumps({"source": ["own"]})
    events.put_rule(**own, EventPattern=pattern)
    events.delete_rule(**own)
    name = f"jitney-forwarding-{alias}"
    named, target = {"Name": name}, {"Id": "broker", "Arn": f"arn:aws:sqs:eu-west-1:{TARGET}:elsewhere"}
    for call, asked in (
        (events.disable_rule, named),
        (events.enable_rule, named),
        (events.delete_rule, named),
        (events.put_rule, {**named, "EventPattern": pattern}),
        (events.put_targets, {"Rule": name, "Targets": [target]}),
        (events.remove_targets, {"Rule": name, "Ids": ["broker"]}),
    ):
        refused("AccessDeniedException", call, **asked)
    assert aws("events", TARGET).describe_rule(**named)["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
