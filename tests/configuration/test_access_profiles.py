"""Access profiles in jitney.yaml: each refusal with its place, and what reaches the functions (row POL 15)."""

import json

import pytest

from jitney.configuration.load import load_configuration
from jitney.configuration.target_policies import policy_of
from jitney.core.access.profile_policy import PROFILE_POLICY_LIMIT, content_of, permissions_in
from tests.configuration.test_load import BROKER, changed, compiled, problems, write_policies  # noqa: F401 - a fixture

PERMISSION = {"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::state/*"]}
PROFILES = "targets.prod.access_profiles"
AT = f"{PROFILES}.deploy.permissions"
ROLE = "arn:aws:iam::012345670123:role"


def having(*permissions, **more):
    profiles = {"deploy": {"permissions": list(permissions)}}
    whole = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    members = {"policy": whole} | more
    return changed((PROFILES, profiles), *((f"targets.prod.{name}", value) for name, value in members.items()))


def test_a_profile_reaches_the_functions_with_its_actions_expanded_and_its_policy(compiled):  # noqa: F811
    target = compiled(having({"actions": ["s3:GetObjectT*"], "resources": ["arn:aws:s3:::state/*"]})).targets["prod"]
    profile = target.access_profiles["deploy"]
    (permission,) = permissions_in(profile)
    assert permission.actions == ("s3:GetObjectTagging", "s3:GetObjectTorrent")
    name = f"jitney-profile-prod.deploy.{profile.content[:16]}"
    assert profile.policy_arn == f"arn:aws:iam::012345670123:policy/jitney/{name}"


def test_the_content_is_the_hash_of_the_policy_that_the_stack_provisions(tmp_path):
    write_policies(tmp_path / "policies")
    path = tmp_path / "jitney.yaml"
    contents = set()
    for more in ({}, {"sealed": "true"}):
        path.write_text(json.dumps(having(PERMISSION, **more)), encoding="utf-8")
        configuration = load_configuration(path, BROKER, local=False)
        compiled_profile = json.loads(configuration.json)["targets"][0]["access_profiles"]["deploy"]
        document = policy_of(configuration.settings.targets["prod"], "deploy").document
        assert compiled_profile["content"] == content_of(document)
        contents.add(compiled_profile["content"])
    assert len(contents) == 2


@pytest.mark.parametrize(
    ("permission", "place", "wrong"),
    [
        ({"actions": ["s3:ReadObject"], "resources": ["*"]}, f"{AT}.0", "Action 's3:ReadObject' does not exist"),
        ({"actions": ["S3 GetObject"], "resources": ["*"]}, f"{AT}.0.actions.0", '"S3 GetObject" cannot be used here'),
        ({"actions": ["s3:GetObject"], "resources": ["state/*"]}, f"{AT}.0.resources.0", '"state/*" is not an ARN'),
        ({"actions": ["s3:ListBucket"], "resources": ["arn:aws:s3:::b/k"]}, f"{AT}.0", "acts on none of the resources"),
        ({"actions": ["sts:Assume*"], "resources": ["*"]}, f"{AT}.0", "matches STS actions"),
        ({"actions": ["sts:GetScopedCredentials"], "resources": ["*"]}, f"{AT}.0", "is never granted"),
        ({"actions": [], "resources": ["*"]}, f"{AT}.0.actions", "it is empty"),
        ({"action": ["s3:GetObject"], "resources": ["*"]}, f"{AT}.0.action", "there is no such key"),
        (
            {"actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:999999999999:jobs"]},
            f"{PROFILES}.deploy",
            "is not in the target's account 012345670123",
        ),
        ({"actions": ["sts:AssumeRole"], "resources": [f"{ROLE}/cdk-*"]}, f"{PROFILES}.deploy", "may assume"),
        ({"actions": ["sts:AssumeRole"], "resources": ["*"]}, f"{PROFILES}.deploy", "may assume"),
        (
            {"actions": ["sts:AssumeRole"], "resources": [f"{ROLE}/jitney/jitney-revoker-prod"]},
            f"{PROFILES}.deploy",
            "may assume",
        ),
    ],
)
def test_a_profile_that_no_request_may_have_is_refused_at_its_place(compiled, permission, place, wrong):  # noqa: F811
    found = problems(compiled, having(permission))
    assert wrong in found[place][0]


