"""Permissions as JSON."""

import json
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.client.grant_request import ApiPermission, parse_permissions

ONE = {"actions": ["s3:GetObject"], "resources": ["*"]}
names = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3).map(tuple)
permissions = st.lists(st.builds(ApiPermission, names, names), min_size=1, max_size=3).map(tuple)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["actions", "resources", "permissions", "x"]), inner, max_size=3)
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
