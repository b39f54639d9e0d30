"""The page that tells a request's story: the same as the auditor's command, for whoever may see the request (AUD 4)."""

import re
from html import unescape

import pytest

from jitney.core.access.grant import Grant
from tests.core.report.recorded_grants import call
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.test_review_pages import pending, stored

HOSTILE = "</bdi><script>alert(1)</script> &amp; \u202e"


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system()


@pytest.fixture
def alice(desk: ReviewSystem) -> Browser:
    browser = Browser(desk)
    browser.sign_in("alice")
    return browser


def said(browser: Browser, grant: Grant) -> str:
    """What the page says, tags apart."""
    answer = browser.send("GET", f"/reviews/{grant.id}/report")
    assert answer.status == 200, answer.text
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.text, flags=re.DOTALL)).split())


def test_aud_04_the_page_tells_what_became_of_a_request(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    form = alice.form_of(grant.id) | {"resource": ["0.1"], "seconds": "60", "comment": "the second alone"}
    alice.send("POST", f"/reviews/{grant.id}", form)
    page = said(alice, grant)
    assert f"The story of {grant.id} Active" in page
    for words in (
        "granted s3:PutObject on arn:aws:s3:::reports/b for 1 minute",
        "approved by staff.alice on web at",
        "for less than was asked: 1 action on a resource, 1 minute: “the second alone”",
        "CloudTrail told of no session and no call",
        "CloudTrail told of no session of this grant: whether anything was used is not known.",
        "0 request review; 1 vote approved",
    ):
        assert words in page
    assert stored(desk, grant).records == 2


def test_aud_04_calls_and_what_would_have_done_are_on_the_page(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id))
    put = {"operation": "PutObject", "actions": ("s3:PutObject",), "resources": ("arn:aws:s3:::reports/a",)}
    lines = [call(1, **put, time=desk.system.now), call(2, **put | {"resources": ("arn:aws:s3:::reports/b",)})]
    desk.system.ports.grant_history.called[grant.id] = [line | {"grant_id": grant.id} for line in lines]
    page = said(alice, grant)
    assert "2 × s3:PutObject" in page
    assert "suggested nothing less can be said: all of it was used, or may have been" in page


def test_rev_01_looking_writes_nothing(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    before = (dict(desk.system.store.grants), list(desk.system.store.links))
    said(alice, grant)
    assert (desk.system.store.grants, desk.system.store.links) == before


def test_rev_10_what_an_agent_wrote_is_text_on_the_page(desk: ReviewSystem, alice: Browser):
    grant = pending(desk, reason=HOSTILE.replace("\u202e", ""))
    answer = alice.send("GET", f"/reviews/{grant.id}/report")
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "“</bdi><script>alert(1)</script> &amp;”" in said(alice, grant)


def test_a_request_whose_records_are_gone_says_where_they_are(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    desk.system.store.links.clear()
    answer = alice.send("GET", f"/reviews/{grant.id}/report")
    assert answer.status == 404
    assert "what was published stays in S3" in answer.text


@pytest.mark.parametrize("what", ["calls", "records"])
def test_aud_04_a_page_that_was_not_read_whole_says_so_first_and_draws_no_conclusions(
    desk: ReviewSystem, alice: Browser, monkeypatch: pytest.MonkeyPatch, what: str
):
    grant = pending(desk)
    alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id))
    stories = desk.system.ports.grant_history
    stories.called[grant.id] = [call(1, time=desk.system.now) | {"grant_id": grant.id}]
    assert "never seen s3:PutObject" in said(alice, grant)
    whole = getattr(stories, what)
    monkeypatch.setattr(stories, what, lambda grant_id: whole(grant_id)._replace(cut=True))
    page = said(alice, grant)
    assert page.index("There is more than was read here") < page.index("What was asked")
    assert "jitney audit show" in page
    for conclusion in ("never seen", "suggested", "jitney request", "as a policy"):
        assert conclusion not in page
    assert "because not all of its records and calls were read here" in page


def test_the_request_leads_to_its_story_and_back(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    assert f'href="/live/reviews/{grant.id}/report"' in alice.send("GET", f"/reviews/{grant.id}").text
    assert f'href="/live/reviews/{grant.id}"' in alice.send("GET", f"/reviews/{grant.id}/report").text
