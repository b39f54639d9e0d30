"""The environment that directs a command's SDKs to the endpoint, without an AWS key."""

import os
from collections.abc import Mapping

from jitney.client.gateway.signature import PlaceholderKeys
from jitney.client.gateway.wire_parser import endpoint_variable
from jitney.client.processes.child import not_proxied, with_region, without_aws_credentials

SHARED_PATHS = ("bedrock-agent", "bedrock-agent-runtime")
"""Services whose requests are equal to another service's for some operations. Each has an endpoint of its own."""

# Files and variables that choose endpoints, keys, signatures or proxies. AWS's own list of variables:
# https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
_REMOVED = frozenset(
    {
        "AWS_SESSION_TOKEN",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_SIGV4A_SIGNING_REGION_SET",
        "AWS_AUTH_SCHEME_PREFERENCE",
    }
)
_ENDPOINTS = "AWS_ENDPOINT_URL"


def endpoint_environment(port: int, keys: PlaceholderKeys, region: str) -> dict[str, str]:
    """Return the variables that lead SDKs to the endpoint. `region` is the target's, or ""."""
    base = f"http://127.0.0.1:{port}"
    return {
        _ENDPOINTS: base,
        **{endpoint_variable(each): f"{base}/.service/{each}" for each in SHARED_PATHS},
        # SDKs put the account before the host of S3 Control. That works with localhost, but not with 127.0.0.1.
        f"{_ENDPOINTS}_S3_CONTROL": f"http://localhost:{port}",
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        **(dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), region) if region else {}),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_DISABLE_REQUEST_COMPRESSION": "true",
        "AWS_ENDPOINT_DISCOVERY_ENABLED": "false",
        # Without it, object_store of Rust refuses the endpoint: Polars, deltalake, Lance and obstore use this library.
        # https://docs.rs/object_store/latest/object_store/aws/struct.AmazonS3Builder.html#method.from_env
        "AWS_ALLOW_HTTP": "true",
    }


def gateway_environment(
    environment: Mapping[str, str], port: int, keys: PlaceholderKeys, region: str, grant_id: str
) -> dict[str, str]:
    """Return `environment` for a command that calls AWS through the endpoint.

    The result has no other key, profile or endpoint of AWS. A Region in `environment` is kept.
    """
    kept = {name: value for name, value in without_aws_credentials(environment).items() if not _redirects(name)}
    own = endpoint_environment(port, keys, "") | {"JITNEY_GRANT_ID": grant_id}
    return with_region(kept, region) | not_proxied(environment) | own


def redirecting_variables(environment: Mapping[str, str], variables: Mapping[str, str]) -> list[str]:
    """Return the names of shell variables in `environment` that would lead SDKs past the `variables` of an endpoint."""
    found = (name for name in environment if _redirects(name) and name not in variables)
    return sorted(name for name in found if name.isascii() and name.isidentifier())


def _redirects(name: str) -> bool:
    return name in _REMOVED or name.startswith(_ENDPOINTS)
