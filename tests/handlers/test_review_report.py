"""The report page: the same as `jitney audit show`, for those who may see the request (row AUD 4)."""

import re
from dataclasses import replace
from html import unescape

import pytest

from jitney.core.access.grant import Grant
from jitney.core.records.audit import AuditEvent, Origin, Outcome, chain_record, grant_record
from jitney.core.trail.gaps import OpenGap, TrailWatch
from tests.core.report.recorded_grants import call
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.test_review_pages import pending, stored

INSTANCE = "arn:aws:ec2:eu-west-1:444455556666:instance/i-1"
HOSTILE = "</bdi><script>alert(1)</script> &amp; \u202e"


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system()


@pytest.fixture
def alice(desk: ReviewSystem) -> Browser:
    browser = Browser(desk)
    browser.sign_in("alice")
    return browser


def text_of(browser: Browser, grant: Grant) -> str:
    """Return the text of the report page."""
    answer = browser.send("GET", f"/reviews/{grant.id}/report")
    assert answer.status == 200, answer.text
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.text, flags=re.DOTALL)).split())


def test_aud_04_the_page_reports_request_and_outcome(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    form = alice.form_of(grant.id, "approve_selected", resource=["0.1"], seconds="60")
    form |= {"comment": "the second alone"}
    alice.send("POST", f"/reviews/{grant.id}", form)
    page = text_of(alice, grant)
    assert f"Report on {grant.id} Active" in page
    for words in (
        "granted s3:PutObject on arn:aws:s3:::reports/b for 1 minute",
        "approved by staff.alice on the web at",
        "for less than requested: 1 action on 1 resource for 1 minute: “the second alone”",
        "no session and no call was seen",
        "no session of this grant was seen in CloudTrail, so it is not known what was used.",
        "0 request review; 1 vote approved",
    ):
        assert words in page
    assert stored(desk, grant).records == 2


def test_rev_11_the_report_says_which_approval_was_for_this_time_only(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    desk.system.store.grants[grant.id] = replace(grant, counts_again=True)
    form = alice.form_of(grant.id, "approve_selected", this_time_only="yes")
    alice.send("POST", f"/reviews/{grant.id}", form)
    assert ", for this time only" in text_of(alice, grant)


def test_aud_09_the_page_says_that_its_records_are_not_verified(desk: ReviewSystem, alice: Browser):
    shown = text_of(alice, pending(desk))
    assert "This page does not compare the records with their seals; jitney audit show does." in shown


def test_aud_04_calls_and_the_suggestion_are_on_the_page(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id))
    put = {"operation": "PutObject", "actions": ("s3:PutObject",), "resources": ("arn:aws:s3:::reports/a",)}
    lines = [call(1, **put, time=desk.system.now), call(2, **put | {"resources": ("arn:aws:s3:::reports/b",)})]
    desk.system.ports.grant_history.called[grant.id] = [line | {"grant_id": grant.id} for line in lines]
    page = text_of(alice, grant)
    assert "2 × s3:PutObject" in page
    assert "suggested no narrower grant: each permission was used, or CloudTrail may not show its use" in page


def test_aud_04_a_time_without_cloudtrail_is_a_warning_on_the_page(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id))
    watches, at = desk.system.trail_watches, desk.system.now
    watches.found = {
        "analytics-prod": TrailWatch("analytics-prod", at - 100, OpenGap(at - 100, "r-1", "")),
        "other": TrailWatch("other", at - 200, OpenGap(at - 200, "r-2", "")),
    }
    page = text_of(alice, grant)
    assert "Warnings" in page
    assert page.count("CloudTrail was silent since") == 1
    assert "for target analytics-prod. Calls of that time, and of 15 minutes before and after, may" in page


@pytest.mark.parametrize(("target", "warned"), [("", True), ("analytics-prod", True), ("other", False)])
def test_aud_04_gaps_that_cannot_be_read_are_a_warning_on_the_page(
    desk: ReviewSystem, alice: Browser, target: str, warned: bool
):
    grant = pending(desk)
    alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id))
    desk.system.trail_watches.found = {target: None}
    assert ("Incomplete: only part of the records and calls was read here." in text_of(alice, grant)) is warned


