"""`make bench`: what deciding and compiling cost, and how small session policies become.

The 500 requests are those of `requests.yaml`, and those that the command lines of `commands.txt` need.

Times are processor times in one process without I/O. Each round uses other names, so that no cache has them.

The policy engine remembers verdicts. `decide` measures an agent with remembered verdicts, `decide_first` an agent
without. `limited` has conditions on the actions of `CONDITIONS`. `naive` has one statement for each decided permission,
the end as its condition, and no white space. Prints one JSON object.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any
from zlib import crc32

import yaml

from benchmarks.running import ROOT
from jitney import resources
from jitney.core.access.conditions import Conditions, conditions_of
from jitney.core.access.decision import Decision
from jitney.core.access.request import AccessRequest, Permission, permissions_of
from jitney.core.access.session_policy import SESSION_POLICY_LIMIT, SessionPolicyOptions, compile_policy
from jitney.core.actions import ActionTable
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.explainer import explain_line
from jitney.core.calls.operations import OperationTable
from jitney.core.config import Limits, Policies
from jitney.core.identity.principal import Principal
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decide import decide
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.problems import Problem
from jitney.core.target_config import Target
from jitney.core.times import iso

ROUNDS = 8
CONDITIONS = {
    "s3:ListBucket": conditions_of({"s3:prefix": ["2026/", "2026/*"]}),
    "s3:ListBucketVersions": conditions_of({"s3:prefix": ["2026/", "2026/*"]}),
    "dynamodb:GetItem": conditions_of({"dynamodb:LeadingKeys": ["tenant-1"]}),
    "dynamodb:Query": conditions_of({"dynamodb:LeadingKeys": ["tenant-1"]}),
    "dynamodb:PutItem": conditions_of({"dynamodb:LeadingKeys": ["tenant-1"]}),
    "ec2:RunInstances": conditions_of({"ec2:InstanceType": ["t3.*"]}),
    "ec2:StopInstances": conditions_of({"aws:ResourceTag/team": ["data"]}),
    "kms:Decrypt": conditions_of({"kms:ViaService": ["s3.eu-west-1.amazonaws.com"]}),
}
SEALED = SessionPolicyOptions("203.0.113.7", sealed=True)
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
    policies, windows = _policies(), WindowTimes.always()
    anybody = partial(decide, target=TARGET, policy_set=policies, actions=actions, limits=LIMITS, windows=windows)
    deciding = partial(anybody, PRINCIPAL)
    compiling = partial(compile_policy, ends_at=ENDS_AT, actions=actions)
    requests = _requests("acme")
    decisions = [deciding(request) for request in requests]
    first_ms: list[float] = []
    decide_ms, compile_ms, sealed_ms = [], [], []
    for number in range(ROUNDS):
        for request in _requests(f"first{number:02}"):
            stranger = replace(PRINCIPAL, source_identity=f"corp.agent-{len(first_ms)}")
            first_ms.append(_timed(partial(anybody, stranger, request))[1])
        for request in _requests(f"acme{number:02}"):
            decision, milliseconds = _timed(partial(deciding, request))
            decide_ms.append(milliseconds)
            compile_ms.append(_timed(partial(_size, decision.permissions, compiling))[1])
            sealing = partial(_size, _limited(decision.permissions), partial(compiling, options=SEALED))
            sealed_ms.append(_timed(sealing)[1])
    print(
        json.dumps(
            {
                "requests": len(requests),
                "decide": _figures(decide_ms),
                "decide_first": _figures(first_ms),
                "compile": _figures(compile_ms) | {"per_second": round(1000 / statistics.mean(compile_ms))},
                "compile_sealed_and_limited": _figures(sealed_ms),
                "characters": _characters(decisions, compiling),
            },
            indent=2,
        )
    )


def _policies() -> PolicySet:
    never, schema = (path.read_text("utf-8") for path in (ROOT / "policies" / "never.cedar", resources.SCHEMA))
    return PolicySet.load(Policies(PERMITTED + never, schema, "benchmark"))


def _requests(name: str) -> list[AccessRequest]:
    """Return the checked-in requests, with `name` instead of acme, or in an account of its own."""
    folder = Path(__file__).parent
    text = (folder / "requests.yaml").read_text(encoding="utf-8").replace("acme", name)
    place = AwsLocation("aws", TARGET.region, f"{crc32(name.encode()):012}")
    lines = (
        (folder / "commands.txt").read_text(encoding="utf-8").replace(TARGET.account, place.account).splitlines()[1:]
    )
    wanted = [tuple(map(_permission, permissions.items())) for permissions in yaml.load(text, yaml.CSafeLoader)]
    for commands in (line.split(" && ") for line in lines):
        explained = [each for command in commands for each in explain_line(command, place, _operations())]
        wanted.append(permissions_of(explained))
    return [AccessRequest(TARGET.alias, permissions, 900, "a benchmark", "") for permissions in wanted]


@cache
def _operations() -> OperationTable:
    return OperationTable.load(resources.OPERATIONS.read_bytes())


def _limited(permissions: tuple[Permission, ...]) -> tuple[Permission, ...]:
    """Return the permissions with `CONDITIONS`."""
    return tuple(
        Permission(tuple(names), each.resources, limits or each.conditions)
        for each in permissions
        for limits, names in groupby(sorted(each.actions, key=_conditions), key=_conditions)
    )


def _conditions(action: str) -> Conditions:
    return CONDITIONS.get(action, ())


def _permission(item: tuple[str, str]) -> Permission:
    names, arns = item
    return Permission(tuple(names.split()), tuple(arns.split()))


def _timed[T](call: Callable[[], T]) -> tuple[T, float]:
    """Return the result of a call, and its processor time in milliseconds."""
    began = time.process_time_ns()
    returned = call()
    return returned, (time.process_time_ns() - began) / 1e6


def _size(permissions: tuple[Permission, ...], compiling: Callable[..., Any]) -> int:
    """Return the length of a session policy, even of one that does not fit."""
    try:
        return int(compiling(permissions).size)
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
    wanted = [each.permissions for each in decisions]
    sizes, naive = [_size(each, compiling) for each in wanted], [_naive(each) for each in decisions]
    limited = [_limited(each) for each in wanted]
    sealed = [_size(each, partial(compiling, options=SEALED)) for each in limited]
    both = SEALED._replace(wildcards=True)
    return {
        "limit": SESSION_POLICY_LIMIT,
        "compiled_p50": statistics.median(sizes),
        "naive_p50": statistics.median(naive),
        "compiled_to_naive": round(sum(sizes) / sum(naive), 3),
        "fit": _share(sizes),
        "naive_fit": _share(naive),
        "fit_with_wildcards": _share([_size(each, wildcards) for each in wanted]),
        "sealed_and_limited_p50": statistics.median(sealed),
        "fit_limited": _share([_size(each, compiling) for each in limited]),
        "fit_sealed": _share([_size(each, partial(compiling, options=SEALED)) for each in wanted]),
        "fit_sealed_and_limited": _share(sealed),
        "fit_sealed_and_limited_with_wildcards": _share(
            [_size(each, partial(compiling, options=both)) for each in limited]
        ),
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
