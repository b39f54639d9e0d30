"""An agent requests access. It gets what it requested, and IAM allows nothing else."""

from typing import Any

from local.demo.runner import TARGET, CommandResult, DemoRun

ALLOWED = "arn:aws:s3:::reports/2026/*"


def play(run: DemoRun) -> dict[str, Any]:
    """Run the chapter and return its grant, as the API shows it."""
    grant = _request(run)
    _read_inside_the_grant(run, grant)
    _read_outside_the_grant(run)
    _request_without_the_group(run)
    _request_a_write(run)
    return grant


def _request(run: DemoRun) -> dict[str, Any]:
    run.step(
        "An agent requests access",
        "The agent has an OIDC token and no AWS key. It states what it will do, for how long, and why.",
    )
    words = ("--action", "s3:GetObject", "--resource", ALLOWED, "--for", "1h", "--reason", "monthly report")
    answer = run.command("reader-agent", "jitney", "request", TARGET, *words, "--json", show=False)
    grant: dict[str, Any] = answer.json()["grant"]
    run.excerpt(grant, "id", "state", "principal", "expires_at")
    active = grant["state"] == "active"
    run.check(f"Policy allows the request: grant {grant['id']} is active until {grant['expires_at']}", holds=active)
    return grant


def _read_inside_the_grant(run: DemoRun, grant: dict[str, Any]) -> None:
    run.step(
        "The AWS CLI uses the grant",
        "The AWS CLI is unmodified, from PyPI. A profile names jitney as its credential_process.",
    )
    run.command("reader-agent", "jitney", "profile", "report", "--grant", grant["id"], "--write")
    answer = _get(run, "2026/q3.csv")
    run.check("The agent reads s3://reports/2026/q3.csv, which is in the grant", holds="ContentLength" in answer.text)


def _get(run: DemoRun, key: str, *, code: int = 0) -> CommandResult:
    words = ("aws", "s3api", "get-object", "--bucket", "reports", "--key", key, "got", "--profile", "report")
    return run.command("reader-agent", *words, code=code)


def _read_outside_the_grant(run: DemoRun) -> None:
    run.step(
        "IAM denies an object outside the grant",
        "The target's role may read the whole bucket. The grant's session may not.",
    )
    answer = _get(run, "2025/q4.csv", code=255)
    run.check("AWS answers AccessDenied, and Jitney is not involved", holds="AccessDenied" in answer.text)


def _request_without_the_group(run: DemoRun) -> None:
    run.step("An agent without the required group requests the same access")
    words = ("--action", "s3:GetObject", "--resource", ALLOWED, "--reason", "monthly report")
    answer = run.command("idle-agent", "jitney", "request", TARGET, *words, code=3)
    run.check("The request is denied, and the answer says why", holds="No policy permits" in answer.text)


def _request_a_write(run: DemoRun) -> None:
    run.step("A third agent requests a write", "Policy requires a data owner's approval, so the request is pending.")
    words = ("--action", "s3:PutObject", "--resource", "arn:aws:s3:::reports/2026/q4.csv", "--reason", "correction")
    answer = run.command("writer-agent", "jitney", "request", TARGET, *words, code=4)
    run.check("The answer names the group that reviews it", holds="data-owners" in answer.text)
