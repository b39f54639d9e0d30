"""Runs a command with a grant's credentials in its environment. No other environment gets them."""

import os
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from jitney.client.problems import Invalid
from jitney.client.responses import GrantWithCredentials

# These would override the credentials in the environment, or mix with them: botocore skips the environment when
# AWS_PROFILE is set. The client secret is the agent's and not its child's.
_REMOVED = frozenset(
    {
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SECURITY_TOKEN",
        "AWS_ACCOUNT_ID",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "JITNEY_CLIENT_SECRET",
    }
)
# API keys of Bedrock and other services: botocore and the SDKs prefer them to a session's keys.
# https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
_BEARER = "AWS_BEARER_TOKEN_"
# botocore reads only the second, the other SDKs only the first.
_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)


def child_environment(environment: Mapping[str, str], issued: GrantWithCredentials) -> dict[str, str]:
    """Return `environment` with the grant's id and credentials, without variables that would override them.

    Unless `environment` names a Region, it also holds the target's Region.
    """
    credentials = issued.credentials
    kept = {name: value for name, value in environment.items() if name not in _REMOVED and not name.startswith(_BEARER)}
    if issued.grant.region and not any(kept.get(name) for name in _REGION):
        kept |= dict.fromkeys(_REGION, issued.grant.region)
    return kept | {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_CREDENTIAL_EXPIRATION": credentials.expiration,
        "JITNEY_GRANT_ID": issued.grant.id,
    }


def run_child(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run `argv` and return its exit code, or 128 + n when signal n ended it. The child gets this process's signals.

    Raises Invalid when the command cannot be started.
    """
    signals = _Signals()
    with signals.caught():
        try:
            child = subprocess.Popen(argv, env=environment)
        except OSError as error:
            detail = f"{argv[0]} cannot be started: {error.strerror}."
            raise Invalid(
                "command_not_started", "The command cannot be started", detail, "Check its name and PATH."
            ) from error
        signals.go_to(child)
        code = child.wait()
    return code if code >= 0 else 128 - code


class _Signals:
    """Passes this process's signals to the child. Signals from before the child's start are passed on later."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def go_to(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        while self._early:
            child.send_signal(self._early.pop(0))

    @contextmanager
    def caught(self) -> Generator[None]:
        terminal = _ignore if _in_foreground() else self._forward
        handlers = dict.fromkeys(_FORWARDED, self._forward) | dict.fromkeys(_FROM_TERMINAL, terminal)
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Ignore a signal that the terminal sends to the child itself."""


def _in_foreground() -> bool:
    """Return whether the terminal's keys signal this process group."""
    try:
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
