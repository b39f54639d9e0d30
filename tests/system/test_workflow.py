"""Rows REV 2, 4, 6, 12, 13: the unchanged approval workflow, run by the emulator under its own role."""

import concurrent.futures
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import yaml

from benchmarks.review import transitions
from jitney.adapters.clock import now
from jitney.adapters.store import Store
from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.problems import Problem
from jitney.core.records.audit import GENESIS_HASH
from jitney.core.review.schedule import ScheduleCheck
from jitney.core.review.selection import NarrowedApproval
from jitney.handlers.reconciler import WORKFLOW_START_SECONDS
from jitney.handlers.review_schedule import check_schedule
from local.emulator.faults import PREFIX
from local.settings import DEFAULT_CONFIG, LocalSettings
from tests.local.gaps.contracts import refused
from tests.running_systems import PATIENCE, Clients, root_keys, shared, start_stack, until
from tests.system.conftest import Api, request_body
from tests.system.review_system import MAX_TRANSITIONS, Review
from tests.system.written import log_groups, logged

ROUNDS = 10
MAX_PENDING = 3
REVIEW, REMINDERS, ESCALATION = 3600, (600, 1800), 1200
"""Seconds from the start of a review: its end, and the notifications before it (jitney.core.review.schedule)."""
# What they share, such as a system of their own, is made once.
pytestmark = pytest.mark.xdist_group("reviews")


@pytest.fixture(scope="module")
def review(api: Api, stack, aws) -> Review:
    return Review(api, stack, aws)


@pytest.fixture(scope="module")
def small() -> Iterator[Review]:
    """Yield a system in which few requests may be pending, and reviewers are notified by mail only.

    Alice may approve only after the escalation.
    """

    def start(settings: LocalSettings) -> dict[str, Any]:
        chosen = yaml.safe_load(DEFAULT_CONFIG.read_text(encoding="utf-8"))
        groups = chosen["reviewers"]
        first, *others = groups["data-owners"]["members"]
        # They are notified by mail only, so no one is when that fails.
        chosen.pop("slack", None)
        groups["data-owners"] |= {
            "channel": "",
            "members": others,
            "escalates_to": "security",
            "escalates_after_seconds": ESCALATION,
        }
        groups["security"] = {"members": [first]}
        chosen["limits"] |= {"review_seconds": REVIEW, "max_pending": MAX_PENDING}
        chosen["policies"] = str(DEFAULT_CONFIG.parent / "policies")
        settings.state.mkdir(parents=True, exist_ok=True)
        config = settings.state / "small.yaml"
        config.write_text(yaml.safe_dump(chosen, sort_keys=False), encoding="utf-8")
        return start_stack(settings, config)

    stack = shared("small", start)
    clients = Clients(stack["aws_endpoint"], stack["region"])

    def own_token(agent: str) -> str:
        known = stack["agents"][agent]
        secret = (known["client_id"], known["client_secret"])
        form = {"grant_type": "client_credentials"}
        answer = httpx.post(stack["token_url"], data=form, auth=secret, timeout=PATIENCE, trust_env=False)
        return str(answer.json()["access_token"])

    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        api = Api(stack["api_url"], client, own_token)
        yield Review(api, stack, lambda service: clients(service, root_keys(stack["account"])))
    clients.close()


def chained(records: list[dict[str, Any]]) -> bool:
    return [each["prev"] for each in records] == [GENESIS_HASH, *(each["hash"] for each in records[:-1])]


def test_rev_04_an_approval_ends_the_wait_and_the_agent_gets_its_credentials(review: Review):
    grant_id = review.ask()
    review.waiting(grant_id)
    assert review.vote(grant_id).state is State.ACTIVE
    ended = review.ended(grant_id)
    assert json.loads(ended["output"]) == {"grant_id": grant_id, "state": "active"}
    assert review.notices(grant_id) == ["requested", "decided"]
    assert [each for each in review.events(grant_id) if each != "notice"] == ["request", "vote"]
    issued = review.api("POST", f"/v1/grants/{grant_id}/credentials", agent="writer-agent")
    assert issued.status_code == 200
    assert review.states_entered(grant_id) == [
        *("Look", "ChooseNotification", "NotifyAndWait"),
        *("Look", "ChooseNotification", "NotifyDecision"),
    ]
    assert transitions(review.history(grant_id)) <= MAX_TRANSITIONS


