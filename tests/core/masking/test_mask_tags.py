"""The replacement of a masked value (row MASK 4)."""

import hmac
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.core.masking.mask_tags import CREDENTIAL, MASK, NO_TAGS, SENSITIVE, MaskTags

KEY = bytes(range(32))


def test_mask_04_equal_values_have_equal_tags():
    tags = MaskTags(lambda: KEY)
    expected = hmac.digest(KEY, b"hunter2", "sha256").hex()[:6]
    assert tags.mask("hunter2", CREDENTIAL) == tags.mask(b"hunter2", CREDENTIAL) == f"[masked credential {expected}]"
    assert tags.mask("hunter2", SENSITIVE) == f"[masked sensitive {expected}]"
    assert tags.mask("hunter3", CREDENTIAL) != tags.mask("hunter2", CREDENTIAL)


def test_mask_04_another_grants_key_gives_another_tag():
    assert MaskTags(lambda: KEY).mask("hunter2", CREDENTIAL) != MaskTags(lambda: KEY[::-1]).mask("hunter2", CREDENTIAL)


def test_mask_04_without_a_key_there_is_no_tag_to_test_guesses():
    assert NO_TAGS.mask("hunter2", CREDENTIAL) == NO_TAGS.mask("hunter3", CREDENTIAL) == "[masked credential]"


def test_the_key_is_requested_once_and_only_if_needed():
    asked = []
    tags = MaskTags(lambda: asked.append(1) or KEY)
    assert (tags.masked(7, CREDENTIAL), tags.masked("", CREDENTIAL), asked) == (0, "", [])
    tags.mask("a", CREDENTIAL)
    tags.mask("b", CREDENTIAL)
    assert asked == [1]


@given(st.text(min_size=1))
def test_masking_a_mask_changes_nothing(value):
    tags = MaskTags(lambda: KEY)
    mask = tags.mask(value, CREDENTIAL)
    assert MASK.fullmatch(mask)
    assert tags.mask(mask, SENSITIVE) == mask


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        (7, 0),
        (0.5, 0.0),
        (Decimal("1.5"), Decimal(0)),
        (True, False),
        (None, None),
        ("", ""),
        (b"", b""),
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_mask_04_masked_values_keep_their_type(value, masked):
    found = NO_TAGS.masked(value, CREDENTIAL)
    assert found == masked
    assert type(found) is type(value)


def test_mask_04_bytes_stay_bytes():
    assert NO_TAGS.masked(b"\xff\x00", CREDENTIAL) == b"[masked credential]"


def test_a_value_of_unknown_type_is_refused():
    with pytest.raises(TypeError, match="object"):
        NO_TAGS.masked(object(), CREDENTIAL)
