"""Every page with long names, enlarged to 400 % (WCAG 2.2, 1.4.10): no line is cut, and each control can be hit."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant
from jitney.core.access.request import Permission
from jitney.core.identity.source_identity import source_identity
from tests.browser.needs_chromium import NEEDS_CHROMIUM
from tests.browser.pages_in_memory import URL, show_pages
from tests.handlers.review_browser import Browser, review_system
from tests.handlers.test_reconfigured_grants import policies_are
from tests.handlers.test_request_list import ACTIVE
from tests.handlers.test_review_pages import pending

pytestmark = NEEDS_CHROMIUM
LONG = "x" * 200
PERMITTED = """@id("any") permit (principal, action, resource)
when { [true, false].contains(resource.wildcard) && context.approvals.contains("owners") };"""
"""What `hostile` requests, too. A request that policies deny has no second step."""
ACTIONS = ("s3:DeleteObjectVersionTagging", "s3:PutObject", "s3:DeleteObject")
ARNS = (f"arn:aws:s3:::reports/{LONG}", f"arn:aws:s3:::reports/{LONG}/*", 'arn:aws:s3:::reports/a" and nothing else')
PATHS = ("", "/{waits}", "/{waits}/report", "/{active}", "/out-of-office", "/overview", "/g-zzzzzzzzzzzzzz",
         "/rejections?agent={agent}")  # fmt: skip
LEAST_TARGET = 24
"""CSS pixels (WCAG 2.2, 2.5.8). Links inside a sentence are exempt."""
SMALL = """most => [...document.querySelectorAll("a, button, input, select, textarea, summary")].filter(each => {
  const {width, height} = each.getBoundingClientRect();
  const inline = ".skip, main p > a:not(.button), li a, dd a, h3 a, td a";
  return width && !each.matches(inline) && Math.min(width, height) < most;
}).map(each => each.outerHTML)"""
STYLE = """each => {
  const {color, opacity, backgroundColor} = getComputedStyle(each);
  return [color, opacity, backgroundColor];
}"""


def hostile(grant: Grant) -> Grant:
    """The grant with the longest names that a request can have."""
    words = f"{LONG} {LONG}"
    name = source_identity("corp", grant.issuer, LONG)
    wide = replace(grant, permissions=(Permission(ACTIONS, ARNS),), reason=words, ticket=LONG[:100])
    return replace(wide, subject=LONG, principal=name, unit=name)


@pytest.fixture
def paths() -> dict[str, str]:
    """The ids and names in `PATHS`, once the system has them."""
    return {}


@pytest.fixture
def page(chrome: Any, paths: dict[str, str]) -> Iterator[Any]:
    """Yield a page of a reviewer who is an operator, on a screen of 1280 by 1024 pixels at 400 %."""
    desk = review_system()
    waits = hostile(pending(desk))
    policies_are(desk, PERMITTED)
    desk.system.store.grants |= {each.id: each for each in (waits, hostile(ACTIVE))}
    paths |= {"waits": waits.id, "active": ACTIVE.id, "agent": waits.principal}
    alice = Browser(desk)
    alice.sign_in("alice", groups=["security"])
    context = chrome.new_context(viewport={"width": 320, "height": 256})
    show_pages(context, alice)
    yield context.new_page()
    context.close()


def check(page: Any, path: str) -> None:
    page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == 320, path
    assert page.evaluate(SMALL, LEAST_TARGET) == [], path


def second_step(page: Any, paths: dict[str, str]) -> Any:
    """Open the second step. Return its button, which waits for its box."""
    page.goto(f"{URL}/{paths['waits']}")
    page.get_by_role("button", name="Approve…").click()
    page.get_by_text("Step 2 of 2").wait_for()
    return page.get_by_role("button", name="Approve", exact=True)


def test_rev_20_pages_with_long_names_fit_a_screen_at_400_percent(page: Any, paths: dict[str, str]) -> None:
    for path in PATHS:
        shown = page.goto(URL + path.format(**paths))
        assert shown.status == (404 if "zzz" in path else 200), path
        check(page, path)
    button = second_step(page, paths)
    check(page, "second step")
    page.evaluate("scrollTo(0, 0)")
    assert button.bounding_box()["y"] > 256  # the bar covers no text on a screen this low


def test_rev_14_a_button_that_waits_for_its_box_is_readable(page: Any, paths: dict[str, str]) -> None:
    button = second_step(page, paths)
    assert button.evaluate(STYLE) == ["rgb(87, 96, 106)", "1", "rgba(0, 0, 0, 0)"]  # on white, a contrast of 6.4
    page.get_by_label("I have read this.").check()
    assert button.evaluate(STYLE) == ["rgb(255, 255, 255)", "1", "rgb(26, 127, 55)"]