@pytest.mark.slow
def test_rev_03_reviewers_are_notified_at_once_of_a_restarted_review(review: Review):
    grant_id = review.ask()
    review.waiting(grant_id)
    security = """@id("also") @approval("security") forbid (principal, action == Jitney::Action::"Write", resource)
    unless { context.approvals.contains("security") };"""
    with pytest.raises(Problem) as refusal:
        review.vote(grant_id, more_policies=security)
    assert refusal.value.code == "review_changed"
    until(lambda: review.notices(grant_id) == ["requested", "review_restarted"])
    grant = review.grant(grant_id)
    assert grant.reviews == (("data-owners", "security"),)
    review.waiting(grant_id)
    # So they are of what becomes less while a vote is missing.
    assert review.vote(grant_id, name="bob", narrowing=NarrowedApproval(grant.permissions, 60)).state is State.PENDING
    until(lambda: review.notices(grant_id) == ["requested", "review_restarted", "narrowed"])
    review.waiting(grant_id)
    review.vote(grant_id, VoteVerdict.REJECT)
    assert json.loads(review.ended(grant_id)["output"])["state"] == "rejected"
    assert review.notices(grant_id) == ["requested", "review_restarted", "narrowed", "decided"]


def test_rev_06_a_rejection_ends_it_and_the_agent_sees_it(review: Review):
    grant_id = review.ask()
    review.waiting(grant_id)
    review.vote(grant_id, VoteVerdict.REJECT)
    assert json.loads(review.ended(grant_id)["output"])["state"] == "rejected"
    assert review.shown(grant_id)["state"] == "rejected"
    assert review.notices(grant_id) == ["requested", "decided"]


def test_rev_13_a_release_ends_the_review_at_once_and_is_notified(review: Review):
    grant_id = review.ask()
    review.waiting(grant_id)
    assert review.release(grant_id).json()["grant"]["state"] == "released"
    assert json.loads(review.ended(grant_id)["output"])["state"] == "released"
    assert review.notices(grant_id) == ["requested", "decided"]


def test_rev_13_a_revocation_by_an_operator_ends_it_too(review: Review):
    grant_id = review.ask()
    review.waiting(grant_id)
    why = {"reason": "not this one"}
    assert review.api("POST", f"/v1/grants/{grant_id}/revocation", why, agent="incident-bot").status_code == 200
    assert json.loads(review.ended(grant_id)["output"])["state"] == "revoked"


def test_rev_13_a_decision_before_the_wait_is_found(review: Review):
    grant_id = review.ask()
    review.vote(grant_id)  # at any moment of the workflow's start
    assert json.loads(review.ended(grant_id)["output"])["state"] == "active"


def test_rev_13_a_decision_between_the_token_and_its_keeping_ends_the_wait(review: Review, aws, stack):
    grant_id = review.open().id
    review.tokens.keep(
        grant_id, "of a later wait", ScheduleCheck(10**12), now()
    )  # what comes now is kept only once this is gone
    review.start(review.grant(grant_id))
    key = {"pk": {"S": f"REVIEW#{grant_id}"}, "sk": {"S": "TOKEN"}}
    # Before the workflow has tried to keep it as often as it does.
    until(lambda: "NotifyAndWait" in review.states_entered(grant_id), pause=0.02)
    assert review.vote(grant_id).state is State.ACTIVE
    aws("dynamodb").delete_item(TableName=stack["tables"]["state"], Key=key)
    assert json.loads(review.ended(grant_id)["output"])["state"] == "active"
    assert review.notices(grant_id) == ["decided"]
    failed = [each.get("taskFailedEventDetails", {}).get("error") for each in review.history(grant_id)]
    assert "ReviewEnded" in failed


def test_rev_13_a_request_whose_target_was_removed_fails_and_the_agent_sees_it(review: Review):
    grant_id = review.start(review.open(target="not-configured-any-more"))
    assert review.ended(grant_id)["status"] == "FAILED"
    assert review.shown(grant_id)["state"] == "failed"
    (record,) = (each for each in review.records(grant_id) if each["event"] == "review")
    assert (record["outcome"], record["code"]) == ("failed", "review_failed")
    assert record["detail"] == '{"error":"RequestUndecidable"}'
    answer = review.api("POST", f"/v1/grants/{grant_id}/credentials", agent="writer-agent")
    assert (answer.status_code, answer.json()["code"]) == (410, "grant_ended")


