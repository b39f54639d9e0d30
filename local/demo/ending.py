"""Grants end: one is taken back while a loop uses it, and the other by itself."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from local.demo.asking import GrantedAccess
from local.demo.calling import OBJECT
from local.demo.runner import DemoRun, DemoStepFailedError, console, excerpt, expect, say

LOOP = Path(__file__).with_name("loop.py")
OPERATOR = "incident-bot"
CALLS_BEFORE = 10


def play(stage: DemoRun, looping: Mapping[str, Any], lent: GrantedAccess) -> None:
    """The chapter: `looping` is revoked, `lent` ends by itself."""
    _revoke_mid_loop(stage, looping["id"])
    _after_the_end(stage, lent)


def _revoke_mid_loop(stage: DemoRun, grant_id: str) -> None:
    why = "A loop reads the object again and again. An operator, of a group in `operators` of jitney.yaml, ends that."
    stage.step("A grant is revoked while it is used", why)
    loop = ("jitney", "run", "--grant", grant_id, "--", "python", str(LOOP), "reports", OBJECT)
    with stage.meanwhile("reader-agent", *loop) as lines:
        calls = _read(islice(lines, CALLS_BEFORE))
        expect(f"{len(calls)} calls worked so far", holds=len(calls) == CALLS_BEFORE and not _denied(calls))
        pressed = time.time()
        stage.run(OPERATOR, "jitney", "grants", "revoke", grant_id, "--reason", "the laptop was stolen")
        calls += _read(lines)
    _tell_the_loop(calls, pressed)
    _tell_the_grant(stage, grant_id)


def _read(lines: Iterator[str]) -> list[dict[str, Any]]:
    """The loop's calls. Raises NotAsTold with what it says instead of them."""
    calls = []
    for line in lines:
        try:
            calls.append(json.loads(line))
        except ValueError as error:
            raise DemoStepFailedError(f"the loop says {line}") from error
    return calls


def _denied(calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [call for call in calls if call["denied"]]


def _tell_the_loop(calls: Sequence[dict[str, Any]], pressed: float) -> None:
    denied = _denied(calls)
    expect("The loop's calls are denied", holds=bool(denied))
    first, worked = denied[0], len(calls) - len(denied)
    say(f"calls 1 to {worked}: worked\ncall {first['call']}: {first['denied']}")
    by_aws = all("AccessDenied" in call["denied"] for call in denied)
    more = f"{worked} calls worked; call {first['call']} and all {len(denied) - 1} after it were denied, by AWS"
    expect(more, holds=by_aws and list(calls[worked:]) == denied and len(denied) > 1)
    seconds = first["at"] - pressed
    told = f"{seconds:.2f} s from the operator's Enter to the first denied call, the command's own start included"
    expect(told, holds=seconds > 0)


def _tell_the_grant(stage: DemoRun, grant_id: str) -> None:
    """What the broker measured is kept with the grant: GET /v1/grants/{id}."""
    ran = stage.run("reader-agent", "jitney", "grants", "show", grant_id, "--json", expect=3, show=False)
    grant = ran.json()["grant"]
    excerpt(grant, "id", "state", "ending")
    ending = grant["ending"] or {}
    known = (grant["state"], ending.get("by")) == ("revoked", f"local.{OPERATOR}")
    expect("The agent is told who took the grant back, and why", holds=known)
    milliseconds = ending.get("denied_after_milliseconds")
    told = f"{(milliseconds or 0) / 1000:.2f} s from the call to the first denial, by the broker's own canary session"
    expect(told, holds=bool(milliseconds))


def _after_the_end(stage: DemoRun, lent: GrantedAccess) -> None:
    stage.step("The first grant ends by itself", "Nothing has to run for it: the end is in the credentials.")
    _wait_until(lent.grant["expires_at"])
    get = ("aws", "s3api", "get-object", "--bucket", "reports", "--key", OBJECT, "got")
    ran = stage.run("reader-agent", *get, expect=255, more=lent.keys)
    denied = any(word in ran.said for word in ("AccessDenied", "ExpiredToken"))
    expect("The copied keys are refused by AWS", holds=denied)
    ran = stage.run("reader-agent", "jitney", "credentials", "--grant", lent.grant["id"], expect=7)
    expect("And Jitney gives no new ones for it", holds="ended" in ran.said)


def _wait_until(moment: str) -> None:
    """Wait until a second after `moment`, which IAM still allows."""
    ends = datetime.fromisoformat(moment).timestamp() + 2
    with console.status(f"waiting for {moment}"):
        time.sleep(max(0.0, ends - time.time()))
