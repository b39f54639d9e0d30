"""Which requests repeat a rejected one."""

import pytest

from jitney.core.access.rejections import Rejection, equal_rejections
from jitney.core.access.request import Permission

NOW = 1_700_000_100
OBJECTS = "arn:aws:s3:::reports/2026/*"


def rejection(actions: tuple[str, ...], resources: tuple[str, ...]) -> Rejection:
    return Rejection("g-aaaaaaaaaaaaaa", "corp.bob", NOW, "No.", (Permission(actions, resources),))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:PutObject", OBJECTS),
        ("S3:putobject", OBJECTS),
        ("s3:Put*", OBJECTS),
        ("s3:P?tObject", "*"),
        ("s3:PutObject", "arn:aws:s3:::reports/*/q3.csv"),
        ("s3:PutObject", "arn:aws:s3:::*/2026/q3.csv"),
    ],
)
def test_rev_17_an_action_on_a_resource_in_common_is_a_repeat(action: str, resource: str):
    rejected = rejection(("s3:PutObject", "s3:DeleteObject"), (OBJECTS,))
    harmless = Permission(("s3:ListAllMyBuckets",), ("*",))
    assert next(equal_rejections((harmless, Permission((action,), (resource,))), [rejected])) is rejected


@pytest.mark.parametrize(
    ("action", "resource"),
    [("s3:GetObject", OBJECTS), ("s3:PutObject", "arn:aws:s3:::reports/2025/*"), ("s3:Get*", "*")],
)
def test_rev_17_another_action_or_resource_is_no_repeat(action: str, resource: str):
    assert not [*equal_rejections((Permission((action,), (resource,)),), [rejection(("s3:PutObject",), (OBJECTS,))])]


def test_rev_17_patterns_that_are_too_complex_to_compare_count_as_a_repeat():
    rejected = rejection(("s3:PutObject",), ("arn:aws:s3:::" + "*a?b" * 200,))
    asked = Permission(("s3:PutObject",), ("arn:aws:s3:::" + "*b?a" * 200,))
    assert next(equal_rejections((asked,), [rejected])) is rejected


def test_rev_17_the_newest_rejection_is_the_one_that_is_named():
    newest, older = (rejection(("s3:PutObject",), (OBJECTS,)) for _ in range(2))
    assert next(equal_rejections((Permission(("s3:PutObject",), (OBJECTS,)),), [newest, older])) is newest
