"""The number of banned words never rises. tests/voice.py has a limit for each room."""

from pathlib import Path

import pytest

from tests import voice


@pytest.fixture(scope="module")
def found_words() -> dict[str, list[voice.Hit]]:
    return voice.by_room()


@pytest.mark.parametrize("room", voice.FLOORS)
def test_a_room_holds_no_more_banned_words_than_its_floor(room: str, found_words: dict[str, list[voice.Hit]]):
    found, floor = found_words.get(room, []), voice.FLOORS[room]
    listed = "\n".join(str(hit) for hit in found[:50])
    assert len(found) <= floor, f"{room}: {len(found)} banned words, not {floor}. tests/voice.py has others:\n{listed}"
    assert len(found) >= floor, (
        f"{room}: only {len(found)} banned words: lower its floor from {floor} in tests/voice.py"
    )


def test_a_room_without_a_floor_holds_no_banned_words(found_words: dict[str, list[voice.Hit]]):
    assert [str(hit) for room, found in found_words.items() if room not in voice.FLOORS for hit in found] == []


PAGES = [*sorted(voice.ROOT.glob("*.md")), *sorted((voice.ROOT / "docs").rglob("*.md"))]
STILL_LONG = {"calls.md": 2}
"""How many sentences of a page are too long: two are lists of operations."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_of_a_page_are_short(page: Path):
    sentences = voice.sentences(page.read_text("utf-8"))
    long = [sentence for sentence in sentences if len(sentence.split()) > voice.LONGEST_SENTENCE]
    allowed = STILL_LONG.get(page.name, 0)
    listed = "\n".join(long)
    assert len(long) <= allowed, f"{len(long)} sentences have over {voice.LONGEST_SENTENCE} words:\n{listed}"


def test_pages_templates_queries_and_configuration_are_checked():
    suffixes = {path.suffix for path in voice.files()}
    assert {".py", ".md", ".html", ".sql", ".yaml", ".cedar", ".cedarschema"} <= suffixes


def test_sentences_are_found_in_text_lists_and_tables():
    text = "One is here. Two is\nhere.\n\n- Three.\n\n| a |\n| --- |\n| Four. `Five` |\n"
    assert list(voice.sentences(text)) == ["One is here.", "Two is here.", "Three.", "a", "Four.", "Five"]


def test_words_are_found_in_strings_comments_and_defined_names(tmp_path: Path):
    module = tmp_path / "module.py"
    module.write_text("# whoever\nnobody = f'told {nobody} anew'\ndef takes_back(): nobody\n")
    found = [(hit.line, hit.word) for hit in voice.hits(module)]
    assert found == [(1, "whoever"), (2, "told"), (2, "anew"), (3, "takes back")]


def test_words_are_found_in_prose(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("Nobody reads.\n\nIt is told.\n")
    assert [(hit.line, hit.word) for hit in voice.hits(page)] == [(1, "nobody"), (3, "told")]
