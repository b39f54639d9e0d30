"""The declaration of one function: everything that differs between functions. `infra.function_specs` has the table."""

from dataclasses import dataclass, replace

from infra.permissions import VARIABLES, Allow
from jitney.configuration.broker_settings import LAMBDA_EXECUTIONS
from jitney.core.records.audit import METRICS_NAMESPACE, METRICS_SERVICE

ALL_FUNCTIONS = {
    "POWERTOOLS_SERVICE_NAME": METRICS_SERVICE,
    "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
    "POWERTOOLS_LOG_LEVEL": "INFO",
}
"""The environment that every function has."""

REQUESTS_PER_SECOND = BURST = 40
"""The limits of each route without a rate of its own. Both grow with broker.lambda_executions."""
# Floods of other routes use up neither the rate nor the executions of revocations and suspensions. Callers whose token
# is refused can flood these routes: the firewall admits ten requests a second from one address, and a refusal takes
# milliseconds.
URGENT_REQUESTS_PER_SECOND, URGENT_EXECUTIONS = 200, 20
# Agents release without a person. The same rate admits 20 releases a second on each of ten targets. If a release takes
# a second, these executions end 40 grants a second. While another writer has the deny document, a release takes at most
# six seconds more.
RELEASE_EXECUTIONS = 40
# People open pages and vote. A flood of one route, such as the signed-out pages, leaves the others alone.
REVIEW_REQUESTS_PER_SECOND, REVIEW_EXECUTIONS = 20, 10
HEALTH_REQUESTS_PER_SECOND = 5
"""The rate of the only route without a token. Monitors call it a few times a minute."""
MEASURING_EXECUTIONS = 10
"""The limit of simultaneous measurements. Others wait for a minute and are then dropped."""


def grown(limit: int, executions: int) -> int:
    """Scale a limit from an account with LAMBDA_EXECUTIONS to one with this many concurrent executions."""
    return limit * executions // LAMBDA_EXECUTIONS


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function, `jitney.handlers.<name>`: its routes, its role's permissions and its schedule.

    A function gets the environment variable of every resource on which its role allows something
    (`infra.permissions.VARIABLES`). `variables` are additional ones. `requires_section` is a section of `jitney.yaml`
    without which the function is not deployed. `requests_per_second` is a separate limit for each of its routes.
    `reserved_executions` are executions that other functions cannot use. With `grows`, both grow with the account's
    concurrent executions. `every_seconds` is the interval of a scheduled function. `retries` says how often a failed
    run is tried again. A function that is invoked asynchronously gets no event that is older than
    `most_event_age_seconds`.
    """

    name: str
    purpose: str
    routes: tuple[tuple[str, str], ...] = ()
    allows: tuple[Allow, ...] = ()
    variables: tuple[str, ...] = ()
    memory_mb: int = 1024
    # If every request on one route hangs, 40 requests a second and a burst hold 640 of the 1,000 executions that
    # docs/deploy.md requires. With API Gateway's own limit of 29 seconds they would hold all of them. Calls to services
    # that hang end earlier (jitney.adapters.aws_clients).
    timeout_seconds: int = 15
    requests_per_second: int = 0
    reserved_executions: int = 0
    requires_section: str = ""
    every_seconds: int = 0
    retries: int = 0
    most_event_age_seconds: int = 0
    grows: bool = False

    @property
    def environment(self) -> set[str]:
        """Return the names of the function's own environment variables."""
        return {VARIABLES[allow.resource] for allow in self.allows if allow.resource in VARIABLES} | {*self.variables}

    @property
    def feeds_itself(self) -> bool:
        """Whether the function sends messages to the queue from which it gets them."""
        return any({"sqs:ReceiveMessage", "sqs:SendMessage"} <= {*allow.actions} for allow in self.allows)

    def at(self, executions: int) -> "FunctionSpec":
        """Return the spec for an account with this many concurrent executions of Lambda."""
        if not self.grows:
            return self
        return replace(
            self,
            requests_per_second=grown(self.requests_per_second, executions),
            reserved_executions=grown(self.reserved_executions, executions),
        )
