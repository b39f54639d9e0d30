"""The API's answers to reviewers, as frozen values. The texts are those of the reviewers' page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from jitney.client.api.api_object import ApiObject, checked_texts, read_object
from jitney.core.patterns import has_wildcard


@dataclass(frozen=True, slots=True)
class ListedReview:
    """One request in a list. `level` is its harm, `reason` the agent's text, `content` the hash that a vote names.

    `human` is the source identity of the person on whose behalf the agent acts.
    """

    id: str
    title: str
    level: str
    on_behalf_of: str
    human: str
    agent: str
    unit: str
    reason: str
    expires_at: str
    content: str
    urgency: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the entry in a JSON object of the API. Raises KeyError or TypeError for any other object."""
        return read_object(cls, {**document, "level": document["harm"]["level"]})


SECTIONS: Mapping[str, str] = {
    "follow_ups": "Follow-up reviews",
    "waiting_for_you": "Waiting for you",
    "waiting_for_others": "Waiting for others",
    "active": "Active",
}
"""The sections of a list, by their names in the API."""


@dataclass(frozen=True, slots=True)
class ApiReviewList:
    """The requests that a reviewer may see, by section, and the names of incomplete sections."""

    reviewer: str
    sections: Mapping[str, tuple[ListedReview, ...]]
    incomplete: tuple[str, ...]
    whole: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the list in a body of the API. Raises KeyError or TypeError for any other body."""
        sections = {name: tuple(map(ListedReview.read, document[name])) for name in SECTIONS}
        return cls(str(document["reviewer"]), sections, checked_texts(document["incomplete"]), document)


@dataclass(frozen=True, slots=True)
class ReviewedAction(ApiObject):
    """One requested action: what it does, its resources, which of them are new, and its conditions.

    `revoked` are the new resources that the agent obtained before, until a person revoked them. `place` is where to
    show the action, the worst first.
    """

    action: str
    does: str
    resources: tuple[str, ...]
    new: tuple[str, ...]
    only_if: tuple[str, ...]
    revoked: tuple[str, ...] = ()
    place: int = 0

    @property
    def unusual_first(self) -> tuple[str, ...]:
        """The resources in the order of the page. The agent chose the order of `resources`."""
        usual = (frozenset(self.revoked), frozenset(self.new))
        return tuple(
            sorted(self.resources, key=lambda arn: (*(arn not in each for each in usual), not has_wildcard(arn)))
        )

    def mark(self, arn: str) -> str:
        """Return what is unusual about a resource, or ""."""
        return "(revoked before)" if arn in self.revoked else "(new)" if arn in self.new else ""


@dataclass(frozen=True, slots=True)
class ApiShownReview:
    """A request as a reviewer sees it. `content` is the hash that a vote names.

    `harm` is the label and its sentence. `second_step` says whether an approval has to be confirmed. `facts` are read
    before deciding, `details` afterwards. `agent` is the agent's own text. `undecidable` says why the request cannot be
    approved now or any more; "" if it can. `part_only` says which part of it can be approved; "" for all of it.
    `approvable_from` is the time from which all of it can be approved, "" if that is now or never.
    """

    id: str
    state: str
    status: str
    content: str
    sentence: str
    level: str
    harm: tuple[str, str]
    second_step: bool
    facts: tuple[tuple[str, str], ...]
    actions: tuple[ReviewedAction, ...]
    parameters: tuple[tuple[str, str], ...]
    duration: str
    duration_seconds: int
    agent: tuple[tuple[str, str], ...]
    details: tuple[tuple[str, str], ...]
    comments: tuple[tuple[str, str], ...]
    voted: str
    whole: Mapping[str, Any] = field(repr=False)
    may_vote: bool = False
    undecidable: str = ""
    part_only: str = ""
    approvable_from: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the request in a JSON object of the API. Raises KeyError or TypeError for any other object."""
        harm = document["harm"]
        read = {
            "level": harm["level"],
            "harm": (str(harm["label"]), str(harm["sentence"])),
            "second_step": document["second_step"] is not False,
            "facts": _facts(document),
            "agent": [(name, str(document["agent"][name])) for name in ("reason", "changed", "ticket")],
            **{name: _named(document[name]) for name in ("parameters", "details", "comments")},
            "voted": document.get("voted") or "",
            "approvable_from": document.get("approvable_from") or "",
            "whole": document,
        }
        return read_object(cls, {**document, **read})


def _facts(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    risks = [(f"risk ({each['level']})", str(each["sentence"])) for each in document["risks"][1:]]
    lost = [("not granted", str(each)) for each in document["not_granted"]]
    return [
        *risks,
        *lost,
        ("after approval", str(document.get("after_approval", ""))),
        ("rejected before", str(document["rejected_before"])),
        ("before", str(document["before"])),
    ]


def _named(facts: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(each["name"]), str(each["value"])) for each in facts)


@dataclass(frozen=True, slots=True)
class ApiVotedReview(ApiObject):
    """The state of a request after a vote.

    `approved` are the groups that have approved. All groups of one set in `any_of` must approve.
    """

    id: str
    state: str
    any_of: tuple[tuple[str, ...], ...]
    approved: tuple[str, ...]
    duration_seconds: int
    expires_at: str
    whole: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiBulkRejection:
    """The ids of rejected requests.

    `not_rejected` has the id of each other request, with what happened and what to do.
    """

    rejected: tuple[str, ...]
    not_rejected: tuple[tuple[str, str], ...]
    whole: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the result in a body of the API. Raises KeyError or TypeError for any other body."""
        others = ((str(each["id"]), f"{each['detail']} {each['fix']}") for each in document["not_rejected"])
        return cls(checked_texts(document["rejected"]), tuple(others), document)
