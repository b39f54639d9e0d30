"""The story: an agent reads what it was given and nothing beside it, until it ends; an auditor sees all of it."""

import json
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from local.demo.ledger import told, wait_for
from local.demo.stage import NotAsToldError, Ran, Stage, console, expect, on_stage, step, title
from local.progress import Progress
from local.system import NotUpError

TARGET = "analytics-prod"
ALLOWED = "arn:aws:s3:::reports/2026/*"
SECONDS = 12


def main() -> int:
    """Play the demo; 0 when everything was as told, 130 when it was interrupted."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    title("[bold]Jitney[/]: AWS access for AI agents, for the moment they need it, and no longer")
    try:
        with on_stage() as stage:
            _play(stage)
    except NotAsToldError as broken:
        console.print("\n[red]Not as told:[/]", escape(str(broken)))
        return 1
    except (NotUpError, ValueError) as problem:
        Progress().fail(str(problem))
        return 1
    except KeyboardInterrupt:
        Progress().fail("interrupted; what had been started is ended")
        return 130
    return 0


def _play(stage: Stage) -> None:
    grant = _ask(stage)
    _read_what_was_granted(stage, grant)
    keys = _copy_of_the_keys(stage, grant)
    _read_beside_it(stage)
    _ask_without_the_group(stage)
    _ask_for_a_review(stage)
    _after_the_end(stage, grant, keys)
    _audit(stage, grant)
    last = "The system stays up; make down ends it." if stage.stays_up else "make up leaves the same system running."
    console.print(f"\n[bold green]Done.[/] {last}")


def _ask(stage: Stage) -> dict[str, Any]:
    step(1, "An agent asks", "It has an OIDC token and no AWS key. It says what it wants to do, how long, and why.")
    words = ("--action", "s3:GetObject", "--resource", ALLOWED, "--for", f"{SECONDS}s", "--reason", "monthly report")
    ran = stage.run("reader-agent", "jitney", "request", TARGET, *words, "--json", show=False)
    grant: dict[str, Any] = ran.json()["grant"]
    console.print_json(json.dumps({name: grant[name] for name in ("id", "state", "principal", "expires_at")}))
    expect(f"Policy allows it: grant {grant['id']} is active until {grant['expires_at']}", holds=_is_active(grant))
    return grant


def _is_active(grant: dict[str, Any]) -> bool:
    return bool(grant["state"] == "active")


def _read_what_was_granted(stage: Stage, grant: dict[str, Any]) -> None:
    step(2, "The AWS CLI works with it", "Unmodified, from PyPI; a profile names jitney as its credential_process.")
    stage.run("reader-agent", "jitney", "profile", "report", "--grant", grant["id"], "--write")
    _get(stage, "2026/q3.csv")
    expect("It reads s3://reports/2026/q3.csv, which was granted", holds=(stage.folder / "got").stat().st_size > 0)


def _get(stage: Stage, key: str, *, code: int = 0, keys: Mapping[str, str] | None = None) -> Ran:
    command = ["aws", "s3api", "get-object", "--bucket", "reports", "--key", key, "got"]
    named = [] if keys else ["--profile", "report"]
    return stage.run("reader-agent", *command, *named, expect=code, more=keys or {})


def _copy_of_the_keys(stage: Stage, grant: dict[str, Any]) -> dict[str, str]:
    step(3, "Somebody copies the keys", "To see later what they are worth once the grant is over.")
    ran = stage.run("reader-agent", "jitney", "credentials", "--grant", grant["id"], show=False)
    keys = ran.json()
    expect(f"They end when the grant ends: {keys['Expiration']}", holds=keys["Expiration"] == grant["expires_at"])
    return {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }


def _read_beside_it(stage: Stage) -> None:
    step(4, "Beside what was granted, IAM says no", "The role may read the whole bucket; this session may not.")
    ran = _get(stage, "2025/q4.csv", code=255)
    expect("AccessDenied, from AWS and not from Jitney", holds="AccessDenied" in ran.said)


def _ask_without_the_group(stage: Stage) -> None:
    step(5, "Another agent asks for the same, without the group")
    words = ("--action", "s3:GetObject", "--resource", ALLOWED, "--reason", "monthly report")
    ran = stage.run("idle-agent", "jitney", "request", TARGET, *words, expect=3)
    expect("403, and it says why", holds="polic" in ran.said.lower())


def _ask_for_a_review(stage: Stage) -> None:
    step(6, "A third asks to write", "Policy wants a data owner's approval: the request waits for a person.")
    words = ("--action", "s3:PutObject", "--resource", "arn:aws:s3:::reports/2026/q4.csv", "--reason", "correction")
    ran = stage.run("writer-agent", "jitney", "request", TARGET, *words, expect=4)
    expect("Under review, and it says by whom", holds="data-owners" in ran.said)
    console.print("   Reviewing itself is not built yet: this request waits until it expires.", style="italic")


def _after_the_end(stage: Stage, grant: dict[str, Any], keys: dict[str, str]) -> None:
    step(7, "The grant ends by itself", "Nothing has to run for it: the end is in the credentials.")
    _wait_until(grant["expires_at"])
    ran = _get(stage, "2026/q3.csv", code=255, keys=keys)
    denied = any(word in ran.said for word in ("AccessDenied", "ExpiredToken"))
    expect("The copied keys are refused by AWS", holds=denied)
    ran = stage.run("reader-agent", "jitney", "credentials", "--grant", grant["id"], expect=7)
    expect("And Jitney gives no new ones for it", holds="ended" in ran.said)


def _wait_until(moment: str) -> None:
    """Wait until a second after `moment`, which IAM still allows."""
    ends = time.mktime(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone + 2
    with console.status(f"waiting for {moment}"):
        time.sleep(max(0.0, ends - time.time()))


def _audit(stage: Stage, grant: dict[str, Any]) -> None:
    step(8, "An auditor asks who asked for what, when, and what came of it", "One SQL query in Athena, over S3.")
    with console.status("waiting for the records to arrive in S3"):
        try:
            sql, rows = wait_for(stage.stack, {grant["id"]}, outcomes={"allowed", "denied", "review"})
        except (TimeoutError, RuntimeError) as problem:
            raise NotAsToldError(str(problem)) from problem
    console.print(sql, style="dim", markup=False)
    console.print(told(rows))
    outcomes = [row["outcome"] for row in rows]
    expect("Every request is there, with its outcome", holds={"allowed", "denied", "review"} <= set(outcomes))


if __name__ == "__main__":
    sys.exit(main())
