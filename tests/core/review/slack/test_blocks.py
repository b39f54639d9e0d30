"""What is shown in Slack: within Slack's limits whatever is asked for, and nothing of it is markup (REV 9, 10)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.access.decision import Risk
from jitney.core.access.grant import Grant, GrantEnd, State, Vote, VoteVerdict
from jitney.core.access.rejections import RepeatedRequest
from jitney.core.access.request import Permission, RequestedAccess
from jitney.core.config import ReviewerGroup
from jitney.core.identity.principal import IdentityFact
from jitney.core.review import decision_wording as wording
from jitney.core.review.content import content_hash
from jitney.core.review.like_requests import LikeRequests
from jitney.core.review.notices import Notice
from jitney.core.review.safe_text import escape_exact
from jitney.core.review.selection import selected_permissions
from jitney.core.review.sheet import Sheet, sheet_of
from jitney.core.review.slack.interaction import GrantReference
from jitney.core.review.slack.message import MOST_BYTES, SlackMessage, message, reply
from jitney.core.review.slack.modals import (
    FACTS_TOO_LONG,
    MOST_BLOCKS,
    approve_selected_modal,
    message_modal,
    reject_modal,
    selected_boxes,
)
from jitney.core.review.slack.names import APPROVE, PAGE, REJECT, THIS_TIME_ONLY
from tests.core.review.samples import under_review
from tests.examples import examples
from tests.fakes import ACTIONS, NOW, PENDING
from tests.identities import identity

URL = "https://jitney.example.com/live/reviews/g-aaaaaaaaaaaaaa"
NAMES = ["s3:GetObject", "s3:PutObject", "iam:PassRole", "sts:AssumeRole", "dynamodb:Query", "none:Known"]
# Long ARNs repeat short texts: to draw each character takes most of a test's time and finds no more.
ARNS = st.builds(
    lambda text, length: f"arn:aws:s3:::{(text * length)[:length]}",
    st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=20),
    st.integers(0, 1000),
)
WORDS = st.text(max_size=500)
SENTENCES = st.text(st.characters(codec="ascii"), max_size=500)
PERMISSIONS = st.lists(
    st.builds(
        Permission,
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True).map(tuple),
        st.lists(ARNS, min_size=1, max_size=20, unique=True).map(tuple),
    ),
    min_size=1,
    max_size=12,
)
LIMITS = {"plain_text": 3000, "header": 150}
HOSTILE = [
    "<!channel> <!here> <@U123> <#C123> @channel",
    "*bold* _it_ ~no~ `code` ```block``` > quote :tada:",
    "[click](https://evil.example) <https://evil.example|the page> https://evil.example",
    "<script>alert(1)</script> &lt;!channel&gt; &amp;",
    "\u202egnihtyreve evorppA\u202c \u200b\u0000 \r\n\n\nApproved by people.alice",
    'x"}]},{"type":"actions"',
]


def sheet(grant: Grant, risks: Any = (), **changes: Any) -> Sheet:
    groups = {"owners": ReviewerGroup(("corp.alice",))}
    return sheet_of(under_review(grant), groups, ACTIONS, risks, (), NOW)._replace(**changes)


def within(blocks: Any, most: int) -> None:
    """Block Kit's limits (https://docs.slack.dev/reference/block-kit/)."""
    assert 0 < len(blocks) <= most
    names = [each["block_id"] for each in blocks if "block_id" in each]
    assert len(names) == len(set(names))
    for place in walk(blocks):
        kind = place.get("type")
        if kind in ("plain_text", "text"):
            assert 0 < len(place["text"]) <= 3000
        if kind == "header":
            assert len(place["text"]["text"]) <= 150
        if kind == "button":
            assert len(place["text"]["text"]) <= 75
            assert len(place.get("value", "")) <= 2000
            assert len(place.get("url", "")) <= 3000
        if "confirm" in place and kind == "button":
            sizes = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
            assert all(len(place["confirm"][name]["text"]) <= size for name, size in sizes.items())
        if kind == "actions":
            assert len(place["elements"]) <= 25
        if kind == "checkboxes":
            assert 0 < len(place["options"]) <= 10
            assert len({each["value"] for each in place["options"]}) == len(place["options"])
            narrows = place["options"][0]["value"] == THIS_TIME_ONLY
            assert place.get("initial_options") == (None if narrows else place["options"])
            for option in place["options"]:
                assert len(option["text"]["text"]) <= 75
                assert len(option["value"]) <= 75
                assert 0 < len(option.get("description", {"text": "x"})["text"]) <= 75


