"""Counts what the shadow policies decided, from the records of decisions (row POL 14)."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jitney.core.access.decision import Effect
from jitney.core.policy.decision_inputs import DecisionInputs, UnreadableInputs
from jitney.core.policy.shadow import SHADOW
from jitney.core.replay.policy_replay import ReplayedAnswer
from jitney.core.replay.recorded_requests import DecisionLines
from jitney.core.report.published_lines import Line, PublishedRecord

DAMAGED = "the shadow's answer in the record is damaged"


class ShadowDifference(NamedTuple):
    """A decided request with the answers of the active policies and of the shadow policies of this `version`."""

    record: PublishedRecord
    version: str
    before: ReplayedAnswer
    after: ReplayedAnswer


@dataclass(slots=True)
class ShadowLog:
    """Reads records one by one, in any order, and counts the shadow's answers.

    `versions` counts the decisions with each version of the shadow. For answers that differ, `effects` counts pairs of
    effects: that of the active policies and that of the shadow. `errors` counts the errors of the shadow by name.
    `without` counts decisions without a shadow.
    """

    decisions: DecisionLines = field(default_factory=DecisionLines)
    versions: Counter[str] = field(default_factory=Counter)
    effects: Counter[tuple[Effect, Effect]] = field(default_factory=Counter)
    differences: list[ShadowDifference] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    without: int = 0

    @property
    def compared(self) -> int:
        """How many decisions had a shadow."""
        return self.versions.total()

    def add(self, line: Line) -> None:
        """Count the decision in a line of published records. Lines about other things are ignored.

        A record that was published twice counts once.
        """
        record = self.decisions.decision_in(line)
        if record is None:
            return
        found = record.detail_members.get(SHADOW)
        if found is None:
            self.without += 1
        elif isinstance(found, dict) and isinstance(found.get("policy_version"), str):
            self._count(record, found)
        else:
            self.errors[DAMAGED] += 1

    def _count(self, record: PublishedRecord, found: dict[str, Any]) -> None:
        version = found["policy_version"]
        self.versions[version] += 1
        if "error" in found:
            self.errors[str(found["error"])] += 1
        elif "effect" in found:
            try:
                inputs = DecisionInputs.read(record.detail_members)
                after = _answer(found)
            except (UnreadableInputs, ValueError, TypeError):
                self.errors[DAMAGED] += 1
                return
            before = ReplayedAnswer.recorded(inputs, record.policies)
            self.effects[before.effect, after.effect] += 1
            self.differences.append(ShadowDifference(record, version, before, after))


def _answer(found: dict[str, Any]) -> ReplayedAnswer:
    """Return the shadow's answer. Raises ValueError or TypeError for a damaged one."""
    reviews = tuple(frozenset(map(str, groups)) for groups in found.get("reviews", []))
    policies = tuple(sorted(map(str, found.get("policies", []))))
    return ReplayedAnswer(Effect(found["effect"]), policies, tuple(sorted(reviews, key=sorted)))
