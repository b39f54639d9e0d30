"""A command requests access for itself: the broker derives the permissions from the AWS CLI command line."""

from dataclasses import dataclass
from typing import Any

from jitney.core.access.grant import GRANT_ID
from local.demo.runner import TARGET, DemoRun

OBJECT, NEIGHBOUR = "2026/q3.csv", "2026/q4.csv"
COPY = ("aws", "s3", "cp", f"s3://reports/{OBJECT}", ".")
NEEDED = [{"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::reports/{OBJECT}"]}]


@dataclass(frozen=True, slots=True)
class CommandGrants:
    """The active grant of the first command, and the id of the second command's pending request."""

    grant: dict[str, Any]
    pending_id: str


def play(run: DemoRun) -> CommandGrants:
    """Run the chapter."""
    _explain(run)
    grant = _run(run)
    _read_the_neighbour(run, grant)
    pending_id = _delete(run)
    _create_a_user(run)
    return CommandGrants(grant, pending_id)


def _explain(run: DemoRun) -> None:
    run.step(
        "`jitney explain` shows what a command needs",
        "It derives the permissions from the command line. It runs nothing and issues nothing.",
    )
    answer = run.command("reader-agent", "jitney", "explain", TARGET, "--json", "--", *COPY, show=False)
    decision = answer.json()
    run.excerpt(decision, "effect", "explanation", "session_policy")
    allowed = [each for each in decision["session_policy"]["Statement"] if each["Effect"] == "Allow"]
    alone = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": NEEDED[0]["resources"][0]}]
    run.check("The session policy would allow reading that object, and nothing else", holds=allowed == alone)


def _run(run: DemoRun) -> dict[str, Any]:
    run.step(
        "`jitney run` runs the command with a grant for that object only",
        "--keep keeps the grant for later steps. Without it, jitney releases the grant when the command ends.",
    )
    words = ("--keep", "--for", "1h", "--reason", "monthly report", "--", *COPY)
    answer = run.command("reader-agent", "jitney", "run", TARGET, *words)
    run.check("The command downloads the object", holds="download: s3://reports/2026/q3.csv" in answer.text)
    listed = run.command("reader-agent", "jitney", "grants", "list", "--json", show=False).json()["grants"]
    found = [grant for grant in listed if grant["state"] == "active" and grant["permissions"] == NEEDED]
    for grant in found[:1]:
        run.excerpt(grant, "id", "state", "permissions", "expires_at")
    run.check("Its grant allows s3:GetObject on that object, and nothing else", holds=bool(found))
    newest: dict[str, Any] = found[0]
    return newest


def _read_the_neighbour(run: DemoRun, grant: dict[str, Any]) -> None:
    run.step(
        "IAM denies the object beside it",
        "It is in the same folder. The target's role may read it, and the grant's session may not.",
    )
    get = ("aws", "s3api", "get-object", "--bucket", "reports", "--key", NEIGHBOUR, "got")
    answer = run.command("reader-agent", "jitney", "run", "--grant", grant["id"], "--", *get, code=255)
    denied = "AccessDenied" in answer.text and "no session policy allows" in answer.text
    run.check("IAM itself denies it: no session policy allows it", holds=denied)


def _delete(run: DemoRun) -> str:
    run.step(
        "A command that deletes needs a person's approval",
        "--no-wait ends the command at once. Without it, the command waits and runs after the approval.",
    )
    remove = ("--no-wait", "--reason", "replaced by a new one", "--", "aws", "s3", "rm", f"s3://reports/{OBJECT}")
    answer = run.command("writer-agent", "jitney", "run", TARGET, *remove, code=4)
    named = "review by data-owners" in answer.text
    run.check("The answer names the group that reviews it, and nothing is deleted", holds=named)
    return "".join(GRANT_ID.findall(answer.text)[:1])


def _create_a_user(run: DemoRun) -> None:
    run.step("Policy denies a command that creates a user", "A forbid overrides every permit.")
    create = ("--reason", "a helper for the report", "--", "aws", "iam", "create-user", "--user-name", "helper")
    answer = run.command("reader-agent", "jitney", "run", TARGET, *create, code=3)
    run.check("The command is denied, and the answer says why", holds="code review, not through Jitney" in answer.text)
