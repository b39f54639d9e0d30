"""A command asks by itself: what an AWS CLI command needs is worked out from its words, and decided as any request."""

import re
from dataclasses import dataclass
from typing import Any

from local.demo.runner import TARGET, DemoRun, excerpt, expect

OBJECT, NEIGHBOUR = "2026/q3.csv", "2026/q4.csv"
COPY = ("aws", "s3", "cp", f"s3://reports/{OBJECT}", ".")
NEEDED = [{"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::reports/{OBJECT}"]}]
_GRANT_ID = re.compile(r"g-[a-z2-7]{14}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Called:
    """The grant that a command got, which is still active, and the id of the one that waits for a review."""

    grant: dict[str, Any]
    pending_id: str


def play(stage: DemoRun) -> Called:
    """The chapter."""
    _explain(stage)
    grant = _run(stage)
    _read_the_neighbour(stage, grant)
    pending_id = _ask_to_delete(stage)
    _ask_for_a_user(stage)
    return Called(grant, pending_id)


def _explain(stage: DemoRun) -> None:
    stage.step("What would this command need?", "Nothing is declared, run or issued: the command line says it all.")
    ran = stage.run("reader-agent", "jitney", "explain", TARGET, "--json", "--", *COPY, show=False)
    told = ran.json()
    excerpt(told, "effect", "explanation", "session_policy")
    allowed = [each for each in told["session_policy"]["Statement"] if each["Effect"] == "Allow"]
    alone = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": NEEDED[0]["resources"][0]}]
    expect("The session policy would allow reading that object, and nothing else", holds=allowed == alone)


def _run(stage: DemoRun) -> dict[str, Any]:
    why = "--keep leaves the grant for the steps to come; without it, it is given back when the command has ended."
    stage.step("It runs, with a grant for that object only", why)
    ran = stage.run("reader-agent", "jitney", "run", TARGET, "--keep", "--reason", "monthly report", "--", *COPY)
    expect("The object is downloaded", holds="download: s3://reports/2026/q3.csv" in ran.said)
    listed = stage.run("reader-agent", "jitney", "grants", "list", "--json", show=False).json()["grants"]
    found = [grant for grant in listed if grant["state"] == "active" and grant["permissions"] == NEEDED]
    for grant in found[:1]:
        excerpt(grant, "id", "state", "permissions", "expires_at")
    expect("Its grant allows s3:GetObject on that object, and nothing else", holds=bool(found))
    newest: dict[str, Any] = found[0]
    return newest


def _read_the_neighbour(stage: DemoRun, grant: dict[str, Any]) -> None:
    stage.step("The object beside it", "In the same folder, readable for the role; not for this session.")
    get = ("aws", "s3api", "get-object", "--bucket", "reports", "--key", NEIGHBOUR, "got")
    ran = stage.run("reader-agent", "jitney", "run", "--grant", grant["id"], "--", *get, expect=255)
    expect("IAM itself denies it", holds="AccessDenied" in ran.said and "no session policy allows" in ran.said)


def _ask_to_delete(stage: DemoRun) -> str:
    why = "Policy wants a data owner's approval. --no-wait ends at once; without it, the command runs once approved."
    stage.step("A command that deletes waits for a person", why)
    remove = ("--no-wait", "--reason", "replaced by a new one", "--", "aws", "s3", "rm", f"s3://reports/{OBJECT}")
    ran = stage.run("writer-agent", "jitney", "run", TARGET, *remove, expect=4)
    expect("Under review, it says by whom, and nothing was deleted", holds="review by data-owners" in ran.said)
    return "".join(_GRANT_ID.findall(ran.said)[:1])


def _ask_for_a_user(stage: DemoRun) -> None:
    stage.step("A command that makes a user is denied", "Whatever else permits it: a forbid wins.")
    create = ("--reason", "a helper for the report", "--", "aws", "iam", "create-user", "--user-name", "helper")
    ran = stage.run("reader-agent", "jitney", "run", TARGET, *create, expect=3)
    expect("Denied, and it says why", holds="changed through code review" in ran.said)