def narrowing(grant: Grant) -> dict[str, Any]:
    """The modal to narrow the grant's request."""
    return approve_selected_modal(grant, under_review(grant).requester)


def assert_plain(place: Mapping[str, Any]) -> None:
    """Assert that Slack shows a part of a message as the text that it is."""
    formatted = ("mrkdwn", "link", "user", "usergroup", "broadcast", "emoji", "channel", "image")
    assert place.get("type") not in formatted
    assert place.get("emoji", False) is False


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from walk(each)


def asked(permissions: Any, words: str = "", ticket: str = "") -> Grant:
    return replace(PENDING, permissions=tuple(permissions), reason=words, ticket=ticket)


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(PERMISSIONS, WORDS, st.text(max_size=100), st.lists(SENTENCES, max_size=6), st.sampled_from(sorted(State)))
def test_rev_09_a_message_is_within_slacks_limits(permissions: Any, words: str, ticket: str, risks: Any, state: State):
    found = [Risk("DataExfiltration", text, (), (), "") for text in risks]
    made = message(sheet(asked(permissions, words, ticket), found, state=str(state)), URL)
    within(made.blocks, 50)
    assert len(json.dumps(made.blocks)) <= MOST_BYTES
    assert len(made.notification) <= 5 * 150


def test_rev_09_a_message_with_a_long_history_is_within_slacks_limits_and_shows_the_harm():
    quotes, faces = '"' * 500, "\U0001f600" * 500
    arns = tuple(f"arn:aws:s3:::{number}{quotes}" for number in range(20))
    less = tuple(Permission((name,), arns[:4]) for name in NAMES)
    vote = Vote(identity("corp.alice"), VoteVerdict.REJECT, "", faces, NOW, "slack")
    worst = sheet(
        asked(less, faces, faces),
        [Risk("DataExfiltration", f"{number}{quotes}", (), (), "") for number in range(9)],
        repeated=RepeatedRequest(faces, "g-before", "corp.alice", NOW, faces),
        requested=RequestedAccess(tuple(Permission((name,), arns) for name in NAMES), 3600),
        like=LikeRequests(
            rejected=2, revoked=1, last_rejection=vote, last_revocation=GrantEnd(NOW, "corp.otto", faces)
        ),
    )
    made = message(worst, URL)
    within(made.blocks, 50)
    assert len(json.dumps(made.blocks)) <= MOST_BYTES
    texts = [place["text"] for place in walk(made.blocks) if place.get("type") == "text"]
    assert wording.harm_sentence(worst) in texts
    assert "Risks and history: " in texts
    (buttons,) = [each["elements"] for each in made.blocks if each["type"] == "actions"]
    assert [each["action_id"] for each in buttons] == [REJECT, PAGE]


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(PERMISSIONS)
def test_rev_09_the_modals_are_within_slacks_limits(permissions: Any):
    grant = asked(permissions)
    modal_within(narrowing(grant))
    modal_within(reject_modal(grant, under_review(grant).requester))


def test_rev_09_a_long_message_is_within_slacks_limits():
    modal_within(message_modal("Not done", "x" * 9000))


