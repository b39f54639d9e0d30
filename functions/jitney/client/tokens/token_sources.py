"""The table of token sources: how each is built, the setting that chooses it, and how it is found without a setting."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jitney.client.api.connection import checked_url
from jitney.client.inputs.connection_options import xdg
from jitney.client.inputs.optional import load_extra
from jitney.client.inputs.setting_files import read_setting_file, user_path
from jitney.client.inputs.setting_names import SETTINGS, ConnectionSettings, bad_setting, missing_setting
from jitney.client.tokens import TokenSource, checked_token

if TYPE_CHECKING:
    from jitney.client.login.login_settings import LoginSettings, TokenKind
    from jitney.client.tokens.dpop import DpopKey

MACHINE = Path("/sys/class/dmi/id")
"""The folder whose files name the kind of machine on Linux. So the search for sources needs no network request."""
_AZURE_RESOURCE = "api://jitney"
# Lambda, and ECS. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
_OF_AWS = ("AWS_LAMBDA_FUNCTION_NAME", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
# https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
_GITHUB_TOKENS = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
_WORKLOAD_API = "SPIFFE_ENDPOINT_SOCKET"
_APP_SERVICE = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")
# The asset tag of every virtual machine in Azure. cloud-init recognizes them by it, too.
_AZURE_TAG = "7783-7084-3265-9085-8269-3286-77"


class SourceKind(NamedTuple):
    """A kind of source: how to build it, the setting that chooses it, and how it is found without a setting.

    `found` returns what it found on this machine, or "". `binds` says whether its tokens can be bound to a key.
    """

    build: Callable[[ConnectionSettings], TokenSource]
    setting: str = ""
    found: Callable[[ConnectionSettings], str] = lambda _: ""
    binds: bool = False


def _file(settings: ConnectionSettings) -> TokenSource:
    from jitney.client.tokens.file import FileToken

    return FileToken(user_path(_needed(settings, "token_file")))


def _command(settings: ConnectionSettings) -> TokenSource:
    from jitney.client.tokens.command import CommandToken

    try:
        argv = tuple(shlex.split(_needed(settings, "token_command")))
    except ValueError as error:
        raise bad_setting("token_command", f"has unbalanced quotes ({error})", "Close the quotes.") from error
    if not argv:
        raise bad_setting("token_command", "is empty", "Name the command that prints the token.")
    return CommandToken(argv)


def _client_credentials(settings: ConnectionSettings) -> TokenSource:
    from jitney.client.tokens.client_credentials import ClientCredentials

    values = settings.values
    client_id = _needed(settings, "client_id")
    parameters = {name: values[name] for name in ("scope", "resource", "audience") if name in values}
    url = checked_url("JITNEY_TOKEN_URL", _needed(settings, "token_url"))
    secret = client_secret(settings)
    if secret is None:
        named = f"JITNEY_CLIENT_SECRET_FILE, or client_secret_file under [token] in {settings.path}"
        raise missing_setting("client_secret", f"Set JITNEY_CLIENT_SECRET, {named}.")
    return ClientCredentials(url, client_id, secret, parameters, dpop_key(settings))


def dpop_key(settings: ConnectionSettings) -> "DpopKey | None":
    """Return the key to which tokens are bound, or None. Raises Invalid when its file holds no such key."""
    file = settings.values.get("dpop_key_file")
    if not file:
        return None
    module = load_extra("jitney.client.tokens.dpop", "dpop", "A token that is bound to a key needs pyjwt")
    key: DpopKey = module.read_key(user_path(file))
    return key


def _bound(build: Callable[[ConnectionSettings], TokenSource]) -> Callable[[ConnectionSettings], TokenSource]:
    """Return how to build a source whose tokens the issuer binds to the settings' key, if there is one."""

    def built(settings: ConnectionSettings) -> TokenSource:
        key, source = dpop_key(settings), build(settings)
        if key is None:
            return source
        from jitney.client.tokens.dpop import BoundToken

        return BoundToken(source, key)

    return built


