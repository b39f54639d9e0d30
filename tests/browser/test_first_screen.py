"""Row REV 15: the first screen says who requests what, on whose behalf, where, for how long and how bad it is."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import provider_pages
from local.browser import CHROMIUM, chromium
from local.screenshots import LOOKS
from tests.running_systems import PATIENCE

pytestmark = pytest.mark.skipif(
    "JITNEY_CHROMIUM" not in os.environ and not Path(CHROMIUM).exists(),
    reason="no Chromium: apt-get install chromium, or say in JITNEY_CHROMIUM where it is",
)
PAGES = dict(provider_pages.pages())
FIRST = ["Requested by", "Target", "Duration", "New access"]
DELEGATED = {"okta", "google"}
"""The providers whose sample is a token that a person delegated."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium(PATIENCE) as running:
        yield running


@pytest.mark.parametrize("provider", PAGES)
def test_rev_15_the_first_screen_answers_what_a_reviewer_asks(browser: Any, provider: str) -> None:
    look = LOOKS["light"]
    page = browser.new_context(**look).new_page()
    page.set_content(PAGES[provider])
    named = [*FIRST, *(["On behalf of"] if provider in DELEGATED else [])]
    shown = [page.get_by_role("heading", level=1), page.locator("h2:text('Risks') + ul")]
    shown += [page.locator(f"dt:text-is('{name}') + dd") for name in named]
    for each in shown:
        box = each.bounding_box()
        assert box
        assert box["y"] + box["height"] <= look["viewport"]["height"]
    page.context.close()
