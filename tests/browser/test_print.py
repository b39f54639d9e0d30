"""A printed request has everything that its page says is below, and no controls."""

from typing import Any

from tests.browser.needs_chromium import NEEDS_CHROMIUM
from tests.browser.pages_in_memory import URL, show_pages
from tests.handlers.review_browser import Browser, review_system
from tests.handlers.test_review_pages import pending

pytestmark = NEEDS_CHROMIUM
MANY = [{"actions": ["s3:PutObject"], "resources": [f"arn:aws:s3:::reports/{number:02}" for number in range(30)]}]


def test_rev_20_print_has_each_resource_and_the_details(chrome: Any) -> None:
    desk = review_system()
    grant, alice, context = pending(desk, MANY), Browser(desk), chrome.new_context()
    alice.sign_in("alice")
    show_pages(context, alice)
    page = context.new_page()
    page.goto(f"{URL}/{grant.id}")
    page.emulate_media(media="print")
    assert page.get_by_text("and 28 more below").is_visible()
    shown = page.locator("label", has_text="arn:aws:s3:::reports/")
    assert [each.is_visible() for each in shown.all()] == [True] * 30
    assert page.get_by_text("Target role").is_visible()  # under Details
    hidden = page.locator("button, textarea, select, a.button")
    assert [each.is_visible() for each in hidden.all()] == [False] * hidden.count()
    context.close()
