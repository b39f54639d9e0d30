"""Voting and revoking by the pages' forms, attacked; and what the pages show of a request."""

import ast
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.access.request import Permission
from jitney.core.config import ReviewerGroup
from jitney.core.problems import Problem
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grants import create_grant
from jitney.handlers.pages import visits
from jitney.handlers.pages.visits import FormVisit, Page, answer_page, with_form
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY
from tests.handlers.review_browser import FORMS, HOST, Browser, ReviewSystem, review_system
from tests.identities import identity

HANDLERS = Path(visits.__file__).parents[1]
TWO = [
    {"actions": ["s3:PutObject", "s3:DeleteObject"], "resources": ["arn:aws:s3:::reports/a", "arn:aws:s3:::reports/b"]},
    {"actions": ["s3:AbortMultipartUpload"], "resources": ["arn:aws:s3:::reports/a"]},
]
PUT = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/a", "arn:aws:s3:::reports/b"]}]


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system()


@pytest.fixture
def alice(desk: ReviewSystem) -> Browser:
    browser = Browser(desk)
    browser.sign_in("alice")
    return browser


def pending(desk: ReviewSystem, permissions: Any = PUT, **members: Any) -> Grant:
    status, body, _ = desk.system.call(create_grant, REQUEST_BODY | {"permissions": permissions} | members)
    assert status == 202, body
    return desk.system.store.grants[body["grant"]["id"]]


def stored(desk: ReviewSystem, grant: Grant) -> Grant:
    return desk.system.store.grants[grant.id]


def test_rev_13_the_page_of_a_failed_request_says_why_nothing_is_granted(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    words = "Nothing is granted: Jitney could not continue the review"
    assert words not in alice.send("GET", f"/reviews/{grant.id}").text
    desk.system.store.grants[grant.id] = replace(grant, state=State.FAILED)
    assert words in alice.send("GET", f"/reviews/{grant.id}").text
    now = desk.system.now
    renewed = replace(grant, state=State.FAILED, starts_at=now, expires_at=now + 300, unissued=False)
    desk.system.store.grants[grant.id] = renewed
    page = alice.send("GET", f"/reviews/{grant.id}").text
    assert (words in page, "Nothing more is issued" in page) == (False, True)
    assert "Credentials from before may work until" in page


def test_rev_15_a_problem_shows_its_commands_as_code(alice: Browser):
    page = alice.send("GET", "/reviews/g-aaaaaaaaaaaaaa").text
    assert "ask an auditor to run <code>jitney audit show</code>.</p>" in page


def test_rev_15_the_page_of_a_grant_without_a_review_says_so(desk: ReviewSystem):
    grant = pending(desk)
    now = desk.system.now
    allowed = replace(grant, state=State.ACTIVE, reviews=(), starts_at=now, expires_at=now + 300)
    desk.system.store.grants[grant.id] = replace(allowed, human=identity("staff.harriet"))
    human = Browser(desk)
    human.sign_in("harriet")
    page = human.send("GET", f"/reviews/{grant.id}").text
    assert ("<p>Policies required no approval.</p>" in page, "approval by ." in page) == (True, False)


def test_rev_04_approving_all_that_is_checked_grants_what_was_asked(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    answer = alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id))
    assert (answer.status, answer.location) == (303, f"/live/reviews/{grant.id}")
    after = stored(desk, grant)
    assert (after.state, after.permissions) == (State.ACTIVE, grant.permissions)
    assert (after.votes[0].human.name, after.votes[0].via) == ("staff.alice", "web")
    record = desk.system.records()[-1]
    assert (record["event"], record["outcome"], record["source_ip"]) == ("vote", "approved", "198.51.100.7")


