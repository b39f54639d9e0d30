"""Maps signed claims to a principal."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from jitney.core.identity.claim_path import claim_at
from jitney.core.identity.claim_rules import (
    check_admitted,
    claim_groups,
    claim_tags,
    claimed_subject,
    escaped,
    named_texts,
)
from jitney.core.identity.principal import IdentityFact, Principal
from jitney.core.identity.providers import PROVIDERS
from jitney.core.identity.providers.provider import Provider, facts_of, unresolved_human
from jitney.core.identity.refusal import Refusal
from jitney.core.identity.signature import SignedClaims
from jitney.core.identity.source_identity import is_nameable, source_identity
from jitney.core.issuer_config import Issuer, PeopleIssuer
from jitney.core.stored_identity import Identity, identity_of


def principal_of(claims: SignedClaims, typ: str, issuer: Issuer) -> Principal:
    """Return the principal of `claims`. `typ` is from the token's header. Run the checks of the module `claims` first.

    Raises Refusal. A refusal after the subject was admitted carries the principal, without groups.
    """
    provider = PROVIDERS[issuer.provider]
    principal = _principal_without_groups(claims, issuer, provider)
    try:
        _check_kind(claims, typ, issuer, provider)
        _check_person(principal.subject, issuer, provider)
        groups = _groups(claims, issuer, provider, principal.subject)
        tags = claim_tags(claims, visible_claims(issuer))
        human = _human(claims, issuer, provider, principal.subject)
        facts = _agent_first(principal, issuer) if human else principal.facts
        return replace(principal, groups=groups, tags=tags, human=human, facts=facts)
    except Refusal as refusal:
        refusal.principal = principal
        raise


def check_agents_subject(subject: str, issuer: Issuer, entries: Iterable[Issuer]) -> None:
    """Raise Refusal token_subject for an agent with a subject that a person of the same issuer can have.

    `entries` are all entries of the issuer. One that names agents by a claim such as `azp` may admit a client whose id
    is a person's subject, because the client's owner chose the id. Agent and person would be one principal.
    """
    own = _naming_claims(issuer)
    for people in entries if issuer.kind != "human" else ():
        if people.kind != "human" or _naming_claims(people) == own:
            continue
        if not people.subject_pattern or re.fullmatch(people.subject_pattern, subject, re.ASCII):
            raise Refusal(
                "token_subject",
                "The token's agent has a name that a person of the same issuer can have.",
                "Ask your platform engineer to rename the agent at the issuer, or to correct the subject_pattern of "
                f"issuers.{people.name}.",
            )


def check_subject_is_no_unit(subject: str, issuer: Issuer, entries: Iterable[Issuer]) -> None:
    """Raise Refusal token_subject for a subject of the form of a unit, such as "sub=alice" with `unit: [sub]`.

    Agent and unit would have one name, so a limit or a suspension of one would hold for the other. `entries` are all
    entries of the issuer. Composed subjects may be units of their own.
    """
    for entry in entries:
        unit = entry.claims.unit
        form = r"\+".join(f"{re.escape(escaped(path))}=[^+=]+" for path in unit)
        if unit and unit != issuer.claims.subject and re.fullmatch(form, subject):
            raise Refusal(
                "token_subject",
                "The token's subject has the form of a unit of its issuer.",
                "Ask your platform engineer to rename the agent at the issuer, to a name without the form CLAIM=VALUE.",
            )


def _naming_claims(issuer: Issuer) -> tuple[str, ...]:
    """Return the claims that name the subjects of an entry. An actor (RFC 8693) is a subject of the same issuer."""
    return ("sub",) if issuer.claims.subject in ((), ("act.sub",)) else issuer.claims.subject


def visible_claims(issuer: Issuer) -> Mapping[str, str]:
    """Return the claims of the issuer's tokens that policies see, each with its type."""
    return {**PROVIDERS[issuer.provider].known.tags, **issuer.claims.tags}


def _principal_without_groups(claims: SignedClaims, issuer: Issuer, provider: Provider) -> Principal:
    rules, known = issuer.claims, provider.known
    subject = claimed_subject(claims, rules.subject) if rules.subject else provider.subject(claims, issuer)
    check_admitted(claims, {**known.required, **rules.require}, known.tenants)
    if not is_nameable(subject):
        raise Refusal(
            "token_subject",
            "The token's subject is empty, longer than 255 characters, or holds an unprintable character.",
            "Configure the issuer to name the subject with printable characters.",
        )
    shown = [claims[name] for name in provider.display if isinstance(claims.get(name), str)]
    identity = source_identity(issuer.identity_name, issuer.issuer, subject)
    unit = named_texts(claims, rules.unit) if rules.unit else provider.unit(claims, issuer)
    facts = facts_of(claims, tuple(rules.facts.items()) or provider.fact_sources)
    return Principal(
        issuer=issuer.issuer,
        issuer_name=issuer.name,
        subject=subject,
        kind="human" if issuer.kind == "human" else "agent",
        groups=frozenset(),
        display=next(filter(is_nameable, shown), subject),
        source_identity=identity,
        unit=source_identity(issuer.identity_name, issuer.issuer, unit) if unit else identity,
        facts=tuple(IdentityFact(*fact) for fact in facts if fact[1]),
    )


