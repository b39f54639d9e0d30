"""The API's own domain name, with a certificate of AWS Certificate Manager."""

from collections.abc import Mapping, Sequence

from aws_cdk import Stack
from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from infra.network import private_policy
from jitney.configuration.broker_settings import DomainSettings
from jitney.configuration.partitions import partition_in

SECURITY_POLICIES = {
    "1.2": "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
    "1.3": "SecurityPolicy_TLS13_1_3_2025_09",
}
"""The security policies, by their lowest version of TLS.

The first one accepts TLS 1.3, and TLS 1.2 with forward secrecy.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies-list.html
"""


_Secured = apigateway.CfnRestApi | apigateway.CfnDomainName | apigateway.CfnDomainNameV2


def require_tls(resource: _Secured, minimum: str) -> None:
    """Set the lowest TLS version of an API or a domain name. Without enhanced policies, an API has AWS's default.

    An enhanced policy needs an access mode. STRICT also requires that the TLS handshake and the request name the same
    host. https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html
    """
    if partition_in(Stack.of(resource).region).tls_policies:
        resource.security_policy, resource.endpoint_access_mode = SECURITY_POLICIES[minimum], "STRICT"
    elif not isinstance(resource, apigateway.CfnRestApi):
        resource.security_policy = "TLS_1_2"


class Domain(Construct):
    """The public domain name of `rest_api`. `outputs` say where its DNS record has to point."""

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
        )
        require_tls(name, settings.minimum_tls)
        stage = rest_api.deployment_stage
        mapping = apigateway.CfnBasePathMapping(
            self, "Mapping", domain_name=name.ref, rest_api_id=rest_api.rest_api_id, stage=stage.stage_name
        )
        mapping.node.add_dependency(stage)
        self.outputs: Mapping[str, str] = {
            "DomainTarget": name.attr_regional_domain_name,
            "DomainHostedZone": name.attr_regional_hosted_zone_id,
        }


class PrivateDomain(Construct):
    """The domain name of a private `rest_api`. Its DNS record has to point to one of the `vpc_endpoints`.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-private-custom-domains-cfn.html
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: DomainSettings,
        rest_api: apigateway.RestApi,
        vpc_endpoints: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        name = apigateway.CfnDomainNameV2(
            self,
            "Name",
            domain_name=settings.name,
            certificate_arn=settings.certificate_arn,
            endpoint_configuration=apigateway.CfnDomainNameV2.EndpointConfigurationProperty(types=["PRIVATE"]),
            policy=private_policy(vpc_endpoints),
        )
        require_tls(name, settings.minimum_tls)
        stage = rest_api.deployment_stage
        mapping = apigateway.CfnBasePathMappingV2(
            self,
            "Mapping",
            domain_name_arn=name.attr_domain_name_arn,
            rest_api_id=rest_api.rest_api_id,
            stage=stage.stage_name,
        )
        mapping.node.add_dependency(stage)
        for endpoint in vpc_endpoints:
            apigateway.CfnDomainNameAccessAssociation(
                self,
                endpoint,
                access_association_source=endpoint,
                access_association_source_type="VPCE",
                domain_name_arn=name.attr_domain_name_arn,
            )