def test_rev_07_unchecked_actions_and_resources_are_not_granted_and_it_is_shorter(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    form = alice.form_of(grant.id, "approve_selected", resource=["0.1"], seconds="60")
    assert alice.send("POST", f"/reviews/{grant.id}", form).status == 303
    after = stored(desk, grant)
    assert after.permissions == (Permission(("s3:PutObject",), ("arn:aws:s3:::reports/b",)),)
    assert after.duration_seconds == 60


def test_pol_12_the_page_shows_conditions_and_an_approval_keeps_them(desk: ReviewSystem, alice: Browser):
    limited = PUT[0] | {"conditions": {"aws:ResourceTag/team": ["<b>data</b>", "ops"]}}
    grant = pending(desk, [limited])
    page = alice.send("GET", f"/reviews/{grant.id}").text
    assert (
        "Only if <code>aws:ResourceTag &#34;team&#34; is &#34;&lt;b&gt;data&lt;/b&gt;&#34; or &#34;ops&#34;</code>"
        in page
    )
    form = alice.form_of(grant.id, "approve_selected", resource=["0.1"])
    assert alice.send("POST", f"/reviews/{grant.id}", form).status == 303
    (kept,) = stored(desk, grant).view()["permissions"]
    assert kept == limited | {"resources": ["arn:aws:s3:::reports/b"]}
    assert desk.system.call(create_credentials, grant_id=grant.id)[0] == 200
    allowed, *_ = desk.system.sessions.asked[-1].policy.document()["Statement"]
    assert allowed["Condition"] == {"StringEquals": {"aws:ResourceTag/team": ["<b>data</b>", "ops"]}}


def test_rev_10_the_page_shows_each_space_in_conditions(desk: ReviewSystem, alice: Browser):
    grant = pending(desk, [PUT[0] | {"conditions": {"aws:ResourceTag/a  b": ["c  d"]}}])
    shown = "<code>aws:ResourceTag &#34;a[U+0020][U+0020]b&#34; is &#34;c[U+0020][U+0020]d&#34;</code>"
    assert shown in alice.send("GET", f"/reviews/{grant.id}").text
    assert alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id)).status == 303
    assert shown in alice.send("GET", f"/reviews/{grant.id}").text


def test_pol_12_the_list_says_how_many_permissions_have_conditions(desk: ReviewSystem, alice: Browser):
    limited = PUT[0] | {"conditions": {"aws:ResourceTag/a": ["b"]}}
    pending(desk, [limited])
    assert "reports/b, with conditions</p>" in alice.send("GET", "/reviews").text
    pending(desk, [limited, PUT[0] | {"actions": ["s3:GetObject"]}])
    assert "reports/b, with conditions on 1 of 2 permissions</p>" in alice.send("GET", "/reviews").text


def test_rev_07_an_unchecked_action_goes_with_its_resources(desk: ReviewSystem, alice: Browser):
    grant = pending(desk, TWO)
    form = alice.first_form(grant.id, "approve_selected")
    assert (form["action"], len(form["resource"])) == (["1", "0", "2"], 5)
    boxes = r'name="action" value="(\d)" checked> <span>Allow <code>([^<]*)<'
    assert re.findall(boxes, alice.send("GET", f"/reviews/{grant.id}").text) == [
        ("1", "s3:DeleteObject"),  # the worst first; its value is its place in the request
        ("0", "s3:PutObject"),
        ("2", "s3:AbortMultipartUpload"),
    ]
    alice.decide(f"/reviews/{grant.id}", form | {"action": ["0", "2"]})
    assert stored(desk, grant).permissions == (
        Permission(("s3:PutObject",), ("arn:aws:s3:::reports/a", "arn:aws:s3:::reports/b")),
        Permission(("s3:AbortMultipartUpload",), ("arn:aws:s3:::reports/a",)),
    )


MORE: dict[str, dict[str, Any]] = {
    "nothing checked": {"action": [], "resource": []},
    "no resource": {"resource": []},
    "longer": {"seconds": "301"},
    "no time": {"seconds": "0"},
    "negative": {"seconds": "-5"},
    "other digits": {"seconds": "٣٠"},
    "very many digits": {"seconds": "9" * 5000},
    "no duration": {"seconds": []},
    "places that there are not": {"action": ["7"], "resource": ["7.7"]},
    "names instead of places": {"action": ["s3:*"], "resource": ["arn:aws:s3:::*"]},
}


