"""The issuers' public keys over HTTPS, kept per issuer for as long as that is safe.

Only `jwks_uri` of the configuration is ever asked, over HTTPS with the system's certificate authorities (HTTP is for
one's own machine), and no redirect is followed. A set stays fresh for ten minutes. When it cannot be fetched, for
whatever reason, the last good one is used on for twelve hours since it was fetched: a night's outage of an identity
provider stops nobody, and a key that the issuer has withdrawn is not trusted for longer than that. Then, and when there
was no good set yet, the issuer is closed (keys_unavailable).
"""

import http
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from jitney.adapters.identity_provider import DEFAULT_TIMEOUTS, REQUEST_ERRORS, Timeouts, allowed_schemes, send_request
from jitney.core.config import Issuer
from jitney.core.identity.keys import KeySet, parse_key_set
from jitney.core.identity.refusal import Refusal

FRESH_SECONDS = 600
MAX_STALE_SECONDS = 12 * 3600
UNKNOWN_KID_COOLDOWN_SECONDS = 30  # between fetches because of an unknown kid, which anybody can make up
RETRY_SECONDS = 5  # after a fetch that failed

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _CachedKeys:
    """What is known of one issuer's keys; `lock` is held while they are fetched. Times are the clock's."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: KeySet | None = None
    fetched_at: float = -math.inf
    tried_at: float = -math.inf


class IssuerKeys:
    """Issuers' keys from their `jwks_uri` (a `jitney.core.identity.signature.KeySource`), for any number of threads.

    `local` permits http:// addresses: the configuration's own flag. `clock` gives seconds; wall-clock time, since
    monotonic time stands still while a Lambda environment is frozen.
    """

    def __init__(
        self, *, local: bool, clock: Callable[[], float] = time.time, patience: Timeouts = DEFAULT_TIMEOUTS
    ) -> None:
        self._schemes = allowed_schemes(local=local)
        self._clock = clock
        self._patience = patience
        self._known: dict[str, _CachedKeys] = {}

    def keys(self, issuer: Issuer) -> KeySet:
        """The issuer's keys, fetched when they are not fresh. Raises Refusal keys_unavailable."""
        known = self._known.setdefault(issuer.issuer, _CachedKeys())
        if not self._within(known.fetched_at, FRESH_SECONDS):
            # Whoever has keys to go on with does not wait for somebody else's fetch.
            self._fetch(issuer, known, RETRY_SECONDS, wait=known.keys is None)
        return self._trusted(issuer, known)

    def refreshed(self, issuer: Issuer) -> KeySet:
        """The issuer's keys, fetched now unless that was tried within the cool-down. Raises as `keys`."""
        known = self._known.setdefault(issuer.issuer, _CachedKeys())
        self._fetch(issuer, known, UNKNOWN_KID_COOLDOWN_SECONDS, wait=True)
        return self._trusted(issuer, known)

    def _within(self, moment: float, seconds: float) -> bool:
        """Whether `moment` is at most `seconds` ago; false for the future, where a clock set back puts it."""
        return 0 <= self._clock() - moment < seconds

    def _fetch(self, issuer: Issuer, known: _CachedKeys, pause: float, *, wait: bool) -> None:
        if not known.lock.acquire(blocking=wait):
            return
        try:
            if self._within(known.tried_at, pause):
                return
            known.tried_at = self._clock()
            known.keys = parse_key_set(self._download(issuer.jwks_uri))
            known.fetched_at = known.tried_at
        except REQUEST_ERRORS as error:
            _log.warning("The keys of issuer %s cannot be fetched: %s", issuer.name, type(error).__name__)
        finally:
            known.lock.release()

    def _download(self, uri: str) -> bytes:
        status, body = send_request("GET", uri, self._schemes, self._patience)
        if status != http.HTTPStatus.OK:
            raise ValueError("the status is not 200")
        return body

    def _trusted(self, issuer: Issuer, known: _CachedKeys) -> KeySet:
        keys = known.keys
        if keys is None or not self._within(known.fetched_at, MAX_STALE_SECONDS):
            raise Refusal(
                "keys_unavailable",
                "The keys of the token's issuer cannot be fetched, so its tokens cannot be checked.",
                "Try again in a few seconds; if it stays so, the issuer or the way to it is down.",
                headers={"Retry-After": str(RETRY_SECONDS)},
                issuer_name=issuer.name,
            )
        return keys
