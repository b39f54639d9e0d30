"""Requests for review do not flood reviewers: equal ones are joined, and there are only so many (row REV 12)."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.identity.providers import github_actions
from jitney.core.issuer_config import ClaimRules
from jitney.core.problems import Problem
from jitney.handlers.grants import create_grant
from jitney.handlers.releases import release_grant
from tests.core.identity import minting
from tests.handlers.conftest import POLICIES, REQUEST_BODY, WRITE, System, configuration


def ask(system: System, name: str = "q3.csv", **how: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    wanted = [{"actions": ["s3:PutObject"], "resources": [f"arn:aws:s3:::reports/2026/{name}"]}]
    return system.call(create_grant, REQUEST_BODY | {"permissions": wanted, **how.pop("members", {})}, **how)


@pytest.fixture
def system() -> System:
    config = configuration()
    return System(config=replace(config, limits=replace(config.limits, max_pending=3)))


def test_rev_12_an_equal_request_is_the_one_that_is_pending(system: System):
    first, again = ask(system), ask(system)
    assert (again[0], again[1]["grant"]["id"]) == (202, first[1]["grant"]["id"])
    assert again[2]["Location"] == first[2]["Location"]
    assert len(system.reviews.started) == 1
    assert system.outcomes() == [("request", "review", ""), ("request", "review", "joined")]
    assert ("repeats" in first[1], again[1]["repeats"]) == (False, True)


def test_aud_03_the_record_of_a_repeat_says_what_was_asked_and_which_grant_it_repeats(system: System):
    ask(system)
    ask(system)
    first, again = system.records()
    said = ("grant_id", "target", "account", "actions", "resources", "duration_seconds", "reason", "ticket", "policies")
    assert {name: again[name] for name in said} == {name: first[name] for name in said}
    assert (again["actions"], again["chain"] != first["chain"]) == (["s3:PutObject"], True)


@pytest.mark.parametrize(
    "members", [{"reason": "another"}, {"ticket": "OPS-9"}, {"duration_seconds": 301}, {"permissions": WRITE * 2}]
)
def test_rev_12_another_request_is_not_joined(system: System, members: dict[str, Any]):
    ask(system, "q4.csv")
    assert ask(system, "q4.csv", members=members)[0] == 202
    assert len(system.reviews.started) == 2


def test_rev_12_no_agent_joins_the_request_of_another(system: System):
    mine = ask(system)[1]["grant"]["id"]
    other = ask(system, token=minting.token(sub="other-agent"))[1]["grant"]["id"]
    assert mine != other


def test_rev_12_an_ended_request_can_be_requested_again(system: System):
    first = ask(system)[1]["grant"]["id"]
    system.call(release_grant, grant_id=first)
    again = ask(system)
    assert (again[0], again[1]["grant"]["id"] != first) == (202, True)


def test_rev_12_a_joined_post_is_safe_to_repeat_like_the_first(system: System):
    first = ask(system)[1]["grant"]["id"]
    keyed = {"idempotency_key": "one"}
    assert ask(system, **keyed)[1]["grant"]["id"] == first
    system.call(release_grant, grant_id=first)
    assert ask(system, **keyed)[1]["code"] == "grant_released"
    assert ask(system, "q4.csv", **keyed)[0] == 422


def test_rev_12_only_so_many_wait_at_the_same_time(system: System):
    first = [ask(system, name)[1]["grant"]["id"] for name in "abc"]
    status, body, headers = ask(system, "d")
    assert (status, body["code"], sorted(body["pending"])) == (429, "too_many_pending", sorted(first))
    assert "`jitney grants release ID`" in body["fix"]
    assert "DELETE /v1/grants/{id}" in body["fix"]
    assert int(headers["Retry-After"]) > 0
    assert ask(system, "d", token=minting.token(sub="other-agent"))[0] == 202
    assert ask(system, "a")[0] == 202  # joined: it adds none
    system.call(release_grant, grant_id=first[1])
    assert ask(system, "d")[0] == 202
    assert ask(system, "e")[0] == 429


def test_rev_12_a_deployment_can_set_a_limit_below_what_waits(system: System):
    for name in "abc":
        ask(system, name)
    config = system.ports.config
    system.ports.config = replace(config, limits=replace(config.limits, max_pending=2))
    detail = ask(system, "d")[1]["detail"]
    assert detail == "corp.reader-agent has 3 pending requests, and the limit is 2."


def test_ops_02_a_request_that_cannot_be_read_takes_a_place_and_stops_equal_ones_only(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    unreadable, released, _ = (ask(system, name)[1]["grant"]["id"] for name in "abc")
    read = system.store.grant

    def grant(grant_id: str) -> Grant | None:
        if grant_id == unreadable:
            raise Problem("grant_unreadable", "It is newer.", "Deploy the newer version.")
        return read(grant_id)

    monkeypatch.setattr(system.store, "grant", grant)
    assert [ask(system, name)[1]["code"] for name in "da"] == ["too_many_pending", "grant_unreadable"]
    system.call(release_grant, grant_id=released)
    assert ask(system, "d")[0] == 202
    assert ask(system, "e")[0] == 429


def test_ops_02_an_outage_of_the_store_empties_no_list(system: System, monkeypatch: pytest.MonkeyPatch):
    for name in "abc":
        ask(system, name)

    def grant(_: str) -> Grant | None:
        raise Problem("unavailable", "The store did not answer.", "Try again.")

    monkeypatch.setattr(system.store, "grant", grant)
    assert ask(system, "d")[1]["code"] == "unavailable"


def test_rev_12_a_flood_of_them_is_no_flood_of_records(system: System):
    for name in "abc":
        ask(system, name)
    for number in range(50):
        assert ask(system, f"x{number}")[0] == 429
    # Three that wait, those of the minute that say what was requested, and counts of the others.
    assert len(system.records()) <= 3 + system.config.limits.ungranted_requests_per_minute + 5


def test_pol_08_a_store_that_fails_takes_neither_quota_nor_token(system: System, monkeypatch: pytest.MonkeyPatch):
    def fails(key: str) -> None:
        raise Problem("unavailable", "The store does not answer.", "Ask again.")

    with monkeypatch.context() as failing:
        failing.setattr(system.store, "grant_lists", fails)
        assert ask(system)[0] == 503
    assert (system.store.taken, system.records()) == ({}, [])
    assert ask(system)[0] == 202


def test_rev_12_a_flood_of_equal_requests_is_no_flood_of_records(system: System):
    answers = [ask(system)[0] for _ in range(50)]
    most = system.config.limits.ungranted_requests_per_minute
    assert answers == [202] * (most + 1) + [429] * (50 - most - 1)


def test_rev_12_a_repeated_post_is_answered_though_too_many_wait(system: System):
    keyed = {"idempotency_key": "one"}
    first = ask(system, "a", **keyed)[1]["grant"]["id"]
    system.call(release_grant, grant_id=first)
    for name in "bcd":
        assert ask(system, name)[0] == 202
    assert ask(system, "a", **keyed)[1]["code"] == "grant_released"


def test_rev_12_of_many_equal_requests_at_once_one_is_opened(system: System):
    barrier, answers = threading.Barrier(8), []

    def one() -> None:
        barrier.wait()
        answers.append(ask(system))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {(status, body["grant"]["id"]) for status, body, _ in answers} == {(202, answers[0][1]["grant"]["id"])}
    assert len(system.reviews.started) == 1
    assert [each.state for each in system.store.grants.values()] == [State.PENDING]


def test_rev_12_an_allowed_request_reads_nothing_for_it(system: System):
    system.call(create_grant, REQUEST_BODY)
    assert system.store.log == ["create_grant"]


WRITE_FOR_ALL = """
@id("write-for-all") @approval("owners")
permit (principal, action == Jitney::Action::"Write", resource)
when { context.approvals.contains("owners") }
unless { resource.wildcard };
"""


def of_repository(number: int) -> str:
    """A token of the sample's repository, for an environment that its pusher made up."""
    claims = github_actions.SAMPLE | {"environment": f"made-up-{number}", "jti": str(number)}
    return minting.sign(minting.header_with(typ="JWT"), claims)


