"""Row ID 8: groups that no token has are refused, in policies and in the configuration."""

import pytest
import yaml

from jitney.configuration.load import ConfigurationError, load_configuration
from tests.configuration.test_load import BROKER, changed, compiled, problems, valid, web, write_policies

__all__ = ["compiled"]  # a fixture

GITHUB = {
    "issuer": "https://token.actions.githubusercontent.com",
    "jwks_uri": "https://token.actions.githubusercontent.com/.well-known/jwks",
    "provider": "github_actions",
    "token": "id",
    "claims": {"require": {"repository_owner_id": ["583231"], "environment": ["prod-*"]}},
    "subject_groups": {"repo:583231/1296269:ref:refs/heads/main": ["releases"]},
}
EKS = {
    "issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/E",
    "jwks_uri": "https://oidc.eks.eu-west-1.amazonaws.com/id/E/keys",
    "provider": "kubernetes",
    "token": "id",
    "claims": {"groups": ["kubernetes.io.serviceaccount.name"]},
}
GITLAB = {
    "issuer": "https://gitlab.com",
    "jwks_uri": "https://gitlab.com/oauth/discovery/keys",
    "token": "id",
    "claims": {"require": {"namespace_id": ["72"]}, "groups": ["project_id", "namespace_id"]},
}


def with_agents(entry, *changes):
    return changed(("issuers.corp", valid()["issuers"]["corp"] | entry), *changes)


IMPOSSIBLE = [
    # The entry, the group, what is wrong, and the fix.
    (GITHUB, "acme", 'no token of github_actions has the group "acme"', "corp/repository_owner_id:VALUE"),
    (GITHUB, "repository_owner:acme", "no token of github_actions has", "corp/repository_id:VALUE"),
    (GITHUB, "repository_owner_id:acme", 'can be "acme"', "digits only"),
    (GITHUB, "repository_owner_id:583232", 'whose repository_owner_id is "583232"', "write one of 583231"),
    (GITHUB, "environment:production", 'whose environment is "production"', "prod-*"),
    (GITHUB, "ref:refs/pull/1", 'whose ref is "refs/pull/1"', "refs/heads/*"),
    (EKS, "agents", 'no token of kubernetes has the group "agents"', "corp/namespace:VALUE"),
    (EKS, "namespace:Agents", 'can be "Agents"', "lower case"),
    (GITHUB, "ref:refs/heads/release-*", "holds a wildcard", "name each group"),
    (EKS, "namespace:agents-?", "holds a wildcard", "name each group"),
    ({}, "team-*", "groups are compared exactly", "name each group"),
    (GITLAB, "namespace_id:73", 'whose namespace_id is "73"', "write one of 72"),
]
POSSIBLE = [
    (GITHUB, "repository_owner_id:583231"),
    (GITHUB, "environment:prod-eu"),
    (GITHUB, "ref:refs/heads/main"),
    (GITHUB, "releases"),
    (EKS, "namespace:agents"),
    (EKS, "kubernetes.io.serviceaccount.name:reader"),
    (GITLAB, "project_id:20"),
    (GITLAB, "maintainers"),
    ({}, "readers"),
]


def policy_problems(tmp_path, document, group):
    text = f'@id("a") permit (principal, action, resource) when {{ principal in Jitney::Group::"corp/{group}" }};'
    write_policies(tmp_path / "policies", text)
    (tmp_path / "jitney.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    try:
        load_configuration(tmp_path / "jitney.yaml", BROKER, local=False)
    except ConfigurationError as refusal:
        return [(each.wrong, each.fix) for each in refusal.problems]
    return []


@pytest.mark.parametrize(("entry", "group", "wrong", "fix"), IMPOSSIBLE, ids=[f"{row[1]}" for row in IMPOSSIBLE])
def test_id_08_a_policy_for_a_group_that_no_token_has_is_refused(tmp_path, entry, group, wrong, fix):
    ((found, shown),) = policy_problems(tmp_path, with_agents(entry), group)
    assert found.startswith(f'a names group "corp/{group}": ')
    assert wrong in found
    assert fix in shown


@pytest.mark.parametrize(("entry", "group"), POSSIBLE, ids=[f"{row[1]}" for row in POSSIBLE])
def test_id_08_groups_that_tokens_have_are_accepted(tmp_path, entry, group):
    assert policy_problems(tmp_path, with_agents(entry), group) == []


@pytest.mark.parametrize(("entry", "group", "wrong", "fix"), IMPOSSIBLE, ids=[f"{row[1]}" for row in IMPOSSIBLE])
def test_end_08_operators_in_a_group_that_no_token_has_are_refused(compiled, entry, group, wrong, fix):
    found = problems(compiled, with_agents(entry, ("operators", [f"corp/{group}"])))
    assert wrong in found["operators.0"][0]
    assert fix in found["operators.0"][1]


def test_end_08_a_person_is_no_group_of_operators(compiled):
    people = ("people", {"staff/alice": "alice@example.com"})
    wrong, fix = problems(compiled, changed(people, ("operators", ["staff/alice"])))["operators.0"]
    assert "staff/alice is a person" in wrong
    assert "a group" in fix


def test_rev_08_break_glass_groups_are_of_people_who_sign_in(compiled):
    def glass(group):
        return web(kind="human", token="id"), ("break_glass", {"groups": [group], "targets": ["prod"]})

    assert compiled(changed(*glass("corp/on-call"), ("issuers.staff", None))).break_glass
    wrong, fix = problems(compiled, changed(*glass("staff/on-call")))["break_glass.groups.0"]
    assert wrong == "people sign in to the pages with corp, and no token of it has the group staff/on-call"
    assert fix.startswith("write corp/")


def test_id_08_a_group_with_a_wildcard_is_a_comparison_of_its_claim(tmp_path):
    ((_, fix),) = policy_problems(tmp_path, with_agents(GITHUB), "ref:refs/heads/release-*")
    assert fix == 'name each group, or write when { principal.getTag("ref").string like "refs/heads/release-*" }'
