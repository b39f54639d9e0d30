"""Runs a command that gets a grant's credentials: from the endpoint of this process, or in its environment."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias

from jitney.client.api.responses import ApiGrant, GrantWithCredentials
from jitney.client.inputs.setting_names import SHELL_IDENTITY
from jitney.client.problems import Invalid
from jitney.client.processes.unsignalled import in_foreground
from jitney.client.profiles.aws_config_sections import config_paths
from jitney.client.profiles.aws_profile import gives_credentials
from jitney.client.terminal.command_result import EndedBySignal

# These would override the credentials in the environment, or mix with them: botocore skips the environment when
# AWS_PROFILE is set.
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
        # Other names of keys: a file of botocore, and variables of the SDKs for Go, Java and Ruby.
        "AWS_CREDENTIAL_FILE",
        "AWS_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AMAZON_ACCESS_KEY_ID",
        "AMAZON_SECRET_ACCESS_KEY",
        "AMAZON_SESSION_TOKEN",
        SHELL_IDENTITY,  # it is that of another endpoint's shell
    }
)
_SECRETS = frozenset({"JITNEY_CLIENT_SECRET", "JITNEY_REVIEW_CLIENT_SECRET", "JITNEY_TOKEN", "JITNEY_MCP_TOKEN"})
"""Variables with secrets of the agent. CI services have the token in a variable of their own, too."""
# API keys of Bedrock and other services: botocore and the SDKs prefer them to a session's keys.
# https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html
_BEARER = "AWS_BEARER_TOKEN_"
# botocore reads only AWS_DEFAULT_REGION, and the other SDKs only AWS_REGION.
_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
# SDKs prefer keys in these variables to those of the endpoint. The last four are for minio-go, which restic uses.
_KEYS = frozenset(
    {
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"),
        *("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"),
    }
)
_NOT_PROXIED = ("NO_PROXY", "no_proxy")
_OWN_HOSTS = ("127.0.0.1", "localhost")
_FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
SignalHandler: TypeAlias = Callable[[int, FrameType | None], None]
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)


def child_environment(environment: Mapping[str, str], issued: GrantWithCredentials) -> dict[str, str]:
    """Return `environment` with the grant's id and credentials, without variables that would override them.

    Unless `environment` names a Region, it also holds the target's Region.
    """
    credentials = issued.credentials
    return with_region(without_aws_credentials(environment), issued.grant.region) | {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_CREDENTIAL_EXPIRATION": credentials.expiration,
        "JITNEY_GRANT_ID": issued.grant.id,
    }


def overrides_credentials(name: str) -> bool:
    """Return whether the variable makes SDKs use credentials other than those of the profile in AWS_PROFILE."""
    return name.startswith(_BEARER) or (name in _REMOVED and not name.endswith("PROFILE"))


def container_environment(
    environment: Mapping[str, str], variables: Mapping[str, str], grant: ApiGrant
) -> dict[str, str]:
    """Return `environment` with the `variables` of the endpoint and the grant's id, without other credentials of AWS.

    The configuration file is hidden if its default profile has credentials.
    """
    kept = {name: value for name, value in without_aws_credentials(environment).items() if name not in _KEYS}
    own = {**hidden_configuration(environment), **variables, "JITNEY_GRANT_ID": grant.id}
    return with_region(kept, grant.region) | excluded_from_proxy(environment) | own


def excluded_from_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that exclude this machine from the HTTP proxy in `environment`; {} without a proxy.

    Some SDKs would send an endpoint's token, or whole calls, to that proxy.
    """
    named = any(value and name.lower() in ("http_proxy", "all_proxy") for name, value in environment.items())
    return not_proxied(environment) if named else {}


def not_proxied(environment: Mapping[str, str]) -> dict[str, str]:
    """Return NO_PROXY and no_proxy, with this machine and what either of them excludes in `environment`."""
    given = {each.strip() for name in _NOT_PROXIED for each in environment.get(name, "").split(",")}
    hosts = [*sorted(given - {"", *_OWN_HOSTS}), *_OWN_HOSTS]
    return dict.fromkeys(_NOT_PROXIED, ",".join(hosts))


