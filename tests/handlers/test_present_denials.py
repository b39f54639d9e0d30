"""A pending request that present policies or limits deny says so before a reviewer approves it (REV 10, POL 1)."""

import itertools
import re
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.config import ReviewerGroup
from jitney.core.time_window_config import TimeWindow
from jitney.core.times import format_time, iso
from jitney.handlers.review.break_glass import policies_permit_break_glass
from jitney.handlers.review.terminal_votes import vote_from_terminal
from jitney.handlers.review_reads import show_review
from tests.handlers.review_browser import Browser, ReviewSystem
from tests.handlers.slack_workspace import SlackSystem
from tests.handlers.test_break_glass import SETTINGS
from tests.handlers.test_reconfigured_grants import LOST, POLICIES, Change, person, policies_are
from tests.handlers.test_review_pages import TWO, pending, stored
from tests.handlers.test_terminal_reviews import call, own_token, terminal_desk

DENIED = "Policies deny this request now: "


@pytest.fixture
def desk() -> ReviewSystem:
    return terminal_desk()


def shown_of(desk: ReviewSystem, grant: Grant) -> dict[str, Any]:
    review: dict[str, Any] = call(desk, show_review, grant, own_token(desk))[1]["review"]
    return review


def page_of(alice: Browser, grant: Grant) -> str:
    return without_times(alice.send("GET", f"/reviews/{grant.id}").text)


def without_times(page: str) -> str:
    """The page without the elements around its times."""
    return re.sub("</?time[^>]*>", "", page)


def stopped(desk: ReviewSystem) -> None:
    policies_are(desk, '@id("stopped") @advice("The reports are closed.") forbid (principal, action, resource);')


def frozen(desk: ReviewSystem | SlackSystem, opens: int, closes: int) -> None:
    """Deny everything in a window. Its times are seconds from now."""
    now, config = desk.system.now, desk.system.ports.config
    freeze = {"freeze": TimeWindow("UTC", (), ((now + opens, now + closes),))}
    desk.system.ports.config = replace(config, time_windows=freeze)
    policies_are(
        desk,
        """@id("freeze") @advice("Changes wait.") forbid (principal, action, resource)
        when { context.timeWindows.contains("freeze") };""",
    )


def no_deletion(desk: ReviewSystem) -> None:
    policies_are(
        desk,
        """@id("kept") @advice("Reports are kept.") forbid (principal, action, resource)
        when { context.action == "s3:DeleteObject" && resource.arn like "*/b" };""",
    )


def shorter(desk: ReviewSystem) -> None:
    config = desk.system.ports.config
    desk.system.ports.config = replace(config, limits=replace(config.limits, max_duration_seconds=480))


def shorter_by_policy(desk: ReviewSystem) -> None:
    policies_are(
        desk,
        """@id("brief") @advice("For eight minutes.") forbid (principal, action, resource)
        when { context.durationSeconds > 480 };""",
    )


def test_rev_10_a_request_that_policies_deny_now_is_only_rejected(desk: ReviewSystem):
    alice, grant = person(desk, "alice"), pending(desk)
    stopped(desk)
    page, shown = page_of(alice, grant), shown_of(desk, grant)
    assert (page.count(DENIED), page.count(LOST), 'value="approve' in page) == (1, 1, False)
    assert "is forbidden. The reports are closed." in page
    assert shown["undecidable"].startswith(DENIED)
    assert (shown["undecidable"].endswith(LOST), shown["part_only"]) == (True, "")
    form = alice.first_form(grant.id, "reject") | {"comment": "closed"}
    assert alice.send("POST", f"/reviews/{grant.id}", form).status == 303
    assert stored(desk, grant).state is State.REJECTED
    assert DENIED not in page_of(alice, grant)


