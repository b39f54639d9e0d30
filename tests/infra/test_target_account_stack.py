"""The target role: who may assume it and how, and what none of its sessions can do."""

import json
import re
from fnmatch import fnmatchcase

import pytest
from aws_cdk import App, Environment
from aws_cdk.assertions import Template
from pydantic import TypeAdapter, ValidationError

from infra.target_account_stack import TargetAccountStack
from infra.target_template import ALL
from jitney.configuration.action_table import action_table
from jitney.configuration.broker_settings import BrokerSettings
from jitney.configuration.load import load_configuration
from jitney.configuration.settings import TargetSettings
from jitney.configuration.target_boundary import BOUNDARY_LIMIT
from jitney.configuration.target_policies import deny_room, has_canary
from jitney.configuration.values import Alias
from jitney.core.access.credentials import CANARY_PREFIX
from jitney.core.access.target_check import SESSION_PREFIX
from jitney.core.config import load
from jitney.core.patterns import wildcard_pattern
from tests.configuration.test_load import ROOT
from tests.infra.conftest import boundary_of, listed, of_type, only, plain, target_role

pytestmark = pytest.mark.xdist_group("cdk")

ISSUING = ("credentials", "denial-measurements", "gateway-calls", "grants", "target-checks")
STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
ALIAS = TypeAdapter(Alias)
EXTERNAL_ID = "jitney-a9808f2b371a5dff8a7d9929c0516d91"
ISSUERS = [f"arn:aws:iam::111122223333:role/jitney/jitney-{name}-eu-west-1" for name in ISSUING]


@pytest.fixture(scope="module")
def role(assembly):
    return target_role(assembly.target)


def test_the_role_is_the_one_that_the_functions_assume(role):
    configuration = load_configuration(ROOT / "jitney.yaml", {}, local=False)
    target = load(configuration.json).targets["analytics-prod"]
    assert target.role_arn == f"arn:aws:iam::444455556666:role{role['Path']}{role['RoleName']}"
    assert role["MaxSessionDuration"] == 3600


def test_sts_03_only_the_issuing_functions_and_only_for_a_named_grant_and_principal(role):
    trust = {each["Action"]: each for each in role["AssumeRolePolicyDocument"]["Statement"]}
    assert set(trust) == {"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"}
    for statement in trust.values():
        assert statement["Effect"] == "Allow"
        assert statement["Principal"] == {"AWS": ISSUERS}
    assert trust["sts:AssumeRole"]["Condition"] == {
        "StringEquals": {"sts:ExternalId": EXTERNAL_ID},
        "StringLike": {
            "sts:RoleSessionName": ["c-*", "g-*"],
            "aws:RequestTag/grant": "g-*",
            "aws:RequestTag/agent": "?*",
            "aws:RequestTag/unit": "?*",
            "sts:SourceIdentity": "?*",
        },
    }
    assert trust["sts:TagSession"]["Condition"] == {
        "StringLike": {"aws:RequestTag/grant": "g-*", "aws:RequestTag/agent": "?*", "aws:RequestTag/unit": "?*"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["grant", "agent", "unit", "human"]},
        "ForAnyValue:StringEquals": {"aws:TagKeys": "human"},
    }
    assert trust["sts:SetSourceIdentity"]["Condition"] == {"StringLike": {"sts:SourceIdentity": "?*"}}


def test_the_trusted_roles_are_the_brokers_that_may_issue(assembly):
    broker_roles = {
        f"arn:aws:iam::111122223333:role{each['Properties']['Path']}{each['Properties']['RoleName']}"
        for each in assembly.broker["Resources"].values()
        if each["Type"] == "AWS::IAM::Role" and "sts:SetSourceIdentity" in str(each["Properties"]["Policies"])
    }
    assert broker_roles == set(ISSUERS)


def test_the_boundary_denies_identities_accounts_and_further_sessions(assembly, role):
    boundary = boundary_of(assembly.target)
    assert plain(role["PermissionsBoundary"]) == "Boundary"
    *_, deny = boundary["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Resource"]) == ("Deny", "*")
    assert "Condition" not in deny
    # iam:* keeps the role's policies, its trust and the boundary itself out of reach.
    assert {"iam:*", "organizations:*", "account:*", "signin:*", "sso:*"} <= set(deny["Action"])
    tokens = {"sts:GetDelegatedAccessToken", "sts:GetFederationToken", "sts:GetServiceBearerToken"}
    assert {"sts:AssumeRole", "sts:GetSessionToken"} | tokens <= set(deny["Action"])


