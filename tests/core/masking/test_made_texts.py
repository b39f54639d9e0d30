"""The masker finds most secrets of texts that no rule was written from, and masks little else (rows MASK 1 and 3)."""

import random
from collections import Counter
from functools import cache

from benchmarks.made_texts import made_texts
from benchmarks.mask_recall import unseen, wrong
from benchmarks.rule_sets import Labelled

KEY = "k3v7q2M5x4Tbca9R1zLw"


@cache
def secret() -> list[Labelled]:
    return [each for each in _texts() if each.secret]


@cache
def harmless() -> list[Labelled]:
    return [each for each in _texts() if not each.secret]


@cache
def _texts() -> list[Labelled]:
    return list(dict.fromkeys(made_texts(random.Random(1), 8)))


def share(texts: list[Labelled]) -> float:
    return sum(map(wrong, texts)) / len(texts)


def test_each_text_holds_its_secrets_and_no_piece_to_fill():
    assert [each for each in secret() if not each.secrets or any(one not in each.text for one in each.secrets)] == []
    assert [each.text for each in harmless() if each.secrets] == []
    assert [each.text for each in _texts() if "<<[" in each.text or "<<value" in each.text.lower()] == []


def test_both_parts_have_many_kinds_and_all_holders():
    for part in (True, False):
        texts = [each for each in secret() if unseen(each.rule) == part]
        assert len({each.rule for each in texts}) > 50
        assert Counter(each.holder for each in texts).keys() == {each.holder for each in secret()}
        assert len({each.rule for each in harmless() if unseen(each.rule) == part}) > 10


def test_half_of_a_secret_left_counts_as_missed():
    assert not wrong(Labelled("a", f"password={KEY}", secret=True, secrets=(KEY,), holder="log"))
    assert wrong(Labelled("a", f"password={KEY[:10]} {KEY[10:]}", secret=True, secrets=(KEY,), holder="log"))
    assert wrong(Labelled("a", "password=hunter2000", secret=False))


def test_mask_01_most_secrets_of_made_texts_are_masked():
    assert share(secret()) < 0.08


def test_mask_03_few_harmless_made_texts_are_masked():
    assert share(harmless()) < 0.08
