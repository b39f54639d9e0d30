"""One vote, from wherever it comes: checked, written with its record, and followed by what it decides (REV 3-7)."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from jitney.adapters.store import Changed
from jitney.core import audit
from jitney.core.access.grant import Grant, State, Verdict, Vote
from jitney.core.access.parse import MAX_REASON
from jitney.core.access.request import Permission
from jitney.core.audit import Event, Origin, Outcome
from jitney.core.identity.principal import Principal
from jitney.core.policy.decide import decide
from jitney.core.policy.decision import Decision, Effect
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.inert import cut, inert
from jitney.core.review.reviewers import of_now, require_reviewer, stands_in
from jitney.core.review.schedule import news_at
from jitney.core.review.votes import activated, asked_anew, cast, narrowed, suffices
from jitney.handlers.answers import deciding_policies
from jitney.handlers.at_work import at_work
from jitney.handlers.holding import Besides
from jitney.handlers.issuing import target_of
from jitney.handlers.ports import Ports
from jitney.handlers.waking import wake

ATTEMPTS = 5
MOST_DIGITS = 10
OUTCOMES = {Verdict.APPROVE: Outcome.APPROVED, Verdict.REJECT: Outcome.REJECTED}


class Less(NamedTuple):
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
    verdict: Verdict
    content: str
    comment: str
    via: str
    origin: Origin
    less: Less | None = None


def less_of(grant: Grant, permissions: tuple[Permission, ...], seconds: str) -> Less | None:
    """What is left of the grant by a reviewer's choice; None when that is all of it."""
    duration = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < MOST_DIGITS else 0
    return (
        None if (permissions, duration) == (grant.permissions, grant.duration_seconds) else Less(permissions, duration)
    )


def comment_of(verdict: Verdict, text: str) -> str:
    """A reviewer's comment, which `vote` masks and cuts. Raises Problem request_invalid for a rejection without one."""
    if verdict is Verdict.REJECT and not inert(text):
        detail = "A rejection needs a comment: the agent is told it."
        raise Problem("request_invalid", detail, "Go back, and say in a few words why.")
    return text


def vote(ballot: Ballot, ports: Ports) -> Grant:
    """The grant after the vote, which is on record, and after what it decided.

    A vote that would have sufficed, if policies did not want other reviewers by now, is on record too. It counts no
    more than those before it: the request is asked anew, and its reviewers are told, as they are when it becomes less
    while votes are missing. Raises Problem: grant_not_found, not_a_person, own_request, not_reviewer, not_narrower,
    review_changed, review_ended, grant_conflict or unavailable; refused votes of people are on record too.
    """
    for _ in range(ATTEMPTS):
        grant = ports.store.grant(ballot.grant_id)
        if grant is None:
            raise Problem("grant_not_found", "There is no request of this id.", "Check the link.")
        grant = of_now(grant, ports.config)
        try:
            after, record = _voted(grant, _masked(ballot, grant, ports), ports)
        except Problem as problem:
            _record_refusal(grant, ballot, problem, ports)
            raise
        if after is grant:
            return grant
        link = audit.next_link(record, grant)
        after = audit.linked(after, link)
        try:
            ports.store.save(grant, after, link, now=ports.now())
        except Changed:
            continue
        if after.state is not State.PENDING or not after.votes or after.narrowed_at != grant.narrowed_at:
            wake(after, ports)
        if not after.votes:
            asked = ", or ".join(" and ".join(groups) for groups in after.reviews)
            detail = f"Policies changed: it needs the approval of {asked} now, and votes of before no longer count."
            raise Problem("review_changed", detail, "Read it again, then vote.")
        return after
    raise Problem("grant_conflict", "The request changed at the same time.", "Read it again, then vote.")


def _masked(ballot: Ballot, grant: Grant, ports: Ports) -> Ballot:
    """The ballot whose comment holds no secret and is not too long."""
    return replace(ballot, comment=cut(ports.mask_said(grant.owner).text(ballot.comment), MAX_REASON))


