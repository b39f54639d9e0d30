"""The reviewers' pages in Debian's Chromium: by mouse and by keyboard, without scripts, and accessible."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.browser import chromium, sign_in
from local.identity import install
from tests.browser.needs_chromium import NEEDS_CHROMIUM
from tests.running_systems import PATIENCE

pytestmark = [
    pytest.mark.xdist_group("reviews"),
    NEEDS_CHROMIUM,
]
LOOKS = [
    pytest.param({}, id="light"),
    pytest.param({"color_scheme": "dark"}, id="dark", marks=pytest.mark.slow),
    pytest.param({"viewport": {"width": 360, "height": 700}}, id="phone", marks=pytest.mark.slow),
]
FOLDER = Path(__file__).parent
# No other test's request is like a rejected one of these, and none of the demo's.
WANTED = [{"actions": ["s3:PutObject", "s3:DeleteObject"], "resources": ["arn:aws:s3:::reports/pages/*"]}]
NUMBERS = count(1)
HOSTILE = (
    'Report; <script>document.title="taken"</script><img src=x onerror="document.title=1"></blockquote>'
    "<form action=//evil.example><button>Approve</button></form> &lt;b&gt; [click](http://evil.example) {{ 7*7 }}"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium(PATIENCE) as running:
        yield running


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Yield a page of a new browser. It fails on every error that the browser logs."""
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
    yield made
    context.close()
    assert not errors


