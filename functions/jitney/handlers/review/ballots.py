"""Checks one vote from any channel, writes it with its record, and carries out its decision (REV 3-7)."""

from collections.abc import Collection
from dataclasses import dataclass

from jitney.adapters.transactions import Conflict
from jitney.core.access.current_names import has_current_names
from jitney.core.access.decision import Decision
from jitney.core.access.grant import Grant, State, Vote, VoteVerdict
from jitney.core.access.profile_policy import access_policy
from jitney.core.access.request import permissions_view
from jitney.core.identity.principal import Principal
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.policy.decide import decide
from jitney.core.problems import Problem
from jitney.core.quotas import narrowing_quota
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.core.records.refusal_counts import refusal_of
from jitney.core.review.approvals_in_force import inherited_approvals
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.reviewers import delegations_for, require_reviewer
from jitney.core.review.safe_text import escape_invisible
from jitney.core.review.selection import NarrowedApproval
from jitney.core.review.vote_result import VoteResult, apply_vote
from jitney.core.target_config import Target
from jitney.handlers.caller.earlier_approvals import EarlierApprovalsOfGrant
from jitney.handlers.caller.other_grants import OtherGrantsLookup
from jitney.handlers.caller.refusals import count_refused
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.grant.grant_windows import grant_windows
from jitney.handlers.grant.issuance import target_of
from jitney.handlers.grant.responses import deciding_policies, used_up_problem
from jitney.handlers.review.current_reviewers import current_reviewers
from jitney.handlers.review.under_review import under_review
from jitney.handlers.review.workflow import resume_workflow
from jitney.handlers.runtime.ports import Ports

_LONGEST_ADDRESS = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
"""Stands for the agent's address, which is not known before the agent fetches credentials."""
REQUEST_AGAIN = "The request cannot be approved any more. Reject it, and the agent can make another request."
OUTCOMES = {VoteVerdict.APPROVE: Outcome.APPROVED, VoteVerdict.REJECT: Outcome.REJECTED}


@dataclass(frozen=True, slots=True)
class Ballot:
    """A vote as a reviewer submits it.

    `content` is the hash of the grant that the reviewer saw. `comment` is the reviewer's text. `vote` masks and cuts
    it.
    """

    grant_id: str
    voter: Principal
    verdict: VoteVerdict
    content: str
    comment: str
    via: str
    origin: Origin
    narrowing: NarrowedApproval | None = None


def comment_of(verdict: VoteVerdict, text: str) -> str:
    """Return a reviewer's comment. Raises Problem request_invalid for a rejection without one."""
    if verdict is VoteVerdict.REJECT and not escape_invisible(text):
        raise Problem(
            "request_invalid",
            "A rejection needs a comment.",
            "Write the reason for the rejection (`comment`) in a few words. The agent sees it.",
        )
    return text


def vote(ballot: Ballot, ports: Ports, *, may_grant: bool) -> Grant:
    """Record the vote and return the changed grant.

    Resume the workflow if the request is decided or narrowed, or if its review is restarted.

    If policies now need other reviewers, the vote that would have completed the approvals restarts the review. That
    vote is recorded, and all votes are discarded. Raises Problem: grant_not_found, suspended, human_required,
    own_request, not_reviewer, not_narrower, selection_denied, policy_too_large, review_changed, review_ended,
    rate_limited, grant_conflict, unavailable. Refused votes are counted in the records.

    `may_grant` says whether the reviewer saw what the approval would grant: `covered_by` returned it, or Slack showed
    it. Otherwise, an approval that would count now is refused with review_changed. For example, policies denied the
    request until another grant of the agent ended.
    """
    grant = _voted_grant(ballot, ports)
    comment = ports.masked_comment(ballot.comment, grant.owner_key)
    result: VoteResult | None = None
    resumes = False

    def change(before: Grant) -> GrantUpdate | None:
        nonlocal result, resumes
        result = _result(before, ballot, comment, ports)
        if result and ballot.verdict is VoteVerdict.APPROVE and not may_grant and _counts(result):
            raise _unconfirmed(grant, ballot, ports)
        # A vote on a decided request resumes the workflow too: the function of the deciding vote may have failed
        # before.
        resumes = result.changes_workflow(before) if result else before.state is not State.PENDING
        if result is None:
            return None
        narrows = result.grant.narrowed_at != before.narrowed_at
        quotas = (narrowing_quota(grant.id, ports.now()),) if narrows else ()
        return GrantUpdate(result.grant, _record(result, ballot, comment, ports), quotas=quotas)

    try:
        after = update_grant(grant, change, ports, _conflict)
    except Conflict as used:
        problem = _narrowed_too_often(grant, ports.now())
        _count_refusal(grant.id, ballot, problem, ports)
        raise problem from used
    if resumes:
        resume_workflow(after, ports)
    if result and result.restarted:
        groups = ", or ".join(" and ".join(each) for each in after.reviews)
        detail = f"Policies changed: the request now needs approval by {groups}, and earlier votes no longer count."
        raise Problem("review_changed", detail, "Read the request again, then vote.")
    return after


