"""A call's review on the pages: all of it is shown, and it is approved whole or not at all."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant, GrantEnd, State
from jitney.core.access.request import Way
from jitney.core.gateway.shown_parameters import canonical_parameters
from jitney.handlers.caller.authentication import authenticate_request
from jitney.handlers.gateway.call_reviews import CallPost, review_call
from jitney.handlers.grants import create_grant
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports
from tests.fakes import CALL
from tests.handlers.conftest import REQUEST_BODY, WRITE
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.test_break_glass import SETTINGS, smash
from tests.handlers.test_call_reviews import untried
from tests.reviewer_browser import fields_of

HOSTILE = '</code><script>alert(1)</script>", "Approved by": "security'


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system()


@pytest.fixture
def alice(desk: ReviewSystem) -> Browser:
    browser = Browser(desk)
    browser.sign_in("alice")
    return browser


def waiting(desk: ReviewSystem, parameters: dict[str, Any] | None = None) -> Grant:
    """A call that waits for its review, in an active grant."""
    system = desk.system
    _, body, _ = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})
    grants = system.store.grants
    pending = grants.pop(body["grant"]["id"])
    parent = replace(pending, id=CALL.grant_id, state=State.ACTIVE, way=Way.GATEWAY, starts_at=system.now, call=None)
    grants[parent.id] = replace(parent, expires_at=system.now + 1800)
    shown = canonical_parameters({"Bucket": "reports", "Key": "2026/q3.csv"} if parameters is None else parameters)
    call = CALL._replace(operation="PutObject", parameters=shown)
    child = replace(pending, way=Way.GATEWAY, call=call, ends_by=system.now + 1800)
    grants[child.id] = child
    return child


def test_rev_16_the_page_shows_the_whole_call(desk: ReviewSystem, alice: Browser):
    long = "k" * 20_000
    child = waiting(desk, {"Bucket": "reports", "Key": long, "Metadata": {"a.b": HOSTILE}})
    page = alice.send("GET", f"/reviews/{child.id}").text
    assert "requests one call: s3 PutObject in eu-west-1" in page
    first, rest = page.split('<section id="parameters">')
    assert (f"&#34;{long}&#34;" in rest, "kkkk [20002 characters, cut here] kkkk" in first) == (True, True)
    assert len(first) < 20_000
    assert page.count("<script") == 1  # our own
    assert "<code>Metadata[&#34;a.b&#34;]</code>" in page
    assert f'href="/live/reviews/{CALL.grant_id}"' in page
    assert "this call once, with exactly these parameters, until" in page
    assert 'type="checkbox"' not in page
    assert 'name="seconds"' not in page
    assert "After Approve, you confirm the call." in page
    assert "The call has no parameters." in alice.send("GET", f"/reviews/{waiting(desk, {}).id}").text


def test_rev_16_a_call_is_approved_whole_by_its_form(desk: ReviewSystem, alice: Browser):
    child = waiting(desk)
    form = alice.form_of(child.id)
    assert set(alice.first_form(child.id)) == {"token", "content", "verdict"}
    assert alice.send("POST", f"/reviews/{child.id}", form).status == 303
    after = desk.system.store.grants[child.id]
    assert (after.state, after.permissions) == (State.ACTIVE, child.permissions)
    assert "Approved by staff.alice" in alice.send("GET", f"/reviews/{child.id}").text


@pytest.mark.parametrize("more", [{"action": ["0"]}, {"resource": ["0.0"]}, {"seconds": "60"}])
def test_rev_16_a_forged_form_does_not_narrow_a_call(desk: ReviewSystem, alice: Browser, more: dict[str, Any]):
    child = waiting(desk)
    for verdict, said in (("approve", "no verdict that fits"), ("approve_selected", "cannot be narrowed")):
        answer = alice.send("POST", f"/reviews/{child.id}", alice.form_of(child.id) | more | {"verdict": verdict})
        assert (answer.status, said in answer.text) == (400, True)
    assert desk.system.store.grants[child.id].state is State.PENDING


def test_rev_16_the_list_names_the_call(desk: ReviewSystem, alice: Browser):
    waiting(desk)
    assert "One call: s3 PutObject in eu-west-1</p>" in alice.send("GET", "/reviews").text


def test_rev_16_a_call_of_an_ended_grant_is_shown_as_ended(desk: ReviewSystem, alice: Browser):
    child, grants = waiting(desk), desk.system.store.grants
    form = alice.form_of(child.id)
    ending = GrantEnd(desk.system.now, "staff.olga", "leaked")
    grants[CALL.grant_id] = grants[CALL.grant_id].end(State.REVOKED, ending)
    assert "was revoked: leaked" in alice.send("GET", f"/reviews/{child.id}").text
    assert child.id not in alice.send("GET", "/reviews").text
    assert alice.send("POST", f"/reviews/{child.id}", form).status == 409
    assert grants[child.id].votes == ()


def test_rev_16_break_glass_covers_one_call_for_its_own_time():
    desk = review_system(break_glass=SETTINGS)
    child, gina = waiting(desk), Browser(desk)
    gina.sign_in("gina")
    page = gina.send("GET", f"/reviews/{child.id}").text
    assert "the whole request is granted now, without reviewers. All" in page
    assert smash(gina, child).status == 303
    after = desk.system.store.grants[child.id]
    assert (after.state, after.call) == (State.ACTIVE, child.call)
    assert after.expires_at == desk.system.now + SETTINGS.max_duration_seconds


def test_rev_16_the_report_shows_the_call_and_that_it_was_sent(desk: ReviewSystem, alice: Browser):
    system = desk.system
    child = waiting(desk)
    parent = system.store.grants[CALL.grant_id]
    made = child.call and child.call._replace(parameters='{"Bucket":"reports","Key":"<b>"}')
    decision = Decision(Effect.REVIEW, (), child.permissions, "v1", "table", reviews=(frozenset({"owners"}),))

    def post(request: Request, ports: Ports) -> Response:
        call = authenticate_request(request, ports)
        assert made
        answered = review_call(made, parent, decision, CallPost("k-1", None, "", untried, 0), call)
        if isinstance(answered, Response):
            return answered
        assert answered.use
        system.store.grants[answered.use.after.id] = answered.use.after
        system.store.links.append(answered.use.record)
        return Response(200, {"call_id": answered.call_id})

    _, body, _ = system.call(post)
    grant_id = body["grant"]["id"]
    assert alice.send("POST", f"/reviews/{grant_id}", alice.form_of(grant_id)).status == 303
    assert system.call(post)[0] == 200
    page = alice.send("GET", f"/reviews/{grant_id}/report").text
    assert f"s3 PutObject in eu-west-1, made in grant {CALL.grant_id}" in page
    assert "Key: &#34;&lt;b&gt;&#34;" in page
    assert ">Used<" in page


def test_end_01_the_page_of_a_gateway_grant_says_what_a_revocation_ends(desk: ReviewSystem, alice: Browser):
    waiting(desk)
    page = alice.send("GET", f"/reviews/{CALL.grant_id}").text
    assert "you can revoke this access: Jitney makes no more calls under this grant." in page
    assert "stop working" not in page


def test_rev_16_a_reviewer_revokes_the_approval_of_a_call_that_aws_may_not_have_run(desk: ReviewSystem, alice: Browser):
    child, grants, now = waiting(desk), desk.system.store.grants, desk.system.now
    approved = replace(child, state=State.ACTIVE, starts_at=now, expires_at=now + 300)
    grants[child.id] = approved.use(now)
    page = alice.send("GET", f"/reviews/{child.id}").text
    assert "you can revoke this approval. If AWS did not run the call, it is not sent again." in page
    form = fields_of(page.partition('<form id="revoke"')[2]) | {"reason": "the wrong object"}
    assert alice.send("POST", f"/reviews/{child.id}/revocation", form).status == 303
    assert grants[child.id].state is State.REVOKED
    assert "Revoke approval" not in alice.send("GET", f"/reviews/{child.id}").text
    grants[child.id] = approved.use(now)
    desk.system.now = approved.expires_at
    assert "Revoke approval" not in alice.send("GET", f"/reviews/{child.id}").text
