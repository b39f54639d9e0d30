"""The configuration of the checks, in each partition."""

from pathlib import Path

import pytest

from conformance.configuration import write_configuration
from jitney.configuration.load import load_configuration

SECOND = {"eu-west-1": "eu-central-1", "us-gov-west-1": "us-gov-east-1", "cn-north-1": "cn-northwest-1"}


@pytest.mark.parametrize("region", SECOND)
def test_ops_02_the_checks_can_be_deployed_in_each_partition(tmp_path: Path, region: str):
    path = write_configuration(
        tmp_path,
        account="111122223333",
        region=region,
        second_region=SECOND[region],
        issuer="https://keys.example.com",
        keys_url="https://keys.example.com/jwks",
    )
    loaded = load_configuration(path, {}, local=False)
    assert loaded.broker.region == region
