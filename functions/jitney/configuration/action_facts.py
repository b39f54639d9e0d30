"""What is known of any request for one AWS action: the ARNs, condition keys and risks that it can have.

A policy for `s3:GetObject` on a bucket's ARN, or with the condition key `s3:prefix`, is for no request.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from jitney.configuration.action_table import action_table
from jitney.core.access.conditions import key_of
from jitney.core.actions import Action
from jitney.core.bounded_comparisons import when_too_complex
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, has_wildcard, wildcard_pattern
from jitney.core.policy.condition_witnesses import OPERATION
from jitney.core.policy.expressions import ARN, CALL, CONTEXT, RESOURCE, attribute

RISKS_OF_ACTIONS = frozenset(
    {
        "CredentialExposure",
        "DataExfiltration",
        "DataSharing",
        "ExistingRoleExecution",
        "IrreversibleDeletion",
        "LoggingEvasion",
        "NotAssessed",
        "OutlivesGrant",
        "UnboundedCost",
    }
)
"""The risks that an action has by itself, on any resource. Other risks depend on the request or the target."""

_RISKS, _SERVICE = attribute(CONTEXT, "risks"), attribute(RESOURCE, "service")
_WITHOUT_RESOURCE = {"arn": "*", "service": "", "region": "", "account": ""}
"""What policies see of the resource of an action that AWS cannot limit to resources."""


def known_of(action: Action, operator: str, operands: Any) -> Any:
    """Return the value of an expression for each request for the action, or None if it depends on the request."""
    match operator, operands:
        case ".", {"left": {"Var": "context"}, "attr": ("action" | "service") as name}:
            return {"action": action.name, "service": action.service}[name]
        case ".", {"left": {"Var": "resource"}, "attr": str(name)} if not action.resource_types:
            return _WITHOUT_RESOURCE.get(name)
        case "contains", {"left": left, "right": {"Value": str(risk)}} if left == _RISKS:
            return False if risk in RISKS_OF_ACTIONS - action.risks else None
        case "hasTag", {"left": left, "right": {"Value": str(name)}} if left == CALL and name != OPERATION:
            key = key_of(name)
            return False if key and key.name not in action.possible_keys else None
        case (("==" | "!=" | "like" | "contains"), {"left": _}) if action.resource_types:
            texts = list(_compared(operator, operands, ARN))
            if texts and not any(_may_act_on(action, text, is_pattern=operator == "like") for text in texts):
                return operator == "!="
            services = list(_compared(operator, operands, _SERVICE))
            if services and not any(_may_be_of(action, service) for service in services):
                return operator == "!="
    return None


def _compared(operator: str, operands: Mapping[str, Any], read: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts and patterns with which an expression compares `read`; nothing for another expression."""
    if operator == "like" and operands["left"] == read:
        yield "".join("*" if part == "Wildcard" else part["Literal"] for part in operands["pattern"])
    elif operator == "contains" and operands["right"] == read:
        yield from (each["Value"] for each in operands["left"].get("Set", ()) if "Value" in each)
    elif operator in ("==", "!="):
        for subject, other in ((operands["left"], operands["right"]), (operands["right"], operands["left"])):
            if subject == read and "Value" in other:
                yield other["Value"]


@when_too_complex(answer=True)
def _may_act_on(action: Action, arn: str, *, is_pattern: bool) -> bool:
    """Return whether the action can act on an ARN that the text or pattern matches."""
    if not arn.startswith("arn:"):
        return is_pattern and has_wildcard(arn)
    return action.acts_on(arn, Budget(MAX_REQUEST_STEPS))


def _may_be_of(action: Action, service: str) -> bool:
    """Return whether a resource of the action can be of this service, a text or a pattern."""
    own = {kind.arn_format.split(":", 3)[2] for kind in action.resource_types}
    if any("$" in each or "*" in each for each in own):  # AWS Backup acts on resources of many services
        own |= set(action_table().services())
    return any(map(wildcard_pattern(service).matches, own))
