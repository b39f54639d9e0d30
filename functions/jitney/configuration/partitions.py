"""The partitions of AWS, by their Regions. An ARN begins with its partition, and no resource is in two."""

from collections.abc import Mapping

_PARTITIONS: Mapping[str, str] = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}

REGION = "[a-z]{2}(-gov)?-(central|north|north(east|west)|south|south(east|west)|east|west)-[0-9]"
"""The form of the Regions of these partitions. AWS's isolated partitions are not supported."""


def partition_of(region: str) -> str:
    """Return the partition of a Region: the second part of its ARNs."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")
