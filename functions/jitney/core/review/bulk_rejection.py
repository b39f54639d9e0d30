"""Rejects many requests of one agent or accountable unit at once: the owner, the requests and the comment (row REV 18).

Pure. These values hold no verdict, so code that reads them cannot approve.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jitney.core.access.body_object import read_object
from jitney.core.access.fields import FieldErrors
from jitney.core.access.grant import Grant, VoteVerdict
from jitney.core.access.request_body import MAX_REASON
from jitney.core.config import Limits
from jitney.core.problems import Problem
from jitney.core.quantities import quantity
from jitney.core.review.headlines import NO_PERSON
from jitney.core.review.safe_text import escape_invisible
from jitney.core.stored_identity import name_of

MOST_REJECTIONS = 50
"""Limit of one submission. A rejection takes about a tenth of a second, and the function has 15 s."""
LEAST_OFFERED, MOST_OFFERED = 3, 10
"""The list of requests offers to reject an agent's or unit's requests at once if there are at least LEAST_OFFERED.

The list offers this for at most MOST_OFFERED agents and units.
"""
KINDS = ("agent", "unit")
NO_HUMAN = "-"
"""Stands for "no person". No source identity equals it, because each has a full stop."""
MEMBERS = (*KINDS, "human", "requests", "comment")
_MOST_NAME, _MOST_ID, _HASH = 255, 16, 64
_FIELDS = frozenset({*KINDS, "human", "token", "request", "comment", "verdict"})
_REQUEST = re.compile(r"(g-[a-z2-7]{14})\.([0-9a-f]{64})", re.ASCII)
_AGAIN = "Open the page again, and use its button."


class RequestOwner(NamedTuple):
    """The owner of requests: an agent, by its source identity, or an accountable unit, by its name.

    With `human`, a source identity, only the agent's requests on behalf of that person count. With `NO_HUMAN`, only
    those that name no person count.
    """

    kind: str
    name: str
    human: str = ""

    def owns(self, grant: Grant) -> bool:
        """Return whether a grant is one of the owner's."""
        named = self.name == (grant.principal if self.kind == "agent" else grant.unit)
        return named and self.human in ("", name_of(grant.human) or NO_HUMAN)

    @property
    def title(self) -> str:
        """The owner in words: "agent corp.reader on behalf of people.alice"."""
        behalf = f", {NO_PERSON}" if self.human == NO_HUMAN else f" on behalf of {self.human}" if self.human else ""
        return f"{self.kind} {self.name}{behalf}"


class SeenRequest(NamedTuple):
    """A request as the reviewer saw it, by the hash of its content."""

    grant_id: str
    content: str


class BulkRejection(NamedTuple):
    """Which requests a reviewer rejects at once, whose they are, and the comment for each."""

    owner: RequestOwner
    requests: tuple[SeenRequest, ...]
    comment: str


def offered_owners(waiting: Sequence[Grant]) -> list[tuple[RequestOwner, int]]:
    """Return the owners whose requests can be rejected at once, with the number of requests, the largest number first.

    If an agent acts for several people, the requests for each person are offered, and all of them together. A unit is
    offered if it has more requests than each of its agents.
    """
    pairs = Counter((each.principal, name_of(each.human)) for each in waiting)
    agents = Counter(each.principal for each in waiting)
    units = Counter(each.unit for each in waiting)
    shared = {agent for (agent, _), count in pairs.items() if count < agents[agent]}
    of_one_agent = {each.unit for each in waiting if agents[each.principal] >= units[each.unit]}
    found = [
        (RequestOwner("agent", agent, human or (NO_HUMAN if agent in shared else "")), count)
        for (agent, human), count in pairs.items()
    ]
    found += [(RequestOwner("agent", name), agents[name]) for name in shared]
    found += [(RequestOwner("unit", name), count) for name, count in units.items() if name not in of_one_agent]
    largest_first = sorted(found, key=lambda each: (-each[1], each[0]))
    return [each for each in largest_first[:MOST_OFFERED] if each[1] >= LEAST_OFFERED]


