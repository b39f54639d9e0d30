"""GET /reviews and what is below it: what waits, is active or was decided; and one request, as its reviewers see it.

The role of this function can write nothing: looking changes nothing, whoever or whatever looks (row REV 1).
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from core.access.grant import Grant, State
from core.review.content import content_hash
from handlers.at_work import at_work
from handlers.away import show_away
from handlers.pages import Page, Visit, pages
from handlers.ports import Ports
from handlers.seeing import Standing, seen, standing_of, to_sign_in
from handlers.showing import sheet
from handlers.stories import show_story

MOST_LISTED = 200
_EVER = 10**11
"""Later than any grant ends."""


def list_requests(visit: Visit) -> Page:
    """200 with what concerns whoever is signed in: waiting for them, for others, active, decided by them."""
    if visit.session is None:
        return Page(303, location=f"{visit.path}/reviews/sign-in")
    who, now, groups = visit.principal, visit.now, at_work(visit.ports)
    owed = dict.fromkeys(visit.ports.glasses.owed().values())
    unreviewed = (grant for grant_id in islice(owed, MOST_LISTED) if (grant := visit.ports.store.grant(grant_id)))
    listed = {grant.id: grant for grant in (*unreviewed, *islice(_open(visit.ports), MOST_LISTED))}
    shown = [
        (grant.at(now), standing)
        for grant in listed.values()
        if (standing := standing_of(who, grant, groups, visit.ports, now)).concerned
    ]
    pending = [(grant, standing) for grant, standing in shown if grant.state is State.PENDING]
    waiting = [each for each in pending if _waits(*each)]
    return Page(
        200,
        "list",
        {
            "looking": [each for each in shown if each[0].unreviewed],
            "waiting": waiting,
            "others": [each for each in pending if each not in waiting],
            "active": [each for each in shown if each[0].state is State.ACTIVE],
            "decided": list(_decided(visit)),
            "operator": bool(who.groups & set(visit.ports.config.operators)),
        },
    )


def show_request(visit: Visit) -> Page:
    """200 with the request of the path's id. Raises Problem grant_not_found, not_reviewer, or what `sheet` raises."""
    if visit.session is None:
        return to_sign_in(visit)
    ports, now = visit.ports, visit.now
    grant, standing = seen(visit)
    current = grant.at(now)
    voted = standing.vote if standing.vote and standing.vote.content == content_hash(grant) else None
    may_vote = current.state is State.PENDING and bool(standing.groups)
    values = {
        "grant": current,
        "sheet": sheet(grant, ports),
        "standing": standing,
        "voted": voted,
        "may_vote": may_vote,
        "settings": ports.config.break_glass,
    }
    return Page(200, "request", values)


def _open(ports: Ports) -> Iterator[Grant]:
    """The grants whose end is not on record, the earliest to end first; of each target in turn."""
    for target in ports.config.targets.values():
        yield from ports.store.open_grants(target.role_arn, _EVER)


def _waits(grant: Grant, standing: Standing) -> bool:
    """Whether a pending grant waits for a vote of this person."""
    counted = standing.vote and standing.vote.content == content_hash(grant)
    return bool(standing.groups) and not counted


def _decided(visit: Visit) -> Iterable[Grant]:
    """What the person voted on lately, the newest first, as it stands now."""
    for grant_id in visit.ports.cast_votes.of(visit.principal.source_identity):
        if grant := visit.ports.store.grant(grant_id):
            yield grant.at(visit.now)


handler = pages(
    {
        ("GET", "/reviews"): list_requests,
        ("GET", "/reviews/{id}"): show_request,
        ("GET", "/reviews/{id}/story"): show_story,
        ("GET", "/reviews/away"): show_away,
    },
    ("config", "policies", "actions", "store", "absences", "glasses", "cast_votes", "web_sessions", "templates"),
)
