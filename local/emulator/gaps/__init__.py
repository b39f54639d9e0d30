"""Closes the differences between ministack 1.5.33 and AWS that matter to Jitney, one function for each.

Each function replaces a part of ministack in this process. Its docstring says what AWS does. `GAPS` lists the functions
in the order in which they run. `tests/local/gaps` has a contract test with the same name for each, which must fail on
the bare ministack. `make gaps` reports which functions a version of ministack still needs.
"""

import importlib
import os
from collections.abc import Callable

from local.emulator.launch import OPEN_GAPS

GAPS = (
    # The gap that is closed last sees a request first, so a request's form is checked before its permissions.
    "sts.session_duration",
    "sts.source_identity",
    "sts.callers_permissions",
    "sts.request_parameters",
    "scoped.scoped_credentials",
    "scoped.expired_sessions",
    "denials.session_policies_named",
    "role_policies.permissions_boundary_key",
    "role_policies.role_paths",
    "functions.own_interpreter",
    "cloudformation.pseudo_parameters_in_conditions",
    "cloudformation.role_boundary",
    "cloudformation.role_names_taken",
    "cloudformation.roles_with_policies_kept",
    "cloudformation.global_tables_updated_in_place",
    "cloudformation.table_settings",
    "cloudformation.stream_labels",
    "cloudformation.bucket_lock",
    "cloudformation.named_query",
    "cloudformation.event_bus_policy",
    "cloudformation.web_acl_association",
    "deployments.code_deploy_resources",
    "deployments.update_policies_are_dependencies",
    "buckets.conditional_writes_in_conditions",
    "buckets.owners_in_conditions",
    "buckets.objects_by_their_whole_names",
    "principals.principal_arn_of_sessions",
    "encryption.tables_use_the_callers_key",
    "restores.moments_of_restores",
    "encryption.restored_tables_have_their_key",
    "tables.leading_keys",
    "tables.attributes",
    "executions.executions_named_once",
    "executions.executions_stay_stopped",
    "executions.executions_time_out",
    "executions.failed_executions_have_no_output",
    "retries.retry_delays",
    "task_states.task_states",
    "task_tokens.task_token_answers",
    "task_tokens.task_token_permissions",
    "state_machines.tasks_use_the_role",
    "rules.rule_permission",
    "rules.all_management_events",
    "rules.buses_of_other_accounts",
    "rules.arns_of_rules",
    "trail.calls_of_sessions",
    "batches.batches_by_their_messages",
    "queues.fair_queues",
    "delivery.delivery_uses_the_role",
    "queries.execution_parameters",
    "queries.workgroups_of_queries",
    "queries.json_tables",
    "queries.views",
    "queries.queries_ask_as_the_caller",
    "queries.functions_of_trino",
    "queries.texts_of_values",
    "mails.sending_permissions",
    "mails.headers_of_mails",
    "streams.partial_batches",
    "api_gateway.found_from_any_account",
    "api_gateway.large_requests_refused",
    "api_gateway.handler_errors_hidden",
    "api_gateway.malformed_answers_refused",
    "api_gateway.source_ip_of_the_connection",
    "api_gateway.address_that_was_asked",
    "api_gateway.invoke_permission",
)


def load(gap: str) -> Callable[[], None]:
    """Return the function that closes the gap called `module.function`.

    Imports the part of ministack that it replaces.
    """
    module, _, name = gap.partition(".")
    close: Callable[[], None] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return close


def close_all() -> None:
    """Close every gap but those that `OPEN_GAPS` names. Must be called once, before the first request."""
    left_open = os.environ.get(OPEN_GAPS, "").split(",")
    for gap in GAPS:
        if gap not in left_open:
            load(gap)()