def _agent_first(principal: Principal, issuer: Issuer) -> tuple[IdentityFact, ...]:
    """Return the facts of an agent that acts for a person. Its own name is first: `requester_name` shows two facts.

    Other facts may be the person's, such as the e-mail in a delegated token. An entry with `facts` has its own order.
    """
    if issuer.claims.facts or issuer.kind == "human":
        return principal.facts
    own = tuple(each for each in principal.facts if each.value == principal.subject)
    if not own and issuer.claims.subject:
        own = (IdentityFact("Agent", principal.subject),)
    return (*own, *(each for each in principal.facts if each not in own))


def _check_kind(claims: SignedClaims, typ: str, issuer: Issuer, provider: Provider) -> None:
    kinds = provider.kinds(claims, typ)
    if not kinds <= {issuer.token}:
        raise Refusal(
            "token_kind",
            f"The issuer's entry expects an {issuer.token} token. This token is of another kind, or of several.",
            f"Send the issuer's {issuer.token} token.",
        )
    if issuer.kind == "human" and ("act" in claims or provider.is_machine(claims)):  # an actor: RFC 8693 section 4.1
        raise Refusal(
            "token_kind",
            "The issuer's entry is for people, but this token was issued to a machine or through one.",
            "Sign in yourself and send the token that you get.",
        )


def _check_person(subject: str, issuer: Issuer, provider: Provider) -> None:
    """Raise Refusal token_subject for a person whose subject is not a result of `provider.person`."""
    if issuer.kind != "human" or not provider.resolves_people(issuer.subject_pattern):
        return
    people = PeopleIssuer(issuer.identity_name, issuer.issuer, issuer.provider, issuer.subject_pattern)
    if provider.person(subject, people) != subject:
        raise Refusal(
            "token_subject",
            "The token's subject does not have the form of the subjects of the issuer's people.",
            "Configure the issuer to name people by their permanent id.",
        )


def _groups(claims: SignedClaims, issuer: Issuer, provider: Provider, subject: str) -> frozenset[str]:
    plain = provider.groups(claims, issuer)
    names = claim_groups(claims, issuer.claims.groups, plain).union(issuer.subject_groups.get(subject, ()))
    return frozenset(f"{issuer.name}/{name}" for name in names)


def _human(claims: SignedClaims, issuer: Issuer, provider: Provider, agent: str) -> Identity | None:
    """Return the person that the agent acts for, or None when the token names no person.

    The result is the identity with which the person signs in and votes. So Jitney can refuse their vote on requests of
    their own agent (REV 5). A token is refused when its person cannot be resolved to that identity. So is an
    agent's token with an actor (RFC 8693 section 4.1) and without a person.
    """
    named = (_bearer(claims, issuer, provider, agent), _claimed_human(claims, issuer))
    people = {_person(name, issuer, agent) for name in named if name is not None}
    if len(people) > 1:
        raise unresolved_human(
            f"The token belongs to one person, and its claim {issuer.human_claim} names another.",
            "Get a token whose claims name the same person.",
        )
    if issuer.kind != "human" and not people and "act" in claims:
        raise unresolved_human(
            "The token was delegated to an actor (act), and it names no person.",
            "Get a token whose claims name the person, or use a token of the agent itself.",
        )
    return people.pop() if people else None


def _bearer(claims: SignedClaims, issuer: Issuer, provider: Provider, subject: str) -> str | None:
    """Return the person who holds the token, or None if they sign in as `subject`."""
    if issuer.kind != "human":
        return provider.human(claims, issuer)
    people = issuer.human_issuer
    return subject if people and people.issuer != issuer.issuer else None


def _claimed_human(claims: SignedClaims, issuer: Issuer) -> str | None:
    value = claim_at(claims, issuer.human_claim) if issuer.human_claim else None
    if value is not None and not isinstance(value, str):
        raise Refusal(
            "token_claims",
            f"The claim {issuer.human_claim} does not name a person.",
            "Configure the issuer to put the person's subject into the claim, as a string.",
        )
    return value


def _person(name: str, issuer: Issuer, agent: str) -> Identity:
    """Return the person that a token calls `name`. Raises Refusal token_human."""
    people = issuer.human_issuer
    if people is None:
        raise unresolved_human(
            "A person delegated the token to an agent, and the issuer's entry has no human_issuer.",
            "Name the issuer with which people sign in as human_issuer, or use a token of the agent itself.",
        )
    subject = PROVIDERS[people.provider].person(name, people)
    if subject is None or not is_nameable(subject) or (people.issuer, subject) == (issuer.issuer, agent):
        raise unresolved_human(
            f"The token's person is not named by their subject at the issuer {people.identity_name}.",
            "Configure the token's issuer to name people by the subject with which they sign in to Jitney.",
        )
    return identity_of(source_identity(people.identity_name, people.issuer, subject), people.issuer)
