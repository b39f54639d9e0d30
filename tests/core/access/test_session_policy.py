import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access.request import Permission
from core.access.session_policy import LIMIT, compile_policy
from core.problems import Problem
from tests.fakes import NOW

ACTIONS = st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:ListBucket", "dynamodb:GetItem", "dynamodb:Query"])
RESOURCES = st.sampled_from(["*", *(f"arn:aws:s3:::b{n}/*" for n in range(5)), "arn:aws:s3:::b0"])
PERMISSIONS = st.builds(
    lambda actions, resources: Permission(tuple(actions), tuple(resources)),
    st.lists(ACTIONS, min_size=1, max_size=4),
    st.lists(RESOURCES, min_size=1, max_size=4),
)


def pairs(permissions: list[Permission]) -> set[tuple[str, str]]:
    return {(action, resource) for each in permissions for action in each.actions for resource in each.resources}


def many(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@given(st.lists(PERMISSIONS, min_size=1, max_size=5))
def test_sts_01_the_policy_allows_exactly_the_pairs_that_were_granted(permissions: list[Permission]):
    *allows, deny = compile_policy(tuple(permissions), NOW).document()["Statement"]
    allowed = {(a, r) for each in allows for a in many(each["Action"]) for r in many(each["Resource"])}
    assert allowed == pairs(permissions)
    assert {each["Effect"] for each in allows} == {"Allow"}
    assert deny["Effect"] == "Deny"


def test_sts_04_nothing_is_allowed_after_the_end():
    *_, deny = compile_policy((Permission(("s3:GetObject",), ("*",)),), NOW).document()["Statement"]
    assert deny == {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2026-11-24T12:00:00Z"}},
    }


def test_sts_07_an_empty_policy_is_never_compiled():
    with pytest.raises(ValueError, match="empty"):
        compile_policy((), NOW)


def test_sts_01_what_does_not_fit_is_refused_with_the_sizes_never_widened():
    permission = Permission(("s3:GetObject",), tuple(f"arn:aws:s3:::bucket-{n}/{'x' * 40}" for n in range(40)))
    with pytest.raises(Problem) as raised:
        compile_policy((permission,), NOW)
    assert raised.value.code == "policy_too_large"
    assert raised.value.extras["session_policy_size"]["characters"] > LIMIT


def test_the_text_is_compact():
    policy = compile_policy((Permission(("s3:GetObject",), ("arn:aws:s3:::b/a b",)),), NOW)
    assert policy.size == len(policy.text)
    assert " " not in policy.text.replace("a b", "")
