"""An agent asks for access in words of its own: it gets what it asked for, and IAM holds it to that."""

from dataclasses import dataclass
from typing import Any

from local.demo.runner import TARGET, CommandResult, DemoRun, DemoStepFailedError, excerpt, expect

ALLOWED = "arn:aws:s3:::reports/2026/*"
SECONDS = 15


@dataclass(frozen=True, slots=True)
class GrantedAccess:
    """A grant as the API shows it, and a copy of its keys as environment variables."""

    grant: dict[str, Any]
    keys: dict[str, str]


def play(stage: DemoRun) -> GrantedAccess:
    """The chapter; the grant that it asked for ends by itself, `SECONDS` after its begin."""
    grant = _ask(stage)
    _read_what_was_granted(stage, grant)
    keys = _copy_of_the_keys(stage, grant)
    _read_beside_it(stage)
    _ask_without_the_group(stage)
    _ask_for_a_review(stage)
    return GrantedAccess(grant, keys)


def _ask(stage: DemoRun) -> dict[str, Any]:
    stage.step("An agent asks", "It has an OIDC token and no AWS key. It says what it wants to do, how long, and why.")
    words = ("--action", "s3:GetObject", "--resource", ALLOWED, "--for", f"{SECONDS}s", "--reason", "monthly report")
    ran = stage.run("reader-agent", "jitney", "request", TARGET, *words, "--json", show=False)
    grant: dict[str, Any] = ran.json()["grant"]
    excerpt(grant, "id", "state", "principal", "expires_at")
    active = grant["state"] == "active"
    expect(f"Policy allows it: grant {grant['id']} is active until {grant['expires_at']}", holds=active)
    return grant


def _read_what_was_granted(stage: DemoRun, grant: dict[str, Any]) -> None:
    stage.step("The AWS CLI works with it", "Unmodified, from PyPI; a profile names jitney as its credential_process.")
    stage.run("reader-agent", "jitney", "profile", "report", "--grant", grant["id"], "--write")
    ran = _get(stage, "2026/q3.csv")
    expect("It reads s3://reports/2026/q3.csv, which was granted", holds="ContentLength" in ran.said)


def _get(stage: DemoRun, key: str, *, code: int = 0) -> CommandResult:
    command = ("aws", "s3api", "get-object", "--bucket", "reports", "--key", key, "got", "--profile", "report")
    return stage.run("reader-agent", *command, expect=code)


def _copy_of_the_keys(stage: DemoRun, grant: dict[str, Any]) -> dict[str, str]:
    stage.step("Somebody copies the keys", "To see later what they are worth once the grant is over.")
    ran = stage.run("reader-agent", "jitney", "credentials", "--grant", grant["id"], show=False)
    keys = ran.json()
    expect(f"They end when the grant ends: {keys['Expiration']}", holds=keys["Expiration"] == grant["expires_at"])
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def _read_beside_it(stage: DemoRun) -> None:
    stage.step("Beside what was granted, IAM says no", "The role may read the whole bucket; this session may not.")
    ran = _get(stage, "2025/q4.csv", code=255)
    if any(each in ran.said for each in ("ExpiredToken", "custom-process")):
        raise DemoStepFailedError(
            f"the {SECONDS} seconds of the first grant were over before this step: run the demo again"
        )
    expect("AccessDenied, from AWS and not from Jitney", holds="AccessDenied" in ran.said)


def _ask_without_the_group(stage: DemoRun) -> None:
    stage.step("Another agent asks for the same, without the group")
    words = ("--action", "s3:GetObject", "--resource", ALLOWED, "--reason", "monthly report")
    ran = stage.run("idle-agent", "jitney", "request", TARGET, *words, expect=3)
    expect("403, and it says why", holds="No policy permits" in ran.said)


def _ask_for_a_review(stage: DemoRun) -> None:
    stage.step("A third asks to write", "Policy wants a data owner's approval: the request waits for a person.")
    words = ("--action", "s3:PutObject", "--resource", "arn:aws:s3:::reports/2026/q4.csv", "--reason", "correction")
    ran = stage.run("writer-agent", "jitney", "request", TARGET, *words, expect=4)
    expect("Under review, and it says by whom", holds="data-owners" in ran.said)
