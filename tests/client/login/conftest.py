"""The keyring of the tests of sign-ins."""

from collections.abc import Iterator

import keyring
import pytest

from tests.client.login.keyring_double import MemoryBackend


@pytest.fixture
def memory() -> Iterator[MemoryBackend]:
    before = keyring.get_keyring()
    backend = MemoryBackend()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)
