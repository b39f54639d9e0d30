"""The targets that a caller may have meant by an unknown name.

A caller must not learn the name of a target without access to it. So a name is suggested only where policies permit
some of the same request there, with or without approvals.
"""

import difflib
import json
from collections.abc import Collection, Iterator
from typing import NamedTuple

from jitney.core import strict_json
from jitney.core.access.decision import Decision
from jitney.core.access.request import AccessRequest
from jitney.core.access.request_body import parse_request
from jitney.core.config import Target
from jitney.core.identity.principal import Principal
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.policy.decide import decide
from jitney.core.problems import Problem
from jitney.handlers.ports import Ports

MOST_TRIED = 3
LEAST_SIMILARITY = 0.6


class CloseTarget(NamedTuple):
    """A target with a close name, and the decision about the same request there."""

    target: Target
    asked: AccessRequest
    decision: Decision


def close_names(name: str, known: Collection[str]) -> list[str]:
    """Return the known names that are similar to `name`, the closest first.

    Only these are tried. So neither the answer to another name nor its time depends on what the names stand for.
    """
    return difflib.get_close_matches(name, known, n=MOST_TRIED, cutoff=LEAST_SIMILARITY)


def close_targets(body: bytes, principal: Principal, ports: Ports) -> Iterator[CloseTarget]:
    """Yield the targets with a name close to that in `body` at which policies permit some of the request."""
    targets = ports.config.targets
    for alias in close_names(strict_json.loads(body)["target"], targets):
        try:
            tried = _tried(body, targets[alias], principal, ports)
        except Problem:
            continue  # the request is not valid there
        if tried.decision.permits_some:
            yield tried


def _tried(body: bytes, target: Target, principal: Principal, ports: Ports) -> CloseTarget:
    config = ports.config
    there = json.dumps({**strict_json.loads(body), "target": target.alias}).encode()
    asked = parse_request(there, {target.alias: target}, config.limits, ports.explain_calls, UNTAGGED)
    rules = ports.policies, ports.actions, config.limits, config.reviewers
    return CloseTarget(target, asked, decide(principal, asked, target, *rules))
