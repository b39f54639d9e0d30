"""Sign-in on another device: a code that the person enters in any browser (RFC 8628)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jitney.client.api.connection import HttpResponse, checked_url
from jitney.client.login.login_settings import LoginSettings
from jitney.client.login.provider_metadata import ProviderMetadata
from jitney.client.login.sign_in import DeveloperSignIn, failed, signed_in
from jitney.client.problems import Invalid, Unauthenticated, Unavailable
from jitney.client.tokens.token_endpoint import granted, post_form, refusal_words

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_AGAIN = "Run `jitney login --device` again."
# RFC 8628: what each slow_down adds to the interval (section 3.5), and the interval if none is stated (section 3.2).
_SLOWER_SECONDS = _INTERVAL_SECONDS = 5
_LONGEST_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """The code that the person enters at `verification_uri`, and how this device polls for the result.

    `complete_uri` contains the code already, or is "".
    """

    user_code: str
    verification_uri: str
    complete_uri: str
    device_code: str = field(repr=False)
    interval: float
    expires_in: float

    @classmethod
    def read(cls, response: HttpResponse) -> "DeviceCode":
        """Return the code in the answer. Raises Unauthenticated when the issuer refuses, Invalid for a bad address."""
        document = response.document()
        if not response.succeeded:
            words = refusal_words(document) or f"HTTP {response.status}"
            fix = "Allow the device flow for the client at the issuer, or sign in with a browser."
            raise failed(f"{response.url} answered {words}.", fix)
        try:
            seconds = min(float(document["expires_in"]), _LONGEST_SECONDS)
            interval = max(float(document.get("interval", _INTERVAL_SECONDS)), 1.0)
            code, address = str(document["user_code"]), str(document["verification_uri"])
            secret = str(document["device_code"])
        except (KeyError, TypeError, ValueError) as error:
            raise failed(f"{response.url} answered with something else than a device code.", _AGAIN) from error
        complete = str(document.get("verification_uri_complete", ""))
        name = "The issuer's verification_uri"
        complete = checked_url(name, complete) if complete else ""
        return cls(code, checked_url(name, address), complete, secret, interval, seconds)


def sign_in_with_device(
    settings: LoginSettings,
    metadata: ProviderMetadata,
    show: Callable[[DeviceCode], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> DeveloperSignIn:
    """Return the sign-in of a person, who must enter the code that `show` gets.

    Raises Unauthenticated when the person or the issuer refuses, or the code expires, and Invalid when the issuer has
    no device flow.
    """
    if not metadata.device_authorization_endpoint:
        fix = "Run `jitney login` on a machine with a browser."
        raise Invalid("no_device_flow", "No device flow", f"{metadata.issuer} has no device flow.", fix)
    form = {"scope": settings.scope, **settings.client(), **settings.parameters}
    code = DeviceCode.read(post_form(metadata.device_authorization_endpoint, form))
    show(code)
    document = _polled(settings, metadata, code, sleep, clock)
    return signed_in(document, settings, int(time.time()), nonce=None)


def _polled(
    settings: LoginSettings,
    metadata: ProviderMetadata,
    code: DeviceCode,
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> Mapping[str, Any]:
    end, interval = clock() + code.expires_in, code.interval
    form = {"grant_type": _GRANT, "device_code": code.device_code, **settings.client(), **settings.parameters}
    while clock() + interval < end:
        sleep(interval)
        try:
            response = post_form(metadata.token_endpoint, form)
            error = response.document().get("error")
            if error == "slow_down":
                interval += _SLOWER_SECONDS
            elif error != "authorization_pending":
                return granted(response, _AGAIN)
        except Unavailable:  # RFC 8628 section 3.5: less often after a failure of the network or the issuer
            interval *= 2
    detail = f"The code {code.user_code} was not entered in time."
    raise Unauthenticated("login_timed_out", "The sign-in was not finished", detail, _AGAIN)
