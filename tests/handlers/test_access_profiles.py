"""Requests for access profiles, from the decision to the STS call (row POL 15)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import State
from jitney.core.access.profile_policy import content_of, profile_document
from jitney.core.access.request import Permission
from jitney.core.access.session_policy import SessionPolicyOptions
from jitney.core.access_profile import AccessProfile
from jitney.core.config import Config
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.report.wording import _request_rows
from jitney.core.review import wording
from jitney.core.review.content import content_hash
from jitney.core.review.selection import NarrowedApproval
from jitney.core.review.sheet import sheet_of
from jitney.handlers.credentials import create_credentials
from jitney.handlers.decisions import preview_decision
from jitney.handlers.grants import create_grant
from tests.core.report.recorded_grants import RecordedGrant, report_of
from tests.core.review.samples import under_review
from tests.fakes import ACTIONS
from tests.handlers.conftest import POLICIES, System, configuration, policies_of
from tests.handlers.review_browser import Browser, ReviewSystem, review_system
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot

PERMITTED = """
@id("deploy") @approval("owners")
permit (principal in Jitney::Group::"corp/data-readers", action, resource in Jitney::Target::"analytics-prod")
when { context.accessProfile == "deploy" && context.approvals.contains("owners") }
when { resource.wildcard || !resource.wildcard };
@id("open")
permit (principal in Jitney::Group::"corp/data-readers", action, resource in Jitney::Target::"analytics-prod")
when { context.accessProfile == "open" }
when { resource.wildcard || !resource.wildcard };
"""
CONTENT = (
    Permission(("s3:GetObject", "s3:PutObject"), ("arn:aws:s3:::state/*",)),
    Permission(("dynamodb:GetItem",), ("arn:aws:dynamodb:eu-west-1:444455556666:table/locks",)),
)


def profile(name: str, *permissions: Permission) -> AccessProfile:
    document = profile_document(permissions, ACTIONS, SessionPolicyOptions())
    arn = f"arn:aws:iam::444455556666:policy/jitney/jitney-profile-analytics-prod.{name}.{content_of(document)[:16]}"
    views = tuple({"actions": each.actions, "resources": each.resources} for each in permissions)
    return AccessProfile(views, content_of(document), arn)


def with_profiles(config: Config, **profiles: AccessProfile) -> Config:
    target = replace(config.targets["analytics-prod"], access_profiles=profiles)
    return replace(config, targets={"analytics-prod": target})


CONFIG = with_profiles(
    configuration(POLICIES + PERMITTED), deploy=profile("deploy", *CONTENT), open=profile("open", *CONTENT)
)
PRESENT = CONFIG.targets["analytics-prod"].access_profiles["open"]
CHANGED = with_profiles(CONFIG, deploy=profile("deploy", *CONTENT[:1]), open=profile("open", *CONTENT[:1]))


@pytest.fixture
def system() -> System:
    return System(config=CONFIG)


def body(name: str, **more: Any) -> dict[str, Any]:
    return {
        "target": "analytics-prod",
        "access_profile": name,
        "duration_seconds": 900,
        "reason": "a deployment",
    } | more


READING = [{"actions": ["s3:GetObject"], "resources": ["*"]}]


def test_pol_15_a_profile_is_granted_by_its_managed_policy_and_an_inline_policy_that_only_denies(system: System):
    status, answer, _ = system.call(create_grant, body("open"))
    assert status == 201
    (asked,) = system.sessions.asked
    assert asked.policy.managed_arns == (PRESENT.policy_arn,)
    assert [each["Effect"] for each in asked.policy.document()["Statement"]] == ["Deny"]
    assert answer["grant"]["access_profile"] == {"name": "open", "content": PRESENT.content}
    assert answer["grant"]["permissions"][0]["actions"] == ["s3:GetObject", "s3:PutObject"]


def test_pol_15_a_narrowed_profile_is_granted_without_what_was_removed(system: System):
    status, answer, _ = system.call(create_grant, body("open", permissions=READING))
    assert status == 201
    (asked,) = system.sessions.asked
    assert {"Effect": "Deny", "NotAction": "s3:GetObject", "Resource": "*"} in asked.policy.document()["Statement"]
    assert answer["grant"]["permissions"] == [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::state/*"]}]


def test_pol_15_the_policies_decide_about_each_permission_of_the_profile():
    forbidding = (
        PERMITTED + '@id("never-locks") forbid (principal, action, resource) when {context.service == "dynamodb"};'
    )
    config = replace(CONFIG, policies=replace(CONFIG.policies, text=POLICIES + forbidding))
    system = System(config=config)
    status, answer, _ = system.call(create_grant, body("open"))
    assert (status, answer["reasons"][0]["policy"]) == (403, "never-locks")
    assert answer["allowed_subset"] == [
        {"actions": ["s3:GetObject", "s3:PutObject"], "resources": ["arn:aws:s3:::state/*"]}
    ]
    assert system.call(create_grant, body("open", permissions=answer["allowed_subset"]))[0] == 201


def test_pol_15_a_verdict_on_a_profile_is_not_remembered_for_the_same_permissions_without_it(system: System):
    asked = body("open", permissions=READING)
    assert system.call(create_grant, asked)[0] == 201
    named = [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::state/*"]}]
    assert system.call(preview_decision, body("open", permissions=named))[1]["effect"] == "allow"
    del asked["access_profile"]
    assert system.call(preview_decision, asked | {"permissions": named})[1]["effect"] == "deny"


def test_pol_15_a_request_that_fits_no_profile_is_refused_with_the_place(system: System):
    asked = body("open", permissions=[{"actions": ["s3:DeleteObject"], "resources": ["*"]}])
    status, answer, _ = system.call(create_grant, asked)
    assert (status, answer["code"], answer["errors"][0]["pointer"]) == (400, "request_invalid", "/permissions/0")


def test_pol_15_the_calls_of_a_request_narrow_the_profile_too(system: System):
    asked = body("open", calls=["aws s3api get-object --bucket state --key app/x out"])
    status, answer, _ = system.call(create_grant, asked)
    assert (status, answer["grant"]["permissions"]) == (
        201,
        [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::state/app/x"]}],
    )
    assert answer["explanation"][0]["action"] == "s3:GetObject"


def test_pol_15_records_name_the_profile_with_its_content_and_summary(system: System):
    system.call(create_grant, body("open"))
    detail = json.loads(system.records()[0]["detail"])
    assert detail["access_profile"] == {
        "name": "open",
        "content": PRESENT.content,
        "summary": "3 actions of dynamodb, s3 (1 write, 2 read) on 2 resources",
    }


def test_pol_15_a_dry_run_shows_both_session_policies(system: System):
    _, answer, _ = system.call(preview_decision, body("open"))
    assert answer["session_policy_arns"] == [PRESENT.policy_arn]
    assert answer["session_policy_size"]["characters"] > len(PRESENT.policy_arn)


# A changed profile: nothing that was decided about the old content holds for the new one.


def test_rev_03_the_hash_that_a_vote_covers_has_the_profile_and_its_content(system: System):
    _, answer, _ = system.call(create_grant, body("deploy"))
    grant = system.store.grants[answer["grant"]["id"]]
    assert grant.state is State.PENDING
    assert grant.access_profile
    other = replace(grant, access_profile=grant.access_profile._replace(content="0" * 64))
    assert len({content_hash(each) for each in (grant, other, replace(grant, access_profile=None))}) == 3


def test_rev_03_credentials_of_a_changed_profile_are_not_renewed(system: System):
    _, answer, _ = system.call(create_grant, body("open"))
    grant_id = answer["grant"]["id"]
    assert system.call(create_credentials, grant_id=grant_id)[0] == 200
    changed = System(config=CHANGED, store=system.store)
    status, refused, _ = changed.call(create_credentials, grant_id=grant_id)
    assert (status, refused["code"]) == (409, "access_profile_changed")
    assert refused["access_profile"]["present_content"] != PRESENT.content
    assert changed.sessions.asked == []
    assert changed.outcomes()[-1] == ("issue", "refused", "access_profile_changed")


def test_rev_03_a_vote_on_a_changed_profile_grants_nothing(system: System):
    _, answer, _ = system.call(create_grant, body("deploy"))
    grant = system.store.grants[answer["grant"]["id"]]
    changed = System(config=CHANGED, store=system.store)
    with pytest.raises(Problem) as raised:
        vote(ballot(grant), changed.ports)
    assert raised.value.code == "access_profile_changed"
    assert system.store.grants[grant.id].state is State.PENDING


def test_rev_07_a_narrowed_approval_of_a_profile_is_issued_without_the_rest(system: System):
    _, answer, _ = system.call(create_grant, body("deploy"))
    grant = system.store.grants[answer["grant"]["id"]]
    narrowing = NarrowedApproval((Permission(("s3:GetObject",), ("arn:aws:s3:::state/*",)),), 600)
    vote(ballot(grant, narrowing=narrowing), system.ports)
    status, answer, _ = system.call(create_credentials, grant_id=grant.id)
    assert status == 200
    (asked,) = system.sessions.asked
    assert {"Effect": "Deny", "NotAction": "s3:GetObject", "Resource": "*"} in asked.policy.document()["Statement"]
    assert asked.policy.managed_arns == (CONFIG.targets["analytics-prod"].access_profiles["deploy"].policy_arn,)


# What people see, before and after their decision.


def test_sts_10_a_selection_whose_denials_do_not_fit_is_refused_before_it_counts():
    """What is left of an action is in the inline policy, which has 2,048 characters."""
    arns = tuple(f"arn:aws:s3:::state/a-folder-with-a-long-name/{number:03d}/*" for number in range(60))
    wide = profile("deploy", Permission(("s3:GetObject", "s3:PutObject"), arns))
    system = System(config=with_profiles(configuration(POLICIES + PERMITTED), deploy=wide))
    status, answer, _ = system.call(create_grant, body("deploy"))
    assert status == 202, answer
    grant = system.store.grants[answer["grant"]["id"]]
    most = (Permission(("s3:GetObject",), arns[1:]), Permission(("s3:PutObject",), arns))
    with pytest.raises(Problem, match="policy_too_large") as refused:
        vote(ballot(grant, narrowing=NarrowedApproval(most, 600)), system.ports)
    assert "whole actions" in refused.value.fix
    reads = (Permission(("s3:GetObject",), arns),)
    assert vote(ballot(grant, narrowing=NarrowedApproval(reads, 600)), system.ports).state is State.ACTIVE
    assert system.call(create_credentials, grant_id=grant.id)[0] == 200


def test_pol_15_a_profile_that_is_not_deployed_is_no_work_for_reviewers(system: System):
    system.sessions.trial_problem = Problem("access_profile_missing", "STS does not accept it.", "Deploy it.")
    status, answer, _ = system.call(create_grant, body("deploy"))
    assert (status, answer["code"]) == (502, "access_profile_missing")
    assert system.store.grants == {}


@pytest.fixture
def desk() -> ReviewSystem:
    reviewed = review_system()
    reviewed.system.ports.config = with_profiles(reviewed.system.ports.config, deploy=profile("deploy", *CONTENT))
    texts = replace(reviewed.system.ports.config.policies, text=POLICIES + PERMITTED)
    reviewed.system.ports.policies = policies_of(texts)
    return reviewed


SHOWN = "deploy, 3 actions of dynamodb, s3 (1 write, 2 read) on 2 resources, content "


def test_pol_15_the_page_shows_name_summary_hash_and_folds_out_all_of_the_profile(desk: ReviewSystem):
    _, answer, _ = desk.system.call(create_grant, body("deploy"))
    alice = Browser(desk)
    alice.sign_in("alice")
    page = alice.send("GET", f"/reviews/{answer['grant']['id']}").text
    assert SHOWN + answer["grant"]["access_profile"]["content"] in page
    folded = page[page.index("All 3 actions of this access profile") :].partition("</details>")[0]
    assert all(f"Allow <code>{action}</code>" in folded for each in CONTENT for action in each.actions)
    assert "deploy: " in alice.send("GET", "/reviews").text


def test_pol_15_every_channel_shows_the_profile(desk: ReviewSystem):
    _, answer, _ = desk.system.call(create_grant, body("deploy"))
    grant = desk.system.store.grants[answer["grant"]["id"]]
    sheet = sheet_of(under_review(grant), {}, ACTIONS, (), (), desk.system.now)
    (fact,) = [each.value for each in wording.detail_facts(sheet) if each.name == "Access profile"]
    assert fact == SHOWN + answer["grant"]["access_profile"]["content"]


def test_pol_15_the_report_shows_the_profile():
    detail = {"access_profile": {"name": "deploy", "content": "9f" * 32, "summary": "3 actions of s3 (3 read)"}}
    recorded = RecordedGrant().write(AuditEvent.REQUEST, Outcome.ALLOWED, detail=detail)
    report = report_of(recorded, [])
    assert report.access_profile == f"deploy, 3 actions of s3 (3 read), content {'9f' * 32}"
    rows = [row.text for row in _request_rows(report) if row.name == "access profile"]
    assert rows == [report.access_profile]
