"""Row REV 14 in Chromium, over in-memory adapters: no key press, second click, reload, back or second tab decides."""

from collections.abc import Iterator
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from tests.browser.needs_chromium import NEEDS_CHROMIUM
from tests.browser.pages_in_memory import URL, show_pages
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.test_review_pages import pending, stored

pytestmark = NEEDS_CHROMIUM
ARN = "arn:aws:s3:::reports/a"
DELETES = [{"actions": ["s3:PutObject", "s3:DeleteObject"], "resources": [ARN]}]


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system()


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def tabs(request: pytest.FixtureRequest, chrome: Any, desk: ReviewSystem) -> Iterator[Any]:
    """Yield a context whose tabs show the pages of `desk` to alice, who is signed in."""
    alice = Browser(desk)
    alice.sign_in("alice")
    context = chrome.new_context(viewport={"width": 1280, "height": 800}, java_script_enabled=request.param)
    show_pages(context, alice)
    yield context
    context.close()


def opened(tabs: Any, grant: Grant) -> Any:
    page = tabs.new_page()
    page.goto(f"{URL}/{grant.id}")
    return page


def approve(page: Any) -> None:
    page.get_by_role("button", name="Approve", exact=True).click()


def test_rev_14_no_slip_decides(desk: ReviewSystem, tabs: Any) -> None:
    grant = pending(desk, DELETES)
    page = opened(tabs, grant)
    assert page.locator(":focus").count() == page.locator("[autofocus]").count() == 0
    page.get_by_label("Duration").focus()
    page.keyboard.press("Enter")  # opens the list
    page.keyboard.press("Escape")
    for name in ("Allow s3:DeleteObject", f"on {ARN}"):  # Enter presses the first button
        page.get_by_label(name).first.focus()
        page.keyboard.press("Enter")
        page.get_by_text("No button was pressed, so nothing was decided.").wait_for()
        page.go_back()
    page.get_by_role("button", name="Approve…").dblclick()
    page.get_by_text("Step 2 of 2").wait_for()
    approve(page)  # without the box, the browser asks for it
    page.get_by_label("I have read this.").check()
    page.keyboard.press("Enter")
    page.get_by_text("Step 2 of 2").wait_for()
    page.reload()
    page.get_by_text("Step 2 of 2").wait_for()
    assert (stored(desk, grant).state, stored(desk, grant).votes) == (State.PENDING, ())
    other = opened(tabs, grant)
    for tab in (other, page):
        if tab is other:
            tab.get_by_role("button", name="Approve…").click()
        tab.get_by_label("I have read this.").check()
        approve(tab)
        tab.get_by_text("Approved by staff.alice").first.wait_for()
    page.go_back()
    page.get_by_text("Approved by staff.alice").first.wait_for()
    assert (stored(desk, grant).state, len(stored(desk, grant).votes)) == (State.ACTIVE, 1)


def test_rev_18_no_slip_rejects_a_flood(desk: ReviewSystem, tabs: Any) -> None:
    grants = [pending(desk, DELETES, reason=f"request {number}") for number in range(3)]
    page, other = tabs.new_page(), tabs.new_page()
    for tab in (page, other):
        tab.goto(URL)
        tab.get_by_role("link", name="Reject all 3 requests").click()
        tab.get_by_text("Nothing is rejected yet.").wait_for()
    assert page.locator(":focus").count() == page.locator("[autofocus]").count() == 0
    reject = page.get_by_role("button", name="Reject 3 requests")
    reject.dblclick()  # without the box, the browser asks for it
    page.get_by_label("I reject 3 requests of agent").check()
    page.keyboard.press("Enter")
    page.get_by_text("No button was pressed, so nothing was rejected.").wait_for()
    page.go_back()
    assert {stored(desk, each).state for each in grants} == {State.PENDING}
    page.get_by_label("I reject 3 requests of agent").check()
    reject.dblclick()
    page.get_by_role("heading", name="Rejected 3 requests of agent").wait_for()
    page.reload()
    other.get_by_label("I reject 3 requests of agent").check()
    other.get_by_role("button", name="Reject 3 requests").click()
    for tab in (page, other):
        tab.get_by_role("heading", name="Rejected 3 requests of agent").wait_for()
    assert {(stored(desk, each).state, len(stored(desk, each).votes)) for each in grants} == {(State.REJECTED, 1)}
