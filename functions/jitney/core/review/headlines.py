"""A request in one sentence: who does what to what, where and for how long (row REV 15). Pure.

The same sentence is the title of the page, of its entry in the list, of the mail and of the message in Slack.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from jitney.core.access.decision import HarmLevel
from jitney.core.access.grant import Grant, State
from jitney.core.access.reviewed_call import ReviewedCall
from jitney.core.actions import AccessLevel, Action, ActionTable
from jitney.core.policy.risks import HARM_LEVELS
from jitney.core.quantities import quantity
from jitney.core.review.call_wording import call_title
from jitney.core.review.covered_access import wildcards_first
from jitney.core.review.harm import Use, deletes
from jitney.core.review.safe_text import cut, short_resource
from jitney.core.times import format_duration

MOST_NAME = 80
NO_PERSON = "no person named"
"""The text in place of the human, for a request that names none."""

_DELETE, _UNKNOWN = "delete", "use"
_VERBS: Mapping[AccessLevel | None, str] = {
    AccessLevel.PERMISSIONS_MANAGEMENT: "change permissions on",
    AccessLevel.READ_SECRET: "read secrets in",
    AccessLevel.WRITE: "write",
    AccessLevel.TAGGING: "tag",
    AccessLevel.READ: "read",
    AccessLevel.LIST: "list",
}
_ORDER = (_UNKNOWN, _DELETE, *_VERBS.values())
"""The verbs, the most severe first."""


class Headline(NamedTuple):
    """The parts of a sentence about a request. `human_name` is "" for none.

    `started` says whether access was granted.
    """

    requester: str
    human_name: str
    target: str
    uses: tuple[Use, ...]
    duration_seconds: int
    state: str
    started: bool
    call: ReviewedCall | None = None

    @property
    def title(self) -> str:
        """The sentence without the person: "reader (corp) requests to read s3 reports/1 in prod for 5 minutes"."""
        return f"{self.requester} {self._what(_resources(self.uses))}"

    def title_within(self, most: int) -> str:
        """Return the title, with the number of resources instead of a name if the title is longer than `most`."""
        if len(self.title) <= most:
            return self.title
        count = len({arn for use in self.uses for arn in use.resources})
        return f"{self.requester} {self._what(quantity(count, 'resource'))}"

    @property
    def access(self) -> str:
        """The sentence without the agent and the person: "requests to read s3 reports/1 in prod for 5 minutes"."""
        return self._what(_resources(self.uses))

    @property
    def sentence(self) -> str:
        """The whole sentence, which says on whose behalf, or that no person is named."""
        behalf = f"on behalf of {self.human_name}" if self.human_name else NO_PERSON
        return f"Agent {self.requester}, {behalf}, {self.access}"

    def _what(self, resources: str) -> str:
        does = _tense(self.state, started=self.started)
        where = cut(self.target, MOST_NAME)
        if self.call:
            one = f"{call_title(self.call)} on {resources}"
            asks = {"may": "may make", "was allowed to": "was allowed"}.get(does, does.removesuffix(" to"))
            return f"{asks} one call: {one}, in {where}"
        lasts = format_duration(self.duration_seconds)
        return f"{does} {_verbs(self.uses)} {resources} in {where} for {lasts}"


def headline_of_grant(grant: Grant, human_name: str, uses: Iterable[Use]) -> Headline:
    """Return the parts of a sentence about the grant. `uses` are described in `uses_of`."""
    return Headline(
        grant.requester_name,
        human_name,
        grant.target,
        tuple(uses),
        grant.duration_seconds,
        str(grant.state),
        grant.starts_at is not None,
        grant.call,
    )


def uses_of(grant: Grant, actions: ActionTable) -> tuple[Use, ...]:
    """Return each action of the grant with its access level and resources."""
    found: dict[str, dict[str, None]] = {}
    for permission in grant.permissions:
        for action in permission.actions:
            found.setdefault(action, {}).update(dict.fromkeys(permission.resources))
    return tuple(_use(action, tuple(arns), actions.get(action)) for action, arns in found.items())


def _use(action: str, arns: tuple[str, ...], known: Action | None) -> Use:
    if known is None:
        return Use(action, None, arns)
    severe = any(HARM_LEVELS.get(risk) is HarmLevel.SEVERE for risk in known.risks)
    return Use(action, known.level, arns, severe or deletes(action, known.level))


def verb_of(use: Use) -> str:
    """Return what an action does, as a verb: "delete"."""
    return _DELETE if deletes(use.action, use.level) else _VERBS.get(use.level, _UNKNOWN)


def _tense(state: str, *, started: bool) -> str:
    if state == State.PENDING:
        return "requests to"
    if state == State.ACTIVE:
        return "may"
    return "was allowed to" if started else "requested to"


def _verbs(uses: Sequence[Use]) -> str:
    """Return the verbs, the most severe first: "delete, write and read"."""
    found = sorted({verb_of(each) for each in uses}, key=_ORDER.index)
    *first, last = found
    plain = [each.rpartition(" ")[0] if " " in each else each for each in first]
    return f"{', '.join(plain)} and {last}" if plain else last


def _resources(uses: Sequence[Use]) -> str:
    """Return the first two resources, or the first one and how many more there are.

    The resources of the most severe action come first, and of each action those with wildcards.
    """
    worst = sorted(uses, key=lambda each: (not each.severe, _ORDER.index(verb_of(each))))
    first, *others = map(
        short_resource, dict.fromkeys(arn for each in worst for arn in wildcards_first(each.resources))
    )
    if len(others) > 1:
        return f"{first} and {len(others)} more"
    service = f"{first.partition(' ')[0]} "
    return " and ".join((first, *(each.removeprefix(service) for each in others)))
