"""The names in policies: issuers' aliases, targets and their accounts, reviewer groups, AWS's actions and services.

To Cedar, any name may be an entity that exists. A permit with a misspelt name permits nothing, which is noticed. A
forbid with a misspelt name forbids nothing, and no error shows that. So each name must be in the configuration, or in
the action table, when the stack is built.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from jitney.configuration.action_table import action_table
from jitney.configuration.group_names import group_faults
from jitney.configuration.identity_names import identity_faults
from jitney.configuration.names import Names, alias_faults, did_you_mean
from jitney.configuration.operation_names import operation_fix, operation_names
from jitney.configuration.policy_actions import unmet_by_actions
from jitney.configuration.policy_comparisons import impossible_comparisons
from jitney.configuration.policy_problem import PolicyProblem
from jitney.configuration.policy_requests import unmet_by_requests
from jitney.core.break_glass_config import BREAK_GLASS_APPROVAL
from jitney.core.patterns import has_wildcard, wildcard_pattern
from jitney.core.policy.expressions import PRINCIPAL, operations_of
from jitney.core.policy.literals import Literals, read_policy
from jitney.core.policy.monotonicity import permits_more

_TAG_OPERATORS = ("hasTag", "getTag")


def unknown_names(policy: Mapping[str, Any], names: Names) -> Iterator[PolicyProblem]:
    """Yield the names in `policy`, in Cedar's JSON form, that are not in `names`.

    A group is checked as far as the issuer's groups are known. A configuration without issuers or without targets is
    reported elsewhere. Names of the missing kind are then not checked.
    """
    literals = read_policy(policy)
    found = set(_entities(policy)) | {("Jitney::Target", target) for target in literals.names.get("target", ())}
    for kind, name in sorted(found):
        match kind:
            case "Jitney::Group":
                yield from unknown_group(name, names)
            case "Jitney::Agent" | "Jitney::Human":
                faults = identity_faults(kind.removeprefix("Jitney::").lower(), name, names)
                yield from (PolicyProblem(name, *fault) for fault in faults)
            case "Jitney::Target" if names.targets and name not in names.targets:
                fix = did_you_mean(name, names.targets, quoted=True)
                yield PolicyProblem(name, f'names target "{name}", which is not in targets', fix)
            case "Jitney::Resource" if name != "*" and has_wildcard(name):
                fix = f'write resource in the scope, and when {{ resource.arn like "{name}" }}'
                wrong = f'names resource "{name}", but policies never see the wildcards of requests'
                yield PolicyProblem(name, wrong, fix)
            case "Jitney::Account" if names.accounts and name not in names.accounts:
                fix = did_you_mean(name, names.accounts, quoted=True)
                yield PolicyProblem(name, f'names account "{name}", which is no target\'s account', fix)
    yield from _unknown_claims(policy, names)
    yield from _unknown_operations(literals)
    unmet = [*_unknown_to_aws(literals), *impossible_comparisons(policy, names)]
    unmet = unmet or list(unmet_by_actions(policy, literals))
    yield from unmet or unmet_by_requests(policy, names)
    for name in sorted(literals.names.get("accessProfile", set()) - {"", *names.access_profiles}):
        known = names.access_profiles
        fix = did_you_mean(name, known, quoted=True) if known else f"add {name} to access_profiles of a target"
        yield PolicyProblem(name, f'names access profile "{name}", which no target has', fix)
    yield from _inverted_approvals(policy, literals)
    for name in sorted(literals.time_windows - {*names.time_windows}):
        yield PolicyProblem(name, f'names time window "{name}", which is not in time_windows', _window_fix(name, names))
    for group in sorted((literals.groups - {BREAK_GLASS_APPROVAL} | literals.earlier_groups) - {*names.reviewers}):
        add = f"add {group}: {{ members: [issuer alias/subject] }} to reviewers"
        fix = f"{did_you_mean(group, names.reviewers, quoted=True)} or {add}" if names.reviewers else add
        yield PolicyProblem(group, f'asks for the approval of "{group}", which is not in reviewers', fix)


def _inverted_approvals(policy: Mapping[str, Any], literals: Literals) -> Iterator[PolicyProblem]:
    """Yield that an approval could make the policy permit less. It then permits more without a review."""
    groups = sorted(literals.groups - {BREAK_GLASS_APPROVAL})
    if not groups or permits_more(policy, "approvals", apart=BREAK_GLASS_APPROVAL):
        return
    kind, clause = ("forbid", "unless") if policy["effect"] == "forbid" else ("permit", "when")
    wrong = f'could permit less once "{groups[0]}" has approved, so it permits more without a review'
    fix = f'write {clause} {{ context.approvals.contains("{groups[0]}") }} in a {kind}, without !'
    yield PolicyProblem(groups[0], wrong, fix)


def _window_fix(name: str, names: Names) -> str:
    add = f"add {name}: {{ time_zone: ..., weekly: [...] }} to time_windows"
    return f"{did_you_mean(name, names.time_windows, quoted=True)} or {add}" if names.time_windows else add


def unknown_group(name: str, names: Names) -> Iterator[PolicyProblem]:
    """Yield why no token has the group `name`, as far as the issuers' groups are known."""
    for wrong, fix in alias_faults("group", name, "/", names.issuers):
        yield PolicyProblem(name, wrong, fix)
    alias, _, group = name.partition("/")
    source = names.group_sources.get(alias)
    for wrong, fix in group_faults(alias, group, source) if source else ():
        path, value = source.claim_of(group) if source and has_wildcard(group) else ("", "")
        like = f'{fix}, or write when {{ principal.getTag("{path}").string like "{value}" }}'
        yield PolicyProblem(name, f'names group "{name}": {wrong}', like if path else fix)


