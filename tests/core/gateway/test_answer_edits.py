"""An edit changes the values it names, and no other byte (row GW 5)."""

import json
import random
from typing import Any
from xml.parsers import expat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.gateway.json_answers import mask_json
from jitney.core.gateway.json_edit import edit_json
from jitney.core.gateway.mask_rules import MAX_DEPTH, MaskRules, UnmaskableAnswer
from jitney.core.gateway.xml_answers import mask_xml
from jitney.core.gateway.xml_edit import XmlEdit, edit_xml
from jitney.core.masking.mask_tags import MaskTags
from tests.examples import examples

TAGS = MaskTags(lambda: b"k" * 32)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)
SPACES = ("", " ", "\n", "\t \r\n")


class JsonText:
    """Writes JSON with the white space and the escapes that a seed chooses."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def space(self) -> str:
        return self.random.choice(SPACES)

    def literal(self, value: Any, *, masked: bool) -> str:
        ascii_only = self.random.random() < 0.5
        return json.dumps(value) if masked else json.dumps(value, ensure_ascii=ascii_only)

    def written(self, value: Any, new: Any) -> tuple[str, str]:
        """Return the text of `value`, and that of `new` with the same white space."""
        before = after = self.space()
        if isinstance(value, dict):
            pieces = [
                self.member(name, each, new_name, new_each)
                for (name, each), (new_name, new_each) in zip(value.items(), new.items(), strict=True)
            ]
            texts = ["{" + ",".join(each[side] for each in pieces) + "}" if pieces else "{}" for side in (0, 1)]
        elif isinstance(value, list):
            pieces = [self.written(each, new_each) for each, new_each in zip(value, new, strict=True)]
            texts = ["[" + ",".join(each[side] for each in pieces) + "]" for side in (0, 1)]
        else:
            text = self.literal(value, masked=False)
            texts = [text, text if new is value else self.literal(new, masked=True)]
        end = self.space()
        return before + texts[0] + end, after + texts[1] + end

    def member(self, name: str, value: Any, new_name: str, new: Any) -> tuple[str, str]:
        start, middle = self.space(), self.space()
        key = self.literal(name, masked=False)
        new_key = key if new_name is name else self.literal(new_name, masked=True)
        before, after = self.written(value, new)
        return f"{start}{key}{middle}:{before}", f"{start}{new_key}{middle}:{after}"


def changed(value: Any, choose: random.Random) -> Any:
    """Return the value with some texts, numbers and names changed. What has no change is the same object."""
    if isinstance(value, dict):
        new = {name + "~" if choose.random() < 0.1 else name: changed(each, choose) for name, each in value.items()}
        same = all(a is b and value[a] is new[b] for a, b in zip(value, new, strict=False))
        return value if same and len(new) == len(value) else new if len(new) == len(value) else value
    if isinstance(value, list):
        new = [changed(each, choose) for each in value]
        return value if all(a is b for a, b in zip(value, new, strict=True)) else new
    if isinstance(value, str) and choose.random() < 0.3:
        return f"[masked {value}]"
    return 0 if isinstance(value, float) and value and choose.random() < 0.3 else value


@given(VALUES, st.integers(0, 2**32))
@settings(max_examples=examples(600))
def test_gw_05_an_edit_of_json_keeps_all_other_characters(value, seed):
    new = changed(value, random.Random(seed))
    before, after = JsonText(seed).written(value, new)
    assert edit_json(before, value, new) == after
    assert json.loads(edit_json(before, value, new)) == new


NAMES = st.sampled_from(["a", "Bc", "x:d", "member", "secret"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8) | st.sampled_from(
    ["<&>\"'", "]]>", "\n", "a\tb"]
)
TREES = st.recursive(
    st.tuples(NAMES, TEXTS), lambda inner: st.tuples(NAMES, st.lists(inner, min_size=1, max_size=4)), max_leaves=12
)


class XmlText:
    """Writes XML with the white space, the quotes and the escapes that a seed chooses."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self, text: str) -> str:
        if "]]>" not in text and self.random.random() < 0.3:
            return f"<![CDATA[{text}]]>"
        return "".join(f"&#{ord(each)};" if each in "<&>" or self.random.random() < 0.2 else each for each in text)

    def tag(self, name: str, *, secret: bool) -> tuple[str, str]:
        start, value, end = self.random.choice([("", "", ""), (" k='", ">", "'"), (' k = "', "a'b/>", '"')])
        space = self.random.choice(SPACES)
        masked = TAGS.mask(value, "credential") if secret and value else value
        return f"<{name}{start}{value}{end}{space}>", f"<{name}{start}{masked}{end}{space}>"

    def written(self, tree: Any, *, secret: bool = False) -> tuple[str, str]:
        """Return the text of a tree, and that with the texts below `secret` masked."""
        name, inner = tree
        secret = secret or name == "secret"
        tag, masked_tag = self.tag(name, secret=secret)
        if isinstance(inner, str):
            before = self.text(inner)
            after = TAGS.mask(inner, "credential") if secret and inner else before
        else:
            space = self.random.choice(SPACES)
            pieces = [self.written(each, secret=secret) for each in inner]
            before, after = (space + space.join(each[side] for each in pieces) + space for side in (0, 1))
        end = f"</{name}{self.random.choice(SPACES)}>"
        return f"{tag}{before}{end}", f"{masked_tag}{after}{end}"


@given(TREES, st.integers(0, 2**32))
@settings(max_examples=examples(600))
def test_gw_05_an_edit_of_xml_keeps_all_other_bytes(tree, seed):
    before, after = XmlText(seed).written(("root", [tree]))
    before, after = (text.replace("<root", "<root xmlns:x='urn:x'", 1) for text in (before, after))
    shapes = ({"secret": "c", "*": 0},)
    rules = MaskRules.of(TAGS, reveal=False)
    masked, _ = mask_xml(before.encode(), shapes, 0, rules)
    assert masked.decode() == after
    expat.ParserCreate().Parse(masked, True)


def test_mask_03_an_edit_that_meets_no_tag_is_an_error():
    assert edit_xml(b"<a>x</a>", [XmlEdit(0, 4, "", "y")]) == b"<a>y</a>"
    with pytest.raises(ValueError, match="no start tag"):
        edit_xml(b"<a>x</a>", [XmlEdit(1, 4, "", "y")])


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_gw_12_json_that_is_nested_too_deep_is_not_passed_on(opens: str, closes: str):
    def deep(levels: int) -> bytes:
        return f"{opens * levels}1{closes * levels}".encode()

    rules = MaskRules.of(TAGS, reveal=False)
    assert mask_json(deep(MAX_DEPTH + 1), (), None, rules) == (deep(MAX_DEPTH + 1), [])
    with pytest.raises(UnmaskableAnswer, match="nested too deep"):
        mask_json(deep(MAX_DEPTH + 2), (), None, rules)
