"""`jitney login` and `jitney logout`: sign in as a developer, with tokens in the keyring of the operating system."""

import os
import sys
import time
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from jitney.client.inputs import options
from jitney.client.inputs.connection_options import ConnectionOptions, signed_in_file
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.settings import read_settings
from jitney.client.login.reviewer_sign_in import review_settings
from jitney.client.problems import Invalid
from jitney.client.terminal.command_result import exit_on_problem, print_json, screen
from jitney.client.tokens.token_choice import choose
from jitney.client.tokens.token_sources import login_lock, login_settings
from jitney.core.quotas import MOST_REVIEW_TOKEN_SECONDS

if TYPE_CHECKING:
    from jitney.client.login.device_flow import DeviceCode
    from jitney.client.login.login_settings import LoginSettings
    from jitney.client.login.provider_metadata import ProviderMetadata
    from jitney.client.login.sign_in import DeveloperSignIn

_Review = Annotated[bool, typer.Option("--review", help="The sign-in for `jitney review`, instead of the agents'.")]
_TITLE = "`jitney login` needs the OS keyring"


def login(
    *,
    device: Annotated[
        bool, typer.Option("--device", help="Enter a code on another device, where this machine has no browser.")
    ] = False,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address, to open it in a browser of this machine.")
    ] = False,
    review: _Review = False,
    as_json: options.AsJson = False,
) -> None:
    """Sign in as a developer. Requests then name you and the agent that uses the token.

    The issuer and the client come from JITNEY_TOKEN_ISSUER and JITNEY_CLIENT_ID, or from config.toml. Tokens go to the
    keyring of the operating system.

    With --review, sign in as a reviewer instead, for `jitney review`. That sign-in uses a client of its own
    (JITNEY_REVIEW_CLIENT_ID). It is valid for one vote, until its token expires.

    Example: jitney login
    """
    with exit_on_problem("login", as_json=as_json):
        settings = read_settings(ConnectionOptions())
        what = review_settings(settings) if review else login_settings(settings)
        tokens = load_extra("jitney.client.tokens.login", "login", _TITLE)
        # Before the sign-in: a failure of either would make the person sign in for nothing.
        store, chosen = tokens.KeyringStore(what), None if review else choose(settings)
        signed_in = _signed_in(what, device=device, no_browser=no_browser)
        if review:
            accepted_until = int(time.time()) + MOST_REVIEW_TOKEN_SECONDS
            signed_in = replace(signed_in, refresh_token="", expires_at=min(signed_in.expires_at, accepted_until))
        with tokens.locked(login_lock(settings)):
            if not review:
                tokens.note_person(signed_in_file(settings.environment), what, signed_in)
            store.save(signed_in)
        _show(what, signed_in, as_json=as_json, review=review)
        if chosen and chosen.name != "login":
            screen().note(f"jitney: the sign-in is not used, because the token source is {chosen.name}: {chosen.why}.")


def logout(*, review: _Review = False, as_json: options.AsJson = False) -> None:
    """Sign out. Deletes the tokens from the keyring, and revokes the refresh token at the issuer.

    Example: jitney logout
    """
    from jitney.client.login.revocation import revoke

    with exit_on_problem("logout", as_json=as_json):
        settings = read_settings(ConnectionOptions())
        what = review_settings(settings) if review else login_settings(settings)
        tokens = load_extra("jitney.client.tokens.login", "login", _TITLE)
        store = tokens.KeyringStore(what)
        with tokens.locked(login_lock(settings)):
            found: DeveloperSignIn | None = store.load()
            store.delete()
        revoked = revoke(what, found.refresh_token) if found and found.refresh_token else None
        if as_json:
            print_json({"issuer": what.issuer, "signed_out": found is not None, "revoked": revoked})
            return
        screen().heading("Signed out" if found else "Not signed in", "bold", what.issuer)
        if revoked is False:
            screen().note("The issuer has no endpoint for revocation: its refresh token ends by itself.")


def _signed_in(what: "LoginSettings", *, device: bool, no_browser: bool) -> "DeveloperSignIn":
    from jitney.client.login.code_flow import sign_in_with_browser
    from jitney.client.login.device_flow import sign_in_with_device
    from jitney.client.login.provider_metadata import discover

    metadata = discover(what.issuer)
    with_browser = no_browser or has_browser(os.environ)
    if device or not with_browser:
        _require_another_way(metadata, device=device)
        return sign_in_with_device(what, metadata, _show_code)
    return sign_in_with_browser(what, metadata, _address_shower(open_it=not no_browser))


def _require_another_way(metadata: "ProviderMetadata", *, device: bool) -> None:
    """Raise Invalid if there is neither a browser nor a device flow."""
    if not device and not metadata.device_authorization_endpoint:
        detail = f"This machine has no browser, and {metadata.issuer} has no device flow."
        fix = "Sign in on a machine with a browser. Over SSH, forward the port of JITNEY_REDIRECT_PORT, and run"
        raise Invalid("no_browser", "No way to sign in", detail, f"{fix} `jitney login --no-browser`.")


def has_browser(environment: Mapping[str, str]) -> bool:
    """Return whether this machine can show a page: a display and a browser, or the variable BROWSER."""
    if environment.get("BROWSER"):
        return True
    headless = sys.platform.startswith("linux") and not (
        environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    )
    try:
        return not headless and bool(webbrowser.get())
    except webbrowser.Error:
        return False


def _address_shower(*, open_it: bool) -> Callable[[str], None]:
    def show(address: str) -> None:
        screen().note(f"To sign in, open this address once, in a browser of this machine: {address}")
        # This is our own start page. The issuer's address holds the state, which may be on no command line.
        if open_it and not webbrowser.open(address):
            screen().note("The browser did not start.")

    return show


def _show_code(code: "DeviceCode") -> None:
    screen().note(f"To sign in, open {code.verification_uri} in any browser, and enter the code {code.user_code}.")
    if code.complete_uri:
        screen().note(f"Or open {code.complete_uri}, and compare the code.")
    screen().note("Enter it only if you started this sign-in yourself.")


def _show(what: "LoginSettings", signed_in: "DeveloperSignIn", *, as_json: bool, review: bool) -> None:
    renewable, end = bool(signed_in.refresh_token), _moment(signed_in.expires_at)
    if as_json:
        print_json(
            {
                "issuer": what.issuer,
                "client_id": what.client_id,
                "subject": signed_in.subject,
                "name": signed_in.name,
                "expires_at": end,
                "renewable": renewable,
            }
        )
        return
    screen().heading("Signed in", "bold green", signed_in.name or signed_in.subject)
    renews = "renewed by itself" if renewable else "not renewable (no refresh token)"
    screen().rows(
        [
            ("issuer", what.issuer),
            ("subject", signed_in.subject),
            ("reviewer" if review else "agent", f"with the client {what.client_id}" if review else what.client_id),
            ("token", f"until {end}, for one vote" if review else f"until {end}, {renews}"),
            ("check it", "jitney review list" if review else "jitney whoami"),
        ]
    )


def _moment(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
