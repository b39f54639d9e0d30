"""One vote, from wherever it comes: checked, written with its record, and followed by what it decides (REV 3-7)."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from jitney.adapters.store import StaleWrite
from jitney.core import audit
from jitney.core.access.grant import Grant, State, Vote, VoteVerdict
from jitney.core.access.request import Permission
from jitney.core.access.request_body import MAX_REASON
from jitney.core.audit import AuditEvent, Origin, Outcome
from jitney.core.identity.principal import Principal
from jitney.core.policy.decide import decide
from jitney.core.policy.decision import Decision, Effect
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.reviewers import delegations_for, require_reviewer, with_current_owners
from jitney.core.review.safe_text import cut, escape_invisible
from jitney.core.review.schedule import next_change_at
from jitney.core.review.votes import activated, cast, has_enough_approvals, narrowed, restart_review
from jitney.handlers.current_reviewers import current_reviewers
from jitney.handlers.issuance import target_of
from jitney.handlers.other_grants import OtherGrantsLookup
from jitney.handlers.ports import Ports
from jitney.handlers.responses import deciding_policies
from jitney.handlers.workflow import resume_workflow

ATTEMPTS = 5
MOST_DIGITS = 10
OUTCOMES = {VoteVerdict.APPROVE: Outcome.APPROVED, VoteVerdict.REJECT: Outcome.REJECTED}


class NarrowedApproval(NamedTuple):
    """What a reviewer approves instead of all that was asked; `duration_seconds` is the grant's own if unchanged."""

    permissions: tuple[Permission, ...]
    duration_seconds: int


@dataclass(frozen=True, slots=True)
class Ballot:
    """What a reviewer hands in: `content` is the hash of the grant that the reviewer was shown.

    `comment` is as it was written: `vote` masks and cuts it.
    """

    grant_id: str
    voter: Principal
    verdict: VoteVerdict
    content: str
    comment: str
    via: str
    origin: Origin
    less: NarrowedApproval | None = None


def narrowed_approval(grant: Grant, permissions: tuple[Permission, ...], seconds: str) -> NarrowedApproval | None:
    """What is left of the grant by a reviewer's choice; None when that is all of it."""
    duration = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < MOST_DIGITS else 0
    return (
        None
        if (permissions, duration) == (grant.permissions, grant.duration_seconds)
        else NarrowedApproval(permissions, duration)
    )


def comment_of(verdict: VoteVerdict, text: str) -> str:
    """A reviewer's comment, which `vote` masks and cuts. Raises Problem request_invalid for a rejection without one."""
    if verdict is VoteVerdict.REJECT and not escape_invisible(text):
        detail = "A rejection needs a comment: the agent is told it."
        raise Problem("request_invalid", detail, "Go back, and say in a few words why.")
    return text


def vote(ballot: Ballot, ports: Ports) -> Grant:
    """The grant after the vote, which is on record, and after what it decided.

    A vote that would have sufficed, if policies did not want other reviewers by now, is on record too. It counts no
    more than those before it: the request is asked anew, and its reviewers are told, as they are when it becomes less
    while votes are missing. Raises Problem: grant_not_found, human_required, own_request, not_reviewer, not_narrower,
    review_changed, review_ended, grant_conflict or unavailable; refused votes of people are on record too.
    """
    for _ in range(ATTEMPTS):
        grant = ports.store.grant(ballot.grant_id)
        if grant is None:
            raise Problem("grant_not_found", "There is no request of this id.", "Check the link.")
        grant = with_current_owners(grant, ports.config)
        try:
            after, record = _voted(grant, _masked(ballot, grant, ports), ports)
        except Problem as problem:
            _record_refusal(grant, ballot, problem, ports)
            raise
        if after is grant:
            return grant
        link = audit.next_chained_record(record, grant)
        after = audit.with_chain_head(after, link)
        try:
            ports.store.save(grant, after, link, now=ports.now())
        except StaleWrite:
            continue
        if after.state is not State.PENDING or not after.votes or after.narrowed_at != grant.narrowed_at:
            resume_workflow(after, ports)
        if not after.votes:
            asked = ", or ".join(" and ".join(groups) for groups in after.reviews)
            detail = f"Policies changed: it needs the approval of {asked} now, and votes of before no longer count."
            raise Problem("review_changed", detail, "Read it again, then vote.")
        return after
    raise Problem("grant_conflict", "The request changed at the same time.", "Read it again, then vote.")


def _masked(ballot: Ballot, grant: Grant, ports: Ports) -> Ballot:
    """The ballot whose comment holds no secret and is not too long."""
    return replace(ballot, comment=cut(ports.mask_comment(grant.owner).text(ballot.comment), MAX_REASON))


