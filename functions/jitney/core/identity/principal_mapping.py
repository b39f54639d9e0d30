"""From signed claims to the principal they prove."""

from dataclasses import replace

from jitney.core.config import Issuer
from jitney.core.identity.claim_path import claim_at
from jitney.core.identity.principal import Principal
from jitney.core.identity.providers import PROVIDERS
from jitney.core.identity.providers.provider import Provider
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.identity.source_identity import is_nameable, source_identity


def principal_of(claims: SignedClaims, typ: str, issuer: Issuer) -> Principal:
    """The principal that `claims` prove; `typ` is the token's. Needs the checks of `jitney.core.identity.claims` first.

    Raises Refusal; one raised after the subject is admitted carries the principal, without groups.
    """
    provider = PROVIDERS[issuer.provider]
    somebody = _principal_without_groups(claims, issuer, provider)
    try:
        _check_kind(claims, typ, issuer, provider)
        return replace(somebody, groups=_groups(claims, issuer, provider, somebody), human=_human(claims, issuer))
    except Refusal as refusal:
        refusal.principal = somebody
        raise


def _principal_without_groups(claims: SignedClaims, issuer: Issuer, provider: Provider) -> Principal:
    subject = provider.subject(claims, issuer)
    if not is_nameable(subject):
        raise Refusal(
            "token_subject",
            "The token's subject is empty, longer than 255 characters, or holds a character that does not print.",
            "Have the issuer name the subject with printable characters.",
        )
    shown = [claims[name] for name in provider.display if isinstance(claims.get(name), str)]
    return Principal(
        issuer=issuer.issuer,
        issuer_name=issuer.name,
        subject=subject,
        kind="human" if issuer.kind == "human" else "agent",
        groups=frozenset(),
        display=next(filter(is_nameable, shown), subject),
        source_identity=source_identity(issuer.identity_name, issuer.issuer, subject),
        agent_owners=issuer.owners.get(subject, ()),
    )


def _check_kind(claims: SignedClaims, typ: str, issuer: Issuer, provider: Provider) -> None:
    if not provider.kinds(claims, typ) <= {issuer.token}:
        raise Refusal(
            "token_kind",
            f"The issuer's entry expects an {issuer.token} token, and this is another kind or points to several.",
            f"Send the issuer's {issuer.token} token.",
        )
    if issuer.kind == "human" and provider.is_machine(claims):
        raise Refusal(
            "token_kind",
            "The issuer's entry is for people, and this token was issued to a machine or to somebody acting for one.",
            "Sign in yourself and send the token you get.",
        )


def _groups(claims: SignedClaims, issuer: Issuer, provider: Provider, somebody: Principal) -> frozenset[str]:
    names = provider.groups(claims, issuer).union(issuer.subject_groups.get(somebody.subject, ()))
    return frozenset(f"{issuer.name}/{name}" for name in names)


def _human(claims: SignedClaims, issuer: Issuer) -> str | None:
    """On whose behalf the agent asks; None when the token does not say.

    The person's name is the one with which that person signs in and votes: only so can nobody approve what their own
    agent asks for (REV 5).
    """
    value = claim_at(claims, issuer.human_claim) if issuer.human_claim else None
    if value is None:
        return None
    if not isinstance(value, str) or not is_nameable(value):
        raise Refusal(
            "token_claims",
            f"The claim {issuer.human_claim} does not name a person.",
            "Have the issuer put the subject of the person into the claim, as a string.",
        )
    return source_identity(issuer.human_issuer, issuer.human_issuer_url, value)
