"""A small world of people, clients, jobs and pods. Their providers sign what is true: for test_identity_lives.py.

Each function returns a token's claims and the truth about its bearer. The truth comes from the docs of identity
providers and from the world alone. What the bearer may choose is an argument: an audience, a branch, an environment, a
client's id, a service account. It never is a part of the unit.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from jitney.core.config import Config, Policies
from jitney.core.identity.providers import github_actions, kubernetes
from jitney.core.issuer_config import ClaimRules, PeopleIssuer
from tests.core.identity import minting
from tests.handlers.conftest import configuration
from tests.handlers.review_browser import WEB

HUB, CI = "https://hub.example.com", "https://ci.example.com"
GITHUB, EKS = github_actions.SAMPLE["iss"], kubernetes.SAMPLE["iss"]
KEYS = {HUB: "ed25519", CI: "ec256", GITHUB: "ed25519", EKS: "ec256"}
LEEWAY, LONGEST, LONGEST_REVIEW = 30, 3600, 900
SHORTEST_GRANT = 300
PEOPLE = ("0001", "0002")
OPERATOR = "0009"
CONFUSING = (*PEOPLE, "sub=0002")
"""Ids of clients that are a person's subject, or the name of a developer's unit."""
GRANTS_PER_HOUR = 3
OWNERS: Mapping[tuple[str, ...], str] = {("client", "portal"): "0001", ("job", "20"): "0002"}
"""The owner of a client, and of each agent of a project."""
UID = "14ee3fa4-a7e2-420f-9f9a-dbc4507c379"

_POLICIES = """
@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource);
@id("write") @approval("owners") permit (principal, action == Jitney::Action::"Write", resource)
when { context.approvals.contains("owners") };
@id("often") @advice("At most three attempts.") forbid (principal, action, resource)
when { principal.hasTag("attempt") && principal.getTag("attempt").long > 3 };
@id("prod") @advice("No production.") forbid (principal, action, resource)
when { principal.hasTag("prod") && principal.getTag("prod").bool };
"""


class Asker(NamedTuple):
    """The agent that asks, as the world knows it, and its human ("" without one)."""

    agent: tuple[str, ...]
    human: str = ""

    @property
    def people(self) -> set[str]:
        """The people who may not decide about the asker's requests."""
        owner = OWNERS.get(self.agent[:2], "")
        return {self.human, owner, self.agent[1] if self.agent[0] == "person" else ""} - {""}


class Bearer(NamedTuple):
    """The truth about a token. `admitted` is false for one that no entry may accept, at any time.

    `permitted` is false if its signed claims are what the policies forbid.
    """

    asker: Asker
    unit: tuple[str, ...]
    admitted: bool = True
    permitted: bool = True
    once: bool = False
    ends_grants: bool = False


Minted = tuple[dict[str, Any], Bearer]


def app(client: str, audience: str = "jitney") -> Minted:
    """A client's own token."""
    claims = {"iss": HUB, "aud": audience, "sub": f"service-{client}", "azp": client, "gty": "client-credentials"}
    named = audience == "jitney" and client not in CONFUSING
    return claims, Bearer(Asker(("client", client)), ("client", client), named)


def developer(client: str, person: str, audience: str, email: bool) -> Minted:
    """A token that a person got with a client. Only the entry of the audience "dev" is for such tokens."""
    claims = {"iss": HUB, "aud": audience, "sub": person, "azp": client} | ({"email": "a@example.com"} if email else {})
    named = audience == "dev" and client not in CONFUSING
    return claims, Bearer(Asker(("client", client), person), ("developer", person), named)


def signed_in(person: str, audience: str, actor: bool) -> Minted:
    """An ID token of a person. Those with the audience "desk" are for reviews only."""
    claims = {"iss": HUB, "aud": audience, "sub": person, "nonce": "n"} | ({"act": {"sub": "robot"}} if actor else {})
    return claims, Bearer(Asker(("person", person)), ("person", person), audience == "web" and not actor)


def job(project: Any, ref: str, env: Any, audience: str, attempt: Any, prod: Any, starter: Any) -> Minted:
    """A job's token. A person who pushes chooses its branch, its environment and its audience.

    A number or a truth value names the same as its text.
    """
    claims = {"iss": CI, "aud": audience, "sub": f"job-of-{project}", "project": project, "ref": ref, "env": env}
    claims |= {"attempt": attempt, "prod": prod, "starter": starter}
    typed = type(attempt) in (int, type(None)) and abs(attempt or 0) < 2**63 and type(prod) in (bool, type(None))
    number, place = (json.dumps(each).strip('"') if type(each) in (int, bool) else each for each in (project, env))
    names = isinstance(place, str) and place != "" and starter in (None, *PEOPLE)
    return {name: value for name, value in claims.items() if value is not None}, Bearer(
        Asker(("job", number, ref, str(place)), starter or ""),
        ("project", number),
        typed and names and f"{ref}{place}".isprintable(),
        permitted=typed and (attempt or 0) <= 3 and not prod,
        ends_grants=audience == "short",
    )


