"""Types that carry a rule of reviews or records: mypy reports each misuse below, or the test fails."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MISUSE = """
from dataclasses import replace
from jitney.adapters.store import Store
from jitney.core.access.credentials import SessionRequest
from jitney.core.access.grant import Grant, Vote
from jitney.core.access.suspensions import Suspensions
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.config import Config
from jitney.core.identity.principal import Principal
from jitney.core.review import approval_count, break_glass, recipients, reviewers, sheet, votes
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.notices import Notice
from jitney.core.review.vote_result import PolicyCheck, apply_vote
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.grant.grant_updates import GrantUpdate
from jitney.handlers.grant.issuance import issue_credentials
from jitney.handlers.pages.visits import FormVisit, Page, Visit, answer_page, pages, with_form
from jitney.handlers.runtime.ports import Ports

def judge(grant: Grant, config: Config, who: Principal, vote: Vote, groups: reviewers.Groups, ask: PolicyCheck) -> None:
    GrantUnderReview(grant)  # type: ignore[call-arg]
    GrantUnderReview(grant, None, Suspensions())  # type: ignore[arg-type]
    GrantUnderReview(grant, config)  # type: ignore[call-arg]
    replace(grant, current_agent_owners=())  # type: ignore[call-arg]
    reviewers.eligible_members("g", grant, groups, 0)  # type: ignore[arg-type]
    reviewers.can_be_approved(grant, groups)  # type: ignore[arg-type]
    reviewers.direct_members("g", grant, groups, 0)  # type: ignore[arg-type]
    reviewers.delegations_for("p", grant, groups, 0)  # type: ignore[arg-type]
    reviewers.votable_groups("p", grant, groups, 0)  # type: ignore[arg-type]
    reviewers.may_revoke(who, grant, groups, 0)  # type: ignore[arg-type]
    reviewers.reviewers(grant, groups, 0)  # type: ignore[arg-type]
    reviewers.require_reviewer(who, grant, groups, 0)  # type: ignore[arg-type]
    approval_count.with_counted_groups(vote, grant, groups, 0)  # type: ignore[arg-type]
    approval_count.represented_members(vote, "g", grant, groups)  # type: ignore[arg-type]
    votes.cast(grant, vote, groups)  # type: ignore[arg-type]
    votes.valid_approvals(grant, groups)  # type: ignore[arg-type]
    votes.approving_votes(grant)  # type: ignore[arg-type]
    apply_vote(grant, vote, None, groups, ask)  # type: ignore[arg-type]
    break_glass.activated_by_break_glass(grant, who, "", "", (), 0)  # type: ignore[arg-type]
    break_glass.break_glass_approvals(grant, ())  # type: ignore[arg-type]
    break_glass.may_follow_up("p", grant, groups, operator=True)  # type: ignore[arg-type]
    break_glass.involved_people(grant)  # type: ignore[arg-type]
    break_glass.all_possible_reviewers(grant, groups)  # type: ignore[arg-type]
    recipients.recipients(Notice.REQUESTED, grant, groups, 0)  # type: ignore[arg-type]

def compares_names(grant: Grant, vote: Vote, who: Principal, review: GrantUnderReview) -> bool:
    first = vote.human == who.source_identity  # type: ignore[comparison-overlap]
    second = who.source_identity in review.requesters  # type: ignore[comparison-overlap]
    third = grant.human == who.human or vote.human == who.identity
    return first or second or third or review.suspensions.covers_person(who.source_identity)  # type: ignore[arg-type]

def issue(grant: Grant, session: SessionRequest, call: AuthenticatedRequest) -> None:
    GrantUpdate(grant)  # type: ignore[call-arg]
    issue_credentials(grant, session, call)  # type: ignore[arg-type]

def changes(visit: FormVisit) -> Page:
    return Page(303)

def reads_a_form(visit: Visit) -> str:
    return str(visit.form("verdict"))  # type: ignore[attr-defined]

def serve(ports: Ports) -> None:
    pages({"/reviews": changes}, {}, ())  # type: ignore[dict-item]
    answer_page(changes, {}, ports)  # type: ignore[arg-type]
    pages({}, {"/reviews": changes}, ())
    answer_page(with_form(changes), {}, ports)
"""


def test_rev_05_mypy_refuses_a_grant_without_its_configuration_and_a_form_without_its_check(tmp_path: Path):
    misuse = tmp_path / "misuse.py"
    misuse.write_text(MISUSE, encoding="utf-8")
    # Its own process: a worker of the tests would keep the gigabytes that mypy takes.
    mypy = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(misuse)]
    checked = subprocess.run(mypy, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
