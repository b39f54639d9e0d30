"""The sign-in of a person who reviews in a terminal. It is separate from the sign-in that agents use (row REV 17).

Its client and audience are for reviews only. No refresh token is kept. The token is short-lived, and is accepted for
one vote.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jitney.client.api.broker import Broker
from jitney.client.inputs.connection_options import ConnectionOptions
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.setting_names import SETTINGS, ConnectionSettings, bad_setting
from jitney.client.inputs.settings import address_of, read_settings
from jitney.client.terminal.wait_note import asking_note
from jitney.client.tokens.token_sources import login_lock, login_settings

if TYPE_CHECKING:
    from jitney.client.login.login_settings import LoginSettings

COMMAND = "jitney login --review"
FIX = f"Run `{COMMAND}`."
TITLE = f"`{COMMAND}` needs the OS keyring"
_DEFAULTS: Mapping[str, str] = {"scope": "openid", "token_kind": "id"}
"""The defaults use an ID token. Its audience is the client, so an issuer needs no other configuration."""


def review_settings(settings: ConnectionSettings) -> "LoginSettings":
    """Return the settings of the sign-in for reviews. Raises Invalid when one is missing or not valid.

    The issuer is the one of `jitney login` unless another is set. The client must not be the one of `jitney login`,
    because agents can use the tokens of that client.
    """
    values = settings.values
    own = {name.removeprefix("review_"): value for name, value in values.items() if name.startswith("review_")}
    issuer = own.get("issuer") or values.get("token_issuer")
    if not issuer:
        raise _missing("review_issuer", settings)
    if "client_id" not in own:
        raise _missing("review_client_id", settings)
    if (issuer, own["client_id"]) == (values.get("token_issuer"), values.get("client_id")):
        fix = "Use a separate client for reviews, because agents on this machine use the tokens of this one."
        raise bad_setting("review_client_id", f"is the client of {SETTINGS['client_id'][0]}", fix)
    return login_settings(settings, {**_DEFAULTS, **own, "token_issuer": issuer})


def _missing(name: str, settings: ConnectionSettings) -> Exception:
    variable, place = SETTINGS[name]
    member = str(place).partition(".")[2]
    return bad_setting(name, "is missing", f"Set {variable}, or {member} under [review] in {settings.path}.")


def connect_reviewer(options: ConnectionOptions) -> Broker:
    """Return the broker that the settings name, for the person who is signed in for reviews."""
    settings = read_settings(options)
    what, tokens = review_settings(settings), _tokens()
    return Broker(address_of(settings), tokens.LoginToken(what, login_lock(settings), FIX), note=asking_note)


def forget_reviewer(options: ConnectionOptions) -> None:
    """Delete the sign-in for reviews. Its token was used for a vote, and cannot be used for another."""
    settings = read_settings(options)
    tokens = _tokens()
    with tokens.locked(login_lock(settings)):
        tokens.KeyringStore(review_settings(settings)).delete()


def _tokens() -> Any:
    return load_extra("jitney.client.tokens.login", "login", TITLE)