def _voted(grant: Grant, ballot: Ballot, ports: Ports) -> tuple[Grant, audit.AuditRecord]:
    now, groups = ports.now(), at_work(ports)
    require_reviewer(ballot.voter, grant, groups, now)
    content = ballot.content
    judged = grant
    if ballot.less and content == content_hash(grant):
        judged = narrowed(grant, *ballot.less)
        content = content_hash(judged)
    voter = ballot.voter.source_identity
    places = stands_in(voter, grant, groups, now)
    given = Vote(voter, ballot.verdict, content, ballot.comment, now, ballot.via, places)
    after = cast(judged, given, groups)
    if after is judged:
        return grant, _record(grant, ballot, ports)
    if after.state is State.PENDING and suffices(after):
        decided, why = _decided(after, ports)
        if decided.state is State.PENDING:  # what the vote was about is what was asked before
            return decided, replace(_record(after, ballot, ports, asked_anew=decided.reviews), **why)
        return decided, replace(_record(decided, ballot, ports), **why)
    if after.state is State.PENDING and judged is not grant:  # what others are shown is no longer what is asked
        after = replace(after, narrowed_at=news_at(grant, now))
    return after, _record(after, ballot, ports)


def _decided(grant: Grant, ports: Ports) -> tuple[Grant, dict[str, Any]]:
    """The approved grant as policy sees it now (POL 1): active, asked anew, or failed if it is no longer allowed."""
    decision = decision_on(grant, grant.approvals, ports)
    if decision.effect is Effect.ALLOW:
        return activated(grant, ports.now()), deciding_policies(decision)
    if decision.effect is Effect.REVIEW:
        decision = decision_on(grant, (), ports)  # all that it takes, not what it takes besides these approvals
    if decision.effect is Effect.REVIEW:
        return asked_anew(grant, decision, news_at(grant, ports.now())), deciding_policies(decision) | {
            "code": "review_changed"
        }
    return grant.move(State.FAILED), deciding_policies(decision) | {"code": "denied"}


def decision_on(grant: Grant, approvals: Collection[str], ports: Ports) -> Decision:
    """What policy says to a grant now, with these approvals. Raises Problem."""
    config = ports.config
    target = target_of(grant, config)
    return decide(
        asker(grant, ports),
        grant.asked(),
        target,
        ports.policies,
        ports.actions,
        config.limits,
        config.reviewers,
        approvals,
        Besides(ports, grant.principal, grant.human, target.account, ports.now(), grant.id),
    )


def asker(grant: Grant, ports: Ports) -> Principal:
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
        run_by=grant.run_by,
    )


def _record(grant: Grant, ballot: Ballot, ports: Ports, **more: Any) -> audit.AuditRecord:
    voter = ballot.voter.source_identity
    given = next((each.stands_in for each in grant.votes if each.human == voter), ())
    detail = {
        "by": voter,
        "stands_in": [asdict(place) for place in given],
        "comment": ballot.comment,
        "via": ballot.via,
        "content": content_hash(grant),
        "permissions": grant.view()["permissions"],
        "approvals": grant.approvals,
        "state": str(grant.state),
        **more,
    }
    return audit.of_grant(Event.VOTE, OUTCOMES[ballot.verdict], grant, ballot.origin, ports.now(), detail=detail)


def _record_refusal(grant: Grant, ballot: Ballot, problem: Problem, ports: Ports) -> None:
    """A refused vote stands in a chain of its own: it is no part of the grant's story, and cannot hold it up."""
    detail = {"grant": grant.id, "verdict": str(ballot.verdict), "via": ballot.via}
    record = audit.of_principal(
        Event.VOTE, Outcome.REFUSED, ballot.voter, ballot.origin, ports.now(), code=problem.code, detail=detail
    )
    ports.store.record(audit.link(record, ports.new_id("r")), now=ports.now())
