"""An issuer's rules about claims. They decide which tokens are admitted and what their claims mean.

The rules work alike for every provider. A claim is named by its path (`claim_path`). Its texts are its value, or each
member of a list. Whole numbers, `true` and `false` are texts too. Other values have no text. `scope` and `scp` hold
values separated by spaces (RFC 6749 section 3.3).
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from jitney.core.identity.claim_path import claim_at
from jitney.core.identity.principal import ClaimTags, TagValue
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.identity.source_identity import is_nameable
from jitney.core.patterns import has_wildcard, wildcard_pattern

Requirements: TypeAlias = Mapping[str, tuple[str, ...]]
"""Claims that a token must have, each with its allowed values, in which `*` and `?` are wildcards."""

_LARGEST_LONG = 2**63 - 1  # Cedar's Long
_SPACE_SEPARATED = frozenset({"scope", "scp"})


def check_admitted(claims: SignedClaims, required: Requirements, tenants: tuple[str, ...]) -> None:
    """Raise Refusal token_not_admitted unless each claim in `required` has a text that matches one of its values.

    `tenants` are the claims that name the provider's customer. If there are any, `required` must contain one.
    """
    if tenants and required.keys().isdisjoint(tenants):
        raise not_admitted(
            "Anyone can get tokens from this issuer, and the issuer's entry names no customer.",
            f"Add {' or '.join(tenants)} to claims.require in the configuration.",
        )
    for path, values in required.items():
        if not any(_matches(value, text) for text in texts_of(claims, path) for value in values):
            raise Refusal(
                "token_not_admitted",
                f"The token's claim {path} has none of the values that its issuer's entry requires.",
                f"Use a token with a required value of {path}, or change claims.require in the configuration.",
                {"claim": path},
            )


def claimed_subject(claims: SignedClaims, paths: tuple[str, ...]) -> str:
    """Return the text of one claim, or the `named_texts` of several. Raises the same refusals as `named_texts`."""
    return text_at(claims, paths[0]) if len(paths) == 1 else named_texts(claims, paths)


def named_texts(claims: SignedClaims, paths: tuple[str, ...]) -> str:
    """Return the claims at `paths` as one text: "project_id=20+ref=main". Different claims give different texts.

    "%", "=" and "+" are percent-encoded. Raises Refusal token_claims when a claim is absent, empty or has no text.
    """
    return "+".join(f"{escaped(path)}={escaped(text_at(claims, path))}" for path in paths)


def text_at(claims: SignedClaims, path: str) -> str:
    """Return the text of the claim at `path`. Raises Refusal token_claims when it is absent, empty or has no text."""
    text = _text(claim_at(claims, path))
    if not text:
        raise Refusal(
            "token_claims",
            f"The token has no text in the claim {path}, which its issuer's entry uses to name the agent or its unit.",
            "Use a token with this claim, or change claims.subject or claims.unit in the configuration.",
            {"claim": path},
        )
    return text


def claim_groups(claims: SignedClaims, paths: tuple[str, ...], plain: frozenset[str]) -> frozenset[str]:
    """Return a group "path:text" for each text of each claim, and the groups in `plain`.

    Raises Refusal token_groups for a text that cannot be a name, and for a plain group that looks like a claim's group.
    """
    found = {f"{path}:{text}" for path in paths for text in texts_of(claims, path)}
    disguised = [name for name in plain - found for path in paths if name.startswith(f"{path}:")]
    if disguised or not all(map(is_nameable, found)):
        raise Refusal(
            "token_groups",
            "A group of the token is not printable, is too long, or has the form of a group made from a claim.",
            "Configure the issuer to name groups otherwise, or change claims.groups in the configuration.",
        )
    return plain | found


def claim_tags(claims: SignedClaims, types: Mapping[str, str]) -> ClaimTags:
    """Return the claims that policies see, if the token has them. Raises Refusal token_claims for a wrong type."""
    return tuple((path, _tag(path, value, types[path])) for path, value in _present(claims, types))


def texts_of(claims: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """Return the texts of the claim at `path`, or () when it is absent or has no text."""
    value = claim_at(claims, path)
    if isinstance(value, str) and path in _SPACE_SEPARATED:
        return tuple(filter(None, value.split(" ")))
    items = value if isinstance(value, list) else [value]
    return tuple(text for item in items if (text := _text(item)) is not None)


def missing_claim(name: str) -> Refusal:
    """Return the refusal of a token without the claim `name`, which the issuer's tokens have."""
    return Refusal(
        "token_claims",
        f"The claim {name}, which this provider's tokens have, is missing or of the wrong type.",
        "Use a token of the kind and provider that the issuer's entry names.",
        {"claim": name},
    )


def not_admitted(detail: str, fix: str) -> Refusal:
    """Return the refusal of a signed token whose bearer the issuer's entry does not admit."""
    return Refusal("token_not_admitted", detail, fix)


def _matches(value: str, text: str) -> bool:
    return wildcard_pattern(value).matches(text) if has_wildcard(value) else value == text


def _present(claims: SignedClaims, paths: Iterable[str]) -> Iterable[tuple[str, Any]]:
    return ((path, value) for path in paths if (value := claim_at(claims, path)) is not None)


def _tag(path: str, value: Any, kind: str) -> TagValue:
    match kind, value:
        case "string", str():
            return value
        case "bool", bool():
            return value
        case "long", int() if not isinstance(value, bool) and abs(value) <= _LARGEST_LONG:
            return value
        case "strings", list() if all(isinstance(item, str) for item in value):
            return tuple(value)
    raise missing_claim(path)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None


def escaped(text: str) -> str:
    """Return a path or a value as `named_texts` encodes it."""
    return text.replace("%", "%25").replace("=", "%3D").replace("+", "%2B")
