"""Row REV 1: programs that open the links in messages change nothing, not even mail scanners that run scripts."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.browser.test_pages import ask, browser, page, pytestmark  # noqa: F401 - fixtures, and a mark
from tests.reviewer_browser import PEOPLE, traces
from tests.running_systems import PATIENCE, alone, until

# What an agent would have a scanner, or a hasty reader, open.
WORDS = "At https://evil.example/approve?yes=1 or www.evil.example or <a href='//evil.example'>here</a>, x@evil.example"
REVIEWERS = {"alice@example.com", "bob@example.com"}
URL = re.compile(r"""https?://[^\s"'<>|\\]+""")


def shown(url: str) -> list[dict[str, Any]]:
    return list(httpx.get(f"{url}/messages", trust_env=False, timeout=PATIENCE).json()["messages"])


def mails(stack: dict[str, Any], grant_id: str) -> list[dict[str, Any]]:
    """Return the mails about a request, once all reviewers have theirs."""
    found = [each for each in shown(stack["mailbox_url"]) if grant_id in each["text"]]
    return found if {to for each in found for to in each["to"]} == REVIEWERS else []


def in_slack(stack: dict[str, Any], grant_id: str) -> list[str]:
    """Return the messages about a request in Slack, as JSON."""
    return [text for each in shown(stack["slack_url"]) if grant_id in (text := json.dumps(each))]


def addresses(stack: dict[str, Any], grant_id: str) -> Iterator[str]:
    """Yield everything in a message that a program could open."""
    for each in until(lambda: mails(stack, grant_id)):
        yield from URL.findall(each["text"] + each["html"])
        yield from re.findall(r'\b(?:href|src|action|background|poster|data)="([^"]*)"', each["html"])
    for text in until(lambda: in_slack(stack, grant_id)):
        yield from URL.findall(text)


def opened(page: Any, start: str, within: str, grant_id: str) -> set[str]:  # noqa: F811 - the fixture's name
    """Return the pages reached by clicking every link, and the links on those pages, if they are `within`.

    Each address is clicked once, although most pages have the same links. Of all requests, it opens this one's pages.
    """
    others = re.compile(rf"/g-(?!{grant_id[2:]})")
    seen: set[str] = set()
    clicked: set[str] = set()
    due = [start]
    while due:
        at = due.pop()
        if at in seen or not at.startswith(within):
            continue
        seen.add(at)
        page.goto(at)
        links = page.locator("a[href]")
        for number, address in enumerate(links.evaluate_all("links => links.map(link => link.href)")):
            if address not in clicked and not others.search(address):
                clicked.add(address)
                if "format=csv" in urlsplit(address).query:  # a download leads to no page
                    with page.expect_download():
                        links.nth(number).evaluate("link => link.click()")
                    continue
                if page.url != at:
                    page.goto(at)
                with page.expect_navigation():
                    links.nth(number).evaluate("link => link.click()")
                due.append(page.url.partition("#")[0])
    return seen


@pytest.mark.slow
def test_rev_01_opening_every_link_of_every_message_changes_nothing(page, stack, aws, ask, person):  # noqa: F811
    grant_id = ask(WORDS)
    links = set(addresses(stack, grant_id))
    issuer = stack["issuer"]  # as text only, which some mail readers make a link of
    assert links - {issuer} == {f"{stack['reviews_url']}/{grant_id}"}  # a locator, and nothing of the agent's
    alice = person("alice")
    alice.sign_in()
    with alone(PEOPLE):
        before = traces(stack, aws, grant_id)
        for link in links:
            for verb in ("GET", "HEAD", "OPTIONS"):
                with httpx.Client(trust_env=False, timeout=PATIENCE) as stranger:
                    assert stranger.request(verb, link, follow_redirects=True).status_code < 500
                assert alice.http.request(verb, link).status_code < 500
            for known in ([], alice.session()):  # a scanner, and one that works in the reviewer's own browser
                page.context.clear_cookies()
                page.context.add_cookies(known)
                assert opened(page, link, stack["reviews_url"], grant_id) or link == issuer
                page.goto(stack["reviews_url"])
                assert page.get_by_text("Signed in as alice").count() == len(known)
        assert traces(stack, aws, grant_id) == before


@pytest.mark.slow
@pytest.mark.parametrize("scripts", [True, False])
def test_rev_10_a_mail_shows_no_more_than_text_and_its_one_link(browser, stack, ask, scripts):  # noqa: F811
    grant_id = ask(WORDS)
    (mail, *_) = until(lambda: mails(stack, grant_id))
    context = browser.new_context(java_script_enabled=scripts)
    reading = context.new_page()
    asked: list[str] = []
    reading.on("request", lambda request: asked.append(request.url))
    address = f"{stack['mailbox_url']}/{mail['id']}/html"
    reading.goto(address)
    assert {urlsplit(each).path for each in asked} <= {urlsplit(address).path, "/favicon.ico"}  # nothing is fetched
    assert reading.locator("a").count() == 1
    assert reading.locator("script, img, iframe, object, embed, form, input, link, video, audio, svg").count() == 0
    text = reading.locator("body").inner_text()
    assert "<a href='//evil[.]example'>here</a>" in text.rpartition("Text from the agent")[2]
    with context.expect_page() as opening:
        reading.get_by_role("link", name="Open request").click()
    opening.value.wait_for_selector("text=Sign in")
    context.close()
