"""The HTTP proxy to a server."""

import os
import sys
from urllib.parse import SplitResult, urlsplit

from jitney.client.problems import Invalid


def proxy_of(url: SplitResult) -> SplitResult | None:
    """Return the proxy for the server, from the environment or macOS's settings; None if NO_PROXY excludes it.

    Plain http uses no proxy. Raises Invalid when the proxy's address is not valid.
    """
    host = url.hostname or ""
    if url.scheme == "http":
        return None
    if sys.platform != "darwin" and not {"https_proxy", "all_proxy"} & {name.lower() for name in os.environ}:
        return None
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - it costs 25 ms, and few have a proxy

    proxies = getproxies()
    address = proxies.get("https") or proxies.get("all")
    if not address or proxy_bypass(host):
        return None
    return _checked_proxy(address if "://" in address else f"http://{address}", host)


def _checked_proxy(address: str, host: str) -> SplitResult:
    """Return the proxy. Raises Invalid, quoting only the scheme of the address, because it may hold a password."""
    fix = "Set HTTPS_PROXY to an http:// proxy."
    try:
        proxy = urlsplit(address)
        usable = proxy.hostname and proxy.port != 0
    except ValueError:  # its text quotes the port, which may be part of a password
        proxy, usable = urlsplit(f"{address.partition('://')[0]}://"), None
    if proxy.scheme != "http":
        detail = f"The proxy for {host} is of the kind {proxy.scheme}://."
        raise Invalid("proxy_unsupported", "The proxy is not supported", detail, fix)
    if not usable:
        detail = f"The address of the proxy for {host} has no host, or a port that does not exist."
        raise Invalid(
            "proxy_invalid", "The proxy's address is not valid", detail, f"{fix} Percent-encode its password."
        )
    return proxy
