"""Which answers are kept for a repeat of the same call (row GW 6)."""

import json

from jitney.core.gateway.kept_answers import MAX_KEPT_BYTES, answer_to_keep


def test_gw_06_a_small_answer_is_kept_as_it_is():
    answer = {"status": 200, "body": "naïve", "masked": []}
    text = answer_to_keep(answer, revealed=False)
    assert text is not None
    assert json.loads(text) == answer


def test_gw_06_a_large_answer_is_not_kept():
    frame = len(json.dumps({"body": ""}, separators=(",", ":")))
    assert answer_to_keep({"body": "x" * (MAX_KEPT_BYTES - frame)}, revealed=False)
    assert answer_to_keep({"body": "x" * (MAX_KEPT_BYTES - frame + 1)}, revealed=False) is None


def test_gw_05_an_answer_that_was_left_unmasked_is_never_stored():
    assert answer_to_keep({"body": "secret"}, revealed=True) is None
