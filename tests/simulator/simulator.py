"""The independent simulator (@cloud-copilot/iam-simulate). It is installed at first use and runs in its own process."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.identity import NODE, install

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """Calls (action, ARN) of a session with `policy` at `now` (ISO 8601), from `source_ip`."""

    policy: dict[str, Any]
    now: str
    calls: Sequence[tuple[str, str]]
    source_ip: str = "203.0.113.7"


def simulate(cases: Sequence[Case]) -> list[list[bool | None]]:
    """Return whether each call of each case is allowed; None for a call that AWS does not have, by the simulator."""
    install(FOLDER)
    run = subprocess.run(
        [str(NODE), "simulate.mjs"],
        input="\n".join(json.dumps(asdict(case)) for case in cases),
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert [len(each) for each in answers] == [len(case.calls) for case in cases]
    return [[read(answer) for answer in each] for each in answers]


def read(answer: str) -> bool | None:
    """Return one answer: None only for what the simulator says of a call. What it says of the policy is a failure."""
    if not answer.startswith("error:"):
        return answer == "Allowed"
    assert json.loads(answer.removeprefix("error:"))["message"] in NO_SUCH_CALL, answer
    return None


NO_SUCH_CALL = {
    "no.resource.types",
    "multiple.resource.types",
    "invalid.service",
    "invalid.action",
    "must.use.wildcard",
}
