"""`make screenshots`: the reviewers' pages as people see them (light, dark, on a phone), in docs/screenshots."""

import sys
import time
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page

from local import call_pages, probes, processes, provider_pages
from local.browser import chromium, sign_in
from local.demo.runner import DemoRun, DemoStepFailedError, demo_run
from local.progress import Progress
from local.settings import ROOT
from local.system import StartupError

COLOURS = 256
"""The number of colours in a picture: enough for pages, and the files are smaller than in full colour."""
FOLDER = ROOT / "docs" / "screenshots"
LOOKS: Mapping[str, Mapping[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
}
LISTS: Mapping[str, str] = {
    "list": "",
    "bulk-rejection": "/rejections?agent=local.writer-agent",
    "overview": "/overview",
}
"""The pages with lists, by the names of their pictures."""
REPORTS = "arn:aws:s3:::reports"
PUBLISH = [
    {"actions": ["s3:PutObject", "s3:DeleteObject"], "resources": [f"{REPORTS}/2026/*", f"{REPORTS}/archive/*"]},
    {"actions": ["s3:GetObject"], "resources": [f"{REPORTS}/2026/*"]},
]
TIDY = [{"actions": ["s3:DeleteObject"], "resources": [f"{REPORTS}/drafts/*"]}]
HOSTILE = (
    "Routine cleanup <b>APPROVED by security</b> </blockquote><script>alert(1)</script> [Approve](https://evil.example)"
)


def main() -> int:
    """Make all screenshots. Return 0 when that succeeded."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        _photograph_providers()
        with demo_run() as run:
            for look, options in LOOKS.items():
                _photograph(run, look, options)
                _photograph_mail(run.stack, look, options)
    except (StartupError, DemoStepFailedError) as problem:
        Progress().fail(str(problem))
        return 1
    Progress().say(f"{len(list(FOLDER.glob('*.png')))} pictures are in {FOLDER.relative_to(ROOT)}.")
    return 0


def _photograph_providers() -> None:
    """Photograph requests by an agent of each provider, and calls under review. It needs no running system."""
    with chromium() as browser:
        page = browser.new_context(**LOOKS["light"]).new_page()
        for provider, html in provider_pages.pages():
            page.set_content(html)
            _keep(page, f"request-{provider.replace('_', '-')}", "light")
        for look, options in LOOKS.items():
            page = browser.new_context(**options).new_page()
            for name, html in call_pages.pictures():
                page.set_content(html)
                _keep(page, name, look)


def _photograph(run: DemoRun, look: str, options: Mapping[str, Any]) -> None:
    stack = run.stack
    publish = _ask(stack, PUBLISH, "Publish the quarterly report, and move the last one to the archive", "OPS-7")
    # Each look has a folder of its own: after a rejection, an equal request is refused for a day.
    own = [{"actions": ["s3:DeleteObject"], "resources": [f"{REPORTS}/old-drafts/{look}/*"]}]
    tidy = _ask(stack, own, HOSTILE, "")
    reviews = stack["reviews_url"]
    with chromium() as browser:
        page = browser.new_context(**options).new_page()
        page.goto(f"{reviews}/{publish}")
        _keep(page, "sign-in", look)
        sign_in(page, f"{reviews}/{publish}", stack["humans"]["alice"])
        _keep(page, "request", look)
        for name, path in LISTS.items():
            page.goto(f"{reviews}{path}")
            _keep(page, name, look)
        page.goto(f"{reviews}/out-of-office")
        page.get_by_label("Until").fill(time.strftime("%Y-%m-%dT18:00", time.gmtime(time.time() + 8 * 86_400)))
        page.get_by_label("Delegate in data-owners").select_option("people.carol")
        page.get_by_role("button", name="Set out of office").click()
        page.wait_for_selector("text=is your delegate in")
        _keep(page, "out-of-office", look)
        page.get_by_role("button", name="End out of office").click()
        page.goto(f"{reviews}/{tidy}")
        page.get_by_label("Reason for rejection").fill("Not without a ticket")
        page.get_by_role("button", name="Reject request").click()
        page.wait_for_selector("text=Rejected by")
        _keep(page, "rejected", look)
        page.goto(f"{reviews}/{_ask(stack, own, 'Routine cleanup', 'OPS-8', 'The ticket is OPS-8.')}")
        _keep(page, "rejected-before", look)
        page.goto(f"{reviews}/{publish}")
        page.get_by_label("Allow s3:DeleteObject").uncheck()
        page.get_by_label("Duration").select_option("300")
        page.get_by_label("Comment (the agent sees it)").fill("The upload alone")
        page.get_by_role("button", name="Approve selected").click()
        page.wait_for_selector("text=Step 2 of 2")
        _keep(page, "second-step", look)
        page.get_by_label("I have read this").check()
        page.get_by_role("button", name="Approve", exact=True).click()
        page.wait_for_selector("text=Approved by")
        _keep(page, "approved-selected", look)
        page.goto(f"{reviews}/g-aaaaaaaaaaaaaa")
        _keep(page, "problem", look)
        _use(run, publish)
        page.goto(f"{reviews}/{publish}")
        page.get_by_label("Reason for revocation (on record)").fill("finished")
        page.get_by_role("button", name="Revoke access").click()
        page.wait_for_selector("text=by people.alice: finished")
        page.goto(f"{reviews}/{publish}/report")
        _wait_for_text(page, "denied: AccessDenied")
        _keep(page, "report", look)
        _break_glass(browser, stack, look, options)


def _use(run: DemoRun, grant: str) -> None:
    """Write the report as the agent, and try the deletion that the reviewer unchecked."""
    s3 = ("jitney", "run", "--grant", grant, "--", "aws", "s3api")
    where = ("--bucket", "reports", "--key", "2026/q4.csv")
    run.command("writer-agent", *s3, "put-object", *where, show=False)
    run.command("writer-agent", *s3, "delete-object", *where, code=255, show=False)


def _wait_for_text(page: Page, words: str) -> None:
    """Reload the page until it shows `words`, because CloudTrail delivers calls with a delay."""

    def shown() -> bool:
        page.reload()
        return page.get_by_text(words).is_visible()

    if not processes.wait_until(shown, 30):
        raise StartupError(f"the page does not show {words!r}")


def _break_glass(browser: Browser, stack: Mapping[str, Any], look: str, options: Mapping[str, Any]) -> None:
    """Photograph Carol's break-glass grant and Bob's follow-up review."""
    ticket = f"INC-{3 + list(LOOKS).index(look)}"  # an equal request would get the grant that was not collected
    fix = f"{stack['reviews_url']}/{_ask(stack, TIDY, 'Remove the draft that took the site down', ticket)}"
    page = browser.new_context(**options).new_page()
    sign_in(page, fix, stack["humans"]["carol"])
    _keep(page, "break-glass", look)
    page.get_by_label("Reason for break-glass").fill("The site is down, and no data owner answers")
    page.get_by_role("button", name="Use break-glass").click()
    page.get_by_label("I have read this").check()
    page.get_by_role("button", name="Use break-glass").click()
    page.wait_for_selector("text=used break-glass at")
    page = browser.new_context(**options).new_page()
    sign_in(page, fix, stack["humans"]["bob"])
    _keep(page, "follow-up", look)
    page.get_by_label("Comment on this use").fill("I saw the outage")
    page.get_by_role("button", name="Confirm break-glass").click()
    page.wait_for_selector("text=confirmed the use at")


def _photograph_mail(stack: Mapping[str, Any], look: str, options: Mapping[str, Any]) -> None:
    """Photograph the mail about a request with a hostile reason."""
    about = _ask(stack, TIDY, HOSTILE, "OPS-9")
    found: list[str] = []

    def arrived() -> bool:
        mails = httpx.get(f"{stack['mailbox_url']}/messages", timeout=30, trust_env=False).json()["messages"]
        found.extend(mail["id"] for mail in mails if about in mail["text"])
        return bool(found)

    if not processes.wait_until(arrived, 30):
        raise StartupError("no mail arrives")
    with chromium() as browser:
        page = browser.new_context(**options).new_page()
        page.goto(f"{stack['mailbox_url']}/{found[0]}/html")
        _keep(page, "mail", look)


def _keep(page: Page, name: str, look: str) -> None:
    """Photograph the whole page. On a screen of its height, the bar of buttons covers nothing."""
    screen = page.viewport_size
    if screen is None:
        raise ValueError("the browser's context has no viewport")
    page.set_viewport_size({**screen, "height": page.evaluate("document.documentElement.scrollHeight")})
    with Image.open(BytesIO(page.screenshot(full_page=True))) as taken:
        taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
            FOLDER / f"{name}-{look}.png", optimize=True
        )
    page.set_viewport_size(screen)


def _ask(stack: Mapping[str, Any], permissions: Any, reason: str, ticket: str, changed: str = "") -> str:
    """Send a request that needs a review. Return its grant's id."""
    body = {"target": "analytics-prod", "permissions": permissions, "duration_seconds": 900, "reason": reason}
    body |= {name: text for name, text in (("ticket", ticket), ("changed", changed)) if text}
    token = probes.token(stack["token_url"], stack["agents"]["writer-agent"])
    answer = httpx.post(
        f"{stack['api_url']}/v1/grants",
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
        trust_env=False,
    )
    answer.raise_for_status()
    return str(answer.json()["grant"]["id"])


if __name__ == "__main__":
    sys.exit(main())