def modal_within(view: Any) -> None:
    within(view["blocks"], MOST_BLOCKS)
    assert len(view.get("private_metadata", "")) <= 3000
    assert len(json.dumps(view)) <= 12_000
    for name in ("title", "submit", "close"):
        assert len(view.get(name, {"text": ""})["text"]) <= 24


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(PERMISSIONS, st.data())
def test_rev_07_what_is_left_checked_is_what_is_left(permissions: Any, data: st.DataObject):
    """Of each group of actions on the same resources, the checked actions on the checked resources and nothing else."""
    grant = asked(permissions)
    view = narrowing(grant)
    boxes = [each["value"] for place in walk(view["blocks"]) for each in place.get("options", ())]
    checked = data.draw(st.sets(st.sampled_from(boxes))) if boxes else set()
    kept = {
        pair for each in selected_permissions(grant, *selected_boxes(grant, list(checked))) for pair in each.pairs()
    }
    whole = {pair for each in grant.permissions for pair in each.pairs()}
    assert kept <= whole
    if boxes:
        assert selected_permissions(grant, *selected_boxes(grant, boxes)) == grant.permissions
        actions = [name for place in view["blocks"] for name in labels(place, "a", checked)]
        assert {pair.action for pair in kept} <= set(actions)


def labels(block: Any, kind: str, checked: Any) -> list[str]:
    options = block.get("element", {}).get("options", ())
    return [each["text"]["text"] for each in options if each["value"][0] == kind and each["value"] in checked]


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_rev_10_an_agents_words_are_text_alone_and_stand_marked_before_the_buttons(words: str):
    arn = "arn:aws:s3:::" + "".join(each for each in words if each.isascii() and each.isprintable())
    grant = asked([Permission(("s3:PutObject",), (arn,))], words, words[:100])
    made = message(sheet(replace(grant, subject=words, principal="corp.agent")), URL)
    for place in walk(made.blocks):
        assert_plain(place)
        assert place.get("verbatim") is None
    texts = [place["text"] for place in walk(made.blocks) if isinstance(place.get("text"), str)]
    assert not [text for text in texts if "://" in text and text != URL]
    assert all(each.isprintable() or each == "\n" for text in texts for each in text)
    assert [text for text in texts if "\n" in text] == ["\n"] * texts.count("\n")
    *_, last, buttons, divider, _ = made.blocks
    assert (divider["type"], buttons["type"]) == ("divider", "actions")
    assert last["elements"][0]["elements"][0]["text"] == "Text from the agent, unverified"
    assert last["elements"][1]["type"] == "rich_text_quote"


def test_rev_15_a_title_that_is_too_long_counts_its_resources_instead_of_losing_its_end():
    long = "arn:aws:s3:::reports/" + "a" * 80
    facts = (IdentityFact("Repository", "octo-org/" + "r" * 30), IdentityFact("Environment", "e" * 20))
    grant = asked([Permission(("s3:PutObject",), (long, long + "b"))])
    made = message(sheet(replace(grant, facts=facts)), URL)
    title = made.blocks[0]["text"]["text"]
    assert len(title) <= 150
    assert title.endswith(" requests to write 2 resources in analytics-prod for 5 minutes")


def test_rev_10_a_reason_cannot_add_a_line_that_looks_like_a_ticket():
    made = message(sheet(replace(PENDING, reason="fix it\nTicket: CHG-1 approved", ticket="OPS-12")), URL)
    (quoted,) = [each for each in walk(made.blocks) if each.get("type") == "rich_text_quote"]
    lines = "".join(each["text"] for each in quoted["elements"]).splitlines()
    assert lines == ["fix it Ticket: CHG-1 approved", "Ticket: OPS-12"]


def test_rev_10_an_address_in_an_agents_words_leads_nowhere_in_slack():
    words = "sign in at evil.example or x@evil.example"
    repeated = RepeatedRequest(words, "g-before", "corp.alice", NOW, "no")
    made = message(sheet(replace(PENDING, reason=words, ticket=words), repeated=repeated), URL)
    (quoted,) = [each for each in walk(made.blocks) if each.get("type") == "rich_text_quote"]
    said = "".join(each["text"] for each in quoted["elements"])
    assert said.count("sign in at evil[.]example or x[@]evil[.]example") == 3
    assert "evil.example" not in json.dumps(made.blocks)