@pytest.mark.slow
def test_rev_13_what_cannot_look_fails_the_request_too(review: Review):
    grant_id = review.start(review.open(), since="not a time")
    assert review.ended(grant_id)["status"] == "FAILED"
    assert review.shown(grant_id)["state"] == "failed"
    assert not review.notices(grant_id)


def test_rev_13_a_request_without_a_workflow_is_found_and_its_review_starts(review: Review, aws):
    unstarted, young = review.open(created_at=now() - WORKFLOW_START_SECONDS - 1), review.open()
    running = review.ask()
    run = aws("lambda").invoke(FunctionName="jitney-reconciler")
    assert "FunctionError" not in run, run["Payload"].read()
    review.waiting(unstarted.id)
    assert [review.grant(each).state for each in (unstarted.id, young.id, running)] == [State.PENDING] * 3
    for each in (unstarted.id, young.id, running):
        review.release(each)


def test_rev_13_an_execution_stopped_by_hand_fails_the_request(review: Review):
    grant_id = review.ask()
    review.waiting(grant_id)
    review.states.stop_execution(executionArn=review.arn(grant_id), cause="by hand")
    until(lambda: review.shown(grant_id)["state"] == "failed")
    (record,) = (each for each in review.records(grant_id) if each["event"] == "review")
    assert (record["outcome"], record["code"]) == ("failed", "review_stopped")
    with pytest.raises(Problem) as refusal:
        review.vote(grant_id)
    assert refusal.value.code == "review_ended"


def test_rev_02_the_token_is_nowhere_but_in_its_item(review: Review, aws, stack):
    grant_id = review.ask()
    token = review.waiting(grant_id)
    review.vote(grant_id)
    ended = review.ended(grant_id)
    assert token not in json.dumps(ended, default=str)
    groups = log_groups(aws)
    assert "/aws/lambda/jitney-review-notices" in groups
    for group in groups:
        lines = "".join(logged(aws, group))
        assert token not in lines
        assert token[:40] not in lines
    assert token not in json.dumps(review.records(grant_id))
    assert token not in json.dumps(review.shown(grant_id))
    assert token not in json.dumps(review.grant(grant_id), default=str)


def test_rev_02_a_token_in_other_hands_decides_nothing(review: Review):
    grant_id = review.ask()
    token = review.waiting(grant_id)
    review.states.send_task_success(taskToken=token, output=json.dumps({"grant_id": grant_id, "state": "active"}))
    until(lambda: review.waiting(grant_id) != token)  # it waits again
    assert review.shown(grant_id)["state"] == "pending"
    assert review.notices(grant_id) == ["requested"]
    review.states.send_task_failure(taskToken=review.waiting(grant_id), error="Approved", cause="")
    until(lambda: review.waiting(grant_id) != token)
    assert review.grant(grant_id).state is State.PENDING
    refused("TaskTimedOut", review.states.send_task_success, taskToken=token, output="{}")
    review.release(grant_id)


