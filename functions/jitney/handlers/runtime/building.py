"""Builds each port. A handler's cold start imports only the adapters of the ports that the handler names."""

from collections.abc import Callable, Mapping
from importlib import import_module
from os import environ as env
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitney.adapters import clock
from jitney.adapters.aws_clients import (
    LARGE_OBJECTS,
    ONE_ATTEMPT,
    SHORT_TIMEOUT,
    UNCHECKED_PARAMETERS,
    aws_client,
)
from jitney.core.actions import ActionTable
from jitney.core.config import load
from jitney.core.policy.cedar import PolicySet
from jitney.core.records.refusal_counts import RefusalCounts
from jitney.resources import ACTIONS, MASKS, MODELS, OPERATIONS, PAGES

if TYPE_CHECKING:
    from jitney.handlers.runtime.ports import Ports

CONFIGURATION = Path(__file__).resolve().parents[3] / "configuration.json"
"""The configuration in the bundle."""
STATE_TABLE, AUDIT_TABLE = "JITNEY_STATE_TABLE", "JITNEY_AUDIT_TABLE"
ANSWERS_TABLE = "JITNEY_ANSWERS_TABLE"
LOCAL_UPSTREAM = "JITNEY_LOCAL_UPSTREAM"
"""The environment variable with the address to which a local system sends the gateway's calls. Ignored in AWS."""


def adapter(path: str, *arguments: Any, **named: Any) -> Any:
    """Import the class at `path` below `jitney.adapters` and return an instance of it.

    Importing every adapter with this module would cost POST /v1/grants 13 to 16 % of its cold start. slack_sdk alone
    would cost half of that.
    """
    module, _, name = path.partition(".")
    return getattr(import_module(f"jitney.adapters.{module}"), name)(*arguments, **named)


def _operations() -> Any:
    return import_module("jitney.core.calls.operations").OperationTable.load(OPERATIONS.read_bytes())


def _grant_scope(ports: "Ports") -> Any:
    events = import_module("jitney.core.trail.actions").EventOperations(_operations(), ports.masks, ports.actions)
    return import_module("jitney.core.trail.beyond_grant").ScopeComparison(events, ports.actions)


def _shadow_policies(ports: "Ports") -> Any:
    source = ports.config.shadow_policies
    return import_module("jitney.core.policy.shadow").ShadowPolicies.load(source) if source else None


def _roles_of_targets(ports: "Ports") -> list[tuple[str, Any]]:
    """Return all roles that targets have or may have had, each with its target. Grants may be open on any of them."""
    return [(arn, target) for target in ports.config.targets.values() for arn in target.all_role_arns]


def _iam_client(key_id: str, secret: str, token: str) -> Any:
    return aws_client("iam", ONE_ATTEMPT, key_id, secret, token)


def _regional_sts_client(region: str, key_id: str, secret: str, token: str) -> Any:
    return aws_client("sts", ONE_ATTEMPT, key_id, secret, token, region=region)


def _sessions(ports: "Ports") -> Any:
    shared = import_module("jitney.adapters.session_clients").shared_client("sts", SHORT_TIMEOUT)
    return adapter("sessions.Sessions", aws_client("sts"), shared, ports.now)


def _models(ports: "Ports") -> Any:
    module = import_module("jitney.adapters.aws_models")
    return module.AwsModels.load(MODELS.read_bytes(), env.get(LOCAL_UPSTREAM, "") if ports.config.local else "")


def _mail_sender(ports: "Ports") -> Any:
    mail = ports.config.mail
    return adapter("mail_sender.MailSender", aws_client("sesv2", ONE_ATTEMPT), mail.sender) if mail else None


def _slack(ports: "Ports") -> Any:
    settings = ports.slack_settings
    bot_token = _slack_secret(ports, settings.bot_token_arn, "BOT_TOKEN")
    return adapter("slack_client.SlackClient", bot_token, settings.api_url)


def _slack_secret(ports: "Ports", arn: str, form: str) -> Any:
    module = import_module("jitney.adapters.slack_secret")
    secrets = aws_client("secretsmanager", region=arn.split(":")[3])
    return module.SlackSecret(secrets, arn, getattr(module, form), ports.now)


def _state(path: str) -> Callable[["Ports"], Any]:
    return lambda ports: adapter(path, ports.dynamodb, env[STATE_TABLE])


def _audit(path: str) -> Callable[["Ports"], Any]:
    return lambda ports: adapter(path, ports.dynamodb, env[AUDIT_TABLE])


def _stream(name: str) -> Any:
    return adapter("delivery_streams.DeliveryStream", aws_client("firehose"), env[name])


