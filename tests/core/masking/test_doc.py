"""docs/masking.md shows what the masker does."""

import re
from pathlib import Path

import pytest

from jitney.core.masking.generic_masker import GenericMasker
from jitney.core.masking.mask_tags import MaskTags
from tests.core.masking.conftest import KEY

DOC = (Path(__file__).parents[3] / "docs" / "masking.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^\| `(.+)` \| `(.+)` \|$", DOC, re.MULTILINE)


@pytest.mark.parametrize(("written", "kept"), SHOWN)
def test_the_examples_on_the_page_are_true(written: str, kept: str):
    masked = GenericMasker(MaskTags(lambda: KEY)).text(written)
    assert re.sub(r"(?<=credential )[0-9a-f]{6}\]", "3f9a2c]", masked) == kept


def test_the_page_has_examples_and_its_exception_is_true():
    assert len(SHOWN) > 4
    said = "the password is hunter2000"
    assert f"`{said}`" in DOC
    assert GenericMasker().text(said) == said