def test_the_boundary_denies_every_action_of_iam_and_iam_identity_center(assembly):
    *_, deny = boundary_of(assembly.target)["PolicyDocument"]["Statement"]
    denied = [wildcard_pattern(each) for each in deny["Action"]]
    table = action_table()
    identity = re.compile(r"iam|identity(store|-sync).*|sso.*|signin|rolesanywhere|account|account-access")
    services = [each for each in table.services() if identity.fullmatch(each)]
    assert {"iam", "identitystore", "sso", "sso-oauth"} <= set(services)
    names = [action.name for service in services for action in table.of_service(service)]
    assert [name for name in names if not any(each.matches(name) for each in denied)] == []


def test_aud_03_no_session_of_the_role_reaches_the_rules_that_forward_its_events(assembly):
    *_, deny, _, _ = boundary_of(assembly.target)["PolicyDocument"]["Statement"]
    rules = "arn:aws:events:*:444455556666:rule/jitney-*"
    assert (deny["Effect"], "events:*" in deny["Action"], rules in deny["Resource"]) == ("Deny", True, True)
    assert deny.keys() == {"Effect", "Action", "Resource"}
    name = only(assembly.target, "AWS::Events::Rule")["Name"]
    assert fnmatchcase(f"arn:aws:events:eu-west-1:444455556666:rule/{name}", rules)
    longest = "a" * 40
    assert ALIAS.validate_python(longest)
    assert len(only(synthesized_stack(longest, managed_policy="ReadOnlyAccess"), "AWS::Events::Rule")["Name"]) <= 64


@pytest.mark.parametrize(
    ("stack", "denied"),
    [
        ("JitneyTarget-analytics-prod", True),
        (f"StackSet-{ALL}-12345678-1234-1234-1234-123456789012", True),
        ("Jitney", True),  # of a target in the broker's account
        (ALL, True),
        ("reports", False),
        ("StackSet-reports-12345678-1234-1234-1234-123456789012", False),
    ],
)
def test_end_03_no_session_of_the_role_reaches_the_stack_that_made_it(assembly, stack: str, denied: bool):
    """A stack with a service role acts with that role for every principal that may change the stack."""
    *_, deny, _, _ = boundary_of(assembly.target)["PolicyDocument"]["Statement"]
    assert (deny["Effect"], "cloudformation:*" in deny["Action"]) == ("Deny", True)
    arn = f"arn:aws:cloudformation:eu-west-1:444455556666:stack/{stack}/1a2b3c4d"
    assert any(fnmatchcase(arn, each) for each in deny["Resource"]) is denied


def test_the_roles_own_policy_is_the_configured_one(role):
    policy, brokers = role["Policies"]
    (statement,) = brokers["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Action"] == ["sts:GetAccessKeyInfo", "sts:GetScopedCredentials"]
    named = [action for each in policy["PolicyDocument"]["Statement"] for action in listed(each["Action"])]
    assert {"s3:GetObject", "s3:PutObject", "dynamodb:Query", "dynamodb:PutItem"} <= set(named)
    assert not [action for action in named if "*" in action]


def test_sessions_of_no_grant_can_only_make_the_calls_that_show_a_denial(assembly):
    *_, deny, _ = boundary_of(assembly.target)["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Resource"]) == ("Deny", "*")
    assert deny["NotAction"] == ["iam:DeleteRolePolicy", "sts:GetAccessKeyInfo"]
    assert deny["Condition"] == {"StringLike": {"aws:userid": "*:g-*-*"}}
    for prefix in (SESSION_PREFIX, CANARY_PREFIX):
        assert fnmatchcase(f"AROAXXXXXXXXXXXXXXXXX:{prefix}a", "*:g-*-*")
    assert not fnmatchcase("AROAXXXXXXXXXXXXXXXXX:g-aaaaaaaaaaaaaa", "*:g-*-*")