@pytest.mark.parametrize("seconds_left", [1, 0])
def test_rev_10_a_request_in_a_freeze_can_be_approved_after_it(desk: ReviewSystem, seconds_left: int):
    """Unless its review ends before that."""
    alice, grant = person(desk, "alice"), pending(desk)
    closes = grant.expires_at - desk.system.now - seconds_left
    frozen(desk, -60, closes)
    page, shown = page_of(alice, grant), shown_of(desk, grant)
    when = format_time(desk.system.now + closes)
    before = f"The request cannot be approved before {when}"
    over = f"{before}, and its review ends before that: reject it, and the agent can make another request."
    expected = f"{before}: open it again then, or reject it." if seconds_left else over
    assert shown["undecidable"].endswith(f"is forbidden. Changes wait. {expected}")
    assert (shown["part_only"], expected in page, 'value="approve' in page, LOST in page) == ("", True, False, False)
    assert shown["approvable_from"] == (iso(desk.system.now + closes) if seconds_left else None)
    desk.system.now += closes
    assert (DENIED in page_of(alice, grant), 'value="approve"' in page_of(alice, grant)) == (False, bool(seconds_left))


def test_pol_01_an_approval_from_an_earlier_page_in_a_freeze_leaves_the_request_pending(desk: ReviewSystem):
    alice, grant = person(desk, "alice"), pending(desk)
    form, content = alice.first_form(grant.id), shown_of(desk, grant)["content"]
    frozen(desk, -60, 600)
    answer = alice.send("POST", f"/reviews/{grant.id}", form)
    fix = f"Approve it from {format_time(desk.system.now + 600)} on, or reject the request."
    assert (answer.status, fix in without_times(answer.text)) == (403, True)
    body = {"verdict": "approve", "content": content}
    status, problem = call(desk, vote_from_terminal, grant, own_token(desk), **body)
    assert (status, problem["code"], problem["fix"], stored(desk, grant)) == (403, "selection_denied", fix, grant)


def test_rev_10_a_selection_in_a_freeze_names_its_end(desk: ReviewSystem):
    alice, grant = person(desk, "alice"), pending(desk, TWO)
    form = alice.first_form(grant.id, "approve_selected") | {"seconds": "60"}
    frozen(desk, -60, 600)
    answer = alice.send("POST", f"/reviews/{grant.id}", form)
    assert (answer.status, stored(desk, grant)) == (403, grant)
    later = format_time(desk.system.now + 600)
    assert f">Approve it from {later} on, or reject the request." in without_times(answer.text)


def test_rev_10_an_approval_before_a_freeze_is_refused_with_what_would_pass(desk: ReviewSystem):
    """All of it passes for less time or later, and less of it in the freeze."""
    alice, grant = person(desk, "alice"), pending(desk, TWO, duration_seconds=600)
    form = alice.first_form(grant.id)
    frozen(desk, 420, 900)
    later = f"approve it from {format_time(desk.system.now + 900)} on, or reject the request."
    answer = alice.send("POST", f"/reviews/{grant.id}", form)
    assert f">Select at most 6 minutes, {later}" in without_times(answer.text)
    policies_are(
        desk,
        """@id("freeze") forbid (principal, action, resource)
        when { context.timeWindows.contains("freeze") && context.action == "s3:DeleteObject" };""",
    )
    desk.system.now += 420
    assert f">Select less, {later}" in without_times(alice.send("POST", f"/reviews/{grant.id}", form).text)
    assert stored(desk, grant) == grant


def test_pol_01_a_selection_that_is_denied_whole_is_refused_with_other_ways_out(desk: ReviewSystem):
    alice, grant = person(desk, "alice"), pending(desk, TWO)
    form = alice.first_form(grant.id, "approve_selected") | {"seconds": "60"}
    stopped(desk)
    answer = alice.send("POST", f"/reviews/{grant.id}", form)
    assert ">Select something else, or reject the request." in answer.text


