"""The seal of a session policy: Deny statements that leave only what was granted, even if a resource allows more.

In its own account, a resource policy that names a session or everyone allows what the session policy does not. Only an
explicit Deny overrides it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-resource-id.html
"""

from collections.abc import Sequence
from typing import Any

from jitney.core.access.statements import Statement, compact, one_or_many


def seal(statements: Sequence[Statement]) -> tuple[dict[str, Any], ...]:
    """Return the Deny statements that leave exactly what `statements` allow.

    The first denies every other action. The others deny the actions of one statement outside of its resources. They
    name these actions, or all other granted actions as NotAction if that is shorter.
    """
    granted = {name for statement in statements for name in statement.actions}
    outside = (
        {"Effect": "Deny", **_only(statement, granted), "NotResource": one_or_many(statement.resources)}
        for statement in statements
        if "*" not in statement.resources
    )
    return ({"Effect": "Deny", "NotAction": one_or_many(tuple(sorted(granted))), "Resource": "*"}, *outside)


def sealed_services(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return one Allow of every service in `statements`, for a policy that the seal limits to what was granted."""
    services = sorted({f"{name.partition(':')[0]}:*" for statement in statements for name in statement.actions})
    return {"Effect": "Allow", "Action": one_or_many(tuple(services)), "Resource": "*"}


def except_for(statement: dict[str, Any], action: str) -> dict[str, Any]:
    """Return a statement of a sealed policy that does not deny `action`."""
    if "NotAction" in statement:
        names = statement["NotAction"]
        return {**statement, "NotAction": sorted({*([names] if isinstance(names, str) else names), action})}
    if "NotResource" in statement and statement["Action"] == "*":
        return {"Effect": "Deny", "NotAction": action, "NotResource": statement["NotResource"]}
    return statement


def _only(statement: Statement, granted: set[str]) -> dict[str, Any]:
    others = tuple(sorted(granted.difference(statement.actions)))
    named = {"Action": one_or_many(statement.actions)}
    rest = {"NotAction": one_or_many(others)} if others else {"Action": "*"}
    return min(named, rest, key=lambda each: len(compact(each)))
