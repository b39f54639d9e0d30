"""The issuers' public keys over HTTPS, cached per issuer.

Only the configured `jwks_uri` is requested, without redirects. It is HTTPS with the system's certificate authorities,
and plain HTTP on the local machine only.

A key set stays fresh for ten minutes. If it cannot be fetched again, it stays in use until twelve hours after it was
fetched. So an identity provider may be down for a night without stopping agents. A withdrawn key is trusted for twelve
hours at most. After that, or if no set was ever fetched, the issuer's tokens are refused (keys_unavailable). So is a
token with an unknown kid while the set cannot be fetched, because a newer set may have its key. Fetches that fail for
five minutes are counted for an alarm.

The keys of an issuer with a `key_set` are in the configuration. They are never requested, and change only with the
configuration.
"""

import functools
import http
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from jitney.adapters.identity_provider import DEFAULT_TIMEOUTS, REQUEST_ERRORS, Timeouts, allowed_schemes, send_request
from jitney.core.identity.keys import KeySet, parse_key_set
from jitney.core.identity.refusal import Refusal
from jitney.core.issuer_config import Issuer
from jitney.core.records.audit import METRICS_NAMESPACE, METRICS_SERVICE, UNFETCHED_KEYS

FRESH_SECONDS = 600
MAX_STALE_SECONDS = 12 * 3600
UNKNOWN_KID_COOLDOWN_SECONDS = 30  # between fetches for an unknown kid, because any caller can invent one
RETRY_SECONDS = 5  # after a fetch that failed
FAILING_SECONDS = 300  # until failed fetches count for the alarm, so that a short outage does not raise it
_MOST_DROPPED = 20  # logged at each fetch
_MOST_KID_CHARACTERS = 64

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _CachedKeys:
    """The keys of one issuer. `lock` is held during a fetch. Times come from the clock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: KeySet | None = None
    fetched_at: float = -math.inf
    tried_at: float = -math.inf
    failing_since: float | None = None

    @property
    def failed(self) -> bool:
        """Whether the last fetch failed."""
        return self.failing_since is not None


class IssuerKeys:
    """The issuers' keys from their `jwks_uri`: a `jitney.core.identity.signature.KeySource`. Thread-safe.

    `local` is the configuration's flag and permits http:// addresses. `clock` returns wall-clock seconds. Monotonic
    time would stand still while a Lambda environment is frozen.
    """

    def __init__(
        self, *, local: bool, clock: Callable[[], float] = time.time, timeouts: Timeouts = DEFAULT_TIMEOUTS
    ) -> None:
        self._schemes = allowed_schemes(local=local)
        self._clock = clock
        self._timeouts = timeouts
        self._known: dict[str, _CachedKeys] = {}

    def keys(self, issuer: Issuer) -> KeySet:
        """Return the issuer's keys. Fetches them unless they are fresh. Raises Refusal keys_unavailable."""
        if issuer.key_set:
            return _configured(issuer.key_set)
        known = self._known.setdefault(issuer.issuer, _CachedKeys())
        if not self._within(known.fetched_at, FRESH_SECONDS):
            # A caller with cached keys does not wait for another caller's fetch.
            self._fetch(issuer, known, RETRY_SECONDS, wait=known.keys is None)
        return self._trusted(issuer, known)

    def refreshed(self, issuer: Issuer) -> KeySet:
        """Return the issuer's keys. Fetches them if the cool-down has passed.

        Raises the same as `keys`, also if the last fetch failed.
        """
        if issuer.key_set:
            return _configured(issuer.key_set)
        known = self._known.setdefault(issuer.issuer, _CachedKeys())
        self._fetch(issuer, known, UNKNOWN_KID_COOLDOWN_SECONDS, wait=True)
        if known.failed:
            raise _unavailable(issuer)
        return self._trusted(issuer, known)

    def _within(self, moment: float, seconds: float) -> bool:
        """Return whether `moment` is at most `seconds` ago.

        Returns False for a future moment, because clocks may be set back.
        """
        return 0 <= self._clock() - moment < seconds

    def _fetch(self, issuer: Issuer, known: _CachedKeys, pause: float, *, wait: bool) -> None:
        if not known.lock.acquire(blocking=wait):
            return
        try:
            if self._within(known.tried_at, pause):
                return
            known.tried_at = self._clock()
            known.keys = parse_key_set(self._download(issuer.jwks_uri))
            known.fetched_at, known.failing_since = known.tried_at, None
            _log_dropped(issuer, known.keys)
        except REQUEST_ERRORS as error:
            _log.warning("issuer keys not fetched", extra={"issuer": issuer.name, "error": type(error).__name__})
            known.failing_since = known.tried_at if known.failing_since is None else known.failing_since
            if known.tried_at - known.failing_since >= FAILING_SECONDS:
                _count_unfetched()
        finally:
            known.lock.release()

    def _download(self, uri: str) -> bytes:
        status, body = send_request("GET", uri, self._schemes, self._timeouts)
        if status != http.HTTPStatus.OK:
            raise ValueError("the status is not 200")
        return body

    def _trusted(self, issuer: Issuer, known: _CachedKeys) -> KeySet:
        keys = known.keys if self._within(known.fetched_at, MAX_STALE_SECONDS) else None
        if keys is None:
            raise _unavailable(issuer)
        return keys


@functools.cache
def _configured(key_set: str) -> KeySet:
    return parse_key_set(key_set.encode())


def _unavailable(issuer: Issuer) -> Refusal:
    return Refusal(
        "keys_unavailable",
        "The keys of the token's issuer cannot be fetched, so its tokens cannot be checked.",
        "Try again in a few seconds. If the problem persists, the issuer is down or cannot be reached.",
        headers={"Retry-After": str(RETRY_SECONDS)},
        issuer_name=issuer.name,
    )


def _count_unfetched() -> None:
    from aws_lambda_powertools.metrics import MetricUnit, single_metric  # noqa: PLC0415 - only when it is needed

    with single_metric(UNFETCHED_KEYS, unit=MetricUnit.Count, value=1, namespace=METRICS_NAMESPACE) as metric:
        metric.add_dimension("service", METRICS_SERVICE)


def _log_dropped(issuer: Issuer, keys: KeySet) -> None:
    """Log the entries of the set that are not used.

    Otherwise they would go unnoticed, because the issuer's other keys work.
    """
    for dropped in keys.dropped[:_MOST_DROPPED]:
        kid = ascii(dropped.kid[:_MOST_KID_CHARACTERS])
        _log.warning("issuer key not used", extra={"issuer": issuer.name, "kid": kid, "reason": dropped.reason})
