"""Checks of `jitney.yaml` between its sections: what each section allows, and another one makes impossible.

Each is a validator of the later section, and refuses what could never work.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationInfo

from jitney.configuration.broker_settings import CANARY, MOST_CANARY_TARGETS, BrokerSettings
from jitney.configuration.partitions import partition_in, partition_of
from jitney.configuration.references import ValidationContext, identity_of
from jitney.configuration.values import refused

if TYPE_CHECKING:
    from jitney.configuration.settings import (
        BreakGlassSettings,
        LimitSettings,
        ReviewerGroupSettings,
        StackSetSettings,
        TargetSettings,
    )


def reached_by_channels(broker: BrokerSettings | None, info: ValidationInfo) -> BrokerSettings | None:
    """Refuse a private API with Slack, which sends a click on a button to the API from its own network."""
    if broker and broker.private_api and info.data.get("slack"):
        raise refused("its API is private, so Slack cannot reach it", "leave slack out, and notify by mail")
    return broker


def mails_from_its_region(broker: BrokerSettings | None, info: ValidationInfo) -> BrokerSettings | None:
    """Refuse mail in a partition without Amazon SES."""
    if broker and info.data.get("mail") and not partition_in(broker.region).mail:
        raise refused(f"Amazon SES is not available in {broker.region}", "leave mail out, and notify by Slack")
    return broker


def in_an_organization(stack_set: "StackSetSettings | None", info: ValidationInfo) -> "StackSetSettings | None":
    """Refuse a stack set in a partition in which stack sets have no organizational units."""
    broker = info.data.get("broker")
    if broker and stack_set and not partition_in(broker.region).organization_stack_sets:
        wrong = f"a stack set in {broker.region} cannot have organizational units"
        raise refused(wrong, "leave stack_set out, and deploy a stack for each target")
    return stack_set


def has_secrets_here(broker: BrokerSettings | None, info: ValidationInfo) -> BrokerSettings | None:
    """Refuse secrets elsewhere: functions read secrets of their own account in their own Region."""
    slack = info.data.get("slack")
    secrets = (slack.bot_token_arn, slack.signing_secret_arn) if slack else ()
    if broker and (elsewhere := {arn.split(":")[3] for arn in secrets} - {broker.region}):
        raise refused(f"a secret of slack is in {min(elsewhere)}", f"use secrets in {broker.region} under slack")
    if broker and (elsewhere := {arn.split(":")[4] for arn in secrets} - {broker.account}):
        wrong = f"a secret of slack is in the account {min(elsewhere)}"
        raise refused(wrong, f"use secrets of the broker's account {broker.account} under slack")
    return broker


def in_brokers_partition(targets: "dict[str, TargetSettings]", info: ValidationInfo) -> "dict[str, TargetSettings]":
    """Refuse targets in another partition than the broker."""
    broker = info.data.get("broker")
    for alias, each in targets.items():
        if broker and partition_of(each.region) != partition_of(broker.region):
            wrong = f"{alias} is in {each.region}, and no role there can trust a broker in {broker.region}"
            raise refused(wrong, f"deploy another broker in {partition_of(each.region)} for it")
    return targets


def outside_of_brokers_account(
    targets: "dict[str, TargetSettings]", info: ValidationInfo
) -> "dict[str, TargetSettings]":
    """Refuse targets in the broker's own account that do not say so: a session there could change Jitney itself."""
    broker = info.data.get("broker")
    for alias, each in targets.items():
        if broker and (each.account == broker.account) is not each.in_broker_account:
            known = f"the broker's account {broker.account}"
            if each.in_broker_account:
                raise refused(f"{alias} has in_broker_account, and is not in {known}", "leave in_broker_account out")
            fix = "use another account, or write in_broker_account: true if the role's policy reaches no part of Jitney"
            raise refused(f"{alias} is in {known}, where a session could change Jitney's functions and records", fix)
    return targets


def bound_to_public_addresses(
    targets: "dict[str, TargetSettings]", info: ValidationInfo
) -> "dict[str, TargetSettings]":
    """Refuse bind_to_caller with a private API.

    A private API sees an address of the VPC. AWS sees another one when the agent uses its keys.
    """
    broker = info.data.get("broker")
    bound = [alias for alias, each in targets.items() if each.bind_to_caller]
    if bound and broker and broker.private_api:
        wrong = f"{bound[0]} has bind_to_caller, and the API is private: it does not see callers' public addresses"
        raise refused(wrong, "leave bind_to_caller out")
    return targets


