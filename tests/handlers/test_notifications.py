"""Notifications on several channels: none stops another, and the result of each message is on record (REV 10, 13)."""

import json
from collections.abc import Mapping

from jitney.core.access.grant import Grant
from jitney.core.review.notices import Notice
from jitney.core.review.schedule import NEVER_CHECKED
from jitney.handlers.notifying.channels import CHANNEL_MILLISECONDS, Channel, DeliveryResult, Notification, send_each
from jitney.handlers.notifying.notifications import notify_reviewers
from jitney.handlers.review.review_sheet import build_sheet
from tests.handlers.conftest import System
from tests.handlers.test_ballots import pending

GOOD, BAD = DeliveryResult("good", "corp.alice"), DeliveryResult("bad", "#owners", "channel_not_found")


def breaking(*_):
    yield DeliveryResult("broken", "corp.alice")
    raise RuntimeError("a canary token")


def delivered(system: System, grant: Grant, **channels: Channel) -> tuple[DeliveryResult, ...]:
    return notify_reviewers(Notice.REQUESTED, build_sheet(grant, system.ports), NEVER_CHECKED, system.ports, channels)


def noted(system: System) -> Mapping[str, object]:
    record = system.records()[-1]
    assert record["event"] == "notice"
    return {**json.loads(record["detail"]), "outcome": record["outcome"], "code": record["code"]}


def test_rev_13_every_message_is_on_record_with_what_became_of_it(system: System):
    sent = delivered(
        system, pending(system), good=lambda *_: (GOOD,), bad=lambda *_: (BAD,), unconfigured=lambda *_: ()
    )
    assert sent == (GOOD, BAD)
    assert noted(system) == {
        "notice": "requested",
        "reviewers": ["corp.alice"],
        "sent": [GOOD.view(), BAD.view()],
        "outcome": "sent",
        "code": "",
    }


def test_rev_13_a_channel_that_breaks_stops_no_other_and_its_words_go_nowhere(system: System, capsys):
    sent = delivered(system, pending(system), broken=breaking, good=lambda *_: (GOOD,))
    assert sent == (DeliveryResult("broken", "corp.alice"), DeliveryResult("broken", "", "internal"), GOOD)
    assert "canary" not in json.dumps(system.records())
    assert "canary" not in capsys.readouterr().out


def test_rev_13_every_message_that_a_channel_did_not_take_is_in_the_log_without_a_persons_name(system: System, caplog):
    codes = ("channel_not_found", "unreachable", "", "already_sent")
    slack = tuple(DeliveryResult("slack", "#owners", code) for code in codes)
    mail = (DeliveryResult("mail", "corp.alice", "no_answer"),)
    grant = pending(system)
    delivered(system, grant, slack=lambda *_: slack, mail=lambda *_: mail)
    found = [each for each in caplog.records if each.msg == "message not sent"]
    assert [(each.channel, each.recipient, each.code) for each in found] == [
        ("slack", "#owners", "channel_not_found"),
        ("slack", "#owners", "unreachable"),
        ("mail", "", "no_answer"),
    ]
    assert {each.grant_id for each in found} == {grant.id}
    assert {each.levelname for each in found} == {"WARNING"}


def test_rev_13_a_notice_that_reached_no_reviewer_is_a_failure_on_record(system: System):
    delivered(system, pending(system), bad=lambda *_: (BAD, BAD), unconfigured=lambda *_: ())
    assert (noted(system)["outcome"], noted(system)["code"]) == ("failed", "no_reviewer_notified")
    delivered(system, pending(system), bad=lambda *_: (BAD,), broken=breaking)  # which sent one before
    assert (noted(system)["outcome"], noted(system)["code"]) == ("sent", "")


def test_rev_13_a_message_that_another_attempt_sends_is_marked_on_record_and_in_the_log(system: System, caplog):
    codes = ("", "throttled", "channel_not_found", "no_answer", "slack_error", "not_forgotten", "already_sent")
    sent = tuple(DeliveryResult("slack", f"#{code}", code) for code in codes)
    grant = pending(system)
    for followed in (True, False):
        notify_reviewers(
            Notice.REQUESTED,
            build_sheet(grant, system.ports),
            NEVER_CHECKED,
            system.ports,
            {"slack": lambda *_: sent},
            lambda given, follows=followed: follows and given == sent,
        )
        marked = {each["code"] for each in noted(system)["sent"] if each.get("again")}  # type: ignore[attr-defined]
        assert marked == ({"throttled", "channel_not_found"} if followed else set())
    logged = [(each.code, each.again) for each in caplog.records if each.msg == "message not sent"]
    assert [code for code, again in logged if again] == ["throttled", "channel_not_found"]
    assert len(logged) == 2 * 5


def test_without_a_channel_only_the_pages_show_requests(system: System):
    assert delivered(system, pending(system)) == ()
    assert (noted(system)["outcome"], noted(system)["sent"]) == ("sent", [])


def test_rev_13_a_channel_that_hangs_does_not_keep_others_from_their_turn(system: System):
    def slowly(_name: str) -> str:
        system.pause(10)
        return ""

    grant = pending(system)
    notification = Notification(Notice.REQUESTED, grant, build_sheet(grant, system.ports), NEVER_CHECKED)
    sent = tuple(send_each("slow", ("a", "b", "c", "d"), slowly, notification, system.ports))
    assert [each.code for each in sent] == ["", "", "late", "late"]
    assert system.milliseconds < 2 * CHANNEL_MILLISECONDS