def test_pol_15_a_profile_that_the_targets_policy_never_allows_is_refused(compiled):  # noqa: F811
    def policy(*statements):
        return {
            "Statement": [{"Effect": effect, "Action": action, "Resource": arn} for effect, action, arn in statements]
        }

    refused = [
        policy(("Allow", "s3:PutObject", "*")),
        policy(("Allow", "s3:*", "arn:aws:s3:::other/*")),
        policy(("Allow", "s3:PutObject", "*"), ("Deny", "s3:GetObject", "*")),
    ]
    for each in refused:
        wrong, fix = problems(compiled, having(PERMISSION, policy=each))[PROFILES]
        assert wrong == "the target's policy allows s3:GetObject on none of the resources in the profile deploy"
        assert "leave it out" in fix
    for each in (policy(("Allow", "S3:get*", "arn:aws:s3:::state/a*")), policy(("Allow", ["s3:GetObject"], ["*"]))):
        assert compiled(having(PERMISSION, policy=each)).targets["prod"].access_profiles


def test_sts_01_a_profile_longer_than_a_managed_policy_is_refused_with_its_size(compiled):  # noqa: F811
    resources = [f"arn:aws:s3:::state/{'x' * 100}{place}/*" for place in range(60)]
    wrong, fix = problems(compiled, having({"actions": ["s3:GetObject"], "resources": resources}))[f"{PROFILES}.deploy"]
    assert "characters" in wrong
    assert str(PROFILE_POLICY_LIMIT) in fix


def test_sts_09_a_profile_that_a_seal_cannot_express_is_refused(compiled):  # noqa: F811
    table = "arn:aws:dynamodb:eu-west-1:012345670123:table/t"
    having_keys = [
        {"actions": ["dynamodb:GetItem"], "resources": [table], "conditions": {"dynamodb:LeadingKeys": [key]}}
        for key in "ab"
    ]
    wrong, fix = problems(compiled, having(*having_keys, sealed="true"))[f"{PROFILES}.deploy"]
    assert "seals its sessions" in wrong
    assert fix == "make one profile for each set of conditions"
    assert compiled(having(*having_keys)).targets["prod"].access_profiles


def test_action_wildcards_shorten_a_profile_that_would_not_fit(compiled):  # noqa: F811
    whole = {"actions": ["ec2:*"], "resources": ["*"]}
    assert f"{PROFILES}.deploy" in problems(compiled, having(whole))
    assert compiled(having(whole, action_wildcards="true")).targets["prod"].access_profiles["deploy"]


@pytest.mark.parametrize("name", ["Deploy", "a.b", "x" * 41])
def test_a_profile_name_fits_a_policy_name(compiled, name):  # noqa: F811
    document = changed((PROFILES, {name: {"permissions": [PERMISSION]}}))
    (path,) = problems(compiled, document)
    assert path == f"{PROFILES}.{name}"


@pytest.mark.parametrize(
    ("compared", "fix"),
    [
        ('== "s3:DeleteObjekt"', "s3:DeleteObject"),
        ('like "s3:Remove*"', "write the SDK's names of service and operation"),
        ('== "states:StartExecution"', "write the SDK's names"),
    ],
)
def test_gw_04_a_policy_that_names_an_unknown_operation_is_refused(tmp_path, compiled, compared, fix):  # noqa: F811
    test = f'context.call.hasTag("operation") && context.call.getTag("operation").string {compared}'
    text = f'@id("a") forbid (principal, action, resource) when {{ {test} }};'
    (tmp_path / "policies" / "a.cedar").write_text(text, encoding="utf-8")
    ((wrong, shown),) = problems(compiled, having(PERMISSION)).values()
    assert "names the operation" in wrong
    assert fix in shown


@pytest.mark.parametrize("compared", ['== "s3:DeleteObject"', 'like "s3:Delete*"', '== "stepfunctions:StartExecution"'])
def test_gw_04_a_policy_names_operations_as_sdks_do(tmp_path, compiled, compared):  # noqa: F811
    test = f'context.call.hasTag("operation") && context.call.getTag("operation").string {compared}'
    text = f'@id("a") forbid (principal, action, resource) when {{ {test} }};'
    (tmp_path / "policies" / "a.cedar").write_text(text, encoding="utf-8")
    assert compiled(having(PERMISSION))


def test_a_policy_that_names_an_unknown_profile_is_refused(tmp_path, compiled):  # noqa: F811
    permit = '@id("a") permit (principal, action, resource) when { context.accessProfile == "deplyo" };'
    (tmp_path / "policies" / "a.cedar").write_text(permit, encoding="utf-8")
    ((wrong, fix),) = problems(compiled, having(PERMISSION)).values()
    assert 'names access profile "deplyo"' in wrong
    assert 'did you mean "deploy"' in fix