def hidden_configuration(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that hides the configuration file if its default profile has credentials; {} otherwise.

    SDKs use that profile before an endpoint.
    """
    try:
        paths = config_paths(environment)
    except Invalid:  # without a home folder, SDKs find no file either
        return {}
    return {"AWS_CONFIG_FILE": os.devnull} if any(gives_credentials(path, "default") for path in paths) else {}


def overriding_variables(environment: Mapping[str, str], variables: Mapping[str, str]) -> list[str]:
    """Return the names in `environment` that would override the `variables` of an endpoint.

    All are names of shell variables: SDKs read no others, and a shell evaluates what `jitney serve` prints.
    """
    names = (_REMOVED | _KEYS) - variables.keys()
    found = (name for name in environment if name in names or name.startswith(_BEARER))
    return sorted(name for name in found if name.isascii() and name.isidentifier())


def with_region(environment: dict[str, str], region: str) -> dict[str, str]:
    """Return `environment` with the same Region for every SDK: its own, or else `region`, the target's."""
    chosen = next((environment[name] for name in _REGION if environment.get(name)), region)
    return environment | {name: chosen for name in _REGION if chosen and not environment.get(name)}


def without_aws_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without variables that name other credentials of AWS, or hold the agent's secrets."""
    secrets = {value for name in _SECRETS if (value := environment.get(name))}
    return {
        name: value
        for name, value in environment.items()
        if name not in _REMOVED and not name.startswith(_BEARER) and value not in secrets
    }


def run_child(
    argv: Sequence[str], environment: Mapping[str, str], *, started: Callable[[], None] = lambda: None
) -> int:
    """Run `argv` and return its exit code, or 128 + n when signal n ended it. The child gets this process's signals.

    On Linux, the kernel kills the child if this process ends before it. `started` is called when the child runs.
    Threads may start only then, because a process with threads can run little code safely between fork and exec.

    Raises Invalid when the command cannot be started.
    """
    signals = _Signals()
    with signals.caught():
        try:
            child = subprocess.Popen(argv, env=environment, preexec_fn=_dies_with_parent())  # noqa: PLW1509 - no threads yet
        except (OSError, ValueError) as error:  # ValueError: the broker sent a null byte, as in a key
            why = error.strerror if isinstance(error, OSError) else error
            detail = f"{argv[0]} cannot be started: {why}."
            raise Invalid(
                "command_not_started", "The command cannot be started", detail, "Check its name and PATH."
            ) from error
        signals.go_to(child)
        started()
        code = child.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def ended_by_signals() -> Generator[None]:
    """End the block with EndedBySignal when a signal would end this process. The block can release its grants."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise EndedBySignal(128 + number)

    with _handling(dict.fromkeys((signal.SIGTERM, signal.SIGHUP), end)):
        yield


def heeded(numbers: Iterable[signal.Signals]) -> list[signal.Signals]:
    """Return the signals that this process does not ignore.

    `nohup`, and a script that starts a program with &, make it ignore some signals (POSIX, Shell Command Language,
    2.12). A handler would undo that, also for its children.
    """
    return [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def _handling(handlers: Mapping[signal.Signals, SignalHandler]) -> Generator[None]:
    """Handle those of the signals that this process does not ignore, until the block ends."""
    before = {number: signal.signal(number, handlers[number]) for number in heeded(handlers)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _dies_with_parent() -> Callable[[], None] | None:
    """Return a function that makes the kernel kill the child with its parent; None on systems without it.

    The child calls it before exec. The setting survives exec, but does not apply to the child's own children (prctl(2),
    PR_SET_PDEATHSIG).
    """
    if sys.platform != "linux":
        return None
    import ctypes  # noqa: PLC0415 - 10 ms, and it has to be loaded before the fork

    set_signal, parent = ctypes.CDLL(None).prctl, os.getpid()

    def before_exec() -> None:
        set_signal(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before the setting
            os._exit(128 + signal.SIGKILL)

    return before_exec


class _Signals:
    """Passes this process's signals to the child.

    Signals that arrive before the child's start are passed on after it.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def go_to(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        while self._early:
            child.send_signal(self._early.pop(0))

    @contextmanager
    def caught(self) -> Generator[None]:
        with _handling(dict.fromkeys(_FORWARDED, self._forward) | dict.fromkeys(_FROM_TERMINAL, self._forward_once)):
            yield

    def _forward_once(self, number: int, frame: FrameType | None) -> None:
        """Forward the signal of a key such as Ctrl+C, unless the terminal also sends it to the child."""
        if not in_foreground():
            self._forward(number, frame)

    def _forward(self, number: int, _frame: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)