def test_end_03_no_policy_written_into_the_role_adds_permissions(assembly, role):
    def allowed(statements):
        return {
            (action, resource)
            for each in statements
            if each["Effect"] == "Allow"
            for action in listed(each["Action"])
            for resource in listed(each["Resource"])
        }

    boundary = boundary_of(assembly.target)["PolicyDocument"]["Statement"]
    own = [each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    assert allowed(boundary) == allowed(own)


EXCEPTIONS = {
    "other_accounts": ["777788889999", "888899990000"],
    "any_account_actions": ["ecr:BatchGetImage"],
    "other_regions": ["us-gov-east-1"],
    "any_region_actions": ["route53:*"],
}


@pytest.mark.parametrize("exceptions", [{}, EXCEPTIONS], ids=["no exceptions", "exceptions"])
def test_the_longest_policy_fits_the_boundary_and_leaves_room_to_deny(exceptions):
    # Without a version, which is written into it; and in the partition with the longest name.
    def changes(characters):
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws-us-gov:s3:::" + "x" * characters}
        return {"policy": {"Statement": [statement]}, "region": "us-gov-west-1", **exceptions}

    with pytest.raises(ValidationError, match="refused") as raised:
        TargetSettings.model_validate(VALUES | changes(6144))
    excess = int(re.search(r"by ([\d,]+)", raised.value.errors()[0]["ctx"]["fix"])[1].replace(",", ""))
    longest = 6144 - excess
    with pytest.raises(ValidationError, match="refused"):
        TargetSettings.model_validate(VALUES | changes(longest + 1))
    target = TargetSettings.model_validate(VALUES | changes(longest))
    template = synthesized_stack(**changes(longest))
    boundary = boundary_of(template)["PolicyDocument"]
    assert len(re.sub(r"\s", "", json.dumps(boundary))) == BOUNDARY_LIMIT == 6144
    written = target_role(template)["Policies"]
    assert deny_room(target) == 10_240 - sum(
        len(re.sub(r"\s", "", json.dumps(each["PolicyDocument"]))) for each in written
    )
    assert deny_room(target) > 4000


def guards(template):
    accounts, regions, *_ = [
        each for each in boundary_of(template)["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"
    ]
    return accounts, regions


OWN_CALLS = ["sts:GetAccessKeyInfo", "sts:GetScopedCredentials"]


def test_sts_09_sessions_use_resources_of_their_account_by_calls_in_their_region(assembly):
    accounts, regions = guards(assembly.target)
    assert accounts["NotAction"] == regions["NotAction"] == OWN_CALLS
    assert accounts["Condition"] == {
        "StringNotEquals": {"aws:ResourceAccount": "444455556666", "ec2:Owner": "amazon"},
        "Null": {"aws:ResourceAccount": "false"},
    }
    assert regions["Resource"] == "*"
    assert regions["Condition"] == {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}


def test_sts_09_only_arns_without_a_customers_account_are_exempt(assembly):
    accounts, _ = guards(assembly.target)
    for arn in accounts["NotResource"]:
        assert re.fullmatch(r"arn:aws:(bedrock|cloudformation|ec2|ssm):\*:(aws)?:[a-z-]+/\*", arn), arn
    for foreign in (
        "arn:aws:ssm:eu-west-1:777788889999:parameter/a",
        "arn:aws:ssm:eu-west-1:777788889999:document/a",
        "arn:aws:s3:::reports/ssm:x::parameter/a",
        "arn:aws:ec2:eu-west-1::image/ami-1",
        "arn:aws:bedrock:eu-west-1:777788889999:custom-model/foundation-model/x",
    ):
        assert not any(fnmatchcase(foreign, arn) for arn in accounts["NotResource"]), foreign


@pytest.mark.parametrize("bound", [{"policy": {"Statement": [STATEMENT]}}, {"managed_policy": "ReadOnlyAccess"}])
def test_sts_09_exceptions_are_the_named_ones(bound):
    accounts, regions = guards(synthesized_stack(**bound, **EXCEPTIONS, region="us-gov-west-1"))
    owners = ["444455556666", "777788889999", "888899990000"]
    assert accounts["Condition"]["StringNotEquals"]["aws:ResourceAccount"] == owners
    assert accounts["NotAction"] == [*OWN_CALLS, "ecr:BatchGetImage"]
    assert regions["Condition"]["StringNotEquals"]["aws:RequestedRegion"] == ["us-gov-west-1", "us-gov-east-1"]
    assert regions["NotAction"] == [*OWN_CALLS, "route53:*"]


VALUES = {"account": "444455556666", "role_name": "jitney-target-x", "region": "eu-west-1"}


def synthesized(**changes):
    return target_role(synthesized_stack(**changes))


def synthesized_stack(alias="x", **changes):
    target = TargetSettings.model_validate(VALUES | changes)
    env = Environment(account=target.account, region=target.region)
    stack = TargetAccountStack(
        App(),
        "T",
        alias=alias,
        target=target,
        broker=BrokerSettings(account="111122223333", region="eu-west-1"),
        env=env,
    )
    return Template.from_stack(stack).to_json()


def roles_in(template):
    """Return the properties of the roles for grants' sessions, by their logical ids."""
    return {name: each for name, each in of_type(template, "AWS::IAM::Role").items() if "MaxSessionDuration" in each}


def test_end_06_one_role_is_the_one_that_a_target_always_had():
    (name,) = roles_in(synthesized_stack(managed_policy="ReadOnlyAccess"))
    assert (name, target_role(synthesized_stack(managed_policy="ReadOnlyAccess"))["RoleName"]) == (
        "Role",
        "jitney-target-x",
    )


def test_end_06_further_roles_differ_from_the_first_in_their_name_alone():
    statement = {"Statement": [STATEMENT]}
    (alone,) = roles_in(synthesized_stack(policy=statement)).values()
    found = roles_in(synthesized_stack(policy=statement, roles=3))
    assert list(found) == ["Role", "Role2", "Role3"]
    assert [each.pop("RoleName") for each in found.values()] == [
        "jitney-target-x",
        "jitney-target-x.role2",
        "jitney-target-x.role3",
    ]
    del alone["RoleName"]
    assert all(each == alone for each in found.values())


def test_ops_02_the_template_of_another_alias_updates_the_same_role_in_the_same_stack():
    """Two stacks cannot have a role of one name. So the stack stays, with new names for what the alias names."""
    policy = {"policy": {"Statement": [STATEMENT]}, "roles": 2}
    before, after = synthesized_stack("x", **policy), synthesized_stack("y", **policy)
    kinds = [{name: each["Type"] for name, each in template["Resources"].items()} for template in (before, after)]
    assert kinds[0] == kinds[1]
    names = [[role["RoleName"] for role in roles_in(template).values()] for template in (before, after)]
    assert names == [["jitney-target-x", "jitney-target-x.role2"]] * 2
    others = [set(_named(template)) - set(names[0]) for template in (before, after)]
    assert len(others[0]) == len(others[1]) == 4  # the boundary, the revoker, and the forwarding role and rule
    assert not others[0] & others[1]


def _named(template):
    """Yield the names of all resources."""
    for each in template["Resources"].values():
        yield from (
            each["Properties"][key] for key in ("RoleName", "ManagedPolicyName", "Name") if key in each["Properties"]
        )


def test_end_06_all_roles_have_the_external_id_of_their_target():
    ids = {json.dumps(synthesized(managed_policy="ReadOnlyAccess")["AssumeRolePolicyDocument"])}
    several = roles_in(synthesized_stack(managed_policy="ReadOnlyAccess", roles=10)).values()
    assert {json.dumps(each["AssumeRolePolicyDocument"]) for each in several} == ids


@pytest.mark.parametrize(
    ("named", "arn"),
    [
        ("ReadOnlyAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        ("arn:aws:iam::444455556666:policy/data-reading", "arn:aws:iam::444455556666:policy/data-reading"),
    ],
)
def test_end_03_a_managed_policy_is_the_boundary_itself(named, arn):
    template = synthesized_stack(managed_policy=named)
    role = target_role(template)
    assert role["PermissionsBoundary"] == arn
    assert [plain(each) for each in role["ManagedPolicyArns"]] == [arn, "Never"]
    assert "Policies" not in role  # no policy written there later can add permissions
    *_, watching, _, never = boundary_of(template)["PolicyDocument"]["Statement"]
    assert (watching["Effect"], watching["Action"]) == ("Deny", ["cloudformation:*", "events:*"])
    assert (never["Effect"], never["Resource"]) == ("Deny", "*")
    assert {"iam:*", "sts:AssumeRole"} <= set(never["Action"])
    assert json.dumps({"iam:PermissionsBoundary": arn}) in json.dumps(template)


def test_with_a_managed_policy_there_is_no_canary_and_all_the_room_to_deny():
    assert not has_canary(TargetSettings.model_validate(VALUES | {"managed_policy": "ReadOnlyAccess"}))
    assert deny_room(TargetSettings.model_validate(VALUES | {"managed_policy": "ReadOnlyAccess"})) == 10_240


def test_the_template_needs_no_bootstrap(assembly):
    stacks = {
        name: artifact.get("dependencies", [])
        for name, artifact in assembly.manifest()["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert stacks["JitneyTarget-analytics-prod"] == []
    assert set(assembly.target) == {"Description", "Resources", "Outputs"}  # no parameter, no rule about a bootstrap
    assert not list(assembly.folder.glob("JitneyTarget-*.assets.json"))
    artifact = assembly.manifest()["artifacts"]["JitneyTarget-analytics-prod"]["properties"]
    assert not [
        name for name in artifact if "Role" in name
    ]  # CloudFormation deploys it with the caller's own permissions


def test_cloudformation_accepts_the_largest_template_without_a_bucket():
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::" + "x" * 20] * 120}
    template = synthesized_stack(policy={"Version": "2012-10-17", "Statement": [statement]})
    assert len(json.dumps(template, indent=1)) < 51_200
