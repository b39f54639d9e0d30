"""The number of banned words falls and never rises: each room has its floor in tests/voice.py."""

import pytest

from tests import voice

FOUND = voice.by_room()


@pytest.mark.parametrize("room", sorted(FOUND.keys() | voice.FLOORS.keys()))
def test_a_room_holds_no_more_banned_words_than_its_floor(room: str):
    found, floor = FOUND.get(room, []), voice.FLOORS.get(room, 0)
    listed = "\n".join(str(hit) for hit in found[:50])
    assert len(found) <= floor, f"{room}: {len(found)} banned words, not {floor}. docs/words.md has others:\n{listed}"
    assert len(found) >= floor, (
        f"{room}: only {len(found)} banned words: lower its floor from {floor} in tests/voice.py"
    )


def test_words_are_found_in_strings_and_comments_only(tmp_path):
    module = tmp_path / "module.py"
    module.write_text("# whoever asks\nnobody = f'told {nobody} anew'\n")
    assert [(hit.line, hit.word) for hit in voice.hits(module)] == [(1, "whoever"), (2, "told"), (2, "anew")]


def test_words_are_found_in_prose(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Nobody reads.\n\nIt is told.\n")
    assert [(hit.line, hit.word) for hit in voice.hits(page)] == [(1, "nobody"), (3, "told")]
