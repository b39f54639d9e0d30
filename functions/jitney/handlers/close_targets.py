"""The targets that a caller may have meant by an unknown name.

A caller must not learn the name of a target without access to it. So a name is suggested only where policies permit
some of the same request there, with or without approvals.
"""

import difflib
import json
from collections.abc import Iterator

from jitney.adapters.store import Conflict
from jitney.core import strict_json
from jitney.core.access.decision import Effect
from jitney.core.access.request_body import parse_request
from jitney.core.config import Target
from jitney.core.identity.principal import Principal
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.policy.decide import decide
from jitney.core.problems import Problem
from jitney.core.single_use import ungranted_quota
from jitney.handlers.ports import Ports

MOST_TRIED = 3
"""How many targets are tried. It does not depend on the names, so the time of an answer reveals none."""
LEAST_SIMILARITY = 0.6


def with_close_targets(problem: Problem, body: bytes, principal: Principal, ports: Ports) -> Problem:
    """Return `problem`, which says that the target of `body` is unknown, with the names of close targets.

    An answer with a name counts like a denial, because it reveals as much of the policies (POL 9). If the
    quota is used up, the answer is the same as for a name that is not close.
    """
    name = strict_json.loads(body)["target"]
    close = [
        alias
        for alias in _permitted(name, body, principal, ports)
        if difflib.SequenceMatcher(None, name, alias).ratio() >= LEAST_SIMILARITY
    ]
    if close and not _within_quota(principal, ports):
        close = []
    fix = f"Did you mean {' or '.join(close)}?" if close else problem.fix
    return Problem(problem.code, problem.detail, fix, {"alternatives": close})


def _within_quota(principal: Principal, ports: Ports) -> bool:
    now = ports.now()
    quota = ungranted_quota(principal.quota_key, ports.config.limits.previews_per_minute, now)
    try:
        ports.store.consume([quota], now=now)
    except (Conflict, Problem):
        return False
    return True


def _permitted(name: str, body: bytes, principal: Principal, ports: Ports) -> Iterator[str]:
    """Yield the aliases, of those closest to `name`, at which policies permit some of the request."""
    targets = ports.config.targets
    for alias in difflib.get_close_matches(name, targets, n=MOST_TRIED, cutoff=0):
        try:
            if _permits_some(body, targets[alias], principal, ports):
                yield alias
        except Problem:
            continue  # the request is not valid there


def _permits_some(body: bytes, target: Target, principal: Principal, ports: Ports) -> bool:
    config = ports.config
    there = json.dumps({**strict_json.loads(body), "target": target.alias}).encode()
    asked = parse_request(there, {target.alias: target}, config.limits, ports.explain_calls, UNTAGGED)
    rules = ports.policies, ports.actions, config.limits, config.reviewers
    decision = decide(principal, asked, target, *rules)
    return decision.effect is not Effect.DENY or bool(decision.allowed_subset or decision.longest_seconds)
