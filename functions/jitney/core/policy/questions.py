"""The questions that a request asks the policies: each pair with the ARNs and calls to evaluate for it."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from jitney.core.patterns import Budget, Pattern, PatternTooComplex, has_wildcard, wildcard_pattern
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.condition_witnesses import PairCalls
from jitney.core.policy.pairs import Pair
from jitney.core.policy.reach import reach_risks
from jitney.core.policy.risks import CompletedEscalation, risks_of
from jitney.core.target_config import Target
from jitney.core.uncased_names import in_any_case

# The limit of evaluations of one request, which together take about 60 ms. Only patterns built to be slow come near it.
MAX_EVALUATIONS = 1000


READS_BELOW: Mapping[str, str] = {"ssm:GetParametersByPath": "ssm:GetParameters"}
"""Actions on a path that read all names below it, even names that IAM denies. So the path counts as a pattern.

Each comes with the action that reads names one by one.

https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-retrieval-authorization.html
"""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A pair, and the ARNs and calls to evaluate for it.

    An answer for all `members` and allowed `calls` is the answer for the pair.

    `members` maps each ARN to its class (`PolicySet.match_class`). It holds the resource itself if that is a single
    ARN, in lower case too if AWS finds its name in any case. It holds "*" for an action that AWS cannot restrict to
    resources. `risks` are the names of the pair's risks; `gains`
    are the escalations that the pair contributes to.
    """

    pair: Pair
    members: Mapping[str, Hashable]
    wildcard: bool
    risks: frozenset[str]
    gains: tuple[CompletedEscalation, ...]
    calls: PairCalls

    @property
    def evaluations(self) -> int:
        """How many evaluations answer the question."""
        return len(self.members) * (len(self.calls.allowed) + len(self.calls.longer))


def questions_of(
    pairs: Iterable[Pair],
    gained: Sequence[CompletedEscalation],
    target: Target,
    policy_set: PolicySet,
    operation: str,
    budget: Budget,
    max_evaluations: int = MAX_EVALUATIONS,
) -> tuple[Question, ...]:
    """Return each pair with the ARNs to evaluate for it and its risks on `target`.

    `gained` are the escalations that the pairs complete together. `operation` is described in `AccessRequest`.

    Raises PatternTooComplex, also for more than `max_evaluations` evaluations.
    """
    questions = []
    witnesses: dict[str, Mapping[str, Hashable]] = {}
    singles: dict[str, Mapping[str, Hashable]] = {}
    evaluations = 0
    for pair in pairs:
        patterns = _resource_patterns(pair)
        for key, pattern in patterns.items():
            if key not in witnesses:
                witnesses[key] = policy_set.witnesses(pattern, budget)
        if patterns:
            found: Mapping[str, Hashable] = {arn: kind for key in patterns for arn, kind in witnesses[key].items()}
        else:
            arn = pair.resource
            forms = (arn, in_any_case(arn))
            found = singles.get(arn) or singles.setdefault(arn, {each: policy_set.match_class(each) for each in forms})
        own = tuple(gain for gain in gained if pair.action.name in gain.requested)
        risks = risks_of(pair.action, pair.resource, wildcard=bool(patterns), gained=own, budget=budget)
        risks |= reach_risks(pair.action.name, pair.resource, target)
        calls = policy_set.condition_reads.calls(pair, operation, budget)
        questions.append(Question(pair, found, bool(patterns), risks, own, calls))
        evaluations += questions[-1].evaluations
        if evaluations > max_evaluations:
            raise PatternTooComplex("too many ARNs to evaluate")
    return tuple(questions)


def _resource_patterns(pair: Pair) -> dict[str, Pattern]:
    """Return the patterns of what the pair's action reaches, by their texts; {} for a single resource."""
    if pair.resource == "*":
        return {kind.arn_format: kind.pattern for kind in pair.action.resource_types}
    below = f"{pair.resource.removesuffix('/')}/*"
    named = [pair.resource, *([below] if pair.action.name in READS_BELOW else [])]
    forms = dict.fromkeys(form for each in named for form in (each, in_any_case(each)))
    return {each: wildcard_pattern(each) for each in forms} if any(map(has_wildcard, named)) else {}