@pytest.fixture(scope="module")
def axe() -> str:
    install(FOLDER)
    return (FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def ask(stack: dict[str, Any], token: Callable[[str], str]) -> Iterator[Callable[..., str]]:
    """Request a write, which needs a review. Return the grant's id. After the test, no request is left under review."""
    headers, requested = {"Authorization": f"Bearer {token('writer-agent')}"}, []

    def asking(reason: str = "monthly report", permissions: Any = WANTED) -> str:
        body = {"target": "analytics-prod", "permissions": permissions, "duration_seconds": 900, "reason": reason}
        # An equal request would get a grant that another test's reviewer approved.
        body |= {"ticket": f"TEST-{next(NUMBERS)}", "changed": f"it is another test's request, {uuid.uuid4()}"}
        answer = httpx.post(f"{stack['api_url']}/v1/grants", json=body, headers=headers, timeout=PATIENCE)
        assert answer.status_code == 202, answer.text
        requested.append(str(answer.json()["grant"]["id"]))
        return requested[-1]

    yield asking
    for grant_id in requested:
        httpx.delete(f"{stack['api_url']}/v1/grants/{grant_id}", headers=headers, timeout=PATIENCE)


def grant_of(stack: dict[str, Any], token: Callable[[str], str], grant_id: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token('writer-agent')}"}
    return dict(
        httpx.get(f"{stack['api_url']}/v1/grants/{grant_id}", headers=headers, timeout=PATIENCE).json()["grant"]
    )


def url(stack: dict[str, Any], grant_id: str) -> str:
    return f"{stack['reviews_url']}/{grant_id}"


def test_rev_01_a_reviewer_signs_in_reads_and_approves(page, stack, token, ask):
    grant_id = ask()
    sign_in(page, url(stack, grant_id), stack["humans"]["alice"])
    assert page.get_by_role("heading", level=1).inner_text() == (
        "Agent writer-agent (local), no person named, requests to delete and write s3 reports/pages/* in "
        "analytics-prod for 15 minutes from approval"
    )
    approve(page)
    page.wait_for_selector("text=Approved by people.alice")
    assert grant_of(stack, token, grant_id)["state"] == "active"


def approve(page: Any) -> None:
    """Press Approve, read the second step, check its box, and press Approve there."""
    page.get_by_role("button", name="Approve…").click()
    confirm(page)


def confirm(page: Any) -> None:
    page.get_by_label("I have read this.").check()
    page.get_by_role("button", name="Approve", exact=True).click()


def test_rev_01_cookies_of_other_hosts_come_along_and_change_nothing(page, stack, ask):
    foreign = {"prefs": '{"dark":true}', "name": "Zo\u00eb", "version": "1", "theme": "a jitney=b jitney-sign-in=c"}
    page.context.add_cookies(
        [{"name": name, "value": value, "url": stack["reviews_url"]} for name, value in foreign.items()]
    )
    sign_in(page, url(stack, ask()), stack["humans"]["alice"])
    page.get_by_role("link", name="Requests").click()
    page.wait_for_selector("text=Waiting for you")
    assert foreign.keys() <= {each["name"] for each in page.context.cookies()}


def test_rev_07_a_reviewer_approves_less_with_the_keyboard_alone(page, stack, token, ask):
    grant_id = ask()
    sign_in(page, url(stack, grant_id), stack["humans"]["bob"])
    page.get_by_label("Allow s3:DeleteObject").focus()
    page.keyboard.press("Space")
    page.get_by_label("Duration").focus()
    page.keyboard.type("2 minutes")
    page.keyboard.press("Tab")
    page.keyboard.type("the upload alone")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Step 2 of 2")
    assert page.locator("h1").inner_text() == (
        "Approve this? Agent writer-agent (local), no person named, may write s3 reports/pages/* in analytics-prod "
        "for 2 minutes"
    )
    assert page.locator(".left-out li").all_inner_texts() == ["s3:DeleteObject"]
    assert page.get_by_text("2 minutes instead of 15 minutes").is_visible()
    page.get_by_label("Comment").focus()
    for key in ("Tab", "Space", "Tab", "Tab", "Enter"):  # to the box, past Back to the request, to Approve
        page.keyboard.press(key)
    page.wait_for_selector("text=Approved by people.bob")
    assert "may write s3 reports/pages/*" in page.locator("h1").inner_text()
    assert page.locator(".left-out li").all_inner_texts() == ["s3:DeleteObject"]
    assert page.get_by_text("2 minutes instead of 15 minutes").is_visible()
    grant = grant_of(stack, token, grant_id)
    assert (grant["permissions"][0]["actions"], grant["duration_seconds"]) == (["s3:PutObject"], 120)
    assert grant["votes"][0]["comment"] == "the upload alone"


def test_rev_06_a_reviewer_rejects_and_has_to_say_why(page, stack, token, ask):
    grant_id = ask()
    sign_in(page, url(stack, grant_id), stack["humans"]["alice"])
    page.get_by_role("button", name="Reject request").click()
    assert page.evaluate("document.activeElement.id") == "whynot"  # the browser asks for it
    page.get_by_label("Reason for rejection").fill("not before Friday")
    page.get_by_role("button", name="Reject request").click()
    page.wait_for_selector("text=Rejected by people.alice")
    assert grant_of(stack, token, grant_id)["state"] == "rejected"


def test_end_01_an_operator_revokes_from_the_list(page, stack, token, ask):
    grant_id = ask()
    sign_in(page, url(stack, grant_id), stack["humans"]["alice"])
    approve(page)
    page.wait_for_selector("text=Approved by people.alice")
    page.get_by_role("link", name="Requests").click()
    page.locator(f'a[href$="{grant_id}"]').first.click()
    page.get_by_label("Reason for revocation (on record)").fill("finished")
    page.get_by_role("button", name="Revoke access").click()
    page.wait_for_selector("text=by people.alice: finished")
    assert grant_of(stack, token, grant_id)["ending"]["reason"] == "finished"


def test_a_session_ends_with_signing_out(page, stack, ask):
    grant_id = ask()
    sign_in(page, url(stack, grant_id), stack["humans"]["alice"])
    kept = page.context.cookies()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_selector("text=You are signed out")
    page.context.clear_cookies()
    page.context.add_cookies([each for each in kept if each["name"] == "jitney"])
    answer = page.request.get(url(stack, grant_id), max_redirects=0)
    assert (answer.status, "sign-in" in answer.headers["location"]) == (303, True)


def test_rev_10_what_the_agent_wrote_is_text_and_stands_apart(page, stack, ask):
    grant_id = ask(HOSTILE)
    sign_in(page, url(stack, grant_id), stack["humans"]["alice"])
    assert page.title() == (
        "writer-agent (local) requests to delete and write s3 reports/pages/* in analytics-prod for 15 minutes - Jitney"
    )
    assert page.locator("blockquote p").first.inner_text().strip() == HOSTILE
    assert page.locator("blockquote *:not(p, bdi)").count() == 0
    assert page.locator("form").count() == 4  # signing out, approving all, approving less, rejecting
    assert page.locator(".agent blockquote").count() == page.locator("blockquote").count() == 1
    assert page.locator("img, iframe, object, embed").count() == 0
    assert page.locator("script").count() == 1  # our own


def violations(page: Any, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{each['id']} ({each['impact']}): {json.dumps([node['html'] for node in each['nodes']])[:300]}"
            for each in found["violations"]]  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible(browser, stack, ask, axe, look):
    grant_id = ask()
    context = browser.new_context(**look)
    page = context.new_page()
    page.goto(url(stack, grant_id))
    assert violations(page, axe) == []  # the provider's own page
    sign_in(page, url(stack, grant_id), stack["humans"]["alice"])
    rejections = "/rejections?agent=local.writer-agent"
    paths = f"/{grant_id}", f"/{grant_id}/report", "", "/out-of-office", "/overview", rejections, "/g-aaaaaaaaaaaaaa"
    for path in paths:
        page.goto(stack["reviews_url"] + path)
        assert violations(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.goto(url(stack, grant_id))
    page.get_by_role("button", name="Approve…").click()
    page.wait_for_selector("text=Step 2 of 2")
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="Back to the request").click()
    page.get_by_label("Allow s3:DeleteObject").uncheck()
    dimmed = page.locator("fieldset:has-text('s3:DeleteObject') .under")
    assert dimmed.evaluate("each => getComputedStyle(each).textDecorationLine") == "line-through"
    assert violations(page, axe) == []
    page.get_by_label("Reason for rejection").fill("no")
    page.get_by_role("button", name="Reject request").click()
    page.wait_for_selector("text=Rejected by people.alice")
    assert violations(page, axe) == []
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_selector("text=You are signed out")
    assert violations(page, axe) == []
    context.close()


def test_pages_work_and_look_the_same_without_scripts(browser, stack, token, ask):
    grant_id = ask()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, url(stack, grant_id), stack["humans"]["alice"])
    approve(page)
    page.wait_for_selector("text=Approved by people.alice")
    context.close()
    assert grant_of(stack, token, grant_id)["state"] == "active"


