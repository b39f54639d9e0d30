"""Processes that outlive the command that started them. Later commands find and end them.

Each process holds an exclusive lock on `run/<name>.lock` until it ends. Children that inherit the lock's file
descriptor hold the lock, too. The file has the process id, which is also the process group's id. While the lock is
held, the group exists, so the kernel has not reused its id.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.settings import LocalSettings
from local.timeouts import Countdown

GRACE_SECONDS = 1.0
"""How long a process may take to end by itself before it is killed."""
LOCK_VARIABLE = "JITNEY_LOCAL_LOCK"
"""The variable with the file descriptor of a process's lock, which its own children inherit."""
LIFELINE_VARIABLE = "JITNEY_LOCAL_LIFELINE"
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the local system. It gets `environment` and inherits no other variable."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


def start(process: Process, settings: LocalSettings) -> int:
    """Start `process` in its own group, with its output in `logs/<name>.log`. Return its id.

    Raises BlockingIOError if it already runs.
    """
    settings.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.logs.mkdir(parents=True, exist_ok=True)
    log = settings.logs / f"{process.name}.log"
    with _interrupts_held(), _lock_file(settings, process.name) as lock, log.open("wb") as output:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        environment = {**process.environment, LOCK_VARIABLE: str(lock), LIFELINE_VARIABLE: settings.lifeline}
        child = subprocess.Popen(
            process.command,
            env=environment,
            cwd=process.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
        )
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(child.pid).encode(), 0)
        child.returncode = 0  # it is not ours to wait for: silences the warning about a child left running
    return child.pid


def running(name: str, settings: LocalSettings) -> int | None:
    """Return the process group of `name` if a process of it lives, otherwise None."""
    if not (settings.run / f"{name}.lock").exists():
        return None
    with _lock_file(settings, name) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.pread(lock, 20, 0) or b"0") or None
    return None


def stop(names: Sequence[str], settings: LocalSettings) -> None:
    """End the processes and their children, and wait for that. Raises TimeoutError if one does not end."""
    for chosen, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, 5.0)):
        alive = [group for name in names if (group := running(name, settings))]
        for group in alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, chosen)
        if wait_until(lambda: not any(running(name, settings) for name in names), patience):
            return
    message = f"processes do not end: {', '.join(name for name in names if running(name, settings))}"
    raise TimeoutError(message)


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Return whether `condition` holds within `seconds` of an idle machine. It is checked every `pause` seconds."""
    countdown = Countdown(seconds)
    while not condition():
        if countdown.left() <= 0:
            return False
        time.sleep(pause)
    return True


def hold_lifeline(path: str) -> None:
    """End this process when the last writer of the FIFO at `path` closes it. "" names no FIFO."""
    if path:
        threading.Thread(target=_end_with, args=(path,), daemon=True).start()


def _end_with(path: str) -> None:
    with Path(path).open("rb") as lifeline:
        lifeline.read()
    os.kill(os.getpid(), signal.SIGTERM)


def log_tail(name: str, settings: LocalSettings) -> str:
    """Return the last 20 lines of the process's log, or "" without a log."""
    try:
        text = (settings.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-20:])


@contextlib.contextmanager
def _lock_file(settings: LocalSettings, name: str) -> Iterator[int]:
    descriptor = os.open(settings.run / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Delay Ctrl+C until the started process's id is in its file. Otherwise no command could end the process."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in _INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for arrived in came:
        signal.raise_signal(arrived)
