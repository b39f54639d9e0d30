"""What the entries of one issuer have in common.

An agent that may choose the audience of its token chooses the entry. The choice must not decide about its name, the
unit that quotas count by, or the person that it acts for.
"""

from typing import Any

from jitney.configuration.claim_settings import ClaimSettings
from jitney.configuration.people_names import check_people_differ
from jitney.configuration.references import ValidationContext
from jitney.configuration.values import refused

_SHARED = "write the same in both entries: an agent may choose between their audiences"


def check_claims(rules: ClaimSettings, issuer: str, kind: str, context: ValidationContext) -> None:
    """Raise unless all entries of the issuer have the same subject, and all entries have a tag with one type."""
    for name, of_type in rules.tags.items():
        alias, first = context.first_with("tags", name, value=of_type)
        if first != of_type:
            raise refused(f"issuers.{alias} has the tag {name} of type {first}", "write the same type in both")
    # An actor (RFC 8693) is a subject of the same issuer, so both name one principal.
    subject = () if rules.subject in (("sub",), ("act.sub",)) else rules.subject
    alias, first = context.first_with("subject", issuer, kind, value=subject)
    if issuer and first != subject:
        wrong = f"issuers.{alias} has the same issuer and another subject"
        raise refused(
            wrong, "write the same claims.subject in both entries, so that each agent and person has one subject"
        )
    if subject and kind != "human":
        check_people_differ(issuer, " and ".join(subject), context.names)


def check_agents(entry: Any, context: ValidationContext) -> None:
    """Raise unless the entries of the issuer for agents have the same unit and human, apart from delegated tokens.

    A delegated token names its person in `sub`, and entries without a human refuse it. So an entry with a human may
    have another unit, and `sub` another entry than a claim of an agent's own token.
    """
    if entry.kind == "human":
        return
    alias, first = context.first_with("unit", entry.issuer, str(bool(entry.human_issuer)), value=entry.claims.unit)
    if first != entry.claims.unit:
        raise refused(f"issuers.{alias} has the same issuer and another claims.unit", _SHARED)
    claim = "" if entry.human_claim.partition(".")[0] == "act" else entry.human_claim
    alias, first = context.first_with("human", entry.issuer, value=claim) if claim != "sub" else ("", claim)
    if first != claim:
        raise refused(f"issuers.{alias} has the same issuer and another human_claim", _SHARED)