PORTS: Mapping[str, Callable[["Ports"], Any]] = {
    "now": lambda _: clock.now,
    "now_milliseconds": lambda _: clock.now_milliseconds,
    "stopwatch": lambda _: clock.monotonic_milliseconds,
    "pause": lambda _: clock.pause,
    "pause_up_to": lambda _: clock.pause_up_to,
    "random_below": lambda _: clock.random_below,
    "new_id": lambda _: clock.new_id,
    "new_secret": lambda _: clock.new_secret,
    "config": lambda _: load(CONFIGURATION.read_text(encoding="utf-8")),
    "policies": lambda ports: PolicySet.load(ports.config.policies),
    "shadow_policies": _shadow_policies,
    "actions": lambda _: ActionTable.load(ACTIONS.read_bytes()),
    "explainer": lambda _: import_module("jitney.core.calls.explainer").explainer(_operations()),
    "masks": lambda _: import_module("jitney.core.masking.table").MaskTable.load(MASKS.read_bytes()),
    "grant_scope": _grant_scope,
    "may_need": lambda ports: import_module("jitney.core.report.cloudtrail_coverage").implicit_actions(
        _operations(), ports.masks.operations_of_event
    ),
    "templates": lambda _: import_module("jitney.handlers.runtime.templates").environment(PAGES),
    "target_roles": lambda ports: {arn: target.account for arn, target in _roles_of_targets(ports)},
    "sealed_roles": lambda ports: frozenset(arn for arn, target in _roles_of_targets(ports) if target.sealed),
    "target_aliases": lambda ports: {arn: target.alias for arn, target in _roles_of_targets(ports)},
    "revokers": lambda ports: {each.revoker_arn: alias for alias, each in ports.config.targets.items()},
    "issuing_roles": lambda _: dict(pair.split("=") for pair in env["JITNEY_ISSUING_ROLES"].split(",")),
    "reviews_url": lambda _: env["JITNEY_REVIEWS_URL"],
    "keys": lambda ports: adapter("issuer_keys.IssuerKeys", local=ports.config.local),
    "refusals": lambda _: RefusalCounts(),
    "token_endpoint": lambda ports: adapter("token_endpoint.TokenEndpoint", local=ports.config.local),
    "dynamodb": lambda _: aws_client("dynamodb", UNCHECKED_PARAMETERS),
    "store": lambda ports: adapter("store.Store", ports.dynamodb, env[STATE_TABLE], env[AUDIT_TABLE]),
    "call_store": lambda ports: adapter(
        "call_store.CallStore",
        ports.dynamodb,
        env[STATE_TABLE],
        env[AUDIT_TABLE],
        env[ANSWERS_TABLE],
        ports.suspensions,
    ),
    "suspensions": _state("suspension_item.SuspensionStore"),
    "sessions": _sessions,
    "aws_calls": lambda ports: adapter("aws_calls.AwsCalls", _models(ports), adapter("upstream.Upstream")),
    "answer_masker": lambda ports: import_module("jitney.core.gateway.answer_masking").AnswerMasker(ports.masks),
    "read_sessions": lambda _: import_module("jitney.handlers.gateway.call_sessions").ReadSessions(),
    "mask_keys": lambda _: adapter(
        "mask_keys.MaskKeys", lambda: aws_client("kms", SHORT_TIMEOUT), env["JITNEY_MASK_KEY"]
    ),
    "deny_list": _state("deny_list.DenyList"),
    "role_policies": lambda _: adapter("role_policies.RolePolicies", aws_client("sts"), _iam_client),
    "trail_heartbeat": lambda _: adapter("trail_heartbeat.TrailHeartbeat", aws_client("sts"), _regional_sts_client),
    "trail_watches": lambda ports: adapter(
        "trail_watch.TrailWatches", ports.dynamodb, env[STATE_TABLE], env[AUDIT_TABLE]
    ),
    "canary": lambda _: adapter("canary.Canary", _regional_sts_client),
    "measurement_starts": lambda _: adapter(
        "measurement_starts.MeasurementStarts", aws_client("lambda", SHORT_TIMEOUT), env["JITNEY_MEASURING_FUNCTION"]
    ),
    "target_checks": lambda _: adapter("target_checks.TargetChecks", aws_client("sts"), _iam_client),
    "approval_workflow": lambda ports: adapter(
        "approval_workflow.ApprovalWorkflow",
        aws_client("stepfunctions"),
        env["JITNEY_APPROVAL_ARN"],
        ports.task_tokens,
    ),
    "task_tokens": _state("approval_workflow.TaskTokens"),
    "task_answers": lambda _: adapter("approval_workflow.TaskAnswers", aws_client("stepfunctions")),
    "web_sessions": _state("web_sessions.WebSessions"),
    "vote_history": _state("vote_history.VoteHistory"),
    "out_of_office": _state("out_of_office.OutOfOfficeStore"),
    "follow_ups": _state("follow_ups.FollowUps"),
    "message_locations": _state("message_locations.MessageLocations"),
    "sent_messages": _state("sent_messages.SentMessages"),
    "mail_sender": _mail_sender,
    "slack": _slack,
    "slack_signing_secret": lambda ports: _slack_secret(
        ports, ports.slack_settings.signing_secret_arn, "SIGNING_SECRET"
    ),
    "trail": _audit("trail.Trail"),
    "trail_queue": lambda ports: adapter("trail.TrailQueue", aws_client("sqs"), env["JITNEY_TRAIL_QUEUE"], ports.now),
    "grant_history": _audit("grant_history.GrantHistory"),
    "records_stream": lambda _: _stream("JITNEY_RECORDS_STREAM"),
    "calls_stream": lambda _: _stream("JITNEY_CALLS_STREAM"),
    "published": lambda _: adapter(
        "published_records.PublishedRecords", aws_client("s3", LARGE_OBJECTS), env["JITNEY_RECORDS_BUCKET"]
    ),
    "seal_reader": lambda _: adapter("seals.SealReader", aws_client("s3"), env["JITNEY_SEALS_BUCKET"]),
    "seals": lambda _: adapter(
        "seals.Seals",
        aws_client("s3", LARGE_OBJECTS),
        aws_client("kms"),
        env["JITNEY_SEALS_BUCKET"],
        env["JITNEY_SEAL_KEY_ARN"],
    ),
}
