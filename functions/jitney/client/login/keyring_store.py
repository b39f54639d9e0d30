"""Sign-ins in the keyring of the operating system, by issuer and client. They are stored nowhere else."""

import keyring
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import KeyringError, PasswordDeleteError

from jitney.client.login.login_settings import LoginSettings
from jitney.client.login.sign_in import DeveloperSignIn
from jitney.client.problems import Invalid

_SERVICE = "jitney"
# keyring recommends backends with a priority of at least 1. Those that keep plain files, or nothing, have less.
_RECOMMENDED = 1
_FIX = (
    "Unlock or start a keyring, such as GNOME Keyring or KWallet, and run the command again. On a machine without one,"
    " use another source of the token (docs/tokens.md). Jitney writes no token to a plain file."
)


class KeyringStore:
    """The keyring entry of one issuer and client.

    Each method raises Invalid when the keyring cannot be used.
    """

    def __init__(self, settings: LoginSettings) -> None:
        self._backend = _backend()
        self._user = f"{settings.client_id} at {settings.issuer}"

    def load(self) -> DeveloperSignIn | None:
        """Return the sign-in, or None if there is none."""
        try:
            text = self._backend.get_password(_SERVICE, self._user)
        except KeyringError as error:
            raise _unusable(f"cannot be read: {error}") from error
        return DeveloperSignIn.read(text) if text else None

    def save(self, sign_in: DeveloperSignIn) -> None:
        """Save the sign-in, and replace the previous one."""
        try:
            self._backend.set_password(_SERVICE, self._user, sign_in.text())
        except KeyringError as error:
            raise _unusable(f"cannot be written: {error}") from error

    def delete(self) -> None:
        """Delete the sign-in, if there is one."""
        try:
            self._backend.delete_password(_SERVICE, self._user)
        except PasswordDeleteError:
            return  # there was none
        except KeyringError as error:
            raise _unusable(f"cannot be written: {error}") from error


def _backend() -> KeyringBackend:
    """Return the keyring of this machine.

    Raises Invalid without a keyring, and for a keyring that stores plain text files.
    """
    try:
        chosen = keyring.get_keyring()
        # Only one backend of a chain is used: the chain itself would go on to one of plain files when the first fails.
        candidates = list(chosen.backends) if isinstance(chosen, ChainerBackend) else [chosen]
        usable = [each for each in candidates if each.priority >= _RECOMMENDED]
    except (KeyringError, RuntimeError) as error:
        raise _unusable(f"cannot be used: {error}") from error
    if not usable:
        raise _unusable(f"cannot be used: there is none, or it is not protected ({chosen.name})")
    return usable[0]


def _unusable(what: str) -> Invalid:
    return Invalid("keyring_unusable", "The keyring cannot be used", f"The keyring of this machine {what}.", _FIX)
