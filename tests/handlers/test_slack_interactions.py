"""Buttons and modals in Slack (REV 9), attacked and used, with the handler as it is over in-memory adapters."""

import base64
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from jitney.core.access.grant import State
from jitney.core.config import ReviewerGroup
from jitney.core.review.out_of_office import OutOfOffice
from tests.handlers.slack_workspace import CHANNEL, GROUPS, HOME, SlackSystem, signed
from tests.identities import identity

TWO = [
    {"actions": ["s3:PutObject", "s3:DeleteObject"], "resources": ["arn:aws:s3:::reports/a", "arn:aws:s3:::reports/b"]}
]


@pytest.fixture
def office() -> SlackSystem:
    return SlackSystem()


def test_rev_09_a_reviewer_approves_by_a_button(office: SlackSystem):
    grant = office.pending()
    assert office.send(office.press(grant, "approve")) == (200, {})
    approved = office.grant(grant.id)
    given = approved.votes[0]
    assert (approved.state, given.human.name, given.via) == (State.ACTIVE, "staff.alice", "slack")
    assert office.system.reviews.resumed == [grant.id]
    record = office.system.records()[-1]
    assert (record["event"], record["outcome"], record["source_ip"]) == ("vote", "approved", "198.51.100.7")
    assert office.slack.alone == []


def test_rev_09_a_base64_body_is_verified_as_it_was_sent(office: SlackSystem):
    grant = office.pending()
    body = urlencode({"payload": json.dumps(office.press(grant, "approve"))}).encode()
    text = base64.b64encode(body).decode()
    assert office.send(None, body=body, text=text, encoded=True)[0] == 200
    assert office.grant(grant.id).state is State.ACTIVE