@pytest.mark.parametrize("shorten", [shorter, shorter_by_policy])
def test_rev_10_a_request_that_is_too_long_now_is_approved_for_less(desk: ReviewSystem, shorten: Change):
    alice, grant = person(desk, "alice"), pending(desk, duration_seconds=600)
    shorten(desk)
    page, shown = page_of(alice, grant), shown_of(desk, grant)
    part = "Only a part of it can be approved: for at most 8 minutes."
    assert (part in page, shown["part_only"].endswith(part), shown["undecidable"]) == (True, True, "")
    assert 'value="approve"' not in page
    assert ('<option value="480">' in page, '<option value="600">' in page) == (True, False)
    form = alice.first_form(grant.id, "approve_selected")
    assert form["seconds"] == "480"
    assert alice.decide(f"/reviews/{grant.id}", form).status == 303
    assert (stored(desk, grant).state, stored(desk, grant).duration_seconds) == (State.ACTIVE, 480)


def test_rev_10_what_policies_deny_of_a_request_is_not_selected(desk: ReviewSystem):
    alice, grant = person(desk, "alice"), pending(desk, TWO)
    no_deletion(desk)
    page = page_of(alice, grant)
    assert "Only a part of it can be approved: without s3:DeleteObject on arn:aws:s3:::reports/b." in page
    assert page.count("(policies deny it)") == page.count(" disabled>") == 1
    bar = page.partition('class="bar"')[2]
    assert bar.index("Select permissions…") < bar.index("Reject…")
    assert alice.decide(f"/reviews/{grant.id}", alice.first_form(grant.id, "approve_selected")).status == 303
    after = stored(desk, grant)
    pairs = {(pair.action, pair.resource[-1]) for each in after.permissions for pair in each.pairs()}
    assert after.state is State.ACTIVE
    assert pairs == {("s3:PutObject", "a"), ("s3:PutObject", "b"), ("s3:DeleteObject", "a"),
                     ("s3:AbortMultipartUpload", "a")}  # fmt: skip


def test_pol_01_a_selection_that_policies_deny_leaves_the_request_pending(desk: ReviewSystem):
    """The reviewer can select less. An approval of all of it fails the request."""
    alice, grant = person(desk, "alice"), pending(desk, TWO)
    before = alice.first_form(grant.id, "approve_selected") | {"seconds": "60"}
    no_deletion(desk)
    records = desk.system.records()
    answer = alice.send("POST", f"/reviews/{grant.id}", before)
    assert (answer.status, "Policies deny what you selected: " in answer.text) == (403, True)
    body = {"verdict": "approve", "content": shown_of(desk, grant)["content"], "duration_seconds": 60}
    status, problem = call(desk, vote_from_terminal, grant, own_token(desk), **body)
    assert (status, problem["code"], problem["fix"]) == (403, "selection_denied", "Select less, or reject the request.")
    assert stored(desk, grant) == grant
    refused = [(each["outcome"], each["code"], each["principal"]) for each in desk.system.records()[len(records) :]]
    assert refused == [("refused", "selection_denied", "staff.alice")] * 2


@pytest.mark.parametrize("change", [stopped, no_deletion, shorter])
def test_pol_01_an_approval_from_an_earlier_page_fails_the_request_without_a_second_step(
    desk: ReviewSystem, change: Change
):
    alice, grant = person(desk, "alice"), pending(desk, TWO, duration_seconds=600)
    form = alice.first_form(grant.id)
    change(desk)
    assert alice.send("POST", f"/reviews/{grant.id}", form).status == 303
    assert stored(desk, grant).state is State.FAILED


def permitted_after(desk: ReviewSystem, reads: int) -> None:
    """Let policies deny the request for this number of `reads`, as if another grant of the agent ended then."""
    permitted, read, count = desk.system.ports.policies, desk.system.store.grant, itertools.count(1)
    stopped(desk)

    def grant(grant_id: str) -> Grant | None:
        if next(count) > reads:
            desk.system.ports.__dict__["policies"] = permitted
        return read(grant_id)

    desk.system.store.grant = grant  # type: ignore[method-assign]


