"""Row REV 15: the first screen says who does what to what, on whose behalf, where, for how long and how bad it is."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.rejections import RepeatedRequest
from jitney.core.access.request import Permission
from jitney.core.access.suspensions import NO_SUSPENSIONS
from jitney.core.review.grant_under_review import GrantUnderReview
from local import call_pages, provider_pages
from local.browser import chromium
from tests.browser.needs_chromium import NEEDS_CHROMIUM
from tests.running_systems import PATIENCE

pytestmark = NEEDS_CHROMIUM
DELEGATED = {"okta": "on behalf of ada@corp.example.com", "google": "on behalf of ada@corp.example.com"}
"""What the sentence says of the person, for the providers whose sample is a token that a person delegated."""
SCREENS: Mapping[str, Mapping[str, Any]] = {
    "desk": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}},
    "phone, dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}
FIRST = ("h1", ".harm", ".grants dd >> nth=0", ".bar button.go", ".bar a.stop", ".bar .next")
WHOLE = (*FIRST, ".before", "blockquote")
"""A call with its parameters may push the agent's text below the buttons, which stay."""
REPORTS = "arn:aws:s3:::reports"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium(PATIENCE) as running:
        yield running


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    return {**dict(provider_pages.pages()), "call": dict(call_pages.pictures())["call"]}


def rejected_before() -> str:
    """The page of a request with several groups of permissions, like one that was rejected before."""
    config, agent = provider_pages.sample_config(), provider_pages.agent_of("okta")
    both = (f"{REPORTS}/2026/*", f"{REPORTS}/archive/*")
    asked = replace(
        provider_pages.grant_of(agent, config),
        permissions=(
            Permission(("s3:PutObject", "s3:DeleteObject"), both),
            Permission(("s3:GetObject",), both[:1]),
            Permission(("s3:ListBucket",), (REPORTS,)),
        ),
        repeated=RepeatedRequest("It has a ticket.", "g-4wq2x7ncd3kfaa", "people.alice", 1, "Not without a ticket"),
    )
    return provider_pages.page_of(GrantUnderReview(asked, config, NO_SUSPENSIONS))


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_rev_15_the_first_screen_says_that_a_like_request_was_rejected(browser: Any, screen: Mapping[str, Any]) -> None:
    page = browser.new_context(**screen).new_page()
    page.set_content(rejected_before())
    for part in (".before.stopped", ".before >> nth=1"):
        box, bar = (page.locator(each).bounding_box() for each in (part, ".bar"))
        assert box["y"] + box["height"] <= bar["y"], part
    page.context.close()


@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_rev_15_the_first_screen_answers_what_a_reviewer_asks(
    browser: Any, pages: Mapping[str, str], screen: Mapping[str, Any]
) -> None:
    page = browser.new_context(**screen).new_page()
    for name, html in pages.items():
        page.set_content(html)
        sentence = page.locator("h1").inner_text()
        assert f", {DELEGATED.get(name, 'no person named')}" in sentence
        assert ", requests " in sentence
        assert " analytics-prod" in sentence
        assert page.locator(".harm strong").inner_text() == "Severe harm."
        for part in FIRST if name == "call" else WHOLE:
            box = page.locator(part).bounding_box()
            assert box, (name, part)
            assert box["y"] + box["height"] <= screen["viewport"]["height"], (name, part)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    page.context.close()