def client_secret(settings: ConnectionSettings) -> str | None:
    """Return the client's secret, or None if no setting has it. Raises Invalid when its file cannot be read."""
    values = settings.values
    if "client_secret" in values or "client_secret_file" not in values:
        return values.get("client_secret")
    try:
        return read_setting_file(user_path(values["client_secret_file"])).strip()
    except OSError as error:
        fix = "Check the file's path and permissions."
        raise bad_setting("client_secret_file", f"cannot be read: {error.strerror}", fix) from error


def _login(settings: ConnectionSettings) -> TokenSource:
    what = login_settings(settings)
    module = load_extra("jitney.client.tokens.login", "login", "`jitney login` needs the OS keyring")
    source: TokenSource = module.LoginToken(what, login_lock(settings))
    return source


def login_settings(settings: ConnectionSettings, own: Mapping[str, str] | None = None) -> "LoginSettings":
    """Return the settings of `jitney login`. Raises Invalid when one is missing or not valid.

    `own` are the complete settings of another sign-in, which shares only the port of the redirect.
    """
    from jitney.client.login.login_settings import LoginSettings

    if own is None:
        values, issuer, client_id = settings.values, _needed(settings, "token_issuer"), _needed(settings, "client_id")
        secret = client_secret(settings) or ""
    else:
        values = {**own, "redirect_port": settings.values.get("redirect_port", "0")}
        issuer, client_id, secret = own["token_issuer"], own["client_id"], own.get("client_secret", "")
    kinds: Mapping[str, TokenKind] = {"access": "access", "id": "id"}
    kind, port = values.get("token_kind", "access"), values.get("redirect_port", "0")
    if kind not in kinds:
        name = "token_kind" if own is None else "review_token_kind"
        raise bad_setting(name, f"is {kind!r}", "Write access, or id for an issuer's ID token.")
    if not (port.isascii() and port.isdecimal() and int(port) < 65_536):
        raise bad_setting("redirect_port", f"is {port!r}", "Write a port, such as 8765.")
    parameters = {name: values[name] for name in ("resource", "audience") if name in values}
    scope = {"scope": values["scope"]} if "scope" in values else {}
    return LoginSettings(
        issuer,
        client_id,
        kind=kinds[kind],
        parameters=parameters,
        client_secret=secret,
        redirect_port=int(port),
        **scope,
    )


def login_lock(settings: ConnectionSettings) -> Path:
    """Return the file that processes lock while they renew a sign-in."""
    return xdg(settings.environment, "XDG_CACHE_HOME", ".cache") / "login.lock"


def _variable(settings: ConnectionSettings) -> TokenSource:
    from jitney.client.tokens.variable import VariableToken

    return VariableToken(_needed(settings, "token"), settings.values.get("audience", ""))


def _github_actions(settings: ConnectionSettings) -> TokenSource:
    from jitney.client.tokens.github_actions import GitHubActions, no_token

    address, token = (settings.environment.get(name, "") for name in _GITHUB_TOKENS)
    if not (address and token):
        raise no_token(f"{' and '.join(_GITHUB_TOKENS)} are not set.")
    # The token is checked first, because http.client quotes an invalid header in its error.
    url, secret = checked_url(_GITHUB_TOKENS[0], address), checked_token(token, _GITHUB_TOKENS[1])
    return GitHubActions(url, secret, settings.audience)


def _in_github_actions(settings: ConnectionSettings) -> str:
    """Return why this is a job of GitHub Actions, also if it gets no token: its runner may have another identity."""
    if settings.environment.get("GITHUB_ACTIONS") == "true":
        return "GITHUB_ACTIONS is true"
    return f"{' and '.join(_GITHUB_TOKENS)} are set" if all(map(settings.environment.get, _GITHUB_TOKENS)) else ""


def _kubernetes(settings: ConnectionSettings) -> TokenSource:
    from jitney.client.tokens.kubernetes import KubernetesToken

    return KubernetesToken(settings.audience)


