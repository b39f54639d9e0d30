"""Whether reviewers can be reached, with the handler as it is over in-memory adapters (REV 13)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.channel_config import MailConfig
from jitney.handlers.review_checks import MOST_MILLISECONDS, check_reviews
from tests.core.identity import minting
from tests.handlers.slack_workspace import SlackSystem
from tests.handlers.test_target_checks import operator


@pytest.fixture
def office() -> SlackSystem:
    office = SlackSystem()
    config = replace(office.system.config, operators=("corp/security",))
    office.system.config = office.system.ports.config = config
    office.slack.channels = ("#owners", "#others", "#late")
    return office


def checked(office: SlackSystem) -> dict[str, Any]:
    status, body, _ = office.system.call(check_reviews, token=operator())
    assert status == 200
    return dict(body)


def wrong(office: SlackSystem) -> dict[str, str]:
    return {f"{each['kind']} {each['name']}": each["code"] for each in checked(office)["checks"] if not each["ok"]}


def test_rev_13_each_channel_and_person_is_tried_once(office: SlackSystem):
    body = checked(office)
    assert body["passed"]
    named = [(each["kind"], each["name"], each["groups"]) for each in body["checks"]]
    assert named[:3] == [
        ("channel", "#late", ["late"]),
        ("channel", "#others", ["others"]),
        ("channel", "#owners", ["owners"]),
    ]
    assert [name for kind, name, _ in named if kind == "person"] == [
        "staff.alice", "staff.bob", "staff.harriet", "staff.lea", "staff.oscar",
    ]  # fmt: skip
    assert (office.slack.posted, office.slack.alone) == ({}, [])


def test_rev_13_unreachable_contacts_are_reported_with_code_and_fix_and_are_on_record(office: SlackSystem):
    office.slack.channels = ("#owners",)
    config = office.system.config
    emails = {name: address for name, address in config.emails.items() if name != "staff.bob"}
    office.system.ports.config = replace(config, emails=emails)
    office.slack.profiles["ULEA"] = office.slack.profiles["ULEA"]._replace(is_full_member=False)
    office.slack.profiles["UOSCAR"] = office.slack.profiles["UOSCAR"]._replace(workspace="T0ELSE")
    del office.slack.profiles["UHARRIET"]
    expected = {
        "channel #late": "channel_not_found",
        "channel #others": "channel_not_found",
        "person staff.bob": "no_address",
        "person staff.harriet": "users_not_found",
        "person staff.lea": "not_full_member",
        "person staff.oscar": "not_full_member",
    }
    assert wrong(office) == expected
    record = office.system.records()[-1]
    assert (record["event"], record["outcome"], record["principal"]) == ("review_check", "failed", "corp.carol")
    assert json.loads(record["detail"]) == {"failed": expected}
    assert all(each["fix"] for each in checked(office)["checks"] if not each["ok"])


def test_rev_13_a_group_that_no_channel_notifies_is_reported(office: SlackSystem):
    config = office.system.config
    without = replace(config, reviewers={**config.reviewers, "owners": config.reviewers["owners"]._replace(channel="")})
    office.system.ports.config = without
    assert wrong(office) == {"channel owners": "no_channel"}
    office.system.ports.config = replace(without, mail=MailConfig("jitney@example.com"))
    assert wrong(office) == {}
    office.system.ports.config = replace(without, slack=None)
    assert wrong(office) == {}


def test_rev_13_slack_that_is_down_is_reported_for_each_contact_in_time(office: SlackSystem):
    office.slack.code = "unreachable"
    assert set(wrong(office).values()) == {"unreachable"}
    times = iter([0, *[MOST_MILLISECONDS + 1] * 99])
    office.system.ports.stopwatch = lambda: next(times)
    assert set(wrong(office).values()) == {"not_checked"}


@pytest.mark.parametrize("code", ["", "sender_not_verified"])
def test_rev_13_the_sender_of_mail_is_tried_and_slack_is_not_asked_without_a_workspace(office: SlackSystem, code: str):
    config = replace(office.system.config, slack=None, mail=MailConfig("jitney@example.com"))
    office.system.ports.config = config
    office.system.ports.mail_sender = type("Mails", (), {"sender_code": lambda _: code})()
    office.slack.code = "unreachable"
    assert wrong(office) == ({"sender jitney@example.com": code} if code else {})


def test_only_operators_check_reviews(office: SlackSystem):
    status, body, _ = office.system.call(check_reviews, token=minting.token())
    assert (status, body["code"]) == (403, "not_operator")