def test_rev_09_facts_that_are_too_long_for_a_modal_are_on_the_page():
    facts = tuple(IdentityFact(f"Fact {number}", "\u540d" * 200) for number in range(9))
    requester = under_review(replace(PENDING, facts=facts)).requester
    again = replace(PENDING, counts_again=True)
    for view in (approve_selected_modal(again, requester), reject_modal(PENDING, requester)):
        modal_within(view)
        assert view["blocks"][1]["text"]["text"] == FACTS_TOO_LONG


def test_rev_10_the_notification_says_how_bad_it_is_names_the_resource_and_is_escaped():
    made = message(sheet(replace(PENDING, subject="<!channel> & <@U1>")), URL)
    title = (
        "&lt;!channel&gt; &amp; &lt;@U1&gt; (corp) requests to read s3 reports/2026/* in analytics-prod for 5 minutes"
    )
    assert made.notification == f"Moderate harm: {title}"
    ended = message(sheet(replace(PENDING, state=State.REJECTED)), URL).notification
    assert ended.startswith("reader-agent (corp) requested to read ")


def test_rev_09_buttons_carry_an_id_and_nothing_else():
    shown = sheet(PENDING)
    values = {
        each["value"] for each in walk(message(shown, URL).blocks) if each.get("type") == "button" and "value" in each
    }
    assert values == {f"{PENDING.id}.{shown.content}"}
    assert GrantReference.read(values.pop()) == GrantReference(PENDING.id, shown.content)


def test_rev_14_the_dialog_of_an_approval_says_how_bad_it_is_however_long_the_names_are():
    long = sheet(PENDING)
    long = long._replace(headline=long.headline._replace(requester="r" * 140, target="t" * 80))
    (approve,) = (each for each in walk(message(long, URL).blocks) if each.get("action_id") == APPROVE)
    dialog = {name: each["text"] for name, each in approve["confirm"].items()}
    assert dialog.pop("text").startswith("Moderate harm. Agent rrr")
    assert dialog == {"title": "Approve the whole request?", "confirm": "Approve", "deny": "Cancel"}


def test_rev_14_the_dialog_of_an_approval_says_on_whose_behalf():
    asked = sheet(PENDING)
    asked = asked._replace(headline=asked.headline._replace(human_name="ada@example.com (people.a1b2)"))
    (approve,) = (each for each in walk(message(asked, URL).blocks) if each.get("action_id") == APPROVE)
    shown = "Moderate harm. Agent reader-agent (corp), on behalf of ada@example.com (people.a1b2), may read "
    assert approve["confirm"]["text"]["text"].startswith(shown)


def test_rev_10_the_facts_are_the_brokers_in_its_words():
    made: SlackMessage = message(sheet(PENDING), URL)
    text = json.dumps(made.blocks)
    for fact in (
        "corp",
        "444455556666",
        "arn:aws:iam::444455556666:role/jitney",
        "s3:GetObject",
        "5 minutes",
        "owners",
    ):
        assert fact in text
    order = ("requests to read", "On behalf of", "no person named", "Moderate harm", "Before", "read: s3:GetObject")
    places = [text.index(each) for each in (*order, "monthly report", "Approve", "Target role")]
    assert places == sorted(places)


@pytest.mark.parametrize("state", [each for each in State if each is not State.PENDING])
def test_rev_09_what_is_decided_has_no_button_to_decide_it_by(state: State):
    vote = Vote(identity("corp.alice"), VoteVerdict.APPROVE, content_hash(PENDING), "", NOW, "web")
    made = message(sheet(PENDING, state=str(state), votes=(vote,)), URL)
    assert presses(made.blocks) == ["page"]
    assert reply(Notice.DECIDED, sheet(PENDING, state="active", votes=(vote,))) == "Approved by corp.alice."


def test_rev_03_the_thread_says_that_votes_of_before_count_no_longer():
    assert reply(Notice.REVIEW_RESTARTED, sheet(PENDING)).startswith("Review restarted: policies need other reviewers")
    assert reply(Notice.NARROWED, sheet(PENDING)).startswith("Narrowed: a reviewer narrowed the request")