def test_rev_14_an_approval_that_policies_permit_only_now_does_not_count_without_a_second_step(desk: ReviewSystem):
    alice, grant = person(desk, "alice"), pending(desk, TWO)
    form, read = alice.first_form(grant.id), desk.system.store.grant
    permitted_after(desk, 2)
    answer = alice.send("POST", f"/reviews/{grant.id}", form)
    desk.system.store.grant = read  # type: ignore[method-assign]
    assert (answer.status, "Now it would count." in answer.text, stored(desk, grant)) == (409, True, grant)
    record = desk.system.records()[-1]
    assert (record["event"], record["code"], record["outcome"]) == ("vote", "review_changed", "refused")


def test_rev_14_an_approval_from_a_terminal_that_policies_permit_only_now_does_not_count(desk: ReviewSystem):
    grant = pending(desk, TWO)
    content, read = shown_of(desk, grant)["content"], desk.system.store.grant
    permitted_after(desk, 2)
    status, problem = call(desk, vote_from_terminal, grant, own_token(desk), verdict="approve", content=content)
    desk.system.store.grant = read  # type: ignore[method-assign]
    assert (status, problem["code"], stored(desk, grant)) == (409, "review_changed", grant)


def test_rev_04_the_second_reviewer_sees_what_policies_deny_since_the_first_vote(desk: ReviewSystem):
    owners = ReviewerGroup(("staff.alice", "staff.bob"), approvals=2)
    desk.system.ports.config = replace(desk.system.ports.config, reviewers={"owners": owners})
    alice, grant = person(desk, "alice"), pending(desk)
    assert alice.decide(f"/reviews/{grant.id}", alice.first_form(grant.id)).status == 303
    stopped(desk)
    for name in ("alice", "bob"):
        page = page_of(person(desk, name), grant)
        assert (DENIED in page, 'value="approve' in page, "More votes are needed." in page) == (True, False, False)


def test_rev_10_a_page_in_a_freeze_says_which_approvals_are_needed_after_it(desk: ReviewSystem):
    owners = ReviewerGroup(("staff.alice", "staff.bob"), approvals=2)
    desk.system.ports.config = replace(desk.system.ports.config, reviewers={"owners": owners})
    alice, grant = person(desk, "alice"), pending(desk)
    frozen(desk, -60, 600)
    later = f"From {format_time(desk.system.now + 600).partition(' ')[2]} on, you can approve it."
    assert f"{later} More approvals are needed." in page_of(alice, grant)
    desk.system.now += 600
    alice.decide(f"/reviews/{grant.id}", alice.first_form(grant.id))
    frozen(desk, -60, 600)
    own = page_of(person(desk, "alice"), grant)
    assert ("More votes are needed. You can still change yours." in own, "you can approve it" in own) == (True, False)
    assert "on, you can approve it. No other approval is needed." in page_of(person(desk, "bob"), grant)
    frozen(desk, -60, grant.expires_at - desk.system.now)
    for name in ("alice", "bob"):
        page = page_of(person(desk, name), grant)
        assert ('id="reject"' in page, " needed." in page.partition('class="bar"')[0]) == (True, False)
        assert "you can approve it" not in page


@pytest.mark.parametrize(("seconds", "offered"), [(480, True), (540, False)])
def test_rev_08_break_glass_is_offered_if_its_shorter_time_is_permitted(
    desk: ReviewSystem, seconds: int, *, offered: bool
):
    glass = SETTINGS._replace(max_duration_seconds=seconds)
    desk.system.ports.config = replace(desk.system.ports.config, break_glass=glass)
    gina, grant = person(desk, "gina"), pending(desk, duration_seconds=600)
    assert 'id="break-glass"' in page_of(gina, grant)
    shorter(desk)
    assert ('id="break-glass"' in page_of(gina, grant)) is offered


