"""A request's page for an agent of each provider, rendered from the provider's sample of claims."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any, cast

from jitney import resources
from jitney.configuration.load import load_configuration
from jitney.core.access.grant import Grant, State
from jitney.core.access.request import Permission
from jitney.core.access.suspensions import NO_SUSPENSIONS
from jitney.core.actions import ActionTable
from jitney.core.config import Config
from jitney.core.config import load as load_config
from jitney.core.identity.principal import Principal
from jitney.core.identity.principal_mapping import principal_of
from jitney.core.identity.providers import PROVIDERS
from jitney.core.identity.session import Session
from jitney.core.identity.signature import SignedClaims
from jitney.core.issuer_config import Issuer, PeopleIssuer
from jitney.core.policy.risks import describe_risks
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.sheet import Sheet, sheet_of
from jitney.handlers.pages.viewers import ViewerPermissions
from jitney.handlers.runtime.templates import environment, render
from local.settings import ROOT

NOW = 1_795_521_600
ALIASES = {"aws": "agents-account", "github_actions": "github", "kubernetes": "eks-prod", "generic": "corp"}
"""The aliases of issuers whose alias differs from the provider's name."""
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "aws": {"sub": "arn:aws:iam::123456789012:role/agents/prod-admin-writer"},
    "generic": {"iss": "https://idp.example.com"},
}
"""The claims that replace the sample's claims in a picture's token."""


def pages() -> Iterator[tuple[str, str]]:
    """Yield each provider's name, with the page of a request by the agent of the provider's sample."""
    for provider in PROVIDERS:
        agent = agent_of(provider)
        config = replace(sample_config(), emails={agent.human.name: "ada@corp.example.com"} if agent.human else {})
        grant = grant_of(agent, config)
        yield provider, page_of(GrantUnderReview(grant, config, NO_SUSPENSIONS))


@cache
def sample_config() -> Config:
    """Return the local system's configuration."""
    return load_config(load_configuration(ROOT / "jitney.yaml", {}, local=True).json)


def agent_of(provider: str) -> Principal:
    """Return the agent of a provider's sample of claims."""
    sample = import_module(f"jitney.core.identity.providers.{provider}").SAMPLE
    claims = cast("SignedClaims", {**sample, **SHAPES.get(provider, {})})
    alias = ALIASES.get(provider, provider)
    kind = "access" if provider in ("generic", "okta", "entra") else "id"
    issuer: Issuer = replace(
        sample_config().issuers["local"],
        name=alias,
        identity_name=alias,
        issuer=claims["iss"],
        provider=provider,
        token=kind,
        human_issuer=PeopleIssuer("people", claims["iss"], provider, ""),
    )
    tenants = {"google": {"hd": ("example.com",)}, "github_actions": {"repository_owner_id": ("583231",)}}
    issuer = replace(issuer, claims=issuer.claims._replace(require=tenants.get(provider, {})))
    return principal_of(claims, "at+jwt" if kind == "access" else "jwt", issuer)


def grant_of(agent: Principal, config: Config) -> Grant:
    """Return a request by `agent` that waits for its reviewers."""
    target = config.targets["analytics-prod"]
    return Grant(
        id="g-5yq2x7ncd3kfao",
        state=State.PENDING,
        issuer=agent.issuer,
        issuer_name=agent.issuer_name,
        subject=agent.subject,
        principal=agent.source_identity,
        unit=agent.unit,
        human=agent.human,
        target=target.alias,
        account=target.account,
        region=target.region,
        role_arn=target.role_arn,
        permissions=(Permission(("s3:PutObject", "s3:DeleteObject"), ("arn:aws:s3:::reports/2026/*",)),),
        duration_seconds=900,
        reason="Publish the quarterly report",
        ticket="OPS-7",
        created_at=NOW - 60,
        starts_at=None,
        expires_at=NOW + 3540,
        policy_version="",
        reviews=(("data-owners",),),
        facts=agent.facts,
    )


def sheet_of_sample(review: GrantUnderReview) -> Sheet:
    """Return the sheet of a sample request, with its risks."""
    actions, grant = ActionTable.load(resources.ACTIONS.read_bytes()), review.grant
    named = {found: found.risks for each in grant.permissions for name in each.actions if (found := actions.get(name))}
    risks = describe_risks(named, ())
    return sheet_of(review, review.config.reviewers, actions, risks, (), NOW)


def page_of(review: GrantUnderReview) -> str:
    """Return the page of a sample request, as one of its reviewers sees it."""
    grant = review.grant
    person = Principal(
        issuer="", issuer_name="people", subject="alice", kind="human", groups=frozenset(), display="alice",
        source_identity="people.alice", unit="people.alice",
    )  # fmt: skip
    viewer = ViewerPermissions(
        groups=frozenset({"data-owners"}), delegations=(), vote=None, is_own_request=False, is_operator=False,
        may_revoke=True, may_break_glass=False, did_break_glass=False, may_follow_up=False,
    )  # fmt: skip
    values = {
        "grant": grant, "sheet": sheet_of_sample(review), "viewer": viewer, "voted": None, "may_vote": True,
        "may_break_glass": False,
        "enough_alone": True,
        "outliving": (), "settings": review.config.break_glass, "root": "",
        "session": Session(person, NOW, "key", "web"), "now": NOW, "grant_id": grant.id, "operator": False,
    }  # fmt: skip
    return render(environment(resources.PAGES), "request", values)
