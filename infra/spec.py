"""What there is to say of one function: `infra.function_specs` has the table."""

from dataclasses import dataclass

from infra.permissions import Allow

ALL_FUNCTIONS = {
    "POWERTOOLS_SERVICE_NAME": "jitney",
    "POWERTOOLS_METRICS_NAMESPACE": "Jitney",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}
"""The environment that every function has."""


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function: its handler module and name, its routes as (verb, path), its environment, what its role allows.

    `asks_in` is the section of `jitney.yaml` without which there is no such function.
    """

    name: str
    purpose: str
    allows: tuple[Allow, ...] = ()
    environment: tuple[str, ...] = ()
    routes: tuple[tuple[str, str], ...] = ()
    memory_mb: int = 1024
    # One route at the stage's 50 requests a second that all hang holds 750 of the 1,000 executions that docs/deploy.md
    # asks for; at API Gateway's own limit of 29 it would hold all. A service that hangs is given up earlier
    # (jitney.adapters.aws_clients).
    timeout_seconds: int = 15
    requires_section: str = ""
