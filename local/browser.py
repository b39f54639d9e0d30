"""Debian's Chromium without a screen, driven by Playwright, for the browser tests and the screenshots."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = os.environ.get("JITNEY_CHROMIUM", "/usr/bin/chromium")
# With these flags, the browser requests only the pages. In a container it runs as root, without its own sandbox.
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium(seconds: float = 30.0) -> Iterator[Browser]:
    """Yield a browser. It closes after the block. Each of its waits may take `seconds`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(FLAGS), chromium_sandbox=os.geteuid() != 0, timeout=1000 * seconds
        )
        browser.on("context", lambda context: context.set_default_timeout(1000 * seconds))
        yield browser
        browser.close()


def sign_in(page: Page, url: str, person: dict[str, Any]) -> None:
    """Open `url`, and sign in at the local provider as a person of stack.json."""
    page.goto(url)
    page.get_by_label("Name").fill(person["username"])
    page.get_by_label("Password").fill(person["password"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(url)
