"""An agent calls AWS without any key: the broker makes each call, and a person approves one of them."""

import re
from collections.abc import Iterator
from itertools import islice

from local.demo.calling import NEIGHBOUR, OBJECT
from local.demo.ending import LOOP, OPERATOR, loop_calls
from local.demo.reviewing import BROWSER
from local.demo.runner import TARGET, DemoRun, DemoStepFailedError, say
from local.seed import PASSWORD, SECRET

AGENT, REVIEWER = "tidy-agent", "alice"
"""An agent that only the demo uses, because AWS denies its sessions for a minute after the suspension is lifted."""
DRAFT = "2026/draft.csv"
RESOURCE = "arn:aws:s3:::reports/2026/*"
CALLS_BEFORE = 3
INVALID = 2
"""The exit code of `jitney credentials` for a grant without credentials."""
_CHILD = re.compile(r"\(c(-[a-z2-7]{14})\) is under review", re.ASCII)


def play(run: DemoRun) -> str:
    """Run the chapter and return its grant's id."""
    grant_id = _copy(run)
    _read_a_secret(run)
    _leave_the_grant(run, grant_id)
    _delete(run, grant_id)
    _delete_another(run, grant_id)
    _suspend(run, grant_id)
    return grant_id


def _copy(run: DemoRun) -> str:
    run.step(
        "An agent without any key copies a file",
        "With --gateway, the AWS CLI calls an endpoint of jitney run, and Jitney makes the calls.",
    )
    actions = [word for name in ("GetObject", "PutObject", "DeleteObject") for word in ("--action", f"s3:{name}")]
    words = (*actions, "--resource", RESOURCE, "--for", "15m", "--reason", "tidy up the reports")
    request = ("jitney", "request", TARGET, "--way", "gateway", *words, "--json")
    grant = run.command(AGENT, *request, show=False).json()["grant"]
    run.excerpt(grant, "id", "way", "permissions", "expires_at")
    run.check("The grant is for calls through the gateway", holds=grant["way"] == "gateway")
    grant_id = str(grant["id"])
    refused = run.command(AGENT, "jitney", "credentials", "--grant", grant_id, code=INVALID)
    run.check("It has no AWS key that the agent could get", holds="gateway" in refused.text)
    copy = ("aws", "s3", "cp", f"s3://reports/{OBJECT}", f"s3://reports/{DRAFT}", "--no-progress")
    answer = run.command(AGENT, *_in(grant_id), *copy)
    run.check("The unmodified AWS CLI copies the file", holds=f"copy: s3://reports/{OBJECT}" in answer.text)
    return grant_id


def _read_a_secret(run: DemoRun) -> None:
    run.step("The agent reads a secret and gets it masked", "The rest of the answer is AWS's own.")
    words = ("--gateway", "--reason", "find the warehouse")
    get = ("aws", "secretsmanager", "get-secret-value", "--secret-id", SECRET, "--output", "json")
    answer = run.command(AGENT, "jitney", "run", TARGET, *words, "--", *get)
    masked = f'"Name": "{SECRET}"' in answer.text and "SecretString" in answer.text and PASSWORD not in answer.text
    run.check("The answer names the secret, and its value is masked", holds=masked)


def _leave_the_grant(run: DemoRun, grant_id: str) -> None:
    run.step("A call outside the grant is refused before anything is sent", "The answer shows a grant that allows it.")
    get = ("aws", "s3api", "get-object", "--bucket", "reports", "--key", "2025/q4.csv", "got")
    answer = run.command(AGENT, *_in(grant_id), *get, code=255)
    refused = "JitneyCallOutsideGrant" in answer.text and "Nothing was sent to AWS" in answer.text
    run.check("The SDK gets the refusal as an error, and AWS got nothing", holds=refused)


def _delete(run: DemoRun, grant_id: str) -> None:
    run.step(
        "The agent deletes a file after a person approved that one call",
        f"The grant covers the delete. Policy demands a review of each delete, and {REVIEWER} is a data owner.",
    )
    with run.background(AGENT, *_in(grant_id), "aws", "s3", "rm", f"s3://reports/{DRAFT}") as lines:
        child = _under_review(lines)
        mail = run.mail_to(REVIEWER, child)
        link = next((word for word in mail["text"].split() if word.endswith(child)), "")
        page = run.command(REVIEWER, "python", str(BROWSER), link, "approve", show=False)
        rest = "\n".join(lines)
    shown = [line for line in page.out.splitlines() if DRAFT in line]
    say("\n".join([*page.out.splitlines()[:1], *shown]))
    run.check("The page shows the call with its parameters", holds=bool(shown) and "DeleteObject" in page.out)
    say(rest)
    run.check("The command goes on by itself and deletes it", holds=f"delete: s3://reports/{DRAFT}" in rest, got=rest)


def _delete_another(run: DemoRun, grant_id: str) -> None:
    run.step("The approval does not cover the next delete", "It was used up by the one call.")
    with run.background(AGENT, *_in(grant_id), "aws", "s3", "rm", f"s3://reports/{NEIGHBOUR}") as lines:
        child = _under_review(lines)
    waits = f"It waits for a review of its own, and {NEIGHBOUR} stays"
    run.check(waits, holds=bool(child))


def _suspend(run: DemoRun, grant_id: str) -> None:
    run.step(
        "An operator suspends the agent, and its next call fails",
        f"A loop reads {NEIGHBOUR} through the gateway. No AWS credentials have to be revoked for this.",
    )
    with run.background(AGENT, *_in(grant_id), "python", str(LOOP), "reports", NEIGHBOUR) as lines:
        before = loop_calls(islice(lines, CALLS_BEFORE))
        worked = len(before) == CALLS_BEFORE and not any(call["denied"] for call in before)
        run.check(f"{len(before)} calls worked so far", holds=worked, got=before)
        suspend = ("jitney", "suspend", "agent", f"local.{AGENT}", "--reason", "its runner was stolen", "--json")
        suspension = run.command(OPERATOR, *suspend, show=False).json()["suspension"]
        after = loop_calls(lines)
    failed = [call["denied"] for call in after if call["denied"]]
    ended = len(failed) > 1 and [call["denied"] for call in after[-len(failed) :]] == failed
    run.check("Its next call fails, and all after it", holds=ended, got=after[-1:])
    # The first one may have passed Jitney's checks just before, and is then denied by AWS.
    by_jitney = all("JitneySuspended" in denied for denied in failed[1:])
    run.check("Jitney refuses all that begin later, and AWS gets nothing", holds=by_jitney, got=failed)
    run.command(OPERATOR, "jitney", "suspensions", "lift", suspension["id"], "--reason", "found again", show=False)


def _in(grant_id: str) -> tuple[str, ...]:
    return ("jitney", "run", "--gateway", "--grant", grant_id, "--")


def _under_review(lines: Iterator[str]) -> str:
    """Return the id of the grant of the call under review, from the first line of the waiting command."""
    line = next(lines, "")
    say(line)
    found = _CHILD.search(line)
    if found is None:
        raise DemoStepFailedError("The call waits for its review", line)
    return f"g{found[1]}"
