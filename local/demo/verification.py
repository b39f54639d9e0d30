"""An auditor verifies the records three times: before a change, after it, and after its repair."""

from local.agent_shell import ADMINISTRATOR, AUDITOR
from local.demo.runner import DemoRun, DemoStepFailedError, say

REASON = "nothing to see here"


def play(run: DemoRun, grant_id: str) -> None:
    """Run the chapter: seal and verify the records in S3, change one record of the grant, and find the change."""
    _seal(run)
    _verify(run)
    path = _change(run, grant_id)
    _restore(run, path)


def _seal(run: DemoRun) -> None:
    run.step("Jitney seals the records", "A function signs new records every hour. Here it runs at once.")
    invoke = ("aws", "lambda", "invoke", "--function-name", "jitney-sealer", "seal.json")
    run.command(ADMINISTRATOR, *invoke, show=False)


def _verify(run: DemoRun) -> None:
    run.step(
        "An auditor verifies the records",
        "The auditor trusts one key, whose fingerprint the deployment printed.",
    )
    said = run.command(AUDITOR, "jitney", "audit", "verify").text
    run.check("Every record is unchanged and in its place in its chain", holds="all verified" in said)


def _change(run: DemoRun, grant_id: str) -> str:
    run.step("An administrator changes a record in S3", "This person has every permission in the account.")
    bucket = run.stack["buckets"]["records"]
    sync = ("aws", "s3", "sync", f"s3://{bucket}/records", "records", "--only-show-errors")
    run.command(ADMINISTRATOR, *sync, show=False)
    found = run.command(ADMINISTRATOR, "grep", "-rl", f'"event":"request".*"grant_id":"{grant_id}"', "records")
    path = found.out.splitlines()[0] if found.out else ""
    if not path.startswith("records/"):
        raise DemoStepFailedError(f"An object holds the request of {grant_id}", found.text)
    run.command(ADMINISTRATOR, "sed", "-i.was", f's/"reason":"[^"]*"/"reason":"{REASON}"/', path, show=False)
    run.command(ADMINISTRATOR, "aws", "s3", "cp", path, f"s3://{bucket}/{path}", "--only-show-errors", show=False)
    said = run.command(AUDITOR, "jitney", "audit", "verify", code=1, show=False).text
    say(said)
    named = f"In {path}, record 0 of {grant_id} was changed" in said
    run.check("The verification names the changed record, its grant and its object", holds=named)
    return path


def _restore(run: DemoRun, path: str) -> None:
    run.step("The administrator restores the record")
    location = f"s3://{run.stack['buckets']['records']}/{path}"
    run.command(ADMINISTRATOR, "aws", "s3", "cp", f"{path}.was", location, "--only-show-errors", show=False)
    said = run.command(AUDITOR, "jitney", "audit", "verify").text
    run.check("The records verify again", holds="all verified" in said)