@pytest.mark.parametrize("look", LOOKS)
def test_rev_08_break_glass_is_used_and_another_person_reviews_it(browser, stack, token, ask, axe, look):
    grant_id = ask()
    context = browser.new_context(**look)
    page = context.new_page()
    sign_in(page, url(stack, grant_id), stack["humans"]["carol"])
    assert violations(page, axe) == []
    page.get_by_role("button", name="Use break-glass").click()
    assert page.evaluate("document.activeElement.id") == "urgent"  # the browser asks for it
    page.get_by_label("Reason for break-glass").fill("the site is down")
    page.get_by_role("button", name="Use break-glass").click()
    page.wait_for_selector("text=Step 2 of 2")
    assert violations(page, axe) == []
    page.get_by_label("I have read this.").check()
    page.get_by_role("button", name="Use break-glass").click()
    page.wait_for_selector("text=people.carol used break-glass at")
    assert page.locator(".state.emergency").inner_text() == "Active: break-glass by people.carol"
    assert violations(page, axe) == []
    context.close()
    context = browser.new_context(java_script_enabled=False, **look)
    plain = context.new_page()
    sign_in(plain, stack["reviews_url"], stack["humans"]["bob"])
    plain.get_by_role("heading", name="Follow-up reviews").wait_for()
    scripted = browser.new_context(storage_state=context.storage_state(), **look)
    page = scripted.new_page()
    for path in ("", f"/{grant_id}"):
        page.goto(stack["reviews_url"] + path)
        assert violations(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    scripted.close()
    plain.goto(url(stack, grant_id))
    plain.get_by_label("Comment on this use").fill("there was no outage")
    plain.get_by_role("button", name="Object and revoke").click()
    plain.wait_for_selector("text=people.bob objected to the use")
    context.close()
    assert grant_of(stack, token, grant_id)["state"] == "revoked"


def test_rev_06_a_reviewer_says_who_stands_in_and_comes_back_without_scripts(browser, stack, axe):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    away = f"{stack['reviews_url']}/out-of-office"
    sign_in(page, stack["reviews_url"], stack["humans"]["bob"])
    page.get_by_role("link", name="Out of office").click()
    page.wait_for_url(away)
    page.get_by_label("Until (UTC)").fill(time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 86_400)))
    page.get_by_label("Delegate in data-owners").select_option("people.carol")
    page.get_by_role("button", name="Set out of office").click()
    page.wait_for_selector("text=people.carol is your delegate in data-owners.")
    scripted = browser.new_context(storage_state=context.storage_state())
    seen = scripted.new_page()
    seen.goto(away)
    assert violations(seen, axe) == []
    scripted.close()
    page.get_by_role("button", name="End out of office").click()
    page.wait_for_selector("text=You are not out of office.")
    context.close()
