"""A person decides: a write waits, a reviewer approves less on the page, and less is what the agent gets."""

import re
from pathlib import Path

from local.demo.calling import NEIGHBOUR, OBJECT
from local.demo.runner import TARGET, DemoRun, DemoStepFailedError, expect, say

BROWSER = Path(__file__).with_name("browser.py")
REVIEWER = "bob"
ARNS = tuple(f"arn:aws:s3:::reports/{key}" for key in (OBJECT, NEIGHBOUR))
_GRANT_ID = re.compile(r"g-[a-z2-7]{14}", re.ASCII)


def play(stage: DemoRun) -> str:
    """The chapter; the id of its grant."""
    grant_id = _approve_less(stage)
    _write_the_other(stage, grant_id)
    return grant_id


def _approve_less(stage: DemoRun) -> str:
    why = f"The agent asks to write two objects, and waits. {REVIEWER}, a data owner, gets a mail and decides."
    stage.step("A write waits, and goes on when a person has approved", why)
    (stage.folder / "new.csv").write_text("region,revenue\nnorth,3\n", encoding="utf-8")
    asked = [word for arn in ARNS for word in ("--resource", arn)]
    ask = ("--action", "s3:PutObject", *asked, "--reason", "the corrected report", "--keep")
    upload = ("aws", "s3", "cp", "new.csv", f"s3://reports/{OBJECT}")
    with stage.meanwhile("writer-agent", "jitney", "run", TARGET, *ask, "--", *upload) as lines:
        waiting = next(lines, "")
        say(waiting)
        found = _GRANT_ID.search(waiting)
        if found is None:
            raise DemoStepFailedError(f"it does not wait: {waiting}")
        mail = stage.mail_to(REVIEWER, found[0])
        asks = "local.writer-agent asks for write access to analytics-prod"
        say(f"The mail to {mail['to'][0]}: {mail['subject']}")
        expect("The mail says who asks for what", holds=mail["subject"] == asks)
        link = next((word for word in mail["text"].split() if word.endswith(found[0])), "")
        expect("It leads to the request's page", holds=bool(link))
        read = stage.run(REVIEWER, "python", str(BROWSER), link, "approve", ARNS[1])
        first = read.out.splitlines()[:1]
        expect(
            "The page says who asks for what",
            holds=first == [f"# {asks}"],
        )
        expect("One of two objects is unchecked, and the rest approved", holds=f"[ ] on {ARNS[1]}" in read.out)
        rest = "\n".join(lines)
    say(rest)
    expect(
        "The command went on by itself, and wrote the object",
        holds=f"upload: ./new.csv to s3://reports/{OBJECT}" in rest,
    )
    expect("It is told that it got less than it asked for", holds="for less than you asked" in rest)
    return found[0]


def _write_the_other(stage: DemoRun, grant_id: str) -> None:
    stage.step("The object that was unchecked", "It was asked for, and not granted.")
    upload = ("aws", "s3", "cp", "new.csv", f"s3://reports/{NEIGHBOUR}")
    ran = stage.run("writer-agent", "jitney", "run", "--grant", grant_id, "--", *upload, expect=1)
    expect("IAM itself denies it", holds="AccessDenied" in ran.said and "no session policy allows" in ran.said)
