"""Checking a target, with the handler as it is over in-memory adapters."""

import json

from jitney.handlers.target_checks import check_target
from tests.core.identity import minting
from tests.handlers.conftest import System


def operator() -> str:
    return minting.token(sub="carol", groups=["security"])


def checked(system: System, alias: str = "analytics-prod", token: str = ""):
    status, body, _ = system.call(check_target, alias=alias, token=token or operator())
    return status, body


def test_every_answer_as_expected_is_a_pass(system: System):
    status, body = checked(system)
    assert (status, body["passed"], body["target"], body["account"]) == (200, True, "analytics-prod", "444455556666")
    assert all(each["ok"] and each["fix"] == "" for each in body["attempts"])


def test_one_wrong_answer_comes_with_its_fix(system: System):
    system.target_checks.wrong = {"role_no_external_id": "allowed"}
    _, body = checked(system)
    (wrong,) = (each for each in body["attempts"] if not each["ok"])
    assert not body["passed"]
    assert (wrong["name"], wrong["expected"], wrong["answer"]) == ("role_no_external_id", ["AccessDenied"], "allowed")
    assert "trust policy" in wrong["fix"]


def test_sts_06_its_start_is_on_record_before_aws_is_asked_and_then_its_end(system: System):
    system.target_checks.wrong = {"revoker_writes": "AccessDenied"}
    _, body = checked(system)
    begun, ended = system.records()
    assert (begun["event"], begun["outcome"], ended["outcome"]) == ("target_check", "allowed", "failed")
    assert (begun["principal"], begun["target"]) == ("corp.carol", "analytics-prod")
    assert json.loads(begun["detail"]) == {"session": body["session"]}
    assert json.loads(ended["detail"])["wrong"] == {"revoker_writes": "AccessDenied"}
    assert (ended["chain"], ended["seq"], ended["prev"]) == (begun["chain"], 1, begun["hash"])
    system.target_checks.wrong = {}
    assert checked(system)[1]["passed"]
    assert system.outcomes()[2:] == [("target_check", "allowed", ""), ("target_check", "passed", "")]


def test_sts_06_without_a_record_nothing_is_tried(system: System):
    system.store.broken = True
    assert checked(system)[0] == 503
    assert system.target_checks.tried == []


def test_an_unanswered_check_is_a_problem_and_recorded(system: System):
    system.target_checks.broken = True
    status, body = checked(system)
    assert (status, body["code"]) == (503, "unavailable")
    assert system.outcomes()[-1] == ("target_check", "failed", "unavailable")


def test_only_operators_check_and_others_do_not_learn_which_targets_there_are(system: System):
    for alias in ("analytics-prod", "other"):
        status, body = checked(system, alias, minting.token())
        assert (status, body["code"]) == (403, "not_operator")
    assert system.target_checks.tried == []


def test_an_unknown_target_comes_with_the_closest_names(system: System):
    status, body = checked(system, "analytic-prod")
    assert (status, body["code"], body["alternatives"]) == (400, "target_unknown", ["analytics-prod"])
    assert "analytics-prod" in body["fix"]
    assert "analytics-prod" in checked(system, "zzz")[1]["fix"]
