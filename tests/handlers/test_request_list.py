"""A reviewer's list where more is open than it shows: no flood hides requests that wait for others (REV 12)."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from jitney.core.access.grant import Grant
from jitney.core.target_config import Target
from jitney.handlers.grants import create_grant
from jitney.handlers.pages.request_list import MOST_LISTED, MOST_MILLISECONDS, MOST_READ, MOST_UNREVIEWED
from tests.core.identity import minting
from tests.fakes import GRANT, PENDING, ROLE_ARN
from tests.handlers.conftest import REQUEST_BODY, WRITE
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.identities import identity

NOW = minting.NOW
OTHER_ROLE = "arn:aws:iam::444455556666:role/jitney/jitney-target-other"
ACTIVE = replace(GRANT, created_at=NOW, starts_at=NOW, expires_at=NOW + 300)
WAITS = replace(PENDING, created_at=NOW, expires_at=NOW + 3600)
NOT_ALL = "This list is incomplete"
LETTERS = str.maketrans("0123456789", "abcdefghij")


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system()


@pytest.fixture
def asked(desk: ReviewSystem) -> str:
    """A write that waits for alice; its id."""
    status, body, _ = desk.system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})
    assert status == 202, body
    return str(body["grant"]["id"])


def flood(desk: ReviewSystem, grant: Grant, count: int) -> None:
    """So many of `grant`, each with an id of its own."""
    made = (replace(grant, id=f"g-flood{number:09d}".translate(LETTERS)) for number in range(count))
    desk.system.store.grants |= {each.id: each for each in made}


def listed(desk: ReviewSystem, name: str = "alice", **claims: list[str]) -> dict[str, list[str]]:
    """The entries of each section of a list, and under "notice" what it says about missing ones."""
    browser = Browser(desk)
    browser.sign_in(name, **claims)
    text = browser.send("GET", "/reviews").text
    parts = re.split(r"<h2>", text)
    found = {part.partition("<")[0]: re.findall(r"/reviews/(g-\w+)", part) for part in parts[1:]}
    return found | {
        "notice": list(notices(text)),
        "nothing": ["No request waits for you."] * ("No request waits" in text),
    }


def notices(text: str) -> Iterator[str]:
    for words in re.findall(r'<p class="notice">(.*?)</p>', text, re.DOTALL):
        yield " ".join(words.split())


@pytest.mark.parametrize("count", [250, MOST_READ + 500])
def test_rev_12_no_active_grants_push_out_what_waits(desk: ReviewSystem, asked: str, count: int):
    flood(desk, ACTIVE, count)
    found = listed(desk)
    assert (found["Waiting for you"], found["Active"], found["nothing"]) == ([asked], [], [])


def test_rev_12_ends_that_nothing_recorded_push_out_nothing(desk: ReviewSystem, asked: str):
    flood(desk, replace(ACTIVE, reviews=(("owners",),), expires_at=NOW), MOST_READ + 500)
    mine = replace(ACTIVE, reviews=(("owners",),), id="g-mine")
    desk.system.store.grants[mine.id] = mine
    found = listed(desk)
    assert (found["Active"], found["Waiting for you"], found["notice"]) == ([mine.id], [asked], [])


def test_a_list_that_has_all_says_nothing_of_more(desk: ReviewSystem, asked: str):
    flood(desk, replace(ACTIVE, reviews=(("owners",),)), MOST_LISTED)
    assert (len(listed(desk)["Active"]), listed(desk)["notice"]) == (MOST_LISTED, [])


def test_a_list_that_is_cut_says_so_and_where_the_rest_is(desk: ReviewSystem, asked: str):
    flood(desk, replace(ACTIVE, reviews=(("owners",),)), MOST_LISTED + 1)
    found = listed(desk)
    assert (len(found["Active"]), found["Waiting for you"]) == (MOST_LISTED, [asked])
    (notice,) = found["notice"]
    assert notice.startswith(f"{NOT_ALL}: too many active requests.")
    assert "/live/reviews/&lt;id&gt;" in notice


def of_active(desk: ReviewSystem, name: str, **claims: list[str]) -> str:
    """The words of the section of what is active."""
    browser = Browser(desk)
    browser.sign_in(name, **claims)
    section = browser.send("GET", "/reviews").text.partition("<h2>Active</h2>")[2].partition("<h2>")[0]
    return " ".join(re.sub(r"<[^>]*>", "", section).split())


def test_end_01_a_list_offers_revoking_only_to_those_who_may(desk: ReviewSystem):
    desk.system.store.grants["g-mine"] = replace(
        ACTIVE, id="g-mine", human=identity("staff.harriet"), reviews=(("owners",),)
    )
    for name, groups in (("alice", []), ("olga", ["security"])):
        assert of_active(desk, name, groups=groups).count("revoke it") == 2  # what to do, and with which
    asked = of_active(desk, "harriet")
    assert ("Active requests that concern you." in asked, asked.count("revoke it")) == (True, 2)
    assert ", your own request, you can revoke it" in asked
    assert "revoke it" not in of_active(desk, "carol")


def test_end_01_revocable_requests_are_marked_among_the_rest(desk: ReviewSystem):
    mine = replace(ACTIVE, id="g-mine", human=identity("staff.bob"), reviews=(("owners",),))
    desk.system.store.grants |= {
        "g-mine": mine,
        "g-other": replace(mine, id="g-other", human=identity("staff.harriet")),
    }
    said = of_active(desk, "bob")
    assert re.findall(r"(g-\w+) · requested [^,]*?, (your own request, )?you can revoke it", said) == [
        ("g-mine", "your own request, "),
        ("g-other", ""),
    ]


def test_requests_of_others_do_not_make_a_list_incomplete(desk: ReviewSystem, asked: str):
    flood(desk, ACTIVE, MOST_LISTED + 1)
    assert listed(desk)["notice"] == []
    assert NOT_ALL in listed(desk, "olga", groups=["security"])["notice"][0]


def test_rev_12_an_agent_that_floods_for_many_humans_hides_no_other_agents_request(desk: ReviewSystem, asked: str):
    flood(desk, WAITS, MOST_LISTED + 100)  # they all end before
    desk.system.store.grants[asked] = replace(desk.system.store.grants[asked], expires_at=NOW + 7200)
    found = listed(desk)
    assert (len(found["Waiting for you"]), asked in found["Waiting for you"]) == (MOST_LISTED, True)
    assert found["notice"][0].startswith(f"{NOT_ALL}: too many pending requests.")


def test_rev_12_what_was_not_read_is_not_said_to_be_nothing(desk: ReviewSystem):
    flood(desk, WAITS, MOST_READ + 1)
    found = listed(desk, "oscar")
    assert (found["Waiting for you"], found["nothing"]) == ([], [])
    assert found["notice"][0].startswith(f"{NOT_ALL}: too many pending requests.")


def test_rev_12_a_flood_of_one_target_leaves_the_others_their_turn(desk: ReviewSystem, asked: str):
    other = Target("a-other", "444455556666", OTHER_ROLE, "external", "eu-west-1", 3600, {})
    targets = {other.alias: other, **desk.system.config.targets}
    assert [each.role_arn for each in targets.values()] == [OTHER_ROLE, ROLE_ARN]
    desk.system.ports.config = replace(desk.system.config, targets=targets)
    flood(desk, replace(WAITS, role_arn=OTHER_ROLE, reviews=(("others",),)), MOST_READ + 1)
    assert listed(desk)["Waiting for you"] == [asked]


def test_rev_12_large_grants_of_an_agent_end_no_page_by_its_time(desk: ReviewSystem, asked: str):
    """Reading takes its time; what was read until then is shown, and the page says that it is not all."""
    flood(desk, replace(WAITS, reviews=(("others",),)), 50)
    read = desk.system.store.grants_in_state

    def slowly(role_arn, state, now):
        for grant in read(role_arn, state, now):
            yield grant
            desk.system.milliseconds += MOST_MILLISECONDS // 10

    desk.system.store.grants_in_state = slowly
    found = listed(desk, "olga", groups=["security"])
    assert (0 < len(found["Waiting for others"]) < 50, found["nothing"]) == (True, [])
    assert found["notice"][0].startswith(f"{NOT_ALL}: too many pending requests.")


def test_rev_08_more_break_glass_uses_than_are_read_are_said(desk: ReviewSystem):
    desk.system.store.outstanding = {f"HUMAN#staff.{number}": f"g-{number}" for number in range(MOST_UNREVIEWED + 1)}
    assert listed(desk)["notice"][0].startswith(f"{NOT_ALL}: too many break-glass requests.")


def test_what_was_activated_between_the_readings_is_listed_once(desk: ReviewSystem, asked: str):
    store = desk.system.store
    pending, read = store.grants[asked], store.grants_in_state

    def turning(role_arn, state, now):
        found = list(read(role_arn, state, now))
        store.grants[asked] = replace(pending, state=ACTIVE.state, starts_at=NOW)
        return found

    store.grants_in_state = turning
    found = listed(desk)
    assert (found["Waiting for you"], found["Active"]) == ([], [asked])