class TestReviewsOfAUnit:
    """Each review notifies people, so an accountable unit begins a limited number of them in an hour."""

    @pytest.fixture
    def system(self) -> System:
        config = configuration(POLICIES + WRITE_FOR_ALL)
        github = minting.issuer(
            "github",
            github_actions.SAMPLE["iss"],
            provider="github_actions",
            token="id",
            claims=ClaimRules(require={"repository_owner_id": ("583231",)}),
        )
        limits = replace(config.limits, reviews_per_hour=5)
        return System(config=replace(config, limits=limits, issuers={**config.issuers, "github": github}))

    def test_rev_12_a_flood_by_asking_and_withdrawing_ends_at_the_limit(self, system: System):
        answers = []
        for number in range(40):
            status, body, _ = ask(system, f"{number}.csv")
            answers.append((status, body.get("code")))
            if status == 202:
                assert system.call(release_grant, grant_id=body["grant"]["id"])[0] == 200
        limited = answers[5:]
        assert answers[:5] == [(202, None)] * 5
        assert set(limited) == {(429, "too_many_reviews"), (429, "rate_limited")}
        assert len(system.reviews.started) == len(system.store.grants) == 5
        refusals = [each for each in system.records() if each["outcome"] == "refused"]
        assert len(refusals) <= system.config.limits.ungranted_requests_per_minute + 4

    def test_rev_12_the_problem_says_which_unit_how_many_and_until_when(self, system: System):
        for number in range(5):
            ask(system, f"{number}.csv")
        status, body, headers = ask(system, "one-more.csv")
        assert (status, body["code"], body["limit"], body["unit"]) == (429, "too_many_reviews", 5, "corp.reader-agent")
        ends = 3600 - system.now % 3600
        assert headers["Retry-After"] == str(ends)
        assert body["retry_at"] in body["fix"]
        assert "reviews_per_hour" in body["fix"]
        system.now += ends
        assert ask(system, "one-more.csv", token=minting.token(iat=system.now, exp=system.now + 300))[0] == 202

    def test_rev_12_siblings_of_a_unit_share_its_limit_and_others_are_as_if_alone(self, system: System):
        """A repository's made-up environments are any number of principals; they are one unit."""
        answers = [ask(system, "x.csv", token=of_repository(number)) for number in range(300)]
        assert [status for status, _, _ in answers] == [202] * 5 + [429] * 295
        shown = (
            system.config.limits.ungranted_requests_per_minute
        )  # answers that reveal the decision, to all siblings together
        assert [body["code"] for _, body, _ in answers[5:]] == ["too_many_reviews"] * shown + ["rate_limited"] * (
            295 - shown
        )
        assert len({grant.principal for grant in system.store.grants.values()}) == 5
        assert ask(system, "x.csv")[0] == 202

    def test_rev_12_what_notifies_no_reviewer_is_not_counted(self, system: System):
        for _ in range(9):  # joined to the first
            assert ask(system, "same.csv")[0] == 202
        for _ in range(9):  # repeats of one call
            assert ask(system, "keyed.csv", Idempotency_Key="k")[0] == 202
        for number in range(3):
            assert ask(system, f"{number}.csv")[0] == 202
        assert ask(system, "one-more.csv")[1]["code"] == "too_many_reviews"
        assert ask(system, "same.csv")[0] == 202
        assert ask(system, "keyed.csv", Idempotency_Key="k")[0] == 202

    def test_rev_12_an_allowed_request_is_not_counted(self, system: System):
        for number in range(6):
            ask(system, f"{number}.csv")
        assert system.call(create_grant, REQUEST_BODY)[0] == 201
