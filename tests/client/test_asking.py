"""Permissions as JSON."""

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.client.api.grant_request import ApiPermission, parse_permissions
from jitney.client.inputs.request_options import RequestOptions
from jitney.client.problems import Invalid
from jitney.client.terminal.wording import allows, arguments, conditions_in_words

ONE = {"actions": ["s3:GetObject"], "resources": ["*"]}
names = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3).map(tuple)
limits = st.dictionaries(st.text(min_size=1, max_size=8), names, max_size=2).map(
    lambda each: tuple(sorted(each.items()))
)
permissions = st.lists(st.builds(ApiPermission, names, names, limits), min_size=1, max_size=3).map(tuple)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["actions", "resources", "conditions", "permissions", "x"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(permissions, st.booleans())
def test_permissions_read_back_as_a_list_or_in_an_object(asked: tuple[ApiPermission, ...], wrapped: bool):
    document = [permission.document() for permission in asked]
    assert parse_permissions(json.dumps({"permissions": document} if wrapped else document)) == asked


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "permissions: a list"),
        ({}, "permissions: a list"),
        ({"permissions": [ONE], "target": "x"}, "permissions: a list"),
        ([ONE, "s3:GetObject"], "permissions[1]: "),
        ([{**ONE, "effect": "Allow"}], "permissions[0]: "),
        ([{"actions": ["a:B"]}], "permissions[0]: "),
        ([{**ONE, "actions": "s3:*"}], "permissions[0].actions: "),
        ([{**ONE, "resources": []}], "permissions[0].resources: "),
        ([{**ONE, "resources": ["*", ""]}], "permissions[0].resources: "),
        ([{**ONE, "resources": [1]}], "permissions[0].resources: "),
        ([{**ONE, "conditions": ["s3:prefix"]}], "permissions[0].conditions: "),
        ([{**ONE, "conditions": {"s3:prefix": "a"}}], "permissions[0].conditions.s3:prefix: "),
        ([{**ONE, "conditions": {"s3:prefix": []}}], "permissions[0].conditions.s3:prefix: "),
    ],
)
def test_a_fault_names_its_place(document: object, place: str):
    with pytest.raises(ValueError, match=f"^{re.escape(place)}"):
        parse_permissions(json.dumps(document))


@given(json_values | st.text(max_size=20))
def test_any_document_is_permissions_or_refused(document: object):
    text = document if isinstance(document, str) else json.dumps(document)
    with suppress(ValueError):
        assert all(each.actions and each.resources for each in parse_permissions(text))


def test_a_bottomless_document_is_refused():
    with pytest.raises(ValueError, match="not JSON"):
        parse_permissions("[" * 200_000)


def test_pol_12_conditions_are_given_as_key_and_value():
    options = RequestOptions(
        action=["s3:ListBucket"], resource=["arn:aws:s3:::b"], reason="r",
        condition=["s3:prefix=a/*", "s3:prefix=b=c", "s3:max-keys=9"],
    )  # fmt: skip
    request = options.grant_request("t")
    limited = {"s3:max-keys": ["9"], "s3:prefix": ["a/*", "b=c"]}
    assert request.document()["permissions"][0]["conditions"] == limited
    words = arguments(request)
    assert [words[place + 1] for place, each in enumerate(words) if each == "--condition"] == [
        "s3:max-keys=9", "s3:prefix=a/*", "s3:prefix=b=c",
    ]  # fmt: skip
    assert allows(request.permissions[0]).endswith(
        ' only if s3:max-keys is at most 9 and s3:prefix matches "a/*" or "b=c"'
    )


def test_pol_12_names_and_values_of_conditions_are_quoted():
    assert conditions_in_words((("aws:RequestTag/a is b", ("x",)),)) == ('aws:RequestTag "a is b" is "x"',)
    assert conditions_in_words((("aws:Later/a: b", ("x", "y, z")),)) == ('"aws:Later/a: b": "x", "y, z"',)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"condition": ["s3:prefix"], "action": ["s3:ListBucket"], "resource": ["*"]}, "is not KEY=VALUE"),
        ({"condition": ["s3:prefix=a"], "call": ["aws s3 ls"]}, "cannot be combined"),
        ({"condition": ["s3:prefix=a"], "permissions": "-"}, "cannot be combined"),
        ({"condition": ["s3:prefix=a"]}, "--action and --resource are both needed"),
    ],
)
def test_pol_12_conditions_need_actions_and_resources(given: dict[str, Any], said: str):
    with pytest.raises(Invalid, match=re.escape(said)):
        RequestOptions(reason="r", **given).grant_request("t")