@pytest.mark.parametrize("change", MORE.values(), ids=MORE)
def test_rev_07_a_form_that_was_tampered_with_grants_nothing_more(
    desk: ReviewSystem, alice: Browser, change: dict[str, Any]
):
    grant = pending(desk)
    form = alice.first_form(grant.id, "approve_selected") | change
    answer = alice.send("POST", f"/reviews/{grant.id}", form)
    assert (answer.status, "not_narrower" in answer.text) == (400, True)
    assert stored(desk, grant) == grant
    assert desk.system.outcomes()[-1] == ("vote", "refused", "not_narrower")


def test_rev_03_a_vote_for_what_was_changed_meanwhile_does_not_count(desk: ReviewSystem, alice: Browser):
    desk = review_system(reviewers={"owners": ReviewerGroup(("staff.alice", "staff.bob"), approvals=2)})
    alice, bob = Browser(desk), Browser(desk)
    alice.sign_in("alice")
    bob.sign_in("bob")
    grant = pending(desk)
    seen = alice.form_of(grant.id)
    bob.send("POST", f"/reviews/{grant.id}", bob.form_of(grant.id, "approve_selected", resource=["0.0"]))
    late = alice.send("POST", f"/reviews/{grant.id}", seen)
    assert (late.status, "review_changed" in late.text) == (409, True)
    assert stored(desk, grant).state is State.PENDING
    alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id))
    assert stored(desk, grant).permissions[0].resources == ("arn:aws:s3:::reports/a",)
    assert stored(desk, grant).state is State.ACTIVE


def test_rev_04_a_double_click_is_one_vote(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    form = alice.form_of(grant.id)
    statuses = [alice.send("POST", f"/reviews/{grant.id}", form).status for _ in range(2)]
    assert statuses == [303, 303]
    assert [event for event, _, _ in desk.system.outcomes()].count("vote") == 1


def test_rev_06_a_rejection_says_why(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    form = alice.form_of(grant.id, "reject")
    assert alice.send("POST", f"/reviews/{grant.id}", form | {"comment": "  "}).status == 400
    assert stored(desk, grant).state is State.PENDING
    assert desk.system.outcomes()[-1] == ("refusal", "refused", "request_invalid")
    assert alice.send("POST", f"/reviews/{grant.id}", form | {"comment": "not\nnow\u202e"}).status == 303
    assert stored(desk, grant).votes[0].comment == "not now[U+202E]"


def test_rev_17_a_request_after_a_rejection_shows_and_links_it(desk: ReviewSystem, alice: Browser):
    first = pending(desk)
    alice.send("POST", f"/reviews/{first.id}", alice.form_of(first.id, "reject") | {"comment": "Not <today>"})
    again = pending(desk, changed="It is <tomorrow>.")
    page = alice.send("GET", f"/reviews/{again.id}").text
    assert "<strong>Rejected before</strong> by " in page
    assert "“Not &lt;today&gt;”" in page
    assert f'<a href="/live/reviews/{first.id}">Open it</a>' in page
    assert page.index("Text from the agent") < page.index("It is &lt;tomorrow&gt;.")


def test_rev_10_no_words_continue_after_their_quotation_on_the_page(desk: ReviewSystem, alice: Browser):
    forged = "no\u201d. Approved by corp.bob. \u201cfine"
    grant = pending(desk, reason=forged)
    alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id, "reject") | {"comment": forged})
    quoted = "<bdi>“no&#34;. Approved by corp.bob. &#34;fine”</bdi>"
    page, listed = (alice.send("GET", path).text for path in (f"/reviews/{grant.id}", "/reviews"))
    votes = page[page.index("<h2>Approvals</h2>") :]
    assert (quoted in votes, quoted in listed) == (True, True)


