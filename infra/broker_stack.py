"""The broker: everything of Jitney but the target roles, put together."""

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from infra.api import Api
from infra.approval import STEPS, Approval
from infra.broker_function import BrokerFunction, Code
from infra.buckets import Buckets
from infra.delivery import Delivery
from infra.firewall import Firewall
from infra.function_specs import SPECS
from infra.publishing import DeadLetters, publish
from infra.queries import DATABASE, WORKGROUP, Queries
from infra.reconciling import reconcile
from infra.record_functions import CORRELATOR
from infra.sealing import Sealing
from infra.sending import sender_arns, sender_only
from infra.tables import Tables
from infra.trail import Trail, issuers
from jitney.configuration.arns import revoker_arn, role_arn
from jitney.configuration.settings import Settings
from jitney.configuration.values import secret_resource
from jitney.core.trail.join import PURPOSE_BY_FUNCTION


class BrokerStack(Stack):
    """The stack `Jitney`. `local` is true on one's own machine, where AWS is spoken to over plain HTTP."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, code: Code, local: bool, env: Environment
    ) -> None:
        super().__init__(scope, construct_id, env=env, description="Jitney: just-in-time AWS access for AI agents")
        tables = Tables(self, "Tables")
        buckets = Buckets(self, "Buckets", key=tables.key, tls_only=not local)
        dead_letters = DeadLetters(self, "DeadLetters", key=tables.key, tls_only=not local)
        records, calls = (self._delivery(name, buckets, tables) for name in ("Records", "Calls"))
        # API Gateway writes to streams whose names begin so.
        access_log = Delivery(self, "AccessLog", name="amazon-apigateway-jitney", bucket=buckets.logs, prefix="api")
        Queries(self, "Queries", records=buckets.records, results=buckets.results, key=tables.key)
        api = Api(self, "Api", access_log=access_log)
        sealing = Sealing(self, "Seals", buckets=buckets, key=tables.key)
        trail = Trail(self, "Trail", targets=settings.targets, tls_only=not local)

        resources = {
            **tables.resources,
            **_named(self, settings),
            **sealing.resources,
            **trail.resources,
            "calls_stream": [calls.stream.attr_arn],
            "records_stream": [records.stream.attr_arn],
            "dead_letters": [dead_letters.queue.queue_arn],
        }
        environment = {
            **tables.environment,
            "JITNEY_RECORDS_STREAM": records.name,
            "JITNEY_CALLS_STREAM": calls.name,
            "JITNEY_REVIEWS_URL": f"{api.url}/reviews",
            **sealing.environment,
            **trail.environment,
        }

        def function(name: str) -> BrokerFunction:
            return BrokerFunction(
                self,
                "".join(word.title() for word in name.split("_")),
                spec=SPECS[name],
                code=code,
                resources=resources,
                conditions={"sender": sender_only(settings.mail)},
                environment=environment,
            )

        functions = {name: function(name) for name in STEPS.values()}
        approval = Approval(self, "Approval", steps={name: each.function for name, each in functions.items()})
        resources["approval"] = [approval.state_machine.state_machine_arn]
        environment["JITNEY_APPROVAL_ARN"] = approval.state_machine.state_machine_arn
        functions |= {name: function(name) for name in _wanted(settings) if name not in {*functions, CORRELATOR}}
        environment["JITNEY_ISSUING_ROLES"] = issuers({name: functions[name].role_id for name in PURPOSE_BY_FUNCTION})
        functions[CORRELATOR] = function(CORRELATOR)

        publish(self, functions["publisher"].function, resources["audit_stream"][0], dead_letters, (records, calls))
        reconcile(self, functions["reconciler"].function)
        trail.feed(functions[CORRELATOR].function, dead_letters)
        sealing.schedule_hourly(functions["sealer"], dead_letters)
        api.route(functions.values())
        Firewall(self, "Firewall", stage=api.rest_api.deployment_stage, max_body_bytes=settings.limits.max_body_bytes)
        self._outputs(api, tables, buckets, sealing, approval, dead_letters, trail)

    def _delivery(self, name: str, buckets: Buckets, tables: Tables) -> Delivery:
        """The way of records or of calls to their folder."""
        folder = name.lower()
        # Seals are over the days on which records came; calls are asked for by the day on which they were made.
        return Delivery(
            self,
            name,
            name=f"jitney-{folder}",
            bucket=buckets.records,
            prefix=folder,
            key=tables.key,
            by_line=name == "Calls",
        )

    def _outputs(
        self,
        api: Api,
        tables: Tables,
        buckets: Buckets,
        sealing: Sealing,
        approval: Approval,
        dead_letters: DeadLetters,
        trail: Trail,
    ) -> None:
        """What the launcher and people find the parts by."""
        values = {
            "ApiUrl": api.url,
            "ApiId": api.rest_api.rest_api_id,
            **tables.outputs,
            **buckets.outputs,
            **trail.outputs,
            "SealKeyArn": sealing.key.key_arn,
            "AthenaWorkgroup": WORKGROUP,
            "GlueDatabase": DATABASE,
            "ApprovalArn": approval.state_machine.state_machine_arn,
            "RecordDeadLetters": dead_letters.queue.queue_arn,
            "AlarmTopic": dead_letters.topic.topic_arn,
        }
        for name, value in values.items():
            CfnOutput(self, name, value=value)


def _named(stack: Stack, settings: Settings) -> dict[str, list[str]]:
    """What the configuration names, and is not made here, by the names that permissions are written with."""
    return {
        "any": ["*"],
        "targets": sorted(role_arn(target) for target in settings.targets.values()),
        "revokers": sorted(revoker_arn(alias, target) for alias, target in settings.targets.items()),
        "slack_bot_token": [secret_resource(settings.slack.bot_token_arn)] if settings.slack else [],
        "slack_signing_secret": [secret_resource(settings.slack.signing_secret_arn)] if settings.slack else [],
        "sender": sender_arns(stack, settings.mail),
        "sender_identity": sender_arns(stack, settings.mail),
    }


def _wanted(settings: Settings) -> list[str]:
    """The functions that have something to do by the configuration."""
    return [
        name for name, spec in SPECS.items() if not spec.requires_section or getattr(settings, spec.requires_section)
    ]