@pytest.mark.slow
class TestTime:
    """What happens as time passes."""

    def test_rev_06_reminders_escalation_and_expiry_come_in_order_and_really_end_it(self, small: Review):
        grant_id = small.ask()
        small.waiting(grant_id)
        expected = ["requested"]
        for after in sorted((*REMINDERS, ESCALATION)):
            small.come_due(grant_id, after)
            expected.append("escalated" if after == ESCALATION else "reminded")
            until(lambda: small.notices(grant_id) == expected)
            assert small.shown(grant_id)["state"] == "pending"
        small.come_due(grant_id, REVIEW)
        assert json.loads(small.ended(grant_id)["output"])["state"] == "expired"
        assert small.notices(grant_id) == [*expected, "decided"]
        records = small.records(grant_id)
        assert [each["event"] for each in records if each["event"] != "notice"] == ["request", "expiry"]
        assert chained(records)
        assert small.shown(grant_id)["state"] == "expired"
        with pytest.raises(Problem) as refusal:
            small.vote(grant_id, name="bob")
        assert refusal.value.code == "review_ended"

    def test_rev_06_who_it_escalates_to_may_approve_then_and_not_before(self, small: Review):
        grant_id = small.ask()
        with pytest.raises(Problem) as refusal:
            small.vote(grant_id, name="alice")
        assert refusal.value.code == "not_reviewer"
        small.come_due(grant_id, ESCALATION)
        until(lambda: "escalated" in small.notices(grant_id))
        assert small.vote(grant_id, name="alice").state is State.ACTIVE
        assert json.loads(small.ended(grant_id)["output"])["state"] == "active"

    def test_rev_04_a_decision_raced_by_expiry_is_one_outcome(self, small: Review):
        grant_id = small.ask()
        small.come_due(grant_id, REVIEW)
        ends = small.grant(grant_id).expires_at
        until(lambda: now() >= ends - 1)
        outcome = "active"
        try:
            while now() < ends:
                pass
            small.vote(grant_id, name="bob", moment=lambda: ends - 1)
        except Problem as problem:
            assert problem.code == "review_ended"
            outcome = "expired"
        small.ended(grant_id)
        decisions = [each for each in small.events(grant_id) if each in {"vote", "expiry"}]
        assert decisions == {"active": ["vote"], "expired": ["expiry"]}[outcome]

    def test_rev_12_an_agent_that_floods_must_wait(self, small: Review):
        ids = [small.ask() for _ in range(MAX_PENDING)]
        wanted = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/2026/one-more.csv"]}]
        one_more = request_body(permissions=wanted)
        answer = small.api("POST", "/v1/grants", one_more, agent="writer-agent")
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_pending")
        assert sorted(answer.json()["pending"]) == sorted(ids)
        small.release(ids[0])
        answer = small.api("POST", "/v1/grants", one_more, agent="writer-agent")
        assert answer.status_code == 202, answer.text
        for grant_id in (*ids[1:], answer.json()["grant"]["id"]):
            small.release(grant_id)


@pytest.mark.slow
def test_rev_13_without_mail_nothing_hangs_and_the_agent_gets_the_failure(small: Review):
    ses = small.client("sesv2")
    ses.delete_email_identity(EmailIdentity="example.com")
    try:
        # The request notice is tried a few times before the workflow gives up.
        grant_id = small.start(small.open(expires_at=now() + 3600))
        assert small.ended(grant_id)["status"] == "FAILED"
    finally:
        ses.create_email_identity(EmailIdentity="example.com")
    assert small.shown(grant_id)["state"] == "failed"
    notices = [each for each in small.records(grant_id) if each["event"] == "notice"]
    assert len(notices) > 1
    for each in notices:
        assert (each["outcome"], each["code"]) == ("failed", "no_reviewer_notified")
        mailed = [one for one in json.loads(each["detail"])["sent"] if one["channel"] == "mail"]
        assert {one["code"] for one in mailed} == {"rejected"}
        assert "people.bob" in {one["to"] for one in mailed}  # and, once it has escalated, others
    (record,) = (each for each in small.records(grant_id) if each["event"] == "review")
    assert json.loads(record["detail"]) == {"error": "NoReviewerNotified"}


@pytest.mark.slow
def test_rev_13_a_decisions_lost_mail_is_sent_again_and_the_function_fails_in_no_attempt(small: Review):
    grant_id = small.ask()
    small.waiting(grant_id)

    def attempts() -> list[set[tuple[str, bool]]]:
        found = [json.loads(each["detail"]) for each in small.records(grant_id) if each["event"] == "notice"]
        sent = [each["sent"] for each in found if each["notice"] == "decided"]
        return [{(one["code"], one.get("again", False)) for one in each} for each in sent]

    mail = {"service": "ses", "operation": "POST /v2/email/outbound-emails", "times": 0, "status": 429}
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        rules, url = [mail | {"code": "TooManyRequestsException"}], f"{small.stack['aws_endpoint']}{PREFIX}"
        assert client.put(url, json=rules).status_code == 200
        try:
            small.vote(grant_id, VoteVerdict.REJECT, "bob")
            until(attempts)
        finally:
            client.delete(url)
    assert json.loads(small.ended(grant_id)["output"])["state"] == "rejected"
    assert attempts() == [{("throttled", True)}, {("", False)}]
    failures = [each.get("taskFailedEventDetails", {}).get("error") for each in small.history(grant_id)]
    assert [each for each in failures if each] == ["MessagesUnsent"]
    lines = [each for each in logged(small.client, "/aws/lambda/jitney-review-notices") if grant_id in each]
    assert any('"again":true' in each for each in lines)
    assert not any('"unhandled"' in each for each in lines)


OUTCOMES = {"vote": {State.ACTIVE, State.REJECTED}, "expiry": {State.EXPIRED}, "release": {State.RELEASED}}
RACERS = 4