ELSEWHERE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another site": ({}, {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}),
    "another site, an old browser": ({}, {"Origin": "https://evil.example", "Sec-Fetch-Site": None}),
    "a neighbouring host": ({}, {"Origin": f"https://evil.{HOST}", "Sec-Fetch-Site": "same-site"}),
    "a sandboxed frame": ({}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}),
    "plain http": ({}, {"Origin": f"http://{HOST}"}),
    "its own origin, from another site": ({}, {"Sec-Fetch-Site": "cross-site"}),
    "a browser that says nothing": ({}, {"Origin": None, "Sec-Fetch-Site": None}),
    "without a token": ({"token": []}, {}),
    "an empty token": ({"token": ""}, {}),
    "another session's token": ({"token": "f" * 64}, {}),
    "a token that is no text": ({"token": "\udcff".encode("utf-8", "surrogatepass")}, {}),
}


@pytest.mark.parametrize(("change", "headers"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_form_that_does_not_come_from_the_sessions_own_page_is_refused(
    desk: ReviewSystem, alice: Browser, change: dict[str, Any], headers: dict[str, Any]
):
    grant = pending(desk)
    answer = alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id) | change, headers)
    assert answer.status in (400, 403)
    assert stored(desk, grant) == grant
    assert desk.system.outcomes()[-1][:2] == ("refusal", "refused")


@pytest.mark.parametrize("path", FORMS)
def test_every_form_is_checked_before_its_page_runs(desk: ReviewSystem, alice: Browser, path: str):
    """No page is trusted to check its own form: a page that only counts its calls is never called."""
    calls = list[FormVisit]()

    def page(visit: FormVisit) -> Page:
        calls.append(visit)
        return Page(200)

    event = {"httpMethod": "POST", "resource": path, "body": "verdict=approve", "requestContext": {}}
    cookie = "; ".join(f"{name}={value}" for name, value in alice.cookies.items())
    for headers in ({}, {"Cookie": cookie}, {"Cookie": cookie, "Origin": f"https://{HOST}"}):
        answered = answer_page(with_form(page), event | {"headers": headers}, desk.system.ports)
        assert answered["statusCode"] in (401, 403)
    assert alice.send("POST", path.replace("{id}", "g-aaaaaaaaaaaaaa"), {"verdict": "approve"}).status == 403
    assert not calls


def test_nothing_but_the_check_makes_a_checked_form():
    made = [
        (path.name, call.lineno)
        for path in HANDLERS.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "FormVisit"
    ]
    assert [name for name, _ in made] == ["visits.py"]