def _unknown_claims(policy: Mapping[str, Any], names: Names) -> Iterator[PolicyProblem]:
    """Yield the principal's claims that no issuer shows to policies, or that the policy reads as another type."""
    for name, kind in sorted(set(_claims_read(policy))):
        known = names.claims.get(name)
        if known is None and kind:  # the getTag before it is the problem
            continue
        if known is None:
            add = f"add {name}: string to claims.tags of an issuer"
            near = difflib.get_close_matches(name, names.claims, n=3, cutoff=0.6)
            fix = f"{did_you_mean(name, near, quoted=True)} or {add}" if near else add
            yield PolicyProblem(name, f'reads the claim "{name}", which no issuer makes visible to policies', fix)
        elif kind not in ("", known):
            wrong = f'reads the claim "{name}" as {kind}, but its type is {known}'
            yield PolicyProblem(name, wrong, f'write principal.getTag("{name}").{known}')


def _claims_read(policy: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the principal's tags that the policy reads, each with the member that it reads, or ""."""
    for operator, operands in operations_of(policy):
        tag = operands["left"].get("getTag") if operator == "." else operands if operator in _TAG_OPERATORS else None
        if tag and tag["left"] == PRINCIPAL:
            yield str(tag["right"].get("Value", "...")), operands["attr"] if operator == "." else ""


def _unknown_to_aws(literals: Literals) -> Iterator[PolicyProblem]:
    """Yield unknown actions and services. Cedar compares names exactly, and requests have canonical names."""
    actions = action_table()
    for name in sorted(literals.names.get("action", ())):
        known = actions.get(name)
        if known is None:
            yield PolicyProblem(
                name,
                f'names the action "{name}", which does not exist',
                did_you_mean(name, actions.closest(name), quoted=True),
            )
        elif known.name != name:
            wrong = f'names the action "{name}", but policies see "{known.name}"'
            yield PolicyProblem(name, wrong, f'write "{known.name}"')
    services = actions.services()
    for name in sorted(set(literals.names.get("service", ())) - set(services)):
        near = difflib.get_close_matches(name, services, n=3) or ["s3", "dynamodb", "lambda"]
        yield PolicyProblem(
            name,
            f'names the service "{name}", which no action has',
            f"use the prefix of a service's actions, such as {' or '.join(near)}",
        )


def _unknown_operations(literals: Literals) -> Iterator[PolicyProblem]:
    """Yield the operations of calls, or patterns for them, that match no operation of the SDKs."""
    for name in sorted(literals.call.operations):
        pattern = wildcard_pattern(name)
        if not any(pattern.matches(each) for each in operation_names()):
            yield PolicyProblem(name, f'names the operation "{name}", which no SDK has', operation_fix(name))


def _entities(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the entities in a part of a policy as type and id."""
    match value:
        case {"type": str(kind), "id": str(name)}:
            yield kind, name
        case dict():
            for part in value.values():
                yield from _entities(part)
        case list():
            for part in value:
                yield from _entities(part)
