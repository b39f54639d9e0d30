"""The partitions of AWS, by their Regions. An ARN begins with its partition, and no resource is in two."""

from collections.abc import Mapping
from typing import NamedTuple


class Partition(NamedTuple):
    """A partition: its name in ARNs, and which features AWS has there.

    `domains` end the regional names of services, such as s3.REGION.amazonaws.com. The first is that of principals.
    `tls_policies` are API Gateway's enhanced security policies. `json_logs` is Lambda's log format JSON, and
    `loop_detection` its setting for functions that invoke themselves. `mail` is Amazon SES. `organization_stack_sets`
    are stack sets for organizational units.
    """

    name: str
    domains: tuple[str, ...] = ("amazonaws.com",)
    tls_policies: bool = True
    json_logs: bool = True
    loop_detection: bool = True
    mail: bool = True
    organization_stack_sets: bool = True

    def service_names(self, service: str, region: str) -> list[str]:
        """Return the names under which AWS may know a service of a Region: as a principal and in kms:ViaService."""
        return [f"{service}.{region}.{domain}" for domain in self.domains]


_COMMERCIAL = Partition("aws")
# https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/govcloud-abp.html
# https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/govcloud-lambda.html
_GOVCLOUD = Partition("aws-us-gov", tls_policies=False, json_logs=False)
# A principal in China can have either domain, depending on the service. AWS documents no value of kms:ViaService there.
# https://docs.amazonaws.cn/en_us/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-services
# https://docs.amazonaws.cn/en_us/aws/latest/userguide/lambda.html
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs.html
_CHINA = Partition(
    "aws-cn", ("amazonaws.com.cn", "amazonaws.com"), loop_detection=False, mail=False, organization_stack_sets=False
)
_BY_PREFIX: Mapping[str, Partition] = {"cn-": _CHINA, "us-gov-": _GOVCLOUD}

REGION = "[a-z]{2}(-gov)?-(central|north|north(east|west)|south|south(east|west)|east|west)-[0-9]"
"""The form of the Regions of these partitions. AWS's isolated partitions are not supported."""


def partition_in(region: str) -> Partition:
    """Return the partition of a Region."""
    return next((found for prefix, found in _BY_PREFIX.items() if region.startswith(prefix)), _COMMERCIAL)


def partition_of(region: str) -> str:
    """Return the name of a Region's partition: the second part of its ARNs."""
    return partition_in(region).name
