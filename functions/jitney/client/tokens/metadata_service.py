"""HTTP to a cloud's metadata service: no proxy, no redirect, short timeouts, and only to local or link-local addresses.

`jitney.client.api.connection` waits longer and repeats more, because it calls remote servers.
"""

import http.client
import ipaddress
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlencode, urlsplit

from jitney.adapters.timed_http.timed_answers import TimedAnswer
from jitney.client.api.connection import HttpResponse, is_loopback
from jitney.client.problems import Invalid, Unavailable

LINK_LOCAL = "http://169.254.169.254"
"""The address of the metadata service of Azure and of Google Cloud.

Its name is not looked up, because a resolver could give a false address.
"""
_SECONDS = 3.0
_LARGEST_ANSWER = 65_536
# Azure and Google say to repeat these answers, with pauses.
_NOT_NOW = frozenset({429, 500, 502, 503, 504})
_PAUSES_SECONDS = (0.5, 1.5)


@dataclass(frozen=True, slots=True)
class MetadataService:
    """The metadata service of `cloud` at `address`, which is checked at each call."""

    cloud: str
    address: str = LINK_LOCAL
    seconds: float = _SECONDS

    def get(
        self,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> HttpResponse:
        """Return the answer. If the service is unavailable, the request is repeated, up to three attempts in all.

        Raises Unavailable when there is no answer, and Invalid when the address is not on this machine or link-local.
        """
        url = urlsplit(f"{self.address}{path}")
        if not (url.scheme == "http" and is_link_local(url.hostname or "")):
            detail = f"The metadata service {url.scheme}://{url.netloc} is neither on this machine nor link-local."
            raise Invalid(
                "url_invalid", "The metadata service's address is not valid", detail, "Correct IDENTITY_ENDPOINT."
            )
        for pause in (*_PAUSES_SECONDS, None):
            response = self._attempt(url, urlencode(query), headers)
            if pause is None or response.status not in _NOT_NOW:
                return response
            sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, url: SplitResult, query: str, headers: Mapping[str, str]) -> HttpResponse:
        connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=self.seconds)
        connection.response_class = TimedAnswer
        try:
            connection.request("GET", f"{url.path}?{query}", headers={"Connection": "close", **headers})
            with connection.getresponse() as answer:
                received = {name.lower(): value for name, value in answer.getheaders()}
                return HttpResponse(url.geturl(), answer.status, received, answer.read(_LARGEST_ANSWER))
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise self.unavailable(f"did not answer: {why.removesuffix('.')}") from error
        finally:
            connection.close()

    def unavailable(self, what: str) -> Unavailable:
        """Return the problem of a service that cannot give a token now."""
        detail = f"{self.cloud}'s metadata service {self.address} {what}."
        fix = f"Check that this machine runs in {self.cloud}, or name another source with JITNEY_TOKEN_SOURCE."
        return Unavailable("issuer_unavailable", "The metadata service gave no token", detail, fix)


def is_link_local(host: str) -> bool:
    """Return whether the host is this machine, or a literal link-local address (RFC 3927)."""
    try:
        return is_loopback(host) or ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False