def owner_in(fields: Mapping[str, str]) -> RequestOwner:
    """Return the owner that a form, a query or a body names. Raises Problem request_invalid unless it names one."""
    named = [RequestOwner(kind, fields[kind], fields.get("human", "")) for kind in KINDS if fields.get(kind)]
    if len(named) != 1 or max(map(len, named[0])) > _MOST_NAME:
        raise Problem("request_invalid", "No agent or unit is named, or more than one.", "Name one agent, or one unit.")
    if named[0].kind == "unit" and named[0].human:
        raise Problem("request_invalid", "A person is named for a unit.", "Name an agent, or leave out the person.")
    return named[0]


def rejection_in_form(fields: Mapping[str, Sequence[str]]) -> BulkRejection:
    """Return what the page's form rejects. Raises Problem request_invalid for any form that the page does not have."""
    if not fields.get("verdict"):
        fix = "Go back, and press the button."
        raise Problem("request_invalid", "No button was pressed, so nothing was rejected.", fix)
    single = {name: values for name, values in fields.items() if name != "request"}
    if not fields.keys() <= _FIELDS or any(len(values) != 1 for values in single.values()):
        raise Problem("request_invalid", "The form has fields that its page does not have.", _AGAIN)
    if fields["verdict"][0] != VoteVerdict.REJECT:
        raise Problem("request_invalid", "This form can only reject requests.", _AGAIN)
    found = [_REQUEST.fullmatch(each) for each in fields.get("request", ())]
    if not all(found):
        raise Problem("request_invalid", "The form names a request that cannot exist.", _AGAIN)
    owner = owner_in({name: values[0] for name, values in single.items()})
    seen = (SeenRequest(each[1], each[2]) for each in found if each)
    return _checked(BulkRejection(owner, tuple(seen), fields.get("comment", [""])[0]))


def parse_rejection(body: bytes, limits: Limits) -> BulkRejection:
    """Return the rejection in a JSON body. Raises the problems of `parse_request`."""
    sent = read_object(body, limits)
    faults = FieldErrors()
    faults.unknown_members(sent, MEMBERS, "")
    named = {name: _name(sent, name, faults) for name in (*KINDS, "human")}
    comment = faults.text(sent.get("comment"), "/comment", MAX_REASON, required=False)
    requests = []
    for place, each in enumerate(faults.items(sent.get("requests"), "/requests", MOST_REJECTIONS)):
        pointer = f"/requests/{place}"
        if not isinstance(each, Mapping):
            faults.add(pointer, "The value is not an object.", "Write an object with `id` and `content`.")
            continue
        requests.append(_seen(each, pointer, faults))
    faults.refuse()
    return _checked(BulkRejection(owner_in(named), tuple(requests), comment))


def _name(sent: Mapping[str, Any], name: str, faults: FieldErrors) -> str:
    present = faults.present(sent, name)
    return faults.text(sent[name], f"/{name}", _MOST_NAME, required=False) if present else ""


def _seen(sent: Mapping[str, Any], pointer: str, faults: FieldErrors) -> SeenRequest:
    faults.unknown_members(sent, ("id", "content"), pointer)
    grant_id = faults.text(sent.get("id"), f"{pointer}/id", _MOST_ID, required=True)
    content = faults.text(sent.get("content"), f"{pointer}/content", _HASH, required=True)
    if grant_id and content and not _REQUEST.fullmatch(f"{grant_id}.{content}"):
        faults.add(pointer, "No request has this id and content.", "Use those of GET /v1/reviews (jitney review list).")
    return SeenRequest(grant_id, content)


def _checked(given: BulkRejection) -> BulkRejection:
    """Return the rejection, with a comment if it has none. Raises Problem request_invalid."""
    count, ids = len(given.requests), {each.grant_id for each in given.requests}
    if not 0 < count <= MOST_REJECTIONS:
        raise Problem("request_invalid", f"{count} requests are named.", f"Name 1 to {MOST_REJECTIONS} requests.")
    if len(ids) < count:
        raise Problem("request_invalid", "A request is named twice.", "Name each request once.")
    return given if escape_invisible(given.comment) else given._replace(comment=_comment(given))


def _comment(given: BulkRejection) -> str:
    return f"Rejected in bulk, without a comment: {quantity(len(given.requests), 'request')} of {given.owner.title}."


def requests_of(owner: RequestOwner, waiting: Iterable[Grant]) -> list[Grant]:
    """Return the owner's requests among those that wait for a reviewer."""
    return [each for each in waiting if owner.owns(each)]
