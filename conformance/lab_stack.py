"""The stack `JitneyConformance`: the issuer's key set behind HTTPS, and a trail. `python -m conformance.lab_stack`."""

import os
from collections.abc import Mapping

import infra  # noqa: F401 - sets the path of Node
from conformance.lab_names import ACCOUNT, KEY_SET, REGION, STACK

from aws_cdk import App, CfnOutput, Duration, Environment, RemovalPolicy, Stack  # isort: skip
from aws_cdk import aws_apigateway as apigateway  # isort: skip
from aws_cdk import aws_cloudtrail as cloudtrail  # isort: skip
from aws_cdk import aws_s3 as s3  # isort: skip
from constructs import Construct  # isort: skip

DAYS = 7


class LabStack(Stack):
    """What the checks need in addition to Jitney. Deleting the stack deletes all of it, except the trail's bucket."""

    def __init__(self, scope: Construct, construct_id: str, *, key_set: str, env: Environment) -> None:
        super().__init__(scope, construct_id, env=env, description="Jitney: what its conformance checks need")
        # A mock integration answers by itself: the key set is public, small and constant.
        keys = apigateway.RestApi(self, "Keys", rest_api_name="jitney-conformance-keys", cloud_watch_role=False)
        keys.root.add_resource("jwks").add_method(
            "GET",
            apigateway.MockIntegration(
                request_templates={"application/json": '{"statusCode": 200}'},
                integration_responses=[
                    apigateway.IntegrationResponse(status_code="200", response_templates={"application/json": key_set})
                ],
            ),
            method_responses=[apigateway.MethodResponse(status_code="200")],
        )
        bucket = s3.Bucket(
            self,
            "Events",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        bucket.add_lifecycle_rule(expiration=Duration.days(DAYS))
        cloudtrail.Trail(self, "Trail", bucket=bucket, is_multi_region_trail=True)
        CfnOutput(self, "KeysUrl", value=keys.url_for_path("/jwks"))


def build(env: Mapping[str, str], outdir: str | None = None) -> App:
    """Return the app, ready for `synth()`. `env` has the key set, the account and the Region."""
    app = App(outdir=outdir)
    LabStack(app, STACK, key_set=env[KEY_SET], env=Environment(account=env[ACCOUNT], region=env[REGION]))
    return app


if __name__ == "__main__":
    build(os.environ, os.environ.get("CDK_OUTDIR")).synth()
