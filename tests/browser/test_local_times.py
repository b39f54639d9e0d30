"""Rows REV 19 and REV 20 in Chromium, over in-memory adapters: times in the reader's zone or UTC, and wide tables."""

from typing import Any

import pytest

from jitney.core.times import form_time
from tests.browser.needs_chromium import NEEDS_CHROMIUM
from tests.browser.pages_in_memory import URL, show_pages
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.test_out_of_office import GROUPS
from tests.handlers.test_present_denials import frozen
from tests.handlers.test_reconfigured_grants import person
from tests.handlers.test_request_list import ACTIVE, WAITS
from tests.handlers.test_review_pages import pending
from tests.handlers.test_terminal_reviews import terminal_desk

pytestmark = NEEDS_CHROMIUM
UTC = "2023-11-14 22:15 UTC"  # minting.NOW, when the request was made
ZONES = {
    "America/New_York": "2023-11-14 17:15 GMT-5",
    "Asia/Kolkata": "2023-11-15 03:45 GMT+5:30",
    "UTC": UTC,
}


@pytest.fixture
def desk() -> ReviewSystem:
    desk = review_system()
    desk.system.store.grants |= {each.id: each for each in (WAITS, ACTIVE)}
    return desk


def opened(chrome: Any, desk: ReviewSystem, path: str, **options: Any) -> Any:
    """A page of an operator who is signed in."""
    olga = Browser(desk)
    olga.sign_in("olga", groups=["security"])
    context = chrome.new_context(**options)
    show_pages(context, olga)
    page = context.new_page()
    page.goto(f"{URL}{path}")
    return page


@pytest.mark.parametrize("zone", ZONES)
def test_rev_20_times_are_in_the_readers_zone_with_utc_beside_them(chrome: Any, desk: ReviewSystem, zone: str):
    page = opened(chrome, desk, "/overview", timezone_id=zone)
    requested = page.get_by_role("region", name="Pending requests by age").locator("time").first
    assert (requested.inner_text(), requested.get_attribute("title")) == (ZONES[zone], UTC)
    page.goto(URL)
    age = page.locator("time", has_text="less than a second").first
    assert age.get_attribute("title") == f"{ZONES[zone]} ({UTC})"
    page.context.close()


def test_rev_20_without_scripts_times_are_in_utc_and_say_so(chrome: Any, desk: ReviewSystem):
    page = opened(chrome, desk, "/overview", timezone_id="Asia/Kolkata", java_script_enabled=False)
    requested = page.get_by_role("region", name="Pending requests by age").locator("time").first
    assert (requested.inner_text(), requested.get_attribute("title")) == (UTC, None)
    page.context.close()


def test_rev_20_no_other_script_runs_beside_that_of_the_times(chrome: Any, desk: ReviewSystem):
    """As if text of an agent had become markup."""
    page = opened(chrome, desk, "/overview", timezone_id="Asia/Kolkata")
    injected = '<script>document.title = "taken"</script><img src="x:" onerror="document.title = \'taken\'">'

    def altered(route: Any) -> None:
        olga = Browser(desk)
        olga.sign_in("olga", groups=["security"])
        answer = olga.send("GET", "/reviews/overview")
        route.fulfill(status=200, headers=answer.headers, body=answer.text.replace("</main>", f"{injected}</main>"))

    page.context.route(f"{URL}/overview", altered)
    page.goto(f"{URL}/overview")
    assert page.locator("img").count() == 1
    assert page.title() == "Overview - Jitney"
    assert "GMT+5:30" in page.locator("time").first.inner_text()
    page.context.close()


def test_rev_20_times_in_sentences_are_in_the_readers_zone_too(chrome: Any):
    desk = terminal_desk()
    alice, grant = person(desk, "alice"), pending(desk)
    context = chrome.new_context(timezone_id="Asia/Kolkata")
    show_pages(context, alice)
    page = context.new_page()
    frozen(desk, -60, 600)
    page.goto(f"{URL}/{grant.id}")
    assert "cannot be approved before 2023-11-15 03:55 GMT+5:30: open it again" in page.locator(".notice").inner_text()
    assert "From 03:55 GMT+5:30 on, you can approve it." in page.locator(".next").inner_text()
    context.close()


@pytest.mark.parametrize(
    ("options", "shown", "typed", "ends_at"),
    [
        ({"timezone_id": "America/New_York"}, "your time zone", "2023-11-20T18:30", "2023-11-20T23:30"),
        ({"timezone_id": "Asia/Kolkata"}, "your time zone", "2023-11-20T18:30", "2023-11-20T13:00"),
        ({"timezone_id": "Asia/Kolkata", "java_script_enabled": False}, "UTC", "2023-11-20T18:30", "2023-11-20T18:30"),
    ],
)
def test_rev_20_typed_times_are_in_the_readers_zone_too(
    chrome: Any, options: Any, shown: str, typed: str, ends_at: str
):
    desk = review_system(reviewers=GROUPS)
    bob, context = person(desk, "bob"), chrome.new_context(**options)
    show_pages(context, bob)
    page = context.new_page()

    page.goto(f"{URL}/out-of-office")
    page.get_by_label(f"Until ({shown})").fill(typed)
    page.get_by_label("Delegate in owners").select_option("staff.carol")
    for button in ("Set out of office", "Save changes"):
        with page.expect_response(lambda each: each.request.method == "GET"):
            page.get_by_role("button", name=button).click()
        page.wait_for_selector("text=You are out of office from")
        (entry,) = desk.system.store.away.values()
        assert form_time(entry.ends_at) == ends_at
        assert page.get_by_label(f"Until ({shown})").input_value() == typed
    records = [each for each in desk.system.records() if each["event"] == "out_of_office"]
    assert len(records) == 1  # the second form changes nothing
    context.close()


def test_rev_19_no_table_of_the_overview_scrolls_sideways_on_a_laptop(chrome: Any, desk: ReviewSystem):
    viewport = {"width": 1280, "height": 800}
    page = opened(chrome, desk, "/overview", viewport=viewport, timezone_id="America/New_York")
    assert page.locator(".wide").count() > 2
    cut = page.eval_on_selector_all(
        ".wide", "all => all.filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText)"
    )
    assert cut == []
    page.context.close()