class Turns:
    """Four who race for a grant.

    The first one writes when all have read the grant, and the others write after it.

    Without a first one, they go in the order in which they come.
    """

    def __init__(self, first: int | None) -> None:
        self.first = first
        self._read, self._written = threading.Barrier(RACERS), threading.Event()

    def wait(self, racer: int) -> None:
        if self.first is None:
            return
        self._read.wait(PATIENCE)
        if racer != self.first:
            assert self._written.wait(PATIENCE)

    def run(self, racer: int, act: Callable[[], Any]) -> None:
        """Run the race. Only its losers may be refused, and only by a documented problem."""
        try:
            act()
        except Problem:
            assert racer != self.first
        finally:
            if racer == self.first:
                self._written.set()


class Held:
    """A store that waits before its first write."""

    def __init__(self, store: Store, wait: Callable[[], None]) -> None:
        self._store, self._waits = store, [wait]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def save(self, *given: Any, **named: Any) -> None:
        if self._waits:
            self._waits.pop()()
        self._store.save(*given, **named)


def settled(review: Review, grant_id: str) -> tuple[Grant, list[dict[str, Any]]] | None:
    """Return the grant and its records, or None while one more is written."""
    grant, records = review.grant(grant_id), review.records(grant_id)
    return (grant, records) if len(records) == grant.records else None


def racers_for(grant_id: str, review: Review, turns: Turns) -> list[Callable[[], Any]]:
    """Return an approval, a rejection, an expiry, and a release by the agent."""
    ends = review.grant(grant_id).expires_at

    def ports(racer: int, moment: int) -> dict[str, Any]:
        return {"moment": lambda: moment, "store": Held(review.store, lambda: turns.wait(racer))}

    def release(racer: int) -> None:
        turns.wait(racer)
        review.release(grant_id)

    return [
        lambda: review.vote(grant_id, VoteVerdict.APPROVE, "alice", **ports(0, ends - 1)),
        lambda: review.vote(grant_id, VoteVerdict.REJECT, "bob", **ports(1, ends - 1)),
        lambda: check_schedule({"grant_id": grant_id, "since": 1}, review.ports(**ports(2, ends))),
        lambda: release(3),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "outcome"),
    [
        (0, ("vote", "approved")),
        (1, ("vote", "rejected")),
        (2, ("expiry", "expired")),
        (3, ("release", "released")),
        (None, ()),
    ],
    ids=["approval", "rejection", "expiry", "release", "any"],
)
def test_rev_04_two_votes_an_expiry_and_a_release_at_once_have_one_outcome_recorded_in_order(
    first: int | None, outcome: tuple[str, ...], review: Review
):
    with concurrent.futures.ThreadPoolExecutor(RACERS) as pool:
        for number in range(ROUNDS):
            grant_id = review.ask()
            if number % 2:
                review.waiting(grant_id)
            turns = Turns(first)
            racers = racers_for(grant_id, review, turns)
            order = [(number + step) % RACERS for step in range(RACERS)]
            for racing in [pool.submit(turns.run, racer, racers[racer]) for racer in order]:
                racing.result()
            state = json.loads(review.ended(grant_id)["output"])["state"]
            grant, records = until(lambda asked=grant_id: settled(review, asked))
            assert state == grant.state or (state, grant.state) == ("active", State.RELEASED)
            assert chained(records)
            story = [each for each in records if each["event"] in OUTCOMES]
            # An approved grant may still be released; nothing follows any other outcome.
            assert [each["event"] for each in story[1:]] in ([], ["release"]), story
            assert grant.state in OUTCOMES[story[-1]["event"]]
            if len(story) == 2:
                assert (story[0]["event"], story[0]["outcome"]) == ("vote", "approved")
            if outcome:
                assert (story[0]["event"], story[0]["outcome"]) == outcome


def test_rev_12_equal_requests_at_once_open_one_review(review: Review):
    permissions = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::reports/2026/joined.csv"]}]
    body = request_body(permissions=permissions, reason="joined")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        posts = [pool.submit(review.api, "POST", "/v1/grants", body, agent="writer-agent") for _ in range(8)]
    answers = [each.result() for each in posts]
    assert {each.status_code for each in answers} == {202}
    (grant_id,) = {each.json()["grant"]["id"] for each in answers}
    until(lambda: review.notices(grant_id) == ["requested"])
    review.release(grant_id)
