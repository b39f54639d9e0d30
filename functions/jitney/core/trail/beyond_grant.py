"""Whether a successful call lies within its grant's actions and resources (row AUD 8).

A session policy allows only what was granted. A successful call outside of it shows that the policy was wrong or that
something else allowed the call, such as a resource policy. If an event does not show a resource, the call counts as
within the grant. But a call of an unknown operation counts as beyond the grant, unless an action of its name was
granted.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from jitney.core.access.request import Permission
from jitney.core.actions import ActionTable
from jitney.core.bounded_comparisons import when_too_complex
from jitney.core.calls.operations import RequiredAction
from jitney.core.patterns import (
    MAX_STEPS,
    Budget,
    has_wildcard,
    patterns_intersect,
    wildcard_pattern,
)
from jitney.core.trail.actions import ONE_OF_SEVERAL, EventOperation, EventOperations, depends_on_values, may_apply
from jitney.core.trail.call import CloudTrailCall
from jitney.core.trail.event import SCOPED_CREDENTIALS_OPERATION
from jitney.core.trail.event_parameters import event_parameters, raw_parameters
from jitney.core.trail.event_resources import (
    NamedResource,
    may_hold,
    named_by_event,
    named_by_parameters,
    place_of,
)
from jitney.core.trail.join import NEVER_DENIED, starts_session


class BeyondReason(StrEnum):
    """Why a successful call is beyond its grant."""

    ACTION = "action_not_granted"
    RESOURCE = "resource_not_granted"
    RESOURCE_POLICY = "resource_policy_possible"


EXEMPTIONS: tuple[Callable[[CloudTrailCall], bool], ...] = (
    lambda call: call.invoked_by != "",  # an AWS service made the call
    lambda call: (call.service, call.operation) in NEVER_DENIED,
    starts_session,
    # The broker makes this call to scope a session down. Jitney never grants the action, so an agent's own call fails
    # (jitney.core.policy.pairs).
    lambda call: (call.service, call.operation) == ("sts", SCOPED_CREDENTIALS_OPERATION),
)
"""The calls that need no permission of the grant, so they are never beyond it."""

RESOURCE_POLICY_SERVICES = frozenset(
    {
        "backup",
        "codeartifact",
        "dynamodb",
        "ecr",
        "elasticfilesystem",
        "es",
        "events",
        "execute-api",
        "glacier",
        "glue",
        "kinesis",
        "kms",
        "lambda",
        "logs",
        "mediastore",
        "s3",
        "secretsmanager",
        "sns",
        "sqs",
    }
)
"""The services whose resource policies can allow a session more than its own policy does.