def test_a_form_of_another_persons_session_is_refused(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    bob = Browser(desk)
    bob.sign_in("bob")
    answer = alice.send("POST", f"/reviews/{grant.id}", bob.form_of(grant.id))
    assert (answer.status, "form_token_invalid" in answer.text) == (403, True)


BROKEN = {
    "not a form": ("{}", 400),
    "not utf-8": ("verdict=approve&comment=%ff", 400),
    "too many fields": ("&".join(f"a{number}=b" for number in range(1001)), 400),
    "too large": ("comment=" + "x" * 70_000, 413),
    "empty": ("", 403),
}


@pytest.mark.parametrize(("body", "status"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_form_is_a_problem_and_no_failure(desk: ReviewSystem, alice: Browser, body: str, status: int):
    grant = pending(desk)
    assert alice.send("POST", f"/reviews/{grant.id}", body).status == status
    assert stored(desk, grant) == grant


@pytest.mark.parametrize("verdict", ["grant", "revoke", "APPROVE"])
def test_rev_14_a_form_with_another_verdict_decides_nothing(desk: ReviewSystem, alice: Browser, verdict: str):
    grant = pending(desk)
    form = alice.first_form(grant.id) | {"verdict": verdict, "comment": "x"}
    answer = alice.send("POST", f"/reviews/{grant.id}", form)
    assert (answer.status, "no verdict that fits" in answer.text) == (400, True)
    assert stored(desk, grant) == grant


def test_rev_05_an_agents_token_votes_nowhere_even_beside_a_session(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    form = alice.form_of(grant.id)
    stranger = Browser(desk)
    answer = stranger.send("POST", f"/reviews/{grant.id}", form, {"Authorization": f"Bearer {minting.token()}"})
    assert answer.status == 401
    human = minting.token(iss=minting.PEOPLE)  # a person's token is no session either
    answer = stranger.send("POST", f"/reviews/{grant.id}", form, {"Authorization": f"Bearer {human}"})
    assert answer.status == 401
    assert stored(desk, grant) == grant


HOSTILE = {
    "html": '<script>alert(1)</script></blockquote><form action="//evil"><button name=verdict value=approve>ok',
    "entities": "&lt;b&gt; &#60;img src=x onerror=alert(1)&#62;",
    "attributes": '" onmouseover="alert(1)" \'',
    "templates": "{{ 7*7 }} {% raw %} ${7*7} #{7*7}",
    "fields that it would fake": "Risks: none. Who decides: nobody. New: nothing. APPROVED by security",
}


@pytest.mark.parametrize("reason", HOSTILE.values(), ids=HOSTILE)
def test_rev_10_the_agents_words_are_escaped_and_marked_on_their_own(desk: ReviewSystem, alice: Browser, reason: str):
    grant = pending(desk, reason=reason, ticket=reason[:100])
    text = alice.send("GET", f"/reviews/{grant.id}").text
    words = re.search(r"<blockquote><p><bdi>(.*?)</bdi>", text)
    assert words
    assert unescape(words[1]) == " ".join(reason.split())
    assert "<" not in words[1]
    above, _, below = text.partition("Text from the agent")
    first_screen, buttons = below.split('<div class="bar">')[0], below.split('<div class="bar">')[1]
    assert [reason in unescape(each) for each in (above, first_screen, buttons)] == [False, True, False]
    assert "<form" not in first_screen
    assert text.count("<script") == 1  # our own
    listed = alice.send("GET", "/reviews").text
    quoted = re.findall(r"Text from the agent, unverified:</span> <bdi>“(.*?)”</bdi>", listed)
    assert [unescape(each) for each in quoted] == [" ".join(reason.split())]
    assert reason not in unescape(re.sub(r"<bdi>.*?</bdi>", "", listed))


def test_rev_10_what_cannot_be_seen_is_shown_by_its_number(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    # Requests with such text are refused. A stored one is shown escaped.
    desk.system.store.grants[grant.id] = replace(grant, reason="pay\u202eelif\u200b\x00 " + "x" * 100_000)
    text = alice.send("GET", f"/reviews/{grant.id}").text
    assert "pay[U+202E]elif[U+200B][U+0000]" in text
    assert len(text) < 20_000


@pytest.mark.parametrize("reason", ["x" * 100_000, "pay\u202eelif", "zero\u200bwidth", "line\nbreak"])
def test_rev_10_words_that_hide_something_are_refused_at_asking(desk: ReviewSystem, reason: str):
    status, body, _ = desk.system.call(create_grant, REQUEST_BODY | {"permissions": PUT, "reason": reason})
    assert (status, body["code"]) in ((400, "request_invalid"), (413, "body_too_large"))


def test_rev_10_actions_and_resources_are_shown_exactly(desk: ReviewSystem, alice: Browser):
    grant = pending(desk, [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/<b>&\"'"]}])
    text = alice.send("GET", f"/reviews/{grant.id}").text
    assert "arn:aws:s3:::reports/&lt;b&gt;&amp;&#34;&#39;" in text


def test_rev_10_another_key_by_a_space_is_shown_as_another(desk: ReviewSystem, alice: Browser):
    grant = pending(desk, [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/q3.csv "]}])
    for path in (f"/reviews/{grant.id}", "/reviews"):
        assert "arn:aws:s3:::reports/q3.csv[U+0020]<" in alice.send("GET", path).text.replace(",", "<")


def test_rev_11_what_the_agent_had_not_before_is_marked(desk: ReviewSystem, alice: Browser):
    first = pending(desk, [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/a"]}])
    alice.send("POST", f"/reviews/{first.id}", alice.form_of(first.id))
    text = alice.send("GET", f"/reviews/{pending(desk, reason='not yet fetched').id}").text
    assert set(re.findall(r"reports/(\w)</code> <span class=\"new\">new</span>", text)) == {"a", "b"}
    assert desk.system.call(create_credentials, grant_id=first.id)[0] == 200
    text = alice.send("GET", f"/reviews/{pending(desk).id}").text
    assert re.findall(r"reports/(\w)</code> <span class=\"new\">new</span>", text) == ["b", "b"]


def test_the_list_shows_each_person_what_concerns_them(desk: ReviewSystem, alice: Browser):
    mine = pending(desk)
    approved = pending(desk, reason="another")
    alice.send("POST", f"/reviews/{approved.id}", alice.form_of(approved.id))
    rejected = pending(desk, reason="a third")
    alice.send("POST", f"/reviews/{rejected.id}", alice.form_of(rejected.id, "reject") | {"comment": "no"})
    sections = re.split(r"<h2>", alice.send("GET", "/reviews").text)
    shown = {part.partition("<")[0]: set(re.findall(r"reviews/(g-\w+)", part)) for part in sections[1:]}
    assert shown == {
        "Waiting for you": {mine.id},
        "Active": {approved.id},
        "Decided with your vote": {approved.id, rejected.id},
    }
    oscar = Browser(desk)
    oscar.sign_in("oscar")
    assert "reviews/g-" not in oscar.send("GET", "/reviews").text


def test_requests_for_the_same_action_are_distinguished(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    text = alice.send("GET", "/reviews").text
    assert f"<code>{grant.id}</code>" in text
    assert "on arn:aws:s3:::reports/a, arn:aws:s3:::reports/b</p>" in text
    assert (
        f">{grant.requester_name} requests to write s3 reports/a and reports/b in analytics-prod for 5 minutes</a>"
        in text
    )


def test_what_does_not_exist_is_called_a_request(desk: ReviewSystem, alice: Browser):
    text = alice.send("GET", "/reviews/nonsense").text
    assert ("<h1>Request not found</h1>" in text, "no such grant" in text) == (True, False)


def test_rev_07_approving_nothing_says_what_to_do(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    nothing = alice.first_form(grant.id, "approve_selected") | {"action": [], "resource": []}
    answer = alice.send("POST", f"/reviews/{grant.id}", nothing)
    assert (answer.status, "Nothing is checked" in answer.text, "or reject the request" in answer.text) == (
        400,
        True,
        True,
    )
    assert "more than was requested" not in answer.text


def test_end_01_an_operator_revokes_and_says_why(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    alice.send("POST", f"/reviews/{grant.id}", alice.form_of(grant.id))
    assert desk.system.call(create_credentials, grant_id=grant.id)[0] == 200
    operator = Browser(desk)
    operator.sign_in("olga", groups=["security"])
    text = operator.send("GET", f"/reviews/{grant.id}").text
    token = re.search(r'name="token" value="(\w+)"', text)
    assert token
    path = f"/reviews/{grant.id}/revocation"
    assert operator.send("POST", path, {"token": token[1], "reason": " "}).status == 400
    assert operator.send("POST", path, {"token": token[1], "reason": "finished"}).status == 303
    ending = stored(desk, grant).ending
    assert ending
    assert (ending.by, ending.reason) == ("staff.olga", "finished")
    assert grant.id in desk.system.role_policies.denies(grant.role_arn)


def test_pol_08_a_store_that_does_not_answer_is_reported_and_nothing_is_shown(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    desk.system.store.broken = True
    answer = alice.send("GET", f"/reviews/{grant.id}")
    assert (answer.status, "unavailable" in answer.text) == (503, True)


def test_id_05_a_page_that_cannot_be_made_is_a_problem_too(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    desk.system.store.grants[grant.id] = replace(grant, created_at=10**15)  # a year that no calendar has
    answer = alice.send("GET", f"/reviews/{grant.id}")
    assert (answer.status, "Code: <code>internal</code>" in answer.text) == (500, True)


def test_id_05_an_unforeseen_failure_reveals_nothing(
    desk: ReviewSystem, alice: Browser, capsys: pytest.CaptureFixture[str]
):
    grant = pending(desk)
    desk.system.store.grant = lambda _: 1 / 0
    answer = alice.send("GET", f"/reviews/{grant.id}")
    assert (answer.status, "ZeroDivisionError" in answer.text) == (500, False)
    assert alice.cookies["__Host-jitney"] not in capsys.readouterr().out


def test_rev_11_the_page_of_a_grant_whose_role_aws_refused_does_not_say_that_credentials_were_obtained(
    desk: ReviewSystem,
):
    desk.system.sessions.problem = Problem("issue_refused", "AWS refused the role.", "Ask your platform engineer.")
    grant_id = desk.system.call(create_grant, REQUEST_BODY)[1]["grant"]["id"]
    olga = Browser(desk)
    olga.sign_in("olga", groups=["security"])
    assert "has obtained credentials" not in olga.send("GET", f"/reviews/{grant_id}").text
    assert "not issued" in olga.send("GET", f"/reviews/{grant_id}/report").text


WROTE = "What you wrote was not saved"


@pytest.mark.parametrize("why", ["session ended", "token of another session", "decided meanwhile"])
def test_rev_20_what_was_typed_is_not_lost_if_the_form_is_refused(desk: ReviewSystem, alice: Browser, why: str):
    grant = pending(desk)
    form = alice.first_form(grant.id, "reject") | {"comment": 'Read <b>the</b> report, "q3"'}
    if why == "session ended":
        desk.sessions.kept.clear()
    elif why == "token of another session":
        alice.sign_in("alice")
    else:
        bob = Browser(desk)
        bob.sign_in("bob")
        bob.send("POST", f"/reviews/{grant.id}", bob.first_form(grant.id, "reject") | {"comment": "No."})
    page = alice.send("POST", f"/reviews/{grant.id}", form)
    assert page.status in (401, 403, 409)
    assert WROTE in page.text
    assert ">Read &lt;b&gt;the&lt;/b&gt; report, &#34;q3&#34;</textarea>" in page.text


@pytest.mark.parametrize("sent_by", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"},
                                     {"Origin": None, "Sec-Fetch-Site": None}])  # fmt: skip
def test_rev_05_no_other_site_puts_words_on_a_page(desk: ReviewSystem, alice: Browser, sent_by: dict[str, Any]):
    grant = pending(desk)
    form = alice.first_form(grant.id, "reject") | {"comment": "Call 555 to approve"}
    page = alice.send("POST", f"/reviews/{grant.id}", form, sent_by)
    assert (page.status, WROTE in page.text, "Call 555" in page.text) == (403, False, False)


def test_rev_20_a_secret_that_was_typed_is_masked_on_the_page_of_a_problem(desk: ReviewSystem, alice: Browser):
    grant = pending(desk)
    form = alice.first_form(grant.id, "reject") | {
        "comment": "use AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    }
    desk.sessions.kept.clear()
    page = alice.send("POST", f"/reviews/{grant.id}", form)
    assert (WROTE in page.text, "bPxRfiCYEXAMPLEKEY" in page.text) == (True, False)


def test_rev_04_another_comment_on_the_same_vote_replaces_the_first(alice: Browser, desk: ReviewSystem):
    groups = {"owners": ReviewerGroup(("staff.alice", "staff.bob"), approvals=2)}
    desk.system.ports.__dict__["config"] = replace(desk.system.ports.config, reviewers=groups)
    grant = pending(desk)
    for comment in ("Fine.", "Fine.", "Fine, if bob checks the key.", ""):
        form = alice.form_of(grant.id, comment=comment)
        assert alice.send("POST", f"/reviews/{grant.id}", form).status == 303
        assert [each.comment for each in stored(desk, grant).votes] == [comment or "Fine, if bob checks the key."]
    votes = [each for each in desk.system.records() if each["event"] == "vote"]
    assert len(votes) == 2  # repeats change nothing
