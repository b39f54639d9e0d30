"""Grants end: an operator revokes one that is in use, and another one expires."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from local.demo.calling import OBJECT
from local.demo.runner import TARGET, CommandResult, DemoRun, DemoStepFailedError, console, say

LOOP = Path(__file__).with_name("loop.py")
OPERATOR = "incident-bot"
CALLS_BEFORE = 10
LIFETIMES = (15, 60, 240, 960, 3600)
"""The durations of the short grant, in seconds. If the machine is too slow for one value, the next one is used."""
MEASURED = r'"denied_after_milliseconds": *[1-9]'
"""The text that a grant shows after its revocation was measured."""
ENDED = 7
"""The exit code of `jitney credentials` for a grant that has ended."""


@dataclass(frozen=True, slots=True)
class ShortGrant:
    """A grant as the API shows it, and its keys as environment variables."""

    grant: dict[str, Any]
    keys: dict[str, str]


def play(run: DemoRun, used: Mapping[str, Any]) -> str:
    """Run the chapter: revoke `used`, and let a short grant expire. Return the short grant's id."""
    short = _use_a_short_grant(run)
    _revoke_while_used(run, used["id"])
    _show_the_expiry(run, short)
    return str(short.grant["id"])


def _use_a_short_grant(run: DemoRun) -> ShortGrant:
    run.step(
        f"An agent requests access for {LIFETIMES[0]} seconds and copies the keys out",
        "A later step tries the copied keys after the grant's end.",
    )
    for seconds in LIFETIMES:
        if short := _short_grant(run, seconds):
            return short
        say(f"This machine needs more than {seconds} s for these commands: the agent requests a longer grant.")
    raise DemoStepFailedError("The keys work before their grant ends", f"every grant of up to {seconds} s had ended")


def _short_grant(run: DemoRun, seconds: int) -> ShortGrant | None:
    """Return a new grant whose keys have read the object. Return None if the grant ended before that."""
    words = ("--action", "s3:GetObject", "--resource", f"arn:aws:s3:::reports/{OBJECT}", "--for", f"{seconds}s")
    answer = run.command(
        "reader-agent", "jitney", "request", TARGET, *words, "--reason", "a short look", "--json", show=False
    )
    grant: dict[str, Any] = answer.json()["grant"]
    issued = run.command("reader-agent", "jitney", "credentials", "--grant", grant["id"], code=(0, ENDED), show=False)
    if issued.code == ENDED:
        return None
    keys = issued.json()
    same = keys["Expiration"] == grant["expires_at"]
    run.check(f"The keys end when the grant ends, at {grant['expires_at']}", holds=same, got=keys["Expiration"])
    copied = {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    read = _get(run, copied, 0, 255)
    if read.code:
        run.check("AWS refuses the keys only because they have ended", holds=_refused(read))
        return None
    run.check("The copied keys read the object", holds="ContentLength" in read.text)
    return ShortGrant(grant, copied)


def _get(run: DemoRun, keys: Mapping[str, str], *codes: int) -> CommandResult:
    get = ("aws", "s3api", "get-object", "--bucket", "reports", "--key", OBJECT, "got")
    return run.command("reader-agent", *get, code=codes, more=keys)


def _refused(read: CommandResult) -> bool:
    """Return whether AWS refused the keys because they have expired."""
    return any(word in read.text for word in ("AccessDenied", "ExpiredToken"))


def _revoke_while_used(run: DemoRun, grant_id: str) -> None:
    run.step(
        "An operator revokes a grant while it is used",
        "A loop reads the object again and again. The operator is in a group that jitney.yaml lists in `operators`.",
    )
    loop = ("jitney", "run", "--grant", grant_id, "--", "python", str(LOOP), "reports", OBJECT)
    with run.background("reader-agent", *loop) as lines:
        calls = loop_calls(islice(lines, CALLS_BEFORE))
        worked = len(calls) == CALLS_BEFORE and not _denied(calls)
        run.check(f"{len(calls)} calls worked so far", holds=worked, got=calls)
        pressed = time.time()
        run.command(OPERATOR, "jitney", "grants", "revoke", grant_id, "--reason", "the laptop was stolen")
        calls += loop_calls(lines)
    _show_the_loop(run, calls, pressed)
    _show_the_grant(run, grant_id)


def loop_calls(lines: Iterator[str]) -> list[dict[str, Any]]:
    """Return the loop's calls. Raises DemoStepFailedError for a line that is not a call."""
    calls = []
    for line in lines:
        try:
            calls.append(json.loads(line))
        except ValueError as error:
            raise DemoStepFailedError("The loop reports a call on each line", line) from error
    return calls


def _denied(calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [call for call in calls if call["denied"]]


def _show_the_loop(run: DemoRun, calls: Sequence[dict[str, Any]], pressed: float) -> None:
    denied = _denied(calls)
    run.check("AWS denies the loop's calls", holds=bool(denied), got=calls[-1:])
    first, worked = denied[0], len(calls) - len(denied)
    say(f"calls 1 to {worked}: worked\ncall {first['call']}: {first['denied']}")
    by_aws = all("AccessDenied" in call["denied"] for call in denied)
    ended = by_aws and list(calls[worked:]) == denied and len(denied) > 1
    more = f"{worked} calls worked; call {first['call']} and all {len(denied) - 1} after it were denied, by AWS"
    run.check(more, holds=ended, got=calls[worked:])
    seconds = first["at"] - pressed
    text = f"{seconds:.2f} s from the operator's Enter to the first denied call, including the command's own start"
    run.check(text, holds=seconds > 0)


def _show_the_grant(run: DemoRun, grant_id: str) -> None:
    """Show GET /v1/grants/{id}: who revoked the grant, and how soon the broker saw AWS deny it."""
    show = ("jitney", "grants", "show", grant_id, "--json")
    answer = run.command("reader-agent", *show, code=3, show=False, until=MEASURED)
    grant = answer.json()["grant"]
    run.excerpt(grant, "id", "state", "ending")
    ending = grant["ending"] or {}
    known = (grant["state"], ending.get("by")) == ("revoked", f"local.{OPERATOR}")
    run.check("The grant says who revoked it, and why", holds=known)
    milliseconds = ending.get("denied_after_milliseconds")
    text = f"{(milliseconds or 0) / 1000:.2f} s from the call to the first denial, by the broker's own canary session"
    run.check(text, holds=bool(milliseconds))


def _show_the_expiry(run: DemoRun, short: ShortGrant) -> None:
    run.step("The short grant expires by itself", "The credentials contain their end, so no process has to end them.")
    _wait_until(short.grant["expires_at"])
    read = _get(run, short.keys, 255)
    run.check("AWS refuses the copied keys", holds=_refused(read))
    answer = run.command("reader-agent", "jitney", "credentials", "--grant", short.grant["id"], code=ENDED)
    run.check("Jitney issues no new keys for the grant", holds="ended" in answer.text)


def _wait_until(moment: str) -> None:
    """Wait until two seconds after `moment`, because IAM still allows calls in that second."""
    end = datetime.fromisoformat(moment).timestamp() + 2
    with console.status(f"waiting for {moment}"):
        time.sleep(max(0.0, end - time.time()))