def covered_by(ballot: Ballot, ports: Ports) -> Grant | None:
    """Return the grant that an approval covers. None for a rejection, or if the approval would grant nothing.

    Writes nothing. Raises the problems of `vote` except those of writing. Refused votes are counted in the records.
    """
    if ballot.verdict is not VoteVerdict.APPROVE:
        return None
    grant = _voted_grant(ballot, ports)
    result = _result(grant, ballot, ports.masked_comment(ballot.comment, grant.owner_key), ports)
    return result.voted_on if result and _counts(result) else None


def _voted_grant(ballot: Ballot, ports: Ports) -> Grant:
    """Return the grant of the vote. Raises Problem grant_not_found, after counting the refusal."""
    grant = ports.store.grant(ballot.grant_id)
    if grant is None:
        problem = Problem("grant_not_found", "There is no request with this id.", "Check the link.")
        _count_refusal("", ballot, problem, ports)
        raise problem
    return grant


def _counts(result: VoteResult) -> bool:
    """Return whether an approval counts. Otherwise it ends a request that policies deny."""
    return result.grant.state is not State.FAILED


def _unconfirmed(grant: Grant, ballot: Ballot, ports: Ports) -> Problem:
    """Count the refused vote, and return its problem."""
    detail = "When your approval arrived, it would have granted nothing. Now it would count."
    problem = Problem("review_changed", detail, "Read the request again, then vote.")
    _count_refusal(grant.id, ballot, problem, ports)
    return problem


def _narrowed_too_often(grant: Grant, now: int) -> Problem:
    quota = narrowing_quota(grant.id, now)
    detail = f"This request was narrowed {quota.most} times in this hour, which is the limit."
    return used_up_problem("rate_limited", quota, detail, "Otherwise, approve it as it is now, or reject it.", now)


def _conflict() -> Problem:
    return Problem(
        "grant_conflict", "The request kept changing during this call.", "Read the request again, then vote."
    )


def _result(grant: Grant, ballot: Ballot, comment: MaskedComment, ports: Ports) -> VoteResult | None:
    """Return the effect of the vote on the grant, or None for no effect. Count a refused vote."""
    try:
        review = under_review(grant, ports, ports.suspensions.current())
        result = _applied(review, ballot, comment, ports)
    except Problem as problem:
        _count_refusal(grant.id, ballot, problem, ports)
        raise
    return None if result.grant is review.grant else result


def _applied(review: GrantUnderReview, ballot: Ballot, comment: MaskedComment, ports: Ports) -> VoteResult:
    now, groups, voter = ports.now(), current_reviewers(ports, review.suspensions), ballot.voter
    require_reviewer(ballot.voter, review, groups, now)
    delegations = delegations_for(voter.source_identity, review, groups, now)
    given = Vote(voter.identity, ballot.verdict, ballot.content, comment, now, ballot.via, delegations)
    result = apply_vote(
        review, given, ballot.narrowing, groups, lambda after, by: decision_on(review.with_grant(after), by, ports)
    )
    if result.voted_on.permissions != review.grant.permissions:
        _require_fitting(result.voted_on, ports)
    return result


