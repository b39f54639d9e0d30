"""Row REV 18: a reviewer rejects many requests of one agent or unit at once, and nothing else happens that way."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.problems import Problem
from jitney.core.review.bulk_rejection import MOST_REJECTIONS, RequestOwner, offered_owners
from jitney.core.review.content import content_hash
from jitney.core.review.out_of_office import OutOfOffice
from jitney.handlers.review.bulk_rejections import MOST_MILLISECONDS, reject_many_from_terminal
from jitney.handlers.review.terminal_votes import vote_from_terminal
from tests.core.identity import minting
from tests.core.masking.planted import SECRET_KEY
from tests.handlers.logged import log_of
from tests.handlers.review_browser import Answer, Browser, ReviewSystem
from tests.handlers.test_matrix import WHO, Cell, cells, signed_in
from tests.handlers.test_review_pages import pending, stored
from tests.handlers.test_terminal_reviews import ATTACKS, call, own_token, terminal_desk
from tests.identities import identity
from tests.infra.alarm_states import metrics_in
from tests.reviewer_browser import fields_of

PATH = "/reviews/rejections"
ARN = "arn:aws:s3:::reports/flood"
UNKNOWN = f"g-zzzzzzzzzzzzzz.{'0' * 64}"
CELLS = [each for each in cells("| who sees a list |", states=0) if "overview" not in each.column]


@pytest.fixture
def desk() -> ReviewSystem:
    return terminal_desk()


@pytest.fixture
def alice(desk: ReviewSystem) -> Browser:
    browser = Browser(desk)
    browser.sign_in("alice")
    return browser


def flood(desk: ReviewSystem, count: int = 3, **members: Any) -> list[Grant]:
    """Pending requests of one agent, each with `members` of its grant changed."""
    made = []
    for _ in range(count):  # no two requests are alike, so that none joins another one or was rejected before
        permissions = [{"actions": ["s3:PutObject"], "resources": [f"{ARN}/{len(desk.system.store.grants)}"]}]
        made.append(replace(pending(desk, permissions), **members))
        desk.system.store.grants[made[-1].id] = made[-1]
    return made


def seen(grants: Sequence[Grant]) -> list[str]:
    return [f"{each.id}.{content_hash(each)}" for each in grants]


def form_of(browser: Browser, owner: Grant, **changes: Any) -> dict[str, Any]:
    """The form of the page, as its button sends it, with fields changed. None leaves one out."""
    page = browser.send("GET", f"{PATH}?agent={owner.principal}").text
    form = next(each for each in re.findall(r"<form.*?</form>", page, re.DOTALL) if 'name="verdict"' in each)
    requests = re.findall(r'name="request" value="([^"]+)"', form)
    whole = fields_of(form) | {"request": requests, "verdict": "reject"} | changes
    return {name: value for name, value in whole.items() if value is not None}


def states(desk: ReviewSystem, grants: Sequence[Grant]) -> set[State]:
    return {stored(desk, each).state for each in grants}


def results(answer: Answer) -> tuple[int, dict[str, str]]:
    """The number of rejected requests, and the code of each other one."""
    assert answer.status == 200, answer.text
    count = re.search(r"<h1>Rejected (\d+) request", answer.text)
    assert count
    others = re.findall(r"<code>(g-\w+)</code></a></h3>.*?Code: <code>(\w+)</code>", answer.text, re.DOTALL)
    return int(count[1]), dict(others)


def test_rev_18_a_flood_ends_by_one_deliberate_act(desk: ReviewSystem, alice: Browser):
    grants = flood(desk)
    agent, before = grants[0].principal, len(desk.system.records())
    listed = alice.send("GET", "/reviews").text
    link = re.search(r'href="/live(/reviews/rejections[^"]*)">Reject all 3 requests of agent', listed)
    assert link
    page = alice.send("GET", unescape(link[1])).text
    for words in ("Nothing is rejected yet.", f"<h1>Reject 3 requests of agent {agent}?</h1>",
                  f"I reject 3 requests of agent {agent}", *(each.id for each in grants)):  # fmt: skip
        assert words in page
    assert "approve" not in page.casefold()
    assert (states(desk, grants), len(desk.system.records())) == ({State.PENDING}, before)
    form = form_of(alice, grants[0], comment=f"in a loop, {SECRET_KEY}")
    assert results(alice.send("POST", PATH, form)) == (3, {})
    assert states(desk, grants) == {State.REJECTED}
    votes = [stored(desk, each).votes[0] for each in grants]
    assert {(each.human.name, each.via) for each in votes} == {("staff.alice", "web")}
    assert all(each.comment.startswith("in a loop") and SECRET_KEY not in each.comment for each in votes)
    records = desk.system.records()[before:]
    assert [(each["event"], each["outcome"]) for each in records] == [("vote", "rejected")] * 3
    assert sorted(desk.system.reviews.resumed) == sorted(each.id for each in grants)
    assert "reviews/rejections?" not in alice.send("GET", "/reviews").text


def test_rev_18_a_second_click_a_reload_and_another_tab_change_nothing_more(desk: ReviewSystem, alice: Browser):
    grants = flood(desk)
    form, other_tab = form_of(alice, grants[0]), form_of(alice, grants[0])
    first = results(alice.send("POST", PATH, form))
    after, records = dict(desk.system.store.grants), len(desk.system.records())
    for again in (form, other_tab | {"comment": "another"}):
        assert results(alice.send("POST", PATH, again)) == first == (3, {})
    assert (desk.system.store.grants, len(desk.system.records())) == (after, records)
    # A workflow that has ended ignores that it is resumed again.
    assert {*desk.system.reviews.resumed} == {each.id for each in grants}
    assert "No request of agent" in alice.send("GET", f"{PATH}?agent={grants[0].principal}").text


def test_rev_18_without_a_comment_the_agent_learns_that_it_was_many(desk: ReviewSystem, alice: Browser):
    grants = flood(desk)
    alice.send("POST", PATH, form_of(alice, grants[0], comment=" \n"))
    comments = {stored(desk, each).votes[0].comment for each in grants}
    expected = f"Rejected in bulk, without a comment: 3 requests of agent {grants[0].principal}."
    assert comments == {expected}


def test_rev_18_what_changed_or_ended_meanwhile_is_not_rejected(desk: ReviewSystem, alice: Browser):
    same, changed, ended = flood(desk)
    form = form_of(alice, same)
    now = replace(changed, duration_seconds=200), ended.move(State.RELEASED)
    desk.system.store.grants |= {each.id: each for each in now}
    assert results(alice.send("POST", PATH, form)) == (1, {changed.id: "review_changed", ended.id: "review_ended"})
    assert (stored(desk, changed), stored(desk, ended)) == now


# Requests that the form may name beside those of the page: each is left as it is, for its own reason.
FOREIGN: dict[str, tuple[dict[str, Any], str]] = {
    "of another reviewer's group": ({"reviews": (("others",),)}, "not_reviewer"),
    "of another agent": ({"principal": "corp.other-agent"}, "request_invalid"),
    "the voter's own": ({"human": identity("staff.alice")}, "own_request"),
    "of an agent that the voter owns": ({"agent_owners": (identity("staff.alice"),)}, "own_request"),
}


@pytest.mark.parametrize("foreign", FOREIGN, ids=FOREIGN)
def test_rev_18_each_request_passes_the_checks_of_a_single_rejection(desk: ReviewSystem, alice: Browser, foreign: str):
    members, code = FOREIGN[foreign]
    mine, (other,) = flood(desk), flood(desk, 1, **members)
    form = form_of(alice, mine[0])
    assert other.id not in str(form["request"])
    form["request"] = [UNKNOWN, *seen([other]), *form["request"]]
    unknown = UNKNOWN.partition(".")[0]
    assert results(alice.send("POST", PATH, form)) == (3, {unknown: "grant_not_found", other.id: code})
    assert (stored(desk, other), states(desk, mine)) == (other, {State.REJECTED})


FORGED: dict[str, tuple[dict[str, Any], int, str]] = {
    "approve": ({"verdict": "approve"}, 400, "request_invalid"),
    "approve selected": ({"verdict": "approve_selected"}, 400, "request_invalid"),
    "approve after reject": ({"verdict": ["reject", "approve"]}, 400, "request_invalid"),
    "approve before reject": ({"verdict": ["approve", "reject"]}, 400, "request_invalid"),
    "no button": ({"verdict": None, "enter": "key"}, 400, "request_invalid"),
    "a confirmation": ({"confirmed": "0" * 64}, 400, "request_invalid"),
    "boxes": ({"action": ["0"], "resource": ["0.0"], "seconds": "60"}, 400, "request_invalid"),
    "no owner": ({"agent": None}, 400, "request_invalid"),
    "two owners": ({"unit": "corp.reader-agent"}, 400, "request_invalid"),
    "no request": ({"request": None}, 400, "request_invalid"),
    "a request that cannot exist": ({"request": ["g-1.0"]}, 400, "request_invalid"),
    "a request without its hash": ({"request": ["g-aaaaaaaaaaaaaa"]}, 400, "request_invalid"),
    "too many": ({"request": [f"g-{'a' * 12}{n // 26 + 97:c}{n % 26 + 97:c}.{'0' * 64}" for n in range(51)]}, 400,
                 "request_invalid"),
    "another session's token": ({"token": "x"}, 403, "form_token_invalid"),
}  # fmt: skip


@pytest.mark.parametrize("forged", FORGED, ids=FORGED)
def test_rev_18_a_forged_form_decides_nothing(desk: ReviewSystem, alice: Browser, forged: str):
    change, status, code = FORGED[forged]
    grants = flood(desk)
    answer = alice.send("POST", PATH, form_of(alice, grants[0], **change))
    assert (answer.status, f"Code: <code>{code}</code>" in answer.text) == (status, True)
    assert [stored(desk, each) for each in grants] == grants
    assert not desk.system.reviews.resumed


def test_rev_18_a_form_of_another_site_without_a_button_or_with_a_request_twice_decides_nothing(
    desk: ReviewSystem, alice: Browser
):
    grants = flood(desk)
    form = form_of(alice, grants[0])
    assert alice.send("POST", PATH, form, {"Origin": "https://evil.example.com"}).status == 403
    twice = form | {"request": [*form["request"], f"{grants[0].id}.{'0' * 64}"]}
    assert "A request is named twice." in alice.send("POST", PATH, twice).text
    broken = form | {"request": [*form["request"], "g-1.0"]}
    assert "names a request that cannot exist" in alice.send("POST", PATH, broken).text
    unpressed = {name: value for name, value in form.items() if name != "verdict"}
    assert "No button was pressed, so nothing was rejected." in alice.send("POST", PATH, unpressed).text
    assert [stored(desk, each) for each in grants] == grants


FAULTS: dict[str, tuple[Exception, list[str]]] = {
    "unavailable": (Problem("unavailable", "Down.", "Wait."), ["unavailable", "not rejected", "answered"]),
    "internal": (ValueError("canary"), ["unhandled", "not rejected", "answered"]),
    "review_ended": (Problem("review_ended", "Late.", "None."), ["not rejected", "answered"]),
}


@pytest.mark.parametrize("code", FAULTS)
def test_rev_18_a_rejection_that_fails_stops_no_other_one_and_is_logged_with_its_grant(
    desk: ReviewSystem,
    alice: Browser,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    code: str,
):
    first, failed, last = flood(desk)
    save, form = desk.system.store.save, form_of(alice, first)

    def failing(before: Grant, *given: Any, **named: Any) -> None:
        if before.id == failed.id:
            raise FAULTS[code][0]
        save(before, *given, **named)

    monkeypatch.setattr(desk.system.store, "save", failing)
    log = log_of(monkeypatch)
    capsys.readouterr()
    assert results(alice.send("POST", PATH, form)) == (2, {failed.id: code})
    assert states(desk, [first, last]) == {State.REJECTED}
    lines = [json.loads(each) for each in log.getvalue().splitlines()]
    assert [each["message"] for each in lines] == FAULTS[code][1]
    assert {each["grant_id"] for each in lines[:-1]} == {failed.id}
    assert lines[-2]["code"] == code
    counted = [name for _, name, _ in metrics_in(capsys.readouterr().out)]
    assert counted == (["FailedAnswers"] if code != "review_ended" else [])


def test_rev_18_a_call_is_bounded_and_says_what_is_left(
    desk: ReviewSystem, alice: Browser, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    grants, resume = flood(desk), desk.system.reviews.resume

    def slow(grant: Grant, now: int) -> None:
        resume(grant, now)
        desk.system.milliseconds += MOST_MILLISECONDS + 1

    monkeypatch.setattr(desk.system.reviews, "resume", slow)
    form = form_of(alice, grants[0])
    count, others = results(alice.send("POST", PATH, form))
    assert (count, list(others.values())) == (1, ["unavailable"] * 2)
    assert "FailedAnswers" not in capsys.readouterr().out  # an agent that floods reviewers can cause it
    assert results(alice.send("POST", PATH, form_of(alice, grants[0])))[0] == 1  # the rest, one at a time
    monkeypatch.setattr("jitney.handlers.pages.bulk_rejection_page.MOST_REJECTIONS", 1)
    more = flood(desk, 2)
    page = alice.send("GET", f"{PATH}?agent={more[0].principal}").text
    assert (page.count('name="request"'), "2 more of its requests wait for you." in page) == (1, True)
    monkeypatch.setattr("jitney.handlers.pages.bulk_rejection_page.MOST_REJECTIONS", 2)
    assert "1 more of its requests waits for you." in alice.send("GET", f"{PATH}?agent={more[0].principal}").text


def test_rev_18_a_delegate_rejects_on_behalf_of_the_member(desk: ReviewSystem):
    now = minting.NOW
    desk.system.store.away["staff.alice"] = OutOfOffice(
        "a-1", identity("staff.alice"), now, now + 9, (("owners", identity("staff.carol")),)
    )
    grants, carol = flood(desk), signed_in(desk, ("carol", ()))
    form = form_of(carol, grants[0])
    assert results(carol.send("POST", PATH, form)) == (3, {})
    assert {stored(desk, each).votes[0].delegators for each in grants} == {("staff.alice",)}
    more, late = flood(desk), carol
    form = form_of(late, more[0])
    desk.system.now = now + 9  # the member is back
    assert set(results(late.send("POST", PATH, form))[1].values()) == {"not_reviewer"}


def test_rev_18_a_unit_is_offered_if_no_one_agent_has_all_its_requests(desk: ReviewSystem):
    one, two = flood(desk, 3, unit="github.repository=1"), flood(desk, 2, unit="github.repository=1", principal="a.b")
    alone = flood(desk, 1)
    waiting = [*one, *two, *alone]
    assert offered_owners(waiting) == [
        (RequestOwner("unit", "github.repository=1"), 5),
        (RequestOwner("agent", one[0].principal), 4),
    ]
    assert [each for each in waiting if RequestOwner("unit", "github.repository=1").owns(each)] == [*one, *two]


def test_rev_18_requests_of_one_agent_for_two_people_are_rejected_apart(desk: ReviewSystem, alice: Browser):
    ada, own = flood(desk, 4, human=identity("people.ada")), flood(desk, 3)
    bob, agent = flood(desk, 3, human=identity("people.bob")), own[0].principal
    listed = alice.send("GET", "/reviews").text
    offers = re.findall(r'href="/live(/reviews/rejections[^"]*)">Reject all (\d+) requests of ([^<]*)…<', listed)
    assert [(int(count), whose) for _, count, whose in offers] == [
        (10, f"agent {agent}"),
        (4, f"agent {agent} on behalf of people.ada"),
        (3, f"agent {agent}, no person named"),
        (3, f"agent {agent} on behalf of people.bob"),
    ]
    for (link, _, whose), mine in zip(offers, ([*ada, *own, *bob], ada, own, bob), strict=True):
        page = alice.send("GET", unescape(link)).text
        assert f"I reject {len(mine)} requests of {whose}" in page
        assert sorted(re.findall(r'name="request" value="([^"]+)"', page)) == sorted(seen(mine))
    form = form_of(alice, ada[0]) | {"human": "people.ada", "request": seen([*ada, bob[0]])}
    assert results(alice.send("POST", PATH, form)) == (4, {bob[0].id: "request_invalid"})
    assert (states(desk, ada), states(desk, [*own, *bob])) == ({State.REJECTED}, {State.PENDING})
    assert "of agent " + agent + " on behalf of people.ada." in stored(desk, ada[0]).votes[0].comment


def test_rev_18_a_unit_has_no_person(desk: ReviewSystem, alice: Browser):
    assert alice.send("GET", f"{PATH}?unit=corp.reader-agent&human=people.ada").status == 400


def test_rev_18_a_hostile_name_stays_text(desk: ReviewSystem, alice: Browser):
    page = alice.send("GET", f"{PATH}?agent=%3Cscript%3E%22%27%26%E2%80%AE")
    assert (page.status, page.text.count("<script"), "\u202e" in page.text) == (200, 1, False)  # our own script
    for query in ("", "?agent=", "?agent=a&unit=b", f"?agent={'a' * 256}"):
        assert alice.send("GET", f"{PATH}{query}").status == 400


ABSENT = object()


def body_of(grants: Sequence[Grant], **changes: Any) -> dict[str, Any]:
    requests = [{"id": each.id, "content": content_hash(each)} for each in grants]
    whole = {"agent": grants[0].principal, "requests": requests, "comment": "in a loop"} | changes
    return {name: value for name, value in whole.items() if value is not ABSENT}


def test_rev_18_one_token_rejects_many_from_a_terminal_once(desk: ReviewSystem):
    mine, (other,) = flood(desk, 3, unit="corp.unit"), flood(desk, 1, reviews=(("others",),))
    token = own_token(desk)
    status, answer = call(desk, reject_many_from_terminal, "", token, **body_of([*mine, other]))
    assert (status, answer["rejected"]) == (200, [each.id for each in mine])
    assert [(each["id"], each["code"]) for each in answer["not_rejected"]] == [(other.id, "not_reviewer")]
    assert {stored(desk, each).votes[0].via for each in mine} == {"terminal"}
    (left,) = flood(desk, 1)
    content = content_hash(left)
    approval = {"verdict": "approve", "content": content, "confirmed": content}
    for route, body in ((reject_many_from_terminal, body_of([left])), (vote_from_terminal, approval)):
        status, answer = call(desk, route, left, token, **body)
        assert (status, answer["code"]) == (401, "token_replayed")
    assert (stored(desk, left), stored(desk, other)) == (left, other)


@pytest.mark.parametrize("attack", ATTACKS, ids=ATTACKS)
def test_rev_18_no_other_token_rejects_in_bulk(desk: ReviewSystem, attack: str):
    forged, code = ATTACKS[attack]
    grants = flood(desk, 1)
    status, answer = call(desk, reject_many_from_terminal, "", forged(desk), **body_of(grants))
    assert (status, answer["code"]) == (401, code)
    assert [stored(desk, each) for each in grants] == grants


BAD: dict[str, dict[str, Any]] = {
    "a verdict": {"verdict": "approve"},
    "no owner": {"agent": ABSENT},
    "null for the person, which is not any person": {"human": None},
    "two owners": {"unit": "corp.unit"},
    "no requests": {"requests": []},
    "a text for requests": {"requests": "g-aaaaaaaaaaaaaa"},
    "a text for a request": {"requests": ["g-aaaaaaaaaaaaaa"]},
    "no content": {"requests": [{"id": "g-aaaaaaaaaaaaaa"}]},
    "another id": {"requests": [{"id": "*", "content": "0" * 64}]},
    "a verdict in a request": {"requests": [{"id": "g-aaaaaaaaaaaaaa", "content": "0" * 64, "verdict": "approve"}]},
    "a request twice": {"requests": [{"id": "g-aaaaaaaaaaaaaa", "content": "0" * 64}] * 2},
    "too many": {"requests": [{"id": "g-aaaaaaaaaaaaaa", "content": "0" * 64}] * (MOST_REJECTIONS + 1)},
    "a comment of two lines": {"comment": "a\nb"},
}


@pytest.mark.parametrize("bad", BAD, ids=BAD)
def test_rev_18_a_body_that_is_not_clear_is_refused(desk: ReviewSystem, bad: str):
    grants, token = flood(desk, 1), own_token(desk)
    status, answer = call(desk, reject_many_from_terminal, "", token, **body_of(grants, **BAD[bad]))
    assert (status, answer["code"]) == (400, "request_invalid")
    assert [stored(desk, each) for each in grants] == grants
    assert call(desk, reject_many_from_terminal, "", token, **body_of(grants))[0] == 200  # the token has not voted


def test_the_table_of_bulk_rejections_is_complete():
    assert {cell.who for cell in CELLS} == set(WHO)
    assert len(CELLS) == len({cell[:3] for cell in CELLS}) == len(WHO) * 4


FIXED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "POST reject": lambda form: form,
    "POST approve": lambda form: form | {"verdict": "approve"},
    "POST without the session's token": lambda form: form | {"token": "x"},
}


@pytest.mark.parametrize("cell", CELLS, ids=[" / ".join(cell[:3]) for cell in CELLS])
def test_rev_18_who_may_reject_in_bulk(desk: ReviewSystem, cell: Cell):
    (grant,) = flood(desk, 1, human=identity("staff.harriet"))
    if cell.who.endswith(", after escalation"):
        desk.system.now += 900
    now = desk.system.now
    if cell.who.startswith("a delegate"):
        away = OutOfOffice("a-1", identity("staff.alice"), now, now + 600, (("owners", identity("staff.carol")),))
        desk.system.store.away["staff.alice"] = away
    if cell.who == "a delegate whose time is over":
        desk.system.now += 600
    browser = signed_in(desk, WHO[cell.who])
    headers = {"Authorization": f"Bearer {minting.token()}"} if cell.who.startswith("an agent") else {}
    if cell.column == "GET rejections":
        answer = browser.send("GET", f"{PATH}?agent={grant.principal}", headers=headers)
    else:
        token = re.search(r'name="token" value="(\w+)"', browser.send("GET", "/reviews").text)
        form = {"token": token[1] if token else "x", "agent": grant.principal, "request": seen([grant])}
        answer = browser.send("POST", PATH, FIXED[cell.column](form | {"verdict": "reject"}), headers)
    found = re.search(r"Code: <code>(\w+)</code>", answer.text)
    assert f"{answer.status}{f' {found[1]}' if found else ''}" == cell.expected
    assert (stored(desk, grant).state is State.REJECTED) is (cell[1:] == ("", "POST reject", "200"))