FORGED = {
    "another secret": lambda body, now: signed(body, now, "another"),
    "another body": lambda body, now: signed(body + b" ", now),
    "another version": lambda body, now: {k: v.replace("v0=", "v1=") for k, v in signed(body, now).items()},
    "too old": lambda body, now: signed(body, now - 301),
    "of the future": lambda body, now: signed(body, now + 301),
    "no signature": lambda body, now: {"X-Slack-Request-Timestamp": str(now)},
    "no time": lambda body, now: {"X-Slack-Signature": signed(body, now)["X-Slack-Signature"]},
    "no number": lambda body, now: signed(body, now) | {"X-Slack-Request-Timestamp": "now"},
    "an underlined number": lambda body, now: signed(body, now) | {"X-Slack-Request-Timestamp": "1_0"},
    "another alphabet": lambda body, now: signed(body, now) | {"X-Slack-Signature": "v0=é"},
    "other digits": lambda body, now: signed(body, now) | {"X-Slack-Request-Timestamp": "١٢٣"},
    "nothing": lambda _body, _now: {},
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_rev_09_what_slack_did_not_sign_just_now_does_nothing_and_is_counted(office: SlackSystem, forge: Any):
    grant = office.pending()
    body = urlencode({"payload": json.dumps(office.press(grant, "approve"))}).encode()
    status, answer = office.send(None, body=body, headers=forge(body, office.system.now))
    assert (status, answer["code"]) == (401, "slack_signature_invalid")
    assert office.grant(grant.id) == grant
    assert office.system.outcomes()[-1] == ("refusal", "refused", "slack_signature_invalid")


def test_rev_09_a_body_that_is_no_text_is_refused(office: SlackSystem):
    headers = signed(b"\xff", office.system.now)
    status, answer = office.send(
        None, body=b"\xff", text=base64.b64encode(b"\xff").decode(), encoded=True, headers=headers
    )
    assert (status, answer["code"]) == (401, "slack_signature_invalid")


def test_rev_09_the_same_body_again_does_nothing_again(office: SlackSystem):
    """A vote that another vote replaced. A copy of the first message must not restore it."""
    office = SlackSystem({"owners": ReviewerGroup(("staff.alice", "staff.bob"), approvals=2)})
    grant = office.pending()
    first = office.press(grant, "approve")
    body = urlencode({"payload": json.dumps(first)}).encode()
    assert office.send(None, body=body)[0] == 200
    view = office.open(office.grant(grant.id), "reject")
    assert office.send(office.submission(view, comment="no, after all"))[1] == {"response_action": "clear"}
    votes = office.grant(grant.id).votes
    before = list(office.system.outcomes())
    assert office.send(None, body=body) == (200, {})
    assert (office.grant(grant.id).votes, office.system.outcomes()) == (votes, before)


def test_rev_09_a_body_is_remembered_for_as_long_as_its_signature_is_fresh(office: SlackSystem):
    """Slack's clock may be ahead: then a signature is fresh for ten minutes from now, to the second."""
    grant = office.pending()
    body = urlencode({"payload": json.dumps(office.press(grant, "approve", "oscar"))}).encode()
    headers = signed(body, office.system.now + 300)
    for seconds in (0, 300, 300):
        office.system.now += seconds
        assert office.send(None, body=body, headers=headers) == (200, {})
    assert len(office.slack.alone) == 1
    office.system.now += 1
    assert office.send(None, body=body, headers=headers)[0] == 401


def test_rev_09_a_later_request_with_the_same_body_is_another_one(office: SlackSystem):
    grant = office.pending()
    body = urlencode({"payload": json.dumps(office.press(grant, "approve", "oscar"))}).encode()
    for count in (1, 2):
        assert office.send(None, body=body) == (200, {})
        assert len(office.slack.alone) == count
        office.system.now += 1


def test_rev_09_a_body_with_two_payloads_decides_nothing(office: SlackSystem):
    grant = office.pending()
    one = urlencode({"payload": json.dumps(office.press(grant, "approve"))})
    assert office.send(None, body=f"{one}&{one}".encode()) == (200, {})
    assert office.grant(grant.id) == grant


def test_rev_09_a_double_click_is_one_vote(office: SlackSystem):
    grant = office.pending()
    for _ in range(2):
        assert office.send(office.press(grant, "approve")) == (200, {})
    assert [event for event, _, _ in office.system.outcomes()].count("vote") == 1
    assert office.slack.alone == []


ELSEWHERE = {
    "another workspace": {"team": {"id": "T0ELSE"}, "user": {"id": "UALICE", "team_id": "T0ELSE"}},
    "a guest of another workspace": {"user": {"id": "UALICE", "team_id": "T0ELSE"}},
    "another workspace's app": {"team": {"id": "T0ELSE"}},
}


@pytest.mark.parametrize("changes", ELSEWHERE.values(), ids=ELSEWHERE)
def test_rev_09_another_workspace_is_refused(office: SlackSystem, changes: Any):
    grant = office.pending()
    status, answer = office.send(office.press(grant, "approve", **changes))
    assert (status, answer["code"]) == (403, "slack_workspace_unknown")
    assert office.grant(grant.id) == grant


NOBODY = {
    "another address": {"email": "mallory@example.com"},
    "no address": {"email": ""},
    "deactivated, a bot or a guest": {"is_full_member": False},
    "of another workspace": {"workspace": "T0ELSE"},
}


@pytest.mark.parametrize("changes", NOBODY.values(), ids=NOBODY)
@pytest.mark.parametrize("action", ["approve", "approve_selected", "reject"])
def test_rev_09_an_unknown_user_alone_sees_that_they_are_unknown(office: SlackSystem, changes: Any, action: str):
    grant = office.pending()
    office.slack.profiles["UALICE"] = office.slack.profiles["UALICE"]._replace(**changes)
    assert office.send(office.press(grant, action)) == (200, {})
    assert (office.slack.alone[-1][:2], office.slack.modals) == ((CHANNEL, "UALICE"), [])
    assert office.grant(grant.id) == grant
    assert office.system.outcomes()[-1][2] in ("slack_user_unknown", "slack_workspace_unknown")


def test_rev_09_two_people_with_one_address_are_unknown(office: SlackSystem):
    config = office.system.config
    office.system.ports.config = replace(config, emails={**config.emails, "staff.bob": "ALICE@example.com"})
    grant = office.pending()
    office.send(office.press(grant, "approve"))
    assert office.grant(grant.id) == grant
    assert "does not know who you are" in office.alone()


def test_rev_05_whose_issuer_has_agents_is_no_person(office: SlackSystem):
    config = office.system.config
    issuers = {**config.issuers, "staff": replace(config.issuers["staff"], kind="agent")}
    office.system.ports.config = replace(config, issuers=issuers)
    grant = office.pending()
    office.send(office.press(grant, "approve"))
    assert "Only people can review" in office.alone()
    assert office.grant(grant.id) == grant


@pytest.mark.parametrize("action", ["approve", "approve_selected", "reject"])
def test_rev_09_the_clicker_is_looked_up_among_the_reviewers_at_each_click(office: SlackSystem, action: str):
    grant = office.pending()
    config = office.system.config
    without = {**GROUPS, "owners": ReviewerGroup(("staff.bob",))}
    office.system.ports.config = replace(config, reviewers=without)
    assert office.send(office.press(grant, action)) == (200, {})
    assert "not a reviewer of this request" in office.alone()
    assert (office.grant(grant.id), office.slack.modals) == (grant, [])
    assert office.system.outcomes()[-1][2] == "not_reviewer"


def test_rev_05_no_requester_approves_their_own_request_in_slack(office: SlackSystem):
    grant = office.pending(human=identity("staff.harriet"))
    office.send(office.press(grant, "approve", "harriet"))
    assert "your own request" in office.alone()
    assert office.grant(grant.id) == grant


def test_rev_09_late_clicks_show_the_status(office: SlackSystem):
    grant = office.pending()
    office.send(office.press(grant, "approve", "bob"))
    for action in ("approve", "approve_selected", "reject"):
        office.send(office.press(grant, action))
        assert "The request" in office.alone()
        assert "active" in office.alone()
    expired = office.pending([{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/later"]}])
    office.system.now += 3600
    office.send(office.press(expired, "approve"))
    assert "expired" in office.alone()


def test_rev_03_a_button_of_what_was_shown_before_a_change_counts_for_nothing(office: SlackSystem):
    grant = office.pending()
    shown = office.press(grant, "approve")
    office.system.store.grants[grant.id] = replace(grant, duration_seconds=60)
    office.send(shown)
    assert "changed after you opened it" in office.alone()
    assert office.alone().endswith("Choose Open request in the message, and vote there.")
    assert office.grant(grant.id).state is State.PENDING


def test_rev_07_less_by_the_modal(office: SlackSystem):
    grant = office.pending(TWO)
    view = office.open(grant, "approve_selected")
    assert office.send(office.submission(view, seconds="60", less=("a1", "r0.1"), comment="one file")) == (
        200,
        {"response_action": "clear"},
    )
    approved = office.grant(grant.id)
    assert (approved.state, approved.duration_seconds) == (State.ACTIVE, 60)
    assert [(each.actions, each.resources) for each in approved.permissions] == [
        (("s3:PutObject",), ("arn:aws:s3:::reports/a",))
    ]
    assert approved.votes[0].comment == "one file"


def test_rev_07_all_of_it_by_the_modal_is_the_whole(office: SlackSystem):
    grant = office.pending(TWO)
    office.send(office.submission(office.open(grant, "approve_selected")))
    assert office.grant(grant.id).permissions == grant.permissions


WRONG = {
    "nothing left": ({"less": ("a0", "a1")}, "seconds"),
    "no resource left": ({"less": ("r0.0", "r0.1")}, "seconds"),
    "longer": ({"seconds": "301"}, "seconds"),
    "no time": ({"seconds": None}, "seconds"),
    "no number": ({"seconds": "1e9"}, "seconds"),
}


@pytest.mark.parametrize(("values", "field"), WRONG.values(), ids=WRONG)
def test_rev_07_more_or_nothing_is_refused_in_the_modal(office: SlackSystem, values: Any, field: str):
    grant = office.pending(TWO)
    status, answer = office.send(office.submission(office.open(grant, "approve_selected"), **values))
    assert (status, answer["response_action"], list(answer["errors"])) == (200, "errors", [field])
    assert office.grant(grant.id).state is State.PENDING


def test_rev_07_a_box_that_was_never_there_adds_nothing(office: SlackSystem):
    grant = office.pending(TWO)
    sent = office.submission(office.open(grant, "approve_selected"), less=("a0", "a1", "r0.0", "r0.1"))
    boxes = sent["view"]["state"]["values"]
    for place, values in (("choices-0-a-0", ("a7", "a-1", "a0")), ("choices-0-r-0", ("r0.9", "r5.0", "r0.1"))):
        boxes[place]["boxes"]["selected_options"] = [{"value": each} for each in values]
    office.send(sent)
    (left,) = office.grant(grant.id).permissions
    assert (left.actions, left.resources) == (("s3:PutObject",), ("arn:aws:s3:::reports/b",))


def test_rev_06_a_rejection_has_its_comment(office: SlackSystem):
    grant = office.pending()
    view = office.open(grant, "reject")
    status, answer = office.send(office.submission(view, comment="  "))
    assert (status, list(answer["errors"])) == (200, ["comment"])
    assert office.send(office.submission(view, comment="not today\u202e"))[1] == {"response_action": "clear"}
    rejected = office.grant(grant.id)
    assert (rejected.state, rejected.votes[0].comment) == (State.REJECTED, "not today[U+202E]")


def test_rev_09_a_modal_is_no_right_either(office: SlackSystem):
    """A modal of alice's, sent by a person who is not a reviewer, and sent after its content changed."""
    grant = office.pending()
    view = office.open(grant, "approve_selected")
    answer = office.send(office.submission(view, "oscar"))[1]
    assert answer["response_action"] == "update"
    assert "not a reviewer of this request" in json.dumps(answer)
    office.system.store.grants[grant.id] = replace(grant, duration_seconds=60)
    answer = json.dumps(office.send(office.submission(view))[1])
    assert "changed after you opened it" in answer
    assert "Choose Open request" in answer
    assert office.grant(grant.id).state is State.PENDING


def test_rev_06_an_approval_that_does_not_suffice_says_so_to_its_voter(office: SlackSystem):
    office = SlackSystem({"owners": ReviewerGroup(("staff.alice", "staff.bob", "staff.harriet"), approvals=3)})
    grant = office.pending()
    office.send(office.press(grant, "approve"))
    assert "needs more approvals" in office.alone()
    answer = office.send(office.submission(office.open(office.grant(grant.id), "approve_selected", "bob"), "bob"))[1]
    assert "needs more approvals" in json.dumps(answer["view"])
    office.send(office.press(office.grant(grant.id), "approve", "harriet"))
    assert office.grant(grant.id).state is State.ACTIVE


def test_rev_06_reviewers_of_the_escalation_may_vote_from_then_on(office: SlackSystem):
    grant = office.pending()
    office.send(office.press(grant, "approve", "lea"))
    assert "not a reviewer of this request" in office.alone()
    office.system.now += 900
    office.send(office.press(grant, "approve", "lea"))
    assert office.grant(grant.id).state is State.ACTIVE


@pytest.mark.parametrize("action", ["approve", "approve_selected", "reject"])
def test_rev_09_when_slack_does_not_answer_the_clicker_sees_that_it_failed(office: SlackSystem, action: str):
    grant = office.pending()
    office.slack.code = "unreachable"
    status, answer = office.send(office.press(grant, action))
    assert (status, answer["code"]) == (503, "unavailable")
    assert office.grant(grant.id) == grant


def test_rev_09_without_the_secret_nothing_is_believed(office: SlackSystem):
    grant = office.pending()
    office.secret.broken = True
    assert office.send(office.press(grant, "approve"))[0] == 503
    assert office.grant(grant.id) == grant


def test_rev_09_without_slack_in_the_configuration_there_is_no_route(office: SlackSystem):
    grant = office.pending()
    office.system.ports.config = replace(office.system.config, slack=None)
    status, answer = office.send(office.press(grant, "approve"))
    assert (status, answer["code"]) == (404, "route_not_found")


STRANGE = {
    "no payload": b"a=b",
    "no form": b"%",
    "no json": urlencode({"payload": "{"}).encode(),
    "no object": urlencode({"payload": "[]"}).encode(),
    "twice the same member": urlencode({"payload": '{"type":"block_actions","type":"x"}'}).encode(),
    "too large": b"payload=" + b"x" * 70_000,
}


@pytest.mark.parametrize("body", STRANGE.values(), ids=STRANGE)
def test_what_is_no_payload_is_refused(office: SlackSystem, body: bytes):
    assert 400 <= office.send(None, body=body)[0] < 500


PARTS = [
    ("actions", []),
    ("actions", [{"action_id": "approve", "value": "g-aaaaaaaaaaaaaa"}]),
    ("actions", [{"action_id": "approve", "value": "g-aaaaaaaaaaaaaa." + "0" * 63 + "\n"}]),
    ("actions", [{"action_id": "approve", "value": ["x"]}]),
    ("user", "UALICE"),
    ("user", {"id": 7, "team_id": HOME}),
    ("team", None),
    ("channel", None),
    ("trigger_id", None),
]


@pytest.mark.parametrize("part", PARTS, ids=[f"{name} {value}"[:40] for name, value in PARTS])
def test_a_payload_of_another_shape_is_refused(office: SlackSystem, part: Any):
    grant = office.pending()
    status, answer = office.send(office.press(grant, "approve", **{part[0]: part[1]}))
    assert (status, answer["code"]) == (400, "request_invalid")
    assert office.grant(grant.id) == grant


@pytest.mark.parametrize("action", ["page", "something"])
def test_other_buttons_and_payloads_need_no_answer(office: SlackSystem, action: str):
    grant = office.pending()
    assert office.send(office.press(grant, action, actions=[{"action_id": action}])) == (200, {})
    assert office.send({"type": "view_closed"}) == (200, {})
    assert office.grant(grant.id) == grant


def test_an_unknown_grant_is_a_problem(office: SlackSystem):
    grant = office.pending()
    del office.system.store.grants[grant.id]
    office.send(office.press(grant, "approve"))
    assert "no longer exists" in office.alone()


def test_rev_09_the_store_that_fails_decides_nothing_and_the_clicker_learns_it(office: SlackSystem):
    grant = office.pending()
    payload = office.press(grant, "approve")
    office.system.store.broken = True
    assert office.send(payload)[0] == 503


def test_aud_07_no_token_is_shown_or_recorded(office: SlackSystem, capsys: pytest.CaptureFixture[str]):
    grant = office.pending()
    office.send(office.press(grant, "approve", "oscar"))
    office.slack.code = "invalid_auth"
    office.send(office.press(grant, "approve"))
    office.send(office.press(grant, "approve"), headers={})
    written = json.dumps(office.system.records()) + capsys.readouterr().out
    assert "canary" not in written


def test_rev_06_a_delegate_votes_in_slack_too(office: SlackSystem):
    office = SlackSystem({"owners": ReviewerGroup(("staff.alice", "staff.bob"), delegates=("staff.oscar",))})
    grant = office.pending()
    for action in ("approve", "reject"):
        office.send(office.press(grant, action, "oscar"))
        assert "not a reviewer of this request" in office.alone()
    now = office.system.now
    away = OutOfOffice("a-1", identity("staff.bob"), now, now + 60, (("owners", identity("staff.oscar")),))
    office.system.store.away["staff.bob"] = away
    assert office.open(grant, "reject", "oscar")
    assert office.send(office.press(grant, "approve", "oscar")) == (200, {})
    approved = office.grant(grant.id)
    assert (approved.state, approved.votes[0].delegators) == (State.ACTIVE, ("staff.bob",))
