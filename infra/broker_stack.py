"""The broker: all of Jitney except the target roles."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnOutput, Environment, PermissionsBoundary, Stack
from constructs import Construct

from infra.api import Api
from infra.approval import STEPS, Approval, approval_arn
from infra.broker_function import BrokerFunction, Code
from infra.buckets import Buckets
from infra.canary import CanaryDeployments
from infra.channel_resources import channel_conditions, channel_resources
from infra.delivery import Delivery
from infra.ending_functions import MEASURING
from infra.firewall import Firewall
from infra.function_specs import SPECS
from infra.log_groups import LogGroups
from infra.monitoring import Monitoring
from infra.publishing import DeadLetters, publish
from infra.queries import Queries
from infra.record_functions import CORRELATOR
from infra.sealing import Sealing
from infra.tables import Tables
from infra.trail import Trail, issuers
from jitney.audit_database.definitions import DATABASE, WORKGROUP
from jitney.configuration.arns import revoker_arn, role_arn, role_arns
from jitney.configuration.broker_settings import MOST_CANARY_TARGETS, BrokerSettings
from jitney.configuration.load import Configuration
from jitney.configuration.settings import Settings, TargetSettings
from jitney.core.configuration_digest import digest_of
from jitney.core.target_roles import further_roles
from jitney.core.trail.join import PURPOSES_BY_FUNCTION

DESCRIPTION = "Jitney: just-in-time AWS access for AI agents"


class BrokerStack(Stack):
    """The stack `Jitney`. `local` is true for a local system, where AWS answers over plain HTTP.

    A local system has fewer of the broker's settings (`BrokerSettings.local`).
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, configuration: Configuration, code: Code, local: bool
    ) -> None:
        settings = configuration.settings
        broker = configuration.broker
        super().__init__(scope, construct_id, **_stack_properties(broker), termination_protection=not local)
        tables = Tables(self, "Tables", mask_key=broker.mask_key, restored=broker.restored_tables)
        buckets = Buckets(self, "Buckets", key=tables.key, tls_only=not local, replication=broker.replication)
        dead_letters = DeadLetters(self, "DeadLetters", tls_only=not local)
        log_groups = LogGroups(self, "LogGroups")
        records, calls, access_log = self._deliveries(buckets, tables, log_groups)
        Queries(self, "Queries", records=buckets.records, results=buckets.results, key=tables.key)
        specs = {name: SPECS[name].at(broker.lambda_executions) for name in _wanted(settings)}
        api = Api(self, "Api", access_log=access_log, specs=specs.values(), broker=broker)
        sealing = Sealing(self, "Seals", buckets=buckets, key=tables.key, number=broker.seal_key)
        trail = Trail(self, "Trail", targets=settings.targets, tls_only=not local)
        resources = {
            **tables.resources,
            **_external(self, settings, canary=broker.has_canary),
            **sealing.resources,
            **trail.resources,
            "calls_stream": [calls.stream.attr_arn],
            "records_stream": [records.stream.attr_arn],
            "dead_letters": [dead_letters.queue.queue_arn],
        }
        environment = _environment(api, tables, sealing, trail, records, calls)

        def function(name: str) -> BrokerFunction:
            return BrokerFunction(
                self,
                "".join(word.title() for word in name.split("_")),
                spec=specs[name],
                code=code,
                resources=resources,
                conditions=channel_conditions(settings),
                environment=environment,
                log_groups=log_groups,
                vpc=broker.vpc,
                alias=len(settings.targets) <= MOST_CANARY_TARGETS,  # needed before a canary, which moves no new alias
            )

        functions = {name: function(name) for name in (MEASURING, *STEPS.values())}
        approval = Approval(self, "Approval", functions=functions, log_groups=log_groups)
        measuring, workflow_arn = functions[MEASURING].invoked, approval.state_machine.state_machine_arn
        resources |= {"approval": [workflow_arn], "measuring_function": [measuring.function_arn]}
        environment |= {"JITNEY_APPROVAL_ARN": workflow_arn, "JITNEY_MEASURING_FUNCTION": measuring.function_name}
        functions |= {name: function(name) for name in specs if name not in {*functions, CORRELATOR}}
        environment["JITNEY_ISSUING_ROLES"] = _issuing_roles(functions)
        functions[CORRELATOR] = function(CORRELATOR)

        publish(self, functions["publisher"].invoked, resources["audit_stream"][0], dead_letters)
        trail.send_to(functions[CORRELATOR].invoked)
        sealing.acknowledge(functions["overview"], functions["sealer"])
        monitoring = self._monitoring(dead_letters, trail, approval, settings, buckets.replicas)
        if broker.has_canary:
            CanaryDeployments(self, "Canary", functions=functions.values(), monitoring=monitoring)
        api.route(functions.values())
        Firewall(self, "Firewall", stage=api.rest_api.deployment_stage, max_body_bytes=settings.limits.max_body_bytes)
        self._outputs(api, tables, buckets, sealing, approval, dead_letters, trail, digest_of(configuration.json))

    def _deliveries(
        self, buckets: Buckets, tables: Tables, log_groups: LogGroups
    ) -> tuple[Delivery, Delivery, Delivery]:
        """Return the deliveries of records, of calls, and of the API's access log, each into its folder."""

        def lines(name: str) -> Delivery:
            folder = name.lower()
            # Seals cover the records delivered on a day; calls are queried by the day on which they were made.
            return Delivery(
                self,
                name,
                name=f"jitney-{folder}",
                bucket=buckets.records,
                prefix=folder,
                log_groups=log_groups,
                key=tables.key,
                by_line=name == "Calls",
            )

        # API Gateway writes only to streams with this prefix.
        name = "amazon-apigateway-jitney"
        access_log = Delivery(self, "AccessLog", name=name, bucket=buckets.logs, prefix="api", log_groups=log_groups)
        return lines("Records"), lines("Calls"), access_log

    def _monitoring(
        self,
        dead_letters: DeadLetters,
        trail: Trail,
        approval: Approval,
        settings: Settings,
        replicas: Mapping[str, Mapping[str, str]],
    ) -> Monitoring:
        """Create the alarms and the dashboard."""
        names = {
            "trail_queue": trail.queue.queue_name,
            "trail_dead_letters": trail.dead.queue_name,
            "record_dead_letters": dead_letters.queue.queue_name,
            "approval": approval.state_machine.state_machine_arn,
        }
        return Monitoring(
            self,
            "Monitoring",
            topic=dead_letters.topic,
            resources=names,
            targets=list(settings.targets),
            replicas=replicas,
            runbooks_url=settings.broker.runbooks_url if settings.broker else None,
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
        configuration_digest: str,
    ) -> None:
        """Output the names and addresses that the launcher, the commands and people need."""
        values = {
            "ApiUrl": api.url,
            "ApiId": api.rest_api.rest_api_id,
            **tables.outputs,
            **buckets.outputs,
            **trail.outputs,
            "SealKeyArn": sealing.key.key_arn,
            "AthenaWorkgroup": WORKGROUP,
            "GlueDatabase": DATABASE,
            "ConfigurationDigest": configuration_digest,
            "ApprovalArn": approval.state_machine.state_machine_arn,
            "RecordDeadLetters": dead_letters.queue.queue_arn,
            "AlarmTopic": dead_letters.topic.topic_arn,
            **api.outputs,
        }
        for name, value in values.items():
            CfnOutput(self, name, value=value)


