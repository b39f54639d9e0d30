"""An agent of every provider, from the provider's sample of claims, and a grant that it requested."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from jitney.core.access.grant import Grant
from jitney.core.identity.principal import Principal
from jitney.core.identity.principal_mapping import principal_of
from jitney.core.identity.providers import aws, entra, generic, github_actions, google, kubernetes, okta
from jitney.core.identity.signature import SignedClaims
from tests.core.identity import minting
from tests.fakes import PENDING

SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "aws": aws.SAMPLE,
    "entra": entra.SAMPLE,
    "generic": {**generic.SAMPLE, "iss": minting.OTHER},
    "github_actions": github_actions.SAMPLE,
    "google": google.SAMPLE,
    "kubernetes": kubernetes.SAMPLE,
    "okta": okta.SAMPLE,
}
NAMES = {
    "aws": "Role DataProcessingRole in 123456789012 · lambda function process-data (account)",
    "entra": "Application id 00001111-aaaa-2222-bbbb-3333cccc4444 (entra)",
    "generic": "reader-agent (other)",
    "github_actions": "octo-org/octo-repo · environment production (github)",
    "google": "Client id 1234987819200.apps.googleusercontent.com (google)",
    "kubernetes": "reader · namespace agents (eks)",
    "okta": "Client id 0oabskvc6442nkvQO0h7 (okta)",
}
"""Each sample's agent in a few words."""


def agent(provider: str) -> Principal:
    """Return the principal of the provider's sample."""
    claims = SAMPLES[provider]
    issuer = next(each for each in minting.ISSUERS if each.issuer == claims["iss"])  # Google's robots come second
    typ = "at+jwt" if provider == "generic" else "jwt"
    return principal_of(cast("SignedClaims", claims), typ, issuer)


def requested_by(principal: Principal, grant: Grant = PENDING) -> Grant:
    """Return `grant` as `principal` requested it."""
    return replace(
        grant,
        issuer=principal.issuer,
        issuer_name=principal.issuer_name,
        subject=principal.subject,
        principal=principal.source_identity,
        unit=principal.unit,
        human=principal.human,
        facts=principal.facts,
    )


def lookalikes(value: str) -> Iterator[str]:
    """Yield other values that a careless channel shows as it shows `value`."""
    yield f"{value[:-1]}{chr(ord(value[-1]) ^ 1)}"
    yield f"{value}\u200b"
    yield f"{value[:2]}\u202e{value[2:]}"
    yield f"{value} "
    yield f" {value}"
    yield f"{value[:1]}\u0000{value[1:]}"
    yield f"{value}\n"
    yield f"{value}\u0301"
    yield f"{value}[U+200B]"
    imitated = value.translate({ord("a"): "\u0430", ord("e"): "\u0435", ord("o"): "\u043e", ord("1"): "\uff11"})
    yield imitated if imitated != value else f"{value}\u00ad"
    yield f"{value[:4]}<!-- -->{value[4:]}"
    yield f"{value[:4]}<b></b>{value[4:]}"
    yield f"{value[:4]}\x1b[8mhidden\x1b[0m{value[4:]}"
    yield f"*{value}*"
    yield f"`{value}`"
    yield f"{value[:4]}&#8203;{value[4:]}"


def long_twins(value: str) -> tuple[str, str]:
    """Return two long values that differ in their middle alone."""
    return f"{value}{'x' * 60}a{'y' * 140}{value[:20]}", f"{value}{'x' * 60}b{'y' * 140}{value[:20]}"
