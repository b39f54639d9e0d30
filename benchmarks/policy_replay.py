"""`make bench`: what `jitney policy replay` costs for 100,000 recorded requests, in processor seconds of one process.

The records are of 200 agents, which use the sample policies. `repeated` has 2,000 distinct requests, as agents repeat
their work. `different` has another object in every request, so that no record's detail is read twice. Both include
reading the files. `decide_each_per_second` decides each request by itself, with the verdicts that the policy engine
remembers. Prints one JSON object.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.running import ROOT
from jitney.client.audit.record_lines import RecordSource
from jitney.client.policy.replay_report import ReplayOptions, replay
from jitney.configuration.policy_check import load_policies
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.identity.principal import Principal
from jitney.core.identity.requester import Requester
from jitney.core.policy.decide import decide
from jitney.core.policy.decision_inputs import DecisionInputs
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.records.audit import AuditEvent, Origin, Outcome, chain_record, principal_record, request_members
from jitney.core.replay.policy_replay import decide_again
from jitney.core.replay.recorded_requests import recorded_request
from jitney.core.report.published_lines import parse_record
from jitney.core.times import iso

REQUESTS = 100_000
DISTINCT = 2_000
AGENTS = 200
SINGLE = 2_000
PER_FILE = 5_000
NOW = 1_795_521_600
ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "dynamodb:Query", "iam:GetUser")
GROUPS = ("local/data-readers", "local/data-writers")


def main() -> None:
    """Measure and print one JSON object."""
    context = load_policies(ROOT / "jitney.yaml", os.environ).context
    figures: dict[str, Any] = {"requests": REQUESTS}
    for name, distinct in (("repeated", DISTINCT), ("different", REQUESTS)):
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), distinct, context)
            started = time.process_time()
            options = ReplayOptions(RecordSource(Path(folder)), dry_runs=False)
            replayed = replay(options, ROOT / "jitney.yaml", lambda *_: None)
            seconds = time.process_time() - started
        if (replayed.replayed, replayed.changed, replayed.other_policies) != (REQUESTS, [], 0):
            raise SystemExit(f"the replay under the policies of the records is wrong: {replayed.effects}")
        figures[name] = {"seconds": round(seconds, 1), "distinct": replayed.distinct}
    lines = [json.loads(each) for each in _lines(SINGLE, SINGLE, context)]
    started = time.process_time()
    for line in lines:
        record = parse_record(line)
        if record is None:
            raise SystemExit("a record is unreadable")
        decide_again(recorded_request(record), context)
    figures["decide_each_per_second"] = round(SINGLE / (time.process_time() - started))
    print(json.dumps(figures, indent=2))


def _write(folder: Path, distinct: int, context: CaseContext) -> None:
    files: list[str] = []
    for line in _lines(REQUESTS, distinct, context):
        files.append(line)
        if len(files) == PER_FILE:
            day = folder / f"dt={iso(NOW)[:10]}"
            day.mkdir(exist_ok=True)
            (day / f"jitney-{len(list(day.iterdir()))}").write_text("\n".join(files) + "\n", encoding="utf-8")
            files = []


def _lines(count: int, distinct: int, context: CaseContext) -> Iterator[str]:
    """Yield published lines. Request number n is about object n modulo `distinct`."""
    for number in range(count):
        yield _line(number, number % distinct, context)


def _line(number: int, kind: int, context: CaseContext) -> str:
    name = f"agent-{kind % AGENTS}"
    who = Principal(
        "https://idp.example.com", "local", name, "agent", frozenset({GROUPS[kind % len(GROUPS)]}), name,
        f"local.{name}", f"local.{name}",
    )  # fmt: skip
    action = ACTIONS[kind % len(ACTIONS)]
    arns = {
        "s3": f"arn:aws:s3:::reports/2026/{kind}.csv",
        "dynamodb": "arn:aws:dynamodb:eu-west-1:444455556666:table/orders",
        "iam": f"arn:aws:iam::444455556666:user/u{kind}",
    }
    permission = Permission((action,), (arns[action.partition(":")[0]],))
    request = AccessRequest("analytics-prod", (permission,), 300 + kind % 7 * 60, f"report {kind}", "")
    target = context.targets[request.target]
    arguments = context.policy_set, context.actions, context.limits, context.reviewers
    decision = decide(who, request, target, *arguments, windows=WindowTimes.always())
    requester = Requester(name, (), name, who.issuer, who.unit, who.source_identity, "", "")
    members = request_members(request, target, decision, requester)
    members["detail"] |= DecisionInputs.of(decision, who).detail()
    record = principal_record(AuditEvent.REQUEST, Outcome(_OUTCOMES[decision.effect]), who, Origin("203.0.113.7"), NOW)
    policies = tuple(sorted({reason.policy for reason in decision.reasons}))
    return chain_record(replace(record, policies=policies, **members), f"r-{number}").text


_OUTCOMES = {"allow": "allowed", "review": "review", "deny": "denied"}


if __name__ == "__main__":
    main()