def _stack_properties(broker: BrokerSettings) -> dict[str, Any]:
    """Return where the stack is, and the permissions boundary of its roles."""
    name = broker.permissions_boundary
    return {
        "env": Environment(account=broker.account, region=broker.region),
        "description": DESCRIPTION,
        "permissions_boundary": PermissionsBoundary.from_name(name) if name else None,
    }


def _environment(
    api: Api, tables: Tables, sealing: Sealing, trail: Trail, records: Delivery, calls: Delivery
) -> dict[str, str]:
    """Return the values of the functions' variables that are known before the functions."""
    return {
        **tables.environment,
        "JITNEY_RECORDS_STREAM": records.name,
        "JITNEY_CALLS_STREAM": calls.name,
        "JITNEY_REVIEWS_URL": f"{api.url}/reviews",
        **sealing.environment,
        **trail.environment,
    }


def _issuing_roles(functions: Mapping[str, BrokerFunction]) -> str:
    """Return the roles of the functions that start sessions of targets, for the function that joins calls to grants."""
    return issuers({name: each.role_id for name, each in functions.items() if name in PURPOSES_BY_FUNCTION})


def _target_roles(target: TargetSettings, *, canary: bool) -> tuple[str, ...]:
    """Return the ARNs of a target's roles, as patterns that include the roles from before a canary deployment.

    So both versions have the same permissions, and the earlier version can still issue on the roles that it knows. Each
    role's trust policy decides whether that succeeds.
    """
    return (role_arn(target), further_roles(role_arn(target))) if canary else role_arns(target)


def _external(stack: Stack, settings: Settings, *, canary: bool) -> dict[str, list[str]]:
    """Return the ARNs that refer to no resource of the stack, by their names in `infra.permissions`."""
    return {
        "approval_tasks": [approval_arn(stack)],
        "any": ["*"],
        "targets": sorted(arn for target in settings.targets.values() for arn in _target_roles(target, canary=canary)),
        "revokers": sorted(revoker_arn(alias, target) for alias, target in settings.targets.items()),
        **channel_resources(stack, settings),
    }


def _wanted(settings: Settings) -> list[str]:
    """Return the functions whose section in `jitney.yaml` is configured."""
    return [
        name for name, spec in SPECS.items() if not spec.requires_section or getattr(settings, spec.requires_section)
    ]
