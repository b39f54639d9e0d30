"""One call on each channel: every parameter whole on the page, and no approval where it is not whole."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, GrantEnd, State
from jitney.core.access.request import Permission, Way
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.access.suspensions import NO_SUSPENSIONS
from jitney.core.config import ReviewerGroup
from jitney.core.review import wording
from jitney.core.review.call_wording import (
    MOST_PARAMETERS,
    MOST_VALUE,
    ShownParameter,
    all_parameters,
    call_title,
    short_parameters,
    shows_all_parameters,
)
from jitney.core.review.grant_under_review import GrantUnderReview, ended_with
from jitney.core.review.mail import review_mail
from jitney.core.review.notices import Notice
from jitney.core.review.sheet import Sheet, sheet_of
from jitney.core.review.sheet_document import sheet_document
from jitney.core.review.slack.message import SlackMessage, message
from jitney.core.review.slack.modals import approve_selected_modal, reject_modal
from tests.core.review.samples import CONFIG, under_review
from tests.fakes import ACTIONS, CALL, GRANT, NOW, PENDING

URL = "https://jitney.example.com/reviews"
GROUPS = {"owners": ReviewerGroup(("corp.alice",))}
DELETE = (Permission(("s3:DeleteObject",), ("arn:aws:s3:::reports/2026/11.csv",)),)
CHILD = replace(PENDING, call=CALL, permissions=DELETE, way=Way.GATEWAY, ends_by=NOW + 3600)


def call_of(parameters: dict[str, Any]) -> ReviewedCall:
    return CALL._replace(parameters=json.dumps(parameters, sort_keys=True))


def sheet(parameters: dict[str, Any] | None = None) -> Sheet:
    grant = CHILD if parameters is None else replace(CHILD, call=call_of(parameters))
    return sheet_of(under_review(grant), GROUPS, ACTIONS, (), (), NOW)


def rows(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    return [tuple(each) for each in all_parameters(call_of(parameters))]


def text_of(shown: SlackMessage) -> str:
    return json.dumps(shown.blocks, ensure_ascii=False)


def actions_of(shown: SlackMessage) -> list[str]:
    return [each["action_id"] for each in buttons_of(shown)]


def buttons_of(shown: SlackMessage) -> Any:
    (buttons,) = [each for each in shown.blocks if each["type"] == "actions"]
    return buttons["elements"]


def test_rev_16_every_value_has_a_line_with_its_path():
    assert rows(
        {
            "Delete": {"Objects": [{"Key": "a"}, {"Key": "b", "VersionId": "1"}], "Quiet": True},
            "Bucket": "reports",
            "Count": 5,
            "Empty": {},
            "None": [],
            "Item": {"a.b": {"S": "x"}, 'c"]': {"N": "1"}},
        }
    ) == [
        ("Bucket", '"reports"'),
        ("Count", "5"),
        ("Delete.Objects[0].Key", '"a"'),
        ("Delete.Objects[1].Key", '"b"'),
        ("Delete.Objects[1].VersionId", '"1"'),
        ("Delete.Quiet", "true"),
        ("Empty", "{}"),
        ('Item["a.b"].S', '"x"'),
        (r'Item["c\"]"].N', '"1"'),
        ("None", "[]"),
    ]
    assert rows({}) == []


LOOK_ALIKE = {
    "a line break": ("a\nBucket: b", r'"a\nBucket: b"'),
    "quotation marks": ('a", "Key": "b', r'"a\", \"Key\": \"b"'),
    "a number": ("5", '"5"'),
    "nothing": ("", '""'),
    "a hidden character": ("re\u200bports", '"re[U+200B]ports"'),
    "another direction": ("a\u202eb", '"a[U+202E]b"'),
    "spaces": ("a  b ", '"a[U+0020][U+0020]b "'),
    "other letters": ("rep\u043erts", '"rep\u043erts" (not ASCII: U+043E)'),
    "many letters": (
        "\u0430\u0435\u043e\u0440\u0441\u0443",
        '"\u0430\u0435\u043e\u0440\u0441\u0443" (not ASCII: U+0430, U+0435, U+043E, U+0440 and 2 more)',
    ),
    "a forged note": ("a (not ASCII: U+0041)", '"a (not ASCII: U+0041)"'),
    "marks": ("a\u0301\u0301\u0301", '"a\u0301\u0301[U+0301]" (not ASCII: U+0301)'),
    "marks of no class": ("a\u0e47\u0e47\u0e47", '"a\u0e47\u0e47[U+0E47]" (not ASCII: U+0E47)'),
    "the name of a hidden character": ("re[U+200B]ports", '"re[U+005B]U+200B]ports"'),
    "markup": ("<b>approved</b>", '"<b>approved</b>"'),
}


@pytest.mark.parametrize(("value", "shown"), LOOK_ALIKE.values(), ids=LOOK_ALIKE)
def test_rev_16_no_value_looks_like_another(value: str, shown: str):
    assert rows({"Key": value}) == [("Key", shown)]


def test_rev_16_values_that_differ_are_shown_differently():
    texts = [
        "a",
        "a ",
        "a\u200b",
        "a[U+200B]",
        "a[U+005B]U+200B]",
        " a",
        "a\t",
        "a\u00a0",
        "\u0430",
        "a\u0301\u0301",
        "a\u0301\u0301\u0301",
        "\u00e1\u0301",
        'a"',
        "A",
    ]
    values: list[Any] = [*texts, 1, True, None, 1.5, "1", "true", "null", {}, [], "{}", "[]"]
    assert len({rows({"Key": value})[0][1] for value in values}) == len(values)
    names = ["a", "a.b", 'a"', "a b", "a  b", "a]", "a[0]", "a\u200b", "a[U+200B]", "\u0430", ""]
    assert len({rows({"M": {name: "x"}})[0][0] for name in names}) == len(names)


def test_rev_16_a_name_with_letters_that_look_like_others_says_so_on_each_channel():
    parameters = {"Key": {"us\u0435r.id": {"S": "1"}}}
    name = 'Key["us\u0435r.id"].S (not ASCII: U+0435)'
    assert rows(parameters) == [(name, '"1"')]
    assert short_parameters(call_of(parameters)) == (ShownParameter(name, '"1"'),)
    assert short_parameters(call_of({"Key": "a "})) == (ShownParameter("Key", '"a "'),)
    assert short_parameters(call_of({"Key": "a  "})) == (ShownParameter("Key", '"a[U+0020][U+0020]"'),)


def test_rev_16_the_page_shows_a_long_value_whole_and_other_channels_say_that_it_is_cut():
    long = "x" * (MOST_VALUE - 2) + "y"
    assert rows({"Key": long}) == [("Key", f'"{long}"')]
    (short,) = short_parameters(call_of({"Key": long}))
    assert len(short.value) <= MOST_VALUE
    assert "characters, cut here" in short.value
    many = {f"P{number:02}": number for number in range(MOST_PARAMETERS + 3)}
    assert len(rows(many)) == MOST_PARAMETERS + 3
    assert short_parameters(call_of(many))[-1] == ShownParameter("and", "3 more on the request page")
    assert short_parameters(call_of({})) == (ShownParameter("none", "the call has no parameters"),)


FITS = {"a few": {"Bucket": "reports"}, "none": {}, "as many as fit": {f"P{i}": i for i in range(MOST_PARAMETERS)}}
HIDDEN: dict[str, dict[str, Any]] = {
    "a long value": {"Key": "x" * MOST_VALUE},
    "a value that is long when escaped": {"Key": "\u200b" * 40},
    "a long name": {"M": {"n" * 100: 1}},
    "too many": {f"P{i}": i for i in range(MOST_PARAMETERS + 1)},
}


@pytest.mark.parametrize("parameters", FITS.values(), ids=FITS)
def test_rev_16_slack_offers_to_approve_a_call_that_it_shows_whole(parameters: dict[str, Any]):
    shown = message(sheet(parameters), URL)
    assert shows_all_parameters(call_of(parameters))
    assert actions_of(shown) == ["approve", "reject", "page"]
    confirm = buttons_of(shown)[0]["confirm"]
    assert confirm["title"]["text"] == "Approve this call?"
    assert "s3 DeleteObject in eu-west-1" in confirm["text"]["text"]


@pytest.mark.parametrize("parameters", HIDDEN.values(), ids=HIDDEN)
def test_rev_16_slack_offers_no_approval_of_a_call_that_it_does_not_show_whole(parameters: dict[str, Any]):
    assert not shows_all_parameters(call_of(parameters))
    assert not wording.shows_all(sheet(parameters))
    assert actions_of(message(sheet(parameters), URL)) == ["reject", "page"]


def test_rev_16_slack_offers_no_approval_of_a_call_with_a_long_name():
    named = replace(CHILD, call=CALL._replace(operation="O" * 130))
    shown = message(sheet_of(under_review(named), GROUPS, ACTIONS, (), (), NOW), URL)
    assert actions_of(shown) == ["reject", "page"]


def test_rev_16_slack_shows_the_call_and_its_parameters_apart_from_the_agents_text():
    shown = text_of(message(sheet({"Bucket": "reports", "Key": "https://evil.example"}), URL))
    places = [
        shown.find(each) for each in ("requests one call: s3 DeleteObject in eu-west-1", "Parameters of the call")
    ]
    places += [shown.find(each) for each in ("Bucket: ", "https[:]//evil.example", "Text from the agent")]
    assert places == sorted(places)
    assert -1 not in places


def test_rev_16_a_message_that_is_too_long_offers_no_approval():
    parameters = {f"P{number}": "\u0440" * 250 for number in range(MOST_PARAMETERS)}
    assert shows_all_parameters(call_of(parameters))
    shown = message(sheet(parameters), URL)
    assert len(json.dumps(shown.blocks)) <= 14_000
    assert "Parameters and permissions" in text_of(shown)
    assert actions_of(shown) == ["reject", "page"]


def test_rev_16_slack_does_not_narrow_a_call():
    requester = under_review(CHILD).requester
    assert "approved whole" in json.dumps(approve_selected_modal(CHILD, requester))
    assert "requests one call in analytics-prod" in json.dumps(reject_modal(CHILD, requester))


def test_rev_16_the_mail_shows_the_call_its_grant_and_what_an_approval_covers():
    mail = review_mail(Notice.REQUESTED, sheet({"Bucket": "reports", "Key": "http://a"}), URL)
    assert mail.subject.endswith(
        "requests one call: s3 DeleteObject in eu-west-1 on s3 reports/2026/11[.]csv, in analytics-prod"
    )
    facts = dict(mail.rows)
    assert facts["Call"] == "s3 DeleteObject in eu-west-1"
    assert facts["Under grant"] == CALL.grant_id
    assert facts["An approval covers"].startswith("this call once, with exactly these parameters, until 2026-11-24")
    assert not {"Duration", "New access"} & facts.keys()
    assert '\nPARAMETERS OF THE CALL\n  Bucket: "reports"\n  Key: "http[:]//a"\n\nPERMISSIONS\n' in mail.text
    assert (
        "PARAMETERS"
        not in review_mail(Notice.REQUESTED, sheet_of(under_review(PENDING), GROUPS, ACTIONS, (), (), NOW), URL).text
    )


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"Bucket": "reports", "Key": "a masked key"}, ""),
        ({"A": "x [masked credential 1a5dbd] y", "B": "[masked credential 1a5dbd]"}, "2 values are masked: "),
        ({"A": {"[masked sensitive]": 1}}, "1 value is masked: "),
        ({"A": "[9 bytes with a masked secret]", "B": "[9 bytes, SHA-256 00]"}, "1 value is masked: "),
    ],
)
def test_rev_16_each_channel_says_that_a_value_cannot_be_read(parameters: dict[str, Any], said: str):
    """An agent can write a command in the form of a secret."""
    shown = sheet(parameters)
    note = f"{said}no reviewer can read what the agent sends there." if said else ""
    (covers,) = [each.value for each in wording.detail_facts(shown) if each.name == "An approval covers"]
    mail = " ".join(review_mail(Notice.REQUESTED, shown, URL).text.split())
    texts = (covers, mail, sheet_document(shown)["duration"], text_of(message(shown, URL)))
    assert [note in text and (" masked: " in text) == bool(said) for text in texts] == [True] * 4


def test_rev_16_a_sent_call_has_been_used():
    used = replace(CHILD, state=State.ACTIVE, starts_at=NOW).use(NOW + 5)
    shown = sheet_of(under_review(used), GROUPS, ACTIONS, (), (), NOW + 9)
    assert wording.outcome(shown) == "Used: the call was sent"
    assert call_title(CALL) == "s3 DeleteObject in eu-west-1"


PARENT = replace(GRANT, id=CALL.grant_id, expires_at=NOW + 3600)
REVOKED = GrantEnd(NOW + 1, "corp.olga", "leaked")


def test_rev_16_a_call_is_never_judged_without_its_grant():
    for parent in (None, replace(PARENT, id="g-other")):
        with pytest.raises(ValueError, match="the grant that it is made in"):
            GrantUnderReview(CHILD, CONFIG, NO_SUSPENSIONS, parent)


ENDS: dict[str, tuple[Grant, State]] = {
    "active": (PARENT, State.PENDING),
    "revoked": (PARENT.end(State.REVOKED, REVOKED), State.REVOKED),
    "released": (PARENT.end(State.RELEASED, replace(REVOKED, reason="")), State.RELEASED),
    "failed": (PARENT.move(State.FAILED), State.FAILED),
}


@pytest.mark.parametrize(("parent", "state"), ENDS.values(), ids=ENDS)
def test_rev_16_a_call_ends_with_its_grant(parent: Grant, state: State):
    child = ended_with(CHILD, parent)
    assert child.state is state
    assert GrantUnderReview(CHILD, CONFIG, NO_SUSPENSIONS, parent).grant == child
    if state is State.REVOKED:
        assert child.ending == GrantEnd(NOW + 1, "corp.olga", f"grant {PARENT.id} was revoked: leaked")
    used = replace(CHILD, state=State.ACTIVE, starts_at=NOW).use(NOW)
    assert ended_with(used, parent) is used
