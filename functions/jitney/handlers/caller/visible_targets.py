"""The targets that a caller may see: those on which policies permit it something, with or without a review.

The answers are cached for principals that policies cannot distinguish.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from jitney.core.config import Policies
from jitney.core.identity.principal import Principal
from jitney.core.policy.permits import permits_of
from jitney.core.policy.permitted_target import PermittedTarget, PolicyRules, permitted_target
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.target_config import Target
from jitney.handlers.runtime.ports import Ports

MAX_MILLISECONDS = 4000
"""How long one call evaluates targets. A target takes about 0.3 s, at most 2 s.

At least one new target is evaluated.
"""
_CACHED = 64  # kinds of principals, each with its targets

_Evaluated: TypeAlias = dict[str, tuple[Target, PermittedTarget | None]]


class VisibleTargets(NamedTuple):
    """The targets found, by alias. It is `whole` if all were evaluated."""

    targets: tuple[PermittedTarget, ...]
    whole: bool


def visible_targets(principal: Principal, ports: Ports, aliases: Iterable[str]) -> VisibleTargets:
    """Return the targets with these aliases that the principal may see."""
    config = ports.config
    rules = PolicyRules(ports.policies, ports.actions, config.limits, frozenset(config.reviewers), _windows(ports))
    evaluated = _evaluated(config.policies, rules, rules.policy_set.principal_reads.key_of(principal))
    targets = [config.targets[alias] for alias in sorted(aliases)]
    missing = [target for target in targets if evaluated.get(target.alias, (None,))[0] != target]
    permits, began = permits_of(config.policies), ports.stopwatch()
    for target in missing:
        scopes = permits.in_scope(principal, target)
        evaluated[target.alias] = target, permitted_target(principal, target, scopes, rules) if scopes else None
        if ports.stopwatch() - began >= MAX_MILLISECONDS:
            break
    found = [evaluated[target.alias] for target in targets if evaluated.get(target.alias, (None,))[0] == target]
    return VisibleTargets(tuple(each for _, each in found if each), whole=len(found) == len(targets))


def _windows(ports: Ports) -> WindowTimes:
    """Return the time windows from this minute on. While no grant can meet a change, they are equal at each time.

    So answers are cached at least for a minute. A suggested duration ends a minute before a change.
    """
    config, named = ports.config, ports.policies.time_windows
    windows = {name: each for name, each in config.time_windows.items() if name in named}
    return WindowTimes.at(windows, ports.now() // 60 * 60).steady(config.limits.max_duration_seconds)


@lru_cache(maxsize=_CACHED)
def _evaluated(_policies: Policies, _rules: PolicyRules, _seen: Any) -> _Evaluated:
    """Return the kept results for all principals with the same key of `PrincipalReads`."""
    return {}