def test_rev_09_a_message_that_slack_could_not_send_back_leaves_the_list_to_the_page():
    """Slack writes what is not ASCII as escapes, each of which is nine characters in a form."""
    arns = [f"arn:aws:s3:::{number}/{'x' * 900}" for number in range(40)]
    many = [
        Permission(tuple(f"s3:{'A' * 70}{way}{one}" for one in range(8)), tuple(f"{arn}{way}" for arn in arns))
        for way in range(6)
    ]
    names = [f"{number}{'g' * 62}" for number in range(6)]
    votes = tuple(Vote(identity(f"{'v' * 60}{number}"), VoteVerdict.APPROVE, "", "", NOW, "web") for number in range(9))
    grant = replace(
        asked(many, "\U0001f600" * 500, "\U0001f600" * 100), votes=votes, reviews=tuple((n,) for n in names)
    )
    groups = {name: ReviewerGroup(tuple(f"{'m' * 60}{number}" for number in range(20))) for name in names}
    worst = sheet_of(under_review(grant), groups, ACTIONS, [Risk("X", "s" * 500, (), (), "")] * 6, (), NOW)
    made = message(worst, URL)
    within(made.blocks, 50)
    assert len(json.dumps(made.blocks)) <= MOST_BYTES
    assert "too many to show here: open the request" in json.dumps(made.blocks)
    assert "too many" not in json.dumps(message(sheet(asked(many, "plain")), URL).blocks)
    long = tuple(IdentityFact(f"Fact {number}", "\u8acb" * 250) for number in range(9))
    made = message(worst._replace(requester=worst.requester._replace(facts=long)), URL)
    assert len(json.dumps(made.blocks)) <= MOST_BYTES
    assert "too long to show here: open the request" in json.dumps(made.blocks)
    assert presses(made.blocks) == ["reject", "page"]
    modal_within(reject_modal(PENDING, worst.requester._replace(facts=long)))


def presses(blocks: Any) -> list[str]:
    (buttons,) = [each for each in blocks if each["type"] == "actions"]
    return [each["action_id"] for each in buttons["elements"]]


def test_rev_09_what_is_shown_whole_is_approved_in_slack():
    assert presses(message(sheet(asked(HARMLESS)), URL).blocks) == ["approve", "approve_selected", "reject", "page"]
    assert narrowing(asked(HARMLESS))["callback_id"] == "approve_selected"


def test_rev_10_a_request_that_cannot_be_decided_is_not_approved_in_slack():
    made = message(sheet(asked(HARMLESS), undecidable="The target is gone."), URL)
    assert presses(made.blocks) == ["reject", "page"]
    assert "The target is gone. The request cannot be approved any more: reject it" in json.dumps(made.blocks)


def test_rev_10_a_message_about_a_request_that_policies_deny_in_part_only_opens_or_rejects_it():
    made = message(sheet(asked(HARMLESS), part_only="It is too long.", most_seconds=60), URL)
    assert presses(made.blocks) == ["reject", "page"]
    assert "It is too long. Only a part of it can be approved: for at most 1 minute." in json.dumps(made.blocks)


@pytest.mark.parametrize(
    ("denial", "words"),
    [
        (
            {"undecidable": "Changes wait."},
            "not before 2026-11-24 12:01 UTC. Changes wait.",
        ),
        (
            {"part_only": "It is too long.", "most_seconds": 60},
            "All of it can be approved from 2026-11-24 12:01 UTC on.",
        ),
    ],
)
def test_rev_10_a_message_has_buttons_to_approve_if_policies_permit_the_request_before_its_review_ends(
    denial: dict[str, Any], words: str
):
    """The message stays as it is when the time window changes."""
    made = message(sheet(asked(HARMLESS), approvable_from=NOW + 60, **denial), URL)
    assert presses(made.blocks) == ["approve", "approve_selected", "reject", "page"]
    assert words in json.dumps(made.blocks)
    late = message(sheet(asked(HARMLESS), approvable_from=asked(HARMLESS).expires_at, **denial), URL)
    assert presses(late.blocks) == ["reject", "page"]
    hidden = message(sheet(asked(HIDING["a fifth access"]), approvable_from=NOW + 60, **denial), URL)
    assert presses(hidden.blocks) == ["reject", "page"]
    assert f"{words} Then open the request, because" in json.dumps(hidden.blocks)