def _voted(grant: Grant, ballot: Ballot, ports: Ports) -> tuple[Grant, audit.AuditRecord]:
    now, groups = ports.now(), current_reviewers(ports)
    require_reviewer(ballot.voter, grant, groups, now)
    content = ballot.content
    judged = grant
    if ballot.less and content == content_hash(grant):
        judged = narrowed(grant, *ballot.less)
        content = content_hash(judged)
    voter = ballot.voter.source_identity
    places = delegations_for(voter, grant, groups, now)
    given = Vote(voter, ballot.verdict, content, ballot.comment, now, ballot.via, places)
    after = cast(judged, given, groups)
    if after is judged:
        return grant, _record(grant, ballot, ports)
    if after.state is State.PENDING and has_enough_approvals(after):
        decided, why = _decided(after, ports)
        if decided.state is State.PENDING:  # what the vote was about is what was asked before
            return decided, replace(_record(after, ballot, ports, review_restarted=decided.reviews), **why)
        return decided, replace(_record(decided, ballot, ports), **why)
    if after.state is State.PENDING and judged is not grant:  # what others are shown is no longer what is asked
        after = replace(after, narrowed_at=next_change_at(grant, now))
    return after, _record(after, ballot, ports)


def _decided(grant: Grant, ports: Ports) -> tuple[Grant, dict[str, Any]]:
    """The approved grant as policy sees it now (POL 1): active, asked anew, or failed if it is no longer allowed."""
    decision = decision_on(grant, grant.approvals, ports)
    if decision.effect is Effect.ALLOW:
        return activated(grant, ports.now()), deciding_policies(decision)
    if decision.effect is Effect.REVIEW:
        decision = decision_on(grant, (), ports)  # all that it takes, not what it takes besides these approvals
    if decision.effect is Effect.REVIEW:
        return restart_review(grant, decision, next_change_at(grant, ports.now())), deciding_policies(decision) | {
            "code": "review_changed"
        }
    return grant.move(State.FAILED), deciding_policies(decision) | {"code": "denied"}


def decision_on(grant: Grant, approvals: Collection[str], ports: Ports) -> Decision:
    """What policy says to a grant now, with these approvals. Raises Problem."""
    config = ports.config
    target = target_of(grant, config)
    return decide(
        requester(grant, ports),
        grant.asked(),
        target,
        ports.policies,
        ports.actions,
        config.limits,
        config.reviewers,
        approvals,
        OtherGrantsLookup(ports, grant.principal, grant.human, target.account, ports.now(), grant.id),
    )


def requester(grant: Grant, ports: Ports) -> Principal:
    """Who asked for the grant, as it was then."""
    issuer = ports.config.issuers.get(grant.issuer_name)
    if issuer is None:
        fix = "The request cannot be decided any more; it ends by itself."
        raise Problem("review_ended", "The issuer of who asked is no longer configured.", fix)
    return Principal(
        issuer=grant.issuer,
        issuer_name=issuer.name,
        subject=grant.subject,
        kind="human" if issuer.kind == "human" else "agent",
        groups=frozenset(grant.groups),
        display=grant.subject,
        source_identity=grant.principal,
        human=grant.human,
        agent_owners=grant.agent_owners,
    )


def _record(grant: Grant, ballot: Ballot, ports: Ports, **more: Any) -> audit.AuditRecord:
    voter = ballot.voter.source_identity
    given = next((each.delegations for each in grant.votes if each.human == voter), ())
    detail = {
        "by": voter,
        "delegations": [asdict(place) for place in given],
        "comment": ballot.comment,
        "via": ballot.via,
        "content": content_hash(grant),
        "permissions": grant.view()["permissions"],
        "approvals": grant.approvals,
        "state": str(grant.state),
        **more,
    }
    return audit.grant_record(
        AuditEvent.VOTE, OUTCOMES[ballot.verdict], grant, ballot.origin, ports.now(), detail=detail
    )


def _record_refusal(grant: Grant, ballot: Ballot, problem: Problem, ports: Ports) -> None:
    """A refused vote stands in a chain of its own: it is no part of the grant's story, and cannot hold it up."""
    detail = {"grant": grant.id, "verdict": str(ballot.verdict), "via": ballot.via}
    record = audit.principal_record(
        AuditEvent.VOTE, Outcome.REFUSED, ballot.voter, ballot.origin, ports.now(), code=problem.code, detail=detail
    )
    ports.store.record(audit.chain_record(record, ports.new_id("r")), now=ports.now())