def workflow(owner: str, repository: str, ref: str, environment: str | None) -> Minted:
    """A token of a GitHub job."""
    place = {"environment": environment} if environment is not None else {"environment": None}
    claims = github_actions.SAMPLE | {"repository_owner_id": owner, "repository_id": repository, "ref": ref} | place
    where = ("ref", ref) if environment is None else ("environment", environment)
    printable = where[1].isprintable() and 0 < len(where[1]) < 200
    admitted = owner == "583231" and printable and ref.startswith(("refs/heads/", "refs/tags/"))
    return {name: value for name, value in claims.items() if value is not None}, Bearer(
        Asker(("repository", repository, *where)), ("repository", repository), admitted, once=True
    )


def pod(namespace: str, account: str, created: int, pod_name: str) -> Minted:
    """A token of a pod. An account that was deleted and created again has another uid."""
    uid = f"{UID}{created}"
    private = kubernetes.SAMPLE["kubernetes.io"] | {
        "namespace": namespace,
        "serviceaccount": {"name": account, "uid": uid},
        "pod": {"name": pod_name, "uid": UID + "f"},
    }
    sub = f"system:serviceaccount:{namespace}:{account}"
    claims = kubernetes.SAMPLE | {"sub": sub, "kubernetes.io": private}
    return claims, Bearer(Asker(("account", namespace, account, uid)), ("namespace", namespace), once=True)


def world_configuration() -> Config:
    """The configuration of the world's issuers."""
    form = {"identity_name": "staff", "kind": "human", "token": "id", "subject_pattern": "[0-9]{4}"}
    staff = PeopleIssuer("staff", HUB, "generic", "[0-9]{4}")
    owned = {"portal": ("staff.0001",)}
    project = {
        "token": "id",
        "human_claim": "starter",
        "human_issuer": staff,
        "owners": {"project=20+*": ("staff.0002",)},
        "claims": ClaimRules(
            subject=("project", "ref", "env"), unit=("project",), tags={"attempt": "long", "prod": "bool"}
        ),
    }
    developers = {"subject": ("azp",), "unit": ("sub",)}
    owner = ClaimRules(require={"repository_owner_id": ("583231",)})
    issuers = (
        minting.issuer("staff", HUB, audiences=("web",), web=WEB, **form),
        minting.issuer("desk", HUB, audiences=("desk",), for_reviews=True, max_age_seconds=LONGEST_REVIEW, **form),
        minting.issuer("apps", HUB, identity_name="staff", claims={"subject": ("azp",)}, owners=owned),
        minting.issuer(
            "devs",
            HUB,
            identity_name="staff",
            audiences=("dev",),
            claims=developers,
            human_claim="sub",
            human_issuer=staff,
            owners=owned,
        ),
        minting.issuer("ci", CI, **project),
        minting.issuer("short", CI, identity_name="ci", audiences=("short",), grants_end_with_token=True, **project),
        minting.issuer("github", GITHUB, provider="github_actions", token="id", replay="single_use", claims=owner),
        minting.issuer("eks", EKS, provider="kubernetes", token="id", replay="single_use"),
    )
    before = configuration()
    limits = replace(before.limits, grants_per_hour=GRANTS_PER_HOUR, ungranted_requests_per_minute=1000)
    policies = Policies(_POLICIES, before.policies.schema, "v1")
    members = tuple(f"staff.{each}" for each in PEOPLE)
    groups = {"owners": before.reviewers["owners"]._replace(members=members)}
    return replace(
        before,
        issuers={each.name: each for each in issuers},
        limits=limits,
        policies=policies,
        reviewers=groups,
        operators=("staff/security",),
    )


def signed(claims: Mapping[str, Any], key: str, *, twice: str = "") -> str:
    """Return the token. With `twice`, the member of that name appears twice, with another value at first."""
    access = {"typ": "at+jwt"} if claims["iss"] == HUB and "azp" in claims else {}
    header = {"alg": minting.algorithm_of(key), "kid": key, **access}
    text = json.dumps(claims)
    return minting.sign(header, f'{{"{twice}": "0002", {text[1:]}'.encode() if twice else text.encode(), key)


def key_sets() -> dict[str, bytes]:
    """Return the keys of the world's issuers."""
    return {url: minting.jwks(minting.jwk(key)) for url, key in KEYS.items()}
