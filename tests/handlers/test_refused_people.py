"""Each refused attempt of a person is on record, with their name and the request, on every channel (AUD 1, AUD 4)."""

import json
from typing import Any

import pytest

from jitney.core.review.content import content_hash
from tests.handlers import test_call_reviews
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.slack_workspace import SlackSystem
from tests.handlers.test_break_glass import GROUPS, SETTINGS, judge, smash
from tests.handlers.test_break_glass import pending as break_glass_request
from tests.handlers.test_break_glass import signed_in as staff
from tests.handlers.test_bulk_rejections import PATH, UNKNOWN, flood, form_of, results
from tests.handlers.test_review_pages import pending

GRANT = "g-zzzzzzzzzzzzzz"
FORMS = {
    "": ("refusal", "grant_not_found"),
    "/break-glass": ("break_glass", "grant_not_found"),
    "/follow-up": ("follow_up", "grant_not_found"),
    "/revocation": ("refusal", "not_operator"),
}
gateway = test_call_reviews.gateway


def signed_in(desk: ReviewSystem) -> Browser:
    browser = Browser(desk)
    browser.sign_in("alice")
    return browser


def refusals(system: Any) -> list[tuple[str, str, str, dict[str, str]]]:
    """Return the event, the code, the person and the detail of each record of a refusal."""
    found = [each for each in system.records() if each["outcome"] == "refused"]
    return [(each["event"], each["code"], each["principal"], json.loads(each["detail"])) for each in found]


@pytest.mark.parametrize("form", FORMS)
def test_aud_01_a_form_about_an_unknown_request_is_on_record(form: str):
    desk = review_system()
    browser = signed_in(desk)
    page = browser.first_form(pending(desk).id) | {"judgement": "confirm", "comment": "x", "reason": "x"}
    assert browser.send("POST", f"/reviews/{GRANT}{form}", page).status in (403, 404)
    assert refusals(desk.system) == [(*FORMS[form], "staff.alice", {})]


def test_aud_01_an_unknown_request_of_a_bulk_rejection_is_on_record():
    desk = review_system()
    browser = signed_in(desk)
    (grant,) = flood(desk, 1)
    form = form_of(browser, grant)
    answer = browser.send("POST", PATH, form | {"request": [*form["request"], UNKNOWN]})
    assert results(answer) == (1, {GRANT: "grant_not_found"})
    assert refusals(desk.system) == [("vote", "grant_not_found", "staff.alice", {})]


def test_aud_01_a_vote_on_a_call_whose_grant_is_gone_is_on_record(gateway: test_call_reviews.Gateway):
    gateway.post()
    del gateway.system.store.grants[test_call_reviews.PARENT]
    with pytest.raises(Exception, match="no longer exists"):
        gateway.approve()
    assert refusals(gateway.system) == [("vote", "review_ended", "corp.alice", {"grant": gateway.child().id})]


class TestSlack:
    @pytest.fixture
    def office(self) -> SlackSystem:
        return SlackSystem()

    def test_rev_09_a_modal_that_is_not_valid_names_the_person_and_the_request(self, office: SlackSystem):
        grant = office.pending()
        view = office.open(grant, "reject")
        office.send(office.submission(view, comment="  "))
        assert refusals(office.system) == [("refusal", "request_invalid", "staff.alice", {"grant": grant.id})]

    def test_rev_09_a_button_without_a_modal_names_the_request(self, office: SlackSystem):
        grant = office.pending()
        office.send(office.press(grant, "reject", "oscar"))
        assert refusals(office.system) == [("refusal", "not_reviewer", "staff.oscar", {"grant": grant.id})]

    @pytest.mark.parametrize("action", ["approve", "reject"])
    def test_rev_09_a_button_of_an_unknown_request_names_the_person(self, office: SlackSystem, action: str):
        grant = office.pending()
        del office.system.store.grants[grant.id]
        office.send(office.press(grant, action))
        assert refusals(office.system) == [("refusal", "grant_not_found", "staff.alice", {})]

    def test_rev_09_a_modal_of_an_unknown_request_names_the_person(self, office: SlackSystem):
        grant = office.pending()
        view = office.open(grant, "reject")
        del office.system.store.grants[grant.id]
        office.send(office.submission(view, comment="no"))
        assert refusals(office.system) == [("refusal", "grant_not_found", "staff.alice", {})]
        assert content_hash(grant) in json.dumps(view)


@pytest.mark.parametrize("judgement", ["confirm", "object"])
def test_aud_01_a_follow_up_review_that_comes_second_is_on_record(judgement: str):
    desk = review_system(reviewers=GROUPS, break_glass=SETTINGS)
    grant = break_glass_request(desk)
    assert smash(staff(desk, "gina"), grant).status == 303
    alice, bob = staff(desk, "alice"), staff(desk, "bob")
    save, saves = desk.system.store.save, 0

    def overtaken(*given: Any, **named: Any) -> None:
        nonlocal saves
        saves += 1
        if saves == (2 if judgement == "object" else 1):  # an objection revokes first
            assert judge(bob, grant, "confirm").status == 303
        save(*given, **named)

    desk.system.store.save = overtaken
    assert judge(alice, grant, judgement).status == 409
    assert refusals(desk.system) == [("follow_up", "review_ended", "staff.alice", {"grant": grant.id})]
