"""Row REV 14: an approval that could do harm is not given before a second step that repeats exactly what is granted."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from jitney.core.access.grant import Grant, GrantEnd, State
from jitney.core.access.request import Permission, Way
from jitney.core.access.request_body import MAX_REASON
from jitney.core.access.way_wording import way_in_words
from jitney.core.review.content import content_hash
from jitney.core.review.harm import own_risks
from tests.core.masking.planted import SECRET_KEY
from tests.fakes import PAGE_SIZE
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.test_break_glass import SETTINGS
from tests.handlers.test_reconfigured_grants import policies_are
from tests.handlers.test_review_pages import PUT, TWO, pending, stored
from tests.reviewer_browser import second_step_of


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system(break_glass=SETTINGS)


@pytest.fixture
def alice(desk: ReviewSystem) -> Browser:
    browser = Browser(desk)
    browser.sign_in("alice")
    return browser


def untouched(desk: ReviewSystem, grant: Grant) -> bool:
    return stored(desk, grant) == grant and not [each for each in desk.system.outcomes() if each[0] == "vote"]


def test_rev_14_the_first_form_approves_nothing_and_shows_what_would_be_granted(desk: ReviewSystem, alice: Browser):
    grant = pending(desk, TWO)
    form = alice.first_form(grant.id, "approve_selected") | {"action": ["0", "2"], "seconds": "60", "comment": "less"}
    for _ in range(2):  # a reload sends it again
        page = alice.send("POST", f"/reviews/{grant.id}", form)
        assert page.status == 200
        assert "Nothing is granted yet." in page.text
        assert " may write s3 reports/a and reports/b in analytics-prod for 1 minute" in page.text
        assert "<li>s3:DeleteObject</li>" in page.text
        assert "<strong>Duration</strong> 1 minute instead of 5 minutes" in page.text
        assert page.text.index("<h2>To be granted</h2>") < page.text.index("<code>s3:PutObject</code>")
        assert page.text.index("<code>s3:PutObject</code>") < page.text.index("<h2>Not granted</h2>")
        assert '">less</textarea>' in page.text
    assert untouched(desk, grant)
    step = second_step_of(page.text)
    assert alice.send("POST", f"/reviews/{grant.id}", step).status == 303
    assert stored(desk, grant).state is State.ACTIVE
    after = alice.send("GET", f"/reviews/{grant.id}").text
    places = [after.index(each) for each in ("<h2>Granted</h2>", "s3:PutObject</code>", "<h2>Not granted</h2>")]
    assert places == sorted(places)
    assert "<li>s3:DeleteObject</li>" in after


def test_rev_10_the_second_step_repeats_a_comment_as_it_will_be_stored(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    form = alice.first_form(grant.id) | {"comment": f"too{chr(0x200B)}\nwide{'.' * 1000} password={SECRET_KEY}"}
    page = alice.send("POST", f"/reviews/{grant.id}", form)
    step = second_step_of(page.text)
    assert alice.send("POST", f"/reviews/{grant.id}", step).status == 303
    (given,) = stored(desk, grant).votes
    assert given.comment == unescape(page.text.split('id="why"')[1].split("</textarea>")[0].split(">", 1)[1])
    assert given.comment.startswith("too[U+200B] wide.")
    assert len(given.comment) <= MAX_REASON


WRONG: dict[str, Any] = {
    "no confirmation": {"confirmed": ""},
    "any text": {"confirmed": "yes"},
    "another selection": {"resource": ["0.0"]},
    "another duration": {"seconds": "120"},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_rev_14_a_confirmation_holds_for_exactly_what_was_shown(desk: ReviewSystem, alice: Browser, change: Any):
    grant = pending(desk)
    step = alice.form_of(grant.id, "approve_selected", seconds="60")
    answer = alice.send("POST", f"/reviews/{grant.id}", step | change)
    assert (answer.status, "Nothing is granted yet." in answer.text) == (200, True)
    assert untouched(desk, grant)


def test_rev_14_the_confirmation_of_another_request_confirms_nothing(desk: ReviewSystem, alice: Browser):
    grant, other = pending(desk), pending(desk, reason="another")
    confirmed = alice.form_of(other.id)["confirmed"]
    answer = alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id) | {"confirmed": confirmed})
    assert answer.status == 200
    assert untouched(desk, grant)


def test_rev_14_a_form_that_no_button_sent_decides_nothing(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    step = alice.form_of(grant.id)
    del step["confirmed"]
    assert alice.send("POST", f"/reviews/{grant.id}", step | {"enter": "key"}).status == 200
    first = alice.first_form(grant.id, "approve_selected") | {"enter": "key"}
    del first["verdict"]
    answer = alice.send("POST", f"/reviews/{grant.id}", first)
    assert (answer.status, "No button was pressed, so nothing was decided." in answer.text) == (400, True)
    assert untouched(desk, grant)


def test_rev_14_the_second_step_says_that_answers_reveal_values(desk: ReviewSystem, alice: Browser):
    reviewed = 'context.reveal && context.approvals.contains("owners")'
    policies_are(desk, f'@id("reveal") permit (principal, action, resource) when {{ {reviewed} }};')
    grant = replace(pending(desk), way=Way.GATEWAY, reveal=True)
    desk.system.store.grants[grant.id] = grant
    page = alice.send("POST", f"/reviews/{grant.id}", alice.first_form(grant.id))
    assert "Nothing is granted yet." in page.text
    assert f"Way: {way_in_words(Way.GATEWAY, reveal=True)}." in page.text


def test_rev_14_a_read_of_what_is_named_needs_no_second_step(desk: ReviewSystem, alice: Browser):
    read = Permission(("s3:GetObject",), ("arn:aws:s3:::reports/a",))
    grant = replace(pending(desk), permissions=(read,))
    desk.system.store.grants[grant.id] = grant
    answer = alice.send("POST", f"/reviews/{grant.id}", alice.first_form(grant.id))
    assert answer.status == 303


def test_rev_14_the_line_beside_the_buttons_says_the_next_step_and_whether_one_approval_is_enough(
    desk: ReviewSystem, alice: Browser
):
    def line(browser: Browser, grant: Grant) -> str:
        (found,) = re.findall('<p class="next">(.*?)</p>', browser.send("GET", f"/reviews/{grant.id}").text)
        return str(found)

    write, gina = pending(desk), Browser(desk)
    gina.sign_in("gina")
    assert line(alice, write) == "After Approve, you confirm what is granted. No other approval is needed."
    assert line(gina, write).startswith("Next: give a reason, then confirm what is granted.")
    read = Permission(("s3:GetObject",), ("arn:aws:s3:::reports/a",))
    both = replace(write, permissions=(read,), reviews=(tuple({*write.reviews[0], "absent"}),))
    desk.system.store.grants[write.id] = both
    assert line(alice, write) == "Approve counts at once. More approvals are needed."


def test_rev_11_the_page_says_of_new_access_that_a_person_revoked_it_before(desk: ReviewSystem, alice: Browser):
    grant = pending(desk, PUT)
    ended = GrantEnd(desk.system.now, "staff.alice", "leaked")
    before = replace(grant, id="g-before", state=State.REVOKED, starts_at=desk.system.now, unissued=False, ending=ended)
    text = alice.send("GET", f"/reviews/{grant.id}").text
    assert ('<span class="new">new</span>' in text, '<p class="before">' in text) == (True, True)
    desk.system.store.grants[before.id] = before
    text = alice.send("GET", f"/reviews/{grant.id}").text
    line = '<p class="before stopped"><strong>Before</strong> Similar requests in the last 30 days: revoked after'
    assert line in text
    assert text.count('<span class="new">revoked before</span>') == 5  # 2 at the top, 2 in the form, its meaning
    assert "a person revoked it or objected to it." in text


def test_rev_15_the_first_screen_shows_the_new_resource_at_the_end_of_a_long_list(desk: ReviewSystem, alice: Browser):
    usual, new = [f"arn:aws:s3:::reports/{number}" for number in range(9)], "arn:aws:s3:::reports/last"
    grant = pending(desk, [{"actions": ["s3:PutObject"], "resources": [*usual, new]}])
    access = (Permission(("s3:PutObject",), tuple(usual)),)
    before = replace(grant, id="g-before", state=State.EXPIRED, starts_at=desk.system.now, permissions=access)
    desk.system.store.grants[before.id] = replace(before, unissued=False)
    first, _ = alice.send("GET", f"/reviews/{grant.id}").text.split('<section id="more">')
    assert re.findall("<li><code>(arn[^<]*)</code>(.*)</li>", first) == [
        (new, ' <span class="new">new</span>'),
        (usual[0], ""),
    ]
    assert "<li>and 8 more below</li>" in first
    form = alice.first_form(grant.id, "approve_selected")
    assert form["resource"][:2] == ["0.9", "0.0"]
    alice.decide(f"/reviews/{grant.id}", form | {"resource": ["0.9"]})
    assert desk.system.store.grants[grant.id].permissions == (Permission(("s3:PutObject",), (new,)),)


def test_rev_15_the_first_screen_says_once_what_several_actions_do(desk: ReviewSystem, alice: Browser):
    actions = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
    grant = pending(desk, [{"actions": actions, "resources": ["arn:aws:s3:::reports/a"]}])
    (line,) = re.findall(
        "<dt>(.*?)</dt>", alice.send("GET", f"/reviews/{grant.id}").text.partition("<dl>")[0], re.DOTALL
    )
    words = " ".join(re.sub("<[^>]*>", "", line).split())
    assert words == "deletes s3:DeleteObject, writes s3:AbortMultipartUpload and s3:PutObject on"


def test_rev_14_break_glass_takes_a_second_step_of_its_own(desk: ReviewSystem, alice: Browser):
    grant, gina = pending(desk), Browser(desk)
    gina.sign_in("gina")
    token = alice.first_form(grant.id)["token"]
    own = {"token": second_token(gina), "content": content_hash(grant), "reason": f"down, {SECRET_KEY}"}
    path = f"/reviews/{grant.id}/break-glass"
    page = gina.send("POST", path, own)
    assert (page.status, SECRET_KEY in page.text) == (200, False)
    assert " may write s3 reports/a and reports/b in analytics-prod for 2 minutes" in page.text
    step = second_step_of(page.text) or {}
    approval = alice.form_of(grant.id)["confirmed"]
    assert step["confirmed"] != approval  # it is for a shorter time
    assert gina.send("POST", path, step | {"confirmed": approval}).status == 200
    assert alice.send("POST", path, step | {"token": token}).status == 403
    assert stored(desk, grant) == grant
    assert gina.send("POST", path, step).status == 303
    assert stored(desk, grant).state is State.ACTIVE
    shown = gina.send("GET", f"/reviews/{grant.id}").text
    assert "The agent has not obtained credentials yet." in shown
    assert ("Break-glass replaced the approval by" in shown, "0 of 1 approval" in shown) == (True, False)
    assert "<li>owners. Reviewers: " in shown
    assert '<span class="state emergency">Active: break-glass by staff.gina</span>' in shown


def second_token(browser: Browser) -> str:
    return browser.send("GET", "/reviews").text.split('name="token" value="')[1].split('"')[0]


def test_rev_14_the_second_step_repeats_no_text_of_a_forged_form(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    form = alice.first_form(grant.id, "approve_selected")
    form |= {"action": [*form["action"], '"><b>x'], "more": "<b>y", "comment": f"see {SECRET_KEY}"}
    page = alice.send("POST", f"/reviews/{grant.id}", form)
    assert page.status == 200
    assert not [each for each in ("<b>", "&lt;b&gt;", SECRET_KEY) if each in page.text]


def test_rev_15_the_list_groups_by_urgency_and_shows_harm_reason_and_age(desk: ReviewSystem, alice: Browser):
    deletes = [{"actions": ["s3:DeleteObject"], "resources": ["arn:aws:s3:::reports/a"]}]
    mild, severe = pending(desk, PUT), pending(desk, deletes, reason="clean <up>")
    desk.system.now += 60
    text = alice.send("GET", "/reviews").text
    assert "Decide within 1 hour</p>" in text
    assert text.index(f"reviews/{severe.id}") < text.index(f"reviews/{mild.id}")
    assert text.count('<span class="level severe">Severe harm</span>') == 1
    assert "Text from the agent, unverified:</span> <bdi>“clean &lt;up&gt;”</bdi>" in text
    assert text.count(">1 minute</time> ago") == 2
    assert text.count("<p>No person named. ") == 2
    desk.system.now += 3600 - 60 - 600
    assert "Decide within 15 minutes</p>" in browser_again(desk).send("GET", "/reviews").text


def test_rev_15_a_rejection_that_many_later_requests_hide_is_not_said_to_be_missing(
    desk: ReviewSystem, alice: Browser, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("jitney.handlers.review.review_sheet.MAX_PAGES", 1)
    grant = pending(desk)
    for number in range(PAGE_SIZE + 1):
        other = replace(grant, id=f"g-{number:014d}", state=State.RELEASED, created_at=desk.system.now + 1 + number)
        desk.system.store.grants[other.id] = other
    assert "Not all earlier requests were compared." in alice.send("GET", f"/reviews/{grant.id}").text


def test_rev_15_the_list_assesses_each_request_once(
    desk: ReviewSystem, alice: Browser, monkeypatch: pytest.MonkeyPatch
):
    assessed: list[Any] = []

    def noted(permissions: Any, actions: Any) -> Any:
        assessed.append(permissions)
        return own_risks(permissions, actions)

    pending(desk), pending(desk, TWO)
    monkeypatch.setattr("jitney.handlers.pages.request_list.own_risks", noted)
    alice.send("GET", "/reviews")
    assert len(assessed) == 2


def browser_again(desk: ReviewSystem) -> Browser:
    browser = Browser(desk)
    browser.sign_in("alice")
    return browser


def test_rev_14_the_second_step_lists_every_risk(desk: ReviewSystem, alice: Browser):
    """It has no details, so nothing may refer to them."""
    wide = "[true, false].contains(resource.wildcard)"
    policies_are(
        desk,
        f'@id("any") permit (principal, action, resource) when {{ {wide} && context.approvals.contains("owners") }};',
    )
    reports, orders = "arn:aws:s3:::reports/a/*", "arn:aws:dynamodb:eu-west-1:444455556666:table/orders"
    grant = pending(
        desk,
        [
            {"actions": ["s3:PutObject", "s3:DeleteObject", "s3:GetObject"], "resources": [reports]},
            {"actions": ["dynamodb:DeleteItem", "dynamodb:PutItem"], "resources": [orders]},
        ],
    )
    page = alice.send("GET", f"/reviews/{grant.id}").text
    assert "more under Details" in page
    step = alice.send("POST", f"/reviews/{grant.id}", alice.first_form(grant.id)).text
    assert "Details" not in step
    assert "<li>Moderate: dynamodb:PutItem changes dynamodb table/orders.</li>" in step


def test_rev_14_the_second_step_says_that_the_way_back_discards_a_selection(desk: ReviewSystem, alice: Browser):
    """The link opens the request again. Only the browser's Back keeps what was unchecked and typed."""
    grant = pending(desk, TWO)
    for button, words in (("approve", "Back to the request"), ("approve_selected", "Discard selection")):
        step = alice.send("POST", f"/reviews/{grant.id}", alice.first_form(grant.id, button)).text
        links = re.findall(r'<a class="button plain" href="([^"]+)">([^<]+)</a>', step)
        assert links == [(f"/live/reviews/{grant.id}", words)]
        assert ("use your browser’s Back" in step) == (button == "approve_selected")
