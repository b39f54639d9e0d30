"""The keys of mask tags, one for each owner of grants. KMS derives them from a key that cannot be read (row MASK 4)."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from jitney.adapters.aws_clients import aws_errors_as_unavailable
from jitney.core.problems import Problem

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

MAX_CACHED_KEYS = 1000
"""The number of owners whose keys a process caches."""
PURPOSE = "jitney mask tags 1"

_log = logging.getLogger(__name__)


class MaskKeys:
    """Derives the owners' keys as HMACs under one KMS key. `connect` is called when the first key is needed."""

    def __init__(self, connect: Callable[[], "KMSClient"], key_id: str) -> None:
        self._connect = connect
        self._key_id = key_id
        self._client: KMSClient | None = None
        self._keys: OrderedDict[str, bytes] = OrderedDict()

    @property
    def id(self) -> str:
        """The id of the KMS key, which names the keys derived from it."""
        return self._key_id.rpartition("/")[2]

    def of(self, owner: str) -> bytes:
        """Return the owner's key, which never changes. Raises Problem unavailable."""
        if owner not in self._keys:
            self._keys[owner] = self._derive(owner)
            if len(self._keys) > MAX_CACHED_KEYS:
                self._keys.popitem(last=False)
        self._keys.move_to_end(owner)
        return self._keys[owner]

    def key_or_none(self, owner: str) -> bytes | None:
        """Return the owner's key as `of` does. If KMS does not answer, log the failure and return None."""
        try:
            return self.of(owner)
        except Problem as problem:
            _log.warning("masked without tags: %s", problem.code)
            return None

    def _derive(self, owner: str) -> bytes:
        with aws_errors_as_unavailable("KMS"):
            self._client = self._client or self._connect()
            message = f"{PURPOSE}\0{owner}".encode()
            answer = self._client.generate_mac(KeyId=self._key_id, MacAlgorithm="HMAC_SHA_256", Message=message)
        return answer["Mac"]
