"""Texts without a secret are searched once; others are searched each time (row MASK 5)."""

import tracemalloc
from collections.abc import Sequence

from jitney.core.masking import harmless_texts, members
from jitney.core.masking.aws_masker import EVENT_TEXTS, AwsMasker
from jitney.core.masking.harmless_texts import LONGEST, HarmlessTexts
from jitney.core.masking.mask_tags import MaskTags
from jitney.core.masking.members import lookup_by_shape
from jitney.core.masking.named_secrets import judge_secret_name
from jitney.core.masking.pairs import NamesBeside
from jitney.core.masking.text import suspects
from tests.core.masking.conftest import MASKS

SECRET = "password=k3v7q2M5x4Tb"


class Searches:
    """Searches texts, and remembers which."""

    def __init__(self) -> None:
        self.searched: list[str] = []

    def __call__(self, texts: Sequence[str]) -> set[int]:
        self.searched = list(texts)
        return suspects(texts)


def test_mask_05_a_harmless_text_is_searched_once_and_a_secret_each_time():
    known, search = HarmlessTexts(), Searches()
    assert known.suspects(["a", SECRET, "b"], search) == {1}
    assert known.suspects(["c", "a", SECRET], search) == {2}
    assert search.searched == ["c", SECRET]
    known.clear()
    assert known.suspects(["a"], search) == set()
    assert search.searched == ["a"]


def test_mask_05_long_texts_and_more_than_the_most_are_not_kept(monkeypatch):
    monkeypatch.setattr(harmless_texts, "MOST", 3)
    known, search = HarmlessTexts(), Searches()
    known.suspects(["x " * LONGEST, "a", "b"], search)
    known.suspects(["x " * LONGEST, "a"], search)
    assert search.searched == ["x " * LONGEST]
    known.suspects(["c", "d"], search)
    known.suspects(["a", "c"], search)
    assert search.searched == ["a"]


def test_mask_05_a_secret_is_masked_in_each_event_with_the_tag_of_its_grant():
    EVENT_TEXTS.clear()
    event = {"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "requestParameters": {"key": SECRET}}
    texts = [str(AwsMasker(MASKS, MaskTags(lambda key=key: key)).event(event).value) for key in (b"1" * 32, b"2" * 32)]
    assert not [text for text in texts if SECRET in text]
    assert texts[0] != texts[1]


def test_mask_05_a_lookup_forgets_names_beyond_the_most(monkeypatch):
    monkeypatch.setattr(members, "_MOST_NAMES", 2)
    lookup = lookup_by_shape(members.OperationShapes((), None, None), None, {})
    holder = {"a": 1, "b": 2, "c": 3, "password": "k3v7q2M5x4Tb"}
    beside = NamesBeside(holder, judge_secret_name)
    assert [lookup.member(None, name, beside) for name in (*holder, "a")] == [None, None, None, "c", None]
    assert len(lookup.known(None)) == 2


def test_mask_05_a_lookup_keeps_no_long_names():
    lookup = lookup_by_shape(members.OperationShapes((), None, None), None, {})
    long, secret = "n" * 1_000_000, "n" * 1_000_000 + "_password"
    beside = NamesBeside({"a": 1, long: 2, secret: "k3v7q2M5x4Tb"}, judge_secret_name)
    tracemalloc.start()
    found = [lookup.member(None, name, beside) for name in beside.holder]
    kept = [
        (lookup.member(None, f"{at}{secret}", NamesBeside({f"{at}{secret}": "x9"}, judge_secret_name)))
        for at in range(9)
    ]
    memory, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [None, None, "c"]
    assert kept == ["c"] * 9
    assert [*lookup.known(None)] == ["a"]
    assert memory < 1_000_000
