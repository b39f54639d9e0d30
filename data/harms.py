"""The harm of an action that changes something, from harms.yaml, botocore's models and the table of masks."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import Any, Self

from botocore.loaders import Loader
from botocore.model import ServiceModel

from data.passing import passed
from jitney.core.actions import AccessLevel
from jitney.core.masking.table import CREDENTIAL_REF, MaskTable, Shape, ShapeRef

PERMISSIONS, ORDINARY = "permissions", "ordinary"
NOT_ASSESSED = "NotAssessed"
CREDENTIAL_EXPOSURE = "CredentialExposure"
EXISTING_ROLE = "ExistingRoleExecution"
DATA_EXFILTRATION = "DataExfiltration"

_VERB = re.compile(r"[A-Z][a-z0-9]*")
_RUNS = frozenset({"Activate", "Execute", "Invoke", "Redrive", "Resume", "Retry", "Run", "Send", "Start", "Submit"})
_CHANGES = frozenset({"Add", "Deploy", "Modify", "Publish", "Put", "Replace", "Update"})


class Patterns:
    """Patterns over names of actions, and the patterns that have not matched any action."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._compiled = {pattern: re.compile(translate(pattern)) for pattern in patterns}
        self.unused = set(patterns)

    def match(self, action: str) -> bool:
        """Return whether a pattern matches the action, and remember the patterns that match."""
        found = {pattern for pattern, compiled in self._compiled.items() if compiled.match(action)}
        self.unused -= found
        return bool(found)


class Harms:
    """The harms of actions. `rules` is harms.yaml. `known` adds actions to its rules, by lower-case names."""

    def __init__(self, rules: Mapping[str, Mapping[str, Sequence[str]]], known: Mapping[str, Collection[str]]) -> None:
        self._rules = {
            name: tuple(Patterns(rules.get(name, {}).get(part, ())) for part in ("actions", "except"))
            for name in {*rules, *known, PERMISSIONS, ORDINARY, DATA_EXFILTRATION}
        }
        self._known = known

    @classmethod
    def of_models(cls, rules: Mapping[str, Any], masks: MaskTable) -> Self:
        """Return the harms by `rules`, the roles in botocore's models and the credentials in answers."""
        acting, answering = set[str](), set[str]()
        for prefixes, model in models():
            acting |= {f"{prefix}:{name}".lower() for name in acting_by_role(model) for prefix in prefixes}
            answering |= {f"{prefix}:{name}".lower() for name in answering_secrets(model, masks) for prefix in prefixes}
        return cls(rules, {EXISTING_ROLE: acting, CREDENTIAL_EXPOSURE: answering})

    def level(self, action: str, level: AccessLevel) -> AccessLevel:
        """Return the level of `action`. It is `level`, unless a Write action changes permissions."""
        return (
            AccessLevel.PERMISSIONS_MANAGEMENT
            if level is AccessLevel.WRITE and self._is(PERMISSIONS, action)
            else level
        )

    def risks(self, action: str, level: AccessLevel) -> frozenset[str]:
        """Return the harms of an action, or NotAssessed where no rule matches.

        An action that only reads or tags has no harms, unless it reads stored data.
        """
        if level not in (AccessLevel.WRITE, AccessLevel.PERMISSIONS_MANAGEMENT):
            return frozenset({DATA_EXFILTRATION}) if self._is(DATA_EXFILTRATION, action) else frozenset()
        harms = {name for name in self._rules.keys() - {PERMISSIONS, ORDINARY} if self._is(name, action)}
        assessed = harms or level is AccessLevel.PERMISSIONS_MANAGEMENT or self._is(ORDINARY, action)
        return frozenset(harms) if assessed else frozenset({NOT_ASSESSED})

    def unused(self) -> list[str]:
        """Return the patterns that have matched no action. An `except` pattern is tried only where its rule matches."""
        return sorted(
            f"{name}: {pattern}" for name, both in self._rules.items() for each in both for pattern in each.unused
        )

    def _is(self, harm: str, action: str) -> bool:
        listed, left_out = self._rules[harm]
        matches = listed.match(action) or action.lower() in self._known.get(harm, ())
        return matches and not left_out.match(action)


def acting_by_role(model: ServiceModel) -> Iterator[str]:
    """Yield the operations of a service that run or change a thing that acts under the role of an earlier operation.

    One operation takes a role for the thing in its name, such as CreateStateMachine. Others then start or change that
    thing.
    """
    operations = [model.operation_model(name) for name in model.operation_names]
    with_roles = {
        _thing(each.name) for each in operations if each.input_shape and any(passed(each, each.input_shape.members, []))
    }
    for each in operations:
        acts, thing = verb(each.name), _thing(each.name)
        runs = acts in _RUNS and any(thing.startswith(role) or role.startswith(thing) for role in with_roles)
        if thing and (runs or (acts in _CHANGES and thing in with_roles)):
            yield each.name


def answering_secrets(model: ServiceModel, masks: MaskTable) -> Iterator[str]:
    """Yield the operations of a service whose answer contains a credential, according to the table of masks."""
    for name in model.operation_names:
        shapes = masks.of(model.service_name, name)
        if shapes and _holds_credential(shapes.output, shapes.shapes, frozenset()):
            yield name


def _holds_credential(reference: ShapeRef, shapes: Sequence[Shape], above: frozenset[int]) -> bool:
    if not isinstance(reference, int):
        return reference == CREDENTIAL_REF
    inside = above | {reference}
    return reference not in above and any(
        _holds_credential(each, shapes, inside) for each in shapes[reference].values()
    )


def models() -> Iterator[tuple[tuple[str, ...], ServiceModel]]:
    """Yield each service's model, and the prefixes that its actions may have."""
    loader = Loader()
    for service in loader.list_available_services("service-2"):
        model = ServiceModel(loader.load_service_model(service, "service-2"), service)
        names = (model.metadata.get("signingName"), model.endpoint_prefix, service)
        yield tuple(dict.fromkeys(name for name in names if name)), model


def service_aliases(prefixes: Collection[str]) -> dict[str, str]:
    """Return botocore's names of services that are no prefix of actions, such as "stepfunctions", with the prefix."""
    found: dict[str, str] = {}
    for names, _ in models():
        prefix = next((name for name in names if name in prefixes), None)
        if prefix:
            found |= {name: prefix for name in names if name not in prefixes}
    return dict(sorted(found.items()))


def verb(operation: str) -> str:
    """Return the first word of an operation's name, such as "Create"."""
    found = _VERB.match(operation)
    return found[0] if found else ""


def _thing(operation: str) -> str:
    return operation.removeprefix(verb(operation))