def test_gw_08_calls_through_the_gateway_are_on_the_page_with_masked_parameters(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id))
    parameters = {"Bucket": "reports", "Key": HOSTILE, "Token": "[masked credential 3f9a2c]"}
    detail = {"service": "s3", "operation": "PutObject", "region": "eu-west-1", "parameters": parameters}
    for of in (stored(desk, grant), replace(stored(desk, grant), id="g-zzzzzzzzzzzzzz")):
        record = grant_record(AuditEvent.CALL, Outcome.SENT, of, Origin(), desk.system.now, detail={"call": detail})
        desk.system.store.links.append(chain_record(record, f"c-{of.id[2:]}"))
    page = text_of(alice, grant)
    assert page.count("s3:PutObject in eu-west-1, sent, not in CloudTrail: ") == 1
    assert "[masked credential 3f9a2c]" in page
    assert "</bdi><script>" not in alice.send("GET", f"/reviews/{grant.id}/report").text


def test_rev_01_viewing_writes_nothing(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    before = (dict(desk.system.store.grants), list(desk.system.store.links))
    text_of(alice, grant)
    assert (desk.system.store.grants, desk.system.store.links) == before


def test_rev_10_agent_text_is_escaped_on_the_page(desk: ReviewSystem, alice: Browser):
    grant = pending(desk, reason=HOSTILE.replace("\u202e", ""))
    answer = alice.send("GET", f"/reviews/{grant.id}/report")
    assert answer.text.count("<script") == 1  # our own
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "“</bdi><script>alert(1)</script> &amp;”" in text_of(alice, grant)


def test_a_request_without_records_is_404_with_a_hint(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    desk.system.store.links.clear()
    answer = alice.send("GET", f"/reviews/{grant.id}/report")
    assert answer.status == 404
    assert "published records stay in S3" in answer.text


@pytest.mark.parametrize("what", ["calls", "records"])
def test_aud_04_an_incomplete_page_starts_with_a_warning_and_draws_no_conclusions(
    desk: ReviewSystem, alice: Browser, monkeypatch: pytest.MonkeyPatch, what: str
):
    grant = pending(desk)
    alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id))
    history = desk.system.ports.grant_history
    history.called[grant.id] = [call(1, time=desk.system.now) | {"grant_id": grant.id}]
    assert "no use seen s3:PutObject" in text_of(alice, grant)
    whole = getattr(history, what)
    monkeypatch.setattr(history, what, lambda grant_id: whole(grant_id)._replace(cut=True))
    page = text_of(alice, grant)
    assert page.index("Incomplete: only part of the records") < page.index("reason")
    assert "jitney audit show" in page
    for conclusion in ("unused", "no use seen", "suggested", "jitney request", "as a policy"):
        assert conclusion not in page
    assert "because not all records and calls were read here" in page


def test_the_request_links_to_its_report_and_back(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    assert f'href="/live/reviews/{grant.id}/report"' in alice.send("GET", f"/reviews/{grant.id}").text
    assert f'href="/live/reviews/{grant.id}"' in alice.send("GET", f"/reviews/{grant.id}/report").text


def test_end_05_the_page_and_the_report_of_an_ended_grant_say_what_is_left_to_do(desk: ReviewSystem, alice: Browser):
    grant = pending(desk, [{"actions": ["ssm:StartSession"], "resources": [INSTANCE]}])
    risk = "An open shell session from ssm:StartSession outlives the grant until a person ends it."
    assert risk in alice.send("GET", f"/reviews/{grant.id}").text
    alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id))
    used = {"service": "ssm", "operation": "StartSession", "actions": ("ssm:StartSession",), "time": desk.system.now}
    desk.system.ports.grant_history.called[grant.id] = [call(1, **used) | {"grant_id": grant.id}]
    system_grant = stored(desk, grant)
    desk.system.store.grants[grant.id] = replace(system_grant, unissued=False)
    assert "Left to do" not in alice.send("GET", f"/reviews/{grant.id}").text
    operator = Browser(desk)
    operator.sign_in("olga", groups=["security"])
    token = re.search(r'name="token" value="(\w+)"', operator.send("GET", f"/reviews/{grant.id}").text)
    assert token
    operator.send("POST", f"/reviews/{grant.id}/revocation", {"token": token[1], "reason": "stolen"})
    page = alice.send("GET", f"/reviews/{grant.id}").text
    assert "Left to do" in page
    assert "<code>aws ssm terminate-session --session-id ID</code>" in page
    assert "CloudTrail shows use of ssm:StartSession." in page
    report = text_of(alice, grant)
    assert risk in report
