"""Afterwards an auditor has the records proven, and somebody changes one by hand."""

from local.agent_shell import ADMINISTRATOR, AUDITOR
from local.demo.runner import DemoRun, DemoStepFailedError, expect, say

REASON = "nothing to see here"


def play(stage: DemoRun, grant_id: str) -> None:
    """The chapter: the records in S3 are sealed, verified, and one of the grant's is changed and found."""
    _sealed(stage)
    path = _changed(stage, grant_id)
    _put_back(stage, path)


def _sealed(stage: DemoRun) -> None:
    stage.step("The records are sealed", "Every hour a function signs what came. Here it runs at once.")
    stage.run(ADMINISTRATOR, "aws", "lambda", "invoke", "--function-name", "jitney-sealer", "seal.json", show=False)
    stage.step(
        "An auditor verifies the records, from S3 alone",
        "It trusts one key: its fingerprint is noted on deploying.",
    )
    said = stage.run(AUDITOR, "jitney", "audit", "verify").said
    expect("Every record is as it was sealed, and in its place in its chain", holds="all as they were sealed" in said)


def _changed(stage: DemoRun, grant_id: str) -> str:
    stage.step("Somebody changes a record in S3 by hand", "With every right in the account that there is.")
    bucket = stage.stack["buckets"]["records"]
    stage.run(ADMINISTRATOR, "aws", "s3", "sync", f"s3://{bucket}/records", "records", "--only-show-errors", show=False)
    found = stage.run(ADMINISTRATOR, "grep", "-rl", f'"event":"request".*"grant_id":"{grant_id}"', "records")
    path = found.out.splitlines()[0] if found.out else ""
    if not path.startswith("records/"):
        raise DemoStepFailedError(f"no object holds the request of {grant_id}")
    stage.run(ADMINISTRATOR, "sed", "-i.was", f's/"reason":"[^"]*"/"reason":"{REASON}"/', path, show=False)
    stage.run(ADMINISTRATOR, "aws", "s3", "cp", path, f"s3://{bucket}/{path}", "--only-show-errors", show=False)
    said = stage.run(AUDITOR, "jitney", "audit", "verify", expect=1, show=False).said
    say(said)
    named = f"In {path}, record 0 of {grant_id} was changed" in said
    expect("It is found, and named: the record, its grant, and the object", holds=named)
    return path


def _put_back(stage: DemoRun, path: str) -> None:
    stage.step("What was there is put back")
    place = f"s3://{stage.stack['buckets']['records']}/{path}"
    stage.run(ADMINISTRATOR, "aws", "s3", "cp", f"{path}.was", place, "--only-show-errors", show=False)
    said = stage.run(AUDITOR, "jitney", "audit", "verify").said
    expect("The records are those that were written", holds="all as they were sealed" in said)
