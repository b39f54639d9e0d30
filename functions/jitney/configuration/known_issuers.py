"""The providers whose hosts are known: the exact form of their issuers, and where their keys are.

`iss` is compared exactly, so an issuer in another form never matches a token. Keys from another host would be another
party's. Hosts that are not listed are not checked.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

BINDING_PROVIDERS = ("generic", "okta")
"""The providers whose access tokens can be bound to a key by DPoP (RFC 9449)."""
DELEGATION_CLAIMS: Mapping[str, tuple[str, ...]] = {
    "entra": ("appid", "azp", "oid", "sub", "tid"),
    "google": ("azp", "sub"),
    "okta": ("cid", "sub", "uid"),
}
"""The claims where the provider's module finds the agent and the person of a delegated token."""
_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ENTRA = "https://login.microsoftonline.com/TENANT-ID/v2.0"
_DISCOVERY = "/.well-known/openid-configuration"


class KnownIssuer(NamedTuple):
    """A provider: patterns of its `hosts` and of its issuers' paths, an example, and the hosts of its keys.

    Without `keys`, the keys are at the issuer's host. `binds` says whether its access tokens can be bound to a key.
    """

    hosts: str
    path: str
    example: str
    keys: tuple[str, ...] = ()
    binds: bool = False


# GitHub, GitLab, Buildkite, HCP Terraform, CircleCI, Bitbucket, Auth0, Amazon EKS and Cognito, Microsoft, Google: the
# pages in docs/identity name the documentation of each.
KNOWN_ISSUERS = (
    KnownIssuer(
        r"token\.actions\.githubusercontent\.com", r"(/[\w.-]+)?", "https://token.actions.githubusercontent.com"
    ),
    KnownIssuer(r"(www\.)?gitlab\.com", "", "https://gitlab.com"),
    KnownIssuer(r"agent\.buildkite\.com", "", "https://agent.buildkite.com"),
    KnownIssuer(r"app\.terraform\.io", "", "https://app.terraform.io"),
    KnownIssuer(r"oidc\.circleci\.com", f"/org/{_ID}", "https://oidc.circleci.com/org/ORGANIZATION-ID"),
    KnownIssuer(
        r"api\.bitbucket\.org",
        r"/2\.0/workspaces/[^/]+/pipelines-config/identity/oidc",
        "https://api.bitbucket.org/2.0/workspaces/WORKSPACE/pipelines-config/identity/oidc",
    ),
    KnownIssuer(r"[a-z0-9.-]+\.auth0\.com", "/", "https://TENANT.REGION.auth0.com/", binds=True),
    KnownIssuer(
        r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?", "/id/[0-9A-Z]+", "https://oidc.eks.REGION.amazonaws.com/id/ID"
    ),
    KnownIssuer(
        r"cognito-idp\.[a-z0-9-]+\.amazonaws\.com",
        r"/[a-z0-9-]+_[A-Za-z0-9]+",
        "https://cognito-idp.REGION.amazonaws.com/USER-POOL-ID",
    ),
    KnownIssuer(r"login\.microsoftonline\.(com|us)", rf"/{_ID}/v2\.0", _ENTRA),
    KnownIssuer(
        r"sts\.windows\.net",
        f"/{_ID}/",
        "https://sts.windows.net/TENANT-ID/",
        keys=("login.microsoftonline.com", "login.windows.net"),
    ),
    KnownIssuer(r"accounts\.google\.com", "", "https://accounts.google.com", keys=("www.googleapis.com",)),
)


def issuer_faults(issuer: str) -> Iterator[tuple[str, str]]:
    """Yield why no token can have this `iss`, with the fix."""
    if _DISCOVERY in issuer:
        yield f'"{issuer}" is the address of a discovery document', "write what that document calls issuer"
        return
    known, parts = _known(issuer), urlsplit(issuer)
    exact = known and re.fullmatch(f"https://{known.hosts}{known.path}", issuer, re.ASCII)
    if known and (exact is None or parts.netloc.startswith("www.")):
        yield f'no token of {parts.hostname} has the issuer "{issuer}"', f"write it as in {known.example}"


def keys_faults(issuer: str, jwks_uri: str) -> Iterator[tuple[str, str]]:
    """Yield why the issuer's keys cannot be at this address, with the fix."""
    if _DISCOVERY in jwks_uri:
        yield f'"{jwks_uri}" is the address of a discovery document', "write what that document calls jwks_uri"
        return
    known, issuing, serving = _known(issuer), urlsplit(issuer).hostname or "", urlsplit(jwks_uri).hostname or ""
    hosts = known.keys or (issuing,) if known else (serving,)
    if serving not in hosts:
        yield f"the keys of {issuing} are not at {serving}", f"write the address of the keys at {' or '.join(hosts)}"


def _known(issuer: str) -> KnownIssuer | None:
    host = urlsplit(issuer).hostname or ""
    return next((each for each in KNOWN_ISSUERS if re.fullmatch(each.hosts, host, re.ASCII)), None)


def dpop_faults(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with `dpop` in an issuer's entry, and the fix. `entry` has the members before `dpop`."""
    provider, issuer = entry.get("provider"), entry.get("issuer", "")
    known = _known(issuer)
    if provider not in (None, *BINDING_PROVIDERS):
        yield f"the provider {provider} binds no token to a key by DPoP", "leave dpop out"
    elif known and not known.binds:
        yield f"{urlsplit(issuer).hostname} binds no token to a key by DPoP", "leave dpop out"
    if entry.get("token") == "id":
        yield "ID tokens are not bound to a key", "write token: access, or leave dpop out"
    if entry.get("for_reviews"):
        yield "`jitney login --review` gets bearer tokens only", "leave dpop or for_reviews out"