HARMLESS = [Permission(("s3:PutObject",), ("arn:aws:s3:::reports/1",))]
HIDING = {
    "a seventh action": [Permission(tuple(f"s3:Put{one}" for one in "ABCDEFG"), ("arn:aws:s3:::reports/1",))],
    "a fifth resource": [Permission(("s3:PutObject",), tuple(f"arn:aws:s3:::reports/{one}" for one in range(5)))],
    "a fifth access": [Permission((f"s3:Put{one}",), (f"arn:aws:s3:::reports/{one}",)) for one in "ABCDE"],
    "the middle of a name": [Permission(("s3:PutObject",), (f"arn:aws:s3:::{'x' * 70}/payroll/{'y' * 70}",))],
    "a long action": [Permission((f"s3:Put{'A' * 90}",), ("arn:aws:s3:::reports/1",))],
}


@pytest.mark.parametrize("permissions", HIDING.values(), ids=HIDING)
def test_rev_10_nothing_is_approved_in_slack_of_which_a_part_is_not_shown(permissions: Any):
    made = message(sheet(asked(permissions)), URL)
    assert presses(made.blocks) == ["reject", "page"]
    assert "open the request, because this message cannot show all of it" in json.dumps(made.blocks)


def test_rev_10_nor_with_a_risk_that_is_not_shown_nor_for_somebody_whose_name_is_cut():
    risks = [Risk("X", f"sentence {number}", (), (), "") for number in range(7)]
    for shown in (
        sheet(asked(HARMLESS), risks),
        sheet(asked(HARMLESS), [Risk("X", "s" * 300, (), (), "")]),
        sheet(replace(asked(HARMLESS), subject="x" * 250)),
    ):
        assert presses(message(shown, URL).blocks) == ["reject", "page"]


@pytest.mark.parametrize("name", [f"{'x' * 70}/payroll/{'y' * 70}", f"{'x' * 61} {'y' * 10}", f"{'x' * 62} {'y' * 10}"])
def test_rev_10_no_box_is_checked_in_slack_of_which_a_part_is_not_shown(name: str):
    view = narrowing(asked([Permission(("s3:PutObject",), (f"arn:aws:s3:::{name}",))]))
    assert ("submit" in view, "Open the request" in json.dumps(view)) == (False, True)


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(PERMISSIONS)
def test_rev_10_who_can_approve_in_slack_has_read_every_action_and_resource(permissions: Any):
    made = message(sheet(asked(permissions)), URL)
    pairs = {text for each in permissions for text in (*each.actions, *map(escape_exact, each.resources))}
    texts = [place["text"] for place in walk(made.blocks) if isinstance(place.get("text"), str)]
    seen = " ".join(texts).replace("[:]//", "://")
    if "approve" in presses(made.blocks):
        assert [text for text in pairs if text.replace("[:]//", "://") not in seen] == []


def test_a_request_that_is_too_long_says_so():
    many = [Permission(("s3:PutObject",), tuple(f"arn:aws:s3:::reports/{number}" for number in range(200)))]
    assert "Open the request" in json.dumps(narrowing(asked(many)))
    assert "and 196 more, " in json.dumps(message(sheet(asked(many)), URL).blocks)


def test_rev_08_break_glass_is_said_in_the_thread_with_who_and_why():
    glass = BreakGlassUse(identity("corp.gina"), "down: see https://evil.example", "content", NOW, NOW + 3600)
    shown = sheet(PENDING, state="active", break_glass=glass)
    for notice in (Notice.BREAK_GLASS, Notice.FOLLOW_UP_DUE):
        said = reply(notice, shown)
        assert said.startswith("Break-glass: used by corp.gina at ")
        assert ("Reason: down" in said, "https://evil" in said) == (True, False)
