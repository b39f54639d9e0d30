"""Checks of the connection to the broker: settings, name, TLS, answer, clock, token, and the token's acceptance."""

import http.client
import socket
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from jitney import __version__
from jitney.client.api.broker import Broker
from jitney.client.api.connection import (
    HttpRequest,
    HttpResponse,
    NotConnectedError,
    certificate_fix,
    exchange,
)
from jitney.client.api.proxy import proxy_of
from jitney.client.doctor.findings import Finding, fault, ok, warning
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.setting_names import ConnectionSettings
from jitney.client.inputs.settings import address_of, chosen_source, read_settings
from jitney.client.problems import ClientProblem, Invalid
from jitney.client.terminal.durations import format_duration
from jitney.client.tokens import Token, audiences_of, claims_of
from jitney.core.quantities import quantity

# AWS refuses a signature when the clock is five minutes wrong. Tokens are often refused at less than that.
_CLOCK_WARNING_SECONDS, _CLOCK_FAULT_SECONDS = 30, 300
_SOON_SECONDS = 60


@dataclass(frozen=True, slots=True)
class BrokerChecks:
    """The checks, for one set of options and an environment, at the time `now` in epoch seconds."""

    options: ConnectionOptions
    environment: Mapping[str, str]
    now: float

    def findings(self) -> Iterator[Finding]:
        """Yield the findings in the order in which they depend on each other."""
        try:
            settings = read_settings(self.options, self.environment)
            api = address_of(settings)
        except Invalid as problem:
            yield fault("settings", problem.detail, problem.fix)
            return
        yield ok("settings", f"the broker is {api}")
        answers = yield from self._endpoint(api)
        token = yield from self._token(settings)
        if answers and token:
            yield _accepted(api, token)

    def _endpoint(self, api: str) -> Generator[Finding, None, bool]:
        """Yield findings about the answer at the broker's address. Return whether a broker answers there."""
        url = urlsplit(api)
        host = url.hostname or ""
        try:
            proxy = proxy_of(url)
        except Invalid as problem:
            yield fault("proxy", problem.detail, problem.fix)
            return False
        if proxy is None:
            try:
                socket.getaddrinfo(host, url.port or 443, type=socket.SOCK_STREAM)
            except OSError as error:
                yield fault("dns", f"{host} has no address: {error.strerror}", "Check the address, or your network.")
                return False
            yield ok("dns", f"{host} has an address")
        else:
            yield ok("proxy", f"requests go through the proxy {proxy.hostname}:{proxy.port or 80}")
        try:
            answer = exchange(HttpRequest("GET", f"{api}/v1/health", {}))
        except Invalid as problem:
            yield fault("tls", problem.detail, problem.fix)
            return False
        except NotConnectedError as error:
            yield _not_connected(host, error.__cause__ or error)
            return False
        except (OSError, http.client.HTTPException) as error:
            yield fault("endpoint", f"{api} did not answer: {error or type(error).__name__}", "Check the address.")
            return False
        yield ok(
            "tls", "the certificate is valid" if url.scheme == "https" else "not used: the broker is on this machine"
        )
        yield _health(api, answer)
        yield self._clock(answer)
        return answer.succeeded and "version" in answer.document()

    def _clock(self, answer: HttpResponse) -> Finding:
        try:
            theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (KeyError, ValueError):
            return warning("clock", "the broker's answer has no date", "Check whether a proxy removes the date.")
        off = round(self.now - theirs)
        if abs(off) <= _CLOCK_WARNING_SECONDS:
            return ok("clock", "equals the broker's")
        text = f"this machine's clock is {format_duration(abs(off))} {'ahead' if off > 0 else 'behind'}"
        fix = "Set the clock, for example with NTP. Else AWS refuses signatures, and the broker refuses tokens."
        return (fault if abs(off) > _CLOCK_FAULT_SECONDS else warning)("clock", text, fix)

    def _token(self, settings: ConnectionSettings) -> Generator[Finding, None, Token | None]:
        """Yield findings about the token's claims. Return the token; None without one."""
        try:
            chosen = chosen_source(settings, self.options)
            token = chosen.source.fetch()
        except ClientProblem as problem:
            yield fault("token", problem.detail, problem.fix)
            return None
        yield ok("token source", f"{chosen.name}: {chosen.why}")
        yield _token_finding(token, self.now)
        return token


@dataclass(frozen=True, slots=True)
class _FetchedToken:
    """A source that returns an already fetched token, because some sources ask a person each time."""

    token: Token

    def fetch(self) -> Token:
        return self.token


def _accepted(api: str, token: Token) -> Finding:
    try:
        return _permitted(Broker(api, _FetchedToken(token)))
    except ClientProblem as problem:
        return fault("access", f"the broker refuses the token: {problem.detail}", problem.fix)


def _permitted(broker: Broker) -> Finding:
    targets = broker.targets().document()
    count, who = len(targets["targets"]), targets["caller"]["principal"]
    if not count:
        fix = str(targets.get("fix") or "Ask your platform engineer for a policy that permits something.")
        return warning("access", f"you are {who}, and policy permits you no target", fix)
    return ok("access", f"you are {who}, and can request access to {quantity(count, 'target')}")


def _not_connected(host: str, error: BaseException) -> Finding:
    why = getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error) or type(error).__name__
    if "CERTIFICATE" in str(error).upper():
        text = f"the certificate of {host} is not valid: {getattr(error, 'verify_message', why)}"
        return fault("tls", text, certificate_fix(error))
    return fault(
        "endpoint", f"there is no connection to {host}: {why}", "Check the address, the network and the proxy."
    )


def _health(api: str, answer: HttpResponse) -> Finding:
    version = answer.document().get("version")
    if not answer.succeeded or not isinstance(version, str):
        fix = "Give the API's address with its stage, as in the stack's outputs."
        return fault("endpoint", f"{api} answered HTTP {answer.status}, which is not a broker's answer", fix)
    return ok("endpoint", f"the broker answers; its version is {version}, and this command's {__version__}")


def _token_finding(token: Token, now: float) -> Finding:
    claims = claims_of(token.value)
    try:
        left, begins = round(float(claims["exp"]) - now), float(claims.get("nbf", 0))
    except (KeyError, TypeError, ValueError, OverflowError):
        return warning("token", "not a JWT with an end, so its times are unknown", "Check the token's source.")
    said = f"issued by {claims.get('iss')} for {', '.join(str(each or '?') for each in audiences_of(claims))}"
    if left <= 0:
        return fault("token", f"{said}; it ended {format_duration(-left)} ago", "Get a new one from its source.")
    if begins > now:
        return fault("token", f"{said}; it is not valid yet", "Check this machine's clock.")
    if left < _SOON_SECONDS:
        return warning("token", f"{said}; it ends in {format_duration(left)}", "Get a new one from its source.")
    return ok("token", f"{said}; it ends in {format_duration(left)}")