def _require_fitting(narrowed: Grant, ports: Ports) -> None:
    """Raise Problem, such as policy_too_large, if no session policy can hold a narrowed request (STS 10).

    Before the review, only the size of the whole request was tried. A part can need more characters, because its
    actions no longer share their resources.
    """
    target = _target_of(narrowed, ports)
    end, terms = ports.now() + narrowed.duration_seconds, (narrowed.way, _LONGEST_ADDRESS)
    try:
        access_policy(narrowed.permissions, narrowed.access_profile, target, end, ports.actions, *terms)
    except Problem as problem:
        fix = "Leave out whole actions or whole resources, approve all of the request, or reject it."
        if narrowed.access_profile:
            fix = "Leave out whole actions, approve all of the request, or reject it."
        raise Problem(problem.code, f"What you selected cannot be granted. {problem.detail}", fix) from problem


def decision_on(review: GrantUnderReview, approvals: Collection[str], ports: Ports) -> Decision:
    """Return the policy's current decision about a grant with these approvals.

    Raises Problem, with a fix for reviewers.
    """
    grant = review.grant
    config, who = ports.config, requesting_principal(grant, ports)
    target = _target_of(grant, ports)
    return decide(
        who,
        grant.as_request(inherited_approvals(review, ports.now())),
        target,
        ports.policies,
        ports.actions,
        config.limits,
        config.reviewers,
        approvals,
        OtherGrantsLookup(ports, who, target.account, ports.now(), grant.call.grant_id if grant.call else grant.id),
        EarlierApprovalsOfGrant(ports, review.suspensions, review.parent or grant, ports.now()),
        windows=grant_windows(config, ports.now(), grant),
    )


def _target_of(grant: Grant, ports: Ports) -> Target:
    """Return the target of a grant under review. Raises Problem, with a fix for reviewers."""
    try:
        return target_of(grant, ports.config)
    except Problem as problem:
        raise Problem(problem.code, problem.detail, REQUEST_AGAIN) from problem


def requesting_principal(grant: Grant, ports: Ports) -> Principal:
    """Return the principal that requested the grant, as it was at the request. Raises Problem review_ended."""
    issuer = ports.config.issuers.get(grant.issuer_name)
    if issuer is None or issuer.issuer != grant.issuer:
        detail = f"The requester's issuer {grant.issuer_name!r} is no longer configured."
        raise Problem("review_ended", detail, REQUEST_AGAIN)
    if not has_current_names(grant, ports.config):
        detail = "In jitney.yaml, the name of the requester or of its human changed after the request."
        raise Problem("review_ended", detail, REQUEST_AGAIN)
    return Principal(
        issuer=grant.issuer,
        issuer_name=issuer.name,
        subject=grant.subject,
        kind="human" if issuer.kind == "human" else "agent",
        groups=frozenset(grant.groups),
        display=grant.subject,
        source_identity=grant.principal,
        unit=grant.unit,
        human=grant.human,
        agent_owners=grant.agent_owners,
        facts=grant.facts,
        tags=grant.tags,
    )


def _record(result: VoteResult, ballot: Ballot, comment: MaskedComment, ports: Ports) -> audit.AuditRecord:
    grant, voter = result.voted_on, ballot.voter
    given = next((each.delegations for each in grant.votes if each.human == voter.identity), ())
    detail = {
        "by": voter.source_identity,
        "delegations": [each.view() for each in given],
        "comment": comment,
        "via": ballot.via,
        "content": content_hash(grant),
        "permissions": permissions_view(grant.permissions),
        "approvals": grant.approvals,
        "state": str(grant.state),
        **({"this_time_only": True} if grant.this_time_only else {}),
        **({"waited_seconds": ports.now() - grant.created_at} if grant.state is not State.PENDING else {}),
        **({"review_restarted": result.grant.reviews} if result.restarted else {}),
    }
    policies = deciding_policies(result.decision) if result.decision else {}
    members = {"code": result.code, "detail": detail, **policies}
    return audit.grant_record(AuditEvent.VOTE, OUTCOMES[ballot.verdict], grant, ballot.origin, ports.now(), **members)


def _count_refusal(grant_id: str, ballot: Ballot, problem: Problem, ports: Ports) -> None:
    """Count a refused vote. It has no record of its own, because a voter could repeat it endlessly."""
    about = refusal_of(ballot.voter, problem.code, ballot.origin, AuditEvent.VOTE, grant_id)
    count_refused(about, ports, ports.now(), ballot.origin.request_id)
