"""docs/masking.md shows what the masker does."""

import json
import re
from base64 import b32encode, b64encode
from gzip import compress
from pathlib import Path
from urllib.parse import quote

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


TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
ENCODED = {
    "base64": b64encode(TOKEN.encode()).decode(),
    "percent-encoding": "".join(f"%{each:02X}" for each in TOKEN.encode()),
    "JSON within JSON": json.dumps({"a": json.dumps({"b": TOKEN})}),
    "combinations": b64encode(b64encode(quote(json.dumps([TOKEN])).encode())).decode(),
}
KEPT = {
    "Hexadecimal": TOKEN.encode().hex(),
    "base32": b32encode(TOKEN.encode()).decode(),
    "HTML entities": "".join(f"&#{each};" for each in TOKEN.encode()),
    "over two lines": f"{TOKEN[:9]}\n{TOKEN[9:]}",
    "Compressed": b64encode(compress(TOKEN.encode())).decode(),
}


@pytest.mark.parametrize("named", [*ENCODED, *KEPT])
def test_the_encodings_that_the_page_names_are_decoded_or_kept(named: str):
    text = (ENCODED | KEPT)[named]
    assert named in " ".join(DOC.split())
    assert (GenericMasker().text(text) == text) == (named in KEPT)