def leave_room_for_canaries(targets: "dict[str, TargetSettings]", info: ValidationInfo) -> "dict[str, TargetSettings]":
    """Refuse more targets than a stack with canary deployments has room for."""
    broker = info.data.get("broker")
    deployment = broker.deployment if broker else CANARY
    if deployment == CANARY and len(targets) > MOST_CANARY_TARGETS:
        wrong = f"there are {len(targets)} targets, and canary deployments leave room for {MOST_CANARY_TARGETS}"
        raise refused(wrong, "write deployment: all_at_once in the section broker")
    return targets


def have_a_way_to_decide(
    reviewers: "dict[str, ReviewerGroupSettings]", info: ValidationInfo
) -> "dict[str, ReviewerGroupSettings]":
    """Refuse reviewers who can neither sign in to the pages nor decide in a terminal or in Slack.

    A local configuration may lack all of them, so that policies can be written before the deployment.
    """
    issuers, slack = info.data.get("issuers"), info.data.get("slack")
    if not reviewers or not issuers or slack or ValidationContext.of(info).local:
        return reviewers
    if not any(each.web or each.for_reviews for each in issuers.values()):
        wrong = "no reviewer can decide: no issuer has web or for_reviews, and slack is not configured"
        raise refused(wrong, "add web to the issuer with which they sign in")
    return reviewers


def are_reached_by_a_channel(people: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    """Refuse a group of reviewers that no configured channel notifies. Without channels, people look at the pages."""
    groups: Mapping[str, ReviewerGroupSettings] = info.data.get("reviewers") or {}
    slack, mail, names = info.data.get("slack"), info.data.get("mail"), ValidationContext.of(info).names
    addressed = {identity_of(person, names) for person in people} if mail else set()
    for group, each in groups.items() if slack or mail else ():
        if not each.channel and addressed.isdisjoint(identity_of(person, names) for person in each.members):
            wrong = f"nothing notifies reviewers.{group}: it has no channel, and no member has an address for mail"
            ways = ["give it a channel"] * bool(slack) + ["write the members' addresses under people"] * bool(mail)
            raise refused(wrong, " or ".join(ways))
    return people


def are_used_on_pages(glass: "BreakGlassSettings | None", info: ValidationInfo) -> "BreakGlassSettings | None":
    """Refuse break-glass without the pages, on which alone people use it. A local configuration may lack them."""
    issuers = info.data.get("issuers")
    if glass and issuers and not ValidationContext.of(info).local and not any(each.web for each in issuers.values()):
        wrong = "no person can use it: it is on the reviewers' pages, and no issuer has web"
        raise refused(wrong, "add web to the issuer with which these people sign in, or leave break_glass out")
    return glass


def leave_time(limits: "LimitSettings", info: ValidationInfo) -> "LimitSettings":
    """Refuse limits under which a target, break-glass or an escalation could never happen."""
    targets: Mapping[str, TargetSettings] = info.data.get("targets") or {}
    glass: BreakGlassSettings | None = info.data.get("break_glass")
    longest: dict[str, Any] = {f"targets.{alias}": each.max_duration_seconds for alias, each in targets.items()}
    longest |= {"break_glass": glass.max_duration_seconds} if glass else {}
    for name, seconds in longest.items():
        if seconds < limits.min_duration_seconds:
            wrong = f"no grant can last {limits.min_duration_seconds} seconds, because {name} allows {seconds} at most"
            raise refused(wrong, f"lower min_duration_seconds, or raise max_duration_seconds of {name}")
    groups: Mapping[str, ReviewerGroupSettings] = info.data.get("reviewers") or {}
    for group, each in groups.items():
        if each.escalates_to and each.escalates_after_seconds >= limits.review_seconds:
            wrong = f"reviews end after {limits.review_seconds} seconds, and reviewers.{group} escalates after "
            fix = f"raise review_seconds, or lower escalates_after_seconds of reviewers.{group}"
            raise refused(f"{wrong}{each.escalates_after_seconds}: never", fix)
    return limits
