"""The API's own domain name, with a certificate of AWS Certificate Manager."""

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from jitney.configuration.broker_settings import DomainSettings

SECURITY_POLICIES = {
    "1.2": "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
    "1.3": "SecurityPolicy_TLS13_1_3_2025_09",
}
"""By the lowest version of TLS that it accepts. The first one accepts TLS 1.3, and TLS 1.2 with forward secrecy.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies-list.html
"""


class Domain(Construct):
    """The domain name of `rest_api`. Its DNS record has to point to `target`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DomainSettings,
        rest_api: apigateway.RestApi,
    ) -> None:
        super().__init__(scope, construct_id)
        name = apigateway.CfnDomainName(
            self,
            "Name",
            domain_name=settings.name,
            regional_certificate_arn=settings.certificate_arn,
            endpoint_configuration=apigateway.CfnDomainName.EndpointConfigurationProperty(types=["REGIONAL"]),
            security_policy=SECURITY_POLICIES[settings.minimum_tls],
            endpoint_access_mode="STRICT",
        )
        stage = rest_api.deployment_stage
        mapping = apigateway.CfnBasePathMapping(
            self, "Mapping", domain_name=name.ref, rest_api_id=rest_api.rest_api_id, stage=stage.stage_name
        )
        mapping.node.add_dependency(stage)
        self.target = name.attr_regional_domain_name
        self.hosted_zone = name.attr_regional_hosted_zone_id