def test_rev_08_break_glass_is_not_offered_if_a_policy_forbids_it(desk: ReviewSystem):
    desk.system.ports.config = replace(desk.system.ports.config, break_glass=SETTINGS)
    gina, grant = person(desk, "gina"), pending(desk)
    policies_are(
        desk,
        """@id("never") forbid (principal, action, resource) when { context.approvals.contains("break-glass") };""",
    )
    assert 'id="break-glass"' not in page_of(gina, grant)
    assert 'value="approve"' in page_of(person(desk, "alice"), grant)


def test_rev_08_policies_permit_no_break_glass_that_is_not_configured(desk: ReviewSystem):
    assert not policies_permit_break_glass(pending(desk), desk.system.ports)


LEGAL = """@id("law") @approval("legal") forbid (principal, action == Jitney::Action::"Write", resource)
unless { context.approvals.contains("legal") };"""


@pytest.mark.parametrize("member", ["staff.lara", "staff.alice"])
def test_rev_03_a_page_says_that_policies_need_other_reviewers_now(desk: ReviewSystem, member: str):
    alice, grant = person(desk, "alice"), pending(desk)
    assert "No other approval is needed." in page_of(alice, grant)
    config = desk.system.ports.config
    desk.system.ports.config = replace(config, reviewers={**config.reviewers, "legal": ReviewerGroup((member,))})
    policies_are(desk, LEGAL)
    said = (
        "Policies changed, and now need approval by legal and owners. "
        "The approval that would complete this review restarts it with these reviewers instead."
    )
    page, shown = page_of(alice, grant), shown_of(desk, grant)
    assert (said in page, {"name": "Other reviewers", "value": said} in shown["details"]) == (True, True)
    assert ('value="approve"' in page, "No other approval is needed." in page) == (True, False)
    answer = alice.decide(f"/reviews/{grant.id}", alice.first_form(grant.id))
    assert ("review_changed" in answer.text, stored(desk, grant).reviews) == (True, (("legal", "owners"),))
    assert "restarts it" not in page_of(alice, grant)


def test_rev_03_a_page_says_that_no_reviewer_is_left_when_a_group_was_renamed(desk: ReviewSystem):
    grant, carol = pending(desk), person(desk, "carol", "security")  # an operator
    config = desk.system.ports.config
    desk.system.ports.config = replace(config, reviewers={"keepers": config.reviewers["owners"]})
    policies_are(desk, "", POLICIES.replace("owners", "keepers"))
    said = "Policies changed, and now need approval by keepers. The request cannot be approved any more."
    page = page_of(carol, grant)
    assert (said in page, "restarts it" in page) == (True, False)


def test_rev_10_a_review_that_no_approval_can_complete_is_only_rejected(desk: ReviewSystem):
    """One of the two groups that it needs was renamed. Members of the other one can still vote."""
    config = desk.system.ports.config
    owners, bob = config.reviewers["owners"], ReviewerGroup(("staff.bob",))
    desk.system.ports.config = replace(config, reviewers={"owners": owners, "legal": bob})
    policies_are(desk, LEGAL)
    grant, alice = pending(desk), person(desk, "alice")
    assert grant.reviews == (("legal", "owners"),)
    desk.system.ports.config = replace(config, reviewers={"owners": owners, "law": bob})
    policies_are(desk, LEGAL.replace("legal", "law"))
    page, shown = page_of(alice, grant), shown_of(desk, grant)
    why = f"Policies changed, and now need approval by law and owners. {LOST}"
    assert (why in page, shown["undecidable"]) == (True, why)
    assert ('value="approve' in page, 'id="reject"' in page) == (False, True)


def test_rev_03_a_page_names_no_other_reviewers_if_its_own_suffice(desk: ReviewSystem):
    alice, grant = person(desk, "alice"), pending(desk)
    policies_are(desk, '@id("more") permit (principal, action, resource) when { context.durationSeconds < 10 };')
    page = page_of(alice, grant)
    assert ("restarts it" in page, "No other approval is needed." in page) == (False, True)