Sealed sessions are not affected, because their own policy overrides resource policies. Roles are left out, because a
call that assumes another role is always reported.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
"""


class _Held(NamedTuple):
    """The permissions of a grant: resources by action in lower case, and resources by action pattern."""

    by_action: Mapping[str, tuple[str, ...]]
    by_pattern: tuple[tuple[str, tuple[str, ...]], ...]

    def granted(self, action: str) -> tuple[str, ...]:
        """Return the resources on which an action was granted. IAM ignores the case of actions."""
        name = action.lower()
        more = (arns for pattern, arns in self.by_pattern if wildcard_pattern(pattern).matches(name))
        return (*self.by_action.get(name, ()), *chain.from_iterable(more))


@lru_cache(maxsize=64)
def _held(permissions: tuple[Permission, ...]) -> _Held:
    by_action: dict[str, tuple[str, ...]] = {}
    for each in permissions:
        for action in each.actions:
            by_action[action.lower()] = (*by_action.get(action.lower(), ()), *each.resources)
    patterns = {action: arns for action, arns in by_action.items() if has_wildcard(action)}
    return _Held(by_action, tuple(patterns.items()))


@dataclass(frozen=True, slots=True)
class _Granted:
    """What a grant permits, compared with one call. All comparisons of patterns share a `budget`."""

    held: _Held
    budget: Budget

    def resources(self, action: str) -> tuple[str, ...]:
        """Return the resources on which an action was granted."""
        return self.held.granted(action)

    def covers(self, named: str, granted: Iterable[str]) -> bool:
        """Return whether a granted resource may be the resource that a call named.

        A wildcard in `named` is an unknown part, or a part of a name that a caller chose.
        """
        if any(_matches(each, named) for each in granted):
            return True
        return has_wildcard(named) and any(self._may_be(each, named) for each in granted)

    @when_too_complex(answer=False)
    def _may_be(self, granted: str, named: str) -> bool:
        return patterns_intersect(wildcard_pattern(named), wildcard_pattern(granted), self.budget)


@dataclass(frozen=True, slots=True)
class ScopeComparison:
    """Compares calls with grants, by the operation table and the action table."""

    events: EventOperations
    actions: ActionTable

    def reasons_beyond(
        self, call: CloudTrailCall, permissions: tuple[Permission, ...], *, sealed: bool
    ) -> tuple[BeyondReason, ...]:
        """Return why a call is beyond `permissions`; () if it is not.

        Conditions of permissions are not compared, because events do not show the values of all keys. With `sealed`,
        the session's policy overrides resource policies.
        """
        if call.error_code or any(applies(call) for applies in EXEMPTIONS):
            return ()
        # Callers choose names with wildcards, such as keys of objects. A call usually takes a few hundred steps. After
        # this many, a resource counts as not granted.
        held = _Granted(_held(permissions), Budget(MAX_STEPS))
        possible = self.events.of(call.service, call.operation, lambda: raw_parameters(call))
        found = [self._reasons(call, each, held, sealed=sealed) for each in possible]
        return found[0] if all(found) else ()

    def _reasons(
        self, call: CloudTrailCall, operation: EventOperation, held: _Granted, *, sealed: bool
    ) -> tuple[BeyondReason, ...]:
        """Return why a call of this operation is beyond `held`; () if it is not."""
        if not operation.needs:
            return self._beyond_by_name(call, operation.names, held)
        if all(not each.when and "*" in held.resources(each.action) for each in operation.needs):
            return ()  # no parameter matters, and most of the time is for reading them
        parameters = event_parameters(call, operation.operation)
        place = place_of(call)
        variants = [each.needs for each in operation.variants if may_hold(each, parameters, place)]
        lacks = [self._lack(call, needs, parameters, held) for needs in (operation.needs, *variants)]
        found = [each for each in lacks if each]
        if len(found) < len(lacks):
            return ()
        lack, need = found[0]
        maybe = not sealed and need.types is not None and need.action.partition(":")[0] in RESOURCE_POLICY_SERVICES
        return (lack, BeyondReason.RESOURCE_POLICY) if maybe else (lack,)

    def _beyond_by_name(self, call: CloudTrailCall, names: Sequence[str], held: _Granted) -> tuple[BeyondReason, ...]:
        """Return why a call of an unknown operation is beyond `held`. Its action may have the event's name."""
        for name in names:
            if (action := self.actions.get(name)) and (granted := held.resources(name)):
                named = named_by_event(call, action, {})
                covered = "*" in granted or all(held.covers(arn, granted) for each in named for arn in each)
                return () if covered else (BeyondReason.RESOURCE,)
        return (BeyondReason.ACTION,)

    def _lack(
        self,
        call: CloudTrailCall,
        needs: Iterable[RequiredAction],
        parameters: Mapping[str, object],
        held: _Granted,
    ) -> tuple[BeyondReason, RequiredAction] | None:
        """Return a need of the call that is not granted, with the reason; None if the call may be within the grant.

        If values that events leave out decide which needs apply, one granted need is enough.
        """
        given = {name.lower() for name in parameters}
        applying = [each for each in needs if may_apply(each, given)] or list(needs)
        lacks = [(each, self._lack_of(call, each, parameters, held, alone=len(applying) == 1)) for each in applying]
        any_of = (call.service, call.operation) in ONE_OF_SEVERAL
        certain = [(lack, need) for need, lack in lacks if lack and not (any_of or depends_on_values(need))]
        if certain:
            return certain[0]
        possible = [(lack, need) for need, lack in lacks if any_of or depends_on_values(need)]
        lacking = [(lack, need) for lack, need in possible if lack]
        return lacking[0] if lacking and len(lacking) == len(possible) else None

    def _lack_of(
        self,
        call: CloudTrailCall,
        need: RequiredAction,
        parameters: Mapping[str, object],
        held: _Granted,
        *,
        alone: bool,
    ) -> BeyondReason | None:
        granted = held.resources(need.action)
        if not granted:
            return BeyondReason.ACTION
        if need.types is None or "*" in granted:
            return None
        named = self._named(call, need, parameters, alone=alone)
        covered = all(any(held.covers(arn, granted) for arn in each) for each in named)
        return None if covered else BeyondReason.RESOURCE

    def _named(
        self, call: CloudTrailCall, need: RequiredAction, parameters: Mapping[str, object], *, alone: bool
    ) -> Iterator[NamedResource]:
        """Yield the resources on which the call used an action.

        Parameters come first. CloudTrail's list also has resources that policies need not name: the table of an index,
        and the bucket of an object. The list does not say which action used a resource. So it is used only if
        parameters leave a part open and the call has only this need.
        """
        found = named_by_parameters(call, need, parameters)
        yield from found
        if alone and (not found or any(has_wildcard(each[0]) for each in found)):
            action = self.actions.get(need.action)
            yield from named_by_event(call, action, parameters) if action else ()


@when_too_complex(answer=False)
def _matches(granted: str, named: str) -> bool:
    return granted == named or wildcard_pattern(granted).matches(named, Budget(MAX_STEPS))
