"""The forms in which parameters name resources, for `core.calls.transforms`."""

from collections.abc import Mapping

EXPECTED: Mapping[str, str] = {
    "queue_url": "https://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE",
    "copy_source": "BUCKET/KEY",
    "template_object": "https://BUCKET.s3.REGION.amazonaws.com/KEY, without escapes",
    "ec2_ids": "the id of an EC2 resource, such as i-0123456789abcdef0",
    "ec2_instance": "an instance's id (i-...)",
    "managed_instance": "a managed instance's id (mi-...)",
    "file_system": "a file system's id (fs-...)",
    "access_point": "an access point's id (fsap-...)",
    "function_name": "a function's name, ACCOUNT:function:NAME, or its ARN",
    "ssm_type": "a type of resource of Systems Manager, such as Parameter",
    "waf_place": "REGIONAL or CLOUDFRONT",
    "load_balancer_type": "application, network or gateway",
    "escaped": "letters, digits, dots, hyphens, plus signs and underscores",
}
"""The accepted forms of a parameter, for each transform that does not accept every name."""

EC2_TYPES: Mapping[str, str] = {
    "i": "instance",
    "vol": "volume",
    "snap": "snapshot",
    "ami": "image",
    "sg": "security-group",
    "subnet": "subnet",
    "vpc": "vpc",
    "eni": "network-interface",
    "igw": "internet-gateway",
    "nat": "natgateway",
    "rtb": "route-table",
    "acl": "network-acl",
    "eipalloc": "elastic-ip",
    "key": "key-pair",
    "lt": "launch-template",
    "pcx": "vpc-peering-connection",
    "vpce": "vpc-endpoint",
    "tgw": "transit-gateway",
}
"""The types of EC2 resources, by the prefix of their ids."""

SSM_TYPES: Mapping[str, str] = {
    "Association": "association",
    "Automation": "automation-execution",
    "Document": "document",
    "MaintenanceWindow": "maintenancewindow",
    "ManagedInstance": "managed-instance",
    "OpsItem": "opsitem",
    "OpsMetadata": "opsmetadata",
    "Parameter": "parameter",
    "PatchBaseline": "patchbaseline",
}
"""The types in ARNs of Systems Manager, by the value of ResourceType."""
