"""Names of members that are masked alike stay apart (rows MASK 1, GW 5 and AUD 7)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from jitney.core.gateway.json_answers import mask_json
from jitney.core.gateway.mask_rules import MaskRules
from jitney.core.masking.generic_masker import UNTAGGED, mask_value
from jitney.core.masking.mask_tags import CREDENTIAL, NO_TAGS, MaskTags
from jitney.core.masking.member_names import distinct
from jitney.core.masking.members import MemberLookup
from jitney.core.masking.table import ANY, CREDENTIAL_REF, KEYS, Shape
from tests.core.masking.conftest import KEY
from tests.cpu_time import within_cpu_seconds

TOKENS = [f"ghp_{letter}1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8" for letter in "ABC"]
MASK, SECOND, THIRD = "[masked credential]", "[masked credential] 2", "[masked credential] 3"
MAP: Shape = {KEYS: CREDENTIAL_REF, ANY: CREDENTIAL_REF}
MANY = 20_000


@pytest.mark.parametrize("holder", ["note", "password"])
def test_aud_07_members_whose_names_are_masked_alike_stay(holder: str):
    masked = UNTAGGED.data({holder: {token: f"a{number}" for number, token in enumerate(TOKENS)}})
    assert list(masked[holder]) == [MASK, SECOND, THIRD]
    masked = UNTAGGED.data({TOKENS[0]: "a", MASK: "b", SECOND: "c", TOKENS[1]: "d"})
    assert masked == {THIRD: "a", MASK: "b", SECOND: "c", f"{MASK} 4": "d"}


def test_mask_01_paths_below_a_masked_name_hold_no_secret():
    value = {TOKENS[0]: {"password": "hunter2000"}, TOKENS[1]: [{"password": "hunter2001"}]}
    found = mask_value(value, MemberLookup((), None, {CREDENTIAL_REF: CREDENTIAL}), NO_TAGS)
    assert found.value == {MASK: {"password": MASK}, SECOND: [{"password": MASK}]}
    assert found.paths == (MASK, SECOND, f"{MASK}.password", f"{SECOND}[0].password")


def test_mask_01_distinct_names_keep_what_is_not_masked():
    assert distinct({}) == {}
    assert distinct({"a": "m", "m 2": "m 2", "b": "m", "c": "m", "m": "m"}) == {
        "a": "m 3",
        "m 2": "m 2",
        "b": "m 4",
        "c": "m 5",
        "m": "m",
    }


def _value(value: dict[str, Any], tags: MaskTags) -> dict[str, Any]:
    masked: dict[str, Any] = mask_value(value, MemberLookup([MAP], 0, {CREDENTIAL_REF: CREDENTIAL}), tags).value
    return masked


def _answer(value: dict[str, Any], tags: MaskTags) -> dict[str, Any]:
    body, _ = mask_json(json.dumps(value).encode(), (MAP,), 0, MaskRules.of(tags, reveal=False))
    masked: dict[str, Any] = json.loads(body)
    return masked


@pytest.mark.parametrize("tags", [NO_TAGS, MaskTags(lambda: KEY)], ids=["untagged", "tagged"])
@pytest.mark.parametrize("masked_map", [_value, _answer])
def test_mask_01_a_map_of_many_masked_names_takes_time_in_proportion(masked_map: Callable[..., Any], tags: MaskTags):
    many = {f"name-{number}": "" for number in range(MANY)}
    with within_cpu_seconds(3):
        assert len(masked_map(many, tags)) == MANY


def test_gw_05_names_in_marked_json_are_searched():
    rules = MaskRules.of(NO_TAGS, reveal=False)
    assert json.loads(rules.whole(json.dumps({TOKENS[0]: 1, TOKENS[1]: {"a": "b"}}), "cj")) == {
        MASK: 0,
        SECOND: {"a": MASK},
    }


def test_gw_05_marked_json_that_is_nested_too_deep_is_masked_as_text():
    deep = "[" * 100_000 + "]" * 100_000
    assert MaskRules.of(NO_TAGS, reveal=False).whole(deep, "cj") == MASK
