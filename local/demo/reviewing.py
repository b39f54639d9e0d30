"""A person decides. A write waits for its review, and a reviewer approves a part of it on the page."""

from collections.abc import Iterator
from pathlib import Path

from jitney.core.access.grant import GRANT_ID
from jitney.core.review.safe_text import defang
from local.demo.calling import NEIGHBOUR, OBJECT
from local.demo.runner import TARGET, DemoRun, DemoStepFailedError, say

BROWSER = Path(__file__).with_name("browser.py")
REVIEWER = "bob"
ARNS = tuple(f"arn:aws:s3:::reports/{key}" for key in (OBJECT, NEIGHBOUR))
ASKS = f"requests to write s3 reports/{OBJECT} and reports/{NEIGHBOUR} in analytics-prod for 1 hour"


def play(run: DemoRun) -> str:
    """Run the chapter and return its grant's id."""
    grant_id = _approve_a_part(run)
    _write_the_rejected_object(run, grant_id)
    return grant_id


def _approve_a_part(run: DemoRun) -> str:
    run.step(
        "A command waits until a person approves its request",
        f"The agent requests two objects and waits. {REVIEWER}, a data owner, gets a mail and approves one of them.",
    )
    (run.folder / "new.csv").write_text("region,revenue\nnorth,3\n", encoding="utf-8")
    resources = [word for arn in ARNS for word in ("--resource", arn)]
    words = ("--action", "s3:PutObject", *resources, "--for", "1h", "--reason", "the corrected report", "--keep")
    upload = ("aws", "s3", "cp", "new.csv", f"s3://reports/{OBJECT}")
    with run.background("writer-agent", "jitney", "run", TARGET, *words, "--", *upload) as lines:
        grant_id = _pending(lines)
        _review(run, grant_id)
        rest = "\n".join(lines)
    say(rest)
    wrote = f"upload: ./new.csv to s3://reports/{OBJECT}" in rest
    run.check("The command continues by itself and writes the object", holds=wrote, got=rest)
    less = "narrower than requested" in rest
    run.check("It says that the agent got less than it requested", holds=less, got=rest)
    return grant_id


def _pending(lines: Iterator[str]) -> str:
    """Return the id of the pending grant from the first line of the waiting command."""
    line = next(lines, "")
    say(line)
    found = GRANT_ID.search(line)
    if found is None:
        raise DemoStepFailedError("The command waits for a review", line)
    return found[0]


def _review(run: DemoRun, grant_id: str) -> None:
    mail = run.mail_to(REVIEWER, grant_id)
    say(f"The mail to {mail['to'][0]}: {mail['subject']}")
    subject = f"Moderate harm: writer-agent (local) {defang(ASKS)}"
    run.check(
        "The mail says how bad it is, and who requests what", holds=mail["subject"] == subject, got=mail["subject"]
    )
    link = next((word for word in mail["text"].split() if word.endswith(grant_id)), "")
    run.check("The mail links to the request's page", holds=bool(link), got=mail["text"])
    page = run.command(REVIEWER, "python", str(BROWSER), link, "approve", ARNS[1])
    title = f"# Agent writer-agent (local), no person named, {ASKS} from approval"
    run.check("The page says who requests what", holds=page.out.splitlines()[:1] == [title], got=page.out)
    run.check("The reviewer unchecks one object and approves the other", holds=f"[ ] on {ARNS[1]}" in page.out)


def _write_the_rejected_object(run: DemoRun, grant_id: str) -> None:
    run.step("IAM denies the object that the reviewer unchecked", "It was requested, and not granted.")
    upload = ("aws", "s3", "cp", "new.csv", f"s3://reports/{NEIGHBOUR}")
    answer = run.command("writer-agent", "jitney", "run", "--grant", grant_id, "--", *upload, code=1)
    denied = "AccessDenied" in answer.text and "no session policy allows" in answer.text
    run.check("IAM itself denies it: no session policy allows it", holds=denied)
