"""Rows ID 12, REV 10 and REV 15: each channel shows the requester by facts, as text alone, and never as another one."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from html import unescape
from itertools import product
from typing import Any

import pytest

from jitney.client.api.responses import ApiGrant, GrantPage, GrantResponse
from jitney.client.terminal import screen as screens
from jitney.client.terminal.sheets import shown
from jitney.core.access.grant import Grant
from jitney.core.csv_text import csv_text
from jitney.core.identity.principal import IdentityFact
from jitney.core.identity.session import Session
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.report.suggestion import suggest
from jitney.core.report.wording import sections
from jitney.core.review.mail import AGENT_TEXT_NOTE, SIGN_IN, review_mail
from jitney.core.review.notices import Notice
from jitney.core.review.slack.message import message
from jitney.core.review.slack.modals import approve_selected_modal, reject_modal
from jitney.handlers.pages.viewers import ViewerPermissions
from jitney.handlers.runtime.templates import render
from tests.core.report.recorded_grants import report_of, requested
from tests.core.review.samples import under_review
from tests.core.review.slack.test_blocks import assert_plain, sheet, walk
from tests.examples import sample
from tests.fakes import ACTIONS, NOW, PENDING
from tests.handlers.conftest import TEMPLATES
from tests.provider_agents import SAMPLES, agent, long_twins, lookalikes, requested_by

AROUND = {"root": "", "now": NOW, "grant_id": PENDING.id, "operator": False}
URL = "https://jitney.example.com/reviews"
HOSTILE = {
    "html": "</code></span><script>alert(1)</script><form action=//evil.example>",
    "html entities": "&#60;b&#62; &lt;img src=x onerror=alert(1)&gt;",
    "attributes": '" onmouseover="alert(1)" \'',
    "a template": "{{ 7*7 }}{% raw %}",
    "markdown": "**bold** [Approve](https://evil.example/approve) ![x](//evil.example/x.png) `code`",
    "mrkdwn": "<!channel> <@U1> <https://evil.example|Approve> *bold* ~no~ :tada:",
    "ansi": "\x1b[2J\x1b[31mRed\x1b]8;;https://evil.example\x07link\x1b]8;;\x07\x9b31m",
    "bidi": "\u202enoitcudorp\u202c \u2066x\u2069 \u200e\u061c",
    "invisible": "pro\u200bduction\u00ad\ufeff\u3164\u2800",
    "lines": "fine\r\n\r\nPERMISSIONS\nread: s3:GetObject\u2028\u2029\x85",
    "mail headers": "x\r\nBcc: everyone@evil.example\r\n\r\n",
    "an address": "https://evil.example/approve me@evil.example www.evil.example",
    "a formula": '=HYPERLINK("https://evil.example")',
    "combining marks": "a" + "\u0301" * 200,
    "another label": "production · branch or tag main (github) requests read access to nothing",
}


def hostile_grant(value: str) -> Grant:
    facts = (IdentityFact("Repository", "octo-org/octo-repo"), IdentityFact("Environment", value))
    return replace(PENDING, subject=f"repo:1/2:environment:{value}", facts=facts, issuer_name="github")


def page(grant: Grant) -> str:
    viewer = ViewerPermissions(frozenset({"owners"}), (), None, False, False, True, False, False, False)
    values = {"grant": grant, "sheet": sheet(grant), "viewer": viewer, "voted": None, "may_vote": True, "outliving": ()}
    values |= {"enough_alone": True, "may_break_glass": False}
    session = Session(agent("generic"), NOW, "key", "web")
    return render(TEMPLATES, "request", values | {"session": session, "settings": None, **AROUND})


def listed(grant: Grant) -> str:
    viewer = ViewerPermissions(frozenset({"owners"}), (), None, False, False, True, False, False, False)
    sections = {"follow_ups": [], "waiting_for_viewer": [(grant, viewer)], "waiting_for_others": [], "active": []}
    values = {
        "more": [],
        "decided": [],
        "offered": [],
        "suspensions": (),
        "requester_of": lambda each: under_review(each).requester,
        "level_of": lambda _: "low",
        "title_of": lambda each: sheet(each).headline.title,
        "urgent": [("Decide later", [(grant, viewer)])],
    }
    return render(TEMPLATES, "requests", sections | values | {"session": None, **AROUND})


def report(grant: Grant) -> Any:
    made = report_of(requested(grant))
    return sections(made, suggest(made, ACTIONS, lambda *_: frozenset(), NOW), ())


def report_rows(grant: Grant) -> str:
    return "\n".join(f"{row.name}: {row.text}" for section in report(grant) for row in section.rows)


def report_page(grant: Grant) -> str:
    values = {"heading": report(grant)[0].rows[0], "sections": report(grant), "session": None}
    return render(TEMPLATES, "report", values | AROUND)


def mail_text(grant: Grant) -> str:
    return review_mail(Notice.REQUESTED, sheet(grant), URL).text


def mail_subject(grant: Grant) -> str:
    return review_mail(Notice.REQUESTED, sheet(grant), URL).subject


def mail_html(grant: Grant) -> str:
    mail = review_mail(Notice.REQUESTED, sheet(grant), URL)
    return render(TEMPLATES, "mail", {"mail": mail, "agent_text_note": AGENT_TEXT_NOTE, "sign_in": SIGN_IN})


def slack_message(grant: Grant) -> str:
    return json.dumps(message(sheet(grant), URL).blocks, ensure_ascii=False)


def slack_modals(grant: Grant) -> str:
    requester = under_review(grant).requester
    return json.dumps([modal(grant, requester)["blocks"] for modal in (approve_selected_modal, reject_modal)])


def api_grant(grant: Grant) -> ApiGrant:
    return ApiGrant.read(json.loads(json.dumps(grant.view())))


def terminal(grant: Grant) -> str:
    screen = screens.Screen(lambda: NOW)
    with screen.out.capture() as printed:
        screen.answer(GrantResponse(api_grant(grant)))
    return printed.get()


def terminal_list(grant: Grant) -> str:
    screen = screens.Screen(lambda: NOW)
    with screen.out.capture() as printed:
        screen.page(GrantPage((GrantResponse(api_grant(grant)),), None))
    return printed.get()


CHANNELS: Mapping[str, Callable[[Grant], str]] = {
    "the page": page,
    "the list": listed,
    "the report's page": report_page,
    "the report": report_rows,
    "mail": mail_text,
    "mail as HTML": mail_html,
    "Slack's message": slack_message,
    "Slack's modals": slack_modals,
    "the terminal": terminal,
    "the terminal's list": terminal_list,
}
PARTIAL = {"the terminal's list": 1}
"""The channels that show the requester in a few words alone, and how many facts they show in full."""


@pytest.mark.parametrize(("channel", "provider"), sample([*product(CHANNELS, SAMPLES)]))
def test_id_12_agents_whose_facts_differ_never_look_the_same(channel: str, provider: str) -> None:
    whole = requested_by(agent(provider))
    assert whole.facts
    for place, fact in enumerate(whole.facts[: PARTIAL.get(channel)]):
        values = (fact.value, *lookalikes(fact.value), *long_twins(fact.value))
        grants = [with_fact(whole, place, each) for each in values]
        shown_as = [CHANNELS[channel](each) for each in grants]
        alike = [values[at] for at, text in enumerate(shown_as) if shown_as.count(text) > 1]
        assert alike == [], fact.label


def with_fact(grant: Grant, place: int, value: str) -> Grant:
    facts = [*grant.facts]
    facts[place] = facts[place]._replace(value=value)
    return replace(grant, facts=tuple(facts))


@pytest.mark.parametrize("provider", SAMPLES)
def test_id_12_each_channel_shows_the_facts_and_the_raw_subject(provider: str) -> None:
    grant = requested_by(agent(provider))
    for channel in set(CHANNELS) - PARTIAL.keys():
        text = unescape(CHANNELS[channel](grant)).replace("[:]", ":").replace("[.]", ".").replace("[@]", "@")
        text = " ".join(text.split())
        assert [fact for fact in grant.facts if fact.value not in text] == [], channel
        if channel not in ("the list", "Slack's modals"):
            assert grant.subject in text, channel
            assert grant.unit in text, channel


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("channel", ["the page", "the list", "the report's page", "mail as HTML"])
def test_id_12_hostile_facts_are_text_in_html(channel: str, value: str) -> None:
    plain = CHANNELS[channel](hostile_grant("production"))
    text = CHANNELS[channel](hostile_grant(value))
    assert tags(text) == tags(plain)
    assert no_hidden_characters(text)
    assert "&lt;b&gt;" not in text.replace("&amp;lt;", "")


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_id_12_hostile_facts_are_text_in_a_mail(value: str) -> None:
    plain, text = mail_text(hostile_grant("production")), mail_text(hostile_grant(value))
    assert text.count("\nPERMISSIONS\n") == plain.count("\nPERMISSIONS\n") == 1
    assert no_hidden_characters(text.replace("\n", ""))
    subject = mail_subject(hostile_grant(value))
    assert no_hidden_characters(subject)
    own = f"{subject} {text.replace(URL, '')}"
    assert not re.search(r"evil\.|\w@evil|evil.*://", own)
    assert len(subject) < 300


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_id_12_hostile_facts_are_text_in_slack(value: str) -> None:
    grant = hostile_grant(value)
    made = message(sheet(grant), URL)
    modals = [modal(grant, under_review(grant).requester) for modal in (approve_selected_modal, reject_modal)]
    for place in walk([made.blocks, *(each["blocks"] for each in modals)]):
        assert_plain(place)
        assert isinstance(place.get("text", ""), str | dict)
        text = place["text"] if isinstance(place.get("text"), str) else ""
        assert no_hidden_characters(text.replace("\n", ""))
        assert "://" not in text
    assert not re.search(r"<|>|://", made.notification)


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("channel", ["the terminal", "the terminal's list", "the report"])
def test_id_12_hostile_facts_are_text_in_a_terminal(channel: str, value: str) -> None:
    plain, text = CHANNELS[channel](hostile_grant("production")), CHANNELS[channel](hostile_grant(value))
    assert no_hidden_characters(text.replace("\n", ""))
    assert text.count("\n") == plain.count("\n")


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_id_12_hostile_facts_are_text_in_the_cells_of_queries(value: str) -> None:
    record = requested(hostile_grant(value)).lines[0]
    name = json.loads(record["detail"])["requester"]["name"]
    assert no_hidden_characters(shown(name))
    (cell,) = next(csv.reader(io.StringIO(csv_text((name,), ()))))
    assert no_hidden_characters(cell)
    assert not cell.startswith(("=", "+", "-", "@"))


def tags(html: str) -> list[str]:
    """Return the tags, but for the hash of the request's content."""
    return re.findall(r"<[^>]*>", re.sub("[0-9a-f]{64}", "", html))


def no_hidden_characters(text: str) -> bool:
    """Return whether all of the text is visible and in order."""
    own = text.replace("\n", "")
    return own.isprintable() and not re.search("[\u0300-\u036f\u115f\u1160\u2800\u3164\uffa0\ufe00-\ufe0f]", own)


def test_id_12_the_request_record_holds_the_facts_once() -> None:
    grant = requested_by(agent("github_actions"))
    recorded = requested(grant)
    recorded.write(AuditEvent.ISSUE, Outcome.ALLOWED, NOW, "198.51.100.7")
    details = [json.loads(line["detail"]) for line in recorded.lines]
    assert [set(each) >= {"requester"} for each in details] == [True, False]
    assert details[0]["requester"]["facts"] == [fact._asdict() for fact in grant.facts]
    assert details[0]["requester"]["name"] == grant.requester_name
    assert report_of(recorded).requester.facts == grant.facts