def _in_kubernetes(settings: ConnectionSettings) -> str:
    if not settings.environment.get("KUBERNETES_SERVICE_HOST"):
        return ""
    from jitney.client.tokens.kubernetes import MOUNTED

    return f"{MOUNTED} exists" if MOUNTED.exists() else ""


def _spiffe(settings: ConnectionSettings) -> TokenSource:
    module = load_extra("jitney.client.tokens.spiffe", "spiffe", "A token of the Workload API needs spiffe")
    address = settings.environment.get(_WORKLOAD_API, "")
    source: TokenSource = module.SpiffeToken(settings.audience, module.checked_socket(address))
    return source


def _in_spiffe(settings: ConnectionSettings) -> str:
    return f"{_WORKLOAD_API} is set" if settings.environment.get(_WORKLOAD_API) else ""


def _aws(settings: ConnectionSettings) -> TokenSource:
    chosen = load_extra("jitney.client.tokens.aws", "sdk", "A token for an AWS identity needs botocore")
    source: TokenSource = chosen.aws_identity(settings.audience, settings.environment)
    return source


def _in_aws(settings: ConnectionSettings) -> str:
    environment = settings.environment
    if "JITNEY_GRANT_ID" in environment:  # the keys in the environment are the grant's
        return ""
    named = [name for name in _OF_AWS if environment.get(name)]
    if named:
        return f"{named[0]} is set"
    disabled = environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    return "" if disabled else _machine("sys_vendor", "Amazon EC2")


def _azure(settings: ConnectionSettings) -> TokenSource:
    from jitney.client.tokens.azure import AzureIdentity, app_service

    resource, client = settings.values.get("audience", _AZURE_RESOURCE), settings.values.get("client_id", "")
    endpoint, secret = (settings.environment.get(name, "") for name in _APP_SERVICE)
    return app_service(resource, client, endpoint, secret) if endpoint and secret else AzureIdentity(resource, client)


def _in_azure(settings: ConnectionSettings) -> str:
    if all(settings.environment.get(name) for name in _APP_SERVICE):
        return f"{' and '.join(_APP_SERVICE)} are set"
    return _machine("chassis_asset_tag", _AZURE_TAG)


def _google(settings: ConnectionSettings) -> TokenSource:
    from jitney.client.tokens.google import GoogleIdentity

    return GoogleIdentity(settings.audience)


def _in_google(settings: ConnectionSettings) -> str:
    if settings.environment.get("K_SERVICE"):
        return "K_SERVICE is set"
    return _machine("product_name", "Google Compute Engine")


def _machine(name: str, value: str) -> str:
    """Return the path of the file that names the machine, if it contains `value`; "" otherwise."""
    path = MACHINE / name
    try:
        return f"{path} is {value}" if path.read_text("ascii").strip() == value else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _needed(settings: ConnectionSettings, name: str) -> str:
    """Return the setting's value. Raises Invalid when it is missing."""
    if value := settings.values.get(name):
        return value
    variable, place = SETTINGS[name]
    table, _, member = (place or "").rpartition(".")
    inside = f", or {member} under [{table}] in {settings.path}" if table else ""
    raise missing_setting(name, f"Set {variable}{inside}.")


SOURCES: Mapping[str, SourceKind] = {
    "file": SourceKind(_bound(_file), "token_file", binds=True),
    "command": SourceKind(_bound(_command), "token_command", binds=True),
    "client-credentials": SourceKind(_client_credentials, "token_url", binds=True),
    "login": SourceKind(_login, "token_issuer"),
    "variable": SourceKind(_bound(_variable), "token", binds=True),
    "github-actions": SourceKind(_github_actions, found=_in_github_actions),
    "kubernetes": SourceKind(_kubernetes, found=_in_kubernetes),
    "spiffe": SourceKind(_spiffe, found=_in_spiffe),
    "aws": SourceKind(_aws, found=_in_aws),
    "azure": SourceKind(_azure, found=_in_azure),
    "google": SourceKind(_google, found=_in_google),
}
"""Every source, in the order of the search."""
