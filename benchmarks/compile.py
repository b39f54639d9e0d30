"""`make bench`: what deciding and compiling cost, and how small session policies become, for `requests.yaml`.

Times are processor times in one process without I/O. Each round uses other names, so that no cache has them.

The policy engine remembers verdicts. `decide` measures an agent with remembered verdicts, `decide_first` an agent
without. `naive` has one statement for each decided permission, the end as its condition, and no white space. Prints one
JSON object.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks.running import ROOT
from jitney import resources
from jitney.core.access.decision import Decision
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.access.session_policy import SESSION_POLICY_LIMIT, SessionPolicyOptions, compile_policy
from jitney.core.actions import ActionTable
from jitney.core.config import Limits, Policies, Target
from jitney.core.identity.principal import Principal
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decide import decide
from jitney.core.problems import Problem
from jitney.core.times import iso

ROUNDS = 40
ENDS_AT = 1_795_521_600
# Permits everything that the requests ask, on every target, and forbids what no agent gets.
PERMITTED = """
@id("engineers")
permit (principal in Jitney::Group::"corp/engineers", action, resource in Jitney::Target::"analytics-prod")
when { context.durationSeconds <= 3600 } when { resource.wildcard || !resource.wildcard };
"""
TARGET = Target(
    "analytics-prod", "444455556666", "arn:aws:iam::444455556666:role/jitney/target", "external", "eu-west-1", 3600, {}
)
LIMITS = Limits(30, 3600, 65_536, 200, 3600, 30)
PRINCIPAL = Principal(
    "https://idp.example.com",
    "corp",
    "agent",
    "agent",
    frozenset({"corp/engineers"}),
    "agent",
    "corp.agent",
    "corp.agent",
)


def main() -> None:
    """Measure and print."""
    actions = ActionTable.load(resources.ACTIONS.read_bytes())
    anybody = partial(decide, target=TARGET, policy_set=_policies(), actions=actions, limits=LIMITS)
    deciding = partial(anybody, PRINCIPAL)
    compiling = partial(compile_policy, ends_at=ENDS_AT, actions=actions)
    requests = _requests("acme")
    decisions = [deciding(request) for request in requests]
    first_ms: list[float] = []
    decide_ms, compile_ms = [], []
    for number in range(ROUNDS):
        for request in _requests(f"first{number:02}"):
            stranger = replace(PRINCIPAL, source_identity=f"corp.agent-{len(first_ms)}")
            first_ms.append(_timed(partial(anybody, stranger, request))[1])
        for request in _requests(f"acme{number:02}"):
            decision, milliseconds = _timed(partial(deciding, request))
            decide_ms.append(milliseconds)
            compile_ms.append(_timed(partial(_size, decision, compiling))[1])
    print(
        json.dumps(
            {
                "requests": len(requests),
                "decide": _figures(decide_ms),
                "decide_first": _figures(first_ms),
                "compile": _figures(compile_ms) | {"per_second": round(1000 / statistics.mean(compile_ms))},
                "characters": _characters(decisions, compiling),
            },
            indent=2,
        )
    )


def _policies() -> PolicySet:
    never, schema = (path.read_text("utf-8") for path in (ROOT / "policies" / "never.cedar", resources.SCHEMA))
    return PolicySet.load(Policies(PERMITTED + never, schema, "benchmark"))


def _requests(name: str) -> list[AccessRequest]:
    """Return the checked-in requests with `name` instead of acme."""
    text = (Path(__file__).parent / "requests.yaml").read_text(encoding="utf-8").replace("acme", name)
    return [
        AccessRequest(TARGET.alias, tuple(map(_permission, permissions.items())), 900, "a benchmark", "")
        for permissions in yaml.load(text, yaml.CSafeLoader)
    ]


def _permission(item: tuple[str, str]) -> Permission:
    names, arns = item
    return Permission(tuple(names.split()), tuple(arns.split()))


def _timed[T](call: Callable[[], T]) -> tuple[T, float]:
    """Return the result of a call, and its processor time in milliseconds."""
    began = time.process_time_ns()
    returned = call()
    return returned, (time.process_time_ns() - began) / 1e6


def _size(decision: Decision, compiling: Callable[..., Any]) -> int:
    """Return the length of a decision's session policy, even of one that does not fit."""
    try:
        return int(compiling(decision.permissions).size)
    except Problem as problem:
        return int(problem.extras["session_policy_size"]["characters"])


def _naive(decision: Decision) -> int:
    until = {"DateLessThan": {"aws:CurrentTime": iso(ENDS_AT)}}
    statements = [
        {"Effect": "Allow", "Action": each.actions, "Resource": each.resources, "Condition": until}
        for each in decision.permissions
    ]
    return len(json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":")))


def _characters(decisions: list[Decision], compiling: Callable[..., Any]) -> dict[str, Any]:
    wildcards = partial(compiling, options=SessionPolicyOptions(wildcards=True))
    sizes, naive = [_size(each, compiling) for each in decisions], [_naive(each) for each in decisions]
    return {
        "limit": SESSION_POLICY_LIMIT,
        "compiled_p50": statistics.median(sizes),
        "naive_p50": statistics.median(naive),
        "compiled_to_naive": round(sum(sizes) / sum(naive), 3),
        "fit": _share(sizes),
        "naive_fit": _share(naive),
        "fit_with_wildcards": _share([_size(each, wildcards) for each in decisions]),
    }


def _share(sizes: list[int]) -> float:
    return round(sum(size <= SESSION_POLICY_LIMIT for size in sizes) / len(sizes), 3)


def _figures(milliseconds: list[float]) -> dict[str, float]:
    return {
        "cpu_p50_ms": round(statistics.median(milliseconds), 3),
        "cpu_p99_ms": round(statistics.quantiles(milliseconds, n=100)[98], 3),
    }


if __name__ == "__main__":
    main()
