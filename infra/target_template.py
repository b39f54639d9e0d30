"""The targets' templates, for deployment without CDK: with CloudFormation itself, or with a stack set.

`python -m infra.target_template ALIAS` prints the template of one target. Without an alias, it prints one template for
all targets. In each account and Region, this template creates only the roles of its own targets. The command calls
neither AWS nor a package index.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aws_cdk import (
    App,
    Aws,
    CfnCondition,
    CfnResource,
    Environment,
    Fn,
    LegacyStackSynthesizer,
    Stack,
    Validations,
)
from cdk_nag import AwsSolutionsChecks
from constructs import Construct

from infra.target_account_stack import TargetAccountStack, TargetRoles
from jitney.configuration.load import Configuration, ConfigurationError, load_configuration
from jitney.configuration.names import did_you_mean
from jitney.configuration.yaml_source import ConfigurationProblem

ROOT = Path(__file__).parent.parent
ALL = "JitneyTargets"
_BOUNDARY_KEY = "@aws-cdk/core:permissionsBoundary"
LONGEST_BODY = 51_200
"""The longest template, in characters, that CloudFormation accepts without a bucket (CloudFormation's quotas)."""


class AllTargets(Stack):
    """The roles of every target. A condition limits them to the target's own account and Region."""

    def __init__(self, scope: Construct, construct_id: str, *, configuration: Configuration) -> None:
        super().__init__(
            scope, construct_id, description="Jitney: the roles of its targets", synthesizer=LegacyStackSynthesizer()
        )
        for alias, target in configuration.settings.targets.items():
            place = Construct(self, alias)
            TargetRoles(place, alias=alias, target=target, broker=configuration.broker)
            account = Fn.condition_equals(Aws.ACCOUNT_ID, target.account)
            region = Fn.condition_equals(Aws.REGION, target.region)
            here = CfnCondition(place, "Here", expression=Fn.condition_and(account, region))
            for each in place.node.find_all():
                if isinstance(each, CfnResource):
                    each.cfn_options.condition = here


def target_stack(scope: Construct, alias: str, configuration: Configuration) -> TargetAccountStack:
    """Return the stack of the target `alias`. Raises KeyError for an unknown alias."""
    target = configuration.settings.targets[alias]
    return TargetAccountStack(
        scope,
        f"JitneyTarget-{alias}",
        alias=alias,
        target=target,
        broker=configuration.broker,
        env=Environment(account=target.account, region=target.region),
    )


def template_of(alias: str, configuration: Configuration) -> str:
    """Return the template of the target `alias` as JSON, compact if it is long. Raises KeyError for an unknown one."""
    template = synthesized(lambda app: target_stack(app, alias, configuration))
    return template if len(template) <= LONGEST_BODY else _compact(template)


def template_of_all(configuration: Configuration) -> str:
    """Return the template of all targets as compact JSON, because the targets may be many."""
    return _compact(synthesized(lambda app: AllTargets(app, ALL, configuration=configuration)))


def _compact(template: str) -> str:
    return json.dumps(json.loads(template), separators=(",", ":"))


def new_app(outdir: str) -> App:
    """Return an app with the context of cdk.json and of the CDK CLI. Raises ConfigurationError for another boundary.

    CDK's own key for a permissions boundary would replace the boundary of the roles for grants. Then nothing would
    limit these roles, and Jitney could revoke nothing.
    """
    file = ROOT / "cdk.json"
    app = App(outdir=outdir, context=json.loads(file.read_text(encoding="utf-8"))["context"])
    if app.node.try_get_context(_BOUNDARY_KEY) is not None:
        wrong = "this key would replace the permissions boundary of the targets' roles"
        fix = "leave it out, and set broker.permissions_boundary in jitney.yaml"
        raise ConfigurationError(file, [ConfigurationProblem((_BOUNDARY_KEY,), wrong, fix)])
    return app


def synthesized(make: Callable[[App], Stack]) -> str:
    """Return the template of a stack as JSON. Raises an error for a finding of cdk-nag that is not acknowledged."""
    with tempfile.TemporaryDirectory() as folder:
        app = new_app(folder)
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
        name = make(app).template_file
        app.synth()
        return (Path(folder) / name).read_text(encoding="utf-8")


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Print the template of one target or of all targets, from JITNEY_CONFIG (default jitney.yaml)."""
    try:
        local = env.get("JITNEY_LOCAL") == "1"
        configuration = load_configuration(Path(env.get("JITNEY_CONFIG") or ROOT / "jitney.yaml"), env, local=local)
        alias, targets = "".join(arguments[:1]), configuration.settings.targets
        if alias and alias not in targets:
            print(f'target "{alias}" does not exist: {did_you_mean(alias, targets)}', file=sys.stderr)  # noqa: T201
            return 1
        print(template_of(alias, configuration) if alias else template_of_all(configuration))  # noqa: T201
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
