"""Build the stacks: `Jitney`, and for each target in `jitney.yaml` a `JitneyTarget-<alias>`, or one stack set for all.

The CDK CLI runs it (`cdk deploy Jitney`). `python app.py` writes cdk.out, or CDK_OUTDIR. It never calls AWS. Only the
bundle needs the network, because it reads the package index once for each lock file.
"""

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from infra import bundling
from infra.broker_function import Code
from infra.broker_stack import BrokerStack
from infra.target_stack_set import TargetStackSet
from infra.target_template import ALL, new_app, target_stack
from jitney.configuration.load import ConfigurationError, load_configuration

# After infra, which sets the path of Node.
from aws_cdk import App, Tags, Validations  # isort: skip
from aws_cdk import aws_lambda as lambda_  # isort: skip
from cdk_nag import AwsSolutionsChecks  # isort: skip

ROOT = Path(__file__).parent


def build(env: Mapping[str, str], outdir: str, code: Code | None = None) -> App:
    """Return the app, ready for `synth()`. Raises `ConfigurationError`.

    `env` may have JITNEY_CONFIG (default jitney.yaml) and JITNEY_LOCAL=1 for a local system (also as context `local`).
    With JITNEY_LOCAL_RESTORED=1, the emulator has the tables of `restored_tables`.
    If the configuration has no section `broker`, the CDK CLI's account and Region are used. `code` replaces the real
    bundle.
    """
    app = new_app(outdir)
    local = env.get("JITNEY_LOCAL") == "1" or str(app.node.try_get_context("local")).lower() == "true"
    path = Path(env.get("JITNEY_CONFIG") or ROOT / "jitney.yaml")
    configuration = load_configuration(path, env, local=local)
    if local:
        broker = configuration.broker.local(restored=env.get("JITNEY_LOCAL_RESTORED") == "1")
        configuration = replace(configuration, broker=broker)
    else:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    jitney = BrokerStack(
        app,
        "Jitney",
        configuration=configuration,
        code=code or _code(configuration.json, local=local),
        local=local,
    )
    for name, value in sorted(configuration.broker.tags.items()):
        Tags.of(jitney).add(name, value)
    settings = configuration.settings
    if settings.stack_set and not local:
        stack_set = TargetStackSet(
            app, ALL, configuration=configuration, wanted=settings.stack_set, folder=ROOT / ".local" / "cache"
        )
        stack_set.add_stack_dependency(jitney)  # the trust policies name its roles
    else:
        for alias in settings.targets:
            target_stack(app, alias, configuration)
    return app


def _code(configuration: str, *, local: bool) -> Code:
    platform = bundling.host() if local else bundling.LAMBDA
    bundle = bundling.build(configuration, platform)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asset = lambda_.Code.from_asset(str(bundle.path), asset_hash=bundle.digest)
    return Code(asset, platform.architecture, project["version"])


if __name__ == "__main__":
    try:
        build(os.environ, os.environ.get("CDK_OUTDIR", "cdk.out")).synth()
    except ConfigurationError as error:
        sys.exit(str(error))
