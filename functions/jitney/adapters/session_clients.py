"""One client that serves many sessions. It keeps its connections and changes only the signing keys.

A client for each session would cost each call another 5 ms of processor time and a TLS handshake.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeAlias, TypeVar

from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError
from botocore.session import get_session

Client = TypeVar("Client")

SessionClient: TypeAlias = Callable[[str, str, str], AbstractContextManager[Client]]
"""Takes a session's access key id, secret and token. Yields a client that signs with them inside the block."""


class _SessionCredentials(Credentials):
    """The keys of the current block. There are none outside a block."""

    def __init__(self) -> None:
        super().__init__("", "")
        self.keys: ContextVar[ReadOnlyCredentials | None] = ContextVar("keys", default=None)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the keys with which botocore signs a request. Raises NoCredentialsError outside a block."""
        keys = self.keys.get()
        if keys is None:
            raise NoCredentialsError
        return keys


class _CredentialProvider:
    """The source from which botocore takes credentials. It never uses the function's own."""

    def __init__(self, lent: _SessionCredentials) -> None:
        self._lent = lent

    def load_credentials(self) -> Credentials:
        return self._lent


def shared_client(service: str, config: Config) -> SessionClient[Any]:
    """Return a function that lends one client of `service` to sessions, even to several at once.

    The client has no keys of its own. It is created when it is lent for the first time.
    """
    lent = _SessionCredentials()

    @cache
    def client() -> Any:
        session = get_session()
        session.register_component("credential_provider", _CredentialProvider(lent))
        return session.create_client(service, config=config)

    @contextmanager
    def lend(key_id: str, secret: str, token: str) -> Iterator[Any]:
        before = lent.keys.set(ReadOnlyCredentials(key_id, secret, token))
        try:
            yield client()
        finally:
            lent.keys.reset(before)

    return lend
