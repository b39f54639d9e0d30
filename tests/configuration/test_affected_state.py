"""`jitney policy diff` says what a changed configuration does to stored grants, votes and suspensions (POL 14)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from jitney.configuration.affected_state import affected_state
from jitney.core.access_profile import AccessProfile
from jitney.core.break_glass_config import BreakGlassConfig
from jitney.core.config import Config, ReviewerGroup
from jitney.core.issuer_config import ClaimRules, Issuer
from jitney.core.target_config import Target
from tests.core.identity import minting
from tests.fakes import ROLE_ARN
from tests.handlers.conftest import configuration

OLD = replace(configuration(), reviewers={"owners": ReviewerGroup(("people.alice", "people.bob"), approvals=2)})
GLASS = BreakGlassConfig(("people.gina",), (), ("analytics-prod",), (), 900, 3600, own_requests=True)
GROUP = ReviewerGroup(("people.alice", "people.bob"), escalates_to="late", delegates=("people.carol",))
PROFILE = AccessProfile((), "a1", "arn:aws:iam::444455556666:policy/jitney/deploy.a1")
OTHER_ROLE = ROLE_ARN.replace("444455556666", "777788889999")


def issuer(**members: object) -> Config:
    return issuers(corp=replace(OLD.issuers["corp"], **members))  # type: ignore[arg-type]


def issuers(without: str = "", **entries: Issuer) -> Config:
    kept = {name: each for name, each in OLD.issuers.items() if name != without}
    return replace(OLD, issuers={**entries, **kept, **entries})


def targets(*places: tuple[str, str], **members: object) -> Config:
    target = OLD.targets["analytics-prod"]
    moved = [replace(target, alias=alias, role_arn=role, **members) for alias, role in places]  # type: ignore[arg-type]
    return replace(OLD, targets={each.alias: each for each in moved})


def owners(approvals: int) -> Config:
    return replace(OLD, reviewers={"owners": OLD.reviewers["owners"]._replace(approvals=approvals)})


CORP, OTHER = OLD.issuers["corp"], OLD.issuers["other"]
CHANGES: dict[str, tuple[Config, str]] = {
    "an issuer is removed": (issuers(without="corp"), "votes and break-glass of its people do not count, and issued"),
    "an issuer is renamed": (
        issuers(without="corp", acme=replace(CORP, name="acme", identity_name="acme")),
        "issuer corp: names begin with acme. instead of corp.",
    ),
    "another entry comes first": (issuer(identity_name="acme"), "issuer corp: names begin with acme."),
    "an alias is reused": (issuers(corp=replace(OTHER, name="corp")), "issuer corp: the alias belongs to another"),
    "a claim of the subject": (issuer(claims=ClaimRules(subject=("ref",))), "issuer corp: other subjects"),
    "a claim of the unit": (issuer(claims=ClaimRules(unit=("team",))), "issuer corp: other units"),
    "the claim of the human": (issuer(human_claim="boss"), "issuer corp: other humans"),
    "a target is removed": (targets(("other", OTHER_ROLE)), "and Jitney cannot deny issued credentials"),
    "a target is renamed": (targets(("live", ROLE_ARN)), "target analytics-prod: renamed to live"),
    "another account": (targets(("analytics-prod", OTHER_ROLE)), "target analytics-prod: another account, Region"),
    "another Region": (targets(("analytics-prod", ROLE_ARN), region="us-east-1"), "Region or role: renewals"),
    "an alias is given to another role": (
        targets(("analytics-prod", OTHER_ROLE), ("other", ROLE_ARN)),
        "target analytics-prod: its role belongs to other: renewals, calls and approvals of its grants",
    ),
    "a shorter maximum of the target": (
        targets(("analytics-prod", ROLE_ARN), max_duration_seconds=600),
        "target analytics-prod: at most 600 s instead of 3600 s: renewals and calls of longer grants are denied",
    ),
    "a shorter maximum of all targets": (
        replace(OLD, limits=replace(OLD.limits, max_duration_seconds=600)),
        "target analytics-prod: at most 600 s instead of 3600 s",
    ),
    "a group is removed": (replace(OLD, reviewers={}), "group owners: removed"),
    "fewer approvals": (owners(1), "group owners: 2 to 1 approvals: the next vote"),
    "more approvals": (owners(3), "group owners: 2 to 3 approvals: renewals and calls"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_pol_14_a_change_that_affects_stored_state_is_named(change: str):
    new, words = CHANGES[change]
    (found,) = affected_state(OLD, new)
    assert words in f"{found.part}: {found.effect}"


def test_pol_14_a_removed_entry_affects_its_requests():
    more = replace(CORP, name="more", audiences=("more",))
    old = replace(OLD, issuers={**OLD.issuers, "more": more})
    (found,) = affected_state(old, OLD)
    assert found == ("issuer more", "removed: requests that came through this entry cannot be approved")


def test_pol_14_fewer_roles_affect_grants_on_the_removed_roles():
    old = replace(OLD, targets={"analytics-prod": replace(OLD.targets["analytics-prod"], roles=2)})
    assert [each.part for each in affected_state(old, OLD)] == ["target analytics-prod"]
    assert affected_state(OLD, old) == []


def with_group(group: ReviewerGroup) -> Config:
    return replace(OLD, reviewers={"owners": group, "late": ReviewerGroup(("people.lea",))})


def with_glass(**members: object) -> Config:
    return replace(OLD, break_glass=GLASS._replace(**members))


def with_profiles(**profiles: AccessProfile) -> Config:
    return targets(("analytics-prod", ROLE_ARN), access_profiles=profiles)


PEOPLE: dict[str, tuple[Config, Config, str]] = {
    "a member left": (
        with_group(GROUP),
        with_group(GROUP._replace(members=("people.alice", "people.eve"))),
        "group owners: loses people.bob: their votes no longer count for pending requests, for calls",
    ),
    "a delegate left": (
        with_group(GROUP),
        with_group(GROUP._replace(delegates=())),
        "group owners: loses people.carol as delegate: their votes as delegates no longer count",
    ),
    "another escalation": (
        with_group(GROUP),
        with_group(GROUP._replace(escalates_to="")),
        "group owners: no longer escalates to late: votes of that group for this one no longer count for pending",
    ),
    "a later escalation": (
        with_group(GROUP._replace(escalates_after_seconds=60)),
        with_group(GROUP._replace(escalates_after_seconds=90)),
        "group owners: escalates to late after 90 s: earlier votes of that group no longer count for pending requests",
    ),
    "no break-glass": (with_glass(), OLD, "break-glass: removed: renewals and calls of its grants are refused"),
    "break-glass without a target": (with_glass(), with_glass(targets=()), "loses target analytics-prod: renewals"),
    "break-glass without a person": (with_glass(), with_glass(people=("people.zoe",)), "loses people.gina: renewals"),
    "a shorter break-glass": (with_glass(), with_glass(max_duration_seconds=60), "at most 60 s instead of 900 s"),
    "break-glass of others": (with_glass(), with_glass(own_requests=False), "break-glass: no longer for own requests"),
    "an access profile is removed": (
        with_profiles(deploy=PROFILE),
        with_profiles(),
        "target analytics-prod: access profile deploy removed: renewals, calls and approvals of its grants are refused",
    ),
    "an access profile is changed": (
        with_profiles(deploy=PROFILE),
        with_profiles(deploy=PROFILE._replace(content="b2")),
        "target analytics-prod: access profile deploy changed",
    ),
}


@pytest.mark.parametrize("change", PEOPLE)
def test_pol_14_a_change_of_people_or_profiles_that_affects_stored_state_is_named(change: str):
    old, new, words = PEOPLE[change]
    (found,) = affected_state(old, new)
    assert words in f"{found.part}: {found.effect}"
    assert affected_state(old, old) == []


def test_pol_14_a_renamed_person_did_not_leave():
    renamed = replace(CORP, name="acme", identity_name="acme")
    old = replace(OLD, reviewers={"owners": ReviewerGroup(("corp.alice",))})
    new = replace(issuers(without="corp", acme=renamed), reviewers={"owners": ReviewerGroup(("acme.alice",))})
    assert [each.part for each in affected_state(old, new)] == ["issuer corp"]


def test_pol_14_people_of_break_glass_are_not_known_if_it_has_groups():
    """A member of a group need not be listed, so the uses of the removed person can be valid still."""
    grouped = with_glass(groups=("people/oncall",))
    assert affected_state(grouped, with_glass(groups=("people/oncall",), people=())) == []


UNAFFECTED: dict[str, Callable[[Target], Config]] = {
    "nothing": lambda _: OLD,
    "limits of a target": lambda target: replace(OLD, targets={target.alias: replace(target, sealed=True)}),
    "another issuer": lambda _: issuers(more=minting.issuer("more", "https://more.example.com")),
    "another member": lambda _: replace(
        OLD,
        reviewers={"owners": OLD.reviewers["owners"]._replace(members=("people.eve", "people.bob", "people.alice"))},
    ),
    "an access profile": lambda _: with_profiles(deploy=PROFILE),
    "break-glass": lambda _: with_glass(),
}


@pytest.mark.parametrize("change", UNAFFECTED)
def test_pol_14_other_changes_are_not_named(change: str):
    assert affected_state(OLD, UNAFFECTED[change](OLD.targets["analytics-prod"])) == []
