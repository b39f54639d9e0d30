"""The token of a person who signed in with `jitney login`. It is renewed before it ends, by one process at a time."""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jitney.client.file_replacement import replace_file
from jitney.client.inputs.connection_options import STATE_FOLDER_FIX
from jitney.client.login.keyring_store import KeyringStore
from jitney.client.login.login_settings import LoginSettings
from jitney.client.login.provider_metadata import discover
from jitney.client.login.sign_in import DeveloperSignIn, signed_in
from jitney.client.problems import Invalid, Unauthenticated
from jitney.client.tokens import Token, issuer_and_subject
from jitney.client.tokens.token_endpoint import granted, post_form

# The broker and TokenAuth need a token that lives longer than a request.
_MARGIN_SECONDS = 60
_FIX = "Run `jitney login`."


@dataclass(slots=True)
class LoginToken:
    """Tokens of the sign-in at the issuer. Processes lock the empty file `lock` in turn.

    `fix` says how to sign in. All tokens are of the person of the first one.
    """

    settings: LoginSettings
    lock: Path
    fix: str = _FIX
    clock: Callable[[], float] = time.time
    _person: str = field(default="", init=False)

    def fetch(self) -> Token:
        """Return the token, renewed if it ends soon.

        Raises Unauthenticated without a sign-in, after it has ended or after another person's sign-in. Raises
        Unavailable if the issuer does not answer.
        """
        store = KeyringStore(self.settings)
        found = store.load()
        if found is None or not self._lasts(found):
            with locked(self.lock):
                found = store.load()  # another process may have renewed it
                if found is None:
                    detail = f"There is no sign-in at {self.settings.issuer} on this machine."
                    raise Unauthenticated("not_signed_in", "You are not signed in", detail, self.fix)
                if not self._lasts(found):
                    found = self._renewed(store, found)
        self._require_same_person(found)
        return Token(found.token, max(0, found.expires_at - int(self.clock())))

    def _require_same_person(self, found: DeveloperSignIn) -> None:
        person = found.subject or issuer_and_subject(found.token)
        if self._person and person != self._person:
            detail = f"Another person signed in at {self.settings.issuer} after this command began."
            raise Unauthenticated("person_changed", "The person changed", detail, "Start the command again.")
        self._person = person

    def _lasts(self, found: DeveloperSignIn) -> bool:
        return found.expires_at - self.clock() > _MARGIN_SECONDS

    def _renewed(self, store: KeyringStore, found: DeveloperSignIn) -> DeveloperSignIn:
        """Return the sign-in with new tokens, after saving them in the keyring.

        A refresh token that the issuer refuses is deleted, because sending it again could look like theft (RFC 9700
        section 4.14.2).
        """
        if not found.refresh_token:
            raise self._ended("The token has expired, and the issuer gave no refresh token.")
        url = discover(self.settings.issuer).token_endpoint
        form = {"grant_type": "refresh_token", "refresh_token": found.refresh_token, **self.settings.client()}
        response = post_form(url, form | dict(self.settings.parameters))
        if response.document().get("error") == "invalid_grant":
            store.delete()
            raise self._ended(f"{self.settings.issuer} no longer accepts the refresh token.")
        renewed = signed_in(granted(response, self.fix), self.settings, int(self.clock()), nonce=None, before=found)
        store.save(renewed)
        return renewed

    def _ended(self, detail: str) -> Unauthenticated:
        return Unauthenticated("login_ended", "The sign-in has ended", detail, self.fix)


def note_person(path: Path, settings: LoginSettings, found: DeveloperSignIn) -> None:
    """Write a hash of the person who signs in. Background endpoints of another person are then no longer used.

    Raises Invalid when the file cannot be written.
    """
    person = json.dumps([settings.issuer, found.subject, issuer_and_subject(found.token)])
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, hashlib.sha256(person.encode()).hexdigest().encode())
    except OSError as error:
        detail = f"{path} cannot be written: {error.strerror}."
        raise Invalid("person_unwritable", "The sign-in cannot be stored", detail, STATE_FOLDER_FIX) from error


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold the lock at `path` during the block. Other processes wait.

    Raises Invalid when the file cannot be created or locked.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        fix = "Set XDG_CACHE_HOME to a folder that you can write to."
        raise _unlocked(f"{path} cannot be written: {error.strerror}.", fix) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:  # a file system without locks
            fix = "Set XDG_CACHE_HOME to a folder on a local disk."
            raise _unlocked(f"{path} cannot be locked: {error.strerror}.", fix) from error
        yield
    finally:
        os.close(descriptor)


def _unlocked(detail: str, fix: str) -> Invalid:
    return Invalid("lock_unwritable", "The sign-in cannot be locked", detail, fix)
