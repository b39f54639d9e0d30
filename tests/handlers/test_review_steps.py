"""The functions of the approval workflow, over in-memory adapters: checking, notifying, giving up (REV 2, 4, 6, 13)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.config import ReviewerGroup
from jitney.core.problems import Problem
from jitney.core.records.audit import Origin
from jitney.core.review.content import content_hash
from jitney.core.review.notices import Notice
from jitney.core.review.schedule import ScheduleCheck
from jitney.core.review.selection import NarrowedApproval
from jitney.handlers import review_notices
from jitney.handlers.grants import create_grant
from jitney.handlers.notifying.channels import DeliveryResult
from jitney.handlers.reconciler import WORKFLOW_START_SECONDS, reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.review.ballots import Ballot
from jitney.handlers.review.stalled_workflows import resume_stalled
from jitney.handlers.review_failures import give_up
from jitney.handlers.review_notices import MOST_RETRIES, MessagesUnsent, notify
from jitney.handlers.review_schedule import check_schedule
from tests.fakes import GRANT
from tests.handlers.conftest import REQUEST_BODY, WRITE, System
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import own_the_agent, pending, person, with_legal

TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAcanary-task-token"


def ballot(grant: Grant, verdict: VoteVerdict = VoteVerdict.APPROVE) -> Ballot:
    return Ballot(grant.id, person("alice"), verdict, content_hash(grant), "", "web", Origin())


def asked(grant: Grant, due: str = "requested", since: Any = 1, retries: int = MOST_RETRIES) -> dict[str, Any]:
    return {"grant_id": grant.id, "due": due, "since": since, "retries": retries, "token": TOKEN}


def decided(grant: Grant, retries: int = 0) -> dict[str, Any]:
    return {"grant_id": grant.id, "due": "decided", "retries": retries, "answer_token": TOKEN}


class TestLook:
    def test_rev_06_it_says_what_is_due_and_when_to_look_again(self, system: System):
        grant = pending(system)
        first = check_schedule({"grant_id": grant.id, "since": 0}, system.ports)
        assert (first["due"], first["wait_seconds"]) == ("requested", 600)
        early = check_schedule(first, system.ports)
        assert (early["due"], early["wait_seconds"]) == ("nothing", 600)
        system.now += 600
        assert check_schedule(first, system.ports)["due"] == "reminded"

    def test_end_04_a_request_whose_time_is_over_expires_once(self, system: System):
        grant = pending(system)
        system.now = grant.expires_at
        for _ in range(2):  # the workflow may repeat it
            assert check_schedule({"grant_id": grant.id, "since": 1}, system.ports)["due"] == "decided"
        assert system.outcomes()[1:] == [("expiry", "expired", "")]
        assert system.store.grants[grant.id].state is State.EXPIRED

    def test_rev_04_what_was_decided_meanwhile_is_left_alone(self, system: System):
        grant = pending(system)
        vote(ballot(grant), system.ports)
        outcomes = system.outcomes()
        assert check_schedule({"grant_id": grant.id, "since": 1}, system.ports)["state"] == "active"
        assert system.outcomes() == outcomes

    def test_rev_13_an_unknown_grant_is_an_error_of_the_workflow(self, system: System):
        with pytest.raises(LookupError):
            check_schedule({"grant_id": "g-nothing", "since": 0}, system.ports)


class TestNotify:
    def test_rev_13_it_stores_the_token_and_records_the_notice(self, system: System):
        grant = pending(system)
        assert notify(asked(grant), system.ports)["state"] == "pending"
        assert system.task_tokens.kept == {grant.id: (TOKEN, ScheduleCheck(1))}
        assert system.outcomes()[-1][0] == "notice"

    def test_rev_13_a_notice_of_an_unknown_grant_is_an_error_of_the_workflow(self, system: System):
        with pytest.raises(LookupError, match="no such grant"):
            notify({"grant_id": "g-nothing", "due": "nothing"}, system.ports)

    def test_nothing_due_only_waits(self, system: System):
        grant = pending(system)
        outcomes = system.outcomes()
        notify(asked(grant, "nothing"), system.ports)
        assert system.outcomes() == outcomes
        assert grant.id in system.task_tokens.kept

    def test_rev_13_a_decision_between_the_token_and_its_keeping_ends_the_wait(self, system: System):
        grant = pending(system)
        vote(ballot(grant), system.ports)  # no token was stored yet: it resumes no workflow
        outcomes = system.outcomes()
        assert notify(asked(grant), system.ports)["error"] == "ReviewEnded"
        assert system.outcomes() == outcomes

    def test_rev_13_a_decision_right_after_the_keeping_ends_the_wait_too(self, system: System):
        grant = pending(system)
        system.task_tokens.meanwhile = lambda: vote(ballot(grant), system.ports) and None
        assert notify(asked(grant), system.ports)["error"] == "ReviewEnded"
        assert system.reviews.resumed == [grant.id]

    def test_rev_13_no_workflow_waits_past_the_end(self, system: System):
        grant = pending(system)
        system.now = grant.expires_at
        assert notify(asked(grant), system.ports)["error"] == "ReviewEnded"

    def test_a_function_that_comes_late_does_not_replace_the_token_of_a_later_wait(self, system: System):
        grant = pending(system)
        notify(asked(grant, since=9), system.ports)
        with pytest.raises(Problem):
            notify(asked(grant, since=8) | {"token": "old"}, system.ports)
        assert system.task_tokens.kept[grant.id][0] == TOKEN

    @pytest.mark.parametrize("behind", [0, 1, 60])
    def test_rev_13_a_check_with_a_clock_that_is_behind_goes_on_with_the_review(self, system: System, behind: int):
        """Its wait is later than the one before. If it seemed earlier, its token would not be kept."""
        grant = pending(system)
        first = check_schedule({"grant_id": grant.id, "since": 0}, system.ports)
        notify(asked(grant, since=first["since"]), system.ports)
        system.now -= behind
        second = check_schedule(first, system.ports)
        later = asked(grant, second["due"], second["since"]) | {"token": "later"}
        assert notify(later, system.ports)["state"] == "pending"
        assert system.task_tokens.kept[grant.id][0] == "later"

    def test_rev_13_a_request_that_reached_no_reviewer_is_an_error(self, system: System, monkeypatch):
        grant = pending(system)
        failed, good = DeliveryResult("slack", "#owners", "channel_not_found"), DeliveryResult("mail", "corp.alice")
        monkeypatch.setattr(review_notices, "notify_reviewers", lambda *_: (failed, failed))
        assert notify(asked(grant), system.ports)["error"] == "NoReviewerNotified"
        notify(asked(grant, "reminded"), system.ports)  # they were asked, and may still answer
        monkeypatch.setattr(review_notices, "notify_reviewers", lambda *_: (failed, good))
        notify(asked(grant), system.ports)

    @pytest.mark.parametrize("due", ["requested", "reminded", "escalated"])
    def test_rev_13_a_request_without_eligible_reviewers_is_an_error_and_sends_no_notice(
        self, system: System, due: str
    ):
        """Its only reviewer owns the agent; with mail and without Slack no one would be notified."""
        own_the_agent(system, "corp.alice")
        grant = pending(system)
        outcomes = system.outcomes()
        assert notify(asked(grant, due), system.ports)["error"] == "TooFewReviewers"
        assert system.outcomes() == outcomes

    @pytest.mark.parametrize(
        ("groups", "decides"),
        [
            ({"owners": ReviewerGroup(("corp.alice", "corp.bob"), approvals=2)}, False),
            ({"owners": ReviewerGroup(("corp.alice", "corp.bob", "corp.carol"), approvals=2)}, True),
            ({"owners": ReviewerGroup(("corp.alice",), delegates=("corp.bob",))}, False),
            ({"others": ReviewerGroup(("corp.bob",))}, False),
            ({"owners": ReviewerGroup(("corp.alice",), escalates_to="late", escalates_after_seconds=900),
              "late": ReviewerGroup(("corp.bob",))}, True),
            ({"owners": ReviewerGroup(("corp.alice",), escalates_to="late", escalates_after_seconds=3600),
              "late": ReviewerGroup(("corp.bob",))}, False),
        ],
        ids=["too few", "enough", "an owner's delegate", "no such group", "escalates", "escalates too late"],
    )  # fmt: skip
    def test_rev_13_enough_who_do_not_ask_must_be_there_before_it_ends(
        self, system: System, groups: Any, decides: bool
    ):
        own_the_agent(system, "corp.alice")
        grant = pending(system)
        system.ports.config = replace(system.ports.config, reviewers=groups)
        if decides:
            notify(asked(grant), system.ports)
        else:
            assert notify(asked(grant), system.ports)["error"] == "TooFewReviewers"

    def test_rev_08_a_request_without_eligible_reviewers_waits_for_break_glass(self, system: System):
        own_the_agent(system, "corp.alice")
        glass = BreakGlassConfig(("corp.alice",), (), ("analytics-prod",), (), 120, 3600, own_requests=True)
        system.ports.config = replace(system.ports.config, break_glass=glass)
        assert notify(asked(pending(system)), system.ports)["state"] == "pending"

    def test_a_decision_is_notified_without_waiting(self, system: System):
        grant = pending(system)
        vote(ballot(grant, VoteVerdict.REJECT), system.ports)
        assert notify(decided(grant), system.ports)["state"] == "rejected"
        assert system.outcomes()[-1] == ("notice", "sent", "")
        assert not system.task_tokens.kept
        assert system.task_answers.succeeded == [(TOKEN, grant.id)]

    @pytest.mark.parametrize(
        ("result", "again"),
        [
            (DeliveryResult("mail", "corp.alice", "throttled"), True),
            (DeliveryResult("slack", "#owners", "late"), True),
            (DeliveryResult("slack", "#owners", "invalid_auth"), True),
            (DeliveryResult("slack", "#owners", "token_revoked"), True),
            (DeliveryResult("slack", "#owners", "account_inactive"), True),
            (DeliveryResult("mail", "corp.alice", "throttled", current=False), False),
            (DeliveryResult("mail", "corp.alice", "no_answer"), False),
            (DeliveryResult("mail", "corp.alice", "no_address"), False),
            (DeliveryResult("mail", "corp.alice", "already_sent"), False),
        ],
        ids=[
            "refused for now",
            "no time left",
            "a rotated token",
            "a revoked token",
            "a removed app",
            "no reviewer now",
            "may be sent",
            "never to be sent",
            "sent",
        ],
    )
    def test_rev_13_a_decision_is_notified_again_while_that_may_help(
        self, system: System, monkeypatch, result: DeliveryResult, again: bool
    ):
        grant = pending(system)
        monkeypatch.setattr(review_notices, "notify_reviewers", lambda *_: (DeliveryResult("mail", "corp.bob"), result))
        vote(ballot(grant, VoteVerdict.REJECT), system.ports)
        for retries in range(MOST_RETRIES):
            notify(decided(grant, retries), system.ports)
        notify(decided(grant, MOST_RETRIES), system.ports)  # which the workflow repeats in no case
        attempts = MOST_RETRIES + 1
        failed = MOST_RETRIES if again else 0
        assert system.task_answers.failed == [(TOKEN, "MessagesUnsent")] * failed
        assert system.task_answers.succeeded == [(TOKEN, grant.id)] * (attempts - failed)

    @pytest.mark.parametrize("notice", Notice)
    def test_rev_13_a_lost_message_is_sent_again_unless_a_later_notice_follows(
        self, system: System, monkeypatch, notice: Notice
    ):
        """After the last attempt, the workflow waits. So it does at once for an execution from before an upgrade."""
        grant, unsent = pending(system), DeliveryResult("mail", "corp.alice", "throttled")
        monkeypatch.setattr(review_notices, "notify_reviewers", lambda *_: (DeliveryResult("mail", "corp.bob"), unsent))
        for retries in range(MOST_RETRIES + 1):
            notify(asked(grant, notice, retries=retries), system.ports)
        repeated = notice in (Notice.ESCALATED, Notice.BREAK_GLASS, Notice.DECIDED)
        assert system.task_answers.failed == [(TOKEN, "MessagesUnsent")] * (MOST_RETRIES if repeated else 0)
        if notice is not Notice.DECIDED:
            older = {name: value for name, value in asked(grant, notice).items() if name != "retries"}
            assert notify(older, system.ports)["state"] == "pending"

    def test_rev_13_an_execution_that_began_before_an_upgrade_gets_the_failure_as_an_error(
        self, system: System, monkeypatch
    ):
        """It has its own definition, which passes neither a token nor the number of retries."""
        grant = pending(system)
        vote(ballot(grant, VoteVerdict.REJECT), system.ports)
        unsent = DeliveryResult("mail", "corp.alice", "throttled")
        monkeypatch.setattr(review_notices, "notify_reviewers", lambda *_: (unsent,))
        with pytest.raises(MessagesUnsent):
            notify({"grant_id": grant.id, "due": "decided"}, system.ports)
        monkeypatch.setattr(review_notices, "notify_reviewers", lambda *_: ())
        assert notify({"grant_id": grant.id, "due": "decided"}, system.ports)["state"] == "rejected"

    def test_rev_02_the_token_is_in_no_record_and_no_answer(self, system: System):
        grant = pending(system)
        answer = notify(asked(grant), system.ports)
        vote(ballot(grant), system.ports)
        written = json.dumps([answer, system.records(), repr(system.store.grants)])
        assert TOKEN not in written


class TestAskedAnew:
    def test_rev_03_the_workflow_notifies_reviewers_once(self, system: System):
        grant = pending(system)
        first = check_schedule({"grant_id": grant.id, "since": 0}, system.ports)
        with_legal(system)
        with pytest.raises(Problem):
            vote(ballot(grant), system.ports)
        second = check_schedule(first, system.ports)
        assert second["due"] == "review_restarted"
        notify(asked(grant, "review_restarted", second["since"]), system.ports)
        assert json.loads(system.records()[-1]["detail"])["reviewers"] == ["corp.alice", "corp.lea"]
        assert check_schedule(second, system.ports)["due"] == "nothing"

    def test_rev_13_a_review_restarted_between_check_and_wait_is_checked_again(self, system: System):
        grant = pending(system)
        first = check_schedule({"grant_id": grant.id, "since": 0}, system.ports)
        with_legal(system)
        with pytest.raises(Problem):
            vote(ballot(grant), system.ports)  # no token was stored yet: it resumes no workflow
        outcomes = system.outcomes()
        assert notify(asked(grant, since=first["since"]), system.ports)["error"] == "ReviewEnded"
        assert system.outcomes() == outcomes

    def test_rev_13_a_notice_that_reaches_no_one_is_an_error(self, system: System, monkeypatch):
        grant = pending(system)
        monkeypatch.setattr(
            review_notices, "notify_reviewers", lambda *_: (DeliveryResult("slack", "#legal", "channel_not_found"),)
        )
        assert notify(asked(grant, "review_restarted"), system.ports)["error"] == "NoReviewerNotified"


class TestGivingUp:
    @pytest.mark.parametrize(
        ("event", "code"),
        [
            ({"error": "NoReviewerNotified"}, "review_failed"),
            ({"detail": {"status": "ABORTED"}}, "review_stopped"),
            ({"detail": {"status": "TIMED_OUT"}}, "review_timed_out"),
            ({"detail": {"status": "FAILED"}}, "review_failed"),
        ],
    )
    def test_rev_13_the_grant_fails_once_on_record_and_the_agent_sees_it(
        self, system: System, event: dict[str, Any], code: str
    ):
        grant = pending(system)
        sent = {"detail": event["detail"] | {"name": grant.id}} if "detail" in event else event | {"grant_id": grant.id}
        for _ in range(2):
            assert give_up(sent, system.ports) == {"grant_id": grant.id, "state": "failed"}
        assert system.outcomes()[1:] == [("review", "failed", code)]
        assert system.store.grants[grant.id].state is State.FAILED

    def test_rev_13_what_is_over_has_expired(self, system: System):
        grant = pending(system)
        system.now = grant.expires_at
        assert give_up({"grant_id": grant.id, "error": "States.Timeout"}, system.ports)["state"] == "expired"
        assert system.outcomes()[1:] == [("expiry", "expired", "")]

    def test_rev_13_an_unknown_grant_fails_with_an_error_that_is_repeated(self, system: System):
        with pytest.raises(LookupError, match="no such grant"):
            give_up({"grant_id": "g-nothing", "error": "x"}, system.ports)

    def test_what_was_decided_stays(self, system: System):
        system.store.grants[GRANT.id] = replace(GRANT, expires_at=system.now + 9)
        assert give_up({"grant_id": GRANT.id, "error": "x"}, system.ports)["state"] == "active"
        assert not system.outcomes()

    def test_rev_13_a_request_whose_workflow_is_gone_fails(self, system: System):
        kept, lost = pending(system), pending(system, [WRITE[0] | {"resources": ["arn:aws:s3:::reports/b"]}])
        system.reviews.gone = {lost.id}
        assert reconcile(system.ports)["lost"] == 0  # it might have begun just now
        system.now += WORKFLOW_START_SECONDS + 1
        assert reconcile(system.ports)["lost"] == 1
        assert system.store.grants[lost.id].state is State.FAILED
        assert system.store.grants[kept.id].state is State.PENDING
        assert system.outcomes()[-1] == ("review", "failed", "review_lost")

    def test_rev_13_the_workflow_of_a_decided_request_that_no_call_resumed_is_resumed(self, system: System):
        decided, waiting = pending(system), pending(system, [WRITE[0] | {"resources": ["arn:aws:s3:::reports/b"]}])
        system.store.grants[decided.id] = decided.move(State.REJECTED)
        assert reconcile(system.ports)["resumed"] == 1
        assert system.reviews.resumed == [decided.id]
        assert system.store.grants[waiting.id].state is State.PENDING

    def test_ops_02_a_wait_that_cannot_be_read_keeps_no_other_workflow_waiting(
        self, system: System, monkeypatch: pytest.MonkeyPatch
    ):
        def check_of(_: str) -> ScheduleCheck:
            raise Problem("item_unreadable", "This version of Jitney cannot read the wait.", "Deploy the other one.")

        changed, decided = pending(system), pending(system, [WRITE[0] | {"resources": ["arn:aws:s3:::reports/b"]}])
        system.store.grants[changed.id] = replace(changed, narrowed_at=system.now)
        system.store.grants[decided.id] = decided.move(State.REJECTED)
        monkeypatch.setattr(system.ports.task_tokens, "check_of", check_of)
        assert reconcile(system.ports)["resumed"] == 1
        assert system.reviews.resumed == [decided.id]

    def test_rev_13_an_outage_is_no_wait_that_goes_on(self, system: System, monkeypatch: pytest.MonkeyPatch):
        def check_of(_: str) -> ScheduleCheck:
            raise Problem("unavailable", "The store does not answer.", "Try again.")

        changed = pending(system)
        system.store.grants[changed.id] = replace(changed, narrowed_at=system.now)
        monkeypatch.setattr(system.ports.task_tokens, "check_of", check_of)
        with pytest.raises(Problem, match="unavailable"):
            resume_stalled(system.ports)

    @pytest.mark.parametrize("due", ["narrowed", "review_restarted"])
    def test_rev_13_the_workflow_of_a_changed_request_that_no_call_resumed_is_resumed(self, system: System, due: str):
        """Without that, the reviewers would learn of the change with the next reminder."""
        two = {"owners": ReviewerGroup(("corp.alice", "corp.bob"), approvals=2)}
        system.ports.config = replace(system.ports.config, reviewers=two)
        grant = pending(system)
        looked = check_schedule({"grant_id": grant.id, "since": 0}, system.ports)
        notify(asked(grant, since=looked["since"]), system.ports)
        system.reviews.problem = Problem("unavailable", "no", "later")
        if due == "narrowed":
            vote(replace(ballot(grant), narrowing=NarrowedApproval(grant.permissions, 60)), system.ports)
        else:
            system.ports.config = replace(system.ports.config, reviewers=system.config.reviewers)
            with_legal(system)
            with pytest.raises(Problem, match="review_changed"):
                vote(ballot(grant), system.ports)
        system.reviews.problem = None
        assert reconcile(system.ports)["resumed"] == 1
        assert system.reviews.resumed == [grant.id]
        looked = check_schedule(looked, system.ports)
        assert looked["due"] == due
        notify(asked(grant, due, looked["since"]), system.ports)
        assert reconcile(system.ports)["resumed"] == 0


class TestGivingBack:
    def test_rev_13_a_release_resumes_the_workflow(self, system: System):
        grant = pending(system)
        assert system.call(release_grant, grant_id=grant.id)[1]["grant"]["state"] == "released"
        assert system.reviews.resumed == [grant.id]

    def test_rev_13_a_release_counts_though_the_workflow_cannot_be_resumed(self, system: System):
        grant = pending(system)
        system.reviews.problem = Problem("unavailable", "no", "later")
        assert system.call(release_grant, grant_id=grant.id)[0] == 200
        assert system.store.grants[grant.id].state is State.RELEASED

    def test_an_issued_grant_has_no_workflow_to_resume(self, system: System):
        grant_id = system.call(create_grant, REQUEST_BODY)[1]["grant"]["id"]
        system.call(release_grant, grant_id=grant_id)
        assert not system.reviews.resumed
