"""Explains a decision with the text of the policies that decided. Needs the extra `policy`."""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from jitney.client.audit.record_lines import ReadingProgress, RecordSource
from jitney.client.inputs.request_options import invalid
from jitney.client.policy.policy_access import CONFIGURATION, loaded_policies, policy_module
from jitney.client.problems import Invalid
from jitney.core.access.decision import Decision
from jitney.core.access.request import permissions_view
from jitney.core.config import ReviewerGroup
from jitney.core.policy.policy_tests import Case, CaseFault, decide_case
from jitney.core.replay.policy_replay import decide_again
from jitney.core.replay.recorded_requests import NotReplayable, is_decision, recorded_request
from jitney.core.report.published_lines import parse_record

TITLE = "The decision was not explained"
_BUILTIN = "builtin:"
_OPTIONS = {
    "target": "TARGET: ",
    "actions": "--action: ",
    "resources": "--resource: ",
    "groups": "--group: ",
    "claims": "--claim: ",
    "conditions": "--condition: ",
    "approvals": "--approval: ",
    "earlier_approvals": "--earlier-approval: ",
    "time_windows": "--time-window: ",
    "other_grant_actions": "--held: ",
    "seconds": "--for: ",
    "human": "--human: ",
    "kind": "--kind: ",
    "way": "--way: ",
    "reveal": "--reveal: ",
}
"""How messages name the option of each member of a case."""


class ExplainedGrant(NamedTuple):
    """A grant whose request is in the records of `source`."""

    grant_id: str
    source: RecordSource


def explain_case(config: Path | None, name: str) -> dict[str, Any]:
    """Return the explanation of the case `name` in the table beside the policies. Raises Invalid."""
    file, loaded = config or CONFIGURATION, loaded_policies(config, TITLE)
    with policy_module(file, TITLE) as module:
        cases = {each.name: each for each in module.read_cases(loaded, os.environ)}
    if name not in cases:
        close = difflib.get_close_matches(name, cases, n=3, cutoff=0.4) or sorted(cases)[:3]
        fix = "Did you mean " + " or ".join(map(repr, close)) + "?" if close else "Add it to tests.yaml."
        raise Invalid("case_unknown", TITLE, f"No case is named {name!r}.", fix)
    return _explained(loaded, config, _decided(cases[name], loaded))


def explain_request(config: Path | None, members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the explanation of a request that is given as the members of a case in tests.yaml. Raises Invalid."""
    loaded = loaded_policies(config, TITLE)
    return _explained(loaded, config, _decided(_request_case(loaded, config, members), loaded))


def explain_grant(config: Path | None, asked: ExplainedGrant, progress: ReadingProgress) -> dict[str, Any]:
    """Return the explanation of a recorded grant's request, decided by the present policies. Raises Invalid."""
    loaded = loaded_policies(config, TITLE)
    known: set[str] = set()
    for line in asked.source.lines(TITLE, progress):
        record = parse_record(line)
        known.add(record.grant_id if record else "")
        if record and record.grant_id == asked.grant_id and is_decision(record, dry_runs=False):
            try:
                return _explained(loaded, config, decide_again(recorded_request(record), loaded.context))
            except NotReplayable as reason:
                fix = "Explain a request with --action and --resource instead."
                detail = f"The request of {asked.grant_id} cannot be decided again: {reason}."
                raise Invalid("not_replayable", TITLE, detail, fix) from reason
    detail = f"No record in the source is about the request of {asked.grant_id}."
    close = difflib.get_close_matches(asked.grant_id, known - {"", asked.grant_id}, n=3)
    did = f"Did you mean {' or '.join(close)}? Otherwise check" if close else "Check the id, and"
    fix = f"{did} that the copy has the day of the request."
    raise Invalid("grant_unknown", TITLE, detail, fix, {"alternatives": close})


def _request_case(loaded: Any, config: Path | None, members: Mapping[str, Any]) -> Case:
    with policy_module(config or CONFIGURATION, TITLE) as module:
        try:
            case: Case = module.request_case(loaded, members)
        except module.ConfigurationError as error:
            problem = error.problems[0]
            option = _OPTIONS.get(str(next(iter(problem.path), "")), "")
            raise invalid(f"{option}{problem.wrong}.", problem.fix) from error
    return case


def _decided(case: Case, loaded: Any) -> Decision:
    try:
        return decide_case(case, loaded.context)
    except CaseFault as fault:
        detail = f"The request is refused before a decision ({fault.code}): {fault}."
        raise Invalid(fault.code, TITLE, detail.replace("..", "."), "Correct the request or the case.") from fault


def _explained(loaded: Any, config: Path | None, decision: Decision) -> dict[str, Any]:
    with policy_module(config or CONFIGURATION, TITLE) as module:
        sources = module.sources_of(loaded)
    return {
        "effect": decision.effect,
        "policy_version": decision.policy_version,
        "reasons": [
            {
                "policy": each.policy,
                "sentence": each.sentence,
                "action": each.action,
                "resource": each.resource,
                "source": _source(sources.get(each.policy)),
            }
            for each in decision.reasons
        ],
        "reviews": [sorted(groups) for groups in decision.reviews],
        "shared_reviewers": list(_shared_reviewers(loaded.config.reviewers, decision.reviews)),
        "permissions": permissions_view(decision.permissions),
        "allowed_subset": permissions_view(decision.allowed_subset),
        "longest_seconds": decision.longest_seconds,
        "risks": [{"risk": each.name, "level": each.level, "sentence": each.sentence} for each in decision.risks],
    }


def _shared_reviewers(
    groups: Mapping[str, ReviewerGroup], reviews: Iterable[Iterable[str]]
) -> Iterator[dict[str, list[str]]]:
    """Yield each pair of a review's groups that have common voters, with these voters."""
    empty = ReviewerGroup(())
    voters = {name: {*each.members, *groups.get(each.escalates_to, empty).members} for name, each in groups.items()}
    together = {pair for review in reviews for pair in combinations(sorted(review), 2)}
    for one, other in sorted(together):
        if both := sorted(voters.get(one, set()) & voters.get(other, set())):
            yield {"groups": [one, other], "people": both}


def _source(source: Any) -> dict[str, Any] | None:
    return source and {"file": str(source.place.file), "line": source.place.line, "text": source.text}


def rows(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield who must approve, what would pass, and the risks, as rows."""
    yield "approval", " or ".join(" and ".join(groups) for groups in result["reviews"])
    for each in result["shared_reviewers"]:
        yield "shared", f"{' and '.join(each['groups'])}: one vote of {' or '.join(each['people'])} counts for both"
    for each in result["allowed_subset"]:
        yield "passes", f"{', '.join(each['actions'])} on {', '.join(each['resources'])}"
    longest = result["longest_seconds"]
    yield "passes", f"for at most {longest} s" if longest else ""
    yield from (("risk", f"{each['risk']} ({each['level']}): {each['sentence']}") for each in result["risks"])


def deciding(result: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield each deciding policy once: its name, its sentence, and its place and text ("" for a built-in rule)."""
    for each in result["reasons"]:
        source = each["source"]
        text = f"{source['file']}:{source['line']}\n{source['text']}" if source else ""
        yield each["policy"].removeprefix(_BUILTIN), each["sentence"], text
