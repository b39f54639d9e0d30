"""Canary deployments: what callers reach, what rolls back, and the template without them (row OPS 2)."""

import json
from copy import deepcopy
from graphlib import CycleError
from typing import Any

import pytest
import yaml

from infra.canary import ROLLBACK_ALARMS
from infra.function_specs import SPECS
from tests.configuration.test_load import ROOT
from tests.infra.conftest import Synthesized, of_type, plain, require_order

pytestmark = pytest.mark.xdist_group("cdk")

ROUTED = {f"jitney-{name.replace('_', '-')}" for name, spec in SPECS.items() if spec.routes}
CODE_DEPLOY = "AWS::CodeDeploy::DeploymentGroup"
CANARY = "jitney-canary-"


@pytest.fixture(scope="module")
def at_once(synthesize) -> Synthesized:
    """Return what is deployed with `deployment: all_at_once`."""
    return synthesize({"JITNEY_DEPLOYMENT": "all_at_once"})


def function_of_alias(template: dict[str, Any]) -> dict[str, str]:
    """Return the name of each alias's function, by the alias's logical id."""
    functions = {name: each["FunctionName"] for name, each in of_type(template, "AWS::Lambda::Function").items()}
    return {
        name: functions[each["FunctionName"]["Ref"]] for name, each in of_type(template, "AWS::Lambda::Alias").items()
    }


def test_ops_02_each_function_with_a_route_has_an_alias_that_codedeploy_moves(assembly: Synthesized):
    template = assembly.broker
    aliases = function_of_alias(template)
    assert sorted(aliases.values()) == sorted(ROUTED)
    groups = of_type(template, CODE_DEPLOY)
    for name, function in aliases.items():
        alias = template["Resources"][name]
        moved = alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        group = groups[moved["DeploymentGroupName"]["Ref"]]
        assert group["DeploymentGroupName"] == function
        assert moved["ApplicationName"] == group["ApplicationName"]
        assert alias["Properties"]["FunctionVersion"]["Fn::GetAtt"][1] == "Version"


def test_ops_02_an_alarm_during_the_canary_rolls_back(assembly: Synthesized):
    alarms = {name: each["AlarmName"] for name, each in of_type(assembly.broker, "AWS::CloudWatch::Alarm").items()}
    for group in of_type(assembly.broker, CODE_DEPLOY).values():
        watched = [alarms[each["Name"]["Ref"]] for each in group["AlarmConfiguration"]["Alarms"]]
        own = group["DeploymentGroupName"].replace("jitney-", CANARY, 1)
        assert watched == [*(f"jitney-{name}" for name in ROLLBACK_ALARMS), own]
        assert group["AlarmConfiguration"]["Enabled"] is True
        assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent10Minutes"
        rollback = group["AutoRollbackConfiguration"]
        assert rollback["Enabled"] is True
        assert "DEPLOYMENT_STOP_ON_ALARM" in rollback["Events"]
        assert "DEPLOYMENT_FAILURE" in rollback["Events"]


def test_ops_02_crashes_of_the_function_itself_roll_it_back(assembly: Synthesized):
    functions = {name: each["FunctionName"] for name, each in of_type(assembly.broker, "AWS::Lambda::Function").items()}
    found = {}
    for alarm in of_type(assembly.broker, "AWS::CloudWatch::Alarm").values():
        if alarm["AlarmName"].startswith(CANARY):
            (of,) = alarm["Dimensions"]
            found[alarm["AlarmName"]] = functions[of["Value"]["Ref"]]
            assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/Lambda", "Errors", 2)
            assert "AlarmActions" not in alarm
            assert alarm["AlarmDescription"].endswith("Runbook: docs/upgrades.md#canary-deployments")
    assert {alarm.replace("-canary", "", 1): name for alarm, name in found.items()} == {name: name for name in ROUTED}


def test_ops_02_routes_reach_the_alias_only(assembly: Synthesized):
    template = assembly.broker
    aliases = function_of_alias(template)
    uris = [json.dumps(each["Integration"]["Uri"]) for each in of_type(template, "AWS::ApiGateway::Method").values()]
    assert len(uris) == sum(len(spec.routes) for spec in SPECS.values())
    assert all(any(f'"{alias}"' in uri for alias in aliases) for uri in uris)


def test_ops_02_codedeploy_may_move_the_aliases_and_nothing_else(assembly: Synthesized):
    roles = of_type(assembly.broker, "AWS::IAM::Role").values()
    (role,) = (each for each in roles if each["RoleName"] == f"{CANARY}eu-west-1")
    assert "ManagedPolicyArns" not in role
    move, look = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert look == {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"}
    assert set(move["Action"]) == {"lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"}
    functions = {f"{plain(each)}" for each in move["Resource"]}
    assert len(functions) == 2 * len(ROUTED)
    assert "*" not in functions


def test_ops_02_cloudformation_refuses_an_alias_that_its_own_deployment_group_needs(assembly: Synthesized):
    """The update policy of an alias names its group. So a role that named the alias would be a circular dependency."""
    template = deepcopy(assembly.broker)
    require_order(template)
    alias = next(iter(of_type(template, "AWS::Lambda::Alias")))
    (role,) = (each for each in of_type(template, "AWS::IAM::Role").values() if each["RoleName"].startswith(CANARY))
    role["Policies"][0]["PolicyDocument"]["Statement"][0]["Resource"].append({"Ref": alias})
    with pytest.raises(CycleError) as refused:
        require_order(template)
    assert alias in refused.value.args[1]


def test_ops_02_all_at_once_moves_the_aliases_without_codedeploy(at_once: Synthesized, assembly: Synthesized):
    kinds = {each["Type"] for each in at_once.broker["Resources"].values()}
    assert not {kind for kind in kinds if "CodeDeploy" in kind}
    # The next deployment with a canary needs them. CodeDeploy moves no alias that the same deployment creates.
    assert sorted(of_type(at_once.broker, "AWS::Lambda::Alias")) == sorted(
        of_type(assembly.broker, "AWS::Lambda::Alias")
    )
    assert not [each for each in at_once.broker["Resources"].values() if "UpdatePolicy" in each]
    reserved = "ReservedConcurrentExecutions"
    one, other = (
        {each["FunctionName"]: each.get(reserved) for each in of_type(template, "AWS::Lambda::Function").values()}
        for template in (at_once.broker, assembly.broker)
    )
    assert one == other


def test_ops_02_a_canary_is_the_default():
    broker = yaml.safe_load((ROOT / "jitney.yaml").read_text(encoding="utf-8"))["broker"]
    assert broker["deployment"] == "${JITNEY_DEPLOYMENT:-canary}"
